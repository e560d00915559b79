"""Leases: one holder, fences that only rise, and clocks that steal nothing (I4, I23, R46)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.errors import FenceLost
from state.leases import (
    LeaseHeld,
    beat_lease,
    current_lease,
    current_leases,
    hold_fence,
    lease_name,
    release_lease,
    take_lease,
)
from state.liveness import TAKEOVER_SECONDS, ProcessMark
from state.store import State, open_state
from tests.state.holders import AWAY, EVA, NOW, ONE, TWO, Living, later, quick_state

ACCOUNT = lease_name("mailchimp", "8d3a3db4d97663a9074efcc16")


_numbers = itertools.count()
"""One for each example, so that none meets what another left."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        yield opened


def take(
    state: State,
    process: ProcessMark = ONE,
    now: datetime = NOW,
    living: Living | None = None,
    name: str = ACCOUNT,
) -> int:
    return take_lease(
        state,
        name,
        job_id=f"01JOB{process.pid:08}",
        operator=EVA,
        process=process,
        now=now,
        alive=living if living is not None else Living(),
    )


def test_the_name_is_that_of_the_account() -> None:
    assert lease_name("mailchimp", "x") == "account:mailchimp:x"


def test_R46_a_second_start_is_refused_and_told_who_where_and_since_when(state: State) -> None:
    assert take(state) == 1
    beat_lease(state, ACCOUNT, 1, later(3600))
    with pytest.raises(LeaseHeld) as held:
        take(state, TWO, later(3601))
    assert held.value.reason == "account-busy"
    for word in ("eva", "desk", "101", "2026-03-01 08:15 UTC", "00000101"):
        assert word in held.value.text
    lease = held.value.lease
    assert (lease.job_id, lease.pid, lease.since, lease.heartbeat_at, lease.fence) == (
        "01JOB00000101",
        101,
        NOW,
        later(3600),
        1,
    )
    assert current_lease(state, ACCOUNT) == lease
    assert current_leases(state) == [lease]


def test_accounts_are_leased_apart(state: State) -> None:
    assert take(state) == 1
    assert take(state, TWO, name=lease_name("mailchimp", "other")) == 1


def test_a_holder_proven_dead_is_replaced_at_once(state: State) -> None:
    take(state)
    assert take(state, TWO, NOW, Living([TWO])) == 2
    lease = current_lease(state, ACCOUNT)
    assert lease is not None
    assert (lease.pid, lease.fence) == (102, 2)


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1), timedelta(days=4500)])
def test_I23_no_jump_of_the_clock_takes_the_lease_of_a_living_process(state: State, jump: timedelta) -> None:
    take(state)
    with pytest.raises(LeaseHeld):
        take(state, TWO, NOW + jump)
    hold_fence(state.db, ACCOUNT, 1)


def test_a_silent_holder_elsewhere_is_replaced_after_the_time_out(state: State) -> None:
    take(state, AWAY)
    beat_lease(state, ACCOUNT, 1, later(100))
    for seconds in (-86_400, 0, 100 + TAKEOVER_SECONDS):
        with pytest.raises(LeaseHeld):
            take(state, ONE, later(seconds))
    assert take(state, ONE, later(101 + TAKEOVER_SECONDS)) == 2


def test_I04_who_was_replaced_can_neither_beat_nor_write_nor_let_go(state: State) -> None:
    old = take(state)
    new = take(state, TWO, NOW, Living([TWO]))
    with pytest.raises(FenceLost):
        beat_lease(state, ACCOUNT, old, later(1))

    def write() -> None:
        with state.write() as db:
            db.execute("INSERT INTO facts (name, value) VALUES ('written', 'in the old name')")
            hold_fence(db, ACCOUNT, old)

    with pytest.raises(FenceLost):
        write()
    assert state.db.execute("SELECT count(*) FROM facts WHERE name = 'written'").fetchone() == (0,)
    assert release_lease(state, ACCOUNT, old) is False
    with state.write() as db:
        hold_fence(db, ACCOUNT, new)


def test_a_lease_that_was_let_go_holds_for_nobody_and_its_fence_goes_on(state: State) -> None:
    assert take(state) == 1
    assert release_lease(state, ACCOUNT, 1) is True
    assert release_lease(state, ACCOUNT, 1) is False
    assert current_lease(state, ACCOUNT) is None
    assert current_leases(state) == []
    with pytest.raises(FenceLost):
        hold_fence(state.db, ACCOUNT, 1)
    with pytest.raises(FenceLost):
        beat_lease(state, ACCOUNT, 1, NOW)
    assert take(state, TWO) == 2


def test_no_lease_is_held_that_was_never_given(state: State) -> None:
    with pytest.raises(FenceLost):
        hold_fence(state.db, ACCOUNT, 0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """One state for all examples of a property."""
    with quick_state(tmp_path_factory.mktemp("shared") / "state.db") as state:
        yield state


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["take", "release", "beat"]),
        st.sampled_from([ONE, TWO, AWAY]),
        st.sets(st.sampled_from([ONE, TWO])),
        st.integers(-90_000, 90_000),
    ),
    max_size=14,
)


@given(steps=_STEPS)
def test_I04_fences_rise_with_every_grant_and_no_living_holder_is_replaced(
    shared: State, steps: list[tuple[str, ProcessMark, set[ProcessMark], int]]
) -> None:
    fences: dict[ProcessMark, int] = {}
    highest, holder = 0, None
    state, name = shared, lease_name("fake", str(next(_numbers)))
    for what, process, living, seconds in steps:
        if what == "take":
            try:
                fence = take(state, process, later(seconds), Living(living), name)
            except LeaseHeld:
                continue
            assert fence == highest + 1
            assert holder is None or holder not in living
            fences[process], highest, holder = fence, fence, process
        elif what == "release":
            mine = holder == process
            assert release_lease(state, name, fences.get(process, 0)) == mine
            holder = None if mine else holder
        elif holder == process:
            beat_lease(state, name, fences[process], later(seconds))
        else:
            with pytest.raises(FenceLost):
                beat_lease(state, name, fences.get(process, 0), later(seconds))
