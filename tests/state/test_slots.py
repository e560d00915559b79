"""Places at an account's table: never two on one, the dead make room (F14, I23)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.liveness import TAKEOVER_SECONDS, ProcessMark
from state.slots import READ, beat_slots, free_slots, slot_holders, take_slots
from state.store import State, open_state
from tests.state.holders import AWAY, NOW, ONE, TWO, Living, later, quick_state

ACCOUNT = "account:mailchimp:x"


_numbers = itertools.count()
"""One for each example, so that none meets what another left."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        yield opened


def take(
    state: State,
    want: int,
    limit: int,
    process: ProcessMark = ONE,
    *,
    purpose: str = "export",
    now: datetime = NOW,
    living: Living | None = None,
    account: str = ACCOUNT,
) -> list[int]:
    return take_slots(
        state,
        account,
        want=want,
        limit=limit,
        holder=f"job {process.pid}",
        process=process,
        purpose=purpose,
        now=now,
        alive=living if living is not None else Living(),
    )


def test_an_export_and_reads_share_the_table(state: State) -> None:
    assert take(state, 8, 8) == list(range(8))
    assert take(state, 2, 10, TWO, purpose=READ) == [9, 8]
    assert take(state, 2, 10, TWO, purpose=READ) == []
    assert take(state, 3, 8, TWO) == []
    assert take(state, 3, 8, TWO, account="account:mailchimp:other") == [0, 1, 2]
    told = [(holder.slot, holder.holder, holder.purpose) for holder in slot_holders(state, ACCOUNT)]
    assert told[0] == (0, "job 101", "export")
    assert told[-1] == (9, "job 102", "read")


def test_places_given_back_are_free_and_those_of_others_are_not_touched(state: State) -> None:
    mine, others = take(state, 2, 4), take(state, 2, 4, TWO)
    free_slots(state, ACCOUNT, [*mine, *others], holder="job 101", process=ONE)
    assert take(state, 4, 4, AWAY) == mine
    assert [holder.slot for holder in slot_holders(state, ACCOUNT) if holder.pid == TWO.pid] == others


def test_places_of_the_dead_are_given_away(state: State) -> None:
    take(state, 4, 4)
    assert take(state, 4, 4, TWO, living=Living([TWO])) == [0, 1, 2, 3]
    assert beat_slots(state, ACCOUNT, holder="job 101", process=ONE, now=NOW) == []


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)])
def test_I23_no_jump_of_the_clock_takes_a_place_of_a_living_process(state: State, jump: timedelta) -> None:
    take(state, 1, 1)
    assert take(state, 1, 1, TWO, now=NOW + jump) == []


def test_places_of_another_host_are_kept_while_it_gives_signs_of_life(state: State) -> None:
    take(state, 1, 1, AWAY)
    assert beat_slots(state, ACCOUNT, holder="job 103", process=AWAY, now=later(100)) == [0]
    assert take(state, 1, 1, ONE, now=later(100 + TAKEOVER_SECONDS)) == []
    assert take(state, 1, 1, ONE, now=later(101 + TAKEOVER_SECONDS)) == [0]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """One state for all examples of a property."""
    with quick_state(tmp_path_factory.mktemp("shared") / "state.db") as state:
        yield state


@given(
    steps=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from([ONE, TWO, AWAY]),
            st.integers(0, 5),
            st.sampled_from(["export", READ]),
        ),
        max_size=15,
    )
)
def test_no_place_has_two_holders_and_no_more_are_taken_than_there_are(
    shared: State, steps: list[tuple[bool, ProcessMark, int, str]]
) -> None:
    held: dict[ProcessMark, set[int]] = {ONE: set(), TWO: set(), AWAY: set()}
    state, account = shared, f"account:fake:{next(_numbers)}"
    for taking, process, want, purpose in steps:
        if taking:
            limit = 6 if purpose == READ else 4
            taken = set[int]().union(*held.values())
            got = take(state, want, limit, process, purpose=purpose, account=account)
            assert not taken & set(got)
            assert len(got) == min(want, len(set(range(limit)) - taken))
            held[process] |= set(got)
        else:
            gone = sorted(held[process])[:want]
            free_slots(state, account, gone, holder=f"job {process.pid}", process=process)
            held[process] -= set(gone)
    assert [holder.slot for holder in slot_holders(state, account)] == sorted(
        set[int]().union(*held.values())
    )
