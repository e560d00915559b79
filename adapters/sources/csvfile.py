"""A CSV file as a source: streamed, in constant memory, and never one row less than the file has.

Invariant: every record of the file is either a row or a ``RowProblem`` with its physical line; a read that is
not proven whole (a quote left open, a file that changed) raises instead of ending (design law 5). Blank lines
are no records.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path

from adapters.provider import SettingSpec, Wire
from adapters.source import (
    RowProblem,
    Source,
    SourceBatch,
    SourceEnd,
    SourceIncomplete,
    SourceKind,
    SourceSettings,
    SourceShape,
    SourceUnreadable,
)
from adapters.source_writing import WritableSource
from adapters.sources.columns import (
    email_columns,
    id_columns,
    looks_like_address,
    nearest_column,
    opt_out_columns,
)
from adapters.sources.csvform import CsvForm, clean_header, find_form, is_blank
from adapters.sources.filetext import UNDECODABLE, FileText
from adapters.sources.openquote import opening_line, swallows_rows
from state.model import Finding

BATCH_ROWS = 200
LONGEST_VALUE = 131_072
LARGE_BYTES = 2 * 1024**3
SHOWN_ROWS = 10

_Pick = Callable[[list[str]], Sequence[str]]


class CsvFile:
    """One CSV file; each ``read`` is a pass of its own, and only one runs at a time."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self.path = settings.folder / Path(str(settings.options.get("path", ""))).expanduser()
        self._end: SourceEnd | None = None
        self.blank_lines = 0
        """Blank lines met by the last read."""

    @property
    def end(self) -> SourceEnd | None:
        """What the last read found, once it ended whole; ``rows`` are usable, ``problems`` are not."""
        return self._end

    def shape(self) -> SourceShape:
        """Columns, how the file is read, some rows, and what is odd about it; raises ``SourceUnreadable``."""
        form = find_form(self.path, self._settings.options)
        columns = form.header[: _named_width(form.header)]
        rows = [row for row in form.sample if len(row) >= len(columns)]
        guessed = email_columns(columns, rows)
        return SourceShape(
            columns=columns,
            details=form.details,
            sample=tuple(row[: len(columns)] for row in rows[:SHOWN_ROWS]),
            email_columns=guessed,
            findings=tuple(self._findings(form, columns, guessed)),
            id_columns=id_columns(columns, rows),
            opt_out_columns=opt_out_columns(columns),
        )

    def _findings(
        self, form: CsvForm, columns: tuple[str, ...], guessed: tuple[str, ...]
    ) -> Iterator[Finding]:
        settings, where = self._settings, str(self.path)
        for key in ("id", "email", "opted_out"):
            name = getattr(settings, key)
            if name and name not in columns:
                near = nearest_column(name, columns)
                yield Finding(
                    "source-column-missing",
                    f"{key} names the column “{name}”, which is not in the file.",
                    f"Did you mean “{near}”?" if near else "Columns: " + ", ".join(filter(None, columns)),
                    where=where,
                )
        for name in sorted({name for name in columns if name and columns.count(name) > 1}):
            used = name in (settings.id, settings.email, settings.opted_out)
            text = f"Two columns are named “{name}”; neither can be used."
            yield Finding("source-column-twice", text, "Rename one of them.", ok=not used, where=where)
        if not guessed and not settings.email:
            yield Finding(
                "source-no-address",
                "No column looks like e-mail addresses.",
                'Name it in the source\'s settings: email = "…"',
                where=where,
            )
        if any(map(looks_like_address, columns)):
            yield Finding(
                "source-header-missing",
                "The first line looks like a person, not like column names.",
                "Put a line with the names of the columns first.",
                where=where,
            )
        if form.size > LARGE_BYTES:
            text = f"The file has {form.size:,} bytes; reading it takes long."
            yield Finding("source-large", text, "Nothing to do, if that is right.", ok=True, where=where)

    def read(self, columns: Sequence[str]) -> Iterator[SourceBatch]:
        """All rows with the named columns, about 200 a batch, as ``Source.read`` says."""
        self._end = None
        form = find_form(self.path, self._settings.options)
        positions = self._positions(form.header, columns)
        return self._stream(form, _picker(positions))

    def _positions(self, header: tuple[str, ...], columns: Sequence[str]) -> list[int]:
        for name in columns:
            if name not in header:
                near = nearest_column(name, header)
                known = ", ".join(f"“{column}”" for column in header if column)
                raise SourceUnreadable(
                    "source-column-missing",
                    f"{self.path} has no column “{name}”.",
                    f"Did you mean “{near}”? " * bool(near) + f"The columns are {known}.",
                )
            if header.count(name) > 1:
                raise SourceUnreadable(
                    "source-column-twice", f"{self.path} has two columns “{name}”.", "Rename one of them."
                )
        return [header.index(name) for name in columns]

    def _stream(self, form: CsvForm, pick: _Pick) -> Iterator[SourceBatch]:
        text = FileText(self.path, form.encoding.codec)
        try:
            csv.field_size_limit(LONGEST_VALUE)
            reading = _Reading(text, form, pick)
            yield from reading.batches()
            snapshot = text.finish()
            self.blank_lines = reading.blank_lines
            self._end = SourceEnd(reading.rows, reading.problems, snapshot, text.as_of, form.details)
        finally:
            text.close()


class _Reading:
    """One pass over the records. ``_line`` is the physical line (from 1) at which the next record begins."""

    def __init__(self, text: FileText, form: CsvForm, pick: _Pick) -> None:
        self.rows = 0
        self.problems = 0
        self.blank_lines = 0
        self._text = text
        self._form = form
        self._pick = pick
        self._width = len(form.header)
        self._named = _named_width(form.header)
        self._line = 1
        lines = text.lines()
        if form.hint_line:
            next(lines, None)
            self._line += 1
        self._reader = csv.reader(lines, form.dialect)

    def batches(self) -> Iterator[SourceBatch]:
        self._skip_header()
        text, reader, width, pick = self._text, self._reader, self._width, self._pick
        while True:
            before = reader.line_num
            records: list[list[str]] = []
            error: csv.Error | None = None
            try:
                # ``extend`` keeps the records before a broken one.
                records.extend(islice(reader, BATCH_ROWS))
            except csv.Error as broken:
                error = broken
            if not records and error is None:
                return
            lines = reader.line_num - before
            if (
                error is None
                and lines == len(records)
                and not text.suspect
                and len(widths := set(map(len, records))) == 1
                and width in widths
            ):
                batch = SourceBatch(list(range(self._line, self._line + lines)), list(map(pick, records)))
                self._line += lines
            else:
                batch = self._look_closely(records, error, lines)
                text.settle()
            self.rows += len(batch.rows)
            self.problems += len(batch.problems)
            batch.done, batch.total = text.done, text.total
            yield batch

    def _skip_header(self) -> None:
        """Over blank lines and the header, which must still be the one that was looked at."""
        try:
            header = next((row for row in self._reader if row and (len(row) > 1 or row[0].strip())), [])
        except csv.Error as error:
            raise self._open_quote(self._line) from error
        if clean_header(header) != self._form.header:
            raise SourceIncomplete(
                "source-changed",
                f"{self._text.path} changed while it was read.",
                "Try again when it is finished.",
            )
        self._line += self._reader.line_num

    def _look_closely(self, records: list[list[str]], error: csv.Error | None, lines: int) -> SourceBatch:
        """Row by row: several lines a record, blank lines, wrong width, bytes that are no text."""
        batch = SourceBatch([], [])
        last_line = self._line + lines - 1
        one_line_each = error is None and lines == len(records)
        for record in records:
            line = self._line
            extra_lines = 0 if one_line_each else _extra_lines(record)
            self._line += 1 + extra_lines
            if is_blank(record, self._width):
                self.blank_lines += 1
                continue
            if extra_lines and swallows_rows(record, extra_lines, self._width, self._form.delimiter):
                raise self._open_quote(line)
            problem = self._problem(record, line)
            if problem is not None:
                batch.problems.append(problem)
            else:
                batch.lines.append(line)
                batch.rows.append(self._pick(_fitted(record, self._width)))
        if error is not None:
            batch.problems.append(self._broken(error, last_line))
            self._line = last_line + 1
        return batch

    def _problem(self, record: list[str], line: int) -> RowProblem | None:
        if self._text.suspect:
            joined = "".join(record)
            if UNDECODABLE in joined:
                codec = self._form.encoding.codec
                return RowProblem(line, "undecodable", f"Bytes that are not allowed in {codec}.")
            if "\0" in joined:
                return RowProblem(line, "nul-byte", "A NUL byte in a value.")
        width = len(record)
        if width < self._named or (width > self._width and any(record[self._width :])):
            return RowProblem(
                line, "ragged-row", f"{width} values, but the header has {self._width} columns."
            )
        return None

    def _broken(self, error: csv.Error, last_line: int) -> RowProblem:
        """A record the reader gave up: harmless to the others only if it lies on one line."""
        at_end = "unexpected end" in str(error)
        if at_end or last_line > self._line:
            raise self._open_quote(self._line) from error
        text = "Something follows a closing quote, or a quote within a value is not doubled."
        if "field limit" in str(error):
            text = (
                f"A value of more than {LONGEST_VALUE:,} characters, which is too long to be read;"
                " often a quote is missing."
            )
        return RowProblem(self._line, "ragged-row", text)

    def _open_quote(self, record_line: int) -> SourceIncomplete:
        line = opening_line(self._text.path, self._form, record_line)
        return SourceIncomplete(
            "source-quote-open",
            f"{self._text.path}: a quote is opened in line {line} and not closed there.",
            f'Close or double the quote in line {line}; if quotes mean nothing in this file, set quote = "none".',
        )


def _extra_lines(record: list[str]) -> int:
    """Lines of a record beyond its first; most have none, so all values are looked at together first."""
    joined = "".join(record)
    return sum(map(_line_ends, record)) if "\n" in joined or "\r" in joined else 0


def _line_ends(value: str) -> int:
    """How many line ends a value holds; CR LF is one."""
    return value.count("\n") + value.count("\r") - value.count("\r\n")


def _fitted(record: list[str], width: int) -> list[str]:
    """Excel leaves out, or adds, empty values at the end."""
    return record if len(record) == width else record[:width] + [""] * (width - len(record))


def _named_width(header: Sequence[str]) -> int:
    """Columns up to the last one that has a name: a delimiter at the end of the line makes a nameless one."""
    return max((position for position, name in enumerate(header, 1) if name), default=0)


def _picker(positions: list[int]) -> _Pick:
    if len(positions) > 1:
        return itemgetter(*positions)
    if positions:
        only = positions[0]
        return lambda record: (record[only],)
    return lambda record: ()


def _open(settings: SourceSettings, wire: Wire | None) -> Source:
    return CsvFile(settings)


def _open_writable(settings: SourceSettings, wire: Wire | None) -> WritableSource:
    from adapters.sources.returned import ReturnedFile

    return ReturnedFile(settings)


KIND = SourceKind(
    name="csv",
    label="CSV file",
    settings=(
        SettingSpec(
            "path", "File", "The CSV file; a relative path starts at the folder of the settings.", True
        ),
        SettingSpec(
            "id", "Id column", "The column with the source's own key of a person; the address otherwise."
        ),
        SettingSpec(
            "email", "Address column", "The column with the e-mail address; found by itself if left out."
        ),
        SettingSpec(
            "opted_out",
            "Opt-out column",
            "A column that says who opted out; whatever is not a clear no counts.",
        ),
        SettingSpec("delimiter", "Delimiter", "One character, or tab; found by itself if left out."),
        SettingSpec(
            "encoding", "Encoding", 'Such as "utf-8", "cp1252", "utf-16"; found by itself if left out.'
        ),
        SettingSpec("quote", "Quote", 'The character around values with delimiters in them ("), or none.'),
    ),
    open=_open,
    open_writable=_open_writable,
)
