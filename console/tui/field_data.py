"""The data fields of one connection or one link, side by side with what the links make of them.

One function asks the state for everything a screen shows; a field that a link maps and the list does not have is a
row too, because that is what a person has to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from console.mapped_fields import mapping_fault
from state.connections import list_rows
from state.fields import FieldRow, fields_read_at, lists_with_fields, remote_fields
from state.model import FieldMapping, Link
from state.store import State

if TYPE_CHECKING:
    from console.settings.model import Settings


@dataclass(slots=True, frozen=True)
class Use:
    """How one link fills a field. ``fault`` says what is wrong with that; empty: nothing."""

    link: str
    source: str
    mapping: FieldMapping
    fault: str

    @property
    def words(self) -> str:
        """``⇄ first_name`` or ``→ first_name + last_name``: both ways, or towards the platform only."""
        return ("⇄ " if self.mapping.two_way else "→ ") + " + ".join(self.mapping.columns)


@dataclass(slots=True, frozen=True)
class FieldView:
    """One field of a list (``list_id`` empty: of the account); ``field`` is None where only a mapping names it."""

    list_id: str
    list_name: str
    name: str
    field: FieldRow | None
    uses: tuple[Use, ...]

    @property
    def missing(self) -> bool:
        return self.field is None

    @property
    def system(self) -> bool:
        return self.field is not None and self.field.system

    @property
    def fault(self) -> str:
        """The first thing wrong with a mapping of it."""
        return next((use.fault for use in self.uses if use.fault), "")

    @property
    def unfilled(self) -> bool:
        """The list requires it, the platform fills nothing in by itself, and no link maps it."""
        return self.field is not None and self.field.required and not self.field.default and not self.uses


@dataclass(slots=True, frozen=True)
class ListChoice:
    """A list that a new field may be created on."""

    list_id: str
    name: str


@dataclass(slots=True, frozen=True)
class Fields:
    """All fields of a place. ``read_at`` is the age of the oldest of the lists read; None: never."""

    views: tuple[FieldView, ...]
    lists: tuple[ListChoice, ...]
    read_at: datetime | None
    unread: tuple[str, ...]
    """Ids of linked lists whose fields nobody has read yet."""


def fields_of(
    state: State, settings: Settings, connection: str, *, link: Link | None, by_account: bool
) -> Fields:
    """The fields of a link's list, or of all linked lists of a connection, in the platform's order."""
    links = [link] if link is not None else list(settings.links_of(connection=connection))
    known = lists_with_fields(state, connection)
    linked = list(dict.fromkeys(one.list_id for one in links))
    chosen = linked or known
    names = {row.list_id: row.name or row.list_id for row in list_rows(state, connection)}
    read = [list_id for list_id in chosen if list_id in known]
    if by_account:
        rows = [(list_id, links) for list_id in (read or known)[:1]]
    else:
        rows = [(list_id, [one for one in links if one.list_id == list_id]) for list_id in read]
    views = [
        view
        for list_id, users in rows
        for view in _views(
            "" if by_account else list_id,
            "" if by_account else names.get(list_id, list_id),
            remote_fields(state, connection, list_id),
            users,
        )
    ]
    ages = [at for list_id, _ in rows if (at := fields_read_at(state, connection, list_id)) is not None]
    return Fields(
        tuple(views),
        tuple(ListChoice(list_id, names.get(list_id, list_id)) for list_id in chosen),
        min(ages, default=None),
        () if by_account and rows else tuple(list_id for list_id in linked if list_id not in known),
    )


def _views(
    list_id: str, list_name: str, fields: Sequence[FieldRow], users: Sequence[Link]
) -> list[FieldView]:
    by_name = {one.name: one for one in fields}
    uses: dict[str, list[Use]] = {}
    for link in users:
        for mapping in link.fields:
            there = by_name.get(mapping.target)
            fault = mapping_fault(mapping, there.kind if there is not None else None)
            uses.setdefault(mapping.target, []).append(Use(link.name, link.source, mapping, fault))
    gone = [
        FieldView(list_id, list_name, name, None, tuple(uses[name])) for name in uses if name not in by_name
    ]
    return gone + [
        FieldView(list_id, list_name, one.name, one, tuple(uses.get(one.name, ()))) for one in fields
    ]
