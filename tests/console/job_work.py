"""Work for jobs under test: what it does stands in the job's options. Never registered outside tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from adapters.provider import ConnectionSettings, RequestNote, Wire
from adapters.secret import Secret
from console.exit_codes import ExitCode
from console.jobs.ends import JobEnd
from console.jobs.run import Run
from state.audit import append_audit
from state.leases import hold_fence, lease_name
from state.model import JobKind, JobState, Level
from state.store import State

WORK: Mapping[JobKind, str] = dict.fromkeys(JobKind, "tests.console.job_work:work")
ACCOUNT = lease_name("fake", "1")
CANARY = "canary-5f3c-secret"


def connection(connections: int = 3) -> ConnectionSettings:
    """A connection whose secret must appear nowhere."""
    return ConnectionSettings("verband", "fake", connections=connections, secrets={"key": Secret(CANARY)})


async def work(run: Run) -> JobEnd:
    """Does what the option ``do`` names, under a lease if ``lease`` is set."""
    doing = {
        "steps": _steps,
        "wait": _wait,
        "hang": _hang,
        "block": _block,
        "fail": _fail,
        "requests": _requests,
    }
    do = doing[str(run.options.get("do", "steps"))]
    if not run.options.get("lease"):
        return await do(run)
    async with run.lease(ACCOUNT):
        return await do(run)


def _record(state: State, run: Run, step: int, fence: int) -> None:
    with state.write() as db:
        if fence:
            hold_fence(db, ACCOUNT, fence)
        append_audit(
            state,
            job_id=run.job.job_id,
            operator=run.operator,
            what="step",
            rows=step,
            digest="",
            now=run.now(),
        )


async def _steps(run: Run) -> JobEnd:
    """``steps`` journal steps, ``pause`` seconds apart; goes on where an earlier run stopped."""
    steps = int(str(run.options.get("steps", 3)))
    done = await run.db(_count, run.job.job_id)
    run.phase("stepping", steps - done, "steps")
    for step in range(done + 1, steps + 1):
        run.check_cancelled()
        await run.commit(_record, run, step, run.fence)
        run.journal_step()
        run.log(Level.INFO, f"step {step}")
        run.advance()
        await run.sleep(float(str(run.options.get("pause", 0))))
    return JobEnd(JobState.DONE, counts={"sent": steps}, result={"steps": steps})


def _count(state: State, job_id: str) -> int:
    return int(state.db.execute("SELECT count(*) FROM audit WHERE job_id = ?", (job_id,)).fetchone()[0])


async def _wait(run: Run) -> JobEnd:
    run.phase("waiting")
    while True:
        await run.sleep(0.05)


async def _hang(run: Run) -> JobEnd:
    """As a request in flight that never gets its answer."""
    run.phase("hanging")
    await asyncio.Event().wait()
    return JobEnd(JobState.DONE)


async def _block(run: Run) -> JobEnd:
    """As a program that never gives the loop back."""
    run.phase("blocking")
    await run.commit(_count, run.job.job_id)
    while True:
        time.sleep(0.05)  # noqa: ASYNC251 - that is the fault


async def _fail(run: Run) -> JobEnd:
    run.wire(connection())
    raise KeyError(f"eva@example.org has the key {CANARY}")


async def _requests(run: Run) -> JobEnd:
    """``count`` requests one after the other, ``pause`` seconds each."""
    wire = run.wire(connection(), read_only=False, purpose="export", account=ACCOUNT)
    for number in range(int(str(run.options.get("count", 3)))):
        await one_request(wire, number, float(str(run.options.get("pause", 0))))
        run.advance()
    return JobEnd(JobState.DONE, exit_code=ExitCode.DONE)


async def one_request(wire: Wire, number: int, seconds: float = 0.0) -> None:
    """What the transport does for one request."""
    assert wire.slots is not None
    assert wire.before_request is not None
    await wire.slots.enter()
    try:
        await wire.before_request()
        await asyncio.sleep(seconds)
        wire.on_request(RequestNote("POST", "/lists/{id}", 200, 1, 1, f"request {number}"))
    finally:
        wire.slots.leave()
