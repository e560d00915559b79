"""One request inside dotdigital: the account it opened, its query and body, and what it touched.

Keys of the query and of the body are matched without regard to case, as the service does (contract §1).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.dotdigital.accounts import Account
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.rehearsals import Rehearsals
from adapters.sandbox.dotdigital.render import shaped
from adapters.sandbox.dotdigital.roll import Contact
from adapters.sandbox.dotdigital.statuses import GONE
from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.vendor import Answer, Caller, Kind, Op

MAX_SELECT = 1000


@dataclass(slots=True)
class Request:
    """What a handler works on; it notes every address touched in `ops`."""

    account: Account
    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    """With keys in lower case."""
    headers: Mapping[str, str]
    body: bytes
    origin: str
    """`http://127.0.0.1:PORT`."""
    now: float
    switches: Switches
    rehearsals: Rehearsals
    caller: Caller = field(default_factory=Caller)
    ops: list[Op] = field(default_factory=list)
    note: dict[str, Any] = field(default_factory=dict)

    # What was asked

    def page(self, default: int = MAX_SELECT) -> tuple[int, int]:
        """`select` and `skip`. Raises the 400 Refusal for others than the vendor takes (§2)."""
        select, skip = self._number("select", default), self._number("skip", 0)
        if "select" in self.query and not 1 <= select <= MAX_SELECT:
            raise Refusal("PARAMETER_INVALID")
        return select, skip

    def _number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        if text == "":
            return default
        if not text.isdecimal():
            raise Refusal("PARAMETER_INVALID")
        return int(text)

    def full_data(self) -> bool:
        """Whether `withFullData` asks for the data fields."""
        return self.query.get("withfulldata", "").lower() in ("true", "1")

    def moment(self, place: int) -> float:
        """The date in the path. Raises the 400 Refusal for a text that is none."""
        try:
            return parse_moment(self.segments[place].upper())
        except ValueError:
            raise Refusal("PARAMETER_INVALID") from None

    def number(self, place: int, code: str) -> int:
        """The id in the path; one that is no number belongs to nothing: `code`."""
        text = self.segments[place]
        if not text.isdecimal():
            raise Refusal(code)
        return int(text)

    def json(self, code: str) -> Any:
        """The body with its keys in lower case, also of objects inside. Raises `code` when it is no JSON."""
        try:
            return lowered(json.loads(self.body))
        except (ValueError, RecursionError):
            raise Refusal(code) from None

    def document(self, code: str) -> dict[str, Any]:
        """The body as an object. Raises `code` when it is none."""
        found = self.json(code)
        if not isinstance(found, dict):
            raise Refusal(code)
        return found

    # What it is about

    def book(self, place: int = 1, *, changing: bool = False) -> Book:
        """The book in the path; `changing` refuses the reserved ones. Raises the Refusal."""
        found = self.account.books.get(self.number(place, "ADDRESSBOOK_NOT_FOUND"))
        if found is None:
            raise Refusal("ADDRESSBOOK_NOT_FOUND")
        if changing:
            self.check_writable(found)
        return found

    def check_writable(self, book: Book) -> None:
        """Raises the Refusal for a reserved book (§2)."""
        if book.reserved and not self.switches.reserved_writable:
            raise Refusal("ADDRESSBOOK_NOTWRITABLE")

    def contact(self, place: int = 1) -> Contact:
        """The contact in the path, by id or address. Raises the Refusal for a stranger."""
        text = self.segments[place]
        found: Contact | None
        if "@" in text:
            found = self.account.roll.find(text)
            if found is None and self.switches.deleted_listed:
                found = self.account.roll.deleted(text)
        else:
            found = self.account.roll.by_id(self.number(place, "CONTACT_NOT_FOUND"))
            if found is not None and found.status in GONE and not self.switches.deleted_listed:
                found = None
        if found is None:
            raise Refusal("CONTACT_NOT_FOUND")
        return found

    def touched(self, email: str, kind: Kind, status: str | None = None) -> Op:
        """Note an address for the ledger; `ok` is set once it worked."""
        op = Op(email, status, False, kind)
        self.ops.append(op)
        return op

    # What goes back

    def answer(self, document: object, status: int = 200, *, pascal: bool = False) -> Answer:
        """`document` as the switches want it."""
        return Answer.of(shaped(document, self.switches, pascal=pascal), status)

    def created(self, document: object) -> Answer:
        """`document` as the answer to something made."""
        return self.answer(document, 200 if self.switches.created_is_200 else 201)

    def window(self, rows: Sequence[Any], default: int = MAX_SELECT) -> Sequence[Any]:
        """One page of `rows`."""
        select, skip = self.page(default)
        return rows[skip : skip + select]


def lowered(value: Any) -> Any:
    """`value` with every object's keys in lower case."""
    if isinstance(value, dict):
        return {str(key).lower(): lowered(each) for key, each in value.items()}
    if isinstance(value, list):
        return [lowered(each) for each in value]
    return value
