"""Following a job: every line once, its progress, and its death (R43, F20)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.jobs.follow import Follower, follow, over
from console.jobs.process import this_process
from state.job_log import append_log, read_log
from state.jobs import JobMissing, claim_job, finish_job, get_job, set_waiting
from state.model import Job, JobState, Level, LogLine
from state.moments import utc_now
from state.store import State, open_state
from tests.console.jobs_at_hand import new_job, process_of, until


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


class Watcher:
    """Gathers what a follower is told."""

    def __init__(self, state_path: Path, job_id: str) -> None:
        self.lines: list[LogLine] = []
        self.jobs: list[Job] = []
        self.stop = threading.Event()
        self._place = state_path, job_id

    def watch(self) -> Job:
        path, job_id = self._place
        return follow(
            path,
            job_id,
            on_line=self.lines.append,
            on_progress=self.jobs.append,
            stop=self.stop,
        )


def test_F20_two_followers_see_the_same_every_line_once(state_path: Path) -> None:
    job_id = new_job(state_path, do="steps", steps=8, pause=0.1)
    watchers = [Watcher(state_path, job_id), Watcher(state_path, job_id[-8:])]
    ends: list[Job] = []
    threads = [threading.Thread(target=lambda one=one: ends.append(one.watch())) for one in watchers]
    for thread in threads:
        thread.start()
    with process_of(state_path, job_id) as process:
        assert process.wait(20) == 0
        for thread in threads:
            thread.join(20)
    assert [job.state for job in ends] == [JobState.DONE, JobState.DONE]
    with open_state(state_path, read_only=True) as state:
        told = read_log(state, job_id)
    assert watchers[0].lines == watchers[1].lines == told
    assert [line.text for line in told[1:-1]] == [f"step {number}" for number in range(1, 9)]
    for watcher in watchers:
        done = [job.done for job in watcher.jobs if job.phase == "stepping"]
        assert done == sorted(done)
        assert len(set(done)) > 2, "progress was seen while it went on"
        assert watcher.jobs[-1].state is JobState.DONE


def test_R43_a_follower_sees_that_the_process_was_killed(state_path: Path) -> None:
    job_id = new_job(state_path, do="wait")
    watcher = Watcher(state_path, job_id)
    ends: list[Job] = []
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.phase == "waiting")
        thread = threading.Thread(target=lambda: ends.append(watcher.watch()))
        thread.start()
        process.send_signal(signal.SIGKILL)
        process.wait()
        thread.join(20)
    assert [(job.state, job.reason) for job in ends] == [(JobState.STALLED, "stalled")]
    assert str(process.pid) in ends[0].text


def test_whoever_stops_following_leaves_the_job_alone(state_path: Path) -> None:
    job_id = new_job(state_path, do="wait")
    watcher = Watcher(state_path, job_id)
    ends: list[Job] = []
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.phase == "waiting")
        thread = threading.Thread(target=lambda: ends.append(watcher.watch()))
        thread.start()
        watcher.stop.set()
        thread.join(20)
        assert process.poll() is None
        assert ends[0].state is JobState.RUNNING


@pytest.fixture
def state(state_path: Path) -> Iterator[State]:
    with open_state(state_path) as opened:
        yield opened


def end_as(state: State, job_id: str, to: JobState) -> None:
    finish_job(state, job_id, state_=to, reason="", text="", exit_code=0, counts={}, now=utc_now())


def test_a_job_that_ended_before_is_told_whole(state: State) -> None:
    job_id = new_job(state.path)
    append_log(state, job_id, [(utc_now(), Level.INFO, f"{number}", "") for number in range(2500)])
    end_as(state, job_id, JobState.DONE)
    watcher = Watcher(state.path, job_id)
    assert watcher.watch() == get_job(state, job_id)
    assert [line.seq for line in watcher.lines] == list(range(1, 2501))


def test_a_job_that_stalled_is_over_until_somebody_resumes_it(state: State) -> None:
    job_id = new_job(state.path)
    end_as(state, job_id, JobState.STALLED)
    assert Watcher(state.path, job_id).watch().state is JobState.STALLED


def test_a_job_that_waits_for_the_vendor_is_over_only_without_a_process(state: State) -> None:
    job_id = new_job(state.path)
    claim_job(state, job_id, this_process(), utc_now(), alive=lambda _: True)
    set_waiting(state, job_id, "batch 17")
    assert not over(get_job(state, job_id))
    end_as(state, job_id, JobState.WAITING)
    assert over(get_job(state, job_id))


def test_a_silent_state_is_read_only_when_it_is_time_to_look(state: State) -> None:
    job_id = new_job(state.path)
    said: list[str] = []
    with open_state(state.path, read_only=True) as looking:
        follower = Follower(job_id)
        assert follower.poll(looking)[1] is not None
        looking.db.set_trace_callback(said.append)
        for _ in range(5):
            assert follower.poll(looking) == ([], None)
        assert {statement.split()[0] for statement in said} == {"PRAGMA"}
        append_log(state, job_id, [(utc_now(), Level.INFO, "news", "")])
        lines, job = follower.poll(looking)
        assert [line.text for line in lines] == ["news"]
        assert job is not None
        assert follower.poll(looking, 60)[1] is not None


def test_no_job_no_following(state: State) -> None:
    with pytest.raises(JobMissing):
        Watcher(state.path, "nothing").watch()
