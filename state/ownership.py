"""Whether a person whom an import was to add joined the list by themselves while it waited.

Only members that are ours are ever removed (design law 6), and an import tells nobody apart whom it found on the list
already. What a listing showed before the platform last said that the import is not done was not the import's doing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from state.chunks import Chunk
from state.model import Plan
from state.moments import moment
from state.plans import plan_number
from state.store import State


@dataclass(slots=True, frozen=True)
class BeforeLoading:
    """Who was on the list at ``looked``, the last look that certainly came before the import was loaded (UTC)."""

    looked: datetime
    there: frozenset[int]
    """Rows of the chunk, by number in the plan."""


def before_loading(state: State, list_no: int, job_no: int, plan: Plan, chunk: Chunk) -> BeforeLoading:
    """The last look at the list between the chunk's leaving and the last poll that found its import unfinished."""
    (polled,) = state.db.execute(
        "SELECT coalesce(answered_at, intended_at) FROM chunks WHERE job_no = ? AND chunk = ?",
        (job_no, chunk.number),
    ).fetchone()
    last = state.db.execute(
        "SELECT no, started_at FROM listings WHERE list_no = ? AND complete = 1 AND reason = 'ok' AND started_at >= ?"
        " AND ended_at <= ? ORDER BY no DESC LIMIT 1",
        (list_no, chunk.intended_at, polled),
    ).fetchone()
    if last is None:
        return BeforeLoading(moment(chunk.intended_at), frozenset())
    rows = state.db.execute(
        "SELECT p.n FROM plan_rows p JOIN members m ON m.list_no = ? AND m.address_key = p.address_key"
        " WHERE p.plan_no = ? AND p.n BETWEEN ? AND ? AND m.gone IS NULL AND m.ours = 0 AND m.first_no BETWEEN 1 AND ?",
        (list_no, plan_number(state, plan.plan_id), chunk.first, chunk.last, last[0]),
    )
    return BeforeLoading(moment(str(last[1])), frozenset(int(n) for (n,) in rows))
