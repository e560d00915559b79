"""Reading out of the rehearsed CRM over real HTTP: the three ways to say who belongs to a list, and its shape."""

from __future__ import annotations

import asyncio
import csv
import gc
from pathlib import Path
from typing import Any

import pytest

from adapters.provider import CredentialsRefused, Unreachable
from adapters.registry import source_kind
from adapters.sandbox.oro import Population
from adapters.sandbox.running import RunningSandbox
from adapters.source import SourceIncomplete, SourceUnreadable
from tests.adapters.sources.conftest import CONTACTS
from tests.adapters.sources.oro_crm import COLUMNS, NOW, read, sandbox_settings, settings, source
from tests.adapters.wires import Recorder

CRM = Population(1, CONTACTS)


def grid(folder: Path, rows: list[dict[str, str]], name: str = "grid.csv") -> Path:
    """A grid's export as the CRM writes one."""
    file = folder / name
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


# (a) filter


def test_everybody_is_read_in_pages_by_id(sandbox: RunningSandbox, recorder: Recorder) -> None:
    found = read(source(sandbox_settings(sandbox), recorder))
    assert [int(row[0]) for row in found.rows] == list(range(1, CRM.size + 1))
    assert found.rows[0] == ("1", CRM.email(1), CRM.contact(1).attributes["firstName"])
    assert found.progress[-1] == (CRM.size, CRM.size)
    assert [note.status for note in recorder.notes] == [200] * 6, "token, four pages, the count"
    assert found.end.details["membership"] == "all contacts"


def test_a_saved_filter_picks_the_members(sandbox: RunningSandbox) -> None:
    found = read(source(sandbox_settings(sandbox, filter="source=website&groups=3")))
    wanted = [n for n in range(1, CRM.size + 1) if CRM.source(n) == "website" and "3" in CRM.groups(n)]
    assert [int(row[0]) for row in found.rows] == wanted
    assert len(wanted) > 500


def test_a_server_with_smaller_pages_is_read_whole(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "page-cap", n=150)
    assert len(read(source(sandbox_settings(sandbox))).rows) == CRM.size


@pytest.mark.parametrize("action", ["delete", "join", "leave"])
def test_R40_a_list_that_shifts_behind_the_cursor_is_not_believed(
    sandbox: RunningSandbox, action: str
) -> None:
    sandbox.control("oro", "drift", after_pages=1, action=action)
    opened = source(sandbox_settings(sandbox, filter="source=website"))
    with pytest.raises(SourceIncomplete):
        read(opened)
    assert opened.end is None
    assert read(opened).end.rows > 500, "a second try in a quiet moment"


def test_R40_somebody_new_while_reading_is_read(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "drift", after_pages=1, action="insert")
    assert len(read(source(sandbox_settings(sandbox))).rows) == CRM.size + 1


@pytest.mark.parametrize("delta", [1, -1, 400])
def test_R39_a_count_that_lies_stops_the_reading(sandbox: RunningSandbox, delta: int) -> None:
    sandbox.control("oro", "total-lies", delta=delta)
    with pytest.raises(SourceIncomplete):
        read(source(sandbox_settings(sandbox)))


@pytest.mark.parametrize("documents", [True, False])
def test_a_token_that_runs_out_while_reading(
    sandbox: RunningSandbox, recorder: Recorder, documents: bool
) -> None:
    sandbox.control("oro", "switch", name="documents_with_401", value=documents)
    stream = source(sandbox_settings(sandbox), recorder).read(COLUMNS)
    rows = len(next(stream).rows)
    sandbox.control("oro", "expire-tokens")
    rows += sum(len(batch.rows) for batch in stream)
    assert rows == CRM.size
    assert [note.path for note in recorder.notes].count("/oauth2-token") == 2
    assert [note.status for note in recorder.notes].count(401) == 1


@pytest.mark.parametrize("documents", [True, False])
def test_a_token_that_lives_too_short_ends_in_a_refusal(sandbox: RunningSandbox, documents: bool) -> None:
    sandbox.control("oro", "switch", name="documents_with_401", value=documents)
    sandbox.control("oro", "token-lifetime", seconds=0)
    with pytest.raises(CredentialsRefused):
        read(source(sandbox_settings(sandbox)))


def test_a_passing_fault_costs_a_wait_only(sandbox: RunningSandbox, recorder: Recorder) -> None:
    sandbox.control("oro", "fail-next", count=2, status=503, path="/api/contacts", skip=1)
    assert len(read(source(sandbox_settings(sandbox), recorder)).rows) == CRM.size
    assert recorder.slept == [2.0, 5.0]


def test_a_prefix_is_said_in_the_settings(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "switch", name="admin_prefix", value=True)
    with pytest.raises(SourceUnreadable, match="has no contacts") as refused:
        read(source(sandbox_settings(sandbox)))
    assert refused.value.reason == "source-missing"
    assert len(read(source(sandbox_settings(sandbox, prefix="/admin"))).rows) == CRM.size


def test_a_reading_that_is_dropped_leaves_nothing_running(sandbox: RunningSandbox) -> None:
    """Dropped by the garbage collector, in the midst of another running loop."""

    async def dropped() -> None:
        stream = source(sandbox_settings(sandbox)).read(COLUMNS)
        assert await asyncio.to_thread(next, stream)
        del stream
        gc.collect()

    asyncio.run(dropped())


# (b) snapshot


@pytest.mark.parametrize("related", [False, True])
def test_a_snapshot_says_who_and_how_old(sandbox: RunningSandbox, related: bool) -> None:
    sandbox.control("oro", "switch", name="snapshot_relationship", value=related)
    sandbox.control("oro", "clock", set="2026-05-01T06:00:00+00:00")
    sandbox.control("oro", "snapshot", list="3")
    sandbox.control("oro", "clock", set="2026-05-03T06:00:00+00:00")
    gone = next(n for n in range(1, CRM.size) if "3" in CRM.groups(n))
    sandbox.control("oro", "delete", id=gone)
    kept = next(n for n in range(gone + 1, CRM.size) if "3" in CRM.groups(n))
    sandbox.control("oro", "edit", id=kept, attributes={"firstName": "Neu"})
    given = sandbox_settings(
        sandbox, membership="snapshot", snapshot="marketinglistsnapshots?marketingList=3"
    )
    found = read(source(given))
    wanted = [str(n) for n in range(1, CRM.size + 1) if "3" in CRM.groups(n) and n != gone]
    assert [row[0] for row in found.rows] == wanted
    assert found.rows[0][2] == "Neu", "the fields are today's"
    assert [(one.line, one.reason) for one in found.problems] == [(1, "source-contact-gone")]
    assert str(gone) in found.problems[0].text
    assert (found.end.rows, found.end.problems) == (len(wanted), 1)
    assert found.end.details["membership"] == "list snapshot marketinglistsnapshots?marketingList=3"
    assert found.end.details["as of"] == "2026-05-01T06:00:00+00:00"
    shape = source(given).shape()
    assert shape.details["as of"] == "2026-05-01T06:00:00+00:00"
    assert shape.details["people"] == str(len(wanted) + 1)


def test_a_snapshot_that_nobody_enabled_is_told(sandbox: RunningSandbox) -> None:
    given = sandbox_settings(sandbox, membership="snapshot", snapshot="marketinglistsnapshots")
    for work in (lambda: read(source(given)), lambda: source(given).shape()):
        with pytest.raises(SourceUnreadable, match="no marketinglistsnapshots") as refused:
            work()
        assert "api.yml" in refused.value.next


def test_contacts_come_in_smaller_answers_if_the_server_wants(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "snapshot", list="3")
    sandbox.control("oro", "page-cap", n=30)
    given = sandbox_settings(sandbox, membership="snapshot", snapshot="marketinglistsnapshots")
    members = sum("3" in CRM.groups(n) for n in range(1, CRM.size + 1))
    assert len(read(source(given)).rows) == members


# (c) grid


def test_a_grid_alone_needs_no_request(tmp_path: Path, recorder: Recorder) -> None:
    grid(tmp_path, [{"id": "7", "primaryEmail": "eva@example.org", "firstName": "Eva"}])
    given = settings(folder=tmp_path, membership="grid", grid="grid.csv")
    found = read(source(given, recorder))
    assert found.rows == [("7", "eva@example.org", "Eva")]
    assert found.lines == [2]
    assert recorder.notes == []
    assert found.end.details["membership"] == "grid export grid.csv"
    assert found.end.details["encoding"] == "utf-8"
    assert found.end.as_of is not None


def test_a_grid_is_joined_by_the_contacts_id(
    sandbox: RunningSandbox, tmp_path: Path, recorder: Recorder
) -> None:
    numbers = [*range(40, 300), 99_999]
    grid(tmp_path, [{"Id": str(n), "First name": f"Grid {n}"} for n in numbers])
    given = sandbox_settings(sandbox, tmp_path, membership="grid", grid="grid.csv")
    found = read(source(given, recorder), ("id", "primaryEmail", "First name", "memberNumber"))
    assert found.rows[0] == ("40", CRM.email(40), "Grid 40", CRM.contact(40).attributes["memberNumber"])
    assert len(found.rows) == 260
    assert [(one.line, one.reason) for one in found.problems] == [(262, "source-contact-gone")]
    assert len(recorder.notes) == 1 + 2 + 1, "the token, and a hundred contacts an answer"


def test_a_grid_without_ids_is_joined_by_the_address(sandbox: RunningSandbox, tmp_path: Path) -> None:
    shared = CRM.email(CRM.size - 2)
    rows = [{"Email": CRM.email(n)} for n in (5, 6)]
    rows += [{"Email": shared}, {"Email": "nobody@example.org"}, {"Email": ""}, {"Email": "a,b@example.org"}]
    grid(tmp_path, rows)
    given = sandbox_settings(sandbox, tmp_path, membership="grid", grid="grid.csv", email="Email")
    found = read(source(given), ("Email", "firstName"))
    assert found.rows == [(CRM.email(n), CRM.contact(n).attributes["firstName"]) for n in (5, 6)]
    assert [(one.line, one.reason) for one in found.problems] == [
        (4, "source-contact-unclear"),
        (5, "source-contact-gone"),
        (6, "source-contact-gone"),
        (7, "source-contact-gone"),
    ]


def test_a_grid_that_cannot_be_joined_is_told(sandbox: RunningSandbox, tmp_path: Path) -> None:
    grid(tmp_path, [{"Name": "Eva"}])
    given = sandbox_settings(sandbox, tmp_path, membership="grid", grid="grid.csv")
    with pytest.raises(SourceUnreadable, match="neither the contact's id nor") as refused:
        read(source(given))
    assert refused.value.reason == "source-column-missing"


def test_problems_of_the_file_are_rows_problems_too(sandbox: RunningSandbox, tmp_path: Path) -> None:
    grid(tmp_path, [{"Id": "5", "Name": "x"}])
    with (tmp_path / "grid.csv").open("a") as file:
        file.write("6,torn,row\n")
    given = sandbox_settings(sandbox, tmp_path, membership="grid", grid="grid.csv")
    found = read(source(given), ("id", "primaryEmail"))
    assert [(one.line, one.reason) for one in found.problems] == [(3, "ragged-row")]
    assert found.rows == [("5", CRM.email(5))]


def test_a_grid_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        read(source(settings(folder=tmp_path, membership="grid", grid="nowhere.csv")))
    assert refused.value.reason == "source-missing"


# Shape


def test_the_shape_lists_plain_attributes(sandbox: RunningSandbox) -> None:
    shape = source(sandbox_settings(sandbox, filter="groups=2")).shape()
    assert shape.columns[:3] == ("id", "firstName", "lastName")
    assert {"lifetimeValue", "newsletterOptOut", "updatedAt"} < set(shape.columns)
    assert not {"emails", "source", "groups"} & set(shape.columns)
    assert (shape.email_columns, shape.id_columns) == (("primaryEmail",), ("id",))
    assert shape.opt_out_columns == ("newsletterOptOut",)
    board = [n for n in range(1, CRM.size + 1) if "2" in CRM.groups(n)]
    assert shape.details == {
        "membership": "filter groups=2",
        "entity": "contacts",
        "people": str(len(board)),
        "as of": NOW.isoformat(timespec="seconds"),
    }
    assert [row[0] for row in shape.sample] == [str(n) for n in board[:10]]
    assert shape.findings == ()


def test_a_filter_that_finds_nobody_still_shows_the_columns(sandbox: RunningSandbox) -> None:
    shape = source(sandbox_settings(sandbox, filter="source=nowhere")).shape()
    assert "primaryEmail" in shape.columns
    assert (shape.sample, shape.details["people"]) == ((), "0")


def test_columns_of_the_settings_that_are_not_there_are_found(sandbox: RunningSandbox) -> None:
    shape = source(sandbox_settings(sandbox, email="primaryMail")).shape()
    assert [(one.reason, one.next) for one in shape.findings] == [
        ("source-column-missing", "Did you mean “primaryEmail”?")
    ]


def test_the_shape_of_a_grid_has_the_apis_columns_too(sandbox: RunningSandbox, tmp_path: Path) -> None:
    grid(tmp_path, [{"Id": "5", "Email": "eva@example.org"}])
    given = sandbox_settings(sandbox, tmp_path, membership="grid", grid="grid.csv", id="Id", email="Email")
    shape = source(given).shape()
    assert shape.columns[:4] == ("Id", "Email", "id", "firstName")
    assert shape.sample[0][:3] == ("5", "eva@example.org", "")
    assert shape.email_columns == ("Email",)
    assert shape.details["membership"] == "grid export grid.csv"


@pytest.mark.parametrize(
    ("order", "error", "reason"),
    [
        (("refuse-client", {"on": True}), CredentialsRefused, "source-key-refused"),
        (
            ("switch", {"name": "filter_updated_at", "value": False}),
            SourceUnreadable,
            "source-filter-refused",
        ),
        (("fail-next", {"count": 9, "body": "drop"}), Unreachable, "unreachable"),
    ],
)
def test_a_check_says_clearly_what_is_wrong(
    sandbox: RunningSandbox, order: tuple[str, dict[str, Any]], error: type[Exception], reason: str
) -> None:
    given = sandbox_settings(sandbox, filter="updatedAt[gte]=2024-01-01T00:00:00Z")
    assert source(given).shape().details["people"] == str(CRM.size)
    sandbox.control("oro", order[0], **order[1])
    if order[0] == "fail-next":
        given = settings("http://127.0.0.1:9")
    with pytest.raises(error) as refused:
        source(given).shape()
    assert getattr(refused.value, "reason", "") == reason
    assert getattr(refused.value, "next", "")


def test_the_registry_opens_it_without_a_wire(sandbox: RunningSandbox) -> None:
    kind = source_kind("oro")
    opened = kind.open(sandbox_settings(sandbox), None)
    assert opened.shape().email_columns == ("primaryEmail",)
    assert kind.open_writable is not None
    assert "firstName" in kind.open_writable(sandbox_settings(sandbox), None).writable()


# Settings


@pytest.mark.parametrize(
    ("options", "reason", "words"),
    [
        ({"membership": "list"}, "settings-value", "membership"),
        ({"membership": "grid"}, "settings-required", "no grid"),
        ({"membership": "snapshot"}, "settings-required", "no snapshot"),
        ({"entity": "contacts/1"}, "settings-value", "entity"),
        ({"prefix": "/../x"}, "settings-value", "prefix"),
        ({"filter": "source"}, "settings-value", "filter"),
        ({"filter": "id[gt]=5"}, "settings-value", "other than id"),
        ({"filter": "page[size]x=5"}, "settings-value", "filter"),
        ({"client_id": ""}, "settings-required", "no client_id"),
        ({"client_secret": ""}, "key-missing", "no client_secret"),
        ({"base_url": "http://crm.example.org"}, "url-not-allowed", "clear text"),
        ({"base_url": "ftp://crm.example.org"}, "url-not-allowed", "https"),
    ],
)
def test_settings_are_checked_before_the_first_request(
    options: dict[str, str], reason: str, words: str
) -> None:
    for work in (lambda opened: opened.shape(), lambda opened: list(opened.read(COLUMNS))):
        with pytest.raises((SourceUnreadable, Unreachable), match=words) as refused:
            work(source(settings(**options)))  # type: ignore[arg-type]
        assert refused.value.reason == reason
        assert refused.value.next


def test_filters_may_be_written_as_the_api_writes_them() -> None:
    from adapters.sources.oro.place import place_of

    place = place_of(settings(filter="filter[source]=a b&filter[updatedAt][gte]=2026-01-01&groups=1,2"))
    assert place.filters == {
        "filter[source]": "a b",
        "filter[updatedAt][gte]": "2026-01-01",
        "filter[groups]": "1,2",
    }
