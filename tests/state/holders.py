"""Processes that hold things, and what is known of whether they live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from state.liveness import ProcessMark
from state.model import Operator
from state.store import State, open_state

NOW = datetime(2026, 3, 1, 8, 15, 30, tzinfo=UTC)
EVA = Operator("eva", "desk", "192.0.2.7")

ONE = ProcessMark("desk", 101, "5001", "boot-1", "pid:[1]")
TWO = ProcessMark("desk", 102, "5002", "boot-1", "pid:[1]")
AWAY = ProcessMark("other host", 103, "77", "boot-9")
"""A host whose processes nobody here can judge."""


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@contextmanager
def quick_state(path: Path) -> Iterator[State]:
    """A state for many examples of a property: it does not wait for the disk, which is not what they are about."""
    with open_state(path) as state:
        state.db.execute("PRAGMA synchronous = OFF")
        yield state


class Living:
    """Answers as ``alive`` does on the host ``desk``: those named live, all others there are dead."""

    def __init__(self, marks: Iterable[ProcessMark] = (ONE, TWO)) -> None:
        self.marks = set(marks)

    def __call__(self, mark: ProcessMark) -> bool | None:
        return mark in self.marks if mark.host == "desk" else None
