"""Carrying jobs in processes of their own: claims, kills, signals, ends (law 3, law 4, I3, I20, R38, R43, R46)."""

from __future__ import annotations

import inspect
import os
import re
import signal
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path

import pytest

from console.exit_codes import ExitCode
from console.jobs.ends import STARTED_ANEW, JobInterrupted, end_of
from console.jobs.process import alive
from console.jobs.process_log import log_file
from console.jobs.runner import WORK as REGISTERED
from console.jobs.runner import _Deadline, run_job
from state.audit import read_audit, verify_audit
from state.job_log import count_requests, read_log, read_requests
from state.jobs import get_job, request_cancel
from state.leases import current_lease
from state.model import JobKind, JobState
from state.moments import utc_now
from state.slots import slot_holders
from state.store import open_state
from tests.console.job_work import ACCOUNT, CANARY, WORK
from tests.console.jobs_at_hand import EVA, ROOT, new_job, process_of, stands, until


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


def steps_of(state_path: Path) -> list[int]:
    with open_state(state_path, read_only=True) as state:
        assert verify_audit(state) == []
        return [row.rows for row in read_audit(state)]


def log_of(state_path: Path, job_id: str) -> list[str]:
    with open_state(state_path, read_only=True) as state:
        return [line.text for line in read_log(state, job_id)]


@pytest.mark.parametrize("kind", sorted(REGISTERED))
def test_the_work_of_every_registered_kind_is_there(kind: JobKind) -> None:
    module, _, name = REGISTERED[kind].partition(":")
    assert inspect.iscoroutinefunction(getattr(import_module(module), name))


def test_a_job_runs_to_its_end_in_its_own_process(state_path: Path) -> None:
    job_id = new_job(state_path, do="steps", steps=4, lease=True)
    with process_of(state_path, job_id[-8:]) as process:
        assert process.wait(20) == 0
        assert process.communicate() == ("", "")
    with open_state(state_path) as state:
        job = get_job(state, job_id)
        assert (job.state, job.exit_code, job.counts) == (JobState.DONE, 0, {"sent": 4})
        assert (job.phase, job.done, job.total, job.unit) == ("stepping", 4, 4, "steps")
        assert current_lease(state, ACCOUNT) is None
    assert steps_of(state_path) == [1, 2, 3, 4]
    told = log_of(state_path, job_id)
    assert re.fullmatch(r"Started by \w+ on \S+, process \d+, listwarden [\d.]+\.", told[0])
    assert told[1:-1] == ["step 1", "step 2", "step 3", "step 4"]
    assert not log_file(state_path, job_id).exists(), "its process had nothing to complain of"


def test_of_two_processes_that_claim_one_job_one_is_refused_and_told_who_carries_it(state_path: Path) -> None:
    job_id = new_job(state_path, do="wait")
    with process_of(state_path, job_id) as one, process_of(state_path, job_id) as two:
        job = until(state_path, job_id, lambda job: job.phase == "waiting")
        carrier, refused = (one, two) if one.pid == job.pid else (two, one)
        assert refused.wait(20) == ExitCode.BUSY
        assert refused.stderr is not None
        told = refused.stderr.read()
        for word in ("eva", job.host, str(carrier.pid), "since", "listwarden job follow"):
            assert word in told
        assert carrier.poll() is None
        assert until(state_path, job_id, lambda _: True).pid == carrier.pid


def test_R38_R43_a_killed_job_shows_as_stalled_and_is_taken_up_where_it_was(state_path: Path) -> None:
    job_id = new_job(state_path, do="steps", steps=6, pause=0.1, lease=True)
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.done >= 2)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
        done = len(steps_of(state_path))
        assert 2 <= done < 6
        job = until(state_path, job_id, lambda job: job.state is JobState.STALLED)
        assert str(process.pid) in job.text
    with open_state(state_path, read_only=True) as state:
        assert get_job(state, job_id).state is JobState.RUNNING, (
            "stalled is what is seen, not what is written"
        )
        lease = current_lease(state, ACCOUNT)
        assert lease is not None
        assert lease.fence == 1
    with process_of(state_path, job_id) as process:
        assert process.wait(20) == 0
    assert steps_of(state_path) == [1, 2, 3, 4, 5, 6]
    assert any(line.startswith("Resumed by ") for line in log_of(state_path, job_id))


@pytest.mark.parametrize("number", [1, 2, 5])
def test_I03_the_hook_kills_at_the_very_step(state_path: Path, number: int) -> None:
    job_id = new_job(state_path, do="steps", steps=5)
    with process_of(state_path, job_id, LISTWARDEN_CRASH_AT=f"journal:{number}") as process:
        assert process.wait(20) == -signal.SIGKILL
    assert steps_of(state_path) == list(range(1, number + 1))
    with process_of(state_path, job_id) as process:
        assert process.wait(20) == 0
    assert steps_of(state_path) == [1, 2, 3, 4, 5]


def test_I03_the_hook_kills_before_the_request_leaves_and_its_places_are_free_again(state_path: Path) -> None:
    job_id = new_job(state_path, do="requests", count=4, pause=0.4)
    with process_of(state_path, job_id, LISTWARDEN_CRASH_AT="request:3") as process:
        assert process.wait(20) == -signal.SIGKILL
    with open_state(state_path, read_only=True) as state:
        assert count_requests(state, job_id) in (1, 2), "the third never left"
        assert slot_holders(state, ACCOUNT), "the dead process held places"
    with process_of(state_path, job_id) as process:
        assert process.wait(20) == 0
    with open_state(state_path, read_only=True) as state:
        assert slot_holders(state, ACCOUNT) == []


@pytest.mark.parametrize("value", ["journal", "journal:0", "journal:x", "chunk:1", "request:-1"])
def test_a_hook_that_names_no_step_starts_nothing(
    state_path: Path, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LISTWARDEN_CRASH_AT", value)
    job_id = new_job(state_path)
    before = signal.getsignal(signal.SIGHUP)
    try:
        assert run_job(job_id, config=None, state_path=state_path, work=WORK) == ExitCode.USAGE
    finally:
        signal.signal(signal.SIGHUP, before)
    assert "LISTWARDEN_CRASH_AT" in capsys.readouterr().err
    assert until(state_path, job_id, lambda _: True).state is JobState.QUEUED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_I20_a_signal_ends_an_export_gracefully_and_it_can_be_resumed(state_path: Path, number: int) -> None:
    job_id = new_job(state_path, do="steps", steps=8, pause=0.1, lease=True)
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.done >= 1)
        process.send_signal(number)
        assert process.wait(10) == ExitCode.INTERRUPTED
    with open_state(state_path, read_only=True) as state:
        job = get_job(state, job_id)
        assert (job.state, job.reason, job.exit_code, job.ended_at) == (
            JobState.STALLED,
            "interrupted",
            130,
            None,
        )
        assert current_lease(state, ACCOUNT) is None
    assert 1 <= len(steps_of(state_path)) < 8
    with process_of(state_path, job_id) as process:
        assert process.wait(20) == 0
    assert steps_of(state_path) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_I20_an_interrupted_look_is_over(state_path: Path) -> None:
    job_id = new_job(state_path, JobKind.PREVIEW, do="wait")
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.phase == "waiting")
        process.terminate()
        assert process.wait(10) == ExitCode.INTERRUPTED
    job = until(state_path, job_id, lambda _: True)
    assert (job.state, job.reason) == (JobState.CANCELLED, "interrupted")


def test_I20_an_interrupted_look_is_not_called_resumable() -> None:
    for kind in JobKind:
        end = end_of(JobInterrupted("told"), kind)
        assert end is not None
        assert ("anew" in end.next) is (kind in STARTED_ANEW)
        assert "resume" not in end.next


DEADLINES = """
import signal, sys, threading, time
from console.jobs import runner
runner.HARD_EXIT_SECONDS = 0.2
deadline = runner._Deadline()
def strike(number, frame):
    deadline.begin()
    if number == signal.SIGTERM:
        signal.raise_signal(signal.SIGINT)
    deadline.begin()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, strike)
with threading._active_limbo_lock:  # as if a thread were being started
    signal.raise_signal(signal.SIGTERM)
    time.sleep(20)
"""


def test_I20_the_deadline_holds_wherever_two_signals_strike() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", DEADLINES], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (answer.returncode, answer.stderr) == (ExitCode.INTERRUPTED, "")


def test_I20_a_lifted_deadline_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("console.jobs.runner.os._exit", ended.append)
    for begun in (True, False):
        deadline = _Deadline()
        if begun:
            deadline.begin()
        deadline.lift()
    for thread in threading.enumerate():
        if thread.name == "deadline":
            thread.join(5)
            assert not thread.is_alive()
    assert ended == []


def test_I20_after_a_signal_the_requests_stop_and_those_sent_are_told(state_path: Path) -> None:
    job_id = new_job(state_path, do="requests", count=2000, pause=0.05)
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.done >= 2)
        process.terminate()
        assert process.wait(10) == ExitCode.INTERRUPTED
    with open_state(state_path, read_only=True) as state:
        told = read_requests(state, job_id, limit=3000)
        assert [line.note for line in told] == [f"request {number}" for number in range(len(told))]
        assert get_job(state, job_id).done == len(told) >= 2
        assert slot_holders(state, ACCOUNT) == []


def test_I20_a_request_without_an_answer_is_given_up(state_path: Path) -> None:
    job_id = new_job(state_path, do="hang", lease=True)
    with process_of(state_path, job_id, TEST_GIVE_UP_SECONDS="0.3") as process:
        until(state_path, job_id, lambda job: job.phase == "hanging")
        process.terminate()
        assert process.wait(10) == ExitCode.INTERRUPTED
    job = until(state_path, job_id, lambda _: True)
    assert (job.state, job.reason) == (JobState.STALLED, "interrupted")
    with open_state(state_path, read_only=True) as state:
        assert current_lease(state, ACCOUNT) is None


def test_I20_whatever_holds_the_process_up_it_is_gone_in_time(state_path: Path) -> None:
    job_id = new_job(state_path, do="block")
    with process_of(state_path, job_id, TEST_HARD_EXIT_SECONDS="0.3") as process:
        until(state_path, job_id, lambda job: job.phase == "blocking")
        process.terminate()
        assert process.wait(10) == ExitCode.INTERRUPTED
    assert until(state_path, job_id, lambda job: job.state is JobState.STALLED).reason == "stalled"


def test_I20_a_hang_up_changes_nothing(state_path: Path) -> None:
    job_id = new_job(state_path, do="steps", steps=5, pause=0.1)
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.done >= 1)
        process.send_signal(signal.SIGHUP)
        assert process.wait(20) == 0
    assert steps_of(state_path) == [1, 2, 3, 4, 5]


def test_a_cancelled_job_stops_between_two_steps(state_path: Path) -> None:
    job_id = new_job(state_path, do="steps", steps=50, pause=0.1, lease=True)
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.done >= 1)
        with open_state(state_path) as state:
            asked = request_cancel(state, job_id, EVA, utc_now(), alive=alive)
            assert asked.state is JobState.RUNNING
        assert process.wait(20) == ExitCode.INTERRUPTED
    job = until(state_path, job_id, lambda _: True)
    assert (job.state, job.reason, job.exit_code) == (JobState.CANCELLED, "cancelled", 130)
    assert "eva" in job.text
    assert 1 <= len(steps_of(state_path)) < 50


def test_R46_a_second_export_to_the_account_is_refused_and_told_who_holds_it(state_path: Path) -> None:
    first, second = new_job(state_path, do="wait", lease=True), new_job(state_path, do="steps", lease=True)
    with process_of(state_path, first) as holder:
        until(state_path, first, lambda job: job.phase == "waiting")
        with process_of(state_path, second) as process:
            assert process.wait(20) == ExitCode.BUSY
        job = until(state_path, second, lambda _: True)
        assert (job.state, job.reason) == (JobState.FAILED, "account-busy")
        for word in (str(holder.pid), job.host, "since", first[-8:]):
            assert word in job.text
        assert steps_of(state_path) == []


def test_R46_a_resumed_export_that_is_refused_can_be_resumed_later(state_path: Path) -> None:
    old, new = new_job(state_path, do="steps", lease=True), new_job(state_path, do="wait", lease=True)
    with process_of(state_path, old, LISTWARDEN_CRASH_AT="journal:1") as process:
        assert process.wait(20) == -signal.SIGKILL
    with process_of(state_path, new) as holder:
        until(state_path, new, lambda job: job.phase == "waiting")
        with process_of(state_path, old) as process:
            assert process.wait(20) == ExitCode.BUSY
        job = until(state_path, old, lambda _: True)
        assert (job.state, job.reason) == (JobState.STALLED, "account-busy")
        holder.kill()
        holder.wait()
    with process_of(state_path, old) as process:
        assert process.wait(20) == 0
    assert steps_of(state_path) == [1, 2, 3]


def test_I07_R50_a_fault_nobody_foresaw_is_told_without_a_traceback_and_without_secrets(
    state_path: Path,
) -> None:
    job_id = new_job(state_path, do="fail")
    with process_of(state_path, job_id) as process:
        out, err = process.communicate(timeout=20)
        assert process.returncode == ExitCode.FAILED
    assert (out, err) == ("", "")
    job = until(state_path, job_id, lambda _: True)
    assert (job.state, job.reason) == (JobState.FAILED, "unknown")
    log = log_file(state_path, job_id)
    told = log.read_text(encoding="utf-8")
    assert "Traceback" in told
    assert "KeyError" in told
    everything = told.encode() + b"".join(path.read_bytes() for path in state_path.parent.glob("state.db*"))
    assert b"KeyError" in everything
    for hidden in (CANARY, "eva@example.org"):
        assert hidden.encode() not in everything


def test_a_job_that_is_not_there_or_over_is_told_in_a_sentence(state_path: Path) -> None:
    job_id = new_job(state_path, do="steps", steps=0)
    with process_of(state_path, job_id) as process:
        assert process.communicate(timeout=20) == ("", "")
    with process_of(state_path, job_id) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == ExitCode.USAGE
    assert "has ended (done)" in err
    assert "Traceback" not in err
    with process_of(state_path, "nothing") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == ExitCode.USAGE
    assert "no job nothing" in err


def test_a_state_that_cannot_be_used_is_exit_10(tmp_path: Path) -> None:
    damaged = tmp_path / "state.db"
    damaged.write_bytes(b"no database at all" * 400)
    with process_of(damaged, "01ABCDEF") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == ExitCode.STATE
    assert "damaged" in err
    assert "Traceback" not in err
    assert damaged.read_bytes() == b"no database at all" * 400


def test_a_process_whose_number_was_given_to_another_counts_as_dead(state_path: Path) -> None:
    job_id = new_job(state_path, do="wait")
    with process_of(state_path, job_id) as process:
        until(state_path, job_id, lambda job: job.phase == "waiting")
        process.kill()
        process.wait()
    with open_state(state_path) as state:
        with state.write() as db:  # the number now belongs to this very process
            db.execute(
                "UPDATE jobs SET pid = ?1, process = ?1 || substr(process, instr(process, ' '))",
                (os.getpid(),),
            )
        assert stands(state, job_id).state is JobState.STALLED
