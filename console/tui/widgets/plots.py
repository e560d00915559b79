"""Plots made of letters: bars to an eighth of a cell, and curves of eight heights.

Invariant: they can be read without colour, and everything a plot shows stands beside it as a number with its unit.
"""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
NOTHING = "·"
"""A part of a curve in which nothing happened: told apart from little."""


def bar(part: float, whole: float, cells: int) -> str:
    """A bar as long as the part is of the whole; something is never nothing, and never longer than ``cells``."""
    if part <= 0 or whole <= 0 or cells <= 0:
        return ""
    eighths = max(1, round(min(1.0, part / whole) * cells * 8))
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def curve(values: Sequence[int], cells: int) -> str:
    """One cell a value, as high as it is of the greatest; more values than cells are summed where they share one."""
    if cells <= 0 or not values:
        return ""
    told = fitted_values(values, cells)
    greatest = max(told)
    return "".join(
        NOTHING if value <= 0 else _HEIGHTS[min(7, value * 8 // greatest if value < greatest else 7)]
        for value in told
    )


def fitted_values(values: Sequence[int], cells: int) -> list[int]:
    """The values themselves where they find room; else sums over as many neighbours as it takes."""
    together = max(1, -(-len(values) // cells))
    return [sum(values[start : start + together]) for start in range(0, len(values), together)]
