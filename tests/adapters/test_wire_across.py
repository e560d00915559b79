"""A job's hooks run in the job's loop, though the transport runs in another thread's."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from adapters.loop_thread import LoopThread
from adapters.provider import RequestNote, Wire
from adapters.wire_across import wire_across


@dataclass
class Job:
    """Notes in which thread each hook ran."""

    seen: list[tuple[str, int]] = field(default_factory=list)
    refuse: bool = False

    def note(self, what: str) -> None:
        asyncio.get_running_loop()  # raises where no loop runs
        self.seen.append((what, threading.get_ident()))

    async def enter(self) -> None:
        self.note("enter")

    def leave(self) -> None:
        self.note("leave")

    def narrow(self) -> None:
        self.note("narrow")

    async def gate(self) -> None:
        self.note("gate")
        if self.refuse:
            raise PermissionError("lease lost")

    async def sleep(self, seconds: float) -> None:
        self.note(f"sleep {seconds}")

    def wire(self) -> Wire:
        return Wire(
            "test",
            slots=self,
            before_request=self.gate,
            on_request=lambda note: self.note(note.path),
            on_wait=self.note,
            sleep=self.sleep,
        )


async def _transport(wire: Wire) -> int:
    """What a transport does with a wire, in its own loop."""
    assert wire.slots is not None
    assert wire.before_request is not None
    assert wire.sleep is not None
    await wire.slots.enter()
    try:
        await wire.before_request()
        wire.on_request(RequestNote("GET", "/x", 200, 1, 1))
        wire.on_wait("waiting")
        await wire.sleep(2.0)
        wire.slots.narrow()
    finally:
        wire.slots.leave()
    return threading.get_ident()


async def test_every_hook_runs_in_the_jobs_loop() -> None:
    job, loop = Job(), LoopThread("test")
    wire = wire_across(job.wire(), asyncio.get_running_loop())
    elsewhere = await asyncio.to_thread(loop.run, _transport(wire))
    await asyncio.sleep(0)
    loop.close()
    assert [what for what, _ in job.seen] == [
        *("enter", "gate", "/x", "waiting", "sleep 2.0", "narrow", "leave"),
    ]
    assert {thread for _, thread in job.seen} == {threading.get_ident()}
    assert elsewhere != threading.get_ident()


async def test_what_a_hook_raises_reaches_the_transport() -> None:
    job, loop = Job(refuse=True), LoopThread("test")
    wire = wire_across(job.wire(), asyncio.get_running_loop())
    with pytest.raises(PermissionError, match="lease lost"):
        await asyncio.to_thread(loop.run, _transport(wire))
    await asyncio.sleep(0)
    loop.close()
    assert [what for what, _ in job.seen] == ["enter", "gate", "leave"]


async def test_a_bare_wire_stays_bare() -> None:
    wire = wire_across(Wire("test"), asyncio.get_running_loop())
    assert (wire.slots, wire.before_request, wire.sleep) == (None, None, None)
    assert wire.read_only
