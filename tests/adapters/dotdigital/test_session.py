"""Where an account is called, with what login, how often, and what the ways of being refused mean."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters.dotdigital import KIND
from adapters.dotdigital.region import app_host, base_url, followed
from adapters.provider import (
    AdapterError,
    ConnectionSettings,
    RightsMissing,
    Throttled,
    Unanswered,
    Unreachable,
    Unsubscription,
)
from state.reasons import REASONS
from tests.adapters.dotdigital.accounts import (
    ANY,
    API,
    BOOK,
    PASSWORD,
    REMOTE,
    USER,
    account_info,
    asked,
    book,
    connect,
    opened,
    refusal,
)
from tests.adapters.wires import USER_AGENT, Recorder

R2 = "https://r2-api.dotdigital.com"
DENIED: dict[str, Any] = {"status_code": 403, "text": "Forbidden: Access is denied"}


def settings(base: str = "", **options: str | int | bool) -> ConnectionSettings:
    return ConnectionSettings("verband", "dotdigital", base_url=base, options=options)


# --- where -----------------------------------------------------------------------------------------------------------


async def test_the_account_is_asked_once_where_it_lives_and_called_there(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info(R2 + "/"))
    httpx_mock.add_response(url=f"{R2}/v2/address-books/4711", json=book(3), is_reusable=True)
    dotdigital = connect(Recorder())
    for _ in range(2):
        assert (await dotdigital.remote_list("4711")).members == 3
    await dotdigital.aclose()
    assert [request.url.host for request in httpx_mock.get_requests()] == [
        "r1-api.dotdigital.com",
        "r2-api.dotdigital.com",
        "r2-api.dotdigital.com",
    ]
    (first, second, _) = httpx_mock.get_requests()
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert first.headers["Authorization"] == second.headers["Authorization"] == expected
    assert first.headers["User-Agent"] == USER_AGENT


async def test_a_denied_read_asks_again_where_the_account_lives_once(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info())
    httpx_mock.add_response(url=BOOK, **DENIED)
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info(R2))
    httpx_mock.add_response(url=f"{R2}/v2/address-books/4711", json=book(3))
    dotdigital = connect(Recorder())
    assert (await dotdigital.remote_list("4711")).name == "Mitgliedermagazin"
    httpx_mock.add_response(url=f"{R2}/v2/address-books/4711", **DENIED)
    with pytest.raises(RightsMissing) as caught:
        await dotdigital.remote_list("4711")
    assert caught.value.reason == "region-wrong"
    assert "Access is denied" in caught.value.raw
    await dotdigital.aclose()


async def test_a_read_denied_where_the_account_says_it_lives_is_not_asked_again(
    httpx_mock: HTTPXMock,
) -> None:
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info(), is_reusable=True)
    httpx_mock.add_response(url=BOOK, **DENIED)
    dotdigital = connect(Recorder())
    with pytest.raises(RightsMissing, match="region"):
        await dotdigital.remote_list("4711")
    await dotdigital.aclose()
    assert len(httpx_mock.get_requests()) == 3


async def test_a_denied_write_is_never_sent_to_another_region(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info())
    httpx_mock.add_response(url=f"{BOOK}/contacts/unsubscribe", **DENIED)
    dotdigital = connect(Recorder())
    with pytest.raises(RightsMissing):
        await dotdigital.unsubscribe(REMOTE, [Unsubscription("ida@example.org", "1")])
    await dotdigital.aclose()


async def test_a_region_set_by_hand_is_kept(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{R2}/v2/account-info", json=account_info("https://r1-api.dotdigital.com"))
    httpx_mock.add_response(url=f"{R2}/v2/address-books/4711", json=book(3))
    dotdigital = connect(Recorder(), options={"region": "r2"})
    await dotdigital.remote_list("4711")
    await dotdigital.aclose()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example",
        "http://r2-api.dotdigital.com",
        "https://dotdigital.com.evil.example",
        "ftp://x",
        "?",
    ],
)
async def test_I15_an_endpoint_that_is_none_of_the_vendors_is_never_called(
    httpx_mock: HTTPXMock, endpoint: str
) -> None:
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info(endpoint))
    dotdigital = connect(Recorder())
    with pytest.raises(Unreachable) as caught:
        await dotdigital.lists()
    assert caught.value.reason == "url-not-allowed"
    await dotdigital.aclose()


@pytest.mark.parametrize(
    ("base", "endpoint", "called"),
    [
        ("", "https://r3-api.dotdigital.com", "https://r3-api.dotdigital.com/v2"),
        ("", "https://r3-api.dotdigital.com/v2/", "https://r3-api.dotdigital.com/v2"),
        ("", "https://r2-api.dotmailer.com", "https://r2-api.dotmailer.com/v2"),
        ("", "", "https://r1-api.dotdigital.com/v2"),
        ("http://127.0.0.1:8600/dotdigital/v2", "http://127.0.0.1:8600/dotdigital-r2", "http://127.0.0.1:8600/dotdigital-r2/v2"),
        ("http://127.0.0.1:8600/dotdigital/v2", "https://evil.example", "http://127.0.0.1:8600/dotdigital/v2"),
        ("https://proxy.example/dd/v2", "https://r1-api.dotdigital.com", "https://proxy.example/dd/v2"),
        ("https://proxy.example/dd/v2", "http://127.0.0.1:1/", "https://proxy.example/dd/v2"),
        ("https://proxy.example/dd/v2", "https://proxy.example/two", "https://proxy.example/two/v2"),
    ],
)  # fmt: skip
def test_a_configured_address_is_never_left(base: str, endpoint: str, called: str) -> None:
    assert followed(settings(base), endpoint) == called


def test_the_pages_for_people_are_in_the_accounts_region() -> None:
    assert app_host(settings(), f"{R2}/v2") == "https://r2-app.dotdigital.com"
    assert (
        app_host(settings(app_url="https://mail.alpine.example/"), f"{R2}/v2")
        == "https://mail.alpine.example"
    )
    assert (
        app_host(settings("https://proxy.example/v2"), "https://proxy.example/v2")
        == "https://r1-app.dotdigital.com"
    )
    assert base_url(settings()) == KIND.base_url(settings()) == API


# --- the login --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password", "reason"),
    [
        ("", PASSWORD, "login-missing"),
        (USER, "", "login-missing"),
        ("a:b@apiconnector.com", "x", "login-refused"),
    ],
)
async def test_a_login_that_cannot_be_right_asks_nobody(user: str, password: str, reason: str) -> None:
    dotdigital = connect(Recorder(), user=user, password=password)
    report = await dotdigital.check()
    assert [finding.reason for finding in report.findings] == [reason]
    assert not report.ok
    await dotdigital.aclose()


@pytest.mark.parametrize(
    ("user", "hint"),
    [(USER, False), ("expired@apiconnector.example", False), ("office@alpine.example", True)],
)
async def test_a_refused_login_names_the_likeliest_mistake(
    httpx_mock: HTTPXMock, user: str, hint: bool
) -> None:
    httpx_mock.add_response(
        status_code=401, json={"message": "Authorization has been denied for this request."}
    )
    dotdigital = connect(Recorder(), user=user)
    report = await dotdigital.check(["4711"])
    (finding,) = report.findings
    assert finding.reason == "login-refused"
    assert ("apiconnector.com" in finding.text) is hint
    assert user not in finding.text + finding.next
    assert "API users" in finding.next
    assert len(httpx_mock.get_requests()) == 1
    await dotdigital.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 403, "html": "<html>blocked</html>"},
        {"status_code": 401, "html": "<html>proxy login</html>"},
        {"status_code": 403, "text": ""},
    ],
)
async def test_R20_a_gateway_says_nothing_about_the_login(
    httpx_mock: HTTPXMock, answer: dict[str, Any]
) -> None:
    httpx_mock.add_response(**answer)
    dotdigital = connect(Recorder())
    (finding,) = (await dotdigital.check()).findings
    assert finding.reason == "gateway-blocked"
    assert len(httpx_mock.get_requests()) == 1, "never the same request again"
    await dotdigital.aclose()


async def test_a_missing_right_is_no_wrong_login(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=BOOK, status_code=403, json={"message": "This user may not read."})
    dotdigital = connect(Recorder())
    with pytest.raises(RightsMissing) as caught:
        await dotdigital.remote_list("4711")
    assert (caught.value.reason, caught.value.raw) == ("rights-missing", "This user may not read.")
    await dotdigital.aclose()


# --- tries ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        {"status_code": 500, "json": {"message": "ERROR_UNKNOWN"}},
        {"status_code": 502, "html": "<html>Bad Gateway</html>"},
        {"status_code": 503, "json": {"message": "x ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE"}},
    ],
)
async def test_a_read_is_asked_again_after_2_5_and_10_seconds(
    httpx_mock: HTTPXMock, trouble: dict[str, Any]
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=BOOK, **trouble, is_reusable=True)
    recorder = Recorder()
    dotdigital = connect(recorder)
    with pytest.raises(Unreachable) as caught:
        await dotdigital.remote_list("4711")
    assert recorder.slept == [2.0, 5.0, 10.0]
    assert len(asked(httpx_mock)) == 4
    assert caught.value.reason in ("vendor-trouble", "gateway-blocked")
    await dotdigital.aclose()


@pytest.mark.parametrize("error", [httpx.ReadTimeout("t"), httpx.ConnectError("c"), httpx.ReadError("r")])
async def test_a_read_that_broke_off_is_asked_again(httpx_mock: HTTPXMock, error: httpx.HTTPError) -> None:
    opened(httpx_mock)
    for _ in range(2):
        httpx_mock.add_exception(error, url=BOOK)
    httpx_mock.add_response(url=BOOK, json=book(7))
    recorder = Recorder()
    dotdigital = connect(recorder)
    assert (await dotdigital.remote_list("4711")).members == 7
    assert recorder.slept == [2.0, 5.0]
    await dotdigital.aclose()


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_write_with_an_unclear_answer_is_not_sent_again(httpx_mock: HTTPXMock, status: int) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{BOOK}/contacts/unsubscribe", status_code=status, html="<html></html>")
    recorder = Recorder()
    dotdigital = connect(recorder)
    with pytest.raises(Unanswered):
        await dotdigital.unsubscribe(REMOTE, [Unsubscription("ida@example.org", "1")])
    assert recorder.slept == []
    assert len(asked(httpx_mock)) == 1
    await dotdigital.aclose()


@pytest.mark.parametrize("status", [400, 403, 404, 409])
async def test_a_refused_read_is_not_asked_again(httpx_mock: HTTPXMock, status: int) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=BOOK, status_code=status, json={"message": "ERROR_SOMETHING_NEW"})
    recorder = Recorder()
    dotdigital = connect(recorder)
    with pytest.raises(AdapterError):
        await dotdigital.remote_list("4711")
    assert (recorder.slept, len(asked(httpx_mock))) == ([], 1)
    await dotdigital.aclose()


async def test_the_flat_limit_stops_at_once_and_says_when_to_go_on(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(
        url=BOOK, **refusal("ERROR_APIUSAGE_EXCEEDED", sentence="Too many calls this hour.")
    )
    recorder = Recorder()
    dotdigital = connect(recorder)
    with pytest.raises(Throttled) as caught:
        await dotdigital.remote_list("4711")
    assert (caught.value.reason, caught.value.next) == ("calls-used-up", "Resume in at most 1 hour.")
    assert (recorder.slept, len(asked(httpx_mock))) == ([], 1)
    with pytest.raises(Throttled):
        await dotdigital.remote_list("4711")
    assert len(asked(httpx_mock)) == 1, "the next one does not even leave"
    await dotdigital.aclose()


# --- the check --------------------------------------------------------------------------------------------------------


async def test_the_check_tells_account_region_calls_and_each_linked_book(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info(R2))
    books = [book(3), book(0, " test ", 4401), book(9, "All Contacts", 4400)]
    page = re.compile(re.escape(f"{R2}/v2/address-books?") + ".*skip=0$")
    httpx_mock.add_response(url=page, json=books)
    httpx_mock.add_response(url=re.compile(re.escape(f"{R2}/v2/address-books?") + ".*skip=900$"), json=[])
    httpx_mock.add_response(
        url=f"{R2}/v2/address-books/99", **refusal("ERROR_ADDRESSBOOK_NOT_FOUND", 404, "Not found.")
    )
    dotdigital = connect(Recorder())
    report = await dotdigital.check(["4711", "4401", "99", "4711"])
    assert report.account is not None
    assert (report.account.account_id, report.account.name) == ("70123", "Alpine Club Newsletter")
    assert report.account.details["region"] == "r2"
    assert "office@alpine.example" not in str(report)
    by_place = {(finding.where, finding.reason): finding for finding in report.findings}
    assert "1,988 API calls are left in this hour; 12 were made" in by_place["", "calls-left"].text
    assert by_place["4711", "ok"].ok
    assert "r2" in " ".join(finding.text for finding in report.findings)
    assert not by_place["4401", "system-list"].ok
    assert "Mitgliedermagazin (4711)" in by_place["99", "list-missing"].text
    assert "All Contacts" not in by_place["99", "list-missing"].text
    assert all(finding.reason in REASONS for finding in report.findings)
    await dotdigital.aclose()


async def test_a_check_with_no_calls_left_is_not_fine(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info(used=2000, left=0))
    dotdigital = connect(Recorder())
    report = await dotdigital.check()
    assert [finding.reason for finding in report.findings if not finding.ok] == ["calls-used-up"] * 2
    await dotdigital.aclose()


async def test_an_address_that_is_no_number_asks_nobody(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=[], **ANY)
    dotdigital = connect(Recorder())
    for wrong in ("members", "4711/contacts", "../contacts", "", "４７１１"):
        with pytest.raises(AdapterError) as caught:
            await dotdigital.remote_list(wrong)
        assert caught.value.reason == "list-missing"
    assert httpx_mock.get_requests() == []
    await dotdigital.aclose()


def test_the_form_knows_its_fields() -> None:
    by_name = {spec.name: spec for spec in KIND.settings}
    assert by_name["password"].secret
    assert not by_name["user"].secret
    assert by_name["region"].choices == ("auto", "r1", "r2", "r3")
    assert [spec.name for spec in KIND.settings if spec.required] == ["user", "password"]
    assert by_name["send_consent"].default is False


async def test_a_region_set_wrongly_is_told_as_that_and_not_as_a_wrong_login(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{R2}/v2/account-info", **DENIED)
    dotdigital = connect(Recorder(), options={"region": "r2"})
    (finding,) = (await dotdigital.check(["4711"])).findings
    assert finding.reason == "region-wrong"
    assert "auto" in finding.next
    await dotdigital.aclose()


def test_naming_the_platform_loads_no_transport() -> None:
    asked_for = (
        "import sys; from adapters.registry import provider_kind; provider_kind('dotdigital');"
        "sys.exit(any(name in sys.modules for name in ('httpx', 'adapters.http', 'adapters.dotdigital.provider')))"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", asked_for], cwd=root, check=False).returncode == 0
