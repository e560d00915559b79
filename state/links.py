"""Links and lists as the state knows them: their small numbers, and under which mapping rows were read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from state.errors import StateError
from state.mapped_text import names_in, relaid
from state.model import FieldMapping, Link
from state.moments import moment, stamp
from state.store import State


@dataclass(slots=True, frozen=True)
class LinkRecord:
    """A link with the numbers its rows are kept under."""

    link_no: int
    list_no: int
    name: str
    connection: str
    list_id: str


@dataclass(slots=True, frozen=True)
class ListReading:
    """How far a list has been read. ``mapped`` names the fields its members were read with."""

    mapped: str
    cursor: str | None
    full_at: str | None
    full_rows: int | None


def mapped_signature(fields: Sequence[FieldMapping]) -> str:
    """Names the target fields in their order; members read under another signature are read again."""
    return json.dumps([mapping.target for mapping in fields], ensure_ascii=False)


def record_link(state: State, link: Link) -> LinkRecord:
    """The link's record, made or moved to its present list as the settings say.

    Another list or another source never agreed with the other side on anything: what was agreed is forgotten.
    """
    with state.write() as db:
        list_no = list_number(state, link.connection, link.list_id)
        db.execute(
            "DELETE FROM agreed WHERE link_no = (SELECT no FROM links WHERE name = ? AND (list_no <> ? OR source <> ?))",
            (link.name, list_no, link.source),
        )
        db.execute(
            "INSERT INTO links (name, list_no, source) VALUES (?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET list_no = excluded.list_no, source = excluded.source"
            " WHERE list_no <> excluded.list_no OR source <> excluded.source",
            (link.name, list_no, link.source),
        )
        link_no = int(db.execute("SELECT no FROM links WHERE name = ?", (link.name,)).fetchone()[0])
    return LinkRecord(link_no, list_no, link.name, link.connection, link.list_id)


def list_number(state: State, connection: str, list_id: str) -> int:
    """The number of a remote list, given on first sight."""
    with state.write() as db:
        db.execute(
            "INSERT INTO lists (connection, list_id) VALUES (?, ?) ON CONFLICT (connection, list_id) DO NOTHING",
            (connection, list_id),
        )
        row = db.execute(
            "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (connection, list_id)
        ).fetchone()
    return int(row[0])


def find_link(state: State, name: str) -> LinkRecord:
    """The record of a link that was used before; ``StateError`` link-missing otherwise."""
    row = state.db.execute(
        "SELECT k.no, k.list_no, k.name, l.connection, l.list_id FROM links k JOIN lists l ON l.no = k.list_no"
        " WHERE k.name = ?",
        (name,),
    ).fetchone()
    if row is None:
        raise StateError(
            "link-missing", f"The state knows no link {name} yet.", "Run: listwarden preview " + name
        )
    return LinkRecord(*row)


def mapped_fields(state: State, link_no: int) -> list[str]:
    """The fields in whose order texts of mapped values stand: those of the last accepted read of the source."""
    row = state.db.execute("SELECT mapped FROM links WHERE no = ?", (link_no,)).fetchone()
    return names_in(str(row[0])) if row else []


def put_mapped_fields(state: State, link_no: int, signature: str) -> None:
    """Contacts were read under this mapping; values agreed on go along with their fields."""
    before, now = mapped_fields(state, link_no), names_in(signature)
    if before == now:
        return
    with state.write() as db:
        db.create_function("relaid", 1, lambda text: relaid(text, before, now), deterministic=True)
        try:
            db.execute("UPDATE agreed SET mapped = relaid(mapped) WHERE link_no = ?", (link_no,))
        finally:
            db.create_function("relaid", 1, None)
        db.execute("UPDATE links SET mapped = ? WHERE no = ?", (signature, link_no))


def list_reading(state: State, list_no: int) -> ListReading:
    """How far the list has been read."""
    row = state.db.execute(
        "SELECT mapped, cursor, full_at, full_rows FROM lists WHERE no = ?", (list_no,)
    ).fetchone()
    return ListReading(*row)


FORCE_EVERY = timedelta(hours=23)
"""Once a day: less than one, so that a daily schedule that starts a little earlier misses none."""


def force_due(state: State, link_no: int, now: datetime) -> int | None:
    """Mark every record of a link to be sent again, once a day; returns how many, None when it is not the time.

    The first call only takes note of the time, so that a new link sends nobody twice.
    """
    with state.write() as db:
        (forced_at,) = db.execute("SELECT forced_at FROM links WHERE no = ?", (link_no,)).fetchone()
        if forced_at is not None and moment(forced_at) > now - FORCE_EVERY:
            return None
        db.execute("UPDATE links SET forced_at = ? WHERE no = ?", (stamp(now), link_no))
        return None if forced_at is None else mark_due(state, link_no, now)


def mark_due(state: State, link_no: int, now: datetime) -> int:
    """Mark every record of a link to be sent again whatever its values; returns how many (R33)."""
    with state.write() as db:
        db.execute("UPDATE links SET due_at = ? WHERE no = ?", (stamp(now), link_no))
        return db.execute(
            "UPDATE contacts SET due = 1 WHERE link_no = ? AND due = 0 AND fault IS NULL", (link_no,)
        ).rowcount
