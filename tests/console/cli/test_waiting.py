"""At the command line: jobs that wait for a platform go on when somebody looks; what a resumed export heeds."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from adapters.sandbox.people import person
from console.cli import following
from console.jobs import pickup
from state.jobs import create_job, job_no
from state.model import JobKind, Operator
from state.moments import stamp, utc_now
from state.store import open_state
from tests.console.cli.desk import LISTED, SEED, Desk

EVA = Operator("eva", "desk")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were started; none really is."""
    found: list[str] = []

    def spawn(job_id: str, **named: Any) -> int:
        found.append(job_id)
        return 1

    monkeypatch.setattr(pickup, "spawn_job", spawn)
    monkeypatch.setattr(following, "TAKEN_SECONDS", 0.0)
    return found


@pytest.fixture
def waiting(desk: Desk, started: list[str]) -> str:
    """A job of another link of the account that waits for an import; nobody carries it."""
    assert desk.run("feedback", "members-news").code == 0
    with open_state(desk.state) as state:
        job_id = create_job(
            state,
            kind=JobKind.EXPORT,
            connection="verband",
            link="other",
            operator=EVA,
            now=utc_now(),
        )
        number = job_no(state, job_id)
        state.db.execute("UPDATE jobs SET state = 'waiting', started_at = created_at WHERE no = ?", (number,))
        state.db.execute(
            "INSERT INTO chunks (job_no, chunk, action, first, last, state, attempt, fence, intended_at, ticket, page)"
            " VALUES (?, 1, 'add', 0, 4, 'accepted', 1, 1, ?, '0f6c', 'https://app.example/report')",
            (number, stamp(utc_now())),
        )
    return job_id


@pytest.mark.parametrize("words", [("job", "show"), ("job", "follow")])
def test_looking_at_a_waiting_job_lets_it_go_on(
    desk: Desk, started: list[str], waiting: str, words: tuple[str, ...]
) -> None:
    answer = desk.run(*words, waiting[-8:])
    assert answer.code == 0, answer.err
    assert started == [waiting]
    assert "waited for the platform" in answer.err


def test_feedback_of_the_account_lets_it_go_on(desk: Desk, started: list[str], waiting: str) -> None:
    assert desk.run("feedback", "verband").code == 0
    assert started == [waiting]


def test_an_export_of_the_account_lets_it_go_on_and_is_refused_naming_it(
    desk: Desk, started: list[str], waiting: str
) -> None:
    refused = desk.run("export", "members-news", "--yes")
    assert refused.code == 6, refused.err
    assert started == [waiting]
    for told in ("[import-open]", "import 0f6c", "report page https://app.example/report", waiting[-8:]):
        assert told in refused.err
    (step,) = [line for line in refused.err.splitlines() if line.startswith("next:")]
    assert f"job resume {waiting[-8:]}" in step, "the job that holds the import, not the refused one"
    assert f"job unblock {waiting[-8:]}" in step
    assert desk.bodies() == []


def test_nobody_starts_anything_read_only(desk: Desk, started: list[str], waiting: str) -> None:
    assert desk.run("job", "show", waiting[-8:], "--read-only").code == 0
    assert started == []


def test_another_connections_looks_start_nothing(desk: Desk, started: list[str], waiting: str) -> None:
    desk.run("feedback", "abgelaufen")
    assert started == []


def test_a_resumed_export_heeds_that_an_empty_source_is_meant(desk: Desk) -> None:
    desk.environment["LISTWARDEN_CRASH_AT"] = "journal:1"
    crashed = desk.run("export", "members-news", "--yes", "--json").document
    del desk.environment["LISTWARDEN_CRASH_AT"]
    desk.write_members([])
    held = desk.run("export", "members-news", "--yes")
    assert (held.code, "[source-empty]" in held.err) == (5, True)
    again = desk.run("export", "members-news", "--yes", "--json", "--allow-empty-source", "members-news")
    assert again.document["job"] == crashed["job"]
    assert again.code == 0, again.err
    assert desk.bodies() == [], "whoever left the source meanwhile is not added"
    with sqlite3.connect(desk.state) as db:
        new = [person(SEED, i).email.lower() for i in range(LISTED, LISTED + 5)]
        marks = ",".join("?" * len(new))
        assert not db.execute(f"SELECT 1 FROM members WHERE address_key IN ({marks})", new).fetchall()
