"""Jobs in the state: one living carrier, ends that stay, and what is shown of the dead (R43, I4, I23)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.errors import FenceLost
from state.ids import short_id
from state.jobs import (
    ExportUnfinished,
    JobMissing,
    JobOver,
    JobRunning,
    beat,
    cancel_requested,
    claim_job,
    create_job,
    finish_job,
    get_job,
    job_no,
    job_operator,
    job_options,
    judged,
    list_jobs,
    progress_rate,
    request_cancel,
    running_jobs,
    set_counts,
    set_phase,
    set_plan,
    set_progress,
    set_waiting,
    unfinished_export,
)
from state.liveness import STALL_SECONDS, TAKEOVER_SECONDS, ProcessMark
from state.model import FINAL_STATES, Job, JobKind, JobState
from state.store import State, open_state
from tests.state.holders import AWAY, EVA, NOW, ONE, TWO, Living, later, quick_state


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        yield opened


def export(state: State, link: str = "members-news", seconds: float = 0) -> str:
    return create_job(
        state, kind=JobKind.EXPORT, connection="verband", link=link, operator=EVA, now=later(seconds)
    )


def finish(state: State, job_id: str, to: JobState, process: ProcessMark | None = None) -> Job:
    return finish_job(
        state,
        job_id,
        state_=to,
        reason="unknown",
        text="so it ended",
        exit_code=3,
        counts={"sent": 2},
        now=later(9),
        process=process,
    )


def test_a_new_job_is_queued_and_keeps_what_it_was_started_with(state: State) -> None:
    job_id = create_job(
        state,
        kind=JobKind.PREVIEW,
        connection="verband",
        link="members-news",
        plan_id="P1",
        operator=EVA,
        options={"save": True, "class": "new"},
        now=NOW,
    )
    job = get_job(state, job_id)
    assert (job.state, job.kind, job.link, job.plan_id) == (
        JobState.QUEUED,
        JobKind.PREVIEW,
        "members-news",
        "P1",
    )
    assert (job.created_at, job.started_at, job.pid, job.exit_code) == (NOW, None, None, None)
    assert job_options(state, job_id) == {"save": True, "class": "new"}
    assert job_operator(state, job_id) == EVA


def test_a_job_goes_by_the_beginning_or_the_end_of_its_id(state: State) -> None:
    job_id, other = export(state), export(state, seconds=86_400_000)
    for name in (job_id, job_id[:8], job_id[-4:].lower(), short_id(job_id)):
        assert get_job(state, name).job_id == job_id
    assert job_no(state, other) == job_no(state, job_id) + 1
    for name in ("", job_id[-3:], "nothing", "%%%%", "____", job_id + "0"):
        with pytest.raises(JobMissing) as missing:
            get_job(state, name)
        assert missing.value.reason == "job-missing"


def test_a_beginning_that_two_jobs_share_names_none(state: State) -> None:
    job_id, other = export(state), export(state)
    assert job_id[:8] == other[:8]
    with pytest.raises(JobMissing, match="Several jobs"):
        get_job(state, job_id[:8])


def test_lists_come_newest_first_and_go_on_where_they_stopped(state: State) -> None:
    ids = [export(state, link, seconds) for seconds, link in enumerate(("a", "b", "a", "a"))]
    check = create_job(state, kind=JobKind.CHECK, connection="other", operator=EVA, now=later(9))
    assert [job.job_id for job in list_jobs(state)] == [check, *reversed(ids)]
    assert [job.job_id for job in list_jobs(state, link="a", limit=2)] == [ids[3], ids[2]]
    assert [job.job_id for job in list_jobs(state, link="a", before_no=job_no(state, ids[2]))] == [ids[0]]
    assert [job.job_id for job in list_jobs(state, connection="other")] == [check]
    assert [job.job_id for job in list_jobs(state, kinds=[JobKind.CHECK, JobKind.READ])] == [check]
    assert list_jobs(state, kinds=[]) == []


def test_an_unfinished_export_is_found_by_its_link(state: State) -> None:
    first, second = export(state), export(state, seconds=1)
    assert (found := unfinished_export(state, "members-news")) is not None
    assert found.job_id == second
    claim_job(state, second, ONE, NOW, alive=Living())
    finish(state, second, JobState.DONE)
    assert (found := unfinished_export(state, "members-news")) is not None
    assert found.job_id == first
    assert [job.job_id for job in running_jobs(state)] == [first]
    finish(state, first, JobState.CANCELLED)
    assert unfinished_export(state, "members-news") is None
    create_job(state, kind=JobKind.FEEDBACK, connection="verband", link="members-news", operator=EVA, now=NOW)
    assert unfinished_export(state, "members-news") is None


def test_claiming_makes_a_process_the_carrier(state: State) -> None:
    job_id = export(state)
    job = claim_job(state, short_id(job_id), ONE, later(1), alive=Living())
    assert (job.state, job.pid, job.host, job.started_at) == (JobState.RUNNING, 101, "desk", later(1))
    with pytest.raises(JobRunning) as running:
        claim_job(state, job_id, TWO, later(2), alive=Living())
    assert running.value.reason == "job-running"
    for word in ("eva", "desk", "101", "2026-03-01 08:15 UTC", short_id(job_id)):
        assert word in running.value.text
    assert get_job(state, job_id).pid == 101


def test_of_many_claims_at_one_instant_one_wins(state: State) -> None:
    job_id = export(state)
    marks = [ProcessMark("desk", 200 + number, "1", "boot-1") for number in range(8)]
    together, won, refused = threading.Barrier(len(marks)), list[int](), list[str]()

    def claim(mark: ProcessMark) -> None:
        with open_state(state.path) as mine:
            together.wait()
            try:
                won.append(claim_job(mine, job_id, mark, NOW, alive=Living(marks)).pid or 0)
            except JobRunning as error:
                refused.append(error.reason)

    threads = [threading.Thread(target=claim, args=(mark,)) for mark in marks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(refused) == len(marks) - 1
    assert get_job(state, job_id).pid == won[0]


def test_a_job_of_a_dead_process_is_claimed_at_once_and_begins_its_progress_anew(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    set_phase(state, job_id, "sending", 100, "contacts", NOW)
    set_progress(state, job_id, 40)
    job = claim_job(state, job_id, TWO, later(1), alive=Living([TWO]))
    assert (job.pid, job.done, job.total, job.phase) == (102, 0, 0, "")
    assert job.started_at == NOW


def test_a_silent_job_of_another_host_is_claimed_only_after_the_time_out(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, AWAY, NOW, alive=Living())
    beat(state, job_id, AWAY, later(50))
    with pytest.raises(JobRunning):
        claim_job(state, job_id, ONE, later(50 + TAKEOVER_SECONDS), alive=Living())
    assert claim_job(state, job_id, ONE, later(51 + TAKEOVER_SECONDS), alive=Living()).pid == 101


@pytest.mark.parametrize("to", [JobState.STALLED, JobState.WAITING])
def test_a_job_that_stalled_or_waits_for_the_vendor_can_be_claimed_again(state: State, to: JobState) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    job = finish(state, job_id, to, ONE)
    assert (job.state, job.ended_at, job.pid, job.exit_code) == (to, None, None, 3)
    # The same process number may live on: it carries nothing now.
    again = claim_job(state, job_id, TWO, later(1), alive=Living())
    assert (again.state, again.exit_code, again.reason, again.text) == (JobState.RUNNING, None, "", "")


@pytest.mark.parametrize("to", sorted(FINAL_STATES))
def test_a_final_state_is_never_left(state: State, to: JobState) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    ended = finish(state, job_id, to, ONE)
    assert (ended.state, ended.ended_at, ended.counts, ended.text) == (
        to,
        later(9),
        {"sent": 2},
        "so it ended",
    )
    with pytest.raises(JobOver):
        claim_job(state, job_id, TWO, later(10), alive=Living([]))
    with pytest.raises(JobOver):
        finish(state, job_id, JobState.STALLED)
    with pytest.raises(JobOver):
        request_cancel(state, job_id, EVA, later(10), alive=Living([]))
    assert get_job(state, job_id) == ended


def test_who_does_not_carry_the_job_neither_beats_nor_ends_it(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    claim_job(state, job_id, TWO, later(1), alive=Living([TWO]))
    before = get_job(state, job_id)
    with pytest.raises(FenceLost):
        beat(state, job_id, ONE, later(2))
    with pytest.raises(FenceLost):
        finish(state, job_id, JobState.DONE, ONE)
    assert get_job(state, job_id) == before
    beat(state, job_id, TWO, later(3))
    assert get_job(state, job_id).heartbeat_at == later(3)


def test_cancelling_a_job_nobody_carries_ends_it_at_once(state: State) -> None:
    queued, dead = export(state), export(state, seconds=1)
    claim_job(state, dead, ONE, NOW, alive=Living())
    for job_id in (queued, dead):
        job = request_cancel(state, job_id, EVA, later(5), alive=Living([]))
        assert (job.state, job.reason, job.exit_code) == (JobState.CANCELLED, "cancelled", 130)
        assert "eva" in job.text


def test_cancelling_a_running_job_asks_its_process(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    assert cancel_requested(state, job_id) is None
    job = request_cancel(state, job_id, EVA, later(5), alive=Living())
    assert (job.state, job.cancel_requested) == (JobState.RUNNING, True)
    assert cancel_requested(state, job_id) == "eva"


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(0), timedelta(days=1), timedelta(days=4500)])
def test_R43_I23_a_dead_process_shows_as_stalled_and_a_living_one_never(
    state: State, jump: timedelta
) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    written = get_job(state, job_id)
    assert judged(state, written, NOW + jump, alive=Living()) == written
    shown = judged(state, written, NOW + jump, alive=Living([]))
    assert (shown.state, shown.reason) == (JobState.STALLED, "stalled")
    for word in ("101", "desk", "2026-03-01 08:15:30 UTC"):
        assert word in shown.text
    assert get_job(state, job_id) == written, "looking writes nothing"


def test_R43_silence_on_another_host_shows_as_stalled(state: State) -> None:
    job_id = export(state)
    job = claim_job(state, job_id, AWAY, NOW, alive=Living())
    assert judged(state, job, later(STALL_SECONDS), alive=Living()).state is JobState.RUNNING
    assert judged(state, job, later(STALL_SECONDS + 1), alive=Living()).state is JobState.STALLED


def test_R43_a_job_that_no_process_takes_up_shows_as_stalled(state: State) -> None:
    job = get_job(state, export(state))
    assert judged(state, job, later(STALL_SECONDS), alive=Living()).state is JobState.QUEUED
    assert judged(state, job, later(STALL_SECONDS + 1), alive=Living()).state is JobState.STALLED


def test_a_job_that_waits_for_the_vendor_without_a_process_is_not_stalled(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    set_waiting(state, job_id, "The platform works on batch 17.")
    assert get_job(state, job_id).state is JobState.WAITING
    job = finish(state, job_id, JobState.WAITING, ONE)
    assert job.waiting_for == "The platform works on batch 17."
    assert judged(state, job, NOW + timedelta(days=9), alive=Living([])) == job


def test_progress_is_kept_and_a_new_phase_begins_at_nothing(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    set_phase(state, job_id, "reading", 0, "contacts", later(1))
    set_progress(state, job_id, 7, 50)
    set_counts(state, job_id, {"sent": 5, "rejected": 1})
    set_plan(state, job_id, "P9")
    job = get_job(state, job_id)
    assert (job.phase, job.done, job.total, job.unit, job.phase_at) == (
        "reading",
        7,
        50,
        "contacts",
        later(1),
    )
    assert (job.counts, job.plan_id) == ({"sent": 5, "rejected": 1}, "P9")
    set_phase(state, job_id, "sending", 10, "chunks", later(2))
    assert (get_job(state, job_id).done, get_job(state, job_id).total) == (0, 10)
    set_waiting(state, job_id, "x")
    set_waiting(state, job_id, "")
    assert (get_job(state, job_id).state, get_job(state, job_id).waiting_for) == (JobState.RUNNING, "")
    with pytest.raises(JobMissing):
        set_progress(state, "nothing", 1)


def test_rate_and_time_left_are_those_of_the_phase(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    set_phase(state, job_id, "sending", 100, "contacts", later(100))
    assert progress_rate(get_job(state, job_id), later(110)) == (None, None)
    set_progress(state, job_id, 20)
    assert progress_rate(get_job(state, job_id), later(110)) == (2.0, 40.0)
    assert progress_rate(get_job(state, job_id), later(90)) == (None, None), "the clock was set back"
    set_phase(state, job_id, "reading", 0, "contacts", later(100))
    set_progress(state, job_id, 20)
    assert progress_rate(get_job(state, job_id), later(110)) == (2.0, None)
    assert progress_rate(finish(state, job_id, JobState.DONE), later(110)) == (None, None)


def test_a_job_is_read_without_any_right_to_write(state: State) -> None:
    job_id = export(state)
    claim_job(state, job_id, ONE, NOW, alive=Living())
    with open_state(state.path, read_only=True) as looking:
        assert judged(looking, get_job(looking, job_id), NOW, alive=Living([])).state is JobState.STALLED


def _holder(db: sqlite3.Connection, job_id: str) -> str:
    return str(db.execute("SELECT process FROM jobs WHERE job_id = ?", (job_id,)).fetchone()[0])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """One state for all examples of a property."""
    with quick_state(tmp_path_factory.mktemp("shared") / "state.db") as state:
        yield state


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "finish", "cancel", "beat"]),
        st.sampled_from([ONE, TWO]),
        st.sets(st.sampled_from([ONE, TWO])),
        st.sampled_from([JobState.STALLED, JobState.WAITING, JobState.DONE, JobState.FAILED]),
    ),
    max_size=12,
)


@given(steps=_STEPS)
def test_whatever_happens_no_living_carrier_is_replaced_and_no_end_is_left(
    shared: State,
    steps: list[tuple[str, ProcessMark, set[ProcessMark], JobState]],
) -> None:
    state = shared
    job_id = export(state)
    for number, (what, process, living, to) in enumerate(steps):
        before, holder = get_job(state, job_id), _holder(state.db, job_id)
        try:
            if what == "claim":
                claim_job(state, job_id, process, later(number), alive=Living(living))
            elif what == "finish":
                finish(state, job_id, to, process)
            elif what == "cancel":
                request_cancel(state, job_id, EVA, later(number), alive=Living(living))
            else:
                beat(state, job_id, process, later(number))
        except (JobRunning, JobOver, FenceLost):
            assert get_job(state, job_id) == before, "what is refused changes nothing"
            continue
        after, now_held_by = get_job(state, job_id), _holder(state.db, job_id)
        assert not before.state.final
        if holder and now_held_by != holder:
            died = holder not in {str(mark) for mark in living}
            assert died or (what == "finish" and holder == str(process))
        assert (after.state is JobState.RUNNING) == bool(now_held_by)


def test_of_two_exports_started_at_the_same_moment_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_state(path):
        pass
    together, told = threading.Barrier(4), []

    def start() -> None:
        with open_state(path) as own:
            together.wait()
            try:
                told.append(
                    create_job(
                        own,
                        kind=JobKind.EXPORT,
                        connection="verband",
                        link="members-news",
                        operator=EVA,
                        now=NOW,
                        alone=True,
                    )
                )
            except ExportUnfinished as error:
                told.append(error.text)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_state(path) as state:
        (job,) = list_jobs(state)
    assert sorted(told) == sorted(
        [job.job_id]
        + [f"Job {short_id(job.job_id)} of eva exports members-news already (queued). Nothing was started."]
        * 3
    )
