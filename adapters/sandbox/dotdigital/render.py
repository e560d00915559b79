"""How contacts, books and suppressions look in answers (contract §3–§5).

Invariant: field names and order are the vendor's; what a switch changes about every answer is done in `shaped`.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from adapters.sandbox.clock import iso
from adapters.sandbox.dotdigital.accounts import NOTES, Account
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.roll import Contact
from adapters.sandbox.dotdigital.statuses import GONE, STAYS_IN_BOOKS, Status
from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.dotdigital.values import shown_date

if TYPE_CHECKING:
    from adapters.sandbox.dotdigital.request import Request

_LOCAL_NAMES = {"all": "Alle Kontakte", "test": "Testkontakte"}


def zulu(moment: float) -> str | None:
    """`2026-03-01T08:15:30Z`; None for what never happened."""
    text = iso(moment)
    return f"{text[:19]}Z" if text else None


def book_name(book: Book, switches: Switches) -> str:
    """A book's name; a reserved one may have a translated name."""
    if book.reserved and switches.localised_names:
        return _LOCAL_NAMES[book.reserved]
    return book.name


def book_document(account: Account, book: Book, switches: Switches) -> dict[str, Any]:
    """An address book."""
    count = account.roll.count(STAYS_IN_BOOKS) if book.reserved == "all" else len(book.members)
    return {
        "id": book.id,
        "name": book_name(book, switches),
        "visibility": book.visibility,
        "contacts": count,
    }


def contact_document(request: "Request", contact: Contact, *, full: bool) -> dict[str, Any]:
    """A contact; its data fields are null unless asked for (§4)."""
    return {
        "id": contact.id,
        "email": contact.email,
        "optInType": contact.opt_in,
        "emailType": contact.email_type,
        "status": contact.status.word,
        "dataFields": _values(request, contact) if full else None,
    }


def _values(request: "Request", contact: Contact) -> list[dict[str, Any]]:
    switches = request.switches
    notation = contact.index % 3 if switches.dates_vary else 0
    values = contact.fields
    rows = []
    for field in request.account.fields:
        value = values.get(field.number)
        if value is not None and field.type == "Date":
            value = shown_date(value, notation)
        rows.append({"key": field.name, "value": value})
    subscribed = iso(contact.created)[:19]
    # Two fields of every account that the list of data fields does not name (§7).
    rows.append(
        {"key": "NOTIZEN" if switches.localised_names else "NOTES", "value": values.get(NOTES.number)}
    )
    rows.append(
        {
            "key": "ZULETZTABONNIERT" if switches.localised_names else "LASTSUBSCRIBED",
            "value": shown_date(subscribed, notation or 1) if subscribed else None,
        }
    )
    return rows


def contacts_page(request: "Request", indices: Iterable[int]) -> list[dict[str, Any]]:
    """Contacts of a page."""
    full = request.full_data()
    at = request.account.roll.at
    return [contact_document(request, at(index), full=full) for index in indices]


def suppression(
    request: "Request", contact: Contact, moment: float, reason: Status | None = None
) -> dict[str, Any]:
    """Somebody who left, with when and why (§5)."""
    told = contact_document(request, contact, full=False)
    reason = contact.status if reason is None else reason
    told["status"] = reason.word
    return {"suppressedContact": told, "dateRemoved": zulu(moment), "reason": reason.word}


def visible(switches: Switches, status: Status) -> bool:
    """Whether a contact of this status can be seen in the account's listing."""
    if status in GONE:
        return status == Status.DELETED and switches.deleted_listed
    return switches.suppressed_listed or status in STAYS_IN_BOOKS


def shaped(document: object, switches: Switches, *, pascal: bool = False) -> object:
    """An answer's document with the keys and the extra fields the switches ask for."""
    pascal = pascal or switches.pascal_keys
    if not pascal and not switches.extra_fields:
        return document
    return _shaped(document, pascal, switches.extra_fields)


def _shaped(value: Any, pascal: bool, extra: bool) -> Any:
    if isinstance(value, list):
        return [_shaped(each, pascal, extra) for each in value]
    if not isinstance(value, dict):
        return value
    made = {
        (key[:1].upper() + key[1:] if pascal else key): _shaped(each, pascal, extra)
        for key, each in value.items()
    }
    if extra:
        made["LaterAddition" if pascal else "laterAddition"] = {"kind": "unheard-of", "values": [1, None]}
    return made
