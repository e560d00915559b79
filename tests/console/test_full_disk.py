"""A disk that is full while an export runs: told as that, with exit code 10 and the job's own id (R50)."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.cli.following import follow_to_end, tell_job_end
from console.cli.session import Session
from console.exit_codes import ExitCode
from console.jobs.follow import follow
from state.ids import short_id
from state.jobs import get_job
from state.model import Job, JobState
from state.store import open_state, write_fault
from tests.console.jobs_at_hand import new_job, process_of, until


@contextmanager
def full_disk(state_path: Path) -> Iterator[None]:
    """No file of this process may get longer than some bytes: a write fails as on a disk that became full."""
    with open_state(state_path, read_only=True) as following:  # as a follower has, from before
        following.data_version()
        with no_file_may_grow():
            yield


@contextmanager
def no_file_may_grow() -> Iterator[None]:
    """Of this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, str]:
    """A state with a job whose process went without writing its end."""
    state_path = tmp_path / "state.db"
    job_id = new_job(state_path, do="wait")
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.phase == "waiting")
        process.send_signal(signal.SIGKILL)
        process.wait()
    return state_path, job_id


def followed(state_path: Path, job_id: str) -> Job:
    return follow(
        state_path,
        job_id,
        on_line=lambda _: None,
        on_progress=lambda _: None,
        stop=threading.Event(),
        ask_why=True,
    )


def test_a_job_whose_process_went_on_a_full_disk_says_so(killed: tuple[Path, str]) -> None:
    state_path, job_id = killed
    with full_disk(state_path):
        job = followed(state_path, job_id)
    assert (job.state, job.reason, job.exit_code) == (JobState.STALLED, "state-full", 10)
    assert job.text.startswith("The disk with the state file is full, so nothing more is sent.")


def test_with_room_on_the_disk_it_is_a_process_that_went(killed: tuple[Path, str]) -> None:
    state_path, job_id = killed
    job = followed(state_path, job_id)
    assert (job.state, job.reason, job.exit_code) == (JobState.STALLED, "stalled", None)
    with open_state(state_path, read_only=True) as state:
        assert get_job(state, job_id).state is JobState.RUNNING, "following changed nothing"


def test_the_command_ends_with_10_and_names_the_job(
    killed: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    state_path, job_id = killed
    session = Session(state=state_path)
    with full_disk(state_path):
        job = follow_to_end(session, job_id)
    assert job is not None
    assert tell_job_end(session, job) is ExitCode.STATE
    told = capsys.readouterr().err
    assert "nothing more is sent" in told
    assert "[state-full]" in told
    assert f"listwarden job resume {short_id(job_id)}" in told


def test_a_stalled_job_is_resumed_by_its_own_id(
    killed: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    state_path, job_id = killed
    session = Session(state=state_path)
    job = follow_to_end(session, job_id)
    assert job is not None
    assert tell_job_end(session, job) is ExitCode.FAILED
    assert f"next: Resume it: listwarden job resume {short_id(job_id)}.\n" in capsys.readouterr().err


def test_trying_to_write_leaves_nothing_behind(killed: tuple[Path, str]) -> None:
    state_path, _ = killed
    before = {path.name for path in state_path.parent.iterdir()}
    assert write_fault(state_path) is None
    with full_disk(state_path):
        fault = write_fault(state_path)
    assert fault is not None
    assert fault.reason == "state-full"
    after = {path.name for path in state_path.parent.iterdir()}
    assert after <= {*before, "state.db-wal", "state.db-shm"}
