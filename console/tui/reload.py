"""When a screen reads again: a pure state machine, without Textual.

Invariant: at most one read in flight and at most one waiting behind it, whatever is asked; an answer of an
older generation is late and must be dropped.
"""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """Why a screen reads."""

    INITIAL = "initial"
    CHANGED = "changed"  # the state file was written by somebody
    MANUAL = "manual"
    RESUMED = "resumed"  # the screen came to the front again
    ASKED = "asked"  # filter or sort changed: what is in flight is no longer wanted


class Reload:
    """Decides whether to start a read now. Numbers are generations, rising."""

    def __init__(self) -> None:
        self.generation = 0
        self.in_flight: int | None = None
        self.pending: Why | None = None
        self.visible = True
        self.paused = False
        self._missed = False

    def ask(self, why: Why) -> int | None:
        """The generation to read now, or None: nothing to do, or it waits behind the one in flight."""
        if why is Why.CHANGED and (self.paused or not self.visible):
            self._missed = True
            return None
        if self.in_flight is not None and why is not Why.ASKED:
            self.pending = why
            return None
        return self._start()

    def done(self, generation: int) -> int | None:
        """A read ended (well or not). The next generation to read at once, if one waits."""
        if generation != self.in_flight:
            return None
        self.in_flight = None
        if self.pending is None:
            return None
        self.pending = None
        return self._start()

    def current(self, generation: int) -> bool:
        """Whether an answer is still wanted."""
        return generation == self.generation

    def show(self) -> int | None:
        """The screen came to the front; reads only when it missed something."""
        self.visible = True
        return self.ask(Why.RESUMED) if self._missed and not self.paused else None

    def hide(self) -> None:
        """The screen is behind another: changes are only noted."""
        self.visible = False

    def pause(self, paused: bool) -> int | None:
        """Stop following changes, or follow again and catch up."""
        self.paused = paused
        return None if paused else self.show()

    def _start(self) -> int:
        self.generation += 1
        self.in_flight = self.generation
        self.pending = None
        self._missed = False
        return self.generation
