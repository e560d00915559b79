"""How outside text, counts, times and sizes read, on screens and on the command line alike.

Invariant (design law 9, I8): ``printable`` leaves nothing in a text that steers a terminal or hides from the
reader; what was there is shown as ``\\x1b`` or ``\\u{202e}``. No screen library is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from state.moments import utc_now

UNPRINTABLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: they steer the terminal
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible, or Arabic letter mark
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidi
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"  # fillers, variation selectors, BOM, specials
    "\ud800-\udfff"  # half characters, which no terminal's encoding can carry
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # shorthand and music format controls
    "\U000e0000-\U000e0fff"  # tags and more variation selectors
    "]"
)
ELLIPSIS = "…"
NEVER = "never"


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"


def printable(text: object, *, lines: bool = False) -> str:
    """The text with everything that steers a terminal or hides made visible.

    ``lines`` keeps line feeds (for bodies of several lines); a tab becomes a blank in both cases.
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    plain = plain.replace("\t", " ")
    if lines:
        return "\n".join(UNPRINTABLE.sub(_visible, line) for line in plain.splitlines())
    return UNPRINTABLE.sub(_visible, plain)


def number(value: int | None) -> str:
    """``1,204``; a dash where nothing is known."""
    return "–" if value is None else f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """``1 contact``, ``1,204 contacts``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def counts_line(counts: Mapping[str, int]) -> str:
    """``12 sent, 1 rejected`` or ``1 list``: a job's counts by their words, those of many things in the plural."""
    return ", ".join(
        f"{value:,} {word.removesuffix('s') if value == 1 else word}"
        for word, value in counts.items()
        if value
    )


def absolute(moment: datetime | None) -> str:
    """``2026-03-01 08:15 UTC``."""
    return NEVER if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def relative(moment: datetime | None, now: datetime | None = None) -> str:
    """``3 min ago``, ``in 2 h``: short enough for a column."""
    if moment is None:
        return NEVER
    seconds = ((now or utc_now()) - moment).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    words = _largest_unit(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}"


def age(moment: datetime, now: datetime | None = None) -> str:
    """How old something is: ``6 h``; nothing is younger than ``0 s``."""
    return _largest_unit(max(0.0, ((now or utc_now()) - moment).total_seconds()))


def when(moment: datetime | None, now: datetime | None = None) -> str:
    """Both: ``3 min ago (2026-03-01 08:15 UTC)``."""
    return NEVER if moment is None else f"{relative(moment, now)} ({absolute(moment)})"


def _largest_unit(seconds: float) -> str:
    for size_seconds, name in ((86_400 * 365, "y"), (86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size_seconds:
            return f"{int(seconds // size_seconds)} {name}"
    return f"{int(seconds)} s"


def duration(seconds: float | timedelta | None) -> str:
    """``45 s``, ``3 min 20 s``, ``2 h 05 min``; two units at most."""
    if seconds is None:
        return "–"
    whole = round(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3_600} h {whole % 3_600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3_600:02d} h"


def size(count: int) -> str:
    """``1.2 MB``."""
    from humanize import naturalsize

    return str(naturalsize(count))
