"""Who had what done: an append-only record with a hash chain (I18, F11).

Invariant: each row's chain value covers the row and the value before it, and the last value with the number of
rows stands in ``facts`` too; so a row that was changed, taken out or put in is found, the last ones included.
(Somebody who may write the file and computes the whole chain anew is not found: keep ``audit_head`` elsewhere.)
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from state.model import Operator
from state.moments import moment, stamp
from state.store import State

_FACT = "audit_head"
_COLUMNS = "no, at, job_id, operator, host, ssh_peer, what, rows, digest, chain"


@dataclass(slots=True, frozen=True)
class AuditRow:
    """One thing that was done. ``digest`` names the plan or whatever was confirmed."""

    no: int
    at: datetime
    job_id: str
    operator: Operator
    what: str
    rows: int
    digest: str


@dataclass(slots=True, frozen=True)
class AuditFault:
    """A break in the chain: the row it shows at (0: the whole), and what is wrong."""

    no: int
    text: str


def append_audit(
    state: State, *, job_id: str, operator: Operator, what: str, rows: int, digest: str, now: datetime
) -> int:
    """Append one row and return its number; inside an open write transaction it becomes part of that."""
    with state.write() as db:
        count, chain = _head(db)
        no = (
            max(count, _highest(db)) + 1
        )  # a row put in from outside must not stop the work; it is found later
        fields = (
            no,
            stamp(now),
            job_id,
            operator.name,
            operator.host,
            operator.ssh_peer or "",
            what,
            rows,
            digest,
        )
        chain = _link(chain, fields)
        db.execute(f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*fields, chain))
        db.execute(
            "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (_FACT, json.dumps({"rows": no, "chain": chain})),
        )
    return no


def audit_head(state: State) -> tuple[int, str]:
    """How many rows there shall be, and the last chain value: to be kept where the state's users cannot write."""
    return _head(state.db)


def read_audit(
    state: State, *, job_id: str | None = None, after: int = 0, limit: int = 1000
) -> list[AuditRow]:
    """Rows after number ``after``, oldest first."""
    found = state.db.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE no > ? AND (?2 IS NULL OR job_id = ?2) ORDER BY no LIMIT ?3",
        (after, job_id, limit),
    ).fetchall()
    return [
        AuditRow(no, moment(at), job, Operator(operator, host, peer or None), what, rows, digest)
        for no, at, job, operator, host, peer, what, rows, digest, _ in found
    ]


def verify_audit(state: State) -> list[AuditFault]:
    """Every break in the chain; empty when all rows are as they were written."""
    with state.read() as db:
        return list(_faults(db))


def _faults(db: sqlite3.Connection) -> Iterator[AuditFault]:
    written = db.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()
    expected, chain = 1, ""
    for *fields, noted in db.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY no"):
        no = int(fields[0])
        if no > expected:
            yield AuditFault(expected, _missing(expected, no - 1))
        elif _link(chain, tuple(fields)) != noted:
            yield AuditFault(no, f"Row {no} is not as it was written.")
        # After a break the row's own value is taken for true, so that each further break is told once.
        expected, chain = no + 1, str(noted)
    if written is None:
        if expected > 1:
            yield AuditFault(0, "The record of how many rows there are is gone.")
        return
    head = json.loads(written[0])
    if head["rows"] >= expected:
        yield AuditFault(expected, _missing(expected, int(head["rows"])))
    elif head["rows"] != expected - 1 or head["chain"] != chain:
        yield AuditFault(0, f"The chain does not end as it was written, after row {head['rows']}.")


def _missing(first: int, last: int) -> str:
    return f"Row {first} is missing." if first == last else f"Rows {first} to {last} are missing."


def _head(db: sqlite3.Connection) -> tuple[int, str]:
    row = db.execute("SELECT value FROM facts WHERE name = ?", (_FACT,)).fetchone()
    if row is not None:
        head = json.loads(row[0])
        return int(head["rows"]), str(head["chain"])
    # Rows without the fact: the chain goes on without its former value, so that verify_audit shows the break.
    return _highest(db), ""


def _highest(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(no), 0) FROM audit").fetchone()[0])


def _link(chain: str, fields: tuple[object, ...]) -> str:
    text = json.dumps([chain, *fields], ensure_ascii=True, separators=(",", ":"))
    return blake2b(text.encode("ascii"), digest_size=32).hexdigest()
