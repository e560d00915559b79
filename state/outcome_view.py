"""The outcomes of a job as a screen looks at them: by reason, and the rows of one as a window."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, replace

from state.browse import Counted
from state.chunks import NO_ANSWER
from state.errors import StateError
from state.jobs import job_no
from state.model import Job, JobKind, JobState, Outcome, Plan
from state.outcome_times import with_times
from state.outcomes import (
    OutcomeRow,
    outcome_counts,
    outcome_reasons,
    outcome_words,
    read_outcomes,
    rows_unanswered,
)
from state.plan_view import SLICE_ROWS, cut, runs
from state.plans import get_plan, plan_number
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


def in_doubt(job: Job) -> bool:
    """Whether rows of the job (as ``judged``) that left without an answer are unknown: nobody waits for one."""
    return job.state is JobState.STALLED or (job.state is JobState.WAITING and job.pid is None)


def with_counts(state: State, job: Job) -> Job:
    """An export that has not ended, as ``judged``, with its rows by outcome as they really stand.

    What is written in the job itself is of its last fold. Looks at every outcome of the job (a million: 0.2 s).
    """
    if job.kind is not JobKind.EXPORT or job.state.final or not job.plan_id:
        return job
    try:
        plan = get_plan(state, job.plan_id)
    except StateError:
        return job  # it was dropped; the job's counts stand in the job itself
    counts = outcome_counts(state, job_no(state, job.job_id), plan, doubts=in_doubt(job))
    return replace(job, counts={word: rows for word, rows in counts.items() if rows})


def outcome_groups(
    state: State, job_no: int, plan: Plan, *, doubts: bool = False
) -> tuple[OutcomeGroup, ...]:
    """Rows by outcome and reason, what needs a person first; their sum is the plan's writes, always (R18).

    ``doubts``: rows that left and got no answer are unknown (see ``in_doubt``).
    """
    rows_of = {(outcome, reason): rows for outcome, reason, rows in outcome_reasons(state, job_no)}
    left = plan.writes - sum(rows_of.values())
    if doubts and (unanswered := rows_unanswered(state, job_no, plan)):
        doubt = (Outcome.UNKNOWN, NO_ANSWER)
        rows_of[doubt] = rows_of.get(doubt, 0) + unanswered
        left -= unanswered
    found = [OutcomeGroup(outcome, reason, rows) for (outcome, reason), rows in rows_of.items()]
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

    def __init__(
        self,
        job_no: int,
        plan: Plan,
        *,
        group: OutcomeGroup | None = None,
        text: str = "",
        doubts: bool = False,
    ) -> None:
        self._doubts = doubts
        self._job_no = job_no
        self._plan = plan
        self._group = group
        self._text = text.strip().lower().removeprefix("^")
        writes = [(group, group.action) for group in plan.groups if group.action is not None]
        self._spans = [(group.first, group.rows) for group, _ in writes]
        self._actions = [action for _, action in writes]
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
            for row in with_times(
                state,
                self._job_no,
                read_outcomes(state, self._job_no, self._plan, after=at - 1, limit=rows, doubts=self._doubts),
            )
        ]

    def again(self) -> OutcomeWindow:
        """The same view with nothing counted yet."""
        return OutcomeWindow(
            self._job_no, self._plan, group=self._group, text=self._text, doubts=self._doubts
        )

    def _look_on(self, state: State) -> None:
        number, left = plan_number(state, self._plan.plan_id), SLICE_ROWS
        while left > 0 and self._span < len(self._spans):
            first, rows = self._spans[self._span]
            where, values = "", list[object]()
            if self._group is not None:
                word_of, reason_of = outcome_words(
                    self._job_no, self._actions[self._span], doubts=self._doubts
                )
                where += f" AND {word_of} = ? AND {reason_of} = ?"
                values += [self._group.outcome.value, self._group.reason]
            if self._text:
                where += " AND (instr(p.address_key, ?) > 0 OR instr(lower(coalesce(p.email, '')), ?) > 0)"
                values += [self._text, self._text]
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
