"""The console's reads: one worker thread that owns one read-only connection.

Invariant: the event loop never waits for the disk, and no screen can write: the connection is read-only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from state.store import State, open_state

CACHE_KIB = 8 * 1024
"""The console reads pages, not tables; the system's own cache holds the rest."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Reader:
    """Asks the state in its own thread; answers come in the order of the questions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state: State | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        self._closed = False

    async def ask(
        self, question: Callable[Concatenate[State, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """``question(state, …)`` answered off the event loop; raises what it raises (``StateError`` …).

        A caller that is cancelled leaves at once; its answer is thrown away.
        """

        def answer() -> _T:
            state = self._open()
            with state.read():  # one consistent view, and SQLite's errors as ours
                return question(state, *args, **kwargs)

        return await asyncio.wrap_future(self._thread.submit(answer))

    def _open(self) -> State:
        if self._state is None:
            self._state = open_state(self.path, read_only=True, cache_kib=CACHE_KIB)
        return self._state

    async def version(self) -> int:
        """Changes when another process committed (``PRAGMA data_version``)."""

        def look() -> int:
            return self._open().data_version()

        return await asyncio.wrap_future(self._thread.submit(look))

    def close(self) -> None:
        """Stop a running query, close the connection in its thread; no question after this."""
        if self._closed:
            return
        self._closed = True
        if self._state is not None:
            self._state.db.interrupt()

        def close() -> None:
            if self._state is not None:
                self._state.close()

        self._thread.submit(close)
        self._thread.shutdown(wait=True, cancel_futures=False)
