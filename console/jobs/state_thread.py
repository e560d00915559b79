"""The one thread of a job that speaks with the state: an SQLite connection belongs to the thread that opened it.

Invariant: the event loop never waits for the disk; calls run one after the other, in the order they were made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from state.store import State, open_state

P = ParamSpec("P")
T = TypeVar("T")


class StateThread:
    """An open state and its thread."""

    def __init__(self, state: State, executor: ThreadPoolExecutor) -> None:
        self._state = state
        self._executor = executor

    @classmethod
    async def open(cls, path: Path) -> StateThread:
        """Open (and make or migrate) the state in a thread of its own. Raises ``StateError``."""
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")
        try:
            state = await asyncio.get_running_loop().run_in_executor(executor, open_state, path)
        except BaseException:
            executor.shutdown()
            raise
        return cls(state, executor)

    async def call(self, fn: Callable[Concatenate[State, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``fn(state, …)`` in the thread. When the waiting task is cancelled the call itself still ends."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: fn(self._state, *args, **kwargs)
        )

    def interrupt(self) -> None:
        """Break off a query that takes too long; its transaction is rolled back."""
        self._state.interrupt()

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self.call(State.close)
        self._executor.shutdown()
