"""Bars and curves made of letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.campaign_figures import Figures, percent, share, with_percent
from console.tui.campaign_words import Scale, by_cell, curve_lines, funnel_lines, summed
from console.tui.widgets.plots import NOTHING, bar, curve, fitted_values
from state.campaigns import Curve
from tests.tui.world import NOON

MANY = st.integers(0, 10**7)


@pytest.mark.parametrize(
    ("part", "whole", "cells", "drawn"),
    [
        (8, 8, 4, "████"),
        (4, 8, 4, "██"),
        (1, 8, 4, "▌"),
        (3, 8, 4, "█▌"),
        (1, 10_000, 4, "▏"),
        (0, 8, 4, ""),
        (5, 0, 4, ""),
        (9, 8, 4, "████"),
        (9, 8, 0, ""),
    ],
)
def test_a_bar_is_as_long_as_its_part(part: int, whole: int, cells: int, drawn: str) -> None:
    assert bar(part, whole, cells) == drawn


@given(part=MANY, more=MANY, whole=MANY, cells=st.integers(0, 80))
def test_more_is_never_shorter_and_nothing_alone_is_nothing(
    part: int, more: int, whole: int, cells: int
) -> None:
    one, other = bar(part, whole, cells), bar(part + more, whole, cells)
    assert len(one) <= len(other) <= cells
    assert (one == "") == (part == 0 or whole == 0 or cells == 0)


def test_a_curve_tells_little_from_nothing() -> None:
    assert curve([0, 1, 50, 100], 4) == "·▁▅█"
    assert curve([0, 0], 5) == "··"
    assert curve([7], 5) == "█"
    assert curve([], 5) == ""
    assert curve([1, 1, 1, 1, 8], 3) == "▃▃█", "neighbours share a cell"


@given(values=st.lists(MANY, max_size=200), cells=st.integers(1, 60))
def test_a_curve_loses_nothing_and_finds_room(values: list[int], cells: int) -> None:
    assert sum(fitted_values(values, cells)) == sum(values)
    drawn = curve(values, cells)
    assert len(drawn) <= cells
    assert drawn.count(NOTHING) == sum(1 for value in fitted_values(values, cells) if value == 0)


@given(hours=st.dictionaries(st.integers(0, 719), st.integers(1, 1000)))
def test_hours_are_summed_to_days(hours: dict[int, int]) -> None:
    assert sum(by_cell(hours, Scale.DAYS)) == sum(hours.values())
    assert sum(by_cell(hours, Scale.HOURS)) == sum(times for hour, times in hours.items() if hour < 48)


def test_curves_of_several_campaigns_are_laid_upon_each_other() -> None:
    one, other = Curve(NOON, {0: 3, 5: 1}, {}), Curve(NOON, {0: 2}, {1: 4})
    assert summed([one, None, other]) == ({0: 5, 5: 1}, {1: 4})
    lines = curve_lines(*summed([one, other]), Scale.HOURS)
    assert lines[0].plain == "opens  █····▂" + "·" * 42 + " most 5 in hour 1"
    assert curve_lines({}, {}, Scale.DAYS)[1].plain == "clicks " + "·" * 30 + " no clicks"


@pytest.mark.parametrize("width", [40, 78, 125, 300])
def test_every_number_of_the_funnel_has_its_unit_and_fits(width: int) -> None:
    figures = Figures(1_200_000, 1_180_000, 480_000, 812_000, 96_000, 130_000, 12_000, 8_000, 4_000)
    lines = [line.plain for line in funnel_lines(figures, width)]
    assert all(cell_len(line) <= max(width, 28) for line in lines)
    if width >= 78:
        assert "1,180,000" in lines[1]
        assert "98.3 % of sends" in lines[1]
        assert "40.7 % of delivered · 812,000 opens" in lines[2]
        assert "1.7 % of sends · 12,000 soft, 8,000 hard" in lines[4]


def test_shares_name_their_whole_or_are_none() -> None:
    assert (share(1, 3), share(1, 0)) == (33.3, None)
    assert (percent(0, 5), percent(0, 0)) == ("0.0 %", "–")
    assert (with_percent(1_480, 3_000), with_percent(3, 0)) == ("1,480 (49.3 %)", "3")
