"""Keys: type-ahead, going places, copying, leaving; nothing is confirmed by a bare key."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.connections import ConnectionsPage
from console.tui.screens.contacts import ContactsPage
from console.tui.screens.explain import ExplainPage
from console.tui.screens.lists import ListsPage
from tests.tui.screen import dialog_closed, dialog_open, screen_text, settled
from tests.tui.world import World

CONTACTS = Place(PlaceKind.LINK, "members-news", "contacts")


def type_at_once(pilot: Pilot[Any], *keys: str) -> None:
    """All keys are in the queue before the first one is handled, as from a fast typist or a slow line."""
    for key in keys:
        named = {"/": "slash", ":": "colon", "@": "at", ".": "full_stop"}.get(key, key)
        pilot.app.post_message(events.Key(named, key if len(key) == 1 else None))


async def test_letters_typed_right_after_the_slash_are_kept(world: World) -> None:
    app = world.app(CONTACTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        type_at_once(pilot, *"/eva@e")
        await settled(pilot)
        assert app.screen.query_one("#filter Input", Input).value == "eva@e"
        assert "1 of 5" in screen_text(app)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, ContactsPage)
        assert app.screen.table.rows == 5


async def test_letters_typed_right_after_the_palette_key_are_kept(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        type_at_once(pilot, *":listsofver", "enter")
        await settled(pilot)
        assert isinstance(app.screen, ListsPage)
        assert app.screen.connection == "verband"


async def test_f_finds_an_address_from_anywhere(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        type_at_once(pilot, *"fgone@example.org", "enter")
        await settled(pilot)
        assert app.screen.query_exactly_one("#answer")
        assert "Explain  gone@example.org" in screen_text(app)
        assert "does not get Verbandsnews" in screen_text(app)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, ConnectionsPage)


async def test_y_copies_by_osc_52_and_shows_the_text(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app = world.app(CONTACTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        wire: list[str] = []
        driver = app._driver
        assert driver is not None
        monkeypatch.setattr(driver, "write", wire.append)
        await pilot.press("y")
        await settled(pilot)
        assert f"\x1b]52;c;{base64.b64encode(b'eva@example.org').decode()}" in "".join(wire)
        assert "eva@example.org" in screen_text(app)
        assert "Copied" in screen_text(app)


async def test_vim_keys_and_ends(world: World) -> None:
    app = world.app(CONTACTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        page = app.screen
        assert isinstance(page, ContactsPage)
        await pilot.press("j", "j", "k")
        assert page.table.cursor == 1
        await pilot.press("G")
        assert page.table.cursor == 4
        await pilot.press("g", "down", "enter")
        await settled(pilot)
        assert isinstance(app.screen, ExplainPage)
        assert app.screen.address == "gone@example.org"


async def test_two_panes_change_with_h_and_the_tree_opens_places(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await pilot.press("h")
        assert app.focused is app.screen.query_one("#tree")
        await pilot.press("g", "enter")
        await settled(pilot)
        assert isinstance(app.screen, ListsPage)


async def test_one_pane_below_100_columns_says_so(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(99, 30)) as pilot:
        await settled(pilot)
        assert not app.screen.query_one("#tree").display
        await pilot.press("h")
        assert [note.message for note in app._notifications] == [
            "Other pane: below 100 columns there is one pane"
        ]
        await pilot.resize_terminal(100, 30)
        await settled(pilot)
        assert app.screen.query_one("#tree").display


@pytest.mark.parametrize("key", ["enter", "y", "space", "d", "D"])
async def test_no_bare_key_confirms(world: World, key: str) -> None:
    before = world.config.read_bytes()
    app = world.app(Place(PlaceKind.CONNECTION, "verband", "lists"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await dialog_open(pilot, Confirm)
        assert app.focused is app.screen.query_one("#cancel")
        await pilot.press(key)
        await pilot.press("escape")  # left open or not, nothing was confirmed
        await settled(pilot)
        assert world.config.read_bytes() == before
        assert "members-news" in app.settings.links


async def test_the_button_confirms(world: World) -> None:
    app = world.app(Place(PlaceKind.CONNECTION, "verband", "lists"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await dialog_open(pilot, Confirm)
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert "members-news" not in app.settings.links
        assert "[sources.members]" in world.config.read_text(encoding="utf-8")
        assert "Not linked" in screen_text(app)


async def _answer(app: App[Any], pilot: Pilot[Any], dialog: Confirm, *keys: str) -> bool | None:
    answers: list[bool | None] = []
    app.push_screen(dialog, answers.append)
    await dialog_open(pilot, Confirm)
    await pilot.press(*keys)
    await settled(pilot)
    if app.screen is dialog:
        await pilot.press("escape")
    await dialog_closed(pilot, dialog)
    return answers[0]


async def test_what_cannot_be_undone_wants_the_number_typed(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)

        def dialog() -> Confirm:
            return Confirm(
                "Remove", ["37 people are removed."], "Remove 37 from Verbandsnews", typed="37", danger=True
            )

        assert await _answer(app, pilot, dialog(), "tab", "enter") is False
        assert await _answer(app, pilot, dialog(), "shift+tab", "3", "6", "enter", "enter", "enter") is False
        assert await _answer(app, pilot, dialog(), "shift+tab", "3", "7", "enter", "enter") is True


async def test_an_unknown_place_is_said_in_a_sentence(world: World) -> None:
    app = world.app(Place(PlaceKind.LINK, "nope", "preview"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, ConnectionsPage)
        assert [note.message for note in app._notifications] == [
            "The settings have no link “nope”. Links: members-news."
        ]


async def test_q_leaves_with_zero(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 0
