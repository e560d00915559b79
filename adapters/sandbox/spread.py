"""How seeded people are spread over the standings of a list, and what a list has of them, for every vendor alike.

Invariant: the shares are exact in every so many people in a row, and a function of the seed alone.
"""

from functools import lru_cache
from typing import Final

from adapters.sandbox.people import Person, mix, person

Shares = tuple[tuple[int, int], ...]
"""(code of a standing, how many of a block), in any order."""

_FIELD_BLOCK: Final = 100
FIELD_CHANGES_PERCENT: Final = 5
"""How many of a hundred seeded members carry other names than their person has."""


@lru_cache(maxsize=32)
def dealt(seed: int, shares: Shares) -> bytes:
    """One block of standings: the exact shares, dealt out by the seed."""
    cards = [code for code, share in shares for _ in range(share)]
    order = sorted(range(len(cards)), key=lambda place: mix(mix(seed) ^ (place << 20)))
    return bytes(cards[place] for place in order)


def column(seed: int, shares: Shares, size: int, start: int = 0) -> bytearray:
    """The standings of `size` people from `start` on, one byte each."""
    pattern = dealt(seed, shares)
    turn = start % len(pattern)
    turned = pattern[turn:] + pattern[:turn]
    return bytearray((turned * (size // len(pattern) + 1))[:size])


def listed_names(seed: int, i: int, who: Person) -> tuple[str, str]:
    """First and last name of `person(seed, i)` as a list has them; a few differ from the person's own."""
    first, last = who.first_name, who.last_name
    if (i * 37 + seed) % _FIELD_BLOCK >= FIELD_CHANGES_PERCENT:
        return first, last
    # What really differs between a club's register and its list: an initial, or a name before the wedding.
    if i % 2:
        return f"{first[0]}.", last
    former = person(seed, i + 7).last_name
    return first, former if former != last else f"{last}-Alt"
