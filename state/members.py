"""Members: what a remote list holds, staged page by page and merged when the listing is proven whole.

An incomplete listing never reaches the table (design law 5, I11). Consents that changed since the last listing
are journalled; a member that a whole listing no longer shows was erased at the platform, unless the vendor's
person id shows them under another address (R30), or the account still knows the address: then somebody took them
out of the list. ``ours`` is set by our own additions alone and never by a read. What the whole account no longer
mails is staged beside the pages (``state.account_opt_outs``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from state.account_opt_outs import (
    begin_account_opt_outs,
    drop_account_opt_outs,
    join_account_opt_outs,
    keep_account_opt_outs,
)
from state.address import address_key
from state.bulk import insert_many
from state.contacts import SEPARATOR
from state.model import Consent, Member, Scope
from state.moments import stamp
from state.opt_outs import RESTRICTION_SQL as _RANK
from state.store import State

_OPTED_OUT = "('unsubscribed', 'bounced', 'suppressed', 'erased')"


REMOVED = "removed"
"""Raw status of a member who was taken out of the list at the platform and is still known to the account."""


@dataclass(slots=True, frozen=True)
class ListingChange:
    """What a staged listing would change: for guards, logs and counts."""

    rows: int
    appeared: int
    vanished: int
    opted_out: int
    confirmed: int
    known_before: int


_LISTED = (
    "email TEXT, origin_id TEXT NOT NULL, person_id TEXT NOT NULL, consent TEXT NOT NULL, raw_status TEXT NOT NULL,"
    " mapped TEXT NOT NULL, changed_at TEXT NOT NULL, since TEXT NOT NULL, detail TEXT NOT NULL, scope TEXT NOT NULL"
)


_PAGE_SHAPE = ("{0}", "nullif({1}, {0})", "{2}", "{3}", "{4}", "{5}", "{6}", "{7}", "{8}", "{9}", "{10}")


def begin_listing(state: State) -> None:
    """Make room for a listing; what an earlier unfinished one left is dropped."""
    drop_staged_listing(state)
    state.db.execute(f"CREATE TEMP TABLE pages (address_key TEXT NOT NULL, {_LISTED})")
    begin_account_opt_outs(state)


def drop_staged_listing(state: State) -> None:
    """Forget the staged members."""
    for table in ("pages", "listed"):
        state.db.execute(f"DROP TABLE IF EXISTS temp.{table}")
    drop_account_opt_outs(state)


def put_listing_page(state: State, members: Iterable[Member], fields: Sequence[str]) -> None:
    """Stage one page, in the order it came: sorting once at the end costs a tenth of keeping order meanwhile."""
    rows = []
    for member in members:
        values = member.fields
        mapped = SEPARATOR.join([values.get(name, "").replace(SEPARATOR, " ") for name in fields])
        rows.append(
            (
                address_key(member.email),
                member.email,
                member.origin_id,
                member.person_id,
                member.consent.value,
                member.raw_status,
                mapped,
                member.changed_at or member.since,
                member.since,
                member.detail,
                member.scope or "",
            )
        )
    db = state.db
    db.execute("BEGIN")
    try:
        insert_many(db, "INSERT INTO temp.pages", _PAGE_SHAPE, rows)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _sort_pages(state: State, list_no: int) -> None:
    """The staged pages as one row an address: a later record of the same member is newer, and of two members with
    one address the more restrictive counts. What reaches the whole account joins them.
    """
    db = state.db
    db.execute("DROP TABLE IF EXISTS temp.listed")
    db.execute(f"CREATE TEMP TABLE listed (address_key TEXT PRIMARY KEY, {_LISTED}) WITHOUT ROWID")
    db.execute(
        "INSERT INTO temp.listed SELECT * FROM temp.pages WHERE true ORDER BY address_key, rowid"
        " ON CONFLICT (address_key) DO UPDATE SET"
        " email = excluded.email, origin_id = excluded.origin_id, person_id = excluded.person_id, consent = excluded.consent,"
        " raw_status = excluded.raw_status, mapped = excluded.mapped, changed_at = excluded.changed_at,"
        " since = excluded.since, detail = excluded.detail, scope = excluded.scope"
        f" WHERE origin_id = excluded.origin_id OR CASE excluded.consent {_RANK} END > CASE consent {_RANK} END"
    )
    join_account_opt_outs(state, list_no)


_LISTED_BEFORE = "m.gone IS NULL AND NOT (m.consent = 'pending' AND m.ours = 0 AND m.seen_no = 0)"
"""Members a whole listing has to show: not those whom an import only told to be waiting (``state.outcomes``)."""


def listing_change(state: State, list_no: int, *, whole: bool) -> ListingChange:
    """Measure the staged listing against what is known, when its last page is there and before it is applied."""
    _sort_pages(state, list_no)
    db = state.db
    known = int(
        db.execute("SELECT count(*) FROM members WHERE list_no = ? AND gone IS NULL", (list_no,)).fetchone()[
            0
        ]
    )
    rows = int(db.execute("SELECT count(*) FROM temp.listed").fetchone()[0])
    if known == 0:
        return ListingChange(rows, rows, 0, 0, 0, 0)
    appeared, opted_out, confirmed = db.execute(
        "SELECT count(*) FILTER (WHERE m.address_key IS NULL OR m.gone IS NOT NULL),"
        f" count(*) FILTER (WHERE m.consent = 'subscribed' AND l.consent IN {_OPTED_OUT}),"
        " count(*) FILTER (WHERE m.consent = 'pending' AND l.consent = 'subscribed')"
        " FROM temp.listed l LEFT JOIN members m ON m.list_no = ? AND m.address_key = l.address_key",
        (list_no,),
    ).fetchone()
    vanished = 0
    if whole:
        vanished = int(
            db.execute(
                f"SELECT count(*) FROM members m WHERE m.list_no = ? AND {_LISTED_BEFORE}"
                " AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.address_key = m.address_key)",
                (list_no,),
            ).fetchone()[0]
        )
    return ListingChange(rows, int(appeared), vanished, int(opted_out), int(confirmed), known)


def vanished_members(state: State, list_no: int) -> list[str]:
    """Addresses of members that the staged whole listing shows neither as they are nor under another address."""
    return [
        str(row[0])
        for row in state.db.execute(
            f"SELECT coalesce(m.email, m.address_key) FROM members m WHERE m.list_no = ? AND {_LISTED_BEFORE}"
            " AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.address_key = m.address_key)"
            " AND (m.person_id = '' OR m.person_id NOT IN (SELECT person_id FROM temp.listed)) ORDER BY m.address_key",
            (list_no,),
        )
    ]


def accept_listing(
    state: State,
    list_no: int,
    change: ListingChange,
    *,
    whole: bool,
    cursor: str,
    fields_signature: str,
    origin: str,
    operator: str,
    started: datetime,
    now: datetime,
    known: Collection[str] = (),
    consents_as_of: datetime | None = None,
) -> int:
    """Apply the staged listing, move the cursor and write the journal, all in one transaction (I5).

    ``known`` are those of ``vanished_members`` whom the account still knows; ``consents_as_of`` is since when the
    platform's word on each member told holds, by the earlier of two clocks. Returns how many members left.
    """
    db = state.db
    at = stamp(now)
    gone = 0
    with state.write():
        listing_no = int(
            db.execute(
                "INSERT INTO listings (list_no, started_at, ended_at, whole, complete, rows, changed, opted_out, cursor, origin, reason)"
                " VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, 'ok') RETURNING no",
                (
                    list_no,
                    stamp(started),
                    at,
                    whole,
                    change.rows,
                    change.appeared + change.vanished,
                    change.opted_out,
                    cursor,
                    origin,
                ),
            ).fetchone()[0]
        )
        if change.known_before == 0:
            db.execute(
                "INSERT OR REPLACE INTO members (list_no, address_key, email, origin_id, person_id, consent, raw_status, mapped,"
                " changed_at, since, detail, scope, ours, gone, seen_no, first_no)"
                " SELECT ?1, l.address_key, l.email, l.origin_id, l.person_id, l.consent, l.raw_status, l.mapped, l.changed_at,"
                " l.since, l.detail, l.scope, 0, NULL, ?2, ?2 FROM temp.listed l ORDER BY l.address_key",
                (list_no, listing_no),
            )
        else:
            if (
                fields_signature
                != db.execute("SELECT mapped FROM lists WHERE no = ?", (list_no,)).fetchone()[0]
            ):
                _blank_carried(state, fields_signature)
            _journal_changes(state, list_no, origin, operator, at)
            db.execute(
                "INSERT INTO members (list_no, address_key, email, origin_id, person_id, consent, raw_status, mapped, changed_at,"
                " since, detail, scope, seen_no, first_no)"
                " SELECT ?1, l.address_key, l.email, l.origin_id, l.person_id, l.consent, l.raw_status, l.mapped, l.changed_at,"
                " l.since, l.detail, l.scope, ?2, ?2 FROM temp.listed l LEFT JOIN members m ON m.list_no = ?1 AND m.address_key = l.address_key"
                " WHERE m.address_key IS NULL OR m.gone IS NOT NULL OR m.consent <> l.consent OR m.mapped <> l.mapped"
                " OR m.origin_id <> l.origin_id OR m.raw_status <> l.raw_status OR m.changed_at <> l.changed_at"
                " OR m.email IS NOT l.email OR m.detail <> l.detail OR m.person_id <> l.person_id"
                " OR m.scope <> l.scope OR m.seen_no = 0 ORDER BY l.address_key"
                " ON CONFLICT (list_no, address_key) DO UPDATE SET email = excluded.email, origin_id = excluded.origin_id,"
                " person_id = excluded.person_id, consent = excluded.consent, raw_status = excluded.raw_status,"
                " mapped = excluded.mapped, changed_at = excluded.changed_at, since = excluded.since, detail = excluded.detail,"
                " scope = excluded.scope, gone = NULL, moved_to = '', seen_no = excluded.seen_no",
                (list_no, listing_no),
            )
            if (whole and change.vanished) or change.appeared:
                gone = _mark_vanished(state, list_no, origin, operator, at, whole=whole, known=known)
        keep_account_opt_outs(state, list_no, origin, operator, at)
        _lift_opt_outs(
            state,
            list_no,
            origin,
            operator,
            at,
            stamp(consents_as_of.replace(microsecond=0)) if consents_as_of else "",
        )
        db.execute(
            "UPDATE lists SET cursor = ?, mapped = ? WHERE no = ?", (cursor, fields_signature, list_no)
        )
        if whole:
            db.execute("UPDATE lists SET full_at = ?, full_rows = ? WHERE no = ?", (at, change.rows, list_no))
    drop_staged_listing(state)
    return gone


def _blank_carried(state: State, fields_signature: str) -> None:
    """Members taken over from what is known have the values of the former mapping, which tell nothing of the new one."""
    blank = SEPARATOR.join([""] * len(json.loads(fields_signature)))
    state.db.execute(
        "UPDATE temp.listed SET mapped = ? WHERE address_key IN (SELECT address_key FROM temp.account_outs WHERE carried = 1)",
        (blank,),
    )


def refuse_listing(
    state: State,
    list_no: int,
    *,
    whole: bool,
    rows: int,
    origin: str,
    reason: str,
    started: datetime,
    now: datetime,
) -> None:
    """Remember a listing that was not taken, and drop what was staged."""
    with state.write() as db:
        db.execute(
            "INSERT INTO listings (list_no, started_at, ended_at, whole, complete, rows, changed, opted_out, cursor, origin, reason)"
            " VALUES (?, ?, ?, ?, 0, ?, 0, 0, NULL, ?, ?)",
            (list_no, stamp(started), stamp(now), whole, rows, origin, reason),
        )
    drop_staged_listing(state)


def last_good_rows(state: State, list_no: int) -> int:
    """Members in the last complete whole listing; the measure of the guards (design law 6)."""
    row = state.db.execute("SELECT full_rows FROM lists WHERE no = ?", (list_no,)).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _journal_changes(state: State, list_no: int, origin: str, operator: str, at: str) -> None:
    """What the platform tells that we did not know: consents that changed, and people who came by themselves."""
    state.db.execute(
        "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail)"
        " SELECT ?2, l.address_key, ?1, coalesce((SELECT name FROM links WHERE list_no = ?1), ''), ?3,"
        " CASE WHEN m.address_key IS NULL OR m.gone IS NOT NULL THEN 'appeared' ELSE 'consent' END, l.consent, ?4,"
        " CASE WHEN m.address_key IS NULL THEN l.raw_status ELSE m.consent || ' → ' || l.consent END"
        " || CASE WHEN l.changed_at <> '' THEN ' (platform: ' || l.changed_at || ')' ELSE '' END"
        " || CASE WHEN l.detail <> '' THEN ' ' || l.detail ELSE '' END"
        " FROM temp.listed l LEFT JOIN members m ON m.list_no = ?1 AND m.address_key = l.address_key"
        " WHERE m.address_key IS NULL OR m.gone IS NOT NULL OR m.consent <> l.consent ORDER BY l.address_key",
        (list_no, at, origin, operator),
    )


def _mark_vanished(
    state: State,
    list_no: int,
    origin: str,
    operator: str,
    at: str,
    *,
    whole: bool,
    known: Collection[str],
) -> int:
    """Members the listing no longer shows; what changed alone tells those who appeared under another address.

    Who opted out and is still known to the account stays as they are: an opt-out is not lifted by silence.
    """
    db = state.db
    tables = ("vanished", "still_known", "leaving_by_us")
    for table in tables:
        db.execute(f"DROP TABLE IF EXISTS temp.{table}")
    # A removal of ours under way: its job tells what became of it, and that was not the platform's doing.
    db.execute(
        "CREATE TEMP TABLE leaving_by_us AS SELECT r.address_key FROM lists t JOIN jobs j ON j.connection = t.connection"
        "  AND j.state NOT IN ('cancelled', 'done', 'partly', 'failed')"
        " JOIN plans p ON p.plan_id = j.plan_id AND p.list_id = t.list_id JOIN chunks k ON k.job_no = j.no"
        "  AND k.action = 'remove' AND k.state IN ('intended', 'accepted', 'doubtful')"
        " JOIN plan_rows r ON r.plan_no = p.no AND r.n BETWEEN k.first AND k.last WHERE t.no = ?",
        (list_no,),
    )
    db.execute("CREATE TEMP TABLE still_known (address_key TEXT PRIMARY KEY) WITHOUT ROWID")
    db.executemany(
        "INSERT OR IGNORE INTO temp.still_known VALUES (?)", [(address_key(one),) for one in known]
    )
    db.execute("CREATE INDEX temp.listed_by_person ON listed (person_id) WHERE person_id <> ''")
    moved_only = (
        ""
        if whole
        else " AND m.person_id <> '' AND m.person_id IN (SELECT person_id FROM temp.listed WHERE person_id <> '')"
    )
    db.execute(
        "CREATE TEMP TABLE vanished AS SELECT m.address_key, m.person_id, m.ours, CASE WHEN m.person_id <> '' THEN"
        " (SELECT l.address_key FROM temp.listed l WHERE l.person_id = m.person_id AND l.person_id <> '' LIMIT 1) END AS now_key,"
        " m.address_key IN (SELECT address_key FROM temp.still_known) AS known, m.consent"
        f" FROM members m WHERE m.list_no = ?1 AND {_LISTED_BEFORE}"
        f" AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.address_key = m.address_key){moved_only}",
        (list_no,),
    )
    db.execute(f"DELETE FROM temp.vanished WHERE now_key IS NULL AND known = 1 AND consent IN {_OPTED_OUT}")
    db.execute(
        "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail)"
        " SELECT ?2, v.address_key, ?1, coalesce((SELECT name FROM links WHERE list_no = ?1), ''), ?3, 'gone',"
        " CASE WHEN v.now_key IS NOT NULL THEN 'moved-at-platform' WHEN v.known = 1 THEN 'removed-at-platform'"
        "  ELSE 'erased-remotely' END, ?4, coalesce('now ' || v.now_key, '')"
        " FROM temp.vanished v WHERE v.address_key NOT IN (SELECT address_key FROM temp.leaving_by_us) ORDER BY v.address_key",
        (list_no, at, origin, operator),
    )
    db.execute(
        "UPDATE members SET ours = 1 WHERE list_no = ?1 AND address_key IN"
        " (SELECT now_key FROM temp.vanished WHERE now_key IS NOT NULL AND ours = 1)",
        (list_no,),
    )
    gone = db.execute(
        "UPDATE members SET gone = ?2, ours = 0,"
        " consent = CASE WHEN v.now_key IS NULL AND v.known = 0 THEN 'erased' ELSE 'unknown' END,"
        " raw_status = CASE WHEN v.now_key IS NULL AND v.known = 1 THEN ?3 ELSE members.raw_status END,"
        " moved_to = coalesce(v.now_key, ''), detail = '', scope = ''"
        " FROM temp.vanished v WHERE members.list_no = ?1 AND members.address_key = v.address_key",
        (list_no, at, REMOVED),
    ).rowcount
    for table in tables:
        db.execute(f"DROP TABLE temp.{table}")
    return int(gone)


def _lift_opt_outs(state: State, list_no: int, origin: str, operator: str, at: str, as_of: str) -> None:
    """A person who subscribed at the platform after the opt-out we remember has come back by themselves.

    Either the platform tells when they changed, or it said after the opt-out (``as_of``) that it mails them here. Who
    is not told in the listing stays out, and so does what a person of ours suppressed or erased (I6).
    """
    db = state.db
    came_back = (
        "FROM opt_outs o JOIN temp.listed l ON l.address_key = o.address_key AND l.consent = 'subscribed'"
        " WHERE o.list_no = ?1 AND o.reason NOT IN ('suppressed-here', 'erased') AND (datetime(l.changed_at) > datetime(o.at)"
        " OR datetime(?5) > datetime(o.at))"
    )
    db.execute(
        "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail)"
        " SELECT ?2, o.address_key, ?1, coalesce((SELECT name FROM links WHERE list_no = ?1), ''), ?3, 'rejoined', o.reason, ?4,"
        " coalesce(nullif(l.changed_at, ''), 'shown as mailed at ' || ?5) " + came_back,
        (list_no, at, origin, operator, as_of),
    )
    db.execute(
        "DELETE FROM opt_outs WHERE list_no = ?1 AND address_key IN (SELECT o.address_key " + came_back + ")",
        (list_no, at, origin, operator, as_of),
    )


def present_members(state: State, list_no: int) -> int:
    """Members the list shows as far as we know."""
    row = state.db.execute(
        "SELECT count(*) FROM members WHERE list_no = ? AND gone IS NULL", (list_no,)
    ).fetchone()
    return int(row[0])


def members_by_key(state: State, list_no: int, keys: Sequence[str]) -> dict[str, Member]:
    """The members of some addresses that the list shows, by address key; mapped fields by name."""
    names = json.loads(
        state.db.execute(
            "SELECT coalesce(nullif(mapped, ''), '[]') FROM lists WHERE no = ?", (list_no,)
        ).fetchone()[0]
    )
    found: dict[str, Member] = {}
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        for (
            key,
            email,
            origin_id,
            consent,
            raw_status,
            mapped,
            changed_at,
            since,
            detail,
            person_id,
            scope,
        ) in state.db.execute(
            "SELECT address_key, email, origin_id, consent, raw_status, mapped, changed_at, since, detail, person_id, scope FROM members"
            f" WHERE list_no = ? AND gone IS NULL AND address_key IN ({','.join('?' * len(some))})",
            (list_no, *some),
        ):
            found[key] = Member(
                email=email or key,
                origin_id=origin_id,
                consent=Consent(consent),
                raw_status=raw_status,
                fields=dict(zip(names, mapped.split(SEPARATOR), strict=False)),
                person_id=person_id,
                changed_at=changed_at,
                since=since,
                detail=detail,
                scope=Scope(scope) if scope else None,
            )
    return found
