"""Whether a plan still is what would be sent: a plan against the one that would be made now (design law 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from state.model import (
    Action,
    Plan,
)
from state.moments import stamp
from state.plans import find_in_plan, plan_number
from state.store import State

OURS = (
    "('added', 'added-unproven', 'asked-to-confirm', 'changed', 'moved', 'removed', 'unsubscribed-by-us', 'found-on-reading',"
    " 'written-back', 'written-beside', 'created-in-source')"
)
"""What the journal calls a thing our own jobs did."""


@dataclass(slots=True, frozen=True)
class Difference:
    """A row that would be sent otherwise than the plan says: the plan is stale."""

    address: str
    now: str
    planned: str


def _stage_writes(state: State, table: str, plan: Plan) -> None:
    """A plan's writes by address, for comparing two plans."""
    db = state.db
    db.execute(f"DROP TABLE IF EXISTS temp.{table}")
    db.execute(
        f"CREATE TEMP TABLE {table} (address_key TEXT, action TEXT, payload TEXT, n INTEGER, email TEXT,"
        " PRIMARY KEY (address_key, action, n)) WITHOUT ROWID"
    )
    plan_no = plan_number(state, plan.plan_id)
    for group in plan.groups:
        if group.action is not None:
            db.execute(
                f"INSERT INTO temp.{table} SELECT address_key, ?, payload, n, coalesce(email, address_key) FROM plan_rows"
                " WHERE plan_no = ? AND n BETWEEN ? AND ?",
                (group.action.value, plan_no, group.first, group.first + group.rows - 1),
            )


def in_words(action: str, payload: str | None) -> str:
    """A write for people: ``change FNAME to “Eva”``."""
    content = json.loads(payload) if payload else {}
    fields = _values(content.get("fields", {}))
    match Action(action):
        case Action.ADD:
            return f"add with {fields}" if fields else "add"
        case Action.CHANGE:
            return f"change to {fields}"
        case Action.MOVE:
            return f"change the address, which was {content.get('former', '')}"
        case Action.REMOVE:
            return "remove"
        case Action.UNSUBSCRIBE:
            return "unsubscribe"
        case Action.WRITE_BACK:
            return f"write {_values(content.get('back', {}))} into the source"
        case Action.CREATE:
            values = _values(content.get("create", {}))
            return f"create in the source with {values}" if values else "create in the source"


def _values(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{name} “{value}”" for name, value in fields.items())


def compare_plans(
    state: State, planned: Plan, now_plan: Plan, limit: int = 1_000
) -> tuple[list[Difference], list[tuple[int, str]]]:
    """What ``now_plan`` would add to or alter in ``planned`` (it is stale then), and what lost its write.

    The second part names rows of ``planned`` by number with the reason of their present class: they are
    withheld, and make nothing stale (design law 2). A write that a later job of ours explains (it touched the
    address on this list since the plan was made) is in neither.
    """
    db = state.db
    list_no = db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (planned.connection, planned.list_id)
    ).fetchone()[0]
    _stage_writes(state, "planned_writes", planned)
    _stage_writes(state, "present_writes", now_plan)
    stale = db.execute(
        "SELECT b.action, b.email, b.payload, a.action, a.payload FROM temp.present_writes b"
        " LEFT JOIN temp.planned_writes a ON a.address_key = b.address_key"
        " WHERE NOT EXISTS (SELECT 1 FROM temp.planned_writes a WHERE a.address_key = b.address_key AND a.action = b.action"
        "  AND a.payload IS b.payload)"
        " AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.address_key = b.address_key AND j.list_no = ? AND j.at >= ?"
        f"  AND j.origin LIKE 'job:%' AND j.what IN {OURS}) ORDER BY b.n LIMIT ?",
        (list_no, stamp(planned.created_at), limit),
    ).fetchall()
    lost = db.execute(
        "SELECT a.n, a.address_key FROM temp.planned_writes a WHERE NOT EXISTS (SELECT 1 FROM temp.present_writes b"
        " WHERE b.address_key = a.address_key AND b.action = a.action AND b.payload IS a.payload) ORDER BY a.n"
    ).fetchall()
    differences = [
        Difference(
            str(email),
            in_words(action, payload),
            in_words(was, planned_payload) if was else "not in the plan",
        )
        for action, email, payload, was, planned_payload in stale
    ]
    withheld = []
    for n, key in lost:
        present = find_in_plan(state, now_plan, str(key))
        withheld.append((int(n), present[0].reason if present else "no-longer-needed"))
    for table in ("planned_writes", "present_writes"):
        db.execute(f"DROP TABLE temp.{table}")
    return differences, withheld
