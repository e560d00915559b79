"""A job's wire for a transport that runs in another thread's loop, as sources do.

What a job hangs on its wire (lease check, places at the account's table, log, sleep) belongs to the job's own loop.
Invariant: all of it runs there, whichever loop the transport runs in. The job's loop must be free to run
meanwhile, and so must every thread its hooks need: a thread that waits for a source must not be the one that
owns the state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from adapters.provider import RequestNote, Slots, Wire

T = TypeVar("T")


def wire_across(wire: Wire, home: asyncio.AbstractEventLoop) -> Wire:
    """The wire with everything in it run in the loop ``home``."""

    async def there(work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, home))

    before, sleep = wire.before_request, wire.sleep

    async def before_request() -> None:
        if before is not None:
            await there(_awaited(before()))

    async def asleep(seconds: float) -> None:
        if sleep is not None:
            await there(_awaited(sleep(seconds)))

    def on_request(note: RequestNote) -> None:
        home.call_soon_threadsafe(wire.on_request, note)

    def on_wait(text: str) -> None:
        home.call_soon_threadsafe(wire.on_wait, text)

    return replace(
        wire,
        slots=_SlotsAcross(wire.slots, home) if wire.slots is not None else None,
        before_request=before_request if before is not None else None,
        sleep=asleep if sleep is not None else None,
        on_request=on_request,
        on_wait=on_wait,
    )


async def _awaited(work: Any) -> Any:
    return await work


@dataclass(slots=True)
class _SlotsAcross:
    """Places that belong to another loop."""

    slots: Slots
    home: asyncio.AbstractEventLoop

    async def enter(self) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(self.slots.enter()), self.home))

    def leave(self) -> None:
        self.home.call_soon_threadsafe(self.slots.leave)

    def narrow(self) -> None:
        self.home.call_soon_threadsafe(self.slots.narrow)
