"""`python -m adapters.sandbox`: the server by itself, for whoever starts it as a process."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.sandbox.server import SandboxError, SandboxOptions, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; 0 for a clean end, 1 when it cannot start."""
    defaults = SandboxOptions()
    parser = argparse.ArgumentParser(prog="adapters.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=defaults.port, help="0 takes any free one")
    parser.add_argument("--contacts", type=int, default=defaults.contacts, help="0 to 1000000")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--latency", type=float, default=defaults.latency_ms, metavar="MS")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="one JSON object a request")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="the state survives a restart")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    parsed = parser.parse_args(arguments)
    options = SandboxOptions(
        port=parsed.port,
        contacts=parsed.contacts,
        seed=parsed.seed,
        latency_ms=parsed.latency,
        ledger=parsed.ledger,
        keep=parsed.keep,
    )
    try:
        serve(options, with_parent=parsed.with_parent)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
