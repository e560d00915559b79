"""When a screen reads again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.tui.reload import Reload, Why


def test_a_flood_of_changes_costs_one_more_read() -> None:
    reload = Reload()
    assert reload.ask(Why.INITIAL) == 1
    assert [reload.ask(Why.CHANGED) for _ in range(50)] == [None] * 50
    assert reload.done(1) == 2
    assert reload.done(2) is None


def test_a_new_filter_does_not_wait_for_the_old_answer() -> None:
    reload = Reload()
    first = reload.ask(Why.INITIAL)
    second = reload.ask(Why.ASKED)
    assert first is not None
    assert second is not None
    assert not reload.current(first)
    assert reload.done(first) is None
    assert reload.current(second)


def test_a_hidden_screen_reads_once_when_it_comes_back() -> None:
    reload = Reload()
    reload.done(reload.ask(Why.INITIAL) or 0)
    reload.hide()
    assert reload.ask(Why.CHANGED) is None
    assert reload.ask(Why.CHANGED) is None
    assert reload.show() == 2
    reload.done(2)
    reload.hide()
    assert reload.show() is None


def test_a_paused_screen_catches_up() -> None:
    reload = Reload()
    reload.done(reload.ask(Why.INITIAL) or 0)
    assert reload.pause(True) is None
    assert reload.ask(Why.CHANGED) is None
    assert reload.pause(False) == 2


@given(
    st.lists(
        st.sampled_from(["initial", "changed", "manual", "asked", "hide", "show", "done", "late"]),
        max_size=60,
    )
)
def test_never_two_in_flight_and_generations_rise(steps: list[str]) -> None:
    reload = Reload()
    running: list[int] = []
    seen = 0
    for step in steps:
        started: int | None = None
        if step == "hide":
            reload.hide()
        elif step == "show":
            started = reload.show()
        elif step == "done" and running:
            started = reload.done(running.pop())
        elif step == "late":
            started = reload.done(-1)
        elif step in ("initial", "changed", "manual", "asked"):
            started = reload.ask(Why(step))
            if started is not None and step == "asked":
                running.clear()  # its answer will be dropped
        if started is not None:
            assert not running
            assert started > seen
            seen = started
            running.append(started)
    for generation in running:
        assert reload.current(generation)
