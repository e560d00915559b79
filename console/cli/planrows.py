"""A plan's rows as people, scripts and files get them; read in pages, never as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.cli.failure import CommandRefused

if TYPE_CHECKING:
    from datetime import datetime

    from console.cli.session import Session
    from state.model import Plan, PlanRow, RowClass
    from state.store import State

PAGE = 1_000

COLUMNS = (
    *("n", "class", "reason", "action", "email", "source_id", "origin_id", "former_email"),
    *("consent", "since", "changes", "agreed", "to_source", "note"),
)


def wanted_class(word: str | None) -> RowClass | None:
    """The class of that name; refuses a word that is none."""
    from state.model import RowClass

    if word is None:
        return None
    try:
        return RowClass(word)
    except ValueError:
        raise CommandRefused(
            "usage", f"There is no class {word}.", "Classes: " + ", ".join(one.value for one in RowClass)
        ) from None


def rows_of(state: State, plan: Plan, row_class: RowClass | None = None) -> Iterator[PlanRow]:
    """The rows of a plan, or of one class of it, in the plan's order."""
    from state.plans import plan_rows

    for group in plan.groups:
        if row_class is not None and group.row_class is not row_class:
            continue
        for first in range(group.first, group.first + group.rows, PAGE):
            yield from plan_rows(state, plan, first, min(PAGE, group.first + group.rows - first))


def row_as_json(row: PlanRow) -> dict[str, object]:
    """One row with the keys of ``COLUMNS``; ``changes`` maps a field to what was and what will be.

    ``to_source`` names those that change in the source instead of at the platform, ``agreed`` what both held last.
    """
    return {
        "n": row.n,
        "class": row.row_class.value,
        "reason": row.reason,
        "action": row.action.value if row.action else None,
        "email": row.email,
        "source_id": row.source_id or None,
        "origin_id": row.origin_id or None,
        "former_email": row.former_email or None,
        "consent": row.consent.value if row.consent else None,
        "since": row.since or None,
        "changes": {one.name: [one.before, one.after] for one in row.differences},
        "agreed": {one.name: one.agreed for one in row.differences if one.agreed is not None},
        "to_source": [one.name for one in row.differences if one.at_source],
        "note": row.note or None,
    }


def plan_as_json(plan: Plan) -> dict[str, object]:
    """The plan as ``preview --json`` shows it (design §6)."""
    return {
        "link": plan.link,
        "plan": plan.plan_id,
        "digest": plan.digest,
        "counts": plan.counts,
        "writes": plan.writes,
        "mails": plan.mails,
        "fields": list(plan.fields),
        "guards": [
            {
                "reason": guard.reason,
                "rule": guard.rule,
                "value": guard.value,
                "limit": guard.limit,
                "way_out": guard.way_out,
            }
            for guard in plan.guards
        ],
        "source": source_as_json(plan),
    }


def source_as_json(plan: Plan) -> dict[str, str | None]:
    """What of the source the plan rests on: who belongs to it, and how old that is (UTC; null when not known)."""
    return {
        "name": plan.basis.get("source") or None,
        "membership": plan.basis.get("source_membership") or None,
        "as_of": plan.basis.get("source_as_of") or None,
    }


def source_words(plan: Plan, now: datetime | None = None) -> str:
    """The same for people: ``Source members: file members.csv, of 2026-03-01 08:15 UTC, 6 h old``."""
    from console.wording import absolute, age
    from state.moments import moment_or_none

    told = [plan.basis.get("source_membership", "")]
    as_of = moment_or_none(plan.basis.get("source_as_of"))
    if as_of is not None:
        told.append(f"of {absolute(as_of)}, {age(as_of, now)} old")
    words = ", ".join(filter(None, told))
    return f"Source {plan.basis.get('source', '')}: {words}" if words else ""


def effect(session: Session, plan: Plan) -> str:
    """What an export of the plan does, in one line: rows, mails, calls, time, and which fields leave (F7)."""
    from console.blast_radius import blast_radius, radius_line, terms_of

    entry = session.settings.connections.get(plan.connection)
    radius = blast_radius(plan, terms_of(plan, entry) if entry is not None else None)
    sends_fields = radius.additions or radius.changes
    leaves = f" Leaves this house: {', '.join(radius.leaves)}." if sends_fields else ""
    return radius_line(radius).rstrip(".") + "." + leaves
