"""The sandbox's clock, which a test can move.

Expiring archives, `since` filters and confirmation ages must be rehearsed without waiting, so nothing in the
sandbox asks the machine for the time: everything asks this. Invariant: it always runs on at the machine's pace;
moving it changes only how far it is ahead or behind.
"""

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache


class SandboxClock:
    """Wall-clock time plus an offset in seconds."""

    __slots__ = ("offset",)

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch (UTC) as the sandbox sees it."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> None:
        """Move by `seconds`; a negative number moves back."""
        self.offset += seconds

    def set(self, moment: float) -> None:
        """Make it `moment` now."""
        self.offset = moment - time.time()


_MINUTES = [f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]
_SECONDS = [f"{second:02}+00:00" for second in range(60)]


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days)).isoformat()


def iso(moment: float) -> str:
    """`moment` as vendors write it: `2026-03-01T08:15:30+00:00`; 0 or less means absent and gives `""`."""
    if moment <= 0:
        return ""
    # Put together from tables: a listing writes three thousand of these a page.
    days, rest = divmod(int(moment), 86_400)
    minute, second = divmod(rest, 60)
    return _day(days) + _MINUTES[minute] + _SECONDS[second]


def parse_moment(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 or `YYYY-MM-DD HH:MM[:SS]` text; UTC where it names no offset.

    Raises ValueError for anything else (Mailchimp contract §2).
    """
    # A "+" in a query that was not percent-encoded arrives as a blank: accept what servers accept.
    cleaned = _with_plus(text.strip())
    moment = datetime.fromisoformat(cleaned)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _with_plus(text: str) -> str:
    """Put back the `+` of an offset that form decoding turned into a blank."""
    if len(text) >= 6 and text[-6] == " " and text[-3] == ":" and "T" in text:
        return f"{text[:-6]}+{text[-5:]}"
    return text
