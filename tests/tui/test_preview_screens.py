"""The preview as text at 80×24 and 160×50: normal, one class, empty, running, failed, guarded, dialogs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from console.jobs.process import this_process
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.plan_diff import PlanDiff
from console.tui.screens.plan_list import PlanList
from state.jobs import claim_job, create_job, finish_job, set_phase, set_progress
from state.model import Guard, JobKind, JobState
from tests.tui.planned import (
    ANSWERS,
    LINK,
    PEOPLE,
    linked_world,
    numbered_ids,
    planned_world,
    put_export,
    put_people,
    put_plan,
)
from tests.tui.screen import dialog_open, matches, settled
from tests.tui.world import NOON, OPERATOR

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
PREVIEW = Place(PlaceKind.LINK, "members-news", "preview")

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.fixture(autouse=True)
def _same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    numbered_ids(monkeypatch)


@pytest.mark.parametrize("size", SIZES)
async def test_a_plan_its_classes_and_its_dialog(tmp_path: Path, size: str) -> None:
    world, _ = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"preview-{size}")
        await pilot.press("2")
        await settled(pilot)
        matches(app, f"preview-class-{size}")
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        matches(app, f"preview-confirm-{size}")
        await pilot.press("escape", "0", "slash", *"nobody")
        await settled(pilot)
        matches(app, f"preview-no-match-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_empty_and_read_only(tmp_path: Path, size: str) -> None:
    world = linked_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"preview-empty-{size}")
    app = world.app(PREVIEW, read_only="this console was started read-only")
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"preview-empty-read-only-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_a_preview_that_runs_and_one_that_failed(tmp_path: Path, size: str) -> None:
    world, _ = planned_world(tmp_path)
    began = NOON - timedelta(seconds=10)
    with world.state() as state:
        job = create_job(
            state,
            kind=JobKind.PREVIEW,
            connection=LINK.connection,
            link=LINK.name,
            operator=OPERATOR,
            now=began,
        )
        mark = replace(this_process(), host="desk", pid=77)
        claim_job(state, job, mark, began, alive=lambda _: True)
        set_phase(state, job, "reading the list", 5_000, "members", began)
        set_progress(state, job, 1_200)
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"preview-running-{size}")
    with world.state() as state:
        finish_job(
            state,
            job,
            state_=JobState.FAILED,
            reason="source-empty",
            text="The source has no row; at the last good read it had 7.",
            exit_code=5,
            counts={},
            now=NOON,
        )
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"preview-failed-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_guards_explain_themselves(tmp_path: Path, size: str) -> None:
    """F6: rule, value, limit and way out stand on the screen."""
    world = linked_world(tmp_path)
    guard = Guard(
        "required-field-unmapped",
        "the list requires PHONE, which the link does not map",
        1,
        0,
        "Map it in the link's fields, or make it optional at the platform.",
    )
    with world.state() as state:
        put_people(state, [(*person[:4], 1) for person in PEOPLE if person[0] != "left@example.org"])
        put_plan(state, guards=[guard])
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"preview-guard-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_kept_plans_and_their_difference(tmp_path: Path, size: str) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        put_plan(state, saved=True, minutes_ago=90)
        people = [person for person in PEOPLE if person[1] != "4"]
        put_people(
            state,
            [*people[1:], ("eva@example.org", "1", "Eva", "Berg", 0), ("zoe@example.org", "9", "Z", "", 0)],
        )
        put_plan(state, minutes_ago=2)
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await dialog_open(pilot, PlanList)
        matches(app, f"preview-plans-{size}")
        await pilot.press("d")
        await dialog_open(pilot, PlanDiff)
        matches(app, f"preview-diff-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_an_unfinished_export_goes_first(tmp_path: Path, size: str) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        put_export(state, plan, state_=None, answers=ANSWERS[:2], minutes_ago=20)
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"preview-unfinished-{size}")
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        matches(app, f"preview-unfinished-dialog-{size}")
