"""A job in a process of its own that may be killed: made by a fork server, as importing costs more than running.

Where it dies is chosen by the test: at a journal step or request (the product's own hook), when a phase begins, or
when a named function is called.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from adapters.dotdigital import importfile
from adapters.dotdigital import provider as dotdigital
from adapters.mailchimp import batches, provider
from console.jobs import export, settling, steps
from console.jobs.run import Run
from console.jobs.runner import run_job
from state.moments import utc_now

WAITS = 0.01
"""The share of every wait of a job (retries, polls, sweeps) that is really waited in these tests."""

_wait = Run._wait

PLACES = ("guards", "lease", "folding", "settling", "answering")
"""Where a process can die that is no phase of its own, beside the phases' names."""


async def impatient(self: Run, stopped: asyncio.Event, seconds: float) -> None:
    """``Run._wait``, in a hundredth of the time."""
    await _wait(self, stopped, seconds * WAITS)


def small_batches(setter: Callable[[Any, str, int], object]) -> None:
    """Let changes go by batch above fifty rows, sixty a batch, so that a test needs no thousands."""
    setter(provider, "DIRECT_CHANGES", 50)
    setter(batches, "OPERATIONS", 60)


def small_files(setter: Callable[[Any, str, int], object], rows: int) -> None:
    """Let import files hold so few rows."""
    setter(importfile, "FILE_ROWS", rows)
    setter(dotdigital, "FILE_ROWS", rows)


def later(seconds: float) -> Callable[[], datetime]:
    """A clock that is ahead of the machine's."""
    return lambda: utc_now() + timedelta(seconds=seconds)


def process(
    job_id: str,
    config: Path,
    state_path: Path,
    environment: Mapping[str, str],
    *,
    die_in: str = "",
    ahead: float = 0,
    small: bool = False,
    file_rows: int = 0,
) -> ForkServerProcess:
    """A process that carries the job; not started yet. ``die_in`` is ``phase`` or ``phase:n``, see ``PLACES``;
    ``small``: see ``small_batches``; ``file_rows``: see ``small_files`` (0: as many as there may be).
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [__name__, "adapters.mailchimp.provider", "adapters.dotdigital.provider", "adapters.sources.csvfile"]
    )
    values = (job_id, str(config), str(state_path), dict(environment), die_in, ahead, small, file_rows)
    return context.Process(target=_carry, args=values)


def _carry(
    job_id: str,
    config: str,
    state_path: str,
    environment: dict[str, str],
    die_in: str,
    ahead: float,
    small: bool,
    file_rows: int,
) -> None:
    os.environ.update(environment)
    Run._wait = impatient  # type: ignore[method-assign]
    if small:
        small_batches(setattr)
    if file_rows:
        small_files(setattr, file_rows)
    if die_in:
        _die_in(die_in)
    code = run_job(job_id, config=Path(config), state_path=Path(state_path), now=later(ahead))
    os._exit(code)


def _die_in(where: str) -> None:
    name, _, number = where.partition(":")
    left = [int(number or 1)]

    def seen() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(holder: Any, attribute: str) -> None:
        original = getattr(holder, attribute)

        def dying(*args: Any, **kwargs: Any) -> Any:
            seen()
            return original(*args, **kwargs)

        setattr(holder, attribute, dying)

    match name:
        case "guards":
            before(export, "_check_guards")
        case "lease":
            before(export, "account_lease")
        case "folding":
            before(export, "fold_answered")
            before(steps, "fold_answered")
        case "settling":
            before(export, "settle_open")
            before(steps, "settle_open")
        case "answering":  # the platform has answered, and nobody has written it down
            before(settling, "commit_answer")
        case _:
            original = Run.phase

            def dying_phase(self: Run, told: str, *more: Any, **named: Any) -> None:
                if told.startswith(name):
                    seen()
                original(self, told, *more, **named)

            setattr(Run, "phase", dying_phase)  # noqa: B010 - as the type of a method cannot be kept
