"""One run as its work sees it: log, progress, lease, gate, sleep (I4, I7, I10, I20, I23)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

import console.jobs.run as run_module
from adapters.provider import RequestNote, Throttled
from adapters.sandbox.ledger import caller_of
from console.exit_codes import ExitCode
from console.jobs.clock import machine_seconds
from console.jobs.ends import GuardRefused, JobCancelled, JobEnd, JobInterrupted
from console.jobs.process import alive, this_process
from console.jobs.run import LAST_REQUESTS_SECONDS, Listener, Run
from console.jobs.runner import run_inline
from state.errors import FenceLost, StateError
from state.ids import short_id
from state.job_log import append_log, count_log, get_file, put_file, read_log, read_requests
from state.jobs import get_job, request_cancel
from state.leases import LeaseHeld, current_lease, take_lease
from state.liveness import TAKEOVER_SECONDS, ProcessMark
from state.model import Job, JobKind, JobState, Lease, Level, LogLine
from state.moments import utc_now
from state.slots import slot_holders
from state.store import State, open_state
from tests.console.job_work import ACCOUNT, CANARY, connection, one_request
from tests.console.jobs_at_hand import EVA

Doing = Callable[[Run], Awaitable[JobEnd | None]]
DONE = JobEnd(JobState.DONE)
_doing: list[Doing] = []
_disproved: list[AssertionError] = []
"""A job turns every error of its work into an end: what a test asserted in there must fail the test all the same."""


async def work(run: Run) -> JobEnd:
    """What the test at hand wants done."""
    try:
        return await _doing[-1](run) or DONE
    except AssertionError as error:
        _disproved.append(error)
        raise


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


def carry(
    state_path: Path, doing: Doing, kind: JobKind = JobKind.EXPORT, listener: Listener | None = None
) -> JobEnd:
    """Run ``doing`` as a job in this process."""
    _doing.append(doing)
    try:
        return run_inline(
            kind,
            connection="verband",
            operator=EVA,
            config=None,
            state_path=state_path,
            work={kind: f"{__name__}:work"},
            listener=listener,
        )
    finally:
        _doing.pop()
        if _disproved:
            raise _disproved.pop()


def written(state_path: Path, end: JobEnd) -> Job:
    with open_state(state_path, read_only=True) as state:
        return get_job(state, end.job_id)


class Clock:
    """Stands in for the machine's own clock."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return machine_seconds() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(run_module, "machine_seconds", clock)
    return clock


# --- telling ---------------------------------------------------------------------------------------------


def test_the_end_has_the_id_and_the_result_and_is_written(state_path: Path) -> None:
    async def doing(run: Run) -> JobEnd:
        return JobEnd(JobState.PARTLY, "not-tried", "Some.", ExitCode.PARTLY, {"sent": 2}, {"plan": "P1"})

    end = carry(state_path, doing)
    assert (end.exit_code, end.result) == (3, {"plan": "P1"})
    job = written(state_path, end)
    assert (job.state, job.reason, job.text, job.exit_code, job.counts) == (
        JobState.PARTLY,
        "not-tried",
        "Some.",
        3,
        {"sent": 2},
    )
    assert not (state_path.parent / "logs").exists(), "nothing went wrong in the program"


def test_a_hundred_lines_and_a_chunk_cost_one_commit(state_path: Path) -> None:
    said: list[str] = []

    async def doing(run: Run) -> None:
        await run.db(lambda state: state.db.set_trace_callback(said.append))
        for number in range(100):
            run.log(Level.INFO, f"line {number}")
        run.phase("sending", 500)
        run.advance(500)
        await run.commit(put_file, run.job.job_id, "chunk", b"1", run.now())
        await run.db(lambda state: state.db.set_trace_callback(None))
        assert await run.db(count_log, run.job.job_id) >= 100

    assert carry(state_path, doing) == JobEnd(JobState.DONE, job_id=carry_id(state_path))
    assert sum(statement == "COMMIT" for statement in said) == 1


def carry_id(state_path: Path) -> str:
    with open_state(state_path, read_only=True) as state:
        return str(state.db.execute("SELECT job_id FROM jobs ORDER BY no DESC LIMIT 1").fetchone()[0])


def test_a_chunk_that_fails_takes_no_line_with_it(state_path: Path) -> None:
    def broken(state: State) -> None:
        raise Throttled("throttled", "not now")

    async def doing(run: Run) -> None:
        run.log(Level.INFO, "before")
        with pytest.raises(Throttled):
            await run.commit(broken)
        run.log(Level.INFO, "after")

    end = carry(state_path, doing)
    with open_state(state_path, read_only=True) as state:
        assert [line.text for line in read_log(state, end.job_id)][1:3] == ["before", "after"]


def test_lines_come_to_the_state_without_any_commit_of_the_work(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        run.log(Level.WARNING, "seen from outside", "throttled")
        run.phase("reading", 10, "pages")
        run.advance(3)
        while await run.db(count_log, run.job.job_id) < 2:
            await run.sleep(0.02)
        job = await run.db(get_job, run.job.job_id)
        assert (job.phase, job.done, job.total, job.unit) == ("reading", 3, 10, "pages")

    assert carry(state_path, doing).state is JobState.DONE


def test_whoever_listens_in_the_same_process_hears_everything_at_once(state_path: Path) -> None:
    lines, jobs = list[LogLine](), list[Job]()

    async def doing(run: Run) -> None:
        run.log(Level.INFO, "hello")
        run.phase("reading", 2)
        run.advance()
        run.waiting("for the vendor")
        run.waiting("")
        run.counts({"sent": 1})

    end = carry(state_path, doing, listener=Listener(lines.append, jobs.append))
    assert [line.seq for line in lines] == [1, 2, 3]
    assert lines[1].text == "hello"
    assert [(job.phase, job.done, job.state) for job in jobs] == [
        ("reading", 0, JobState.RUNNING),
        ("reading", 1, JobState.RUNNING),
        ("reading", 1, JobState.WAITING),
        ("reading", 1, JobState.RUNNING),
        ("reading", 1, JobState.RUNNING),
    ]
    assert jobs[-1].counts == {"sent": 1}
    with open_state(state_path, read_only=True) as state:
        assert [line.text for line in read_log(state, end.job_id)] == [line.text for line in lines]


def test_I07_I17_what_is_told_is_masked(state_path: Path) -> None:
    async def doing(run: Run) -> JobEnd:
        wire = run.wire(connection())
        run.log(Level.INFO, f"{CANARY} for eva@example.org")
        run.waiting(f"bob@example.org and {CANARY}")
        wire.on_wait(f"waiting with {CANARY}")
        wire.on_request(RequestNote("GET", f"/members/eva%40example.org/{CANARY}", 200, 3, 1, CANARY))
        raise Throttled("throttled", f"no luck for eva@example.org with {CANARY}", "Ask bob@example.org.")

    end = carry(state_path, doing)
    assert end.exit_code == ExitCode.UNREACHABLE
    with open_state(state_path) as state:
        assert len(read_requests(state, end.job_id)) == 1
        assert any("waiting with ••••" in line.text for line in read_log(state, end.job_id))
        state.checkpoint(truncate=True)
    everything = b"".join(path.read_bytes() for path in state_path.parent.rglob("*") if path.is_file())
    assert b"no luck for" in everything
    for hidden in (CANARY, "eva@example.org", "bob@example.org", "eva%40example.org"):
        assert hidden.encode() not in everything
        assert hidden not in f"{end.text} {end.next}"


def test_progress_may_be_told_from_any_thread(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        run.phase("reading", 4000)

        def count() -> None:
            for _ in range(1000):
                run.advance()

        await asyncio.gather(*(asyncio.to_thread(count) for _ in range(4)))

    assert written(state_path, carry(state_path, doing)).done == 4000


def test_files_are_kept(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        await run.keep_file("result.json", b"[]")

    end = carry(state_path, doing)
    with open_state(state_path, read_only=True) as state:
        assert get_file(state, end.job_id, "result.json") == b"[]"


def test_a_kind_without_work_fails_with_a_sentence(state_path: Path) -> None:
    end = run_inline(
        JobKind.ERASE, connection="verband", operator=EVA, config=None, state_path=state_path, work={}
    )
    assert (end.state, end.exit_code) == (JobState.FAILED, ExitCode.USAGE)
    assert "erase" in end.text


def test_a_guard_is_told_with_its_way_out(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        raise GuardRefused("source-empty", "The source has no row.", "Check it.")

    end = carry(state_path, doing)
    assert (end.state, end.reason, end.exit_code) == (JobState.FAILED, "source-empty", ExitCode.GUARD)
    with open_state(state_path, read_only=True) as state:
        last = read_log(state, end.job_id)[-1]
    assert (last.level, last.text, last.reason) == (
        Level.ERROR,
        "The source has no row. Check it.",
        "source-empty",
    )


def test_a_run_needs_no_main_thread(state_path: Path) -> None:
    ends: list[JobEnd] = []

    async def doing(run: Run) -> None:
        await run.sleep(0)

    thread = threading.Thread(target=lambda: ends.append(carry(state_path, doing)))
    thread.start()
    thread.join()
    assert [end.state for end in ends] == [JobState.DONE]


# --- stopping --------------------------------------------------------------------------------------------


def test_a_cancel_reaches_the_work_between_two_chunks(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        with open_state(state_path) as other:
            request_cancel(other, run.job.job_id, EVA, utc_now(), alive=alive)
        with pytest.raises(JobCancelled, match="eva"):
            await run.sleep(20)
        run.check_cancelled()

    end = carry(state_path, doing)
    assert (end.state, end.reason, end.exit_code) == (JobState.CANCELLED, "cancelled", ExitCode.INTERRUPTED)


def test_a_cancel_lets_a_chunk_that_writes_come_to_its_end_but_no_read(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        reading = run.wire(connection())
        writing = run.wire(connection(), read_only=False, purpose="export")
        run.stop(JobCancelled("eva"))
        await one_request(writing, 1)
        assert writing.sleep is not None
        assert reading.sleep is not None
        await writing.sleep(0)
        with pytest.raises(JobCancelled):
            await one_request(reading, 2)
        with pytest.raises(JobCancelled):
            await reading.sleep(60)

    assert carry(state_path, doing).state is JobState.DONE


def test_I20_after_a_signal_nothing_leaves_once_the_moment_is_over(state_path: Path, clock: Clock) -> None:
    async def doing(run: Run) -> None:
        reading = run.wire(connection())
        writing = run.wire(connection(), read_only=False, purpose="export")
        await one_request(writing, 1)
        run.stop(JobInterrupted("told"))
        with pytest.raises(JobInterrupted):
            await one_request(reading, 2)
        await one_request(writing, 3)
        clock.ahead += LAST_REQUESTS_SECONDS
        with pytest.raises(JobInterrupted):
            await one_request(writing, 4)
        assert writing.sleep is not None
        with pytest.raises(JobInterrupted):
            await writing.sleep(60)
        run.check_cancelled()

    end = carry(state_path, doing)
    assert (end.state, end.reason) == (JobState.STALLED, "interrupted")
    with open_state(state_path, read_only=True) as state:
        assert [line.note for line in read_requests(state, end.job_id)] == ["request 1", "request 3"]


def test_a_lost_lease_outweighs_a_cancel(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        run.stop(JobCancelled("eva"))
        run.stop(FenceLost("gone"))
        run.stop(JobInterrupted("told"))
        run.check_cancelled()

    assert carry(state_path, doing).reason == "lease-lost"


def test_of_several_tasks_the_gravest_error_is_told(state_path: Path) -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def doing(run: Run) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(JobCancelled("eva")))
            group.create_task(fail(Throttled("throttled", "not now")))
            group.create_task(fail(FenceLost("gone")))

    assert carry(state_path, doing).reason == "lease-lost"


def test_waiting_for_a_moment_says_so_and_no_clock_set_back_makes_it_longer(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        moment = run.now() + timedelta(seconds=0.6)
        waiting = asyncio.create_task(run.wait_until(moment, "the quarantine"))
        while (await run.db(get_job, run.job.job_id)).waiting_for != "the quarantine":
            await run.sleep(0.02)
        with time_machine.travel(utc_now() - timedelta(days=1), tick=True):
            await asyncio.wait_for(waiting, 20)
        assert run.job.waiting_for == ""
        await run.wait_until(run.now() - timedelta(days=1))

    assert carry(state_path, doing).state is JobState.DONE


# --- the lease -------------------------------------------------------------------------------------------


def test_a_lease_is_held_for_the_block_and_stands_in_the_user_agent(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        assert run.fence == 0
        for fence in (1, 2):
            async with run.lease(ACCOUNT) as granted:
                assert granted == run.fence == fence
                caller = caller_of(run.wire(connection()).user_agent, 1)
                assert (caller.run, caller.fence) == (short_id(run.job.job_id), fence)
                lease = await run.db(current_lease, ACCOUNT)
                assert lease is not None
                assert lease.job_id == run.job.job_id
            assert await run.db(current_lease, ACCOUNT) is None

    assert carry(state_path, doing).state is JobState.DONE


def steal(state_path: Path) -> int:
    """Another process that takes this one for dead."""
    with open_state(state_path) as other:
        return take_lease(
            other,
            ACCOUNT,
            job_id="other",
            operator=EVA,
            process=ProcessMark("elsewhere", 1, "1", "boot"),
            now=utc_now(),
            alive=lambda _: False,
        )


def test_I04_a_heartbeat_that_finds_the_lease_lost_stops_the_job(
    state_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "BEAT_SECONDS", 0.05)

    async def doing(run: Run) -> None:
        async with run.lease(ACCOUNT):
            wire = run.wire(connection(), read_only=False, purpose="export", account=ACCOUNT)
            await one_request(wire, 1)
            assert steal(state_path) == 2
            with pytest.raises(FenceLost):
                await run.sleep(20)
            with pytest.raises(FenceLost):
                await one_request(wire, 2)
            run.check_cancelled()

    end = carry(state_path, doing)
    assert (end.state, end.reason, end.exit_code) == (JobState.STALLED, "lease-lost", ExitCode.BUSY)
    with open_state(state_path, read_only=True) as state:
        lease = current_lease(state, ACCOUNT)
        assert lease is not None
        assert lease.job_id == "other", "the new holder's lease is left alone"
        assert [line.note for line in read_requests(state, end.job_id)] == ["request 1"]


def test_I04_I23_a_process_that_slept_renews_its_lease_before_anything_leaves(
    state_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "BEAT_SECONDS", 1e9)  # the heartbeat has not come to it yet

    async def doing(run: Run) -> None:
        async with run.lease(ACCOUNT):
            wire = run.wire(connection(), read_only=False, purpose="export", account=ACCOUNT)
            before = await run.db(current_lease, ACCOUNT)
            clock.ahead += TAKEOVER_SECONDS * 2
            await one_request(wire, 1)
            after = await run.db(current_lease, ACCOUNT)
            assert before is not None
            assert after is not None
            assert after.heartbeat_at > before.heartbeat_at
            steal(state_path)
            clock.ahead += TAKEOVER_SECONDS * 2
            with pytest.raises(FenceLost):
                await one_request(wire, 2)

    end = carry(state_path, doing)
    with open_state(state_path, read_only=True) as state:
        assert [line.note for line in read_requests(state, end.job_id)] == ["request 1"]


async def beaten(run: Run, wanted: Callable[[Lease], bool]) -> None:
    """Wait for a heartbeat as wanted; the deadline of the test is that of the run's patience."""
    for _ in range(1000):
        lease = await run.db(current_lease, ACCOUNT)
        if lease is not None and wanted(lease):
            return
        await run.sleep(0.02)
    raise AssertionError("no such heartbeat came")


@pytest.mark.parametrize("days", [-1, 1, 4500])
def test_I23_a_jump_of_the_wall_clock_costs_nobody_the_lease(
    state_path: Path, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "BEAT_SECONDS", 0.05)

    async def doing(run: Run) -> None:
        async with run.lease(ACCOUNT) as fence:
            wire = run.wire(connection(), read_only=False, purpose="export", account=ACCOUNT)
            with time_machine.travel(utc_now() + timedelta(days=days), tick=True):
                with open_state(state_path) as other, pytest.raises(LeaseHeld):
                    take_lease(
                        other,
                        ACCOUNT,
                        job_id="other",
                        operator=EVA,
                        process=this_process(),
                        now=utc_now(),
                        alive=alive,
                    )
                await beaten(run, lambda lease: abs(lease.heartbeat_at - lease.since) > timedelta(hours=12))
                await one_request(wire, 1)
            await beaten(run, lambda lease: abs(lease.heartbeat_at - lease.since) < timedelta(hours=12))
            await one_request(wire, 2)
            assert run.fence == fence

    assert carry(state_path, doing).state is JobState.DONE


def test_a_job_that_another_process_took_over_is_not_ended_by_this_one(
    state_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "BEAT_SECONDS", 0.05)

    async def doing(run: Run) -> None:
        def take_over(state: State) -> None:
            with state.write() as db:
                db.execute("UPDATE jobs SET process = '1 1 boot - elsewhere', pid = 1, text = 'mine'")

        with open_state(state_path) as other:
            take_over(other)
        with pytest.raises(FenceLost):
            await run.sleep(20)
        run.check_cancelled()

    end = carry(state_path, doing)
    assert (end.reason, end.exit_code) == ("lease-lost", ExitCode.BUSY)
    job = written(state_path, end)
    assert (job.state, job.pid, job.text) == (JobState.RUNNING, 1, "mine")


# --- the state fails -------------------------------------------------------------------------------------


def fill_the_disk(state: State) -> None:
    pages = state.db.execute("PRAGMA page_count").fetchone()[0]
    state.db.execute(f"PRAGMA max_page_count = {pages + 20}").fetchall()


def test_I10_when_an_outcome_cannot_be_written_nothing_more_leaves(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        wire = run.wire(connection(), read_only=False, purpose="export", account=ACCOUNT)
        await one_request(wire, 1)
        await run.db(fill_the_disk)
        with pytest.raises(StateError):
            await run.commit(put_file, run.job.job_id, "chunk", b"x" * 400_000, run.now())
        with pytest.raises(StateError) as full:
            await one_request(wire, 2)
        assert full.value.reason == "state-full"
        run.check_cancelled()

    end = carry(state_path, doing)
    assert (end.state, end.reason, end.exit_code) == (JobState.STALLED, "state-full", ExitCode.STATE)
    job = written(state_path, end)
    assert job.state is JobState.STALLED, "the end itself still found room"
    with open_state(state_path, read_only=True) as state:
        assert [line.note for line in read_requests(state, end.job_id)] == ["request 1"]


def test_I10_a_log_that_cannot_be_written_stops_the_job_too(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        await run.db(fill_the_disk)
        for number in range(400):
            run.log(Level.INFO, f"{number}" * 1000)
        await run.sleep(20)

    end = carry(state_path, doing)
    assert (end.state, end.reason, end.exit_code) == (JobState.STALLED, "state-full", ExitCode.STATE)
    assert written(state_path, end).state is JobState.RUNNING, "nothing more could be written"
    log = next((state_path.parent / "logs").iterdir())
    assert "could not be written" in log.read_text(encoding="utf-8")


def test_a_lock_of_another_process_is_waited_for(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        locked, let_go = threading.Event(), threading.Event()

        def hold() -> None:
            with open_state(state_path) as other, other.write():
                locked.set()
                let_go.wait(20)

        thread = threading.Thread(target=hold)
        thread.start()
        await asyncio.to_thread(locked.wait, 20)
        run.log(Level.INFO, "told while the state was locked")
        writing = asyncio.create_task(run.commit(append_log, run.job.job_id, []))
        await run.sleep(0.1)  # the loop goes on
        let_go.set()
        await writing
        thread.join()

    end = carry(state_path, doing)
    with open_state(state_path, read_only=True) as state:
        assert "told while the state was locked" in [line.text for line in read_log(state, end.job_id)]


# --- the wire --------------------------------------------------------------------------------------------


def test_an_export_and_reads_of_one_job_have_places_of_their_own(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        reading = run.wire(connection(3), account=ACCOUNT)
        writing = run.wire(connection(3), read_only=False, purpose="export", account=ACCOUNT)
        assert (reading.read_only, reading.connections) == (True, 2)
        assert (writing.read_only, writing.connections) == (False, 3)
        assert run.wire(connection(3), account=ACCOUNT).slots is reading.slots
        await one_request(reading, 1)
        await one_request(writing, 2)
        held = [(holder.slot, holder.purpose) for holder in await run.db(slot_holders, ACCOUNT)]
        assert held == [(0, "export"), (1, "export"), (2, "export"), (3, "read"), (4, "read")]

    end = carry(state_path, doing)
    with open_state(state_path, read_only=True) as state:
        assert slot_holders(state, ACCOUNT) == []
        assert written(state_path, end).state is JobState.DONE


def test_without_an_account_the_connection_stands_for_it(state_path: Path) -> None:
    async def doing(run: Run) -> None:
        await one_request(run.wire(connection()), 1)
        assert await run.db(slot_holders, "connection:verband")

    assert carry(state_path, doing).state is JobState.DONE


def test_I03_the_hook_counts_requests_and_journal_steps(
    state_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setenv("LISTWARDEN_CRASH_AT", "request:3")
    monkeypatch.setattr("console.jobs.crash.os.kill", lambda pid, number: killed.append(number))

    async def doing(run: Run) -> None:
        wire = run.wire(connection())
        for number in range(4):
            run.journal_step()
            assert len(killed) == (1 if number > 2 else 0)
            await one_request(wire, number)

    assert carry(state_path, doing).state is JobState.DONE
    assert killed == [9]
