"""The inverse of an export: a plan that takes back what can be taken back, and says what cannot (R13).

Additions are removed, changed fields and addresses get their former value. An unsubscription cannot be undone by
us, for that would raise consent; nor can a removal that leaves a record of another state (Mailchimp's archive).
What was written into the source is listed and stays: the source keeps a history of its own.
Where a removal leaves none, consent was never lowered: such people are added again with the link's consent basis,
and without fields, for the account kept their values. The plan is exported like any other, under the same guards; rows
whose member moved on since are withheld.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from state.address import address_key
from state.compare import compact
from state.contacts import SEPARATOR
from state.ids import new_id
from state.model import Action, Consent, Guard, Plan, PlanGroup, RowClass
from state.moments import stamp
from state.opt_outs import opt_out_reason
from state.planning import removal_limit
from state.plans import plan_number
from state.store import State

_PAGE = 2_000


@dataclass(slots=True, frozen=True)
class _Kind:
    row_class: RowClass
    reason: str
    action: Action | None


TO_THE_SOURCE = frozenset(action for action in Action if action.at_source)

_INVERSE: tuple[tuple[_Kind, frozenset[Action]], ...] = (
    (_Kind(RowClass.CHANGED, "undo-change", Action.CHANGE), frozenset({Action.CHANGE})),
    (_Kind(RowClass.ADDRESS_CHANGED, "undo-move", Action.MOVE), frozenset({Action.MOVE})),
    (_Kind(RowClass.REMOVED, "undo-addition", Action.REMOVE), frozenset({Action.ADD})),
    (
        _Kind(RowClass.EXISTING_IGNORED, "cannot-undo", None),
        frozenset({Action.REMOVE, Action.UNSUBSCRIBE, *TO_THE_SOURCE}),
    ),
)
"""What takes back which actions. Writes to the source are told of, no more: the source has its own history."""

_INVERSE_WITHOUT_RECORD: tuple[tuple[_Kind, frozenset[Action]], ...] = (
    (_Kind(RowClass.NEW, "undo-removal", Action.ADD), frozenset({Action.REMOVE})),
    *_INVERSE[:-1],
    (
        _Kind(RowClass.EXISTING_IGNORED, "cannot-undo", None),
        frozenset({Action.UNSUBSCRIBE, *TO_THE_SOURCE}),
    ),
)
"""The same where a removal leaves no record on the list."""


def is_undo(plan: Plan) -> bool:
    """Whether a plan is the inverse of a job."""
    return bool(plan.basis.get("undo_of"))


def make_undo_plan(
    state: State,
    plan: Plan,
    job_no: int,
    job_id: str,
    *,
    operator: str,
    now: datetime,
    removal_leaves_record: bool = True,
    consent: str = "",
) -> str | None:
    """Keep the inverse of what a job sent, and return its id; None when it sent the platform nothing or was an undo itself.

    ``consent`` is the link's basis for additions; without one a removal cannot be taken back.
    """
    if is_undo(plan):
        return None
    db = state.db
    plan_no = plan_number(state, plan.plan_id)
    sent = int(
        db.execute(
            "SELECT count(*) FROM outcomes o JOIN plan_groups g ON g.plan_no = ? AND o.n BETWEEN g.first AND g.first + g.rows - 1"
            " WHERE o.job_no = ? AND o.outcome IN ('sent', 'unverified') AND g.action NOT IN ('write-back', 'create')",
            (plan_no, job_no),
        ).fetchone()[0]
    )
    if not sent:
        return None
    undo_id = new_id(now)
    digest = hashlib.blake2b(f"undo of {job_id}".encode(), digest_size=16)
    with state.write():
        undo_no = int(
            db.execute(
                "INSERT INTO plans (plan_id, link_no, link, connection, list_id, created_at, digest, mode, saved, writes, mails, guards,"
                " fields, basis, operator) SELECT ?, link_no, link, connection, list_id, ?, '', mode, 1, 0, 0, '[]', fields, ?, ?"
                " FROM plans WHERE no = ? RETURNING no",
                (undo_id, stamp(now), compact({**plan.basis, "undo_of": job_id}), operator, plan_no),
            ).fetchone()[0]
        )
        first = writes = removals = 0
        for kind, actions in _INVERSE if removal_leaves_record or not consent else _INVERSE_WITHOUT_RECORD:
            ranges = [(g.first, g.first + g.rows - 1) for g in plan.groups if g.action in actions]
            rows = _keep_inverse(state, plan_no, undo_no, job_no, first, ranges, kind, consent, digest.update)
            if not rows:
                continue
            db.execute(
                "INSERT INTO plan_groups (plan_no, first, rows, class, reason, action) VALUES (?, ?, ?, ?, ?, ?)",
                (undo_no, first, rows, kind.row_class.value, kind.reason, kind.action and kind.action.value),
            )
            first += rows
            writes += rows if kind.action is not None else 0
            removals += rows if kind.action is Action.REMOVE else 0
        limit = removal_limit(int(plan.basis.get("listing_rows", "0")))
        guards = []
        if removals > limit:
            way_out = f"look at the rows, then: listwarden export {plan.link} --plan {undo_id} --max-removals {removals}"
            guards.append(
                Guard(
                    "too-many-removals", "removals and unsubscriptions in one plan", removals, limit, way_out
                )
            )
        db.execute(
            "UPDATE plans SET digest = ?, writes = ?, guards = ? WHERE no = ?",
            (
                digest.hexdigest(),
                writes,
                compact(
                    [[guard.reason, guard.rule, guard.value, guard.limit, guard.way_out] for guard in guards]
                ),
                undo_no,
            ),
        )
    return undo_id


def _keep_inverse(
    state: State,
    plan_no: int,
    undo_no: int,
    job_no: int,
    first: int,
    ranges: list[tuple[int, int]],
    kind: _Kind,
    consent: str,
    digest: Callable[[bytes], None],
) -> int:
    """Keep one group of inverse rows in order of address; a page at a time, whatever the size of the job."""
    db = state.db
    db.execute("DROP TABLE IF EXISTS temp.inverse")
    db.execute(
        "CREATE TEMP TABLE inverse (address_key TEXT, email TEXT, source_id TEXT, origin_id TEXT, payload TEXT, detail TEXT)"
    )
    for low, high in ranges:
        while low <= high:
            rows = db.execute(
                "SELECT p.n, p.address_key, p.email, p.source_id, coalesce(o.origin_id, p.origin_id), p.payload, p.detail"
                " FROM plan_rows p JOIN outcomes o ON o.job_no = ? AND o.n = p.n AND o.outcome IN ('sent', 'unverified')"
                " WHERE p.plan_no = ? AND p.n BETWEEN ? AND ? ORDER BY p.n LIMIT ?",
                (job_no, plan_no, low, high, _PAGE),
            ).fetchall()
            if not rows:
                break
            low = rows[-1][0] + 1
            kept = [_inverse_row(kind, consent, *row[1:]) for row in rows]
            for key, _, _, origin_id, payload, _ in kept:
                digest(f"{kind.reason}\x1f{key}\x1f{origin_id or ''}\x1f{payload}\x1e".encode())
            db.executemany("INSERT INTO temp.inverse VALUES (?, ?, ?, ?, ?, ?)", kept)
    count = db.execute(
        "INSERT INTO plan_rows SELECT ?, ? + row_number() OVER () - 1, i.* FROM"
        " (SELECT * FROM temp.inverse ORDER BY address_key) i",
        (undo_no, first),
    ).rowcount
    db.execute("DROP TABLE temp.inverse")
    return int(count)


def _inverse_row(
    kind: _Kind,
    consent: str,
    key: str,
    email: str | None,
    source_id: str | None,
    origin_id: str | None,
    payload_text: str | None,
    detail_text: str | None,
) -> tuple[str, str | None, str | None, str | None, str | None, str | None]:
    payload, detail = json.loads(payload_text or "{}"), json.loads(detail_text or "{}")
    inverse: dict[str, object] = {}
    shown: dict[str, object] = {}
    if kind.action is Action.CHANGE:
        after = payload.get("fields", {})
        before = {name: detail.get("before", {}).get(name) or "" for name in after}
        inverse, shown = {"fields": before}, {"before": after, "after": before}
    elif kind.action is Action.ADD:
        inverse = {"fields": {}, "consent": consent}
    elif kind.action is Action.MOVE:
        former, present = str(payload.get("former", "")), email or key
        inverse, shown = {"former": present, "email": former}, {"former": present, "key": key}
        if "fields" in payload:
            before = {name: detail.get("before", {}).get(name) or "" for name in payload["fields"]}
            inverse["fields"] = before
            shown |= {"before": payload["fields"], "after": before}
        key, email = address_key(former), former
    sent = compact(inverse) if kind.action is not None else None
    return key, email, source_id, origin_id, sent, compact(shown) if shown else None


def undo_losses(state: State, plan: Plan) -> list[tuple[int, str]]:
    """Rows of an undo plan whose member is no longer as our job left it, and of who says no in the source: they are
    withheld, not sent."""
    list_no = state.db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
    ).fetchone()[0]
    names = list(plan.fields)
    lost: list[tuple[int, str]] = []
    for group in plan.groups:
        if group.action is None:
            continue
        rows = state.db.execute(
            "SELECT p.n, p.detail, m.consent, m.scope, m.ours, m.mapped, m.gone FROM plan_rows p LEFT JOIN members m ON m.list_no = ?1"
            " AND m.address_key = CASE WHEN ?2 = 'move' THEN json_extract(p.detail, '$.key') ELSE p.address_key END"
            " WHERE p.plan_no = ?3 AND p.n BETWEEN ?4 AND ?5 ORDER BY p.n",
            (
                list_no,
                group.action.value,
                plan_number(state, plan.plan_id),
                group.first,
                group.first + group.rows - 1,
            ),
        ).fetchall()
        refusing = _opted_out_people(state, plan, group) if group.action is Action.ADD else frozenset()
        for n, detail, consent, scope, ours, mapped, gone in rows:
            if group.action is Action.ADD:
                if consent is not None and gone is None:
                    lost.append((n, opt_out_reason(Consent(consent), scope) or "already-there"))
                elif n in refusing:
                    lost.append((n, "opted-out-at-source"))
            elif consent is None or gone is not None:
                lost.append((n, "member-gone"))
            elif group.action is Action.REMOVE and (not ours or consent not in ("subscribed", "pending")):
                lost.append((n, "no-longer-needed"))
            elif group.action is Action.CHANGE:
                present = dict(zip(names, (mapped or "").split(SEPARATOR), strict=False))
                sent = json.loads(detail or "{}").get("before", {})
                if any(present.get(name, "") != value for name, value in sent.items()):
                    lost.append((n, "no-longer-needed"))
    return lost


def _opted_out_people(state: State, plan: Plan, group: PlanGroup) -> frozenset[int]:
    """Rows of a group whose person the source marks as opted out, under this address or another."""
    plan_no = plan_number(state, plan.plan_id)
    (link_no,) = state.db.execute("SELECT link_no FROM plans WHERE no = ?", (plan_no,)).fetchone()
    rows = state.db.execute(
        "SELECT n FROM plan_rows WHERE plan_no = ?1 AND n BETWEEN ?2 AND ?3 AND address_key IN ("
        "SELECT address_key FROM contacts WHERE link_no = ?4 AND opted_out = 1 UNION ALL"
        " SELECT former_key FROM contacts WHERE link_no = ?4 AND opted_out = 1 AND former_key IS NOT NULL)",
        (plan_no, group.first, group.first + group.rows - 1, link_no),
    )
    return frozenset(int(n) for (n,) in rows)
