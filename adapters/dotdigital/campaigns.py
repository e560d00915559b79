"""Campaigns of an address book: what was sent, how it was received, who did what (contract §8). Only reads.

Invariant: counts and rows that the vendor adds some day change nothing; a row without a time or an address is none.
Mail that went out, bounces and unsubscriptions come from the activity rows and carry the time of sending, the only
one these rows have; openings and clicks come one by one with their own times.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from adapters.dotdigital import routes
from adapters.dotdigital.documents import count_in, field_of, not_understood, object_in, text_in, yes_in
from adapters.dotdigital.errors import failure
from adapters.dotdigital.moments import in_path, instant
from adapters.dotdigital.paging import OVERLAP, all_rows, pages
from adapters.dotdigital.routes import book_route, is_number
from adapters.dotdigital.session import Session
from adapters.origins import Route, route
from adapters.provider import NotThere
from state.model import Activity, ActivityKind, Campaign, CampaignSummary

SENT = "sent"
READ_CAMPAIGNS, READ_SUMMARY, READ_ACTIVITY = "list campaigns", "read a campaign's summary", "list activity"

COUNTS: Mapping[ActivityKind, str] = {
    ActivityKind.SENT: "numTotalSent",
    ActivityKind.OPENED: "numTotalOpens",
    ActivityKind.CLICKED: "numTotalClicks",
    ActivityKind.SOFT_BOUNCED: "numTotalSoftBounces",
    ActivityKind.HARD_BOUNCED: "numTotalHardBounces",
    ActivityKind.UNSUBSCRIBED: "numTotalUnsubscribes",
}


async def of_book(session: Session, list_id: str) -> tuple[Campaign, ...]:
    """The campaigns of a book, in every state, without contents."""
    path = book_route(routes.BOOK_CAMPAIGNS, list_id)
    rows = await all_rows(session, path, READ_CAMPAIGNS, list_id=list_id)
    found = []
    for row in rows:
        number, status = text_in(row, "id"), text_in(row, "status")
        if not number:
            raise not_understood(READ_CAMPAIGNS)
        found.append(
            Campaign(
                campaign_id=number,
                name=text_in(row, "name"),
                subject=text_in(row, "subject"),
                from_name=text_in(row, "fromName"),
                status=status,
                sent=status.lower() == SENT,
            )
        )
    return tuple(found)


async def summary(session: Session, campaign_id: str) -> CampaignSummary:
    """The counts of a sent campaign: of both kinds of mail together where the vendor tells a total."""
    answer = await session.get(_route(routes.SUMMARY, campaign_id))
    if answer.status != 200:
        raise failure(answer, READ_SUMMARY)
    row = object_in(answer, READ_SUMMARY)
    return CampaignSummary(
        campaign_id=campaign_id,
        sent_at=instant(field_of(row, "dateSent")),
        counts={kind: _total(row, name) for kind, name in COUNTS.items()},
        unique_opens=_total(row, "numTotalUniqueOpens"),
        unique_clicks=count_in(row, "numRecipientsClicked"),
        delivered=_total(row, "numTotalDelivered"),
    )


def _total(row: Mapping[str, object], name: str) -> int:
    """``numTotalOpens``, or where that is missing ``numOpens`` and ``numTextOpens`` together."""
    if field_of(row, name) is not None:
        return count_in(row, name)
    thing = name.removeprefix("numTotal")
    html = "numUniqueOpens" if thing == "UniqueOpens" else f"num{thing}"
    text = "numUniqueTextOpens" if thing == "UniqueOpens" else f"numText{thing}"
    return count_in(row, html) + count_in(row, text)


async def activity(
    session: Session, campaign_id: str, since: datetime | None
) -> AsyncIterator[tuple[Activity, ...]]:
    """What addresses did, page by page: all, or since a moment with the usual overlap. Rows may repeat."""
    asked: tuple[tuple[str, str, Callable[[str, Mapping[str, object]], list[Activity]]], ...] = (
        (routes.ACTIVITIES, routes.ACTIVITIES_SINCE, _from_row),
        (routes.OPENS, routes.OPENS_SINCE, _opened),
        (routes.CLICKS, routes.CLICKS_SINCE, _clicked),
    )
    for everything, later, read in asked:
        if since is None:
            path = _route(everything, campaign_id)
        else:
            path = _route(later, campaign_id, since=in_path(since - OVERLAP))
        async for page in pages(session, path, READ_ACTIVITY):
            found = tuple(one for row in page.rows for one in read(campaign_id, row))
            if found:
                yield found


def _from_row(campaign_id: str, row: Mapping[str, object]) -> list[Activity]:
    kinds = {
        ActivityKind.SENT: True,
        ActivityKind.SOFT_BOUNCED: yes_in(row, "softBounced"),
        ActivityKind.HARD_BOUNCED: yes_in(row, "hardBounced"),
        ActivityKind.UNSUBSCRIBED: yes_in(row, "unsubscribed"),
    }
    return [
        one
        for kind, happened in kinds.items()
        if happened
        for one in _activity(campaign_id, row, kind, "dateSent")
    ]


def _opened(campaign_id: str, row: Mapping[str, object]) -> list[Activity]:
    return _activity(campaign_id, row, ActivityKind.OPENED, "dateOpened", text_in(row, "mailClient"))


def _clicked(campaign_id: str, row: Mapping[str, object]) -> list[Activity]:
    return _activity(campaign_id, row, ActivityKind.CLICKED, "dateClicked", text_in(row, "url"))


def _activity(
    campaign_id: str, row: Mapping[str, object], kind: ActivityKind, when: str, detail: str = ""
) -> list[Activity]:
    at, email = instant(field_of(row, when)), text_in(row, "email")
    if at is None or not email:
        return []
    return [Activity(campaign_id, email, kind, at, detail=detail, origin_id=text_in(row, "contactId"))]


def _route(template: str, campaign_id: str, **values: str) -> Route:
    if not is_number(campaign_id):
        raise NotThere(
            "not-found", f"A campaign has a number, and {campaign_id!r} is none.", "Read the campaigns again."
        )
    return route(template, campaign=campaign_id, **values)
