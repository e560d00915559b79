"""The preview driven like a user: classes, filter, plans kept and compared, and the way to an export."""

from __future__ import annotations

import csv
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from console.tui.app import ConsoleApp
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.explain import ExplainPage
from console.tui.screens.job import JobPage
from console.tui.screens.plan_diff import PlanDiff
from console.tui.screens.preview import PreviewPage
from state.jobs import get_job, job_options, list_jobs
from state.links import find_link
from state.model import AddressChange, JobKind, JobState, Member, Plan, RowClass
from state.moments import utc_now
from state.opt_outs import suppress_here
from state.plans import get_plan, plans_of
from tests.tui.planned import (
    ANSWERS,
    LINK,
    MEMBERS,
    PEOPLE,
    big_world,
    linked_world,
    planned_world,
    put_export,
    put_people,
    put_plan,
)
from tests.tui.screen import dialog_open, screen_text, settled
from tests.tui.world import NOON, World, put_members

PREVIEW = Place(PlaceKind.LINK, "members-news", "preview")
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


def page_of(app: ConsoleApp) -> PreviewPage:
    assert isinstance(app.screen, PreviewPage), app.screen
    return app.screen


def toasts(app: ConsoleApp) -> list[str]:
    return [note.message for note in app._notifications]


async def addresses(pilot: Pilot[Any]) -> list[str]:
    """Every row of the table, read through its own window."""
    await settled(pilot)
    page = page_of(pilot.app)  # type: ignore[arg-type]
    window = page._window()
    while not (found := await page.console_app.ask(window.count)).exact:
        pass
    return [row.email for row in await page.console_app.ask(window.rows, 0, found.rows)]


# --- classes and filter --------------------------------------------------------------------------------------


async def test_keys_choose_classes_and_their_counts_are_the_plans(tmp_path: Path) -> None:
    world, plan = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        page = page_of(app)
        for place, row_class in enumerate(RowClass, start=1):
            if place < 10:
                await pilot.press(str(place))
            else:
                await pilot.press("right_square_bracket")
            await settled(pilot)
            assert page._chosen[0] is row_class
            assert page.table.rows == plan.counts[row_class.value]
        await pilot.press("0")
        await settled(pilot)
        assert page.table.rows == plan.rows == sum(plan.counts.values())


async def test_r22_a_reason_below_its_class_can_be_chosen(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        members = [*MEMBERS, Member("b@example.org", "m9", MEMBERS[1].consent.BOUNCED, "cleaned")]
        put_members(state, LINK.name, LINK.connection, LINK.list_id, members)
        put_people(state, [*PEOPLE, ("b@example.org", "11", "B", "B", 0)])
        put_plan(state)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("7", "right_square_bracket")
        assert await addresses(pilot) == ["gone@example.org"]
        await pilot.press("right_square_bracket")
        assert await addresses(pilot) == ["b@example.org"]
        assert "The platform gave the address up" in screen_text(app)
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert await addresses(pilot) == ["gone@example.org", "b@example.org"]


async def test_the_list_of_classes_follows_its_cursor(tmp_path: Path) -> None:
    world, _ = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        page = page_of(app)
        page.set_focus(page.classes_list)
        for _ in range(3):
            await pilot.press("down")
            await settled(pilot)
        assert page._chosen == (RowClass.CHANGED, "")
        await pilot.press("enter")
        await settled(pilot)
        assert page.table.has_focus
        assert page.table.row is not None
        assert page.table.row.email == "eva@example.org"


async def test_filter_finds_within_the_class_as_one_types(tmp_path: Path) -> None:
    world = big_world(tmp_path, 3_000)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("1", "slash", *"99@E", "down")
        found = await addresses(pilot)
        assert len(found) == 30
        assert found[0] == "p000099@example.net"
        assert "shown 30" in screen_text(app)
        app.screen.query_one("#filter Input", Input).value = "^p0021"
        assert await addresses(pilot) == [f"p{number:06d}@example.net" for number in range(2100, 2200)]
        await pilot.press("2")
        assert await addresses(pilot) == []
        await pilot.press("slash", "escape", "0")
        await settled(pilot)
        assert page_of(app).table.rows == 3_008


async def test_any_row_of_a_large_plan_is_one_key_away(tmp_path: Path) -> None:
    world = big_world(tmp_path, 3_000)
    app = world.app(PREVIEW)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("G")
        await settled(pilot)
        row = page_of(app).table.row
        assert row is not None
        assert row.row_class is RowClass.DUPLICATE
        assert len(page_of(app).table._pages) <= 8


# --- states of the screen ------------------------------------------------------------------------------------


async def test_while_it_reads_the_table_says_so(tmp_path: Path) -> None:
    world, _ = planned_world(tmp_path)
    app = world.app(PREVIEW)
    go_on = threading.Event()
    app.reader._thread.submit(go_on.wait, 10)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert "… reading" in screen_text(app)
        go_on.set()
        await settled(pilot)
        assert "neo@example.org" in screen_text(app)


async def test_a_state_that_cannot_be_read_is_said_in_place_of_the_rows(tmp_path: Path) -> None:
    world, _ = planned_world(tmp_path)
    world.state_path.unlink()
    app = world.app(PREVIEW)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert "✖ There is no state file at" in screen_text(app)
        assert "Run a preview first." in screen_text(app)


async def test_a_plan_dropped_meanwhile_gives_way_to_the_newest(tmp_path: Path) -> None:
    world, old = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        page_of(app).show_plan(old.plan_id)
        await settled(pilot)
        with world.state() as state:
            new = put_plan(state, minutes_ago=1)
            state.db.execute("DELETE FROM plan_rows WHERE plan_no = 1")
            state.db.execute("DELETE FROM plans WHERE plan_id = ?", (old.plan_id,))
        await pilot.press("r")
        await settled(pilot)
        await settled(pilot)
        assert page_of(app).plan is not None
        assert page_of(app).plan.plan_id == new.plan_id  # type: ignore[union-attr]


async def test_a_new_plan_made_by_somebody_else_appears(tmp_path: Path) -> None:
    world, _ = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        with world.state() as state:
            put_people(state, [*PEOPLE, ("zoe@example.org", "9", "Zoe", "Neu", 0)])
            put_plan(state, minutes_ago=0)
        for _ in range(60):
            await pilot.pause(0.1)
            if "5 to send" in screen_text(app):
                break
        assert "5 to send" in screen_text(app)


async def test_f2_the_plan_says_when_the_list_was_read_again(tmp_path: Path) -> None:
    world, _ = planned_world(tmp_path)
    with world.state() as state:
        state.db.execute(
            "UPDATE lists SET cursor = '2026-03-01T11:59:00.000000Z' WHERE list_id = ?", (LINK.list_id,)
        )
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 30)) as pilot:
        await settled(pilot)
        assert (
            "Perhaps outdated: the list was read again since (2026-03-01 11:59 UTC). p makes a new plan."
            in screen_text(app)
        )


async def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    """I8, I24: markup, escape bytes and bidi signs in addresses and fields show as themselves and do nothing."""
    world = linked_world(tmp_path)
    with world.state() as state:
        put_people(
            state,
            [
                (
                    "[red]x[/]@example.org",
                    "[/red]\x1b]0;t\x07",
                    "[@click=app.export_now('7')]Ann[/]\x1b[2J",
                    "\u202egnp",
                    0,
                )
            ],
        )
        put_plan(state)
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 50)) as pilot:
        await settled(pilot)
        await pilot.press("1")
        await settled(pilot)
        text = screen_text(app)
        assert "[red]x[/]@example.org" in text
        assert "[@click=app.export_now('7')]Ann[/]\\x1b[2J" in text
        assert "\\u{202e}gnp" in text
        assert not any(character in text for character in "\x1b\x07\u202e")
        for x in range(34, 158, 24):
            await pilot.click(offset=(x, 45))
        await settled(pilot)
        assert page_of(app).is_attached


async def test_the_detail_says_by_whom_and_a_key_without_meaning_does_nothing(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        list_no = find_link(state, LINK.name).list_no
        suppress_here(
            state, list_no, LINK.name, "neo@example.org", operator="bea", now=NOON - timedelta(hours=5)
        )
        put_plan(state)
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 40)) as pilot:
        await settled(pilot)
        await pilot.press("7", "down")
        await settled(pilot)
        before = screen_text(app)
        assert "neo@example.org · unsubscribed-ignored" in before
        assert "last: suppressed by bea, 5 h ago" in before
        await pilot.press("z", "Z", "ctrl+k", "f9")
        await settled(pilot)
        assert screen_text(app) == before
        assert toasts(app) == []


# --- plans ---------------------------------------------------------------------------------------------------


async def test_keep_then_open_another_plan(tmp_path: Path) -> None:
    world, plan = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("o")
        await settled(pilot)
        assert toasts(app) == ["Plans: no plan of this link is kept; s keeps the one shown"]
        await pilot.press("s")
        await settled(pilot)
        with world.state() as state:
            assert [kept.plan_id for kept in plans_of(state, LINK.name)] == [plan.plan_id]
            put_people(state, PEOPLE[:4])
            newest = put_plan(state, minutes_ago=0)
        await pilot.press("r")
        await settled(pilot)
        assert page_of(app).plan == newest
        await pilot.press("o", "enter")
        await settled(pilot)
        shown = page_of(app).plan
        assert shown is not None
        assert shown.plan_id == plan.plan_id


async def test_f2_two_plans_are_compared_row_by_row(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        put_plan(state, saved=True, minutes_ago=60)
        put_people(
            state,
            [("eva@example.org", "1", "Eva", "Berg", 0), *PEOPLE[1:], ("zoe@example.org", "9", "Z", "", 0)],
        )
        put_plan(state)
    app = world.app(PREVIEW)
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot)
        await pilot.press("o", "d")
        await dialog_open(pilot, PlanDiff)
        assert isinstance(app.screen, PlanDiff)
        text = screen_text(app)
        assert "2 addresses differ" in text
        assert "LNAME: “Brandt”" in text
        assert "LNAME: “Berg”" in text
        assert "not in it" in text


# --- exporting -----------------------------------------------------------------------------------------------


async def test_f7_the_dialogs_numbers_are_the_plans(tmp_path: Path) -> None:
    world, plan = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        text = screen_text(app)
        wanted = {action.value: rows for action, rows in plan.writes_by_action().items()}
        assert wanted == {"add": 2, "change": 1, "unsubscribe": 1}
        for word, rows in (("adds", 2), ("changes", 1), ("moves", 0), ("removes", 0), ("unsubscribes", 1)):
            assert any(
                line.split("│")[1].split() == [word, str(rows)]
                for line in text.splitlines()
                if f"  {word} " in line
            )
        assert "Add 2, change 1, remove 0, unsubscribe 1 in Verbandsnews" in text
        assert "no mail is sent" in text
        assert plan.digest[:8] in text


async def test_no_bare_key_exports_and_the_number_must_be_typed(tmp_path: Path, started: list[str]) -> None:
    world, plan = planned_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        for keys in (("enter",), ("escape",), ("y", "x", "1", "escape")):
            await pilot.press("x")
            await dialog_open(pilot, Confirm)
            assert isinstance(app.screen, Confirm)
            assert app.screen.focused is app.screen.query_one("#cancel")
            await pilot.press(*keys)
            await settled(pilot)
            page_of(app)
        assert started == []
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        app.screen.set_focus(app.screen.query_one("#typed", Input))
        await pilot.press("2")
        assert app.screen.query_one("#do", Button).disabled
        await pilot.press("backspace", "1", "enter", "enter")
        await settled(pilot)
        assert isinstance(app.screen, JobPage)
        with world.state() as state:
            job = get_job(state, started[0])
            assert (job.kind, job.plan_id, job.link) == (JobKind.EXPORT, plan.plan_id, LINK.name)
            assert job_options(state, job.job_id) == {"max_removals": 1}


async def test_additions_alone_need_the_button_only(tmp_path: Path, started: list[str]) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        put_people(state, [person for person in PEOPLE if not person[4]])
        put_plan(state)
    app = world.app(PREVIEW)
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        assert not app.screen.query("#typed")
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert len(started) == 1
        with world.state() as state:
            assert job_options(state, started[0]) == {}


async def test_f6_the_guard_on_removals_asks_for_its_number(tmp_path: Path, started: list[str]) -> None:
    world = linked_world(tmp_path)
    crowd = [f"r{number:02d}@example.org" for number in range(12)]
    subscribed = MEMBERS[0].consent
    with world.state() as state:
        members = [*MEMBERS, *(Member(email, email, subscribed, "subscribed") for email in crowd)]
        put_members(state, LINK.name, LINK.connection, LINK.list_id, members)
        put_people(state, [*PEOPLE, *((email, email, "R", "R", 1) for email in crowd)])
        plan = put_plan(state, listing_rows=len(members))
    assert [(guard.reason, guard.value, guard.limit) for guard in plan.guards] == [
        ("too-many-removals", 13, 10)
    ]
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 50)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert (
            "Guard: removals and unsubscriptions in one plan: 13, limit 10. Way out: x asks for the number typed."
            in text
        )
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        app.screen.set_focus(app.screen.query_one("#typed", Input))
        await pilot.press("1", "3", "enter", "enter")
        await settled(pilot)
        with world.state() as state:
            assert job_options(state, started[0]) == {"max_removals": 13}


async def test_f6_the_guard_on_changed_addresses_asks_for_their_number(
    tmp_path: Path, started: list[str]
) -> None:
    world = linked_world(tmp_path)
    crowd = [(f"r{number:02d}@example.org", f"9{number:02d}", "R", "R", 0) for number in range(12)]
    with world.state() as state:
        members = [
            *MEMBERS,
            *(Member(email, email, MEMBERS[0].consent, "subscribed") for email, *_ in crowd),
        ]
        put_members(state, LINK.name, LINK.connection, LINK.list_id, members)
        put_people(state, [*PEOPLE, *crowd])
        put_people(
            state, [*PEOPLE, *((f"new.{email}", key, first, last, 0) for email, key, first, last, _ in crowd)]
        )
        moving = replace(LINK, address_change=AddressChange.MOVE)
        plan = put_plan(state, link=moving, listing_rows=len(members))
    assert [(guard.reason, guard.value, guard.limit) for guard in plan.guards] == [("too-many-moves", 12, 10)]
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 50)) as pilot:
        await settled(pilot)
        assert "over to another address in one plan: 12, limit 10. Way out: x asks" in screen_text(app)
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        assert "12 (changed addresses):" in screen_text(app)
        fields = list(app.screen.query(Input))
        assert len(fields) == 2, "one for who unsubscribes, one for the changed addresses"
        app.screen.set_focus(fields[0])
        await pilot.press("1")
        app.screen.set_focus(fields[1])
        await pilot.press("1", "2", "enter", "enter")
        await settled(pilot)
        with world.state() as state:
            assert job_options(state, started[0]) == {"max_removals": 12}


async def test_r03_mails_sent_stand_on_the_line_and_in_the_dialog(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        plan = put_plan(state, double_opt_in=True)
    assert plan.mails == 2
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 50)) as pilot:
        await settled(pilot)
        assert "2 confirmation mails" in screen_text(app)
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        assert "2 confirmation mails by the platform." in screen_text(app)


async def test_what_cannot_be_exported_says_why(tmp_path: Path, started: list[str]) -> None:
    world = linked_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 40)) as pilot:
        await settled(pilot)
        await pilot.press("x", "s", "a", "c")
        await settled(pilot)
        assert toasts(app) == [
            "Export: there is no plan yet; press p",
            "Keep: there is no plan yet; press p",
            "Explain: there is no row under the cursor",
            "Stop: no preview of this link is running",
        ]
        with world.state() as state:
            put_people(state, [PEOPLE[1]])
            put_plan(state, minutes_ago=5)
        await pilot.press("r")
        await settled(pilot)
        await pilot.press("x")
        await settled(pilot)
        assert toasts(app)[-1] == "Export: there is nothing to send"
        with world.state() as state:
            put_people(state, PEOPLE)
            used = put_plan(state, minutes_ago=4)
            job = put_export(state, used)
        await pilot.press("r")
        await settled(pilot)
        await pilot.press("x")
        await settled(pilot)
        assert toasts(app)[-1] == f"Export: this plan was exported by job {job[-8:]}; press p for a new one"
        assert started == []


async def test_f10_read_only_shows_the_plan_and_refuses_every_write(
    tmp_path: Path, started: list[str]
) -> None:
    world, plan = planned_world(tmp_path)
    app = world.app(PREVIEW, read_only=READ_ONLY)
    before = world.state_path.read_bytes()
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert page_of(app).plan == plan
        assert "READ-ONLY" in screen_text(app)
        for command in page_of(app).commands():
            if command.writes:
                assert page_of(app).refusal(command) == READ_ONLY
        await pilot.press("p", "x", "s", "c", "A")
        await settled(pilot)
        assert len(toasts(app)) == 5
        assert all(READ_ONLY in text for text in toasts(app))
    assert started == []
    assert world.state_path.read_bytes() == before


async def test_r46_a_running_export_is_named_and_opened_instead_of_a_second_one(
    tmp_path: Path, started: list[str]
) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        job = put_export(state, plan, state_=None, answers=ANSWERS[:1], minutes_ago=0.2)
        put_plan(state, minutes_ago=0.1)
    app = world.app(PREVIEW)
    async with app.run_test(size=(160, 40)) as pilot:
        await settled(pilot)
        assert "is ▶ running: b opens it, x goes on with it first" in screen_text(app)
        await pilot.press("x")
        await settled(pilot)
        assert isinstance(app.screen, JobPage)
        assert app.screen.job_id == job
        assert any(
            "ann is running on desk (process 4242) since 2026-03-01 11:59 UTC" in text for text in toasts(app)
        )
    assert started == []


async def test_an_unfinished_export_is_gone_on_with_first(tmp_path: Path, started: list[str]) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        job = put_export(state, plan, state_=None, answers=ANSWERS[:2], minutes_ago=30)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("x")
        await dialog_open(pilot, Confirm)
        assert isinstance(app.screen, Confirm)
        assert "2 rows of its plan without an outcome" in screen_text(app)
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert started == [job]
        assert isinstance(app.screen, JobPage)


# --- previewing ----------------------------------------------------------------------------------------------


async def test_p_starts_a_preview_and_a_second_one_is_refused(tmp_path: Path, started: list[str]) -> None:
    world = linked_world(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("p")
        await settled(pilot)
        await settled(pilot)
        with world.state() as state:
            assert [(job.job_id, job.kind) for job in list_jobs(state)] == [(started[0], JobKind.PREVIEW)]
        assert "… queued preview members-news" in screen_text(app)
        await pilot.press("p")
        await settled(pilot)
        assert len(started) == 1
        assert "making a preview of this link already" in toasts(app)[-1]
        await pilot.press("c")
        await settled(pilot)
        with world.state() as state:
            assert get_job(state, started[0]).cancel_requested


async def test_r09_an_empty_source_passes_only_after_the_links_name(
    tmp_path: Path, started: list[str]
) -> None:
    world, _ = planned_world(tmp_path)
    with world.state() as state:
        job = put_export(state, put_plan(state, minutes_ago=2), minutes_ago=1)
        state.db.execute(
            "UPDATE jobs SET kind = 'preview', state = 'failed', reason = 'source-empty', text = 'The source has no row.'"
            " WHERE job_id = ?",
            (job,),
        )
        state.db.execute("UPDATE plans SET job_id = NULL")
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert "A lets this source pass once" in screen_text(app)
        await pilot.press("A")
        await dialog_open(pilot, Confirm)
        assert app.screen.query_one("#do", Button).disabled
        app.screen.set_focus(app.screen.query_one("#typed", Input))
        await pilot.press(*LINK.name.replace("-", " ").replace(" ", "-"), "enter", "enter")
        await settled(pilot)
        with world.state() as state:
            assert job_options(state, started[0]) == {"allow_empty_source": True, "interactive": True}


async def test_only_the_refused_of_a_job_can_be_shown(tmp_path: Path, started: list[str]) -> None:
    world, plan = planned_world(tmp_path)
    with world.state() as state:
        job = put_export(state, plan)
    app = world.app(Place(PlaceKind.JOB, job))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("p")
        await settled(pilot)
        await settled(pilot)
        assert len(started) == 1
        with world.state() as state:
            assert get_job(state, started[0]).kind is JobKind.PREVIEW
        assert await addresses(pilot) == ["neo@example.org"]
        assert "Only the 1 addresses that job" in screen_text(app)
        await pilot.press("0")
        assert len(await addresses(pilot)) == 8


# --- getting things out --------------------------------------------------------------------------------------


async def test_explain_copy_and_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = planned_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    app = world.app(PREVIEW)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("1", "e")
        await settled(pilot)
        line = app.screen.query_one(Input)
        line.value = str(tmp_path / "rows.csv")
        await pilot.press("enter")
        await settled(pilot)
        rows = list(csv.DictReader((tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()))
        assert [(row["address"], row["reason"], row["action"]) for row in rows] == [
            ("neo@example.org", "unknown-at-platform", "add"),
            ("nora@example.org", "unknown-at-platform", "add"),
        ]
        assert (tmp_path / "rows.csv").stat().st_mode & 0o777 == 0o600
        await pilot.press("y")
        await settled(pilot)
        assert "FNAME: (none) → “Neo”" in app.clipboard
        await pilot.press("escape", "enter")
        await settled(pilot)
        assert isinstance(app.screen, ExplainPage)
        assert app.screen.address == "neo@example.org"


def test_the_fixture_is_a_plan_with_every_kind_of_row(tmp_path: Path) -> None:
    world, plan = planned_world(tmp_path)
    assert isinstance(world, World)
    assert isinstance(plan, Plan)
    assert plan.rows == len(PEOPLE) + 1
    assert utc_now() - plan.created_at == timedelta(minutes=3)
    with world.state() as state:
        assert get_plan(state, plan.plan_id) == plan
        assert list_jobs(state)[0].state is JobState.DONE
    assert plan.created_at < NOON
