"""The contacts of one account: a million seeded people for a byte each, and the changed ones as objects.

A seeded contact is a function of the seed until somebody touches it; from then on it is an object in the overlay.
Invariants: index and id belong together for ever; an address, in lower case, finds at most one contact; whatever
was touched is marked dirty until it is made durable.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from adapters.sandbox.dotdigital.seed import NEWEST, Group
from adapters.sandbox.dotdigital.statuses import GONE, SUPPRESSED, Status
from adapters.sandbox.people import index_of

FIRST_ID = 81_234_001
"""The id of the contact at index 0; ids rise by one and fit 32 bits."""

_OPT_INS = ("Single", "Single", "Double", "Unknown", "VerifiedDouble")
_CACHED_SELECTIONS = 16


@dataclass(slots=True)
class Contact:
    """One contact as an object; `index` is its place on the roll."""

    index: int
    email: str
    status: Status
    opt_in: str = "Unknown"
    email_type: str = "Html"
    fields: dict[int, Any] = field(default_factory=dict)
    """Data field number → value, so that a field made anew under an old name is empty."""
    created: float = 0.0
    modified: float = 0.0
    removed: float = 0.0
    """When it was suppressed; 0 for whoever is not."""
    consents: list[Any] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The vendor's id."""
        return FIRST_ID + self.index

    def record(self) -> list[Any]:
        """Everything as JSON-ready values, in the order `from_record` reads."""
        return [
            self.index,
            self.email,
            int(self.status),
            self.opt_in,
            self.email_type,
            {str(number): value for number, value in self.fields.items()},
            self.created,
            self.modified,
            self.removed,
            self.consents,
        ]

    @classmethod
    def from_record(cls, record: list[Any]) -> "Contact":
        """The contact that `record()` wrote."""
        index, email, status, opt_in, email_type, fields, *rest = record
        values = {int(number): value for number, value in fields.items()}
        return cls(index, email, Status(status), opt_in, email_type, values, *rest)


def key_of(email: str) -> str:
    """What dotdigital stores and compares: trimmed, in lower case (§4)."""
    return email.strip().lower()


class Roll:
    """The contacts of an account by id."""

    def __init__(self) -> None:
        self.column = bytearray()
        """The status of everybody, also of whoever is gone."""
        self.groups: list[Group] = []
        self.changes = 0
        """Rises whenever anything about anybody changes."""
        self.dirty: set[int] = set()
        self._overlay: dict[int, Contact] = {}
        self._keys: dict[str, int] = {}
        self._selections: dict[object, tuple[int, array[int]]] = {}

    # Reading

    def at(self, index: int) -> Contact:
        """The contact at `index`; for an untouched seeded one a fresh object that is not kept."""
        found = self._overlay.get(index)
        return found if found is not None else self._virtual(index)

    def status_at(self, index: int) -> Status:
        """The status at `index`, without making anybody an object."""
        return Status(self.column[index])

    def email_at(self, index: int) -> str:
        """The address at `index`, without making anybody an object."""
        found = self._overlay.get(index)
        return found.email if found is not None else self._group(index).person(index).email.lower()

    def modified_at(self, index: int) -> float:
        """When the contact at `index` changed last, without making anybody an object."""
        found = self._overlay.get(index)
        return found.modified if found is not None else self._group(index).changed(index)

    def find(self, email: str) -> Contact | None:
        """Whoever holds this address; None for a stranger and for whoever was deleted."""
        index = self._index(key_of(email))
        if index is None or self.column[index] in GONE:
            return None
        return self.at(index)

    def deleted(self, email: str) -> Contact | None:
        """Whoever held this address before being deleted."""
        index = self._index(key_of(email))
        return self.at(index) if index is not None and self.column[index] == Status.DELETED else None

    def by_id(self, contact_id: int) -> Contact | None:
        """Whoever has this id, also when deleted; None for an id nobody ever had."""
        index = contact_id - FIRST_ID
        if not 0 <= index < len(self.column) or not self.column[index]:
            return None
        return self.at(index)

    def select(self, statuses: frozenset[Status]) -> "array[int]":
        """The indices of everybody standing so, by id."""

        def found() -> Iterable[int]:
            table = bytes(1 if code in statuses else 0 for code in range(256))
            return compress(range(len(self.column)), self.column.translate(table))

        return self.cached(statuses, found)

    def changed_since(self, statuses: frozenset[Status], moment: float, inclusive: bool) -> "array[int]":
        """Who stands so and changed after `moment`, by id."""

        def found() -> Iterable[int]:
            if moment >= NEWEST:
                candidates: Iterable[int] = sorted(self._overlay)
            else:
                candidates = self.select(statuses)
            for index in candidates:
                if self.column[index] in statuses:
                    changed = self.modified_at(index)
                    if changed > moment or (inclusive and changed == moment):
                        yield index

        return self.cached(("changed", statuses, moment, inclusive), found)

    def cached(self, key: object, make: Callable[[], Iterable[int]]) -> "array[int]":
        """What `make` finds, once for all pages as long as nothing changes."""
        cached = self._selections.get(key)
        if cached is not None and cached[0] == self.changes:
            return cached[1]
        chosen = array("I", make())
        if len(self._selections) >= _CACHED_SELECTIONS:
            self._selections.clear()
        self._selections[key] = (self.changes, chosen)
        return chosen

    def touched(self) -> Iterator[Contact]:
        """Every contact that is an object: changed, or not seeded."""
        return iter(self._overlay.values())

    def count(self, statuses: frozenset[Status]) -> int:
        """How many stand so."""
        return sum(self.column.count(status) for status in statuses)

    # Writing

    def seed(self, group: Group) -> None:
        """Put a group of seeded people where it belongs; harmless twice."""
        if group in self.groups:
            return
        self._reach(group.stop)
        self.column[group.first : group.stop] = group.statuses()
        self.groups.append(group)
        self.changes += 1

    def add(self, contact: Contact) -> Contact:
        """Put a new contact at the end; its index is set here."""
        contact.index = len(self.column)
        self.column.append(contact.status)
        self._adopt(contact)
        return contact

    def put(self, contact: Contact, *, email: str | None = None) -> None:
        """Store a changed contact; `email` gives it another address."""
        if email is not None and email != contact.email:
            self._forget_key(contact.email, contact.index)
            contact.email = email
        self.column[contact.index] = contact.status
        self._adopt(contact)

    def restore(self, contact: Contact) -> None:
        """Take back a contact from a kept record, whatever stood at its index."""
        self._reach(contact.index + 1)
        known = self._overlay.get(contact.index)
        if known is not None:
            self._forget_key(known.email, known.index)
        self.column[contact.index] = contact.status
        self._adopt(contact)

    def _reach(self, size: int) -> None:
        if len(self.column) < size:
            self.column.extend(bytes(size - len(self.column)))

    def _adopt(self, contact: Contact) -> None:
        self._overlay[contact.index] = contact
        holder = self._keys.get(contact.email)
        # Whoever was deleted gives the address up to whoever comes with it anew.
        if holder is None or contact.status not in GONE or self.column[holder] in GONE:
            self._keys[contact.email] = contact.index
        self.dirty.add(contact.index)
        self.changes += 1

    def _forget_key(self, key: str, index: int) -> None:
        if self._keys.get(key) == index:
            del self._keys[key]

    def _index(self, key: str) -> int | None:
        index = self._keys.get(key)
        if index is not None:
            return index
        places: dict[int, int | None] = {}
        for group in self.groups:
            if group.seed not in places:
                places[group.seed] = index_of(group.seed, key)
            place = places[group.seed]
            if place is None:
                continue
            index = place - group.start + group.first
            if group.first <= index < group.stop and index not in self._overlay:
                # A touched contact is found by `_keys`; one that is not has another address now.
                return index
        return None

    def _group(self, index: int) -> Group:
        for group in self.groups:
            if group.first <= index < group.stop:
                return group
        raise LookupError(f"nobody was ever seeded at {index}")

    def _virtual(self, index: int) -> Contact:
        group = self._group(index)
        who = group.person(index)
        changed = group.changed(index)
        status = Status(self.column[index])
        return Contact(
            index,
            who.email.lower(),
            status,
            _OPT_INS[index % len(_OPT_INS)],
            "PlainText" if index % 20 == 0 else "Html",
            group.fields(index, who),
            changed - 86_400.0,
            changed,
            changed if status in SUPPRESSED else 0.0,
        )
