"""The data fields of remote lists as last heard: what appeared, went or changed its type since.

Invariant: the answer of a platform is taken whole, and a field it does not show any more leaves, unless it shows none
at all where some were known: then all are kept (an empty answer once wiped people's mappings elsewhere).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from state.links import list_number
from state.moments import moment_or_none, stamp
from state.store import State

_COLUMNS = 'name, label, kind, required, choices, "default", public, field_id, seen_at, system'


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
    @property
    def system(self) -> bool: ...


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
    system: bool = False


@dataclass(slots=True, frozen=True)
class FieldNews:
    """What an answer changed. ``retyped``: name, type before, type now. ``kept``: it was empty, so nothing left."""

    appeared: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    retyped: tuple[tuple[str, str, str], ...] = ()
    kept: bool = False


def put_remote_fields(
    state: State, connection: str, list_id: str, fields: Iterable[FieldLike], now: datetime
) -> FieldNews:
    """Remember the fields of a list (the whole answer), in the platform's order; tells what is new about them.

    On the first read everything is known to nobody yet, so nothing has appeared.
    """
    told = tuple(fields)
    with state.write() as db:
        number = list_number(state, connection, list_id)
        known = {one.name: one for one in remote_fields(state, connection, list_id)}
        if known and not told:
            return FieldNews(kept=True)
        db.execute("DELETE FROM remote_fields WHERE list_no = ?", (number,))
        _insert(state, number, told, 0, now)
    if not known:
        return FieldNews()
    names = {one.name for one in told}
    return FieldNews(
        appeared=tuple(one.name for one in told if one.name not in known),
        gone=tuple(name for name in known if name not in names),
        retyped=tuple(
            (one.name, known[one.name].kind, one.kind)
            for one in told
            if one.name in known and known[one.name].kind != one.kind
        ),
    )


def put_field(
    state: State, connection: str, list_ids: Sequence[str], field: FieldLike, now: datetime
) -> None:
    """Remember one field that was just created, behind the others."""
    with state.write() as db:
        for list_id in list_ids:
            number = list_number(state, connection, list_id)
            db.execute("DELETE FROM remote_fields WHERE list_no = ? AND name = ?", (number, field.name))
            last = db.execute(
                "SELECT ifnull(max(position), -1) FROM remote_fields WHERE list_no = ?", (number,)
            ).fetchone()
            _insert(state, number, (field,), int(last[0]) + 1, now)


def drop_field(state: State, connection: str, list_ids: Sequence[str], name: str) -> None:
    """Forget one field that was just deleted at the platform."""
    with state.write() as db:
        for list_id in list_ids:
            db.execute(
                "DELETE FROM remote_fields WHERE name = ? AND list_no ="
                " (SELECT no FROM lists WHERE connection = ? AND list_id = ?)",
                (name, connection, list_id),
            )


def _insert(state: State, list_no: int, fields: Sequence[FieldLike], first: int, now: datetime) -> None:
    state.db.executemany(
        f"INSERT INTO remote_fields (list_no, position, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                list_no,
                position,
                one.name,
                one.label,
                one.kind,
                int(one.required),
                json.dumps(list(one.choices), ensure_ascii=False),
                one.default,
                int(one.public),
                one.field_id,
                stamp(now),
                int(one.system),
            )
            for position, one in enumerate(fields, start=first)
        ],
    )


def remote_fields(state: State, connection: str, list_id: str) -> list[FieldRow]:
    """The remembered fields of a list in the platform's order; empty when never read."""
    rows = state.db.execute(
        'SELECT f.name, f.label, f.kind, f.required, f.choices, f."default", f.public, f.field_id, f.seen_at, f.system'
        " FROM remote_fields f JOIN lists l ON l.no = f.list_no WHERE l.connection = ? AND l.list_id = ?"
        " ORDER BY f.position, f.name",
        (connection, list_id),
    ).fetchall()
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
            bool(system),
        )
        for name, label, kind, required, choices, default, public, field_id, seen_at, system in rows
    ]


def lists_with_fields(state: State, connection: str) -> list[str]:
    """Ids of the lists of a connection whose fields are remembered, by name of the list."""
    rows = state.db.execute(
        "SELECT DISTINCT l.list_id, l.name FROM lists l JOIN remote_fields f ON f.list_no = l.no"
        " WHERE l.connection = ? AND l.gone_at IS NULL ORDER BY l.name, l.list_id",
        (connection,),
    ).fetchall()
    return [str(list_id) for list_id, _ in rows]


def put_fields_time(state: State, connection: str, provider: str, now: datetime) -> None:
    """Remember that the fields of all linked lists of a connection were read just now."""
    with state.write() as db:
        db.execute(
            "INSERT INTO connections (name, provider, status, fields_at) VALUES (?1, ?2, 'unchecked', ?3)"
            " ON CONFLICT (name) DO UPDATE SET fields_at = ?3",
            (connection, provider, stamp(now)),
        )


def fields_time(state: State, connection: str) -> datetime | None:
    """When the fields of all linked lists of a connection were read; None: never."""
    row = state.db.execute("SELECT fields_at FROM connections WHERE name = ?", (connection,)).fetchone()
    return moment_or_none(row[0]) if row is not None else None


def fields_read_at(state: State, connection: str, list_id: str) -> datetime | None:
    """When the fields of one list were last read, by a synchronization or on the way to a plan; None: never."""
    row = state.db.execute(
        "SELECT min(f.seen_at) FROM remote_fields f JOIN lists l ON l.no = f.list_no"
        " WHERE l.connection = ? AND l.list_id = ?",
        (connection, list_id),
    ).fetchone()
    return moment_or_none(row[0]) or fields_time(state, connection)
