"""Members of an audience, page by page, until they are proven whole.

Invariant (I11, R39, R40): the page with the cursor comes only after the rows read agree with the totals; a
listing that drifts is read again a bounded number of times and then given up. Rows may be told twice, the later
one is newer. Source: Mailchimp contract §2 and §5.
"""

from __future__ import annotations

import asyncio
import hashlib
from array import array
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from adapters.bodies import BodyFault
from adapters.distinct import distinct
from adapters.http import Answer, Client
from adapters.mailchimp import mapping, routes
from adapters.mailchimp.errors import failure, not_understood
from adapters.origins import route
from adapters.provider import IncompleteRead, MemberPage, utc
from state.model import Member

PAGE_ROWS = 1000
"""The most rows a page may have; the default is 10 and the classic way to lose people (R39)."""

SWEEPS = 3
OVERLAP = timedelta(seconds=60)
WITHOUT_CLOCK = timedelta(hours=24)
"""How far back to read when the server does not tell its time: further than any clock or zone is wrong (R41)."""

ARCHIVED = {"status": "archived"}


@dataclass(slots=True, frozen=True)
class _Page:
    members: tuple[Member, ...]
    total: int
    answer: Answer
    floor: int = 0
    """The highest total known when the page was asked for: a lower one means that somebody went meanwhile."""
    newcomers: int = 0


def _id64(origin_id: str) -> int:
    """Eight bytes of an id: a million of them fit in 8 MB, and two people sharing them is out of reach."""
    try:
        if len(origin_id) == 32:
            return int(origin_id[:16], 16)
    except ValueError:
        pass  # an id that is no hash is hashed below
    return int.from_bytes(hashlib.blake2b(origin_id.encode(), digest_size=8).digest(), "big")


@dataclass(slots=True)
class _Tally:
    """What one pass through one filter showed: its ids, and how the vendor's total moved meanwhile."""

    ids: array[int] = field(default_factory=lambda: array("Q"))
    archived: int = 0
    newcomers: int = 0
    pages: int = 0
    first: int = 0
    highest: int = 0
    latest: int = 0
    shrank: bool = False

    def take(self, page: _Page) -> None:
        if not self.pages:
            self.first = page.total
        self.pages += 1
        self.shrank = self.shrank or page.total < page.floor
        self.highest = max(self.highest, page.total)
        self.latest = page.total
        self.newcomers += page.newcomers
        for row in page.members:
            self.ids.append(_id64(row.origin_id))
            self.archived += row.raw_status == "archived"

    @property
    def moved(self) -> bool:
        return self.shrank or self.highest != self.first

    @property
    def whole(self) -> bool:
        return not self.shrank and len(distinct(self.ids)) == self.latest


class Listing:
    """Reads one audience's members with the merge fields named."""

    def __init__(
        self,
        client: Client,
        list_id: str,
        fields: Sequence[str],
        *,
        at_once: int,
        sleep: Callable[[float], Awaitable[None]],
        tell: Callable[[str], None],
    ) -> None:
        self._client = client
        self._list_id = list_id
        self._fields = tuple(fields)
        self._at_once = at_once
        self._sleep = sleep
        self._tell = tell
        self._wanted = mapping.member_fields(fields)
        self._nameless: set[int] = set()

    async def pages(self, since: str | None) -> AsyncIterator[MemberPage]:
        """All members, or those changed since a cursor of an earlier listing; cursor on the last page."""
        try:
            moment = utc(since) if since else None
        except ValueError:
            moment = None  # a cursor that is none of ours: reading everything is always right
        reader = self._full() if moment is None else self._changed(moment)
        async for page in reader:
            yield page

    # --- all ----------------------------------------------------------------------------------------------

    async def _full(self) -> AsyncIterator[MemberPage]:
        drifted = False
        for sweep in range(1, SWEEPS + 1):
            if sweep > 1:
                self._tell(
                    f"Members came or went while the listing was read; reading again, {sweep} of {SWEEPS}."
                )
                await self._sleep(float(sweep))
            self._nameless.clear()
            main, archived = _Tally(), _Tally()
            cursor = began = ""
            async for page in self._paged({}):
                cursor = cursor or self._start(page.answer)
                began = began or self._start(page.answer, timedelta(0))
                yield self._shown(page, afresh=sweep > 1 and not main.pages)
                main.take(page)
            async for page in self._paged(ARCHIVED):
                archived.take(page)
                yield self._shown(page)
            gap, gap_archived = _Tally(), _Tally()
            async for page in self._paged({"since_last_changed": cursor}, began):
                gap.take(page)
                yield self._shown(page)
            async for page in self._paged({"since_last_changed": cursor, **ARCHIVED}):
                gap_archived.take(page)
                yield self._shown(page)
            rows = await self._proven(main, archived, gap, gap_archived)
            if rows is not None:
                yield MemberPage((), rows - len(self._nameless), cursor)
                return
            drifted = drifted or main.moved or archived.moved
        raise _incomplete(drifted)

    async def _proven(self, main: _Tally, archived: _Tally, gap: _Tally, gap_archived: _Tally) -> int | None:
        """How many distinct members were read, when that agrees with what the vendor says; else None."""
        if main.shrank or archived.shrank or not (gap.whole and gap_archived.whole):
            return None
        everybody = distinct([*main.ids, *gap.ids, *archived.ids, *gap_archived.ids])
        if main.pages == archived.pages == 1:
            # Each pass was one answer, so it holds no gap; what moved between the two is in the re-read.
            return len(everybody) if main.whole and archived.whole else None
        away = set(archived.ids)
        mixed = bool(main.archived or gap.archived)
        if not mixed:
            away.difference_update(gap.ids)
        away.update(gap_archived.ids)
        listed = distinct([*main.ids, *gap.ids])
        present = len(listed) if mixed else sum(1 for one in listed if one not in away)
        total, total_archived = await self._total({}), await self._total(ARCHIVED)
        if total < main.highest:
            return None
        if total < main.first + gap.newcomers:
            return None  # somebody came and the total did not grow: somebody went, and rows slipped
        return len(everybody) if (present, len(away)) == (total, total_archived) else None

    # --- changed ------------------------------------------------------------------------------------------

    async def _changed(self, since: datetime) -> AsyncIterator[MemberPage]:
        cursor = ""
        rows: list[int] = []
        asked = {"since_last_changed": since.isoformat(timespec="seconds")}
        for params in (asked, {**asked, **ARCHIVED}):
            drifted = False
            for sweep in range(1, SWEEPS + 1):
                if sweep > 1:
                    await self._sleep(float(sweep))
                tally = _Tally()
                async for page in self._paged(params):
                    cursor = cursor or self._start(page.answer)
                    tally.take(page)
                    yield self._shown(page)
                if tally.whole:
                    break
                drifted = drifted or tally.moved
            else:
                raise _incomplete(drifted)
            rows += tally.ids
        yield MemberPage((), len(distinct(rows)) - len(self._nameless), cursor)

    # --- pages --------------------------------------------------------------------------------------------

    async def _paged(self, params: Mapping[str, str], began: str = "") -> AsyncIterator[_Page]:
        """The pages of one filter in their order, ``at_once`` of them on their way.

        With ``began`` the pages also count who was created since.
        """
        page = await self._page(params, 0, 0, began)
        yield page
        floor = page.total
        end = _end(page, 0)
        shown = offset = PAGE_ROWS
        flying: deque[asyncio.Task[_Page]] = deque()
        try:
            while True:
                while len(flying) < self._at_once and offset < end:
                    flying.append(asyncio.create_task(self._page(params, offset, floor, began)))
                    offset += PAGE_ROWS
                if not flying:
                    return
                page = await flying.popleft()
                floor = max(floor, page.total)
                end = max(end, _end(page, shown)) if page.members else 0
                shown += PAGE_ROWS
                yield page
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def _page(self, params: Mapping[str, str], offset: int, floor: int, began: str) -> _Page:
        wanted = f"{self._wanted},members.timestamp_signup" if began else self._wanted
        answer, document = await self._get(
            {**params, "count": str(PAGE_ROWS), "offset": str(offset), "fields": wanted}
        )
        rows = document.get("members")
        if not isinstance(rows, list) or len(rows) > PAGE_ROWS:
            raise not_understood("list members")
        try:
            members = tuple(mapping.member(row, self._fields) for row in rows)
        except (KeyError, TypeError, AttributeError):
            raise not_understood("list members") from None
        newcomers = sum(1 for row in rows if _created(row) >= began) if began else 0
        return _Page(members, _total_items(document), answer, floor, newcomers)

    async def _total(self, params: Mapping[str, str]) -> int:
        _, document = await self._get({**params, "count": "1", "fields": "total_items"})
        return _total_items(document)

    async def _get(self, params: Mapping[str, str]) -> tuple[Answer, dict[str, object]]:
        answer = await self._client.send("GET", route(routes.MEMBERS, list=self._list_id), params=params)
        if answer.status != 200:
            raise failure(answer, "list members", list_id=self._list_id)
        try:
            document = answer.json()
        except BodyFault as fault:
            raise IncompleteRead(fault.reason, fault.text, "Try again.") from None
        if not isinstance(document, dict):
            raise not_understood("list members")
        return answer, document

    def _shown(self, page: _Page, *, afresh: bool = False) -> MemberPage:
        """What the caller sees: a contact may lack an address (Mailchimp contract §10), and then is none of ours."""
        shown = []
        for member in page.members:
            if member.email:
                shown.append(member)
            else:
                self._nameless.add(_id64(member.origin_id))
        return MemberPage(tuple(shown), page.total, afresh=afresh)

    def _start(self, answer: Answer, overlap: timedelta = OVERLAP) -> str:
        """Before when nothing can have been missed, by the vendor's clock: the Date header tells the end of the
        call, so its length is taken off as well."""
        date = answer.date
        if date is None:
            start = datetime.now(UTC) - WITHOUT_CLOCK
        else:
            start = date - timedelta(seconds=answer.seconds) - overlap
        return start.isoformat(timespec="seconds")


def _end(page: _Page, offset: int) -> int:
    """How far the list reaches by what a page shows: an empty one ends it whatever the total says, a full one is
    followed by another, for the total may say too little."""
    if not page.members:
        return 0
    return max(page.total, offset + len(page.members) + (len(page.members) == PAGE_ROWS))


def _created(row: Mapping[str, object]) -> str:
    """When a member came onto the list; written as ``_start`` writes, so that texts compare as times."""
    when = mapping.moment(row.get("timestamp_signup")) or mapping.moment(row.get("timestamp_opt"))
    return when.replace("Z", "+00:00")


def _total_items(document: Mapping[str, object]) -> int:
    total = document.get("total_items")
    if not isinstance(total, int) or total < 0:
        raise not_understood("list members")
    return total


def _incomplete(drifted: bool) -> IncompleteRead:
    if drifted:
        return IncompleteRead(
            "listing-drift",
            f"Members came or went during each of {SWEEPS} readings of the audience.",
            "Try again in a quiet moment.",
        )
    return IncompleteRead(
        "listing-incomplete",
        f"Mailchimp's total and the members it listed differ, after {SWEEPS} readings.",
        "Try again; if it stays, look at the platform's status.",
    )
