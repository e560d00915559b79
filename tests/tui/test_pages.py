"""What the first screens do: first run, jobs they start, removing, filters, and following what others write."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from console.tui.database import Reader
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.contacts import ContactsPage
from state.connections import put_lists
from state.jobs import get_job
from state.model import Consent, JobKind, Member, RemoteList
from state.moments import stamp, utc_now
from tests.tui.screen import dialog_open, screen_text, settled
from tests.tui.world import NOON, SETTINGS, World, put_members

LISTS = Place(PlaceKind.CONNECTION, "verband", "lists")
CONTACTS = Place(PlaceKind.LINK, "members-news", "contacts")


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Jobs are made, and no process is started for them."""
    jobs: list[str] = []
    monkeypatch.setattr("console.jobs.process.spawn_job", lambda job_id, **_: jobs.append(job_id))
    return jobs


async def until(pilot: Pilot[Any], true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what another process or the tick brings."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, screen_text(pilot.app)
        await pilot.pause(0.05)


async def test_check_makes_a_job_in_the_operators_name(world: World, spawned: list[str]) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await until(pilot, lambda: len(spawned) == 1)
        await until(pilot, lambda: "queued check verband" in screen_text(app))
    with world.state() as state:
        job = get_job(state, spawned[0])
    assert (job.kind, job.connection, job.operator) == (JobKind.CHECK, "verband", "ann")


async def test_fetching_lists_asks_for_the_fields_of_the_one_under_the_cursor(
    world: World, spawned: list[str]
) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("down", "L")
        await until(pilot, lambda: len(spawned) == 1)
    from state.jobs import job_options

    with world.state() as state:
        assert get_job(state, spawned[0]).kind is JobKind.READ
        assert job_options(state, spawned[0]) == {"list": "b1b1b1b1b1", "interactive": True}


async def test_a_state_that_cannot_be_written_is_said(
    world: World, spawned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("console.jobs.process.spawn_job", full)
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await until(pilot, lambda: bool(app._notifications))
        assert [note.message for note in app._notifications] == [
            "The job's process could not be started: Resource temporarily unavailable."
        ]


async def test_what_another_process_writes_is_on_the_screen_in_seconds(world: World) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        with world.state() as state:
            put_lists(state, "verband", "mailchimp", [RemoteList("zz", "Fresh list", 5)], utc_now())
        await until(pilot, lambda: "Fresh list" in screen_text(app))
        assert "✖ gone" in screen_text(app)


async def test_settings_edited_by_hand_are_read_again(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        world.config.write_text(
            SETTINGS.replace("[connections.laden]", "[connections.shop]"), encoding="utf-8"
        )
        await until(pilot, lambda: "shop" in screen_text(app))
        world.config.write_text(SETTINGS.replace('mode = "', "") + "nonsense = 1\n", encoding="utf-8")
        await until(pilot, lambda: "! Settings:" in screen_text(app))
        assert "nonsense" in screen_text(app)


async def test_a_faulty_connection_is_shown_and_the_others_work(world: World) -> None:
    """R21: one bad connection never stops the others."""
    world.config.write_text(SETTINGS + '\n[connections.broken]\nprovider = "nope"\n', encoding="utf-8")
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "✖ settings" in text
        assert "● fine" in text
        await pilot.press("G", "enter")
        await settled(pilot)
        assert [note.message for note in app._notifications] == [
            "Lists: its settings are faulty; correct them first"
        ]


async def test_removing_a_connection(world: World) -> None:
    app = world.app()
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("down", "D")
        await dialog_open(pilot, Confirm)
        assert "Remove laden" in screen_text(app)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "laden" not in app.settings.connections)
    assert "LADEN_KEY" not in world.config.read_text(encoding="utf-8")


async def test_filters_of_the_contacts(world: World) -> None:
    app = world.app(CONTACTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        page = app.screen
        assert isinstance(page, ContactsPage)

        def shown() -> list[str]:
            return [row.address_key for row in page.table._pages.get(0, ())][: page.table.rows]

        await pilot.press("slash", *"example")
        await settled(pilot)
        assert len(shown()) == 5
        await pilot.press("ctrl+u", "circumflex_accent", "j", "enter")
        await settled(pilot)
        assert shown() == ["jan@example.org"]
        assert "1 of 5" in screen_text(app)
        await pilot.press("slash", "escape", "c")
        await settled(pilot)
        assert shown() == ["eva@example.org"]
        assert "only subscribed" in screen_text(app)
        await pilot.press("c", "c", "s")
        await settled(pilot)
        assert shown() == ["gone@example.org"]
        await pilot.press("c", "c", "c", "c", "c")
        await settled(pilot)
        assert shown() == [
            "other@example.org",
            "new@example.org",
            "jan@example.org",
            "gone@example.org",
            "eva@example.org",
        ]
        await pilot.press("slash", *"zzzz")
        await settled(pilot)
        assert "No address is like that" in screen_text(app)


async def test_new_members_come_in_without_moving_the_cursor(world: World) -> None:
    app = world.app(CONTACTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("down", "down", "down")
        page = app.screen
        assert isinstance(page, ContactsPage)
        members = [Member(f"z{n}@example.org", f"z{n}", Consent.SUBSCRIBED, "subscribed") for n in range(3)]
        with world.state() as state:
            put_members(state, "members-news", "verband", "a6b5da1054", members, NOON)
        await until(pilot, lambda: page.table.rows == 8 and "z2@example.org" in screen_text(app))
        assert page.table.cursor == 3


async def test_i10_a_state_that_cannot_be_read_is_said_in_the_table(world: World) -> None:
    app = world.app(CONTACTS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        app.reader.close()
        app.reader = Reader(world.folder / "elsewhere.db")
        await pilot.press("r")
        await until(pilot, lambda: "✖ There is no state file" in screen_text(app))


async def test_an_address_nobody_knows(world: World) -> None:
    app = world.app(Place(PlaceKind.ADDRESS, "nobody@example.org"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        text = screen_text(app)
        assert "No link knows this address." in text
        assert "Nothing is recorded about this address." in text
        await pilot.press("m")
        await settled(pilot)
        assert [note.message for note in app._notifications] == ["Contacts: no link knows this address"]


async def test_r07_who_has_been_waiting_long_is_one_key_away(world: World) -> None:
    with world.state() as state, state.write() as db:
        db.execute(
            "UPDATE members SET since = ? WHERE consent = 'pending'", (stamp(utc_now() - timedelta(days=41)),)
        )
    app = world.app(Place(PlaceKind.LINK, "members-news", "contacts"))
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("d")
        await settled(pilot)
        text = screen_text(app)
        assert "waiting more than 7 days" in text
        assert "◷ pending 41 d" in text
        assert "eva@example.org" not in text
        await pilot.press("d", "d")
        await settled(pilot)
        assert "Nobody has been waiting to confirm for more than 90 days" in screen_text(app)
        await pilot.press("d")
        await settled(pilot)
        assert "eva@example.org" in screen_text(app)
