"""Worlds for the screens, and a clock that stands still where a screen is compared with a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from tests.tui.world import NOON, World, empty_world, furnished_world


@pytest.fixture
def nothing(tmp_path: Path) -> World:
    """The first run: no settings, an empty state."""
    return empty_world(tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two connections, three lists, one link, five addresses."""
    return furnished_world(tmp_path)


@pytest.fixture
def at_noon() -> Iterator[None]:
    """It is noon and stays noon; only the wall clock stands still."""
    with time_machine.travel(NOON, tick=False):
        yield
