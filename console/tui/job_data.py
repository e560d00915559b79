"""What the screen of one job knows, read in one go; its log is read on from the last line seen."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime

from console.import_words import imports_of
from console.tui.widgets.status_line import Pace
from state.browse import Counted
from state.connections import budget_of
from state.errors import StateError
from state.job_log import count_log, count_requests, list_files, read_log, read_requests
from state.jobs import JobMissing, get_job, job_no, judged, progress_rate
from state.model import Budget, Job, LogLine, Plan, RequestLine
from state.moments import utc_now
from state.open_imports import OpenImport
from state.outcome_view import OutcomeGroup, in_doubt, outcome_groups
from state.plans import get_plan
from state.store import State

LOG_PAGE = 5_000

AGAIN_SECONDS = 2.0
SHARE = 50
"""Outcomes of a job that goes on are counted again after so long, and after so many times what counting took."""


@dataclass(slots=True, frozen=True)
class KeptFile:
    """A file kept with the job (R19)."""

    name: str
    size: int
    at: datetime


@dataclass(slots=True, frozen=True)
class JobData:
    """One reading. ``lines`` are those behind the last one seen; ``more`` says that there are others yet."""

    job: Job
    no: int
    pace: Pace
    plan: Plan | None
    groups: tuple[OutcomeGroup, ...]
    files: tuple[KeptFile, ...]
    requests: int
    lines: tuple[LogLine, ...]
    more: bool
    imports: tuple[OpenImport, ...] = ()
    budget: Budget | None = None
    due: float = 0.0
    """When the outcomes may be counted again, by the monotonic clock."""


def read_job(state: State, job_id: str, after: int, keep: int, known: JobData | None = None) -> JobData:
    """The job and what is new of its log; of an unseen log only the last ``keep`` lines. ``StateError`` job-missing.

    Outcomes by reason are counted over every row, so they are taken from ``known`` until some time went by.
    """
    from console.jobs.process import alive

    try:
        job = get_job(state, job_id)
    except JobMissing as error:
        raise StateError(error.reason, error.text, "J shows the jobs there are.") from error
    now = utc_now()
    job = judged(state, job, now, alive=alive)
    plan = _plan(state, job) if job.kind.value == "export" else None
    number = job_no(state, job.job_id)
    if after == 0:
        after = max(0, count_log(state, job.job_id) - keep)
    lines = read_log(state, job.job_id, after=after, limit=LOG_PAGE)
    groups, due = _groups(state, number, plan, job, known)
    if plan is not None and not job.state.final:
        job = replace(job, counts=_counts(groups))  # those in the job itself are of its last fold
    return JobData(
        job=job,
        no=number,
        pace=Pace(*progress_rate(job, now)),
        plan=plan,
        groups=groups,
        files=tuple(KeptFile(*found) for found in list_files(state, job.job_id)),
        requests=count_requests(state, job.job_id),
        lines=tuple(lines),
        more=len(lines) == LOG_PAGE,
        imports=imports_of(state, job),
        budget=budget_of(state, job.connection),
        due=due,
    )


def _groups(
    state: State, number: int, plan: Plan | None, job: Job, known: JobData | None
) -> tuple[tuple[OutcomeGroup, ...], float]:
    if plan is None:
        return (), 0.0
    began = time.monotonic()
    same = known is not None and known.plan is not None and known.job.state is job.state
    if known is not None and same and (job.state.final or began < known.due):
        return known.groups, known.due
    groups = outcome_groups(state, number, plan, doubts=in_doubt(job))
    ended = time.monotonic()
    return groups, ended + max(AGAIN_SECONDS, SHARE * (ended - began))


def _counts(groups: tuple[OutcomeGroup, ...]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for group in groups:
        counts[group.outcome.value] = counts.get(group.outcome.value, 0) + group.rows
    return counts


def _plan(state: State, job: Job) -> Plan | None:
    if not job.plan_id:
        return None
    try:
        return get_plan(state, job.plan_id)
    except StateError:
        return None  # it was dropped; the job's counts stand in the job itself


class RequestWindow:
    """The requests a job really sent, in order; numbered 1, 2, 3 … so a page anywhere is one range."""

    def __init__(self, job_id: str, requests: int) -> None:
        self._job_id = job_id
        self._requests = requests

    def count(self, state: State) -> Counted:
        """How many there are now."""
        self._requests = count_requests(state, self._job_id)
        return Counted(self._requests, True)

    def rows(self, state: State, first: int, n: int) -> list[RequestLine]:
        """Requests ``first .. first + n - 1``."""
        return read_requests(state, self._job_id, after=first, limit=n)
