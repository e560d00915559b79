"""A few screens as pictures: colours, and what the text snapshots cannot show."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from console.tui.places import Place, PlaceKind
from tests.tui.screen import settled
from tests.tui.world import World

pytestmark = pytest.mark.usefixtures("at_noon")


async def _ready(pilot: Pilot[Any]) -> None:
    await settled(pilot)


async def _with_filter(pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("slash", *"exa", "enter")
    await settled(pilot)


def test_connections(world: World, snap_compare: Any) -> None:
    assert snap_compare(world.app(), terminal_size=(120, 30), run_before=_ready)


def test_contacts_filtered(world: World, snap_compare: Any) -> None:
    place = Place(PlaceKind.LINK, "members-news", "contacts")
    assert snap_compare(world.app(place), terminal_size=(80, 24), run_before=_with_filter)


def test_read_only_without_colour(world: World, snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = world.app(read_only="this console was started read-only")
    assert snap_compare(app, terminal_size=(80, 24), run_before=_ready)
