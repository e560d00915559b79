"""What was last heard of a connection: health, account, its remote lists and their fields.

Written by jobs (check, read, feedback), read by screens and ``doctor``. A list that the account does not show any
more is marked gone and kept: links and history still name it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from state.links import list_number
from state.model import Finding, RemoteList
from state.moments import moment_or_none, stamp
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


class FieldLike(Protocol):
    """A field of a remote list, as adapters describe it (state knows no adapter)."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def required(self) -> bool: ...
    @property
    def choices(self) -> tuple[str, ...]: ...
    @property
    def default(self) -> str: ...
    @property
    def public(self) -> bool: ...
    @property
    def field_id(self) -> str: ...


@dataclass(slots=True, frozen=True)
class FieldRow:
    """One remembered field of a remote list. ``default``: what the platform fills in by itself."""

    name: str
    label: str
    kind: str
    required: bool
    choices: tuple[str, ...]
    default: str
    public: bool
    field_id: str
    seen_at: datetime | None


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


def put_remote_fields(
    state: State, connection: str, list_id: str, fields: Iterable[FieldLike], now: datetime
) -> None:
    """Remember the fields of a list (the whole answer), in the platform's order."""
    at = stamp(now)
    with state.write() as db:
        number = list_number(state, connection, list_id)
        db.execute("DELETE FROM remote_fields WHERE list_no = ?", (number,))
        db.executemany(
            'INSERT INTO remote_fields (list_no, position, name, label, kind, required, choices, "default", public,'
            " field_id, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    number,
                    position,
                    one.name,
                    one.label,
                    one.kind,
                    int(one.required),
                    json.dumps(list(one.choices), ensure_ascii=False),
                    one.default,
                    int(one.public),
                    one.field_id,
                    at,
                )
                for position, one in enumerate(fields)
            ],
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


def remote_fields(state: State, connection: str, list_id: str) -> list[FieldRow]:
    """The remembered fields of a list in the platform's order; empty when never read."""
    return [
        FieldRow(
            name,
            label,
            kind,
            bool(required),
            tuple(json.loads(choices)),
            default,
            bool(public),
            field_id,
            moment_or_none(seen_at),
        )
        for name, label, kind, required, choices, default, public, field_id, seen_at in state.db.execute(
            'SELECT f.name, f.label, f.kind, f.required, f.choices, f."default", f.public, f.field_id, f.seen_at'
            " FROM remote_fields f JOIN lists l ON l.no = f.list_no WHERE l.connection = ? AND l.list_id = ?"
            " ORDER BY f.position",
            (connection, list_id),
        ).fetchall()
    ]
