"""The machine's own clock: seconds since it was started, time asleep included.

It never jumps, so what must not happen too early (a request on a lease nobody renewed) is measured by it and
not by the wall clock (I4, I23).
"""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux counts sleep in CLOCK_BOOTTIME alone; macOS counts it in CLOCK_MONOTONIC."""


def machine_seconds() -> float:
    """Seconds on a clock that only runs forward and goes on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)
