"""The console as a program, for tests in a real terminal: ``CONFIG STATE PLACE [crash|ignore-hup]``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from console.tui.app import run_console
from console.tui.screens.page import Page
from state.model import Operator

CANARY = "canary-0123456789abcdef0123456789abcdef-us0"


def _crash(self: Any) -> None:
    """A fault in a frame that holds a key, with a key in its text."""
    api_key = CANARY
    raise ValueError(f"cannot use {api_key} of eva@example.org")


def main() -> int:
    """Run it, as ``listwarden`` does."""
    config, state_path, place, *how = sys.argv[1:]
    if "crash" in how:
        Page.command_reload = _crash  # type: ignore[method-assign]
    if "ignore-hup" in how:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return run_console(
        config=Path(config),
        state_path=Path(state_path),
        read_only="read-only" in how,
        place=place,
        operator=Operator("ann", "desk"),
    )


if __name__ == "__main__":
    sys.exit(main())
