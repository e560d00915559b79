"""One registry feeds keys, footer, help and palette."""

from __future__ import annotations

from importlib import import_module

import pytest
from textual.widgets import Static

from console.tui.app import PAGES
from console.tui.commands import FOOTER_KEYS, REGISTRY, commands_of, footer_of
from console.tui.places import HOME, Place, PlaceKind
from console.tui.screens.page import Page
from tests.tui.screen import settled
from tests.tui.world import World


def _pages() -> list[type[Page]]:
    found: dict[str, type[Page]] = {}
    for target in PAGES.values():
        module, _, name = target.partition(":")
        found[target] = getattr(import_module(module), name)
    return list(found.values())


def test_ids_are_unique_and_every_page_of_the_registry_exists() -> None:
    assert len({found.id for found in REGISTRY}) == len(REGISTRY)
    known = {page.PAGE for page in _pages()} | {"any"}
    assert {found.page for found in REGISTRY} <= known


def test_every_command_is_there_to_be_called() -> None:
    for page in _pages():
        for found in commands_of(page.PAGE):
            assert callable(getattr(page, f"command_{found.method}", None)), (
                f"{page.__name__} lacks {found.id}"
            )
            assert found.help.endswith("."), found.id


def test_a_key_means_one_thing_on_a_page() -> None:
    for page in _pages():
        keys = [key for found in commands_of(page.PAGE) for key in found.keys.split(",")]
        assert len(keys) == len(set(keys)), page.PAGE


def test_the_footer_has_at_most_seven_keys_and_always_help() -> None:
    for page in _pages():
        offered = footer_of(page.PAGE)
        assert len(offered) <= FOOTER_KEYS
        assert any(found.id == "any.help" for found in offered)


@pytest.mark.parametrize("place", [HOME, Place(PlaceKind.CONNECTION, "verband", "lists")])
async def test_help_lists_every_command_of_the_page(world: World, place: Place) -> None:
    app = world.app(place)
    async with app.run_test(size=(120, 70)) as pilot:
        await settled(pilot)
        page = app.screen
        assert isinstance(page, Page)
        await pilot.press("question_mark")
        await settled(pilot)
        shown = str(app.screen.query_one(Static).content)
        for found in page.commands():
            assert found.help in shown, found.id
        for line in page.ABOUT:
            assert line in shown


async def test_f10_read_only_refuses_every_writing_command_and_says_why(world: World) -> None:
    app = world.app(
        Place(PlaceKind.CONNECTION, "verband", "lists"), read_only="this console was started read-only"
    )
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        before = world.config.read_bytes(), world.state_path.read_bytes()
        for page in (screen for screen in app.screen_stack if isinstance(screen, Page)):
            for found in commands_of(page.PAGE):
                if found.writes:
                    assert page.refusal(found) == "this console was started read-only"
        await pilot.press("L")
        await settled(pilot)
        assert [note.message for note in app._notifications] == [
            "Fetch lists: this console was started read-only"
        ]
        assert (world.config.read_bytes(), world.state_path.read_bytes()) == before


async def test_a_greyed_key_says_why(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await settled(pilot)
        assert [note.message for note in app._notifications] == ["Remove: 1 link still use it: members-news"]
