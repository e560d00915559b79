"""A small world for the screens: settings and a real state file, written by the functions that jobs use.

Everything happened on the morning of 2026-03-01; ``NOON`` is when the screens look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.provider import RemoteField
from console.tui.app import ConsoleApp
from console.tui.places import HOME, Place
from state.address import address_key
from state.connections import put_check_report, put_feedback_time, put_lists
from state.contacts import accept_source_read, begin_source_load, put_source_rows, staged_count
from state.fields import put_remote_fields
from state.links import mapped_signature, record_link
from state.members import accept_listing, begin_listing, listing_change, put_listing_page
from state.model import Consent, FieldMapping, Finding, Link, Member, Operator, RemoteList
from state.store import State, open_state

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OPERATOR = Operator("ann", "desk")
FIELDS = (FieldMapping("FNAME", ("first_name",)), FieldMapping("LNAME", ("last_name",)))

SETTINGS = """\
[connections.verband]
provider = "mailchimp"
key = { env = "VERBAND_KEY" }

[connections.laden]
provider = "mailchimp"
key = { env = "LADEN_KEY" }
base_url = "https://example.org/3.0"

[sources.members]
kind = "csv"
path = "members.csv"
id = "person_id"
email = "email"

[links.members-news]
source = "members"
connection = "verband"
list = "a6b5da1054"
consent = "membership form 2024"
fields = { FNAME = "first_name", LNAME = "last_name" }
"""

CSV = """\
person_id,email,first_name,last_name
1,eva@example.org,Eva,Brandt
2,jan@example.org,Jan,Meier
3,new@example.org,Neo,Kunz
"""


@dataclass(slots=True, frozen=True)
class World:
    """Where the files of a test are."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "listwarden.toml"

    @property
    def state_path(self) -> Path:
        return self.folder / "state.db"

    def app(self, place: Place = HOME, *, read_only: str = "") -> ConsoleApp:
        """The console over these files."""
        return ConsoleApp(
            config=self.config,
            state_path=self.state_path,
            operator=OPERATOR,
            read_only=read_only,
            place=place,
        )

    def state(self) -> State:
        """The state, to write into."""
        return open_state(self.state_path)


def empty_world(folder: Path) -> World:
    """Nothing but an empty state: the first run."""
    folder.chmod(0o700)
    world = World(folder)
    world.state().close()
    return world


def furnished_world(folder: Path, settings: str = SETTINGS) -> World:
    """Two connections, three lists, one link, five addresses."""
    world = empty_world(folder)
    world.config.write_text(settings, encoding="utf-8")
    world.config.chmod(0o600)
    (folder / "members.csv").write_text(CSV, encoding="utf-8")
    (folder / "members.csv").chmod(0o600)
    with world.state() as state:
        put_health(state)
        put_members(state, "members-news", "verband", "a6b5da1054", MEMBERS)
        put_contacts(state, "members-news", "verband", "a6b5da1054", CONTACTS)
    return world


def put_health(state: State) -> None:
    """``verband`` is fine, ``laden`` was refused."""
    put_check_report(
        state,
        "verband",
        "mailchimp",
        account_id="acc1",
        account_name="Verband e. V.",
        details={"plan": "standard", "contacts": "812 of 2,500"},
        findings=[
            Finding("ok", "The key works.", ok=True),
            Finding("double-opt-in", "Jugend asks to confirm.", ok=True),
        ],
        now=NOON - timedelta(minutes=3),
    )
    put_feedback_time(state, "verband", "mailchimp", NOON - timedelta(hours=2))
    put_lists(
        state,
        "verband",
        "mailchimp",
        [
            RemoteList("a6b5da1054", "Verbandsnews", 812),
            RemoteList("b1b1b1b1b1", "Jugend", 40, double_opt_in=True),
            RemoteList("c2c2c2c2c2", "Alle Kontakte", 852, system=True),
        ],
        NOON - timedelta(minutes=3),
    )
    put_remote_fields(
        state,
        "verband",
        "b1b1b1b1b1",
        [
            RemoteField("FNAME", "First Name", "text"),
            RemoteField("LNAME", "Last Name", "text"),
            RemoteField("AREA", "Region", "dropdown", choices=("Nord", "Süd")),
        ],
        NOON - timedelta(minutes=3),
    )
    put_check_report(
        state,
        "laden",
        "mailchimp",
        account_id=None,
        account_name="",
        details={},
        findings=[
            Finding("key-invalid", "Mailchimp refuses the key.", "Copy the key again from the platform.")
        ],
        now=NOON - timedelta(days=2),
    )


MEMBERS = (
    Member("eva@example.org", "m1", Consent.SUBSCRIBED, "subscribed", since="2025-01-02T03:04:05.000000Z"),
    Member(
        "gone@example.org", "m2", Consent.UNSUBSCRIBED, "unsubscribed", since="2026-02-01T10:00:00.000000Z"
    ),
    Member("Jan@example.org", "m3", Consent.PENDING, "pending"),
    Member("other@example.org", "m4", Consent.BOUNCED, "cleaned"),
)
CONTACTS = (("eva@example.org", "1"), ("jan@example.org", "2"), ("new@example.org", "3"))


def put_members(
    state: State, link: str, connection: str, list_id: str, members: Sequence[Member], at: datetime = NOON
) -> None:
    """A whole listing of the link's list."""
    record = record_link(state, Link(link, "members", connection, list_id, fields=FIELDS))
    begin_listing(state)
    put_listing_page(state, members, ["FNAME", "LNAME"])
    change = listing_change(state, record.list_no, whole=True)
    accept_listing(
        state,
        record.list_no,
        change,
        whole=True,
        cursor="",
        fields_signature=mapped_signature(FIELDS),
        origin="poll:1",
        operator="ann",
        started=at - timedelta(minutes=2),
        now=at - timedelta(minutes=1),
    )


def put_contacts(
    state: State,
    link: str,
    connection: str,
    list_id: str,
    people: Sequence[tuple[str, str]],
    at: datetime = NOON,
) -> None:
    """A complete read of the link's source: address and source id of each person."""
    record = record_link(state, Link(link, "members", connection, list_id, fields=FIELDS))
    begin_source_load(state)
    put_source_rows(
        state,
        [
            (address_key(email), source_id, line, email, "\x1f", 0, None, None, None)
            for line, (email, source_id) in enumerate(people, start=2)
        ],
    )
    accept_source_read(
        state,
        record.link_no,
        staged_count(state),
        snapshot="1",
        mapped="[]",
        started=at - timedelta(minutes=2),
        now=at - timedelta(minutes=1),
    )
