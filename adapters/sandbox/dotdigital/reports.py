"""What became of a campaign: its summary and the rows behind it (contract §8).

Invariant: every figure is counted from the rows the other resources list.
"""

from typing import Any

from adapters.sandbox.dotdigital.activity import Event, Recipient, recipients
from adapters.sandbox.dotdigital.campaigns import Campaign, find
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.render import contact_document, zulu
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.vendor import Answer

_KINDS = {
    "clicks": "click",
    "opens": "open",
    "page-views": "page-view",
    "replies": "reply",
    "roi-details": "roi",
    "social-bookmark-views": "bookmark",
}
MAX_REPLIES = 5


def _sent(request: Request) -> Campaign:
    """The campaign in the path, if it was sent. Raises the Refusal."""
    campaign = find(request)
    if not campaign.sent:
        raise Refusal("CAMPAIGN_INVALID")
    return campaign


def _recipients(request: Request) -> list[Recipient]:
    campaign = find(request)
    return list(recipients(request.account, campaign))


def _late(request: Request, place: int, moment: float) -> bool:
    since = request.moment(place)
    return moment > since or (request.switches.since_inclusive and moment == since)


def activities(request: Request) -> Answer:
    """GET /campaigns/{id}/activities."""
    return request.answer([each.row() for each in request.window(_recipients(request))])


def activities_since(request: Request) -> Answer:
    """GET /campaigns/{id}/activities/since-date/{date}."""
    rows = [each for each in _recipients(request) if _late(request, 4, each.latest)]
    return request.answer([each.row() for each in request.window(rows)])


def _recipient(request: Request) -> Recipient:
    wanted = request.number(3, "CONTACT_NOT_FOUND")
    for each in _recipients(request):
        if each.contact_id == wanted:
            return each
    raise Refusal("CONTACT_NOT_FOUND")


def activity(request: Request) -> Answer:
    """GET /campaigns/{id}/activities/{contactId}."""
    return request.answer(_recipient(request).row())


def of_contact(request: Request) -> Answer:
    """GET /campaigns/{id}/activities/{contactId}/clicks and its like."""
    recipient = _recipient(request)
    kind = request.segments[4].lower()
    if kind == "replies" and request.page(MAX_REPLIES)[0] > MAX_REPLIES:
        raise Refusal("PARAMETER_INVALID")
    rows = request.window(recipient.of(_KINDS[kind]), MAX_REPLIES if kind == "replies" else 1000)
    return request.answer([recipient.shown(event) for event in rows])


def _rows(request: Request) -> list[tuple[Recipient, Event]]:
    kind = _KINDS[request.segments[2].lower()]
    return [(each, event) for each in _recipients(request) for event in each.of(kind)]


def of_campaign(request: Request) -> Answer:
    """GET /campaigns/{id}/clicks, /opens, /social-bookmark-views: of everybody."""
    rows = request.window(_rows(request))
    return request.answer([each.shown(event) for each, event in rows])


def of_campaign_since(request: Request) -> Answer:
    """GET /campaigns/{id}/clicks/since-date/{date} and its like."""
    rows = [(each, event) for each, event in _rows(request) if _late(request, 4, event.moment)]
    return request.answer([each.shown(event) for each, event in request.window(rows)])


def hard_bouncing(request: Request) -> Answer:
    """GET /campaigns/{id}/hard-bouncing-contacts."""
    roll = request.account.roll
    found = [each.index for each in _recipients(request) if each.count("hard-bounce")]
    rows = [contact_document(request, roll.at(index), full=False) for index in request.window(found)]
    return request.answer(rows)


def summary(request: Request) -> Answer:
    """GET /campaigns/{id}/summary; refused for a campaign that was never sent."""
    campaign = _sent(request)
    return request.answer(_figures(campaign, _recipients(request)))


def _figures(campaign: Campaign, people: list[Recipient]) -> dict[str, Any]:
    def total(kind: str) -> int:
        return sum(each.count(kind) for each in people)

    def persons(kind: str) -> int:
        return sum(1 for each in people if each.count(kind))

    counts = {
        "Opens": total("open"),
        "Clicks": total("click"),
        "PageViews": total("page-view"),
        "EstimatedForwards": 0,
        "Replies": total("reply"),
        "HardBounces": persons("hard-bounce"),
        "SoftBounces": persons("soft-bounce"),
        "Unsubscribes": persons("unsubscribe"),
        "IspComplaints": 0,
        "MailBlocks": 0,
        "Sent": len(people),
    }
    counts["Delivered"] = len(people) - counts["HardBounces"] - counts["SoftBounces"]
    unique, clicked = persons("open"), persons("click")
    document: dict[str, Any] = {"dateSent": zulu(campaign.sent)}
    document |= {"numUniqueOpens": unique, "numUniqueTextOpens": 0, "numTotalUniqueOpens": unique}
    for name, number in counts.items():
        document |= {f"num{name}": number, f"numText{name}": 0, f"numTotal{name}": number}
    document |= {"numForwards": 0, "numTextForwards": 0, "numRecipientsClicked": clicked}
    sent, delivered = len(people), counts["Delivered"]
    document |= {
        "percentageDelivered": _share(delivered, sent),
        "percentageUniqueOpens": _share(unique, delivered),
        "percentageOpens": _share(counts["Opens"], delivered),
        "percentageUnsubscribes": _share(counts["Unsubscribes"], delivered),
        "percentageReplies": _share(counts["Replies"], delivered),
        "percentageHardBounces": _share(counts["HardBounces"], sent),
        "percentageSoftBounces": _share(counts["SoftBounces"], sent),
        "percentageUsersClicked": _share(clicked, delivered),
        "percentageClicksToOpens": _share(clicked, unique),
        # What the vendor added over the years: whoever knew all fields by name broke on it (§1).
        "revenue": "$0.00",
        "conversionRate": 0.0,
        "assistedRevenue": "$0.00",
        "numOrders": 0,
        "numAssistedOrders": 0,
    }
    return document


def _share(part: int, whole: int) -> float:
    """Percent with two places."""
    return round(100 * part / whole, 2) if whole else 0.0
