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

from state.agreed import agree_on_what_shows, forget_agreed
from state.aliases import flag_aliases
from state.classify import IN_SYNC, VERDICTS, Question, classify, code
from state.compare import Comparison, FieldRules, compact
from state.creations import NewContacts, new_contacts, settle_creations
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
from state.plan_content import RowTexts, payload_and_detail
from state.plans import get_plan
from state.store import State

REMOVAL_FLOOR = 10
REMOVAL_SHARE = 0.05
_BATCH = 2_000

_DETAILED = frozenset(
    code(*pair)
    for pair in (
        (RowClass.EXISTING_IGNORED, "differs"),
        (RowClass.EXISTING_IGNORED, "field-conflict"),
        (RowClass.EXISTING_IGNORED, "field-invalid"),
        (RowClass.EXISTING_IGNORED, "returned-to-source"),
        (RowClass.FOREIGN, "create-not-covered"),
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
    """What a plan rests on; part of its digest.

    ``source_usable``: rows of the source with a usable address. ``source_as_of``: how old the source's values are
    (a stamp; empty when not known), ``source_membership``: who belongs to it, in words; neither is in the digest.
    """

    source_snapshot: str
    source_rows: int
    cursor: str
    listing_rows: int
    double_opt_in: bool
    source_usable: int = 0
    source_as_of: str = ""
    source_membership: str = ""


def removal_limit(listing_rows: int) -> int:
    """Removals and unsubscriptions one plan may hold without the number typed (design law 6)."""
    return max(REMOVAL_FLOOR, int(listing_rows * REMOVAL_SHARE))


def write_back_limit(source_rows: int) -> int:
    """Rows one plan may write into the source without the number typed: the same share, of the source (R11)."""
    return removal_limit(source_rows)


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
    required: Sequence[str] = (),
) -> Plan:
    """Classify all rows of a link as the state stands, and keep the plan in one transaction.

    ``guards`` are those found before there was a plan; those on removals and on writes into the source are added
    here. ``required`` are the columns a new contact of the source must have.
    """
    sends_changes = link.mode is not Mode.ADD_ONLY
    comparison = Comparison(rules, sends_changes=sends_changes, source_as_of=basis.source_as_of)
    two_way = comparison.two_way
    question = Question(link_no, list_no, link.mode, link.address_change, bool(link.consent_column), two_way)
    creation = new_contacts(link, required) if two_way else None
    db = state.db
    plan_id = new_id(now)
    with state.write():
        classify(state, question, comparison)
        if two_way:
            agree_on_what_shows(state, link_no, list_no, comparison.observed, now)
        else:
            forget_agreed(state, link_no)
        if creation is not None:
            settle_creations(state, link_no, list_no, creation)
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
                            "source_as_of": basis.source_as_of,
                            "source_membership": basis.source_membership,
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
                    [
                        [mapping.target, list(mapping.columns), mapping.blank.value, mapping.two_way]
                        for mapping in link.fields
                    ],
                    [link.conflict.value, link.create_contacts] if two_way else [],
                    link.consent,
                    basis.source_snapshot,
                    basis.cursor,
                ]
            ).encode()
        )
        first = 0
        writes = mails = losses = moves = returns = 0
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
                _keep_detailed(state, plan_no, first, number, link, question, comparison, creation, digest)
            else:
                _keep_plain(state, plan_no, first, number, link_no, list_no)
            first += rows
            if verdict.action is not None:
                writes += rows
                mails += rows if verdict.action is Action.ADD and basis.double_opt_in else 0
                losses += rows if verdict.action in (Action.REMOVE, Action.UNSUBSCRIBE) else 0
                moves += rows if verdict.action is Action.MOVE else 0
                returns += rows if verdict.action.at_source else 0
        aliases = flag_aliases(state, plan_no, link_no, list_no)
        if aliases:
            db.execute(
                "UPDATE plans SET basis = json_set(basis, '$.aliases', ?) WHERE no = ?",
                (str(aliases), plan_no),
            )
        held = list(guards)
        held += _cap_guards(link, plan_id, losses, moves, returns, basis)
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


def _cap_guards(
    link: Link, plan_id: str, losses: int, moves: int, returns: int, basis: PlanBasis
) -> list[Guard]:
    """What a person has to type the number of: people who leave, subscriptions that go over to another address (ids
    that were given anew look like that), and rows written into the source (R10, R11)."""
    held: list[Guard] = []
    look = f"look at the rows, then: listwarden export {link.name} --plan {plan_id}"
    limit = removal_limit(basis.listing_rows)
    if losses > limit:
        rule = "removals and unsubscriptions in one plan"
        held.append(Guard("too-many-removals", rule, losses, limit, f"{look} --max-removals {losses}"))
    if moves > limit:
        rule = "subscriptions that go over to another address in one plan"
        held.append(Guard("too-many-moves", rule, moves, limit, f"{look} --max-removals {moves}"))
    limit = write_back_limit(basis.source_usable or basis.source_rows)
    if returns > limit:
        rule = "rows written into the source by one plan"
        held.append(
            Guard("too-many-write-backs", rule, returns, limit, f"{look} --max-write-backs {returns}")
        )
    return held


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
    question: Question,
    comparison: Comparison,
    creation: NewContacts | None,
    digest: hashlib.blake2b,
) -> None:
    """Rows that are sent (with the payload, ready) and rows shown with before and after."""
    verdict = VERDICTS[number]
    moves = verdict.action is Action.MOVE
    db = state.db
    # What was agreed with a person who moves stands under the address the platform has.
    agreed = f"LEFT JOIN agreed a ON a.link_no = ?1 AND a.address_key = {'c.former_key' if moves else 'v.address_key'}"
    rows = db.cursor().execute(
        "SELECT v.address_key, c.email, c.source_id, m.origin_id, c.mapped, m.mapped, c.consent, c.former_key, f.origin_id,"
        f" f.email, m.email, c.note, f.mapped, {'a.mapped, a.returned' if question.two_way else 'NULL, NULL'}"
        " FROM temp.verdicts v CROSS JOIN contacts c ON c.link_no = ?1 AND c.address_key = v.address_key"
        " AND c.source_id = v.source_id AND c.copy = v.copy LEFT JOIN members m ON m.list_no = ?2 AND m.address_key = v.address_key"
        " LEFT JOIN members f ON f.list_no = ?2 AND f.address_key = c.former_key"
        f" {agreed if question.two_way else ''} WHERE v.code = ?3"
        " UNION ALL SELECT s.address_key, m.email, '', m.origin_id, NULL, m.mapped, NULL, NULL, NULL, NULL, m.email, NULL, NULL, NULL, NULL"
        " FROM temp.strangers s CROSS JOIN members m ON m.list_no = ?2 AND m.address_key = s.address_key WHERE s.code = ?3 ORDER BY 1",
        (question.link_no, question.list_no, number),
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
            agreed_text,
            pending,
        ) in batch:
            texts = RowTexts(
                email or key,
                ours or "",
                (former_mapped if moves else theirs) or "",
                agreed_text,
                pending,
                consent,
                former_email or former,
            )
            payload, detail = payload_and_detail(verdict, link, comparison, creation, texts)
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
