"""The one door for text from outside into a screen. Words, counts and times are those of ``console.wording``.

Invariant (design law 9, I8, I24): whatever stems from a vendor, a contact, a file name or the settings passes
``printable`` or ``shown`` before it enters a widget. Control, bidi and invisible characters come out visible
(``\\x1b``, ``\\u{202e}``), nothing is ever parsed as markup, and what is cut ends in ``…``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.content import Content
from textual.filter import LineFilter

from console.wording import (
    ELLIPSIS,
    NEVER,
    UNPRINTABLE,
    absolute,
    age,
    counted,
    duration,
    number,
    printable,
    relative,
    size,
    when,
)

if TYPE_CHECKING:
    from textual.color import Color
    from textual.style import Style

__all__ = [
    "ELLIPSIS",
    "NEVER",
    "Sink",
    "absolute",
    "age",
    "clipped",
    "counted",
    "duration",
    "fitted",
    "number",
    "printable",
    "relative",
    "sentence",
    "shown",
    "size",
    "stacked",
    "when",
]


def shown(text: object, style: str | Style = "", *, lines: bool = False) -> Content:
    """Text from outside as content for a widget: never markup."""
    return Content.styled(printable(text, lines=lines), style)


def sentence(*parts: object | tuple[object, str]) -> Content:
    """Several pieces as one content, each through the door; a pair is a text and its style."""
    pieces: list[Content] = []
    for part in parts:
        if isinstance(part, Content):
            pieces.append(part)
        elif isinstance(part, tuple):
            pieces.append(shown(part[0], part[1], lines=True))
        else:
            pieces.append(shown(part, lines=True))
    return Content("").join(pieces)


def stacked(lines: Sequence[Content | str]) -> Content:
    """Lines one below the other."""
    return Content("\n").join([line if isinstance(line, Content) else shown(line) for line in lines])


def clipped(text: str, cells: int) -> str:
    """Printable text cut to a width in cells; the cut is marked."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip(" ") + ELLIPSIS if cells > 1 else ELLIPSIS


def fitted(text: str, cells: int, *, right: bool = False) -> str:
    """Printable text in exactly that many cells."""
    cut = clipped(text, cells)
    blank = " " * (cells - cell_len(cut))
    return blank + cut if right else cut + blank


class Sink(LineFilter):
    """The second line behind the door: nothing that steers a terminal gets past it, whichever widget drew it.

    Characters are dropped, not replaced: the layout has given them no cell.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without unprintable characters."""
        for text, _style, control in segments:
            if control is None and UNPRINTABLE.search(text):
                break
        else:
            return segments
        return [
            Segment(UNPRINTABLE.sub("", segment.text), segment.style) if segment.control is None else segment
            for segment in segments
        ]
