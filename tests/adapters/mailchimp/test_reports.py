"""Reports: sent campaigns, their counts, and what addresses did with them (Mailchimp contract §10)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpx import HTTPXMock

from adapters.mailchimp.provider import Mailchimp
from adapters.provider import IncompleteRead, NotThere, Unrecognised
from adapters.sandbox.running import RunningSandbox
from state.model import Activity, ActivityKind
from tests.adapters.mailchimp.accounts import LIST_ID, connect
from tests.adapters.mailchimp.rehearsing import DOUBLE_ID, some
from tests.adapters.wires import Recorder

SENT_AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


async def all_of(mailchimp: Mailchimp, campaign: str, since: datetime | None = None) -> list[Activity]:
    return [one async for page in mailchimp.activity(campaign, since) for one in page]


async def test_the_campaigns_of_a_list_are_those_sent_to_it(mailchimp: Mailchimp) -> None:
    here, there = await mailchimp.campaigns(LIST_ID), await mailchimp.campaigns(DOUBLE_ID)
    assert [one.name for one in here] == ["Herbstbrief", "Einladung Delegiertenversammlung", "Frühlingsbrief"]
    assert all(one.sent and one.status == "sent" and one.subject for one in (*here, *there))
    assert not {one.campaign_id for one in here} & {one.campaign_id for one in there}
    assert await mailchimp.campaigns("unknown") == ()
    assert mailchimp.capabilities.campaigns


async def test_a_summary_is_the_sum_of_the_activity(mailchimp: Mailchimp) -> None:
    for campaign in await mailchimp.campaigns(LIST_ID):
        summary = await mailchimp.campaign_summary(campaign.campaign_id)
        rows = await all_of(mailchimp, campaign.campaign_id)
        assert Counter(one.kind for one in rows) == Counter(summary.counts)
        bounced = summary.counts[ActivityKind.HARD_BOUNCED] + summary.counts[ActivityKind.SOFT_BOUNCED]
        assert summary.delivered == summary.counts[ActivityKind.SENT] - bounced
        assert bounced > 0 < summary.unique_clicks < summary.unique_opens
        assert summary.sent_at is not None
        assert {one.at for one in rows if one.kind is ActivityKind.SENT} == {summary.sent_at}
        assert all(one.origin_id and "@" in one.email and one.at.tzinfo is UTC for one in rows)
        assert {one.detail for one in rows if one.kind is ActivityKind.CLICKED} == {
            "https://musterverband.example/termine"
        }


async def test_only_what_came_since_is_read_again(sandbox: RunningSandbox, mailchimp: Mailchimp) -> None:
    newest = (await mailchimp.campaigns(LIST_ID))[0].campaign_id
    summary = await mailchimp.campaign_summary(newest)
    assert summary.sent_at is not None
    everything = await all_of(mailchimp, newest)
    since = summary.sent_at + timedelta(minutes=60, seconds=30)
    later = await all_of(mailchimp, newest, since)
    kinds = {one.kind for one in later}
    # The overlap brings the opens of half a minute before again; recipients are read again while it is being sent.
    assert {ActivityKind.OPENED, ActivityKind.CLICKED, ActivityKind.SENT} <= kinds
    assert not kinds & {ActivityKind.SOFT_BOUNCED, ActivityKind.HARD_BOUNCED}
    assert set(later) <= set(everything)
    assert await all_of(mailchimp, newest, summary.sent_at + timedelta(days=4)) == [
        one for one in everything if one.at >= summary.sent_at + timedelta(days=4) - timedelta(minutes=1)
    ]


async def test_a_campaign_that_is_not_there_is_said(mailchimp: Mailchimp) -> None:
    with pytest.raises(NotThere):
        await mailchimp.campaign_summary("nonesuch00")
    with pytest.raises(NotThere):
        await all_of(mailchimp, "nonesuch00")


async def test_the_addresses_are_those_of_the_list(sandbox: RunningSandbox, mailchimp: Mailchimp) -> None:
    newest = (await mailchimp.campaigns(LIST_ID))[0].campaign_id
    hard = {one.email for one in await all_of(mailchimp, newest) if one.kind is ActivityKind.HARD_BOUNCED}
    assert hard <= set(some(sandbox, "cleaned", len(hard)))


def answer(rows: list[dict[str, Any]], key: str, total: int | None = None) -> dict[str, Any]:
    return {key: rows, "total_items": len(rows) if total is None else total}


async def test_words_nobody_described_are_no_activity(httpx_mock: HTTPXMock) -> None:
    acts = [
        {"action": "open", "timestamp": "2026-03-01T09:00:00+00:00"},
        {"action": "hover", "timestamp": "2026-03-01T09:01:00+00:00"},
        {"action": "click", "timestamp": "", "url": "https://example.org"},
        {"action": "bounce", "type": "strange", "timestamp": "2026-03-01T10:00:00+01:00"},
    ]
    row = {"email_address": "eva@example.org", "email_id": "e1", "activity": acts}
    httpx_mock.add_response(json={"id": "c1", "send_time": SENT_AT.isoformat()})
    httpx_mock.add_response(json=answer([], "sent_to"))
    httpx_mock.add_response(json=answer([row], "emails"))
    httpx_mock.add_response(json=answer([], "unsubscribes"))
    mailchimp = connect(Recorder(), read_only=True)
    found = await all_of(mailchimp, "c1")
    await mailchimp.aclose()
    assert [(one.kind, one.at.hour) for one in found] == [
        (ActivityKind.OPENED, 9),
        (ActivityKind.SOFT_BOUNCED, 9),
    ]


async def test_a_short_list_of_activity_is_incomplete(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"id": "c1", "send_time": SENT_AT.isoformat()})
    row = {"email_address": "eva@example.org", "email_id": "e1"}
    httpx_mock.add_response(json=answer([row], "sent_to", 2))
    httpx_mock.add_response(json=answer([], "sent_to", 2))
    mailchimp = connect(Recorder(), read_only=True)
    with pytest.raises(IncompleteRead):
        await all_of(mailchimp, "c1")
    await mailchimp.aclose()


async def test_a_count_that_is_none_is_not_taken_for_zero(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(json={"id": "c1", "emails_sent": "many"})
    mailchimp = connect(Recorder(), read_only=True)
    with pytest.raises(Unrecognised):
        await mailchimp.campaign_summary("c1")
    await mailchimp.aclose()
