"""Opt-outs we remember ourselves, beside what listings show: refusals, a person's mark, erasures."""

from __future__ import annotations

from datetime import datetime

from state.address import address_key
from state.model import Consent
from state.moments import stamp
from state.store import State


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
            " operator = excluded.operator, detail = excluded.detail",
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
