"""Windows over a plan and the difference of two plans, held against the plain way over all rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.model import Plan, PlanRow, RowClass
from state.plan_diff import DiffWindow
from state.plan_view import PlanWindow, cut, runs, shown_plan
from state.plans import plan_rows
from state.store import State
from tests.tui.planned import LINK, MEMBERS, PEOPLE, linked_world, put_people, put_plan
from tests.tui.world import put_members

CROWD = [(f"p{number:04d}@example.net", f"s{number}", "Pat", "P", 0) for number in range(700)]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[State, Plan]]:
    world = linked_world(tmp_path_factory.mktemp("plan"))
    with world.state() as state:
        put_people(state, [*CROWD, *PEOPLE, ("no address", "x", "", "", 0)])
        yield state, put_plan(state)


def counted(state: State, window: PlanWindow | DiffWindow) -> int:
    while not (found := window.count(state)).exact:
        pass
    return found.rows


@settings(max_examples=60)
@given(
    text=st.sampled_from(["", "p01", "^p01", "^P0", "EXAMPLE.ORG", "a", "^nora", "zzz", "9@", "^\U0010ffff"]),
    chosen=st.sets(st.sampled_from(RowClass)),
    first=st.integers(0, 800),
    rows=st.integers(0, 300),
)
def test_a_window_is_the_filtered_plan(
    planned: tuple[State, Plan], text: str, chosen: set[RowClass], first: int, rows: int
) -> None:
    state, plan = planned
    groups = [group for group in plan.groups if group.row_class in chosen]
    wanted = text.lower()

    def kept(row: PlanRow) -> bool:
        key = row.address_key
        inside = (
            key.startswith(wanted[1:])
            if wanted.startswith("^")
            else wanted in key or wanted in row.email.lower()
        )
        return row.row_class in chosen and inside

    plain = [row for row in plan_rows(state, plan, 0, plan.rows) if kept(row)]
    window = PlanWindow(plan, groups, text=text)
    assert counted(state, window) == len(plain)
    assert window.rows(state, first, rows) == plain[first : first + rows]
    assert counted(state, window.again()) == len(plain)


def test_a_window_keeps_only_some_addresses(planned: tuple[State, Plan]) -> None:
    state, plan = planned
    window = PlanWindow(plan, plan.groups, only={"eva@example.org", "p0003@example.net", "nobody"})
    assert counted(state, window) == 2
    assert {row.address_key for row in window.rows(state, 0, 10)} == {"eva@example.org", "p0003@example.net"}


def test_counting_goes_on_slice_by_slice(
    planned: tuple[State, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, plan = planned
    monkeypatch.setattr("state.plan_view.SLICE_ROWS", 50)
    window = PlanWindow(plan, plan.groups, text="@")
    seen = [window.count(state)]
    while not seen[-1].exact:
        seen.append(window.count(state))
    assert len(seen) > 10
    assert [one.rows for one in seen] == sorted(one.rows for one in seen)
    assert seen[-1].rows == sum("@" in row.email for row in plan_rows(state, plan, 0, plan.rows))


@given(st.lists(st.integers(0, 400), unique=True).map(sorted))
def test_runs_are_the_numbers_again(numbers: list[int]) -> None:
    found = list(runs(numbers))
    assert [n for first, rows in found for n in range(first, first + rows)] == numbers
    assert all(one[0] + one[1] < other[0] for one, other in pairwise(found))


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=6),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_cut_is_a_slice(spans: list[tuple[int, int]], first: int, n: int) -> None:
    plain = [number for start, rows in spans for number in range(start, start + rows)]
    found = [number for start, rows in cut(spans, first, n) for number in range(start, start + rows)]
    assert found == plain[first : first + n]


def test_f2_the_difference_names_every_address_that_changed_and_no_other(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        put_people(state, [*CROWD[:300], *PEOPLE])
        older = put_plan(state, minutes_ago=9)
        put_people(
            state, [*CROWD[:100], *CROWD[150:350], ("eva@example.org", "1", "Eva", "Berg", 0), *PEOPLE[1:]]
        )
        put_members(state, LINK.name, LINK.connection, LINK.list_id, MEMBERS[:-1])
        newer = put_plan(state)
        window = DiffWindow(older, newer)
        rows = counted(state, window)
        found = {change.address_key: change for change in window.rows(state, 0, rows)}
        assert set(found) == set(_plain_difference(state, older, newer))
        assert rows == len(found) == 50 + 50 + 2
        assert found["p0120@example.net"].newer == ()
        assert found["p0320@example.net"].older == ()
        assert [side.reason for side in found["other@example.org"].older] == ["foreign"]
        assert [side.payload for side in found["eva@example.org"].newer] == ['{"fields":{"LNAME":"Berg"}}']
        same = DiffWindow(newer, newer)
        assert counted(state, same) == 0


def test_a_difference_is_cut_off_at_a_limit_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("state.plan_diff.MOST", 10)
    monkeypatch.setattr("state.plan_diff.SLICE_ADDRESSES", 3)
    world = linked_world(tmp_path)
    with world.state() as state:
        older = put_plan(state, minutes_ago=9)
        put_people(state, CROWD[:40])
        window = DiffWindow(older, put_plan(state))
        assert counted(state, window) == 10
        assert window.cut_off


def _plain_difference(state: State, older: Plan, newer: Plan) -> list[str]:
    def told(plan: Plan) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in plan_rows(state, plan, 0, plan.rows):
            fields = [(one.name, one.after) for one in row.differences]
            found.setdefault(row.address_key, []).append(
                f"{row.row_class} {row.reason} {row.action} {fields}"
            )
        return {key: sorted(rows) for key, rows in found.items()}

    one, other = told(older), told(newer)
    return [key for key in {*one, *other} if one.get(key) != other.get(key)]


def test_the_plan_shown_is_one_a_person_asked_for(tmp_path: Path) -> None:
    world = linked_world(tmp_path)
    with world.state() as state:
        assert shown_plan(state, LINK.name) is None
        asked = put_plan(state, minutes_ago=9)
        state.db.execute("UPDATE jobs SET kind = 'export' WHERE plan_id = ?", (put_plan(state).plan_id,))
        assert shown_plan(state, LINK.name) == asked
        undo = put_plan(state, saved=True, minutes_ago=1)
        state.db.execute(
            "UPDATE plans SET basis = json_set(basis, '$.undo_of', 'x') WHERE plan_id = ?", (undo.plan_id,)
        )
        assert shown_plan(state, LINK.name) == asked
        kept = put_plan(state, saved=True, minutes_ago=0)
        assert shown_plan(state, LINK.name) == kept
