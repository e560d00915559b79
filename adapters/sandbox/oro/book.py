"""The CRM's contacts: those nobody touched come from the seed, the others are remembered.

Invariant: ids only grow and are never used again, so that reading by ascending id is stable.
"""

from collections.abc import Callable, Iterator, Sequence

from adapters.sandbox.oro.seed import Contact, Population

Predicate = Callable[[int], bool]
_CACHED = 8


class ContactBook:
    """Contacts by id."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.touched: dict[int, Contact] = {}
        self.gone: set[int] = set()
        self.next_id = population.size + 1
        self.dirty: set[int] = set()
        self._version = 0
        self._comings = 0
        self._found: dict[tuple[object, int], Sequence[int]] = {}

    def get(self, number: int) -> Contact | None:
        """The contact with this id; changing it needs a `put`."""
        if number in self.gone:
            return None
        if number in self.touched:
            return self.touched[number]
        return self.population.contact(number) if 1 <= number <= self.population.size else None

    def put(self, contact: Contact) -> None:
        """Take over a changed or new contact."""
        if contact.id >= self.next_id:
            self.next_id = contact.id + 1
            self._comings += 1
        self.touched[contact.id] = contact
        self.dirty.add(contact.id)
        self._version += 1

    def delete(self, number: int) -> None:
        """Remove a contact for good."""
        self.touched.pop(number, None)
        self.gone.add(number)
        self.dirty.add(number)
        self._version += 1
        self._comings += 1

    def all_ids(self) -> Sequence[int]:
        """Every id, ascending."""
        if not self.gone:
            return range(1, self.next_id)
        return self._kept(
            ("all", self._comings), lambda: [n for n in range(1, self.next_id) if n not in self.gone]
        )

    def ids_where(self, name: str, predicate: Predicate) -> Sequence[int]:
        """The ids of whom the predicate picks, ascending; remembered under `name` until anything changes."""
        return self._kept((name, self._version), lambda: list(filter(predicate, self.all_ids())))

    def find(self, email: str) -> list[Contact]:
        """Whoever has the address in any case, by ascending id."""
        wanted = email.lower()
        numbers = {*self.population.candidates(email), *self.touched} - self.gone
        found = (self.get(number) for number in sorted(numbers))
        return [one for one in found if one is not None and wanted in map(str.lower, one.emails)]

    def contacts(self) -> Iterator[Contact]:
        """Everybody, by ascending id."""
        for number in self.all_ids():
            contact = self.get(number)
            if contact is not None:
                yield contact

    # What filters ask, without making whole contacts of the seed

    def source(self, number: int) -> str:
        """Where the contact came from."""
        kept = self.touched.get(number)
        return self.population.source(number) if kept is None else kept.source

    def groups(self, number: int) -> list[str]:
        """The groups of the contact."""
        kept = self.touched.get(number)
        return self.population.groups(number) if kept is None else kept.groups

    def updated(self, number: int) -> float:
        """When the contact changed last."""
        kept = self.touched.get(number)
        return self.population.updated(number) if kept is None else kept.updated

    def _kept(self, key: tuple[object, int], make: Callable[[], Sequence[int]]) -> Sequence[int]:
        found = self._found.get(key)
        if found is None:
            while len(self._found) >= _CACHED:
                del self._found[next(iter(self._found))]
            found = self._found[key] = make()
        return found
