"""Opt-outs we remember ourselves, beside what listings show: refusals, a person's mark, erasures."""

from __future__ import annotations

from datetime import datetime

from state.address import address_key
from state.model import OPTED_OUT, Consent, Scope
from state.moments import stamp
from state.store import State

RESTRICTION_SQL = " ".join(
    f"WHEN '{consent.value}' THEN {rank}"
    for rank, consent in enumerate(
        (
            Consent.SUBSCRIBED,
            Consent.PENDING,
            Consent.UNKNOWN,
            Consent.UNSUBSCRIBED,
            Consent.BOUNCED,
            Consent.SUPPRESSED,
            Consent.ERASED,
        )
    )
)
"""The branches of an SQL ``CASE consent … END``: the more restrictive, the higher."""

ACCOUNT_REASONS = {
    Consent.UNSUBSCRIBED: "unsubscribed-account",
    Consent.BOUNCED: "bounced",
    Consent.SUPPRESSED: "suppressed-account",
    Consent.ERASED: "erased-remotely",
}
"""Reasons of opt-outs that reach the whole account."""

LIST_REASONS = {
    Consent.UNSUBSCRIBED: "unsubscribed",
    Consent.BOUNCED: "bounced",
    Consent.SUPPRESSED: "suppressed",
    Consent.ERASED: "erased-remotely",
}
"""Reasons of opt-outs of one list, or of a platform that has no second level."""


def opt_out_reason(consent: Consent, scope: str | None) -> str:
    """The reason code of an opted-out consent, by how far it reaches; empty for a consent that is no opt-out."""
    return (ACCOUNT_REASONS if scope == Scope.ACCOUNT else LIST_REASONS).get(consent, "")


def reason_sql(consent: str, scope: str) -> str:
    """The same as an SQL expression over two columns."""
    account, by_list = (
        " ".join(f"WHEN '{one.value}' THEN '{reason}'" for one, reason in reasons.items())
        for reasons in (ACCOUNT_REASONS, LIST_REASONS)
    )
    return f"CASE WHEN {scope} = '{Scope.ACCOUNT.value}' THEN CASE {consent} {account} END ELSE CASE {consent} {by_list} END END"


def suppress_here(
    state: State, list_no: int, link: str, address: str, *, operator: str, now: datetime, note: str = ""
) -> None:
    """A person marks an address: nothing is sent to it by this link's list until a person lifts the mark."""
    key = address_key(address)
    at = stamp(now)
    with state.write() as db:
        db.execute(
            "INSERT INTO opt_outs (list_no, address_key, consent, reason, at, origin, operator, detail)"
            " VALUES (?, ?, ?, 'suppressed-here', ?, 'person', ?, ?) ON CONFLICT (list_no, address_key) DO UPDATE SET"
            " consent = excluded.consent, reason = excluded.reason, at = excluded.at, origin = excluded.origin,"
            " operator = excluded.operator, detail = excluded.detail, scope = ''",
            (list_no, key, Consent.SUPPRESSED.value, at, operator, note),
        )
        journal(
            state,
            key,
            list_no=list_no,
            link=link,
            origin="person",
            what="suppressed",
            reason="suppressed-here",
            operator=operator,
            detail=note,
            now=now,
        )


def opt_out_of(state: State, list_no: int, address: str) -> tuple[str, str] | None:
    """``(reason, at)`` of the opt-out remembered for an address, None when there is none."""
    row = state.db.execute(
        "SELECT reason, at FROM opt_outs WHERE list_no = ? AND address_key = ?",
        (list_no, address_key(address)),
    ).fetchone()
    return (str(row[0]), str(row[1])) if row else None


def opted_out_at_source(state: State, link_no: int, address: str) -> bool:
    """Whether the link's source, as last read, marks anybody with this address as opted out."""
    row = state.db.execute(
        "SELECT 1 FROM contacts WHERE link_no = ? AND address_key = ? AND opted_out = 1 LIMIT 1",
        (link_no, address_key(address)),
    ).fetchone()
    return row is not None


def journal(
    state: State,
    key: str,
    *,
    list_no: int,
    link: str,
    origin: str,
    what: str,
    reason: str,
    operator: str,
    detail: str,
    now: datetime,
) -> None:
    """One entry of the journal."""
    with state.write() as db:
        db.execute(
            "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (stamp(now), key, list_no, link, origin, what, reason, operator, detail),
        )


def opted_out_members(state: State, list_no: int) -> int:
    """How many records of a list nobody may mail any more, whenever that began."""
    words = ", ".join(f"'{consent.value}'" for consent in sorted(OPTED_OUT))
    found = state.db.execute(
        f"SELECT count(*) FROM members WHERE list_no = ? AND consent IN ({words})", (list_no,)
    ).fetchone()
    return int(found[0])
