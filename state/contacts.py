"""Contacts: what the source of a link says, loaded as a stream and merged by difference.

A read is staged in temporary tables first. Only a complete and accepted read reaches the table (design law 5),
in one transaction that writes what changed and nothing else. Where a person (source id) shows another address
than before, the former one is remembered until it is settled (R25), also over reads in which the person's row is
missing or faulty (``former_addresses``). Rows of one person with one address are
numbered by what they say, so that the order of the file decides nothing (R26).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from state.bulk import insert_many
from state.links import put_mapped_fields
from state.mapped_text import SEPARATOR as SEPARATOR
from state.moments import stamp
from state.store import State

NOT_DUE, DUE, NOT_CONFIRMED = 0, 1, 2
"""Values of ``contacts.due``: nothing; sent again whatever its values; sent before without being confirmed."""

IncomingRow = tuple[str, str, int, str | None, str, int, str | None, str | None, str | None]
"""address key, source id, line, e-mail (None when equal to the key), mapped, opted out, consent, fault, note."""

PlainRow = tuple[str, str, int, str, str, int]
"""A row without a fault: address key, source id, line, e-mail, mapped, opted out. No None in it, which binds slowly."""

PlainRowWithConsent = tuple[str, str, int, str, str, int, str]
"""The same, with the row's own consent."""

_PLAIN_COLUMNS = "address_key, source_id, line, email, mapped, opted_out"
_PLAIN_SHAPE = ("{0}", "{1}", "{2}", "nullif({3}, {0})", "{4}", "{5}")


@dataclass(slots=True, frozen=True)
class SourceCount:
    """What a read brought: rows in all, rows with a usable address, rows whose address cannot be known."""

    rows: int
    usable: int
    unreadable: int


@dataclass(slots=True, frozen=True)
class LastRead:
    """The last read that was accepted for a link."""

    ended_at: str
    rows: int
    usable: int
    snapshot: str


def begin_source_load(state: State) -> None:
    """Make room for a read; what an earlier unfinished read left is dropped."""
    db = state.db
    db.execute("DROP TABLE IF EXISTS temp.incoming")
    db.execute("DROP TABLE IF EXISTS temp.sorted")
    db.execute(
        "CREATE TEMP TABLE incoming (address_key TEXT NOT NULL, source_id TEXT NOT NULL, line INTEGER NOT NULL,"
        " email TEXT, mapped TEXT NOT NULL, opted_out INTEGER NOT NULL, consent TEXT, fault TEXT, note TEXT)"
    )


@contextlib.contextmanager
def staging(state: State) -> Iterator[None]:
    """What is staged within is staged together, or not at all; only the temporary file is written."""
    db = state.db
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def put_source_rows(state: State, rows: Iterable[IncomingRow]) -> None:
    """Stage some rows of any kind."""
    with staging(state):
        state.db.executemany("INSERT INTO temp.incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def put_plain_rows(state: State, rows: Sequence[PlainRow]) -> None:
    """Stage rows without a fault; a third of the cost of ``put_source_rows``."""
    with staging(state):
        insert_many(state.db, f"INSERT INTO temp.incoming ({_PLAIN_COLUMNS})", _PLAIN_SHAPE, rows)


def put_plain_rows_with_consent(state: State, rows: Sequence[PlainRowWithConsent]) -> None:
    """Stage rows without a fault that each bring a consent of their own."""
    with staging(state):
        into = f"INSERT INTO temp.incoming ({_PLAIN_COLUMNS}, consent)"
        insert_many(state.db, into, (*_PLAIN_SHAPE, "{6}"), rows)


def staged_count(state: State) -> SourceCount:
    """How many rows are staged."""
    rows, usable, unreadable = state.db.execute(
        "SELECT count(*), count(*) FILTER (WHERE fault IS NULL),"
        " count(*) FILTER (WHERE fault IN ('ragged-row', 'undecodable', 'nul-byte')) FROM temp.incoming"
    ).fetchone()
    return SourceCount(int(rows), int(usable), int(unreadable))


def last_read(state: State, link_no: int) -> LastRead | None:
    """The last accepted read of the link's source, for the guard against shrinking."""
    row = state.db.execute(
        "SELECT ended_at, rows, usable, snapshot FROM source_reads WHERE link_no = ? AND accepted = 1 ORDER BY no DESC LIMIT 1",
        (link_no,),
    ).fetchone()
    return LastRead(*row) if row else None


def refuse_source_read(
    state: State,
    link_no: int,
    count: SourceCount,
    *,
    complete: bool,
    snapshot: str,
    reason: str,
    started: datetime,
    now: datetime,
) -> None:
    """Remember a read that was not taken, and drop what was staged."""
    with state.write():
        _note_read(state, link_no, count, complete, False, snapshot, reason, started, now)
    drop_staged_source(state)


def drop_staged_source(state: State) -> None:
    """Forget the staged rows."""
    state.db.execute("DROP TABLE IF EXISTS temp.incoming")
    state.db.execute("DROP TABLE IF EXISTS temp.sorted")


def accept_source_read(
    state: State,
    link_no: int,
    count: SourceCount,
    *,
    snapshot: str,
    mapped: str,
    started: datetime,
    now: datetime,
    as_of: datetime | None = None,
    details: Mapping[str, str] | None = None,
    identity: str = "",
) -> int:
    """Merge the staged read into the link's contacts in one transaction; returns how many rows changed.

    ``as_of`` is how old the rows are (None: not known), ``details`` says how they were read (``SourceEnd``).
    ``identity`` names where the source ids come from: ids of another source, or of another column, are those of other
    people, so nobody is taken for who had the same id there.
    """
    db = state.db
    known = db.execute(
        "SELECT 1 FROM (SELECT link_no FROM contacts UNION ALL SELECT link_no FROM former_addresses) WHERE link_no = ? LIMIT 1",
        (link_no,),
    ).fetchone()
    with state.write():
        if known is None:
            changed = _load(state, link_no)
        else:
            changed = _merge(state, link_no, same_ids=_same_ids(state, link_no, identity))
        put_mapped_fields(state, link_no, mapped)
        told = {**(details or {}), _IDENTITY: identity} if identity else details or {}
        _note_read(state, link_no, count, True, True, snapshot, "ok", started, now, as_of, told)
    drop_staged_source(state)
    return changed


def _load(state: State, link_no: int) -> int:
    """The first read of a link. Rows that repeat an address and a source id are few, so only they are numbered,
    by what they say: the first of them in the file is marked in ``due``, which nothing else uses yet, and replaced.
    """
    db = state.db
    into = "INSERT INTO contacts (link_no, address_key, source_id, copy, email, mapped, opted_out, consent, fault, note)"
    staged = int(db.execute("SELECT count(*) FROM temp.incoming").fetchone()[0])
    db.execute(
        f"{into} SELECT ?1, address_key, source_id, 1, email, mapped, opted_out, consent, fault, note FROM temp.incoming"
        " WHERE true ORDER BY address_key, source_id, line"
        " ON CONFLICT (link_no, address_key, source_id, copy) DO UPDATE SET due = 1",
        (link_no,),
    )
    if db.execute("SELECT count(*) FROM contacts WHERE link_no = ?", (link_no,)).fetchone()[0] != staged:
        db.execute(
            f"{into.replace('INSERT', 'INSERT OR REPLACE', 1)} SELECT ?1, address_key, source_id, copy, email, mapped, opted_out, consent, fault, note FROM ("
            "SELECT *, row_number() OVER (PARTITION BY address_key, source_id ORDER BY email, mapped, opted_out, consent, line) AS copy FROM temp.incoming"
            " WHERE (address_key, source_id) IN (SELECT address_key, source_id FROM contacts WHERE link_no = ?1 AND due = 1)"
            ") ORDER BY address_key, source_id, copy",
            (link_no,),
        )
        db.execute("UPDATE contacts SET due = 0 WHERE link_no = ? AND due = 1", (link_no,))
    return staged


_IDENTITY = "ids of"
"""Under which name the details of a read keep where its source ids came from."""


def _same_ids(state: State, link_no: int, identity: str) -> bool:
    """Whether the last accepted read's ids came from the same place; so it is taken where it is not known."""
    row = state.db.execute(
        "SELECT json_extract(details, ?) FROM source_reads WHERE link_no = ? AND accepted = 1 ORDER BY no DESC LIMIT 1",
        (f'$."{_IDENTITY}"', link_no),
    ).fetchone()
    return not identity or row is None or not row[0] or str(row[0]) == identity


def _merge(state: State, link_no: int, *, same_ids: bool) -> int:
    db = state.db
    db.execute(
        "CREATE TEMP TABLE sorted (address_key TEXT NOT NULL, source_id TEXT NOT NULL, copy INTEGER NOT NULL, email TEXT,"
        " mapped TEXT NOT NULL, opted_out INTEGER NOT NULL, consent TEXT, fault TEXT, note TEXT,"
        " PRIMARY KEY (address_key, source_id, copy)) WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO temp.sorted SELECT address_key, source_id, row_number() OVER (PARTITION BY address_key, source_id ORDER BY email, mapped, opted_out, consent, line),"
        " email, mapped, opted_out, consent, fault, note FROM temp.incoming ORDER BY address_key, source_id, line"
    )
    for table in ("leaving", "fresh"):
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")
    db.execute(
        "CREATE TEMP TABLE leaving AS SELECT c.address_key, c.source_id, c.copy, c.former_key, c.fault FROM contacts c"
        " WHERE c.link_no = ?1 AND NOT EXISTS (SELECT 1 FROM temp.sorted s WHERE s.address_key = c.address_key"
        " AND s.source_id = c.source_id AND s.copy = c.copy)",
        (link_no,),
    )
    # Whoever was in the source once is never created there again by us (``state.creations``).
    db.execute(
        "INSERT OR IGNORE INTO once_in_source (link_no, address_key) SELECT ?1, address_key FROM temp.leaving"
        " WHERE fault IS NULL AND address_key <> ''",
        (link_no,),
    )
    db.execute(
        "CREATE TEMP TABLE fresh AS SELECT s.*, c.former_key AS former_key, coalesce(c.due, 0) AS due,"
        " c.link_no IS NOT NULL AND c.fault IS NULL AS known FROM temp.sorted s"
        " LEFT JOIN contacts c ON c.link_no = ?1 AND c.address_key = s.address_key AND c.source_id = s.source_id AND c.copy = s.copy"
        " WHERE c.link_no IS NULL OR c.mapped <> s.mapped OR c.opted_out <> s.opted_out OR c.email IS NOT s.email"
        " OR c.consent IS NOT s.consent OR c.fault IS NOT s.fault OR c.note IS NOT s.note",
        (link_no,),
    )
    if same_ids:
        _link_former_addresses(state, link_no)
    else:
        _part_from_former_ids(state, link_no)
    removed = db.execute(
        "DELETE FROM contacts WHERE link_no = ?1 AND (address_key, source_id, copy) IN"
        " (SELECT address_key, source_id, copy FROM temp.leaving)",
        (link_no,),
    ).rowcount
    written = db.execute(
        "INSERT OR REPLACE INTO contacts (link_no, address_key, source_id, copy, email, mapped, opted_out, consent, fault, note,"
        " former_key, due) SELECT ?1, address_key, source_id, copy, email, mapped, opted_out, consent, fault, note, former_key, due"
        " FROM temp.fresh ORDER BY address_key, source_id, copy",
        (link_no,),
    ).rowcount
    for table in ("leaving", "fresh", "sorted"):
        db.execute(f"DROP TABLE temp.{table}")
    return int(removed) + int(written)


def _part_from_former_ids(state: State, link_no: int) -> None:
    """The ids are those of other people now: only who is at the same address keeps the address they had before."""
    state.db.execute("DELETE FROM former_addresses WHERE link_no = ?", (link_no,))
    state.db.execute(
        "UPDATE temp.fresh SET former_key = (SELECT min(l.former_key) FROM temp.leaving l"
        "  WHERE l.address_key = fresh.address_key AND l.fault IS NULL AND l.former_key IS NOT NULL)"
        " WHERE fault IS NULL AND former_key IS NULL"
    )


def _link_former_addresses(state: State, link_no: int) -> None:
    """Say in ``temp.fresh`` which address each person had before, and keep the addresses that nobody has taken up.

    A row that leaves or turns faulty leaves its address in ``former_addresses``, so that one bad read does not part
    a person from an opt-out (R25, I14). The entry goes when it is taken up, or when the id is back at that address.
    """
    db = state.db
    db.execute("CREATE INDEX temp.leaving_by_source ON leaving (source_id)")
    db.execute("CREATE INDEX temp.fresh_by_source ON fresh (source_id)")
    # The same source id left one address and came with another in one read: one person.
    db.execute(
        "UPDATE temp.fresh SET former_key = (SELECT coalesce(l.former_key, l.address_key) FROM temp.leaving l"
        "  WHERE l.source_id = fresh.source_id AND l.fault IS NULL LIMIT 1)"
        " WHERE fault IS NULL AND former_key IS NULL AND source_id <> address_key"
        " AND (SELECT count(DISTINCT l.address_key) FROM temp.leaving l WHERE l.source_id = fresh.source_id AND l.fault IS NULL) = 1"
        " AND (SELECT count(DISTINCT f.address_key) FROM temp.fresh f WHERE f.source_id = fresh.source_id AND f.fault IS NULL) = 1"
    )
    # Of an id that left several addresses at once nothing is kept: it does not stand for one person.
    db.execute(
        "INSERT OR REPLACE INTO former_addresses (link_no, source_id, address_key) SELECT ?1, source_id, min(former) FROM ("
        "SELECT source_id, coalesce(former_key, address_key) AS former FROM ("
        " SELECT address_key, source_id, former_key FROM temp.leaving WHERE fault IS NULL"
        " UNION ALL SELECT address_key, source_id, former_key FROM temp.fresh WHERE fault IS NOT NULL AND known = 1) AS lost"
        " WHERE source_id <> address_key AND NOT EXISTS (SELECT 1 FROM temp.sorted s"
        "  WHERE s.address_key = lost.address_key AND s.source_id = lost.source_id AND s.fault IS NULL)"
        ") GROUP BY source_id HAVING min(former) = max(former)",
        (link_no,),
    )
    returning = (
        "SELECT f.source_id FROM temp.fresh f CROSS JOIN former_addresses k ON k.link_no = ?1 AND k.source_id = f.source_id"
        " WHERE f.fault IS NULL AND f.known = 0 AND f.former_key IS NULL AND f.source_id <> f.address_key"
    )
    if db.execute(f"{returning} LIMIT 1", (link_no,)).fetchone() is not None:
        db.execute(
            "UPDATE temp.fresh SET former_key = (SELECT k.address_key FROM former_addresses k WHERE k.link_no = ?1"
            "  AND k.source_id = fresh.source_id)"
            " WHERE fault IS NULL AND known = 0 AND former_key IS NULL AND source_id <> address_key AND source_id IN"
            f" (SELECT source_id FROM temp.sorted WHERE fault IS NULL AND source_id IN ({returning})"
            "  GROUP BY source_id HAVING min(address_key) = max(address_key))",
            (link_no,),
        )
    db.execute(
        "DELETE FROM former_addresses WHERE link_no = ?1 AND source_id IN (SELECT f.source_id FROM temp.fresh f"
        " CROSS JOIN former_addresses k ON k.link_no = ?1 AND k.source_id = f.source_id"
        " WHERE f.fault IS NULL AND k.address_key IN (f.address_key, f.former_key))",
        (link_no,),
    )
    db.execute("UPDATE temp.fresh SET former_key = NULL WHERE former_key = address_key")


def _note_read(
    state: State,
    link_no: int,
    count: SourceCount,
    complete: bool,
    accepted: bool,
    snapshot: str,
    reason: str,
    started: datetime,
    now: datetime,
    as_of: datetime | None = None,
    details: Mapping[str, str] | None = None,
) -> None:
    told = json.dumps(dict(details or {}), ensure_ascii=False)
    state.db.execute(
        "INSERT INTO source_reads (link_no, started_at, ended_at, complete, accepted, rows, usable, snapshot, reason, as_of, details)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(link_no, stamp(started), stamp(now), complete, accepted, count.rows, count.usable),
            *(snapshot, reason, stamp(as_of) if as_of else None, told),
        ),
    )
