"""Where a quote was left open in a CSV file, and whether a record holds other people's rows in its quotes.

Invariant: used only when a record spans several lines or the reader gave up; then the line that is named is the
one a person has to correct.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from adapters.sources.filetext import FileText

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.sources.csvform import CsvForm

MOST_LINES = 500
"""A single record of more lines than this is a quote left open, not a long remark."""


def swallows_rows(record: Sequence[str], extra_lines: int, width: int, delimiter: str) -> bool:
    """Whether a value in quotes holds whole rows: as many delimiters and addresses a line as rows have.

    A quote left open in one row and another in the same column further down make a record of the right width;
    everybody between them would be lost without a word.
    """
    if extra_lines >= MOST_LINES:
        return True
    for value in record:
        ends = value.count("\n") + value.count("\r") - value.count("\r\n")
        if ends and len(record) != width and delimiter in value and "@" in value:
            return True
        if ends and width > 1 and value.count(delimiter) == ends * (width - 1) and value.count("@") >= ends:
            return True
    return False


_START, _PLAIN, _QUOTED, _CLOSED = range(4)


def opening_line(path: Path, form: CsvForm, record_line: int) -> int:
    """The line of the quote at fault in the record that begins at a line.

    That is the one followed by other text where it closes, else the one that never closes, else the first whose
    value goes over a line end.
    """
    text = FileText(path, form.encoding.codec)
    try:
        lines = islice(text.lines(), record_line - 1, record_line + MOST_LINES)
        return _walk(enumerate(lines, record_line), record_line, form)
    finally:
        text.close()


def _walk(lines: Iterable[tuple[int, str]], record_line: int, form: CsvForm) -> int:
    opened, long_value, state = record_line, 0, _START
    for number, line in lines:
        if state == _START and not line.strip():
            continue
        for character in line:
            if state == _QUOTED:
                state = _CLOSED if character == form.quote else _QUOTED
            elif state == _CLOSED and character == form.quote:
                # Two quotes in a row are one of the value's own.
                state = _QUOTED
            elif state == _CLOSED and character not in (form.delimiter, "\r", "\n"):
                return opened
            elif state == _START and character == form.quote:
                opened, state = number, _QUOTED
            elif not (state == _START and character == " " and form.skip_blank):
                if state == _CLOSED and number > opened:
                    long_value = long_value or opened
                state = _START if character == form.delimiter else _PLAIN
        if state != _QUOTED:
            return long_value or opened
    return opened
