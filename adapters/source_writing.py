"""What may be written back into a source, and what comes of it.

A source is the club's own register: a value that changed there meanwhile is a conflict and stays, never
overwritten, and every write carries its ``origin`` (the platform the news came from), so that the next export
does not send it back as if it were new (R47).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from state.model import Outcome


@dataclass(slots=True, frozen=True)
class SourceChange:
    """Fields of one known contact, by source column.

    ``expected`` is what the source held when the plan was made; a present value that is neither that nor the
    new one is a conflict. A column that ``expected`` leaves out is written whatever it holds.
    """

    source_id: str
    fields: Mapping[str, str]
    expected: Mapping[str, str] = field(default_factory=dict)
    email: str = ""
    """The address as the plan knows it, for people and logs; it is not written."""


@dataclass(slots=True, frozen=True)
class SourceAddition:
    """A person found at the platform, to be created in the source."""

    email: str
    fields: Mapping[str, str]


@dataclass(slots=True)
class SourceResult:
    """What became of one change or addition: sent, rejected, withheld or unknown.

    ``source_id`` is the new contact's id where one was created, and empty where the source has none yet.
    """

    source_id: str
    email: str
    outcome: Outcome
    reason: str
    raw: str = ""


class WritableSource(Protocol):
    """A source that takes changes back. Writing is synchronous like reading; jobs run it in a thread.

    ``write`` and ``create`` answer every value they were given, in order, as soon as its outcome is known; a
    value of which nothing was said was not touched. They raise ``AdapterError`` only for what concerns all that
    follow (credentials, no connection).
    """

    def required(self) -> tuple[str, ...]:
        """Columns a new contact must have."""

    def writable(self) -> tuple[str, ...]:
        """Columns that may be written: real ones, not computed."""

    def computed(self) -> tuple[str, ...]:
        """Columns the source computes; they change without the contact counting as changed."""

    def write(self, changes: Sequence[SourceChange], origin: str) -> Iterator[SourceResult]:
        """Write fields of known contacts."""

    def create(self, additions: Sequence[SourceAddition], origin: str) -> Iterator[SourceResult]:
        """Create contacts. Whoever has that address already is ``withheld``."""
