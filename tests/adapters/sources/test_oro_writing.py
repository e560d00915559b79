"""Writing back into the CRM: conflicts, refusals, silence, creations (R47, dotdigital contract)."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters.provider import CredentialsRefused, RightsMissing, Unreachable, WriteRefused
from adapters.sandbox.oro import Population
from adapters.sandbox.running import RunningSandbox
from adapters.source import SourceIncomplete
from adapters.source_writing import SourceAddition, SourceChange, SourceResult
from state.model import Outcome
from tests.adapters.sources.conftest import CONTACTS
from tests.adapters.sources.oro_crm import (
    BASE,
    TOKEN,
    contact,
    page,
    problem,
    read,
    sandbox_settings,
    settings,
    source,
    writing,
)
from tests.adapters.wires import Recorder

CRM = Population(1, CONTACTS)
ORIGIN = "dotdigital verein"


def first_name(number: int) -> str:
    return str(CRM.contact(number).attributes["firstName"])


def change(number: int, expected: dict[str, str] | None = None, **fields: str) -> SourceChange:
    return SourceChange(str(number), fields, {} if expected is None else expected)


def told(results: list[SourceResult]) -> list[tuple[str, str, str]]:
    return [(one.source_id, one.outcome.value, one.reason) for one in results]


def writes(sandbox: RunningSandbox, since: int = 0) -> list[dict[str, Any]]:
    """Writing requests on contacts that the sandbox saw."""
    return [
        row
        for row in sandbox.ledger_rows()[since:]
        if row.get("vendor") == "oro" and row.get("method") in ("PATCH", "POST") and "contacts" in row["path"]
    ]


# Over real HTTP


def test_a_change_is_written_and_read_again(sandbox: RunningSandbox, recorder: Recorder) -> None:
    before = len(sandbox.ledger_rows())
    given = sandbox_settings(sandbox)
    changes = [
        change(3, {"firstName": first_name(3)}, firstName="Neu", newsletterOptOut="true"),
        change(4, firstName="Auch neu", jobTitle=""),
    ]
    results = list(writing(given, recorder).write(changes, ORIGIN))
    assert told(results) == [("3", "sent", "written-back"), ("4", "sent", "written-back")]
    assert [one.email for one in results] == [CRM.email(3), CRM.email(4)]
    rows = read(source(given), ("id", "firstName", "newsletterOptOut", "jobTitle")).rows
    assert rows[2:4] == [("3", "Neu", "true", ""), ("4", "Auch neu", "false", "")]
    assert [row["ops"][0]["kind"] for row in writes(sandbox, before)] == ["change", "change"]
    patches = [note for note in recorder.notes if note.method == "PATCH"]
    assert [note.note for note in patches] == [f"(origin: {ORIGIN})"] * 2
    assert {note.path for note in patches} == {"/api/{entity}/{id}"}


def test_R47_what_was_written_is_not_written_again(sandbox: RunningSandbox) -> None:
    given = sandbox_settings(sandbox)
    news = [change(3, {"firstName": first_name(3)}, firstName="Neu")]
    assert told(list(writing(given).write(news, ORIGIN))) == [("3", "sent", "written-back")]
    before = len(sandbox.ledger_rows())
    for expected in ({"firstName": first_name(3)}, {"firstName": "Neu"}, {}):
        again = [change(3, expected, firstName="Neu")]
        assert told(list(writing(given).write(again, ORIGIN))) == [("3", "withheld", "no-longer-needed")]
    assert writes(sandbox, before) == []


def test_a_value_that_changed_meanwhile_stays(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "edit", id=3, attributes={"firstName": "By a person"})
    given = sandbox_settings(sandbox)
    news = [change(3, {"firstName": first_name(3), "lastName": "x"}, firstName="Neu", gender="male")]
    results = list(writing(given).write(news, ORIGIN))
    assert told(results) == [("3", "withheld", "source-changed-meanwhile")]
    assert results[0].raw == "firstName"
    assert read(source(given), ("firstName",)).rows[2] == ("By a person",)


def test_what_cannot_be_written_is_told_for_each_contact(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "delete", id=5)
    sandbox.control("oro", "refuse-writes", id=6, status=403, detail="Not yours.")
    sandbox.control("oro", "refuse-writes", id=7, status=409, detail="Locked.")
    given = sandbox_settings(sandbox, computed="lifetimeValue")
    changes = [
        change(5, firstName="x"),
        change(6, firstName="x"),
        change(7, firstName="x"),
        change(8, lifetimeValue="3"),
        change(9, updatedAt="2026-01-01"),
        change(10, nonsense="x"),
        change(11, newsletterOptOut="perhaps"),
        change(12, gender="neither"),
        SourceChange("eva@example.org", {"firstName": "x"}, {}, "eva@example.org"),
        change(13, firstName="Neu"),
    ]
    results = list(writing(given).write(changes, ORIGIN))
    assert told(results) == [
        ("5", "withheld", "source-contact-gone"),
        ("6", "rejected", "rights-missing"),
        ("7", "rejected", "source-refused"),
        ("8", "rejected", "source-field-computed"),
        ("9", "rejected", "source-field-computed"),
        ("10", "rejected", "source-column-missing"),
        ("11", "rejected", "source-refused"),
        ("12", "rejected", "source-refused"),
        ("eva@example.org", "rejected", "source-contact-gone"),
        ("13", "sent", "written-back"),
    ]
    assert results[1].raw == "Not yours."
    assert "not a valid choice" in results[7].raw
    assert results[8].email == "eva@example.org"


def test_numbers_stay_numbers(sandbox: RunningSandbox) -> None:
    """The CRM refuses the computed number here, and shows by that in which form it came."""
    before = len(sandbox.ledger_rows())
    results = list(writing(sandbox_settings(sandbox)).write([change(3, lifetimeValue="12.5")], ORIGIN))
    assert told(results) == [("3", "rejected", "source-refused")]
    assert "lifetimeValue" in results[0].raw
    assert [row["code"] for row in writes(sandbox, before)] == [400]


@pytest.mark.parametrize(
    ("body", "requests"),
    [("drop", 2), ("drop-after", 1), ("truncate", 1)],
)
def test_silence_is_read_back_before_anything_is_sent_again(
    sandbox: RunningSandbox, body: str, requests: int
) -> None:
    sandbox.control("oro", "fail-next", body=body, method="PATCH")
    given = sandbox_settings(sandbox)
    before = len(sandbox.ledger_rows())
    results = list(writing(given).write([change(3, firstName="Neu")], ORIGIN))
    # Dropped before it was applied: sent again. Applied and lost: found, and not sent again.
    reason = "written-back" if body == "drop" else "found-on-reading"
    assert told(results) == [("3", "sent", reason)]
    assert len(writes(sandbox, before)) == requests
    assert read(source(given), ("firstName",)).rows[2] == ("Neu",)


def test_lasting_silence_is_unknown(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "fail-next", count=9, body="drop", method="PATCH")
    before = len(sandbox.ledger_rows())
    results = list(writing(sandbox_settings(sandbox)).write([change(3, firstName="Neu")], ORIGIN))
    assert told(results) == [("3", "unknown", "no-answer")]
    assert len(writes(sandbox, before)) == 2


def test_a_creation_needs_a_name_and_a_new_address(sandbox: RunningSandbox) -> None:
    given = sandbox_settings(sandbox)
    additions = [
        SourceAddition("eva@example.org", {"firstName": "Eva", "lastName": ""}),
        SourceAddition("EVA@example.org", {"firstName": "Eva"}),
        SourceAddition(CRM.email(20), {"firstName": "x"}),
        SourceAddition(f"privat.{CRM.email(20).lower()}", {"firstName": "x"}),
        SourceAddition("tom@example.org", {"firstName": " "}),
        SourceAddition("no address", {"firstName": "x"}),
        SourceAddition("a,b@example.org", {"firstName": "x"}),
        SourceAddition("uli@example.org", {"firstName": "x", "createdAt": "x"}),
        SourceAddition("ute@example.org", {"firstName": "x", "nonsense": "x"}),
    ]
    writer = writing(given)
    results = list(writer.create(additions, ORIGIN))
    new = str(CRM.size + 1)
    assert told(results) == [
        (new, "sent", "created-in-source"),
        (new, "withheld", "source-has-person"),
        ("20", "withheld", "source-has-person"),
        ("20", "withheld", "source-has-person"),
        ("", "rejected", "source-field-required"),
        ("", "rejected", "address-malformed"),
        ("", "rejected", "address-malformed"),
        ("", "rejected", "source-field-computed"),
        ("", "rejected", "source-refused"),
    ]
    assert read(source(given)).rows[-1] == (new, "eva@example.org", "Eva")
    assert writer.required() == ("firstName", "lastName")


@pytest.mark.parametrize("ignores_case", [False, True])
def test_nobody_is_created_again_for_other_letters(sandbox: RunningSandbox, ignores_case: bool) -> None:
    sandbox.control("oro", "switch", name="search_ignores_case", value=ignores_case)
    primary, both = (
        sandbox.control("oro", "add", attributes=attributes, groups=[])["id"]
        for attributes in (
            {"firstName": "Mia", "primaryEmail": "Mia.Moll@Example.org"},
            {
                "firstName": "Uwe",
                "primaryEmail": "uwe@example.org",
                "emails": [{"email": "uwe@example.org"}, {"email": "U.Büro@Böhm.example.org"}],
            },
        )
    )
    additions = [
        SourceAddition("mia.moll@example.org", {"firstName": "Mia"}),
        SourceAddition("u.büro@xn--bhm-sna.example.org", {"firstName": "Uwe"}),
        SourceAddition("Eva@Example.org", {"firstName": "Eva"}),
        SourceAddition("EVA@example.org", {"firstName": "Eva"}),
    ]
    before = len(sandbox.ledger_rows())
    new = str(CRM.size + 3)
    assert told(list(writing(sandbox_settings(sandbox)).create(additions, ORIGIN))) == [
        (str(primary), "withheld", "source-has-person"),
        (str(both), "withheld", "source-has-person"),
        (new, "sent", "created-in-source"),
        (new, "withheld", "source-has-person"),
    ]
    assert len(writes(sandbox, before)) == 1


def test_all_contacts_are_read_once_and_then_who_came_since(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    writer = writing(sandbox_settings(sandbox), recorder)
    eva, mia = (SourceAddition(f"{name}@example.org", {"firstName": name}) for name in ("eva", "mia"))
    assert [one.outcome for one in writer.create([eva], ORIGIN)] == [Outcome.SENT]
    whole = len([note for note in recorder.notes if note.path == "/api/{entity}"])
    sandbox.control("oro", "add", attributes={"firstName": "Mia", "primaryEmail": "MIA@example.org"})
    assert told(list(writer.create([mia], ORIGIN))) == [(str(CRM.size + 2), "withheld", "source-has-person")]
    assert whole > 3
    assert len([note for note in recorder.notes if note.path == "/api/{entity}"]) == whole + 1


def test_nobody_is_created_while_the_contacts_are_not_proven_whole(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "total-lies", delta=1)
    before = len(sandbox.ledger_rows())
    with pytest.raises(SourceIncomplete):
        list(
            writing(sandbox_settings(sandbox)).create(
                [SourceAddition("eva@example.org", {"firstName": "E"})], ORIGIN
            )
        )
    assert writes(sandbox, before) == []


def test_contacts_that_somebody_works_on_are_read_again(sandbox: RunningSandbox) -> None:
    sandbox.control("oro", "drift", after_pages=1, action="delete")
    addition = SourceAddition("eva@example.org", {"firstName": "Eva"})
    assert [one.outcome for one in writing(sandbox_settings(sandbox)).create([addition], ORIGIN)] == [
        Outcome.SENT
    ]


@pytest.mark.parametrize("body", ["drop", "drop-after", "html"])
def test_a_creation_is_never_sent_twice(sandbox: RunningSandbox, body: str) -> None:
    sandbox.control("oro", "fail-next", body=body, method="POST", path="contacts")
    before = len(sandbox.ledger_rows())
    addition = SourceAddition("eva@example.org", {"firstName": "Eva"})
    results = list(writing(sandbox_settings(sandbox)).create([addition], ORIGIN))
    if body != "drop-after":
        assert told(results) == [("", "unknown", "no-answer")]
    else:
        assert told(results) == [(str(CRM.size + 1), "sent", "found-on-reading")]
    assert len(writes(sandbox, before)) == 1


def test_addresses_are_looked_for_in_the_primary_one_if_that_is_all_there_is(
    sandbox: RunningSandbox,
) -> None:
    sandbox.control("oro", "switch", name="filter_emails", value=False)
    writer = writing(sandbox_settings(sandbox))
    known = SourceAddition(CRM.email(20), {"firstName": "x"})
    assert told(list(writer.create([known], ORIGIN))) == [("20", "withheld", "source-has-person")]


def test_which_columns_may_be_written(sandbox: RunningSandbox) -> None:
    writer = writing(sandbox_settings(sandbox, computed="lifetimeValue, ,score"))
    assert {"lifetimeValue", "score", "updatedAt", "createdAt"} < set(writer.computed())
    assert not {"id", "lifetimeValue", "createdAt", "updatedAt"} & set(writer.writable())
    assert {"firstName", "primaryEmail", "newsletterOptOut"} < set(writer.writable())
    assert writing(sandbox_settings(sandbox, entity="customers")).required() == ("name",)


def test_law_7_nothing_is_written_over_a_read_only_wire(sandbox: RunningSandbox) -> None:
    before = len(sandbox.ledger_rows())
    writer = writing(sandbox_settings(sandbox), read_only=True)
    with pytest.raises(WriteRefused):
        list(writer.write([change(3, firstName="Neu")], ORIGIN))
    with pytest.raises(WriteRefused):
        list(writer.create([SourceAddition("eva@example.org", {"firstName": "Eva"})], ORIGIN))
    assert writes(sandbox, before) == []


def test_a_token_that_ran_out_is_replaced_while_writing(sandbox: RunningSandbox) -> None:
    stream = writing(sandbox_settings(sandbox)).write(
        [change(3, firstName="Neu"), change(4, firstName="Neu")], ORIGIN
    )
    assert next(stream).outcome is Outcome.SENT
    sandbox.control("oro", "expire-tokens")
    assert [one.outcome for one in stream] == [Outcome.SENT]


# Exact requests and odd answers


def prepare(httpx_mock: HTTPXMock, **attributes: Any) -> None:
    httpx_mock.add_response(method="POST", url=f"{BASE}/oauth2-token", json=TOKEN)
    httpx_mock.add_response(
        method="GET", url=f"{BASE}/api/contacts/3", **_one(contact(3, **attributes)), is_optional=True
    )


def _one(row: dict[str, Any]) -> dict[str, Any]:
    return {"json": {"data": row}, "headers": {"Content-Type": "application/vnd.api+json"}}


def test_the_request_of_a_change(httpx_mock: HTTPXMock) -> None:
    prepare(httpx_mock, active=True, score=7, nickname="F")
    httpx_mock.add_response(method="PATCH", **_one(contact(3, firstName="Neu", active=False, score=8.5)))
    news = [
        change(3, firstName="Neu", active="false", score="8.5", nickname="", primaryEmail="p3@example.org")
    ]
    assert told(list(writing(settings()).write(news, ORIGIN))) == [("3", "sent", "written-back")]
    sent = httpx_mock.get_requests()[-1]
    assert (sent.method, str(sent.url)) == ("PATCH", f"{BASE}/api/contacts/3")
    assert sent.headers["content-type"] == sent.headers["accept"] == "application/vnd.api+json"
    assert json.loads(sent.content) == {
        "data": {
            "type": "contacts",
            "id": "3",
            "attributes": {"firstName": "Neu", "active": False, "score": 8.5, "nickname": None},
        }
    }


def test_the_requests_of_a_creation(httpx_mock: HTTPXMock) -> None:
    prepare(httpx_mock)
    known = [contact(4, emails=[{"email": "p4@example.org"}]), contact(5, primaryEmail=None, emails=[])]
    httpx_mock.add_response(method="GET", **page(known, 2))
    httpx_mock.add_response(method="GET", **page([], 0))
    httpx_mock.add_response(method="POST", url=f"{BASE}/api/contacts", status_code=201, **_one(contact(9)))
    addition = SourceAddition("Eva@example.org ", {"firstName": "Eva", "jobTitle": ""})
    assert told(list(writing(settings()).create([addition], ORIGIN))) == [("9", "sent", "created-in-source")]
    _, read_before, asked, sent = httpx_mock.get_requests()
    assert dict(read_before.url.params) == {
        "fields[contacts]": "primaryEmail,emails",
        "filter[id][gt]": "0",
        "page[size]": "500",
        "sort": "id",
    }
    assert asked.url.params["filter[emails]"] == "Eva@example.org,eva@example.org"
    assert json.loads(sent.content) == {
        "data": {
            "type": "contacts",
            "attributes": {"firstName": "Eva", "primaryEmail": "Eva@example.org"},
        }
    }


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        ({"status_code": 204}, "sent", "written-back"),
        (_one(contact(3, firstName="NEU")), "sent", "written-back"),
        (_one(contact(3)), "unknown", "not-shown"),
        ({"status_code": 200, "html": "<h1>ok</h1>"}, "unknown", "answer-not-understood"),
        ({"status_code": 418, "json": {}}, "unknown", "answer-not-understood"),
        (problem(404, "not found http exception"), "withheld", "source-contact-gone"),
        (problem(422, "x"), "rejected", "source-refused"),
    ],
)
def test_what_a_change_may_be_answered(
    httpx_mock: HTTPXMock, answer: dict[str, Any], outcome: str, reason: str
) -> None:
    prepare(httpx_mock)
    httpx_mock.add_response(method="PATCH", **answer)
    results = list(writing(settings()).write([change(3, firstName="Neu")], ORIGIN))
    assert told(results) == [("3", outcome, reason)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(401, "authentication exception"), CredentialsRefused),
        ({"status_code": 401, "html": "<h1>proxy</h1>"}, Unreachable),
    ],
)
def test_what_concerns_all_contacts_ends_the_writing(
    httpx_mock: HTTPXMock, answer: dict[str, Any], error: type[Exception]
) -> None:
    prepare(httpx_mock)
    httpx_mock.add_response(method="POST", url=f"{BASE}/oauth2-token", json=TOKEN)
    httpx_mock.add_response(method="PATCH", **answer, is_reusable=True)
    with pytest.raises(error):
        list(writing(settings()).write([change(3, firstName="Neu"), change(4, firstName="x")], ORIGIN))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_read_back_like_silence(httpx_mock: HTTPXMock, status: int) -> None:
    prepare(httpx_mock)
    httpx_mock.add_response(method="PATCH", status_code=status, html="<h1>trouble</h1>")
    httpx_mock.add_response(method="GET", **_one(contact(3, firstName="Neu")))
    results = list(writing(settings()).write([change(3, firstName="Neu")], ORIGIN))
    assert told(results) == [("3", "sent", "found-on-reading")]


@pytest.mark.parametrize("what", ["gone", "another", "dead"])
def test_what_reading_back_leaves_open_is_unknown(httpx_mock: HTTPXMock, what: str) -> None:
    prepare(httpx_mock)
    httpx_mock.add_exception(httpx.ReadTimeout("silence"), method="PATCH")
    if what == "gone":
        httpx_mock.add_response(method="GET", **problem(404, "not found http exception"))
    elif what == "another":
        httpx_mock.add_response(method="GET", **_one(contact(3, firstName="A person's")))
    else:
        httpx_mock.add_exception(httpx.ConnectError("dead"), method="GET", is_reusable=True)
    results = list(writing(settings()).write([change(3, firstName="Neu")], ORIGIN))
    assert told(results) == [("3", "unknown", "no-answer")]
    assert [one.method for one in httpx_mock.get_requests()].count("PATCH") == 1


def test_a_contact_that_may_not_be_seen_is_told_alone(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=f"{BASE}/oauth2-token", json=TOKEN)
    httpx_mock.add_response(method="GET", **problem(403, "access denied exception", "Not yours."))
    results = list(writing(settings()).write([change(3, firstName="Neu")], ORIGIN))
    assert told(results) == [("3", "rejected", "rights-missing")]


def test_creating_without_the_right_to_look_ends_the_writing(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=f"{BASE}/oauth2-token", json=TOKEN)
    httpx_mock.add_response(method="GET", **problem(403, "access denied exception"))
    addition = SourceAddition("eva@example.org", {"firstName": "Eva"})
    with pytest.raises(RightsMissing):
        list(writing(settings()).create([addition], ORIGIN))


@pytest.mark.parametrize("origin", ["", "web\nhook\x1b[31m", "x" * 500])
def test_the_origin_in_the_log_is_short_and_plain(httpx_mock: HTTPXMock, origin: str) -> None:
    prepare(httpx_mock)
    httpx_mock.add_response(method="PATCH", status_code=204)
    recorder = Recorder()
    list(writing(settings(), recorder).write([change(3, firstName="Neu")], origin))
    note = recorder.notes[-1].note
    assert note.isprintable()
    assert len(note) < 100
    assert bool(note) == bool(origin)
