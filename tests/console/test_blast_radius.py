"""F7: the numbers on the confirm screen follow from the plan and the adapter's facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.provider import Batch, Capabilities, ConnectionSettings, Repeat, Wire
from adapters.registry import provider_kind
from console.blast_radius import (
    BlastRadius,
    Terms,
    action_line,
    blast_radius,
    calls_of,
    radius_line,
    terms_of,
)
from console.settings.model import ConnectionEntry
from state.model import ACTION_ORDER, Action, Mode, Plan, PlanGroup, RowClass

FIELDS = ("FNAME", "LNAME")
CLASS_OF = {
    Action.ADD: RowClass.NEW,
    Action.CHANGE: RowClass.CHANGED,
    Action.MOVE: RowClass.ADDRESS_CHANGED,
    Action.REMOVE: RowClass.REMOVED,
    Action.UNSUBSCRIBE: RowClass.WITHDRAWN,
    Action.WRITE_BACK: RowClass.CHANGED,
    Action.CREATE: RowClass.FOREIGN,
}
CAPABILITIES = Capabilities(
    tags=True,
    removal_word="archive",
    removed_status="archived",
    removal_reversible=True,
    moves_addresses=True,
    at_once=10,
    reads_at_once=2,
)


def test_what_goes_with_an_addition_is_named_among_what_leaves() -> None:
    along = replace(CAPABILITIES, sent_with_additions=("basis of the consent", "opt-in type Single"))
    batches = dict.fromkeys(Action, Batch(100, Repeat.AT_ONCE))
    for rows, leaves in (
        ({Action.ADD: 2}, ("address", *FIELDS, "basis of the consent", "opt-in type Single")),
        ({Action.CHANGE: 2}, ("address", *FIELDS)),
        ({Action.REMOVE: 2}, ("address",)),
    ):
        plan = replace(plan_of(rows), fields=FIELDS)
        assert blast_radius(plan, Terms(along, batches, 8)).leaves == leaves


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, ()),
        ({"send_consent": True}, ("basis of the consent",)),
        ({"send_consent": True, "opt_in_type": "Double"}, ("basis of the consent", "opt-in type Double")),
    ],
)
def test_dotdigital_tells_what_its_settings_send_along(
    options: dict[str, str | bool], told: tuple[str, ...]
) -> None:
    settings = ConnectionSettings("books", "dotdigital", "", 8, {}, options)
    provider = provider_kind("dotdigital").open(settings, Wire("test", connections=8))
    assert provider.capabilities.sent_with_additions == told


counts = st.dictionaries(st.sampled_from(Action), st.integers(1, 5_000))


def plan_of(rows: dict[Action, int], mails: int = 0) -> Plan:
    groups, first = [], 0
    for action in ACTION_ORDER:
        if action in rows:
            groups.append(PlanGroup(CLASS_OF[action], "any", action, first, rows[action]))
            first += rows[action]
    groups.append(PlanGroup(RowClass.FOREIGN, "foreign", None, first, 7))
    return Plan(
        plan_id="P",
        link="members-news",
        connection="verband",
        list_id="a",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        digest="d",
        mode=Mode.MIRROR,
        groups=tuple(groups),
        guards=(),
        fields=("FNAME",),
        writes=first,
        mails=mails,
        saved=False,
        basis={},
    )


def terms(rows: dict[Action, int], batch: Batch, **changed: object) -> Terms:
    capabilities = replace(CAPABILITIES, **changed)  # type: ignore[arg-type]
    return Terms(capabilities, dict.fromkeys(rows, batch), 8)


@given(counts, st.integers(0, 9))
def test_f7_the_numbers_equal_the_plans(rows: dict[Action, int], mails: int) -> None:
    plan = plan_of(rows, mails)
    radius = blast_radius(plan, terms(rows, Batch(500, Repeat.AT_ONCE)))
    assert radius.writes == plan.writes == sum(rows.values())
    told = (radius.additions, radius.changes, radius.moves, radius.removals, radius.unsubscriptions)
    assert told == tuple(
        rows.get(action, 0)
        for action in (Action.ADD, Action.CHANGE, Action.MOVE, Action.REMOVE, Action.UNSUBSCRIBE)
    )
    assert radius.mails == mails
    assert radius.losses == rows.get(Action.REMOVE, 0) + rows.get(Action.UNSUBSCRIBE, 0)
    assert (radius.write_backs, radius.creations) == (
        rows.get(Action.WRITE_BACK, 0),
        rows.get(Action.CREATE, 0),
    )
    there = {action: count for action, count in rows.items() if not action.at_source}
    assert radius.calls == sum(ceil(count / 500) for count in there.values())
    assert radius.seconds is not None
    assert radius.seconds >= ceil((radius.calls or 0) / 8)


def test_only_what_no_undo_plan_takes_back_is_irreversible() -> None:
    rows = {Action.ADD: 5, Action.REMOVE: 3, Action.UNSUBSCRIBE: 2}
    batch = Batch(500, Repeat.AT_ONCE)
    back = {Action.WRITE_BACK: 4, Action.CREATE: 1}
    assert blast_radius(plan_of(back), terms(back, batch)).irreversible == 5
    assert blast_radius(plan_of(rows), terms(rows, batch)).irreversible == 2
    assert blast_radius(plan_of(rows), terms(rows, batch, removal_reversible=False)).irreversible == 5
    assert blast_radius(plan_of(rows), None).irreversible == 5


@pytest.mark.parametrize(
    ("rows", "batch", "calls"),
    [
        (499, Batch(500, Repeat.AT_ONCE), 1),
        (500, Batch(500, Repeat.AT_ONCE), 1),
        (501, Batch(500, Repeat.AT_ONCE), 2),
        (1, Batch(50, Repeat.AT_ONCE, calls_per_chunk=50), 1),
        (51, Batch(50, Repeat.AT_ONCE, calls_per_chunk=50), 51),
        (1, Batch(10_000, Repeat.AT_ONCE, by_ticket=True, calls_per_chunk=6), 6),
        (10_001, Batch(10_000, Repeat.AT_ONCE, by_ticket=True, calls_per_chunk=6), 12),
    ],
)
def test_calls(rows: int, batch: Batch, calls: int) -> None:
    assert calls_of(rows, batch) == calls


def test_an_unknown_platform_leaves_effort_out_and_nothing_else() -> None:
    radius = blast_radius(plan_of({Action.ADD: 5}), None)
    assert (radius.calls, radius.seconds) == (None, None)
    assert radius_line(radius) == "Adds 5, changes 0, moves 0, removes 0, unsubscribes 0; no mails"


def test_the_adapters_own_facts_are_used_and_no_request_is_made() -> None:
    rows = {Action.ADD: 1_204, Action.CHANGE: 37, Action.UNSUBSCRIBE: 3}
    plan = plan_of(rows, mails=1_204)
    found = terms_of(plan, ConnectionEntry("verband", "mailchimp", connections=8))
    radius = blast_radius(plan, found)
    assert found.at_once == 8
    assert radius.calls == 3 + 37 + 3
    assert radius_line(radius) == (
        "Adds 1,204, changes 37, moves 0, removes 0, unsubscribes 3 (3 for good); 1,204 confirmation mails;"
        " 43 calls, about 7 s with 8 at once"
    )
    assert not radius.queued
    large = plan_of({Action.CHANGE: 5_000})
    queued = blast_radius(large, terms_of(large, ConnectionEntry("verband", "mailchimp")))
    assert queued.queued
    assert "at least" in radius_line(queued)


def test_the_button_says_what_will_happen() -> None:
    radius = BlastRadius(1_204, 37, 0, 0, 0, 0, 0, 3, 1.0, False, 8)
    assert action_line(radius, "Newsletter DE") == "Add 1,204, change 37, remove 0 in Newsletter DE"
    more = replace(radius, moves=2, removals=5, unsubscriptions=1)
    assert action_line(more, "[b]\x1b" + "x" * 60) == (
        "Add 1,204, change 37, move 2, remove 5, unsubscribe 1 in [b]\\x1b" + "x" * 32 + "…"
    )


def test_what_goes_back_to_the_source_is_told_and_asks_nothing_of_the_platform() -> None:
    rows = {Action.ADD: 5, Action.WRITE_BACK: 12, Action.CREATE: 3}
    plan = plan_of(rows)
    found = terms_of(plan, ConnectionEntry("verband", "mailchimp", connections=8))
    assert set(found.batches) == {Action.ADD}
    radius = blast_radius(plan, found)
    assert radius.calls == 1
    assert radius_line(radius).startswith(
        "Adds 5, changes 0, moves 0, removes 0, unsubscribes 0, writes 12 back to the source, creates 3 there"
        " (15 for good); "
    )
    assert action_line(radius, "Newsletter DE", "crm") == (
        "Add 5, change 0, remove 0 in Newsletter DE; write 12 back to, create 3 in crm"
    )
    alone = blast_radius(plan_of({Action.CREATE: 1}), None)
    assert action_line(alone, "News", "crm").endswith("; create 1 in crm")


def test_a_plan_that_sends_nothing_says_so() -> None:
    assert radius_line(blast_radius(plan_of({}), None)) == "Sends nothing."
