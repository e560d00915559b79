"""Whole lists out of the API: by ascending id, and single entities by their ids or addresses.

Invariant: numbered pages shift when somebody comes or goes, so pages are asked for by id, and the end is only
reached when the CRM's own count says so (R39, R40); everything else is ``SourceIncomplete``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adapters.source import SourceIncomplete, SourceUnreadable
from adapters.sources.oro.documents import Entity, Page
from adapters.sources.oro.session import OroSession

PAGE_SIZE = 500
IDS_AT_ONCE = 100
ADDRESSES_AT_ONCE = 40


@dataclass(slots=True, frozen=True)
class Portion:
    """One page, how many entities came so far, and how many there are as the CRM counts now."""

    entities: tuple[Entity, ...]
    done: int
    total: int


def all_entities(
    session: OroSession, entity: str, filters: Mapping[str, str], fields: Sequence[str], *, after: int = 0
) -> Iterator[Portion]:
    """Every entity the filters find behind the id ``after``, by ascending id.

    Raises ``SourceIncomplete`` when that is not proven.
    """
    wanted = {**filters, **_fields(entity, fields), "sort": "id"}
    if after:
        filters = {**filters, "filter[id][gt]": str(after)}
    received, pages = 0, 0
    while True:
        page = session.page(entity, {**wanted, "filter[id][gt]": str(after), "page[size]": str(PAGE_SIZE)})
        left = _counted(page, entity)
        if len(page.entities) > left or (left and not page.entities):
            raise _drifted(f"The CRM counts {left:,} more {entity} and sends {len(page.entities):,} of them.")
        after = _last_id(page, after, entity)
        yield Portion(page.entities, received + len(page.entities), received + left)
        received += len(page.entities)
        pages += 1
        if len(page.entities) == left:
            break
    if pages > 1:
        # Whoever came behind the cursor, or left it, shows in the whole count only.
        whole = _counted(session.page(entity, {**filters, **_fields(entity, ()), "page[size]": "1"}), entity)
        if whole != received:
            raise _drifted(f"The CRM counts {whole:,} {entity}; {received:,} were received.")


def entities_by(
    session: OroSession, entity: str, key: str, values: Sequence[str], fields: Sequence[str], at_once: int
) -> Iterator[Entity]:
    """The entities whose ``key`` is one of the values; those the CRM does not have are absent.

    Raises ``SourceIncomplete`` when the CRM holds back some of them.
    """
    waiting = list(dict.fromkeys(values))
    while waiting:
        asked = waiting[:at_once]
        params = {f"filter[{key}]": ",".join(asked), "page[size]": str(PAGE_SIZE), "sort": "id"}
        page = session.page(entity, {**params, **_fields(entity, fields)})
        if _counted(page, entity) != len(page.entities):
            # A server that gives small pages only: ask for fewer at once.
            if len(asked) == 1:
                raise _drifted(f"The CRM counts more {entity} than it sends.")
            at_once = len(asked) // 2
            continue
        yield from page.entities
        waiting = waiting[len(asked) :]


def check_columns(entities: Sequence[Entity], columns: Sequence[str], entity: str) -> None:
    """Raises ``SourceUnreadable`` for a column that none of the entities shows; nothing to say of no entities."""
    shown = {"id"}.union(*(one.attributes for one in entities))
    for name in columns if entities else ():
        if name not in shown:
            raise SourceUnreadable(
                "source-column-missing",
                f"The API's {entity} have no column “{name}”.",
                "Only plain attributes can be used, no lists and no relationships; the form shows them all.",
            )


def _fields(entity: str, fields: Sequence[str]) -> dict[str, str]:
    return {f"fields[{entity}]": ",".join(name for name in fields if name != "id") or "id"}


def _counted(page: Page, entity: str) -> int:
    if page.total is None:
        raise SourceIncomplete(
            "source-incomplete",
            f"The CRM does not say how many {entity} there are, so the reading cannot be proven whole.",
            "A proxy may remove the header X-Include-Total-Count; let it through.",
        )
    return page.total


def _last_id(page: Page, after: int, entity: str) -> int:
    for one in page.entities:
        if not (one.id.isascii() and one.id.isdigit() and len(one.id) < 19) or int(one.id) <= after:
            raise SourceIncomplete(
                "source-incomplete",
                f"The CRM sends {entity} in another order than by ascending id.",
                "Ask the CRM's administrator whether the API filters by id[gt] and sorts by id.",
            )
        after = int(one.id)
    return after


def _drifted(text: str) -> SourceIncomplete:
    return SourceIncomplete("source-changed", text, "Somebody worked on the contacts meanwhile; try again.")
