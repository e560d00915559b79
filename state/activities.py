"""What addresses did with campaigns: merged page by page, in any order and as often as told.

Invariants: a page told twice changes nothing; what is there in the end does not depend on how the platform cut its
pages or in which order they came; a campaign's cursor moves only when every page since the last one is kept (R42).
What a campaign does to an address once (sending, bounces, the unsubscription) is one row: the earliest told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from state.address import address_key
from state.model import Activity, ActivityKind
from state.moments import stamp
from state.store import State

ONCE = frozenset(
    {
        ActivityKind.SENT,
        ActivityKind.SOFT_BOUNCED,
        ActivityKind.HARD_BOUNCED,
        ActivityKind.UNSUBSCRIBED,
    }
)
"""Kinds that happen to an address at most once a campaign."""

CURVE_HOURS = 30 * 24
"""How long after its sending the hours of a campaign are kept apart; what comes later counts to the last one."""


def put_activities(state: State, campaign_no: int, page: Sequence[Activity]) -> int:
    """Merge one page; returns how many rows were not known before."""
    once: dict[tuple[str, str], tuple[str, str, int]] = {}
    often: dict[tuple[str, str, str, str], int] = {}
    for one in page:
        key, at = _key(one), stamp(one.at)
        if one.kind in ONCE:
            kept = once.get((key, one.kind.value))
            told = (at, one.detail, one.times)
            if kept is None or told[:2] < kept[:2] or (told[:2] == kept[:2] and told[2] > kept[2]):
                once[key, one.kind.value] = told
        else:
            row = (key, one.kind.value, at, one.detail)
            often[row] = max(often.get(row, 0), one.times)
    with state.write() as db:
        before = db.total_changes
        db.executemany(_PUT_OFTEN, [(campaign_no, *row, times) for row, times in often.items()])
        fresh = db.total_changes - before
        rows = [(campaign_no, *row, *told) for row, told in once.items()]
        before = db.total_changes
        db.executemany(_DROP_LATER, [row[:5] for row in rows])
        dropped = db.total_changes - before
        db.executemany(_PUT_ONCE, rows)
        fresh += db.total_changes - before - 2 * dropped
    return fresh


_PUT_OFTEN = (
    "INSERT INTO activities (campaign_no, address_key, kind, at, detail, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    " ON CONFLICT DO UPDATE SET times = excluded.times WHERE excluded.times > times"
)
_DROP_LATER = "DELETE FROM activities WHERE campaign_no = ?1 AND address_key = ?2 AND kind = ?3 AND (at, detail) > (?4, ?5)"
_PUT_ONCE = (
    "INSERT INTO activities (campaign_no, address_key, kind, at, detail, times) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
    " WHERE NOT EXISTS (SELECT 1 FROM activities WHERE campaign_no = ?1 AND address_key = ?2 AND kind = ?3"
    " AND (at, detail) < (?4, ?5)) ON CONFLICT DO UPDATE SET times = excluded.times WHERE excluded.times > times"
)


def _key(one: Activity) -> str:
    """The address; for a person whose address the platform does not tell (any more) its own id, marked as such."""
    return address_key(one.email) or (f"#{one.origin_id}" if one.origin_id else "")


def finish_activities(state: State, campaign_no: int, cursor: datetime) -> None:
    """All pages are kept: move the cursor, and draw the curve anew."""
    with state.write() as db:
        db.execute("UPDATE campaigns SET cursor = ? WHERE no = ?", (stamp(cursor), campaign_no))
        _draw_curve(state, campaign_no)


def _draw_curve(state: State, campaign_no: int) -> None:
    """Opens and clicks by hours after the sending, kept with the campaign, so that lists of campaigns cost nothing."""
    db = state.db
    (begins,) = db.execute(
        "SELECT coalesce(sent_at, (SELECT min(at) FROM activities WHERE campaign_no = ?1)) FROM campaigns WHERE no = ?1",
        (campaign_no,),
    ).fetchone()
    if begins is None:
        return
    curve: dict[str, dict[int, int]] = {"opened": {}, "clicked": {}}
    for kind, hour, times in db.execute(
        "SELECT kind, max(0, min(?2, (strftime('%s', at) - strftime('%s', ?3)) / 3600)), sum(times) FROM activities"
        " WHERE campaign_no = ?1 AND kind IN ('opened', 'clicked') GROUP BY 1, 2 ORDER BY 1, 2",
        (campaign_no, CURVE_HOURS - 1, begins),
    ):
        curve[kind][int(hour)] = int(times)
    db.execute(
        "UPDATE campaigns SET counts = json_set(counts, '$.curve', json(?)) WHERE no = ?",
        (json.dumps({"begins": begins, **curve}), campaign_no),
    )


def activity_counts(state: State, campaign_nos: Sequence[int]) -> dict[ActivityKind, int]:
    """Rows kept of some campaigns, by kind."""
    return {
        ActivityKind(kind): int(rows)
        for kind, rows in state.db.execute(
            "SELECT kind, count(*) FROM activities WHERE campaign_no IN (SELECT value FROM json_each(?)) GROUP BY kind",
            (json.dumps(list(campaign_nos)),),
        )
    }


def persons(state: State, campaign_nos: Sequence[int]) -> dict[ActivityKind, int]:
    """How many different addresses did what with any of some campaigns; each counts once."""
    return {
        ActivityKind(kind): int(people)
        for kind, people in state.db.execute(
            "SELECT kind, count(*) FROM (SELECT DISTINCT kind, address_key FROM activities"
            " WHERE campaign_no IN (SELECT value FROM json_each(?))) GROUP BY kind",
            (json.dumps(list(campaign_nos)),),
        )
    }
