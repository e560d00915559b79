"""Every request this adapter may send, in two lists.

Invariant: what is on neither list cannot leave: no campaign is sent, no book emptied or deleted, nobody put back
without being asked, nothing done in bulk for consent, no file that overwrites goes into a book, and nothing is
written at all over a read-only wire (design laws 1 and 7). Books, contacts and campaigns are numbers in a path, so ``contacts/unsubscribe`` is no contact.
"""

from __future__ import annotations

import re

from adapters.http import Allowed
from adapters.origins import Route, route
from adapters.provider import NotThere

ACCOUNT = "/account-info"
BOOKS = "/address-books"
BOOK = "/address-books/{book}"
BOOK_CONTACTS = "/address-books/{book}/contacts"
BOOK_MODIFIED = "/address-books/{book}/contacts/modified-since/{since}"
BOOK_UNSUBSCRIBED = "/address-books/{book}/contacts/unsubscribed-since/{since}"
BOOK_CAMPAIGNS = "/address-books/{book}/campaigns"
CONTACTS = "/contacts"
CONTACT_COUNT = "/contacts/count"
ONE_CONTACT = "/contacts/{email}"
CONTACT = "/contacts/{contact}"
CONTACT_BOOKS = "/contacts/{contact}/address-books"
SUPPRESSED = "/contacts/suppressed-since/{since}"
IMPORT = "/contacts/import/{ticket}"
IMPORT_REPORT = "/contacts/import/{ticket}/report"
IMPORT_FAULTS = "/contacts/import/{ticket}/report-faults"
DELETION = "/contacts/deletion/{ticket}"
FIELDS = "/data-fields"
FIELD = "/data-fields/{name}"
SUMMARY = "/campaigns/{campaign}/summary"
ACTIVITIES = "/campaigns/{campaign}/activities"
ACTIVITIES_SINCE = "/campaigns/{campaign}/activities/since-date/{since}"
CLICKS = "/campaigns/{campaign}/clicks"
CLICKS_SINCE = "/campaigns/{campaign}/clicks/since-date/{since}"
OPENS = "/campaigns/{campaign}/opens"
OPENS_SINCE = "/campaigns/{campaign}/opens/since-date/{since}"

BOOK_IMPORT_NOT_EMPTY = "/address-books/{book}/contacts/import/with-merge-option/OnlyOverwriteIfNotEmpty"
IMPORT_NOT_EMPTY = "/contacts/import/with-merge-option/OnlyOverwriteIfNotEmpty"
IMPORT_OVERWRITE = "/contacts/import/with-merge-option/Overwrite"
BOOK_REMOVE = "/address-books/{book}/contacts/delete"
BOOK_UNSUBSCRIBE = "/address-books/{book}/contacts/unsubscribe"
BOOK_RESUBSCRIBE = "/address-books/{book}/contacts/resubscribe"

_NUMBERS = ("book", "contact", "campaign")
_NUMBER = re.compile(r"[0-9]{1,18}")


def _allowed(method: str, template: str) -> Allowed:
    """As ``Allowed.of``, but the vendor's numbers are digits and nothing else."""
    pattern = re.escape(template)
    for name in _NUMBERS:
        pattern = pattern.replace(rf"\{{{name}\}}", _NUMBER.pattern)
    return Allowed(method, re.compile(re.sub(r"\\\{[a-z_]+\\\}", "[^/?#]+", pattern)))


READS = tuple(
    _allowed("GET", template)
    for template in (
        *(ACCOUNT, BOOKS, BOOK, BOOK_CONTACTS, BOOK_MODIFIED, BOOK_UNSUBSCRIBED, BOOK_CAMPAIGNS),
        *(CONTACTS, CONTACT_COUNT, ONE_CONTACT, CONTACT_BOOKS, SUPPRESSED),
        *(IMPORT, IMPORT_REPORT, IMPORT_FAULTS, DELETION, FIELDS),
        *(SUMMARY, ACTIVITIES, ACTIVITIES_SINCE, CLICKS, CLICKS_SINCE, OPENS, OPENS_SINCE),
    )
)
WRITES = (
    _allowed("POST", BOOKS),
    _allowed("POST", BOOK_IMPORT_NOT_EMPTY),
    _allowed("POST", IMPORT_NOT_EMPTY),
    _allowed("POST", IMPORT_OVERWRITE),
    _allowed("POST", BOOK_REMOVE),
    _allowed("POST", BOOK_UNSUBSCRIBE),
    _allowed("POST", BOOK_RESUBSCRIBE),
    _allowed("PUT", CONTACT),
    _allowed("POST", FIELDS),
    _allowed("DELETE", FIELD),
)


def is_number(text: str) -> bool:
    """Whether a text can be an id of dotdigital's."""
    return _NUMBER.fullmatch(text) is not None


def book_route(template: str, list_id: str, **values: str) -> Route:
    """A path below an address book; ``NotThere`` when the id cannot be one."""
    if not is_number(list_id):
        raise NotThere(
            "list-missing",
            f"An address book has a number, and {list_id!r} is none.",
            "Look the number up with: listwarden lists CONNECTION, and correct the link.",
        )
    return route(template, book=list_id, **values)
