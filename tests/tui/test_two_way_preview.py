"""Two-way fields in the preview: what each side has, whose value counts, and the dialog that counts what goes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from console.tui.places import Place, PlaceKind
from console.tui.plan_words import row_detail, source_line
from console.tui.preview_lines import row_values
from console.tui.screens.confirm import Confirm
from state.jobs import job_options
from state.model import (
    Action,
    Conflict,
    FieldDifference,
    FieldMapping,
    Guard,
    JobKind,
    Plan,
    PlanRow,
    RowClass,
)
from tests.tui.planned import LINK, linked_world, numbered_ids, put_plan
from tests.tui.screen import dialog_closed, dialog_open, matches, screen_text, settled, settled_dialog
from tests.tui.world import NOON, World

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
PREVIEW = Place(PlaceKind.LINK, "members-news", "preview")
TWO_WAY = replace(
    LINK,
    conflict=Conflict.PLATFORM,
    fields=(
        FieldMapping("FNAME", ("first_name",)),
        FieldMapping("LNAME", ("last_name",), two_way=True),
    ),
)

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def spawn(job_id: str, **_: object) -> int:
        found.append(job_id)
        return 1

    monkeypatch.setattr("console.jobs.process.spawn_job", spawn)
    return found


def two_way_world(folder: Path) -> tuple[World, Plan]:
    """Eva is called otherwise at the platform than in the source, and the platform's value counts."""
    world = linked_world(folder)
    with world.state() as state:
        return world, put_plan(state, link=TWO_WAY)


def row(action: Action | None, *differences: FieldDifference, reason: str = "fields-differ") -> PlanRow:
    return PlanRow(
        0, RowClass.CHANGED, reason, action, "eva@example.org", "eva@example.org", differences=differences
    )


@pytest.mark.parametrize(
    ("difference", "action", "told"),
    [
        (
            FieldDifference("LNAME", "Brandt", "Brand", agreed="Brandt", at_source=True),
            Action.WRITE_BACK,
            "LNAME: agreed “Brandt” → source “Brandt” / platform “Brand”; the platform wins, goes back to the source",
        ),
        (
            FieldDifference("LNAME", "Brandt", "Brand", agreed="Brandt"),
            Action.CHANGE,
            "LNAME: agreed “Brandt” → source “Brand” / platform “Brandt”; the source wins",
        ),
        (
            FieldDifference("LNAME", "Brand", "Brandt", agreed="Berg"),
            None,
            "LNAME: agreed “Berg” → source “Brandt” / platform “Brand”; nobody wins: decide",
        ),
        (
            FieldDifference("LNAME", "Brandt", "", at_source=True),
            Action.WRITE_BACK,
            "LNAME: never agreed → source “Brandt” / platform (none); the platform wins, goes back to the source",
        ),
        (FieldDifference("LNAME", "Brand", "Brandt"), Action.CHANGE, "LNAME: “Brand” → “Brandt”"),
        (FieldDifference("LNAME", None, "Brandt"), Action.CREATE, "LNAME: “Brandt” (new in the source)"),
    ],
)
def test_the_detail_is_three_way_where_both_sides_may_write(
    difference: FieldDifference, action: Action | None, told: str
) -> None:
    assert told in row_detail(row(action, difference), None).plain


def test_a_file_of_the_view_says_what_goes_to_the_source() -> None:
    change = FieldDifference("LNAME", "Brandt", "Brand", agreed="Brandt", at_source=True)
    assert row_values(row(Action.WRITE_BACK, change))[-1] == (
        "LNAME: Brandt -> Brand (agreed: Brandt) (at the source)"
    )


@pytest.mark.parametrize(
    ("basis", "told"),
    [
        ({}, None),
        ({"source_membership": "filter source=website"}, "filter source=website, read for this plan"),
        (
            {"source_membership": "grid export", "source_as_of": "2026-03-01T06:00:00.000000Z"},
            "grid export of 2026-03-01 06:00 UTC, 6 h old",
        ),
        ({"source_as_of": "2026-02-27T12:00:00.000000Z"}, "file of 2026-02-27 12:00 UTC, 2 d old"),
    ],
)
def test_the_preview_says_which_members_were_meant_and_how_old_they_are(
    tmp_path: Path, basis: dict[str, str], told: str | None
) -> None:
    _, plan = two_way_world(tmp_path)
    line = source_line(replace(plan, basis=basis), NOON)
    assert (line.plain.removeprefix("Source ") if line is not None else None) == told


@pytest.mark.parametrize("size", SIZES)
async def test_screens(tmp_path: Path, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbered_ids(monkeypatch)
    world, _ = two_way_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await settled(pilot)
        matches(app, f"preview-two-way-{size}")
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        matches(app, f"preview-two-way-confirm-{size}")


async def test_r11_what_goes_back_wants_its_number_typed_beside_that_of_who_leaves(
    tmp_path: Path, started: list[str]
) -> None:
    world, plan = two_way_world(tmp_path)
    assert plan.writes_by_action()[Action.WRITE_BACK] == 1
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        dialog = app.screen
        text = screen_text(app)
        assert "write 1 back to members" in text
        assert "writes to the source" in text
        button = dialog.query_one("#do", Button)
        dialog.query_one("#typed", Input).value = "1"
        await settled_dialog(pilot)
        assert button.disabled, "the second number is not typed yet"
        dialog.query_one("#typed2", Input).value = "1"
        await settled_dialog(pilot)
        dialog.query_one("#do", Button).press()
        await dialog_closed(pilot, dialog)
    with world.state() as state:
        options = job_options(state, started[0])
    assert (options["max_removals"], options["max_write_backs"]) == (1, 1)


async def test_r11_the_guard_of_write_backs_says_that_x_asks_for_the_number(
    tmp_path: Path, started: list[str]
) -> None:
    world = linked_world(tmp_path)
    guard = Guard("too-many-write-backs", "rows that would be written into the source", 1, 0, "Look at them.")
    with world.state() as state:
        put_plan(state, link=TWO_WAY, guards=[guard])
    app = world.app(PREVIEW)
    async with app.run_test(size=(220, 40)) as pilot:
        await settled(pilot)
        assert "x asks for the number typed" in screen_text(app)
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
    assert started == []


async def test_a_refresh_that_runs_is_shown_as_a_preview_under_way(
    tmp_path: Path, started: list[str]
) -> None:
    world, _ = two_way_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("u")
        await dialog_open(pilot, Confirm)
        app.screen.query_one("#do", Button).press()
        await settled(pilot)
        await settled(pilot)
        assert "queued refresh members-news" in screen_text(app)
        with world.state() as state:
            kinds = [kind for (kind,) in state.db.execute("SELECT kind FROM jobs ORDER BY no DESC LIMIT 1")]
        assert kinds == [JobKind.REFRESH.value]
