"""Contacts of an address book, page by page, until they are proven whole, and who left: the book, the account.

Invariant (I11, R39, R40): the page with the cursor comes only after the reading is proven; one that drifts is done
again a bounded number of times and then given up. Rows may be told twice, the later one is newer.

What proves a reading (contract §2, §3): there is no total, so the book's own count must equal the contacts read.
Nobody knows what that count makes of hidden contacts, or how soon it follows; where it stands still and differs by
little, two readings of exactly the same contacts, both without a gap between their pages, prove it instead.
"""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.distinct import distinct
from adapters.dotdigital import mapping, routes
from adapters.dotdigital.account import read_list
from adapters.dotdigital.documents import not_understood
from adapters.dotdigital.moments import FIRST, in_path, instant
from adapters.dotdigital.paging import PAGE_ROWS, begun, pages
from adapters.dotdigital.routes import book_route
from adapters.dotdigital.session import Session
from adapters.dotdigital.suppressions import AccountOptOuts, left_book
from adapters.origins import Route
from adapters.provider import IncompleteRead, MemberPage, utc
from state.model import Consent, Member

SWEEPS = 3
READ_CONTACTS = "list contacts of an address book"
FULL_DATA = {"withFullData": "true"}
SLACK_ROWS, SLACK_SHARE = 10, 0.05
"""By how much a count that stands still may differ from two equal readings: the larger of the two."""

OPT_OUTS_A_PAGE = 1000


@dataclass(slots=True)
class _Sweep:
    """What one reading of a book showed."""

    started: datetime | None = None
    present: array[int] = field(default_factory=lambda: array("q"))
    left: array[int] = field(default_factory=lambda: array("q"))
    """Who left while the book was read."""
    away: array[int] = field(default_factory=lambda: array("q"))
    """Who had left before."""
    shut_out: set[int] = field(default_factory=set)
    """Who is in the book with a status of the account that shuts out."""
    before: int | None = None
    after: int | None = None
    gaps: int = 0

    def take(self, ids: Sequence[int]) -> None:
        self.present.extend(ids)

    @property
    def quiet(self) -> bool:
        return self.before == self.after and not self.gaps


class _Seam:
    """Whether each page begins within the one before: else rows slipped away between the two."""

    def __init__(self) -> None:
        self._tail: frozenset[int] = frozenset()
        self._full = False
        self.gaps = 0

    def take(self, ids: Sequence[int]) -> None:
        if self._full and ids and self._tail.isdisjoint(ids):
            self.gaps += 1
        self._tail, self._full = frozenset(ids), len(ids) == PAGE_ROWS


class Listing:
    """Reads one book's contacts with the data fields named."""

    def __init__(
        self,
        session: Session,
        list_id: str,
        fields: mapping.Fields,
        opt_outs: AccountOptOuts,
        *,
        at_once: int,
        sleep: Callable[[float], Awaitable[None]],
        tell: Callable[[str], None],
    ) -> None:
        self._session = session
        self._list_id = list_id
        self._fields = fields
        self._opt_outs = opt_outs
        self._at_once = at_once
        self._sleep = sleep
        self._tell = tell

    async def pages(self, since: str | None) -> AsyncIterator[MemberPage]:
        """All contacts, or those changed since a cursor of an earlier listing; cursor on the last page."""
        try:
            moment = utc(since) if since else None
        except ValueError:
            moment = None  # a cursor that is none of ours: reading everything is always right
        reader = self._full() if moment is None else self._changed(moment)
        async for page in reader:
            yield page

    # --- all ----------------------------------------------------------------------------------------------

    async def _full(self) -> AsyncIterator[MemberPage]:
        earlier: list[int] | None = None
        drifted = False
        for number in range(1, SWEEPS + 1):
            if number > 1:
                self._tell(
                    f"The address book's count and the contacts listed differ; reading again, {number} of {SWEEPS}."
                )
                await self._sleep(float(number))
            sweep = _Sweep(before=await self._count())
            first = number > 1
            async for page in self._contacts(sweep):
                yield MemberPage(page, sweep.before, afresh=first)
                first = False
            async for page in self._left(FIRST, sweep):
                yield MemberPage(page)
            begun_at, told = self._started(sweep), await self._opt_outs.since(FIRST)
            for page in _parts(self._shut_out(told.members, sweep)):
                yield MemberPage((), account_opt_outs=page)
            sweep.after = await self._count()
            known = distinct(sweep.present)
            gone = {*sweep.left, *_left_since(told.members, begun_at)}
            here = [one for one in known if one not in gone]
            if self._proven(sweep, here, earlier):
                total = len(distinct([*known, *sweep.left, *sweep.away]))
                yield MemberPage((), total, _cursor(begun_at, told.begun), consents_as_of=begun_at)
                return
            drifted = drifted or not sweep.quiet or (earlier is not None and earlier != here)
            earlier = here if sweep.quiet else None
        raise _incomplete(drifted)

    def _proven(self, sweep: _Sweep, here: list[int], earlier: list[int] | None) -> bool:
        if sweep.after is not None and len(here) == sweep.after:
            return True
        if not sweep.quiet or earlier != here:
            return False
        if sweep.after is None:
            return True
        off = abs(sweep.after - len(here))
        if off > max(SLACK_ROWS, SLACK_SHARE * sweep.after):
            return False
        self._tell(
            f"The address book counts {sweep.after:,} contacts and lists {len(here):,}; two readings agree, so what is"
            " listed is taken."
        )
        return True

    async def _contacts(self, sweep: _Sweep) -> AsyncIterator[tuple[Member, ...]]:
        """Everybody in the book, then who changed or came since that began."""
        everybody = book_route(routes.BOOK_CONTACTS, self._list_id)
        async for page in self._paged(everybody, sweep, expected=sweep.before or 0):
            yield page
        since = in_path(self._started(sweep))
        async for page in self._paged(book_route(routes.BOOK_MODIFIED, self._list_id, since=since), sweep):
            yield page

    async def _count(self) -> int | None:
        return (await read_list(self._session, self._list_id)).members

    # --- changed ------------------------------------------------------------------------------------------

    async def _changed(self, since: datetime) -> AsyncIterator[MemberPage]:
        moment = in_path(since)
        path = book_route(routes.BOOK_MODIFIED, self._list_id, since=moment)
        for number in range(1, SWEEPS + 1):
            if number > 1:
                await self._sleep(float(number))
            sweep = _Sweep()
            async for page in self._paged(path, sweep):
                yield MemberPage(page)
            if not sweep.gaps:
                break
        else:
            raise _incomplete(drifted=True)
        async for page in self._left(moment, sweep):
            yield MemberPage(page)
        told = await self._opt_outs.since(moment)
        for page in _parts(self._shut_out(told.members, sweep)):
            yield MemberPage((), account_opt_outs=page)
        total = len(distinct([*sweep.present, *sweep.left, *sweep.away]))
        begun_at = self._started(sweep)
        yield MemberPage((), total, _cursor(begun_at, told.begun), consents_as_of=begun_at)

    # --- pages --------------------------------------------------------------------------------------------

    async def _paged(
        self, path: Route, sweep: _Sweep, *, expected: int = 0
    ) -> AsyncIterator[tuple[Member, ...]]:
        seam = _Seam()
        async for page in pages(
            self._session,
            path,
            READ_CONTACTS,
            params=FULL_DATA,
            list_id=self._list_id,
            expected=expected,
            at_once=self._at_once,
        ):
            sweep.started = sweep.started or begun(page.answer)
            try:
                members = tuple(mapping.member(row, self._fields) for row in page.rows)
            except TypeError:
                raise not_understood(READ_CONTACTS) from None
            # A contact may have no address, or be deleted and still be shown: such a one is none of ours.
            told = tuple(one for one in members if one.email and one.consent is not Consent.ERASED)
            seam.take([int(one.origin_id) for one in members])
            sweep.take([int(one.origin_id) for one in told])
            sweep.shut_out.update(int(one.origin_id) for one in told if one.consent.opted_out)
            if told:
                yield told
        sweep.gaps += seam.gaps

    async def _left(self, moment: str, sweep: _Sweep) -> AsyncIterator[tuple[Member, ...]]:
        """Who unsubscribed from the book; whoever left before this reading and is in the book now has come back."""
        started, here = self._started(sweep), frozenset(sweep.present)
        async for _, members in left_book(self._session, self._list_id, moment):
            told = []
            for member in members:
                number, when = int(member.origin_id), instant(member.since)
                meanwhile = when is None or when >= started
                if number in here and not meanwhile:
                    continue
                (sweep.left if meanwhile else sweep.away).append(number)
                told.append(member)
            if told:
                yield tuple(told)

    def _shut_out(self, members: Sequence[Member], sweep: _Sweep) -> list[Member]:
        """The account's opt-outs without those whom the book shows as mailable now: the status it shows is the
        account's own, so what is told of them is over, or was about another book (contract §5)."""
        here, started = frozenset(sweep.present) - sweep.shut_out, self._started(sweep)
        kept = []
        for member in members:
            when = instant(member.since)
            if int(member.origin_id) not in here or when is None or when >= started:
                kept.append(member)
        return kept

    def _started(self, sweep: _Sweep) -> datetime:
        if sweep.started is None:
            raise not_understood(READ_CONTACTS)
        return sweep.started


def _left_since(members: Sequence[Member], moment: datetime) -> set[int]:
    """Whom the account shut out since a moment: they left every book then."""
    found = set()
    for member in members:
        when = instant(member.since)
        if when is not None and when >= moment:
            found.add(int(member.origin_id))
    return found


def _parts(members: Sequence[Member]) -> list[tuple[Member, ...]]:
    return [
        tuple(members[start : start + OPT_OUTS_A_PAGE]) for start in range(0, len(members), OPT_OUTS_A_PAGE)
    ]


def _cursor(*moments: datetime) -> str:
    return min(moments).isoformat(timespec="seconds")


def _incomplete(drifted: bool) -> IncompleteRead:
    if drifted:
        return IncompleteRead(
            "listing-drift",
            f"Contacts came or went during each of {SWEEPS} readings of the address book.",
            "Try again in a quiet moment.",
        )
    return IncompleteRead(
        "listing-incomplete",
        f"dotdigital's count of the address book and the contacts it listed differ, after {SWEEPS} readings.",
        "Try again; if it stays, look at the platform's status.",
    )
