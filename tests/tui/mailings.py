"""Campaigns for the screens: three sent ones and a draft in the small world, with what addresses did."""

from __future__ import annotations

from datetime import datetime, timedelta

from state.activities import finish_activities, put_activities
from state.campaigns import campaign_rows, put_campaigns, put_campaigns_time, put_summary
from state.model import Activity, ActivityKind, Campaign, CampaignSummary
from state.store import State
from tests.tui.world import NOON, World

SENT, OPENED, CLICKED = ActivityKind.SENT, ActivityKind.OPENED, ActivityKind.CLICKED
SOFT, HARD, LEFT = ActivityKind.SOFT_BOUNCED, ActivityKind.HARD_BOUNCED, ActivityKind.UNSUBSCRIBED
LIST = "a6b5da1054"
PEOPLE = tuple(f"person{number:02}@example.org" for number in range(40))


def with_campaigns(world: World) -> World:
    """Three campaigns were sent to Verbandsnews in February, and read an hour ago."""
    with world.state() as state:
        put_campaigns(
            state,
            "verband",
            {
                LIST: [
                    Campaign("301", "Winter news", "Snow, at last", "Verband", "Sent", True),
                    Campaign("302", "Reminder: annual meeting", "Come on Friday", "Verband", "Sent", True),
                    Campaign("303", "Annual meeting", "It was good", "Verband", "Sent", True),
                    Campaign("304", "Spring", "", "Verband", "Unsent", False),
                ]
            },
            NOON - timedelta(hours=1),
        )
        for days, campaign_id, readers in ((26, "301", 18), (12, "302", 24), (3, "303", 9)):
            _mail(state, campaign_id, NOON - timedelta(days=days, hours=4), readers)
        put_campaigns_time(state, "verband", "mailchimp", NOON - timedelta(hours=1))
    return world


def _mail(state: State, campaign_id: str, at: datetime, readers: int) -> None:
    """Forty mails, one bounce of each kind, some who opened (again and again), every third of them clicked, one left."""
    row = next(row for row in campaign_rows(state, "verband") if row.campaign_id == campaign_id)
    done = [Activity(campaign_id, person, SENT, at) for person in (*PEOPLE, "Eva@example.org")]
    done += [
        Activity(campaign_id, PEOPLE[-1], HARD, at + timedelta(minutes=1), detail="mailbox unknown"),
        Activity(campaign_id, PEOPLE[-2], SOFT, at + timedelta(minutes=2), detail="mailbox full"),
        Activity(campaign_id, PEOPLE[-3], LEFT, at + timedelta(hours=5)),
        Activity(
            campaign_id, "eva@example.org", OPENED, at + timedelta(minutes=7), times=2, detail="Thunderbird"
        ),
    ]
    for number, person in enumerate(PEOPLE[:readers]):
        again = (0, 9, 30, 170)[: 1 + number % 4]
        done += [
            Activity(campaign_id, person, OPENED, at + timedelta(hours=number**2 / 12 + hours))
            for hours in again
        ]
        if number % 3 == 0:
            clicked = at + timedelta(hours=number**2 / 12, minutes=2)
            link = "https://verband.example/agenda" if number % 2 else "https://verband.example/photos"
            done.append(Activity(campaign_id, person, CLICKED, clicked, detail=link))
    done = [one for one in done if one.at < NOON]
    counts = {kind: sum(one.times for one in done if one.kind is kind) for kind in ActivityKind}
    unique = {kind: len({one.email for one in done if one.kind is kind}) for kind in (OPENED, CLICKED)}
    summary = CampaignSummary(
        campaign_id, at, counts, unique[OPENED], unique[CLICKED], counts[SENT] - counts[SOFT] - counts[HARD]
    )
    put_summary(state, row.no, summary, NOON - timedelta(hours=1))
    put_activities(state, row.no, done)
    finish_activities(state, row.no, NOON - timedelta(hours=2))
