"""Campaigns and activity as remembered: merging, gone ones, groups, and the address's timeline."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.activities import (
    CURVE_HOURS,
    ONCE,
    activity_counts,
    finish_activities,
    persons,
    put_activities,
)
from state.activity_view import TIMELINE_ROWS, ActivityRow, ActivityWindow, address_activity
from state.address import address_key
from state.campaigns import (
    CampaignRow,
    campaign_named,
    campaign_rows,
    campaigns_at,
    own_code,
    put_campaigns,
    put_campaigns_time,
    put_summary,
)
from state.errors import StateError
from state.explain import explain
from state.links import record_link
from state.marketing import MOST_CAMPAIGNS, marketing_campaigns, merge_campaigns, split_campaigns
from state.model import Activity, ActivityKind, Campaign, CampaignSummary, Link
from state.moments import stamp
from state.store import State, open_state
from tests.state.lists import Lists, member

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
KINDS = list(ActivityKind)
EVA = "eva@example.org"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        record_link(opened, Link("members-news", "members", "shop", "4711"))
        yield opened


def read(
    state: State, *answers: tuple[str, Sequence[str]], now: datetime = NOW, name: str = "March"
) -> dict[str, CampaignRow]:
    """Lists answer with the ids of their campaigns."""
    put_campaigns(
        state,
        "shop",
        {list_id: [Campaign(one, name, "News", sent=True) for one in ids] for list_id, ids in answers},
        now,
    )
    return {row.campaign_id: row for row in campaign_rows(state, "shop")}


def did(email: str, kind: ActivityKind, minutes: float = 0, *, times: int = 1, detail: str = "") -> Activity:
    return Activity("301", email, kind, NOW + timedelta(minutes=minutes), times, detail)


def contents(state: State) -> list[tuple[Any, ...]]:
    return state.db.execute("SELECT * FROM activities ORDER BY 1, 2, 3, 4, 5").fetchall()


def shown(window: ActivityWindow, state: State) -> list[ActivityRow]:
    while not window.count(state).exact:
        pass
    return window.rows(state, 0, window.count(state).rows)


# --- campaigns -------------------------------------------------------------------------------------------------


def test_a_campaign_is_remembered_with_its_list_and_link(state: State) -> None:
    row = read(state, ("4711", ["301"]))["301"]
    assert (row.name, row.subject, row.sent, row.summary, row.gone_at) == ("March", "News", True, None, None)
    assert [(one.list_id, one.link) for one in row.lists] == [("4711", "members-news")]
    assert row.marketing == row.own_code == "March_301"


@pytest.mark.parametrize(
    ("name", "campaign_id", "code"),
    [
        ("March", "301", "March_301"),
        ("The long newsletter of March", "301", "The long newslet_301"),
        ("x", "a" * 30, "a" * 20),
        ("", "301", "_301"),
    ],
)
def test_the_own_code_is_short_and_keeps_the_id(name: str, campaign_id: str, code: str) -> None:
    assert own_code(name, campaign_id) == code
    assert len(code) <= 20


def test_a_campaign_is_gone_only_when_every_list_it_went_to_has_answered(state: State) -> None:
    read(state, ("4711", ["301", "302"]), ("4712", ["302"]))
    rows = read(state, ("4711", ["301"]), now=NOW + timedelta(hours=1))
    assert rows["302"].gone_at is None, "4712 was not asked and may still have it"
    rows = read(state, ("4711", ["301"]), ("4712", []), now=NOW + timedelta(hours=2))
    assert rows["302"].gone_at == NOW + timedelta(hours=2)
    assert rows["301"].gone_at is None
    rows = read(state, ("4711", ["301", "302"]), ("4712", []), now=NOW + timedelta(hours=3))
    assert rows["302"].gone_at is None, "it came back"
    assert [one.list_id for one in rows["302"].lists] == ["4711"]


def test_an_account_without_campaigns_is_an_answer_too(state: State) -> None:
    read(state, ("4711", ["301"]))
    assert read(state, ("4711", []), now=NOW + timedelta(hours=1))["301"].gone_at is not None


def test_another_connections_campaigns_are_left_alone(state: State) -> None:
    put_campaigns(state, "other", {"4711": [Campaign("301", "Theirs", sent=True)]}, NOW)
    read(state, ("4711", []))
    assert campaign_rows(state, "other")[0].gone_at is None


def test_a_summary_is_kept_and_the_curve_survives_the_next_one(state: State) -> None:
    no = read(state, ("4711", ["301"]))["301"].no
    summary = CampaignSummary("301", NOW, {ActivityKind.SENT: 20, ActivityKind.OPENED: 9}, 7, 3, 19)
    put_summary(state, no, summary, NOW)
    put_activities(
        state,
        no,
        [
            did(EVA, ActivityKind.OPENED, 30),
            did(EVA, ActivityKind.OPENED, 61, times=2),
            did("jan@example.org", ActivityKind.CLICKED, -5),
            did("jan@example.org", ActivityKind.CLICKED, 60 * CURVE_HOURS * 2),
        ],
    )
    finish_activities(state, no, NOW)
    put_summary(state, no, summary, NOW + timedelta(hours=1))
    row = campaign_rows(state, "shop")[0]
    assert row.summary == summary
    assert (row.sent_at, row.cursor, row.summary_at) == (NOW, NOW, NOW + timedelta(hours=1))
    assert row.curve is not None
    assert (row.curve.begins, row.curve.opened) == (NOW, {0: 1, 1: 2})
    assert row.curve.clicked == {0: 1, CURVE_HOURS - 1: 1}


def test_when_all_were_read_is_remembered(state: State) -> None:
    assert campaigns_at(state, "shop") is None
    put_campaigns_time(state, "shop", "fake", NOW)
    assert campaigns_at(state, "shop") == NOW


def test_unsent_ones_come_first_then_the_last_sent(state: State) -> None:
    rows = read(state, ("4711", ["301", "302", "303"]))
    for days, campaign_id in ((1, "301"), (9, "302")):
        at = NOW + timedelta(days=days)
        put_summary(state, rows[campaign_id].no, CampaignSummary(campaign_id, at, {}), NOW)
    assert [row.campaign_id for row in campaign_rows(state, "shop")] == ["303", "302", "301"]


def test_a_campaign_is_found_by_its_id_and_the_connection_where_two_have_it(state: State) -> None:
    read(state, ("4711", ["301"]))
    assert campaign_named(state, "301").connection == "shop"
    put_campaigns(state, "other", {"4711": [Campaign("301", "Theirs", sent=True)]}, NOW)
    with pytest.raises(StateError, match="Several connections") as caught:
        campaign_named(state, "301")
    assert caught.value.reason == "campaign-ambiguous"
    assert campaign_named(state, "301", "other").name == "Theirs"
    with pytest.raises(StateError, match="No campaign 9 of shop"):
        campaign_named(state, "9", "shop")


# --- activity --------------------------------------------------------------------------------------------------


def test_a_page_told_twice_changes_nothing(state: State) -> None:
    no = read(state, ("4711", ["301"]))["301"].no
    page = [
        did(EVA, ActivityKind.SENT),
        did(EVA, ActivityKind.OPENED, 1),
        did(EVA, ActivityKind.OPENED, 2),
        did(EVA, ActivityKind.CLICKED, 2, detail="https://example.org/a"),
        did(EVA, ActivityKind.CLICKED, 2, detail="https://example.org/b"),
    ]
    assert put_activities(state, no, page) == 5
    before = contents(state)
    assert put_activities(state, no, page) == 0
    assert contents(state) == before


def test_what_happens_once_is_the_earliest_told(state: State) -> None:
    no = read(state, ("4711", ["301"]))["301"].no
    assert put_activities(state, no, [did(EVA, ActivityKind.UNSUBSCRIBED, 50)]) == 1
    assert put_activities(state, no, [did(EVA, ActivityKind.UNSUBSCRIBED, 90)]) == 0
    assert put_activities(state, no, [did(EVA, ActivityKind.UNSUBSCRIBED, 20)]) == 0
    assert [row[3] for row in contents(state)] == [stamp(NOW + timedelta(minutes=20))]


def test_spellings_of_an_address_are_one_person_and_nobody_is_dropped(state: State) -> None:
    no = read(state, ("4711", ["301"]))["301"].no
    opened = ActivityKind.OPENED
    put_activities(
        state,
        no,
        [
            did("Eva@Example.org ", opened),
            did(EVA, opened),
            Activity("301", "", opened, NOW, origin_id="81"),
            Activity("301", "", opened, NOW, origin_id="82"),
        ],
    )
    assert [row[1] for row in contents(state)] == ["#81", "#82", EVA]


ACTIVITIES = st.builds(
    did,
    st.sampled_from([EVA, "Eva@example.org", "jan@example.org"]),
    st.sampled_from(KINDS),
    st.integers(0, 3),
    times=st.integers(1, 3),
    detail=st.sampled_from(["", "https://example.org/a"]),
)


@given(
    told=st.lists(ACTIVITIES, max_size=14),
    cuts=st.lists(st.integers(0, 14), max_size=4),
    again=st.lists(st.integers(0, 13), max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_any_cut_into_pages_any_order_and_any_repetition_give_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[Activity],
    cuts: list[int],
    again: list[int],
    order: Any,
) -> None:
    with open_state(tmp_path_factory.mktemp("state") / "state.db") as state:
        rows = read(state, ("4711", ["301", "302"]))
        put_activities(state, rows["301"].no, told)
        shuffled = [*told, *(told[at] for at in again if at < len(told))]
        order.shuffle(shuffled)
        edges = sorted({0, len(shuffled), *(cut for cut in cuts if cut < len(shuffled))})
        fresh = sum(
            put_activities(state, rows["302"].no, shuffled[start:end])
            for start, end in itertools.pairwise(edges)
        )
        one, other = (
            state.db.execute(
                "SELECT address_key, kind, at, detail, times FROM activities WHERE campaign_no = ? ORDER BY 1, 2, 3, 4",
                (rows[campaign_id].no,),
            ).fetchall()
            for campaign_id in ("301", "302")
        )
        assert one == other
        assert fresh >= len(other)
        expected: dict[tuple[str, str, str, str], int] = {}
        for each in told:
            row = (address_key(each.email), each.kind.value, stamp(each.at), each.detail)
            expected[row] = max(expected.get(row, 0), each.times)
        first: dict[tuple[str, str], tuple[str, str, str, str]] = {}
        for row in sorted(expected):  # of equal kinds the earliest comes first
            if row[1] in ONCE:
                first.setdefault((row[0], row[1]), row)
        kept = {row: times for row, times in expected.items() if first.get((row[0], row[1]), row) == row}
        assert {tuple(row[:4]): row[4] for row in other} == kept


def test_rows_and_persons_are_counted_apart(state: State) -> None:
    rows = read(state, ("4711", ["301", "302"]))
    for campaign_id in ("301", "302"):
        put_activities(
            state,
            rows[campaign_id].no,
            [did(EVA, ActivityKind.OPENED, minute) for minute in range(3)]
            + [did(f"{campaign_id}@example.org", ActivityKind.OPENED)],
        )
    nos = [row.no for row in rows.values()]
    assert activity_counts(state, nos) == {ActivityKind.OPENED: 8}
    assert persons(state, nos) == {ActivityKind.OPENED: 3}
    assert persons(state, []) == {}


# --- the window ------------------------------------------------------------------------------------------------


def test_the_window_is_newest_first_and_filters(state: State) -> None:
    no = read(state, ("4711", ["301"]))["301"].no
    put_activities(
        state,
        no,
        [
            did(EVA, ActivityKind.SENT),
            did(EVA, ActivityKind.OPENED, 5),
            did(EVA, ActivityKind.CLICKED, 6, detail="https://example.org/Shop"),
            did("jan@example.org", ActivityKind.OPENED, 4, times=3),
        ],
    )
    everything = shown(ActivityWindow([no]), state)
    assert [(row.email, row.kind.value) for row in everything] == [
        (EVA, "clicked"),
        (EVA, "opened"),
        ("jan@example.org", "opened"),
        (EVA, "sent"),
    ]
    assert (everything[2].times, everything[2].campaign, everything[2].campaign_id) == (3, "March", "301")
    assert len(shown(ActivityWindow([no], kind=ActivityKind.OPENED), state)) == 2
    assert [row.detail for row in shown(ActivityWindow([no], text="shop"), state)] == [
        "https://example.org/Shop"
    ]
    assert len(shown(ActivityWindow([no], text="jan@"), state)) == 1
    assert shown(ActivityWindow([no], kind=ActivityKind.HARD_BOUNCED), state) == []
    assert shown(ActivityWindow([]), state) == []


def test_addresses_are_shown_as_the_list_writes_them(tmp_path: Path) -> None:
    with open_state(tmp_path / "state.db") as state:
        link = Link("members-news", "members", "shop", "4711")
        lists = Lists(state, link, record_link(state, link))
        lists.listing(member("Eva@Example.org"))
        no = read(state, ("4711", ["301"]))["301"].no
        put_activities(state, no, [did(EVA, ActivityKind.OPENED), did("jan@example.org", ActivityKind.SENT)])
        assert [row.email for row in shown(ActivityWindow([no]), state)] == [
            "jan@example.org",
            "Eva@Example.org",
        ]


@pytest.mark.parametrize("kind", [None, ActivityKind.OPENED])
@pytest.mark.parametrize("text", ["", "p1"])
def test_any_page_of_many_rows_over_several_campaigns(
    state: State, monkeypatch: pytest.MonkeyPatch, kind: ActivityKind | None, text: str
) -> None:
    """Slices, anchors and what is remembered of a filter give the same rows as one look at everything."""
    monkeypatch.setattr("state.activity_view.SLICE_ROWS", 100)
    monkeypatch.setattr("state.activity_view.ANCHOR_ROWS", 16)
    monkeypatch.setattr("state.activity_view.REMEMBERED_ROWS", 60)
    rows = read(state, ("4711", ["301", "302", "303"]))
    for at, row in enumerate(rows.values()):
        put_activities(
            state,
            row.no,
            [
                did(f"p{n}@example.org", each, n % 7)
                for n in range(at, 60 + at)
                for each in (ActivityKind.SENT, ActivityKind.OPENED)
            ],
        )
    expected = state.db.execute(
        "SELECT at, address_key, kind, detail, campaign_no FROM activities WHERE (?1 IS NULL OR kind = ?1)"
        " AND (?2 = '' OR instr(address_key, ?2) > 0) ORDER BY 1 DESC, 2 DESC, 3 DESC, 4 DESC, 5 DESC",
        (kind.value if kind else None, text),
    ).fetchall()
    window = ActivityWindow([row.no for row in rows.values()], kind=kind, text=text)
    while not window.count(state).exact:
        pass
    assert window.count(state).rows == len(expected)
    numbers = {row.campaign_id: row.no for row in rows.values()}
    for first in range(0, len(expected) + 10, 13):
        found = [
            (stamp(row.at), row.address_key, row.kind.value, row.detail, numbers[row.campaign_id])
            for row in window.rows(state, first, 13)
        ]
        assert found == expected[first : first + 13]


# --- marketing campaigns -----------------------------------------------------------------------------------------


def test_merged_campaigns_are_summed_and_people_counted_once(state: State) -> None:
    rows = read(state, ("4711", ["301", "302", "303"]))
    for campaign_id, row in rows.items():
        counts = {ActivityKind.SENT: 10, ActivityKind.OPENED: 4}
        put_summary(state, row.no, CampaignSummary(campaign_id, NOW, counts, 3, 1, 9), NOW)
        put_activities(state, row.no, [did(EVA, ActivityKind.OPENED)])
    merge_campaigns(state, "shop", " Spring  2026 ", ["301", "303"])
    groups = {group.name: group for group in marketing_campaigns(campaign_rows(state, "shop"))}
    assert {name: len(group.campaigns) for name, group in groups.items()} == {
        "Spring 2026": 2,
        "March_302": 1,
    }
    spring = groups["Spring 2026"]
    assert (spring.counts[ActivityKind.SENT], spring.delivered, spring.first_sent) == (20, 18, NOW)
    assert persons(state, spring.nos) == {ActivityKind.OPENED: 1}
    merge_campaigns(state, "shop", "Spring 2026", ["302"])
    assert len(marketing_campaigns(campaign_rows(state, "shop"))) == 1
    split_campaigns(state, "shop", ["302", "303"])
    assert sorted(group.name for group in marketing_campaigns(campaign_rows(state, "shop"))) == [
        "March_302",
        "March_303",
        "Spring 2026",
    ]


def test_a_group_survives_the_next_reading(state: State) -> None:
    read(state, ("4711", ["301", "302"]))
    merge_campaigns(state, "shop", "Spring", ["301", "302"])
    rows = read(state, ("4711", ["301", "302"]), now=NOW + timedelta(hours=1), name="April")
    assert {row.marketing for row in rows.values()} == {"Spring"}


def test_merging_what_is_not_known_changes_nothing(state: State) -> None:
    read(state, ("4711", ["301"]))
    with pytest.raises(StateError, match=r"no campaign 9, 10 that") as caught:
        merge_campaigns(state, "shop", "Spring", ["301", "9", "10"])
    assert caught.value.reason == "campaign-missing"
    assert campaign_rows(state, "shop")[0].marketing == "March_301"
    for name in ("", "  ", "x" * 81, "a\x1bb"):
        with pytest.raises(StateError, match="1 to 80"):
            merge_campaigns(state, "shop", name, ["301"])
    with pytest.raises(StateError, match="No campaign was named"):
        split_campaigns(state, "shop", [])


def test_too_many_under_one_name_are_refused_whole(state: State) -> None:
    ids = [str(n) for n in range(MOST_CAMPAIGNS + 1)]
    read(state, ("4711", ids))
    with pytest.raises(StateError, match="101 campaigns; 100 can be one"):
        merge_campaigns(state, "shop", "All", ids)
    assert "All" not in {row.marketing for row in campaign_rows(state, "shop")}


# --- the timeline ------------------------------------------------------------------------------------------------


def test_activity_stands_in_the_timeline_among_the_journal(tmp_path: Path) -> None:
    with open_state(tmp_path / "state.db") as state:
        link = Link("members-news", "members", "shop", "4711")
        lists = Lists(state, link, record_link(state, link))
        lists.listing(member(EVA))
        no = read(state, ("4711", ["301"]))["301"].no
        put_activities(
            state,
            no,
            [
                did(EVA, ActivityKind.SENT, -60),
                did(EVA, ActivityKind.CLICKED, 60, times=2, detail="https://example.org/a"),
            ],
        )
        found = explain(state, "Eva@example.org ")
        told = [(entry.origin.partition(":")[0], entry.what) for entry in found.timeline]
        assert told == [("campaign", "clicked"), ("poll", "first-listed"), ("campaign", "sent")]
        clicked = found.timeline[0]
        assert (clicked.origin, clicked.link, clicked.list_id) == ("campaign:301", "members-news", "4711")
        assert clicked.detail == "“March”, https://example.org/a, 2 times"
        assert found.more_activity == 0


def test_who_only_opened_mail_is_known_too(state: State) -> None:
    no = read(state, ("4711", ["301"]))["301"].no
    put_activities(state, no, [did("stranger@example.org", ActivityKind.OPENED)])
    found = explain(state, "stranger@example.org")
    assert found.known
    assert [entry.what for entry in found.timeline] == ["opened"]


def test_f1_ten_thousand_opens_are_bounded_and_the_rest_counted(state: State) -> None:
    no = read(state, ("4711", ["301"]))["301"].no
    put_activities(state, no, [did(EVA, ActivityKind.OPENED, n) for n in range(10_000)])
    statements: list[str] = []
    state.db.set_trace_callback(statements.append)
    found = address_activity(state, EVA)
    state.db.set_trace_callback(None)
    assert (len(found.entries), found.more) == (TIMELINE_ROWS, 10_000 - TIMELINE_ROWS)
    assert found.entries[0].at == NOW + timedelta(minutes=9_999)
    plans = [
        row[3]
        for statement in statements
        if " activities " in statement
        for row in state.db.execute("EXPLAIN QUERY PLAN " + statement)
    ]
    assert plans
    assert all("activities_by_address" in plan for plan in plans), plans
    assert explain(state, EVA).more_activity == 9_900
