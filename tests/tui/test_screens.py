"""Every screen as text at 80×24 and 160×50, over the same small world (``make snapshots`` writes them anew)."""

from __future__ import annotations

import pytest

from console.tui.places import HOME, Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.link_form import LinkForm
from tests.tui.screen import dialog_open, matches, settled
from tests.tui.world import World

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}

PLACES = {
    "connections": HOME,
    "lists": Place(PlaceKind.CONNECTION, "verband", "lists"),
    "contacts": Place(PlaceKind.CONTACTS),
    "contacts-link": Place(PlaceKind.LINK, "members-news", "contacts"),
    "explain": Place(PlaceKind.ADDRESS, "gone@example.org"),
}

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", PLACES)
async def test_screen(world: World, place: str, size: str) -> None:
    app = world.app(PLACES[place])
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"{place}-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_first_run(nothing: World, size: str) -> None:
    app = nothing.app()
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"first-run-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_read_only(world: World, size: str) -> None:
    app = world.app(read_only="this console was started read-only")
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"read-only-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_dialogs(world: World, size: str) -> None:
    app = world.app(PLACES["lists"])
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        await pilot.press("question_mark")
        await settled(pilot)
        matches(app, f"help-{size}")
        await pilot.press("escape", "colon", "c", "o", "n")
        await settled(pilot)
        matches(app, f"palette-{size}")
        await pilot.press("escape", "D")
        await dialog_open(pilot, Confirm)
        matches(app, f"confirm-{size}")
        await pilot.press("escape")
        await settled(pilot)
        await pilot.press("down", "c")
        await dialog_open(pilot, LinkForm)
        await settled(pilot)
        matches(app, f"link-form-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_connection_form(nothing: World, size: str) -> None:
    app = nothing.app()
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await settled(pilot)
        matches(app, f"connection-form-{size}")
