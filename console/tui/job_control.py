"""What a screen may do to jobs and plans beside starting a job: cancel, go on with, keep (each a short write in a thread).

Invariant: a refusal (ended, running elsewhere, state locked) is shown with its next step and changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from console.import_words import imports_of
from console.tui.launch import resume_job
from state.errors import StateError
from state.ids import short_id
from state.jobs import JobOver, JobRefused, JobRunning, get_job, judged, request_cancel
from state.model import Job, JobState, Operator
from state.moments import utc_now
from state.open_imports import OpenImport
from state.plans import save_plan
from state.store import State, open_state
from state.unblock import open_rows

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

T = TypeVar("T")


def stands_still(job: Job) -> bool:
    """Nobody carries the job now and it has not ended: it can be gone on with."""
    return job.state is JobState.STALLED or (job.state is JobState.WAITING and job.pid is None)


def refuse_cancel(job: Job | None) -> str | None:
    """Why a job cannot be cancelled; None when it can."""
    if job is None:
        return "there is no job here"
    if job.state.final:
        return f"the job has ended ({job.state.value})"
    return "somebody has asked it to stop already" if job.cancel_requested and not stands_still(job) else None


def refuse_resume(job: Job | None) -> str | None:
    """Why a job cannot be gone on with; None when it can."""
    if job is None:
        return "there is no job here"
    if job.state.final:
        return f"the job has ended ({job.state.value}); make a new preview"
    if not stands_still(job):
        return f"{job.operator} on {job.host} carries it" if job.pid else "its process is starting"
    return None


def refuse_unblock(job: Job | None, imports: Sequence[OpenImport] | None = None) -> str | None:
    """Why nothing of a job can be let go; None when something may (the dialog knows whether there is any).

    ``imports``: what the platform still works on for it, where that is known; it may outlive the job.
    """
    if job is None:
        return "there is no job here"
    if job.state.final and imports is not None and not imports:
        return f"the job has ended ({job.state.value}), and nothing of it is open"
    if not (job.state.final or stands_still(job) or job.state is JobState.WAITING):
        return "a process carries it: it reads back what got no answer by itself"
    return None if job.plan_id else f"a {job.kind.value} sends nothing"


async def let_go(app: ConsoleApp, job_id: str) -> None:
    """Show what of a job has no answer, and release it when its number is typed; audited (design law 4)."""
    from console.tui.job_words import unblock_dialog

    try:
        job, rows, imports = await app.ask(_in_doubt, job_id)
    except (JobRefused, StateError) as error:
        app.say(f"{error.text} {error.next}", error=True)
        return
    if not rows:
        app.say(f"No row of job {short_id(job_id)} waits for an answer.", warning=True)
        return
    if not await app.push_screen_wait(unblock_dialog(job, rows, imports)):
        return
    if not (job.state.final or stands_still(job)):
        app.say(f"Its process {job.pid} on {job.host} waits for the platform: it stops first.")
    ended = await _written(app, lambda: _unblock(app.state_path, job_id, app.operator))
    if ended is not None:
        app.say(f"{job.kind.value} {job.link or job.connection}: {ended.text}")


async def cancel_job(app: ConsoleApp, job_id: str) -> None:
    """Ask a job to stop, and say what that means."""
    job = await _written(app, lambda: _cancel(app.state_path, job_id, app.operator))
    if job is not None:
        ended = (
            "Cancelled: nobody was carrying it." if job.state.final else "It stops after the chunk under way."
        )
        app.say(f"{job.kind.value} {job.link or job.connection}: {ended}")


async def go_on_with(app: ConsoleApp, job_id: str) -> bool:
    """Start a process for a job that stands still; False when that was refused (the reason was shown)."""
    job = await _written(app, lambda: _resume(app.config, app.state_path, job_id))
    if job is not None:
        app.say(f"Going on with {job.kind.value} {job.link or job.connection} ({short_id(job_id)}).")
    return job is not None


async def keep_plan(app: ConsoleApp, plan_id: str) -> None:
    """Keep a plan for people."""

    def keep() -> bool:
        with open_state(app.state_path) as state:
            save_plan(state, plan_id)
        return True

    if await _written(app, keep):
        app.say(f"Kept: listwarden export LINK --plan {plan_id} sends exactly this plan.")


def _cancel(state_path: Path, job_id: str, operator: Operator) -> Job:
    from console.jobs.process import alive

    with open_state(state_path) as state:
        return request_cancel(state, job_id, operator, utc_now(), alive=alive)


def _in_doubt(state: State, job_id: str) -> tuple[Job, int, tuple[OpenImport, ...]]:
    job = get_job(state, job_id)
    return job, sum(chunk.rows for chunk in open_rows(state, job_id)), imports_of(state, job)


def _unblock(state_path: Path, job_id: str, operator: Operator) -> Job:
    import time

    from console.jobs.letting_go import let_go_of
    from console.jobs.process import alive

    with open_state(state_path) as state:
        return let_go_of(state, job_id, operator=operator, now=utc_now, alive=alive, sleep=time.sleep)


def _resume(config: Path, state_path: Path, job_id: str) -> Job:
    from console.jobs.process import alive

    with open_state(state_path, read_only=True) as state:
        job = judged(state, get_job(state, job_id), utc_now(), alive=alive)
    if job.state.final:
        raise JobOver(job)
    if not stands_still(job):
        raise JobRunning(job)
    resume_job(config, state_path, job)
    return job


async def _written(app: ConsoleApp, write: Callable[[], T]) -> T | None:
    if app.read_only:
        app.say(app.read_only, warning=True)
        return None
    try:
        return await asyncio.to_thread(write)
    except (JobRefused, StateError) as error:
        app.say(f"{error.text} {error.next}", error=True)
    except OSError as error:
        app.say(f"The job's process could not be started: {error.strerror}.", error=True)
    return None
