"""What was last heard of a connection: health, account, and its remote lists.

Written by jobs (check, read, feedback), read by screens and ``doctor``. A list that the account does not show any
more is marked gone and kept: links and history still name it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from state.links import list_number
from state.model import Budget, Finding, RemoteList
from state.moments import moment, moment_or_none, stamp
from state.store import State


class ConnectionStatus(StrEnum):
    """How a connection stood when it was last checked."""

    OK = "ok"
    ATTENTION = "attention"
    FAILED = "failed"
    UNCHECKED = "unchecked"

    @property
    def word(self) -> str:
        """For people."""
        return {"ok": "fine", "attention": "see findings", "failed": "failed", "unchecked": "not checked"}[
            self.value
        ]


@dataclass(slots=True, frozen=True)
class ConnectionRow:
    """The health of one connection as remembered."""

    name: str
    provider: str
    account_id: str
    account_name: str
    status: ConnectionStatus
    findings: tuple[Finding, ...]
    details: Mapping[str, str]
    checked_at: datetime | None
    lists_at: datetime | None
    feedback_at: datetime | None


@dataclass(slots=True, frozen=True)
class ListRow:
    """One remote list as remembered. ``full_rows`` is the size of the last whole listing."""

    connection: str
    list_id: str
    name: str
    members: int | None
    system: bool
    double_opt_in: bool
    details: Mapping[str, str]
    seen_at: datetime | None
    gone_at: datetime | None
    full_at: datetime | None
    full_rows: int | None


def put_check_report(
    state: State,
    connection: str,
    provider: str,
    *,
    account_id: str | None,
    account_name: str,
    details: Mapping[str, str],
    findings: Sequence[Finding],
    now: datetime,
) -> ConnectionStatus:
    """Remember the result of a check. ``account_id`` None: the account could not be read; the known one is kept."""
    if account_id is None:
        status = ConnectionStatus.FAILED
    elif all(finding.ok for finding in findings):
        status = ConnectionStatus.OK
    else:
        status = ConnectionStatus.ATTENTION
    told = json.dumps(
        [
            {"reason": one.reason, "text": one.text, "next": one.next, "ok": one.ok, "where": one.where}
            for one in findings
        ],
        ensure_ascii=False,
    )
    with state.write() as db:
        db.execute(
            "INSERT INTO connections (name, provider, account_id, account_name, status, findings, details, checked_at)"
            " VALUES (?1, ?2, ifnull(?3, ''), ?4, ?5, ?6, ?7, ?8)"
            " ON CONFLICT (name) DO UPDATE SET provider = ?2,"
            " account_id = CASE WHEN ?3 IS NULL AND provider = ?2 THEN account_id ELSE ifnull(?3, '') END,"
            " account_name = CASE WHEN ?3 IS NULL AND provider = ?2 THEN account_name ELSE ?4 END,"
            " details = CASE WHEN ?3 IS NULL AND provider = ?2 THEN details ELSE ?7 END,"
            " status = ?5, findings = ?6, checked_at = ?8",
            (
                connection,
                provider,
                account_id,
                account_name,
                status.value,
                told,
                json.dumps(dict(details), ensure_ascii=False),
                stamp(now),
            ),
        )
    return status


def account_of(state: State, connection: str) -> str:
    """The account id a check has told; empty when none has."""
    row = state.db.execute("SELECT account_id FROM connections WHERE name = ?", (connection,)).fetchone()
    return str(row[0]) if row else ""


def put_account(
    state: State, connection: str, provider: str, account_id: str, name: str, now: datetime
) -> None:
    """Remember which account a connection leads to; its findings stay as the last check left them."""
    with state.write() as db:
        db.execute(
            "INSERT INTO connections (name, provider, account_id, account_name, status, checked_at)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET provider = ?2, account_id = ?3,"
            " account_name = ?4 WHERE account_id <> ?3 OR account_name <> ?4 OR provider <> ?2",
            (connection, provider, account_id, name, ConnectionStatus.OK.value, stamp(now)),
        )


def put_list(state: State, connection: str, remote: RemoteList, now: datetime) -> None:
    """Remember one list as it was just read."""
    with state.write() as db:
        number = list_number(state, connection, remote.list_id)
        db.execute(
            "UPDATE lists SET name = ?, members = coalesce(?, members), system = ?, double_opt_in = ?, details = ?,"
            " seen_at = ?, gone_at = NULL WHERE no = ?",
            (
                remote.name,
                remote.members,
                int(remote.system),
                int(remote.double_opt_in),
                json.dumps(dict(remote.details), ensure_ascii=False),
                stamp(now),
                number,
            ),
        )


def put_lists(
    state: State, connection: str, provider: str, lists: Iterable[RemoteList], now: datetime
) -> None:
    """Remember all lists of an account (the whole answer): the others of this connection are gone."""
    at = stamp(now)
    with state.write() as db:
        for remote in lists:
            number = list_number(state, connection, remote.list_id)
            db.execute(
                "UPDATE lists SET name = ?, members = ?, system = ?, double_opt_in = ?, details = ?, seen_at = ?,"
                " gone_at = NULL WHERE no = ?",
                (
                    remote.name,
                    remote.members,
                    int(remote.system),
                    int(remote.double_opt_in),
                    json.dumps(dict(remote.details), ensure_ascii=False),
                    at,
                    number,
                ),
            )
        db.execute(
            "UPDATE lists SET gone_at = ? WHERE connection = ? AND gone_at IS NULL AND seen_at IS NOT ?",
            (at, connection, at),
        )
        _touch(state, connection, provider, "lists_at", at)


def put_feedback_time(state: State, connection: str, provider: str, now: datetime) -> None:
    """Remember that feedback was pulled just now."""
    with state.write():
        _touch(state, connection, provider, "feedback_at", stamp(now))


def _touch(state: State, connection: str, provider: str, column: str, at: str) -> None:
    state.db.execute(
        f"INSERT INTO connections (name, provider, status, {column}) VALUES (?1, ?2, 'unchecked', ?3)"
        f" ON CONFLICT (name) DO UPDATE SET {column} = ?3",
        (connection, provider, at),
    )


def put_budget(state: State, connection: str, provider: str, budget: Budget) -> None:
    """Remember what an answer told of the account's calls; an older telling than the known one changes nothing."""
    told = json.dumps(
        {
            "limit": budget.limit,
            "remaining": budget.remaining,
            "window_seconds": budget.window_seconds,
            "resets_at": stamp(budget.resets_at) if budget.resets_at else None,
            "seen_at": stamp(budget.seen_at),
            "scope": budget.scope,
        },
        ensure_ascii=False,
    )
    with state.write() as db:
        db.execute(
            "INSERT INTO connections (name, provider, status, budget) VALUES (?1, ?2, 'unchecked', ?3)"
            " ON CONFLICT (name) DO UPDATE SET budget = ?3"
            " WHERE budget = '' OR json_extract(budget, '$.seen_at') <= json_extract(?3, '$.seen_at')",
            (connection, provider, told),
        )


def budget_of(state: State, connection: str) -> Budget | None:
    """What was last told of the account's calls; None where the platform counts none, or nobody asked yet."""
    row = state.db.execute("SELECT budget FROM connections WHERE name = ?", (connection,)).fetchone()
    if row is None or not row[0]:
        return None
    told = json.loads(row[0])
    return Budget(
        told["limit"],
        told["remaining"],
        told["window_seconds"],
        moment(told["seen_at"]),
        moment_or_none(told["resets_at"]),
        told["scope"],
    )


def forget_connection(state: State, connection: str) -> None:
    """The connection left the settings: its health is dropped, lists, members and history stay."""
    with state.write() as db:
        db.execute("DELETE FROM connections WHERE name = ?", (connection,))


def connection_rows(state: State) -> list[ConnectionRow]:
    """The health of every connection ever heard of, by name."""
    return [
        ConnectionRow(
            name,
            provider,
            account_id,
            account_name,
            ConnectionStatus(status),
            tuple(Finding(**one) for one in json.loads(findings)),
            json.loads(details),
            moment_or_none(checked_at),
            moment_or_none(lists_at),
            moment_or_none(feedback_at),
        )
        for name, provider, account_id, account_name, status, findings, details, checked_at, lists_at, feedback_at in state.db.execute(
            "SELECT name, provider, account_id, account_name, status, findings, details, checked_at, lists_at, feedback_at"
            " FROM connections ORDER BY name"
        ).fetchall()
    ]


def connections_with_lists(state: State) -> list[str]:
    """The names of all connections that lists were ever read by, whether or not the settings still have them."""
    return [
        str(row[0]) for row in state.db.execute("SELECT DISTINCT connection FROM lists ORDER BY connection")
    ]


def list_rows(state: State, connection: str) -> list[ListRow]:
    """The remote lists of a connection, gone ones too, by name."""
    return [
        ListRow(
            connection,
            list_id,
            name,
            members,
            bool(system),
            bool(double_opt_in),
            json.loads(details),
            moment_or_none(seen_at),
            moment_or_none(gone_at),
            moment_or_none(full_at),
            full_rows,
        )
        for list_id, name, members, system, double_opt_in, details, seen_at, gone_at, full_at, full_rows in state.db.execute(
            "SELECT list_id, name, members, system, double_opt_in, details, seen_at, gone_at, full_at, full_rows"
            " FROM lists WHERE connection = ? ORDER BY name, list_id",
            (connection,),
        ).fetchall()
    ]
