"""The transport's rules: list of reads, retries, restraint, and what a write without an answer becomes."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.http import Allowed, Client
from adapters.origins import Route, route
from adapters.pace import Places, RetryPolicy, http_date, retry_after
from adapters.provider import (
    AdapterError,
    IncompleteRead,
    Throttled,
    Unanswered,
    Unreachable,
    Wire,
    WriteRefused,
)
from adapters.secret import Secret
from tests.adapters.wires import USER_AGENT, Recorder

BASE = "https://us19.api.mailchimp.com/3.0"
CANARY = "canary0123456789-us19"
READS = (Allowed.of("GET", "/lists/{list}"), Allowed.of("GET", "/lists/{list}/members"))
WRITES = (Allowed.of("POST", "/lists/{list}"), Allowed.of("PATCH", "/lists/{list}/members/{member}"))
LIST = route("/lists/{list}", list="a6b5da1054")
HTML: dict[str, Any] = {"html": "<html><body>Access denied</body></html>"}


def make(recorder: Recorder, *, read_only: bool = False, policy: RetryPolicy | None = None) -> Client:
    return Client(
        BASE,
        {"Authorization": Secret(f"Basic {CANARY}")},
        recorder.wire(read_only=read_only),
        reads=READS,
        writes=WRITES,
        policy=policy or RetryPolicy(jitter=lambda: 0.5),
    )


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


async def read(client: Client) -> Any:
    return await client.send("GET", LIST)


async def write(client: Client, **how: Any) -> Any:
    return await client.send("POST", LIST, content={"members": []}, **how)


# --- what may leave --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/lists/a6b5da1054"),
        ("PATCH", "/lists/a/members/b"),
        ("DELETE", "/lists/a"),
        ("GET", "/campaigns"),
        ("HEAD", "/lists/a"),
        ("GET", "/lists/a/members/b/tags"),
    ],
)
async def test_R14_looking_sends_nothing_but_reads(
    recorder: Recorder, httpx_mock: HTTPXMock, method: str, path: str
) -> None:
    client = make(recorder, read_only=True)
    with pytest.raises(WriteRefused) as caught:
        await client.send(method, Route(path, path), content={})
    assert caught.value.reason == "write-refused"
    assert not httpx_mock.get_requests()
    assert not recorder.notes
    assert not recorder.hooks
    await client.aclose()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/lists/a/members/b/actions/delete-permanent"),
        ("DELETE", "/lists/a"),
        ("POST", "/campaigns/c/actions/send"),
        ("PATCH", "/lists/a/members/b?x=1"),
        ("PATCH", "/lists/a/members/../../x"),
    ],
)
async def test_a_request_nobody_listed_never_leaves_a_writing_wire_either(
    recorder: Recorder, httpx_mock: HTTPXMock, method: str, path: str
) -> None:
    client = make(recorder)
    with pytest.raises(WriteRefused):
        await client.send(method, Route(path, path))
    assert not httpx_mock.get_requests()
    await client.aclose()


async def test_the_request_is_exactly_what_is_said(recorder: Recorder, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={}, headers={"Set-Cookie": "track=1; Path=/"}, is_reusable=True)
    client = make(recorder)
    await client.send("POST", LIST, params={"a": "+ü&"}, content={"n": "Zoë"})
    await read(client)
    first, second = httpx_mock.get_requests()
    assert str(first.url) == f"{BASE}/lists/a6b5da1054?a=%2B%C3%BC%26"
    assert first.content == '{"n":"Zoë"}'.encode()
    assert first.headers["authorization"] == f"Basic {CANARY}"
    assert first.headers["user-agent"] == USER_AGENT
    assert first.headers["accept-encoding"] == "gzip"
    assert "content-type" not in second.headers
    assert "cookie" not in second.headers
    allowed = {"host", "connection", "user-agent", "accept", "accept-encoding", "authorization"}
    assert set(second.headers) <= allowed
    assert recorder.hooks == 2
    await client.aclose()


async def test_the_hook_before_a_request_may_stop_it(recorder: Recorder, httpx_mock: HTTPXMock) -> None:
    class LeaseLost(Exception):
        pass

    async def stop() -> None:
        raise LeaseLost

    wire = recorder.wire()
    wire.before_request = stop
    places = Places(1)
    wire.slots = places
    client = Client(BASE, {}, wire, reads=READS)
    for _ in range(3):  # the place is given back each time
        with pytest.raises(LeaseLost):
            await read(client)
    assert not httpx_mock.get_requests()
    await client.aclose()


# --- statuses ----------------------------------------------------------------------------------------------------


async def test_I15_a_redirect_is_an_answer_and_nothing_follows_it(
    recorder: Recorder, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(status_code=307, headers={"Location": "https://evil.example/"}, is_reusable=True)
    client = make(recorder)
    for call in (read(client), write(client)):
        with pytest.raises(Unreachable) as caught:
            await call
        assert caught.value.reason == "redirected"
    assert {request.url.host for request in httpx_mock.get_requests()} == {"us19.api.mailchimp.com"}
    assert len(httpx_mock.get_requests()) == 2
    await client.aclose()


@pytest.mark.parametrize("status", [400, 401, 404, 405, 422])
async def test_I19_a_refusal_is_asked_once(recorder: Recorder, httpx_mock: HTTPXMock, status: int) -> None:
    httpx_mock.add_response(status_code=status, json={"title": "No", "status": status})
    client = make(recorder)
    assert (await read(client)).status == status
    assert not recorder.slept
    await client.aclose()


async def test_I19_a_403_with_a_problem_document_stops_at_once_and_a_bare_one_is_throttling(
    recorder: Recorder, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_response(status_code=403, json={"title": "Forbidden"})
    client = make(recorder)
    assert (await read(client)).status == 403
    assert not recorder.slept
    httpx_mock.add_response(status_code=403, **HTML)
    httpx_mock.add_response(status_code=403)
    httpx_mock.add_response(json={})
    assert (await read(client)).status == 200
    assert len(recorder.slept) == 2
    await client.aclose()


@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize("page", [HTML, {}, {"html": "x", "headers": {"Content-Type": "application/json"}}])
async def test_R20_a_page_of_a_gateway_never_blames_the_key(
    recorder: Recorder, httpx_mock: HTTPXMock, status: int, page: dict[str, Any]
) -> None:
    httpx_mock.add_response(status_code=status, is_reusable=True, **page)
    client = make(recorder)
    for call in (read(client), write(client)):
        with pytest.raises(Unreachable) as caught:
            await call
        assert caught.value.reason == "gateway-blocked"
        assert "says nothing about the key" in caught.value.text
    await client.aclose()


async def test_I19_throttling_is_bounded_in_tries_and_time(recorder: Recorder, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=429, json={"title": "Too Many Requests"}, is_reusable=True)
    client = make(recorder)
    with pytest.raises(Throttled):
        await write(client)
    assert len(httpx_mock.get_requests()) == 6
    assert recorder.slept == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert recorder.told[0] == "The platform is throttling (429); waiting 1 s before try 2 of 6."
    assert [note.attempt for note in recorder.notes] == [1, 2, 3, 4, 5, 6]
    assert {note.status for note in recorder.notes} == {429}
    await client.aclose()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("999999999999999999999", 120.0), ("86400", 120.0), ("0", 1.0)]
    + [(nonsense, 1.0) for nonsense in ("", "soon", "-5", "1e9", "NaN", "٣", "Mon, 99 Foo 2026", "x" * 5000)],
)
async def test_I19_retry_after_is_honoured_up_to_a_bound_and_nonsense_is_ignored(
    recorder: Recorder, httpx_mock: HTTPXMock, header: str, seconds: float
) -> None:
    httpx_mock.add_response(status_code=429, headers=[(b"retry-after", header.encode())])
    httpx_mock.add_response(json={})
    client = make(recorder)
    await read(client)
    assert recorder.slept == [seconds]
    await client.aclose()


def test_I19_retry_after_as_a_date() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert retry_after("Sun, 01 Mar 2026 12:00:30 GMT", now) == 30.0
    assert retry_after("Sun, 01 Mar 2026 11:00:00 GMT", now) == 0.0
    assert retry_after("Sun, 01 Mar 2026 14:00:30 +0200", now) == 30.0


@given(st.text(max_size=80))
def test_I19_no_header_crashes(text: str) -> None:
    seconds = retry_after(text)
    assert seconds is None or seconds >= 0
    moment = http_date(text)
    assert moment is None or moment.utcoffset() == timedelta(0)


@given(st.integers(1, 6), st.floats(0, 1), st.none() | st.floats(0, 1e12), st.booleans())
def test_I19_a_wait_is_bounded_and_a_timeout_never_repeated_at_once(
    made: int, chance: float, asked: float | None, timed_out: bool
) -> None:
    policy = RetryPolicy(jitter=lambda: chance)
    seconds = policy.wait(made, asked=asked, timed_out=timed_out)
    assert 0.75 <= seconds <= 120
    assert not timed_out or seconds >= policy.after_timeout


# --- writes without an answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 501, 502, 504, 520])
async def test_a_write_answered_with_trouble_may_have_been_done(
    recorder: Recorder, httpx_mock: HTTPXMock, status: int
) -> None:
    httpx_mock.add_response(status_code=status, **HTML)
    client = make(recorder)
    with pytest.raises(Unanswered) as caught:
        await write(client)
    assert caught.value.reason == "no-answer"
    assert len(httpx_mock.get_requests()) == 1
    await client.aclose()


async def test_a_write_that_is_harmless_twice_is_repeated(recorder: Recorder, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=502, **HTML)
    httpx_mock.add_response(json={})
    client = make(recorder)
    assert (await write(client, repeatable=True)).status == 200
    httpx_mock.add_response(status_code=502, **HTML)
    httpx_mock.add_response(status_code=429, is_reusable=True)
    with pytest.raises(Unanswered):  # the first of the tries may have been done
        await write(client, repeatable=True)
    await client.aclose()


async def test_a_503_was_not_done_and_is_repeated(recorder: Recorder, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=503, json={"title": "Busy"})
    httpx_mock.add_response(json={})
    client = make(recorder)
    assert (await write(client)).status == 200
    await client.aclose()


async def test_a_read_survives_trouble_of_the_platform(recorder: Recorder, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(status_code=502, **HTML)
    httpx_mock.add_response(status_code=500, json={})
    httpx_mock.add_response(json={})
    client = make(recorder)
    assert (await read(client)).status == 200
    httpx_mock.add_response(status_code=500, json={"detail": "broken"}, is_reusable=True)
    with pytest.raises(Unreachable) as caught:
        await client.send("GET", LIST, tries=2)
    assert (caught.value.reason, "broken" in caught.value.raw) == ("vendor-trouble", True)
    await client.aclose()


@pytest.mark.parametrize(
    "error",
    [httpx.ReadTimeout("t"), httpx.ReadError("r"), httpx.WriteError("w"), httpx.RemoteProtocolError("p")],
)
@pytest.mark.parametrize("repeatable", [False, True])
async def test_a_write_that_left_without_an_answer_is_unanswered(
    recorder: Recorder, httpx_mock: HTTPXMock, error: httpx.HTTPError, repeatable: bool
) -> None:
    httpx_mock.add_exception(error)
    client = make(recorder)
    with pytest.raises(Unanswered):
        await write(client, repeatable=repeatable)
    assert len(httpx_mock.get_requests()) == 1
    assert not recorder.slept
    await client.aclose()


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("c"), httpx.ConnectTimeout("t"), httpx.PoolTimeout("p")]
)
async def test_a_write_that_never_left_is_repeated(
    recorder: Recorder, httpx_mock: HTTPXMock, error: httpx.HTTPError
) -> None:
    httpx_mock.add_exception(error)
    httpx_mock.add_response(json={})
    client = make(recorder)
    assert (await write(client)).status == 200
    httpx_mock.add_exception(error, is_reusable=True)
    with pytest.raises(Unreachable):
        await write(client)
    await client.aclose()


async def test_a_timed_out_read_waits_long_before_it_is_repeated(
    recorder: Recorder, httpx_mock: HTTPXMock
) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("t"))
    httpx_mock.add_response(json={})
    client = make(recorder)
    assert (await read(client)).status == 200
    assert recorder.slept == [30.0]
    await client.aclose()


@pytest.mark.parametrize("length", ["1", "3", "99999"])
async def test_I11_a_length_that_is_not_the_bodys_is_not_believed(
    recorder: Recorder, httpx_mock: HTTPXMock, length: str
) -> None:
    httpx_mock.add_response(content=b"{}", headers={"Content-Length": length}, is_reusable=True)
    client = make(recorder)
    with pytest.raises(IncompleteRead):
        await read(client)
    with pytest.raises(Unanswered):
        await write(client)
    await client.aclose()


# --- secrets and logs ------------------------------------------------------------------------------------------------


async def test_R50_no_key_address_or_query_reaches_a_log_or_an_error(
    recorder: Recorder, httpx_mock: HTTPXMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    httpx_mock.add_response(status_code=502, **HTML)
    httpx_mock.add_response(json={})
    httpx_mock.add_exception(httpx.ConnectError(f"no {BASE}?email=eva@example.org"), is_reusable=True)
    client = make(recorder)
    path = route(
        "/lists/{list}/members/{member}", list="a6b5da1054", member="f94c86a9fde7987e98bbcc5c0a4caa59"
    )
    await client.send("GET", LIST, params={"email": "eva@example.org"})
    with pytest.raises(AdapterError) as caught:
        await client.send("PATCH", path, content={"email_address": "eva@example.org"})
    error: BaseException | None = caught.value
    seen = [caplog.text, repr(client.__dict__), repr(recorder)]
    while error is not None:
        seen += [repr(error), str(error), repr(getattr(error, "__dict__", ""))]
        error = error.__cause__ or error.__context__
    for text in seen:
        assert CANARY not in text
        assert "eva@example.org" not in text
        assert "f94c86a9" not in text
    assert {note.path for note in recorder.notes} == {"/lists/{list}", "/lists/{list}/members/{member}"}
    await client.aclose()


async def test_I7_an_error_keeps_nothing_of_the_request(recorder: Recorder, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("t"))
    client = make(recorder)
    with pytest.raises(Unanswered) as caught:
        await write(client)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    await client.aclose()


# --- places ----------------------------------------------------------------------------------------------------------


class Slots:
    def __init__(self) -> None:
        self.inside = self.most = self.narrowed = 0

    async def enter(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)

    def leave(self) -> None:
        self.inside -= 1

    def narrow(self) -> None:
        self.narrowed += 1


async def test_R36_fewer_calls_at_once_after_429_and_after_a_bare_403(
    recorder: Recorder, httpx_mock: HTTPXMock
) -> None:
    slots = Slots()
    wire = recorder.wire()
    wire.slots = slots
    waited_inside: list[int] = []

    async def sleep(seconds: float) -> None:
        waited_inside.append(slots.inside)

    wire.sleep = sleep
    client = Client(BASE, {}, wire, reads=READS)
    replies: list[dict[str, Any]] = [
        {"status_code": 429},
        {"status_code": 403},
        {"status_code": 500},
        {"json": {}},
    ]
    for reply in replies:
        httpx_mock.add_response(**reply)
    await read(client)
    assert slots.narrowed == 2
    assert slots.inside == 0
    assert waited_inside == [0, 0, 0]  # nobody waits at the table
    httpx_mock.add_response(status_code=403, json={"title": "Forbidden"})
    await read(client)
    assert slots.narrowed == 2
    await client.aclose()


async def test_R36_places_of_a_process_shrink_to_one_and_not_to_none() -> None:
    places = Places(3)
    for _ in range(5):
        places.narrow()
    assert places.limit == 1
    await places.enter()
    places.leave()
    await places.enter()
    places.leave()


def test_a_wire_is_read_only_unless_it_is_said() -> None:
    assert Wire("x").read_only
