"""What stands on the screen, as lines of plain text, and its comparison with a file.

A text snapshot is reviewable in a diff. ``LISTWARDEN_SNAPSHOTS=write`` (or pytest's ``--snapshot-update``) writes
the files anew: look at the difference before committing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

SNAPSHOTS = Path(__file__).parent / "snapshots"


def screen_text(app: App[Any]) -> str:
    """Every line of the screen in sight, without trailing blanks."""
    width, height = app.size
    lines: list[str] = []
    for strip in app.screen._compositor.render_strips(app.size):
        lines.append("".join(segment.text for segment in strip).rstrip())
    del width
    return "\n".join(lines[:height]).rstrip("\n") + "\n"


def matches(app: App[Any], name: str) -> None:
    """Compare the screen with ``snapshots/NAME.txt``; says the difference when it is another."""
    file = SNAPSHOTS / f"{name}.txt"
    found = screen_text(app)
    if "--snapshot-update" in sys.argv:
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(found, encoding="utf-8")
        return
    assert file.exists(), f"{file.name} is missing; make snapshots writes it. The screen was:\n{found}"
    assert found == file.read_text(encoding="utf-8")


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until every worker has ended and what it asked for is drawn."""
    for _ in range(3):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def dialog_open(pilot: Pilot[Any], dialog: type[Screen[Any]]) -> None:
    """Wait until such a dialog is on the screen and drawn; a worker may be waiting for its answer."""
    await _until(pilot, lambda: isinstance(pilot.app.screen, dialog))
    await _still(pilot)


async def dialog_closed(pilot: Pilot[Any], dialog: Screen[Any]) -> None:
    """Wait until that dialog is gone."""
    await _until(pilot, lambda: pilot.app.screen is not dialog)
    await settled(pilot)


async def _until(pilot: Pilot[Any], true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, screen_text(pilot.app)
        await pilot.pause(0.02)


async def _still(pilot: Pilot[Any]) -> None:
    before = ""
    while (now := screen_text(pilot.app)) != before:
        before = now
        await pilot.pause(0.1)


async def settled_dialog(pilot: Pilot[Any]) -> None:
    """Wait until the screen stands still; ``dialog_open`` is surer where the dialog is known."""
    await pilot.pause(0.1)
    await _still(pilot)
