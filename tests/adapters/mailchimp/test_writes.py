"""Writes: the exact requests, and results that find their address whatever the answer looks like."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.mailchimp import writes
from adapters.mailchimp.mapping import subscriber_hash
from adapters.provider import (
    Addition,
    AddressMove,
    CredentialsRefused,
    FieldChange,
    NotThere,
    Removal,
    Repeat,
    RowResult,
    Submission,
    Throttled,
    Unanswered,
    Unsubscription,
)
from state.address import address_key
from state.model import Action, Consent, Outcome
from tests.adapters.mailchimp.accounts import BASE, DOUBLE, LIST_ID, REMOTE, connect, member, problem
from tests.adapters.wires import Recorder

EVA, TOM, KIM = "eva@example.org", "Tom@Example.org", "kim@example.net"
HASH = subscriber_hash(EVA)
ANY: dict[str, Any] = {"is_reusable": True, "is_optional": True}


def additions(*emails: str, **fields: str) -> list[Addition]:
    return [Addition(email, fields, "form") for email in emails]


def added(*new: dict[str, Any], errors: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"new_members": list(new), "updated_members": [], "errors": errors or [], **more}


def by_email(submission: Submission) -> dict[str, RowResult]:
    return {result.email: result for result in submission.results}


def row_error(email: str, text: str, code: str = "ERROR_GENERIC", **more: str) -> dict[str, str]:
    return {
        "email_address": email,
        "error": text,
        "error_code": code,
        "field": "",
        "field_message": "",
        **more,
    }


# --- add --------------------------------------------------------------------------------------------------------------


async def test_an_addition_is_one_call_that_can_touch_nobody_known(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=added(member(EVA)))
    mailchimp = connect(Recorder())
    submission = await mailchimp.add(REMOTE, [Addition(f" {EVA} ", {"FNAME": "Eva"}, "form", ("news",))])
    (request,) = httpx_mock.get_requests()
    assert (request.method, str(request.url)) == ("POST", f"{BASE}/lists/{LIST_ID}")
    assert json.loads(request.content) == {
        "members": [
            {"email_address": EVA, "status": "subscribed", "merge_fields": {"FNAME": "Eva"}, "tags": ["news"]}
        ],
        "update_existing": False,
        "sync_tags": False,
    }
    (result,) = submission.results
    assert (result.email, result.outcome, result.reason) == (f" {EVA} ", Outcome.SENT, "added")
    assert (result.origin_id, result.person_id, result.consent) == (
        HASH,
        f"contact-{EVA}",
        Consent.SUBSCRIBED,
    )
    await mailchimp.aclose()


async def test_a_double_opt_in_audience_gets_pending_members(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=added(member(EVA, "pending")))
    mailchimp = connect(Recorder())
    (result,) = (await mailchimp.add(DOUBLE, additions(EVA))).results
    assert json.loads(httpx_mock.get_requests()[0].content)["members"][0]["status"] == "pending"
    assert (result.reason, result.consent) == ("asked-to-confirm", Consent.PENDING)
    await mailchimp.aclose()


async def test_R24_results_find_their_row_by_address_and_not_by_position(httpx_mock: HTTPXMock) -> None:
    answer = added(
        member("KIM@EXAMPLE.NET"),
        member("stranger@example.org"),
        errors=[row_error("tom@example.org", "is already a list member", "ERROR_CONTACT_EXISTS")],
    )
    httpx_mock.add_response(json=answer)
    mailchimp = connect(Recorder())
    results = by_email(await mailchimp.add(REMOTE, additions(EVA, TOM, KIM)))
    assert set(results) == {EVA, TOM, KIM}
    assert (results[KIM].outcome, results[KIM].reason) == (Outcome.SENT, "added")
    assert (results[TOM].outcome, results[TOM].reason) == (Outcome.WITHHELD, "already-there")
    assert (results[EVA].outcome, results[EVA].reason) == (Outcome.UNKNOWN, "unknown")
    assert results[EVA].raw
    await mailchimp.aclose()


@given(
    st.lists(st.sampled_from([EVA, TOM, KIM, "Zoë@exämple.org", "a+b@example.org"]), unique=True, min_size=1),
    st.data(),
)
def test_R24_any_spelling_and_order_of_the_answer_is_matched(emails: list[str], data: st.DataObject) -> None:
    def spelled(email: str) -> str:
        return data.draw(st.sampled_from([email, email.upper(), f" {email.lower()} ", email.title()]))

    shuffled = data.draw(st.permutations(emails))
    kinds = {email: data.draw(st.sampled_from(["new", "error", "updated", "silent"])) for email in emails}
    document = {
        "new_members": [member(spelled(e)) for e in shuffled if kinds[e] == "new"],
        "updated_members": [member(spelled(e)) for e in shuffled if kinds[e] == "updated"],
        "errors": [row_error(spelled(e), "no") for e in shuffled if kinds[e] == "error"],
    }
    told = writes._told(document)
    expected = {
        "new": Outcome.SENT,
        "error": Outcome.REJECTED,
        "updated": Outcome.WITHHELD,
    }
    for email in emails:
        found = writes._row_told(email, told.get(address_key(email)))
        assert (found.email, found.outcome) == (email, expected.get(kinds[email], Outcome.UNKNOWN))


async def test_R16_each_row_of_a_bulk_answer_has_its_reason(httpx_mock: HTTPXMock) -> None:
    errors = [
        row_error("a@example.org", "a@example.org is already a list member", "ERROR_CONTACT_EXISTS"),
        row_error("b@example.org", "b@example.org was permanently deleted and cannot be re-imported."),
        row_error(
            "c@example.org", "c@example.org is already a list member in compliance state due to unsubscribe."
        ),
        row_error("d@example.org", "d@example.org looks fake or invalid, please enter a real email address."),
        row_error(
            "e@example.org", "Your merge fields were invalid.", field="GENDER", field_message="must be m, w"
        ),
        row_error("f@example.org", "GENDER", field="GENDER", field_message="must be m, w"),
        row_error("g@example.org", "x has signed up to a lot of lists very recently"),
        row_error("h@example.org", "Der Kontakt gefällt uns nicht"),
    ]
    httpx_mock.add_response(json=added(errors=errors))
    mailchimp = connect(Recorder())
    results = by_email(await mailchimp.add(REMOTE, additions(*(f"{c}@example.org" for c in "abcdefgh"))))
    assert [results[f"{c}@example.org"].reason for c in "abcdefgh"] == [
        "already-there",
        "erased-remotely",
        "compliance-state",
        "address-refused",
        "field-invalid",
        "field-invalid",
        "signed-up-too-often",
        "platform-refused",
    ]
    assert "GENDER: must be m, w" in results["f@example.org"].raw
    assert results["h@example.org"].raw == "Der Kontakt gefällt uns nicht"
    await mailchimp.aclose()


@pytest.mark.parametrize("text", ["", '{"new_members":[]', "[]", "null", '{"errors":1,"errors":1}'])
async def test_R23_an_answer_that_is_no_result_puts_the_chunk_in_doubt(
    httpx_mock: HTTPXMock, text: str
) -> None:
    httpx_mock.add_response(text=text, headers={"Content-Type": "application/json"})
    mailchimp = connect(Recorder())
    with pytest.raises(Unanswered):
        await mailchimp.add(REMOTE, additions(EVA))
    await mailchimp.aclose()


@pytest.mark.parametrize(
    "document", [{}, {"new_members": 5, "errors": {}}, added(), {"new_members": [None, 3]}]
)
async def test_R23_an_answer_that_tells_nothing_is_no_success(
    httpx_mock: HTTPXMock, document: dict[str, Any]
) -> None:
    httpx_mock.add_response(json=document)
    mailchimp = connect(Recorder())
    (result,) = (await mailchimp.add(REMOTE, additions(EVA))).results
    assert (result.outcome, result.reason) == (Outcome.UNKNOWN, "unknown")
    await mailchimp.aclose()


async def test_I25_the_row_that_spoils_a_chunk_is_found_and_the_rest_goes_through(
    httpx_mock: HTTPXMock,
) -> None:
    poison = "p77@example.org"

    def answer(request: httpx.Request) -> httpx.Response:
        emails = [row["email_address"] for row in json.loads(request.content)["members"]]
        if poison in emails:
            return httpx.Response(400, json={"title": "Invalid Resource", "status": 400, "detail": "schema"})
        return httpx.Response(200, json=added(*(member(email) for email in emails)))

    httpx_mock.add_callback(answer, **ANY)
    mailchimp = connect(Recorder())
    submission = await mailchimp.add(REMOTE, additions(*(f"p{n}@example.org" for n in range(500))))
    results = by_email(submission)
    assert len(submission.results) == len(results) == 500
    assert results.pop(poison).reason == "platform-refused"
    assert {result.outcome for result in results.values()} == {Outcome.SENT}
    assert len(httpx_mock.get_requests()) <= 1 + writes.SPLITS
    await mailchimp.aclose()


async def test_I19_a_chunk_refused_whatever_is_in_it_makes_no_storm(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(400, "Bad Request"), **ANY)
    mailchimp = connect(Recorder())
    submission = await mailchimp.add(REMOTE, additions(*(f"p{n}@example.org" for n in range(500))))
    assert {result.outcome for result in submission.results} == {Outcome.REJECTED}
    assert len(submission.results) == 500
    assert len(httpx_mock.get_requests()) <= 1 + writes.SPLITS
    await mailchimp.aclose()


@pytest.mark.parametrize("last", [problem(401, "API Key Invalid"), {"status_code": 502, "html": "<html>"}])
async def test_a_chunk_half_of_which_was_added_is_read_back_as_a_whole(
    httpx_mock: HTTPXMock, last: dict[str, Any]
) -> None:
    httpx_mock.add_response(**problem(400, "Invalid Resource"))
    httpx_mock.add_response(json=added(member(EVA)))
    httpx_mock.add_response(**last)
    mailchimp = connect(Recorder())
    with pytest.raises(Unanswered) as caught:
        await mailchimp.add(REMOTE, additions(EVA, TOM))
    assert "1 of 2 rows were applied" in caught.value.text
    await mailchimp.aclose()


async def test_a_chunk_of_which_nothing_was_added_tells_why(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(400, "Invalid Resource"))
    httpx_mock.add_response(**problem(400, "Member Exists"))
    httpx_mock.add_response(**problem(401, "API Key Invalid"))
    mailchimp = connect(Recorder())
    with pytest.raises(CredentialsRefused):
        await mailchimp.add(REMOTE, additions(EVA, TOM))
    await mailchimp.aclose()


# --- batch rules -------------------------------------------------------------------------------------------------------


def test_R34_chunks_keep_to_the_vendors_limits() -> None:
    mailchimp = connect(Recorder())
    add = mailchimp.batch(Action.ADD, 100_000)
    assert (add.rows, add.repeat, add.by_ticket, add.calls_per_chunk) == (500, Repeat.AT_ONCE, False, 1)
    assert not mailchimp.batch(Action.CHANGE, 1000).by_ticket
    ticket = mailchimp.batch(Action.CHANGE, 1001)
    assert ticket.by_ticket
    assert 500 <= ticket.rows <= 1000
    for action in (Action.REMOVE, Action.UNSUBSCRIBE, Action.MOVE):
        rule = mailchimp.batch(action, 100_000)
        assert (rule.rows, rule.calls_per_chunk, rule.by_ticket) == (50, 50, False)


# --- single members -----------------------------------------------------------------------------------------------------


async def test_a_change_has_no_status_in_it_and_goes_to_the_origin_id(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=member(EVA, id="0ld0r1g1n"))
    mailchimp = connect(Recorder())
    row = FieldChange(EVA, "0ld0r1g1n", {"FNAME": "Zoë", "LNAME": ""})
    (result,) = (await mailchimp.change(REMOTE, [row], by_ticket=False)).results
    (request,) = httpx_mock.get_requests()
    assert (request.method, str(request.url)) == ("PATCH", f"{BASE}/lists/{LIST_ID}/members/0ld0r1g1n")
    assert json.loads(request.content) == {"merge_fields": {"FNAME": "Zoë", "LNAME": ""}}
    assert (result.outcome, result.reason, result.origin_id) == (Outcome.SENT, "changed", "0ld0r1g1n")
    await mailchimp.aclose()


async def test_without_an_origin_id_the_hash_of_the_address_is_used(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=member(EVA))
    mailchimp = connect(Recorder())
    await mailchimp.unsubscribe(REMOTE, [Unsubscription(f" {EVA.upper()} ", "")])
    assert httpx_mock.get_requests()[0].url.path.endswith(f"/members/{HASH}")
    await mailchimp.aclose()


async def test_an_opt_out_is_passed_on_as_the_one_status_that_may_be_written(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=member(EVA, "unsubscribed"))
    mailchimp = connect(Recorder())
    (result,) = (await mailchimp.unsubscribe(REMOTE, [Unsubscription(EVA, HASH)])).results
    assert json.loads(httpx_mock.get_requests()[0].content) == {"status": "unsubscribed"}
    assert (result.reason, result.consent) == ("unsubscribed-by-us", Consent.UNSUBSCRIBED)
    await mailchimp.aclose()


async def test_R17_an_opt_out_that_the_answer_does_not_show_is_no_success(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=member(EVA, "subscribed"))
    mailchimp = connect(Recorder())
    (result,) = (await mailchimp.unsubscribe(REMOTE, [Unsubscription(EVA, HASH)])).results
    assert (result.outcome, result.consent) == (Outcome.UNKNOWN, Consent.SUBSCRIBED)
    await mailchimp.aclose()


async def test_a_removal_archives_and_end_states_are_withheld(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=204)
    httpx_mock.add_response(**problem(405, "Method Not Allowed", "This list member cannot be removed."))
    httpx_mock.add_response(**problem(404, "Resource Not Found"))
    httpx_mock.add_response(json={"id": LIST_ID, "name": "Verbandsnews"})  # the list itself is there
    mailchimp = connect(Recorder(), connections=1)
    rows = [Removal(email, subscriber_hash(email)) for email in (EVA, TOM, KIM)]
    results = by_email(await mailchimp.remove(REMOTE, rows))
    assert [(results[e].outcome, results[e].reason) for e in (EVA, TOM, KIM)] == [
        (Outcome.SENT, "removed"),
        (Outcome.WITHHELD, "member-locked"),
        (Outcome.WITHHELD, "member-gone"),
    ]
    methods = [request.method for request in httpx_mock.get_requests()]
    assert methods == ["DELETE", "DELETE", "DELETE", "GET"]
    assert all("delete-permanent" not in str(request.url) for request in httpx_mock.get_requests())
    await mailchimp.aclose()


async def test_a_list_that_is_gone_is_not_mistaken_for_members_that_are(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(404, "Resource Not Found"), **ANY)
    mailchimp = connect(Recorder())
    with pytest.raises(NotThere) as caught:
        await mailchimp.remove(REMOTE, [Removal(EVA, HASH)])
    assert caught.value.reason == "list-missing"
    with pytest.raises(NotThere):
        await mailchimp.find(REMOTE, [EVA, KIM], ())
    await mailchimp.aclose()


async def test_a_move_keeps_the_record_and_tells_the_new_origin_id(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=member(KIM))
    httpx_mock.add_response(**problem(400, "Member Exists", f"{TOM} is already a list member."))
    mailchimp = connect(Recorder(), connections=1)
    rows = [AddressMove(EVA, HASH, KIM, {"FNAME": "Kim"}), AddressMove("ann@example.org", "", TOM)]
    results = by_email(await mailchimp.move(REMOTE, rows))
    first, second = httpx_mock.get_requests()
    assert (first.method, first.url.path.rpartition("/")[2]) == ("PATCH", HASH)
    assert json.loads(first.content) == {"email_address": KIM, "merge_fields": {"FNAME": "Kim"}}
    assert json.loads(second.content) == {"email_address": TOM}
    assert (results[EVA].reason, results[EVA].origin_id) == ("moved", subscriber_hash(KIM))
    assert (results["ann@example.org"].outcome, results["ann@example.org"].reason) == (
        Outcome.REJECTED,
        "address-taken",
    )
    await mailchimp.aclose()


async def test_a_refused_row_does_not_stop_the_rows_after_it(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(400, "Invalid Resource", "Your merge fields were invalid."))
    httpx_mock.add_response(json=member(KIM))
    mailchimp = connect(Recorder(), connections=1)
    rows = [FieldChange(EVA, HASH, {"X": "1"}), FieldChange(KIM, "k", {"X": "1"})]
    submission = await mailchimp.change(REMOTE, rows, by_ticket=False)
    assert [result.outcome for result in submission.results] == [Outcome.REJECTED, Outcome.SENT]
    await mailchimp.aclose()


async def test_a_chunk_that_ends_midway_is_read_back_and_one_that_never_began_is_not(
    httpx_mock: HTTPXMock,
) -> None:
    httpx_mock.add_response(json=member(EVA))
    httpx_mock.add_response(status_code=429, **ANY)
    mailchimp = connect(Recorder(), connections=1, tries=2)
    rows = [FieldChange(email, email, {"X": "1"}) for email in (EVA, TOM, KIM)]
    with pytest.raises(Unanswered) as caught:
        await mailchimp.change(REMOTE, rows, by_ticket=False)
    assert "throttling" in caught.value.text
    assert "1 of 3 rows were applied" in caught.value.text
    assert len(httpx_mock.get_requests()) == 3  # Kim was never tried
    with pytest.raises(Throttled):
        await mailchimp.change(REMOTE, rows, by_ticket=False)
    await mailchimp.aclose()


async def test_a_row_without_an_answer_puts_its_chunk_in_doubt(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.RemoteProtocolError("cut"), **ANY)
    mailchimp = connect(Recorder(), connections=1)
    with pytest.raises(Unanswered):
        await mailchimp.remove(REMOTE, [Removal(f"p{n}@example.org", "") for n in range(10)])
    assert len(httpx_mock.get_requests()) == 1
    await mailchimp.aclose()


async def test_a_stop_from_outside_is_not_swallowed(httpx_mock: HTTPXMock) -> None:
    class LeaseLost(Exception):
        pass

    httpx_mock.add_response(json=member(EVA), **ANY)
    recorder = Recorder()
    mailchimp = connect(recorder)

    async def before() -> None:
        if len(recorder.notes) >= 3:
            raise LeaseLost

    mailchimp._wire.before_request = before
    rows = [FieldChange(f"p{n}@example.org", "", {"X": "1"}) for n in range(40)]
    with pytest.raises(LeaseLost):
        await mailchimp.change(REMOTE, rows, by_ticket=False)
    assert len(httpx_mock.get_requests()) <= 3 + 8
    await mailchimp.aclose()


async def test_a_postal_address_is_sent_as_the_object_mailchimp_wants(httpx_mock: HTTPXMock) -> None:
    fields = [
        {"tag": "ADDRESS", "name": "Address", "type": "address"},
        {"tag": "NOTE", "name": "n", "type": "text"},
    ]
    httpx_mock.add_response(
        url=re.compile(r".*/merge-fields\?.*"), json={"merge_fields": fields, "total_items": 2}
    )
    httpx_mock.add_response(method="PATCH", json=member(EVA), **ANY)
    mailchimp = connect(Recorder())
    text = '{"addr1":"Weg 1","city":"Bern","state":"BE","zip":"3000"}'
    for _ in range(2):  # the types are asked for once
        await mailchimp.change(
            REMOTE, [FieldChange(EVA, HASH, {"ADDRESS": text, "NOTE": text})], by_ticket=False
        )
    sent = json.loads(httpx_mock.get_requests()[1].content)["merge_fields"]
    assert sent == {"ADDRESS": json.loads(text), "NOTE": text}
    await mailchimp.aclose()
