"""Reading back after the last chunk: what the platform said yes to and a later listing does not show (R17, F15).

Folding an outcome sets a member's ``seen_no`` to 0; only a listing sets it again. So a listing made after sending
shows a write where the member was seen since.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from state.address import address_key
from state.chunks import Answer, put_outcomes
from state.compare import Comparison
from state.contacts import SEPARATOR
from state.model import Action, Consent, Member, Outcome, Plan
from state.moments import stamp
from state.plans import plan_number, write_rows
from state.store import State

_BATCH = 1_000
_ON_THE_LIST = (Consent.SUBSCRIBED.value, Consent.PENDING.value)


def unverified(
    state: State, job_no: int, plan: Plan, comparison: Comparison, *, removal_leaves_record: bool
) -> list[tuple[int, str, Action]]:
    """Rows whose ``sent`` a listing made after sending does not show: ``(n, e-mail, action)`` (R17, F15).

    Where a removal leaves no record on the list, a removed member that is not listed again shows it. What went to
    the source is not looked for here: the next reading of the source tells.
    """
    list_no = state.db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
    ).fetchone()[0]
    plan_no = plan_number(state, plan.plan_id)
    found: list[tuple[int, str, Action]] = []
    for group in plan.groups:
        if group.action is None or group.action.at_source:
            continue
        after = group.first - 1
        while True:
            rows = state.db.execute(
                "SELECT p.n, p.address_key, p.email, p.payload, m.consent, m.mapped, m.seen_no, m.gone FROM plan_rows p"
                " JOIN outcomes o ON o.job_no = ?1 AND o.n = p.n AND o.outcome = 'sent'"
                " LEFT JOIN members m ON m.list_no = ?2 AND m.address_key = p.address_key"
                " WHERE p.plan_no = ?3 AND p.n > ?4 AND p.n < ?5 ORDER BY p.n LIMIT ?6",
                (job_no, list_no, plan_no, after, group.first + group.rows, _BATCH),
            ).fetchall()
            if not rows:
                break
            after = rows[-1][0]
            for n, key, email, payload, consent, mapped, seen_no, gone in rows:
                if group.action is Action.REMOVE and not removal_leaves_record:
                    shown = consent is None or gone is not None or consent not in _ON_THE_LIST
                else:
                    content = json.loads(payload or "{}")
                    shown = _shows(
                        group.action, plan, comparison, content, consent, mapped, bool(seen_no), gone
                    )
                if not shown:
                    found.append((n, email or key, group.action))
    return found


def _shows(
    action: Action,
    plan: Plan,
    comparison: Comparison,
    payload: dict[str, object],
    consent: str | None,
    mapped: str | None,
    seen: bool,
    gone: str | None,
) -> bool:
    if consent is None or (gone is not None and action is not Action.REMOVE):
        return False
    if action is Action.ADD or action is Action.MOVE:
        return seen
    if action is Action.CHANGE:
        fields = payload.get("fields", {})
        present = dict(zip(plan.fields, (mapped or "").split(SEPARATOR), strict=False))
        return isinstance(fields, dict) and not comparison.still_differs(fields, present)
    # Folding has set the consent already: what counts is that a listing told of the member since.
    return consent != Consent.SUBSCRIBED.value and (gone is not None or seen)


def removed_rows(state: State, job_no: int, plan: Plan, limit: int) -> list[tuple[int, str]]:
    """Some rows whose removal the platform confirmed, ``(n, e-mail)``, for looking a few of them up."""
    plan_no = plan_number(state, plan.plan_id)
    found: list[tuple[int, str]] = []
    for group in plan.groups:
        if group.action is Action.REMOVE:
            found += state.db.execute(
                "SELECT p.n, coalesce(p.email, p.address_key) FROM plan_rows p JOIN outcomes o ON o.job_no = ? AND o.n = p.n"
                " AND o.outcome = 'sent' WHERE p.plan_no = ? AND p.n BETWEEN ? AND ? ORDER BY p.n LIMIT ?",
                (job_no, plan_no, group.first, group.first + group.rows - 1, limit - len(found)),
            ).fetchall()
    return found


def settle_unverified(
    state: State,
    job_id: str,
    job_no: int,
    plan: Plan,
    link: str,
    rows: Sequence[int],
    *,
    operator: str,
    now: datetime,
    still_there: Sequence[Member] = (),
) -> None:
    """Rows that were answered with yes and not shown on reading back: outcome, journal and members, in one transaction.

    ``still_there`` are people whose removal was confirmed and whom the list still shows: they are members again.
    """
    with state.write():
        _take_back(state, plan, still_there)
        mark_unverified(state, job_no, rows, now)
        journal_unverified(state, job_id, job_no, plan, link, operator=operator, now=now)
        _forget_unseen(state, plan, rows)


def _take_back(state: State, plan: Plan, members: Sequence[Member]) -> None:
    state.db.executemany(
        "INSERT OR IGNORE INTO members (list_no, address_key, email, origin_id, person_id, consent, raw_status, mapped,"
        " changed_at, since, detail, scope, ours) SELECT no, ?, nullif(?, ?), ?, ?, ?, ?, ?, '', ?, '', ?, 1 FROM lists"
        " WHERE connection = ? AND list_id = ?",
        [
            (
                address_key(one.email),
                one.email,
                address_key(one.email),
                one.origin_id,
                one.person_id,
                one.consent.value,
                one.raw_status,
                SEPARATOR.join([one.fields.get(name, "").replace(SEPARATOR, " ") for name in plan.fields]),
                one.since,
                one.scope or "",
                plan.connection,
                plan.list_id,
            )
            for one in members
        ],
    )


def mark_unverified(state: State, job_no: int, rows: Sequence[int], now: datetime) -> None:
    """The platform said yes, and reading back did not show it."""
    put_outcomes(state, job_no, [Answer(n, Outcome.UNVERIFIED, "not-shown") for n in rows], now)


def _forget_unseen(state: State, plan: Plan, rows: Sequence[int]) -> None:
    """Forget members that only the platform's yes had made known; whom it did not remove is ours as before.

    Else the next whole listing would take the former for erased, and they would never be added.
    """
    db = state.db
    list_no = db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
    ).fetchone()[0]
    for row in (row for n in rows for row in write_rows(state, plan, n, n)):
        if row.action in (Action.ADD, Action.MOVE):
            db.execute(
                "DELETE FROM members WHERE list_no = ? AND address_key = ? AND seen_no = 0 AND gone IS NULL",
                (list_no, row.address_key),
            )
        if row.action is Action.REMOVE:  # a listing that shows them again does not know that they are ours
            db.execute(
                "UPDATE members SET ours = 1 WHERE list_no = ? AND address_key = ? AND gone IS NULL",
                (list_no, row.address_key),
            )
        if row.action is Action.MOVE:
            db.execute(
                "UPDATE contacts SET former_key = ? WHERE address_key = ?"
                " AND link_no = (SELECT link_no FROM plans WHERE plan_id = ?)",
                (address_key(str(row.payload.get("former", ""))), row.address_key, plan.plan_id),
            )


def journal_unverified(
    state: State, job_id: str, job_no: int, plan: Plan, link: str, *, operator: str, now: datetime
) -> None:
    """Say so in the address's journal as well; the earlier entry stands (the journal is append-only)."""
    list_no = state.db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
    ).fetchone()[0]
    with state.write() as db:
        db.execute(
            "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail)"
            " SELECT ?, p.address_key, ?, ?, ?, 'unverified', 'not-shown', ?, '' FROM outcomes o JOIN plan_rows p"
            " ON p.plan_no = ? AND p.n = o.n WHERE o.job_no = ? AND o.outcome = 'unverified' ORDER BY p.address_key",
            (stamp(now), list_no, link, f"job:{job_id}", operator, plan_number(state, plan.plan_id), job_no),
        )
