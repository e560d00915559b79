"""Opt-outs of the whole account, as a listing tells them beside its members: the second level of suppression.

Who is on the list takes the more restrictive consent with scope ``account``; who is not is remembered in
``opt_outs``, so that nobody adds them. Nothing is lifted because a name is missing (``members._lift_opt_outs``).
"""

from __future__ import annotations

from collections.abc import Iterable

from state.address import address_key
from state.contacts import staging
from state.model import Member
from state.opt_outs import RESTRICTION_SQL, reason_sql
from state.store import State


def _rank(column: str) -> str:
    return f"CASE {column} {RESTRICTION_SQL} END"


def begin_account_opt_outs(state: State) -> None:
    """Make room for those of one listing."""
    drop_account_opt_outs(state)
    state.db.execute(
        "CREATE TEMP TABLE account_outs (address_key TEXT PRIMARY KEY, email TEXT NOT NULL, origin_id TEXT NOT NULL,"
        " person_id TEXT NOT NULL, consent TEXT NOT NULL, raw_status TEXT NOT NULL, changed_at TEXT NOT NULL,"
        " since TEXT NOT NULL, detail TEXT NOT NULL, carried INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
    )


def drop_account_opt_outs(state: State) -> None:
    """Forget those that are staged."""
    state.db.execute("DROP TABLE IF EXISTS temp.account_outs")


def put_account_opt_outs(state: State, people: Iterable[Member]) -> None:
    """Stage some; of two for one address the more restrictive counts. A consent that is no opt-out is left out."""
    with staging(state):
        state.db.executemany(
            "INSERT INTO temp.account_outs (address_key, email, origin_id, person_id, consent, raw_status, changed_at, since, detail)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (address_key) DO UPDATE SET email = excluded.email,"
            " origin_id = excluded.origin_id, person_id = excluded.person_id, consent = excluded.consent,"
            " raw_status = excluded.raw_status, changed_at = excluded.changed_at, since = excluded.since, detail = excluded.detail"
            f" WHERE {_rank('excluded.consent')} > {_rank('consent')}",
            [
                (
                    address_key(one.email),
                    one.email,
                    one.origin_id,
                    one.person_id,
                    one.consent.value,
                    one.raw_status,
                    one.changed_at,
                    one.since,
                    one.detail,
                )
                for one in people
                if one.consent.opted_out
            ],
        )


def join_account_opt_outs(state: State, list_no: int) -> None:
    """Carry them over to ``temp.listed``: to those listed, and to present members the listing does not show.

    A suppression takes people out of the list at some platforms; they stay members here, with their opt-out.
    """
    db = state.db
    if db.execute("SELECT 1 FROM temp.account_outs LIMIT 1").fetchone() is None:
        return
    db.execute(
        "UPDATE temp.listed SET consent = a.consent, raw_status = a.raw_status, scope = 'account', since = a.since,"
        " detail = a.detail FROM temp.account_outs a WHERE a.address_key = listed.address_key"
        f" AND {_rank('a.consent')} >= {_rank('listed.consent')}"
    )
    values = (
        f"CASE WHEN {_rank('a.consent')} >= {_rank('m.consent')} THEN a.consent ELSE m.consent END,"
        " a.raw_status, m.mapped, coalesce(nullif(a.changed_at, ''), nullif(a.since, ''), m.changed_at), a.since, a.detail,"
        " 'account'"
    )
    into = (
        "INSERT OR IGNORE INTO temp.listed (address_key, email, origin_id, person_id, consent, raw_status, mapped,"
        " changed_at, since, detail, scope)"
    )
    unlisted = "NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.address_key = a.address_key)"
    db.execute(
        "UPDATE temp.account_outs AS a SET carried = 1 WHERE EXISTS (SELECT 1 FROM members m WHERE m.list_no = ?"
        f" AND m.address_key = a.address_key AND m.gone IS NULL) AND {unlisted}",
        (list_no,),
    )
    db.execute(
        f"{into} SELECT a.address_key, m.email, m.origin_id, m.person_id, {values} FROM temp.account_outs a"
        " JOIN members m ON m.list_no = ? AND m.address_key = a.address_key WHERE a.carried = 1",
        (list_no,),
    )
    # The same person under another address than the list knew: they moved, and opted out.
    moved = (
        "FROM members m JOIN temp.account_outs a ON a.person_id = m.person_id AND a.address_key <> m.address_key"
        " WHERE m.list_no = ? AND m.gone IS NULL AND m.person_id <> ''"
        " AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.address_key = m.address_key)"
    )
    db.execute("CREATE INDEX temp.account_outs_by_person ON account_outs (person_id)")
    found = db.execute(f"SELECT a.address_key {moved} AND {unlisted}", (list_no,)).fetchall()
    if found:
        db.execute(
            f"{into} SELECT a.address_key, nullif(a.email, a.address_key), a.origin_id, a.person_id, {values} {moved} AND {unlisted}",
            (list_no,),
        )
        db.executemany("UPDATE temp.account_outs SET carried = 1 WHERE address_key = ?", found)


def keep_account_opt_outs(state: State, list_no: int, origin: str, operator: str, at: str) -> None:
    """Remember those who are not on the list; what a person of ours marked or erased stays as it is.

    Only people in the list's own source get a journal entry: the others are none of ours.
    """
    db = state.db
    if db.execute("SELECT 1 FROM temp.account_outs LIMIT 1").fetchone() is None:
        return
    news = (
        "FROM temp.account_outs a LEFT JOIN opt_outs o ON o.list_no = ?1 AND o.address_key = a.address_key"
        " WHERE NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.address_key = a.address_key)"
        " AND (o.address_key IS NULL OR (o.reason NOT IN ('suppressed-here', 'erased')"
        f" AND (o.scope <> 'account' OR o.consent <> a.consent) AND {_rank('a.consent')} >= {_rank('o.consent')}))"
    )
    db.execute(
        "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail)"
        " SELECT ?2, a.address_key, ?1, k.name, ?3, 'consent', a.consent, ?4,"
        " 'not on the list → ' || a.consent || ' for the whole account'"
        f" {news.replace(' WHERE ', ' JOIN links k ON k.list_no = ?1 WHERE ', 1)}"
        " AND EXISTS (SELECT 1 FROM contacts c WHERE c.link_no = k.no AND c.address_key = a.address_key)"
        " ORDER BY a.address_key",
        (list_no, at, origin, operator),
    )
    reason = reason_sql("a.consent", "'account'")
    db.execute(
        "INSERT OR REPLACE INTO opt_outs (list_no, address_key, consent, reason, at, origin, operator, detail, scope)"
        f" SELECT ?1, a.address_key, a.consent, {reason},"
        f" coalesce(nullif(a.since, ''), ?2), ?3, ?4, a.raw_status, 'account' {news}",
        (list_no, at, origin, operator),
    )
