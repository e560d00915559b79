"""Batches: handed over, asked after, and believed only when the whole archive tells every row."""

from __future__ import annotations

import io
import json
import random
import re
import tarfile
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_httpx import HTTPXMock

from adapters.provider import FieldChange, IncompleteRead, NotThere, Settlement, Unanswered, Unreachable
from state.model import Outcome
from tests.adapters.mailchimp.accounts import LIST_ID, REMOTE, connect, member, problem
from tests.adapters.wires import Recorder

TICKET = "8b2428d747"
LEFT_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HERE = "http://127.0.0.1:8600"
BASE = f"{HERE}/mailchimp/3.0"
URL = f"{HERE}/results/{TICKET}.tar.gz?signature=abc"
ROWS = [FieldChange(f"p{n}@example.org", f"hash{n}", {"FNAME": f"Zoë {n}"}) for n in range(6)]


def archive(*files: list[dict[str, Any]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for number, rows in enumerate(files):
            content = json.dumps(rows).encode()
            info = tarfile.TarInfo(f"./{number}.json")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def entry(number: int, status: int = 200, response: object = None) -> dict[str, Any]:
    row = ROWS[number]
    inner = response if response is not None else member(row.email, id=row.origin_id)
    return {
        "status_code": status,
        "operation_id": f"change:{row.origin_id}:{row.email}",
        "response": inner if isinstance(inner, str) else json.dumps(inner),
    }


def batch(status: str = "finished", url: str = URL, total: int = 6, **more: Any) -> dict[str, Any]:
    return {
        "id": TICKET,
        "status": status,
        "total_operations": total,
        "finished_operations": 0,
        "errored_operations": 0,
        "response_body_url": url,
        **more,
    }


async def settle(recorder: Recorder | None = None, base_url: str = BASE) -> Settlement:
    mailchimp = connect(recorder or Recorder(), base_url=base_url, read_only=True)
    try:
        return await mailchimp.settle(REMOTE, TICKET, LEFT_AT)
    finally:
        await mailchimp.aclose()


async def test_changes_are_handed_over_as_patches_without_a_status(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json=batch("pending"))
    mailchimp = connect(Recorder())
    submission = await mailchimp.change(REMOTE, ROWS, by_ticket=True)
    (request,) = httpx_mock.get_requests()
    operations = json.loads(request.content)["operations"]
    assert operations[1] == {
        "method": "PATCH",
        "path": f"/lists/{LIST_ID}/members/hash1",
        "operation_id": "change:hash1:p1@example.org",
        "body": '{"merge_fields": {"FNAME": "Zoë 1"}}',
    }
    assert submission.ticket == TICKET
    assert [(r.email, r.outcome, r.reason) for r in submission.results] == [
        (row.email, Outcome.ACCEPTED, "handed-over") for row in ROWS
    ]
    await mailchimp.aclose()


@pytest.mark.parametrize("reply", [{"json": {}}, {"status_code": 502, "html": "<html>"}, {"text": "cut"}])
async def test_a_hand_over_without_a_ticket_is_unanswered_and_never_repeated(
    httpx_mock: HTTPXMock, reply: dict[str, Any]
) -> None:
    httpx_mock.add_response(**reply)
    mailchimp = connect(Recorder())
    with pytest.raises(Unanswered):
        await mailchimp.change(REMOTE, ROWS, by_ticket=True)
    assert len(httpx_mock.get_requests()) == 1
    await mailchimp.aclose()


@pytest.mark.parametrize(
    "status", ["pending", "preprocessing", "started", "finalizing", "a word of next year"]
)
async def test_an_unfinished_batch_tells_how_far_it_is(httpx_mock: HTTPXMock, status: str) -> None:
    httpx_mock.add_response(json=batch(status, finished_operations=2))
    found = await settle()
    assert (found.finished, found.done, found.total, found.results) == (False, 2, 6, ())
    assert status in found.text


async def test_R16_results_in_any_order_and_several_files_find_their_address(httpx_mock: HTTPXMock) -> None:
    rows = [
        entry(0),
        entry(1, 404, {"title": "Resource Not Found", "status": 404}),
        entry(2, 400, {"title": "Invalid Resource", "errors": [{"field": "GENDER", "message": "not z"}]}),
        entry(3, 400, {"title": "Member In Compliance State", "status": 400, "instance": ""}),
        entry(4, 500, "<html>"),
        entry(5, 200, "not json"),
    ]
    random.Random(7).shuffle(rows)
    packed = archive(rows[:2], rows[2:], [])
    httpx_mock.add_response(url=f"{BASE}/batches/{TICKET}", json=batch(errored_operations=4))
    httpx_mock.add_response(url=URL, content=packed)
    found = await settle()
    assert found.finished
    assert {r.email: (r.outcome, r.reason) for r in found.results} == {
        "p0@example.org": (Outcome.SENT, "changed"),
        "p1@example.org": (Outcome.WITHHELD, "member-gone"),
        "p2@example.org": (Outcome.REJECTED, "field-invalid"),
        "p3@example.org": (Outcome.WITHHELD, "compliance-state"),
        "p4@example.org": (Outcome.UNKNOWN, "vendor-trouble"),
        "p5@example.org": (Outcome.UNKNOWN, "answer-not-understood"),
    }
    by_email = {r.email: r for r in found.results}
    assert by_email["p2@example.org"].raw.endswith("GENDER: not z")
    assert {r.origin_id for r in found.results} == {row.origin_id for row in ROWS}
    assert found.files == {f"batch-{TICKET}.tar.gz": packed}
    download = httpx_mock.get_requests()[1]
    assert "authorization" not in download.headers


async def test_a_link_that_has_expired_is_asked_for_anew(httpx_mock: HTTPXMock) -> None:
    fresh = URL + "2"
    httpx_mock.add_response(url=f"{BASE}/batches/{TICKET}", json=batch())
    httpx_mock.add_response(url=URL, status_code=404)
    httpx_mock.add_response(url=f"{BASE}/batches/{TICKET}", json=batch(url=fresh))
    httpx_mock.add_response(url=fresh, content=archive([entry(n) for n in range(6)]))
    assert len((await settle()).results) == 6


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_results_that_are_not_handed_out_are_asked_for_later(
    httpx_mock: HTTPXMock, status: int
) -> None:
    httpx_mock.add_response(url=f"{BASE}/batches/{TICKET}", json=batch(), is_reusable=True)
    httpx_mock.add_response(url=URL, status_code=status, is_reusable=True)
    with pytest.raises(Unreachable):
        await settle()
    assert len(httpx_mock.get_requests()) == 4


WHOLE = archive([entry(n) for n in range(6)])


@pytest.mark.parametrize(
    "content",
    [
        WHOLE[:-10],
        WHOLE[: len(WHOLE) // 2],
        b"",
        archive([entry(n) for n in range(5)]),
        archive([entry(n) for n in range(6)], [entry(0)]),
        archive({"not": "a list"}),  # type: ignore[arg-type]
        archive([1, 2, 3]),  # type: ignore[list-item]
    ],
)
async def test_I11_an_archive_that_is_not_whole_settles_nothing(
    httpx_mock: HTTPXMock, content: bytes
) -> None:
    httpx_mock.add_response(url=f"{BASE}/batches/{TICKET}", json=batch())
    httpx_mock.add_response(url=URL, content=content)
    with pytest.raises(IncompleteRead):
        await settle()


@pytest.mark.parametrize(
    "url",
    [
        "http://mailchimp-api-batch.s3.amazonaws.com/x.tar.gz",
        "https://evil.example/x.tar.gz",
        "https://someone-else.s3.amazonaws.com/x.tar.gz",
        "https://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:9999/x.tar.gz",
        "file:///etc/passwd",
    ],
)
async def test_I15_a_result_elsewhere_is_not_fetched(httpx_mock: HTTPXMock, url: str) -> None:
    httpx_mock.add_response(url=re.compile(".*/batches/.*"), json=batch(url=url))
    with pytest.raises(Unreachable) as caught:
        await settle()
    assert caught.value.reason == "url-not-allowed"
    assert len(httpx_mock.get_requests()) == 1


async def test_a_batch_mailchimp_has_forgotten_is_not_there(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(**problem(404, "Resource Not Found"))
    with pytest.raises(NotThere) as caught:
        await settle()
    assert caught.value.reason == "not-found"


async def test_rows_of_somebody_else_are_counted_and_left_alone(httpx_mock: HTTPXMock) -> None:
    foreign = {"status_code": 200, "operation_id": None, "response": "{}"}
    httpx_mock.add_response(url=f"{BASE}/batches/{TICKET}", json=batch(total=2))
    httpx_mock.add_response(url=URL, content=archive([foreign, entry(3)]))
    assert [r.email for r in (await settle()).results] == ["p3@example.org"]
