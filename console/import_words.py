"""Open imports and call budgets in words, the same on screens and on the command line; and as JSON.

Invariant: every number has its unit; an import is always told with its id, age, how often it was asked after, its
report page, and its job (design law 4).
"""

from __future__ import annotations

from datetime import datetime

from console.wording import counted, duration, printable
from state.model import Budget, Job
from state.moments import utc_now
from state.open_imports import OpenImport, import_words, left_open_words, open_imports
from state.store import State

_WINDOWS = {60: "this minute", 3_600: "this hour", 86_400: "today"}


def import_line(one: OpenImport, now: datetime | None = None) -> str:
    """``import 0f6c1a3e, 63 s old, 7 polls, report page https://… (1,204 rows of job 4K7Q2M1X, link news)``"""
    return left_open_words(one, now or utc_now())


def own_import_line(one: OpenImport, now: datetime | None = None) -> str:
    """The same where its job is known: ``import 0f6c1a3e: 1,204 rows, 63 s old, 7 polls, report page https://…``"""
    age_seconds = ((now or utc_now()) - one.since).total_seconds()
    rows = counted(one.rows, "row")
    return import_words(one.ticket, said=rows, age_seconds=age_seconds, polls=one.polls, page=one.page)


def import_json(one: OpenImport, now: datetime | None = None) -> dict[str, object]:
    """What ``job show --json`` says of an import."""
    return {
        "import": one.ticket,
        "age_seconds": max(0, int(((now or utc_now()) - one.since).total_seconds())),
        "polls": one.polls,
        "rows": one.rows,
        "page": one.page or None,
    }


def imports_of(state: State, job: Job) -> tuple[OpenImport, ...]:
    """What the platform still works on for one job, oldest first; also for one that a person ended meanwhile."""
    return tuple(one for one in open_imports(state, job.connection) if one.job_id == job.job_id)


def budget_line(budget: Budget, now: datetime | None = None) -> str:
    """``calls left 1,988 of 2,000 this hour`` or ``calls left 112 of 120 this minute, resets 08:15:00 UTC``.

    A window that has ended since says so: what is left now is known by the next answer.
    """
    window = _WINDOWS.get(budget.window_seconds, f"in {duration(budget.window_seconds)}")
    scope = f" ({printable(budget.scope)})" if budget.scope else ""
    told = f"calls left {budget.remaining:,} of {budget.limit:,} {window}{scope}"
    if budget.resets_at is not None:
        if budget.resets_at <= (now or utc_now()):
            return f"{told}, full again since {budget.resets_at:%H:%M:%S} UTC"
        told += f", resets {budget.resets_at:%H:%M:%S} UTC"
    return told


def budget_json(budget: Budget) -> dict[str, object]:
    """What ``check --json`` and ``connections --json`` say of the budget."""
    return {
        "limit": budget.limit,
        "remaining": budget.remaining,
        "window_seconds": budget.window_seconds,
        "resets_at": budget.resets_at.isoformat() if budget.resets_at else None,
        "seen_at": budget.seen_at.isoformat(),
        "scope": budget.scope or None,
    }
