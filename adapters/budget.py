"""The calls an account has left, by what the platform itself says, and who may use the last of them.

Several processes share an account, so the platform's own numbers are the truth and are read from every answer;
between two answers only our own calls are counted. Invariants: who is not sitting before a screen leaves a tenth
of the calls to those who are; no wait is longer than ``LONGEST_WAIT``; numbers that are none are ignored.
Source: dotdigital contract §2 (two schemes: calls a minute told in headers; a rolling hour told by the account).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.provider import Throttled, Wire
from state.model import Budget
from state.moments import utc_now

LONGEST_WAIT = 120.0
RESERVE = 10
"""One call in so many is kept for people at a screen."""

MINUTE, HOUR = 60, 3600
_JITTER_SECONDS = 2.0
_DIGITS = 12


@dataclass(slots=True)
class _Window:
    """What is known of the present span of time. ``resets_at`` by our own clock; None where it rolls or is unknown."""

    limit: int
    left: int
    seconds: int
    resets_at: datetime | None
    scope: str


class CallBudget:
    """One account's calls as this process sees them; the transport asks it before each call."""

    def __init__(
        self,
        wire: Wire,
        *,
        now: Callable[[], datetime] = utc_now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._wire = wire
        self._now = now
        self._jitter = jitter
        self._sleep = wire.sleep or asyncio.sleep
        self._window: _Window | None = None
        self._tiered = False
        self._in_flight = 0
        self._turn = asyncio.Lock()

    @property
    def tiered(self) -> bool:
        """Whether the platform tells what is left with its answers: its figures of a rolling hour mean nothing then."""
        return self._tiered

    async def admit(self) -> None:
        """Lets a call leave: at once, or when the account has calls again.

        Raises ``Throttled`` (``calls-used-up``) where the window is a rolling hour, whose end nobody tells.
        """
        async with self._turn:
            while (window := self._spent()) is not None:
                if window.resets_at is None:
                    raise used_up(window.limit, window.left)
                await self._wait(window, window.resets_at)
            self._in_flight += 1

    def done(self, headers: Mapping[str, str], date: datetime | None) -> None:
        """A call has ended; its answer's headers tell what is left, where they do."""
        self._in_flight -= 1
        limit, left = _number(headers, "x-ratelimit-limit"), _number(headers, "x-ratelimit-remaining")
        if limit is not None and left is not None and limit > 0:
            self._tiered = True
            self._take(
                limit, min(left, limit), self._reset(headers, date), headers.get("x-ratelimit-scope", "")
            )
        elif self._window is not None:
            self._window.left = max(0, self._window.left - 1)
            if not self._tiered:
                self._tell(self._window)

    def counted(self, last_hour: int, left: int) -> None:
        """What an account of the flat scheme says of its rolling hour; means nothing once headers have told more."""
        if not self._tiered and last_hour >= 0 and left >= 0 and last_hour + left > 0:
            self._window = _Window(last_hour + left, left, HOUR, None, "")
            self._tell(self._window)

    def exhausted(self) -> None:
        """The platform refused a call because the flat limit is reached."""
        if not self._tiered and self._window is not None:
            self._window.left = 0
            self._tell(self._window)

    def until_reset(self, headers: Mapping[str, str], date: datetime | None) -> float | None:
        """Seconds until the platform counts anew, by its own clock and with some jitter; None when it does not say."""
        resets_at = self._reset(headers, date)
        if resets_at is None:
            return None
        return min(LONGEST_WAIT, self._seconds_to(resets_at))

    def waited(self, seconds: float) -> None:
        """So long a pause was made after an answer that asked for one: a window that ends within it is over."""
        window = self._window
        if window is None or window.resets_at is None:
            return
        if window.left <= 0 or window.resets_at <= self._now() + timedelta(seconds=seconds):
            self._renew(window)

    # --- inside -------------------------------------------------------------------------------------------

    def _spent(self) -> _Window | None:
        """The window whose calls are used up for this wire, else None."""
        window = self._window
        if window is None:
            return None
        if window.resets_at is not None and self._now() >= window.resets_at:
            self._renew(window)
        if self._tiered and window.resets_at is None:
            return None  # nobody knows when it ends: the platform says when it is enough
        kept = 0 if self._wire.interactive else window.limit // RESERVE
        return window if window.left - self._in_flight <= kept else None

    async def _wait(self, window: _Window, resets_at: datetime) -> None:
        seconds = min(LONGEST_WAIT, self._seconds_to(resets_at))
        span = "minute" if window.seconds == MINUTE else "hour"
        until = self._now() + timedelta(seconds=seconds)
        kept = window.limit // RESERVE
        self._wire.on_wait(
            f"The account's calls for this {span} are used up (limit {window.limit:,}, {kept:,} kept for people at a"
            f" screen); going on at {until:%H:%M:%S} UTC."
        )
        await self._sleep(seconds)
        if self._window is window and window.resets_at == resets_at:
            self._renew(window)

    def _take(self, limit: int, left: int, resets_at: datetime | None, scope: str) -> None:
        window = self._window
        if window is not None and window.resets_at is not None and resets_at is not None:
            # Answers overtake each other: of one window the lowest number is the newest.
            if resets_at - window.resets_at < -timedelta(seconds=2):
                return
            if abs(resets_at - window.resets_at) <= timedelta(seconds=2):
                left, resets_at = min(left, window.left), window.resets_at
        away = (resets_at - self._now()).total_seconds() if resets_at is not None else 0.0
        self._window = _Window(limit, left, MINUTE if away <= 2 * MINUTE else HOUR, resets_at, scope)
        self._tell(self._window)

    def _renew(self, window: _Window) -> None:
        window.left, window.resets_at = window.limit, None

    def _reset(self, headers: Mapping[str, str], date: datetime | None) -> datetime | None:
        """When the window ends by our clock; the platform's may be wrong, so its own distance is taken."""
        stamp = _number(headers, "x-ratelimit-reset")
        if stamp is None:
            return None
        try:
            end = datetime.fromtimestamp(stamp, UTC)
        except (ValueError, OverflowError, OSError):
            return None
        now = self._now()
        return now + max(timedelta(0), end - (date or now))

    def _seconds_to(self, moment: datetime) -> float:
        return max(0.0, (moment - self._now()).total_seconds()) + _JITTER_SECONDS * self._jitter()

    def _tell(self, window: _Window) -> None:
        self._wire.on_budget(
            Budget(window.limit, window.left, window.seconds, self._now(), window.resets_at, window.scope)
        )


def used_up(limit: int | None = None, left: int = 0) -> Throttled:
    """The error of a rolling hour whose calls are used up: nobody tells when the next one is free."""
    told = (
        f" ({left:,} of {limit:,} calls left, {limit // RESERVE:,} kept for people at a screen)"
        if limit
        else ""
    )
    return Throttled(
        "calls-used-up",
        f"The account's calls for this hour are used up{told}.",
        "Resume in at most 1 hour.",
    )


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
