"""A real export over the sandbox, started, left and watched from consoles (F20): the job outlives every one of them."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from console.tui.app import ConsoleApp
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.job import JobPage
from console.tui.screens.preview import PreviewPage
from state.jobs import get_job
from state.model import Action, Job, JobKind, JobState
from tests.tui.screen import screen_text
from tests.tui.world import OPERATOR, World, empty_world

DEADLINE_SECONDS = 60.0
CONTACTS = 160
CHANGED = 90
LATENCY_MS = 80


@dataclass(slots=True, frozen=True)
class Club:
    """A world over a slow sandbox: most members have another first name in the source, a few are new."""

    world: World
    sandbox: RunningSandbox

    def app(self, place: Place) -> ConsoleApp:
        return self.world.app(place)

    def job(self, job_id: str) -> Job:
        with self.world.state() as state:
            return get_job(state, job_id)


@pytest.fixture
def club(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Club]:
    world = empty_world(tmp_path)
    with RunningSandbox(SandboxOptions(contacts=CONTACTS, seed=1, latency_ms=LATENCY_MS)) as sandbox:
        monkeypatch.setenv("CLUB_KEY", sandbox.key("mailchimp"))
        with (tmp_path / "members.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["person_id", "email", "first_name", "last_name"])
            for number in range(CONTACTS + 5):
                one = person(1, number)
                first = f"New{number}" if number < CHANGED else one.first_name
                rows.writerow([number, one.email, first, one.last_name])
        (tmp_path / "members.csv").chmod(0o600)
        world.config.write_text(
            f"""\
[connections.verband]
provider = "mailchimp"
key = {{ env = "CLUB_KEY" }}
base_url = "{sandbox.url("mailchimp")}"
connections = 2

[sources.members]
kind = "csv"
path = "members.csv"
id = "person_id"
email = "email"

[links.members-news]
source = "members"
connection = "verband"
list = "{sandbox.ready["lists"]["mailchimp"][0]["id"]}"
mode = "update"
consent = "membership form"
fields = {{ FNAME = "first_name", LNAME = "last_name" }}
""",
            encoding="utf-8",
        )
        world.config.chmod(0o600)
        yield Club(world, sandbox)


async def until(pilot: Pilot[None], true: Callable[[], bool], what: str) -> None:
    """Poll until it is true; the screen is told when it never is."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + DEADLINE_SECONDS
    while not true():
        if loop.time() > deadline:
            pytest.fail(f"{what} did not happen; the screen was:\n{screen_text(pilot.app)}")
        await pilot.pause(0.1)


def preview_of(app: App[None]) -> PreviewPage:
    page = app.screen
    assert isinstance(page, PreviewPage)
    return page


async def export_from(pilot: Pilot[None], app: ConsoleApp) -> str:
    """Preview, confirm, and wait until the export sends; its id."""
    await until(pilot, lambda: "No plan yet" in screen_text(app), "the empty preview")
    await pilot.press("p")
    await until(pilot, lambda: preview_of(app).plan is not None, "the plan")
    await until(pilot, lambda: preview_of(app).data.previewing is None, "the preview's end")
    await pilot.press("x")
    await until(pilot, lambda: isinstance(app.screen, Confirm), "the dialog")
    await pilot.press("tab", "enter")
    await until(pilot, lambda: isinstance(app.screen, JobPage), "the job's screen")
    page = app.screen
    assert isinstance(page, JobPage)
    await until(pilot, lambda: page.job is not None and page.job.phase == "changing fields", "the sending")
    return page.job_id


async def test_f20_the_export_outlives_the_console_and_is_found_again(club: Club) -> None:
    app = club.app(Place(PlaceKind.LINK, "members-news", "preview"))
    async with app.run_test(size=(100, 30)) as pilot:
        job_id = await export_from(pilot, app)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running, "leaving")
    left_at = club.job(job_id)
    assert left_at.state is JobState.RUNNING
    app = club.app(Place(PlaceKind.JOB, job_id))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, JobPage) and app.screen.data is not None, "the job")
        page = app.screen
        assert isinstance(page, JobPage)
        assert page.job is not None
        assert page.job.pid == left_at.pid
        await until(pilot, lambda: page.job is not None and page.job.state.final, "the end")
        await until(pilot, lambda: "● done" in screen_text(app), "the end on the screen")
        job = page.job
        assert (job.kind, job.state, job.operator) == (JobKind.EXPORT, JobState.DONE, OPERATOR.name)
        assert page.data is not None
        assert page.data.plan is not None
        assert sum(group.rows for group in page.data.groups) == page.data.plan.writes  # R18
        assert sum(job.counts.values()) == page.data.plan.writes
        assert page.data.requests > page.data.plan.writes_by_action()[Action.CHANGE]


async def test_f20_a_second_console_shows_the_same_and_can_stop_it(club: Club) -> None:
    first, second = (club.app(Place(PlaceKind.LINK, "members-news", "preview")) for _ in range(2))
    async with first.run_test(size=(100, 30)) as pilot, second.run_test(size=(80, 24)) as other:
        job_id = await export_from(pilot, first)
        await until(other, lambda: "is ▶ running" in screen_text(second), "the notice in the second console")
        await other.press("x")
        await until(other, lambda: isinstance(second.screen, JobPage), "the same job in the second console")
        shown, mine = second.screen, first.screen
        assert isinstance(shown, JobPage)
        assert isinstance(mine, JobPage)
        assert shown.job_id == job_id
        with club.world.state() as state:
            holders = state.db.execute("SELECT job_id FROM leases WHERE job_id IS NOT NULL").fetchall()
        assert [row[0] for row in holders] == [job_id]
        await until(other, lambda: shown.job is not None, "the job")
        await other.press("c")
        await until(other, lambda: isinstance(second.screen, Confirm), "the dialog")
        await other.press("tab", "enter")
        for one, page in ((pilot, mine), (other, shown)):
            await until(one, lambda page=page: page.job is not None and page.job.state.final, "the end")  # type: ignore[misc]
        assert mine.job is not None
        assert mine.job.state is JobState.CANCELLED
        assert shown.job == mine.job
        assert [line.text for line in shown.log_lines.lines()] == [
            line.text for line in mine.log_lines.lines()
        ]
