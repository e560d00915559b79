"""Who is in an address book: listing, adding, taking out (contract §4).

Invariant: taking out of a book never suppresses anybody, and adding never brings back whoever unsubscribed from
the book or the account.
"""

import uuid
from array import array
from collections.abc import Sequence

from adapters.sandbox.dotdigital.accounts import Deletion
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.contacts import SINCE_SELECT, put_contact
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.render import contact_document, contacts_page
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.dotdigital.seed import FIRSTNAME, LASTNAME
from adapters.sandbox.dotdigital.statuses import STAYS_IN_BOOKS
from adapters.sandbox.dotdigital.writing import Wish, create, sent_email
from adapters.sandbox.people import person
from adapters.sandbox.vendor import Answer

MAX_IDS = 1000
"""More ids in one call are refused; the vendor's number is unknown (§2)."""


def members(request: Request, book: Book) -> "array[int]":
    """The indices of everybody in a book, in the order of its listing."""
    if book.reserved == "all":
        return request.account.roll.select(STAYS_IN_BOOKS)
    return book.rows()


def listing(request: Request) -> Answer:
    """GET /address-books/{id}/contacts."""
    book = request.book()
    _slip(request, book)
    rows: Sequence[int] = members(request, book)
    if not request.switches.hidden_rows:
        return request.answer(contacts_page(request, request.window(rows)))
    # Whoever left still takes a place in the page, and is not shown.
    gone = [index for index, departure in book.left.items() if departure.level == "book"]
    window = request.window(sorted([*rows, *gone]))
    return request.answer(contacts_page(request, [index for index in window if index in book]))


def _slip(request: Request, book: Book) -> None:
    """Carry out an ordered drift: somebody joins where the listing begins, or its first row goes."""
    action = request.rehearsals.drift.due(str(book.id))
    if action == "insert":
        account = request.account
        # People far outside every seeded group, so that the newcomer is nobody's twin.
        stranger = person(account.roll.groups[0].seed, 900_000_000 + len(account.roll.column))
        wish = Wish(stranger.email.lower())
        wish.values = {FIRSTNAME: stranger.first_name, LASTNAME: stranger.last_name}
        book.join(create(account, wish, request.now).index, request.now, front=True)
        account.dirty = True
    elif action == "delete":
        for index in book.rows()[:1]:
            book.take_out(index)
        request.account.dirty = True


def modified_since(request: Request) -> Answer:
    """GET /address-books/{id}/contacts/modified-since/{date}."""
    book = request.book()
    moment, switches = request.moment(4), request.switches
    roll = request.account.roll
    inclusive = switches.since_inclusive

    def late(at: float) -> bool:
        return at > moment or (inclusive and at == moment)

    def found() -> list[int]:
        joined = book.joined if switches.addition_modifies else {}
        rows = members(request, book)
        return [i for i in rows if late(roll.modified_at(i)) or (i in joined and late(joined[i]))]

    # Membership changes leave the roll alone, so the book's own state is part of the key.
    key = (
        "book",
        book.id,
        book.changes,
        moment,
        inclusive,
        switches.addition_modifies,
    )
    rows = roll.cached(key, found)
    return request.answer(contacts_page(request, request.window(rows, SINCE_SELECT)))


def add(request: Request) -> Answer:
    """POST /address-books/{id}/contacts: creates or updates, and adds."""
    account = request.account
    document = request.document("CONTACT_INVALID")
    email = sent_email(document)
    known = account.roll.find(email)
    try:
        book = request.book(changing=True)
        if known is not None and book.unsubscribed(known.index):
            raise Refusal("CONTACT_SUPPRESSEDFORADDRESSBOOK")
    except Refusal:
        request.touched(email, "add")
        raise
    inside = known is not None and known.index in book
    contact, _ = put_contact(request, kind="change" if inside else "add")
    book.join(contact.index, request.now)
    return request.answer(contact_document(request, contact, full=True))


def remove(request: Request) -> Answer:
    """DELETE /address-books/{id}/contacts/{contactId}: out of the book only."""
    contact = request.contact(3)
    op = request.touched(contact.email, "remove")
    book = request.book(changing=True)
    if not book.take_out(contact.index):
        raise Refusal("CONTACT_NOT_FOUND")
    op.ok = True
    return Answer(204)


def empty(request: Request) -> Answer:
    """DELETE …/contacts and POST …/contacts/delete-all: everybody out. Nothing of ours may ever call it."""
    book = request.book(changing=True)
    request.note["alarm"] = "address-book-emptied"
    roll = request.account.roll
    for index in list(book.members):
        request.touched(roll.email_at(index), "remove").ok = True
        book.take_out(index)
    if request.method == "DELETE":
        return Answer(204)
    return _started(request)


def delete_some(request: Request) -> Answer:
    """POST …/contacts/delete with a list of ids. Ids nobody has in the book are passed over."""
    ids = request.json("CONTACT_INVALID")
    if not isinstance(ids, list) or not all(isinstance(each, int) for each in ids):
        raise Refusal("CONTACT_INVALID")
    account = request.account
    found = [(each, account.roll.by_id(each)) for each in ids]
    ops = [
        request.touched(contact.email if contact is not None else f"id {each}", "remove")
        for each, contact in found
    ]
    book = request.book(changing=True)
    if len(ids) > MAX_IDS:
        raise Refusal("CONTACT_TOOMANY")
    for op, (_, contact) in zip(ops, found, strict=True):
        op.ok = contact is not None and book.take_out(contact.index)
    return _started(request)


def _started(request: Request) -> Answer:
    deletion = Deletion(str(uuid.uuid4()))
    request.account.deletions[deletion.id] = deletion
    request.account.dirty = True
    told = {"id": deletion.id, "status": deletion.status}
    return request.answer(told, 202, pascal=request.switches.pascal_deletions)


def deletion(request: Request) -> Answer:
    """GET /contacts/deletion/{guid}: started at the first look, completed from the second on."""
    found = request.account.deletions.get(request.segments[2].lower())
    if found is None:
        raise Refusal("CONTACT_NOT_FOUND", sentence="There is no such deletion.")
    told = {"id": found.id, "status": found.status}
    if found.status == "Started":
        found.status = "Completed"
        request.account.dirty = True
    return request.answer(told, pascal=request.switches.pascal_deletions)
