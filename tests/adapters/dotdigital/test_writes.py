"""Calls about single contacts: the exact requests, and that none of them raises anybody's consent (R02)."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters.provider import (
    AddressMove,
    NotThere,
    OptInRequest,
    Refused,
    Removal,
    Throttled,
    Unanswered,
    Unsubscription,
)
from state.model import Consent, Outcome, Scope
from tests.adapters.dotdigital.accounts import (
    ANY,
    API,
    BOOK,
    GUID,
    REMOTE,
    TEST_BOOK,
    asked,
    book,
    connect,
    contact,
    opened,
    pascal,
    refusal,
    suppression,
)
from tests.adapters.wires import Recorder

IDA, TOM = "ida@example.org", "tom@example.org"


def at(path: str) -> re.Pattern[str]:
    """Any query of a path."""
    return re.compile(re.escape(f"{API}{path}") + r"(\?.*)?$")


# --- removal ----------------------------------------------------------------------------------------------------------


async def test_a_removal_is_one_call_of_ids_and_a_ticket(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(
        method="POST", url=f"{BOOK}/contacts/delete", status_code=202, json={"Id": GUID, "Status": "Started"}
    )
    dotdigital = connect(Recorder())
    submission = await dotdigital.remove(REMOTE, [Removal(IDA, "81"), Removal(TOM, "82")])
    assert json.loads(asked(httpx_mock)[0].content) == [81, 82]
    assert submission.ticket == f"deletion:{GUID}"
    assert {one.outcome for one in submission.results} == {Outcome.ACCEPTED}
    await dotdigital.aclose()


async def test_a_removal_without_a_ticket_is_done_when_the_answer_is_empty(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", status_code=204)
    dotdigital = connect(Recorder())
    submission = await dotdigital.remove(REMOTE, [Removal(IDA, "81")])
    (result,) = submission.results
    assert (submission.ticket, result.outcome, result.reason) == ("", Outcome.SENT, "removed")
    await dotdigital.aclose()


async def test_a_removal_that_was_taken_without_a_ticket_is_in_doubt(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", status_code=202, json={})
    dotdigital = connect(Recorder())
    with pytest.raises(Unanswered):
        await dotdigital.remove(REMOTE, [Removal(IDA, "81")])
    await dotdigital.aclose()


async def test_a_row_without_a_number_is_not_sent_and_nobody_else_goes_in_its_place(
    httpx_mock: HTTPXMock,
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", status_code=204, is_optional=True)
    dotdigital = connect(Recorder())
    submission = await dotdigital.remove(
        REMOTE, [Removal(IDA, ""), Removal(TOM, "delete-all"), Removal("x@y.example", "82")]
    )
    assert [json.loads(one.content) for one in asked(httpx_mock)] == [[82]]
    assert [one.outcome for one in submission.results] == [Outcome.REJECTED, Outcome.REJECTED, Outcome.SENT]
    await dotdigital.remove(REMOTE, [Removal(IDA, "")])
    assert len(asked(httpx_mock)) == 1
    await dotdigital.aclose()


async def test_R34_a_call_with_too_many_ids_is_halved_until_it_is_taken(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)

    def at_most_two(request: httpx.Request) -> httpx.Response:
        ids = json.loads(request.content)
        if len(ids) > 2:
            return httpx.Response(400, json={"message": "Error: ERROR_CONTACT_TOOMANY"})
        return httpx.Response(202, json={"id": f"guid-{ids[0]}", "status": "Started"})

    httpx_mock.add_callback(at_most_two, method="POST", is_reusable=True)
    dotdigital = connect(Recorder())
    rows = [Removal(f"p{number}@example.org", str(number)) for number in range(1, 6)]
    submission = await dotdigital.remove(REMOTE, rows)
    assert submission.ticket == "deletion:guid-1+guid-3+guid-4"
    assert [one.email for one in submission.results] == [row.email for row in rows]
    assert {one.outcome for one in submission.results} == {Outcome.ACCEPTED}
    await dotdigital.aclose()


async def test_a_removal_of_one_that_is_too_many_is_refused(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal("ERROR_CONTACT_TOOMANY"))
    dotdigital = connect(Recorder())
    with pytest.raises(Refused):
        await dotdigital.remove(REMOTE, [Removal(IDA, "81")])
    await dotdigital.aclose()


@pytest.mark.parametrize("unanswered", [True, False])
async def test_a_half_that_failed_takes_nothing_from_the_other(
    httpx_mock: HTTPXMock, unanswered: bool
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal("ERROR_CONTACT_TOOMANY"))
    httpx_mock.add_response(method="POST", status_code=202, json={"id": GUID, "status": "Started"})
    if unanswered:
        httpx_mock.add_response(method="POST", status_code=502, html="<html></html>")
    else:
        httpx_mock.add_response(method="POST", **refusal("ERROR_FEATURENOTACTIVE"))
    dotdigital = connect(Recorder())
    submission = await dotdigital.remove(REMOTE, [Removal(IDA, "81"), Removal(TOM, "82")])
    assert submission.ticket == f"deletion:{GUID}"
    assert [one.outcome for one in submission.results] == [
        Outcome.ACCEPTED,
        Outcome.UNKNOWN if unanswered else Outcome.REJECTED,
    ]
    await dotdigital.aclose()


# --- opt-outs -----------------------------------------------------------------------------------------------------------


async def test_an_opt_out_leaves_this_book_and_no_more(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(
        method="POST",
        url=f"{BOOK}/contacts/unsubscribe",
        json=suppression(81, "Unsubscribed", "2026-03-01T00:00:00Z"),
    )
    dotdigital = connect(Recorder())
    (result,) = (await dotdigital.unsubscribe(REMOTE, [Unsubscription(f" {IDA} ", "81")])).results
    assert json.loads(asked(httpx_mock)[0].content) == {"email": IDA}
    assert (result.outcome, result.reason, result.consent) == (
        Outcome.SENT,
        "unsubscribed-by-us",
        Consent.UNSUBSCRIBED,
    )
    await dotdigital.aclose()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ERROR_CONTACT_NOT_FOUND", "member-gone"),
        ("ERROR_CONTACT_SUPPRESSED", "suppressed-account"),
        ("ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK", "unsubscribed"),
    ],
)
async def test_R28_whoever_is_out_already_spoils_nothing(
    httpx_mock: HTTPXMock, code: str, reason: str
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal(code))
    dotdigital = connect(Recorder())
    (result,) = (await dotdigital.unsubscribe(REMOTE, [Unsubscription(IDA, "81")])).results
    assert (result.outcome, result.reason) == (Outcome.WITHHELD, reason)
    await dotdigital.aclose()


async def test_a_book_that_is_gone_is_no_row_of_anybody(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal("ERROR_ADDRESSBOOK_NOT_FOUND", 404))
    dotdigital = connect(Recorder())
    with pytest.raises(NotThere):
        await dotdigital.unsubscribe(REMOTE, [Unsubscription(IDA, "81")])
    await dotdigital.aclose()


async def test_the_limit_in_the_midst_of_a_chunk_puts_the_chunk_in_doubt(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", json={})
    httpx_mock.add_response(method="POST", **refusal("ERROR_APIUSAGE_EXCEEDED"), **ANY)
    dotdigital = connect(Recorder(), connections=1)
    with pytest.raises(Unanswered, match="1 of 2 rows"):
        await dotdigital.unsubscribe(REMOTE, [Unsubscription(IDA, "81"), Unsubscription(TOM, "82")])
    with pytest.raises(Throttled):
        await dotdigital.unsubscribe(REMOTE, [Unsubscription(TOM, "82")])
    await dotdigital.aclose()


# --- another address -----------------------------------------------------------------------------------------------------


async def test_a_move_keeps_the_id_and_writes_no_consent(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="PUT", url=f"{API}/contacts/81", json=contact(81, email="ida@example.net"))
    dotdigital = connect(Recorder())
    move = AddressMove(IDA, "81", " Ida@Example.net ", {"FIRSTNAME": "Ida"})
    (result,) = (await dotdigital.move(REMOTE, [move])).results
    assert json.loads(asked(httpx_mock)[0].content) == {
        "email": "Ida@Example.net",
        "dataFields": [{"key": "FIRSTNAME", "value": "Ida"}],
    }
    assert (result.email, result.outcome, result.reason, result.origin_id) == (
        IDA,
        Outcome.SENT,
        "moved",
        "81",
    )
    await dotdigital.aclose()


async def test_an_address_somebody_else_has_is_told_as_taken(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="PUT", **refusal("ERROR_CONTACT_INVALID"), **ANY)
    httpx_mock.add_response(url=f"{API}/contacts/taken%40example.org", json=contact(99))
    httpx_mock.add_response(
        url=f"{API}/contacts/bad%40example.org", **refusal("ERROR_CONTACT_NOT_FOUND", 404)
    )
    httpx_mock.add_response(url=f"{API}/contacts/out%40example.org", **refusal("ERROR_CONTACT_SUPPRESSED"))
    dotdigital = connect(Recorder())
    found = {}
    for name in ("taken", "bad", "out"):
        (result,) = (await dotdigital.move(REMOTE, [AddressMove(IDA, "81", f"{name}@example.org")])).results
        found[name] = result.reason
        assert result.outcome is Outcome.REJECTED
    assert found == {"taken": "address-taken", "bad": "platform-refused", "out": "address-taken"}
    await dotdigital.aclose()


async def test_an_answer_that_shows_another_address_is_no_move(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="PUT", json=contact(81, email=IDA))
    dotdigital = connect(Recorder())
    (result,) = (await dotdigital.move(REMOTE, [AddressMove(IDA, "81", "ida@example.net")])).results
    assert result.outcome is Outcome.UNKNOWN
    await dotdigital.aclose()


# --- asking one person -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "outcome", "reason"),
    [
        ("ContactChallenged", Outcome.SENT, "opt-in-asked"),
        ("contactchallenged", Outcome.SENT, "opt-in-asked"),
        ("ContactAdded", Outcome.SENT, "added"),
        ("ContactCannotBeUnsuppressed", Outcome.REJECTED, "cannot-be-asked"),
        ("NotAvailableInThisVersion", Outcome.UNKNOWN, "unknown"),
        ("", Outcome.UNKNOWN, "unknown"),
    ],
)
@pytest.mark.parametrize("spelling", [dict, pascal])
async def test_one_person_is_asked_by_the_call_that_asks(
    httpx_mock: HTTPXMock, word: str, outcome: Outcome, reason: str, spelling: Any
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/contacts/ida%40example.org", json=contact(81, "Unsubscribed"))
    answer = {"contact": contact(81, "Unsubscribed"), "status": word}
    httpx_mock.add_response(method="POST", url=f"{BOOK}/contacts/resubscribe", json=spelling(answer))
    dotdigital = connect(Recorder())
    result = await dotdigital.request_opt_in(REMOTE, OptInRequest(IDA, "81", "office"))
    assert (result.outcome, result.reason) == (outcome, reason)
    assert json.loads(asked(httpx_mock)[-1].content) == {
        "unsubscribedContact": {"email": IDA},
        "preferredLocale": "",
        "returnUrlToUseIfChallenged": "",
    }
    await dotdigital.aclose()


async def test_somebody_on_the_list_is_left_alone(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/contacts/ida%40example.org", json=contact(81))
    httpx_mock.add_response(url=at("/contacts/81/address-books"), json=[book(3)])
    dotdigital = connect(Recorder())
    result = await dotdigital.request_opt_in(REMOTE, OptInRequest(IDA, "81", "office"))
    assert (result.outcome, result.reason) == (Outcome.WITHHELD, "already-there")
    assert {one.method for one in asked(httpx_mock)} == {"GET"}
    await dotdigital.aclose()


async def test_nothing_is_done_to_a_book_of_the_accounts_own(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    dotdigital = connect(Recorder())
    for write in (
        dotdigital.remove(TEST_BOOK, [Removal(IDA, "81")]),
        dotdigital.unsubscribe(TEST_BOOK, [Unsubscription(IDA, "81")]),
        dotdigital.move(TEST_BOOK, [AddressMove(IDA, "81", TOM)]),
    ):
        with pytest.raises(Refused) as caught:
            await write
        assert caught.value.reason == "system-list"
    with pytest.raises(Refused):
        await dotdigital.request_opt_in(TEST_BOOK, OptInRequest(IDA, "81", "office"))
    assert asked(httpx_mock) == []
    await dotdigital.aclose()


# --- looking up ----------------------------------------------------------------------------------------------------------------


async def test_a_member_is_found_in_its_book_and_absent_from_another(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/data-fields", json=[])
    httpx_mock.add_response(url=f"{API}/contacts/ida%40example.org", json=contact(81, email=IDA))
    httpx_mock.add_response(url=f"{API}/contacts/tom%40example.org", json=contact(82, email=TOM))
    httpx_mock.add_response(
        url=f"{API}/contacts/left%40example.org", json=contact(83, email="left@example.org")
    )
    httpx_mock.add_response(
        url=f"{API}/contacts/out%40example.org", json=contact(84, "HardBounced", email="out@example.org")
    )
    httpx_mock.add_response(url=f"{API}/contacts/hidden%40example.org", **refusal("ERROR_CONTACT_SUPPRESSED"))
    httpx_mock.add_response(
        url=f"{API}/contacts/nobody%40example.org", **refusal("ERROR_CONTACT_NOT_FOUND", 400)
    )
    httpx_mock.add_response(url=at("/contacts/81/address-books"), json=[book(1, number=4712), book(3)])
    for number in (82, 83):
        path = re.escape(f"{API}/contacts/{number}/address-books?select=1000&skip=")
        httpx_mock.add_response(url=re.compile(path + "0"), json=[book(1, number=4712)])
        httpx_mock.add_response(url=re.compile(path + "900"), json=[])
    left = re.escape(f"{BOOK}/contacts/unsubscribed-since/1971-01-01T00%3A00%3A00Z?select=1000&skip=")
    httpx_mock.add_response(
        url=re.compile(left + "0"), json=[suppression(83, "Unsubscribed", "2026-02-11T17:03:22Z")]
    )
    httpx_mock.add_response(url=re.compile(left + "900"), json=[])
    dotdigital = connect(Recorder())
    wanted = [
        "IDA@example.org",
        TOM,
        "left@example.org",
        "out@example.org",
        "hidden@example.org",
        "nobody@example.org",
    ]
    httpx_mock.add_response(
        url=f"{API}/contacts/IDA%40example.org", json=contact(81, email=IDA), is_optional=True
    )
    found = await dotdigital.find(REMOTE, [IDA, *wanted[1:]], ("FIRSTNAME",))
    assert [(one.email, one.consent, one.scope) for one in found] == [
        (IDA, Consent.SUBSCRIBED, None),
        ("person83@example.org", Consent.UNSUBSCRIBED, Scope.LIST),
        ("out@example.org", Consent.BOUNCED, Scope.ACCOUNT),
        ("hidden@example.org", Consent.SUPPRESSED, Scope.ACCOUNT),
    ]
    await dotdigital.aclose()


async def test_nobody_found_may_mean_that_the_book_is_gone(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(
        url=f"{API}/contacts/nobody%40example.org", **refusal("ERROR_CONTACT_NOT_FOUND", 404)
    )
    httpx_mock.add_response(url=BOOK, **refusal("ERROR_ADDRESSBOOK_NOT_FOUND", 404))
    dotdigital = connect(Recorder())
    with pytest.raises(NotThere, match="4711"):
        await dotdigital.find(REMOTE, ["nobody@example.org"], ())
    await dotdigital.aclose()


async def test_R30_whom_the_account_still_knows_and_whom_it_erased(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/contacts/here%40example.org", json=contact(1))
    httpx_mock.add_response(url=f"{API}/contacts/out%40example.org", **refusal("ERROR_CONTACT_SUPPRESSED"))
    httpx_mock.add_response(url=f"{API}/contacts/deleted%40example.org", json=contact(2, "Deleted"))
    httpx_mock.add_response(
        url=f"{API}/contacts/gone%40example.org", **refusal("ERROR_CONTACT_NOT_FOUND", 404)
    )
    dotdigital = connect(Recorder())
    wanted = [f"{name}@example.org" for name in ("here", "out", "deleted", "gone", "here")]
    assert await dotdigital.known(wanted) == {"here@example.org", "out@example.org"}
    await dotdigital.aclose()


async def test_R30_a_refusal_of_another_kind_says_nothing_about_anybody(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/contacts/here%40example.org", **refusal("ERROR_FEATURENOTACTIVE"))
    dotdigital = connect(Recorder())
    with pytest.raises(Exception, match="package does not include"):
        await dotdigital.known(["here@example.org"])
    await dotdigital.aclose()
