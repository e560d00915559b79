"""A plan as a screen looks at it: which plan of a link is in force, windows over its rows, who said the last word.

Invariant: a window never reads more than a page, or one slice of looking for a text; nothing is held open
between two calls (a cursor left open would let the -wal grow).
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence

from state.browse import Counted
from state.model import JournalEntry, Plan, PlanGroup, PlanRow
from state.moments import moment
from state.plans import get_plan, plan_number, plan_rows
from state.store import State

SLICE_ROWS = 20_000
"""Rows looked at in one call of ``count`` when a text is looked for: some milliseconds."""

_UNORDERED = frozenset({"undo-move"})
"""Reasons whose rows do not stand in order of address."""


def shown_plan(state: State, link: str) -> Plan | None:
    """The newest plan of a link that a person asked for: made by a preview or kept; no undo plan, and none that an
    export made for itself to see whether it is stale."""
    row = state.db.execute(
        "SELECT p.plan_id FROM plans p WHERE p.link = ?1 AND json_extract(p.basis, '$.undo_of') IS NULL AND (p.saved = 1 OR"
        " p.plan_id IN (SELECT j.plan_id FROM jobs j WHERE j.link = ?1 AND j.kind = 'preview')) ORDER BY p.no DESC LIMIT 1",
        (link,),
    ).fetchone()
    return get_plan(state, str(row[0])) if row else None


def last_entry(state: State, plan: Plan, key: str) -> JournalEntry | None:
    """The newest entry of the journal on an address at the plan's list: who did what, and when."""
    row = state.db.execute(
        "SELECT j.at, j.link, j.origin, j.what, j.reason, j.operator, j.detail FROM journal j JOIN lists l ON l.no = j.list_no"
        " WHERE j.address_key = ? AND l.connection = ? AND l.list_id = ? ORDER BY j.no DESC LIMIT 1",
        (key, plan.connection, plan.list_id),
    ).fetchone()
    if row is None:
        return None
    at, link, origin, what, reason, operator, detail = row
    return JournalEntry(
        moment(at), key, plan.connection, plan.list_id, link, origin, what, reason, operator, detail
    )


class PlanWindow:
    """Rows of some groups of a plan, in the plan's order. For one thread.

    ``text`` keeps addresses: ``^abc`` by beginning (a search by halves, at once), anything else by what they
    contain. ``only`` keeps the addresses with these keys.
    """

    def __init__(
        self,
        plan: Plan,
        groups: Iterable[PlanGroup],
        *,
        text: str = "",
        only: Collection[str] | None = None,
    ) -> None:
        self._plan = plan
        self._groups = tuple(groups)
        wanted = text.strip().lower()
        self._prefix = wanted[1:] if wanted.startswith("^") else ""
        self._part = "" if wanted.startswith("^") else wanted
        self._only = only
        self._spans = [(group.first, group.rows) for group in self._groups]
        self._scans = bool(self._part) or only is not None
        if self._prefix and any(group.reason in _UNORDERED for group in self._groups):
            self._scans = True
        self._found = array("q")
        self._span = self._at = 0
        self._exact = not self._scans and not self._prefix

    def count(self, state: State) -> Counted:
        """Look at one more slice; call again while not exact."""
        if self._scans:
            if not self._exact:
                self._look_on(state)
            return Counted(len(self._found), self._exact)
        if not self._exact:
            number = plan_number(state, self._plan.plan_id)
            self._spans = [_narrowed(state, number, first, rows, self._prefix) for first, rows in self._spans]
            self._exact = True
        return Counted(sum(rows for _, rows in self._spans), True)

    def rows(self, state: State, first: int, n: int) -> list[PlanRow]:
        """Rows ``first .. first + n - 1`` of those counted so far."""
        if self._scans:
            ranges: Iterable[tuple[int, int]] = runs(self._found[first : first + n])
        else:
            ranges = cut(self._spans, first, n)
        return [row for at, rows in ranges for row in plan_rows(state, self._plan, at, rows)]

    def again(self) -> PlanWindow:
        """The same view with nothing counted yet."""
        text = "^" + self._prefix if self._prefix else self._part
        return PlanWindow(self._plan, self._groups, text=text, only=self._only)

    def _look_on(self, state: State) -> None:
        number, left = plan_number(state, self._plan.plan_id), SLICE_ROWS
        while left > 0 and self._span < len(self._spans):
            first, rows = self._spans[self._span]
            take = min(left, rows - self._at)
            low = first + self._at
            where, values = "", list[object]()
            if self._part:
                where += " AND (instr(address_key, ?) > 0 OR instr(lower(coalesce(email, '')), ?) > 0)"
                values += [self._part, self._part]
            if self._prefix:
                where += " AND substr(address_key, 1, ?) = ?"
                values += [len(self._prefix), self._prefix]
            found = state.db.execute(
                f"SELECT n, address_key FROM plan_rows WHERE plan_no = ? AND n BETWEEN ? AND ?{where} ORDER BY n",
                (number, low, low + take - 1, *values),
            ).fetchall()
            self._found.extend(int(n) for n, key in found if self._only is None or key in self._only)
            left -= take
            self._at += take
            if self._at >= rows:
                self._span, self._at = self._span + 1, 0
        self._exact = self._span >= len(self._spans)


def _narrowed(state: State, number: int, first: int, rows: int, prefix: str) -> tuple[int, int]:
    """The part of a group whose addresses begin so."""

    def behind(wanted: str) -> int:
        low, high = first, first + rows
        while low < high:
            middle = (low + high) // 2
            row = state.db.execute(
                "SELECT address_key FROM plan_rows WHERE plan_no = ? AND n = ?", (number, middle)
            ).fetchone()
            if row is None or str(row[0]) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    low = behind(prefix)
    return low, behind(prefix + "\U0010ffff") - low


def cut(spans: Sequence[tuple[int, int]], first: int, n: int) -> Iterator[tuple[int, int]]:
    """The pieces ``(first number, rows)`` of some spans that hold their ``n`` rows behind row ``first``."""
    for start, rows in spans:
        if n <= 0:
            return
        if first >= rows:
            first -= rows
            continue
        take = min(n, rows - first)
        yield start + first, take
        n -= take
        first = 0


def runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Rising numbers as pieces ``(first number, rows)``."""
    start, rows = 0, 0
    for number in numbers:
        if rows and number == start + rows:
            rows += 1
            continue
        if rows:
            yield start, rows
        start, rows = number, 1
    if rows:
        yield start, rows
