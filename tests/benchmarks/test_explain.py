"""Explain: one address among a million contacts and ten million rows of the journal."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from statistics import median

import pytest

from adapters.sandbox.people import person
from state.explain import explain
from state.store import open_state
from tests.benchmarks.conftest import Report
from tests.benchmarks.crowd import SEED, Crowd, first_preview

ASKED = 200


def test_explain(crowd: Crowd, tmp_path: Path, report: Report, request: pytest.FixtureRequest) -> None:
    rows = int(request.config.getoption("--journal"))
    path = tmp_path / "state.db"
    shutil.copy(crowd.base, path)
    with open_state(path) as state:
        first_preview(state, crowd)
        _fill_journal(state.db, crowd.contacts, rows)
        state.checkpoint(truncate=True)
    taken = []
    with open_state(path, read_only=True) as state:
        for turn in range(ASKED):
            i = crowd.shift + turn * 7_919 % (crowd.contacts - crowd.shift)
            email = person(SEED, i).email
            began = time.perf_counter()
            found = explain(state, email)
            taken.append(time.perf_counter() - began)
            assert found.known
            assert found.links
            assert len(found.timeline) in (rows // crowd.contacts, rows // crowd.contacts + 1)
    taken.sort()
    report(
        f"explain, {crowd.contacts:,} contacts, {rows:,} journal rows",
        f"{median(taken) * 1000:.2f} ms (the slowest of {ASKED}: {taken[-1] * 1000:.1f} ms)",
        goal="≤ 100 ms",
    )


def _fill_journal(db: object, contacts: int, rows: int) -> None:
    """Ten entries an address, in the order in which years of jobs write them: scattered over the table.

    The index is made afterwards, which is the only quick way to ten million rows.
    """
    execute = db.execute  # type: ignore[attr-defined]
    execute("BEGIN IMMEDIATE")
    (made,) = execute("SELECT sql FROM sqlite_schema WHERE name = 'journal_by_address'").fetchone()
    execute("DROP INDEX journal_by_address")
    turns, rest = divmod(rows, contacts)
    for turn in range(turns + (1 if rest else 0)):
        execute(
            "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail)"
            " SELECT ?1, address_key, list_no, 'members-news', 'poll:1', 'consent', consent, 'eva', 'subscribed'"
            " FROM members WHERE list_no = 1 LIMIT ?2",
            (f"2025-{turn % 12 + 1:02d}-01T00:00:00.000000Z", contacts if turn < turns else rest),
        )
    execute(made)
    execute("COMMIT")
