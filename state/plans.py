"""Plans as they are kept: found by id, listed, taken by a job, dropped; their rows by number or by address.

The n-th row of any class is one look-up away, for the rows of a group stand next to each other (``state.planning``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from state.errors import StateError
from state.model import (
    Action,
    Consent,
    FieldDifference,
    Guard,
    Mode,
    Plan,
    PlanGroup,
    PlanRow,
    RowClass,
)
from state.moments import moment
from state.store import State


@dataclass(slots=True)  # not frozen: made by the hundred thousand, and a frozen one costs three times as much
class WriteRow:
    """A row to be sent, as an export reads it."""

    n: int
    action: Action
    address_key: str
    email: str
    source_id: str
    origin_id: str
    payload: Mapping[str, object]


_UNUSED = (
    "EXISTS (SELECT 1 FROM jobs j WHERE j.job_id = plans.job_id AND j.state IN ('cancelled', 'failed')"
    " AND NOT EXISTS (SELECT 1 FROM chunks k WHERE k.job_no = j.no))"
)
"""The job that took a plan ended before it sent anything, so the plan is not used up."""


def get_plan(state: State, plan_id: str) -> Plan:
    """The plan of an id or of a unique beginning of one (4 letters at least); ``StateError`` plan-missing."""
    wanted = plan_id.strip().upper()
    row = None
    if len(wanted) >= 4 and wanted.isalnum():
        found = state.db.execute(
            "SELECT no, plan_id, link, connection, list_id, created_at, digest, mode, saved, writes, mails, guards, fields, basis,"
            " operator FROM plans WHERE plan_id >= ? AND plan_id < ? LIMIT 2",
            (wanted, wanted + "~"),
        ).fetchall()
        row = found[0] if len(found) == 1 else None
    if row is None:
        raise StateError(
            "plan-missing", f"The state has no plan {plan_id}.", "Make one: listwarden preview LINK --save"
        )
    groups = tuple(
        PlanGroup(RowClass(name), reason, Action(action) if action else None, first, rows)
        for first, rows, name, reason, action in state.db.execute(
            "SELECT first, rows, class, reason, action FROM plan_groups WHERE plan_no = ? ORDER BY first",
            (row[0],),
        )
    )
    return Plan(
        plan_id=row[1],
        link=row[2],
        connection=row[3],
        list_id=row[4],
        created_at=moment(row[5]),
        digest=row[6],
        mode=Mode(row[7]),
        groups=groups,
        guards=tuple(Guard(*guard) for guard in json.loads(row[11])),
        fields=tuple(json.loads(row[12])),
        writes=row[9],
        mails=row[10],
        saved=bool(row[8]),
        basis=json.loads(row[13]),
        operator=row[14],
    )


def plans_of(state: State, link: str, limit: int = 20) -> list[Plan]:
    """The newest plans of a link that are kept for people, newest first."""
    ids = state.db.execute(
        "SELECT plan_id FROM plans WHERE link = ? AND saved = 1 ORDER BY no DESC LIMIT ?", (link, limit)
    ).fetchall()
    return [get_plan(state, str(row[0])) for row in ids]


def latest_plan(state: State, link: str) -> Plan | None:
    """The newest plan of a link, kept for people or not; the inverse of a job is none."""
    row = state.db.execute(
        "SELECT plan_id FROM plans WHERE link = ? AND json_extract(basis, '$.undo_of') IS NULL"
        " ORDER BY no DESC LIMIT 1",
        (link,),
    ).fetchone()
    return get_plan(state, str(row[0])) if row else None


def plan_number(state: State, plan_id: str) -> int:
    """The number a plan's rows are kept under."""
    row = state.db.execute("SELECT no FROM plans WHERE plan_id = ?", (plan_id,)).fetchone()
    if row is None:
        raise StateError(
            "plan-missing", f"The state has no plan {plan_id}.", "Make one: listwarden preview LINK --save"
        )
    return int(row[0])


def plan_job(state: State, plan_id: str) -> str | None:
    """The id of the job that has this plan, None while it may be exported (see ``take_plan``)."""
    row = state.db.execute(
        f"SELECT job_id FROM plans WHERE plan_id = ? AND job_id IS NOT NULL AND NOT ({_UNUSED})", (plan_id,)
    ).fetchone()
    return str(row[0]) if row else None


def take_plan(state: State, plan_id: str, job_id: str) -> bool:
    """Bind a plan to the job that exports it; False when another job has it already.

    A job that ended before it sent anything has not used its plan up.
    """
    with state.write() as db:
        taken = db.execute(
            f"UPDATE plans SET job_id = ?1 WHERE plan_id = ?2 AND (job_id IS NULL OR job_id = ?1 OR {_UNUSED})",
            (job_id, plan_id),
        ).rowcount
    return taken == 1


def save_plan(state: State, plan_id: str) -> None:
    """Keep a plan for people: it is listed, and not dropped when newer ones come."""
    with state.write() as db:
        db.execute("UPDATE plans SET saved = 1 WHERE plan_id = ?", (plan_id,))


def drop_plan(state: State, plan_id: str) -> None:
    """Drop a plan and its rows."""
    with state.write() as db:
        db.execute(
            "DELETE FROM plan_rows WHERE plan_no = (SELECT no FROM plans WHERE plan_id = ?)", (plan_id,)
        )
        db.execute("DELETE FROM plans WHERE plan_id = ?", (plan_id,))


def drop_old_plans(state: State, link: str, keep: int = 3) -> None:
    """Make room: of the plans nobody kept, all but the newest ``keep`` of a link go.

    One that a job used keeps its writes, for they say what was sent; the rows that were only shown go.
    """
    with state.write() as db:
        old = db.execute(
            "SELECT no, plan_id, job_id IS NOT NULL, writes FROM plans WHERE link = ? AND saved = 0"
            " ORDER BY no DESC LIMIT -1 OFFSET ?",
            (link, keep),
        ).fetchall()
        for plan_no, plan_id, used, writes in old:
            if used:
                db.execute("DELETE FROM plan_rows WHERE plan_no = ? AND n >= ?", (plan_no, writes))
            else:
                drop_plan(state, str(plan_id))


def plan_rows(state: State, plan: Plan, first: int, count: int) -> list[PlanRow]:
    """Rows ``first`` to ``first + count - 1``, with what is known of the member now (consent, since when)."""
    list_no = state.db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
    ).fetchone()[0]
    rows = state.db.execute(
        "SELECT p.n, p.address_key, p.email, p.source_id, coalesce(p.origin_id, m.origin_id, ''), p.detail, m.consent, m.since,"
        " m.changed_at, m.detail, m.email, m.raw_status FROM plan_rows p LEFT JOIN members m ON m.list_no = ?2"
        " AND m.address_key = p.address_key WHERE p.plan_no = ?1 AND p.n >= ?3 AND p.n < ?4 ORDER BY p.n",
        (plan_number(state, plan.plan_id), list_no, first, first + count),
    ).fetchall()
    found: list[PlanRow] = []
    groups = iter(plan.groups)
    group: PlanGroup | None = next(groups, None)
    for (
        n,
        key,
        email,
        source_id,
        origin_id,
        detail,
        consent,
        since,
        changed_at,
        member_detail,
        member_email,
        raw,
    ) in rows:
        while group is not None and n >= group.first + group.rows:
            group = next(groups, None)
        if group is None:
            break
        extra = json.loads(detail) if detail else {}
        notes = [
            extra.get("note", ""),
            f"may reach the same mailbox as {extra['alias']}; taken for another person"
            if "alias" in extra
            else "",
            f"platform: {raw}" if raw and consent != raw else "",
            member_detail or "",
        ]
        found.append(
            PlanRow(
                n=n,
                row_class=group.row_class,
                reason=group.reason,
                action=group.action,
                email=email or member_email or key,
                address_key=key,
                source_id=source_id or "",
                origin_id=origin_id,
                former_email=extra.get("former") or "",
                consent=Consent(consent) if consent else None,
                since=since or changed_at or "",
                differences=_differences(extra),
                note=" · ".join(note for note in notes if note),
            )
        )
    return found


def _differences(extra: Mapping[str, Mapping[str, str]]) -> tuple[FieldDifference, ...]:
    """Fields that change at the platform, then those that change in the source."""
    agreed = extra.get("agreed", {})
    return tuple(
        FieldDifference(name, extra.get(f"{side}before", {}).get(name), value, agreed.get(name), side != "")
        for side in ("", "back_")
        for name, value in extra.get(f"{side}after", {}).items()
    )


def find_in_plan(state: State, plan: Plan, key: str) -> list[PlanRow]:
    """All rows of one address; every group is in order of address, so this is a search by halves."""
    plan_no = plan_number(state, plan.plan_id)
    found: list[PlanRow] = []
    for group in plan.groups:
        low, high = group.first, group.first + group.rows
        end = high
        while low < high:
            middle = (low + high) // 2
            row = state.db.execute(
                "SELECT address_key FROM plan_rows WHERE plan_no = ? AND n = ?", (plan_no, middle)
            ).fetchone()
            if row is None or str(row[0]) < key:
                low = middle + 1
            else:
                high = middle
        while low < end:
            row = state.db.execute(
                "SELECT address_key FROM plan_rows WHERE plan_no = ? AND n = ?", (plan_no, low)
            ).fetchone()
            if row is None or row[0] != key:
                break
            found += plan_rows(state, plan, low, 1)
            low += 1
    return found


def write_rows(state: State, plan: Plan, first: int, last: int) -> list[WriteRow]:
    """The rows to be sent between two numbers, both included."""
    plan_no = plan_number(state, plan.plan_id)
    found: list[WriteRow] = []
    for group in plan.groups:
        low, high = max(first, group.first), min(last, group.first + group.rows - 1)
        if group.action is None or low > high:
            continue
        rows = state.db.execute(
            "SELECT n, address_key, email, source_id, origin_id, coalesce(payload, '{}') FROM plan_rows WHERE plan_no = ?"
            " AND n BETWEEN ? AND ? ORDER BY n",
            (plan_no, low, high),
        ).fetchall()
        payloads = json.loads(
            f"[{','.join([row[5] for row in rows])}]"
        )  # one call for all: three times as quick
        found += [
            WriteRow(n, group.action, key, email or key, source_id or key, origin_id or "", payload)
            for (n, key, email, source_id, origin_id, _), payload in zip(rows, payloads, strict=True)
        ]
    return found
