"""Aligned columns for a terminal: as wide as their text, cut (marked) where the terminal is narrower.

Invariant: into a pipe nothing is cut.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from console.cli.output import is_terminal, say_lines
from console.wording import ELLIPSIS, printable

GAP = "  "
NARROWEST = 6


def cells(text: str) -> int:
    """How many terminal cells a printable text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly ``width`` cells; a cut is marked."""
    taken = cells(text)
    if taken > width:
        from rich.cells import set_cell_size

        text = set_cell_size(text, width - 1).rstrip(" ") + ELLIPSIS
        taken = cells(text)
    blank = " " * (width - taken)
    return blank + text if right else text + blank


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """Print rows under their head; ``right`` names the columns of numbers. Raises ``ReaderGone``."""
    shown = [[printable("" if value is None else value) for value in row] for row in rows]
    widths = [max(cells(row[at]) for row in [list(head), *shown]) for at in range(len(head))]
    if is_terminal(sys.stdout):
        _narrow(widths, shutil.get_terminal_size().columns)
    say_lines(
        GAP.join(
            fit(value, width, right=at in right)
            for at, (value, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [list(head), *shown]
    )


def _narrow(widths: list[int], columns: int) -> None:
    """Take cells from the widest columns until the line fits."""
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - columns
    while excess > 0:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1
        excess -= 1
