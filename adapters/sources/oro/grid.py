"""Membership by a CSV export of the list's grid, joined to the API's contacts where the file lacks a column.

Invariant: every line of the file is a row or a ``RowProblem``; a line is joined by the contact's id, or by the
address where exactly one contact has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapters.source import (
    RowProblem,
    SourceBatch,
    SourceEnd,
    SourceIncomplete,
    SourceSettings,
    SourceShape,
    SourceUnreadable,
)
from adapters.sources.columns import nearest_column
from adapters.sources.csvfile import CsvFile
from adapters.sources.oro.documents import Entity
from adapters.sources.oro.listing import ADDRESSES_AT_ONCE, IDS_AT_ONCE, check_columns, entities_by
from adapters.sources.oro.place import OroPlace
from adapters.sources.oro.session import OroSession
from state.address import address_key


class GridExport:
    """The exported file of one list."""

    def __init__(self, settings: SourceSettings, place: OroPlace) -> None:
        self._place = place
        self._file = CsvFile(replace(settings, kind="csv", options={"path": str(place.grid)}))
        self._header: tuple[str, ...] = ()

    @property
    def end(self) -> SourceEnd:
        """The end of the file's reading; raises ``SourceIncomplete`` before it."""
        if self._file.end is None:
            raise SourceIncomplete(
                "source-incomplete", "The grid export was not read to its end.", "Try again."
            )
        return self._file.end

    def shape(self, api_columns: Sequence[str]) -> SourceShape:
        """The file's own shape, with the API's columns behind the file's."""
        found = self._file.shape()
        more = tuple(name for name in api_columns if name not in found.columns)
        return replace(
            found,
            columns=(*found.columns, *more),
            details={
                **found.details,
                "membership": self._place.says_membership,
                "entity": self._place.entity,
            },
            sample=tuple((*row, *("" for _ in more)) for row in found.sample),
            findings=tuple(
                one
                for one in found.findings
                if one.reason != "source-column-missing" or not any(f"“{name}”" in one.text for name in more)
            ),
        )

    def missing(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Columns the file does not have."""
        return tuple(name for name in columns if not self._named(name))

    def batches(self, columns: Sequence[str]) -> Iterator[SourceBatch]:
        """The file alone."""
        return self._file.read([self._named(name) for name in columns])

    def joined(self, columns: Sequence[str], session: OroSession) -> Iterator[SourceBatch]:
        """The file's columns, and those it lacks from the API."""
        lacking = self.missing(columns)
        own = [name for name in columns if name not in lacking]
        key, join = self._join()
        asked = list(dict.fromkeys([join, *(self._named(name) for name in own)]))
        at = asked.index(join)
        place_of_column = {name: asked.index(self._named(name)) for name in own}
        fields = (*lacking, "primaryEmail") if key != "id" else lacking
        for batch in self._file.read(asked):
            keys = [row[at].strip() for row in batch.rows]
            contacts = self._contacts(session, key, keys, fields)
            yield _together(batch, columns, lacking, place_of_column, keys, contacts, key)

    def _contacts(
        self, session: OroSession, key: str, keys: Sequence[str], fields: Sequence[str]
    ) -> dict[str, list[Entity]]:
        # A comma would end one value and begin the next.
        asked = (
            [one for one in keys if one.isdigit()] if key == "id" else [one for one in keys if _askable(one)]
        )
        at_once = IDS_AT_ONCE if key == "id" else ADDRESSES_AT_ONCE
        contacts = list(entities_by(session, self._place.entity, key, asked, fields, at_once))
        check_columns(contacts, fields, self._place.entity)
        found: dict[str, list[Entity]] = {}
        for one in contacts:
            name = one.id if key == "id" else address_key(one.text(key))
            found.setdefault(name, []).append(one)
        return found

    def _join(self) -> tuple[str, str]:
        """By which attribute of the API, and by which column of the file."""
        for name in (self._place.id_column, "id"):
            if column := self._named(name):
                return "id", column
        if column := self._named(self._place.email_column):
            return "primaryEmail", column
        raise SourceUnreadable(
            "source-column-missing",
            f"{self._file.path} has neither the contact's id nor the column “{self._place.email_column}”.",
            "Add the column Id to the grid before it is exported, or name the address's column: email = …",
        )

    def _named(self, name: str) -> str:
        """The file's column of that name; a grid writes “Id” where the API writes “id”."""
        self._header = self._header or self._file.shape().columns
        if name in self._header:
            return name
        near = nearest_column(name, self._header)
        return near if near.casefold() == name.casefold() else ""


def _askable(address: str) -> bool:
    return bool(address) and "," not in address and "@" in address


def _together(
    batch: SourceBatch,
    columns: Sequence[str],
    lacking: Sequence[str],
    place_of_column: dict[str, int],
    keys: Sequence[str],
    contacts: dict[str, list[Entity]],
    key: str,
) -> SourceBatch:
    joined = SourceBatch([], [], list(batch.problems), batch.done, batch.total, batch.unit)
    for line, row, value in zip(batch.lines, batch.rows, keys, strict=True):
        found = contacts.get(value if key == "id" else address_key(value), [])
        if len(found) != 1:
            reason = "source-contact-unclear" if found else "source-contact-gone"
            text = (
                "Several contacts have this address." if found else "No contact of the CRM is on this line."
            )
            joined.problems.append(RowProblem(line, reason, text))
            continue
        joined.lines.append(line)
        joined.rows.append(
            [found[0].text(name) if name in lacking else row[place_of_column[name]] for name in columns]
        )
    return joined
