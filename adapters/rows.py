"""Many small calls as one chunk: a few at once, each row with its own result.

Invariant (design law 3): a chunk of which some rows were applied and others have no result is ``Unanswered`` as a
whole, so that it is read back; any other error means that nothing was applied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from adapters.provider import AdapterError, RowResult, Submission, Unanswered
from state.model import Outcome

Row = TypeVar("Row")
Result = TypeVar("Result")

NOT_APPLIED = frozenset({Outcome.REJECTED, Outcome.WITHHELD})


async def gathered(
    rows: Sequence[Row], call: Callable[[Row], Awaitable[Result]], at_once: int
) -> list[Result]:
    """``call`` for every row, ``at_once`` at a time, results in the rows' order; the first error ends it all."""
    results: list[Result | None] = [None] * len(rows)
    waiting = iter(range(len(rows)))

    async def work() -> None:
        for index in waiting:
            results[index] = await call(rows[index])

    await _together([work for _ in range(min(at_once, len(rows)))])
    return [result for result in results if result is not None]


async def submitted(
    rows: Sequence[Row], call: Callable[[Row], Awaitable[RowResult]], at_once: int
) -> Submission:
    """One call a row. An error that is not about one row ends the chunk.

    Raises it when nothing was applied, and ``Unanswered`` when something was: then the chunk as a whole is read
    back before it is sent again.
    """
    results: dict[int, RowResult] = {}
    stopped: list[AdapterError] = []
    waiting: Iterator[int] = iter(range(len(rows)))

    async def work() -> None:
        for index in waiting:
            if stopped:
                return
            try:
                results[index] = await call(rows[index])
            except AdapterError as error:
                stopped.append(error)

    await _together([work for _ in range(min(at_once, len(rows)))])
    if stopped:
        raise in_doubt(stopped, results.values(), len(rows))
    return Submission(tuple(results[index] for index in range(len(rows))))


def in_doubt(stopped: Sequence[AdapterError], results: Iterable[RowResult], rows: int) -> AdapterError:
    """The error of a chunk of several calls that could not be ended."""
    applied = sum(1 for result in results if result.outcome not in NOT_APPLIED)
    unanswered = [error for error in stopped if isinstance(error, Unanswered)]
    cause = (unanswered or stopped)[0]
    if not applied:
        return cause
    return Unanswered(
        "no-answer",
        f"{cause.text} Before that {applied} of {rows} rows were applied.",
        cause.next,
        raw=cause.raw,
    )


async def _together(workers: Sequence[Callable[[], Awaitable[None]]]) -> None:
    tasks = [asyncio.ensure_future(worker()) for worker in workers]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
