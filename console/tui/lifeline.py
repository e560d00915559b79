"""Notices a lost terminal from a thread of its own, and ends the console with it (I20).

Textual's writer thread dies with the terminal, and the next drawing then waits for it for ever: neither a signal
handler nor a timer of the event loop runs any more. So this thread looks whether the terminal is there, asks the
app to end, and after a grace ends the process. No job and no write is in this process: nothing is lost by it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

LOOK_SECONDS = 1.0
GRACE_SECONDS = 3.0


class Lifeline(threading.Thread):
    """Watches one file descriptor; ``end`` asks the app to end and may be called from any thread."""

    def __init__(self, descriptor: int, end: Callable[[], None], exit_code: int) -> None:
        super().__init__(name="lifeline", daemon=True)
        self._descriptor = descriptor
        self._end = end
        self._exit_code = exit_code
        self._over = threading.Event()

    def stop(self) -> None:
        """The app has ended by itself."""
        self._over.set()

    def run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            if not os.isatty(self._descriptor):
                self._end()
                if not self._over.wait(GRACE_SECONDS):
                    os._exit(self._exit_code)
                return
