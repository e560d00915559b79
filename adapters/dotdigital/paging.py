"""Lists of dotdigital page by page, until an empty one (contract §2).

Invariant (R39): a short page ends nothing, for rows may be hidden; each page begins a hundred rows before the end
of the one before, for rows shift while one reads; a server that tells the same page twice is not believed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.answers import Answer
from adapters.dotdigital.documents import field_of, rows_in
from adapters.dotdigital.errors import failure
from adapters.dotdigital.session import Session
from adapters.origins import Route
from adapters.provider import IncompleteRead

PAGE_ROWS = 1000
OVERLAP_ROWS = 100
STEP = PAGE_ROWS - OVERLAP_ROWS

OVERLAP = timedelta(seconds=60)
"""Whether “since” includes its moment is not known, and clocks differ (contract §2)."""

WITHOUT_CLOCK = timedelta(hours=24)
"""How far back to read when the server does not tell its time: further than any clock or zone is wrong (R41)."""

Row = Mapping[str, object]


@dataclass(slots=True, frozen=True)
class Page:
    """Rows of one call; the last page of a list has none."""

    rows: list[dict[str, object]]
    answer: Answer


def begun(answer: Answer) -> datetime:
    """Before when nothing can have been missed by a reading that began with this answer, by the vendor's clock.

    The Date header tells the end of the call, so its length is taken off as well.
    """
    if answer.date is None:
        return datetime.now(UTC) - WITHOUT_CLOCK
    return answer.date - timedelta(seconds=answer.seconds) - OVERLAP


async def pages(
    session: Session,
    path: Route,
    what: str,
    *,
    params: Mapping[str, str] | None = None,
    list_id: str = "",
    expected: int = 0,
    at_once: int = 1,
    tries: int | None = None,
) -> AsyncIterator[Page]:
    """All pages of a list in their order, the empty one too. Rows of the overlap come twice.

    ``expected`` rows are asked for ``at_once`` pages at a time; what lies beyond, one after the other.
    Raises ``IncompleteRead`` and what ``failure`` makes of a refusal.
    """
    flying: deque[asyncio.Task[Page]] = deque()
    offset = 0
    before: list[dict[str, object]] = []
    try:
        while True:
            while not flying or (len(flying) < at_once and offset < expected):
                flying.append(
                    asyncio.create_task(_page(session, path, what, params or {}, list_id, offset, tries))
                )
                offset += STEP
            page = await flying.popleft()
            if page.rows and page.rows == before:
                raise IncompleteRead(
                    "listing-incomplete",
                    f"dotdigital tells the same page again and again when asked to {what}.",
                    "Try again; if it stays, look at the platform's status.",
                )
            before = page.rows
            yield page
            if not page.rows:
                return
    finally:
        for task in flying:
            task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)


async def all_rows(
    session: Session, path: Route, what: str, *, list_id: str = "", tries: int | None = None
) -> list[dict[str, object]]:
    """All rows of a short list, each once by its ``id``, the later telling of it."""
    found: dict[object, dict[str, object]] = {}
    async for page in pages(session, path, what, list_id=list_id, tries=tries):
        for row in page.rows:
            found[_id_of(row, len(found))] = row
    return list(found.values())


def _id_of(row: Row, otherwise: int) -> object:
    value = field_of(row, "id")
    return value if isinstance(value, (int, str)) else ("no id", otherwise)


async def _page(
    session: Session,
    path: Route,
    what: str,
    params: Mapping[str, str],
    list_id: str,
    offset: int,
    tries: int | None,
) -> Page:
    asked = {**params, "select": str(PAGE_ROWS), "skip": str(offset)}
    answer = await session.get(path, params=asked, tries=tries)
    if answer.status != 200:
        raise failure(answer, what, list_id=list_id)
    return Page(rows_in(answer, what), answer)
