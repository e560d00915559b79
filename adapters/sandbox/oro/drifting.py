"""Contacts that come, go, or begin and cease to fit a filter while somebody reads page by page (R40)."""

from adapters.sandbox.oro.book import ContactBook
from adapters.sandbox.oro.listing import ListQuery, contact_ids
from adapters.sandbox.oro.rehearsals import Rehearsals
from adapters.sandbox.oro.seed import Contact
from adapters.sandbox.oro.switches import Switches

NEWCOMER = "eben.gekommen@example.org"
_NOWHERE = "nowhere"


def drift_if_due(
    book: ContactBook, orders: Rehearsals, asked: ListQuery, switches: Switches, now: float
) -> None:
    """Count the page that is about to be told; change the list first if it is time."""
    drift = orders.drift
    if drift is None:
        return
    orders.pages_seen += 1
    if orders.pages_seen <= drift.after_pages:
        return
    orders.drift = None
    filters = [one for one in asked.filters if one.name != "id"]
    fitting = contact_ids(book, filters, switches)
    if drift.action == "insert":
        attributes = {"firstName": "Eben", "lastName": "Gekommen", "primaryEmail": NEWCOMER}
        blank = {**book_blank(book), **attributes}
        comer = Contact(book.next_id, blank, [NEWCOMER], "other", ["1"], 0.0, now, now)
        _fit(comer, asked)
        book.put(comer)
    elif drift.action == "delete" and fitting:
        book.delete(fitting[0])
    elif drift.action == "leave" and fitting:
        contact = book.get(fitting[0])
        if contact is not None:
            contact.source, contact.groups, contact.updated = _NOWHERE, [], now
            book.put(contact)
    elif drift.action == "join":
        inside = set(fitting)
        contact = next((one for one in book.contacts() if one.id not in inside), None)
        if contact is not None:
            _fit(contact, asked)
            contact.updated = now
            book.put(contact)


def book_blank(book: ContactBook) -> dict[str, object]:
    """The attributes of somebody of whom nothing is known."""
    blank: dict[str, object] = dict.fromkeys(book.population.contact(1).attributes)
    return {**blank, "newsletterOptOut": False}


def _fit(contact: Contact, asked: ListQuery) -> None:
    """Make a contact one of those the list's filters on source and groups pick."""
    for one in asked.filters:
        if one.name == "source":
            contact.source = one.values[0]
        elif one.name in ("group", "groups") and one.values[0] not in contact.groups:
            contact.groups = sorted((*contact.groups, one.values[0]))
