"""Every address the CRM has, so that nobody is created twice, however the CRM compares letters.

Filters of the API may compare letter by letter (PostgreSQL does), and a platform knows addresses in small letters
only: whoever is in the CRM with a capital letter would be looked for in vain. Invariants: addresses are compared by
``address_key``; sixteen bytes are kept of each, whatever its length.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from hashlib import blake2b

from adapters.source import SourceIncomplete
from adapters.sources.oro.listing import all_entities, check_columns
from adapters.sources.oro.place import OroPlace
from adapters.sources.oro.session import OroSession
from state.address import address_key

TRIES = 3
"""How often contacts are read from the start when somebody works on them meanwhile."""


class KnownAddresses:
    """Who has which address, of the contacts read so far."""

    def __init__(self, place: OroPlace) -> None:
        self._place = place
        self._digests = array("Q")
        self._ids = array("Q")
        self._created: dict[str, str] = {}
        self._last = 0

    def read_on(self, session: OroSession) -> None:
        """Read all contacts at the first call, whoever came since at the others.

        Raises ``SourceIncomplete`` when the reading is not proven whole, and what else reading raises.
        """
        for tried in range(1, TRIES + 1):
            try:
                self._read(session)
                return
            except SourceIncomplete as error:
                if tried == TRIES or error.reason != "source-changed":
                    raise

    def holder(self, email: str) -> str:
        """The id of a contact with this address; empty when none of those read has it."""
        if own := self._created.get(address_key(email)):
            return own
        digest = _digest(email)
        at = bisect_left(self._digests, digest)
        found = at < len(self._digests) and self._digests[at] == digest
        return str(self._ids[at]) if found else ""

    def created(self, email: str, key: str) -> None:
        """Take note of a contact just created."""
        self._created[address_key(email)] = key

    def _read(self, session: OroSession) -> None:
        place, last = self._place, self._last
        digests, ids = self._digests[:], self._ids[:]
        for portion in all_entities(session, place.entity, {}, (place.email_column, "emails"), after=last):
            if not last:
                # Without its addresses a contact would be nobody, and be created once more.
                check_columns(portion.entities, (place.email_column,), place.entity)
            for one in portion.entities:
                last = int(one.id)
                for email in {one.text(place.email_column), *one.emails} - {""}:
                    digests.append(_digest(email))
                    ids.append(last)
        if last != self._last:
            order = sorted(range(len(digests)), key=digests.__getitem__)
            self._digests = array("Q", (digests[at] for at in order))
            self._ids = array("Q", (ids[at] for at in order))
            self._last = last


def _digest(email: str) -> int:
    return int.from_bytes(
        blake2b(address_key(email).encode("utf-8", "replace"), digest_size=8).digest(), "big"
    )
