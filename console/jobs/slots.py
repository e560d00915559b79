"""This process's places at an account's table: leased in the state, handed out to requests here (F14, R36).

Invariant: never more requests are open than places are held, and places are given back at the end and while the job
waits. When the
platform says "too many", fewer are used for a while, without giving the rest to somebody else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

from console.jobs.clock import machine_seconds
from console.jobs.process import alive
from console.jobs.state_thread import StateThread
from state.ids import short_id
from state.liveness import ProcessMark
from state.slots import beat_slots, free_slots, slot_holders, take_slots

ASK_SECONDS = 1.0
"""How often more places are asked for while fewer are held than wanted."""

NARROW_SECONDS = 60.0
"""How long a place stays unused after the platform said "too many"."""


class AccountSlots:
    """Implements ``adapters.provider.Slots`` over the places kept in the state."""

    def __init__(
        self,
        account: str,
        *,
        want: int,
        limit: int,
        purpose: str,
        holder: str,
        process: ProcessMark,
        store: StateThread,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
        on_wait: Callable[[str], None],
    ) -> None:
        self.account = account
        self._want = max(1, want)
        self._limit = max(1, limit)
        self._purpose = purpose
        self._holder = holder
        self._process = process
        self._store = store
        self._now = now
        self._sleep = sleep
        self._on_wait = on_wait
        self._held: list[int] = []
        self._open = 0
        self._narrowed: deque[float] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")

    @property
    def held(self) -> int:
        """Places this process has in the state."""
        return len(self._held)

    @property
    def width(self) -> int:
        """Requests that may be open at once just now."""
        now = machine_seconds()
        while self._narrowed and self._narrowed[0] <= now:
            self._narrowed.popleft()
        if not self._held:
            return 0
        return max(1, len(self._held) - len(self._narrowed))

    async def enter(self) -> None:
        """Wait for a place. Cancelling the wait costs nobody theirs."""
        while True:
            if len(self._held) < self._want and machine_seconds() - self._asked_at >= ASK_SECONDS:
                await self._ask()
            if self._open < self.width:
                self._open += 1
                return
            if self._held:
                await self._queue()
            else:
                await self._wait_for_others()

    def leave(self) -> None:
        """The request is over."""
        self._open -= 1
        self._wake()

    def narrow(self) -> None:
        """Use one place fewer for a while, one at least."""
        if len(self._held) - len(self._narrowed) > 1:
            self._narrowed.append(machine_seconds() + NARROW_SECONDS)

    async def beat(self) -> None:
        """Say that this process lives, and learn which places are still its own."""
        async with self._asking:
            if self._held:
                self._held = await self._store.call(
                    beat_slots, self.account, holder=self._holder, process=self._process, now=self._now()
                )

    async def rest(self) -> None:
        """Give back the places no request uses, for others while this job has nothing to ask; its next request asks
        for places again. What was narrowed is kept: it is not for others."""
        async with self._asking:
            keep = self._open + max(0, len(self._held) - self.width)
            idle = self._held[keep:]
            if not idle:
                return
            self._held = self._held[:keep]
            self._asked_at = float("-inf")
            await self._store.call(free_slots, self.account, idle, holder=self._holder, process=self._process)

    async def close(self) -> None:
        """Give all places back."""
        held, self._held = self._held, []
        if held:
            await self._store.call(free_slots, self.account, held, holder=self._holder, process=self._process)

    async def _ask(self) -> None:
        async with self._asking:
            if len(self._held) >= self._want or machine_seconds() - self._asked_at < ASK_SECONDS:
                return  # another request asked while this one waited
            self._asked_at = machine_seconds()
            more = await self._store.call(
                take_slots,
                self.account,
                want=self._want - len(self._held),
                limit=self._limit,
                holder=self._holder,
                process=self._process,
                purpose=self._purpose,
                now=self._now(),
                alive=alive,
            )
            self._held.extend(more)
            for _ in more:
                self._wake()

    async def _queue(self) -> None:
        """Until a request of this process is over, or it is time to look again."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(ASK_SECONDS):  # wait_for of Python 3.11 can swallow a cancellation
                await turn
        except TimeoutError:
            pass  # narrowed places may be usable again, or others' places free
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # the turn was given to us: pass it on
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    async def _wait_for_others(self) -> None:
        holders = await self._store.call(slot_holders, self.account)
        jobs = ", ".join(dict.fromkeys(short_id(holder.holder) for holder in holders))
        self._on_wait(
            f"All {self._limit} places at the account are taken"
            + (f" by job {jobs}" if jobs else "")
            + "; waiting for one."
        )
        while not self._held:
            await self._sleep(ASK_SECONDS)
            await self._ask()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
