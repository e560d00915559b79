"""Campaigns: their counts and what people did, whatever the vendor adds to its answers (contract §8)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_httpx import HTTPXMock

from adapters.provider import NotThere, Refused
from state.model import Activity, ActivityKind
from tests.adapters.dotdigital.accounts import API, BOOK, asked, connect, opened, pascal, refusal
from tests.adapters.wires import Recorder

CAMPAIGN = {
    "id": 301,
    "name": "March",
    "subject": "News",
    "fromName": "Club",
    "fromAddress": {"id": 9, "email": "n@alpine.example"},
    "htmlContent": None,
    "replyAction": "Webmail",
    "isSplitTest": False,
    "status": "Sent",
}
SUMMARY = {
    "dateSent": "2026-02-01 09:00:00",
    "numUniqueOpens": 40,
    "numUniqueTextOpens": 2,
    "numTotalUniqueOpens": 42,
    "numOpens": 60,
    "numTotalOpens": 64,
    "numClicks": 11,
    "numTextClicks": 1,
    "numTotalSent": 200,
    "numTotalDelivered": 195,
    "numTotalHardBounces": 2,
    "numTotalSoftBounces": 3,
    "numTotalUnsubscribes": 4,
    "numRecipientsClicked": 9,
    "percentageOpens": 21.5,
    "revenue": "$0.00",
    "numOrders": None,
}


def pages(httpx_mock: HTTPXMock, path: str, rows: list[Any]) -> None:
    base = re.escape(f"{API}/campaigns/301/{path}?select=1000&skip=")
    httpx_mock.add_response(url=re.compile(base + "0"), json=rows)
    httpx_mock.add_response(url=re.compile(base + "900"), json=[], is_optional=True)


async def activity(httpx_mock: HTTPXMock, since: datetime | None = None) -> list[Activity]:
    opened(httpx_mock)
    dotdigital = connect(Recorder(), read_only=True)
    found = [one async for page in dotdigital.activity("301", since) for one in page]
    await dotdigital.aclose()
    return found


@pytest.mark.parametrize("spelling", [dict, pascal])
async def test_campaigns_of_a_book_come_in_every_state(httpx_mock: HTTPXMock, spelling: Any) -> None:
    opened(httpx_mock)
    rows = [
        CAMPAIGN,
        {**CAMPAIGN, "id": 302, "status": "Unsent", "new": 1},
        {"id": 303, "status": "Some New State"},
    ]
    base = re.escape(f"{BOOK}/campaigns?select=1000&skip=")
    httpx_mock.add_response(url=re.compile(base + "0"), json=[spelling(row) for row in rows])
    httpx_mock.add_response(url=re.compile(base + "900"), json=[])
    dotdigital = connect(Recorder(), read_only=True)
    found = await dotdigital.campaigns("4711")
    assert [(one.campaign_id, one.status, one.sent) for one in found] == [
        ("301", "Sent", True),
        ("302", "Unsent", False),
        ("303", "Some New State", False),
    ]
    assert (found[0].name, found[0].subject, found[0].from_name) == ("March", "News", "Club")
    await dotdigital.aclose()


@pytest.mark.parametrize("spelling", [dict, pascal])
async def test_a_summary_that_grew_is_read_all_the_same(httpx_mock: HTTPXMock, spelling: Any) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/campaigns/301/summary", json=spelling(SUMMARY))
    dotdigital = connect(Recorder(), read_only=True)
    found = await dotdigital.campaign_summary("301")
    assert found.sent_at == datetime(2026, 2, 1, 9, tzinfo=UTC)
    assert dict(found.counts) == {
        ActivityKind.SENT: 200,
        ActivityKind.OPENED: 64,
        ActivityKind.CLICKED: 12,
        ActivityKind.SOFT_BOUNCED: 3,
        ActivityKind.HARD_BOUNCED: 2,
        ActivityKind.UNSUBSCRIBED: 4,
    }
    assert (found.unique_opens, found.unique_clicks, found.delivered) == (42, 9, 195)
    await dotdigital.aclose()


async def test_a_campaign_that_was_not_sent_or_is_gone_has_no_summary(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(url=f"{API}/campaigns/301/summary", **refusal("ERROR_CAMPAIGN_INVALID"))
    httpx_mock.add_response(url=f"{API}/campaigns/9/summary", **refusal("ERROR_CAMPAIGN_NOT_FOUND", 404))
    dotdigital = connect(Recorder(), read_only=True)
    with pytest.raises(Refused):
        await dotdigital.campaign_summary("301")
    with pytest.raises(NotThere):
        await dotdigital.campaign_summary("9")
    with pytest.raises(NotThere):
        await dotdigital.campaign_summary("send")
    await dotdigital.aclose()


ROW = {
    "contactId": 81,
    "email": "ida@example.org",
    "numOpens": 2,
    "dateSent": "2026-02-01T09:00:00Z",
    "unsubscribed": False,
    "softBounced": False,
    "hardBounced": "False",
    "new": {},
}


async def test_each_kind_of_activity_comes_with_its_time(httpx_mock: HTTPXMock) -> None:
    pages(
        httpx_mock,
        "activities",
        [
            ROW,
            {**ROW, "email": "tom@example.org", "hardBounced": True},
            pascal({**ROW, "email": "kim@example.org", "unsubscribed": True}),
            {**ROW, "email": "no-time@example.org", "dateSent": None},
            {**ROW, "email": None},
        ],
    )
    opened_at = {
        "contactId": 81,
        "email": "ida@example.org",
        "mailClient": "Mail",
        "dateOpened": "2026-02-01 10:00:00",
    }
    clicked = {
        "contactId": 81,
        "email": "ida@example.org",
        "url": "https://alpine.example/",
        "dateClicked": "2026-02-01T10:01:00z",
    }
    pages(httpx_mock, "opens", [opened_at, opened_at])
    pages(httpx_mock, "clicks", [clicked])
    found = await activity(httpx_mock)
    sent_at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    assert [(one.email, one.kind, one.at) for one in found if one.kind is not ActivityKind.OPENED] == [
        ("ida@example.org", ActivityKind.SENT, sent_at),
        ("tom@example.org", ActivityKind.SENT, sent_at),
        ("tom@example.org", ActivityKind.HARD_BOUNCED, sent_at),
        ("kim@example.org", ActivityKind.SENT, sent_at),
        ("kim@example.org", ActivityKind.UNSUBSCRIBED, sent_at),
        ("ida@example.org", ActivityKind.CLICKED, datetime(2026, 2, 1, 10, 1, tzinfo=UTC)),
    ]
    opens = [one for one in found if one.kind is ActivityKind.OPENED]
    assert opens[0] == opens[1], "what is told twice is told alike"
    assert (opens[0].detail, opens[0].origin_id, opens[0].campaign_id) == ("Mail", "81", "301")
    assert found[-1].detail == "https://alpine.example/"


async def test_later_activity_is_asked_for_with_an_overlap(httpx_mock: HTTPXMock) -> None:
    when = "since-date/2026-02-28T23%3A59%3A00Z"
    for name in ("activities", "opens", "clicks"):
        pages(httpx_mock, f"{name}/{when}", [])
    assert await activity(httpx_mock, datetime(2026, 3, 1, tzinfo=UTC)) == []
    assert len(asked(httpx_mock)) == 3
