"""An account's calls a minute are kept by themselves, a tenth stays for people at a screen (requirement R36, F14).

Sixty books, one of them large. Minutes pass quickly: a wait moves both clocks and takes no time.
"""

from __future__ import annotations

import asyncio
import base64
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from console.jobs.ends import JobEnd
from console.jobs.run import Run
from state.connections import budget_of
from state.job_log import read_log
from state.model import JobKind, JobState
from tests.integration.books import Books
from tests.integration.child import impatient
from tests.integration.world import LINK

LARGE = 40_000
LIMIT = 40
RESERVE = LIMIT // 10
LONG = 2.5
"""Seconds from which on a wait is one for the account's next minute."""


@dataclass(slots=True)
class Watch:
    """What is looked at whenever the job waits for the next minute, before the clocks move."""

    looks: list[Callable[[], None]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    by_people: list[float] = field(default_factory=list)
    """Waits of work that somebody sits before."""


@pytest.fixture
def watch(books: Books, monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()

    async def moved_on(run: Run, stopped: asyncio.Event, seconds: float) -> None:
        if run.options.get("interactive"):
            watch.by_people.append(seconds)
        elif seconds >= LONG:
            watch.waits.append(seconds)
            looks, watch.looks = watch.looks, []
            for look in looks:
                await asyncio.to_thread(look)
        await impatient(run, stopped, min(seconds, 0.1))
        books.move_on(seconds)

    monkeypatch.setattr(Run, "_wait", moved_on)
    return watch


@pytest.fixture
def large(books: Books) -> Books:
    """Sixty books; the link leads to the large one; the account may make so many calls a minute."""
    made = books.control("seed-books", counts=[5] * 53 + [LARGE])["lists"]
    books.link(list_id=made[-1]["id"])
    books.put(700)
    books.save()
    a_minute_begins(books)
    books.control("rate", scheme="tiered", limit=LIMIT)
    books.mark()
    return books


def a_minute_begins(books: Books) -> None:
    """The platform counts by the minute of its clock: no minute shall end by itself while the test runs."""
    books.move_on(61 - time.time() % 60)


def left_now(books: Books) -> int:
    """Somebody else's call; how many the platform itself says are left in this minute after it (0: it does not say)."""
    key = books.sandbox.key("dotdigital")
    request = urllib.request.Request(
        f"{books.sandbox.url('dotdigital')}/server-time",
        headers={
            "Authorization": "Basic "
            + base64.b64encode(f"{key['user']}:{key['password']}".encode()).decode("ascii")
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        return int(answer.headers.get("X-RateLimit-Remaining", 0))


def said(books: Books, job_id: str) -> str:
    with books.state() as state:
        return "\n".join(line.text for line in read_log(state, job_id, limit=10_000))


def test_R36_a_job_paces_itself_leaves_a_tenth_and_lets_people_through(large: Books, watch: Watch) -> None:
    """Whoever sits before a screen is let through at once while the job waits: nothing they wait for is the next minute."""
    left: list[int] = []
    checked: list[JobEnd] = []
    watch.looks.append(lambda: left.append(left_now(large)))
    watch.looks.append(
        lambda: checked.append(large.run(JobKind.CHECK, connection="verband", interactive=True))
    )
    end = large.run(JobKind.PREVIEW, link=LINK, save=True)
    assert end.exit_code == 0, end
    rows = large.ledger()
    assert len(rows) > LIMIT, "more than a minute holds"
    assert {row["code"] for row in rows} == {200}, "never a call too many, by the platform's own count"
    assert len(watch.waits) >= len(rows) // LIMIT
    assert all(seconds <= 62 for seconds in watch.waits)
    assert left[0] + 1 >= RESERVE, "a tenth is there for people"
    log = said(large, end.job_id)
    assert f"calls for this minute are used up (limit {LIMIT}, {RESERVE} kept for people at a screen)" in log
    assert log.count("going on at") == len(watch.waits)
    with large.state() as state:
        budget = budget_of(state, "verband")
    assert budget is not None
    assert (budget.limit, budget.window_seconds) == (LIMIT, 60)
    assert large.plan(str(end.result["plan"])).counts["foreign"] == LARGE
    (check,) = checked
    assert (check.exit_code, check.state) == (0, JobState.DONE), check
    assert watch.by_people == [], "nothing made them wait"
    assert "used up" not in said(large, check.job_id)


def test_F14_another_processs_calls_count_too(books: Books, watch: Watch) -> None:
    """Somebody else spends the same minute: the platform's numbers are taken, not our own count."""
    books.put(700)
    books.save()
    a_minute_begins(books)
    books.control("rate", scheme="tiered", limit=16)
    books.mark()
    for _ in range(9):
        left_now(books)
    assert books.run(JobKind.PREVIEW, link=LINK, save=True).exit_code == 0
    assert {row["code"] for row in books.ledger()} == {200}
    assert len(watch.waits) >= 1


def test_calls_used_up_for_the_hour_stop_an_export_that_goes_on_later(books: Books) -> None:
    books.additions(3)
    job_id = books.new_export(books.preview())
    books.control("rate", scheme="flat", limit=40)
    for _ in range(20):
        left_now(books)
    stopped = books.carry(job_id)
    assert (stopped.exit_code, stopped.job.state) == (9, JobState.STALLED), stopped.log
    assert stopped.job.reason == "calls-used-up"
    assert "calls for this hour are used up" in stopped.job.text
    assert "In at most 1 hour: listwarden export members-news" in stopped.log
    assert books.posts() == []
    books.move_on(3_700)
    ended = books.carry(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3}), ended.log
    assert len(books.posts()) == 1
