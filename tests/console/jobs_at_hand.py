"""Starting jobs under test, and waiting for what they do."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from console.jobs.process import alive
from state.jobs import create_job, get_job, judged
from state.model import Job, JobKind, Operator
from state.moments import utc_now
from state.store import State, open_state

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-P", "-m", "tests.console.job_process")
DEADLINE_SECONDS = 20.0
EVA = Operator("eva", "desk")


def environment(**more: str) -> dict[str, str]:
    """For a job's process, which must find the tests."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def new_job(state_path: Path, kind: JobKind = JobKind.EXPORT, **options: object) -> str:
    """A queued job with the options ``tests.console.job_work`` understands."""
    with open_state(state_path) as state:
        return create_job(
            state,
            kind=kind,
            connection="verband",
            link="members-news",
            operator=EVA,
            options=options,
            now=utc_now(),
        )


@contextmanager
def process_of(state_path: Path, job_id: str, **more: str) -> Iterator[Popen[str]]:
    """A process that runs the job; it does not outlive the block."""
    command = [*PROGRAM, "--state", str(state_path), "job", "run", job_id]
    with Popen(
        command, env=environment(**more), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, text=True, cwd="/"
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def stands(state: State, job_id: str) -> Job:
    """The job as it really stands."""
    return judged(state, get_job(state, job_id), utc_now(), alive=alive)


def until(state_path: Path, job_id: str, wanted: Callable[[Job], bool]) -> Job:
    """Wait until the job stands as wanted; what it says of itself when it never does."""
    end = time.monotonic() + DEADLINE_SECONDS
    with open_state(state_path, read_only=True) as state:
        while True:
            job = stands(state, job_id)
            if wanted(job):
                return job
            if time.monotonic() > end:
                raise AssertionError(f"never stood as wanted: {job}")
            time.sleep(0.02)
