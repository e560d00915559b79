"""The club's CRM and its address book: who is in them, who tried the magazine first, and what they did since.

The CRM's people are those of the club's register, as are the address book's (``adapters.sandbox.people``): contact 1
is the club's first person. Invariant: nobody is in two of these groups, and few enough leave that no guard takes hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.sandbox.dotdigital import seeded_fields, seeded_left, seeded_status
from adapters.sandbox.oro.seed import Population
from adapters.sandbox.people import person
from console.demo.club import Club

FORM = "durchs.formular@example.org"
NAMELESS_FORM = "ohne.namen@example.org"
"""Two who joined the address book by its form: one told a name, one did not."""


@dataclass(slots=True, frozen=True)
class Crm:
    """``club`` says how many people there are; ``population`` is the CRM as it begins."""

    club: Club
    population: Population = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "population", Population(self.club.seed, self.club.listed))

    def contact(self, i: int) -> int:
        """The CRM's id of a person."""
        return i - self.population.first + 1

    def email(self, i: int) -> str:
        """The address of a person as the CRM has it."""
        return person(self.club.seed, i).email

    def _mailed(self, i: int) -> bool:
        """In the address book, mailable there, and not against it in the CRM."""
        seed = self.club.seed
        if seeded_status(seed, i) != "Subscribed" or seeded_left(seed, i):
            return False
        return not self.population.opted_out(self.contact(i))

    def _agreed(self, i: int) -> bool:
        """Has the same name on both sides."""
        who, fields = person(self.club.seed, i), seeded_fields(self.club.seed, i)
        return (who.first_name, who.last_name) == (fields["FIRSTNAME"], fields["LASTNAME"])

    @property
    def not_in_book(self) -> Sequence[int]:
        """Half of those the CRM does not have: the others are found in the address book."""
        return range(self.population.first // 2)

    @property
    def known(self) -> Sequence[int]:
        """Of those who tried it: in the address book before, mailed, with one name on both sides."""
        listed = range(self.population.first, self.club.listed)
        fit = (i for i in listed if self._mailed(i) and self._agreed(i))
        return tuple(i for _, i in zip(range(min(16, self.club.contacts // 4)), fit, strict=False))

    @property
    def joined(self) -> Sequence[int]:
        """Of those who tried it: whom the first export added."""
        last = self.population.first + self.population.size - 3  # what stands there has no usable address
        fit = (
            i
            for i in range(self.club.listed, last)
            if not self.population.opted_out(self.contact(i)) and i not in self.club.moved
        )
        return tuple(i for _, i in zip(range(16), fit, strict=False))

    # What happened since, each to some of these.

    @property
    def renamed_here(self) -> Sequence[int]:
        """Got another last name in the CRM."""
        return self.known[:2]

    @property
    def renamed_there(self) -> Sequence[int]:
        """Got another first name at the platform."""
        return self.known[2:4]

    @property
    def renamed_twice(self) -> Sequence[int]:
        """Got another last name on each side, and not the same one."""
        return self.known[4:5]

    @property
    def withdrew(self) -> Sequence[int]:
        """Told the club that they want no magazine."""
        return self.known[5:6]

    @property
    def renamed_last(self) -> tuple[int, int]:
        """Get another first name at the platform, and another last name in the CRM, when the demo is walked."""
        return self.known[6], self.known[7]

    @property
    def deleted(self) -> Sequence[int]:
        """Left the CRM."""
        return self.joined[:1]

    @property
    def moved(self) -> Sequence[int]:
        """Have another address in the CRM."""
        return self.joined[1:2]

    @property
    def left_book(self) -> Sequence[int]:
        """Unsubscribed from this address book only."""
        return self.joined[2:3]

    @property
    def left_account(self) -> Sequence[int]:
        """Unsubscribed from everything the account sends."""
        return self.joined[3:4]

    @property
    def bounced(self) -> Sequence[int]:
        """Their mailbox is gone."""
        return self.joined[4:5]

    @property
    def taken_out(self) -> Sequence[int]:
        """Somebody took them out of the address book by hand."""
        return self.joined[5:6]
