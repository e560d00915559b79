"""dotdigital's times, in all their spellings, as UTC (contract §2).

Invariant: a text that is no time is an empty text or None, never a guess.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from adapters.provider import utc

FIRST = "1971-01-01T00:00:00Z"
"""Before everything: a first reading asks since then, so that no suppression is left out (contract, part I 7)."""

_FRACTION = re.compile(r"(\.\d{1,6})\d*")
_BLANK_ZONE = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")


def instant(value: object) -> datetime | None:
    """A time as aware UTC; a blank for ``T``, a small ``z``, ``+0000`` and seven digits of a second occur."""
    if not isinstance(value, str) or not 8 <= len(value.strip()) <= 40:
        return None
    text = value.strip()
    if text[-1] in "zZ":
        text = text[:-1].rstrip() + "+00:00"
    text = _FRACTION.sub(r"\1", _BLANK_ZONE.sub("", text), count=1)
    try:
        return utc(text)
    except (ValueError, OverflowError):
        return None


def moment(value: object) -> str:
    """A time as ISO 8601 UTC with ``Z``; empty for what is no time."""
    found = instant(value)
    return found.isoformat().replace("+00:00", "Z") if found is not None else ""


def in_path(when: datetime) -> str:
    """A time as it stands in a path, in whole seconds, rounded down."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
