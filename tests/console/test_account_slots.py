"""Places at an account's table as requests use them (F14, R36)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import console.jobs.slots as slots_module
from console.jobs.clock import machine_seconds
from console.jobs.process import this_process
from console.jobs.slots import NARROW_SECONDS, AccountSlots
from console.jobs.state_thread import StateThread
from state.moments import utc_now
from state.slots import free_slots, slot_holders
from state.store import State

ACCOUNT = "account:fake:1"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateThread]:
    store = await StateThread.open(tmp_path / "state.db")
    yield store
    await store.close()


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds the machine's clock is ahead, to be changed."""
    found = [0.0]
    monkeypatch.setattr(slots_module, "machine_seconds", lambda: machine_seconds() + found[0])
    monkeypatch.setattr(slots_module, "ASK_SECONDS", 0.05)
    return found


Make = Callable[..., AccountSlots]


@pytest.fixture
def table(store: StateThread, ahead: list[float]) -> Make:
    """Makes places for a job."""

    def make(
        holder: str,
        *,
        want: int = 3,
        limit: int = 3,
        purpose: str = "export",
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> AccountSlots:
        return AccountSlots(
            ACCOUNT,
            want=want,
            limit=limit,
            purpose=purpose,
            holder=holder,
            process=this_process(),
            store=store,
            now=utc_now,
            sleep=asyncio.sleep,
            on_wait=on_wait,
        )

    return make


async def test_never_more_requests_are_open_than_places_are_held(table: Make) -> None:
    slots, now_open, most = table("J1"), 0, 0

    async def request() -> None:
        nonlocal now_open, most
        await slots.enter()
        now_open += 1
        most = max(most, now_open)
        await asyncio.sleep(0)
        now_open -= 1
        slots.leave()

    await asyncio.gather(*(request() for _ in range(200)))
    assert most == 3
    assert slots.held == 3
    await slots.close()


async def test_two_jobs_together_never_exceed_the_table(table: Make, store: StateThread) -> None:
    said, told = list[str](), asyncio.Event()

    def tell(text: str) -> None:
        said.append(text)
        told.set()

    first, second = table("01FIRSTJOB", want=2), table("01SECONDJOB")
    await first.enter()
    await second.enter()
    assert (first.held, second.held) == (2, 1)
    third = table("01THIRDJOB", want=1, on_wait=tell)
    waiting = asyncio.create_task(third.enter())
    await asyncio.wait_for(told.wait(), 20)
    assert "All 3 places" in said[0]
    assert "FIRSTJOB" in said[0]
    assert not waiting.done()
    first.leave()
    await first.close()
    await asyncio.wait_for(waiting, 20)
    assert third.held == 1
    assert len(said) == 1, "it is said once"
    await second.close()
    await third.close()
    assert await store.call(slot_holders, ACCOUNT) == []


async def test_places_that_come_free_later_are_taken(table: Make) -> None:
    first, second = table("J1", want=2), table("J2")
    await first.enter()
    await second.enter()
    waiting = asyncio.create_task(second.enter())
    await asyncio.sleep(0)
    assert not waiting.done()
    first.leave()
    await first.close()
    await asyncio.wait_for(waiting, 20)
    assert second.held == 3
    await second.close()


async def test_R36_when_the_platform_says_too_many_fewer_are_used_for_a_while(
    table: Make, ahead: list[float], store: StateThread
) -> None:
    slots = table("J1")
    await slots.enter()
    assert slots.width == 3
    slots.narrow()
    ahead[0] += 10
    slots.narrow()
    assert slots.width == 1
    slots.narrow()
    assert slots.width == 1, "one stays"
    waiting = asyncio.create_task(slots.enter())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    slots.leave()
    await asyncio.wait_for(waiting, 20)
    assert len(await store.call(slot_holders, ACCOUNT)) == 3, "the rest is given to nobody else"
    ahead[0] += NARROW_SECONDS - 10
    assert slots.width == 2
    ahead[0] += 10
    assert slots.width == 3
    await slots.close()


async def test_requests_that_waited_go_on_when_a_narrowed_place_is_usable_again(
    table: Make, ahead: list[float]
) -> None:
    slots = table("J1", want=2)
    await slots.enter()
    slots.narrow()
    waiting = asyncio.create_task(slots.enter())
    await asyncio.sleep(0)
    assert not waiting.done()
    ahead[0] += NARROW_SECONDS
    await asyncio.wait_for(waiting, 20)
    await slots.close()


async def test_a_request_that_gives_up_waiting_costs_nobody_a_turn(
    table: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots_module, "ASK_SECONDS", 1e6)  # nobody is helped by looking again
    slots = table("J1", want=1)
    await slots.enter()
    waiting = [asyncio.create_task(slots.enter()) for _ in range(5)]
    await asyncio.sleep(0)
    slots.leave()
    for task in waiting[::2]:
        task.cancel()
    for task in waiting[1::2]:
        await asyncio.wait_for(task, 20)
        slots.leave()
    for task in waiting[::2]:
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.wait_for(slots.enter(), 20)
    await slots.close()


async def test_places_that_were_taken_away_are_no_longer_used(table: Make, store: StateThread) -> None:
    slots = table("J1")
    await slots.enter()

    def take_away(state: State) -> None:
        free_slots(state, ACCOUNT, [0, 2], holder="J1", process=this_process())

    await store.call(take_away)
    await slots.beat()
    assert (slots.held, slots.width) == (1, 1)
    await slots.close()


async def test_a_job_that_waits_leaves_its_places_to_others_and_gets_new_ones(
    table: Make, store: StateThread
) -> None:
    said = list[str]()
    export = table("J1", want=3, on_wait=said.append)
    await export.enter()
    await export.rest()
    assert (export.held, len(await store.call(slot_holders, ACCOUNT))) == (1, 1), "a request is open"
    export.leave()
    await asyncio.gather(export.beat(), export.rest())
    assert await store.call(slot_holders, ACCOUNT) == []
    other = table("J2", want=2)
    await asyncio.wait_for(other.enter(), 20)
    await asyncio.wait_for(export.enter(), 20)
    assert (other.held, export.held, said) == (2, 1, [])
    await export.close()
    await other.close()


async def test_R36_a_narrowed_place_is_given_to_nobody_else_while_the_job_waits(table: Make) -> None:
    slots = table("J1", want=3)
    await slots.enter()
    slots.leave()
    slots.narrow()
    slots.narrow()
    await slots.rest()
    assert (slots.held, slots.width) == (2, 1)
    await slots.close()


async def test_reads_have_places_an_export_cannot_take(table: Make) -> None:
    export, reads = table("J1", want=8, limit=8), table("J2", want=2, limit=10, purpose="read")
    await export.enter()
    await asyncio.wait_for(reads.enter(), 20)
    assert (export.held, reads.held) == (8, 2)
    await export.close()
    await reads.close()
