"""Who left: one book, or everything the account sends (contract §5).

Invariant: the account's list is read once for each starting point, however many books are looked at meanwhile; who
reads on from it later goes by the moment it was begun, so that nobody falls between two readings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from adapters.dotdigital import mapping, routes
from adapters.dotdigital.documents import not_understood
from adapters.dotdigital.paging import Page, begun, pages
from adapters.dotdigital.routes import book_route
from adapters.dotdigital.session import Session
from adapters.origins import route
from state.model import Member

READ_LEFT = "list who left an address book"
READ_SUPPRESSED = "list suppressed contacts"


@dataclass(slots=True, frozen=True)
class OptOuts:
    """Whom the account no longer mails, each once, and the moment the reading of it began."""

    members: tuple[Member, ...]
    begun: datetime


class AccountOptOuts:
    """The account's suppressions since a moment, shared by all books of one connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: dict[str, OptOuts] = {}
        self._turn = asyncio.Lock()

    async def since(self, moment: str) -> OptOuts:
        """All opt-outs, bounces and complaints of the account since a moment as it stands in a path."""
        async with self._turn:
            if moment not in self._read:
                self._read[moment] = await self._all(moment)
            return self._read[moment]

    async def _all(self, moment: str) -> OptOuts:
        found: dict[str, Member] = {}
        start: datetime | None = None
        async for page in pages(self._session, route(routes.SUPPRESSED, since=moment), READ_SUPPRESSED):
            start = start or begun(page.answer)
            try:
                members = [mapping.account_opt_out(row) for row in page.rows]
            except TypeError:
                raise not_understood(READ_SUPPRESSED) from None
            found.update(
                {member.origin_id: member for member in members if member is not None and member.email}
            )
        if start is None:
            raise not_understood(READ_SUPPRESSED)
        return OptOuts(tuple(found.values()), start)


async def left_book(
    session: Session, list_id: str, moment: str
) -> AsyncIterator[tuple[Page, tuple[Member, ...]]]:
    """Who unsubscribed from one book since a moment, page by page."""
    path = book_route(routes.BOOK_UNSUBSCRIBED, list_id, since=moment)
    async for page in pages(session, path, READ_LEFT, list_id=list_id):
        try:
            members = tuple(mapping.left_book(row) for row in page.rows)
        except TypeError:
            raise not_understood(READ_LEFT) from None
        yield page, tuple(member for member in members if member.email)
