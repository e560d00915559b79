"""How a CSV file is written: encoding, delimiter, quotes, header, told from its head and overridable.

Invariant: what is found here is shown (``details``) before anything is sent, and whatever the settings say wins.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from adapters.source import SourceUnreadable
from adapters.sources.encoding import Encoding, find_encoding, sample_of
from adapters.sources.filetext import UNDECODABLE, marked, open_regular

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 200
_NAMED = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"}
_SHOWN = {"\t": "tab"}
_NO_QUOTES = "none"


@dataclass(slots=True, frozen=True)
class CsvForm:
    """The written form of one file.

    ``header`` holds the cleaned column names, ``sample`` some rows as they are; ``hint_line`` tells that Excel's
    ``sep=`` stands before the header. ``quote`` is empty when quotes mean nothing.
    """

    encoding: Encoding
    delimiter: str
    quote: str
    skip_blank: bool
    hint_line: bool
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    size: int

    @property
    def details(self) -> dict[str, str]:
        """What a person is shown."""
        return {
            "encoding": self.encoding.codec,
            "encoding found by": self.encoding.found_by,
            "delimiter": _SHOWN.get(self.delimiter, self.delimiter),
            "quote": self.quote or _NO_QUOTES,
            "bytes": str(self.size),
        }

    @property
    def dialect(self) -> type[csv.Dialect]:
        """For ``csv.reader``; strict, so that a broken quote is an error instead of a guess."""
        form = self

        class Written(csv.Dialect):
            delimiter = form.delimiter
            quotechar = form.quote or None
            quoting = csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE
            doublequote = True
            skipinitialspace = form.skip_blank
            lineterminator = "\r\n"
            strict = True

        return Written


def find_form(path: Path, options: Mapping[str, str | int | bool]) -> CsvForm:
    """Look at a file; raises ``SourceUnreadable`` (``source-missing``, ``source-empty``, ``source-encoding`` …)."""
    descriptor, found = open_regular(path)
    wanted = str(options.get("encoding", ""))
    try:
        head, judged = sample_of(descriptor, wanted)
    except OSError as error:
        raise SourceUnreadable(
            "source-not-readable", f"{path} cannot be read: {error.strerror}.", "Check the disk it lies on."
        ) from None
    finally:
        os.close(descriptor)
    encoding = find_encoding(head, judged, wanted)
    text = marked(head, encoding.codec)
    if not text.strip():
        raise SourceUnreadable(
            "source-empty", f"{path} is empty, not even a header is in it.", "Check what writes the file."
        )
    hint, text = _excel_hint(text)
    quote = _quote(options)
    delimiter = _delimiter(options) or hint or _find_delimiter(text, quote, whole=found.st_size <= len(head))
    if quote == delimiter:
        raise _bad_option("quote", quote, "another character than the delimiter")
    rows = _rows(text, delimiter, quote, False)
    skip_blank = _blank_before_quotes(text, rows, delimiter, quote)
    if skip_blank:
        rows = _rows(text, delimiter, quote, True)
    if found.st_size > len(head) and len(rows) <= SAMPLE_ROWS:
        rows = rows[:-1] or rows
    form = CsvForm(
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        skip_blank=skip_blank,
        hint_line=bool(hint),
        header=clean_header(rows[0]) if rows else (),
        sample=tuple(tuple(map(_presentable, row)) for row in rows[1:]),
        size=found.st_size,
    )
    _check_header(path, text, form)
    return form


def _check_header(path: Path, text: str, form: CsvForm) -> None:
    """A quote left open in the header would make the whole file one column's name."""
    try:
        next(filter(None, csv.reader(io.StringIO(text, newline=""), form.dialect)), None)
    except csv.Error:
        raise SourceUnreadable(
            "source-quote-open",
            f"{path}: a quote in the header is not closed where a column's name ends.",
            'Close the quote in the header; if quotes mean nothing in this file, set quote = "none".',
        ) from None


def clean_header(row: list[str]) -> tuple[str, ...]:
    """Column names without the blanks around them."""
    return tuple(_presentable(name).strip() for name in row)


def _presentable(text: str) -> str:
    return text.replace(UNDECODABLE, "\ufffd")


def is_blank(row: list[str], width: int) -> bool:
    """A line with nothing in it is no row."""
    return not row or (len(row) == 1 and width > 1 and not row[0].strip())


def _excel_hint(text: str) -> tuple[str, str]:
    """Excel's first line ``sep=;`` names the delimiter and is no header."""
    line, rest = text, ""
    for position, character in enumerate(text[:16]):
        if character in "\r\n":
            end = position + 2 if text[position : position + 2] == "\r\n" else position + 1
            line, rest = text[:position], text[end:]
            break
    bare = line.strip('"')
    if len(bare) == 5 and bare[:4].lower() == "sep=":
        return bare[4], rest
    return "", text


def _blank_before_quotes(text: str, rows: list[list[str]], delimiter: str, quote: str) -> bool:
    """Some programs write a blank after each delimiter, ``"a", "b"``; then it belongs to no value.

    Within a value quotes are doubled, so a blank and a single quote after a delimiter stand between values.
    """
    if not quote or not any(value.startswith(f" {quote}") for row in rows for value in row[1:]):
        return False
    return re.search(f"{re.escape(delimiter)} {re.escape(quote)}(?!{re.escape(quote)})", text) is not None


def _find_delimiter(text: str, quote: str, whole: bool) -> str:
    """The delimiter under which most rows have as many values as the header, and the header most of them."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        rows = _rows(text, delimiter, quote, False)
        if not whole and len(rows) > 1 and len(rows) <= SAMPLE_ROWS:
            rows = rows[:-1]
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        fitting = sum(len(row) == width or (len(row) > width and not any(row[width:])) for row in rows)
        score = (round(fitting / len(rows), 1), width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _rows(text: str, delimiter: str, quote: str, skip_blank: bool) -> list[list[str]]:
    """The first rows under a delimiter; here a broken quote is no error yet."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        skipinitialspace=skip_blank,
    )
    rows: list[list[str]] = []
    try:
        for row in islice(reader, SAMPLE_ROWS + 1):
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
    except csv.Error:
        # A value longer than any should be: the rows before it tell the form, reading names the line.
        pass
    return rows


def _delimiter(options: Mapping[str, str | int | bool]) -> str:
    given = str(options.get("delimiter", ""))
    delimiter = _NAMED.get(given.strip().lower(), given)
    if delimiter and (len(delimiter) != 1 or delimiter in "\r\n\0" or delimiter.isalnum()):
        raise _bad_option("delimiter", given, "one character, or comma, semicolon, tab, pipe")
    return delimiter


def _quote(options: Mapping[str, str | int | bool]) -> str:
    given = str(options.get("quote", ""))
    if given.strip().lower() == _NO_QUOTES:
        return ""
    if given and (len(given) != 1 or given in "\r\n\0 " or given.isalnum()):
        raise _bad_option("quote", given, "one character, or none")
    return given or '"'


def _bad_option(key: str, given: str, expected: str) -> SourceUnreadable:
    return SourceUnreadable(
        "settings-value", f"{key} = {given!a} in the source's settings is not {expected}.", f"Correct {key}."
    )
