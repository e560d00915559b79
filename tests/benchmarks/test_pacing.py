"""An account with sixty books, one of 120,000 contacts, and a job that keeps to its calls: what people wait for meanwhile."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from state.model import JobKind
from tests.benchmarks.conftest import Report
from tests.benchmarks.test_console import answered, p95, settle, terminal
from tests.integration.books import Books
from tests.integration.world import CONTACTS, LINK, SEED

LARGE = 120_000
CALLS, SECONDS = 50, 10
"""So many calls in so many seconds: fewer than the reading of the large book needs, so that it has to wait."""

BETWEEN = 6
"""Keys pressed between two looks of somebody who waits for the platform."""


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    """Two large books: one the state knows already, one that the job is to read."""
    options = SandboxOptions(contacts=CONTACTS, seed=SEED, ledger=tmp_path / "ledger.ndjson")
    with RunningSandbox(options) as sandbox:
        made = Books.begin(tmp_path / "books", sandbox)
        *_, known, other = made.control("seed-books", counts=[5] * 53 + [LARGE, LARGE])["lists"]
        made.put(700)
        made.save()
        made.link(LINK, list_id=known["id"])
        made.link("second", list_id=other["id"])
        made.preview(LINK)
        made.control("rate", scheme="tiered", limit=CALLS, per=SECONDS)
        made.mark()
        yield made


def test_people_beside_a_job_that_paces_itself(books: Books, report: Report) -> None:
    config = str(books.configure())
    places = ("--config", config, "--state", str(books.state_path))
    command = (sys.executable, "-m", "console.cli", *places)
    (first,) = books.sql("SELECT min(address_key) FROM members")[0]
    reads: list[float] = []
    keys: list[float] = []
    with terminal(*command, f"link:{LINK}/contacts") as child:
        child.expect(re.escape(str(first)[:18]))
        settle(child)
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "preview", "second", "--save"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as job:
            while job.poll() is None:
                keys += [answered(child, key) for key in ["\x1b[B", "\x1b[6~"] * (BETWEEN // 2)]
                if time.perf_counter() - began > (len(reads) + 1) * SECONDS:
                    asked = time.perf_counter()
                    end = books.run(JobKind.CHECK, connection="verband", interactive=True)
                    reads.append(time.perf_counter() - asked)
                    assert end.exit_code == 0, end
        taken = time.perf_counter() - began
    assert job.returncode == 0
    rows = books.ledger()
    assert {row["code"] for row in rows} == {200}, "never a call too many, by the platform's own count"
    assert len(rows) > 2 * CALLS
    assert reads, "the job was over before anybody looked"
    said = "\n".join(str(text) for (text,) in books.sql("SELECT text FROM job_log"))
    report(
        f"a job that reads {LARGE:,} contacts at {CALLS} calls in {SECONDS} s",
        f"{taken:.0f} s, {len(rows):,} calls, 0 refused, waited {said.count('going on at')} times",
        goal="0 refused",
    )
    report(
        "  somebody's check meanwhile",
        f"{max(reads) * 1000:.0f} ms at most (median {median(reads) * 1000:.0f} of {len(reads)})",
        goal="≤ 2 s",
    )
    report(
        "  a key of the console meanwhile",
        f"p95 {p95(keys) * 1000:.0f} ms (median {median(keys) * 1000:.0f} of {len(keys)})",
        goal="≤ 60 ms",
    )
