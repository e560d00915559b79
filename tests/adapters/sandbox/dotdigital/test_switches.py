"""Everything no source confirms, with both of its sides (contract: every *unconfirmed*)."""

import base64
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from adapters.sandbox.clock import iso
from adapters.sandbox.dotdigital import ALL_BOOK, FIRST_BOOK, TEST_BOOK
from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.people import person
from tests.adapters.sandbox.dotdigital.desk import FOREVER, NOW, Desk

EVA = "eva@example.org"
SINCE = iso(NOW - 60)
BOOK = f"/address-books/{FIRST_BOOK}"

Look = Callable[[Desk], Any]
"""Does something and tells what was seen."""


def loaded(rows: list[str], header: str, look: Look, **made: Any) -> Look:
    """Eva is there, a file is loaded, then `look`."""

    def seen(desk: Desk) -> Any:
        desk.add(EVA, **made)
        reply = desk.post_file(rows, header)
        if reply.status != 202:
            return reply.code
        for _ in range(2):
            desk.get(f"/contacts/import/{reply.body['id']}")
        return look(desk)

    return seen


def last_import(desk: Desk) -> str:
    return list(desk.platform.accounts.get("default").imports)[-1]


def since_exactly(desk: Desk) -> Any:
    desk.clock.set(1_780_300_860.0)
    desk.add(EVA)
    moment = desk.platform.accounts.get("default").roll.find(EVA).modified  # type: ignore[union-attr]
    desk.platform.accounts.get("default").roll.find(EVA).modified = float(int(moment))  # type: ignore[union-attr]
    return len(desk.get(f"/contacts/modified-since/{iso(moment)}"))


def unchanged_joins(desk: Desk) -> Any:
    desk.call("POST", "/contacts", {"email": EVA, "dataFields": [{"key": "CLUB", "value": "Bern"}]})
    desk.clock.advance(3_600)
    since = iso(desk.clock.now() - 60)
    desk.load([f"{EVA},Bern"], "email,CLUB")
    assert desk.state()[EVA] == "Subscribed"
    return len(desk.get(f"{BOOK}/contacts/modified-since/{since}"))


def left_book(desk: Desk) -> Any:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    return desk.faults(desk.load([f"{EVA},,"]))


def left_book_in_account(desk: Desk) -> Any:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    return [len(desk.get(f"/contacts/{name}-since/{SINCE}")) for name in ("unsubscribed", "suppressed")]


def suppressed_by_id(desk: Desk) -> Any:
    made = desk.add(EVA).body["id"]
    desk.control("bounce", email=EVA)
    return desk.call("GET", f"/contacts/{made}").status


def resubscribed(desk: Desk) -> Any:
    desk.add(EVA)
    desk.control("unsubscribe-account", email=EVA)
    body = {"unsubscribedContact": {"email": EVA}}
    status = desk.call("POST", f"{BOOK}/contacts/resubscribe", body).body["status"]
    return status, EVA in [row["email"] for row in desk.members()]


def deleted(desk: Desk) -> Any:
    made = desk.add(EVA).body["id"]
    desk.call("DELETE", f"/contacts/{made}")
    return [desk.call("GET", f"/contacts/{who}").status for who in (made, EVA)]


def dates(desk: Desk) -> Any:
    rows = desk.members("select=3&withFullData=true")
    found = [
        next(each["value"] for each in row["dataFields"] if each["key"] == "MEMBERSINCE") for row in rows
    ]
    return [value[10:] for value in found]


def bulk_deletion(desk: Desk) -> Any:
    return sorted(desk.call("POST", f"{BOOK}/contacts/delete", []).body)


def hidden(desk: Desk) -> Any:
    """(length of the first page, whether everybody is found by windows, whether only members are shown)."""
    found = [desk.members(f"select=50&skip={skip}") for skip in range(0, 300, 50)]
    emails = [row["email"] for page in found for row in page]
    members = desk.get(BOOK)["contacts"]
    return len(found[0]) == 50, len(set(emails)) == members


def names(desk: Desk) -> Any:
    keys = [row["key"] for row in desk.members("select=1&withFullData=true")[0]["dataFields"]][-2:]
    return [row["name"] for row in desk.get("/address-books")[:2]], keys


def endpoint(desk: Desk) -> Any:
    return desk.get("/account-info")["properties"][-1]["value"][-1]


def header_file(header: str) -> Look:
    def look(desk: Desk) -> Any:
        reply = desk.post_file(["eva@example.org"], header)
        if reply.status != 202:
            return reply.code
        seen = [desk.get(f"/contacts/import/{reply.body['id']}")["status"] for _ in range(2)]
        return seen[-1]

    return look


SIDES: dict[str, tuple[Look, Any, Any]] = {
    "all_contacts_listed": (
        lambda desk: ALL_BOOK in [row["id"] for row in desk.get("/address-books")],
        False,
        True,
    ),
    "reserved_writable": (lambda desk: desk.add(EVA, book=TEST_BOOK).status, 400, 200),
    "localised_names": (
        names,
        (["All contacts", "Test"], ["NOTES", "LASTSUBSCRIBED"]),
        (["Alle Kontakte", "Testkontakte"], ["NOTIZEN", "ZULETZTABONNIERT"]),
    ),
    "translated_email_header": (header_file("E-Mail-Adresse"), "ERROR_NO_EMAIL_COLUMN", "Finished"),
    "empty_clears": (
        loaded([f"{EVA},"], "email,CLUB", lambda desk: desk.values(EVA)["CLUB"], CLUB="Bern"),
        "Bern",
        None,
    ),
    "unknown_columns_refused": (
        loaded([f"{EVA},x"], "email,NONE", lambda desk: desk.report(last_import(desk))),
        {"updatedContacts": 1},
        "ERROR_DATAFIELD_NOTFOUND",
    ),
    "bad_values_fail": (
        loaded([f"{EVA},x"], "email,DONATIONS", lambda desk: desk.report(last_import(desk))),
        {"updatedContacts": 1},
        {"failures": 1},
    ),
    "header_checked_late": (header_file("mail"), "ERROR_NO_EMAIL_COLUMN", "InvalidFileFormat"),
    "addition_modifies": (unchanged_joins, 0, 1),
    "since_inclusive": (since_exactly, 0, 1),
    "left_book_faults": (left_book, [], [f"Unsubscribed,{EVA},,"]),
    "last_duplicate_wins": (
        loaded([f"{EVA},Eins", f"{EVA},Zwei"], "email,CLUB", lambda desk: desk.values(EVA)["CLUB"]),
        "Eins",
        "Zwei",
    ),
    "updated_means_changed": (
        loaded([f"{EVA},Bern"], "email,CLUB", lambda desk: desk.report(last_import(desk)), CLUB="Bern"),
        {"updatedContacts": 1},
        {},
    ),
    "book_opt_outs_in_account": (left_book_in_account, [0, 0], [1, 1]),
    "hidden_by_id": (suppressed_by_id, 200, 404),
    "suppressed_listed": (
        lambda desk: "HardBounced" in {row["status"] for row in desk.get("/contacts")},
        False,
        True,
    ),
    "deleted_listed": (deleted, [404, 404], [200, 200]),
    "resubscribe_adds": (resubscribed, ("ContactChallenged", False), ("ContactAdded", True)),
    "not_found_is_400": (lambda desk: desk.call("GET", "/address-books/1").status, 404, 400),
    "field_in_use_is_409": (lambda desk: desk.call("DELETE", "/data-fields/CLUB").status, 200, 409),
    "null_text_default": (lambda desk: desk.get("/data-fields")[0]["defaultValue"], None, "null"),
    "created_is_200": (lambda desk: desk.call("POST", "/address-books", {"name": "Neu"}).status, 201, 200),
    "pascal_keys": (lambda desk: sorted(desk.get(BOOK))[0], "contacts", "Contacts"),
    "pascal_deletions": (bulk_deletion, ["id", "status"], ["Id", "Status"]),
    "extra_fields": (lambda desk: len(desk.get(BOOK)), 4, 5),
    "dates_vary": (dates, ["T00:00:00"] * 3, ["T00:00:00", " 00:00:00", " 00:00:00.527000+00:00"]),
    "faults_bom": (
        loaded(
            [f"{EVA},x"],
            "email,CLUB",
            lambda desk: desk.get(f"/contacts/import/{last_import(desk)}/report-faults")[:3],
        ),
        b"Rea",
        b"\xef\xbb\xbf",
    ),
    "hidden_rows": (hidden, (True, True), (False, True)),
    "endpoint_slash": (endpoint, "l", "/"),
}


def test_every_switch_is_tried() -> None:
    assert list(SIDES) == [field.name for field in fields(Switches)]


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("value", [False, True])
def test_both_sides(desk: Desk, name: str, value: bool) -> None:
    look, off, on = SIDES[name]
    desk.control("switch", name=name, value=value)
    assert look(desk) == (on if value else off)


def test_pascal_keys_and_extra_fields_reach_into_everything(desk: Desk) -> None:
    desk.control("switch", name="pascal_keys", value=True)
    desk.control("switch", name="extra_fields", value=True)
    (row,) = desk.members("select=1&withFullData=true")
    assert set(row) == {"Id", "Email", "OptInType", "EmailType", "Status", "DataFields", "LaterAddition"}
    assert set(row["DataFields"][0]) == {"Key", "Value", "LaterAddition"}
    summary = desk.get("/campaigns/301/summary")
    assert "NumUniqueOpens" in summary
    (rows,) = desk.get(f"/contacts/suppressed-since/{FOREVER}?select=1")
    assert rows["SuppressedContact"]["Id"]


def test_bodies_have_no_case_whatever_the_switches(desk: Desk) -> None:
    text = base64.b64encode(f"EMAIL,club\n{person(1, 0).email},Bern\n".encode()).decode()
    reply = desk.call("POST", f"{BOOK}/contacts/import", {"FileName": "A.CSV", "Data": text})
    assert reply.status == 202
