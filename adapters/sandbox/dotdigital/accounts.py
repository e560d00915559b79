"""What the sandbox remembers for dotdigital: accounts with their contacts, books, data fields, imports.

An account is made when somebody first asks for it, so that a sandbox started for another vendor pays nothing.
Invariant: `Account.document()` and `Account.load()` are each other's inverse; people and imports are kept apart.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.front import (
    ALL_BOOK,
    BOOKS,
    FIRST_BOOK,
    ODD_BOOK,
    PATRONS_BOOK,
    REHEARSALS,
    TEST_BOOK,
    TOURS_BOOK,
    USERS,
    YOUTH_BOOK,
    password_of,
)
from adapters.sandbox.dotdigital.import_job import Import
from adapters.sandbox.dotdigital.rates import Meter
from adapters.sandbox.dotdigital.roll import Contact, Roll
from adapters.sandbox.dotdigital.seed import Group
from adapters.sandbox.dotdigital.statuses import GONE, Status


@dataclass(slots=True)
class DataField:
    """One data field of an account (§7)."""

    number: int
    name: str
    type: str
    visibility: str = "Private"
    default: Any = None
    system: bool = False


NOTES = DataField(0, "NOTES", "String", system=True)
LASTSUBSCRIBED = DataField(-1, "LASTSUBSCRIBED", "String", system=True)
"""When a contact joined the account; the vendor sets it, whatever is sent."""

HIDDEN_FIELDS = {
    **dict.fromkeys(("notes", "notizen"), NOTES),
    **dict.fromkeys(("lastsubscribed", "zuletztabonniert"), LASTSUBSCRIBED),
}
"""Every contact has these, under names in the account's language; the list of data fields does not name them (§7)."""


@dataclass(slots=True)
class Deletion:
    """A bulk deletion from a book; done at once, told as done at the next look."""

    id: str
    status: str = "Started"


@dataclass(slots=True)
class Account:
    """One account: what an API user opens."""

    name: str
    id: int
    user: str
    password: str
    region: int = 1
    roll: Roll = field(default_factory=Roll)
    books: dict[int, Book] = field(default_factory=dict)
    fields: list[DataField] = field(default_factory=list)
    next_field: int = 1
    next_book: int = 4711
    contact_limit: int | None = None
    """How many contacts the package holds; None for no limit."""
    refusing: str | None = None
    """`throttled`, `flat` or `gateway`: what every request is answered with."""
    imports: dict[str, Import] = field(default_factory=dict)
    deletions: dict[str, Deletion] = field(default_factory=dict)
    acts: list[dict[str, Any]] = field(default_factory=list)
    """What people did with campaigns since the start, beside what the seed says."""
    later_groups: list[tuple[int, Group, int]] = field(default_factory=list)
    """(book, its people, spread) of books seeded after the start."""
    meter: Meter = field(default_factory=Meter)
    dirty: bool = True
    dirty_imports: set[str] = field(default_factory=set)

    def field_named(self, name: str) -> DataField | None:
        """The data field of this name, compared without case."""
        wanted = name.strip().lower()
        for each in self.fields:
            if each.name.lower() == wanted:
                return each
        return None

    def written_field(self, name: str) -> DataField | None:
        """The data field a contact or a file may name: also the two that are not in the list."""
        return self.field_named(name) or HIDDEN_FIELDS.get(name.strip().lower())

    def add_field(self, name: str, kind: str, **more: Any) -> DataField:
        """A new data field at the end."""
        made = DataField(self.next_field, name, kind, **more)
        self.fields.append(made)
        self.next_field += 1
        self.dirty = True
        return made

    def add_book(self, book: Book) -> Book:
        """A new book at the end; its id is taken as it is."""
        self.books[book.id] = book
        self.next_book = max(self.next_book, book.id + 1)
        self.dirty = True
        return book

    def present(self) -> int:
        """How many contacts the account has."""
        return len(self.roll.column) - self.roll.count(GONE)

    def room(self) -> int | None:
        """How many new contacts fit; None when there is no limit."""
        return None if self.contact_limit is None else max(0, self.contact_limit - self.present())

    def touch(self, contact: Contact, now: float) -> None:
        """Store a contact that was changed now."""
        contact.modified = now
        self.roll.put(contact)

    def suppress(self, contact: Contact, status: Status, now: float) -> None:
        """Shut a contact out for the account: it leaves every book (§11)."""
        contact.status = status
        contact.removed = now
        for book in self.books.values():
            book.leave(contact.index, now, "account")
        self.touch(contact, now)

    def lift(self, contact: Contact, now: float) -> None:
        """End a suppression; the books it left stay left."""
        contact.status = Status.SUBSCRIBED
        contact.removed = 0.0
        self.touch(contact, now)

    def delete(self, contact: Contact, now: float) -> None:
        """Out of the account and of every book; no suppression."""
        for book in self.books.values():
            book.take_out(contact.index)
            if book.left.pop(contact.index, None) is not None:
                book.changed(contact.index)
        contact.status = Status.DELETED
        contact.fields, contact.consents = {}, []
        contact.removed = 0.0
        self.touch(contact, now)

    def document(self) -> dict[str, Any]:
        """Everything but people, memberships and imports, JSON-ready."""
        return {
            "region": self.region,
            "contact_limit": self.contact_limit,
            "next_field": self.next_field,
            "next_book": self.next_book,
            "fields": [asdict(each) for each in self.fields],
            "books": [book.document() for book in self.books.values()],
            "groups": [asdict(group) for group in self.roll.groups],
            "seeded": {str(book_id): [asdict(group), seed] for book_id, group, seed in self.later_groups},
            "deletions": [asdict(each) for each in self.deletions.values()],
            "acts": self.acts,
        }

    def load(self, document: dict[str, Any]) -> None:
        """Take over what `document()` wrote; books removed since the seed go."""
        self.region = document["region"]
        self.contact_limit = document["contact_limit"]
        self.next_field = document["next_field"]
        self.next_book = document["next_book"]
        self.fields = [DataField(**each) for each in document["fields"]]
        self.deletions = {each["id"]: Deletion(**each) for each in document["deletions"]}
        self.acts = document["acts"]
        for group in document["groups"]:
            self.roll.seed(Group(**group))
        kept = {each["id"]: each for each in document["books"]}
        for book_id in [each for each in self.books if each not in kept]:
            del self.books[book_id]
        for book_id, each in kept.items():
            known = self.books.get(book_id)
            if known is None:
                known = self.books[book_id] = Book(book_id, each["name"])
                later = document["seeded"].get(str(book_id))
                if later is not None:
                    self.seed_book(known, Group(**later[0]), later[1])
            known.name, known.visibility = each["name"], each["visibility"]
            known.reserved, known.front = each["reserved"], each["front"]

    def seed_book(self, book: Book, group: Group, spread_seed: int) -> None:
        """Fill a book made after the start with people of its own."""
        self.roll.seed(group)
        book.seed(self.roll, group, spread_seed)
        self.later_groups.append((book.id, group, spread_seed))
        self.dirty = True


_SYSTEM_FIELDS = ("FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE")
_PATRONS = 2_450
"""So many that more than 2,100 of them are in the book."""
_PATRONS_START = 5_000_000
_ODD_START = 6_000_000
_REHEARSAL_START = 11_000_000
LATER_START = 30_000_000
"""People of books that a control verb makes."""


def _bare(name: str, number: int, user: str) -> Account:
    account = Account(name, 70_123 + number, user, password_of(name))
    account.add_book(Book(ALL_BOOK, "All contacts", reserved="all"))
    account.add_book(Book(TEST_BOOK, "Test", reserved="test"))
    for field_name in _SYSTEM_FIELDS:
        account.add_field(field_name, "String", system=True)
    account.add_field("MEMBERSINCE", "Date")
    account.add_field("DONATIONS", "Numeric", default=2.5)
    account.add_field("BOARD", "Boolean", default=False)
    account.add_field("CLUB", "String", visibility="Public")
    return account


def _default(contacts: int, seed: int) -> Account:
    account = _bare("default", 0, USERS["default"])
    roll = account.roll
    members = Group(0, contacts, seed, 0)
    patrons = Group(contacts, _PATRONS, seed, _PATRONS_START)
    odd = Group(patrons.stop, 30, seed, _ODD_START, "every")
    for group in (members, patrons, odd):
        roll.seed(group)
    people = {
        FIRST_BOOK: (members, seed),
        TOURS_BOOK: (Group(0, min(120, contacts), seed, 0), seed + 1),
        YOUTH_BOOK: (Group(200, max(0, min(24, contacts - 200)), seed, 200), seed + 2),
        PATRONS_BOOK: (patrons, seed),
        ODD_BOOK: (odd, seed),
    }
    for book_id, (group, spread_seed) in people.items():
        book = Book(book_id, BOOKS[book_id], "Public" if book_id == TOURS_BOOK else "Private")
        account.add_book(book).seed(roll, group, spread_seed)
    return account


def _small(name: str, seed: int) -> Account:
    book_id = REHEARSALS[name]
    account = _bare(name, book_id, USERS[name])
    # People far away from the default account's, who are in no other one.
    group = Group(0, 40, seed, _REHEARSAL_START + 1_000 * book_id)
    account.roll.seed(group)
    account.add_book(Book(book_id, f"{BOOKS[FIRST_BOOK]} ({name})")).seed(account.roll, group, seed)
    if name == "limit":
        account.contact_limit = account.present()
    if name == "region":
        account.region = 2
    if name in ("throttled", "flat", "gateway"):
        account.refusing = name
    return account


class Accounts:
    """Every account of the sandbox, each made when it is first asked for."""

    def __init__(self, contacts: int, seed: int) -> None:
        self._contacts = contacts
        self._seed = seed
        self.made: dict[str, Account] = {}

    def get(self, name: str) -> Account:
        """The account of this name: `default` or one of `REHEARSALS`."""
        found = self.made.get(name)
        if found is None:
            if name == "default":
                found = _default(self._contacts, self._seed)
            else:
                found = _small(name, self._seed)
            # What the seed made need not be kept.
            found.dirty = False
            self.made[name] = found
        return found

    def of(self, user: str, password: str) -> Account | None:
        """The account these credentials open."""
        for name, known in USERS.items():
            if known == user.lower() and password == password_of(name):
                return self.get(name)
        return None
