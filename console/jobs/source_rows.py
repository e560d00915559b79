"""Turns a source's rows into contacts of one link: key, mapped values, opt-out, consent, and what is wrong.

This is the hot loop of a preview (a million rows), so a batch whose addresses are all plain takes the short way:
column by column instead of row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter

from adapters.source import RowProblem, SourceBatch, SourceSettings
from adapters.sources.optout import means_yes
from state.address import address_fault, address_key, plain_keys
from state.contacts import (
    SEPARATOR,
    IncomingRow,
    put_plain_rows,
    put_plain_rows_with_consent,
    put_source_rows,
)
from state.model import Link
from state.store import State

_PlainColumns = tuple[list[str], list[str], list[int], list[str], list[str], list[int]]


class RowBuilder:
    """Knows which columns a link needs and makes contacts of them."""

    def __init__(self, link: Link, source: SourceSettings) -> None:
        wanted = [source.email]
        for name in (source.id, source.opted_out, link.consent_column):
            if name:
                wanted.append(name)
        for mapping in link.fields:
            wanted += mapping.columns
        self.columns: tuple[str, ...] = tuple(dict.fromkeys(wanted))
        place = {name: number for number, name in enumerate(self.columns)}
        self._email = place[source.email]
        self._id = place[source.id] if source.id else None
        self._opted_out = place[source.opted_out] if source.opted_out else None
        self._consent = place[link.consent_column] if link.consent_column else None
        fields = [tuple(place[name] for name in mapping.columns) for mapping in link.fields]
        self._mapped = _mapped_text(fields)
        self._single = tuple(at[0] for at in fields) if all(len(at) == 1 for at in fields) else ()

    def put(self, state: State, batch: SourceBatch) -> None:
        """Stage contacts for all rows of a batch, its problems included as faulty ones."""
        plain = self._plain(batch)
        if plain is None:
            put_source_rows(state, self._one_by_one(batch))
        elif self._consent is None:
            put_plain_rows(state, list(zip(*plain, strict=True)))
        else:
            consents = [row[self._consent].strip() for row in batch.rows]
            put_plain_rows_with_consent(state, list(zip(*plain, consents, strict=True)))
        if batch.problems:
            put_source_rows(state, map(_problem_row, batch.problems))

    def _plain(self, batch: SourceBatch) -> _PlainColumns | None:
        """The batch column by column, each made in a few calls; None when an address in it is not plain."""
        if not batch.rows:
            return None
        columns = list(zip(*batch.rows, strict=True))
        emails = list(map(str.strip, columns[self._email]))
        keys = plain_keys(emails)
        if keys is None:
            return None
        ids = keys
        if self._id is not None:
            ids = [
                source_id or key
                for source_id, key in zip(map(str.strip, columns[self._id]), keys, strict=True)
            ]
        opted_out = [0] * len(keys)
        if self._opted_out is not None:
            words = columns[self._opted_out]
            meaning = {word: 1 if means_yes(word) else 0 for word in set(words)}
            opted_out = [meaning[word] for word in words]
        return keys, ids, batch.lines, emails, self._mapped_texts(columns, batch.rows), opted_out

    def _mapped_texts(self, columns: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[str]:
        if len(self._single) < 2:
            return list(map(self._mapped, rows))
        texts = list(
            map(SEPARATOR.join, zip(*(map(str.strip, columns[at]) for at in self._single), strict=True))
        )
        if "".join(texts).count(SEPARATOR) != len(texts) * (len(self._single) - 1):
            return list(map(self._mapped, rows))  # a value holds the separator itself
        return texts

    def _one_by_one(self, batch: SourceBatch) -> Iterator[IncomingRow]:
        email_at, id_at, opted_out_at, consent_at, mapped = (
            self._email,
            self._id,
            self._opted_out,
            self._consent,
            self._mapped,
        )
        for line, row in zip(batch.lines, batch.rows, strict=True):
            email = row[email_at].strip()
            key = address_key(email)
            fault = address_fault(email)
            source_id = (row[id_at].strip() if id_at is not None else "") or key
            yield (
                key,
                source_id,
                line,
                None if email == key else email,
                mapped(row),
                1 if opted_out_at is not None and means_yes(row[opted_out_at]) else 0,
                row[consent_at].strip() if consent_at is not None else None,
                fault,
                None if fault is None else f"line {line}: {email}" if email else f"line {line}",
            )


def _problem_row(problem: RowProblem) -> IncomingRow:
    return (
        "",
        "",
        problem.line,
        None,
        "",
        0,
        None,
        problem.reason,
        f"line {problem.line}: {problem.text}",
    )


def _mapped_text(fields: Sequence[tuple[int, ...]]) -> Callable[[Sequence[str]], str]:
    """The mapped values of a row as one text; several columns of one field are joined by a blank."""
    count = len(fields)
    if not count:
        return lambda row: ""
    if all(len(columns) == 1 for columns in fields):
        if count == 1:
            only = fields[0][0]
            return lambda row: row[only].strip().replace(SEPARATOR, " ")
        pick = itemgetter(*(columns[0] for columns in fields))

        def plain(row: Sequence[str]) -> str:
            text = SEPARATOR.join(map(str.strip, pick(row)))
            return text if text.count(SEPARATOR) == count - 1 else _cleaned(pick(row))

        return plain

    def joined(row: Sequence[str]) -> str:
        return _cleaned(
            [" ".join(filter(None, (row[column].strip() for column in columns))) for columns in fields]
        )

    return joined


def _cleaned(values: Sequence[str]) -> str:
    return SEPARATOR.join(value.strip().replace(SEPARATOR, " ") for value in values)
