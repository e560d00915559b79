"""Every error as people and scripts see it: one sentence, the next step, a reason code, an exit code.

Invariant: no traceback reaches a user; what nobody described goes, masked, to a log file that is named (R50).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli.output import narrate
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from console.settings import Fault

_ASKED_WRONGLY = {
    "plan-missing": ExitCode.USAGE,
    "job-missing": ExitCode.USAGE,
    "read-only": ExitCode.USAGE,
    "link-missing": ExitCode.CONFIGURATION,
    "list-missing": ExitCode.CONFIGURATION,
}
"""Reasons the state gives that are no fault of its file."""

_NAMES = {
    "connection-missing": "The settings have no connection",
    "link-missing": "The settings have no link",
    "source-unknown": "The settings have no source",
}


class CommandRefused(Exception):
    """A command that cannot be carried out as it was called."""

    def __init__(
        self, reason: str, text: str, next: str = "", *, exit_code: ExitCode = ExitCode.USAGE
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.next = next
        self.exit_code = exit_code


@dataclass(slots=True, frozen=True)
class Failure:
    """What is told of an error. ``more`` are further findings of the same kind, a line each."""

    exit_code: ExitCode
    reason: str
    text: str
    next: str = ""
    more: tuple[str, ...] = ()


def failure_of(error: BaseException) -> Failure | None:
    """What an error means; None for one that nobody described."""
    if isinstance(error, CommandRefused):
        return Failure(error.exit_code, error.reason, error.text, error.next)
    from console.settings.model import SettingsError

    if isinstance(error, SettingsError):
        first, *others = error.faults
        text = _name_unknown(first) if first.reason in _NAMES else str(first)
        return Failure(ExitCode.CONFIGURATION, first.reason, text, first.next_step, tuple(map(str, others)))
    from console.jobs.ends import end_of
    from state.model import JobKind

    end = end_of(error, JobKind.CHECK)
    if end is None:
        return None
    exit_code = _ASKED_WRONGLY.get(end.reason, end.exit_code)
    return Failure(exit_code, end.reason, end.text, end.next or _next_of(end.reason))


def _name_unknown(fault: Fault) -> str:
    """A name that was typed and is not in the settings, in fewer words than a fault of the file."""
    hint = f"; did you mean “{fault.hint}”?" if fault.hint else f"; {fault.expected}."
    return f"{_NAMES[fault.reason]} {fault.found}{hint}"


def tell(failure: Failure) -> None:
    """Print it on stderr."""
    narrate(f"listwarden: {failure.text} [{failure.reason}]")
    for line in failure.more:
        narrate(f"  {line}")
    if failure.next:
        narrate(f"next: {failure.next}")


def keep_unexpected(error: BaseException, state_path: Path) -> Failure:
    """Write the traceback, masked, beside the state and say where it is."""
    import traceback

    from console.jobs.process_log import open_log
    from console.masking import Masks

    told = Masks().mask("".join(traceback.format_exception(error)))
    path = state_path.absolute().parent / "logs" / f"listwarden-{os.getpid()}.log"
    text = f"Something went wrong inside Listwarden ({type(error).__name__})."
    try:
        with open_log(path) as log:
            log.write(told.encode("utf-8", "backslashreplace"))
    except OSError as refused:
        return Failure(
            ExitCode.FAILED, "unknown", text, f"No log could be written either: {refused.strerror}."
        )
    return Failure(ExitCode.FAILED, "unknown", text, f"Report it with the log {path}.")


def _next_of(code: str) -> str:
    from state.reasons import REASONS

    return REASONS[code].next if code in REASONS else ""
