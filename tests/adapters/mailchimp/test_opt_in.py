"""Asking one person, and reading single members back."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters.mailchimp.mapping import subscriber_hash, subscriber_hashes
from adapters.provider import (
    OptInRequest,
    Unanswered,
)
from state.model import Consent, Outcome
from tests.adapters.mailchimp.accounts import LIST_ID, REMOTE, connect, member, problem
from tests.adapters.wires import Recorder

EVA, TOM, KIM = "eva@example.org", "Tom@Example.org", "kim@example.net"
HASH = subscriber_hash(EVA)
ANY: dict[str, Any] = {"is_reusable": True, "is_optional": True}

# --- opt-in request -----------------------------------------------------------------------------------------------------

ASKED = OptInRequest(EVA, HASH, "anna")


@pytest.mark.parametrize("status", ["unsubscribed", "archived", "cleaned", "pending"])
async def test_an_opt_in_request_asks_one_known_person(httpx_mock: HTTPXMock, status: str) -> None:
    httpx_mock.add_response(method="GET", json=member(EVA, status))
    httpx_mock.add_response(method="PATCH", json=member(EVA, "pending"))
    mailchimp = connect(Recorder())
    result = await mailchimp.request_opt_in(REMOTE, ASKED)
    assert json.loads(httpx_mock.get_requests()[1].content) == {"status": "pending"}
    assert (result.outcome, result.reason, result.consent) == (Outcome.SENT, "opt-in-asked", Consent.PENDING)
    await mailchimp.aclose()


async def test_an_opt_in_request_to_a_stranger_adds_them_as_pending(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(
        method="GET", url=re.compile(".*/members/.*"), **problem(404, "Resource Not Found")
    )
    httpx_mock.add_response(method="GET", json={"id": LIST_ID, "name": "V"})
    httpx_mock.add_response(method="PUT", json=member(EVA, "pending"))
    mailchimp = connect(Recorder())
    result = await mailchimp.request_opt_in(REMOTE, OptInRequest(EVA, "", "anna"))
    sent = json.loads(httpx_mock.get_requests(method="PUT")[0].content)
    assert sent == {"email_address": EVA, "status_if_new": "pending", "status": "pending"}
    assert result.reason == "opt-in-asked"
    await mailchimp.aclose()


async def test_an_opt_in_request_never_lowers_somebody_subscribed(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(method="GET", json=member(EVA))
    mailchimp = connect(Recorder())
    result = await mailchimp.request_opt_in(REMOTE, ASKED)
    assert (result.outcome, result.reason) == (Outcome.WITHHELD, "already-there")
    assert len(httpx_mock.get_requests()) == 1
    await mailchimp.aclose()


async def test_an_opt_in_request_for_an_erased_person_says_so_and_is_never_repeated(
    httpx_mock: HTTPXMock,
) -> None:
    httpx_mock.add_response(method="GET", json=member(EVA, "archived"), **ANY)
    httpx_mock.add_response(method="PATCH", **problem(400, "Forgotten Email Not Subscribed"))
    mailchimp = connect(Recorder())
    result = await mailchimp.request_opt_in(REMOTE, ASKED)
    assert (result.outcome, result.reason, result.consent) == (
        Outcome.WITHHELD,
        "erased-remotely",
        Consent.ERASED,
    )
    httpx_mock.add_response(method="PATCH", status_code=502, html="<html>")
    with pytest.raises(Unanswered):
        await mailchimp.request_opt_in(REMOTE, ASKED)
    assert len(httpx_mock.get_requests(method="PATCH")) == 2
    await mailchimp.aclose()


# --- read back ----------------------------------------------------------------------------------------------------------


async def test_members_are_found_by_hash_and_unknown_ones_are_absent(httpx_mock: HTTPXMock) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        for email in (EVA, TOM):
            # An old list: Tom's id was made without lower-casing.
            if request.url.path.endswith(subscriber_hashes(email)[-1]):
                return httpx.Response(200, json=member(email, "archived"))
        return httpx.Response(404, json={"title": "Resource Not Found"})

    httpx_mock.add_callback(answer, **ANY)
    mailchimp = connect(Recorder(), read_only=True)
    found = await mailchimp.find(REMOTE, [EVA, TOM, KIM, EVA], ("FNAME",))
    assert sorted(one.email for one in found) == [TOM, EVA]
    assert {one.raw_status for one in found} == {"archived"}
    asked = httpx_mock.get_requests()[0].url.params["fields"]
    assert asked.startswith("id,email_address,status")
    assert "merge_fields.FNAME" in asked
    assert "total_items" not in asked
    assert all("example" not in str(request.url) for request in httpx_mock.get_requests())
    await mailchimp.aclose()
