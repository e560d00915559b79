"""Sent campaigns of an audience and what addresses did with them, from Mailchimp's reports (contract §10).

Only reads. A report exists for what was sent, so every campaign here is a sent one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from adapters.http import Client
from adapters.mailchimp import mapping, routes
from adapters.mailchimp.documents import read_collection, read_json, read_pages
from adapters.mailchimp.errors import not_understood
from adapters.origins import route
from adapters.provider import utc
from state.model import Activity, ActivityKind, Campaign, CampaignSummary

OVERLAP = timedelta(seconds=60)
SENDING = timedelta(days=3)
"""So long after the beginning the list of recipients may still grow; later it is not read again."""

_KINDS = {"open": ActivityKind.OPENED, "click": ActivityKind.CLICKED}
_BOUNCES = {"hard": ActivityKind.HARD_BOUNCED, "soft": ActivityKind.SOFT_BOUNCED}


async def campaigns(client: Client, list_id: str) -> tuple[Campaign, ...]:
    """The campaigns sent to an audience; the reports of the whole account are read, as no filter by list is known."""
    wanted = ("id", "campaign_title", "subject_line", "list_id")
    rows = await read_collection(
        client,
        route(routes.REPORTS),
        "reports",
        "list reports",
        _listed,
        params={"fields": ",".join(f"reports.{name}" for name in wanted) + ",total_items"},
    )
    return tuple(campaign for of_list, campaign in rows if of_list == list_id)


def _listed(row: Mapping[str, object]) -> tuple[str, Campaign]:
    subject = mapping.text_of(row.get("subject_line"))
    campaign = Campaign(
        campaign_id=str(row["id"]),
        name=mapping.text_of(row.get("campaign_title")) or subject,
        subject=subject,
        status="sent",
        sent=True,
    )
    return mapping.text_of(row.get("list_id")), campaign


async def campaign_summary(client: Client, campaign_id: str) -> CampaignSummary:
    """The counts of one campaign. ``delivered`` is sent without both kinds of bounces; unique figures are people."""
    document = await read_json(client, route(routes.REPORT, campaign=campaign_id), "read a report")
    opens, clicks, bounces = (_part(document, name) for name in ("opens", "clicks", "bounces"))
    sent = _count(document, "emails_sent")
    hard, soft = _count(bounces, "hard_bounces"), _count(bounces, "soft_bounces")
    unique_clicks = "unique_subscriber_clicks" if "unique_subscriber_clicks" in clicks else "unique_clicks"
    return CampaignSummary(
        campaign_id,
        _moment(document.get("send_time")),
        {
            ActivityKind.SENT: sent,
            ActivityKind.OPENED: _count(opens, "opens_total"),
            ActivityKind.CLICKED: _count(clicks, "clicks_total"),
            ActivityKind.SOFT_BOUNCED: soft,
            ActivityKind.HARD_BOUNCED: hard,
            ActivityKind.UNSUBSCRIBED: _count(document, "unsubscribed"),
        },
        unique_opens=_count(opens, "unique_opens"),
        unique_clicks=_count(clicks, unique_clicks),
        delivered=max(0, sent - hard - soft),
    )


async def activity(
    client: Client, campaign_id: str, since: datetime | None
) -> AsyncIterator[tuple[Activity, ...]]:
    """Recipients, then opens, clicks and bounces, then unsubscriptions; all, or since a moment (UTC).

    The vendor tells no time of a single sending: it is the campaign's.
    """
    document = await read_json(
        client, route(routes.REPORT, campaign=campaign_id), "read a report", params={"fields": "id,send_time"}
    )
    sent_at = _moment(document.get("send_time"))
    start = None if since is None else since - OVERLAP
    if sent_at is not None and (start is None or start < sent_at + SENDING):
        pages = read_pages(
            client,
            route(routes.SENT_TO, campaign=campaign_id),
            "sent_to",
            "list recipients",
            partial(_recipient, campaign_id, sent_at),
            params={"fields": "sent_to.email_address,sent_to.email_id,total_items"},
        )
        async for page in pages:
            yield page
    asked = {} if start is None else {"since": start.isoformat(timespec="seconds")}
    acts = read_pages(
        client,
        route(routes.EMAIL_ACTIVITY, campaign=campaign_id),
        "emails",
        "list opens and clicks",
        partial(_acts, campaign_id),
        params={
            **asked,
            "fields": "emails.email_address,emails.email_id,emails.activity,total_items",
        },
    )
    async for rows in acts:
        yield tuple(one for row in rows for one in row)
    leaving = read_pages(
        client,
        route(routes.UNSUBSCRIBED, campaign=campaign_id),
        "unsubscribes",
        "list unsubscriptions",
        partial(_leaving, campaign_id),
        params={},
    )
    async for left in leaving:
        yield tuple(one for one in left if one is not None and (start is None or one.at >= start))


def _recipient(campaign_id: str, sent_at: datetime, row: Mapping[str, object]) -> Activity:
    return _activity(campaign_id, row, ActivityKind.SENT, sent_at)


def _acts(campaign_id: str, row: Mapping[str, object]) -> tuple[Activity, ...]:
    found = row["activity"]
    if not isinstance(found, list):
        raise TypeError("an activity is a list")
    made = []
    for act in found:
        at, kind = _moment(act.get("timestamp")), _kind(act)
        if kind is not None and at is not None:
            detail = mapping.text_of(act.get("url")) if kind is ActivityKind.CLICKED else ""
            made.append(_activity(campaign_id, row, kind, at, detail))
    return tuple(made)


def _leaving(campaign_id: str, row: Mapping[str, object]) -> Activity | None:
    at = _moment(row.get("timestamp"))
    if at is None:
        return None
    return _activity(campaign_id, row, ActivityKind.UNSUBSCRIBED, at, mapping.text_of(row.get("reason")))


def _kind(act: Mapping[str, object]) -> ActivityKind | None:
    """None for an act that is none of ours to tell (Mailchimp may add words)."""
    if act.get("action") == "bounce":
        return _BOUNCES.get(str(act.get("type")), ActivityKind.SOFT_BOUNCED)
    return _KINDS.get(str(act.get("action")))


def _activity(
    campaign_id: str, row: Mapping[str, object], kind: ActivityKind, at: datetime, detail: str = ""
) -> Activity:
    return Activity(
        campaign_id,
        str(row["email_address"]),
        kind,
        at,
        detail=detail,
        origin_id=mapping.text_of(row.get("email_id")),
    )


def _part(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _count(document: Mapping[str, object], name: str) -> int:
    """A count; raises when Mailchimp says something that is none."""
    value = document.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise not_understood("read a report")
    return value


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        return utc(value)
    except ValueError:
        return None
