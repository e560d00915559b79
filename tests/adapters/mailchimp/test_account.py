"""Checks, lists, fields, keys: what is said of a connection, and that a key never shows (R20, R31, R39, R50)."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import httpx
import pytest
from pytest_httpx import HTTPXMock

from adapters.mailchimp import KIND
from adapters.mailchimp.keys import base_url
from adapters.provider import CheckReport, ConnectionSettings, CredentialsRefused, IncompleteRead, Wire
from adapters.registry import provider_kind
from adapters.secret import Secret
from state.reasons import REASONS
from tests.adapters.mailchimp.accounts import BASE, KEY, LIST_ID, connect, problem
from tests.adapters.wires import Recorder

ACCOUNT = {
    "account_id": "acc1",
    "account_name": "Verband",
    "role": "owner",
    "pricing_plan_type": "monthly",
    "total_subscribers": 812,
    "account_timezone": "Europe/Zurich",
}
VERBAND = {"id": LIST_ID, "name": "Verbandsnews", "double_optin": True, "stats": {"member_count": 812}}
ANY: dict[str, Any] = {"is_reusable": True, "is_optional": True}


def settings(key: str, url: str = "") -> ConnectionSettings:
    return ConnectionSettings(
        "verband", "mailchimp", base_url=url, secrets={"key": Secret(key)} if key else {}
    )


def healthy(
    httpx_mock: HTTPXMock, *, account: dict[str, Any] = ACCOUNT, lists: list[Any] | None = None
) -> None:
    shown = [VERBAND] if lists is None else lists
    httpx_mock.add_response(url=f"{BASE}/ping", json={"health_status": "Everything's Chimpy!"}, **ANY)
    httpx_mock.add_response(url=re.compile(r".*/3\.0/\?.*"), json=account, **ANY)
    httpx_mock.add_response(
        url=re.compile(r".*/lists\?.*"), json={"lists": shown, "total_items": len(shown)}, **ANY
    )
    httpx_mock.add_response(url=re.compile(rf".*/lists/{LIST_ID}\?.*"), json=VERBAND, **ANY)
    httpx_mock.add_response(
        url=re.compile(r".*/lists/wrong\?.*"), **problem(404, "Resource Not Found"), **ANY
    )


async def check(key: str = KEY, *lists: str) -> tuple[CheckReport, Recorder]:
    recorder = Recorder()
    mailchimp = connect(recorder, key=key, read_only=True)
    report = await mailchimp.check(lists)
    await mailchimp.aclose()
    for finding in report.findings:
        assert finding.reason in REASONS
        assert KEY not in repr(report)
    return report, recorder


def reasons(report: CheckReport) -> list[str]:
    return [finding.reason for finding in report.findings if not finding.ok]


@pytest.mark.parametrize(
    ("key", "url", "expected"),
    [
        ("abc-us19", "", "https://us19.api.mailchimp.com/3.0"),
        ("a-b-us7", "", "https://us7.api.mailchimp.com/3.0"),
        (" abc-us19\n", "", "https://us19.api.mailchimp.com/3.0"),
        ("abc-us19", "http://127.0.0.1:8600/mailchimp/3.0", "http://127.0.0.1:8600/mailchimp/3.0"),
        ("0123456789abcdef0123456789abcdef", "", "https://api.mailchimp.com/3.0"),
        ("abc-us", "", "https://api.mailchimp.com/3.0"),
        ("abc-evil.example/us1", "", "https://api.mailchimp.com/3.0"),
        ("abc-us1\x00", "", "https://api.mailchimp.com/3.0"),
        ("", "", "https://api.mailchimp.com/3.0"),
    ],
)
def test_the_data_centre_comes_from_the_key_unless_base_url_is_set(key: str, url: str, expected: str) -> None:
    assert base_url(settings(key, url)) == KIND.base_url(settings(key, url)) == expected


async def test_a_healthy_connection(httpx_mock: HTTPXMock) -> None:
    healthy(httpx_mock)
    report, recorder = await check(KEY, LIST_ID)
    assert report.ok
    assert report.account is not None
    assert (report.account.account_id, report.account.name) == ("acc1", "Verband")
    assert report.account.details["role"] == "owner"
    assert {"ok", "plan-limit-shown", "double-opt-in"} == {finding.reason for finding in report.findings}
    assert {note.method for note in recorder.notes} == {"GET"}
    assert recorder.notes[0].path == "/ping"


async def test_a_wrong_list_id_is_named_with_the_right_ones(httpx_mock: HTTPXMock) -> None:
    healthy(httpx_mock)
    report, _ = await check(KEY, "wrong", LIST_ID)
    assert not report.ok
    assert reasons(report) == ["list-missing"]
    (finding,) = (finding for finding in report.findings if not finding.ok)
    assert finding.where == "wrong"
    assert f"Verbandsnews ({LIST_ID})" in finding.text


async def test_an_account_without_audiences_and_a_weak_role_are_said(httpx_mock: HTTPXMock) -> None:
    healthy(httpx_mock, account={**ACCOUNT, "role": "viewer"}, lists=[])
    report, _ = await check()
    assert reasons(report) == ["rights-missing", "list-missing"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (problem(401, "API Key Invalid"), "key-invalid"),
        (problem(403, "User Disabled", "This account has been deactivated."), "user-disabled"),
        (problem(403, "Forbidden"), "rights-missing"),
        (problem(429, "Too Many Requests"), "throttled"),
        ({"status_code": 403, "html": "<html>"}, "gateway-blocked"),
        ({"status_code": 503}, "gateway-blocked"),
        ({"status_code": 301, "headers": {"Location": "https://evil.example/"}}, "redirected"),
        ({"text": "<html>captive portal</html>"}, "answer-not-understood"),
    ],
)
async def test_R20_a_check_says_what_is_wrong_and_never_more(
    httpx_mock: HTTPXMock, reply: dict[str, Any], reason: str
) -> None:
    httpx_mock.add_response(**reply, **ANY)
    try:
        report, recorder = await check()
    except IncompleteRead:
        pytest.fail("a check never raises for what a finding can say")
    assert report.account is None
    assert reasons(report) == [reason]
    assert report.findings[0].next
    assert len(recorder.notes) <= 2


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "key-missing"),
        ("  ", "key-missing"),
        ("abc def-us19", "key-malformed"),
        ("abc—us19", "key-malformed"),
        ("abc\r\nX-Evil: 1-us19", "key-malformed"),
    ],
)
async def test_a_key_that_can_be_none_is_said_without_asking_anybody(
    httpx_mock: HTTPXMock, key: str, reason: str
) -> None:
    report, recorder = await check(key)
    assert reasons(report) == [reason]
    assert not recorder.notes
    mailchimp = connect(Recorder(), key=key)
    with pytest.raises(CredentialsRefused):
        await mailchimp.lists()
    await mailchimp.aclose()


async def test_a_key_without_its_ending_is_recognised_when_it_is_refused(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(401, "API Key Invalid"))
    report, _ = await check(KEY.partition("-")[0])
    assert reasons(report) == ["key-malformed"]
    assert "-us19" in report.findings[0].text
    assert str(httpx_mock.get_requests()[0].url) == "https://api.mailchimp.com/3.0/ping"


async def test_a_mistyped_data_centre_is_the_likeliest_reason_of_an_unknown_host(
    httpx_mock: HTTPXMock,
) -> None:
    httpx_mock.add_exception(httpx.ConnectError("no such host"), **ANY)
    report, _ = await check("0123456789abcdef0123456789abcdef-us999")
    assert reasons(report) == ["unreachable"]
    assert "us999" in report.findings[0].text


async def test_with_a_base_url_the_key_is_not_blamed_for_an_unknown_host(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ConnectError("refused"), **ANY)
    mailchimp = connect(Recorder(), base_url="https://mailchimp.example/3.0", read_only=True)
    report = await mailchimp.check()
    await mailchimp.aclose()
    assert reasons(report) == ["unreachable"]
    told = f"{report.findings[0].text} {report.findings[0].next}"
    assert "us19" not in told
    assert "base_url" in told


async def test_plain_http_elsewhere_is_a_finding_and_no_request() -> None:
    recorder = Recorder()
    mailchimp = connect(recorder, base_url="http://us19.api.mailchimp.com/3.0")
    report = await mailchimp.check()
    assert reasons(report) == ["url-not-allowed"]
    assert not recorder.notes


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2345])
async def test_R39_lists_and_fields_are_read_to_the_last(httpx_mock: HTTPXMock, count: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        asked, offset = int(request.url.params["count"]), int(request.url.params["offset"])
        named: dict[str, object]
        rows = range(offset, min(count, offset + asked))
        if request.url.path.endswith("merge-fields"):
            named = {"merge_fields": [{"tag": f"F{n}", "name": "x", "type": "text"} for n in rows]}
        else:
            named = {"lists": [{**VERBAND, "id": f"l{n}"} for n in rows]}
        return httpx.Response(200, json={**named, "total_items": count})

    httpx_mock.add_callback(answer, **ANY)
    mailchimp = connect(Recorder())
    assert len({one.list_id for one in await mailchimp.lists()}) == count
    assert len({one.name for one in await mailchimp.fields(LIST_ID)}) == count
    await mailchimp.aclose()


async def test_R39_lists_that_do_not_match_their_total_are_refused(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"lists": [VERBAND], "total_items": 3})
    httpx_mock.add_response(json={"lists": [], "total_items": 3})
    mailchimp = connect(Recorder())
    with pytest.raises(IncompleteRead):
        await mailchimp.lists()
    await mailchimp.aclose()


async def test_R50_the_key_travels_in_one_header_and_shows_nowhere(
    httpx_mock: HTTPXMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    httpx_mock.add_response(**problem(401, "API Key Invalid"), **ANY)
    recorder = Recorder()
    mailchimp = connect(recorder)
    report = await mailchimp.check([LIST_ID])
    with pytest.raises(CredentialsRefused) as caught:
        await mailchimp.lists()
    await mailchimp.aclose()
    secret = KEY.partition("-")[0]
    shown = [caplog.text, repr(report), repr(recorder), repr(caught.value), repr(vars(mailchimp)), repr(KIND)]
    assert not any(secret in text for text in shown)
    for request in httpx_mock.get_requests():
        assert request.headers["authorization"].startswith("Basic ")
        assert secret not in str(request.url)


def test_naming_the_platform_loads_no_transport() -> None:
    code = (
        "import sys; from adapters.registry import provider_kind; provider_kind('mailchimp'); "
        "sys.exit(any(name in sys.modules for name in ('httpx', 'adapters.http', 'json.tool')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert provider_kind("mailchimp") is KIND
    assert [spec.name for spec in KIND.settings if spec.secret and spec.required] == ["key"]


def test_opening_asks_nobody() -> None:
    opened = KIND.open(settings(KEY), Wire("listwarden/0.1"))
    assert opened.capabilities.removal_word == "archive"
