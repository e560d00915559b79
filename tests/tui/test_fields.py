"""The fields screen: what it shows at both sizes, the form that judges while one types, and the typed deletion."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select

from adapters.provider import RemoteField
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.tui.app import ConsoleApp
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.field_form import FieldForm
from console.tui.screens.fields import FieldsPage
from console.tui.screens.link_form import LinkForm
from state.fields import put_fields_time, put_remote_fields, remote_fields
from state.jobs import claim_job, finish_job, list_jobs
from state.liveness import ProcessMark
from state.model import JobKind, JobState
from state.moments import utc_now
from tests.tui.screen import SNAPSHOTS, dialog_open, matches, screen_text, settled
from tests.tui.world import NOON, SETTINGS, World, furnished_world

SIZES = {"80x24": (80, 24), "160x50": (160, 50)}
CONNECTION = Place(PlaceKind.CONNECTION, "verband", "fields")
LINK = Place(PlaceKind.LINK, "members-news", "fields")

MAPPED = SETTINGS.replace(
    'fields = { FNAME = "first_name", LNAME = "last_name" }',
    'mode = "update"\nfields = { FNAME = { column = "first_name", two_way = true }, LNAME = "last_name",'
    ' AGE = ["age", "years"], CLUB = { column = "club", blank = "clear" } }',
) + """
[links.youth-news]
source = "members"
connection = "verband"
list = "b1b1b1b1b1"
consent = "membership form 2024"
fields = { FNAME = "first_name" }
"""  # fmt: skip

NEWS_FIELDS = (
    RemoteField("FNAME", "First Name", "text", public=True),
    RemoteField("LNAME", "Last Name", "text", public=True),
    RemoteField("AGE", "Age", "number"),
    RemoteField("SHIRT", "Shirt size", "dropdown", required=True, choices=("S", "M", "L")),
    RemoteField("CHANNEL", "How they came", "text", default="web"),
    RemoteField("POSTCODE", "POSTCODE", "zip", system=True),
)


@pytest.fixture
def mapped(world: World) -> World:
    """Two links, one with a two-way field, a gone one and one of the wrong type."""
    world.config.write_text(MAPPED, encoding="utf-8")
    with world.state() as state:
        put_remote_fields(state, "verband", "a6b5da1054", NEWS_FIELDS, NOON - timedelta(minutes=3))
        put_fields_time(state, "verband", "mailchimp", NOON - timedelta(minutes=3))
    return world


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Jobs are made, and no process is started for them."""
    jobs: list[str] = []
    monkeypatch.setattr("console.jobs.process.spawn_job", lambda job_id, **_: jobs.append(job_id))
    return jobs


def page_of(app: ConsoleApp) -> FieldsPage:
    page = app.screen
    assert isinstance(page, FieldsPage)
    return page


def under(app: ConsoleApp, name: str) -> None:
    """Put the cursor on a field."""
    page = page_of(app)
    page.table.cursor = [view.name for view in page._all.views].index(name)


def put(app: ConsoleApp, key: str, value: str) -> None:
    control = app.screen.query_one(f"#field-{key}").query("Input, Select").first()
    assert isinstance(control, Input | Select)
    control.value = value


def refused(app: ConsoleApp, command: str) -> str:
    from console.tui.commands import command as command_of

    return page_of(app).refusal(command_of(command)) or ""


def options_of(world: World, kind: JobKind) -> list[dict[str, Any]]:
    with world.state() as state:
        rows = state.db.execute(
            "SELECT options FROM jobs WHERE kind = ? ORDER BY no", (kind.value,)
        ).fetchall()
    return [json.loads(row[0]) for row in rows]


# --- what is seen -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("place", "name"), [(CONNECTION, "fields"), (LINK, "fields-link")])
async def test_fields_at_both_sizes(mapped: World, place: Place, name: str, size: str) -> None:
    app = mapped.app(place)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"{name}-{size}")
        under(app, "FNAME")
        await settled(pilot)
        matches(app, f"{name}-row-{size}")


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize("size", SIZES)
async def test_the_form_at_both_sizes(mapped: World, size: str) -> None:
    app = mapped.app(LINK)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await dialog_open(pilot, FieldForm)
        put(app, "name", "club")
        await settled(pilot)
        matches(app, f"field-form-{size}")


async def test_fields_never_read_say_what_to_press(world: World, spawned: list[str]) -> None:
    app = world.app(LINK)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert "✖ gone" not in screen_text(app)
        assert "Press s to ask the platform" in screen_text(app)
        await pilot.press("s")
        await settled(pilot)
        assert len(spawned) == 1
    assert options_of(world, JobKind.FIELDS) == [
        {"action": "sync", "interactive": True, "list": "a6b5da1054"}
    ]


@pytest.mark.usefixtures("at_noon")
async def test_old_fields_say_so(mapped: World) -> None:
    with mapped.state() as state:
        put_remote_fields(state, "verband", "a6b5da1054", NEWS_FIELDS, NOON - timedelta(hours=25))
    app = mapped.app(LINK)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        assert "read 1 d ago: old, s reads them now" in screen_text(app)


async def test_a_filter_looks_at_links_and_columns_too(mapped: World) -> None:
    app = mapped.app(CONNECTION)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        for text, names in (("last_name", ["LNAME"]), ("dropdown", ["SHIRT", "AREA"]), ("nothing", [])):
            page_of(app).filter_changed(text)
            await settled(pilot)
            row = page_of(app).selected
            assert (row.name if row is not None else None) == (names[0] if names else None), text


async def test_a_name_from_outside_is_never_markup(mapped: World) -> None:
    with mapped.state() as state:
        put_remote_fields(
            state,
            "verband",
            "a6b5da1054",
            [RemoteField("[red]X[/red]", "[@click=app.quit]go[/]", "te\x1bxt", default="\u202edrow")],
            NOON,
        )
    app = mapped.app(LINK)
    async with app.run_test(size=(160, 30)) as pilot:
        await settled(pilot)
        under(app, "[red]X[/red]")
        await settled(pilot)
        text = screen_text(app)
        assert "[red]X[/red]" in text
        assert "[@click=app.quit]go[/]" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


async def test_the_place_is_reached_from_the_list(mapped: World) -> None:
    app = mapped.app(Place(PlaceKind.CONNECTION, "verband", "lists"))
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await pilot.press("F")
        await settled(pilot)
        assert page_of(app).place == Place(PlaceKind.LINK, "youth-news", "fields")


async def test_enter_opens_the_links_mapping(mapped: World) -> None:
    app = mapped.app(LINK)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await dialog_open(pilot, LinkForm)


# --- what is refused ----------------------------------------------------------------------------------------


async def test_what_cannot_be_deleted_says_why(mapped: World) -> None:
    app = mapped.app(CONNECTION)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        for name, words in (
            ("LNAME", "members-news maps it"),
            ("POSTCODE", "own fields"),
            ("CLUB", "does not have this field"),
        ):
            under(app, name)
            assert words in refused(app, "fields.delete"), name
        under(app, "SHIRT")
        assert refused(app, "fields.delete") == ""


async def test_read_only_changes_nothing(mapped: World, spawned: list[str]) -> None:
    app = mapped.app(LINK)
    app.read_only = "this console was started read-only"
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        await pilot.press("s", "a", "D", "u")
        await settled(pilot)
        assert isinstance(app.screen, FieldsPage)
    assert spawned == []


@pytest.mark.parametrize("size", SIZES)
async def test_the_deletion_asks_for_the_number(mapped: World, spawned: list[str], size: str) -> None:
    app = mapped.app(LINK)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        under(app, "CHANNEL")
        await pilot.pause()
        await pilot.press("D")
        await counted(mapped, pilot, spawned, 312)
        await dialog_open(pilot, Confirm)
        matches_dialog(app, f"field-delete-{size}")
        assert app.screen.query_one("#do", Button).disabled
        await pilot.press("escape")
        await pilot.pause(0.1)
    assert len(spawned) == 1, "leaving the dialog deletes nothing"


async def test_who_went_elsewhere_is_told_and_not_asked(mapped: World, spawned: list[str]) -> None:
    app = mapped.app(LINK)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        under(app, "CHANNEL")
        await pilot.pause()
        await pilot.press("D")
        app.go(Place(PlaceKind.JOBS))
        await pilot.pause()
        await counted(mapped, pilot, spawned, 312)
        for _ in range(200):
            if any("312 contacts" in note.message for note in app._notifications):
                break
            await pilot.pause(0.02)
        assert any("Nothing was deleted" in note.message for note in app._notifications)
        assert not isinstance(app.screen, Confirm)
    assert len(spawned) == 1


async def counted(world: World, pilot: Pilot[Any], spawned: list[str], held: int) -> None:
    """The counting job ends, as its own process would write it."""
    for _ in range(500):
        if spawned:
            break
        await pilot.pause(0.02)
    process = ProcessMark("desk", 4711, "1", "1")
    with world.state() as state:
        claim_job(state, spawned[0], process, utc_now(), alive=lambda mark: True)
        finish_job(
            state,
            spawned[0],
            state_=JobState.DONE,
            reason="field-held",
            text=f"{held} contacts hold a value.",
            exit_code=0,
            counts={"holding": held},
            now=utc_now(),
            process=process,
        )


def matches_dialog(app: ConsoleApp, name: str) -> None:
    """Compare the dialog alone: what stands around it has times in it."""
    dialog = app.screen.query_one(".dialog").region
    lines = screen_text(app).splitlines()[dialog.y : dialog.bottom]
    found = "\n".join(line[dialog.x : dialog.right] for line in lines) + "\n"
    file = SNAPSHOTS / f"{name}.txt"
    if "--snapshot-update" in sys.argv:
        file.write_text(found, encoding="utf-8")
        return
    assert found == file.read_text(encoding="utf-8")


# --- the form -----------------------------------------------------------------------------------------------


async def test_the_form_judges_as_one_types(mapped: World, spawned: list[str]) -> None:
    app = mapped.app(LINK)
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await dialog_open(pilot, FieldForm)
        save = app.screen.query_one("#save", Button)
        assert save.disabled
        for changes, words in (
            ({"name": "Club"}, "upper-case letters"),
            ({"name": "CLUB"}, "Mailchimp takes a field like this"),
            ({"kind": "number", "default": "many"}, "takes a number"),
            ({"default": "2.5"}, "Mailchimp takes a field like this"),
            ({"kind": "dropdown", "default": ""}, "at least one choice"),
            ({"choices": "S, M ,"}, "Mailchimp takes a field like this"),
        ):
            for key, value in changes.items():
                put(app, key, value)
            await settled(pilot)
            assert words in screen_text(app), changes
            assert save.disabled == ("takes a field" not in words)
        assert spawned == []
        save.press()
        for _ in range(200):
            if spawned:
                break
            await pilot.pause(0.02)
    assert options_of(mapped, JobKind.FIELDS) == [
        {
            "action": "create",
            "name": "CLUB",
            "kind": "dropdown",
            "label": "",
            "public": False,
            "default": "",
            "choices": ["S", "M"],
            "list": "a6b5da1054",
            "interactive": True,
        }
    ]


async def test_several_lists_want_one_chosen(mapped: World, spawned: list[str]) -> None:
    app = mapped.app(CONNECTION)
    async with app.run_test(size=(100, 44)) as pilot:
        await settled(pilot)
        under(app, "SHIRT")
        await settled(pilot)
        await pilot.press("a")
        await dialog_open(pilot, FieldForm)
        control = app.screen.query_one("#field-list Select", Select)
        assert control.value == "a6b5da1054"


# --- real jobs over loopback --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=30)) as running:
        yield running


@pytest.fixture
def connected(world: World, sandbox: RunningSandbox) -> World:
    """The link's list is the sandbox's first."""
    sandbox.control("mailchimp", "reset")
    key = world.folder / "key"
    key.write_text(str(sandbox.key("mailchimp")), encoding="utf-8")
    key.chmod(0o600)
    text = SETTINGS.replace(
        'key = { env = "VERBAND_KEY" }', f'key = {{ file = "key" }}\nbase_url = "{sandbox.url("mailchimp")}"'
    )
    world.config.write_text(text, encoding="utf-8")
    return world


async def until(pilot: Pilot[Any], words: str, *, there: bool = True) -> None:
    """Wait until something stands on the screen (or does not any more); a job has to start and end for it."""
    deadline = time.monotonic() + 30
    while (words in screen_text(pilot.app)) is not there:
        assert time.monotonic() < deadline, screen_text(pilot.app)
        await pilot.pause(0.05)


async def test_a_field_is_made_and_deleted_with_its_number_typed(
    connected: World, sandbox: RunningSandbox
) -> None:
    app = connected.app(LINK)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await dialog_open(pilot, FieldForm)
        put(app, "name", "CLUB")
        await pilot.pause(0.1)
        app.screen.query_one("#save", Button).press()
        await until(pilot, "A new field", there=False)
        await until(pilot, "CLUB")
        for email in list(sandbox.state("mailchimp"))[:2]:
            sandbox.control("mailchimp", "edit", email=email, fields={"CLUB": "Thun"})
        under(app, "CLUB")
        await pilot.pause(0.2)
        await pilot.press("D")
        await dialog_open(pilot, Confirm)
        assert "A value of CLUB is held by 2 contacts of Verbandsnews." in screen_text(app)
        button = app.screen.query_one("#do", Button)
        assert button.disabled
        app.screen.query_one("#typed", Input).value = "1"
        await pilot.pause(0.1)
        assert button.disabled
        app.screen.query_one("#typed", Input).value = "2"
        await pilot.pause(0.1)
        button.press()
        await until(pilot, "CLUB ", there=False)
    with connected.state() as state:
        assert "CLUB" not in [one.name for one in remote_fields(state, "verband", "a6b5da1054")]
        assert len(list_jobs(state, kinds={JobKind.FIELDS})) == 3


async def test_what_the_platform_refuses_stays_in_the_form(connected: World, sandbox: RunningSandbox) -> None:
    app = connected.app(LINK)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await dialog_open(pilot, FieldForm)
        put(app, "name", "FNAME")
        await pilot.pause(0.1)
        app.screen.query_one("#save", Button).press()
        await until(pilot, "has a field FNAME already")
        assert isinstance(app.screen, FieldForm)
        await pilot.press("escape")


def test_the_world_here_is_sound(tmp_path: Any) -> None:
    furnished_world(tmp_path, MAPPED)
    from console.settings import load

    assert set(load(tmp_path / "listwarden.toml").links) == {"members-news", "youth-news"}


# --- fields of a whole account ------------------------------------------------------------------------------

ALPEN = """\
[connections.alpen]
provider = "dotdigital"
user = "apiuser-0123456789ab@apiconnector.com"
password = { env = "ALPEN_PASSWORD" }

[sources.members]
kind = "csv"
path = "members.csv"
email = "email"

[links.magazin]
source = "members"
connection = "alpen"
list = "4711"
consent = "form"
fields = { FIRSTNAME = "first_name", FULLNAME = ["first_name", "last_name"] }

[links.touren]
source = "members"
connection = "alpen"
list = "4712"
consent = "form"
fields = { FIRSTNAME = "first_name", MEMBERSINCE = "since" }
"""


@pytest.fixture
def alpen(nothing: World) -> World:
    """Two books of one account, whose fields are known."""
    nothing.config.write_text(ALPEN, encoding="utf-8")
    nothing.config.chmod(0o600)
    fields = [
        RemoteField(name, name, "String", system=True) for name in ("FIRSTNAME", "LASTNAME", "FULLNAME")
    ]
    fields += [
        RemoteField("MEMBERSINCE", "MEMBERSINCE", "Date"),
        RemoteField("DONATIONS", "DONATIONS", "Numeric", default="2.5"),
    ]
    with nothing.state() as state:
        for book in ("4711", "4712"):
            put_remote_fields(state, "alpen", book, fields, NOON - timedelta(minutes=3))
    return nothing


@pytest.mark.usefixtures("at_noon")
@pytest.mark.parametrize("size", SIZES)
async def test_an_accounts_fields_are_shown_once(alpen: World, size: str) -> None:
    app = alpen.app(Place(PlaceKind.CONNECTION, "alpen", "fields"))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        assert [view.name for view in page_of(app)._all.views].count("FIRSTNAME") == 1
        matches(app, f"fields-account-{size}")
        under(app, "MEMBERSINCE")
        assert "touren maps it" in refused(app, "fields.delete")
        under(app, "DONATIONS")
        assert refused(app, "fields.delete") == ""


async def test_a_link_shows_its_own_mapping_of_the_accounts_fields(alpen: World) -> None:
    app = alpen.app(Place(PlaceKind.LINK, "magazin", "fields"))
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        uses = {view.name: [use.link for use in view.uses] for view in page_of(app)._all.views}
        assert (uses["FIRSTNAME"], uses["MEMBERSINCE"]) == (["magazin"], [])
        under(app, "MEMBERSINCE")
        assert "touren maps it" in refused(app, "fields.delete")


async def test_the_form_follows_the_platforms_own_rules(alpen: World, spawned: list[str]) -> None:
    app = alpen.app(Place(PlaceKind.CONNECTION, "alpen", "fields"))
    async with app.run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        await pilot.press("a")
        await dialog_open(pilot, FieldForm)
        assert not app.screen.query("#field-label, #field-choices, #field-list")
        for changes, words in (
            ({"name": "notes"}, "keeps the name notes for itself"),
            ({"name": "SHOE_SIZE", "kind": "Boolean", "default": "perhaps"}, "does not fit"),
            ({"kind": "Numeric", "default": "42.5"}, "dotdigital takes a field like this"),
        ):
            for key, value in changes.items():
                put(app, key, value)
            await settled(pilot)
            assert words in screen_text(app), changes
        app.screen.query_one("#save", Button).press()
        for _ in range(200):
            if spawned:
                break
            await pilot.pause(0.02)
    (options,) = options_of(alpen, JobKind.FIELDS)
    assert (options["name"], options["kind"], options["default"], options.get("list")) == (
        "SHOE_SIZE",
        "Numeric",
        "42.5",
        None,
    )
