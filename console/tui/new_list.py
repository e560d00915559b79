"""Creating a remote list from a form: the job is started beside the screen, and its end is waited for.

Invariant: a form that is left does not stop the job, and what the job said stands in its log.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from state.connections import list_rows
from state.jobs import get_job
from state.model import Job, JobKind, JobState
from state.reasons import REASONS
from state.store import State

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

LOOK_SECONDS = 0.3


@dataclass(slots=True, frozen=True)
class NewList:
    """How it ended: the id of the new list, or why there is none."""

    list_id: str = ""
    fault: str = ""


async def create_list(app: ConsoleApp, connection: str, name: str, *, public: bool) -> NewList:
    """Have a job create the list, and wait for it; raises ``StateError``."""
    options = {"name": name, "public": public}
    job_id = await app.launch(JobKind.CREATE_LIST, connection, options=options)
    if job_id is None:
        return NewList(fault="The job could not be started; the message below says why.")
    job = await job_end(app, job_id)
    if job.state is not JobState.DONE:
        known = REASONS.get(job.reason)
        return NewList(fault=f"{job.text} {known.next if known else ''}".strip())
    return NewList(await app.ask(_by_name, connection, name))


async def job_end(app: ConsoleApp, job_id: str) -> Job:
    """The job once it has ended, or once nobody carries it any more."""
    while True:
        job = await app.ask(_standing, job_id)
        if job.state.final or job.state is JobState.STALLED:
            return job
        await asyncio.sleep(LOOK_SECONDS)


def _standing(state: State, job_id: str) -> Job:
    from console.jobs.process import alive
    from state.jobs import judged
    from state.moments import utc_now

    return judged(state, get_job(state, job_id), utc_now(), alive=alive)


def _by_name(state: State, connection: str, name: str) -> str:
    wanted = name.strip().casefold()
    found = [
        row.list_id
        for row in list_rows(state, connection)
        if row.gone_at is None and row.name.strip().casefold() == wanted
    ]
    return found[0] if found else ""
