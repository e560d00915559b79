"""Why does this address get, or not get, our mail? One sentence, the facts link by link, then the timeline.

Answers from the state alone, offline, in milliseconds at a million contacts (F1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from state.activity_view import address_activity
from state.address import address_key
from state.model import Consent, JournalEntry, Plan, Scope
from state.moments import moment, stamp
from state.opt_outs import opt_out_reason
from state.plans import find_in_plan, latest_plan
from state.reasons import reason as reason_entry
from state.staleness import OURS
from state.store import State


@dataclass(slots=True, frozen=True)
class LinkView:
    """What one link knows of the address. ``row_class`` is that of its newest plan, and so is ``reason``, unless a
    write of ours or the platform has settled it since."""

    link: str
    connection: str
    list_id: str
    list_name: str
    consent: Consent | None
    raw_status: str
    origin_id: str
    source_ids: tuple[str, ...]
    ours: bool
    row_class: str
    reason: str
    since: str
    opt_out: str
    planned_at: datetime | None
    scope: Scope | None = None
    """How far the opt-out reaches, where the platform has two levels."""


@dataclass(slots=True, frozen=True)
class Explanation:
    """The answer; the timeline is newest first. ``more_activity``: older things done with campaigns that it leaves out."""

    address: str
    answer: str
    known: bool
    links: tuple[LinkView, ...]
    timeline: tuple[JournalEntry, ...]
    more_activity: int = 0


def explain(
    state: State, address: str, links: Sequence[str] | None = None, *, limit: int = 500
) -> Explanation:
    """All that is known of an address, over the named links (or all)."""
    key = address_key(address)
    with state.read() as db:
        records = db.execute(
            "SELECT k.no, k.name, l.no, l.connection, l.list_id, l.name FROM links k JOIN lists l ON l.no = k.list_no ORDER BY k.name"
        ).fetchall()
        views = [_view(state, key, *record) for record in records if links is None or record[1] in links]
        activity = address_activity(state, key)
        timeline = sorted(
            (*activity.entries, *_timeline(state, key, limit)), key=lambda entry: entry.at, reverse=True
        )
    shown = tuple(view for view in views if view is not None)
    known = bool(shown) or bool(timeline)
    return Explanation(
        address.strip(), _answer(address.strip(), shown, known), known, shown, tuple(timeline), activity.more
    )


def _view(
    state: State,
    key: str,
    link_no: int,
    link: str,
    list_no: int,
    connection: str,
    list_id: str,
    list_name: str,
) -> LinkView | None:
    db = state.db
    member = db.execute(
        "SELECT consent, raw_status, origin_id, ours, since, changed_at, gone, moved_to, scope FROM members WHERE list_no = ? AND address_key = ?",
        (list_no, key),
    ).fetchone()
    source_ids = tuple(
        str(row[0])
        for row in db.execute(
            "SELECT source_id FROM contacts WHERE link_no = ? AND address_key = ? ORDER BY source_id",
            (link_no, key),
        )
    )
    opt_out = db.execute(
        "SELECT reason, at, scope FROM opt_outs WHERE list_no = ? AND address_key = ?", (list_no, key)
    ).fetchone()
    if member is None and not source_ids and opt_out is None:
        return None
    plan = latest_plan(state, link)
    rows = find_in_plan(state, plan, key) if plan else []
    row = rows[0] if rows else None
    consent = Consent(member[0]) if member else None
    scope = (opt_out[2] if opt_out else "") or (member[8] if member else "")
    return LinkView(
        link=link,
        connection=connection,
        list_id=list_id,
        list_name=list_name,
        consent=consent,
        raw_status=member[1] if member else "",
        origin_id=member[2] if member else "",
        source_ids=source_ids,
        ours=bool(member[3]) if member else False,
        row_class=row.row_class.value if row else "",
        reason=str(opt_out[0])
        if opt_out
        else _reason_now(
            consent,
            member[1] if member else "",
            row.reason if row else "",
            _done_since(state, list_no, key, plan) if plan and row and row.action is not None else None,
            gone=bool(member and member[6]),
            moved=bool(member and member[7]),
            scope=scope,
        ),
        since=(member[4] or member[5] or "") if member else "",
        opt_out=str(opt_out[1]) if opt_out else "",
        planned_at=plan.created_at if plan and row else None,
        scope=Scope(scope) if scope else None,
    )


@dataclass(slots=True, frozen=True)
class _Done:
    """The last write of ours to an address since its plan: what the journal calls it, and whether it was an undo."""

    what: str
    undo: bool


def _done_since(state: State, list_no: int, key: str, plan: Plan) -> _Done:
    row = state.db.execute(
        "SELECT j.what, json_extract(p.basis, '$.undo_of') IS NOT NULL FROM journal j"
        " LEFT JOIN jobs b ON b.job_id = substr(j.origin, 5) LEFT JOIN plans p ON p.plan_id = b.plan_id"
        " WHERE j.address_key = ? AND j.list_no = ? AND j.at >= ? AND j.origin LIKE 'job:%'"
        f" AND j.what IN {OURS} ORDER BY j.no DESC LIMIT 1",
        (key, list_no, stamp(plan.created_at)),
    ).fetchone()
    return _Done(str(row[0]), bool(row[1])) if row else _Done("", False)


_ADDED = ("added", "added-unproven", "found-on-reading")
_WRITTEN = ("changed", "moved", "found-on-reading", "written-back")


def _reason_now(
    consent: Consent | None,
    raw_status: str,
    planned: str,
    done: _Done | None,
    *,
    gone: bool,
    moved: bool,
    scope: str,
) -> str:
    """The plan's reason, unless the member's consent has moved on since, or the planned write (``done``) was made."""
    now = None
    if consent is Consent.PENDING:
        now = "awaiting-confirmation"
    elif consent is not None:
        now = opt_out_reason(consent, scope) or None
    if now is not None:
        return now
    if consent is Consent.SUBSCRIBED:
        if planned in ("", "unknown-at-platform") or (
            planned == "not-confirmed" and done and done.what in _ADDED
        ):
            return "in-sync"
        written = done is not None and done.what in _WRITTEN and not done.undo
        return "in-sync" if written else planned
    if consent is Consent.UNKNOWN and (not planned or done is not None):
        # A write was planned for nobody of an unknown state: the member got there since.
        if gone:
            return "moved-at-platform" if moved else "removed-at-platform"
        if done is not None and done.what == "removed":
            return "removed"
        return "archived" if raw_status == "archived" else "status-unknown"
    if consent is None and done is not None and done.what == "removed":
        return "removed"
    return planned


def _timeline(state: State, key: str, limit: int) -> list[JournalEntry]:
    entries = [
        JournalEntry(moment(at), key, connection, list_id, link, origin, what, reason, operator, detail)
        for at, connection, list_id, link, origin, what, reason, operator, detail in state.db.execute(
            "SELECT j.at, l.connection, l.list_id, j.link, j.origin, j.what, j.reason, j.operator, j.detail FROM journal j"
            " JOIN lists l ON l.no = j.list_no WHERE j.address_key = ? ORDER BY j.no DESC LIMIT ?",
            (key, limit),
        )
    ]
    entries += [
        JournalEntry(
            moment(at),
            key,
            connection,
            list_id,
            link or "",
            origin,
            "first-listed",
            "",
            "",
            f"as {consent} now",
        )
        for at, connection, list_id, link, origin, consent in state.db.execute(
            "SELECT g.ended_at, l.connection, l.list_id, k.name, g.origin, m.consent FROM lists l"
            " CROSS JOIN members m ON m.list_no = l.no AND m.address_key = ? CROSS JOIN listings g ON g.no = m.first_no"
            " LEFT JOIN links k ON k.list_no = l.no",
            (key,),
        )
    ]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    return entries[:limit]


def _answer(address: str, views: Sequence[LinkView], known: bool) -> str:
    if not views:
        if known:
            return f"{address} is on no list and in no source any more; the timeline tells what happened."
        return f"{address} is not known here: it is in no source and on no list that was read."
    gets = [view for view in views if view.consent is Consent.SUBSCRIBED and not view.opt_out]
    misses = [view for view in views if view not in gets]
    parts = []
    if gets:
        parts.append(f"{address} gets our mail from {_names(gets)}.")
    of_account: dict[tuple[str, str], list[LinkView]] = {}
    for view in misses:
        if view.scope is Scope.ACCOUNT:
            of_account.setdefault((view.connection, view.reason), []).append(view)
            continue
        name = view.list_name or view.list_id
        only = " from this list only" if view.scope is Scope.LIST and view.reason == "unsubscribed" else ""
        parts.append(f"{address} does not get {name}: {_why(view, only)}")
    for (connection, _), several in of_account.items():
        names = ", ".join(view.list_name or view.list_id for view in several)
        parts.append(
            f"{address} gets no mail from any list of the account {connection} ({names}): {_why(several[0])}"
        )
    return " ".join(parts)


def _why(view: LinkView, reach: str = "") -> str:
    """``unsubscribed from this list only since 2026-03-01 08:15 UTC. Only the person can come back …``"""
    entry = reason_entry(view.reason or "unknown-at-platform")
    since = f" since {_minute(view.since or view.opt_out)}" if view.since or view.opt_out else ""
    return f"{entry.title}{reach}{since}. {entry.next}"


def _names(views: Sequence[LinkView]) -> str:
    return ", ".join(
        f"{view.list_name or view.list_id}"
        + (f" (subscribed since {_minute(view.since)})" if view.since else "")
        for view in views
    )


def _minute(stamp: str) -> str:
    """A vendor's or our own stamp to the minute, in UTC; what is none stays as it is."""
    try:
        return f"{moment(stamp):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return stamp
