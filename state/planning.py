"""Making a plan: what would be sent and what not, with a reason for every row, kept under an id and a digest.

The rows of a plan are ordered by verdict and then by address, writes first in the order an export works.
A group names the verdict of a whole range of rows, so that counts are sizes of ranges and never disagree with rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from state.classify import IN_SYNC, VERDICTS, Question, Verdict, classify, code
from state.compare import Comparison, FieldRules, compact
from state.ids import new_id
from state.model import (
    ACTION_ORDER,
    Action,
    Guard,
    Link,
    Mode,
    Plan,
    RowClass,
)
from state.moments import stamp
from state.plans import get_plan
from state.store import State

REMOVAL_FLOOR = 10


REMOVAL_SHARE = 0.05


_BATCH = 2_000


_DETAILED = frozenset(
    code(*pair)
    for pair in (
        (RowClass.EXISTING_IGNORED, "differs"),
        (RowClass.EXISTING_IGNORED, "field-invalid"),
        (RowClass.INVALID, "field-invalid"),
        (RowClass.INVALID, "field-required"),
        (RowClass.ADDRESS_CHANGED, "address-change-ask"),
        (RowClass.ADDRESS_CHANGED, "address-change-add-only"),
        (RowClass.ADDRESS_CHANGED, "address-needs-consent"),
        (RowClass.UNSUBSCRIBED_IGNORED, "opted-out-under-former-address"),
    )
)
"""Verdicts without a write whose rows keep their own before and after."""


_CLASS_ORDER = {row_class: place for place, row_class in enumerate(RowClass)}


@dataclass(slots=True, frozen=True)
class PlanBasis:
    """What a plan rests on; part of its digest."""

    source_snapshot: str
    source_rows: int
    cursor: str
    listing_rows: int
    double_opt_in: bool


def removal_limit(listing_rows: int) -> int:
    """Removals and unsubscriptions one plan may hold without the number typed (design law 6)."""
    return max(REMOVAL_FLOOR, int(listing_rows * REMOVAL_SHARE))


def make_plan(
    state: State,
    link: Link,
    *,
    link_no: int,
    list_no: int,
    rules: FieldRules,
    basis: PlanBasis,
    saved: bool,
    operator: str,
    now: datetime,
    guards: Sequence[Guard] = (),
) -> Plan:
    """Classify all rows of a link as the state stands, and keep the plan in one transaction.

    ``guards`` are those found before there was a plan; the one on removals is added here.
    """
    comparison = Comparison(rules, sends_changes=link.mode is not Mode.ADD_ONLY)
    question = Question(link_no, list_no, link.mode, link.address_change, bool(link.consent_column))
    db = state.db
    plan_id = new_id(now)
    with state.write():
        classify(state, question, comparison)
        counts = _verdict_counts(state, link_no)
        plan_no = int(
            db.execute(
                "INSERT INTO plans (plan_id, link_no, link, connection, list_id, created_at, digest, mode, saved, writes, mails,"
                " guards, fields, basis, operator) VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, 0, 0, '[]', ?, ?, ?) RETURNING no",
                (
                    plan_id,
                    link_no,
                    link.name,
                    link.connection,
                    link.list_id,
                    stamp(now),
                    link.mode.value,
                    saved,
                    compact([mapping.target for mapping in link.fields]),
                    compact(
                        {
                            "source": link.source,
                            "snapshot": basis.source_snapshot,
                            "source_rows": str(basis.source_rows),
                            "cursor": basis.cursor,
                            "listing_rows": str(basis.listing_rows),
                            "double_opt_in": "yes" if basis.double_opt_in else "no",
                        }
                    ),
                    operator,
                ),
            ).fetchone()[0]
        )
        digest = hashlib.blake2b(digest_size=16)
        digest.update(
            compact(
                [
                    link.name,
                    link.connection,
                    link.list_id,
                    link.mode.value,
                    [[mapping.target, list(mapping.columns), mapping.blank.value] for mapping in link.fields],
                    link.consent,
                    basis.source_snapshot,
                    basis.cursor,
                ]
            ).encode()
        )
        first = 0
        writes = mails = losses = 0
        for number in sorted(counts, key=_order):
            verdict = VERDICTS[number]
            rows = counts[number]
            if not rows:
                continue
            db.execute(
                "INSERT INTO plan_groups (plan_no, first, rows, class, reason, action) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    plan_no,
                    first,
                    rows,
                    verdict.row_class.value,
                    verdict.reason,
                    verdict.action and verdict.action.value,
                ),
            )
            if number == IN_SYNC:
                _keep_in_sync(state, plan_no, first, rows, link_no)
            elif verdict.action is not None or number in _DETAILED:
                _keep_detailed(state, plan_no, first, number, link, link_no, list_no, comparison, digest)
            else:
                _keep_plain(state, plan_no, first, number, link_no, list_no)
            first += rows
            if verdict.action is not None:
                writes += rows
                mails += rows if verdict.action is Action.ADD and basis.double_opt_in else 0
                losses += rows if verdict.action in (Action.REMOVE, Action.UNSUBSCRIBE) else 0
        held = list(guards)
        limit = removal_limit(basis.listing_rows)
        if losses > limit:
            held.append(
                Guard(
                    "too-many-removals",
                    "removals and unsubscriptions in one plan",
                    losses,
                    limit,
                    f"look at the rows, then: listwarden export {link.name} --plan {plan_id} --max-removals {losses}",
                )
            )
        db.execute(
            "UPDATE plans SET digest = ?, writes = ?, mails = ?, guards = ? WHERE no = ?",
            (
                digest.hexdigest(),
                writes,
                mails,
                compact(
                    [[guard.reason, guard.rule, guard.value, guard.limit, guard.way_out] for guard in held]
                ),
                plan_no,
            ),
        )
        for table in ("verdicts", "doubles", "strangers"):
            db.execute(f"DROP TABLE temp.{table}")
    return get_plan(state, plan_id)


def _order(number: int) -> tuple[int, int, int]:
    verdict = VERDICTS[number]
    if verdict.action is not None:
        return (0, ACTION_ORDER.index(verdict.action), number)
    return (1, _CLASS_ORDER[verdict.row_class], number)


def _verdict_counts(state: State, link_no: int) -> dict[int, int]:
    db = state.db
    counts = {
        int(number): int(rows)
        for number, rows in db.execute("SELECT code, count(*) FROM temp.verdicts GROUP BY code")
    }
    total = int(db.execute("SELECT count(*) FROM contacts WHERE link_no = ?", (link_no,)).fetchone()[0])
    counts[IN_SYNC] = total - sum(counts.values())
    for number, rows in db.execute("SELECT code, count(*) FROM temp.strangers GROUP BY code"):
        counts[int(number)] = counts.get(int(number), 0) + int(rows)
    db.execute("CREATE INDEX temp.verdicts_by_code ON verdicts (code)")
    return counts


@contextlib.contextmanager
def _numbers(state: State, first: int) -> Iterator[None]:
    """``next_n()`` counts rows from ``first``; row_number() costs as much as the rest of a statement.

    Only for a statement that reads its rows in the order they are to have: a sort would come after the counting.
    """
    state.db.create_function("next_n", 0, itertools.count(first).__next__)
    try:
        yield
    finally:
        state.db.create_function("next_n", 0, None)


def _keep_in_sync(state: State, plan_no: int, first: int, rows: int, link_no: int) -> None:
    with _numbers(state, first):
        kept = state.db.execute(
            "INSERT INTO plan_rows (plan_no, n, address_key, source_id) SELECT ?1, next_n(), c.address_key,"
            " nullif(c.source_id, c.address_key) FROM contacts c WHERE c.link_no = ?2 AND NOT EXISTS (SELECT 1 FROM temp.verdicts v"
            " WHERE v.address_key = c.address_key AND v.source_id = c.source_id AND v.copy = c.copy)"
            " ORDER BY c.address_key, c.source_id, c.copy",  # as the table lies
            (plan_no, link_no),
        ).rowcount
    if kept != rows:
        raise AssertionError("the in-sync rows of a plan are those it counted")


def _keep_plain(state: State, plan_no: int, first: int, number: int, link_no: int, list_no: int) -> None:
    """Rows that are only shown. Contacts and strangers of one verdict stand together in order of address."""
    db = state.db
    into = "INSERT INTO plan_rows (plan_no, n, address_key, email, source_id, origin_id, detail)"
    contacts = (
        "v.address_key, c.email, nullif(c.source_id, c.address_key) AS source_id, m.origin_id,"
        " CASE WHEN c.note IS NOT NULL THEN json_object('note', c.note) END AS note FROM temp.verdicts v"
        " CROSS JOIN contacts c ON c.link_no = ?3 AND c.address_key = v.address_key AND c.source_id = v.source_id AND c.copy = v.copy"
        " LEFT JOIN members m ON m.list_no = ?4 AND m.address_key = v.address_key WHERE v.code = ?5"
    )
    if db.execute("SELECT 1 FROM temp.strangers WHERE code = ? LIMIT 1", (number,)).fetchone() is None:
        with _numbers(state, first):
            db.execute(
                f"{into} SELECT ?1, next_n(), {contacts} ORDER BY v.address_key, v.source_id, v.copy",
                (plan_no, first, link_no, list_no, number),
            )
        return
    db.execute(
        f"{into} SELECT ?1, ?2 + row_number() OVER () - 1, address_key, email, source_id, origin_id, note FROM ("
        f"SELECT {contacts} UNION ALL SELECT s.address_key, m.email, NULL, m.origin_id, NULL FROM temp.strangers s"
        " CROSS JOIN members m ON m.list_no = ?4 AND m.address_key = s.address_key WHERE s.code = ?5 ORDER BY 1)",
        (plan_no, first, link_no, list_no, number),
    )


def _keep_detailed(
    state: State,
    plan_no: int,
    first: int,
    number: int,
    link: Link,
    link_no: int,
    list_no: int,
    comparison: Comparison,
    digest: hashlib.blake2b,
) -> None:
    """Rows that are sent (with the payload, ready) and rows shown with before and after."""
    verdict = VERDICTS[number]
    db = state.db
    rows = db.cursor().execute(
        "SELECT v.address_key, c.email, c.source_id, m.origin_id, c.mapped, m.mapped, c.consent, c.former_key, f.origin_id,"
        " f.email, m.email, c.note, f.mapped FROM temp.verdicts v CROSS JOIN contacts c ON c.link_no = ?1 AND c.address_key = v.address_key"
        " AND c.source_id = v.source_id AND c.copy = v.copy LEFT JOIN members m ON m.list_no = ?2 AND m.address_key = v.address_key"
        " LEFT JOIN members f ON f.list_no = ?2 AND f.address_key = c.former_key WHERE v.code = ?3"
        " UNION ALL SELECT s.address_key, m.email, '', m.origin_id, NULL, m.mapped, NULL, NULL, NULL, NULL, m.email, NULL, NULL"
        " FROM temp.strangers s CROSS JOIN members m ON m.list_no = ?2 AND m.address_key = s.address_key WHERE s.code = ?3 ORDER BY 1",
        (link_no, list_no, number),
    )
    n = first
    while batch := rows.fetchmany(_BATCH):
        kept = []
        for (
            key,
            email,
            source_id,
            origin_id,
            ours,
            theirs,
            consent,
            former,
            former_origin,
            former_email,
            member_email,
            note,
            former_mapped,
        ) in batch:
            theirs = former_mapped if verdict.action is Action.MOVE else theirs
            payload, detail = _payload_and_detail(
                verdict, link, comparison, ours, theirs, consent, former_email or former, email or key
            )
            if note:
                detail["note"] = note
            if (
                verdict.row_class is RowClass.ADDRESS_CHANGED
                or verdict.reason == "opted-out-under-former-address"
            ):
                origin_id = former_origin
            payload_text = compact(payload) if payload is not None else None
            if verdict.action is not None:
                digest.update(
                    f"{verdict.action.value}\x1f{key}\x1f{origin_id or ''}\x1f{payload_text}\x1e".encode()
                )
            if verdict.action in (Action.CHANGE, Action.UNSUBSCRIBE, Action.REMOVE):
                email = member_email  # the platform's own spelling
            kept.append(
                (
                    plan_no,
                    n,
                    key,
                    None if email == key else email,
                    None if source_id == key else source_id or None,
                    origin_id,
                    payload_text,
                    compact(detail) if detail else None,
                )
            )
            n += 1
        db.executemany("INSERT INTO plan_rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", kept)


def _payload_and_detail(
    verdict: Verdict,
    link: Link,
    comparison: Comparison,
    ours: str | None,
    theirs: str | None,
    consent: str | None,
    former: str | None,
    email: str,
) -> tuple[dict[str, object] | None, dict[str, object]]:
    detail: dict[str, object] = {}
    if verdict.action is Action.ADD:
        fields = comparison.addition(ours or "")
        payload: dict[str, object] = {
            "fields": fields,
            "consent": consent if link.consent_column else link.consent,
        }
        if link.tag:
            payload["tags"] = [link.tag]
        return payload, {"after": fields} if fields else {}
    if verdict.action is Action.CHANGE:
        after, before = (comparison.everything if verdict.reason == "due" else comparison.change)(
            ours or "", theirs or ""
        )
        return {"fields": after}, {"before": before, "after": after}
    if verdict.row_class is RowClass.ADDRESS_CHANGED or verdict.reason == "opted-out-under-former-address":
        detail["former"] = former
        if verdict.action is not Action.MOVE:
            return None, detail
        payload = {"former": former, "email": email}
        after, before = comparison.change(ours or "", theirs or "")
        if after and not comparison.refusal(
            ours or ""
        ):  # a value that would be refused shall not keep the address
            payload["fields"] = after
            detail |= {"before": before, "after": after}
        return payload, detail
    if verdict.action is not None:
        return {}, detail
    if verdict.reason == "differs":
        after, before = comparison.change(ours or "", theirs or "")
        return None, {"before": before, "after": after}
    if verdict.reason in ("field-invalid", "field-required"):
        detail["note"] = comparison.refusal(ours or "")
    return None, detail
