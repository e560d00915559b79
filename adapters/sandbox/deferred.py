"""A vendor that is made when somebody first speaks to it: a start pays only for the vendors that are used.

Invariant: what the ready document says of a vendor is the same before and after it was made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.keep import Record
from adapters.sandbox.vendor import Answer, Call, Controlled, LedgerRow, Op, Settled, Slot, Vendor


@dataclass(slots=True, frozen=True)
class Front:
    """What is known of a vendor without making it."""

    name: str
    path: str
    """Its base path, such as `/dotdigital/v2`."""
    key: object
    lists: list[dict[str, Any]]
    rehearsals: dict[str, Any] = field(default_factory=dict)


class DeferredVendor:
    """Stands for a vendor, and makes it at the first request, order or question about its state."""

    def __init__(self, front: Front, make: Callable[[], Vendor]) -> None:
        self.name = front.name
        self._front = front
        self._make = make
        self._made: Vendor | None = None

    @property
    def vendor(self) -> Vendor:
        """The vendor itself."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def verbs(self) -> Mapping[str, str]:
        """Control verbs with the fields they take."""
        return self.vendor.verbs

    def url(self, origin: str) -> str:
        """The base URL."""
        return origin + self._front.path

    def key(self) -> object:
        """The credentials of the default account."""
        return self._front.key

    def lists(self) -> list[dict[str, Any]]:
        """The remote lists, as they are now."""
        return self._front.lists if self._made is None else self._made.lists()

    def rehearsal_keys(self) -> dict[str, Any]:
        """Keys of special accounts."""
        return self._front.rehearsals

    def slot(self, call: Call) -> Slot | None:
        """What the request counts against."""
        return self.vendor.slot(call)

    def crowded(self, call: Call) -> Answer:
        """The answer when the slot's limit is reached."""
        return self.vendor.crowded(call)

    def failure(self, status: int, body: str) -> Answer:
        """A rehearsed failure."""
        return self.vendor.failure(status, body)

    def attempted(self, call: Call) -> list[Op]:
        """The operations a request asked for, all refused."""
        return self.vendor.attempted(call)

    def handle(self, call: Call) -> Answer:
        """Carry the request out."""
        return self.vendor.handle(call)

    def background(self) -> Iterator[LedgerRow | Settled]:
        """Work the vendor did by itself; nobody works who was never spoken to."""
        return iter(()) if self._made is None else self._made.background()

    def control(self, verb: str, arguments: dict[str, Any]) -> Controlled:
        """Carry out a control verb."""
        return self.vendor.control(verb, arguments)

    def state(self, list_id: str | None) -> dict[str, str]:
        """`{"email": "raw status"}` of a list."""
        return self.vendor.state(list_id)

    def persist(self) -> None:
        """Make everything that was answered durable."""
        if self._made is not None:
            self._made.persist()

    def records(self) -> Iterator[Record]:
        """Everything to keep over a restart."""
        return self.vendor.records()

    def restore(self, records: Iterable[Record]) -> None:
        """Take back what an earlier process kept."""
        self.vendor.restore(records)
