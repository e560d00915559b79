"""Reports and member activity, read-only (contract §10).

Three campaigns were sent to every seeded audience; who opened, clicked, bounced or left is a function of the
member's place. Invariant: a campaign's figures are the sums of the rows its sub-resources list.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.clock import iso, parse_moment
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.machine import PRESENT, Standing
from adapters.sandbox.mailchimp.members import present
from adapters.sandbox.mailchimp.render import links
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.roll import Member, hash_of
from adapters.sandbox.mailchimp.store import Account, Audience
from adapters.sandbox.vendor import Answer

_SENT = (
    ("Frühlingsbrief", parse_moment("2025-03-14T08:00:00+00:00")),
    ("Einladung Delegiertenversammlung", parse_moment("2025-06-02T07:30:00+00:00")),
    ("Herbstbrief", parse_moment("2025-10-09T08:00:00+00:00")),
)
RECIPIENTS = 200


@dataclass(slots=True, frozen=True)
class Campaign:
    """One sent campaign of an audience; `number` is its place among them."""

    id: str
    number: int
    title: str
    sent: float
    audience: Audience

    def recipients(self) -> Iterator[Member]:
        """The seeded members it went to and who are still on the list."""
        roll = self.audience.roll
        for index in range(min(RECIPIENTS, roll.seeded)):
            if roll.column[index] in PRESENT:
                yield roll.at(index)

    def delivery(self, member: Member) -> str:
        """`sent`, `hard` or `soft`."""
        if member.standing is Standing.CLEANED:
            return "hard"
        return "soft" if (member.index + self.number) % 37 == 0 else "sent"

    def left(self, member: Member) -> bool:
        """Whether this campaign made the member leave."""
        return member.standing is Standing.UNSUBSCRIBED and member.index % len(_SENT) == self.number

    def actions(self, member: Member) -> list[dict[str, Any]]:
        """Opens, clicks and bounces of one member, oldest first."""
        delivery = self.delivery(member)
        if delivery != "sent":
            return [{"action": "bounce", "type": delivery, "timestamp": iso(self.sent + 60), "ip": ""}]
        found = []
        if (member.index + self.number) % 3 == 0:
            found.append({"action": "open", "timestamp": iso(self.sent + 3600), "ip": "203.0.113.9"})
        if (member.index + self.number) % 9 == 0:
            found.append(
                {
                    "action": "click",
                    "timestamp": iso(self.sent + 3660),
                    "url": "https://musterverband.example/termine",
                    "ip": "203.0.113.9",
                }
            )
        return found


def campaigns(account: Account) -> list[Campaign]:
    """Every sent campaign of the account, newest first."""
    found = []
    for audience in account.audiences.values():
        if not audience.roll.seeded:
            continue
        for number, (title, sent) in enumerate(_SENT):
            name = hashlib.sha256(f"{audience.id} campaign {number}".encode()).hexdigest()[:10]
            found.append(Campaign(name, number, title, sent, audience))
    return sorted(found, key=lambda campaign: -campaign.sent)


def _summary(request: Request, campaign: Campaign) -> dict[str, Any]:
    total = hard = soft = left = opens = clicks = 0
    for member in campaign.recipients():
        total += 1
        delivery = campaign.delivery(member)
        hard += delivery == "hard"
        soft += delivery == "soft"
        left += campaign.left(member)
        for action in campaign.actions(member):
            opens += action["action"] == "open"
            clicks += action["action"] == "click"
    return {
        "id": campaign.id,
        "campaign_title": campaign.title,
        "type": "regular",
        "list_id": campaign.audience.id,
        "list_is_active": True,
        "list_name": campaign.audience.name,
        "subject_line": campaign.title,
        "preview_text": "",
        "emails_sent": total,
        "abuse_reports": 0,
        "unsubscribed": left,
        "send_time": iso(campaign.sent),
        "bounces": {"hard_bounces": hard, "soft_bounces": soft, "syntax_errors": 0},
        "opens": {
            "opens_total": opens,
            "unique_opens": opens,
            "open_rate": opens / total if total else 0,
            "last_open": iso(campaign.sent + 3600) if opens else "",
        },
        "clicks": {
            "clicks_total": clicks,
            "unique_clicks": clicks,
            "unique_subscriber_clicks": clicks,
            "click_rate": clicks / total if total else 0,
            "last_click": iso(campaign.sent + 3660) if clicks else "",
        },
        "_links": links(request.base, f"/reports/{campaign.id}"),
    }


def listed(request: Request) -> Answer:
    """GET /reports."""
    since, before = request.moment("since_send_time"), request.moment("before_send_time")
    rows = [
        _summary(request, campaign)
        for campaign in campaigns(request.account)
        if (since is None or campaign.sent > since) and (before is None or campaign.sent < before)
    ]
    return request.collection("reports", rows)


def _find(request: Request) -> Campaign:
    for campaign in campaigns(request.account):
        if campaign.id == request.segments[1]:
            return campaign
    raise errors.not_found()


def read(request: Request) -> Answer:
    """GET /reports/{id}."""
    return request.answer(_summary(request, _find(request)))


def _row(campaign: Campaign, member: Member) -> dict[str, Any]:
    return {
        "campaign_id": campaign.id,
        "list_id": campaign.audience.id,
        "list_is_active": True,
        "email_id": hash_of(member.email),
        "email_address": member.email,
    }


def email_activity(request: Request) -> Answer:
    """GET /reports/{id}/email-activity."""
    campaign = _find(request)
    since = request.moment("since")
    rows = []
    for member in campaign.recipients():
        actions = [
            action
            for action in campaign.actions(member)
            if since is None or parse_moment(action["timestamp"]) > since
        ]
        if actions or since is None:
            rows.append({**_row(campaign, member), "activity": actions})
    return request.collection("emails", rows, campaign_id=campaign.id)


def sent_to(request: Request) -> Answer:
    """GET /reports/{id}/sent-to."""
    campaign = _find(request)
    rows = [
        {
            **_row(campaign, member),
            "status": campaign.delivery(member),
            "open_count": sum(action["action"] == "open" for action in campaign.actions(member)),
            "last_open": "",
        }
        for member in campaign.recipients()
    ]
    return request.collection("sent_to", rows, campaign_id=campaign.id)


def unsubscribed(request: Request) -> Answer:
    """GET /reports/{id}/unsubscribed."""
    campaign = _find(request)
    rows = [
        {
            **_row(campaign, member),
            "timestamp": iso(member.last_changed),
            "reason": member.unsubscribe_reason or "None given",
        }
        for member in campaign.recipients()
        if campaign.left(member)
    ]
    return request.collection("unsubscribes", rows, campaign_id=campaign.id)


def member_activity(request: Request) -> Answer:
    """GET …/members/{hash}/activity: the last 50, newest first; why is Eva not getting mail."""
    audience = request.audience()
    member = present(request, audience)
    rows: list[dict[str, Any]] = []
    for campaign in campaigns(request.account):
        if campaign.audience is not audience or not member.index < min(RECIPIENTS, audience.roll.seeded):
            continue
        about = {"campaign_id": campaign.id, "title": campaign.title}
        rows.append({"action": "sent", "timestamp": iso(campaign.sent), **about})
        rows += [{**action, **about} for action in campaign.actions(member)]
    if member.standing is Standing.UNSUBSCRIBED:
        rows.append({"action": "unsub", "timestamp": iso(member.last_changed), "title": ""})
    rows.sort(key=lambda row: str(row["timestamp"]), reverse=True)
    return request.answer(
        {
            "activity": rows[:50],
            "email_id": hash_of(member.email),
            "list_id": audience.id,
            "total_items": len(rows[:50]),
        }
    )
