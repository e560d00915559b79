"""The account's contacts: reading, creating or updating, deleting (contract §4).

Invariant: nothing here brings back whoever is suppressed; a refused call changes nothing.
"""

from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.render import (
    book_document,
    contact_document,
    contacts_page,
    visible,
)
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.dotdigital.roll import Contact
from adapters.sandbox.dotdigital.statuses import GONE, STAYS_IN_BOOKS, SUPPRESSED, Status
from adapters.sandbox.dotdigital.writing import checked_email, create, sent_email, wish_of, write
from adapters.sandbox.vendor import Answer, Kind

SINCE_SELECT = 2000
"""What the two modified-since lists take as `select` when none is sent (§2)."""


def _shown(request: Request) -> frozenset[Status]:
    return frozenset(status for status in Status if visible(request.switches, status))


def listing(request: Request) -> Answer:
    """GET /contacts."""
    slip(request, "all")
    rows = request.account.roll.select(_shown(request))
    return request.answer(contacts_page(request, request.window(rows)))


def slip(request: Request, list_id: str) -> None:
    """Carry out an ordered drift of the account's listing: somebody new would stand last, so the first one goes."""
    if request.rehearsals.drift.due(list_id) is None:
        return
    account = request.account
    first = account.roll.select(STAYS_IN_BOOKS)[:1]
    for index in first:
        account.delete(account.roll.at(index), request.now)


def count(request: Request) -> Answer:
    """GET /contacts/count."""
    return request.answer(request.account.roll.count(_shown(request)))


def created_since(request: Request) -> Answer:
    """GET /contacts/created-since/{date}."""
    moment, inclusive = request.moment(2), request.switches.since_inclusive
    roll, shown = request.account.roll, _shown(request)

    def found() -> list[int]:
        created = ((index, roll.at(index).created) for index in roll.select(shown))
        return [index for index, at in created if at > moment or (inclusive and at == moment)]

    rows = roll.cached(("created", shown, moment, inclusive), found)
    return request.answer(contacts_page(request, request.window(rows)))


def modified_since(request: Request) -> Answer:
    """GET /contacts/modified-since/{date}."""
    moment, inclusive = request.moment(2), request.switches.since_inclusive
    rows = request.account.roll.changed_since(_shown(request), moment, inclusive)
    return request.answer(contacts_page(request, request.window(rows, SINCE_SELECT)))


def read(request: Request) -> Answer:
    """GET /contacts/{id or address}."""
    contact = request.contact()
    by_id = "@" not in request.segments[1]
    if by_id and contact.status in SUPPRESSED and request.switches.hidden_by_id:
        raise Refusal("CONTACT_NOT_FOUND")
    return request.answer(contact_document(request, contact, full=True))


def upsert(request: Request) -> Answer:
    """POST /contacts: creates or updates by address."""
    contact, fresh = put_contact(request)
    document = contact_document(request, contact, full=True)
    return request.created(document) if fresh else request.answer(document)


def put_contact(request: Request, *, kind: Kind | None = None) -> tuple[Contact, bool]:
    """Create or update the contact in the body; whether it was created."""
    account = request.account
    document = request.document("CONTACT_INVALID")
    op = request.touched(sent_email(document), kind or "add")
    email = checked_email(document.get("email"))
    known = account.roll.find(email)
    if known is not None and kind is None:
        op.kind = "change"
    wish = wish_of(account, document, email)
    if known is not None and known.status in SUPPRESSED:
        raise Refusal("CONTACT_SUPPRESSED")
    if known is None:
        if account.room() == 0:
            raise Refusal("CONTACT_INVALID", sentence="The contact limit of your package is reached.")
        known = create(account, wish, request.now)
        op.ok = True
        return known, True
    write(account, known, wish, request.now, request.switches)
    op.ok = True
    return known, False


def change(request: Request) -> Answer:
    """PUT /contacts/{id}: also another address under the same id."""
    account = request.account
    document = request.document("CONTACT_INVALID")
    contact = request.contact()
    sent = sent_email(document) or contact.email
    op = request.touched(sent, "change")
    email = checked_email(sent)
    wish = wish_of(account, document, email)
    if email != contact.email:
        op.kind = "address"
        if account.roll.find(email) is not None:
            raise Refusal("CONTACT_INVALID", sentence="Another contact has this address.")
    if contact.status in SUPPRESSED:
        raise Refusal("CONTACT_SUPPRESSED")
    write(account, contact, wish, request.now, request.switches)
    if email != contact.email:
        contact.modified = request.now
        account.roll.put(contact, email=email)
    op.ok = True
    return request.answer(contact_document(request, contact, full=True))


def delete(request: Request) -> Answer:
    """DELETE /contacts/{id}: from the account. No suppression: an import may bring the address back."""
    contact = request.contact()
    op = request.touched(contact.email, "remove")
    if contact.status in GONE:
        raise Refusal("CONTACT_NOT_FOUND")
    request.account.delete(contact, request.now)
    op.ok = True
    return Answer(204)


def books_of(request: Request) -> Answer:
    """GET /contacts/{id}/address-books."""
    contact = request.contact()
    account, switches = request.account, request.switches
    rows = [
        book_document(account, book, switches)
        for book in account.books.values()
        if contact.index in book
        or (book.reserved == "all" and switches.all_contacts_listed and contact.status in STAYS_IN_BOOKS)
    ]
    return request.answer(request.window(rows))
