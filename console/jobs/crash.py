"""The test hook that kills this process at a given step, so that every step can be tried (I3).

``LISTWARDEN_CRASH_AT=journal:17`` kills it right after the 17th committed journal step, ``request:3`` right
before its third request leaves. Invariant: without the variable nothing happens.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from state.jobs import JobRefused

VARIABLE = "LISTWARDEN_CRASH_AT"
_KINDS = ("journal", "request")


class CrashHookFaulty(JobRefused):
    """The variable names no step."""

    reason = "usage"


class CrashHook:
    """Counts steps of each kind, and ends the process without any chance to tidy up at the chosen one."""

    def __init__(self, kind: str = "", step: int = 0) -> None:
        self._kind = kind
        self._left = step

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> CrashHook:
        """The hook the environment asks for. Raises ``CrashHookFaulty`` when it cannot be read."""
        text = environment.get(VARIABLE, "")
        if not text:
            return cls()
        kind, _, step = text.partition(":")
        if kind not in _KINDS or not step.isdecimal() or int(step) < 1:
            raise CrashHookFaulty(f"{VARIABLE} is journal:N or request:N with N from 1 on, not {text!r}.")
        return cls(kind, int(step))

    def step(self, kind: str) -> None:
        """One step of a kind has come."""
        if kind == self._kind:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
