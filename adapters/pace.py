"""How often, how long and how many at once: the numbers behind the transport's restraint (I19, R36).

Invariant: the requests for one call are bounded by ``RetryPolicy.tries`` and each wait by a cap, whatever a
server writes into its headers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(slots=True, frozen=True)
class RetryPolicy:
    """Backoff in seconds: ``first_wait`` doubling up to ``cap`` with jitter (Mailchimp contract §2).

    A call that timed out may still hold a place at the vendor's table: ``after_timeout`` is the least wait then.
    ``retry_after_cap`` bounds what a server may ask for. ``waits`` are fixed steps instead of doubling ones.
    ``bare_403_passes``: a 403 without a document comes from a gateway and may be asked again (Mailchimp contract
    §9). ``trusts_503``: a write that was answered 503 was not done.
    """

    tries: int = 6
    first_wait: float = 1.0
    cap: float = 60.0
    after_timeout: float = 30.0
    retry_after_cap: float = 120.0
    jitter: Callable[[], float] = random.random
    waits: tuple[float, ...] = ()
    bare_403_passes: bool = True
    trusts_503: bool = True

    def wait(self, tries_made: int, *, asked: float | None = None, timed_out: bool = False) -> float:
        """Seconds to wait after ``tries_made`` tries: half of the step is sure, the other half is chance.

        Of a fixed step all is sure, and up to a tenth is added.
        """
        if self.waits:
            seconds = self.waits[min(tries_made, len(self.waits)) - 1] * (1 + 0.1 * self.jitter())
        else:
            step = min(self.cap, self.first_wait * 2.0 ** (tries_made - 1))
            seconds = step * (0.75 + 0.5 * self.jitter())
        if timed_out:
            seconds = max(seconds, self.after_timeout)
        if asked is not None:
            seconds = max(seconds, min(asked, self.retry_after_cap))
        return min(seconds, max(self.cap, self.retry_after_cap))


@dataclass(slots=True, frozen=True)
class Limits:
    """Seconds a try may take, in its parts and as a whole, and bytes an answer may have.

    Mailchimp ends a call after 120 s, so reading is given a little longer (Mailchimp contract §2).
    """

    connect: float = 10.0
    read: float = 130.0
    write: float = 60.0
    total: float = 180.0
    wire_bytes: int = 32 * 1024 * 1024
    unpacked_bytes: int = 96 * 1024 * 1024
    file_bytes: int = 64 * 1024 * 1024


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds a ``Retry-After`` header asks for; None for nonsense, which there is (I19)."""
    if not value or len(value) > 64:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text), 10**9)) if len(text) <= 12 else float(10**9)
    moment = http_date(text)
    if moment is None:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def http_date(value: str | None) -> datetime | None:
    """A ``Date`` header as UTC; None when it is missing or nonsense."""
    if not value or len(value) > 64:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class Places:
    """Places of this process alone, for connections whose state keeps none; fewer after each ``narrow`` (R36)."""

    def __init__(self, places: int) -> None:
        self.limit = max(1, places)
        self._taken = 0
        self._freed = asyncio.Condition()
        self._waking: set[asyncio.Task[None]] = set()

    async def enter(self) -> None:
        """Waits for a place."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._taken < self.limit)
            self._taken += 1

    def leave(self) -> None:
        """Gives the place back."""
        self._taken -= 1
        waking = asyncio.get_running_loop().create_task(self._wake())
        self._waking.add(waking)
        waking.add_done_callback(self._waking.discard)

    async def _wake(self) -> None:
        async with self._freed:
            self._freed.notify_all()

    def narrow(self) -> None:
        """One place fewer, down to one."""
        self.limit = max(1, self.limit - 1)
