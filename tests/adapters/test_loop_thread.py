"""An event loop beside: usable from any thread, and it ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from adapters.loop_thread import LoopThread


async def _where() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


async def _fail() -> None:
    raise KeyError("told")


def test_everything_runs_in_one_thread_that_is_not_the_callers() -> None:
    loop = LoopThread("test")
    seen = [loop.run(_where())]
    other = threading.Thread(target=lambda: seen.append(loop.run(_where())))
    other.start()
    other.join()
    loop.close()
    assert len(set(seen)) == 1
    assert threading.get_ident() not in seen


def test_errors_come_back_to_the_caller() -> None:
    loop = LoopThread("test")
    with pytest.raises(KeyError, match="told"):
        loop.run(_fail())
    assert loop.run(_where())
    loop.close()


async def test_it_works_and_ends_in_the_midst_of_another_loop() -> None:
    loop = LoopThread("test")
    assert loop.run(_where()) != threading.get_ident()
    loop.close()
    loop.close()


def test_what_is_left_is_cancelled_at_the_end() -> None:
    loop = LoopThread("test")
    ended = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def begin() -> asyncio.Task[None]:
        task = asyncio.ensure_future(endless())
        await asyncio.sleep(0)
        return task

    task = loop.run(begin())
    loop.close()
    assert ended.is_set()
    assert task.cancelled()
    assert "test" not in [thread.name for thread in threading.enumerate()]
