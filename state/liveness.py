"""Who a process was, and when its holder counts as dead (design law 4).

Invariant: on this host death is proven (pid, start time, boot id), never guessed from an age, so that no jump
of the clock takes anything away from a living process (I4, I23); ages count only where nothing can be proven.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

BEAT_SECONDS = 10
"""How often a living process says so."""

STALL_SECONDS = 60
"""Silence after which a job elsewhere is shown as stalled."""

TAKEOVER_SECONDS = 300
"""Silence after which what a process elsewhere holds may be taken over."""


@dataclass(slots=True, frozen=True)
class ProcessMark:
    """One process among all there ever were. No part but ``host`` has a blank in it.

    ``start`` is its start time in the system's own words, ``boot`` the start of the machine, ``space`` the
    process numbering it lives in (a container has its own).
    """

    host: str
    pid: int
    start: str
    boot: str
    space: str = ""

    def __str__(self) -> str:
        return f"{self.pid} {self.start} {self.boot} {self.space or '-'} {self.host}"

    @classmethod
    def parse(cls, text: str) -> ProcessMark | None:
        """The mark of a text; None for a text that is none (nothing holds it)."""
        parts = text.split(" ", 4)
        if len(parts) != 5 or not parts[0].isdecimal():
            return None
        pid, start, boot, space, host = parts
        return cls(host, int(pid), start, boot, "" if space == "-" else space)


Alive = Callable[[ProcessMark], bool | None]
"""True: lives; False: proven dead; None: cannot be told from here (another host, another container)."""


def gone(
    process: str,
    heartbeat_at: datetime | None,
    now: datetime,
    alive: Alive,
    silent_seconds: int = TAKEOVER_SECONDS,
) -> bool:
    """Whether the holder written as ``process`` may be replaced."""
    mark = ProcessMark.parse(process)
    if mark is None:
        return True
    verdict = alive(mark)
    if verdict is not None:
        return not verdict
    return heartbeat_at is None or now - heartbeat_at > timedelta(seconds=silent_seconds)
