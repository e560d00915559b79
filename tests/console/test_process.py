"""Processes: their marks, the proof of their death, and a child that outlives its terminal (law 4, I16)."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.jobs.process import alive, spawn_job, this_process
from console.jobs.process_log import KEPT_FILES, log_file, open_log, tidy
from state.liveness import ProcessMark
from state.model import JobState
from tests.console.jobs_at_hand import PROGRAM, ROOT, environment, new_job, until

WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9)


@given(
    mark=st.builds(
        ProcessMark, WORD.map(lambda word: f"{word} {word}"), st.integers(1, 2**22), WORD, WORD, WORD
    )
)
def test_a_mark_is_read_back_from_its_text(mark: ProcessMark) -> None:
    assert ProcessMark.parse(str(mark)) == mark
    assert ProcessMark.parse(str(replace(mark, space=""))) == replace(mark, space="")


@pytest.mark.parametrize("text", ["", "x", "1 2 3 4", "pid start boot space host"])
def test_a_text_that_is_no_mark_names_nobody(text: str) -> None:
    assert ProcessMark.parse(text) is None


def test_this_process_lives() -> None:
    mark = this_process()
    assert mark.pid == os.getpid()
    assert ProcessMark.parse(str(mark)) == mark
    assert alive(mark) is True


def test_death_is_proven_by_number_start_time_and_boot() -> None:
    mark = this_process()
    assert alive(replace(mark, start="1")) is False, "the number was given to another process"
    assert alive(replace(mark, boot="an-earlier-start")) is False, "the machine was started anew"
    assert alive(replace(mark, pid=2**22 + 1)) is False, "there is no such process"


def test_of_other_hosts_and_containers_nothing_can_be_told() -> None:
    mark = this_process()
    assert alive(replace(mark, host="elsewhere", pid=2**22 + 1)) is None
    assert alive(replace(mark, space="pid:[1]", pid=2**22 + 1)) is None


def test_a_killed_process_is_dead_even_before_it_is_collected() -> None:
    told = "from console.jobs.process import this_process; print(this_process(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", told],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        mark = ProcessMark.parse(child.stdout.readline().strip())
        assert mark is not None
        assert alive(mark) is True
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still a zombie
        assert alive(mark) is False
    assert alive(mark) is False


def test_a_forked_child_has_a_mark_of_its_own() -> None:
    mark = this_process()
    told = (
        "import os; from console.jobs.process import this_process\n"
        "mark = this_process(); child = os.fork()\n"
        "if child == 0: os._exit(0 if this_process().pid == os.getpid() != mark.pid else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert subprocess.run([sys.executable, "-c", told], cwd=ROOT, check=False, timeout=60).returncode == 0
    assert mark.pid == os.getpid()


def test_a_spawned_job_runs_detached_with_what_it_may_know(tmp_path: Path) -> None:
    state_path = tmp_path / "home" / "state.db"
    job_id = new_job(state_path, do="wait")
    pid = spawn_job(
        job_id,
        config=tmp_path / "listwarden.toml",
        state_path=state_path,
        program=PROGRAM,
        environment=environment(OTHER_KEY="canary", OWN_KEY="needed"),
        without=["OTHER_KEY"],
    )
    job = until(state_path, job_id, lambda job: job.state is JobState.RUNNING and job.phase == "waiting")
    assert job.pid == pid
    place = Path("/proc") / str(pid)
    words = (place / "cmdline").read_bytes().decode().split("\0")
    assert words[-4:-1] == ["job", "run", job_id]
    assert words[words.index("--config") + 1] == str(tmp_path / "listwarden.toml")
    known = (place / "environ").read_bytes()
    assert b"OWN_KEY=needed" in known
    assert b"canary" not in known
    assert (place / "cwd").readlink() == Path("/")
    assert (place / "fd/0").readlink() == Path(os.devnull)
    assert os.getsid(pid) == pid, "it has a session of its own"
    log = log_file(state_path, job_id)
    assert (place / "fd/2").readlink() == log
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    os.kill(pid, signal.SIGTERM)
    job = until(state_path, job_id, lambda job: job.pid is None)
    assert (job.state, job.reason) == (JobState.STALLED, "interrupted")


@pytest.mark.terminal
def test_I20_a_job_survives_the_terminal_it_was_started_from(tmp_path: Path) -> None:
    """The console that launched it dies with its line; the job goes on and can be followed."""
    state_path = tmp_path / "state.db"
    job_id = new_job(state_path, do="wait")
    told = (
        "import sys; from pathlib import Path; from console.jobs.process import spawn_job\n"
        f"print('pid', spawn_job({job_id!r}, config=None, state_path=Path({str(state_path)!r}),"
        f" program={PROGRAM!r}), flush=True)\n"
        "input()"
    )
    console = pexpect.spawn(sys.executable, ["-c", told], cwd=str(ROOT), env=environment(), timeout=20)
    console.expect(r"pid (\d+)")
    assert console.match is not None
    pid = int(console.match[1])
    until(state_path, job_id, lambda job: job.phase == "waiting")
    console.close(force=True)  # as a lost line: the terminal is gone, its session gets SIGHUP
    assert not console.isalive()
    os.kill(pid, signal.SIGHUP)  # and whatever else sends one
    beat = until(state_path, job_id, lambda job: job.state is JobState.RUNNING)
    assert beat.pid == pid
    mark = Path("/proc") / str(pid) / "stat"
    assert mark.exists()
    os.kill(pid, signal.SIGTERM)
    until(state_path, job_id, lambda job: job.state is JobState.STALLED and job.reason == "interrupted")


def test_I16_a_log_is_private_whatever_the_umask_and_no_link_is_followed(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = log_file(tmp_path / "state.db", "01ABC")
        open_log(path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (path.parent / "job-01ABD.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        open_log(path.parent / "job-01ABD.log")
    assert not (tmp_path / "elsewhere").exists()


def test_a_typed_id_names_no_file_elsewhere(tmp_path: Path) -> None:
    assert log_file(tmp_path / "state.db", "../../x").parent == tmp_path / "logs"


def test_logs_that_say_nothing_go_and_the_oldest_make_room(tmp_path: Path) -> None:
    paths = [log_file(tmp_path / "state.db", f"J{number:04}") for number in range(KEPT_FILES + 3)]
    for path in paths:
        with open_log(path) as log:
            log.write(b"trouble\n")
    assert len(list(paths[0].parent.iterdir())) == KEPT_FILES
    assert not paths[0].exists()
    assert paths[-1].exists()
    tidy(paths[-1])
    assert paths[-1].exists(), "it has something to say"
    paths[-1].write_bytes(b"")
    tidy(paths[-1])
    assert not paths[-1].exists()
    tidy(paths[-1])
