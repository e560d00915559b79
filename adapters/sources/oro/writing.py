"""The CRM as a place to write to: what may be written, changes and creations with their origin.

Invariant: nothing leaves unless the wire is open for writing; computed columns are never written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from adapters.pace import Limits, RetryPolicy
from adapters.provider import RequestNote, Wire
from adapters.source import SourceSettings
from adapters.source_writing import SourceAddition, SourceChange, SourceResult
from adapters.sources.oro.api import USER_AGENT
from adapters.sources.oro.contact_writes import change_contact, create_contact
from adapters.sources.oro.known_addresses import KnownAddresses
from adapters.sources.oro.place import READ_ONLY_COLUMNS, place_of
from adapters.sources.oro.reading import columns_of
from adapters.sources.oro.session import OroSession

LONGEST_ORIGIN = 80


class OroWriting:
    """One list's CRM, opened for writing; ``wire.read_only`` must be off for anything to leave."""

    def __init__(
        self,
        settings: SourceSettings,
        wire: Wire | None = None,
        *,
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._place = place_of(settings)
        self._wire = wire or Wire(USER_AGENT, read_only=False)
        self._policy = policy
        self._limits = limits
        self._writable: tuple[str, ...] = ()
        self._addresses = KnownAddresses(self._place)

    def required(self) -> tuple[str, ...]:
        """Columns a new entity must have, besides the address."""
        return self._place.required

    def computed(self) -> tuple[str, ...]:
        """Columns that the settings call computed, and those the CRM keeps by itself."""
        kept = READ_ONLY_COLUMNS - {"id"}
        return tuple(dict.fromkeys((*self._place.marked_computed, *sorted(kept))))

    def writable(self) -> tuple[str, ...]:
        """The attributes the API shows, but the computed ones; asks the CRM once. Raises ``AdapterError``."""
        if not self._writable:
            fixed = {"id", *self.computed()}
            with self._session("") as session:
                shown = columns_of(session, self._place, {}).columns
            self._writable = tuple(name for name in shown if name not in fixed)
        return self._writable

    def write(self, changes: Sequence[SourceChange], origin: str) -> Iterator[SourceResult]:
        """Set fields of contacts; ``origin`` stands at every request in the job's log."""
        fixed = frozenset(("id", *self.computed()))
        with self._session(origin) as session:
            for change in changes:
                yield change_contact(session, change, fixed)

    def create(self, additions: Sequence[SourceAddition], origin: str) -> Iterator[SourceResult]:
        """Create contacts whose address no contact has yet, in whatever letters and as whichever of its addresses.

        All contacts are read for that before the first creation, and those who came since before each later call.
        """
        if not additions:
            return
        fixed = frozenset(("id", *self.computed()))
        with self._session(origin) as session:
            self._addresses.read_on(session)
            for addition in additions:
                yield create_contact(session, addition, fixed, self._addresses)

    def _session(self, origin: str) -> OroSession:
        wire = replace(self._wire, on_request=_with_origin(self._wire.on_request, origin))
        return OroSession(self._place, wire, writing=True, policy=self._policy, limits=self._limits)


def _with_origin(tell: Callable[[RequestNote], None], origin: str) -> Callable[[RequestNote], None]:
    plain = "".join(letter for letter in origin if letter.isprintable())[:LONGEST_ORIGIN]
    if not plain:
        return tell

    def told(note: RequestNote) -> None:
        tell(replace(note, note=f"{note.note} (origin: {plain})".strip()))

    return told
