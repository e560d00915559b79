"""When the platform took rows over, and when it was known that they were applied: two things, with two times (R45)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from state.model import Outcome
from state.moments import moment
from state.outcomes import OutcomeRow
from state.store import State


def with_times(state: State, job_no: int, rows: Sequence[OutcomeRow]) -> list[OutcomeRow]:
    """The rows with ``accepted_at`` and ``applied_at`` (UTC), as far as they are known.

    ``accepted_at`` only where the platform works on by itself after taking the rows (an import): elsewhere taking and
    applying are one. ``applied_at`` is when we learned of it, which is not before it happened.
    """
    if not rows:
        return []
    first, last = min(row.n for row in rows), max(row.n for row in rows)
    told = {
        int(n): (str(outcome), moment(at))
        for n, outcome, at in state.db.execute(
            "SELECT n, outcome, at FROM outcomes WHERE job_no = ? AND n BETWEEN ? AND ?",
            (job_no, first, last),
        )
    }
    imports = state.db.execute(
        "SELECT first, last, intended_at, action FROM chunks"
        " WHERE job_no = ? AND ticket <> '' AND last >= ? AND first <= ? ORDER BY first, chunk",
        (job_no, first, last),
    ).fetchall()
    begins = [span[0] for span in imports]
    found = []
    for row in rows:
        outcome, at = told.get(row.n, ("", None))
        place = bisect_right(begins, row.n) - 1
        span = imports[place] if place >= 0 else None
        handed = span is not None and row.n <= span[1] and span[3] == row.action.value
        accepted_at = moment(span[2]) if span is not None and handed else None
        if outcome == Outcome.ACCEPTED.value:
            accepted_at = at
        applied_at = at if outcome == Outcome.SENT.value else None
        found.append(replace(row, accepted_at=accepted_at, applied_at=applied_at))
    return found
