"""The screens of jobs as text at 80×24 and 160×50."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from state.model import JobState
from tests.tui.planned import ANSWERS, linked_world, numbered_ids, planned_world, put_export, put_plan
from tests.tui.screen import dialog_open, matches, settled

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
JOBS = Place(PlaceKind.JOBS)

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.fixture(autouse=True)
def _same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    numbered_ids(monkeypatch)


@pytest.mark.parametrize("size", SIZES)
async def test_history(tmp_path: Path, size: str) -> None:
    world = linked_world(tmp_path)
    app = world.app(JOBS)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"jobs-empty-{size}")
    with world.state() as state:
        put_export(state, put_plan(state, minutes_ago=30), minutes_ago=29)
        put_export(
            state,
            put_plan(state, minutes_ago=20),
            minutes_ago=19,
            state_=JobState.FAILED,
            reason="account-busy",
            text="bea on mail-2 (process 77) has been exporting to this account since 2026-03-01 11:30 UTC, in job"
            " 4K7Q2M1X. One export an account at a time.",
        )
        put_export(state, put_plan(state), state_=None, answers=ANSWERS[:1])
    app = world.app(JOBS)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"jobs-{size}")
        await pilot.press("c")
        await dialog_open(pilot, Confirm)
        matches(app, f"jobs-cancel-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_one_job(tmp_path: Path, size: str) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        job = put_export(state, plan)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"job-log-{size}")
        for key, name in (("o", "outcomes"), ("enter", "rows"), ("w", "requests"), ("i", "files")):
            await pilot.press(key)
            await settled(pilot)
            matches(app, f"job-{name}-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_r43_a_stalled_job_says_why_and_how_to_free_it(tmp_path: Path, size: str) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        job = put_export(state, plan, state_=None, answers=ANSWERS[:1], minutes_ago=20)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"job-stalled-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_running_and_missing(tmp_path: Path, size: str) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        job = put_export(state, plan, state_=None, answers=ANSWERS[:3], minutes_ago=0.5)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"job-running-{size}")
    app = world.app(Place(PlaceKind.JOB, "ZZZZZZZZ"))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"job-missing-{size}")
