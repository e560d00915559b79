"""How large the state is and how much it holds, for ``state info``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from state.store import State

_TABLES = (
    *("connections", "lists", "links", "contacts", "members", "opt_outs"),
    *("plans", "plan_rows", "jobs", "journal", "audit"),
    *("campaigns", "activities"),
)


@dataclass(slots=True, frozen=True)
class Inventory:
    """Bytes of the file and of its -wal, schema and SQLite versions, rows by table."""

    bytes: int
    wal_bytes: int
    schema: int
    sqlite: str
    rows: Mapping[str, int]


def sqlite_version() -> str:
    """The SQLite that this Python was built with."""
    return sqlite3.sqlite_version


def inventory(state: State) -> Inventory:
    """Count everything; takes a second at some millions of rows."""
    with state.read() as db:
        rows = {table: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in _TABLES}
        schema = int(db.execute("PRAGMA user_version").fetchone()[0])
    wal = state.path.with_name(state.path.name + "-wal")
    return Inventory(
        bytes=state.path.stat().st_size,
        wal_bytes=wal.stat().st_size if wal.exists() else 0,
        schema=schema,
        sqlite=sqlite_version(),
        rows=rows,
    )
