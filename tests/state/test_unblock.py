"""Releasing rows without an answer: only of a job nobody carries, never as success, and written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.audit import read_audit, verify_audit
from state.chunks import Answer, answer
from state.explain import explain
from state.jobs import JobMissing, JobOver, JobRunning, claim_job, create_job, get_job
from state.liveness import ProcessMark
from state.model import Action, JobKind, JobState, Outcome
from state.unblock import NothingOpen, open_rows, unblock_job
from tests.state.lists import Person, lists
from tests.state.test_exports import INES, Sending

MARK = ProcessMark("host", 7, "1", "boot")


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    """A job that carries a plan of seven additions."""
    world = lists(tmp_path)
    world.source(*(Person(f"p{number}@example.org", str(number)) for number in range(7)))
    made = Sending(world, world.plan())
    claim_job(world.state, made.job_id, MARK, world.tick(), alive=lambda _: True)
    return made


def _unblock(sending: Sending, *, lives: bool = False) -> JobState:
    world = sending.world
    now = world.tick()
    return unblock_job(world.state, sending.job_id, operator=INES, now=now, alive=lambda _: lives).state


def test_rows_in_doubt_become_unknown_and_what_is_known_stays(sending: Sending) -> None:
    world = sending.world
    chunk = sending.next(Action.ADD, size=3)
    assert chunk is not None
    taken = Answer(chunk.rows[0].n, Outcome.SENT, "found-on-reading", "o-1")
    answer(world.state, sending.grip, chunk, [taken], closed=False, now=world.tick())
    assert _unblock(sending) is JobState.PARTLY
    assert sending.counts() == {"sent": 1, "unknown": 2, "todo": 4}
    assert get_job(world.state, sending.job_id).reason == "released"
    timeline = explain(world.state, chunk.rows[0].address_key).timeline
    assert timeline[0].what == "found-on-reading", "what is known reaches the journal"
    assert explain(world.state, chunk.rows[1].address_key).timeline[0].what == "unknown"


def test_who_released_them_is_in_the_audit(sending: Sending) -> None:
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    answer(sending.world.state, sending.grip, chunk, [], ticket="batch-9", now=sending.world.tick())
    [open_chunk] = open_rows(sending.world.state, sending.job_id)
    assert (open_chunk.rows, open_chunk.ticket, open_chunk.polls) == (7, "batch-9", 0)
    _unblock(sending)
    last = read_audit(sending.world.state, job_id=sending.job_id)[-1]
    assert (last.operator, last.rows) == (INES, 7)
    assert last.what == "unblocked: 7 rows without an answer released (batch-9)"
    assert verify_audit(sending.world.state) == []
    assert open_rows(sending.world.state, sending.job_id) == ()


def test_a_job_that_is_carried_is_left_alone(sending: Sending) -> None:
    sending.next(Action.ADD)
    with pytest.raises(JobRunning):
        _unblock(sending, lives=True)
    assert sending.counts() == {"todo": 7}
    assert len(open_rows(sending.world.state, sending.job_id)) == 1


def test_a_job_with_nothing_open_is_left_alone(sending: Sending) -> None:
    with pytest.raises(NothingOpen):
        _unblock(sending)
    assert not get_job(sending.world.state, sending.job_id).state.final


def test_a_job_that_has_ended_or_never_was(sending: Sending) -> None:
    sending.next(Action.ADD)
    _unblock(sending)
    with pytest.raises(JobOver):
        _unblock(sending)
    with pytest.raises(JobMissing):
        unblock_job(
            sending.world.state, "NEVER", operator=INES, now=sending.world.tick(), alive=lambda _: False
        )


def test_a_job_without_a_plan_has_no_rows(sending: Sending) -> None:
    world = sending.world
    check = create_job(world.state, kind=JobKind.CHECK, connection="verband", operator=INES, now=world.tick())
    assert open_rows(world.state, check) == ()
