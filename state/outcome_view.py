"""The outcomes of a job as a screen looks at them: by reason, and the rows of one as a window."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from state.browse import Counted
from state.model import Outcome, Plan
from state.outcomes import OutcomeRow, outcome_reasons, read_outcomes
from state.plan_view import SLICE_ROWS, cut, runs
from state.plans import plan_number
from state.store import State

REFUSED = (Outcome.REJECTED, Outcome.UNVERIFIED, Outcome.UNKNOWN)
"""What a person may want to see planned again."""

MOST_KEYS = 100_000

_ORDER = {
    outcome: place
    for place, outcome in enumerate(
        (
            Outcome.REJECTED,
            Outcome.UNVERIFIED,
            Outcome.UNKNOWN,
            Outcome.WITHHELD,
            Outcome.TODO,
            Outcome.ACCEPTED,
            Outcome.SENT,
        )
    )
}


@dataclass(slots=True, frozen=True)
class OutcomeGroup:
    """So many rows of the plan have this outcome for this reason."""

    outcome: Outcome
    reason: str
    rows: int


def outcome_groups(state: State, job_no: int, plan: Plan) -> tuple[OutcomeGroup, ...]:
    """Rows by outcome and reason, what needs a person first; their sum is the plan's writes, always (R18)."""
    found = [OutcomeGroup(outcome, reason, rows) for outcome, reason, rows in outcome_reasons(state, job_no)]
    left = plan.writes - sum(group.rows for group in found)
    if left:
        found.append(OutcomeGroup(Outcome.TODO, "", left))
    return tuple(sorted(found, key=lambda group: (_ORDER[group.outcome], -group.rows, group.reason)))


def refused_keys(state: State, job_no: int, plan: Plan) -> frozenset[str]:
    """The addresses that were refused or stayed in doubt, at most ``MOST_KEYS`` of them."""
    words = ", ".join(f"'{outcome.value}'" for outcome in REFUSED)
    return frozenset(
        str(row[0])
        for row in state.db.execute(
            "SELECT p.address_key FROM outcomes o JOIN plan_rows p ON p.plan_no = ? AND p.n = o.n"
            f" WHERE o.job_no = ? AND o.outcome IN ({words}) LIMIT ?",
            (plan_number(state, plan.plan_id), job_no, MOST_KEYS),
        )
    )


class OutcomeWindow:
    """The rows of a job's plan that were to be sent, filtered by outcome, reason and a text. For one thread."""

    def __init__(self, job_no: int, plan: Plan, *, group: OutcomeGroup | None = None, text: str = "") -> None:
        self._job_no = job_no
        self._plan = plan
        self._group = group
        self._text = text.strip().lower().removeprefix("^")
        self._spans = [(group.first, group.rows) for group in plan.groups if group.action is not None]
        self._scans = group is not None or bool(self._text)
        self._found = array("q")
        self._span = self._at = 0
        self._exact = not self._scans

    def count(self, state: State) -> Counted:
        """Look at one more slice; call again while not exact."""
        if not self._scans:
            return Counted(sum(rows for _, rows in self._spans), True)
        if not self._exact:
            self._look_on(state)
        return Counted(len(self._found), self._exact)

    def rows(self, state: State, first: int, n: int) -> list[OutcomeRow]:
        """Rows ``first .. first + n - 1`` of those counted so far."""
        ranges: Iterable[tuple[int, int]]
        ranges = runs(self._found[first : first + n]) if self._scans else cut(self._spans, first, n)
        return [
            row
            for at, rows in ranges
            for row in read_outcomes(state, self._job_no, self._plan, after=at - 1, limit=rows)
        ]

    def again(self) -> OutcomeWindow:
        """The same view with nothing counted yet."""
        return OutcomeWindow(self._job_no, self._plan, group=self._group, text=self._text)

    def _look_on(self, state: State) -> None:
        number, left = plan_number(state, self._plan.plan_id), SLICE_ROWS
        where, values = "", list[object]()
        if self._group is not None:
            where += " AND coalesce(o.outcome, 'todo') = ? AND coalesce(o.reason, '') = ?"
            values += [self._group.outcome.value, self._group.reason]
        if self._text:
            where += " AND (instr(p.address_key, ?) > 0 OR instr(lower(coalesce(p.email, '')), ?) > 0)"
            values += [self._text, self._text]
        while left > 0 and self._span < len(self._spans):
            first, rows = self._spans[self._span]
            take = min(left, rows - self._at)
            low = first + self._at
            self._found.extend(
                int(row[0])
                for row in state.db.execute(
                    "SELECT p.n FROM plan_rows p LEFT JOIN outcomes o ON o.job_no = ? AND o.n = p.n"
                    f" WHERE p.plan_no = ? AND p.n BETWEEN ? AND ?{where} ORDER BY p.n",
                    (self._job_no, number, low, low + take - 1, *values),
                ).fetchall()
            )
            left -= take
            self._at += take
            if self._at >= rows:
                self._span, self._at = self._span + 1, 0
        self._exact = self._span >= len(self._spans)
