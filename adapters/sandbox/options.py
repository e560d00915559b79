"""How a sandbox is started: apart from the server, so that whoever starts one as a process loads no server.

Invariant: two sandboxes with equal options hold the same people.
"""

from dataclasses import dataclass
from pathlib import Path


class SandboxError(Exception):
    """The sandbox cannot start or refuses an order; the text says why and what helps."""


@dataclass(slots=True, frozen=True)
class SandboxOptions:
    """How a sandbox is started; the same numbers give the same people."""

    port: int = 0
    """0 lets the system choose; the ready document names it."""
    contacts: int = 1000
    seed: int = 1
    latency_ms: float = 0
    ledger: Path | None = None
    keep: Path | None = None
