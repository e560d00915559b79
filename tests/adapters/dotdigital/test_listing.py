"""A book is proven whole or given up: short pages, hidden rows, people who come and go while one reads (R39, R40)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.provider import AdapterError, IncompleteRead, MemberPage, NotThere, Unrecognised
from state.model import Consent, Member, RemoteList, Scope
from tests.adapters.dotdigital.accounts import (
    ANY,
    API,
    BOOK,
    REMOTE,
    Account,
    asked,
    connect,
    contact,
    opened,
    pascal,
    refusal,
    suppression,
)
from tests.adapters.wires import Recorder

LATER = RemoteList("4712", "Tourenprogramm")


@dataclass
class Told:
    """What a listing told, as its reader would keep it."""

    members: dict[str, Member] = field(default_factory=dict)
    opt_outs: dict[str, Member] = field(default_factory=dict)
    last: MemberPage = field(default_factory=lambda: MemberPage(()))
    afresh: int = 0

    def of(self, consent: Consent) -> set[str]:
        return {one.origin_id for one in self.members.values() if one.consent is consent}


async def listed(
    httpx_mock: HTTPXMock,
    account: Account,
    since: str | None = None,
    recorder: Recorder | None = None,
    remote: RemoteList = REMOTE,
) -> Told:
    httpx_mock.add_callback(account.answer, **ANY)
    dotdigital = connect(recorder or Recorder())
    told = Told()
    try:
        async for page in dotdigital.listing(remote, ("FIRSTNAME",), since):
            if page.afresh:
                told.members.clear()
                told.afresh += 1
            told.members.update({one.origin_id: one for one in page.members})
            told.opt_outs.update({one.origin_id: one for one in page.account_opt_outs})
            told.last = page
    finally:
        await dotdigital.aclose()
    return told


def people(count: int) -> list[dict[str, Any]]:
    return [contact(number) for number in range(1, count + 1)]


@pytest.mark.parametrize("size", [0, 1, 899, 900, 901, 999, 1000, 1001, 1899, 1900, 2150])
async def test_R34_every_size_is_read_whole(httpx_mock: HTTPXMock, size: int) -> None:
    account = Account(people(size))
    told = await listed(httpx_mock, account)
    assert set(told.members) == account.ids()
    assert (told.last.total, told.afresh) == (size, 0)
    assert told.last.cursor


async def test_a_page_begins_a_hundred_rows_before_the_end_of_the_one_before(httpx_mock: HTTPXMock) -> None:
    account = Account(people(2000))
    await listed(httpx_mock, account)
    pages = [
        dict(request.url.params)
        for request in asked(httpx_mock)
        if request.url.path.endswith("/4711/contacts")
    ]
    assert [page["skip"] for page in pages] == ["0", "900", "1800", "2700"]
    assert {page["select"] for page in pages} == {"1000"}


async def test_the_cursor_is_the_vendors_clock_before_the_first_page_with_overlap(
    httpx_mock: HTTPXMock,
) -> None:
    account = Account(people(3), now=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    told = await listed(httpx_mock, account)
    assert told.last.cursor is not None
    cursor = datetime.fromisoformat(told.last.cursor)
    first_page = datetime(2026, 3, 1, 12, 0, tzinfo=UTC) + timedelta(seconds=3)
    assert timedelta(seconds=60) <= first_page - cursor < timedelta(seconds=63)


async def test_oro_defect_07_a_first_reading_asks_who_was_suppressed_since_ever(
    httpx_mock: HTTPXMock,
) -> None:
    account = Account(
        people(3),
        left=[suppression(8, "Unsubscribed", "2019-02-11T17:03:22Z", "Subscribed")],
        suppressed=[
            suppression(9, "HardBounced", "2018-02-11T17:03:22Z"),
            suppression(2, "SoftBounced", "2026-02-11T17:03:22Z"),
        ],
    )
    told = await listed(httpx_mock, account)
    assert told.of(Consent.UNSUBSCRIBED) == {"8"}
    assert (told.members["8"].scope, told.members["8"].since) == (Scope.LIST, "2019-02-11T17:03:22Z")
    assert {one.consent for one in told.opt_outs.values()} == {Consent.BOUNCED}
    assert set(told.opt_outs) == {"9"}
    assert told.last.total == 4
    assert {path for path in account.asked if "ed-since" in path and "modified" not in path} == {
        "/address-books/4711/contacts/unsubscribed-since/1971-01-01T00:00:00Z",
        "/contacts/suppressed-since/1971-01-01T00:00:00Z",
    }


async def test_a_later_reading_asks_for_what_changed_and_who_left_since(httpx_mock: HTTPXMock) -> None:
    account = Account(
        people(5),
        left=[
            suppression(8, "Unsubscribed", "2019-02-11T17:03:22Z"),
            suppression(7, "Unsubscribed", "2026-02-28T10:00:00Z"),
        ],
        changed={3: datetime(2026, 2, 28, 12, tzinfo=UTC)},
    )
    told = await listed(httpx_mock, account, "2026-02-20T00:00:00+00:00")
    assert set(told.members) == {"3", "7"}
    assert (told.last.total, told.members["7"].consent) == (2, Consent.UNSUBSCRIBED)
    assert not any(path.endswith("/4711/contacts") for path in account.asked)
    assert "/address-books/4711/contacts/modified-since/2026-02-20T00:00:00Z" in account.asked


@pytest.mark.parametrize("since", ["yesterday", "", "2026-13-01"])
async def test_a_cursor_that_is_none_of_ours_reads_everything(httpx_mock: HTTPXMock, since: str) -> None:
    told = await listed(httpx_mock, Account(people(4)), since)
    assert len(told.members) == 4


# --- whole or given up -------------------------------------------------------------------------------------------------


@given(
    hidden=st.sets(st.integers(1, 1100), max_size=8),
    size=st.integers(890, 1100),
    events=st.dictionaries(
        st.integers(0, 6),
        st.lists(st.tuples(st.sampled_from(["join", "go", "leave"]), st.integers(0, 1100)), max_size=3),
        max_size=4,
    ),
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_R40_whatever_moves_while_reading_the_result_is_whole_or_none(
    httpx_mock: HTTPXMock, hidden: set[int], size: int, events: dict[int, list[tuple[str, int]]]
) -> None:
    def act(name: str, at: int) -> Callable[[Account], None]:
        def run(account: Account) -> None:
            if name == "join":
                account.join(10_000 + account.pages * 10 + at % 7, at % (len(account.rows) + 1))
            else:
                getattr(account, name)(at)

        return run

    httpx_mock.reset()
    account = Account(
        people(size),
        hidden=hidden,
        events={page: [act(name, at) for name, at in what] for page, what in events.items()},
    )
    try:
        told = await listed(httpx_mock, account)
    except IncompleteRead as error:
        assert error.reason in ("listing-drift", "listing-incomplete")
        return
    finally:
        httpx_mock.reset()
    here = {one.origin_id for one in told.members.values() if one.consent is Consent.SUBSCRIBED}
    assert here >= account.ids()
    gone = {str(row["suppressedContact"]["id"]) for row in account.left}
    assert gone <= told.of(Consent.UNSUBSCRIBED)


async def test_a_short_page_in_the_middle_ends_nothing(httpx_mock: HTTPXMock) -> None:
    account = Account(people(2500), hidden={5, 1200, 2400}, count_lies=-3)
    told = await listed(httpx_mock, account)
    assert set(told.members) == account.ids()
    assert told.afresh == 0


async def test_who_joins_at_the_front_while_reading_is_found_by_the_second_look(
    httpx_mock: HTTPXMock,
) -> None:
    account = Account(people(1500), events={1: [lambda one: one.join(9001)]})
    told = await listed(httpx_mock, account)
    assert "9001" in told.members
    assert set(told.members) == account.ids()


async def test_who_leaves_while_reading_is_told_as_gone_and_does_not_stop_the_reading(
    httpx_mock: HTTPXMock,
) -> None:
    account = Account(people(1500), events={1: [lambda one: one.leave(3)]})
    told = await listed(httpx_mock, account)
    assert told.members["4"].consent is Consent.UNSUBSCRIBED
    assert told.afresh == 0
    assert told.last.total == 1500


async def test_who_is_taken_out_while_reading_is_noticed_by_the_count_and_read_again(
    httpx_mock: HTTPXMock,
) -> None:
    account = Account(people(1500), events={1: [lambda one: one.go(3)]})
    recorder = Recorder()
    told = await listed(httpx_mock, account, recorder=recorder)
    assert set(told.members) == account.ids()
    assert told.afresh == 1
    assert "reading again, 2 of 3" in recorder.told[0]
    assert recorder.slept == [2.0]


async def test_R40_rows_that_slip_by_more_than_the_overlap_are_noticed(httpx_mock: HTTPXMock) -> None:
    def many_go(account: Account) -> None:
        del account.rows[:150]

    account = Account(people(2500), events={1: [many_go]})
    told = await listed(httpx_mock, account)
    assert set(told.members) == account.ids()
    assert told.afresh == 1


async def test_R40_a_book_that_never_rests_is_given_up(httpx_mock: HTTPXMock) -> None:
    account = Account(people(1500), events={page: [lambda one: one.go(0)] for page in range(40)})
    with pytest.raises(IncompleteRead) as caught:
        await listed(httpx_mock, account)
    assert caught.value.reason == "listing-drift"


async def test_a_count_that_differs_a_little_and_stands_still_is_told_and_not_believed(
    httpx_mock: HTTPXMock,
) -> None:
    account = Account(people(1000), hidden={5, 17})
    recorder = Recorder()
    told = await listed(httpx_mock, account, recorder=recorder)
    assert set(told.members) == account.ids()
    assert told.afresh == 1
    assert "counts 1,000 contacts and lists 998; two readings agree" in recorder.told[-1]


async def test_R39_rows_that_stay_away_in_numbers_are_no_whole_listing(httpx_mock: HTTPXMock) -> None:
    account = Account(people(1500), lost_pages=100)
    with pytest.raises(IncompleteRead) as caught:
        await listed(httpx_mock, account)
    assert caught.value.reason == "listing-incomplete"


async def test_a_server_that_tells_one_page_for_ever_is_not_believed(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/data-fields", json=[])
    httpx_mock.add_response(url=BOOK, json={"id": 4711, "name": "x", "contacts": 5}, **ANY)
    httpx_mock.add_response(json=people(5), **ANY)
    dotdigital = connect(Recorder())
    with pytest.raises(IncompleteRead, match="same page"):
        _ = [page async for page in dotdigital.listing(REMOTE, ("FIRSTNAME",))]
    await dotdigital.aclose()


# --- who left ----------------------------------------------------------------------------------------------------------


async def test_who_left_once_and_is_back_in_the_book_is_a_member(httpx_mock: HTTPXMock) -> None:
    account = Account(people(3), left=[suppression(2, "Unsubscribed", "2020-01-01T00:00:00Z", "Subscribed")])
    told = await listed(httpx_mock, account)
    assert told.members["2"].consent is Consent.SUBSCRIBED
    assert told.last.total == 3


async def test_who_leaves_right_after_they_were_read_is_unsubscribed(httpx_mock: HTTPXMock) -> None:
    account = Account(people(3))
    account.left = [suppression(2, "Unsubscribed", account.stamp(), "Subscribed")]
    told = await listed(httpx_mock, account)
    assert told.members["2"].consent is Consent.UNSUBSCRIBED


async def test_two_books_share_one_reading_of_the_accounts_suppressions(httpx_mock: HTTPXMock) -> None:
    account = Account(people(3), suppressed=[suppression(9, "HardBounced", "2018-02-11T17:03:22Z")])
    httpx_mock.add_callback(account.answer, **ANY)
    dotdigital = connect(Recorder())
    cursors = []
    for remote in (REMOTE, LATER):
        account.now += timedelta(hours=1)
        pages = [page async for page in dotdigital.listing(remote, ("FIRSTNAME",))]
        assert [one.origin_id for page in pages for one in page.account_opt_outs] == ["9"]
        cursors.append(datetime.fromisoformat(pages[-1].cursor or ""))
    asked_for = [path for path in account.asked if "suppressed-since" in path]
    assert len(asked_for) == 2, "one page and the empty one"
    # The second listing goes on from when the suppressions were read, or whoever left meanwhile would be missed.
    assert timedelta(0) <= cursors[1] - cursors[0] < timedelta(minutes=1)
    await dotdigital.aclose()


async def test_a_contact_without_an_address_and_a_deleted_one_are_none_of_ours(httpx_mock: HTTPXMock) -> None:
    rows = [
        contact(1),
        contact(2, email=None),
        contact(3, "Deleted"),
        contact(4, "NotAvailableInThisVersion"),
    ]
    told = await listed(httpx_mock, Account(rows, count_lies=-2))
    assert {number: one.consent for number, one in told.members.items()} == {
        "1": Consent.SUBSCRIBED,
        "4": Consent.UNKNOWN,
    }


# --- odd answers -------------------------------------------------------------------------------------------------------


async def test_keys_in_pascal_case_and_unknown_ones_change_nothing(httpx_mock: HTTPXMock) -> None:
    def grown(document: Any) -> Any:
        if isinstance(document, dict):
            return {**{key: grown(value) for key, value in document.items()}, "brandNew": {"a": [1]}}
        return [grown(one) for one in document] if isinstance(document, list) else document

    rows = people(3)
    rows[0]["dataFields"] = None
    account = Account(rows, left=[suppression(8, "Unsubscribed", "2026-02-11T17:03:22Z")])
    account.shape = lambda document: pascal(grown(document))
    told = await listed(httpx_mock, account)
    assert set(told.members) == {"1", "2", "3", "8"}
    assert (told.members["1"].fields, told.members["2"].fields) == ({}, {"FIRSTNAME": "Ida 2"})


@pytest.mark.parametrize(
    "document", [{}, "text", 7, None, [1], [None], [{"email": "x@example.org"}], [{"id": "x", "email": "y"}]]
)
async def test_an_answer_that_is_no_list_of_contacts_is_not_understood(
    httpx_mock: HTTPXMock, document: Any
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/data-fields", json=[])
    httpx_mock.add_response(url=BOOK, json={"id": 4711, "name": "x", "contacts": 5}, **ANY)
    body: dict[str, Any] = {
        "content": json.dumps(document).encode(),
        "headers": {"Content-Type": "application/json"},
    }
    httpx_mock.add_response(**body, **ANY)
    dotdigital = connect(Recorder())
    with pytest.raises(Unrecognised):
        _ = [page async for page in dotdigital.listing(REMOTE, ("FIRSTNAME",))]
    await dotdigital.aclose()


async def test_a_book_that_is_gone_is_told_by_its_number(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/data-fields", json=[])
    httpx_mock.add_response(**refusal("ERROR_ADDRESSBOOK_NOT_FOUND", 404), **ANY)
    dotdigital = connect(Recorder())
    with pytest.raises(NotThere, match="4711"):
        _ = [page async for page in dotdigital.listing(REMOTE, ("FIRSTNAME",))]
    await dotdigital.aclose()


async def test_a_page_that_is_cut_is_no_page(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/data-fields", json=[])
    httpx_mock.add_response(url=BOOK, json={"id": 4711, "name": "x", "contacts": 5}, **ANY)
    httpx_mock.add_response(content=b'[{"id": 1, "em', headers={"Content-Type": "application/json"}, **ANY)
    dotdigital = connect(Recorder())
    with pytest.raises(AdapterError) as caught:
        _ = [page async for page in dotdigital.listing(REMOTE, ("FIRSTNAME",))]
    assert caught.value.reason == "answer-cut"
    await dotdigital.aclose()


async def test_without_a_clock_a_whole_day_is_read_again(httpx_mock: HTTPXMock) -> None:
    told = await listed(httpx_mock, Account(people(3), dated=False))
    assert told.last.cursor is not None
    behind = datetime.now(UTC) - datetime.fromisoformat(told.last.cursor)
    assert timedelta(hours=23, minutes=59) < behind < timedelta(hours=24, minutes=1)


async def test_an_opt_out_of_the_account_does_not_shut_out_whom_the_book_shows_as_mailable(
    httpx_mock: HTTPXMock,
) -> None:
    rows = [contact(1), contact(2, "Unsubscribed"), contact(3), contact(4)]
    account = Account(rows)
    account.suppressed = [
        suppression(1, "Unsubscribed", "2020-01-01T00:00:00Z"),
        suppression(2, "Unsubscribed", "2020-01-01T00:00:00Z"),
        suppression(3, "HardBounced", account.stamp()),
        suppression(9, "Unsubscribed", "2020-01-01T00:00:00Z"),
    ]
    told = await listed(httpx_mock, account)
    assert set(told.opt_outs) == {"2", "3", "9"}, "3 bounced right after it was read"
