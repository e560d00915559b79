"""The four steps of an export, each visible in the log with its numbers, and the workers that send its chunks.

First those leave the list who left the source; then the platform hears who opted out, and the source what changed
at the platform; then what is to be sent is counted; then it is sent. A chunk's intent is committed before it leaves
(design law 3).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from math import ceil

from adapters.provider import AccountLimit, Batch
from console.jobs.errand import Errand, batch_of, fold_answered
from console.jobs.settling import send_chunk, settle_open
from console.jobs.tickets import OPEN_AT_ONCE, follow_tickets, open_tickets
from console.wording import counted
from state.chunks import intend, todo_count
from state.model import Action, Level, Plan, RowClass
from state.outcomes import sent_by_action

FOLD_EVERY_CHUNKS = 2_000
"""A million contacts: outcomes are durable as they come, and folding them meanwhile keeps the connections waiting."""

LEAVING = (Action.REMOVE,)
OPTED_OUT = (Action.UNSUBSCRIBE,)
TO_THE_SOURCE = (Action.WRITE_BACK, Action.CREATE)
SENT = (Action.ADD, Action.CHANGE, Action.MOVE)

_PHASES = {
    Action.REMOVE: "removing",
    Action.UNSUBSCRIBE: "unsubscribing",
    Action.WRITE_BACK: "writing to the source",
    Action.CREATE: "creating in the source",
    Action.ADD: "adding",
    Action.CHANGE: "changing fields",
    Action.MOVE: "changing addresses",
}


async def send_in_steps(errand: Errand) -> None:
    """Everything the plan sends, in the order of ``ACTION_ORDER``."""
    plan, rows = errand.plan, errand.plan.writes_by_action()
    _tell(errand, 1, f"removed contacts: {rows.get(Action.REMOVE, 0):,} leave the list.")
    await _send_each(errand, LEAVING)
    _tell(
        errand,
        2,
        f"list items against the unsubscribed: {rows.get(Action.UNSUBSCRIBE, 0):,} unsubscribed,"
        f" {plan.counts[RowClass.UNSUBSCRIBED_IGNORED.value]:,} already out.",
    )
    await _send_each(errand, OPTED_OUT)
    if any(action in rows for action in TO_THE_SOURCE):
        await _send_each(errand, TO_THE_SOURCE)
        _tell(errand, 2, f"source updated: {await _updated(errand)}.")
    _tell(errand, 3, f"preparing: {_prepared(errand, plan)}.")
    await _tell_fourth(errand)
    await _send_each(errand, SENT)


def _tell(errand: Errand, number: int, text: str) -> None:
    errand.run.log(Level.INFO, f"Step {number} of 4, {text}")


async def _updated(errand: Errand) -> str:
    """``11 of 12 written back, 3 created``: what the source took, by the outcomes."""
    planned = errand.plan.writes_by_action()
    taken = await errand.run.db(sent_by_action, errand.grip.job_no, errand.plan, TO_THE_SOURCE)
    told = []
    for action, word in ((Action.WRITE_BACK, "written back"), (Action.CREATE, "created")):
        done, rows = taken.get(action, 0), planned.get(action, 0)
        told.append(f"{done:,} {word}" if done == rows else f"{done:,} of {rows:,} {word}")
    return ", ".join(told)


async def _tell_fourth(errand: Errand) -> None:
    rows = sum(errand.plan.writes_by_action().get(action, 0) for action in SENT)
    left = await errand.run.db(todo_count, errand.grip.job_no, errand.plan)
    many = counted(rows, "row") if rows <= left else f"{left:,} rows that are left of {rows:,}"
    _tell(errand, 4, f"exporting {many} to {errand.remote.name}.")


def _prepared(errand: Errand, plan: Plan) -> str:
    """``670 new, 184 changed, 0 moved in 2 files of ≤ 10,000 rows``."""
    rows = plan.writes_by_action()
    told = f"{rows.get(Action.ADD, 0):,} new, {rows.get(Action.CHANGE, 0):,} changed, {rows.get(Action.MOVE, 0):,} moved"
    chunks: Counter[tuple[str, int]] = Counter()
    for action in SENT:
        if action in rows:
            batch = batch_of(errand, action)
            word = "file" if batch.by_ticket else "chunk"
            chunks[word, batch.rows] += ceil(rows[action] / batch.rows)
    cut = [
        f"{count:,} {word}{'' if count == 1 else 's'} of ≤ {size:,} rows"
        for (word, size), count in chunks.items()
    ]
    return f"{told} in {' and '.join(cut)}" if cut else told


async def _send_each(errand: Errand, actions: tuple[Action, ...]) -> None:
    for action in actions:
        await _send_all(errand, action)


async def _send_all(errand: Errand, action: Action) -> None:
    """All chunks of one action, several in flight, each with its own intent (design law 3)."""
    run = errand.run
    total = errand.plan.writes_by_action().get(action, 0)
    if not total:
        return
    batch = batch_of(errand, action)
    run.phase(_PHASES[action], total)
    sender = _Sender(errand, action, batch)
    while True:
        if batch.by_ticket:
            sender.room = OPEN_AT_ONCE - len(await open_tickets(errand))
        await asyncio.gather(*(sender.work() for _ in range(_width(errand, batch))))
        sender.raise_first()
        await fold_answered(errand)
        if sender.ended:
            break
        await follow_tickets(errand)  # there is no room for another import now
    if sender.doubts:
        await settle_open(errand)
        run.phase(_PHASES[action], total)
        run.advance(total)


def _width(errand: Errand, batch: Batch) -> int:
    """How many chunks are in flight: one where a chunk is many calls of its own, unless the adapter says."""
    if batch.parallel is None and batch.calls_per_chunk > 1:
        return 1
    return max(1, min(batch.parallel or errand.connections, errand.connections))


class _Sender:
    """The workers of one action. The first error stops all of them, after the chunk each has under way."""

    def __init__(self, errand: Errand, action: Action, batch: Batch) -> None:
        self._errand = errand
        self._action = action
        self._batch = batch
        self._turn = asyncio.Lock()
        self._after = -1
        self._error: BaseException | None = None
        self._since_fold = 0
        self.doubts = 0
        self.ended = False
        self.room: int | None = None
        """How many more chunks may leave now; None: as many as there are."""

    def raise_first(self) -> None:
        if self._error is not None:
            raise self._error

    async def work(self) -> None:
        while self._error is None:
            try:
                if not await self._one():
                    return
            except BaseException as error:
                self._fail(error)
                if not isinstance(error, Exception):
                    raise

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error

    async def _one(self) -> bool:
        """Send the next chunk; False when there is none, or no room for it."""
        errand, run = self._errand, self._errand.run
        run.check_cancelled()
        async with self._turn:
            if self._error is not None or (self.room is not None and self.room <= 0):
                return False
            chunk, self._after = await run.commit(
                intend,
                errand.grip,
                errand.plan,
                self._action,
                after=self._after,
                size=self._batch.rows,
                now=run.now(),
            )
            if chunk is None:
                self.ended = self.room is None or self.room > 0
                return False
            if self.room is not None:
                self.room -= 1
        run.journal_step()
        try:
            if not await send_chunk(errand, chunk, self._batch):
                self.doubts += 1
        except AccountLimit as error:
            if error.reason != "too-many-imports" or not await open_tickets(errand):
                raise
            # Its rows were let go: they leave when an import has ended.
            self.room, self.ended, self._after = 0, False, -1
            return False
        run.advance(len(chunk.rows))
        await self._fold_now_and_then()
        return True

    async def _fold_now_and_then(self) -> None:
        self._since_fold += 1
        if self._since_fold >= FOLD_EVERY_CHUNKS:
            self._since_fold = 0
            await fold_answered(self._errand)
