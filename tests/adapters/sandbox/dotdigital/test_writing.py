"""Writing contacts and data fields (contract §4, §7)."""

from typing import Any

import pytest

from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.dotdigital.book_contacts import MAX_IDS
from adapters.sandbox.dotdigital.front import TOURS_BOOK
from adapters.sandbox.people import person
from tests.adapters.sandbox.dotdigital.desk import Desk

EVA = "eva@example.org"
CONTACTS = f"/address-books/{FIRST_BOOK}/contacts"


def ops(reply: Any) -> list[tuple[str, str, bool]]:
    return [(op.email, op.kind, op.ok) for op in reply.ops]


# Contacts


def test_post_creates_then_updates_what_is_named(desk: Desk) -> None:
    body = {
        "Email": "Eva@Example.org",
        "OptInType": "single",
        "EmailType": "PlainText",
        "DataFields": [{"Key": "firstname", "Value": "Eva"}, {"Key": "CLUB", "Value": "Bern"}],
    }
    made = desk.call("POST", "/contacts", body)
    assert made.status == 201
    assert (made.body["email"], made.body["optInType"], made.body["emailType"]) == (
        EVA,
        "Single",
        "PlainText",
    )
    assert ops(made) == [("Eva@Example.org", "add", True)]
    updated = desk.call("POST", "/contacts", {"email": EVA, "dataFields": [{"key": "CLUB", "value": None}]})
    assert (updated.status, updated.body["id"]) == (200, made.body["id"])
    assert ops(updated) == [(EVA, "change", True)]
    values = desk.values(EVA)
    assert (values["FIRSTNAME"], values["CLUB"]) == ("Eva", None), "fields not named stay, null clears"
    assert desk.contact(EVA)["optInType"] == "Single"
    assert EVA not in desk.state(), "of the account, of no book"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "nonsense"}, "ERROR_INVALID_EMAIL"),
        ({}, "ERROR_INVALID_EMAIL"),
        ([], "ERROR_CONTACT_INVALID"),
        (b"{", "ERROR_CONTACT_INVALID"),
        ({"email": EVA, "optInType": "Maybe"}, "ERROR_CONTACT_INVALID"),
        ({"email": EVA, "dataFields": {"CLUB": "x"}}, "ERROR_CONTACT_INVALID"),
        ({"email": EVA, "dataFields": [{"key": 1}]}, "ERROR_CONTACT_INVALID"),
        ({"email": EVA, "dataFields": [{"key": "NONE", "value": 1}]}, "ERROR_DATAFIELD_NOTFOUND"),
        ({"email": EVA, "dataFields": [{"key": "DONATIONS", "value": "much"}]}, "ERROR_DATAFIELD_INVALID"),
        ({"email": EVA, "dataFields": [{"key": "BOARD", "value": "maybe"}]}, "ERROR_DATAFIELD_INVALID"),
        ({"email": EVA, "dataFields": [{"key": "MEMBERSINCE", "value": "soon"}]}, "ERROR_DATAFIELD_INVALID"),
        ({"email": EVA, "dataFields": [{"key": "CLUB", "value": "x" * 1001}]}, "ERROR_DATAFIELD_INVALID"),
    ],
)
@pytest.mark.parametrize("path", ["/contacts", CONTACTS])
def test_bodies_that_are_refused_change_nothing(desk: Desk, path: str, body: Any, code: str) -> None:
    count = desk.get("/contacts/count")
    assert desk.call("POST", path, body).code == code
    assert desk.get("/contacts/count") == count


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("DONATIONS", "12.50", 12.5),
        ("DONATIONS", 7, 7),
        ("DONATIONS", "", None),
        ("BOARD", "Yes", True),
        ("BOARD", 0, False),
        ("MEMBERSINCE", "2019-04-01", "2019-04-01T00:00:00"),
        ("MEMBERSINCE", "01/04/2019", "2019-04-01T00:00:00"),
        ("MEMBERSINCE", "2019-04-01T10:20:30Z", "2019-04-01T10:20:30"),
        ("CLUB", "Zürich, Höngg", "Zürich, Höngg"),
    ],
)
def test_values_take_their_fields_type(desk: Desk, name: str, sent: Any, kept: Any) -> None:
    assert desk.add(EVA, **{name: sent}).status == 200
    assert desk.values(EVA)[name] == kept


def test_adding_to_a_book_and_taking_out_of_it(desk: Desk) -> None:
    added = desk.add(EVA)
    assert (added.status, ops(added)) == (200, [(EVA, "add", True)])
    assert ops(desk.add(EVA)) == [(EVA, "change", True)]
    removed = desk.call("DELETE", f"{CONTACTS}/{added.body['id']}")
    assert (removed.status, ops(removed)) == (204, [(EVA, "remove", True)])
    again = desk.call("DELETE", f"{CONTACTS}/{added.body['id']}")
    assert (again.code, ops(again)) == ("ERROR_CONTACT_NOT_FOUND", [(EVA, "remove", False)])
    assert desk.contact(EVA)["status"] == "Subscribed"
    assert ops(desk.add(EVA)) == [(EVA, "add", True)], "removal is no suppression"


def test_a_contact_can_be_sent_back_as_it_was_got(desk: Desk) -> None:
    """As public clients do: the two fields that no list names are in it."""
    desk.add(EVA, NOTES="Ehrenmitglied", CLUB="Bern")
    contact = desk.contact(EVA)
    for method, path in (("POST", "/contacts"), ("POST", CONTACTS), ("PUT", f"/contacts/{contact['id']}")):
        assert desk.call(method, path, contact).body["dataFields"] == contact["dataFields"]
    desk.load([f"{EVA},Vorstand,2020-01-01"], "email,notes,LASTSUBSCRIBED")
    values = desk.values(EVA)
    assert (values["NOTES"], values["LASTSUBSCRIBED"][:4]) == ("Vorstand", "2026")
    assert "NOTES" not in [field["name"] for field in desk.get("/data-fields")]


def test_change_by_id_also_of_the_address(desk: Desk) -> None:
    contact = desk.add(EVA, CLUB="Bern").body
    changed = desk.call("PUT", f"/contacts/{contact['id']}", {"email": "Eva.Neu@example.org"})
    assert (changed.body["id"], changed.body["email"]) == (contact["id"], "eva.neu@example.org")
    assert ops(changed) == [("Eva.Neu@example.org", "address", True)]
    assert desk.call("GET", f"/contacts/{EVA}").status == 404
    assert desk.values("eva.neu@example.org")["CLUB"] == "Bern"
    assert "eva.neu@example.org" in desk.state()
    taken = desk.call("PUT", f"/contacts/{contact['id']}", {"email": person(1, 0).email})
    assert (taken.code, ops(taken)[0][2]) == ("ERROR_CONTACT_INVALID", False)
    # A seeded contact under another address is no longer found by its old one.
    seeded = desk.contact(person(1, 0).email)
    desk.call("PUT", f"/contacts/{seeded['id']}", {"email": "anders@example.org"})
    assert desk.call("GET", f"/contacts/{person(1, 0).email}").status == 404
    assert desk.add(person(1, 0).email).body["id"] > contact["id"]


def test_deleting_from_the_account_leaves_no_suppression(desk: Desk) -> None:
    first = desk.add(EVA).body["id"]
    deleted = desk.call("DELETE", f"/contacts/{first}")
    assert (deleted.status, ops(deleted)) == (204, [(EVA, "remove", True)])
    assert EVA not in desk.state()
    assert desk.call("GET", f"/contacts/{first}").status == 404
    assert desk.call("DELETE", f"/contacts/{first}").status == 404
    again = desk.add(EVA).body["id"]
    assert again > first, "a stranger again, with a new id"
    assert desk.contact(EVA)["id"] == again


def test_bulk_deletion_from_a_book(desk: Desk) -> None:
    ids = [desk.add(f"p{number}@example.org").body["id"] for number in range(3)]
    started = desk.call("POST", f"{CONTACTS}/delete", [*ids, 5])
    assert started.status == 202
    assert started.body["Status"] == "Started"
    assert ops(started) == [
        *((f"p{n}@example.org", "remove", True) for n in range(3)),
        ("id 5", "remove", False),
    ]
    path = f"/contacts/deletion/{started.body['Id'].upper()}"
    assert [desk.get(path)["Status"] for _ in range(3)] == ["Started", "Completed", "Completed"]
    assert "p0@example.org" not in desk.state()
    assert desk.contact("p0@example.org")["status"] == "Subscribed"
    assert desk.call("GET", "/contacts/deletion/none").status == 404
    assert desk.call("POST", f"{CONTACTS}/delete", {"ids": ids}).code == "ERROR_CONTACT_INVALID"
    many = desk.call("POST", f"{CONTACTS}/delete", list(range(MAX_IDS + 1)))
    assert (many.code, len(many.ops)) == ("ERROR_CONTACT_TOOMANY", MAX_IDS + 1)


@pytest.mark.parametrize(("method", "path", "status"), [("DELETE", "", 204), ("POST", "/delete-all", 202)])
def test_emptying_a_book_rings_in_the_ledger(desk: Desk, method: str, path: str, status: int) -> None:
    size = len(desk.members())
    reply = desk.call(method, f"{CONTACTS}{path}")
    assert (reply.status, reply.note, len(reply.ops)) == (status, {"alarm": "address-book-emptied"}, size)
    assert desk.members() == []
    assert desk.members(book=TOURS_BOOK), "other books keep their people"


# Data fields


def test_the_fields_an_account_begins_with(desk: Desk) -> None:
    fields = desk.get("/data-fields")
    assert [field["name"] for field in fields][:5] == [
        "FIRSTNAME",
        "LASTNAME",
        "FULLNAME",
        "GENDER",
        "POSTCODE",
    ]
    assert {field["type"] for field in fields} == {"String", "Numeric", "Date", "Boolean"}
    by_name = {field["name"]: field for field in fields}
    assert by_name["DONATIONS"]["defaultValue"] == 2.5
    assert by_name["BOARD"]["defaultValue"] is False
    assert by_name["CLUB"] == {"name": "CLUB", "type": "String", "visibility": "Public", "defaultValue": None}


def test_making_and_deleting_a_field_takes_its_values(desk: Desk) -> None:
    body = {"Name": "Section", "Type": "numeric", "Visibility": "Public", "DefaultValue": 1.5}
    made = desk.call("POST", "/data-fields", body)
    expected = {"name": "SECTION", "type": "Numeric", "visibility": "Public", "defaultValue": 1.5}
    assert (made.status, made.body) == (201, expected)
    desk.add(EVA, section=3)
    assert desk.call("DELETE", "/data-fields/section").body == {"result": True, "dependencies": None}
    desk.call("POST", "/data-fields", body)
    assert desk.values(EVA)["SECTION"] is None, "a field of the old name is another field"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "firstname", "type": "String"}, "ERROR_NON_UNIQUE_DATAFIELD"),
        ({"name": "x" * 21, "type": "String"}, "ERROR_DATAFIELD_INVALID"),
        ({"name": "größe", "type": "String"}, "ERROR_DATAFIELD_INVALID"),
        ({"name": "", "type": "String"}, "ERROR_DATAFIELD_INVALID"),
        ({"name": "Notes", "type": "String"}, "ERROR_DATAFIELD_INVALID"),
        ({"name": "OK", "type": "Text"}, "ERROR_DATAFIELD_INVALID"),
        ({"name": "OK", "type": "Numeric", "defaultValue": "many"}, "ERROR_DATAFIELD_INVALID"),
        ({"name": "OK", "type": "String", "visibility": "Hidden"}, "ERROR_DATAFIELD_INVALID"),
    ],
)
def test_fields_that_are_refused(desk: Desk, body: dict[str, Any], code: str) -> None:
    assert desk.call("POST", "/data-fields", body).code == code


def test_there_is_a_limit_of_fields(desk: Desk) -> None:
    made = [
        desk.call("POST", "/data-fields", {"name": f"F{number}", "type": "String"}) for number in range(200)
    ]
    assert made[190].status == 201
    assert made[191].code == "ERROR_DATAFIELD_LIMITEXCEEDED"
    assert len(desk.get("/data-fields")) == 200


def test_fields_that_stay(desk: Desk) -> None:
    used = desk.call("DELETE", "/data-fields/CLUB")
    assert used.body == {"result": False, "dependencies": [{"type": "Campaign", "objectId": 303}]}
    system = desk.call("DELETE", "/data-fields/LASTNAME")
    assert (system.status, "system" in system.body["message"]) == (404, True)
    unknown = desk.call("DELETE", "/data-fields/NONE")
    assert (unknown.status, unknown.code) == (404, "ERROR_DATAFIELD_NOTFOUND")
    assert len(desk.get("/data-fields")) == 9
