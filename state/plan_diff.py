"""What differs between two plans of a link, address by address (F2).

Both plans are walked side by side in order of address, slice by slice; an address differs when its classes,
reasons or what is sent to it differ. Invariant: memory is bounded by what is shown, never by the plans.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

from state.browse import Counted
from state.model import Action, Plan, RowClass
from state.plans import plan_number
from state.store import State

SLICE_ADDRESSES = 5_000
MOST = 20_000
"""So many differences are shown; after them the search stops, and says so."""

_BLOCK = 500


@dataclass(slots=True, frozen=True, order=True)
class Side:
    """What a plan says of one row of an address."""

    row_class: RowClass
    reason: str
    action: Action | None
    payload: str


@dataclass(slots=True, frozen=True)
class PlanChange:
    """An address the two plans speak of differently; a side is empty where a plan does not name it."""

    address_key: str
    email: str
    older: tuple[Side, ...]
    newer: tuple[Side, ...]


class _Walk:
    """The rows of a plan in order of address: its groups are each in that order and are merged here."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._groups = [group for group in plan.groups if group.rows]
        self._next = [group.first for group in self._groups]
        self._held: list[deque[tuple[str, str, str]]] = [deque() for _ in self._groups]
        self._heap: list[tuple[str, int]] = []
        self._number = -1

    def head(self, state: State) -> str | None:
        """The address that comes next; None at the end."""
        if self._number < 0:
            self._number = plan_number(state, self._plan.plan_id)
            for at in range(len(self._groups)):
                self._fill(state, at)
        return self._heap[0][0] if self._heap else None

    def take(self, state: State) -> tuple[str, tuple[Side, ...]]:
        """All rows of the address that comes next: as written, and what is said of it."""
        key, email, sides = self._heap[0][0], "", []
        while self._heap and self._heap[0][0] == key:
            _, at = heapq.heappop(self._heap)
            _, written, payload = self._held[at].popleft()
            group = self._groups[at]
            email = email or written
            sides.append(Side(group.row_class, group.reason, group.action, payload))
            if self._held[at]:
                heapq.heappush(self._heap, (self._held[at][0][0], at))
            else:
                self._fill(state, at)
        return email or key, tuple(
            sorted(sides, key=lambda side: (side.row_class, side.reason, side.payload))
        )

    def _fill(self, state: State, at: int) -> None:
        group = self._groups[at]
        low, high = self._next[at], min(self._next[at] + _BLOCK, group.first + group.rows)
        if low >= high:
            return
        self._held[at].extend(
            (str(key), str(email or ""), str(payload or ""))
            for key, email, payload in state.db.execute(
                "SELECT address_key, email, payload FROM plan_rows WHERE plan_no = ? AND n >= ? AND n < ? ORDER BY n",
                (self._number, low, high),
            ).fetchall()
        )
        self._next[at] = high
        if self._held[at]:
            heapq.heappush(self._heap, (self._held[at][0][0], at))


class DiffWindow:
    """The differences of two plans as a window. For one thread; ``cut_off`` when there are more than are shown."""

    def __init__(self, older: Plan, newer: Plan) -> None:
        self.older = older
        self.newer = newer
        self.cut_off = False
        self._found: list[PlanChange] = []
        self._walks: tuple[_Walk, _Walk] | None = (_Walk(older), _Walk(newer))

    def count(self, state: State) -> Counted:
        """Walk on a slice; call again while not exact."""
        if self._walks is not None:
            self._walk_on(state, *self._walks)
        return Counted(len(self._found), self._walks is None)

    def rows(self, state: State, first: int, n: int) -> list[PlanChange]:
        """Differences ``first .. first + n - 1`` of those found so far."""
        return self._found[first : first + n]

    def again(self) -> DiffWindow:
        """The same view with nothing walked yet."""
        return DiffWindow(self.older, self.newer)

    def _walk_on(self, state: State, older: _Walk, newer: _Walk) -> None:
        for _ in range(SLICE_ADDRESSES):
            one, other = older.head(state), newer.head(state)
            if one is None and other is None:
                self._walks = None
                return
            if len(self._found) >= MOST:
                self._walks, self.cut_off = None, True
                return
            key = min(found for found in (one, other) if found is not None)
            email, before = older.take(state) if one == key else ("", ())
            present, after = newer.take(state) if other == key else ("", ())
            if before != after:
                self._found.append(PlanChange(key, present or email, before, after))
