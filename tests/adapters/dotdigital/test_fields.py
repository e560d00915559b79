"""Data fields and address books: refused here before the platform refuses, created with their type, deleted with care."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.dotdigital.fields import RESERVED, fault, typed_default
from adapters.provider import AccountLimit, NewField, NotThere, Refused, RemoteField
from tests.adapters.dotdigital.accounts import (
    API,
    account_info,
    asked,
    book,
    connect,
    contact,
    data_field,
    opened,
    refusal,
)
from tests.adapters.wires import Recorder

CLUB = RemoteField("CLUB", "CLUB", "String", field_id="CLUB")


@pytest.mark.parametrize(
    "field",
    [
        NewField("CLUB", "String"),
        NewField("a" * 20, "Numeric", default="2.5"),
        NewField("a-b_C9", "Date", default="2019-04-01"),
        NewField("X", "Boolean", default="yes", public=True),
    ],
)
def test_a_field_the_platform_takes_has_no_fault(field: NewField) -> None:
    assert fault(field) == ""


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (NewField("", "String"), "1 to 20"),
        (NewField("a" * 21, "String"), "1 to 20"),
        (NewField("Straße", "String"), "letters A–Z"),
        (NewField("a b", "String"), "letters A–Z"),
        (NewField("a.b", "String"), "letters A–Z"),
        (NewField("X\n", "String"), "letters A–Z"),
        (NewField("firstname", "String"), "keeps the name"),
        (NewField("Email", "String"), "keeps the name"),
        (NewField("X", "text"), "String, Numeric, Date, Boolean"),
        (NewField("X", "Numeric", default="viel"), "takes a number"),
        (NewField("X", "Numeric", default="123456789012345678.5"), "without rounding"),
        (NewField("X", "Date", default="31.03.2026"), "2026-03-31"),
        (NewField("X", "Boolean", default="vielleicht"), "true or false"),
        (NewField("X", "String", default="x" * 1001), "1000 characters"),
        (NewField("X", "String", default="NULL"), "means none"),
    ],
)
def test_R31_a_field_the_platform_would_refuse_is_told_why(field: NewField, words: str) -> None:
    assert words in fault(field)


@given(st.sampled_from(sorted(RESERVED)), st.data())
def test_a_reserved_word_is_reserved_in_any_letter_case(word: str, data: st.DataObject) -> None:
    upper = data.draw(st.lists(st.booleans(), min_size=len(word), max_size=len(word)))
    spelling = "".join(one.upper() if up else one for one, up in zip(word, upper, strict=True))
    assert fault(NewField(spelling, "String"))


@pytest.mark.parametrize(
    ("kind", "default", "expected"),
    [
        ("Numeric", "2.5", 2.5),
        ("Numeric", "5", 5),
        ("Numeric", "-0.125", -0.125),
        ("Boolean", "yes", True),
        ("Boolean", "false", False),
        ("Date", "2019-04-01", "2019-04-01T00:00:00"),
        ("String", "Bern", "Bern"),
        ("String", "", None),
        ("Numeric", "", None),
    ],
)
async def test_oro_defect_13_a_default_goes_out_with_its_type_and_its_fraction(
    httpx_mock: HTTPXMock, kind: str, default: str, expected: Any
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(
        method="POST", url=f"{API}/data-fields", status_code=201, json=data_field("X", kind, expected)
    )
    dotdigital = connect(Recorder())
    made = await dotdigital.create_field("", NewField("X", kind, default=default, public=True))
    sent = json.loads(asked(httpx_mock)[0].content)
    assert sent == {"name": "X", "type": kind, "visibility": "Public", "defaultValue": expected}
    assert type(sent["defaultValue"]) is type(expected)
    assert (made.name, made.kind, made.field_id) == ("X", kind, "X")
    assert typed_default(NewField("X", kind, default=default)) == expected
    await dotdigital.aclose()


async def test_a_faulty_field_asks_nobody(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    dotdigital = connect(Recorder())
    field = NewField("notes", "String")
    assert dotdigital.field_fault(field)
    with pytest.raises(Refused) as caught:
        await dotdigital.create_field("", field)
    assert caught.value.reason == "field-invalid"
    assert httpx_mock.get_requests() == []
    await dotdigital.aclose()


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("ERROR_NON_UNIQUE_DATAFIELD", Refused, "field-exists"),
        ("ERROR_DATAFIELD_INVALID", Refused, "field-invalid"),
        ("ERROR_DATAFIELD_LIMITEXCEEDED", AccountLimit, "field-limit"),
    ],
)
async def test_what_the_platform_says_to_a_new_field(
    httpx_mock: HTTPXMock, code: str, kind: type[Exception], reason: str
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal(code))
    dotdigital = connect(Recorder())
    with pytest.raises(kind) as caught:
        await dotdigital.create_field("", NewField("X", "String"))
    assert getattr(caught.value, "reason", "") == reason
    await dotdigital.aclose()


@pytest.mark.parametrize(
    "answer", [{"status_code": 200}, {"status_code": 204}, {"status_code": 201, "json": {}}]
)
async def test_an_empty_answer_to_a_new_field_is_a_yes_or_a_doubt(
    httpx_mock: HTTPXMock, answer: dict[str, Any]
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **answer)
    dotdigital = connect(Recorder())
    if "json" in answer:
        with pytest.raises(Exception, match="does not show"):
            await dotdigital.create_field("", NewField("X", "Numeric", default="2.50"))
    else:
        made = await dotdigital.create_field("", NewField("X", "Numeric", default="2.50"))
        assert (made.default, made.public) == ("2.5", False)
    await dotdigital.aclose()


@pytest.mark.parametrize(
    ("answer", "deleted", "dependencies"),
    [
        ({"json": {"result": True, "dependencies": None}}, True, ()),
        ({"json": {"Result": "True"}}, True, ()),
        ({"status_code": 204}, True, ()),
        (
            {"json": {"result": False, "dependencies": [{"type": "Campaign", "objectId": 55}, "a text"]}},
            False,
            ("Campaign 55", "a text"),
        ),
        ({"json": {"result": False, "dependencies": None}}, False, ()),
        ({"status_code": 409, "json": {"message": "in use"}}, False, ()),
        ({"status_code": 404, "json": {"message": "A system field cannot be deleted."}}, False, ()),
    ],
)
async def test_what_the_platform_says_to_a_deletion(
    httpx_mock: HTTPXMock, answer: dict[str, Any], deleted: bool, dependencies: tuple[str, ...]
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="DELETE", url=f"{API}/data-fields/CLUB", **answer)
    dotdigital = connect(Recorder())
    told = await dotdigital.delete_field("", CLUB)
    assert (told.deleted, told.dependencies) == (deleted, dependencies)
    assert bool(told.text) is not deleted
    await dotdigital.aclose()


async def test_a_field_that_is_not_there_is_told_so(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="DELETE", **refusal("ERROR_DATAFIELD_NOTFOUND", 404))
    dotdigital = connect(Recorder())
    with pytest.raises(NotThere) as caught:
        await dotdigital.delete_field("", CLUB)
    assert (caught.value.reason, "CLUB" in caught.value.text) == ("field-missing", True)
    await dotdigital.aclose()


async def test_a_field_of_every_account_is_not_even_asked_for(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    dotdigital = connect(Recorder())
    told = await dotdigital.delete_field("", RemoteField("FIRSTNAME", "FIRSTNAME", "String", system=True))
    assert not told.deleted
    assert httpx_mock.get_requests() == []
    await dotdigital.aclose()


async def test_oro_defect_10_fields_are_read_in_one_answer_however_many(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    many = [data_field(f"F{number}") for number in range(1500)]
    httpx_mock.add_response(url=f"{API}/data-fields", json=[*many, data_field("LASTNAME")])
    dotdigital = connect(Recorder())
    found = await dotdigital.fields("4711")
    assert len(found) == 1501
    assert [field.name for field in found if field.system] == ["LASTNAME"]
    assert len(asked(httpx_mock)) == 1
    await dotdigital.aclose()


async def test_holders_are_counted_once_each_and_told_as_they_are_looked_at(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)

    def person(number: int) -> dict[str, Any]:
        value: Any = {0: "Bern", 1: "", 2: None}[number % 3]
        return contact(number, dataFields=[{"key": "club", "value": value}])

    rows = [person(number) for number in range(1500)]
    for start in (0, 900, 1800):
        url = re.compile(re.escape(f"{API}/contacts?withFullData=true&select=1000&skip={start}") + "$")
        httpx_mock.add_response(url=url, json=rows[start : start + 1000])
    dotdigital = connect(Recorder())
    looked_at: list[int] = []
    assert await dotdigital.holders("", CLUB, looked_at.append) == 500
    assert sum(looked_at) == 1500
    await dotdigital.aclose()


# --- books -------------------------------------------------------------------------------------------------------------


async def test_a_new_book_is_made_with_its_name_and_visibility(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(
        method="POST", url=f"{API}/address-books", status_code=201, json=book(0, "Jugend", 4713)
    )
    dotdigital = connect(Recorder())
    made = await dotdigital.create_list(" Jugend ", public=True)
    assert json.loads(asked(httpx_mock)[0].content) == {"name": "Jugend", "visibility": "Public"}
    assert (made.list_id, made.name, made.system) == ("4713", "Jugend", False)
    await dotdigital.aclose()


@pytest.mark.parametrize("name", ["", "  ", "x" * 129, "a\nb", "Test", " ALL CONTACTS ", "Alle Kontakte"])
async def test_a_name_the_platform_keeps_or_refuses_asks_nobody(httpx_mock: HTTPXMock, name: str) -> None:
    httpx_mock.add_response(json=account_info(), is_optional=True)
    dotdigital = connect(Recorder(), options={"system_books": "Alle Kontakte, Probe"})
    with pytest.raises(Refused) as caught:
        await dotdigital.create_list(name)
    assert caught.value.reason in ("list-name-invalid", "list-name-taken")
    assert httpx_mock.get_requests() == []
    await dotdigital.aclose()


async def test_a_name_that_is_taken_is_told_so(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal("ERROR_ADDRESSBOOK_DUPLICATE"))
    dotdigital = connect(Recorder())
    with pytest.raises(Refused) as caught:
        await dotdigital.create_list("Jugend")
    assert caught.value.reason == "list-name-taken"
    await dotdigital.aclose()


async def test_R39_books_are_read_to_the_empty_page_and_each_once(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    books = [book(1, f"Book {number}", number) for number in range(1, 1206)]
    for start, shown in ((0, books[:1000]), (900, books[900:]), (1800, [])):
        httpx_mock.add_response(url=f"{API}/address-books?select=1000&skip={start}", json=shown)
    dotdigital = connect(Recorder())
    assert [one.list_id for one in await dotdigital.lists()] == [str(number) for number in range(1, 1206)]
    await dotdigital.aclose()
