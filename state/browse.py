"""Windows over contacts and members for the state browser: any place of a million rows at the price of a page.

Rows are addresses in the order of their keys, drawn from the contacts of some links and the members of their
lists. A window remembers one key in 256 (anchors), collected slice by slice while it is counted, so that a page
anywhere is one short range. Nothing is held open between two calls (a cursor left open would let the -wal grow).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from state.model import Consent
from state.moments import moment_or_none, stamp
from state.store import State

ANCHOR_ROWS = 256
FIRST_ROWS = 1_000
SLICE_ROWS = 20_000
"""Addresses looked at in one call of ``count``: some milliseconds."""


@dataclass(slots=True, frozen=True)
class Counted:
    """So many rows are known; ``exact`` when that is all of them."""

    rows: int
    exact: bool


@dataclass(slots=True, frozen=True)
class BrowseScope:
    """One link to look into: where its contacts and its members are kept."""

    link: str
    link_no: int
    list_no: int


@dataclass(slots=True, frozen=True)
class AddressAtLink:
    """What one link knows of one address; ``in_source`` and ``at_platform`` tell which side has it.

    ``source_ids`` are all of them: several people may share an address. ``fault`` is why the source's row cannot
    be used. ``gone``: the platform no longer shows it, and why.
    """

    link: str
    in_source: bool
    at_platform: bool
    source_ids: tuple[str, ...]
    origin_id: str
    consent: Consent | None
    raw_status: str
    since: datetime | None
    ours: bool
    opted_out: bool
    fault: str
    gone: str

    def pending_days(self, now: datetime) -> int | None:
        """Whole days that the person has been waiting to confirm; None where nobody waits."""
        if self.consent is not Consent.PENDING or self.gone or self.since is None:
            return None
        return max(0, (now - self.since).days)


@dataclass(slots=True, frozen=True)
class AddressRow:
    """One address as written, with each link that knows it."""

    address_key: str
    email: str
    at: tuple[AddressAtLink, ...]


def browse_scopes(state: State, links: Iterable[str] | None = None) -> tuple[BrowseScope, ...]:
    """Where the named links keep their rows (None: every link ever used), in the order of their names."""
    wanted = None if links is None else set(links)
    return tuple(
        BrowseScope(name, link_no, list_no)
        for name, link_no, list_no in state.db.execute(
            "SELECT name, no, list_no FROM links ORDER BY name"
        ).fetchall()
        if wanted is None or name in wanted
    )


_PENDING_SINCE = (
    "CASE WHEN julianday(since) IS NOT NULL THEN since"
    " ELSE (SELECT started_at FROM listings WHERE no = members.first_no) END"
)
"""Since when somebody waits: as the platform tells it, else since the listing that first showed them."""


class AddressWindow:
    """The addresses of some links in order, filtered. For one thread; every call is short.

    ``text`` filters: ``^abc`` by beginning (on the index), anything else by what it contains. ``consent`` keeps
    addresses that have it at the platform in one of the links. ``pending_before`` keeps people who were asked to
    confirm before that moment (UTC) and have not answered (R07).
    """

    def __init__(
        self,
        scopes: Sequence[BrowseScope],
        *,
        text: str = "",
        consent: Consent | None = None,
        pending_before: datetime | None = None,
        descending: bool = False,
    ) -> None:
        self.scopes = tuple(scopes)
        self.consent = Consent.PENDING if pending_before is not None else consent
        self.pending_before = pending_before
        self.descending = descending
        wanted = text.strip().lower()
        self._prefix = wanted[1:] if wanted.startswith("^") else ""
        self._part = "" if wanted.startswith("^") else wanted
        self._anchors: list[str] = []
        self._rows = 0
        self._reached: str | None = None
        self._exact = not self.scopes

    def count(self, state: State) -> Counted:
        """Look at one more slice; call again while not exact."""
        if not self._exact:
            if self._part or self.consent is not None:
                self._look_at_slice(state)
            else:
                self._step(state)
        return Counted(self._rows, self._exact)

    def _step(self, state: State) -> None:
        """Every address counts: step from anchor to anchor inside SQLite, without fetching what lies between."""
        if not self._anchors:
            found = self._keys(state, limit=1)
            if not found:
                self._exact = True
                return
            self._anchors.append(found[0])
        first_look = len(self._anchors) == 1  # short, so that the first page is there at once
        for _ in range((FIRST_ROWS if first_look else SLICE_ROWS) // ANCHOR_ROWS + 1):
            following = self._keys(state, start=self._anchors[-1], limit=1, skip=ANCHOR_ROWS)
            if not following:
                tail = self._keys(state, start=self._anchors[-1], limit=ANCHOR_ROWS)
                self._rows = (len(self._anchors) - 1) * ANCHOR_ROWS + len(tail)
                self._reached, self._exact = None, True
                return
            self._anchors.append(following[0])
        self._rows = (len(self._anchors) - 1) * ANCHOR_ROWS
        self._reached = self._anchors[-1]

    def _look_at_slice(self, state: State) -> None:
        """Some addresses count: look at a bounded part of the table, so that a rare one is no long wait."""
        end = self._slice_end(state)
        keys = self._keys(state, above=self._reached, until=end, limit=-1)
        for at, key in enumerate(keys, start=self._rows):
            if at % ANCHOR_ROWS == 0:
                self._anchors.append(key)
        self._rows += len(keys)
        self._reached = end
        self._exact = end is None

    def rows(self, state: State, first: int, n: int) -> list[AddressRow]:
        """Rows ``first .. first + n - 1`` of those counted so far."""
        anchor = first // ANCHOR_ROWS
        if n <= 0 or anchor >= len(self._anchors):
            return []
        skip = first - anchor * ANCHOR_ROWS
        beyond = (first + n - 1) // ANCHOR_ROWS + 1
        # Never past what was counted: a rare text would be looked for through the rest of the table.
        until = self._anchors[beyond] if beyond < len(self._anchors) else self._reached
        keys = self._keys(state, start=self._anchors[anchor], until=until, limit=skip + n)[skip:]
        return _filled(state, self.scopes, keys)

    def again(self) -> AddressWindow:
        """The same view with nothing counted yet."""
        text = "^" + self._prefix if self._prefix else self._part
        return AddressWindow(
            self.scopes,
            text=text,
            consent=self.consent,
            pending_before=self.pending_before,
            descending=self.descending,
        )

    # Each leg walks one table's primary key; SQLite merges the sorted legs and stops at the limit.

    def _legs(self) -> list[tuple[str, int]]:
        legs = [("members", scope.list_no) for scope in self.scopes]
        if self.consent is None:
            legs += [("contacts", scope.link_no) for scope in self.scopes]
        return list(dict.fromkeys(legs))

    def _keys(
        self,
        state: State,
        *,
        start: str | None = None,
        above: str | None = None,
        until: str | None = None,
        limit: int,
        skip: int = 0,
    ) -> list[str]:
        further, nearer = ("<", ">") if self.descending else (">", "<")
        order = "DESC" if self.descending else "ASC"
        legs: list[str] = []
        values: list[object] = []
        for table, number in self._legs():
            where = [f"{'list_no' if table == 'members' else 'link_no'} = ?"]
            values.append(number)
            for bound, comparison in ((start, f"{further}="), (above, further), (until, f"{nearer}=")):
                if bound is not None:
                    where.append(f"address_key {comparison} ?")
                    values.append(bound)
            if self._prefix:
                where.append("address_key >= ? AND address_key < ?")
                values += [self._prefix, self._prefix + "\U0010ffff"]
            if self._part:
                where.append("instr(address_key, ?) > 0")
                values.append(self._part)
            if self.consent is not None:
                where.append("consent = ?")
                values.append(self.consent.value)
            if self.pending_before is not None:
                where.append(f"gone IS NULL AND julianday({_PENDING_SINCE}) < julianday(?)")
                values.append(stamp(self.pending_before))
            legs.append(f"SELECT address_key FROM {table} WHERE {' AND '.join(where)}")
        # One leg may repeat a key (several people share an address); UNION drops repeats of every leg.
        sql = " UNION ".join(legs) if len(legs) > 1 else legs[0].replace("SELECT", "SELECT DISTINCT", 1)
        found = state.db.execute(
            f"{sql} ORDER BY address_key {order} LIMIT ? OFFSET ?", (*values, limit, skip)
        ).fetchall()
        return [row[0] for row in found]

    def _slice_end(self, state: State) -> str | None:
        """The key ``SLICE_ROWS`` further on in the leg that gets least far; None when every leg ends before."""
        further = "<" if self.descending else ">"
        order = "DESC" if self.descending else "ASC"
        ends: list[str] = []
        for table, number in self._legs():
            where, values = f"{'list_no' if table == 'members' else 'link_no'} = ?", [number]
            bounds: list[str] = []
            if self._reached is not None:
                where += f" AND address_key {further} ?"
                bounds.append(self._reached)
            if self._prefix:
                where += " AND address_key >= ? AND address_key < ?"
                bounds += [self._prefix, self._prefix + "\U0010ffff"]
            row = state.db.execute(
                f"SELECT address_key FROM {table} WHERE {where} ORDER BY address_key {order} LIMIT 1 OFFSET ?",
                (*values, *bounds, SLICE_ROWS),
            ).fetchone()
            if row is not None:
                ends.append(row[0])
        if not ends:
            return None
        return max(ends) if self.descending else min(ends)


def _filled(state: State, scopes: Sequence[BrowseScope], keys: Sequence[str]) -> list[AddressRow]:
    """The keys with what each link knows of them: two queries a link."""
    if not keys:
        return []
    places = ", ".join("?" * len(keys))
    emails: dict[str, str] = {}
    found: dict[str, list[AddressAtLink]] = {key: [] for key in keys}
    for scope in scopes:
        members = {
            row[0]: row
            for row in state.db.execute(
                "SELECT address_key, email, origin_id, consent, raw_status,"
                f" CASE consent WHEN 'pending' THEN {_PENDING_SINCE} ELSE since END, ours, gone FROM members"
                f" WHERE list_no = ? AND address_key IN ({places})",
                (scope.list_no, *keys),
            )
        }
        contacts: dict[str, list[tuple[object, ...]]] = {}
        for row in state.db.execute(
            "SELECT address_key, email, source_id, opted_out, fault FROM contacts"
            f" WHERE link_no = ? AND address_key IN ({places}) ORDER BY address_key, source_id, copy",
            (scope.link_no, *keys),
        ):
            contacts.setdefault(row[0], []).append(row)
        for key in members.keys() | contacts.keys():
            member, people = members.get(key), contacts.get(key, [])
            found[key].append(_at_link(scope, member, people))
            written = (people[0][1] if people else None) or (member[1] if member else None)
            if written:
                emails.setdefault(key, str(written))
    return [AddressRow(key, emails.get(key, key), tuple(found[key])) for key in keys]


def _at_link(
    scope: BrowseScope, member: tuple[object, ...] | None, people: Sequence[tuple[object, ...]]
) -> AddressAtLink:
    return AddressAtLink(
        link=scope.link,
        in_source=bool(people),
        at_platform=member is not None and not member[7],
        source_ids=tuple(dict.fromkeys(str(row[2]) for row in people if row[2])),
        origin_id=str(member[2]) if member else "",
        consent=Consent(str(member[3])) if member else None,
        raw_status=str(member[4]) if member else "",
        since=_moment(member[5]) if member else None,
        ours=bool(member[6]) if member else False,
        opted_out=any(bool(row[3]) for row in people),
        fault=next((str(row[4]) for row in people if row[4]), ""),
        gone=str(member[7] or "") if member else "",
    )


def _moment(text: object) -> datetime | None:
    """Vendors' times are kept as adapters wrote them; one that is no time is not shown as one."""
    try:
        return moment_or_none(str(text) if text else None)
    except ValueError:
        return None
