"""Windows over campaigns' activity, newest first, and the activity of one address for its timeline.

A window remembers one position in 256 (anchors), collected slice by slice while it is counted, so that a page
anywhere among a million rows is one short range; of a filter that keeps few rows it remembers all of them. Nothing
is held open between two calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from state.browse import ANCHOR_ROWS, Counted
from state.model import ActivityKind, JournalEntry
from state.moments import moment
from state.store import State

SLICE_ROWS = 20_000
"""Rows looked at in one call of ``count``: some milliseconds."""

REMEMBERED_ROWS = 20_000
"""A filter that keeps more rows than this lets them lie close enough together for anchors."""

TIMELINE_ROWS = 100
"""Activities shown in the timeline of an address; the count of the others is told."""

Position = tuple[str, str, str, str, int]
"""Time, address key, kind, detail, campaign: the order of the rows, backwards."""

Found = tuple[str, str, str, str, int, int]
"""A position, and how often it happened then."""


@dataclass(slots=True, frozen=True)
class ActivityRow:
    """One thing an address did with a campaign. ``email`` as written where the list has it, else the key."""

    campaign_id: str
    campaign: str
    address_key: str
    email: str
    kind: ActivityKind
    at: datetime
    times: int
    detail: str


class ActivityWindow:
    """The activity of some campaigns, filtered. For one thread; every call is short.

    ``text`` keeps rows whose address or detail (the link clicked, say) has it.
    """

    def __init__(
        self, campaign_nos: Sequence[int], *, kind: ActivityKind | None = None, text: str = ""
    ) -> None:
        self.campaign_nos = tuple(dict.fromkeys(campaign_nos))
        self.kind = kind
        self.text = text.strip().lower()
        self._anchors: list[Position] = []
        self._all: list[Position] | None = [] if kind is not None or self.text else None
        self._rows = 0
        self._reached: Position | None = None
        self._exact = not self.campaign_nos

    def count(self, state: State) -> Counted:
        """Look at one more slice; call again while not exact."""
        if not self._exact:
            end = self._slice_end(state)
            found = self._positions(state, above=self._reached, until=end)
            for at, position in enumerate(found, start=self._rows):
                if at % ANCHOR_ROWS == 0:
                    self._anchors.append(position)
            self._rows += len(found)
            if self._all is not None:
                self._all = [*self._all, *found] if self._rows <= REMEMBERED_ROWS else None
            self._reached, self._exact = end, end is None
        return Counted(self._rows, self._exact)

    def rows(self, state: State, first: int, n: int) -> list[ActivityRow]:
        """Rows ``first .. first + n - 1`` of those counted so far."""
        n = min(n, self._rows - first)
        if n <= 0:
            return []
        if self._all is not None:
            return self._filled(state, [_with_times(state, one) for one in self._all[first : first + n]])
        anchor = first // ANCHOR_ROWS
        skip = first - anchor * ANCHOR_ROWS
        found = self._select(state, "times", start=self._anchors[anchor], limit=skip + n, filtered=True)[
            skip:
        ]
        return self._filled(state, found)

    def again(self) -> ActivityWindow:
        """The same view with nothing counted yet."""
        return ActivityWindow(self.campaign_nos, kind=self.kind, text=self.text)

    def _positions(self, state: State, *, above: Position | None, until: Position | None) -> list[Position]:
        found = self._select(state, "0", above=above, until=until, limit=-1, filtered=True)
        return [(at, key, kind, detail, no) for at, key, kind, detail, no, _ in found]

    def _slice_end(self, state: State) -> Position | None:
        """The place ``SLICE_ROWS`` further on, whatever the filter keeps; None when the rows end before."""
        found = self._select(state, "0", above=self._reached, limit=1, skip=SLICE_ROWS, filtered=False)
        if not found:
            return None
        at, key, kind, detail, no, _ = found[0]
        return at, key, kind, detail, no

    def _select(
        self,
        state: State,
        times: str,
        *,
        start: Position | None = None,
        above: Position | None = None,
        until: Position | None = None,
        limit: int,
        skip: int = 0,
        filtered: bool,
    ) -> list[Found]:
        """One leg a campaign, each walking its index backwards; SQLite merges the legs and stops at the limit."""
        legs: list[str] = []
        values: list[object] = []
        for no in self.campaign_nos:
            where = ["campaign_no = ?"]
            values.append(no)
            for bound, comparison in (
                (start, "<=" if start is not None and no <= start[4] else "<"),
                (above, "<=" if above is not None and no < above[4] else "<"),
                (until, ">=" if until is not None and no >= until[4] else ">"),
            ):
                if bound is not None:
                    where.append(f"(at, address_key, kind, detail) {comparison} (?, ?, ?, ?)")
                    values += bound[:4]
            if filtered and self.kind is not None:
                where.append("kind = ?")
                values.append(self.kind.value)
            if filtered and self.text:
                where.append("(instr(address_key, ?) > 0 OR instr(lower(detail), ?) > 0)")
                values += [self.text, self.text]
            legs.append(
                f"SELECT at, address_key, kind, detail, campaign_no, {times} FROM activities WHERE {' AND '.join(where)}"
            )
        return state.db.execute(
            " UNION ALL ".join(legs) + " ORDER BY 1 DESC, 2 DESC, 3 DESC, 4 DESC, 5 DESC LIMIT ? OFFSET ?",
            (*values, limit, skip),
        ).fetchall()

    def _filled(self, state: State, found: Sequence[Found]) -> list[ActivityRow]:
        """The rows with the campaigns' names, and the addresses as the lists write them."""
        campaigns = _campaigns(state, self.campaign_nos)
        keys = list(dict.fromkeys(row[1] for row in found))
        emails = dict(
            state.db.execute(
                "SELECT address_key, max(email) FROM members WHERE list_no IN"
                f" (SELECT list_no FROM campaign_lists WHERE campaign_no IN ({_places(self.campaign_nos)}))"
                f" AND address_key IN ({_places(keys)}) AND email IS NOT NULL GROUP BY address_key",
                (*self.campaign_nos, *keys),
            ).fetchall()
        )
        return [
            ActivityRow(
                *campaigns[no], key, str(emails.get(key, key)), ActivityKind(kind), moment(at), times, detail
            )
            for at, key, kind, detail, no, times in found
        ]


def _with_times(state: State, position: Position) -> Found:
    at, key, kind, detail, no = position
    row = state.db.execute(
        "SELECT times FROM activities WHERE campaign_no = ? AND address_key = ? AND kind = ? AND at = ? AND detail = ?",
        (no, key, kind, at, detail),
    ).fetchone()
    return at, key, kind, detail, no, int(row[0]) if row else 1


@dataclass(slots=True, frozen=True)
class AddressActivity:
    """The newest activities of an address as entries of its timeline, and how many older ones there are."""

    entries: tuple[JournalEntry, ...]
    more: int


def address_activity(state: State, key: str, *, limit: int = TIMELINE_ROWS) -> AddressActivity:
    """What one address did with campaigns, newest first; quick however much it is.

    An entry's origin is ``campaign:ID`` and ``what`` the kind; ``list_id`` is a list of the campaign, one that has
    the address where there is one.
    """
    db = state.db
    found = db.execute(
        "SELECT campaign_no, kind, at, detail, times FROM activities WHERE address_key = ?"
        " ORDER BY at DESC, campaign_no DESC, kind DESC, detail DESC LIMIT ?",
        (key, limit),
    ).fetchall()
    if not found:
        return AddressActivity((), 0)
    (all_of_it,) = db.execute("SELECT count(*) FROM activities WHERE address_key = ?", (key,)).fetchone()
    numbers = list(dict.fromkeys(row[0] for row in found))
    campaigns = _campaigns(state, numbers)
    places = {no: _place(state, no, key) for no in numbers}
    entries = []
    for no, kind, at, detail, times in found:
        campaign_id, name = campaigns[no]
        connection, list_id, link = places[no]
        told = [f"“{name}”" if name else "", detail, f"{times:,} times" if times > 1 else ""]
        entries.append(
            JournalEntry(
                moment(at),
                key,
                connection,
                list_id,
                link,
                f"campaign:{campaign_id}",
                kind,
                detail=", ".join(filter(None, told)),
            )
        )
    return AddressActivity(tuple(entries), int(all_of_it) - len(entries))


def _campaigns(state: State, campaign_nos: Sequence[int]) -> dict[int, tuple[str, str]]:
    return {
        no: (campaign_id, name)
        for no, campaign_id, name in state.db.execute(
            f"SELECT no, campaign_id, name FROM campaigns WHERE no IN ({_places(campaign_nos)})",
            tuple(campaign_nos),
        )
    }


def _place(state: State, campaign_no: int, key: str) -> tuple[str, str, str]:
    """Connection, list and link a campaign reached an address by."""
    row = state.db.execute(
        "SELECT a.connection, coalesce(l.list_id, ''), coalesce(k.name, '') FROM campaigns a"
        " LEFT JOIN campaign_lists c ON c.campaign_no = a.no LEFT JOIN lists l ON l.no = c.list_no"
        " LEFT JOIN links k ON k.list_no = l.no WHERE a.no = ?1"
        " ORDER BY EXISTS (SELECT 1 FROM members m WHERE m.list_no = l.no AND m.address_key = ?2) DESC, l.no, k.name LIMIT 1",
        (campaign_no, key),
    ).fetchone()
    return str(row[0]), str(row[1]), str(row[2])


def _places(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
