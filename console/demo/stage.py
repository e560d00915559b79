"""Sets the demo up, then hands over to the console or to the headless walk, and clears up whatever happens.

Invariant: the sandbox ends with the demo, and no job of the demo outlives it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.cli.output import is_terminal, narrate, redraw
from console.demo.club import Club
from console.demo.history import make_history
from console.demo.home import DemoHome, demo_home
from console.demo.parts import Stage
from state.model import Operator

LEAVE_SECONDS = 5.0


@dataclass(slots=True, frozen=True)
class DemoOptions:
    """``contacts`` people in the club's file; ``home`` names a folder to keep."""

    contacts: int = 5_000
    seed: int = 1
    home: Path | None = None


def run_demo(options: DemoOptions, *, headless: bool, as_json: bool, operator: Operator) -> int:
    """Run the demo to its end; returns the exit code."""
    club = Club(options.seed, options.contacts)
    with _ended_by_signals(), demo_home(options.home) as home:
        sandbox = RunningSandbox(SandboxOptions(contacts=club.listed, seed=options.seed, ledger=home.ledger))
        with sandbox:
            stage = Stage(home, club, sandbox, operator)
            try:
                _narrated(stage, headless=headless)
                if headless:
                    from console.demo.walk import walk

                    code: int = walk(stage, as_json=as_json)
                else:
                    code = _console(stage)
            finally:
                _end_jobs(home, operator)
    if options.home is not None:
        narrate(f"The demo's files stay in {options.home}.")
    return code


def _console(stage: Stage) -> int:
    from console.tui.app import run_console

    return run_console(
        config=stage.home.config,
        state_path=stage.home.state,
        read_only=False,
        place="",
        operator=stage.operator,
    )


def _narrated(stage: Stage, *, headless: bool) -> None:
    moving = not headless and is_terminal(sys.stderr)

    def told(text: str) -> None:
        if moving:
            redraw(f"demo: {text} …")

    make_history(stage, told)
    if moving:
        redraw("")


def _end_jobs(home: DemoHome, operator: Operator) -> None:
    """Whatever was started in the console and still runs is stopped before its state is removed."""
    if not home.state.exists():
        return
    from console.jobs.process import alive
    from state.jobs import JobRefused, request_cancel, running_jobs
    from state.moments import utc_now
    from state.store import open_state

    deadline = time.monotonic() + LEAVE_SECONDS
    with open_state(home.state) as state:
        for job in running_jobs(state):
            with contextlib.suppress(JobRefused):  # it ended meanwhile
                request_cancel(state, job.job_id, operator, utc_now(), alive=alive)
        while running_jobs(state) and time.monotonic() < deadline:
            time.sleep(0.1)
        for job in running_jobs(state):
            if job.pid is not None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(job.pid, signal.SIGTERM)


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as ctrl-c does, so that it clears up after itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
