"""Unsubscribing, suppressing, resubscribing: for one book or for the account (contract §5, §11).

Invariant: the two levels are kept apart: leaving one book changes no status, and is not in the account's lists
unless a switch says so; a bounce or a complaint is never lifted.
"""

from collections.abc import Callable
from typing import Any

from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.render import contact_document, suppression
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.dotdigital.roll import Contact
from adapters.sandbox.dotdigital.statuses import LIFTABLE, SUPPRESSED, Status
from adapters.sandbox.dotdigital.writing import checked_email, sent_email
from adapters.sandbox.vendor import Answer


def _named(request: Request, document: Any) -> Contact:
    found = request.account.roll.find(checked_email(document.get("email")))
    if found is None:
        raise Refusal("CONTACT_NOT_FOUND")
    return found


def unsubscribe(request: Request) -> Answer:
    """POST /contacts/unsubscribe: for the account."""
    document = request.document("CONTACT_INVALID")
    op = request.touched(sent_email(document), "unsubscribe")
    contact = _named(request, document)
    if contact.status not in SUPPRESSED:
        request.account.suppress(contact, Status.UNSUBSCRIBED, request.now)
    op.ok = True
    return request.answer(suppression(request, contact, contact.removed))


def unsubscribe_from_book(request: Request) -> Answer:
    """POST /address-books/{id}/contacts/unsubscribe: from this book only."""
    document = request.document("CONTACT_INVALID")
    op = request.touched(sent_email(document), "unsubscribe")
    book = request.book(changing=True)
    contact = _named(request, document)
    book.leave(contact.index, request.now, "book")
    if request.switches.addition_modifies:
        request.account.touch(contact, request.now)
    op.ok = True
    left = book.left[contact.index].moment
    return request.answer(suppression(request, contact, left, Status.UNSUBSCRIBED))


def suppress_some(request: Request) -> Answer:
    """PUT /contacts/suppress-contacts: by id or address."""
    rows = request.json("CONTACT_INVALID")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refusal("CONTACT_INVALID")
    account = request.account
    told: dict[str, list[dict[str, Any]]] = {"suppressed": [], "notFound": []}
    for row in rows:
        number = row.get("id")
        contact = account.roll.by_id(number) if isinstance(number, int) and number else None
        if contact is None or contact.status is Status.DELETED:
            contact = account.roll.find(sent_email(row))
        op = request.touched(contact.email if contact is not None else sent_email(row), "unsubscribe")
        if contact is None:
            told["notFound"].append({"id": number, "email": row.get("email")})
            continue
        if contact.status not in SUPPRESSED:
            account.suppress(contact, Status.SUPPRESSED, request.now)
        op.ok = True
        told["suppressed"].append({"id": contact.id, "email": contact.email})
    return request.answer(told)


# The lists


def unsubscribed_since(request: Request) -> Answer:
    """GET /contacts/unsubscribed-since/{date}: opt-outs of the account."""
    return _since(request, frozenset({Status.UNSUBSCRIBED}))


def suppressed_since(request: Request) -> Answer:
    """GET /contacts/suppressed-since/{date}: opt-outs, bounces, complaints, and whom somebody shut out."""
    return _since(request, SUPPRESSED)


def _since(request: Request, statuses: frozenset[Status]) -> Answer:
    moment, inclusive = request.moment(2), request.switches.since_inclusive
    roll = request.account.roll

    def found() -> list[int]:
        changed = roll.changed_since(statuses, moment, inclusive=True)
        late = _later(moment, inclusive)
        return [index for index in changed if late(roll.at(index).removed)]

    rows: list[tuple[int, float, Status | None]] = []
    for index in roll.cached(("removed", statuses, moment, inclusive), found):
        rows.append((index, roll.at(index).removed, None))
    if request.switches.book_opt_outs_in_account:
        for book in request.account.books.values():
            rows += [(index, at, Status.UNSUBSCRIBED) for index, at in _left(book, moment, inclusive)]
    return _page(request, rows)


def unsubscribed_from_book_since(request: Request) -> Answer:
    """GET /address-books/{id}/contacts/unsubscribed-since/{date}: who left this book."""
    book = request.book()
    moment = request.moment(4)
    left = _left(book, moment, request.switches.since_inclusive)
    return _page(request, [(index, at, Status.UNSUBSCRIBED) for index, at in left])


def _left(book: Book, moment: float, inclusive: bool) -> list[tuple[int, float]]:
    late = _later(moment, inclusive)
    return sorted(
        (index, departure.moment)
        for index, departure in book.left.items()
        if departure.level == "book" and late(departure.moment)
    )


def _later(moment: float, inclusive: bool) -> Callable[[float], bool]:
    if inclusive:
        return lambda at: at >= moment
    return lambda at: at > moment


def _page(request: Request, rows: list[tuple[int, float, Status | None]]) -> Answer:
    roll = request.account.roll
    return request.answer(
        [
            suppression(request, roll.at(index), moment, reason)
            for index, moment, reason in request.window(rows)
        ]
    )


# Coming back


def resubscribe(request: Request) -> Answer:
    """POST /contacts/resubscribe: the person is asked by mail."""
    return _resubscribe(request, None, challenge=True)


def resubscribe_at_once(request: Request) -> Answer:
    """POST /contacts/resubscribe-with-no-challenge: back at once; the caller vouches for the consent."""
    return _resubscribe(request, None, challenge=False)


def resubscribe_to_book(request: Request) -> Answer:
    """POST /address-books/{id}/contacts/resubscribe."""
    return _resubscribe(request, request.book(changing=True), challenge=True)


def resubscribe_to_book_at_once(request: Request) -> Answer:
    """POST /address-books/{id}/contacts/resubscribe-with-no-challenge."""
    return _resubscribe(request, request.book(changing=True), challenge=False)


def _resubscribe(request: Request, book: Book | None, *, challenge: bool) -> Answer:
    document = request.document("CONTACT_RESUBSCRIPTION_INVALID")
    who = document.get("unsubscribedcontact")
    if not isinstance(who, dict):
        raise Refusal("CONTACT_RESUBSCRIPTION_INVALID")
    op = request.touched(sent_email(who), "add", "resubscribe")
    contact = _named(request, who)
    if contact.status in SUPPRESSED and contact.status not in LIFTABLE:
        status = "ContactCannotBeUnsuppressed"
    elif challenge and not request.switches.resubscribe_adds:
        status = "ContactChallenged"
        op.ok = True
    else:
        status = "ContactAdded"
        op.ok = True
        come_back(request, contact, book)
    told = {"contact": contact_document(request, contact, full=False), "status": status}
    return request.answer(told)


def come_back(request: Request, contact: Contact, book: Book | None) -> None:
    """Lift what shuts a contact out, and put it into the book it came back to."""
    if contact.status in LIFTABLE:
        request.account.lift(contact, request.now)
    if book is not None:
        book.join(contact.index, request.now)
    request.account.touch(contact, request.now)
