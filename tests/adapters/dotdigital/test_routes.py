"""What can leave: nothing that mails, empties, deletes people, or puts somebody back without asking (laws 1 and 7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.dotdigital.routes import READS, WRITES
from adapters.origins import route
from adapters.provider import Addition, AddressMove, FieldChange, Removal, Unsubscription, WriteRefused
from tests.adapters.dotdigital.accounts import REMOTE, connect, opened
from tests.adapters.wires import Recorder

FORBIDDEN = [
    ("POST", "/campaigns/send"),
    ("POST", "/campaigns/send-with-personalisation"),
    ("POST", "/email"),
    ("POST", "/address-books/4711/contacts/delete-all"),
    ("DELETE", "/address-books/4711/contacts"),
    ("DELETE", "/address-books/4711/contacts/81234567"),
    ("DELETE", "/address-books/4711"),
    ("PUT", "/address-books/4711"),
    ("DELETE", "/contacts/81234567"),
    ("POST", "/contacts"),
    ("POST", "/contacts/import"),
    ("POST", "/contacts/import-collection"),
    ("POST", "/address-books/4711/contacts"),
    ("POST", "/address-books/4711/contacts/import"),
    ("POST", "/address-books/4711/contacts/import/with-merge-option/OnlyOverwriteIfContactDataNotPopulated"),
    ("POST", "/address-books/4711/contacts/import/with-merge-option/Overwrite"),
    ("POST", "/contacts/import/with-merge-option/OnlyOverwriteIfContactDataNotPopulated"),
    ("POST", "/contacts/unsubscribe"),
    ("PUT", "/contacts/suppress-contacts"),
    ("POST", "/contacts/resubscribe"),
    ("POST", "/contacts/resubscribe-with-no-challenge"),
    ("POST", "/address-books/4711/contacts/resubscribe-with-no-challenge"),
    ("POST", "/programs/enrolments"),
]
WRITTEN = {
    ("POST", "/address-books"),
    ("POST", "/address-books/4711/contacts/import/with-merge-option/OnlyOverwriteIfNotEmpty"),
    ("POST", "/contacts/import/with-merge-option/OnlyOverwriteIfNotEmpty"),
    ("POST", "/contacts/import/with-merge-option/Overwrite"),
    ("POST", "/address-books/4711/contacts/delete"),
    ("POST", "/address-books/4711/contacts/unsubscribe"),
    ("POST", "/address-books/4711/contacts/resubscribe"),
    ("PUT", "/contacts/81234567"),
    ("POST", "/data-fields"),
    ("DELETE", "/data-fields/CLUB"),
}


def allowed(method: str, path: str, reads: bool = False) -> bool:
    return any(one.covers(method, path) for one in (READS if reads else WRITES))


@pytest.mark.parametrize(("method", "path"), FORBIDDEN)
def test_there_is_no_way_to(method: str, path: str) -> None:
    assert not allowed(method, path)
    assert not allowed(method, path, reads=True)


def test_the_list_of_writes_is_these_and_no_more() -> None:
    assert len(WRITES) == len(WRITTEN)
    for one in WRITES:
        assert sum(one.covers(method, path) for method, path in WRITTEN) == 1
    assert {one.method for one in READS} == {"GET"}


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.strip(".") and text.isprintable()))
def test_an_address_stays_one_segment_of_a_path(email: str) -> None:
    made = route("/contacts/{email}", email=email).text
    assert made.count("/") == 2
    assert allowed("GET", made, reads=True)
    assert not allowed("PUT", made) or email.isdecimal()


async def test_I13_a_read_only_wire_writes_nothing(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    dotdigital = connect(Recorder(), read_only=True)
    eva = "eva@example.org"
    writes = [
        dotdigital.add(REMOTE, [Addition(eva, {}, "form")]),
        dotdigital.change(REMOTE, [FieldChange(eva, "1", {"FIRSTNAME": "Eva"})], by_ticket=True),
        dotdigital.change(REMOTE, [FieldChange(eva, "1", {"FIRSTNAME": ""})], by_ticket=True),
        dotdigital.move(REMOTE, [AddressMove(eva, "1", "eva@example.net")]),
        dotdigital.remove(REMOTE, [Removal(eva, "1")]),
        dotdigital.unsubscribe(REMOTE, [Unsubscription(eva, "1")]),
        dotdigital.create_list("New"),
    ]
    for write in writes:
        with pytest.raises(WriteRefused):
            await write
    assert {request.url.path for request in httpx_mock.get_requests()} == {"/v2/account-info"}
    await dotdigital.aclose()
