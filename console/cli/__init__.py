"""The command line (design §6). Invariant: asking for the version imports nothing but this file."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``listwarden`` with the words given (default: the process's own) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from console import __version__

        print(f"listwarden {__version__}")
        return 0
    from console.cli.app import run

    return run(words)
