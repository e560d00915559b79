"""Rehearsing from the console: only where a sandbox is, chosen from a list, and told what will be seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from adapters.rehearsal import offered
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.tui.app import ConsoleApp
from console.tui.screens.connections import ConnectionsPage
from console.tui.screens.palette import Palette
from console.tui.screens.rehearse import RehearsalList
from console.tui.widgets.sqlite_table import SqliteTable
from tests.tui.screen import dialog_closed, dialog_open, matches, screen_text, settled
from tests.tui.world import SETTINGS, World, furnished_world

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}

BOOKS = """
[connections.freunde]
provider = "dotdigital"
user = "{user}"
password = {{ env = "FREUNDE_PASSWORD" }}
base_url = "{url}"
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=50)) as running:
        yield running


@pytest.fixture
def rehearsable(tmp_path: Path, sandbox: RunningSandbox) -> World:
    """A connection to the sandbox beside two to real platforms."""
    sandbox.control("dotdigital", "reset")
    login = sandbox.key("dotdigital")
    books = BOOKS.format(user=login["user"], url=sandbox.url("dotdigital"))
    return furnished_world(tmp_path, SETTINGS + books)


def told(app: ConsoleApp) -> str:
    """What was said last."""
    return [note.message for note in app._notifications][-1]


def select(app: ConsoleApp, name: str) -> ConnectionsPage:
    page = app.screen
    assert isinstance(page, ConnectionsPage)
    page.table.cursor = [view.name for view in page._all].index(name)
    return page


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.usefixtures("at_noon")
async def test_the_list_of_rehearsals(rehearsable: World, size: tuple[int, int]) -> None:
    app = rehearsable.app()
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        select(app, "freunde")
        await settled(pilot)
        await pilot.press("R")
        await dialog_open(pilot, RehearsalList)
        matches(app, f"rehearse-{size[0]}x{size[1]}")
        await pilot.press("escape")


async def test_what_is_chosen_is_ordered_and_told(rehearsable: World, sandbox: RunningSandbox) -> None:
    names = [one.name for one in offered("dotdigital")]
    app = rehearsable.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        select(app, "freunde")
        await settled(pilot)
        await pilot.press("R")
        await dialog_open(pilot, RehearsalList)
        dialog = app.screen
        dialog.query_one(SqliteTable).cursor = names.index("import-watchdog")
        await pilot.press("enter")
        await dialog_closed(pilot, dialog)
        assert "refused as a whole" in told(app)
    assert sandbox.control("dotdigital", "next-import")["ordered"] == 2, "ours, and this one"


async def test_leaving_the_list_orders_nothing(rehearsable: World, sandbox: RunningSandbox) -> None:
    app = rehearsable.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        select(app, "freunde")
        await settled(pilot)
        await pilot.press("R")
        await dialog_open(pilot, RehearsalList)
        dialog = app.screen
        await pilot.press("escape")
        await dialog_closed(pilot, dialog)
    assert sandbox.control("dotdigital", "next-import")["ordered"] == 1


async def test_it_is_not_even_named_for_a_real_platform(rehearsable: World) -> None:
    app = rehearsable.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        page = select(app, "verband")
        await settled(pilot)
        assert "connections.rehearse" not in [one.id for one in page.commands()]
        await pilot.press("R")
        await settled(pilot)
        assert app.screen is page
        assert "only a sandbox on this machine" in told(app)
        select(app, "freunde")
        await settled(pilot)
        assert "connections.rehearse" in [one.id for one in page.commands()]
        await pilot.press("ctrl+p")
        await dialog_open(pilot, Palette)
        app.screen.query_one(Input).value = "Rehearse"
        await settled(pilot)
        assert "Where the connection leads to a sandbox" in screen_text(app)


async def test_another_server_on_this_machine_says_that_it_is_no_sandbox(tmp_path: Path) -> None:
    world = furnished_world(
        tmp_path, SETTINGS + BOOKS.format(user="x", url="http://127.0.0.1:9/dotdigital/v2")
    )
    app = world.app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        page = select(app, "freunde")
        await settled(pilot)
        await pilot.press("R")
        await settled(pilot)
        assert app.screen is page
        assert "does not lead to a sandbox" in told(app)


async def test_read_only_it_is_refused(rehearsable: World, sandbox: RunningSandbox) -> None:
    app = rehearsable.app(read_only="this console only looks")
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        page = select(app, "freunde")
        await settled(pilot)
        await pilot.press("R")
        await settled(pilot)
        assert app.screen is page
        assert "this console only looks" in told(app)
