"""Failures on demand: what a network, a proxy or a tired vendor does to a request.

A rehearsed fault is consumed by the first requests that match it, in the order they were ordered. Invariant: what
was done to a request (refused before it was applied, or applied and then lost) is said in the ledger, so a test
can prove that its fault really hit.
"""

import re
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.vendor import ControlError

REFUSED = ("problem", "html", "empty")
CUT_BEFORE = ("drop", "hang")
CUT_AFTER = ("drop-after", "truncate", "hang-after")
BODIES = REFUSED + CUT_BEFORE + CUT_AFTER


@dataclass(slots=True)
class Fault:
    """The next `count` matching requests fail so; `skip` matching ones pass first."""

    count: int
    status: int
    body: str
    path: re.Pattern[str] | None
    method: str | None
    skip: int

    def matches(self, method: str, path: str) -> bool:
        """Whether a request with this method and vendor path is meant."""
        if self.method is not None and self.method != method:
            return False
        return self.path is None or self.path.search(path) is not None


class Faults:
    """Faults that still wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.hits = 0

    def order(self, arguments: dict[str, Any]) -> None:
        """Add one from a control request. Raises ControlError for a field out of range."""
        body = arguments.get("body", "problem")
        if body not in BODIES:
            raise ControlError(f"body is one of {', '.join(BODIES)}, not {body!r}")
        pattern = arguments.get("path")
        try:
            path = re.compile(pattern) if pattern is not None else None
        except (re.error, TypeError) as error:
            raise ControlError(f"path is a regular expression; {pattern!r} is none: {error}") from error
        method = arguments.get("method")
        numbers = {}
        for name, default, least in (("count", 1, 1), ("status", 503, 400), ("skip", 0, 0)):
            value = arguments.get(name, default)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ControlError(f"{name} is a whole number from {least} on, not {value!r}")
            numbers[name] = value
        self._waiting.append(
            Fault(
                numbers["count"],
                numbers["status"],
                body,
                path,
                str(method).upper() if method is not None else None,
                numbers["skip"],
            )
        )

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, counted down; None when it passes unharmed."""
        for fault in self._waiting:
            if not fault.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.count -= 1
            if fault.count == 0:
                self._waiting.remove(fault)
            self.hits += 1
            return fault
        return None

    def clear(self) -> None:
        """Forget what was ordered."""
        self._waiting.clear()
