"""The one classifier of preview and export (design law 2, R15): every row gets a verdict, inside SQLite.

A verdict is a class, a reason and an action. All rows of one verdict stand next to each other in the plan, in
order of address, so a plan's counts are the sizes of its groups and can never disagree with its rows (R18).

How: contacts and members are both kept in order of address, so one pass over the contacts with a look-up of
the member settles nearly every row. Only rows with a verdict other than "in sync" are written down on the way;
the rest is what is left. Rows whose mapped texts differ, and rows to be sent, are looked at once in Python
(``state.compare``): that is where blanks, the platform's own spelling of a value and refused values count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from state.contacts import NOT_CONFIRMED, NOT_DUE
from state.model import Action, AddressChange, Mode, RowClass
from state.store import State

C = RowClass


@dataclass(slots=True, frozen=True)
class Verdict:
    """What a row is and what is done about it."""

    row_class: RowClass
    reason: str
    action: Action | None = None


VERDICTS: tuple[Verdict, ...] = (
    Verdict(C.EXISTING_IGNORED, "in-sync"),
    Verdict(C.NEW, "unknown-at-platform", Action.ADD),
    Verdict(C.NEW, "not-confirmed", Action.ADD),
    Verdict(C.CHANGED, "changed-at-platform", Action.WRITE_BACK),
    Verdict(C.CHANGED, "fields-differ", Action.CHANGE),
    Verdict(C.CHANGED, "due", Action.CHANGE),
    Verdict(C.CHANGED, "not-confirmed", Action.CHANGE),
    Verdict(C.ADDRESS_CHANGED, "address-move", Action.MOVE),
    Verdict(C.ADDRESS_CHANGED, "address-change-ask"),
    Verdict(C.ADDRESS_CHANGED, "address-change-add-only"),
    Verdict(C.ADDRESS_CHANGED, "address-needs-consent"),
    Verdict(C.REMOVED, "gone-from-source", Action.REMOVE),
    Verdict(C.WITHDRAWN, "source-withdrew", Action.UNSUBSCRIBE),
    Verdict(C.EXISTING_IGNORED, "differs"),
    Verdict(C.EXISTING_IGNORED, "field-conflict"),
    Verdict(C.EXISTING_IGNORED, "returned-to-source"),
    Verdict(C.EXISTING_IGNORED, "left-source"),
    Verdict(C.EXISTING_IGNORED, "source-rows-unreadable"),
    Verdict(C.EXISTING_IGNORED, "row-unusable"),
    Verdict(C.EXISTING_IGNORED, "awaiting-confirmation"),
    Verdict(C.EXISTING_IGNORED, "archived"),
    Verdict(C.EXISTING_IGNORED, "status-unknown"),
    Verdict(C.EXISTING_IGNORED, "moved-at-platform"),
    Verdict(C.EXISTING_IGNORED, "removed-at-platform"),
    Verdict(C.EXISTING_IGNORED, "field-invalid"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "unsubscribed"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "unsubscribed-account"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "bounced"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "suppressed"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "suppressed-account"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "erased"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "erased-remotely"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "compliance-state"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "suppressed-here"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "opted-out-at-source"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "opted-out-under-former-address"),
    Verdict(C.UNSUBSCRIBED_IGNORED, "consent-missing"),
    Verdict(C.FOREIGN, "create-in-source", Action.CREATE),
    Verdict(C.FOREIGN, "create-not-covered"),
    Verdict(C.FOREIGN, "create-awaited"),
    Verdict(C.FOREIGN, "create-left-source"),
    Verdict(C.FOREIGN, "create-blocked"),
    Verdict(C.FOREIGN, "foreign"),
    Verdict(C.INVALID, "address-missing"),
    Verdict(C.INVALID, "address-malformed"),
    Verdict(C.INVALID, "ragged-row"),
    Verdict(C.INVALID, "undecodable"),
    Verdict(C.INVALID, "nul-byte"),
    Verdict(C.INVALID, "field-invalid"),
    Verdict(C.INVALID, "field-required"),
    Verdict(C.DUPLICATE, "same-person"),
    Verdict(C.DUPLICATE, "shared-address"),
)

IN_SYNC = 0
CODES = {(verdict.row_class, verdict.reason): code for code, verdict in enumerate(VERDICTS)}


def code(row_class: RowClass, reason: str) -> int:
    """The number of a verdict in the temporary tables."""
    return CODES[(row_class, reason)]


def _n(row_class: RowClass, reason: str) -> str:
    return str(code(row_class, reason))


@dataclass(slots=True, frozen=True)
class Question:
    """What the classifier needs to know of a link."""

    link_no: int
    list_no: int
    mode: Mode
    address_change: AddressChange
    consent_by_row: bool
    two_way: bool = False


FAULT_REASONS = ("address-missing", "address-malformed", "ragged-row", "undecodable", "nul-byte")
UNREADABLE = ("ragged-row", "undecodable", "nul-byte")
"""Rows whose address cannot be known: while there are any, nobody is removed (design law 5)."""

_NOT_MOVED_BACK = (
    "AND NOT (c.former_key IS NOT NULL AND m.gone IS NOT NULL AND m.moved_to = c.former_key AND EXISTS"
    " (SELECT 1 FROM members f WHERE f.list_no = :list AND f.address_key = c.former_key AND f.gone IS NULL))"
)
"""A member whom an undo gave the former address back is unknown under the one the source says (R25)."""


def classify(
    state: State,
    question: Question,
    compare: Callable[[Iterator[tuple[object, ...]]], Iterator[tuple[int, str, str, int]]],
) -> None:
    """Fill ``temp.verdicts`` with every row that is not simply in sync.

    ``compare`` looks at the rows whose mapped texts differ: it takes
    ``(code, address_key, source_id, copy, contact's mapped, member's mapped, contact's due)``, with two-way fields
    also what was agreed and what is under way, and yields ``(new code, address_key, source_id, copy)`` for those
    whose verdict changes.
    """
    db = state.db
    for table in ("verdicts", "doubles", "strangers"):
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")
    values: dict[str, object] = {"link": question.link_no, "list": question.list_no}
    db.execute(
        "CREATE TEMP TABLE verdicts (address_key TEXT NOT NULL, source_id TEXT NOT NULL, copy INTEGER NOT NULL,"
        " code INTEGER NOT NULL, PRIMARY KEY (address_key, source_id, copy)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TEMP TABLE doubles (address_key TEXT PRIMARY KEY, source_id TEXT, copy INTEGER, opted_out INTEGER) WITHOUT ROWID"
    )
    # The carrier of a shared address is the smallest source id, whatever the order of the file (R26); one
    # row that opted out speaks for the whole group (I14).
    db.execute(
        "INSERT INTO temp.doubles SELECT s.address_key, min(c.source_id), 1, max(c.opted_out) FROM"
        " (SELECT address_key FROM contacts WHERE link_no = :link AND fault IS NULL GROUP BY address_key HAVING count(*) > 1) s"
        " CROSS JOIN contacts c ON c.link_no = :link AND c.address_key = s.address_key AND c.fault IS NULL GROUP BY s.address_key",
        values,
    )
    db.execute(
        "UPDATE temp.doubles SET copy = (SELECT min(c.copy) FROM contacts c WHERE c.link_no = :link"
        " AND c.address_key = doubles.address_key AND c.source_id = doubles.source_id AND c.fault IS NULL)",
        values,
    )
    doubled = db.execute("SELECT 1 FROM temp.doubles LIMIT 1").fetchone() is not None
    same, due = _n(C.EXISTING_IGNORED, "in-sync"), _n(C.CHANGED, "due")
    differs = (
        _n(C.EXISTING_IGNORED, "differs")
        if question.mode is Mode.ADD_ONLY
        else _n(C.CHANGED, "fields-differ")
    )
    faults = " ".join(f"WHEN '{fault}' THEN {_n(C.INVALID, fault)}" for fault in FAULT_REASONS)
    consent_missing = f"WHEN m.address_key IS NULL AND coalesce(c.consent, '') = '' THEN {_n(C.UNSUBSCRIBED_IGNORED, 'consent-missing')}"
    equal = f"CASE WHEN c.due = 1 THEN {due} ELSE {same} END" if question.mode is not Mode.ADD_ONLY else same
    second_row = (
        "WHEN d.address_key IS NOT NULL AND (c.source_id <> d.source_id OR c.copy <> d.copy) THEN"
        f" CASE WHEN c.source_id = d.source_id THEN {_n(C.DUPLICATE, 'same-person')} ELSE {_n(C.DUPLICATE, 'shared-address')} END"
    )
    moved = db.execute(
        "SELECT 1 FROM contacts WHERE link_no = :link AND former_key IS NOT NULL LIMIT 1", values
    ).fetchone()
    opted_out = "(c.opted_out = 1 OR d.opted_out = 1)" if doubled else "c.opted_out = 1"
    verdict = f"""CASE
      WHEN c.fault IS NOT NULL THEN CASE c.fault {faults} END
      {second_row if doubled else ""}
      WHEN m.consent = 'subscribed' THEN
        CASE WHEN {opted_out} THEN {_n(C.WITHDRAWN, "source-withdrew")}
             WHEN c.mapped = m.mapped THEN {equal}
             ELSE {differs} END
      {_member_states()}
      WHEN {opted_out} THEN {_n(C.UNSUBSCRIBED_IGNORED, "opted-out-at-source")}
      {consent_missing if question.consent_by_row else ""}
      ELSE {_n(C.NEW, "unknown-at-platform")} END"""
    db.execute(
        "INSERT INTO temp.verdicts SELECT address_key, source_id, copy, code FROM ("
        f" SELECT c.address_key, c.source_id, c.copy, {verdict} AS code FROM contacts c"
        " LEFT JOIN members m ON m.list_no = :list AND m.address_key = c.address_key"
        f" {_NOT_MOVED_BACK if moved is not None else ''}"
        f" {'LEFT JOIN temp.doubles d ON d.address_key = c.address_key' if doubled else ''}"
        f" WHERE c.link_no = :link) WHERE code <> {same}",
        values,
    )
    _settle_opt_outs(state, values)
    if moved is not None:
        _settle_former_addresses(state, question, values)
    _settle_differences(state, question, compare)
    _find_strangers(state, question, values)
    _follow_moved_members(state, values)
    _keep_people_with_unusable_rows(state, values)
    if moved is not None:
        _drop_moved_strangers(state, values)
        _pass_on_opt_outs(state, values)
    _tell_not_confirmed(state, values)


def _tell_not_confirmed(state: State, values: dict[str, object]) -> None:
    """Rows that an earlier export sent and the platform never confirmed say so; who is in sync now is settled."""
    db = state.db
    marked = f"FROM contacts c INDEXED BY contacts_not_confirmed WHERE c.link_no = :link AND c.due = {NOT_CONFIRMED}"
    if db.execute(f"SELECT 1 {marked} LIMIT 1", values).fetchone() is None:
        return
    for row_class, reason in ((C.NEW, "unknown-at-platform"), (C.CHANGED, "fields-differ")):
        db.execute(
            f"UPDATE temp.verdicts SET code = {_n(row_class, 'not-confirmed')} WHERE code = {_n(row_class, reason)}"
            f" AND (address_key, source_id, copy) IN (SELECT c.address_key, c.source_id, c.copy {marked})",
            values,
        )
    db.execute(
        f"UPDATE contacts SET due = {NOT_DUE} WHERE link_no = :link AND due = {NOT_CONFIRMED} AND NOT EXISTS"
        " (SELECT 1 FROM temp.verdicts v WHERE v.address_key = contacts.address_key AND v.source_id = contacts.source_id"
        "  AND v.copy = contacts.copy)",
        values,
    )


def _member_states() -> str:
    """What a known member's consent other than subscribed makes of a row, wherever the row came from."""
    return f"""WHEN m.consent = 'pending' THEN {_n(C.EXISTING_IGNORED, "awaiting-confirmation")}
      WHEN m.consent = 'unsubscribed' AND m.scope = 'account' THEN {_n(C.UNSUBSCRIBED_IGNORED, "unsubscribed-account")}
      WHEN m.consent = 'unsubscribed' THEN {_n(C.UNSUBSCRIBED_IGNORED, "unsubscribed")}
      WHEN m.consent = 'bounced' THEN {_n(C.UNSUBSCRIBED_IGNORED, "bounced")}
      WHEN m.consent = 'suppressed' AND m.scope = 'account' THEN {_n(C.UNSUBSCRIBED_IGNORED, "suppressed-account")}
      WHEN m.consent = 'suppressed' THEN {_n(C.UNSUBSCRIBED_IGNORED, "suppressed")}
      WHEN m.consent = 'erased' THEN {_n(C.UNSUBSCRIBED_IGNORED, "erased-remotely")}
      WHEN m.consent = 'unknown' AND m.gone IS NOT NULL AND m.moved_to <> '' THEN {_n(C.EXISTING_IGNORED, "moved-at-platform")}
      WHEN m.consent = 'unknown' AND m.gone IS NOT NULL THEN {_n(C.EXISTING_IGNORED, "removed-at-platform")}
      WHEN m.consent = 'unknown' AND m.raw_status = 'archived' THEN {_n(C.EXISTING_IGNORED, "archived")}
      WHEN m.consent = 'unknown' THEN {_n(C.EXISTING_IGNORED, "status-unknown")}"""


def _settle_opt_outs(state: State, values: dict[str, object]) -> None:
    """What we know ourselves of an opt-out outweighs a listing that is silent or older.

    It never hides a withdrawal: the platform still mails that person, and has to be told.
    """
    reasons = " ".join(
        f"WHEN '{name}' THEN {_n(C.UNSUBSCRIBED_IGNORED, name)}"
        for name in (
            "unsubscribed",
            "unsubscribed-account",
            "bounced",
            "suppressed",
            "suppressed-account",
            "erased",
            "erased-remotely",
            "compliance-state",
            "suppressed-here",
        )
    )
    state.db.execute(
        "INSERT OR REPLACE INTO temp.verdicts"
        f" SELECT c.address_key, c.source_id, c.copy, CASE o.reason {reasons} ELSE {_n(C.UNSUBSCRIBED_IGNORED, 'suppressed')} END"
        " FROM opt_outs o CROSS JOIN contacts c ON c.link_no = :link AND c.address_key = o.address_key"
        " LEFT JOIN members m ON m.list_no = :list AND m.address_key = c.address_key"
        " LEFT JOIN temp.verdicts v ON v.address_key = c.address_key AND v.source_id = c.source_id AND v.copy = c.copy"
        f" WHERE o.list_no = :list AND c.fault IS NULL AND (m.address_key IS NULL OR m.consent IN ('subscribed', 'pending', 'unknown'))"
        f" AND coalesce(v.code, 0) NOT IN ({_n(C.DUPLICATE, 'same-person')}, {_n(C.DUPLICATE, 'shared-address')},"
        f" {_n(C.WITHDRAWN, 'source-withdrew')})",
        values,
    )


def _settle_former_addresses(state: State, question: Question, values: dict[str, object]) -> None:
    """A new address of a person we know by source id is no new person (R25), and keeps the old one's opt-out (I14)."""
    if question.mode is Mode.ADD_ONLY:
        subscribed = _n(C.ADDRESS_CHANGED, "address-change-add-only")
    else:
        subscribed = _n(
            C.ADDRESS_CHANGED,
            {
                AddressChange.ASK: "address-change-ask",
                AddressChange.MOVE: "address-move",
                AddressChange.NEW_CONSENT: "address-needs-consent",
            }[question.address_change],
        )
    # A forgotten address is on no list any more, and an address may be shared with others: the opt-out counts all the same.
    opted_out = "(o.address_key IS NOT NULL OR f.consent IN ('unsubscribed', 'suppressed', 'erased'))"
    state.db.execute(
        "INSERT OR REPLACE INTO temp.verdicts SELECT c.address_key, c.source_id, c.copy,"
        f" CASE WHEN {opted_out} THEN {_n(C.UNSUBSCRIBED_IGNORED, 'opted-out-under-former-address')}"
        f"  WHEN f.consent = 'subscribed' THEN {subscribed}"
        f"  ELSE {_n(C.ADDRESS_CHANGED, 'address-change-ask')} END"
        " FROM contacts c"
        " JOIN temp.verdicts v ON v.address_key = c.address_key AND v.source_id = c.source_id AND v.copy = c.copy"
        " LEFT JOIN members f ON f.list_no = :list AND f.address_key = c.former_key"
        " LEFT JOIN opt_outs o ON o.list_no = :list AND o.address_key = c.former_key"
        f" WHERE c.link_no = :link AND c.former_key IS NOT NULL AND v.code = {_n(C.NEW, 'unknown-at-platform')}"
        f" AND ({opted_out} OR (f.address_key IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM contacts other WHERE other.link_no = :link AND other.address_key = c.former_key)))",
        values,
    )


def _settle_differences(
    state: State,
    question: Question,
    compare: Callable[[Iterator[tuple[object, ...]]], Iterator[tuple[int, str, str, int]]],
) -> None:
    """Texts that differ may mean the same to the platform; values it would refuse are found here as well."""
    db = state.db
    codes = ",".join(
        _n(*pair)
        for pair in (
            (C.EXISTING_IGNORED, "differs"),
            (C.CHANGED, "fields-differ"),
            (C.CHANGED, "due"),
            (C.NEW, "unknown-at-platform"),
            (C.ADDRESS_CHANGED, "address-move"),
        )
    )
    agreed = "LEFT JOIN agreed a ON a.link_no = ?1 AND a.address_key = v.address_key"
    candidates = db.cursor().execute(
        f"SELECT v.code, v.address_key, v.source_id, v.copy, c.mapped, m.mapped, c.due{', a.mapped, a.returned' if question.two_way else ''}"
        " FROM temp.verdicts v"
        " CROSS JOIN contacts c ON c.link_no = ?1 AND c.address_key = v.address_key AND c.source_id = v.source_id AND c.copy = v.copy"
        " LEFT JOIN members m ON m.list_no = ?2 AND m.address_key = v.address_key"
        f" {agreed if question.two_way else ''} WHERE v.code IN ({codes})",
        (question.link_no, question.list_no),
    )
    moved: list[tuple[int, str, str, int]] = list(compare(candidates))
    db.executemany(
        "UPDATE temp.verdicts SET code = ? WHERE address_key = ? AND source_id = ? AND copy = ?",
        [row for row in moved if row[0] != IN_SYNC],
    )
    db.executemany(
        "DELETE FROM temp.verdicts WHERE address_key = ? AND source_id = ? AND copy = ?",
        [row[1:] for row in moved if row[0] == IN_SYNC],
    )


def _find_strangers(state: State, question: Question, values: dict[str, object]) -> None:
    """Members without a source row. Only what is ours may leave."""
    db = state.db
    db.execute(
        "CREATE TEMP TABLE strangers (address_key TEXT PRIMARY KEY, code INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
    )
    unreadable = ",".join(f"'{fault}'" for fault in UNREADABLE)
    blocked = db.execute(
        f"SELECT 1 FROM contacts WHERE link_no = ? AND address_key = '' AND fault IN ({unreadable}) LIMIT 1",
        (question.link_no,),
    ).fetchone()
    if question.mode is not Mode.MIRROR:
        leaving = _n(C.EXISTING_IGNORED, "left-source")
    elif blocked:
        leaving = _n(C.EXISTING_IGNORED, "source-rows-unreadable")
    else:
        leaving = _n(C.REMOVED, "gone-from-source")
    # Two sorted runs are merged: a third of the cost of looking each member up.
    db.execute(
        "INSERT INTO temp.strangers (address_key) SELECT address_key FROM members WHERE list_no = :list AND gone IS NULL"
        " EXCEPT SELECT address_key FROM contacts WHERE link_no = :link ORDER BY address_key",
        values,
    )
    db.execute(
        "UPDATE temp.strangers SET code = (SELECT"
        f" CASE WHEN m.ours = 0 THEN {_n(C.FOREIGN, 'foreign')} WHEN m.consent = 'subscribed' THEN {leaving} {_member_states()} END"
        " FROM members m WHERE m.list_no = :list AND m.address_key = strangers.address_key)",
        values,
    )


def _keep_people_with_unusable_rows(state: State, values: dict[str, object]) -> None:
    """A source id that is still in the source is not gone, though its row has no usable address now.

    An opt-out in that row reaches the address the person had.
    """
    db = state.db
    if db.execute("SELECT 1 FROM former_addresses WHERE link_no = :link LIMIT 1", values).fetchone() is None:
        return
    db.execute("DROP TABLE IF EXISTS temp.unusable")
    db.execute(
        "CREATE TEMP TABLE unusable (address_key TEXT PRIMARY KEY, opted_out INTEGER NOT NULL) WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO temp.unusable SELECT k.address_key, max(c.opted_out) FROM contacts c"
        " JOIN former_addresses k ON k.link_no = :link AND k.source_id = c.source_id"
        " WHERE c.link_no = :link AND c.fault IS NOT NULL AND c.source_id <> '' GROUP BY k.address_key",
        values,
    )
    db.execute(
        "UPDATE temp.strangers SET code ="
        f" CASE WHEN (SELECT opted_out FROM temp.unusable u WHERE u.address_key = strangers.address_key) = 1"
        f" THEN {_n(C.WITHDRAWN, 'source-withdrew')} ELSE {_n(C.EXISTING_IGNORED, 'row-unusable')} END"
        " WHERE address_key IN (SELECT address_key FROM temp.unusable)"
        " AND (SELECT consent FROM members m WHERE m.list_no = :list AND m.address_key = strangers.address_key) = 'subscribed'",
        values,
    )
    db.execute("DROP TABLE temp.unusable")


def _follow_moved_members(state: State, values: dict[str, object]) -> None:
    """A person who changed their address at the platform still has their source row: nobody calls them gone.

    An opt-out of that row reaches the member under the address it has there now.
    """
    state.db.execute("DROP TABLE IF EXISTS temp.moved")
    state.db.execute(
        "CREATE TEMP TABLE moved (now_key TEXT PRIMARY KEY, opted_out INTEGER NOT NULL) WITHOUT ROWID"
    )
    state.db.execute(
        "WITH RECURSIVE trail (start, here) AS ("
        " SELECT address_key, moved_to FROM members WHERE list_no = :list AND gone IS NOT NULL AND moved_to <> ''"
        " UNION SELECT t.start, m.moved_to FROM trail t JOIN members m"
        "  ON m.list_no = :list AND m.address_key = t.here AND m.gone IS NOT NULL AND m.moved_to <> '')"
        " INSERT INTO temp.moved SELECT t.here, max(c.opted_out) FROM trail t"
        " JOIN contacts c ON c.link_no = :link AND c.address_key = t.start AND c.fault IS NULL"
        " JOIN members m ON m.list_no = :list AND m.address_key = t.here AND m.gone IS NULL"
        " GROUP BY t.here",
        values,
    )
    state.db.execute(
        f"UPDATE temp.strangers SET code = CASE WHEN (SELECT opted_out FROM temp.moved WHERE now_key = strangers.address_key) = 1"
        f" THEN {_n(C.WITHDRAWN, 'source-withdrew')} ELSE {_n(C.EXISTING_IGNORED, 'moved-at-platform')} END"
        " WHERE address_key IN (SELECT now_key FROM temp.moved)"
        " AND (SELECT consent FROM members m WHERE m.list_no = :list AND m.address_key = strangers.address_key) = 'subscribed'",
        values,
    )
    state.db.execute("DROP TABLE temp.moved")


def _pass_on_opt_outs(state: State, values: dict[str, object]) -> None:
    """Who opted out in the source while changing address leaves the list under the address it has there."""
    state.db.execute(
        f"UPDATE temp.strangers SET code = {_n(C.WITHDRAWN, 'source-withdrew')} WHERE address_key IN"
        " (SELECT c.former_key FROM contacts c JOIN members m ON m.list_no = :list AND m.address_key = c.former_key"
        "  AND m.consent = 'subscribed' WHERE c.link_no = :link AND c.former_key IS NOT NULL AND c.opted_out = 1"
        "  AND c.fault IS NULL)",
        values,
    )


def _drop_moved_strangers(state: State, values: dict[str, object]) -> None:
    """A member of a person whose address changed has that person's row, and none of its own."""
    settled = ",".join(
        _n(*pair)
        for pair in (
            (C.ADDRESS_CHANGED, "address-move"),
            (C.ADDRESS_CHANGED, "address-change-ask"),
            (C.ADDRESS_CHANGED, "address-change-add-only"),
            (C.ADDRESS_CHANGED, "address-needs-consent"),
            (C.UNSUBSCRIBED_IGNORED, "opted-out-under-former-address"),
        )
    )
    state.db.execute(
        "DELETE FROM temp.strangers WHERE address_key IN (SELECT c.former_key FROM contacts c JOIN temp.verdicts v"
        " ON v.address_key = c.address_key AND v.source_id = c.source_id AND v.copy = c.copy"
        f" WHERE c.link_no = :link AND c.former_key IS NOT NULL AND v.code IN ({settled}))",
        values,
    )
