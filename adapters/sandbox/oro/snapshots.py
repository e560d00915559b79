"""A list's snapshot as an entity of its own, as an administrator enables one in api.yml."""

from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.oro.documents import filter_unsupported, resource, zulu
from adapters.sandbox.oro.listing import ListQuery, compared, cut, list_answer
from adapters.sandbox.oro.switches import Switches
from adapters.sandbox.vendor import Answer


@dataclass(slots=True)
class Snapshot:
    """Who was on the list `list_id` at `taken`: contact id and address, in rows from 1 on."""

    name: str
    list_id: str
    taken: float
    rows: list[tuple[int, str]] = field(default_factory=list)

    def record(self) -> list[Any]:
        """JSON-ready."""
        return [self.name, self.list_id, self.taken, self.rows]

    @classmethod
    def from_record(cls, record: list[Any]) -> "Snapshot":
        """The snapshot that `record()` wrote."""
        name, list_id, taken, rows = record
        return cls(name, list_id, taken, [(number, email) for number, email in rows])


def answer(snapshot: Snapshot, asked: ListQuery, switches: Switches, url: str, cap: int, lie: int) -> Answer:
    """One page of its rows. Raises the 400 Problem for other filters than the id and the list."""
    ids: Any = range(1, len(snapshot.rows) + 1)
    for one in asked.filters:
        if one.name == "id":
            ids = compared(ids, one)
        elif one.name == "marketingList" and one.operator in ("", "eq"):
            ids = ids if snapshot.list_id in one.values else []
        else:
            raise filter_unsupported(one.parameter)
    page = cut(ids, asked, cap)
    rows = [_row(snapshot, number, asked, switches) for number in page.ids]
    count = max(0, page.total + lie) if switches.total_count else None
    return list_answer(asked, page, rows, url, count=count)


def _row(snapshot: Snapshot, number: int, asked: ListQuery, switches: Switches) -> dict[str, Any]:
    contact, email = snapshot.rows[number - 1]
    attributes: dict[str, Any] = {
        "email": email,
        "marketingList": snapshot.list_id,
        "createdAt": zulu(snapshot.taken),
    }
    relationships: dict[str, Any] = {}
    if switches.snapshot_relationship:
        relationships["contact"] = {"data": {"type": "contacts", "id": str(contact)}}
    else:
        attributes["contactId"] = contact
    return resource(snapshot.name, str(number), attributes, relationships, asked.fields)
