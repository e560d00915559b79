"""Following a job from the command line, and saying how it ended.

Invariant: leaving is not cancelling: whoever stops following is told how to follow again and how to cancel.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

from console.cli.failure import Failure, tell
from console.cli.output import document, narrate, say
from console.cli.session import Session
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from state.model import Job

TAKEN_SECONDS = 30.0


def follow_to_end(session: Session, job_id: str) -> Job | None:
    """Show a job on stderr until nobody carries it any more; None when the person stopped following."""
    from console.cli.progress import Progress
    from console.jobs.follow import follow
    from state.ids import short_id

    progress = Progress()
    told = ""
    try:
        job = follow(
            session.state_path,
            job_id,
            on_line=progress.line,
            on_progress=progress.show,
            stop=threading.Event(),
            ask_why=True,
        )
        told = job.text
        return job
    except KeyboardInterrupt:
        short = short_id(job_id)
        progress.close()
        narrate(f"The job {short} goes on without this terminal. [interrupted]")
        narrate(f"next: listwarden job follow {short}, or: listwarden job cancel {short}")
        return None
    finally:
        progress.close(told)


def wait_until_taken(session: Session, before: Job) -> None:
    """Wait until the process just started has claimed a job that stood still; else following would end at once.

    Gives up after some seconds: following then tells that nobody carries the job.
    """
    from state.jobs import get_job

    deadline = time.monotonic() + TAKEN_SECONDS
    with session.reading() as state:
        while time.monotonic() < deadline:
            job = get_job(state, before.job_id)
            if job.state.final or (job.pid, job.heartbeat_at) != (before.pid, before.heartbeat_at):
                return
            time.sleep(0.1)


def exit_code_of(job: Job) -> ExitCode:
    """The exit code of a job as it stands; one without an end failed, unless it waits for the vendor."""
    from state.model import JobState

    if job.exit_code is not None and job.state is not JobState.RUNNING:
        return ExitCode(job.exit_code)
    return ExitCode.DONE if job.state is JobState.WAITING else ExitCode.FAILED


def next_of(job: Job) -> str:
    """What a person can do about a job that did not succeed, with the job's own id in it."""
    from state.ids import short_id
    from state.model import JobState
    from state.reasons import REASONS

    short = short_id(job.job_id)
    known = REASONS.get(job.reason)
    if job.reason == "state-full" and job.state is JobState.STALLED:
        return f"Make room on the disk, then: listwarden job resume {short}"
    return re.sub(r"(listwarden job \w+) ID\b", rf"\1 {short}", known.next) if known is not None else ""


def _next_of_holder(session: Session, job: Job) -> str:
    """What to do about another job whose import or rows without an answer kept this one from sending."""
    from state.ids import short_id
    from state.jobs import get_job, job_no
    from state.open_imports import open_imports, rows_in_doubt
    from state.plans import get_plan

    if job.reason != "import-open" or exit_code_of(job) is not ExitCode.BUSY:
        return ""
    with session.reading() as state:
        number = job_no(state, job.job_id)
        holders = [one.job_id for one in open_imports(state, job.connection, but=number)]
        if not holders:
            list_id = get_plan(state, job.plan_id).list_id
            holders = [one.job_id for one in rows_in_doubt(state, job.connection, list_id, but=number)]
        if not holders:
            return f"It has ended meanwhile: listwarden export {job.link}"
        over = get_job(state, holders[0]).state.final
    short = short_id(holders[0])
    if over:  # it cannot go on, and what it left can only be let go of
        return f"Look at the list at the platform, then let go: listwarden job unblock {short}"
    return f"Ask again: listwarden job resume {short}; if it never ends: listwarden job unblock {short}"


def outcomes_of(job: Job) -> dict[str, int]:
    """Rows by outcome, every outcome named."""
    from state.model import Outcome

    return {outcome.value: job.counts.get(outcome.value, 0) for outcome in Outcome}


STALE_ROWS_SHOWN = 20


def _rows_that_differ(session: Session, job: Job) -> tuple[str, ...]:
    """The rows that made a plan stale, in full: the job's own texts have their addresses masked."""
    from state.job_log import get_file

    if job.reason != "plan-stale":
        return ()
    with session.reading() as state:
        kept = get_file(state, job.job_id, "stale-rows.txt") or b""
    rows = []
    for line in kept.decode().splitlines():
        address, now, planned = (*line.split("\t"), "", "")[:3]
        rows.append(f"{address}: now {now}; planned: {planned}")
    left = len(rows) - STALE_ROWS_SHOWN
    return (*rows[:STALE_ROWS_SHOWN], *((f"and {left:,} more",) if left > 0 else ()))


def tell_job_end(session: Session, job: Job) -> ExitCode:
    """Print the result of an export's job, on stdout for JSON and people, why on stderr."""
    from state.ids import short_id
    from state.reasons import REASONS

    code = exit_code_of(job)
    if session.json:
        document(
            {
                "job": job.job_id,
                "plan": job.plan_id,
                "state": job.state.value,
                "outcomes": outcomes_of(job),
                "reason": job.reason,
                "text": job.text,
            }
        )
    else:
        told = ", ".join(f"{rows:,} {word}" for word, rows in outcomes_of(job).items() if rows)
        say(f"Job {short_id(job.job_id)} {job.state.value}: {told or 'nothing was sent'}.")
    if code is not ExitCode.DONE:
        known = REASONS.get(job.reason)
        text = job.text or (known.help if known else f"The job stands {job.state.value}.")
        if code is ExitCode.STATE and known is not None and known.help not in text:
            text = f"{known.help} {text}"
        step = _next_of_holder(session, job) or next_of(job)
        tell(Failure(code, job.reason or "unknown", text, step, more=_rows_that_differ(session, job)))
        narrate(f"see: listwarden job outcomes {short_id(job.job_id)}")
    return code
