"""Merge fields: rules before any request, creating, deleting, and who holds a value (Mailchimp contract §7)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from pytest_httpx import HTTPXMock

from adapters.mailchimp.fields import field_fault
from adapters.mailchimp.provider import Mailchimp
from adapters.provider import NewField, NotThere, Refused, RemoteField, Unanswered, Unrecognised, WriteRefused
from adapters.sandbox.running import RunningSandbox
from state.reasons import REASONS
from tests.adapters.mailchimp.accounts import BASE, LIST_ID, connect, problem
from tests.adapters.mailchimp.rehearsing import open_account, some
from tests.adapters.wires import Recorder

CLUB = NewField("CLUB", "text", label="Club", public=True, default="Bern")
SHOWN = {
    "merge_id": 9,
    "tag": "CLUB",
    "name": "Club",
    "type": "text",
    "required": False,
    "default_value": "Bern",
    "public": True,
    "options": {"size": 25},
    "list_id": LIST_ID,
}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (NewField("club", "text"), "upper-case"),
        (NewField("", "text"), "upper-case"),
        (NewField("ELEVENCHARS", "text"), "1 to 10"),
        (NewField("CLÜB", "text"), "upper-case"),
        (NewField("EMAIL", "text"), "address itself"),
        (NewField("CLUB", "String"), "no field type 'String'"),
        (NewField("CLUB", "radio"), "at least one choice"),
        (NewField("CLUB", "dropdown", choices=(" ",)), "at least one choice"),
        (NewField("CLUB", "text", choices=("a",)), "no choices"),
        (NewField("CLUB", "number", default="many"), "takes a number"),
        (NewField("CLUB", "date", default="31.3.2026"), "takes a date"),
        (NewField("CLUB", "birthday", default="02/30"), "month and day"),
        (NewField("CLUB", "dropdown", default="c", choices=("a", "b")), "takes one of a, b"),
        (NewField("CLUB", "zip", default="123"), "five digits"),
        (NewField("CLUB", "url", default="ftp://x"), "web address"),
        (NewField("CLUB", "address", default="{}"), "has no default"),
        (NewField("CLUB", "text", default="ü" * 128), "longer than 255 bytes"),
    ],
)
async def test_what_the_platform_would_refuse_never_leaves(field: NewField, words: str) -> None:
    recorder = Recorder()
    mailchimp = connect(recorder)
    assert words in mailchimp.field_fault(field)
    with pytest.raises(Refused) as caught:
        await mailchimp.create_field(LIST_ID, field)
    await mailchimp.aclose()
    assert (caught.value.reason, caught.value.text) == ("field-refused", mailchimp.field_fault(field))
    assert recorder.notes == []


@pytest.mark.parametrize(
    "field",
    [
        CLUB,
        NewField("A_1", "number", default="2.5"),
        NewField("SHIRT", "dropdown", default="M", choices=("S", "M")),
        NewField("BORN", "birthday", default="02/29"),
        NewField("HOME", "address"),
    ],
)
def test_what_the_rules_allow_has_no_fault(field: NewField) -> None:
    assert field_fault(field) == ""


async def test_creating_sends_the_field_and_nothing_else(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", url=f"{BASE}/lists/{LIST_ID}/merge-fields", json=SHOWN)
    mailchimp = connect(Recorder())
    made = await mailchimp.create_field(LIST_ID, CLUB)
    await mailchimp.aclose()
    assert made == RemoteField("CLUB", "Club", "text", default="Bern", public=True, field_id="9")
    (request,) = httpx_mock.get_requests()
    assert json.loads(request.content) == {
        "tag": "CLUB",
        "name": "Club",
        "type": "text",
        "public": True,
        "required": False,
        "default_value": "Bern",
    }


async def test_choices_go_as_options_and_a_missing_label_is_the_name(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="POST", json={**SHOWN, "options": {"choices": ["S", "M"]}})
    mailchimp = connect(Recorder())
    made = await mailchimp.create_field(LIST_ID, NewField("CLUB", "dropdown", choices=("S", "M")))
    await mailchimp.aclose()
    assert made.choices == ("S", "M")
    (request,) = httpx_mock.get_requests()
    body = json.loads(request.content)
    assert (body["name"], body["options"], "default_value" in body) == (
        "CLUB",
        {"choices": ["S", "M"]},
        False,
    )


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (
            problem(
                400, "Invalid Resource", 'A Merge Field with the tag "CLUB" already exists for this list.'
            ),
            Refused,
            "field-exists",
        ),
        (
            problem(400, "Invalid Resource", "You've reached the limit of 30 merge fields."),
            Refused,
            "field-limit",
        ),
        (problem(400, "Invalid Resource", "No emoji here."), Refused, "field-refused"),
        (problem(404, "Resource Not Found"), NotThere, "list-missing"),
        ({"status_code": 200, "json": {"name": "no tag"}}, Unrecognised, "answer-not-understood"),
        ({"status_code": 200, "text": "<html>"}, Unrecognised, "answer-not-understood"),
        ({"status_code": 502, "text": "<html>"}, Unanswered, "no-answer"),
    ],
)
async def test_each_refusal_has_its_reason(
    httpx_mock: HTTPXMock, answer: dict[str, Any], kind: type[Exception], reason: str
) -> None:
    httpx_mock.add_response(method="POST", **answer)
    mailchimp = connect(Recorder())
    with pytest.raises(kind) as caught:
        await mailchimp.create_field(LIST_ID, CLUB)
    await mailchimp.aclose()
    assert getattr(caught.value, "reason", "") == reason in REASONS
    assert len(httpx_mock.get_requests()) == 1, "a write without answer is never repeated by itself"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (problem(400, "Invalid Resource", "The field is used by a form."), "The field is used by a form."),
        (problem(405, "Method Not Allowed", "Not this one."), "Not this one."),
    ],
)
async def test_a_refused_deletion_is_told_with_the_platforms_words(
    httpx_mock: HTTPXMock, answer: dict[str, Any], text: str
) -> None:
    httpx_mock.add_response(method="DELETE", url=f"{BASE}/lists/{LIST_ID}/merge-fields/9", **answer)
    mailchimp = connect(Recorder())
    deletion = await mailchimp.delete_field(LIST_ID, RemoteField("CLUB", "Club", "text", field_id="9"))
    await mailchimp.aclose()
    assert not deletion.deleted
    assert text in deletion.text


async def test_a_field_without_an_id_is_looked_up_by_its_name(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        method="GET", url=re.compile(r".*/merge-fields\?.*"), json={"merge_fields": [SHOWN], "total_items": 1},
        is_reusable=True,
    )  # fmt: skip
    httpx_mock.add_response(method="DELETE", url=f"{BASE}/lists/{LIST_ID}/merge-fields/9", status_code=204)
    mailchimp = connect(Recorder())
    assert (await mailchimp.delete_field(LIST_ID, RemoteField("CLUB", "Club", "text"))).deleted
    with pytest.raises(NotThere, match="no field OTHER"):
        await mailchimp.delete_field(LIST_ID, RemoteField("OTHER", "", "text"))
    await mailchimp.aclose()


# --- over loopback -----------------------------------------------------------------------------------------


async def test_a_field_is_created_held_and_deleted(sandbox: RunningSandbox, mailchimp: Mailchimp) -> None:
    made = await mailchimp.create_field(LIST_ID, CLUB)
    assert made in await mailchimp.fields(LIST_ID)
    with pytest.raises(Refused) as twice:
        await mailchimp.create_field(LIST_ID, replace(CLUB, label="Again"))
    assert twice.value.reason == "field-exists"
    assert await mailchimp.holders(LIST_ID, made) == 0

    seen: list[int] = []
    people = [*some(sandbox, "subscribed", 7), *some(sandbox, "archived", 2), *some(sandbox, "cleaned", 1)]
    for email in people:
        sandbox.control("mailchimp", "edit", email=email, fields={"CLUB": "Thun"})
    sandbox.control("mailchimp", "edit", email=people[0], fields={"CLUB": "  "})
    assert await mailchimp.holders(LIST_ID, made, seen.append) == 9
    assert sum(seen) >= len(sandbox.state("mailchimp"))

    assert (await mailchimp.delete_field(LIST_ID, made)).deleted
    assert made not in await mailchimp.fields(LIST_ID)
    with pytest.raises(NotThere) as gone:
        await mailchimp.delete_field(LIST_ID, made)
    assert gone.value.reason == "field-missing"


async def test_a_listing_that_starts_over_counts_nobody_twice(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    sandbox.control("mailchimp", "drift", after_pages=1, action="delete")
    name = next(one for one in await mailchimp.fields(LIST_ID) if one.name == "FNAME")
    assert await mailchimp.holders(LIST_ID, name) == len(sandbox.state("mailchimp"))


async def test_a_field_limit_of_the_platform_is_named(sandbox: RunningSandbox, mailchimp: Mailchimp) -> None:
    room = 30 - len(await mailchimp.fields(LIST_ID))
    for number in range(room):
        sandbox.control("mailchimp", "add-field", tag=f"F{number}")
    with pytest.raises(Refused) as full:
        await mailchimp.create_field(LIST_ID, CLUB)
    assert full.value.reason == "field-limit"


async def test_reading_only_creates_and_deletes_nothing(sandbox: RunningSandbox) -> None:
    looking = open_account(sandbox, Recorder(), read_only=True)
    found = next(one for one in await looking.fields(LIST_ID) if one.name == "FNAME")
    for attempt in (looking.create_field(LIST_ID, CLUB), looking.delete_field(LIST_ID, found)):
        with pytest.raises(WriteRefused):
            await attempt
    await looking.aclose()


async def test_an_audience_is_not_created_from_here(mailchimp: Mailchimp) -> None:
    with pytest.raises(Refused) as caught:
        await mailchimp.create_list("News")
    assert caught.value.reason == "not-offered"
    assert not mailchimp.capabilities.creates_lists
    assert await mailchimp.known(["eva@example.org"]) == frozenset()
