"""Carrying a job: claim it, run its work, heed signals, write how it ended (design §5).

Invariant: whatever happens to the work, the job's end is written in one transaction by the process that carries
it; where even that fails, the job is shown as stalled, and can be resumed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import cast

import console
from console.exit_codes import ExitCode
from console.jobs.buffer import Batch, write_batch
from console.jobs.crash import CrashHook
from console.jobs.ends import JobEnd, JobInterrupted, end_of, most_serious
from console.jobs.process import alive, this_process
from console.jobs.process_log import log_file, logging_to, tidy
from console.jobs.run import Listener, Run
from console.jobs.state_thread import StateThread
from console.masking import Masks
from console.operator import current_operator
from state.errors import FenceLost, StateError
from state.ids import short_id
from state.jobs import JobRefused, claim_job, create_job, finish_job, get_job, job_options
from state.leases import LeaseHeld
from state.liveness import ProcessMark
from state.model import Job, JobKind, JobState, Level, Operator
from state.moments import utc_now
from state.store import State
from state.unblock import open_rows

__all__ = ["WORK", "JobEnd", "Listener", "Run", "Work", "run_inline", "run_job"]

Work = Callable[[Run], Awaitable[JobEnd]]

WORK: dict[JobKind, str] = {
    JobKind.CHECK: "console.jobs.check:work",
    JobKind.READ: "console.jobs.read:work",
    JobKind.PREVIEW: "console.jobs.preview:work",
    JobKind.EXPORT: "console.jobs.export:work",
    JobKind.FEEDBACK: "console.jobs.feedback:work",
    JobKind.REFRESH: "console.jobs.refresh:work",
    JobKind.FIELDS: "console.jobs.fields:work",
    JobKind.CREATE_LIST: "console.jobs.create_list:work",
    JobKind.OPTIN: "console.jobs.optin:work",
    JobKind.SUPPRESS: "console.jobs.optin:suppress",
    JobKind.CAMPAIGNS: "console.jobs.campaigns:work",
}
"""Kinds of jobs and the ``async def work(run: Run) -> JobEnd`` behind each; nothing is imported before it is needed."""

GIVE_UP_SECONDS = 7.0
"""After a signal a request in flight is waited for so long; then its rows are left for reading back."""

HARD_EXIT_SECONDS = 9.5
"""After a signal the process is gone by then, whatever holds it (I20: ten seconds); the state bears it (I3)."""

logger = logging.getLogger("listwarden.jobs")

_LEVELS = {
    JobState.DONE: Level.INFO,
    JobState.WAITING: Level.INFO,
    JobState.FAILED: Level.ERROR,
}


def run_job(
    job_id: str,
    *,
    config: Path | None,
    state_path: Path,
    work: Mapping[JobKind, str] = WORK,
    now: Callable[[], datetime] = utc_now,
) -> int:
    """Carry a job in this process to its end and return the exit code: ``listwarden job run ID``.

    A hang-up is ignored, for jobs outlive terminals; SIGTERM and SIGINT end it within ten seconds.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    masks, log = Masks(), log_file(state_path, job_id)
    with logging_to(log, masks):
        try:
            code = asyncio.run(_run_known(job_id, config, state_path, work, now, masks)).exit_code
        except (JobRefused, StateError) as error:
            print(masks.mask(f"{error.text} {error.next}".strip()), file=sys.stderr)
            code = _exit_code_of(error)
        except Exception:
            logger.exception("job %s could not be run", job_id)
            print(f"Something happened that nobody foresaw: see {log}, and report it.", file=sys.stderr)
            code = ExitCode.FAILED
    tidy(log)
    return int(code)


def run_inline(
    kind: JobKind,
    *,
    connection: str,
    operator: Operator,
    config: Path | None,
    state_path: Path,
    link: str = "",
    plan_id: str = "",
    options: Mapping[str, object] | None = None,
    work: Mapping[JobKind, str] = WORK,
    now: Callable[[], datetime] = utc_now,
    listener: Listener | None = None,
) -> JobEnd:
    """Create a job and carry it in the calling process; the end has the job's id and the work's result.

    For work that somebody waits for (preview, check, feedback). Signals end it; so does the loss of the
    terminal. Raises ``StateError`` when there is no usable state to write a job into.
    """

    async def both() -> JobEnd:
        store = await StateThread.open(state_path)
        try:
            job_id = await store.call(
                create_job,
                kind=kind,
                connection=connection,
                operator=operator,
                now=now(),
                link=link,
                plan_id=plan_id,
                options=options,
            )
            masks, log = Masks(), log_file(state_path, job_id)
            with logging_to(log, masks):
                end = await _carry(store, job_id, operator, config, state_path, work, now, masks, listener)
            tidy(log)
            return end
        finally:
            await store.close()

    return asyncio.run(both())


async def _run_known(
    job_id: str,
    config: Path | None,
    state_path: Path,
    work: Mapping[JobKind, str],
    now: Callable[[], datetime],
    masks: Masks,
) -> JobEnd:
    store = await StateThread.open(state_path)
    try:
        job_id = (await store.call(get_job, job_id)).job_id
        operator = current_operator(os.environ)
        return await _carry(store, job_id, operator, config, state_path, work, now, masks, None)
    finally:
        await store.close()


async def _carry(
    store: StateThread,
    job_id: str,
    operator: Operator,
    config: Path | None,
    state_path: Path,
    work: Mapping[JobKind, str],
    now: Callable[[], datetime],
    masks: Masks,
    listener: Listener | None,
) -> JobEnd:
    """Claim, run, finish. Raises ``JobRefused`` and ``StateError`` only before the job is claimed."""
    process, crash = this_process(), CrashHook.of(os.environ)
    before = await store.call(get_job, job_id)
    resumed = before.started_at is not None
    run = Run(
        await store.call(claim_job, job_id, process, now(), alive=alive),
        store=store,
        process=process,
        operator=operator,
        options=await store.call(job_options, job_id),
        config=config,
        state_path=state_path,
        now=now,
        masks=masks,
        crash=crash,
        resumed=resumed,
        listener=listener,
    )
    run.log(
        Level.INFO,
        f"{'Resumed' if resumed else 'Started'} by {operator.name} on {process.host}, process {process.pid},"
        f" listwarden {console.__version__}.",
    )
    # A job makes millions of small values and hardly any cycles: the collector's default cost an export an eighth.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    task = asyncio.create_task(_work_of(run, work), name="work")
    with _signals_to(run, store, task):
        end = await _kept_open(store, _still_waiting(before, await _perform(run, task)), job_id)
        return await _finish(run, store, replace(end, job_id=job_id))


async def _perform(run: Run, task: asyncio.Task[JobEnd]) -> JobEnd:
    """Await the work beside its heartbeat, and turn every error into an end."""
    pulse = asyncio.create_task(run.pulse(), name="pulse")
    try:
        return await task
    except asyncio.CancelledError:
        try:
            run.check_cancelled()
        except (JobInterrupted, FenceLost, StateError) as error:
            return _end(run, error) or _unforeseen(run, error)
        raise
    except Exception as error:
        end = _end(run, error)
        if end is None:
            logger.exception("the work of job %s failed", run.job.job_id)
            end = _unforeseen(run, error)
        return end
    finally:
        pulse.cancel()
        with contextlib.suppress(asyncio.CancelledError):  # ours
            await pulse


async def _work_of(run: Run, work: Mapping[JobKind, str]) -> JobEnd:
    place = work.get(run.job.kind)
    if place is None:
        return JobEnd(
            JobState.FAILED,
            "usage",
            f"This version has no work of the kind {run.job.kind.value}.",
            ExitCode.USAGE,
        )
    module, _, name = place.partition(":")
    return await cast(Work, getattr(import_module(module), name))(run)


def _end(run: Run, error: BaseException) -> JobEnd | None:
    end = end_of(error, run.job.kind)
    if end is not None and run.resumed and isinstance(most_serious(error), LeaseHeld):
        # The account is another's for now; what this job has sent already must not be given up for it.
        return replace(end, state=JobState.STALLED)
    return end


def _still_waiting(before: Job, end: JobEnd) -> JobEnd:
    """A job that waited for the vendor, and found it or the account not to be had, waits on: it is picked up again."""
    passing = end.exit_code in (ExitCode.BUSY, ExitCode.UNREACHABLE)
    if before.state is JobState.WAITING and end.state is JobState.STALLED and passing:
        return replace(end, state=JobState.WAITING)
    return end


async def _kept_open(store: StateThread, end: JobEnd, job_id: str) -> JobEnd:
    """A job with rows that left and are not settled is never over by an error: it can be resumed, and let go of."""
    if end.state is not JobState.FAILED:
        return end
    try:
        left = sum(one.rows for one in await store.call(open_rows, job_id))
    except StateError as error:
        logger.error("what the job left open could not be read: %s", error.text)
        return end
    if not left:
        return end
    rows = "1 row" if left == 1 else f"{left:,} rows"
    return replace(
        end,
        state=JobState.STALLED,
        text=f"{end.text} {rows} left and {'is' if left == 1 else 'are'} not settled; they are read back when the job goes on.",
        next=f"{end.next} Then: listwarden job resume {short_id(job_id)}".strip(),
    )


def _unforeseen(run: Run, error: BaseException) -> JobEnd:
    return JobEnd(
        JobState.FAILED,
        "unknown",
        f"Something happened that nobody foresaw: {type(error).__name__}: {error}",
        ExitCode.FAILED,
        next=f"See {log_file(run.state_path, run.job.job_id)}, and report it.",
    )


async def _finish(run: Run, store: StateThread, end: JobEnd) -> JobEnd:
    """Write the end with all that is still to be told, in one transaction."""
    end = replace(end, text=run.masks.mask(end.text), next=run.masks.mask(end.next))
    told = " ".join(part for part in (end.text, end.next) if part) or f"Ended: {end.state.value}."
    run.log(_LEVELS.get(end.state, Level.WARNING), told, end.reason)
    batch = run.take_batch()
    try:
        await run.close()
        await store.call(_write_end, run.job.job_id, batch, end, run.process, run.now())
    except FenceLost as error:
        logger.warning("another process carries the job: %s", error)
        return replace(
            end, state=JobState.STALLED, reason="lease-lost", text=str(error), exit_code=ExitCode.BUSY
        )
    except StateError as error:
        logger.error("the end of the job could not be written: %s %s", error.text, error.next)
        return replace(
            end,
            state=JobState.STALLED,
            reason=error.reason,
            text=error.text,
            next=error.next,
            exit_code=ExitCode.STATE,
        )
    return end


def _write_end(
    state: State, job_id: str, batch: Batch, end: JobEnd, process: ProcessMark, now: datetime
) -> Job:
    with state.write():
        write_batch(state, job_id, batch)
        return finish_job(
            state,
            job_id,
            state_=end.state,
            reason=end.reason,
            text=end.text,
            exit_code=end.exit_code,
            counts=end.counts,
            now=now,
            process=process,
        )


def _exit_code_of(error: JobRefused | StateError) -> ExitCode:
    end = end_of(error, JobKind.CHECK)
    return end.exit_code if end is not None else ExitCode.FAILED


@contextlib.contextmanager
def _signals_to(run: Run, store: StateThread, task: asyncio.Task[JobEnd]) -> Iterator[None]:
    """Heed signals while the block runs; in another thread than the main one there are none to heed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    deadline = _Deadline()

    def give_up() -> None:
        if not task.done():
            task.cancel()
            store.interrupt()

    def told_to_stop() -> None:
        if timers:  # told twice
            give_up()
            return
        run.log(Level.WARNING, "The process is told to stop.", "interrupted")
        run.stop(JobInterrupted("The process was told to stop."))
        timers.append(loop.call_later(GIVE_UP_SECONDS, give_up))

    def on_signal(number: int, frame: FrameType | None) -> None:
        # Not loop.add_signal_handler: the deadline must begin although something holds the loop up.
        deadline.begin()
        loop.call_soon_threadsafe(told_to_stop)

    wanted = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in timers:
            timer.cancel()
        deadline.lift()


class _Deadline:
    """Ends the process ``HARD_EXIT_SECONDS`` after ``begin``, unless lifted before.

    Its thread waits from the start: a signal's handler may strike within the start of any thread, or within
    itself, and may do no more than let go of a lock.
    """

    def __init__(self) -> None:
        self._idle, self._on = threading.Lock(), threading.Lock()
        self._idle.acquire()
        self._on.acquire()
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()

    def begin(self) -> None:
        """The time runs from now; a second call changes nothing."""
        with contextlib.suppress(RuntimeError):  # let go of already
            self._idle.release()

    def lift(self) -> None:
        """There is no deadline any more, and its thread ends."""
        self._on.release()
        self.begin()

    def _watch(self) -> None:
        self._idle.acquire()
        if not self._on.acquire(timeout=HARD_EXIT_SECONDS):
            os._exit(int(ExitCode.INTERRUPTED))
