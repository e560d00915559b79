"""Letting go of a job's rows in one step, also while its process waits for the platform: that is asked to stop first.

Invariant: nothing is released while a process may still send rows of the job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from state.jobs import JobOver, JobRunning, get_job, request_cancel
from state.liveness import Alive
from state.model import Job, JobState, Operator
from state.store import State
from state.unblock import unblock_job

STOPS_WITHIN_SECONDS = 60.0
"""A process that waits stops at once; one that is asking the platform just then first hears its answer."""

LOOK_SECONDS = 0.25


def let_go_of(
    state: State,
    job_id: str,
    *,
    operator: Operator,
    now: Callable[[], datetime],
    alive: Alive,
    sleep: Callable[[float], None],
    on_stopping: Callable[[Job], None] = lambda _: None,
) -> Job:
    """End a job whose rows are in doubt; returns it as it then stands.

    A process that waits for the platform is asked to stop, as by a cancel (``on_stopping`` is told); if the platform
    has ended meanwhile, the job has its answers and nothing is let go. Raises as ``unblock_job``: ``JobRunning`` for a
    job that is sending, or whose process has not stopped within a minute.
    """
    left, asked = STOPS_WITHIN_SECONDS, False
    while True:
        try:
            return unblock_job(state, job_id, operator=operator, now=now(), alive=alive)
        except JobOver as over:
            if not asked:
                raise
            return over.job
        except JobRunning as running:
            if left <= 0 or (running.job.state is not JobState.WAITING and not asked):
                raise
        if not asked:
            asked = True
            on_stopping(get_job(state, job_id))
            try:
                request_cancel(state, job_id, operator, now(), alive=alive)
            except JobOver:
                continue
        sleep(LOOK_SECONDS)
        left -= LOOK_SECONDS
