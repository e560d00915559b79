"""What source and platform of a link agreed on when they last did, person by person, and writes that do not show yet.

Kept only for links with two-way fields. Invariants: a value counts as agreed when both sides were seen to hold it,
or when we carried it from one side to the other; until the other side shows it, what stood there before is
remembered beside it, so that nothing of ours is ever taken for somebody's change (R47).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from state.address import address_key
from state.classify import code
from state.compare import Comparison, Observed
from state.links import mapped_fields
from state.mapped_text import UNKNOWN, text_of, values_of
from state.model import Action, Outcome, Plan, RowClass
from state.moments import stamp
from state.plans import plan_number
from state.store import State
from state.three_way import NOTHING_UNDER_WAY, HandedBack, UnderWay, under_way

_PUT = (
    "INSERT INTO agreed (link_no, address_key, mapped, returned, at) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (link_no, address_key) DO UPDATE SET mapped = excluded.mapped, returned = excluded.returned, at = excluded.at"
)
_PAGE = 1_000

BESIDE = frozenset({"written-beside", "written-beside-before"})
"""The source keeps the news for a person, and does not hold it itself yet."""

_HOLDS = BESIDE | {"no-longer-needed"}
"""Reasons of rows withheld because the source has the news, or was told them, already."""

_HAS_PERSON = BESIDE | {"source-has-person"}
_CARRIED = frozenset({Action.CHANGE, Action.MOVE, Action.WRITE_BACK, Action.CREATE})
_LEFT = frozenset(one.value for one in (Outcome.SENT, Outcome.UNVERIFIED, Outcome.ACCEPTED, Outcome.UNKNOWN))
"""The platform may hold what was sent."""


@dataclass(slots=True, frozen=True)
class Carried:
    """Fields of one person that we carried to a side: values there before, and values now, by field."""

    address_key: str
    before: Mapping[str, str]
    now: Mapping[str, str]


def agree_on_what_shows(
    state: State, link_no: int, list_no: int, observed: Sequence[Observed], now: datetime
) -> None:
    """Take over what a plan saw; call it while ``temp.verdicts`` is there.

    Rows in sync whose texts are equal are settled in one statement; ``observed`` are the others.
    """
    at = stamp(now)
    with state.write() as db:
        # A record that left the list and came again is another one: nothing was agreed on with it.
        db.execute(
            "DELETE FROM agreed WHERE link_no = ?1 AND NOT EXISTS (SELECT 1 FROM members m WHERE m.list_no = ?2"
            " AND m.address_key = agreed.address_key AND m.gone IS NULL)",
            (link_no, list_no),
        )
        db.execute(
            "INSERT INTO agreed (link_no, address_key, mapped, returned, at)"
            " SELECT c.link_no, c.address_key, m.mapped, NULL, ?3 FROM contacts c"
            " CROSS JOIN members m ON m.list_no = ?2 AND m.address_key = c.address_key"
            # What only our own answer told of a member was not seen there yet.
            " WHERE c.link_no = ?1 AND c.mapped = m.mapped AND m.consent = 'subscribed' AND m.gone IS NULL AND m.seen_no <> 0"
            " AND c.fault IS NULL AND NOT EXISTS (SELECT 1 FROM temp.verdicts v WHERE v.address_key = c.address_key"
            "  AND v.source_id = c.source_id AND v.copy = c.copy AND v.code <> ?4)"
            " ON CONFLICT (link_no, address_key) DO UPDATE SET mapped = excluded.mapped, returned = NULL, at = excluded.at"
            " WHERE agreed.mapped <> excluded.mapped OR agreed.returned IS NOT NULL",
            (link_no, list_no, at, code(RowClass.CHANGED, "due")),
        )
        _put(state, link_no, observed, at)


def forget_agreed(state: State, link_no: int) -> None:
    """A link without two-way fields remembers nothing: values it agreed on once would be old when they are asked for."""
    with state.write() as db:
        db.execute("DELETE FROM agreed WHERE link_no = ?", (link_no,))


def agree_moved(state: State, link_no: int, former_key: str, key: str) -> None:
    """The person's record stands under another address now."""
    with state.write() as db:
        db.execute(
            "UPDATE OR REPLACE agreed SET address_key = ? WHERE link_no = ? AND address_key = ?",
            (key, link_no, former_key),
        )


def agree_sent(state: State, link_no: int, rows: Iterable[Carried], now: datetime) -> None:
    """Fields left for the platform, or may have: the source's values are agreed on from now.

    What stood at the platform before is no change of the platform until it shows what was sent.
    """

    def sent(agreed: dict[str, str], way: UnderWay, row: Carried) -> UnderWay:
        shown = dict(way.sent)
        for name in row.now.keys() & agreed.keys():
            # What we sent before that, and what the platform never showed, may turn up meanwhile.
            earlier = (*way.sent[name], agreed[name]) if name in way.sent else ()
            shown[name] = tuple(dict.fromkeys((*earlier, row.before.get(name, ""))))
            agreed[name] = row.now[name]
        back = {name: pair for name, pair in way.back.items() if name not in row.now}
        return replace(way, sent=shown, back=back)

    _carry(state, link_no, rows, sent, now)


def agree_written_back(
    state: State, link_no: int, rows: Iterable[Carried], *, taken: bool, now: datetime
) -> None:
    """Fields went to the source. ``taken``: it confirmed them; else they wait there for a person to carry them over."""
    at = stamp(now)

    def handed(agreed: dict[str, str], way: UnderWay, row: Carried) -> UnderWay:
        back = {name: HandedBack(row.before.get(name, ""), value) for name, value in row.now.items()}
        if way.taken == taken:
            back = {**way.back, **back}
        sent = {name: value for name, value in way.sent.items() if name not in row.now}
        return replace(way, sent=sent, back=back, taken=taken, at=at)

    _carry(state, link_no, rows, handed, now)


def agree_created(state: State, link_no: int, keys: Iterable[str], now: datetime) -> None:
    """People were handed to the source as new ones: they are not handed over again."""
    at = stamp(now)
    with state.write() as db:
        text = UnderWay(created=at).text()
        unknown = text_of([UNKNOWN] * len(mapped_fields(state, link_no)))
        created = list(keys)
        db.executemany(_PUT, [(link_no, key, unknown, text, at) for key in created])
        db.executemany(
            "INSERT OR IGNORE INTO once_in_source (link_no, address_key) VALUES (?, ?)",
            [(link_no, key) for key in created],
        )


def fold_agreed(
    state: State, plan: Plan, link: str, job_no: int, action: Action, first: int, last: int, now: datetime
) -> None:
    """Carry the outcomes of a chunk's rows over; a link that remembers nothing pays one look-up."""
    db = state.db
    (link_no,) = db.execute("SELECT no FROM links WHERE name = ?", (link,)).fetchone()
    remembers = db.execute("SELECT 1 FROM agreed WHERE link_no = ? LIMIT 1", (link_no,)).fetchone()
    if action not in _CARRIED or (remembers is None and not action.at_source):
        return
    rows = db.execute(
        "SELECT p.address_key, p.payload, p.detail, o.outcome, o.reason FROM plan_rows p"
        " JOIN outcomes o ON o.job_no = ?1 AND o.n = p.n WHERE p.plan_no = ?2 AND p.n BETWEEN ?3 AND ?4 ORDER BY p.n",
        (job_no, plan_number(state, plan.plan_id), first, last),
    ).fetchall()
    sent: list[Carried] = []
    back: dict[bool, list[Carried]] = {True: [], False: []}
    created: list[str] = []
    for key, payload_text, detail_text, outcome, reason in rows:
        payload, detail = json.loads(payload_text or "{}"), json.loads(detail_text or "{}")
        if action is Action.MOVE and outcome == Outcome.SENT.value:
            agree_moved(state, link_no, address_key(str(payload.get("former", ""))), key)
        if action is Action.CREATE and (outcome == Outcome.SENT.value or reason in _HAS_PERSON):
            created.append(key)
        elif action is Action.WRITE_BACK and (outcome == Outcome.SENT.value or reason in _HOLDS):
            fields = Carried(key, payload.get("fields_before", {}), payload.get("fields_back", {}))
            back[reason not in BESIDE].append(fields)
        elif not action.at_source and outcome in _LEFT:
            sent.append(Carried(key, detail.get("before", {}), payload.get("fields", {})))
    agree_sent(state, link_no, sent, now)
    for taken, carried in back.items():
        agree_written_back(state, link_no, carried, taken=taken, now=now)
    agree_created(state, link_no, created, now)


def settle_what_shows(
    state: State, link_no: int, list_no: int, comparison: Comparison, now: datetime
) -> None:
    """After reading back: what the platform shows of what was sent is settled. Where it holds neither that nor what
    was there before, nothing is agreed on, so that the difference is nobody's change but a conflict for a person.
    """
    at, fields = stamp(now), mapped_fields(state, link_no)
    after = ""
    while rows := state.db.execute(
        "SELECT a.address_key, a.mapped, a.returned, m.mapped FROM agreed a CROSS JOIN members m ON m.list_no = ?"
        " AND m.address_key = a.address_key AND m.gone IS NULL"
        " WHERE a.link_no = ? AND a.address_key > ? AND a.returned IS NOT NULL ORDER BY a.address_key LIMIT ?",
        (list_no, link_no, after, _PAGE),
    ).fetchall():
        after = str(rows[-1][0])
        found = [_after_reading_back(fields, comparison, *row) for row in rows]
        with state.write():
            _put(state, link_no, [one for one in found if one is not None], at)


def _after_reading_back(
    fields: Sequence[str], comparison: Comparison, key: str, agreed: str, pending: str, theirs: str
) -> Observed | None:
    """What to remember of a person now; None when nothing that was sent shows or is in doubt."""
    way = under_way(pending)
    values = dict(zip(fields, values_of(agreed, len(fields)), strict=True))
    shown = dict(zip(fields, values_of(theirs, len(fields)), strict=True))
    left = dict(way.sent)
    for name in way.sent.keys() & values.keys():
        if not comparison.still_differs({name: values[name]}, shown):
            del left[name]
        elif all(comparison.still_differs({name: before}, shown) for before in way.sent[name]):
            values[name] = UNKNOWN
            del left[name]
    if left == way.sent:
        return None
    return Observed(key, text_of([values[name] for name in fields]), replace(way, sent=left).text())


def _carry(
    state: State,
    link_no: int,
    rows: Iterable[Carried],
    note: Callable[[dict[str, str], UnderWay, Carried], UnderWay],
    now: datetime,
) -> None:
    at, fields = stamp(now), mapped_fields(state, link_no)
    found: list[Observed] = []
    for row in rows:
        known = state.db.execute(
            "SELECT mapped, returned FROM agreed WHERE link_no = ? AND address_key = ?",
            (link_no, row.address_key),
        ).fetchone()
        mapped, returned = known if known else (None, None)
        agreed = dict(zip(fields, values_of(mapped, len(fields)), strict=True))
        way = note(agreed, under_way(returned) if returned else NOTHING_UNDER_WAY, row)
        found.append(Observed(row.address_key, text_of([agreed[name] for name in fields]), way.text()))
    with state.write():
        _put(state, link_no, found, at)


def _put(state: State, link_no: int, observed: Iterable[Observed], at: str) -> None:
    state.db.executemany(
        _PUT, [(link_no, one.address_key, one.agreed, one.under_way, at) for one in observed]
    )
