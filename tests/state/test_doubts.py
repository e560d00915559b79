"""What an export that has not ended shows: rows by outcome as they are, and rows in doubt as unknown (R18)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from state.chunks import Answer, answer
from state.jobs import claim_job, get_job
from state.liveness import ProcessMark
from state.model import Action, Job, JobState, Outcome
from state.outcome_view import OutcomeGroup, OutcomeWindow, outcome_groups, with_counts
from state.outcomes import outcome_counts, read_outcomes
from tests.state.lists import Person, lists
from tests.state.test_exports import Sending

MARK = ProcessMark("host", 7, "1", "boot")


@pytest.fixture
def sending(tmp_path: Path) -> Sending:
    """Ten additions: two sent, three on their way with one answer known, five not sent."""
    world = lists(tmp_path)
    world.source(*(Person(f"p{number}@example.org", str(number)) for number in range(10)))
    made = Sending(world, world.plan())
    claim_job(world.state, made.job_id, MARK, world.tick(), alive=lambda _: True)
    first = made.next(Action.ADD, size=2)
    assert first is not None
    sent = [Answer(row.n, Outcome.SENT, "added") for row in first.rows]
    answer(world.state, made.grip, first, sent, now=world.tick())
    second = made.next(Action.ADD, size=3)
    assert second is not None
    known = [Answer(second.rows[0].n, Outcome.REJECTED, "address-refused")]
    answer(world.state, made.grip, second, known, closed=False, now=world.tick())
    return made


def job_of(sending: Sending, standing: JobState) -> Job:
    return replace(get_job(sending.world.state, sending.job_id), state=standing)


def test_counts_of_a_stalled_export_come_from_its_outcomes(sending: Sending) -> None:
    state = sending.world.state
    written = job_of(sending, JobState.STALLED)
    assert written.counts == {}, "nothing was folded yet"
    counts = {"sent": 2, "rejected": 1, "unknown": 2, "todo": 5}
    assert with_counts(state, written).counts == counts
    told = outcome_counts(state, sending.grip.job_no, sending.plan, doubts=True)
    assert {word: rows for word, rows in told.items() if rows} == counts


def test_rows_a_living_process_waits_for_are_not_in_doubt(sending: Sending) -> None:
    job = with_counts(sending.world.state, job_of(sending, JobState.RUNNING))
    assert job.counts == {"sent": 2, "rejected": 1, "todo": 7}


def test_a_job_that_has_ended_keeps_the_counts_of_its_end(sending: Sending) -> None:
    ended = replace(job_of(sending, JobState.PARTLY), counts={"sent": 9})
    assert with_counts(sending.world.state, ended) is ended


def test_rows_in_doubt_are_listed_as_unknown(sending: Sending) -> None:
    state, no, plan = sending.world.state, sending.grip.job_no, sending.plan
    rows = read_outcomes(state, no, plan, doubts=True)
    assert [row.outcome.value for row in rows] == [
        *["sent"] * 2,
        "rejected",
        *["unknown"] * 2,
        *["todo"] * 5,
    ]
    unknown = read_outcomes(state, no, plan, doubts=True, outcome=Outcome.UNKNOWN)
    assert unknown == rows[3:5]
    assert {row.reason for row in unknown} == {"no-answer"}
    assert read_outcomes(state, no, plan, outcome=Outcome.UNKNOWN) == []


def test_groups_and_windows_agree_with_the_rows(sending: Sending) -> None:
    state, no, plan = sending.world.state, sending.grip.job_no, sending.plan
    groups = outcome_groups(state, no, plan, doubts=True)
    assert OutcomeGroup(Outcome.UNKNOWN, "no-answer", 2) in groups
    assert sum(group.rows for group in groups) == plan.writes == 10
    for group in groups:
        window = OutcomeWindow(no, plan, group=group, doubts=True)
        while not window.count(state).exact:
            pass
        shown = window.rows(state, 0, 10)
        assert [(row.outcome, row.reason) for row in shown] == [(group.outcome, group.reason)] * group.rows


def test_looking_for_rows_in_doubt_uses_the_index_of_open_chunks(sending: Sending) -> None:
    state = sending.world.state
    said: list[str] = []
    state.db.set_trace_callback(said.append)
    read_outcomes(state, sending.grip.job_no, sending.plan, doubts=True)
    outcome_counts(state, sending.grip.job_no, sending.plan, doubts=True)
    state.db.set_trace_callback(None)
    looked = [statement for statement in said if "chunks k" in statement]
    assert len(looked) == 2
    for statement in looked:
        steps = [str(row[3]) for row in state.db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        of_chunks = [step for step in steps if " k " in f"{step} "]
        assert of_chunks
        assert all("chunks_open" in step for step in of_chunks), steps
