"""What a guard of the table is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Guard:
    """``text`` stands once in ``file``; with ``without`` in its place the guard is gone. The name begins with
    the requirement, invariant or defect of the Oro bundle that the guard keeps or avoids.
    """

    name: str
    what: str
    file: str
    text: str
    without: str
    tests: tuple[str, ...]
