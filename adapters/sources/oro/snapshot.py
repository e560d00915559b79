"""Membership by a snapshot of the list: rows of an entity that an administrator enabled in api.yml.

A row names a contact (attribute ``contactId`` or relationship ``contact``) and when the snapshot was taken
(``createdAt``); the fields are read from the contacts as they are now. Invariant: a row whose contact is gone is
a ``RowProblem``, never skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapters.provider import utc
from adapters.source import RowProblem, SourceBatch, SourceUnreadable
from adapters.sources.oro.documents import Entity
from adapters.sources.oro.listing import IDS_AT_ONCE, all_entities, check_columns, entities_by
from adapters.sources.oro.place import OroPlace
from adapters.sources.oro.session import OroSession


class Snapshot:
    """The members of one list; ``as_of`` is the oldest row's time, known once the rows were read."""

    def __init__(self, session: OroSession, place: OroPlace) -> None:
        self._session = session
        self._place = place
        self.as_of: datetime | None = None

    def look(self) -> tuple[int | None, datetime | None]:
        """How many members, and since when, by the first row alone."""
        place = self._place
        page = self._session.page(
            place.snapshot_entity, {**place.snapshot_filters, "sort": "id", "page[size]": "1"}
        )
        for row in page.entities:
            _contact_id(row, place)
            self._note_age(row)
        return page.total, self.as_of

    def batches(self, columns: Sequence[str]) -> Iterator[SourceBatch]:
        """A row for each member, with the contact's present fields."""
        place, number = self._place, 0
        for portion in all_entities(
            self._session,
            place.snapshot_entity,
            place.snapshot_filters,
            ("contactId", "contact", "createdAt"),
        ):
            ids = []
            for row in portion.entities:
                self._note_age(row)
                ids.append(_contact_id(row, place))
            contacts = {
                one.id: one
                for one in entities_by(self._session, place.entity, "id", ids, columns, IDS_AT_ONCE)
            }
            check_columns(list(contacts.values()), columns, place.entity)
            batch = SourceBatch([], [], done=portion.done, total=portion.total, unit="rows")
            for key in ids:
                number += 1
                contact = contacts.get(key)
                if contact is None:
                    text = f"Contact {key} is in the list's snapshot and not in the CRM any more."
                    batch.problems.append(RowProblem(number, "source-contact-gone", text))
                else:
                    batch.lines.append(number)
                    batch.rows.append([contact.text(name) for name in columns])
            yield batch

    def _note_age(self, row: Entity) -> None:
        try:
            moment = utc(row.text("createdAt"))
        except ValueError:
            return  # a snapshot without a time: its age is told as unknown
        self.as_of = moment if self.as_of is None else min(self.as_of, moment)


def _contact_id(row: Entity, place: OroPlace) -> str:
    found = row.text("contactId") or row.related.get("contact", "")
    if not (found.isascii() and found.isdigit()):
        raise SourceUnreadable(
            "source-column-missing",
            f"The snapshot {place.snapshot_entity} does not say which contact a row is.",
            "Give it an attribute contactId, or a relationship contact, in api.yml.",
        )
    return found
