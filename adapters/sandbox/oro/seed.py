"""Who is in the CRM before anybody does anything, as functions of the seed.

The people are those of the club's register (``adapters.sandbox.people``): most are on the platforms' lists as
well, some are on those lists only, some here only. Invariant: a contact costs O(1), and two starts with one seed
are equal.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.people import index_of, mix, person

GROUPS: Final = {"1": "Mitglieder", "2": "Vorstand", "3": "Newsletter"}
SOURCES: Final = ("website", "website", "website", "call", "other")
SECOND = "privat."
"""Every tenth contact has a second address: the first one with this before it."""

_OLDEST: Final = parse_moment("2024-03-04T07:30:00+00:00")
_SPAN: Final = 700 * 86_400
_OPTED_OUT_OF: Final = 40
_TITLES: Final = (None, None, None, "Kassier", "Trainerin", "[bold]Präsident[/]")


@dataclass(slots=True)
class Contact:
    """One contact. `attributes` are the API's plain ones but the computed value."""

    id: int
    attributes: dict[str, Any]
    emails: list[str]
    source: str
    groups: list[str]
    lifetime_value: float
    created: float
    updated: float

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True, frozen=True)
class Population:
    """`listed` people are on the platforms' first list; the CRM begins a little later and goes on beyond."""

    seed: int
    listed: int
    bits: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bits", mix(self.seed ^ 0x0C0FFEE))

    @property
    def first(self) -> int:
        """The index of the person who is contact 1."""
        return self.listed // 20

    @property
    def size(self) -> int:
        """How many contacts there are at the start; their ids are 1 to `size`."""
        return self.listed * 10 // 9

    def source(self, number: int) -> str:
        """Where the contact came from."""
        return SOURCES[mix(self.bits ^ number) % 5]

    def groups(self, number: int) -> list[str]:
        """The groups the contact is in: everybody in 1, a few in 2, four of five in 3."""
        draw = mix(self.bits ^ (number << 24)) % 50
        return ["1", *(["2"] if draw == 0 else []), *(["3"] if draw >= 10 else [])]

    def email(self, number: int) -> str:
        """The primary address; the very last contacts have what real registers have."""
        odd = self.size - number if self.size >= 20 else 9
        if odd == 0:
            return ""
        if odd == 1:
            return "ohne-klammeraffe.example.org"
        # A child with its parent's address.
        return person(self.seed, self.first + number - (2 if odd == 2 else 1)).email

    def emails(self, number: int) -> list[str]:
        """Every address of the contact."""
        first = self.email(number)
        return ([first] if first else []) + ([SECOND + first.lower()] if first and number % 10 == 0 else [])

    def opted_out(self, number: int) -> bool:
        """Whether the contact wants no newsletter."""
        return mix(self.bits ^ (number << 40)) % _OPTED_OUT_OF == 0

    def updated(self, number: int) -> float:
        """When the contact changed last."""
        return float(_OLDEST + (number * 2_654_435_761 + self.seed * 61) % _SPAN)

    def lifetime_value(self, number: int) -> float:
        """The computed value at the start, in the CRM's currency."""
        return mix(self.bits ^ (number << 12)) % 50_000 / 100

    def contact(self, number: int) -> Contact:
        """The contact with this id as it is at the start."""
        who = person(self.seed, self.first + number - 1)
        attributes = {
            "firstName": who.first_name,
            "lastName": who.last_name,
            "gender": "female" if who.gender == "w" else "male",
            "birthday": who.birthday.isoformat(),
            "jobTitle": _TITLES[number % len(_TITLES)] if number % 7 == 0 else None,
            "primaryEmail": self.email(number) or None,
            "memberNumber": who.member_id,
            "newsletterOptOut": self.opted_out(number),
        }
        return Contact(
            number,
            attributes,
            self.emails(number),
            self.source(number),
            self.groups(number),
            self.lifetime_value(number),
            float(_OLDEST),
            self.updated(number),
        )

    def candidates(self, email: str) -> list[int]:
        """The ids of whoever may have had this address at the start."""
        found: set[int] = set()
        for text in (email, email.lower().removeprefix(SECOND)):
            index = index_of(self.seed, text)
            if index is not None:
                found.update((index - self.first + 1, index - self.first + 2))
        if self.size >= 20 and email.lower() == "ohne-klammeraffe.example.org":
            found.add(self.size - 1)
        return sorted(number for number in found if 1 <= number <= self.size)
