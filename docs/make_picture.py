"""Takes the README's picture: the real preview screen over a demo world (``make picture``).

Invariant: nothing on it is invented. Settings, state and plan are made by the demo's own jobs against the sandbox; the
clock stands at one moment, so that the same code gives the same picture. Only ids made by chance get a fixed text.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine
from textual.pilot import Pilot

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.demo.club import Club
from console.demo.history import NEWS, make_history
from console.demo.home import demo_home
from console.demo.parts import MAILCHIMP, Stage
from console.tui.app import ConsoleApp
from console.tui.places import parse_place
from state.ids import short_id
from state.model import Operator
from state.plans import plans_of
from state.store import open_state

FILE = Path(__file__).with_name("preview.svg")
SIZE = (118, 32)
CONTACTS, SEED = 5_000, 1
MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = timedelta(minutes=5, seconds=40)
"""So long after the history began it is looked at: however long that took, its ages are the same in minutes."""

KEY = "2"
"""The class that is shown: changed, because before and after say most."""

PLAN_ID = "4K7Q2M1X"
"""In the place of the plan's own id, which chance makes."""

FONT = "font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


def picture() -> str:
    """The screen as SVG, without anything to be fetched from elsewhere."""
    club = Club(SEED, CONTACTS)
    options = SandboxOptions(contacts=club.listed, seed=SEED)
    with (
        demo_home(None) as home,
        RunningSandbox(options) as sandbox,
        time_machine.travel(MOMENT, tick=True),
    ):
        sandbox.control(MAILCHIMP, "clock", set=MOMENT.isoformat())
        stage = Stage(home, club, sandbox, Operator("ann", "desk"))
        make_history(stage, lambda text: None, waiting=False)
        with open_state(home.state, read_only=True) as state:
            plan = plans_of(state, NEWS)[0]
        with time_machine.travel(MOMENT + LATER, tick=True):
            drawn = asyncio.run(_draw(stage))
    return _self_contained(drawn.replace(short_id(plan.plan_id), PLAN_ID))


async def _draw(stage: Stage) -> str:
    app = ConsoleApp(
        config=stage.home.config,
        state_path=stage.home.state,
        operator=stage.operator,
        place=parse_place(f"link:{NEWS}/preview"),
    )
    async with app.run_test(size=SIZE) as pilot:
        await _settle(app, pilot)
        await pilot.press(KEY)
        await _settle(app, pilot)
        return app.export_screenshot(title="listwarden", simplify=True)


async def _settle(app: ConsoleApp, pilot: Pilot[None]) -> None:
    """Wait until every worker has ended and what it asked for is drawn."""
    for _ in range(3):
        await pilot.pause()
        await app.workers.wait_for_complete()
    await pilot.pause()


def _self_contained(svg: str) -> str:
    """No font from another host, and names that do not depend on the content."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;\n}]+", FONT, svg)
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)  # blanks at the ends of texts count
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


if __name__ == "__main__":
    FILE.write_text(picture(), encoding="utf-8")
    print(f"Wrote {FILE.name}.")
