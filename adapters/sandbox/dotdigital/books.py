"""Address books: who is in one, since when, and who left it (contract §3, §5).

Invariants: a contact is in a book or has left it, never both; being taken out of a book leaves no trace of an
opt-out, unsubscribing from it does; who is shut out for the account is in no book.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Literal

from adapters.sandbox.dotdigital.roll import Roll
from adapters.sandbox.dotdigital.seed import LEFT_BOOK, Group
from adapters.sandbox.dotdigital.statuses import STAYS_IN_BOOKS, SUPPRESSED, Status

Level = Literal["book", "account"]
Reserved = Literal["", "all", "test"]


@dataclass(slots=True)
class Departure:
    """When somebody left a book, and whether by unsubscribing from it or for the whole account."""

    moment: float
    level: Level


@dataclass(slots=True)
class Book:
    """One address book. `All contacts` (`reserved == "all"`) keeps nobody: the account's roll is its content."""

    id: int
    name: str
    visibility: str = "Private"
    reserved: Reserved = ""
    members: "array[int]" = field(default_factory=lambda: array("I"))
    """Indices of contacts, rising."""
    front: list[int] = field(default_factory=list)
    """Members that a listing shows first: rows shift when one is put here between two pages."""
    joined: dict[int, float] = field(default_factory=dict)
    """When a member joined; seeded ones did when they changed last."""
    left: dict[int, Departure] = field(default_factory=dict)
    seeded: list[tuple[Group, int]] = field(default_factory=list)
    """The people it began with, and the seed of their spread."""
    touched: set[int] = field(default_factory=set)
    """Whose standing is another than the seed's."""
    dirty: set[int] = field(default_factory=set)
    changes: int = 0
    """Rises whenever somebody comes or goes."""

    def __contains__(self, index: object) -> bool:
        if not isinstance(index, int):
            return False
        place = bisect_left(self.members, index)
        return place < len(self.members) and self.members[place] == index

    def unsubscribed(self, index: int) -> bool:
        """Whether the contact unsubscribed from this very book."""
        departure = self.left.get(index)
        return departure is not None and departure.level == "book"

    def changed(self, index: int) -> None:
        """Mark somebody whose standing changed, to be kept."""
        self.touched.add(index)
        self.dirty.add(index)
        self.changes += 1

    def rows(self) -> "array[int]":
        """The members as a listing shows them."""
        if not self.front:
            return self.members
        first = set(self.front)
        return array("I", [*self.front, *(index for index in self.members if index not in first)])

    def join(self, index: int, now: float, *, front: bool = False) -> bool:
        """Put a contact in; False when it was in already. Whoever comes back has left no more."""
        if index in self:
            return False
        self.members.insert(bisect_left(self.members, index), index)
        if front:
            self.front.insert(0, index)
        self.joined[index] = now
        self.left.pop(index, None)
        self.changed(index)
        return True

    def take_out(self, index: int) -> bool:
        """Take a contact out without a trace; False when it was not in."""
        if index not in self:
            return False
        del self.members[bisect_left(self.members, index)]
        if index in self.front:
            self.front.remove(index)
        self.joined.pop(index, None)
        self.changed(index)
        return True

    def leave(self, index: int, now: float, level: Level) -> None:
        """Take a contact out and remember that it left; an opt-out from the book is never overwritten."""
        was_in = self.take_out(index)
        if self.unsubscribed(index) or (level == "account" and not was_in):
            return
        self.left[index] = Departure(now, level)
        self.changed(index)

    def seed(self, roll: Roll, group: Group, spread_seed: int) -> None:
        """Take in a group of seeded people: those who can be in a book and have not left this one."""
        self.seeded.append((group, spread_seed))
        places = group.places(spread_seed)
        fresh = array("I")
        for index, place in enumerate(places, group.first):
            status = roll.column[index]
            if status not in STAYS_IN_BOOKS:
                if status in SUPPRESSED:
                    self.left[index] = Departure(group.changed(index), "account")
            elif place == LEFT_BOOK and status == Status.SUBSCRIBED:
                self.left[index] = Departure(group.changed(index), "book")
            else:
                fresh.append(index)
        if not self.members or self.members[-1] < group.first:
            self.members.extend(fresh)
        else:
            self.members = array("I", sorted({*self.members, *fresh}))

    # Keeping

    def document(self) -> dict[str, Any]:
        """Everything but the people, JSON-ready."""
        return {
            "id": self.id,
            "name": self.name,
            "visibility": self.visibility,
            "reserved": self.reserved,
            "front": self.front,
        }

    def record(self, index: int) -> list[Any]:
        """How one contact stands to this book, JSON-ready."""
        departure = self.left.get(index)
        return [
            index,
            index in self,
            self.joined.get(index),
            None if departure is None else [departure.moment, departure.level],
        ]

    def restore(self, record: list[Any]) -> None:
        """Take back what `record()` wrote."""
        index, inside, joined, departure = record
        self.left.pop(index, None)
        self.joined.pop(index, None)
        if inside and index not in self:
            self.members.insert(bisect_left(self.members, index), index)
        elif not inside and index in self:
            del self.members[bisect_left(self.members, index)]
        if joined is not None:
            self.joined[index] = joined
        if departure is not None:
            self.left[index] = Departure(*departure)
        self.changed(index)
