"""A link's settings in their form, its list picker, and what is asked of one link: synchronize, refresh, disconnect."""

from __future__ import annotations

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
from console.tui.link_choices import slug
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.link_form import LinkForm
from console.tui.screens.list_form import ListForm
from console.tui.screens.lists import ListsPage
from console.tui.screens.preview import PreviewPage
from console.tui.widgets.mapping import MappingField
from state.connections import put_lists
from state.fields import put_remote_fields
from state.jobs import finish_job, get_job, job_options, list_jobs
from state.model import Blank, Conflict, ForceUpdate, JobKind, JobState, Mode, RemoteList
from state.moments import utc_now
from state.store import open_state
from tests.tui.screen import dialog_closed, dialog_open, matches, screen_text, settled
from tests.tui.world import CSV, NOON, SETTINGS, World, empty_world, furnished_world

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
SIZE = (100, 50)
LISTS = Place(PlaceKind.CONNECTION, "verband", "lists")
PREVIEW = Place(PlaceKind.LINK, "members-news", "preview")

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


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The link may send changes, so that two-way fields can be chosen; its list has three fields."""
    made = furnished_world(tmp_path, SETTINGS + 'mode = "update"  # since spring\n')
    with made.state() as state:
        put_remote_fields(state, "verband", "a6b5da1054", _fields(state), NOON)
    return made


def _fields(state: Any) -> list[Any]:
    from state.fields import remote_fields

    return list(remote_fields(state, "verband", "b1b1b1b1b1"))


def put(app: ConsoleApp, key: str, value: str) -> None:
    control = app.screen.query_one(f"#field-{key}").query("Input, Select").first()
    assert isinstance(control, Input | Select)
    control.value = value


def row_of(app: ConsoleApp, target: str) -> MappingField:
    return next(row for row in app.screen.query(MappingField) if row.target == target)


async def open_form(app: ConsoleApp, pilot: Pilot[Any]) -> None:
    await settled(pilot)
    await pilot.press("s")
    await dialog_open(pilot, LinkForm)
    await settled(pilot)


async def save(pilot: Pilot[Any]) -> None:
    """Save, and decline the preview that is offered."""
    pilot.app.screen.query_one("#save", Button).press()
    await dialog_open(pilot, Confirm)
    dialog = pilot.app.screen
    dialog.query_one("#cancel", Button).press()
    await dialog_closed(pilot, dialog)


# --- settings of a link --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_form_of_a_link(world: World, size: str) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZES[size]) as pilot:
        await open_form(app, pilot)
        matches(app, f"link-settings-{size}")
        app.screen.query_one("#save", Button).press()
        await dialog_open(pilot, Confirm)
        matches(app, f"link-saved-{size}")


async def test_saving_without_a_change_leaves_the_file_as_it_is(world: World) -> None:
    before = world.config.read_bytes()
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await open_form(app, pilot)
        await save(pilot)
    assert world.config.read_bytes() == before


async def test_everything_that_can_be_chosen_is_written_and_comments_stay(world: World) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await open_form(app, pilot)
        lname = row_of(app, "LNAME")
        lname.query_one(".way", Select).value = "two"
        lname.query_one(".blank", Select).value = "clear"
        row_of(app, "AREA").query_one(".column", Select).value = "person_id"
        put(app, "conflict", "source")
        put(app, "create_contacts", "yes")
        put(app, "force_update", "none")
        put(app, "address_change", "move")
        put(app, "every", "12h")
        put(app, "consent", "asked at the door")
        await save(pilot)
    text = world.config.read_text(encoding="utf-8")
    assert "# since spring" in text
    link = load(world.config).links["members-news"]
    assert link.mode is Mode.UPDATE
    assert [(one.target, one.columns, one.blank, one.two_way) for one in link.fields] == [
        ("FNAME", ("first_name",), Blank.KEEP, False),
        ("LNAME", ("last_name",), Blank.CLEAR, True),
        ("AREA", ("person_id",), Blank.KEEP, False),
    ]
    assert (link.conflict, link.create_contacts, link.force_update) == (
        Conflict.SOURCE,
        True,
        ForceUpdate.NONE,
    )
    assert (link.every, link.consent) == ("12h", "asked at the door")


async def test_a_two_way_field_of_a_link_that_only_adds_is_refused_beside_the_mode(world: World) -> None:
    before = world.config.read_bytes()
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await open_form(app, pilot)
        row_of(app, "LNAME").query_one(".way", Select).value = "two"
        put(app, "mode", "add-only")
        app.screen.query_one("#save", Button).press()
        await settled(pilot)
        assert isinstance(app.screen, LinkForm)
        fault = app.screen.query_one("#field-mode .fault.-shown").render()
        assert "two_way" in str(fault)
    assert world.config.read_bytes() == before


async def test_a_field_the_list_lost_is_shown_and_kept_until_it_is_dropped(world: World) -> None:
    with world.state() as state:
        fields = [field for field in _fields(state) if field.name != "LNAME"]
        put_remote_fields(state, "verband", "a6b5da1054", fields, NOON)
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await open_form(app, pilot)
        assert "does not have this field" in screen_text(app)
        await save(pilot)
        assert [one.target for one in load(world.config).links["members-news"].fields] == ["FNAME", "LNAME"]
        await open_form(app, pilot)
        row_of(app, "LNAME").query_one(".column", Select).clear()
        await save(pilot)
    assert [one.target for one in load(world.config).links["members-news"].fields] == ["FNAME"]


async def test_saving_offers_a_preview_and_exports_nothing(world: World, started: list[str]) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await open_form(app, pilot)
        put(app, "address_change", "move")
        app.screen.query_one("#save", Button).press()
        await dialog_open(pilot, Confirm)
        app.screen.query_one("#do", Button).press()
        await settled(pilot)
        assert isinstance(app.screen, PreviewPage)
    with world.state() as state:
        assert [job.kind for job in list_jobs(state)] == [JobKind.PREVIEW]
        assert job_options(state, started[0])["interactive"] is True


# --- the list picker -----------------------------------------------------------------------------------------


async def test_the_picker_leaves_out_system_lists_and_those_linked_already(world: World) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("down", "c")
        await dialog_open(pilot, LinkForm)
        await settled(pilot)
        offered = [value for _, value in app.screen.query_one("#field-list Select", Select)._options]
        assert offered == ["b1b1b1b1b1"]
        await pilot.press("escape")
        await settled(pilot)
        page = app.screen
        assert isinstance(page, ListsPage)
        assert "D disconnects it" in _refused(page, 0)
        assert "system list" in _refused(page, 2)


def _refused(page: ListsPage, row: int) -> str:
    page.table.cursor = row
    return page.refuse_connect() or ""


async def test_a_system_list_linked_by_hand_is_seen_as_what_it_is(tmp_path: Path) -> None:
    world = furnished_world(tmp_path, SETTINGS.replace("a6b5da1054", "c2c2c2c2c2"))
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "system list" in screen_text(app)
        assert "must not be: a system list" in screen_text(app)


async def test_disconnecting_says_that_nothing_is_touched(world: World) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("D")
        await dialog_open(pilot, Confirm)
        assert "Nothing is touched on either side" in screen_text(app)
        app.screen.query_one("#do", Button).press()
        await settled(pilot)
    assert load(world.config).links == {}
    with world.state() as state:
        assert state.db.execute("SELECT count(*) FROM members").fetchone()[0] > 0
        assert list_jobs(state) == []


# --- synchronize and refresh ---------------------------------------------------------------------------------


async def test_synchronizing_reads_feedback_then_previews(world: World, started: list[str]) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("S")
        await _until(pilot, lambda: len(started) == 1)
        with world.state() as state:
            assert get_job(state, started[0]).kind is JobKind.FEEDBACK
            _end(state, started[0], JobState.DONE, "3 opted out.")
        await _until(pilot, lambda: len(started) == 2)
        await settled(pilot)
        assert isinstance(app.screen, PreviewPage)
    with world.state() as state:
        assert get_job(state, started[1]).kind is JobKind.PREVIEW


async def test_when_feedback_fails_no_preview_is_made(world: World, started: list[str]) -> None:
    app = world.app(PREVIEW)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("S")
        await _until(pilot, lambda: len(started) == 1)
        with world.state() as state:
            _end(state, started[0], JobState.FAILED, "Mailchimp refuses the key.")
        await settled(pilot)
        assert len(started) == 1
        assert any("No preview was made" in note.message for note in app._notifications)


def _end(state: Any, job_id: str, state_: JobState, text: str) -> None:
    finish_job(state, job_id, state_=state_, reason="ok", text=text, exit_code=0, counts={}, now=utc_now())


async def _until(pilot: Pilot[Any], true: Any) -> None:
    for _ in range(400):
        if true():
            return
        await pilot.pause(0.05)
    raise AssertionError(screen_text(pilot.app))


async def test_r33_refreshing_asks_then_marks_and_previews(world: World, started: list[str]) -> None:
    app = world.app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("u")
        await dialog_open(pilot, Confirm)
        assert "Nothing is sent now" in screen_text(app)
        app.screen.query_one("#do", Button).press()
        await settled(pilot)
        assert isinstance(app.screen, PreviewPage)
    with world.state() as state:
        assert [get_job(state, job).kind for job in started] == [JobKind.REFRESH]


async def test_r33_a_link_that_only_adds_has_nothing_to_refresh(tmp_path: Path, started: list[str]) -> None:
    app = furnished_world(tmp_path).app(LISTS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("u")
        await settled(pilot)
        assert any("only adds" in note.message for note in app._notifications)
    assert started == []


# --- a new list at a platform that lets us make one ----------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=20)) as running:
        yield running


@pytest.fixture
def books(tmp_path: Path, sandbox: RunningSandbox) -> World:
    """A connection to the rehearsed dotdigital and a file of people; what it has was read."""
    world = empty_world(tmp_path)
    key = sandbox.ready["keys"]["dotdigital"]
    (tmp_path / "password").write_text(key["password"], encoding="utf-8")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "members.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "members.csv").chmod(0o600)
    world.config.write_text(
        f'[connections.club]\nprovider = "dotdigital"\nuser = "{key["user"]}"\npassword = {{ file = "password" }}\n'
        f'base_url = "{sandbox.ready["urls"]["dotdigital"]}"\n\n[sources.members]\nkind = "csv"\npath = "members.csv"\n'
        'id = "person_id"\nemail = "email"\n',
        encoding="utf-8",
    )
    world.config.chmod(0o600)
    with world.state() as state:
        put_lists(
            state,
            "club",
            "dotdigital",
            [RemoteList("4401", "Test", 3, system=True), RemoteList("4711", "Mitgliedermagazin", 20)],
            NOON,
        )
        put_remote_fields(state, "club", "4711", [_DataField(name) for name in DATA_FIELDS], NOON)
    return world


DATA_FIELDS = ("FIRSTNAME", "LASTNAME", "FULLNAME", "CLUB")
BOOKS = Place(PlaceKind.CONNECTION, "club", "lists")


class _DataField:
    label = ""
    kind = "String"
    required = public = system = False
    choices: tuple[str, ...] = ()
    default = field_id = ""

    def __init__(self, name: str) -> None:
        self.name = name


@pytest.mark.parametrize("size", SIZES)
async def test_address_books(books: World, size: str) -> None:
    app = books.app(BOOKS)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"books-{size}")
        await pilot.press("n")
        await dialog_open(pilot, ListForm)
        matches(app, f"list-form-{size}")
        await pilot.press("escape")
        await settled(pilot)
        await pilot.press("c")
        await dialog_open(pilot, LinkForm)
        await settled(pilot)
        matches(app, f"link-form-book-{size}")


async def test_a_book_is_created_from_the_link_picker_and_linked_with_the_names_mapped(books: World) -> None:
    """The whole way with real job processes, against the rehearsed platform."""
    app = books.app(BOOKS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("c")
        await dialog_open(pilot, LinkForm)
        await settled(pilot)
        put(app, "list", "\x00list")
        await settled(pilot)
        put(app, "new_name", "Spring walks")
        put(app, "name", "walks")
        put(app, "consent", "asked at the door")
        app.screen.query_one("#save", Button).press()
        await dialog_open(pilot, Confirm)
        await pilot.press("escape")
        await settled(pilot)
        assert "Spring walks" in screen_text(app)
    link = load(books.config).links["walks"]
    assert {one.target: one.columns for one in link.fields} == {
        "FIRSTNAME": ("first_name",),
        "LASTNAME": ("last_name",),
        "FULLNAME": ("first_name", "last_name"),
    }
    with open_state(books.state_path, read_only=True) as state:
        found = state.db.execute("SELECT name FROM lists WHERE list_id = ?", (link.list_id,)).fetchone()
    assert found[0] == "Spring walks"


async def test_a_name_the_platform_refuses_is_said_beside_it_and_nothing_is_linked(books: World) -> None:
    before = books.config.read_bytes()
    app = books.app(BOOKS)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("n")
        await dialog_open(pilot, ListForm)
        put(app, "name", "Test")
        app.screen.query_one("#save", Button).press()
        await _until(pilot, lambda: app.screen.query("#field-name .fault.-shown"))
        assert isinstance(app.screen, ListForm)
    assert books.config.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "proposed"),
    [("Fördermitglieder", "fordermitglieder"), ("Sektion Zürich / News", "sektion-zurich-news"), ("…", "")],
)
def test_the_name_of_a_link_is_proposed_from_the_lists_own(name: str, proposed: str) -> None:
    assert slug(name) == proposed
