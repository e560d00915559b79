"""One run of a job, as its work sees it: clock, log, progress, state, lease, and the way to a platform.

Invariant: a request leaves only while nobody stopped the job, its leases are this process's own for longer than
a request may take, and the state can be written (I4, I10, I20).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import console
from adapters.pace import Limits
from adapters.provider import ConnectionSettings, RequestNote, Wire
from adapters.source import SourceSettings
from console.jobs.buffer import Batch, Buffer, Phase, write_batch
from console.jobs.clock import machine_seconds
from console.jobs.crash import CrashHook
from console.jobs.ends import JobCancelled, JobInterrupted
from console.jobs.process import alive
from console.jobs.slots import AccountSlots
from console.jobs.state_thread import StateThread
from console.masking import Masks
from state.errors import FenceLost, StateError
from state.ids import short_id
from state.job_log import put_file
from state.jobs import beat, cancel_requested
from state.leases import beat_lease, release_lease, take_lease
from state.liveness import BEAT_SECONDS, TAKEOVER_SECONDS, ProcessMark
from state.model import Job, JobState, Level, LogLine, Operator, RequestLine
from state.slots import READ
from state.store import State

P = ParamSpec("P")
T = TypeVar("T")

FLUSH_SECONDS = 0.25
LAST_REQUESTS_SECONDS = 0.8
"""After a signal a chunk under way may still send for so long (I20: none after one second)."""

READS = 2
"""Places at an account kept for reads beside an export's (design §4)."""

_REQUEST_SECONDS = Limits().total + 10
"""What must be left of a lease before a request leaves: the longest one, and a margin (I4)."""

logger = logging.getLogger("listwarden.jobs")


async def _awaited(work: Awaitable[T]) -> T:
    """A coroutine of anything that can be awaited."""
    return await work


@dataclass(slots=True)
class HeldLease:
    """A lease of this process, and when it was last renewed by the machine's own clock."""

    name: str
    fence: int
    renewed: float

    def left(self) -> float:
        """Seconds until another host may take it over."""
        return TAKEOVER_SECONDS - (machine_seconds() - self.renewed)


@dataclass(slots=True, frozen=True)
class Listener:
    """Whoever watches a run in the same process; called from the event loop."""

    on_line: Callable[[LogLine], None] | None = None
    on_progress: Callable[[Job], None] | None = None


class Run:
    """Handed to every job's work; all methods belong to the event loop's thread unless they say otherwise."""

    def __init__(
        self,
        job: Job,
        *,
        store: StateThread,
        process: ProcessMark,
        operator: Operator,
        options: Mapping[str, object],
        config: Path | None,
        state_path: Path,
        now: Callable[[], datetime],
        masks: Masks,
        crash: CrashHook,
        resumed: bool = False,
        listener: Listener | None = None,
    ) -> None:
        self.job = job
        self.operator = operator
        self.options = options
        self.config = config
        self.state_path = state_path
        self.process = process
        self.resumed = resumed
        self.masks = masks
        self.now = now
        self._store = store
        self._crash = crash
        self._listener = listener or Listener()
        self._buffer = Buffer()
        self._lines = 0
        self._leases: dict[str, HeldLease] = {}
        self._slots: dict[tuple[str, str], AccountSlots] = {}
        self._cause: JobCancelled | JobInterrupted | FenceLost | StateError | None = None
        self._stopped = asyncio.Event()
        self._halted = asyncio.Event()
        self._halted_at = 0.0
        self._beaten = machine_seconds()

    # --- telling ---------------------------------------------------------------------------------------

    def log(self, level: Level, text: str, reason: str = "") -> None:
        """One line of the job's log; secrets and addresses are masked. From any thread."""
        text, at = self.masks.mask(text), self.now()
        self._buffer.add_line(at, level, text, reason)
        self._lines += 1
        if self._listener.on_line is not None:
            self._listener.on_line(LogLine(self._lines, at, level, text, reason))

    def phase(self, name: str, total: int = 0, unit: str = "contacts") -> None:
        """A new phase begins; ``total`` 0 when it is not known. From any thread."""
        phase = Phase(name, total, unit, self.now())
        self._buffer.begin(phase)
        self.job = replace(self.job, phase=name, done=0, total=total, unit=unit, phase_at=phase.at)
        self._show()

    def advance(self, count: int = 1) -> None:
        """So many units more of the present phase are done. From any thread."""
        self.job = replace(self.job, done=self._buffer.advance(count))
        self._show()

    def counts(self, counts: Mapping[str, int]) -> None:
        """Rows by outcome so far. From any thread."""
        self._buffer.count(counts)
        self.job = replace(self.job, counts=dict(counts))
        self._show()

    def waiting(self, text: str) -> None:
        """What the job waits for, as a sentence; empty when it goes on. From any thread."""
        text = self.masks.mask(text)
        self._buffer.wait_for(text)
        self.job = replace(self.job, waiting_for=text, state=JobState.WAITING if text else JobState.RUNNING)
        self._show()

    async def keep_file(self, name: str, body: bytes) -> None:
        """Keep a file with the job before it ends (R19)."""
        await self.commit(put_file, self.job.job_id, name, body, self.now())

    # --- the state -------------------------------------------------------------------------------------

    async def db(self, fn: Callable[Concatenate[State, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``fn(state, …)`` in the one thread that owns the state; a fault of the file stops all further requests."""
        try:
            return await self._store.call(fn, *args, **kwargs)
        except (StateError, FenceLost) as error:
            if isinstance(error, FenceLost) or error.of_the_file:
                self.stop(error)
            raise

    async def commit(self, fn: Callable[Concatenate[State, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``db``, in one write transaction together with all that is to be told."""

        def together(state: State) -> T:
            batch = self._buffer.take()
            try:
                with state.write():
                    write_batch(state, self.job.job_id, batch)
                    return fn(state, *args, **kwargs)
            except BaseException:
                self._buffer.give_back(batch)
                raise

        return await self.db(together)

    def journal_step(self) -> None:
        """One step of the journal is committed (the crash hook counts them)."""
        self._crash.step("journal")

    # --- stopping --------------------------------------------------------------------------------------

    def check_cancelled(self) -> None:
        """Between two chunks: raises ``JobCancelled``, ``JobInterrupted``, ``FenceLost`` or ``StateError``."""
        if self._cause is not None:
            raise self._cause

    def stop(self, cause: JobCancelled | JobInterrupted | FenceLost | StateError) -> None:
        """Let nothing more begin. A lost lease or state outweighs a person's wish; of equals the first counts."""
        if self._cause is None or isinstance(self._cause, JobCancelled):
            self._cause = cause
        self._stopped.set()
        if not isinstance(cause, JobCancelled) and not self._halted.is_set():
            self._halted_at = machine_seconds()
            self._halted.set()

    async def sleep(self, seconds: float) -> None:
        """Wait, unless the job is stopped; then raise as ``check_cancelled``."""
        await self._wait(self._stopped, seconds)
        self.check_cancelled()

    async def rest(self) -> None:
        """Give back the places at accounts that no request uses: before a wait, and when a provider is closed."""
        for slots in list(self._slots.values()):
            await slots.rest()

    async def wait_until(self, moment: datetime, text: str = "") -> None:
        """Wait for a moment of the job's clock, telling what for; raises as ``check_cancelled``.

        A clock that is set back makes nobody wait longer than it was at the beginning.
        """
        began, longest = machine_seconds(), (moment - self.now()).total_seconds()
        if longest <= 0:
            return
        self.waiting(text)
        await self.rest()
        try:
            while (left := (moment - self.now()).total_seconds()) > 0 and machine_seconds() - began < longest:
                await self.sleep(min(left, 1.0))
        finally:
            self.waiting("")

    async def _wait(self, stopped: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await stopped.wait()
        except TimeoutError:
            pass  # the time is over, as asked

    # --- the account -----------------------------------------------------------------------------------

    @property
    def fence(self) -> int:
        """The fencing number of the lease held; 0 without one."""
        return max((held.fence for held in self._leases.values()), default=0)

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[int]:
        """Hold an account (``state.leases.lease_name``) while the block runs; yields the fence.

        Raises ``LeaseHeld``. It is renewed by the job's heartbeat and let go at the end.
        """
        asked = machine_seconds()
        fence = await self.db(
            take_lease,
            name,
            job_id=self.job.job_id,
            operator=self.operator,
            process=self.process,
            now=self.now(),
            alive=alive,
        )
        self._leases[name] = HeldLease(name, fence, asked)
        try:
            yield fence
        finally:
            del self._leases[name]
            try:
                await self._store.call(release_lease, name, fence)
            except StateError as error:
                # The process is about to end, and the lease of an ended process is free.
                logger.warning("the lease could not be let go: %s", error.text)

    def wire(
        self,
        connection: ConnectionSettings,
        *,
        read_only: bool = True,
        purpose: str = READ,
        account: str = "",
        reads: int = READS,
    ) -> Wire:
        """What the transport needs. Make it inside ``lease``, as the fence stands in the user agent.

        ``account`` is the lease's name, shared by all connections to the account; without it the connection
        itself is taken for the account; ``reads`` is how many may be open at once when reading. The connection's secrets are masked in everything told from now on.
        """
        self.masks.learn(connection.secrets.values())
        want = reads if purpose == READ else connection.connections
        return Wire(
            user_agent=f"listwarden/{console.__version__} (job {short_id(self.job.job_id)}; fence {self.fence})",
            read_only=read_only,
            slots=self._slots_of(
                account or f"connection:{connection.name}", purpose, want, connection.connections
            ),
            before_request=self._gate(read_only),
            on_request=self._sent,
            on_wait=lambda text: self.log(Level.INFO, text),
            sleep=self._pause(read_only),
            connections=want,
            on_budget=lambda budget: self._buffer.budget(connection.name, connection.provider, budget),
            interactive=bool(self.options.get("interactive")),
        )

    def source_wire(self, source: SourceSettings, *, read_only: bool = True) -> Wire:
        """What the transport of a source needs; its hooks are called in the source's own thread and event loop.

        The source's secrets are masked in everything told from now on.
        """
        self.masks.learn(source.secrets.values())
        pause, loop = self._pause(read_only), asyncio.get_running_loop()

        async def sleep(seconds: float) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(pause(seconds)), loop))

        async def before_request() -> None:
            self._may_send(read_only)
            self._crash.step("request")

        return Wire(
            user_agent=f"listwarden/{console.__version__} (job {short_id(self.job.job_id)}; fence {self.fence})",
            read_only=read_only,
            before_request=before_request,
            on_request=self._sent,
            on_wait=lambda text: self.log(Level.INFO, text),
            sleep=sleep,
        )

    def _slots_of(self, account: str, purpose: str, want: int, connections: int) -> AccountSlots:
        key = account, purpose
        if key not in self._slots:
            self._slots[key] = AccountSlots(
                account,
                want=want,
                limit=connections + READS if purpose == READ else connections,
                purpose=purpose,
                holder=self.job.job_id,
                process=self.process,
                store=self._store,
                now=self.now,
                sleep=self.sleep,
                on_wait=lambda text: self.log(Level.INFO, text),
            )
        return self._slots[key]

    def _gate(self, read_only: bool) -> Callable[[], Awaitable[None]]:
        async def before_request() -> None:
            self._may_send(read_only)
            if any(held.left() < _REQUEST_SECONDS for held in self._leases.values()):
                await self._beat()  # slept through, or the state was locked: renew before anything leaves
                self._may_send(read_only)
            self._crash.step("request")

        return before_request

    def _may_send(self, read_only: bool) -> None:
        """A person's cancel waits for the end of a chunk that writes; a signal gives it a moment."""
        if not read_only:
            if isinstance(self._cause, JobCancelled):
                return
            ended = machine_seconds() - self._halted_at
            if isinstance(self._cause, JobInterrupted) and ended < LAST_REQUESTS_SECONDS:
                return
        self.check_cancelled()

    def _pause(self, read_only: bool) -> Callable[[float], Awaitable[None]]:
        """The transport's sleep: a wait between two tries of a write goes on after a cancel, not after a signal."""

        async def pause(seconds: float) -> None:
            await self._wait(self._stopped if read_only else self._halted, seconds)
            if read_only or self._halted.is_set():
                self.check_cancelled()

        return pause

    def _sent(self, note: RequestNote) -> None:
        self._buffer.add_request(
            RequestLine(
                0,
                self.now(),
                note.method,
                self.masks.mask(note.path),
                note.status,
                note.milliseconds,
                note.attempt,
                self.masks.mask(note.note),
            )
        )

    # --- the machinery's part --------------------------------------------------------------------------

    async def pulse(self) -> None:
        """Until cancelled: tell what is to be told, say that we live, and learn whether somebody wants us to stop."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                if machine_seconds() - self._beaten >= BEAT_SECONDS:
                    await self._beat()
                by = await self._store.call(self._flush)
            except FenceLost as error:
                self.stop(error)
            except StateError as error:
                if error.reason != "state-locked":
                    self.stop(error)  # nothing may be sent of which the outcome could not be written (I10)
            else:
                if by is not None and self._cause is None:
                    self.log(
                        Level.WARNING, f"{by} asks to stop; the chunk under way is ended first.", "cancelled"
                    )
                    self.stop(JobCancelled(by))

    def _flush(self, state: State) -> str | None:
        batch = self._buffer.take()
        try:
            write_batch(state, self.job.job_id, batch)
        except BaseException:
            self._buffer.give_back(batch)
            raise
        return cancel_requested(state, self.job.job_id)

    async def _beat(self) -> None:
        """Renew job, leases and places; raises ``FenceLost`` (and stops) when one of them is another's."""
        asked, now = machine_seconds(), self.now()
        held = list(self._leases.values())

        def renew(state: State) -> None:
            with state.write():
                beat(state, self.job.job_id, self.process, now)
                for lease in held:
                    beat_lease(state, lease.name, lease.fence, now)

        try:
            await self._store.call(renew)
        except FenceLost as error:
            lost = [lease for lease in held if self._leases.get(lease.name) is lease]
            if held and not lost:
                return  # let go meanwhile
            self.stop(error)
            raise
        self._beaten = asked
        for lease in held:
            lease.renewed = asked
        for slots in self._slots.values():
            await slots.beat()

    def take_batch(self) -> Batch:
        """All that is still to be told, for the last transaction."""
        return self._buffer.take(last=True)

    async def close(self) -> None:
        """Give the places back."""
        for slots in self._slots.values():
            await slots.close()

    def _show(self) -> None:
        if self._listener.on_progress is not None:
            self._listener.on_progress(self.job)
