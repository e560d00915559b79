"""Following a job from outside: its new lines and its progress, until it ends or nobody carries it any more.

Invariant: following reads and changes nothing, and any number of followers see the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from console.exit_codes import ExitCode
from console.jobs.process import alive
from state.job_log import read_log
from state.jobs import get_job, judged
from state.model import Job, JobState, LogLine
from state.moments import utc_now
from state.outcome_view import with_counts
from state.reasons import REASONS
from state.store import State, open_state, write_fault

POLL_SECONDS = 0.2
JUDGE_SECONDS = 2.0
"""How often the process itself is looked at while the state is silent."""

PAGE = 1000


class Follower:
    """What one follower has seen so far; belongs to the thread of its state."""

    def __init__(self, job_id: str, *, after: int = 0, now: Callable[[], datetime] = utc_now) -> None:
        self._job_id = job_id
        self._seen = after
        self._now = now
        self._version: int | None = None
        self._silent = 0.0

    def poll(self, state: State, seconds: float = POLL_SECONDS) -> tuple[list[LogLine], Job | None]:
        """New lines, and the job as it stands (None: nothing was written since, and it is not time to look).

        ``seconds`` is how long ago the last poll was.
        """
        version = state.data_version()
        self._silent += seconds
        if version == self._version and self._silent < JUDGE_SECONDS:
            return [], None
        self._version, self._silent = version, 0.0
        job = judged(state, get_job(state, self._job_id), self._now(), alive=alive)
        # Read after the job: when it is final, its last lines were written with or before that.
        lines: list[LogLine] = []
        while page := read_log(state, self._job_id, after=self._seen, limit=PAGE):
            lines += page
            self._seen = page[-1].seq
        return lines, job


def over(job: Job) -> bool:
    """Nobody is carrying the job any further: it ended, stalled, or waits for the vendor without a process."""
    return (
        job.state.final
        or job.state is JobState.STALLED
        or (job.state is JobState.WAITING and job.pid is None)
    )


def follow(
    state_path: Path,
    job_id: str,
    *,
    on_line: Callable[[LogLine], None],
    on_progress: Callable[[Job], None],
    stop: threading.Event,
    now: Callable[[], datetime] = utc_now,
    ask_why: bool = False,
) -> Job:
    """Hand over every line and each change of progress until the job is over or ``stop`` is set.

    Returns the job as it then stands, with its rows counted, and ``stalled`` where its process is gone (R43).
    ``ask_why`` is for whoever may write: for such a job it is tried whether the state can be written at all, and
    if not, that is its reason, with exit code 10. Raises ``JobMissing`` and ``StateError``. Runs in the calling thread, and sleeps between looks.
    """
    with open_state(state_path, read_only=True) as state:
        last = judged(state, get_job(state, job_id), now(), alive=alive)
        follower = Follower(last.job_id, now=now)
        while True:
            lines, job = follower.poll(state)
            for line in lines:
                on_line(line)
            if job is not None:
                if job != last:
                    on_progress(job)
                last = job
                if over(job):
                    job = with_counts(state, job)
                    return _explained(state_path, job) if ask_why else job
            if stop.wait(POLL_SECONDS):
                return last


def _explained(state_path: Path, job: Job) -> Job:
    """A process on a full disk cannot write its end; what kept it from that is found out here."""
    if job.state is not JobState.STALLED or job.reason != "stalled":
        return job  # it wrote its end
    fault = write_fault(state_path)
    if fault is None:
        return job
    known = REASONS.get(fault.reason)
    text = " ".join(part for part in (known.help if known else "", fault.text, job.text) if part)
    return replace(job, reason=fault.reason, text=text, exit_code=int(ExitCode.STATE))
