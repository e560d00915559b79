"""Campaigns: which there are, to which books they went, and how one is shown (contract §8).

Invariant: nothing here can be changed by the API; `campaigns/send` answers as the vendor does, sends nothing and
rings in the ledger.
"""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.dotdigital.accounts import Account, DataField
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.front import FIRST_BOOK, PATRONS_BOOK, TOURS_BOOK
from adapters.sandbox.dotdigital.render import book_document, zulu
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.vendor import Answer


@dataclass(slots=True, frozen=True)
class Campaign:
    """One campaign; `sent` is 0 for one that never left."""

    id: int
    name: str
    subject: str
    book: int
    sent: float = 0.0
    fields: tuple[str, ...] = ()
    """Data fields its text uses: they cannot be deleted."""

    @property
    def status(self) -> str:
        """The vendor's word."""
        return "Sent" if self.sent else "Unsent"


CAMPAIGNS: Final = (
    Campaign(301, "Frühlingsheft", "Der Frühling ist da", FIRST_BOOK, parse_moment("2025-03-14T08:00:00Z")),
    Campaign(302, "Tourenwoche", "Noch Plätze frei", TOURS_BOOK, parse_moment("2025-06-02T07:30:00Z")),
    Campaign(
        *(303, "Herbstheft", "Was der Herbst bringt", FIRST_BOOK, parse_moment("2025-10-09T08:00:00Z")),
        fields=("CLUB",),
    ),
    Campaign(304, "Dank", "Danke für alles", PATRONS_BOOK, parse_moment("2025-11-20T16:00:00Z")),
    Campaign(305, "Winterheft", "Schnee", FIRST_BOOK, parse_moment("2025-12-12T08:00:00Z")),
    Campaign(306, "Jahresprogramm", "Unser Jahr", FIRST_BOOK),
)


def campaigns(account: Account) -> list[Campaign]:
    """The campaigns of an account: those whose book it began with, also when the book is gone."""
    known = account.books.keys()
    return [each for each in CAMPAIGNS if each.book in known]


def find(request: Request, place: int = 1) -> Campaign:
    """The campaign in the path. Raises the Refusal."""
    wanted = request.number(place, "CAMPAIGN_NOT_FOUND")
    for each in campaigns(request.account):
        if each.id == wanted:
            return each
    raise Refusal("CAMPAIGN_NOT_FOUND")


def using_field(account: Account, field: DataField) -> list[int]:
    """The ids of campaigns that use a data field."""
    return [each.id for each in campaigns(account) if field.name in each.fields]


def document(campaign: Campaign, *, contents: bool = False) -> dict[str, Any]:
    """A campaign; its contents only when it is read by id."""
    return {
        "id": campaign.id,
        "name": campaign.name,
        "subject": campaign.subject,
        "fromName": "Alpenverein Musterberg",
        "fromAddress": {"id": 9, "email": "magazin@alpine.example"},
        "htmlContent": f"<p>{campaign.subject}</p>" if contents else None,
        "plainTextContent": campaign.subject if contents else None,
        "replyAction": "Webmail",
        "replyToAddress": "",
        "isSplitTest": False,
        "status": campaign.status,
    }


def listed(request: Request) -> Answer:
    """GET /campaigns."""
    rows = request.window(campaigns(request.account))
    return request.answer([document(each) for each in rows])


def of_book(request: Request) -> Answer:
    """GET /address-books/{id}/campaigns."""
    book = request.book()
    rows = request.window([each for each in campaigns(request.account) if each.book == book.id])
    return request.answer([document(each) for each in rows])


def read(request: Request) -> Answer:
    """GET /campaigns/{id}."""
    return request.answer(document(find(request), contents=True))


def books_of(request: Request) -> Answer:
    """GET /campaigns/{id}/address-books."""
    campaign = find(request)
    account = request.account
    found: list[Book] = [book for book in account.books.values() if book.id == campaign.book]
    rows = request.window(found)
    return request.answer([book_document(account, book, request.switches) for book in rows])


def send(request: Request) -> Answer:
    """POST /campaigns/send. Nothing of ours may ever call it; nothing is sent here either."""
    request.note["alarm"] = "campaign-send"
    sent = request.document("CAMPAIGN_INVALID")
    wanted = sent.get("campaignid")
    if wanted not in [each.id for each in campaigns(request.account)]:
        raise Refusal("CAMPAIGN_NOT_FOUND")
    told = {
        "id": str(uuid.uuid4()),
        "campaignId": wanted,
        "addressBookIds": sent.get("addressbookids"),
        "contactIds": sent.get("contactids"),
        "sendDate": sent.get("senddate") or zulu(request.now),
        "splitTestOptions": None,
        "status": "NotSent",
    }
    return request.answer(told)
