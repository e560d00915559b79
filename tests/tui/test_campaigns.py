"""The screens of campaigns: what they show at both sizes, what their keys do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from console.tui.places import Place, PlaceKind, parse_place
from console.tui.screens.campaign import CampaignPage
from console.tui.screens.campaigns import CampaignsPage
from console.tui.screens.confirm import Confirm
from console.tui.screens.explain import ExplainPage
from console.tui.screens.merge_campaigns import MergeCampaigns
from state.activities import put_activities
from state.campaigns import campaign_rows
from state.jobs import get_job
from state.marketing import merge_campaigns
from state.model import Activity, ActivityKind, JobKind
from tests.tui.mailings import with_campaigns
from tests.tui.screen import dialog_closed, dialog_open, matches, screen_text, settled
from tests.tui.test_screens import SIZES
from tests.tui.world import NOON, World

CAMPAIGNS = Place(PlaceKind.CONNECTION, "verband", "campaigns")
ONE = Place(PlaceKind.CAMPAIGN, "verband/302")

pytestmark = pytest.mark.usefixtures("at_noon")


@pytest.fixture
def mailed(world: World) -> World:
    """Three campaigns were sent and read."""
    return with_campaigns(world)


def marketing(world: World) -> dict[str, str]:
    with world.state() as state:
        return {row.campaign_id: row.marketing for row in campaign_rows(state, "verband")}


def merged(world: World) -> World:
    with world.state() as state:
        merge_campaigns(state, "verband", "Annual meeting 2026", ["302", "303"])
    return world


def told(app: Any) -> list[str]:
    return [note.message for note in app._notifications]


async def until(pilot: Pilot[Any], true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            return
        await pilot.pause(0.05)
    raise AssertionError(screen_text(pilot.app))


# --- what they show ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(mailed: World, size: str) -> None:
    app = merged(mailed).app(CAMPAIGNS)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        await pilot.press("down")
        await settled(pilot)
        matches(app, f"campaigns-{size}")
        await pilot.press("v")
        await settled(pilot)
        matches(app, f"campaigns-marketing-{size}")
        await pilot.press("v", "space", "space", "M")
        await dialog_open(pilot, MergeCampaigns)
        matches(app, f"campaigns-merge-{size}")
        dialog = app.screen
        await pilot.press("escape")
        await dialog_closed(pilot, dialog)
        await pilot.press("g", "down", "down", "enter")
        await settled(pilot)
        matches(app, f"campaign-{size}")
        await pilot.press("t", "3")
        await settled(pilot)
        matches(app, f"campaign-days-{size}")
        await pilot.press("0", "w")
        await settled(pilot)
        matches(app, f"campaign-whole-{size}")


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_read_yet(world: World, size: str) -> None:
    app = world.app(CAMPAIGNS)
    async with app.run_test(size=SIZES[size]) as pilot:
        await settled(pilot)
        matches(app, f"campaigns-empty-{size}")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("connection:verband/campaigns", CAMPAIGNS),
        ("campaign:301", Place(PlaceKind.CAMPAIGN, "301")),
        ("campaign:verband/302", ONE),
    ],
)
async def test_places_are_understood(text: str, place: Place) -> None:
    assert parse_place(text) == place
    assert str(place) == text


async def test_the_way_to_them(mailed: World) -> None:
    app = mailed.app(Place(PlaceKind.CONNECTION, "verband", "lists"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("K")
        await settled(pilot)
        assert isinstance(app.screen, CampaignsPage)
        assert "Winter news" in screen_text(app)


async def test_a_campaign_nobody_knows_is_said(mailed: World) -> None:
    app = mailed.app(Place(PlaceKind.CAMPAIGN, "999"))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "✖ No campaign 999 is known here." in screen_text(app)
        await pilot.press("enter", "w", "y")
        await settled(pilot)
        assert told(app)[0] == "As one: there is no campaign here"


async def test_a_name_from_outside_is_text(mailed: World) -> None:
    with mailed.state() as state, state.write() as db:
        db.execute(
            "UPDATE campaigns SET name = '[@click=app.quit]\x1b]0;x\x07', subject = '[/red]', marketing = '[b]'"
        )
    for place in (CAMPAIGNS, ONE):
        app = mailed.app(place)
        async with app.run_test(size=(160, 50)) as pilot:
            await settled(pilot)
            assert "[@click=app.quit]\\x1b]0;x\\x07" in screen_text(app)
            await pilot.press("v" if place is CAMPAIGNS else "w")
            await settled(pilot)
            assert "[b]" in screen_text(app)


# --- what their keys do ----------------------------------------------------------------------------------------


async def test_marked_campaigns_are_merged_under_a_typed_name_and_split_again(mailed: World) -> None:
    app = mailed.app(CAMPAIGNS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("down", "space", "space", "M")
        await dialog_open(pilot, MergeCampaigns)
        await pilot.press(*"Meeting", "enter")
        await settled_keys(pilot)
        assert "Meeting" not in marketing(mailed).values(), "enter in the field only goes to the button"
        await pilot.press("enter")
        await until(pilot, lambda: marketing(mailed)["303"] == "Meeting")
        await settled(pilot)
        assert marketing(mailed)["302"] == "Meeting"
        assert marketing(mailed)["301"] == "Winter news_301"
        assert "marked" not in screen_text(app)
        await pilot.press("v")
        await settled(pilot)
        assert "Marketing campaigns of verband  2" in screen_text(app)
        assert "Meeting" in screen_text(app)
        await pilot.press("S")
        await dialog_open(pilot, Confirm)
        assert "Split off 2 campaigns" in screen_text(app)
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "Meeting" not in marketing(mailed).values())


async def settled_keys(pilot: Pilot[Any]) -> None:
    for _ in range(3):
        await pilot.pause()


async def test_escape_merges_nothing_and_a_refused_name_is_said(mailed: World) -> None:
    before = marketing(mailed)
    app = mailed.app(CAMPAIGNS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("down", "M")
        await dialog_open(pilot, MergeCampaigns)
        dialog = app.screen
        await pilot.press(*"Meeting", "escape")
        await dialog_closed(pilot, dialog)
        assert marketing(mailed) == before
        await pilot.press("M")
        await dialog_open(pilot, MergeCampaigns)
        await pilot.press(*("x" * 81), "enter")
        await settled_keys(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: bool(told(app)))
        assert "1 to 80" in told(app)[0]
        await settled(pilot)
        await pilot.press("S")
        await settled(pilot)
        assert told(app)[-1] == "Split: it counts by itself already"
    assert marketing(mailed) == before


async def test_f10_read_only_neither_merges_nor_asks(mailed: World) -> None:
    app = mailed.app(CAMPAIGNS, read_only="this console was started read-only")
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        before = mailed.state_path.read_bytes()
        await pilot.press("down", "M", "S", "L")
        await settled(pilot)
        assert told(app) == [
            f"{word}: this console was started read-only" for word in ("Merge", "Split", "Fetch")
        ]
        assert isinstance(app.screen, CampaignsPage)
        assert mailed.state_path.read_bytes() == before


async def test_fetching_makes_a_job(mailed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[str] = []
    monkeypatch.setattr("console.jobs.process.spawn_job", lambda job_id, **_: jobs.append(job_id))
    app = mailed.app(CAMPAIGNS)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("L")
        await until(pilot, lambda: len(jobs) == 1)
    with mailed.state() as state:
        job = get_job(state, jobs[0])
    assert (job.kind, job.connection, job.link) == (JobKind.CAMPAIGNS, "verband", "")


async def test_kinds_and_texts_filter_the_activity_and_enter_explains(mailed: World) -> None:
    app = mailed.app(ONE)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        page = app.screen
        assert isinstance(page, CampaignPage)
        everything = page.table.rows
        await pilot.press("3")
        await settled(pilot)
        assert str(page.kind) == "clicked"
        assert 0 < page.table.rows < everything
        assert "clicked in the activity" in screen_text(app)
        await pilot.press("slash", *"photos", "enter")
        await settled(pilot)
        found = [row.detail for row in page.table._pages[0]]
        assert found
        assert set(found) == {"https://verband.example/photos"}
        await pilot.press("slash", "escape", "c")
        await settled(pilot)
        assert str(page.kind) == "soft-bounced"
        assert page.table.rows == 1
        await pilot.press("0", "slash", *"eva@", "enter")
        await settled(pilot)
        assert page.table.rows == 2
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(app.screen, ExplainPage)
        assert app.screen.address == "eva@example.org"


async def test_the_timeline_has_the_activity_and_leads_back_to_the_campaign(mailed: World) -> None:
    app = mailed.app(Place(PlaceKind.ADDRESS, "eva@example.org"))
    async with app.run_test(size=(160, 50)) as pilot:
        await settled(pilot)
        page = app.screen
        assert isinstance(page, ExplainPage)
        shown = screen_text(app)
        assert "opened" in shown
        assert "campaign:303" in shown
        assert page.timeline.row is not None
        await pilot.press("enter")
        await settled(pilot)
        assert page.is_current, "the first line is of a listing, which leads nowhere"
        await pilot.press("down")
        await settled(pilot)
        assert "“Annual meeting”, Thunderbird, 2 times" in screen_text(app)
        await pilot.press("enter")
        await settled(pilot)
        campaign = app.screen
        assert isinstance(campaign, CampaignPage)
        assert campaign.place == Place(PlaceKind.CAMPAIGN, "verband/303")


async def test_very_much_activity_is_bounded_and_the_rest_counted(mailed: World) -> None:
    with mailed.state() as state:
        row = next(row for row in campaign_rows(state, "verband") if row.campaign_id == "301")
        put_activities(
            state,
            row.no,
            [
                Activity("301", "eva@example.org", ActivityKind.OPENED, NOON - timedelta(seconds=n))
                for n in range(1_000)
            ],
        )
    app = mailed.app(Place(PlaceKind.ADDRESS, "eva@example.org"))
    async with app.run_test(size=(160, 50)) as pilot:
        await settled(pilot)
        assert "101 in the history  … 906 more with campaigns" in screen_text(app)


async def test_nocolor_says_the_same(mailed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = mailed.app(ONE)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        shown = screen_text(app)
    for word in ("sends", "delivered", "opened by", "% of delivered", "opens", "most", "█", "◉ opened"):
        assert word in shown
