"""The transport against real sockets: cut, lying, packed, dripping and endless answers (I11, I15)."""

from __future__ import annotations

import asyncio
import gzip
import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adapters.http import Allowed, Answer, Client
from adapters.origins import route
from adapters.pace import Limits, RetryPolicy
from adapters.provider import AdapterError, IncompleteRead, Unanswered, Unreachable, Unrecognised
from adapters.secret import Secret
from tests.adapters.loopback import RawServer, Reply, answer, raw_server
from tests.adapters.wires import Recorder

READS = (Allowed.of("GET", "/lists/{list}"),)
WRITES = (Allowed.of("POST", "/lists/{list}"),)
LIST = route("/lists/{list}", list="a6b5")
SMALL = Limits(
    connect=2, read=5, write=5, total=5, wire_bytes=50_000, unpacked_bytes=200_000, file_bytes=50_000
)
CANARY = "Basic canary0123456789"


def make(url: str, recorder: Recorder, limits: Limits = SMALL, tries: int = 2) -> Client:
    return Client(
        url,
        {"Authorization": Secret(CANARY)},
        recorder.wire(),
        reads=READS,
        writes=WRITES,
        limits=limits,
        policy=RetryPolicy(tries=tries),
    )


async def get(client: Client) -> Answer:
    return await client.send("GET", LIST)


async def post(client: Client) -> Answer:
    return await client.send("POST", LIST, content={"members": []})


async def outcome(
    call: Callable[[Client], Awaitable[Answer]], *replies: Reply, limits: Limits = SMALL
) -> AdapterError:
    recorder = Recorder()
    async with raw_server(*replies) as server:
        client = make(server.url, recorder, limits)
        with pytest.raises(AdapterError) as caught:
            await call(client)
        await client.aclose()
        assert server.requests
    return caught.value


async def fine(reply: Reply) -> Answer:
    async with raw_server(reply) as server:
        client = make(server.url, Recorder())
        found = await get(client)
        await client.aclose()
    return found


# Made for these tests alone: nobody trusts it, and it guards nothing.
SELF_SIGNED = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgT6XlA9EdU0wccQ+c
NDFqGGVGfCjZ9AoFIwvV1wPScc6hRANCAASQh40e6B7o9ZvwDxAVIiSSOmffZWYd
lDD63t8t58rHP52/v5TZphIGknCn7+gExgjaw46jqOrhh/xMjEQ2mF/w
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUO9q5FlCtru2C9O7Hq30+WUNiU3kwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMjA0NDMwNloYDzIxMjYxMDI5
MDQ0MzA2WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASQh40e6B7o9ZvwDxAVIiSSOmffZWYdlDD63t8t58rHP52/v5TZphIG
knCn7+gExgjaw46jqOrhh/xMjEQ2mF/wo2QwYjAdBgNVHQ4EFgQUNXp0CS14z+X2
Sp/zhgtEfK7izo4wHwYDVR0jBBgwFoAUNXp0CS14z+X2Sp/zhgtEfK7izo4wDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQCxu0+Rjj7bFefA7sHVa8emnI65cVBGIfYMN+zs9tsOSQIgNX5fK8ufCYDkKjdY
jG5W9GrRhd25+I1/IN6A1glKeNk=
-----END CERTIFICATE-----
"""

GZIP = "Content-Encoding: gzip"
BODY = b'{"total_items":1,"members":[{"id":"a"}]}'


async def test_plain_and_packed_answers_are_read_whole() -> None:
    assert (await fine(answer(BODY))).json() == {"total_items": 1, "members": [{"id": "a"}]}
    assert (await fine(answer(gzip.compress(BODY), "200 OK", GZIP))).body == BODY
    two = gzip.compress(BODY[:20]) + gzip.compress(BODY[20:])
    assert (await fine(answer(two, "200 OK", GZIP))).body == BODY
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert (await fine(chunked)).body == BODY


@pytest.mark.parametrize(
    "reply",
    [
        answer(BODY[:-5], length=len(BODY)),
        answer(gzip.compress(BODY)[:-9], "200 OK", GZIP),
        answer(gzip.compress(BODY)[:-9], "200 OK", GZIP, length=len(gzip.compress(BODY))),
        answer(gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])[:-2], "200 OK", GZIP),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n",
        b"HTTP/1.1 200 OK\r\nConte",
        b"",
    ],
)
async def test_I11_a_cut_answer_is_never_believed(reply: bytes) -> None:
    read = await outcome(get, reply)
    assert isinstance(read, IncompleteRead)
    assert read.reason == "answer-cut"
    assert isinstance(await outcome(post, reply), Unanswered)


async def test_I11_a_cut_read_is_asked_for_again() -> None:
    async with raw_server(answer(BODY[:-5], length=len(BODY)), answer(BODY)) as server:
        client = make(server.url, Recorder())
        assert (await get(client)).body == BODY
        await client.aclose()
        assert len(server.requests) == 2


async def test_I11_a_body_without_a_length_that_ends_early_is_no_json() -> None:
    found = await fine(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + BODY[:-9])
    assert found.document() is None


@pytest.mark.parametrize("coding", ["deflate", "br", "gzip, gzip"])
async def test_a_packing_nobody_asked_for_is_not_understood(coding: str) -> None:
    read = await outcome(get, answer(BODY, "200 OK", f"Content-Encoding: {coding}"))
    assert isinstance(read, Unrecognised)
    assert isinstance(await outcome(post, answer(BODY, "200 OK", f"Content-Encoding: {coding}")), Unanswered)


async def test_I15_a_bomb_is_stopped_while_it_unpacks() -> None:
    bomb = gzip.compress(b"\0" * 30_000_000)
    assert len(bomb) < SMALL.wire_bytes
    read = await outcome(get, answer(bomb, "200 OK", GZIP))
    assert (type(read), read.reason) == (IncompleteRead, "answer-too-large")


async def test_I15_an_endless_answer_is_stopped_by_its_bytes() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
        while sent < 100_000_000:
            writer.write(b"1," * 5_000)
            sent += 10_000
            await writer.drain()

    read = await outcome(get, endless)
    assert read.reason == "answer-too-large"
    assert sent < 100_000_000


async def test_I15_a_dripping_answer_is_stopped_by_the_total_time() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    quick = Limits(connect=1, read=0.3, write=1, total=0.4)
    read = await outcome(get, drip, limits=quick)
    assert (type(read), read.reason) == (Unreachable, "timed-out")
    assert isinstance(await outcome(post, drip, limits=quick), Unanswered)


async def test_a_server_that_hangs_is_timed_out() -> None:
    async def hang(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    quick = Limits(connect=1, read=0.1, write=1, total=2)
    assert (await outcome(get, hang, limits=quick)).reason == "timed-out"
    assert isinstance(await outcome(post, hang, limits=quick), Unanswered)


async def test_a_closed_port_is_unreachable_also_for_a_write() -> None:
    async with raw_server(b"") as server:
        url = server.url
    recorder = Recorder()
    client = make(url, recorder)
    for call in (get, post):
        with pytest.raises(Unreachable) as caught:
            await call(client)
        assert caught.value.reason == "unreachable"
    assert len(recorder.notes) == 4
    await client.aclose()


async def test_I15_a_redirect_gets_neither_key_nor_body() -> None:
    async with raw_server(answer(b"{}")) as thief:
        moved = answer(b"", "307 Temporary Redirect", f"Location: {thief.url}/lists/a6b5")
        for call in (get, post):
            refused = await outcome(call, moved)
            assert refused.reason == "redirected"
        assert thief.requests == []


async def test_I15_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(answer(b"{}")) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await fine(answer(b"{}"))
        assert proxy.requests == []


async def test_I15_a_self_signed_certificate_is_said_and_not_tried_again(tmp_path: Path) -> None:
    pem = tmp_path / "self-signed.pem"
    pem.write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    requests: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.read(2000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    recorder = Recorder()
    client = make(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", recorder, tries=5)
    with pytest.raises(Unreachable) as caught:
        await get(client)
    await client.aclose()
    server.close()
    await server.wait_closed()
    assert caught.value.reason == "tls"
    assert len(recorder.notes) == 1
    assert not any(requests)


async def test_I15_a_downloaded_file_is_asked_for_without_credentials() -> None:
    async with raw_server(answer(b"packed bytes")) as server:
        client = make(server.url + "/mailchimp/3.0", Recorder())
        found = await client.download(f"{server.url}/results/1.tar.gz?signature=abc", ())
        assert found.body == b"packed bytes"
        (request,) = server.requests
        assert request.startswith(b"GET /results/1.tar.gz?signature=abc ")
        assert b"authorization" not in request.lower()
        assert b"canary" not in request
        await client.aclose()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (answer(b"x" * 50_001), "answer-too-large"),
        (answer(b"x" * 100, length=200), "answer-cut"),
        (answer(b"", "302 Found", "Location: http://169.254.169.254/"), "redirected"),
    ],
)
async def test_I15_a_downloaded_file_has_limits(reply: bytes, reason: str) -> None:
    async with raw_server(reply) as server:
        client = make(server.url, Recorder())
        with pytest.raises(AdapterError) as caught:
            await client.download(f"{server.url}/file", ())
        assert caught.value.reason == reason
        assert len(server.requests) == 1
        await client.aclose()


async def test_I7_a_log_at_its_loudest_holds_neither_key_nor_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with raw_server(answer(b"{}", "200 OK", "X-Secret: canary")) as server:
        client = make(server.url, Recorder())
        await client.send("GET", LIST, params={"email": "eva@example.org"})
        await client.download(f"{server.url}/file?signature=canary", ())
        await client.aclose()
    assert "canary" not in caplog.text
    assert "eva@example.org" not in caplog.text


async def test_a_cancelled_call_gives_its_place_back_and_is_noted() -> None:
    async def hang(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    recorder = Recorder()
    async with raw_server(hang, answer(b"{}")) as server:
        client = Client(server.url, {}, recorder.wire(connections=1), reads=READS, limits=SMALL)
        call = asyncio.create_task(get(client))
        await _until(lambda: bool(server.requests))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await get(client)).status == 200
        await client.aclose()
    assert [note.note for note in recorder.notes] == ["cancelled", ""]


async def test_R36_no_more_calls_at_once_than_there_are_connections() -> None:
    inside = most = 0

    async def busy(writer: asyncio.StreamWriter) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1
        writer.write(answer(b"{}"))

    async with raw_server(busy) as server:
        client = Client(server.url, {}, Recorder().wire(connections=3), reads=READS, limits=SMALL)
        await asyncio.gather(*(get(client) for _ in range(20)))
        await client.aclose()
    assert most == 3


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  (the server has no event to wait for)
            await asyncio.sleep(0.005)


def test_a_raw_server_knows_its_url() -> None:
    assert RawServer([b""], port=8).url == "http://127.0.0.1:8"
