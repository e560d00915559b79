"""The job that reads campaigns: incremental, resumable by reading again, one campaign's trouble is its own (R21, R41, R42)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from adapters.provider import (
    AdapterError,
    CredentialsRefused,
    NotThere,
    Throttled,
    Unreachable,
)
from console.jobs.campaigns import GIVE_UP_AFTER, OVERLAP, READ_AGAIN
from console.jobs.process import alive
from state.jobs import get_job, request_cancel
from state.model import ActivityKind, JobState, Level
from state.store import open_state
from tests.console.campaign_desk import EVA, Desk, furnished_desk, put_platform_in_place
from tests.console.campaign_platform import PLATFORM, SENT_AT, Platform

OPENED, SENT = ActivityKind.OPENED, ActivityKind.SENT


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    return put_platform_in_place(monkeypatch)


@pytest.fixture
def desk(tmp_path: Path, platform: Platform) -> Desk:
    return furnished_desk(tmp_path, platform)


def asked(what: str) -> list[tuple[str, datetime | None]]:
    return [(about, since) for kind, about, since in PLATFORM.asked if kind == what]


def test_the_first_reading_takes_everything(desk: Desk, platform: Platform) -> None:
    end = desk.read()
    assert (end.state, end.exit_code) == (JobState.DONE, 0)
    assert end.counts == {"campaigns": 3, "appeared": 4, "gone": 0, "activities": 15, "unread": 0}
    assert end.text == "3 sent campaigns of shop: 4 new, 0 gone, 15 new activities."
    rows = desk.rows()
    assert {row.campaign_id for row in rows.values() if row.sent} == {"301", "302", "303"}
    assert [one.link for one in rows["303"].lists] == ["youth"]
    march = rows["301"].summary
    assert march is not None
    assert (march.counts[SENT], march.counts[OPENED], march.unique_opens) == (4, 1, 1)
    assert rows["301"].curve is not None
    assert rows["301"].curve.opened == {0: 1}
    assert rows["301"].cursor == desk.now - OVERLAP
    assert desk.read_at() == desk.now
    assert len(desk.activities()) == 15
    assert asked("activity") == [("303", None), ("302", None), ("301", None)]
    assert all(wire.read_only for wire in platform.wires)
    with open_state(desk.state_path, read_only=True) as state:
        job = get_job(state, end.job_id)
    assert (job.phase, job.unit, job.done, job.total) == ("reading activity", "activities", 15, 15)


def test_R41_the_next_reading_asks_from_before_the_last_one(desk: Desk, platform: Platform) -> None:
    desk.read()
    first = desk.now
    platform.asked.clear()
    platform.did("302", "jan@example.org", OPENED, first - OVERLAP + timedelta(seconds=1))
    end = desk.read()
    assert end.counts["activities"] == 1
    assert asked("activity") == [("302", first - OVERLAP)]
    assert [about for about, _ in asked("summary")] == ["303", "302", "301"], "the counts each time"
    assert desk.rows()["302"].cursor == desk.now - OVERLAP


def test_reading_again_changes_nothing(desk: Desk) -> None:
    desk.read()
    before = desk.activities(), desk.rows()
    end = desk.read()
    assert (end.counts["activities"], end.counts["appeared"]) == (0, 0)
    assert desk.activities() == before[0]
    assert {one: row.summary for one, row in desk.rows().items()} == {
        one: row.summary for one, row in before[1].items()
    }


def test_counts_that_stand_still_are_believed_for_a_day(desk: Desk, platform: Platform) -> None:
    desk.read()
    platform.asked.clear()
    desk.read()
    desk.read()
    assert asked("activity") == []
    desk.now += READ_AGAIN
    desk.read()
    assert len(asked("activity")) == 3


def test_R42_a_reading_that_breaks_off_keeps_its_pages_and_not_the_cursor(
    desk: Desk, platform: Platform
) -> None:
    platform.activity_errors["302"] = (1, Unreachable("timed-out", "No answer in time.", "Try again."))
    end = desk.read()
    assert (end.state, end.exit_code, end.reason) == (JobState.PARTLY, 3, "timed-out")
    rows = desk.rows()
    assert rows["302"].cursor is None
    assert rows["301"].cursor is not None
    assert rows["303"].cursor is not None
    assert len([row for row in desk.activities() if row[0] == "302"]) == 3
    assert desk.read_at() is None
    platform.activity_errors.clear()
    platform.asked.clear()
    assert desk.read().exit_code == 0
    assert asked("activity") == [("302", None)]
    assert len(desk.activities()) == 15
    assert desk.read_at() == desk.now


def test_what_failed_is_read_although_the_counts_stand_still(desk: Desk, platform: Platform) -> None:
    """The counts of the run whose activity failed are kept; they say nothing of what was read."""
    desk.read()
    platform.did("302", "jan@example.org", OPENED, SENT_AT + timedelta(hours=2))
    platform.activity_errors["302"] = (0, Unreachable("timed-out", "No answer in time."))
    desk.read()
    platform.activity_errors.clear()
    assert desk.read().counts["activities"] == 1


def test_R21_one_lists_trouble_leaves_the_others(desk: Desk, platform: Platform) -> None:
    desk.read()
    del platform.lists["4711"]
    platform.campaign_errors["4711"] = NotThere(
        "list-missing", "The account has no list 4711.", "Correct it."
    )
    end = desk.read()
    assert (end.exit_code, end.reason, end.next) == (3, "list-missing", "Correct it.")
    assert "1 could not be read, the first because: The account has no list 4711." in end.text
    assert desk.told(end, Level.ERROR) == [
        ("list-missing", "Campaigns of news: The account has no list 4711.")
    ]
    assert [row.gone_at for row in desk.rows().values()] == [None] * 4, "an unread list proves nobody gone"


def test_campaigns_the_platform_does_not_show_any_more_are_gone(desk: Desk, platform: Platform) -> None:
    desk.read()
    platform.lists["4712"].clear()
    assert desk.read().counts["gone"] == 1
    assert desk.rows()["303"].gone_at == desk.now
    assert len(desk.activities()) == 15, "what people did stays"


@pytest.mark.parametrize(
    "error",
    [
        CredentialsRefused("key-invalid", "The key is refused.", "Copy it again."),
        Throttled("throttled", "Still throttled.", "Wait."),
    ],
)
def test_what_concerns_all_stops_the_reading(desk: Desk, platform: Platform, error: AdapterError) -> None:
    platform.summary_errors["303"] = error
    end = desk.read()
    assert (end.state, end.reason) == (JobState.FAILED, error.reason)
    assert end.exit_code == (7 if error.reason == "key-invalid" else 9)
    assert len(asked("summary")) == 1
    assert asked("activity") == []
    assert "not tried" in desk.told(end, Level.WARNING)[0][1]
    assert len(desk.rows()) == 4, "the campaigns themselves are kept"


def test_nobody_goes_on_asking_a_platform_that_is_not_reached(desk: Desk, platform: Platform) -> None:
    for number in range(20):
        platform.put("4711", f"5{number:02}")
    platform.summary_errors = {
        campaign_id: Unreachable("unreachable", "No connection.") for campaign_id in platform.activity
    }
    assert desk.read().state is JobState.FAILED
    assert len(asked("summary")) == GIVE_UP_AFTER


def test_some_campaigns_that_are_not_reached_are_no_dead_platform(desk: Desk, platform: Platform) -> None:
    for campaign_id in ("301", "303"):
        platform.summary_errors[campaign_id] = Unreachable("vendor-trouble", "Its own error.")
    end = desk.read()
    assert (end.exit_code, end.counts["unread"], end.counts["campaigns"]) == (3, 2, 1)
    assert desk.rows()["302"].cursor is not None


def test_a_campaign_on_two_lists_is_read_once(desk: Desk, platform: Platform) -> None:
    platform.lists["4712"].append(platform.lists["4711"][0])
    desk.read()
    assert [about for about, _ in asked("activity")].count("301") == 1
    assert [one.link for one in desk.rows()["301"].lists] == ["news", "youth"]


def test_a_platform_without_campaigns_says_so(desk: Desk, platform: Platform) -> None:
    platform.without_campaigns()
    end = desk.read()
    assert (end.state, end.exit_code, end.reason) == (JobState.FAILED, 2, "campaigns-not-offered")
    assert end.text == "Campaigner tells us nothing of campaigns, so there are none of news, youth."
    assert platform.asked == []


def test_a_connection_without_links_has_nothing_to_read(desk: Desk, platform: Platform) -> None:
    end = desk.read("empty")
    assert (end.exit_code, end.reason) == (0, "nothing-to-do")
    assert platform.asked == []


def test_a_cancel_is_heeded_between_two_pages(desk: Desk, platform: Platform) -> None:
    def cancel() -> None:
        with open_state(desk.state_path) as state:
            (job_id,) = state.db.execute("SELECT job_id FROM jobs WHERE state = 'running'").fetchone()
            request_cancel(state, job_id, EVA, desk.now, alive=alive)

    platform.endless = cancel
    end = desk.read()
    assert (end.state, end.reason) == (JobState.CANCELLED, "cancelled")
    assert len(desk.activities()) == 3
    assert [row.cursor for row in desk.rows().values()] == [None] * 4
    platform.endless = None
    assert desk.read().counts["activities"] == 12
    assert len(desk.activities()) == 15
