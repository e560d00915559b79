"""Which account, book or people a control verb or a question about the state is about.

Invariant: whatever is not there is refused by its name, beside what there is.
"""

from typing import TYPE_CHECKING, Any

from adapters.sandbox.dotdigital.accounts import Account
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.front import USERS
from adapters.sandbox.dotdigital.roll import Contact
from adapters.sandbox.dotdigital.statuses import GONE, SUPPRESSED, WORDS, Status
from adapters.sandbox.vendor import ControlError
from adapters.sandbox.verbs import emails

if TYPE_CHECKING:
    from adapters.sandbox.dotdigital.platform import DotdigitalSandbox


def book_of(platform: "DotdigitalSandbox", list_id: object) -> tuple[Account, Book]:
    """The book with this id in the default account (or another that was used), or the default account's first."""
    default = platform.accounts.get("default")
    if list_id is None:
        for book in default.books.values():
            if not book.reserved:
                return default, book
        raise ControlError("the default account has no address book left")
    wanted = str(list_id)
    for account in platform.accounts.made.values():
        for book in account.books.values():
            if str(book.id) == wanted:
                return account, book
    known = [f"{book.id} ({book.name})" for book in default.books.values()]
    raise ControlError(f"no list {list_id!r}; there are {', '.join(known)}")


def state_of(account: Account, book: Book) -> dict[str, str]:
    """`{"email": "raw status"}` of a book: those in it, and those who left."""
    roll = account.roll
    if book.reserved == "all":
        present = frozenset(set(Status) - GONE)
        return {roll.email_at(index): WORDS[roll.column[index]] for index in roll.select(present)}
    state = {roll.email_at(index): WORDS[roll.column[index]] for index in book.members}
    for index, departure in book.left.items():
        status = roll.status_at(index)
        if status in SUPPRESSED:
            state[roll.email_at(index)] = status.word
        elif departure.level == "book":
            state[roll.email_at(index)] = Status.UNSUBSCRIBED.word
    return state


def account_of(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Account:
    """The account an order names, or the default one."""
    name = str(arguments.get("account", "default"))
    if name not in USERS:
        raise ControlError(f"no account {name!r}; there are {', '.join(USERS)}")
    return platform.accounts.get(name)


def place_of(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> tuple[Account, Book]:
    """The account and the book an order is about; without `list` the account's first."""
    account = account_of(platform, arguments)
    wanted = arguments.get("list")
    for book in account.books.values():
        if str(book.id) == str(wanted) or (wanted is None and not book.reserved):
            return account, book
    raise ControlError(f"no list {wanted!r}; there are {', '.join(map(str, account.books))}")


def people_of(account: Account, arguments: dict[str, Any]) -> list[Contact]:
    """The contacts an order names."""
    found = []
    for email in emails(arguments):
        contact = account.roll.find(email)
        if contact is None:
            raise ControlError(f"{email} is not in the account {account.name}")
        found.append(contact)
    return found
