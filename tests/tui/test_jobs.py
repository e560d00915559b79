"""The screens of jobs driven like a user: live log, outcomes by reason, what may be done to a job and a refused row."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from console.tui.app import ConsoleApp
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.explain import ExplainPage
from console.tui.screens.job import JobPage
from console.tui.screens.jobs import JobsPage
from console.tui.screens.preview import PreviewPage
from state.job_log import append_log
from state.jobs import create_job, get_job, job_options, list_jobs, set_phase, set_progress
from state.model import JobKind, JobState, Level
from tests.tui.planned import ANSWERS, linked_world, planned_world, put_export, put_plan
from tests.tui.screen import dialog_open, screen_text, settled
from tests.tui.world import NOON, OPERATOR, World

JOBS = Place(PlaceKind.JOBS)
READ_ONLY = "this console was started read-only"

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of jobs whose process would have been started."""
    found: list[str] = []

    def spawn(job_id: str, **_: object) -> int:
        found.append(job_id)
        return 1

    monkeypatch.setattr("console.jobs.process.spawn_job", spawn)
    return found


def toasts(app: ConsoleApp) -> list[str]:
    return [note.message for note in app._notifications]


def page_of(app: ConsoleApp) -> JobPage:
    assert isinstance(app.screen, JobPage), app.screen
    return app.screen


def exported(folder: Path, **options: object) -> tuple[World, str]:
    """A world with one export; its id."""
    world, plan = planned_world(folder)
    with world.state() as state:
        return world, put_export(state, plan, **options)  # type: ignore[arg-type]


# --- history -------------------------------------------------------------------------------------------------


async def test_the_history_is_a_window_and_is_filtered_as_one_types(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state, state.write():
        for number in range(300):
            create_job(
                state,
                kind=JobKind.CHECK if number % 3 else JobKind.READ,
                connection=f"connection-{number}",
                operator=OPERATOR,
                now=NOON - timedelta(minutes=300 - number),
            )
    app = world.app(JOBS)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        page = app.screen
        assert isinstance(page, JobsPage)
        assert page.table.rows == 300
        await pilot.press("G")
        await settled(pilot)
        assert page.table.row is not None
        assert page.table.row.connection == "connection-0"
        await pilot.press("slash", *"ion-29", "down")
        await settled(pilot)
        assert page.table.rows == 11
        await pilot.press("g", "enter")
        await settled(pilot)
        assert page_of(app).job is not None
        assert page_of(app).job.connection == "connection-299"  # type: ignore[union-attr]


async def test_a_links_jobs_are_its_own(tmp_path: Path) -> None:
    world, _ = exported(tmp_path)
    with world.state() as state:
        create_job(state, kind=JobKind.CHECK, connection="verband", operator=OPERATOR, now=NOON)
    app = world.app(Place(PlaceKind.LINK, "members-news", "jobs"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, JobsPage)
        assert app.screen.table.rows == 2


# --- log -----------------------------------------------------------------------------------------------------


async def test_the_log_follows_pauses_finds_and_filters(tmp_path: Path) -> None:
    world, job = exported(tmp_path, state_=None, minutes_ago=0.2)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot)
        log = page_of(app).log_lines
        assert log.following
        with world.state() as state:
            append_log(state, job, [(NOON, Level.INFO, f"line {number}", "") for number in range(100)])
            set_phase(state, job, "verifying", 10, "rows", NOON)
            set_progress(state, job, 5)
        await _until(pilot, lambda: "line 99" in screen_text(app))
        assert "verifying" in screen_text(app)
        assert "5 of 10 rows (50 %)" in screen_text(app)
        await pilot.press("space")
        with world.state() as state:
            append_log(state, job, [(NOON, Level.ERROR, "it broke", "unknown")])
        await _until(pilot, lambda: log.news == 1)
        assert "it broke" not in screen_text(app)
        await pilot.press("G")
        await settled(pilot)
        assert "it broke" in screen_text(app)
        await pilot.press("4")
        await settled(pilot)
        assert [line.text for line in log.lines()] == ["n…@….org: refused.", "it broke"]
        await pilot.press("1", "g", "slash", *"line 42", "down")
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        assert "line 42" in screen_text(app)


async def _until(pilot: object, true: object) -> None:
    for _ in range(80):
        await pilot.pause(0.1)  # type: ignore[attr-defined]
        if true():  # type: ignore[operator]
            return
    pytest.fail("it did not happen in eight seconds")


# --- outcomes ------------------------------------------------------------------------------------------------


async def test_r18_outcomes_by_reason_add_up_and_lead_to_their_rows(tmp_path: Path) -> None:
    world, job = exported(tmp_path, answers=ANSWERS[:3])
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot)
        data = page_of(app).data
        assert data is not None
        assert data.plan is not None
        assert sum(group.rows for group in data.groups) == data.plan.writes == 4
        await pilot.press("o")
        await settled(pilot)
        for word in ("✖ rejected", "○ withheld", "… todo", "● sent"):
            assert word in screen_text(app)
        await pilot.press("down", "down", "enter")
        await settled(pilot)
        assert "eva@example.org" in screen_text(app)
        assert page_of(app).rows.rows == 1
        await pilot.press("a")
        await settled(pilot)
        assert isinstance(app.screen, ExplainPage)
        await pilot.press("escape", "escape")
        await settled(pilot)
        assert page_of(app).showing == "outcomes"


async def test_a_refused_addition_is_left_asked_or_marked(tmp_path: Path, started: list[str]) -> None:
    world, job = exported(tmp_path)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot)
        await pilot.press("u", "o", "down", "down", "enter")
        await settled(pilot)
        await pilot.press("u", "m")  # these were sent: nothing to ask or mark
        await settled(pilot)
        assert len(toasts(app)) == 3
        assert all("it is for a refused addition" in text for text in toasts(app))
        await pilot.press("escape", "g", "down", "enter")
        await settled(pilot)
        assert "Leave it, or: u has the platform ask the person" in screen_text(app)
        await pilot.press("u")
        await dialog_open(pilot, Confirm)
        assert app.screen.focused is app.screen.query_one("#cancel")
        app.screen.set_focus(app.screen.query_one("#typed", Input))
        await pilot.press(*"nora")
        assert app.screen.query_one("#do", Button).disabled
        app.screen.query_one("#typed", Input).value = "nora@example.org"
        await pilot.pause()
        await pilot.press("enter", "enter")
        await settled(pilot)
        await pilot.press("m")
        await dialog_open(pilot, Confirm)
        await pilot.press("tab", "enter")
        await settled(pilot)
        with world.state() as state:
            asked, marked = (get_job(state, job_id) for job_id in started)
            assert (asked.kind, marked.kind) == (JobKind.OPTIN, JobKind.SUPPRESS)
            assert job_options(state, asked.job_id)["address"] == "nora@example.org"
            assert job_options(state, marked.job_id)["address"] == "nora@example.org"


async def test_requests_show_no_address_and_files_are_saved(tmp_path: Path) -> None:
    world, job = exported(tmp_path)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("w", "G")
        await settled(pilot)
        text = screen_text(app)
        assert "/lists/a6b5da1054" in text
        assert "429" in text
        assert "@example" not in text
        await pilot.press("e")
        await settled(pilot)
        app.screen.query_one(Input).value = str(tmp_path / "requests.jsonl")
        await pilot.press("enter")
        await settled(pilot)
        rows = [
            json.loads(line)
            for line in (tmp_path / "requests.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        assert [row["status"] for row in rows] == ["200", "429", "200"]
        await pilot.press("i", "enter")
        await settled(pilot)
        app.screen.query_one(Input).value = str(tmp_path / "answer.json")
        await pilot.press("enter")
        await settled(pilot)
        assert (tmp_path / "answer.json").read_bytes() == b'{"errors": []}'
        assert (tmp_path / "answer.json").stat().st_mode & 0o777 == 0o600


async def test_hostile_words_of_the_platform_are_only_text(tmp_path: Path) -> None:
    world, job = exported(tmp_path, text="[@click=app.quit]x[/] \x1b[2J", reason="unknown")
    with world.state() as state:
        append_log(state, job, [(NOON, Level.INFO, "[red]\x1b]52;c;eA==\x07", "")])
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "[@click=app.quit]x[/] \\x1b[2J" in text
        assert "[red]\\x1b]52;c;eA==\\x07" in text
        await pilot.press("o", "enter")
        await settled(pilot)
        text = screen_text(app)
        assert "[bold]too long[/bold]" in text
        assert not any(character in text for character in "\x1b\x07")


# --- cancel, resume, retry -----------------------------------------------------------------------------------


async def test_cancel_needs_the_dialog_and_a_dead_job_is_freed_at_once(tmp_path: Path) -> None:
    world, job = exported(tmp_path, state_=None, minutes_ago=60)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await dialog_open(pilot, Confirm)
        assert isinstance(app.screen, Confirm)
        assert app.screen.focused is app.screen.query_one("#cancel")
        await pilot.press("enter")
        await settled(pilot)
        with world.state() as state:
            assert get_job(state, job).state is JobState.RUNNING
        await pilot.press("c")
        await dialog_open(pilot, Confirm)
        await pilot.press("tab", "enter")
        await settled(pilot)
        with world.state() as state:
            assert get_job(state, job).state is JobState.CANCELLED
        await pilot.press("r")
        await settled(pilot)
        assert "■ cancelled" in screen_text(app)
        await pilot.press("c", "R")
        await settled(pilot)
        assert toasts(app)[-2:] == [
            "Cancel: the job has ended (cancelled)",
            "Resume: the job has ended (cancelled); make a new preview",
        ]


async def test_r43_a_stalled_job_is_gone_on_with_and_a_living_one_is_not(
    tmp_path: Path, started: list[str]
) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        stalled = put_export(state, plan, state_=None, minutes_ago=60)
        alive = put_export(state, put_plan(state), state_=None, minutes_ago=0.1)
    app = world.app(JOBS)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        assert isinstance(app.screen, JobsPage)
        assert app.screen.table.row is not None
        assert app.screen.table.row.job_id == alive
        await pilot.press("R")
        await settled(pilot)
        assert toasts(app) == ["Resume: ann on desk carries it"]
        await pilot.press("down", "down")
        await settled(pilot)
        assert "R goes on (no answer is read back first)" in screen_text(app)
        await pilot.press("R")
        await settled(pilot)
        assert started == [stalled]


async def test_f10_read_only_looks_at_jobs_and_touches_none(tmp_path: Path, started: list[str]) -> None:
    world, job = exported(tmp_path, state_=None, minutes_ago=60)
    app = world.app(Place(PlaceKind.JOB, job), read_only=READ_ONLY)
    before = world.state_path.read_bytes()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        for command in page_of(app).commands():
            if command.writes:
                assert page_of(app).refusal(command) == READ_ONLY
        await pilot.press("c", "R", "p", "u", "m")
        await settled(pilot)
        assert len(toasts(app)) == 5
    assert started == []
    assert world.state_path.read_bytes() == before


async def test_retry_is_for_ended_exports_with_refused_rows(tmp_path: Path, started: list[str]) -> None:
    world, job = exported(tmp_path)
    with world.state() as state:
        check = create_job(state, kind=JobKind.CHECK, connection="verband", operator=OPERATOR, now=NOON)
    app = world.app(Place(PlaceKind.JOB, check))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("p", "o")
        await settled(pilot)
        assert toasts(app) == ["Retry refused: only an export has refused rows"]
        assert "A check sends nothing" in screen_text(app)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("p")
        await settled(pilot)
        assert isinstance(app.screen, PreviewPage)
        with world.state() as state:
            assert [one.kind for one in list_jobs(state, limit=1)] == [JobKind.PREVIEW]
    assert len(started) == 1
