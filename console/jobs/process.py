"""Processes: which one this is, whether another one still lives, and starting one that outlives the terminal.

Invariant: ``alive`` says False only for what is proven: the process number is free, belongs to a process
started at another time, or the machine was started anew (design law 4).
"""

from __future__ import annotations

import functools
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from console.jobs.process_log import log_file, open_log
from state.liveness import ProcessMark

LISTWARDEN = (sys.executable, "-P", "-m", "console.cli")
"""The command line of this installation; -P: nothing is imported from the folder it happens to run in."""

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self/stat").exists()
_DEAD = frozenset("ZXx")
"""Process states of Linux for one that ended and was not collected yet."""


def this_process() -> ProcessMark:
    """The mark of the process that asks."""
    return _mark_of(os.getpid())


@functools.lru_cache(maxsize=4)  # by number, as a forked child is another process
def _mark_of(pid: int) -> ProcessMark:
    start = _start_of(pid)
    if start is None:
        raise RuntimeError(f"process {pid} cannot read its own start time")
    return ProcessMark(socket.gethostname(), pid, start, _boot(), _space())


def alive(mark: ProcessMark) -> bool | None:
    """Whether that very process lives; None where this cannot be proven from here."""
    if mark.host != socket.gethostname():
        return None
    if mark.boot != _boot():
        return False
    if mark.space != _space():
        return None  # another container under the same host name
    start = _start_of(mark.pid)
    if start is not None:
        return start == mark.start
    try:
        os.kill(mark.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None  # it is there, and hidden from this account
    return False if _start_of(mark.pid) is None else None  # ended, or came to be, between the two looks


def spawn_job(
    job_id: str,
    *,
    config: Path | None,
    state_path: Path,
    program: Sequence[str] = LISTWARDEN,
    environment: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> int:
    """Start the job's own process and return its number; the job is claimed by that process, not here.

    It has its own session, no terminal, and the root folder as its place, so neither a closed terminal nor an
    unmounted home ends it. ``without`` names environment variables that it must not see: secrets of other
    connections. What it prints goes to its log file (0600).
    """
    given = os.environ if environment is None else environment
    child = {name: value for name, value in given.items() if name not in without}
    place = ["--config", str(config.absolute())] if config is not None else []
    state_path = state_path.absolute()
    with open_log(log_file(state_path, job_id)) as log:
        process = subprocess.Popen(
            [*program, *place, "--state", str(state_path), "job", "run", job_id],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            close_fds=True,
            start_new_session=True,
            cwd="/",
            env=child,
        )
    # Collects the child when it ends before us; else it would stay as a zombie.
    threading.Thread(target=process.wait, name=f"collect {process.pid}", daemon=True).start()
    return process.pid


def _start_of(pid: int) -> str | None:
    """When a process was started, in the system's words; None when there is none (or only its remains)."""
    if _HAS_PROC:
        try:
            told = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return None
        fields = told[told.rindex(")") + 2 :].split()  # the name before it may hold blanks and brackets
        return None if fields[0] in _DEAD else fields[19]
    told = _said("ps", "-o", "stat=,lstart=", "-p", str(pid))
    state, _, start = told.partition(" ")
    return None if not told or state[:1] in _DEAD else re.sub(r"\s+", "_", start.strip())


@functools.cache
def _boot() -> str:
    if _HAS_PROC:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return re.sub(r"\s+", "_", _said("sysctl", "-n", "kern.boottime"))


def _space() -> str:
    """The process numbering this process lives in; empty where the system has one only."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path: a name such as pid:[4026531836]
    except OSError:
        return ""


def _said(*command: str) -> str:
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=10, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    return answer.stdout.strip()
