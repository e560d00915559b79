"""What a table shows rows of: a window over the state, or a few rows in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from state.store import State

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)


@dataclass(slots=True, frozen=True)
class Count:
    """How many rows there are. Not ``exact``: so many are known yet, ask again for more."""

    rows: int
    exact: bool = True


class CountLike(Protocol):
    """What a window answers; ``state`` has a type of its own for it."""

    @property
    def rows(self) -> int: ...

    @property
    def exact(self) -> bool: ...


class Window(Protocol[RowT_co]):
    """Rows in an order, read in the database thread. Times are short: a page, or one slice of counting."""

    def count(self, state: State) -> CountLike:
        """How many rows; while not exact it is called again and goes on where it was."""

    def rows(self, state: State, first: int, n: int) -> Sequence[RowT_co]:
        """Rows ``first .. first + n - 1``, fewer at the end."""


class Fixed(Generic[RowT]):
    """A window over rows that are in memory already (some dozens at most)."""

    def __init__(self, rows: Sequence[RowT]) -> None:
        self._rows = rows

    def count(self, state: State) -> CountLike:
        return Count(len(self._rows))

    def rows(self, state: State, first: int, n: int) -> Sequence[RowT]:
        return self._rows[first : first + n]

    def all(self) -> Sequence[RowT]:
        """Every row."""
        return self._rows
