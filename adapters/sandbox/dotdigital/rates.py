"""How many calls an API user may make: the vendor's two schemes, on the sandbox's clock (contract §2).

Invariant: a refused call uses nothing up; the counters a client is shown are those it is judged by.
"""

from collections import deque
from dataclasses import dataclass, field

HOUR = 3600.0
HOURLY = 1_000_000
"""What ApiCallsRemaining counts down from where only the minute is limited."""


@dataclass(slots=True)
class Rate:
    """The scheme in force and its numbers."""

    scheme: str = "tiered"
    """`tiered` (429 and headers), `flat` (400, a rolling window) or `none`."""
    limit: int = 20_000
    per: float = 60.0
    """Seconds of the window."""


@dataclass(slots=True)
class Meter:
    """What one account used up."""

    window: float = 0.0
    used: int = 0
    calls: deque[tuple[float, int]] = field(default_factory=deque)
    """(second, calls in it) of the last hour, oldest first."""

    def last(self, now: float, seconds: float = HOUR) -> int:
        """Calls made in the last `seconds`, an hour at most."""
        while self.calls and not now - HOUR < self.calls[0][0] <= now:
            self.calls.popleft()
        return sum(count for moment, count in self.calls if now - seconds < moment <= now)

    def allows(self, rate: Rate, now: float) -> bool:
        """Whether one more call is within the limit; it is counted only if it is."""
        if rate.scheme == "flat" and self.last(now, rate.per) >= rate.limit:
            return False
        if rate.scheme == "tiered":
            window = now // rate.per * rate.per
            if window != self.window:
                self.window, self.used = window, 0
            if self.used >= rate.limit:
                return False
            self.used += 1
        second = float(int(now))
        if self.calls and self.calls[-1][0] == second:
            self.calls[-1] = (second, self.calls[-1][1] + 1)
        else:
            self.calls.append((second, 1))
        return True

    def remaining(self, rate: Rate, now: float) -> int:
        """What ApiCallsRemaining says."""
        allowed, seconds = (rate.limit, rate.per) if rate.scheme == "flat" else (HOURLY, HOUR)
        return max(0, allowed - self.last(now, seconds))

    def headers(self, rate: Rate) -> dict[str, str]:
        """What every answer says about the limit; only the tiered scheme says anything."""
        if rate.scheme != "tiered":
            return {}
        return {
            "X-RateLimit-Limit": str(rate.limit),
            "X-RateLimit-Remaining": str(max(0, rate.limit - self.used)),
            "X-RateLimit-Reset": str(int(self.window + rate.per)),
            "X-RateLimit-Scope": "Account",
        }
