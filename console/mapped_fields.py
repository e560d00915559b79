"""Which links map which field: asked before a field is deleted, and shown beside every field.

Names are compared without letter case, for one vendor compares them so, and too many hits only refuse a deletion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.jobs.mapping_checks import TEXT_KINDS
from console.settings import Settings
from state.model import FieldMapping


def mapped_by(
    settings: Settings, connections: Iterable[str], list_id: str = ""
) -> Mapping[str, tuple[str, ...]]:
    """Folded field name to the links that map it, of these connections; with ``list_id`` of that list only."""
    found: dict[str, list[str]] = {}
    for connection in connections:
        for link in settings.links_of(connection=connection):
            if list_id and link.list_id != list_id:
                continue
            for mapping in link.fields:
                found.setdefault(folded(mapping.target), []).append(link.name)
    return {name: tuple(dict.fromkeys(links)) for name, links in found.items()}


def folded(name: str) -> str:
    """A field's name for comparing."""
    return name.strip().casefold()


def unreadable_links(settings: Settings) -> tuple[str, ...]:
    """Links left out of the usable settings: what they map is not known."""
    faulty = {fault.key.split(".")[1] for fault in settings.faults if fault.key.startswith("links.")}
    return tuple(sorted({*faulty, *settings.blocked}))


def mapping_fault(mapping: FieldMapping, kind: str | None) -> str:
    """What is wrong with a mapped field by the type it has (None: the list does not have it); empty: nothing.

    It says what a preview would stop for (``mapping_checks.field_rules``).
    """
    if kind is None:
        return "the list does not have this field"
    if len(mapping.columns) > 1 and kind.lower() not in TEXT_KINDS:
        return f"several columns fill a text field only, and this one is of type {kind}"
    return ""
