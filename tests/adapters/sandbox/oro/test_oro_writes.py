"""Changing and creating contacts in the rehearsed CRM, what is refused, and what the ledger learns."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.oro.control import FIELDS
from adapters.sandbox.oro.switches import Switches
from adapters.sandbox.vendor import ControlError
from tests.adapters.sandbox.oro.crm_desk import CrmDesk


def errors(answer: Any) -> list[tuple[str, str]]:
    """Pointer and title of each error."""
    return [
        (error.get("source", {}).get("pointer", ""), error["title"])
        for error in json.loads(answer.body)["errors"]
    ]


def test_a_change_answers_with_the_contact_and_reaches_the_ledger(crm: CrmDesk) -> None:
    email = crm.get("/api/contacts/3")["data"]["attributes"]["primaryEmail"]
    answer = crm.change(3, {"firstName": "Neu", "newsletterOptOut": True})
    data = json.loads(answer.body)["data"]
    assert (answer.status, data["attributes"]["firstName"]) == (200, "Neu")
    assert data["attributes"]["updatedAt"] == "2026-06-01T08:00:00Z"
    assert [op.row() for op in answer.ops] == [{"email": email, "status": None, "ok": True, "kind": "change"}]
    assert crm.crm.state(None)[email] == "opted-out"


def test_a_new_address_becomes_the_first_of_all(crm: CrmDesk) -> None:
    before = crm.get("/api/contacts/3")["data"]["attributes"]["primaryEmail"]
    answer = crm.change(3, {"primaryEmail": "moved@example.org"})
    assert json.loads(answer.body)["data"]["attributes"]["emails"] == [
        {"email": "moved@example.org"},
        {"email": before},
    ]
    assert (answer.ops[0].email, answer.ops[0].kind) == ("moved@example.org", "address")


@pytest.mark.parametrize(
    ("attributes", "pointer", "title"),
    [
        ({"nonsense": "x"}, "/data/attributes/nonsense", "extra fields constraint"),
        ({"lifetimeValue": 3}, "/data/attributes/lifetimeValue", "extra fields constraint"),
        ({"updatedAt": "2026-01-01"}, "/data/attributes/updatedAt", "extra fields constraint"),
        ({"primaryEmail": "no address"}, "/data/attributes/primaryEmail", "email constraint"),
        ({"newsletterOptOut": "yes"}, "/data/attributes/newsletterOptOut", "type constraint"),
        ({"gender": "x"}, "/data/attributes/gender", "choice constraint"),
        ({"firstName": "x" * 256}, "/data/attributes/firstName", "length constraint"),
        ({"emails": ["a@example.org"]}, "/data/attributes/emails", "email constraint"),
    ],
)
def test_a_bad_value_changes_nothing(
    crm: CrmDesk, attributes: dict[str, Any], pointer: str, title: str
) -> None:
    before = crm.get("/api/contacts/3")
    answer = crm.change(3, {"lastName": "Anders", **attributes})
    assert (answer.status, errors(answer)) == (400, [(pointer, title)])
    assert [op.ok for op in answer.ops] == [False]
    assert crm.get("/api/contacts/3") == before


def test_type_id_and_media_type_must_fit(crm: CrmDesk) -> None:
    assert crm.change(3, {}, type="leads").status == 409
    assert crm.change(3, {}, id="4").status == 409
    assert crm.change(9999, {}).status == 404
    plain = {"content-type": "application/json"}
    body = {"data": {"type": "contacts", "id": "3", "attributes": {}}}
    assert crm.raw("PATCH", "/api/contacts/3", body, plain).status == 415
    odd_bodies: tuple[object, ...] = (
        *(None, [], {"data": []}),
        {"data": {"type": "contacts", "id": "3", "attributes": 7}},
    )
    for odd in odd_bodies:
        assert crm.raw("PATCH", "/api/contacts/3", odd).status == 400


def test_a_new_contact_gets_the_next_id(crm: CrmDesk) -> None:
    answer = crm.create(firstName="Eva", primaryEmail="eva@example.org")
    assert (answer.status, json.loads(answer.body)["data"]["id"]) == (201, "223")
    assert [op.row() for op in answer.ops] == [
        {"email": "eva@example.org", "status": None, "ok": True, "kind": "add"}
    ]
    assert crm.ids("/api/contacts?filter[emails]=eva@example.org") == [223]


def test_a_new_contact_needs_a_name_unless_switched(crm: CrmDesk) -> None:
    answer = crm.create(primaryEmail="eva@example.org")
    assert errors(answer) == [
        ("/data/attributes/firstName", "not blank constraint"),
        ("/data/attributes/lastName", "not blank constraint"),
    ]
    assert crm.crm.book.next_id == 223
    assert crm.create(lastName="Muster").status == 201
    crm.control("switch", name="name_required", value=False)
    assert crm.create(primaryEmail="eva@example.org").status == 201
    assert crm.create().status == 400


def test_writes_of_one_contact_can_be_refused(crm: CrmDesk) -> None:
    crm.control("refuse-writes", id=3, status=403, detail="You may not edit this contact.")
    assert json.loads(crm.change(3, {"firstName": "x"}).body)["errors"] == [
        {"status": "403", "title": "rehearsed", "detail": "You may not edit this contact."}
    ]
    assert crm.change(4, {"firstName": "x"}).status == 200
    crm.control("refuse-writes", id=3, status=0)
    assert crm.change(3, {"firstName": "x"}).status == 200


def test_people_edit_add_and_delete(crm: CrmDesk) -> None:
    made = crm.crm.control(
        "add", {"attributes": {"firstName": "Eva", "primaryEmail": "eva@example.org"}, "groups": ["1", "3"]}
    )
    assert made.events == [("add", "eva@example.org", "contact")]
    assert "eva@example.org" in crm.crm.state("3")
    crm.control("edit", email="EVA@example.org", source="website", groups=["1"])
    assert "eva@example.org" not in crm.crm.state("3")
    assert 223 in crm.ids("/api/contacts?filter[source]=website&page[size]=-1")
    crm.control("delete", email="eva@example.org")
    assert crm.refused("/api/contacts/223")["status"] == "404"


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("edit", {}, "email .* or id"),
        ("edit", {"email": "nobody@example.org"}, "nobody in the CRM"),
        ("edit", {"id": 9999}, "no contact 9999"),
        ("edit", {"id": 3, "groups": ["9"]}, "groups is a list of 1, 2, 3"),
        ("edit", {"id": 3, "attributes": {"x": 1}}, "edit refused"),
        ("add", {"attributes": 3}, "attributes is an object"),
        ("compute", {"id": 3, "value": "x"}, "value is a number"),
        ("drift", {"action": "x"}, "insert, delete, join, leave"),
        ("snapshot", {"list": "9"}, "no list '9'"),
        ("switch", {"name": "x", "value": True}, "no switch 'x'"),
        ("nonsense", {}, "no verb 'nonsense'"),
        ("reset", {"x": 1}, "reset does not take x"),
    ],
)
def test_a_wrong_order_names_what_would_be_right(
    crm: CrmDesk, verb: str, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ControlError, match=words):
        crm.crm.control(verb, arguments)


def test_what_never_reached_a_handler_is_in_the_ledger_too(crm: CrmDesk) -> None:
    crm.control("expire-tokens")
    refused = crm.change(3, {"primaryEmail": "moved@example.org"})
    assert [(op.email, op.ok, op.kind) for op in refused.ops] == [("moved@example.org", False, "address")]
    assert crm.create(primaryEmail="eva@example.org").ops[0].row()["ok"] is False
    assert crm.raw("PATCH", "/api/contacts/3", [1]).ops[0].kind == "change"
    assert crm.raw("GET", "/api/contacts").ops == []


def test_every_verb_and_switch_is_in_the_docs() -> None:
    page = (Path(__file__).parents[4] / "docs" / "oro.md").read_text(encoding="utf-8")
    rows = [f"| `{verb}` |" for verb in FIELDS]
    rows += [f"| `{one.name}` | {str(one.default).lower()} |" for one in fields(Switches)]
    assert len(rows) > 20
    assert not [row for row in rows if row not in page]
