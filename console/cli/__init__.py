"""The command line (design §6). Invariant: asking for the version imports nothing but this file.

An interrupt ends a call with one line and 130 wherever it strikes, while modules are imported too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED = 130
"""As ``console.exit_codes`` has it, which need not be imported to say so."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``listwarden`` with the words given (default: the process's own) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    before, sys.unraisablehook = sys.unraisablehook, _end_interrupted
    try:
        if words == ["--version"]:
            return _version()
        from console.cli.app import run

        return run(words)
    except KeyboardInterrupt:
        _say_interrupted()
        return INTERRUPTED
    finally:
        sys.unraisablehook = before


def _version() -> int:
    from console import __version__

    try:
        print(f"listwarden {__version__}", flush=True)
    except OSError:
        from console.cli.app import run

        return run(["--version"])  # which says what is wrong with stdout
    return 0


def _end_interrupted(unraisable: UnraisableHookArgs) -> None:
    """Where Python can raise nothing, such as in the clearing up of an import, it would go on after an interrupt."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    _say_interrupted()
    os._exit(INTERRUPTED)


def _say_interrupted() -> None:
    if sys.stderr is not None:
        print("listwarden: interrupted. [interrupted]", file=sys.stderr, flush=True)
