"""Letting go of a job whose rows have no answer: the person's way out when neither vendor nor reading back helps.

Invariant: the rows in doubt become ``unknown``, never success and never sent again by this job; who released them
stands in the audit (design laws 3 and 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from state.audit import append_audit
from state.chunks import ANSWERED, Answer, open_chunks, put_outcomes
from state.ids import short_id
from state.jobs import JobOver, JobRefused, JobRunning, finish_job, get_job, job_no, judged
from state.liveness import Alive
from state.model import Action, Job, JobState, Operator, Outcome
from state.moments import moment, stamp
from state.outcomes import fold, outcome_counts
from state.plans import get_plan
from state.store import State

PARTLY_EXIT = 3
"""The exit code of a job with rows that are not known to be sent (design §6)."""


class NothingOpen(JobRefused):
    """No row of the job waits for an answer."""

    reason = "nothing-to-do"


@dataclass(slots=True, frozen=True)
class OpenChunk:
    """Rows that got no answer yet. ``ticket`` is the vendor's import, where it works on them, ``page`` shows it."""

    number: int
    action: Action
    rows: int
    since: datetime
    ticket: str
    polls: int
    page: str = ""


def open_rows(state: State, job_id: str) -> tuple[OpenChunk, ...]:
    """What of a job has no answer yet, with its age and how often the vendor was asked. Raises ``JobMissing``."""
    job = get_job(state, job_id)
    if not job.plan_id:
        return ()
    chunks = open_chunks(state, job_no(state, job.job_id), get_plan(state, job.plan_id))
    return tuple(
        OpenChunk(
            one.number, one.action, len(one.rows), moment(one.intended_at), one.ticket, one.polls, one.page
        )
        for one in chunks
    )


def unblock_job(state: State, job_id: str, *, operator: Operator, now: datetime, alive: Alive) -> Job:
    """End a job nobody carries, its rows in doubt as ``unknown``; returns the job as it then stands.

    A job that was ended while the vendor worked on an import of it stays as it ended; only its rows are let go.
    Raises ``JobMissing``, ``JobOver``, ``JobRunning``, ``NothingOpen``; nothing was changed then.
    """
    with state.write() as db:
        job = judged(state, get_job(state, job_id), now, alive=alive)
        over = job.state.final
        if over and not open_rows(state, job.job_id):
            raise JobOver(job)
        if (
            not over
            and job.state is not JobState.STALLED
            and not (job.state is JobState.WAITING and job.pid is None)
        ):
            raise JobRunning(job)
        number = job_no(state, job.job_id)
        plan = get_plan(state, job.plan_id) if job.plan_id else None
        chunks = open_chunks(state, number, plan) if plan is not None else []
        if plan is None or not chunks:
            raise NothingOpen(
                f"No row of job {short_id(job.job_id)} waits for an answer.",
                f"Resume it: listwarden job resume {short_id(job.job_id)}",
            )
        told = f"released by {operator.name}"
        rows = [row.n for chunk in chunks for row in chunk.rows]
        put_outcomes(state, number, [Answer(n, Outcome.UNKNOWN, "no-answer", raw=told) for n in rows], now)
        db.executemany(
            "UPDATE chunks SET state = ?, answered_at = ? WHERE job_no = ? AND chunk = ?",
            [(ANSWERED, stamp(now), number, chunk.number) for chunk in chunks],
        )
        # The status word of a removed member is the adapter's to know; the next listing brings it.
        fold(state, job.job_id, number, plan, job.link, operator=operator.name, removed_word=None, now=now)
        tickets = ", ".join(chunk.ticket for chunk in chunks if chunk.ticket)
        append_audit(
            state,
            job_id=job.job_id,
            operator=operator,
            what=f"unblocked: {len(rows)} rows without an answer released"
            + (f" ({tickets})" if tickets else ""),
            rows=len(rows),
            digest=plan.digest,
            now=now,
        )
        if over:
            return get_job(state, job.job_id)
        counts = {word: count for word, count in outcome_counts(state, number, plan).items() if count}
        return finish_job(
            state,
            job.job_id,
            state_=JobState.PARTLY,
            reason="released",
            text=f"{len(rows):,} rows without an answer were {told}; they stay unknown.",
            exit_code=PARTLY_EXIT,
            counts=counts,
            now=now,
        )
