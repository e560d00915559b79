"""Outcomes by reason and their rows as windows, and the history of jobs in pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.chunks import Answer
from state.jobs import count_jobs, create_job, job_no, jobs_page, list_jobs
from state.model import JobKind, Outcome, Plan
from state.outcome_times import with_times
from state.outcome_view import OutcomeGroup, OutcomeWindow, outcome_groups, refused_keys
from state.outcomes import OutcomeRow, read_outcomes
from state.store import State
from tests.tui.planned import PEOPLE, linked_world, put_export, put_people, put_plan
from tests.tui.world import NOON, OPERATOR

CROWD = [(f"p{number:04d}@example.net", f"s{number}", "Pat", "P", 0) for number in range(300)]
WORDS = (
    (Outcome.SENT, "added"),
    (Outcome.REJECTED, "platform-refused"),
    (Outcome.WITHHELD, "compliance-state"),
    (Outcome.UNKNOWN, "no-answer"),
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[State, Plan, int]]:
    world = linked_world(tmp_path_factory.mktemp("outcomes"))
    with world.state() as state:
        put_people(state, [*CROWD, *PEOPLE])
        plan = put_plan(state)
        answers = [Answer(n, *WORDS[n * 7 % 11 % 4]) for n in range(250)]
        yield state, plan, job_no(state, put_export(state, plan, answers=answers))


def all_rows(state: State, plan: Plan, no: int) -> Sequence[OutcomeRow]:
    return read_outcomes(state, no, plan, limit=10_000)


def counted(state: State, window: OutcomeWindow) -> int:
    while not (found := window.count(state)).exact:
        pass
    return found.rows


def test_r18_the_groups_are_the_plans_writes(exported: tuple[State, Plan, int]) -> None:
    state, plan, no = exported
    groups = outcome_groups(state, no, plan)
    assert sum(group.rows for group in groups) == plan.writes == 304
    assert {(group.outcome, group.reason) for group in groups} == {*WORDS, (Outcome.TODO, "")}
    assert groups[0].outcome is Outcome.REJECTED
    for group in groups:
        rows = [
            row
            for row in all_rows(state, plan, no)
            if (row.outcome, row.reason) == (group.outcome, group.reason)
        ]
        assert len(rows) == group.rows


@settings(max_examples=60)
@given(
    chosen=st.sampled_from([None, *WORDS, (Outcome.TODO, "")]),
    text=st.sampled_from(["", "p01", "EXAMPLE.net", "nobody", "neo@"]),
    first=st.integers(0, 310),
    rows=st.integers(0, 200),
)
def test_a_window_is_the_filtered_outcomes(
    exported: tuple[State, Plan, int], chosen: tuple[Outcome, str] | None, text: str, first: int, rows: int
) -> None:
    state, plan, no = exported
    plain = [
        row
        for row in all_rows(state, plan, no)
        if (chosen is None or (row.outcome, row.reason) == chosen) and text.lower() in row.email.lower()
    ]
    window = OutcomeWindow(no, plan, group=OutcomeGroup(*chosen, 0) if chosen else None, text=text)
    assert counted(state, window) == len(plain)
    assert window.rows(state, first, rows) == with_times(state, no, plain[first : first + rows])
    assert counted(state, window.again()) == len(plain)


def test_refused_are_those_a_person_may_plan_again(exported: tuple[State, Plan, int]) -> None:
    state, plan, no = exported
    wanted = {
        row.email for row in all_rows(state, plan, no) if row.outcome in (Outcome.REJECTED, Outcome.UNKNOWN)
    }
    assert refused_keys(state, no, plan) == wanted


def test_the_history_in_pages_is_the_history(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        for number in range(25):
            create_job(
                state,
                kind=JobKind.CHECK if number % 2 else JobKind.PREVIEW,
                connection="verband",
                link="" if number % 2 else "members-news",
                operator=OPERATOR,
                now=NOON + timedelta(seconds=number),
            )
        every = list_jobs(state)
        assert count_jobs(state) == 25
        assert [job for first in range(0, 30, 7) for job in jobs_page(state, first, 7)] == every
        assert jobs_page(state, 0, 99, link="members-news") == [job for job in every if job.link]
        assert count_jobs(state, find="CHECK") == 12
        assert count_jobs(state, find=every[3].job_id[-8:]) == 1
        assert jobs_page(state, 1, 1, find="preview") == [
            [job for job in every if job.kind is JobKind.PREVIEW][1]
        ]
        assert count_jobs(state, find="100%_") == 0
