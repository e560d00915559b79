"""Address books themselves (contract §3).

Invariant: the two reserved books are always there, cannot be changed, and their names cannot be taken.
"""

from typing import Any

from adapters.sandbox.dotdigital.accounts import Account
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.render import book_document
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.dotdigital.writing import enumerated
from adapters.sandbox.vendor import Answer

_VISIBILITIES = ("Private", "Public", "NotAvailableInThisVersion")
_RESERVED_NAMES = ("all contacts", "test")
MAX_NAME = 128


def _answer(request: Request, visibility: str | None) -> Answer:
    rows = [
        book
        for book in request.account.books.values()
        if (visibility is None or book.visibility == visibility)
        and (book.reserved != "all" or request.switches.all_contacts_listed)
    ]
    shown = request.window(rows)
    return request.answer([book_document(request.account, book, request.switches) for book in shown])


def listed(request: Request) -> Answer:
    """GET /address-books."""
    return _answer(request, None)


def private(request: Request) -> Answer:
    """GET /address-books/private."""
    return _answer(request, "Private")


def public(request: Request) -> Answer:
    """GET /address-books/public."""
    return _answer(request, "Public")


def read(request: Request) -> Answer:
    """GET /address-books/{id}."""
    return request.answer(book_document(request.account, request.book(), request.switches))


def create(request: Request) -> Answer:
    """POST /address-books."""
    book = made(request.account, request.document("ADDRESSBOOK_INVALID"))
    return request.created(book_document(request.account, book, request.switches))


def made(account: Account, sent: dict[str, Any]) -> Book:
    """The book a body asks for. Raises the Refusal."""
    name, visibility = _checked(account, sent, None)
    return account.add_book(Book(account.next_book, name, visibility))


def _checked(account: Account, sent: dict[str, Any], own: Book | None) -> tuple[str, str]:
    name = sent.get("name")
    visibility = enumerated(sent.get("visibility") or "Private", _VISIBILITIES)
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME or visibility is None:
        raise Refusal("ADDRESSBOOK_INVALID")
    key = name.strip().lower()
    taken = [book for book in account.books.values() if book is not own and book.name.lower() == key]
    if taken or key in _RESERVED_NAMES:
        raise Refusal("ADDRESSBOOK_DUPLICATE")
    return name.strip(), visibility


def change(request: Request) -> Answer:
    """PUT /address-books/{id}."""
    book = request.book()
    if book.reserved:
        raise Refusal("ADDRESSBOOK_NOTWRITABLE")
    sent = request.document("ADDRESSBOOK_INVALID")
    book.name, book.visibility = _checked(request.account, sent, book)
    request.account.dirty = True
    return request.answer(book_document(request.account, book, request.switches))


def delete(request: Request) -> Answer:
    """DELETE /address-books/{id}: its contacts stay in the account."""
    book = request.book()
    request.note["alarm"] = "address-book-deleted"
    if book.reserved:
        raise Refusal("ADDRESSBOOK_NOTWRITABLE")
    del request.account.books[book.id]
    request.account.dirty = True
    return Answer(204)
