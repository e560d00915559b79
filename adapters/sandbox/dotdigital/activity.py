"""What people did with a sent campaign: opened it, clicked, bounced, left (contract §8).

For the first few hundred people of its book it is a function of the seed; what a control verb adds comes on top.
Invariant: a campaign's figures are the sums of the rows its sub-resources list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.dotdigital.accounts import Account
from adapters.sandbox.dotdigital.campaigns import CAMPAIGNS, Campaign
from adapters.sandbox.dotdigital.render import zulu
from adapters.sandbox.dotdigital.roll import FIRST_ID
from adapters.sandbox.dotdigital.seed import LEFT_BOOK
from adapters.sandbox.dotdigital.statuses import GONE, Status

RECIPIENTS = 300
_DAY = 86_400.0
_URL = "https://alpine.example/touren"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64)"
_ADDRESS = "203.0.113.9"

ACTIONS = (
    "open",
    "click",
    "page-view",
    "reply",
    "roi",
    "bookmark",
    "unsubscribe",
    "hard-bounce",
    "soft-bounce",
)


@dataclass(slots=True, frozen=True)
class Event:
    """One thing somebody did; `url` for clicks and page views."""

    kind: str
    moment: float
    url: str = _URL


@dataclass(slots=True)
class Recipient:
    """Somebody a campaign was sent to, with everything they did, oldest first."""

    index: int
    email: str
    sent: float
    events: list[Event]

    @property
    def contact_id(self) -> int:
        """The vendor's id."""
        return FIRST_ID + self.index

    def count(self, kind: str) -> int:
        """How often they did something."""
        return sum(event.kind == kind for event in self.events)

    def of(self, kind: str) -> list[Event]:
        """What they did of one kind."""
        return [event for event in self.events if event.kind == kind]

    @property
    def latest(self) -> float:
        """When anything happened last."""
        return max([self.sent, *(event.moment for event in self.events)])

    def row(self) -> dict[str, Any]:
        """The activity row."""
        opens = self.of("open")
        return {
            "contactId": self.contact_id,
            "email": self.email,
            "numOpens": len(opens),
            "numPageViews": self.count("page-view"),
            "numClicks": self.count("click"),
            "numForwards": 0,
            "numEstimatedForwards": 0,
            "numReplies": self.count("reply"),
            "dateSent": zulu(self.sent),
            "dateFirstOpened": zulu(opens[0].moment) if opens else None,
            "dateLastOpened": zulu(opens[-1].moment) if opens else None,
            "firstOpenIp": _ADDRESS if opens else None,
            "unsubscribed": self.count("unsubscribe") > 0,
            "softBounced": self.count("soft-bounce") > 0,
            "hardBounced": self.count("hard-bounce") > 0,
        }

    def shown(self, event: Event) -> dict[str, Any]:
        """A click, open, page view, reply, roi or bookmark row."""
        who = {"contactId": self.contact_id, "email": self.email}
        if event.kind == "click":
            tail = {"url": event.url, "ipAddress": _ADDRESS, "userAgent": _AGENT}
            return {**who, **tail, "dateClicked": zulu(event.moment), "keyword": ""}
        if event.kind == "open":
            return {
                **who,
                "mailClient": "Thunderbird",
                "mailClientVersion": "128",
                "ipAddress": _ADDRESS,
                "userAgent": _AGENT,
                "isHtml": True,
                "isForward": False,
                "dateOpened": zulu(event.moment),
            }
        if event.kind == "page-view":
            return {**who, "url": event.url, "dateViewed": zulu(event.moment)}
        if event.kind == "reply":
            return {
                **who,
                "fromAddress": self.email,
                "toAddress": "magazin@alpine.example",
                "subject": "Re:",
                "message": "Vielen Dank!",
                "isHtml": False,
                "dateReplied": zulu(event.moment),
                "customReplyToAddress": None,
                "replyType": "Reply",
            }
        if event.kind == "roi":
            marker = {"markerName": "Beitrag", "dataType": "Numeric", "value": 25}
            return {**who, **marker, "dateEntered": zulu(event.moment)}
        return {**who, "bookmarkName": "Chronik", "numViews": 1}


def recipients(account: Account, campaign: Campaign) -> Iterator[Recipient]:
    """Everybody a campaign went to and who is still known, by id."""
    book = account.books.get(campaign.book)
    if book is None or not campaign.sent:
        return
    added = _added(account, campaign)
    seen = set()
    for group, spread_seed in book.seeded:
        for index, place in enumerate(group.places(spread_seed)[:RECIPIENTS], group.first):
            if place == Status.PENDING_OPT_IN or account.roll.status_at(index) in GONE:
                continue
            seen.add(index)
            events = [*_seeded(campaign, index, place), *added.get(index, ())]
            events.sort(key=lambda event: event.moment)
            yield Recipient(index, account.roll.email_at(index), campaign.sent, events)
    # Whoever a verb made act without being one of the first few hundred was sent the campaign too.
    for index in sorted(added.keys() - seen):
        if account.roll.status_at(index) not in GONE:
            yield Recipient(index, account.roll.email_at(index), campaign.sent, added[index])


def _added(account: Account, campaign: Campaign) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = {}
    for act in account.acts:
        if act["campaign"] == campaign.id:
            event = Event(act["action"], act["moment"], act["url"])
            found.setdefault(act["index"], []).append(event)
    return found


def _seeded(campaign: Campaign, index: int, place: int) -> Iterator[Event]:
    """What the seed says of one recipient."""
    number = CAMPAIGNS.index(campaign)
    turn = index + number
    if place == Status.HARD_BOUNCED and turn % 2:
        yield Event("hard-bounce", campaign.sent + 60)
        return
    if place == Status.SOFT_BOUNCED and turn % 2:
        yield Event("soft-bounce", campaign.sent + 60)
        return
    # Spread over four weeks, most in the first days.
    first = campaign.sent + 3_600.0 + (turn * turn % 28) * _DAY * (0.2 if turn % 5 else 1.0)
    if turn % 3 == 0:
        yield Event("open", first)
        if index % 2:
            yield Event("open", first + 2 * _DAY)
    if turn % 9 == 0:
        yield Event("click", first + 60)
        yield Event("page-view", first + 61)
    if turn % 50 == 0:
        yield Event("reply", first + 600)
    if turn % 60 == 0:
        yield Event("roi", first + 700)
    if turn % 70 == 0:
        yield Event("bookmark", first + 800)
    if place in (LEFT_BOOK, Status.UNSUBSCRIBED) and turn % 3 == 0:
        yield Event("unsubscribe", first + 90)
