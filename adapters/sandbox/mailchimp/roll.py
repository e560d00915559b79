"""Who is on one audience: a million seeded people for a byte each, and the changed ones as objects.

A seeded member is a function of the seed until somebody touches it; from then on it is an object in the overlay.
Invariants: position in the status column is identity and never changes; an address finds at most one present
position; whatever was touched is marked dirty until it is made durable.
"""

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from adapters.sandbox.mailchimp.machine import Standing
from adapters.sandbox.mailchimp.seed import Seeding
from adapters.sandbox.people import index_of, person


@dataclass(slots=True)
class Member:
    """One member as an object; `index` is its place in the roll."""

    index: int
    email: str
    standing: Standing
    before: Standing = Standing.ABSENT
    by_api: bool = False
    fields: dict[int, Any] = field(default_factory=dict)
    """Merge field id → value, so that a field can be renamed without touching anybody."""
    tags: dict[int, str] = field(default_factory=dict)
    """Segment id → when it was added."""
    interests: dict[str, bool] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    """What was sent beside: language, vip, email_type, ips, location, marketing permissions."""
    timestamp_signup: float = 0.0
    timestamp_opt: float = 0.0
    last_changed: float = 0.0
    source: str = "API - Generic"
    unsubscribe_reason: str = ""

    def record(self) -> list[Any]:
        """Everything as JSON-ready values, in the order `from_record` reads."""
        return [
            self.index,
            self.email,
            int(self.standing),
            int(self.before),
            self.by_api,
            {str(key): value for key, value in self.fields.items()},
            {str(key): value for key, value in self.tags.items()},
            self.interests,
            self.extras,
            self.timestamp_signup,
            self.timestamp_opt,
            self.last_changed,
            self.source,
            self.unsubscribe_reason,
        ]

    @classmethod
    def from_record(cls, record: list[Any]) -> "Member":
        """The member that `record()` wrote."""
        index, email, standing, before, by_api, fields, tags, *rest = record
        return cls(
            index,
            email,
            Standing(standing),
            Standing(before),
            by_api,
            {int(key): value for key, value in fields.items()},
            {int(key): value for key, value in tags.items()},
            *rest,
        )


def key_of(email: str) -> str:
    """What Mailchimp compares addresses by: trimmed and lower case (§5)."""
    return email.strip().lower()


def hash_of(email: str) -> str:
    """The subscriber hash of an address (§5)."""
    return hashlib.md5(key_of(email).encode(), usedforsecurity=False).hexdigest()


class Roll:
    """The members of one audience, in the order a listing shows them."""

    def __init__(self, seeding: Seeding) -> None:
        self.seeding = seeding
        self.column = seeding.column()
        self.seeded = len(self.column)
        self.version = 0
        """Rises whenever somebody comes, goes or stands differently."""
        self.changes = 0
        """Rises whenever anything about anybody changes."""
        self.sorting: tuple[tuple[object, ...], list[int]] | None = None
        self.dirty: set[int] = set()
        self._overlay: dict[int, Member] = {}
        self._keys: dict[str, int] = {}
        self._hashes: dict[str, int] = {}
        self._unhashed: list[int] = []
        """Touched since somebody asked by hash last; a bulk add is never looked up so."""
        self._seed_hashes: dict[bytes, int] | None = None
        self._front: list[int] = []
        self._selections: dict[frozenset[Standing], tuple[int, array[int]]] = {}

    def __len__(self) -> int:
        return len(self.column)

    # Reading

    def at(self, index: int) -> Member:
        """The member at `index`; for an untouched seeded one a fresh object that is not kept."""
        found = self._overlay.get(index)
        return found if found is not None else self._virtual(index)

    def email_at(self, index: int) -> str:
        """The address at `index`, without making anybody an object."""
        found = self._overlay.get(index)
        if found is not None:
            return found.email
        return person(self.seeding.seed, self.seeding.start + index).email

    def find(self, email: str) -> Member | None:
        """Whoever holds this address, also archived or forgotten; None when the list never heard of it."""
        index = self._index(key_of(email))
        if index is None or not self.column[index]:
            return None
        return self.at(index)

    def find_hash(self, digest: str) -> Member | None:
        """Whoever has this subscriber hash, also archived or forgotten."""
        for touched in self._unhashed:
            self._hashes[hash_of(self._overlay[touched].email)] = touched
        self._unhashed.clear()
        index = self._hashes.get(digest)
        if index is None:
            if self._seed_hashes is None:
                self._seed_hashes = self._hash_seeds()
            index = self._seed_hashes.get(bytes.fromhex(digest))
        if index is None or not self.column[index]:
            return None
        member = self.at(index)
        return member if hash_of(member.email) == digest else None

    def count(self, standings: frozenset[Standing]) -> int:
        """How many stand so."""
        return sum(self.column.count(standing) for standing in standings)

    def select(self, standings: frozenset[Standing]) -> "array[int]":
        """The positions of everybody standing so, in listing order."""
        cached = self._selections.get(standings)
        if cached is not None and cached[0] == self.version:
            return cached[1]
        table = bytes(1 if code in standings else 0 for code in range(256))
        marks = self.column.translate(table)
        front = [index for index in self._front if marks[index]]
        for index in front:
            marks[index] = 0
        chosen = array("I", front)
        chosen.extend(compress(range(len(marks)), marks))
        self._selections[standings] = (self.version, chosen)
        return chosen

    def changed_since(self, moment: float) -> list[int] | None:
        """Positions that can have changed after `moment`, or None when only a full pass can tell."""
        if moment < self.seeding.newest:
            return None
        return sorted(self._overlay)

    def touched(self) -> Iterator[Member]:
        """Every member that is an object: changed, or not seeded."""
        return iter(self._overlay.values())

    # Writing

    def add(self, member: Member, *, front: bool = False) -> Member:
        """Put a new member at the end, or where a listing begins; its index is set here."""
        member.index = len(self.column)
        self.column.append(member.standing)
        self.version += 1
        if front:
            self._front.insert(0, member.index)
        self._adopt(member)
        return member

    def put(self, member: Member, *, email: str | None = None) -> None:
        """Store a changed member; `email` moves it to another address."""
        if email is not None and email != member.email:
            self._keys.pop(key_of(member.email), None)
            self._hashes.pop(hash_of(member.email), None)
            member.email = email
        if self.column[member.index] != member.standing:
            self.column[member.index] = member.standing
            self.version += 1
        self._adopt(member)

    def restore(self, member: Member) -> None:
        """Take back a member from a kept record, whatever stood at its index."""
        while len(self.column) <= member.index:
            self.column.append(Standing.ABSENT)
        known = self._overlay.get(member.index)
        if known is not None and known.email != member.email:
            self._keys.pop(key_of(known.email), None)
            self._hashes.pop(hash_of(known.email), None)
        self.column[member.index] = member.standing
        self.version += 1
        self._adopt(member)

    def _adopt(self, member: Member) -> None:
        key = key_of(member.email)
        self._overlay[member.index] = member
        self._keys[key] = member.index
        self._unhashed.append(member.index)
        self.dirty.add(member.index)
        self.changes += 1

    def _index(self, key: str) -> int | None:
        index = self._keys.get(key)
        if index is not None:
            return index
        place = index_of(self.seeding.seed, key)
        if place is None:
            return None
        index = place - self.seeding.start
        if not 0 <= index < self.seeded or index in self._overlay:
            # A touched member is found by `_keys`; one that is not has moved to another address.
            return None
        return index

    def _virtual(self, index: int) -> Member:
        seeding = self.seeding
        who = person(seeding.seed, seeding.start + index)
        changed = seeding.changed(index)
        standing = Standing(self.column[index])
        return Member(
            index,
            who.email,
            standing,
            seeding.before(index) if standing is Standing.ARCHIVED else Standing.ABSENT,
            False,
            seeding.fields(index, who),
            {},
            {},
            {},
            changed - 86_400.0,
            0.0 if standing is Standing.PENDING else changed,
            changed,
            "Import",
            "N/A (Unsubscribed by an admin)" if standing is Standing.UNSUBSCRIBED and index % 2 else "",
        )

    def _hash_seeds(self) -> dict[bytes, int]:
        seed, start = self.seeding.seed, self.seeding.start
        return {
            hashlib.md5(person(seed, start + i).email.lower().encode(), usedforsecurity=False).digest(): i
            for i in range(self.seeded)
        }
