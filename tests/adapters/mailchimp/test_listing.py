"""Listings: whole or refused, whatever happens while they are read (I11, R39, R40, R41)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.mailchimp import listing
from adapters.mailchimp.listing import Listing
from adapters.provider import IncompleteRead, MemberPage, NotThere, Unrecognised, utc
from state.model import Consent, Member
from tests.adapters.mailchimp.accounts import BASE, LIST_ID, REMOTE, Audience, connect, member, problem
from tests.adapters.wires import Recorder

ANY: dict[str, Any] = {"is_reusable": True, "is_optional": True}


async def read(
    recorder: Recorder, since: str | None = None, fields: tuple[str, ...] = ("FNAME",)
) -> tuple[dict[str, Member], MemberPage]:
    """What a caller knows in the end: pages in order, the later row is newer, ``afresh`` starts over."""
    mailchimp = connect(recorder)
    known: dict[str, Member] = {}
    last = MemberPage(())
    async for page in mailchimp.listing(REMOTE, fields, since):
        assert last.cursor is None, "a page after the last"
        if page.afresh:
            known.clear()
        known.update({row.origin_id: row for row in page.members})
        last = page
    await mailchimp.aclose()
    return known, last


def people(count: int) -> list[dict[str, object]]:
    return [member(f"p{n}@example.org") for n in range(count)]


async def test_the_requests_of_a_listing_ask_for_what_is_needed(httpx_mock: HTTPXMock) -> None:
    audience = Audience(people(3))
    httpx_mock.add_callback(audience.answer, **ANY)
    known, last = await read(Recorder(), fields=("FNAME", "GENDER"))
    assert len(known) == last.total == 3
    first = httpx_mock.get_requests()[0]
    assert str(first.url).startswith(f"{BASE}/lists/{LIST_ID}/members?")
    assert dict(first.url.params) == {
        "count": "1000",
        "offset": "0",
        "fields": "members.id,members.email_address,members.status,members.contact_id,members.last_changed,"
        "members.timestamp_opt,members.unsubscribe_reason,members.merge_fields.FNAME,"
        "members.merge_fields.GENDER,total_items",
    }
    assert [dict(r.url.params).get("status") for r in httpx_mock.get_requests()] == [None, "archived"] * 2
    assert "since_last_changed" not in first.url.params


async def test_a_member_is_shown_in_our_words(httpx_mock: HTTPXMock) -> None:
    rows = [
        member("a@example.org"),
        member("b@example.org", "unsubscribed", unsubscribe_reason="too many"),
        member("c@example.org", "cleaned"),
        member("d@example.org", "pending"),
        member("e@example.org", "transactional"),
        member("f@example.org", "archived"),
        member("g@example.org", "a word of next year", timestamp_opt="", last_changed=""),
        member("", "subscribed", id="no-address"),
    ]
    httpx_mock.add_callback(Audience(rows).answer, **ANY)
    known, last = await read(Recorder())
    assert last.total == len(known) == 7
    shown = {row.email: (row.consent, row.raw_status) for row in known.values()}
    assert shown == {
        "a@example.org": (Consent.SUBSCRIBED, "subscribed"),
        "b@example.org": (Consent.UNSUBSCRIBED, "unsubscribed"),
        "c@example.org": (Consent.BOUNCED, "cleaned"),
        "d@example.org": (Consent.PENDING, "pending"),
        "e@example.org": (Consent.UNKNOWN, "transactional"),
        "f@example.org": (Consent.UNKNOWN, "archived"),
        "g@example.org": (Consent.UNKNOWN, "a word of next year"),
    }
    one = next(row for row in known.values() if row.email == "b@example.org")
    assert one.person_id == "contact-b@example.org"
    assert one.since == one.changed_at == "2026-02-11T07:00:00Z"
    assert (one.fields, one.detail) == ({"FNAME": "Eva"}, "too many")


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 999, 1000, 1001, 2000, 2500])
async def test_R39_all_pages_are_read(httpx_mock: HTTPXMock, count: int) -> None:
    httpx_mock.add_callback(Audience(people(count)).answer, **ANY)
    known, last = await read(Recorder())
    assert len(known) == last.total == count
    assert last.cursor


@pytest.mark.parametrize("lie", [-1, 1, 2])
async def test_R39_a_total_that_differs_over_many_pages_is_no_listing(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch, lie: int
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    audience = Audience(people(10), total_lies=lie)
    httpx_mock.add_callback(audience.answer, **ANY)
    with pytest.raises(IncompleteRead):
        await read(Recorder())


async def test_R39_a_row_left_out_of_a_page_is_found_out(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    rows = people(9)

    def answer(request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if "status" in params or "since_last_changed" in params:
            return httpx.Response(200, json={"total_items": 0, "members": []})
        offset = int(params.get("offset", 0))
        page = [row for row in rows[offset : offset + 3] if row is not rows[4]]
        return httpx.Response(200, json={"total_items": 9, "members": page})

    httpx_mock.add_callback(answer, **ANY)
    with pytest.raises(IncompleteRead) as caught:
        await read(Recorder())
    assert caught.value.reason == "listing-incomplete"


@pytest.mark.parametrize("lie", [-1, 1, 1500])
async def test_R39_a_total_that_differs_is_no_listing(httpx_mock: HTTPXMock, lie: int) -> None:
    audience = Audience(people(20), total_lies=lie)
    httpx_mock.add_callback(audience.answer, **ANY)
    with pytest.raises(IncompleteRead) as caught:
        await read(Recorder())
    assert caught.value.reason == "listing-incomplete"
    assert audience.requests < 40


async def test_R39_a_vendor_that_only_ever_gives_ten_rows_is_found_out(httpx_mock: HTTPXMock) -> None:
    rows = people(25)

    def answer(request: httpx.Request) -> httpx.Response:
        offset = int(request.url.params.get("offset", 0))
        return httpx.Response(200, json={"total_items": 25, "members": rows[offset : offset + 10]})

    httpx_mock.add_callback(answer, **ANY)
    with pytest.raises(IncompleteRead):
        await read(Recorder())


@pytest.mark.parametrize(
    "body",
    [{}, {"members": []}, {"members": [], "total_items": "3"}, {"members": {}, "total_items": 0}, []]
    + [{"members": [row], "total_items": 1} for row in ({}, {"id": 5, "status": "subscribed"}, None, "x")],
)
async def test_an_answer_of_another_shape_is_not_an_empty_list(httpx_mock: HTTPXMock, body: object) -> None:
    httpx_mock.add_response(json=body, **ANY)
    with pytest.raises(Unrecognised):
        await read(Recorder())


@pytest.mark.parametrize(
    "text", ['{"members":[],"total_items":', '{"total_items":0,"total_items":0,"members":[]}']
)
async def test_I11_a_page_cut_or_ambiguous_is_not_an_empty_list(httpx_mock: HTTPXMock, text: str) -> None:
    httpx_mock.add_response(text=text, headers={"Content-Type": "application/json"}, **ANY)
    with pytest.raises(IncompleteRead):
        await read(Recorder())


async def test_a_list_that_is_gone_is_named(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(404, "Resource Not Found"), **ANY)
    with pytest.raises(NotThere) as caught:
        await read(Recorder())
    assert (caught.value.reason, LIST_ID in caught.value.text) == ("list-missing", True)


# --- drift ----------------------------------------------------------------------------------------------------------

Event = Callable[[Audience], None]


def insert(number: int, at: int) -> Event:
    return lambda audience: audience.insert(f"new{number}@example.org", at)


def delete(at: int) -> Event:
    return lambda audience: audience.delete(at)


def archive(at: int) -> Event:
    return lambda audience: audience.touch(at, status="archived")


def unsubscribe(at: int) -> Event:
    return lambda audience: audience.touch(at, status="unsubscribed")


def unarchive() -> Event:
    def event(audience: Audience) -> None:
        for row in audience.rows:
            if row["status"] == "archived":
                row.update(status="subscribed", last_changed=audience.stamp())
                return

    return event


async def test_R40_a_row_that_slips_over_a_page_border_is_not_lost(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    audience = Audience(people(9), events={1: [delete(0)]})
    httpx_mock.add_callback(audience.answer, **ANY)
    recorder = Recorder()
    known, last = await read(recorder)
    assert set(known) == audience.ids()
    assert last.total == 8
    assert any("reading again" in told for told in recorder.told)


async def test_R40_one_in_and_one_out_between_two_pages_does_not_hide_the_slipped_row(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    audience = Audience(people(9), events={1: [delete(0), insert(1, -1)]})
    httpx_mock.add_callback(audience.answer, **ANY)
    known, _ = await read(Recorder())
    assert set(known) == audience.ids()


async def test_R40_a_listing_that_never_rests_is_given_up(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    audience = Audience(people(60), events={request: [delete(0)] for request in range(1, 200)})
    httpx_mock.add_callback(audience.answer, **ANY)
    with pytest.raises(IncompleteRead) as caught:
        await read(Recorder())
    assert caught.value.reason == "listing-drift"
    assert audience.requests < 150


EVENTS = st.one_of(
    st.builds(insert, st.integers(0, 10**9), st.integers(0, 20)),
    st.builds(delete, st.integers(0, 20)),
    st.builds(archive, st.integers(0, 20)),
    st.builds(unsubscribe, st.integers(0, 20)),
    st.builds(unarchive),
)


@settings(max_examples=250)
@given(
    size=st.integers(0, 14),
    archived=st.integers(0, 4),
    events=st.dictionaries(st.integers(1, 14), st.lists(EVENTS, min_size=1, max_size=3), max_size=3),
    mixed=st.booleans(),
    at_once=st.integers(1, 3),
)
def test_R40_whoever_was_there_all_along_is_listed_or_the_listing_is_refused(
    size: int, archived: int, events: dict[int, list[Event]], mixed: bool, at_once: int
) -> None:
    rows = [member(f"p{n}@example.org") for n in range(size)]
    rows += [member(f"old{n}@example.org", "archived") for n in range(archived)]
    audience = Audience(rows, events=events, mixed=mixed)
    known: dict[str, Member] = {}

    class Wire:
        async def send(self, method: str, path: object, *, params: dict[str, str]) -> object:
            from adapters.http import Answer

            answer = audience.answer(httpx.Request("GET", BASE, params=params))
            headers = {"content-type": "application/json", "date": answer.headers["date"]}
            return Answer(200, headers, answer.content)

    async def sleep(seconds: float) -> None:
        return None

    async def run() -> MemberPage:
        last = MemberPage(())
        reader = Listing(Wire(), LIST_ID, (), at_once=at_once, sleep=sleep, tell=lambda text: None)  # type: ignore[arg-type]
        async for page in reader.pages(None):
            if page.afresh:
                known.clear()
            known.update({row.origin_id: row for row in page.members})
            last = page
        return last

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "PAGE_ROWS", 3)
        try:
            last = asyncio.run(run())
        except IncompleteRead:
            return
    all_along = audience.first_of_sweep & audience.ids()
    assert all_along <= set(known)
    assert last.total == len(known)
    assert last.cursor
    # What moved before the cursor's own re-read is never older than what is shown.
    truth = {row["id"]: row["status"] for row in audience.rows}
    quiet = not any(request >= audience.requests - 4 for request in events)
    if quiet:
        assert {one: known[one].raw_status for one in all_along} == {one: truth[one] for one in all_along}


async def test_a_sign_up_while_reading_costs_no_second_reading(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    audience = Audience(people(9), events={1: [insert(1, -1)], 2: [insert(2, 0)]})
    httpx_mock.add_callback(audience.answer, **ANY)
    recorder = Recorder()
    known, last = await read(recorder)
    assert set(known) == audience.ids()
    assert last.total == 11
    assert not recorder.told


async def test_a_member_taken_back_while_reading_costs_no_second_reading(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    audience = Audience([*people(8), member("old@example.org", "archived")], events={4: [unarchive()]})
    httpx_mock.add_callback(audience.answer, **ANY)
    recorder = Recorder()
    known, last = await read(recorder)
    assert {row.raw_status for row in known.values()} == {"subscribed"}
    assert (set(known), last.total) == (audience.ids(), 9)
    assert not recorder.told


async def test_R40_a_total_that_dips_and_recovers_is_read_again(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    rows = [*people(12), member("old@example.org", "archived")]
    audience = Audience(rows, events={1: [delete(0)], 2: [unarchive()]})
    httpx_mock.add_callback(audience.answer, **ANY)
    known, _ = await read(Recorder())
    assert set(known) == audience.ids()


async def test_R40_two_pages_on_their_way_at_once_hide_nothing(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    rows = [*people(8), member("old@example.org", "archived")]
    audience = Audience(rows, events={1: [unarchive()], 2: [delete(0)]})
    httpx_mock.add_callback(audience.answer, **ANY)
    known, _ = await read(Recorder())
    assert set(known) == audience.ids()


# --- cursors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-14, -1, 0, 1, 14])
async def test_R41_the_cursor_is_the_vendors_clock_less_an_overlap(httpx_mock: HTTPXMock, hours: int) -> None:
    clock = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
    httpx_mock.add_callback(Audience(people(2), now=clock).answer, **ANY)
    _, last = await read(Recorder())
    assert last.cursor is not None
    assert timedelta(seconds=60) <= clock - utc(last.cursor) <= timedelta(seconds=65)


async def test_R41_without_a_clock_the_cursor_lies_further_back_than_any_zone(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"members": [], "total_items": 0}, headers={"Date": "yesterday"}, **ANY)
    _, last = await read(Recorder())
    assert last.cursor is not None
    assert datetime.now(UTC) - utc(last.cursor) >= timedelta(hours=23)


@pytest.mark.parametrize("since", [None, "2020-01-01T00:00:00+00:00"])
async def test_I05_the_cursor_is_that_of_the_first_page(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch, since: str | None
) -> None:
    monkeypatch.setattr(listing, "PAGE_ROWS", 3)
    audience = Audience(people(60))
    began = audience.now
    httpx_mock.add_callback(audience.answer, **ANY)
    _, last = await read(Recorder(), since)
    assert audience.now - began > timedelta(seconds=20), "the clock went on while it was read"
    assert last.cursor is not None
    assert utc(last.cursor) <= began - listing.OVERLAP


@pytest.mark.parametrize("zone", ["+00:00", "+14:00", "-12:00", "Z"])
async def test_R41_a_change_of_the_same_second_is_not_missed(httpx_mock: HTTPXMock, zone: str) -> None:
    audience = Audience(people(5))
    httpx_mock.add_callback(audience.answer, **ANY)
    _, first = await read(Recorder())
    assert first.cursor is not None
    audience.rows[2].update(
        last_changed=first.cursor, status="unsubscribed"
    )  # at the very instant of the cursor
    audience.rows[4].update(last_changed=first.cursor, status="archived")
    since = first.cursor
    if zone != "+00:00":
        offset = {"+14:00": 14, "-12:00": -12, "Z": 0}[zone]
        local = utc(since) + timedelta(hours=offset)
        since = local.replace(tzinfo=None).isoformat(timespec="seconds") + zone
    known, last = await read(Recorder(), since)
    assert {row.raw_status for row in known.values()} == {"unsubscribed", "archived"}
    assert last.total == 2
    assert last.cursor is not None
    assert utc(last.cursor) > utc(first.cursor)
    asked = [request.url.params.get("since_last_changed") for request in httpx_mock.get_requests()][-2:]
    assert asked == [first.cursor, first.cursor]


async def test_R41_an_incremental_read_is_checked_against_its_total_too(httpx_mock: HTTPXMock) -> None:
    audience = Audience(people(5), total_lies=1)
    httpx_mock.add_callback(audience.answer, **ANY)
    with pytest.raises(IncompleteRead):
        await read(Recorder(), "2020-01-01T00:00:00+00:00")


async def test_a_cursor_that_is_none_of_ours_means_everything(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_callback(Audience(people(5)).answer, **ANY)
    known, _ = await read(Recorder(), "page-7")
    assert len(known) == 5


async def test_R36_pages_are_read_within_the_places_kept_for_reads(httpx_mock: HTTPXMock) -> None:
    audience = Audience(people(6500))
    inside = most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        return audience.answer(request)

    httpx_mock.add_callback(answer, **ANY)
    known, _ = await read(Recorder())
    assert len(known) == 6500
    assert most == 2
