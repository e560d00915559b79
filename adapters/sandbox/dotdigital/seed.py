"""Who is in a dotdigital account before anybody does anything, as functions of the seed.

The demo and the tests predict a preview's classes from these functions instead of asking the sandbox.
Invariant: the spread over states is exact in every 200 people in a row, and two starts with one seed are equal.
"""

from dataclasses import dataclass
from typing import Any, Final

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.dotdigital.statuses import Status
from adapters.sandbox.people import Person, person
from adapters.sandbox.spread import Shares, column, dealt, listed_names

LEFT_BOOK: Final = 100
"""In a pattern: subscribed in the account, but unsubscribed from the book."""

_SPREAD: Final[Shares] = (
    (Status.SUBSCRIBED, 167),
    (LEFT_BOOK, 8),
    (Status.UNSUBSCRIBED, 6),
    (Status.SOFT_BOUNCED, 4),
    (Status.HARD_BOUNCED, 4),
    (Status.PENDING_OPT_IN, 3),
    (Status.SUPPRESSED, 2),
    (Status.ISP_COMPLAINED, 1),
    (Status.MAIL_BLOCKED, 1),
    (Status.DIRECT_COMPLAINT, 1),
    (Status.NOT_ALLOWED, 1),
    (Status.DOMAIN_SUPPRESSION, 1),
    (Status.NO_MX_RECORD, 1),
)
_EVERY: Final[Shares] = tuple((status, 1) for status in Status if status is not Status.ABSENT)
"""A small group in which every state occurs."""

_MIXTURES: Final = {"club": _SPREAD, "every": _EVERY, "plain": ((Status.SUBSCRIBED, 1),)}

OLDEST: Final = parse_moment("2024-05-02T09:11:00+00:00")
_SPAN: Final = 600 * 86_400
NEWEST: Final = OLDEST + _SPAN
"""Nothing seeded happened after this moment."""

# The numbers of the data fields an account begins with, in the order they are listed (contract §7).
FIRSTNAME, LASTNAME, FULLNAME, GENDER, POSTCODE, MEMBERSINCE, DONATIONS, BOARD, CLUB = range(1, 10)

_AS_STATUS = bytes(Status.SUBSCRIBED if code == LEFT_BOOK else code for code in range(256))


def _place(seed: int, i: int) -> int:
    pattern = dealt(seed, _SPREAD)
    return pattern[i % len(pattern)]


def seeded_status(seed: int, i: int) -> str:
    """The raw status of `person(seed, i)` in the account before any change.

    In every 200 people: 175 Subscribed (8 of them have left the first book), 4 SoftBounced, 3 PendingOptIn; the
    rest is suppressed: 6 Unsubscribed, 4 HardBounced, 2 Suppressed and one each of six other reasons.
    """
    return Status(_AS_STATUS[_place(seed, i)]).word


def seeded_left(seed: int, i: int) -> bool:
    """Whether `person(seed, i)` unsubscribed from the first book alone before any change."""
    return _place(seed, i) == LEFT_BOOK


def seeded_fields(seed: int, i: int) -> dict[str, str]:
    """FIRSTNAME and LASTNAME of `person(seed, i)` in the account; 5 of 100 differ from the person's true name."""
    first, last = listed_names(seed, i, person(seed, i))
    return {"FIRSTNAME": first, "LASTNAME": last}


@dataclass(slots=True, frozen=True)
class Group:
    """Seeded people in a row: the contacts from index `first` on are the people of `seed` from `start` on."""

    first: int
    size: int
    seed: int
    start: int
    mixture: str = "club"
    """`club`; `every`: all states in turn; `plain`: everybody subscribed."""

    @property
    def stop(self) -> int:
        """The index after the last."""
        return self.first + self.size

    def statuses(self) -> bytearray:
        """One status byte a contact."""
        return self.places(self.seed).translate(_AS_STATUS)

    def places(self, spread_seed: int) -> bytearray:
        """Status bytes, or LEFT_BOOK, as the spread of some seed deals them out."""
        return column(spread_seed, _MIXTURES[self.mixture], self.size, self.start)

    def person(self, index: int) -> Person:
        """Who the contact at `index` is."""
        return person(self.seed, self.start + index - self.first)

    def changed(self, index: int) -> float:
        """When an untouched contact changed last."""
        return OLDEST + (index * 2_654_435_761 + self.seed * 97) % _SPAN

    def fields(self, index: int, who: Person) -> dict[int, Any]:
        """The data field values by field number."""
        i = self.start + index - self.first
        first, last = listed_names(self.seed, i, who)
        values: dict[int, Any] = {
            FIRSTNAME: first,
            LASTNAME: last,
            GENDER: who.gender,
            POSTCODE: who.zip_code,
            MEMBERSINCE: f"{2000 + i * 7 % 24}-04-01T00:00:00",
            CLUB: who.town,
        }
        if i % 3 == 0:
            values[DONATIONS] = i % 40 * 2.5
        if i % 5 == 0:
            values[BOARD] = i % 25 == 0
        return values
