"""Every refusal of the contract has a reason, and what nobody described is never a success (R16, R23, R28, R30)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.mailchimp.errors import Problem, problem_of, row_result, verdict
from adapters.provider import (
    AccountLimit,
    AdapterError,
    Addition,
    CredentialsRefused,
    FieldChange,
    NotThere,
    Refused,
    RightsMissing,
    Throttled,
    Unanswered,
    Unreachable,
    Unrecognised,
)
from state.model import Consent, Outcome
from state.reasons import REASONS
from tests.adapters.mailchimp.accounts import LIST_ID, REMOTE, connect, problem
from tests.adapters.wires import Recorder

EVA = "eva@example.org"
ROWS = [
    ("Member Exists", f"{EVA} is already a list member. Use PUT to insert or update list members.", "already-there", None),
    ("Member In Compliance State", f"{EVA} is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed.", "compliance-state", Consent.UNSUBSCRIBED),
    ("Member In Compliance State", "Worte, die noch niemand kennt", "compliance-state", Consent.UNSUBSCRIBED),
    ("", f"{EVA} is already a list member in compliance state due to unsubscribe or bounce", "compliance-state", Consent.UNSUBSCRIBED),
    ("Forgotten Email Not Subscribed", f"{EVA} was permanently deleted and cannot be re-imported. The contact must re-subscribe to get back on the list.", "erased-remotely", Consent.ERASED),
    ("Forgotten Email Not Subscribed", "other words", "erased-remotely", Consent.ERASED),
    ("Invalid Resource", f"{EVA} was previously removed from this audience. To rejoin, they'll need to sign up.", "erased-remotely", Consent.ERASED),
    ("Invalid Resource", f"{EVA} has previously unsubscribed from this list and must opt in again.", "unsubscribed", Consent.UNSUBSCRIBED),
    ("Invalid Resource", f'{EVA} is already in this list with a status of "Unsubscribed".', "unsubscribed", Consent.UNSUBSCRIBED),
    ("Invalid Resource", f'{EVA} is already in this list with a status of "Subscribed".', "already-there", None),
    ("Invalid Resource", 'This member\'s status is "cleaned."', "bounced", Consent.BOUNCED),
]  # fmt: skip
REJECTED = [
    ("Invalid Resource", f"{EVA} looks fake or invalid, please enter a real email address.", "address-refused"),
    ("Invalid Resource", "Please provide a valid email address.", "address-refused"),
    ("Invalid Resource", f"{EVA} has signed up to a lot of lists very recently; we're not allowing more signups for now", "signed-up-too-often"),
    ("Invalid Resource", "Your merge fields were invalid.", "field-invalid"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "detail", "reason", "consent"), ROWS)
def test_R28_end_states_are_withheld_and_do_not_spoil_a_run(
    title: str, detail: str, reason: str, consent: Consent | None
) -> None:
    result = row_result(EVA, Problem(400, title, detail))
    assert (result.outcome, result.reason, result.consent) == (Outcome.WITHHELD, reason, consent)
    assert result.email == EVA
    assert detail in result.raw


@pytest.mark.parametrize(("title", "detail", "reason"), REJECTED)
def test_R16_refusals_of_the_data_are_rejected_with_their_reason(
    title: str, detail: str, reason: str
) -> None:
    result = row_result(EVA, Problem(400, title, detail))
    assert (result.outcome, result.reason, result.consent) == (Outcome.REJECTED, reason, None)
    assert detail in result.raw


def test_R16_a_refused_field_is_named_with_the_vendors_words() -> None:
    document = problem(
        400,
        "Invalid Resource",
        "Your merge fields were invalid.",
        errors=[
            {"field": "GENDER", "message": "Value must be one of: m, w,  (not z)"},
            {"field": "LNAME", "message": "Please enter a value"},
        ],
    )["json"]
    result = row_result(EVA, problem_of(400, document))
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "field-invalid")
    assert "GENDER: Value must be one of: m, w,  (not z)" in result.raw
    assert "LNAME: Please enter a value" in result.raw


def test_R30_an_erased_address_is_told_apart_from_one_that_never_was() -> None:
    erased = row_result(EVA, Problem(400, "Forgotten Email Not Subscribed"))
    assert erased.consent is Consent.ERASED
    assert "sign-up form" in REASONS[erased.reason].next


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (404, Outcome.WITHHELD, "member-gone"),
        (405, Outcome.WITHHELD, "member-locked"),
        (429, Outcome.REJECTED, "throttled"),
        (500, Outcome.UNKNOWN, "vendor-trouble"),
        (502, Outcome.UNKNOWN, "vendor-trouble"),
        (400, Outcome.REJECTED, "platform-refused"),
        (418, Outcome.REJECTED, "platform-refused"),
        (302, Outcome.UNKNOWN, "unknown"),
        (0, Outcome.UNKNOWN, "unknown"),
    ],
)
def test_a_status_alone_has_a_reason(status: int, outcome: Outcome, reason: str) -> None:
    found = verdict(Problem(status))
    assert (found.outcome, found.reason) == (outcome, reason)


@given(
    st.integers(0, 599),
    st.text(max_size=60),
    st.text(max_size=120),
    st.sampled_from(["", "ERROR_GENERIC", "X"]),
)
def test_R23_no_words_make_a_refusal_a_success(status: int, title: str, detail: str, code: str) -> None:
    found = row_result(EVA, Problem(status, title, detail, code=code))
    assert found.outcome in (Outcome.REJECTED, Outcome.WITHHELD, Outcome.UNKNOWN)
    assert found.reason in REASONS
    assert found.raw
    assert found.consent is not Consent.SUBSCRIBED


def test_R23_words_nobody_knows_are_kept() -> None:
    found = row_result(EVA, Problem(400, "Ungültige Ressource", "Diese Adresse gefällt uns nicht."))
    assert (found.outcome, found.reason) == (Outcome.REJECTED, "platform-refused")
    assert found.raw == "Ungültige Ressource | Diese Adresse gefällt uns nicht."


# --- whole calls ----------------------------------------------------------------------------------------------------

USER = "User does not have access to the requested operation"
CALLS: list[tuple[dict[str, Any], type[AdapterError], str]] = [
    (problem(401, "API Key Invalid", "Your API key may be invalid, or you've attempted to access the wrong datacenter."), CredentialsRefused, "key-invalid"),
    (problem(401, "API Key Missing", "Your request did not include an API key."), CredentialsRefused, "key-missing"),
    (problem(403, "User action not permitted", USER), RightsMissing, "rights-missing"),
    (problem(403, "Forbidden", "You are not permitted to access this resource."), RightsMissing, "rights-missing"),
    (problem(403, "User Disabled", "This account has been deactivated."), RightsMissing, "user-disabled"),
    (problem(403, "User action not permitted", "The account has reached its contact limit."), AccountLimit, "contact-limit"),
    (problem(403, "User action not permitted", "You have exceeded the maximum number of contacts of your plan."), AccountLimit, "contact-limit"),
    (problem(404, "Resource Not Found"), NotThere, "list-missing"),
    (problem(405, "Method Not Allowed"), Refused, "request-refused"),
    (problem(414, "Request-URI Too Long"), Refused, "request-refused"),
    (problem(426, "Upgrade Required"), Refused, "request-refused"),
    (problem(429, "Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."), Throttled, "throttled"),
    ({"status_code": 429}, Throttled, "throttled"),
    ({"status_code": 403, "html": "<html>"}, Unreachable, "gateway-blocked"),
    ({"status_code": 503, "html": "<html>"}, Unreachable, "gateway-blocked"),
    (problem(503, "Service Unavailable"), Unreachable, "vendor-trouble"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "kind", "reason"), CALLS)
async def test_R16_a_refused_call_has_a_reason_and_a_next_step(
    httpx_mock: HTTPXMock, reply: dict[str, Any], kind: type[AdapterError], reason: str
) -> None:
    httpx_mock.add_response(**reply, is_reusable=True)
    mailchimp = connect(Recorder())
    for call in (mailchimp.remote_list(LIST_ID), mailchimp.add(REMOTE, [Addition(EVA, {}, "form")])):
        with pytest.raises(kind) as caught:
            await call
        assert caught.value.reason == reason
        assert reason in REASONS
        assert caught.value.text
        assert caught.value.next
    await mailchimp.aclose()


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_trouble_of_the_platform_leaves_a_write_open_and_a_read_refused(
    httpx_mock: HTTPXMock, status: int
) -> None:
    httpx_mock.add_response(status_code=status, html="<html>", is_reusable=True)
    mailchimp = connect(Recorder())
    with pytest.raises(Unreachable) as caught:
        await mailchimp.remote_list(LIST_ID)
    assert caught.value.reason == "vendor-trouble"
    with pytest.raises(Unanswered):
        await mailchimp.add(REMOTE, [Addition(EVA, {}, "form")])
    await mailchimp.aclose()


async def test_a_status_nobody_described_is_unrecognised(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=218, text="this is fine", is_reusable=True)
    mailchimp = connect(Recorder())
    with pytest.raises(Unrecognised) as caught:
        await mailchimp.remote_list(LIST_ID)
    assert caught.value.raw == "this is fine"
    await mailchimp.aclose()


async def test_I19_a_refused_key_ends_a_chunk_at_once(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(401, "API Key Invalid"), is_reusable=True)
    mailchimp = connect(Recorder(), connections=1)
    rows = [FieldChange(f"p{n}@example.org", "", {"FNAME": "x"}) for n in range(20)]
    with pytest.raises(CredentialsRefused):
        await mailchimp.change(REMOTE, rows, by_ticket=False)
    assert len(httpx_mock.get_requests()) == 1
    await mailchimp.aclose()
