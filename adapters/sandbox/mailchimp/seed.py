"""Who is on the audiences before anybody does anything, as functions of the seed.

The demo and the tests predict a preview's classes from these functions instead of asking the sandbox.
Invariant: the spread over statuses is exact in every 200 people in a row, and two starts with one seed are equal.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.mailchimp.machine import Standing
from adapters.sandbox.people import Person, person
from adapters.sandbox.spread import column, dealt, listed_names

_SPREAD: Final = (
    (Standing.SUBSCRIBED, 176),
    (Standing.UNSUBSCRIBED, 12),
    (Standing.CLEANED, 4),
    (Standing.PENDING, 3),
    (Standing.ARCHIVED, 3),
    (Standing.FORGOTTEN, 1),
    (Standing.TRANSACTIONAL, 1),
)
_BLOCK: Final = 200
OLDEST: Final = parse_moment("2024-05-02T09:11:00+00:00")
_SPAN: Final = 600 * 86_400


def seeded_status(seed: int, i: int) -> str:
    """The raw status of `person(seed, i)` on the first audience before any change.

    In every 200 people: 176 subscribed, 12 unsubscribed, 4 cleaned, 3 pending, 3 archived, 1 transactional, and
    1 `forgotten` (permanently deleted: absent from every listing, refused for ever).
    """
    return Standing(dealt(seed, _SPREAD)[i % _BLOCK]).word


def seeded_fields(seed: int, i: int) -> dict[str, str]:
    """FNAME and LNAME of `person(seed, i)` on the first audience; 5 of 100 differ from the person's true name."""
    first, last = listed_names(seed, i, person(seed, i))
    return {"FNAME": first, "LNAME": last}


@dataclass(slots=True, frozen=True)
class Seeding:
    """How one audience is filled: `size` people of `seed` from `start` on."""

    seed: int
    size: int
    start: int = 0
    status_seed: int | None = None
    """The spread of another seed, so that people differ between audiences; the own seed when None."""
    gender_field: int | None = None
    """The merge field id that takes the person's gender, where the audience has one."""
    newest: float = field(default=OLDEST + _SPAN)
    """No untouched member changed after this moment."""

    def column(self) -> bytearray:
        """The status column: one byte a member."""
        status_seed = self.seed if self.status_seed is None else self.status_seed
        return column(status_seed, _SPREAD, self.size, self.start)

    def changed(self, index: int) -> float:
        """When an untouched member changed last."""
        return OLDEST + (index * 2_654_435_761 + self.seed * 97) % _SPAN

    def before(self, index: int) -> Standing:
        """What an archived seeded member was before: every other one had left."""
        return Standing.UNSUBSCRIBED if index % 2 else Standing.SUBSCRIBED

    def fields(self, index: int, who: Person) -> dict[int, Any]:
        """The merge field values by field id: 1 is FNAME, 2 is LNAME."""
        first, last = listed_names(self.seed, self.start + index, who)
        values: dict[int, Any] = {1: first, 2: last}
        if self.gender_field is not None:
            values[self.gender_field] = who.gender
        return values
