"""What a platform still works on is told everywhere, and a person may let go of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from console.import_words import imports_of
from console.tui.job_words import unblock_dialog
from console.tui.places import HOME, Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.copied import Copied
from console.tui.screens.job import JobPage
from console.tui.screens.preview import PreviewPage
from console.tui.widgets.status_line import Pace, job_line
from state.audit import verify_audit
from state.connections import put_budget
from state.jobs import get_job
from state.model import Budget, JobState, Outcome, Plan
from state.open_imports import import_words
from tests.tui.planned import (
    IMPORT,
    PAGE,
    linked_world,
    numbered_ids,
    planned_world,
    put_export,
    put_import,
    put_plan,
    put_waiting_export,
)
from tests.tui.screen import dialog_closed, dialog_open, matches, screen_text, settled, settled_dialog
from tests.tui.world import NOON, World

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
WIDE = (160, 50)
PREVIEW = Place(PlaceKind.LINK, "members-news", "preview")

pytestmark = pytest.mark.usefixtures("at_noon", "picked_up")


@pytest.fixture
def picked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nobody goes on with what waits; tells how often somebody would have looked."""
    looks: list[str] = []

    def look(*_: object, **__: object) -> tuple[()]:
        looks.append("looked")
        return ()

    monkeypatch.setattr("console.jobs.pickup.pick_up_waiting", look)
    return looks


def waiting_world(folder: Path) -> tuple[World, Plan, str]:
    world, plan = planned_world(folder)
    with world.state() as state:
        job = put_waiting_export(state, plan)
        put_budget(
            state,
            "verband",
            "dotdigital",
            Budget(120, 112, 60, NOON, NOON + timedelta(seconds=40)),
        )
    return world, plan, job


@pytest.mark.parametrize("size", SIZES)
async def test_the_screens_that_tell_of_it(
    tmp_path: Path, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered_ids(monkeypatch)
    world, _, job = waiting_world(tmp_path)
    for name, place in (
        ("job", Place(PlaceKind.JOB, job)),
        ("jobs", Place(PlaceKind.JOBS)),
        ("connections", HOME),
        ("preview", PREVIEW),
    ):
        app = world.app(place)
        async with app.run_test(size=SIZES[size]) as pilot:
            await settled(pilot)
            matches(app, f"import-{name}-{size}")


async def test_every_screen_names_import_age_polls_page_and_job(tmp_path: Path) -> None:
    world, _, job = waiting_world(tmp_path)
    for place in (Place(PlaceKind.JOB, job), Place(PlaceKind.JOBS), HOME):
        app = world.app(place)
        async with app.run_test(size=(240, 50)) as pilot:
            await settled(pilot)
            text = screen_text(app)
            for told in (IMPORT, "63 s old", "7 polls", PAGE, job[-8:]):
                assert told in text, (place, told)
            assert "waiting on the vendor" in text


def test_a_narrow_status_line_tells_age_and_polls_before_the_whole_id(tmp_path: Path) -> None:
    world, _, job_id = waiting_world(tmp_path)
    with world.state() as state:
        job = replace(
            get_job(state, job_id),
            waiting_for=f"waiting on the vendor: {import_words(IMPORT, said=f'Import {IMPORT}: NotFinished', age_seconds=10_800, polls=7, page=PAGE)}",
        )
    line = job_line(job, Pace(), brief=True).plain
    assert f"import {IMPORT[:8]}…: NotFinished, 3.0 h old, 7 polls" in line[:80]
    assert IMPORT in job_line(job, Pace()).plain


def test_letting_go_tells_what_was_taken_over_from_what_got_no_answer(tmp_path: Path) -> None:
    world, _, job_id = waiting_world(tmp_path)
    with world.state() as state:
        job, imports = get_job(state, job_id), imports_of(state, get_job(state, job_id))
    for rows, words in (
        (2, "has 2 rows the platform took over and has not said the end of."),
        (
            3,
            "has 2 rows the platform took over and has not said the end of, and 1 row that left and got no answer.",
        ),
    ):
        dialog = unblock_dialog(job, rows, imports)
        assert any(words in str(line) for line in dialog._lines)


async def test_the_report_page_can_be_copied(tmp_path: Path) -> None:
    world, _, job = waiting_world(tmp_path)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("y")
        await settled(pilot)
        assert isinstance(app.screen, Copied)
        assert PAGE in app.clipboard


async def test_another_links_export_is_refused_and_the_job_is_one_key_away(tmp_path: Path) -> None:
    """The import of an older job of the account blocks the export of a new plan (design law 4)."""
    world = linked_world(tmp_path)
    with world.state() as state:
        job = put_export(state, put_plan(state, minutes_ago=30), state_=JobState.CANCELLED, minutes_ago=29)
        put_import(state, job)
        put_plan(state)
    app = world.app(PREVIEW)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        page = app.screen
        assert isinstance(page, PreviewPage)
        assert IMPORT in (page.refuse_export() or "")
        assert "The platform still works on" in screen_text(app)
        await pilot.press("b")
        await settled(pilot)
        assert isinstance(app.screen, JobPage)
        assert app.screen.job_id == job


async def _type_and_confirm(pilot: Pilot[Any], text: str) -> None:
    dialog = pilot.app.screen
    dialog.query_one("#typed", Input).value = text
    await settled_dialog(pilot)
    dialog.query_one("#do", Button).press()
    await dialog_closed(pilot, dialog)


async def test_rows_are_let_go_after_their_number_is_typed_and_it_is_audited(tmp_path: Path) -> None:
    world, _, job = waiting_world(tmp_path)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("U")
        await dialog_open(pilot, Confirm)
        text = screen_text(app)
        assert "2 rows" in text
        assert IMPORT in text
        app.screen.query_one("#typed", Input).value = "1"
        await settled_dialog(pilot)
        assert app.screen.query_one("#do", Button).disabled
        await _type_and_confirm(pilot, "2")
    with world.state() as state:
        ended = get_job(state, job)
        assert (ended.state, ended.reason) == (JobState.PARTLY, "released")
        assert ended.counts[Outcome.UNKNOWN.value] == 2
        assert not verify_audit(state)
        told = state.db.execute("SELECT operator, what FROM audit ORDER BY no DESC LIMIT 1").fetchone()
        assert told[0] == "ann"
        assert IMPORT in told[1]


async def test_escape_lets_nothing_go(tmp_path: Path) -> None:
    world, _, job = waiting_world(tmp_path)
    app = world.app(Place(PlaceKind.JOBS))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("U")
        await dialog_open(pilot, Confirm)
        await pilot.press("escape")
        await settled(pilot)
    with world.state() as state:
        assert get_job(state, job).state is JobState.WAITING


async def test_r43_one_key_leads_from_the_status_line_to_what_stands_still(tmp_path: Path) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        put_waiting_export(state, plan)
        stuck = put_export(state, put_plan(state, minutes_ago=1), state_=None, minutes_ago=20)
    app = world.app(PREVIEW)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await app._look()
        assert "‖ stalled export members-news · W tells why" in screen_text(app)
        await pilot.press("W")
        await settled(pilot)
        assert isinstance(app.screen, JobPage)
        assert app.screen.job_id == stuck
        assert "last sign of life" in screen_text(app)


async def test_the_console_looks_for_waiting_jobs_at_its_start_unless_read_only(
    tmp_path: Path, picked_up: list[str]
) -> None:
    world, _, _ = waiting_world(tmp_path)
    async with world.app(read_only="this console was started read-only").run_test() as pilot:
        await settled(pilot)
    assert picked_up == []
    async with world.app().run_test() as pilot:
        await settled(pilot)
    assert picked_up == ["looked"]


async def test_the_budget_is_shown_where_the_platform_counts_calls(tmp_path: Path) -> None:
    world, _, job = waiting_world(tmp_path)
    with world.state() as state:
        put_budget(state, "laden", "dotdigital", Budget(2_000, 1_988, 3_600, NOON))
    app = world.app(HOME)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "calls left 112 of 120 this minute, resets 12:00:40 UTC" in screen_text(app)
        await pilot.press("down")
        await settled(pilot)
        assert "calls left 1,988 of 2,000 this hour" in screen_text(app)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert "calls left 112 of 120 this minute" in screen_text(app)
