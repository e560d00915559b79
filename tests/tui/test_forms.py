"""Adding a connection and a link by their forms, against the sandbox; what is typed wrong, and what is never kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.settings import load
from console.tui.app import ConsoleApp
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.connection_form import ConnectionForm
from console.tui.screens.connections import ConnectionsPage
from console.tui.screens.link_form import LinkForm
from console.tui.screens.lists import ListsPage
from state.connections import ConnectionStatus, connection_rows
from state.model import Mode
from state.store import open_state
from tests.tui.screen import dialog_closed, dialog_open, screen_text, settled
from tests.tui.world import World

SIZE = (100, 40)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=20)) as running:
        yield running


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Jobs are made, and no process is started for them."""
    jobs: list[str] = []
    monkeypatch.setattr("console.jobs.process.spawn_job", lambda job_id, **_: jobs.append(job_id))
    return jobs


def put(app: ConsoleApp, key: str, value: str) -> None:
    """Fill a field as typing does."""
    control = app.screen.query_one(f"#field-{key}").query("Input, Select").first()
    if isinstance(control, Select):
        control.value = value
    else:
        assert isinstance(control, Input)
        control.value = value


async def press(pilot: Pilot[Any], button: str) -> None:
    pilot.app.screen.query_one(f"#{button}", Button).press()
    await settled(pilot)


def key_of(sandbox: RunningSandbox) -> str:
    return str(sandbox.ready["keys"]["mailchimp"])


async def _open_connection_form(
    app: ConsoleApp, pilot: Pilot[Any], sandbox: RunningSandbox, key: str
) -> None:
    await settled(pilot)
    await pilot.press("a")
    await settled(pilot)
    put(app, "provider", "mailchimp")
    await settled(pilot)
    put(app, "name", "probe")
    put(app, "key", key)
    put(app, "base_url", str(sandbox.ready["urls"]["mailchimp"]))


async def test_a_connection_is_checked_saved_and_its_job_started(
    nothing: World, sandbox: RunningSandbox
) -> None:
    """The whole way, with a real job process at its end."""
    app = nothing.app()
    async with app.run_test(size=SIZE) as pilot:
        await _open_connection_form(app, pilot, sandbox, key_of(sandbox))
        await press(pilot, "save")
        assert isinstance(app.screen, ConnectionsPage)
        deadline = time.monotonic() + 30
        while "● fine" not in screen_text(app) and time.monotonic() < deadline:
            await pilot.pause(0.1)
        assert "● fine" in screen_text(app)
    entry = load(nothing.config).connections["probe"]
    assert entry.base_url == sandbox.ready["urls"]["mailchimp"]
    with open_state(nothing.state_path, read_only=True) as state:
        assert [row.status for row in connection_rows(state)] == [ConnectionStatus.OK]


async def test_i07_a_typed_key_goes_to_a_private_file_alone(
    nothing: World, sandbox: RunningSandbox, spawned: list[str]
) -> None:
    app = nothing.app()
    async with app.run_test(size=SIZE) as pilot:
        await _open_connection_form(app, pilot, sandbox, key_of(sandbox))
        await settled(pilot)
        assert key_of(sandbox) not in screen_text(app)
        await press(pilot, "save")
        assert len(spawned) == 1
    holding = [
        path
        for path in nothing.folder.rglob("*")
        if path.is_file() and key_of(sandbox).encode() in path.read_bytes()
    ]
    assert [path.parent.name for path in holding] == ["secrets"]
    assert holding[0].stat().st_mode & 0o777 == 0o600
    assert "file" in nothing.config.read_text(encoding="utf-8")


async def test_a_wrong_key_is_not_saved_and_says_where_to_look(
    nothing: World, sandbox: RunningSandbox, spawned: list[str]
) -> None:
    app = nothing.app()
    async with app.run_test(size=SIZE) as pilot:
        await _open_connection_form(app, pilot, sandbox, "f" * 32 + "-us7")
        await press(pilot, "save")
        assert app.screen.query("#field-key")
        text = screen_text(app)
        assert "▲" in text
        assert "→ " in text
        assert not nothing.config.exists()
        assert app.screen.query_one("#anyway", Button).display
        await press(pilot, "anyway")
        assert isinstance(app.screen, ConnectionsPage)
    assert "probe" in load(nothing.config).connections
    assert len(spawned) == 1


async def test_faults_stand_beside_their_field(
    nothing: World, sandbox: RunningSandbox, spawned: list[str]
) -> None:
    app = nothing.app()
    async with app.run_test(size=SIZE) as pilot:
        await _open_connection_form(app, pilot, sandbox, "env:NOT_SET_ANYWHERE")
        put(app, "name", "two words")
        put(app, "base_url", "http://example.org")
        put(app, "connections", "many")
        await press(pilot, "save")
        faults = {
            field.id: str(field.query_one(".fault.-shown").render())
            for field in app.screen.query("Field")
            if field.query(".fault.-shown")
        }
        assert set(faults) == {"field-name", "field-base_url", "field-connections"}
        assert not nothing.config.exists()
    assert spawned == []


async def test_escape_changes_nothing(nothing: World, sandbox: RunningSandbox) -> None:
    app = nothing.app()
    async with app.run_test(size=SIZE) as pilot:
        await _open_connection_form(app, pilot, sandbox, key_of(sandbox))
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, ConnectionsPage)
    assert not nothing.config.exists()


async def test_editing_keeps_the_secret_and_comments(world: World, spawned: list[str]) -> None:
    world.config.write_text("# ours\n" + world.config.read_text(encoding="utf-8"), encoding="utf-8")
    app = world.app()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("down", "E")
        await settled(pilot)
        put(app, "base_url", "https://proxy.example.org/3.0")
        await press(pilot, "save")  # the variable is not set, so the check cannot run
        assert isinstance(app.screen, ConnectionForm)
        assert "LADEN_KEY" in screen_text(app)
        await press(pilot, "anyway")
    text = world.config.read_text(encoding="utf-8")
    assert text.startswith("# ours\n")
    assert 'key = { env = "LADEN_KEY" }' in text
    assert load(world.config).connections["laden"].base_url == "https://proxy.example.org/3.0"


# --- links ---------------------------------------------------------------------------------------------------

LISTS = Place(PlaceKind.CONNECTION, "verband", "lists")


async def save_link(pilot: Pilot[Any]) -> None:
    """Save, and decline the preview that is offered."""
    pilot.app.screen.query_one("#save", Button).press()
    await dialog_open(pilot, Confirm)
    dialog = pilot.app.screen
    assert "Nothing was sent" in screen_text(pilot.app)
    dialog.query_one("#cancel", Button).press()
    await dialog_closed(pilot, dialog)
    assert isinstance(pilot.app.screen, ListsPage)


async def _open_link_form(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("down", "c")
    await settled(pilot)
    assert isinstance(app.screen, LinkForm)


async def test_a_link_needs_a_basis_of_consent(world: World) -> None:
    before = world.config.read_bytes()
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await _open_link_form(app, pilot)
        await press(pilot, "save")
        assert isinstance(app.screen, LinkForm)
        assert "Say why these people may be mailed" in screen_text(app)
    assert world.config.read_bytes() == before


async def test_a_link_is_written_as_chosen(world: World) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await _open_link_form(app, pilot)
        put(app, "consent", "asked at the door")
        put(app, "mode", "update")
        await save_link(pilot)
        assert "jugend" in screen_text(app)
    link = load(world.config).links["jugend"]
    assert (link.source, link.list_id, link.mode, link.consent) == (
        "members",
        "b1b1b1b1b1",
        Mode.UPDATE,
        "asked at the door",
    )
    assert {mapping.target: mapping.columns for mapping in link.fields} == {
        "FNAME": ("first_name",),
        "LNAME": ("last_name",),
    }


async def test_a_new_csv_file_becomes_a_source(world: World, tmp_path: Path) -> None:
    (tmp_path / "Jugend 2026.csv").write_text(
        "person_id;Mail;Vorname;Grund;newsletter_no\n7;a@example.org;Ann;form;ja\n", encoding="cp1252"
    )
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await _open_link_form(app, pilot)
        put(app, "source", "\x00csv")
        await settled(pilot)
        put(app, "path", "missing.csv")
        app.screen.set_focus(app.screen.query_one("#field-path Input", Input))
        await pilot.press("enter")
        await settled(pilot)
        assert app.screen.query("#field-path .fault.-shown")
        put(app, "path", "Jugend 2026.csv")
        app.screen.set_focus(app.screen.query_one("#field-path Input", Input))
        await pilot.press("enter")
        await settled(pilot)
        assert "First row: 7 | a@example.org | Ann | form | ja" in screen_text(app)
        put(app, "consent_column", "Grund")
        await save_link(pilot)
    settings = load(world.config)
    assert settings.sources["jugend-2026"].options["path"] == "Jugend 2026.csv"
    source = settings.sources["jugend-2026"]
    assert (source.email, source.id, source.opted_out) == ("Mail", "person_id", "newsletter_no")
    assert settings.links["jugend"].consent_column == "Grund"
    assert [mapping.columns for mapping in settings.links["jugend"].fields] == [("Vorname",)]


async def test_fields_nobody_read_yet_are_asked_for(world: World, spawned: list[str]) -> None:
    with world.state() as state, state.write() as db:
        db.execute("DELETE FROM remote_fields")
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("down", "c")
        deadline = time.monotonic() + 20
        while not spawned and time.monotonic() < deadline:
            await pilot.pause(0.05)
        assert len(spawned) == 1
        from tests.tui.world import put_health

        with world.state() as state:
            put_health(state)
        while not app.screen.query("#field-map0") and time.monotonic() < deadline:
            await pilot.pause(0.05)
        await settled(pilot)
        assert app.screen.query("#field-map0")
