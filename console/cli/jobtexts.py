"""A job, its log and its outcomes as JSON and as text: the shapes that scripts rely on (design §6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from state.model import Budget, Job, LogLine
    from state.open_imports import OpenImport
    from state.outcomes import OutcomeRow


def job_as_json(job: Job) -> dict[str, object]:
    """A job as ``jobs`` and ``job show`` give it."""
    return {
        "job": job.job_id,
        "kind": job.kind.value,
        "state": job.state.value,
        "connection": job.connection,
        "link": job.link or None,
        "plan": job.plan_id or None,
        "operator": job.operator,
        "host": job.host,
        "pid": job.pid,
        "created_at": _iso(job.created_at),
        "started_at": _iso(job.started_at),
        "ended_at": _iso(job.ended_at),
        "phase": job.phase,
        "done": job.done,
        "total": job.total,
        "unit": job.unit,
        "waiting_for": job.waiting_for or None,
        "reason": job.reason or None,
        "text": job.text,
        "exit_code": job.exit_code,
        "counts": dict(job.counts),
        "cancel_requested": job.cancel_requested,
    }


def times_text(row: OutcomeRow) -> str:
    """When the platform accepted a row, and when it was known to be applied; empty where neither is known."""
    told = (("accepted", row.accepted_at), ("applied", row.applied_at))
    return "".join(f"  {word} {at:%Y-%m-%d %H:%M:%S UTC}" for word, at in told if at is not None)


def times_as_json(row: OutcomeRow) -> dict[str, object]:
    """The same for ``job outcomes --times --json``; null where it is not known."""
    return {"accepted_at": _iso(row.accepted_at), "applied_at": _iso(row.applied_at)}


def open_as_json(imports: Sequence[OpenImport], budget: Budget | None) -> dict[str, object]:
    """What the platform still works on for the job, and what the account has left of its calls."""
    from console.import_words import budget_json, import_json

    return {
        "imports": [import_json(one) for one in imports],
        "budget": budget_json(budget) if budget is not None else None,
    }


def line_as_json(line: LogLine) -> dict[str, object]:
    """A line of the log as ``job follow`` gives it."""
    return {
        "seq": line.seq,
        "t": line.at.isoformat(),
        "level": line.level.value,
        "text": line.text,
        "reason": line.reason or None,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
