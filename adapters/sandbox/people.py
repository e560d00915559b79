"""Synthetic club people, the same for everybody who knows the seed.

The demo's member file, the seeded audiences and the benchmarks must agree about who exists without handing a
file around, so a person is a pure function of `(seed, i)`, costs O(1) for any `i`, and an address can be turned
back into its `i`. Invariant: one address per `(seed, i)`, and only under domains nobody can own
(example.org, example.net and names below `.example`), so no rehearsal can ever reach a real mailbox.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from adapters.sandbox.names import FRENCH, GERMAN, ITALIAN, Culture

_MASK: Final = (1 << 64) - 1

# Ten slots: roughly the mix of a Swiss federation's register.
_CULTURES: Final[tuple[Culture, ...]] = (GERMAN,) * 6 + (FRENCH,) * 3 + (ITALIAN,)

_DOMAINS: Final = (
    "example.org",
    "example.net",
    "example.org",
    "mail.example",
    "example.net",
    "bluemail.example",
    "turnverein.example",
    "musikgesellschaft.example",
)

# 1930-01-01 plus up to 80 years: honorary members and cubs.
_FIRST_BIRTHDAY: Final = date(1930, 1, 1).toordinal()
_BIRTHDAYS: Final = 80 * 365

_NUMBER: Final = re.compile(r"(\d+)(\d{3})(?:-(\d+))?@")


class Person(NamedTuple):
    """One synthetic person; `email` is written as the person would write it (a few use capitals)."""

    member_id: str
    first_name: str
    last_name: str
    email: str
    gender: str
    """`m` or `w`, as club databases of the German-speaking countries write it."""
    birthday: date
    language: str
    zip_code: str
    town: str


def mix(value: int) -> int:
    """`value` scrambled to 64 well-distributed bits (the splitmix64 finaliser): equal in, equal out."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=64)
def _seed_bits(seed: int) -> int:
    return mix(seed)


def person(seed: int, i: int) -> Person:
    """The `i`-th person of `seed`. Raises ValueError when either is negative."""
    if seed < 0 or i < 0:
        raise ValueError(f"seed and index start at 0, got seed {seed} and index {i}")
    bits = mix(_seed_bits(seed) ^ i)
    culture = _CULTURES[bits % 10]
    bits //= 10
    woman = bits & 1
    given = culture.women if woman else culture.men
    bits >>= 1
    bits, pick = divmod(bits, len(given))
    first = given[pick]
    bits, pick = divmod(bits, len(culture.families))
    last = culture.families[pick]
    bits, pick = divmod(bits, len(_DOMAINS))
    domain = _DOMAINS[pick]
    bits, pick = divmod(bits, len(culture.towns))
    zip_code, town = culture.towns[pick]
    bits, day = divmod(bits, _BIRTHDAYS)
    upper, low = divmod(seed, 1000)
    tail = f"{i}{low:03d}-{upper}" if upper else f"{i}{low:03d}"
    local = f"{first.folded}.{last.folded}{tail}"
    if bits % 100 == 0:
        # Comparing addresses must not depend on case (R24); one in a hundred tries it.
        local = local.title()
    return Person(
        f"{100000 + i}",
        first.written,
        last.written,
        f"{local}@{domain}",
        "w" if woman else "m",
        date.fromordinal(_FIRST_BIRTHDAY + day),
        culture.language,
        zip_code,
        town,
    )


def index_of(seed: int, email: str) -> int | None:
    """The `i` whose `person(seed, i)` has this address in any case, or None for a stranger."""
    found = _NUMBER.search(email)
    if found is None:
        return None
    digits, low, upper = found.groups()
    if int(low) + 1000 * int(upper or 0) != seed or len(digits) > 12:
        return None
    i = int(digits)
    return i if person(seed, i).email.lower() == email.lower() else None
