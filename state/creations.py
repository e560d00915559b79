"""Members nobody in the source has: who of them is created there, and why the others are not.

Only whoever is subscribed and was never in the source is handed over, once. Who was removed by us, opted out or is
suppressed, and who was in the source before (so that somebody took them out of it), is never created.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from state.classify import UNREADABLE, code
from state.mapped_text import UNKNOWN, values_of
from state.model import Link, RowClass
from state.store import State
from state.three_way import under_way

_FOREIGN = code(RowClass.FOREIGN, "foreign")


@dataclass(slots=True, frozen=True)
class NewContacts:
    """How a member becomes a contact of the source: source column to the field that fills it, and columns needed."""

    fields: Sequence[str]
    """All mapped fields in their order."""
    columns: Mapping[str, str]
    required: tuple[str, ...]

    def values(self, theirs: str) -> dict[str, str]:
        """What a new contact gets, by source column; empty values are left out."""
        values = dict(zip(self.fields, values_of(theirs, len(self.fields)), strict=True))
        filled = {column: values[target].strip() for column, target in self.columns.items()}
        return {column: value for column, value in filled.items() if value and value != UNKNOWN}

    def missing(self, theirs: str) -> str:
        """Which required columns would stay empty, as a sentence; empty when none."""
        filled = self.values(theirs)
        told = []
        for column in self.required:
            if column in filled:
                continue
            target = self.columns.get(column)
            told.append(
                f"{column} (no two-way field fills it)" if target is None else f"{column} ({target} is empty)"
            )
        return f"the source requires {', '.join(told)}" if told else ""


def new_contacts(link: Link, required: Sequence[str]) -> NewContacts | None:
    """How this link creates contacts in its source, None when it does not. ``required`` are the source's columns."""
    if not link.create_contacts:
        return None
    columns = {one.columns[0]: one.target for one in link.fields if one.two_way and one.columns}
    return NewContacts(tuple(one.target for one in link.fields), columns, tuple(required))


def settle_creations(state: State, link_no: int, list_no: int, creation: NewContacts) -> None:
    """Give foreign members in ``temp.strangers`` the verdict of what the link does with them."""
    db = state.db
    unreadable = ",".join(f"'{fault}'" for fault in UNREADABLE)
    # Somebody of them may stand in a row of the source that could not be read.
    blocked = db.execute(
        f"SELECT 1 FROM contacts WHERE link_no = ? AND address_key = '' AND fault IN ({unreadable}) LIMIT 1",
        (link_no,),
    ).fetchone()
    candidates = db.execute(
        "SELECT s.address_key, m.mapped, a.address_key IS NOT NULL OR o.address_key IS NOT NULL, a.returned FROM temp.strangers s"
        " CROSS JOIN members m ON m.list_no = ?1 AND m.address_key = s.address_key"
        " LEFT JOIN agreed a ON a.link_no = ?2 AND a.address_key = s.address_key"
        " LEFT JOIN once_in_source o ON o.link_no = ?2 AND o.address_key = s.address_key"
        " WHERE s.code = ?3 AND m.consent = 'subscribed' AND m.gone IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM opt_outs o WHERE o.list_no = ?1 AND o.address_key = s.address_key)"
        " AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.address_key = s.address_key AND j.list_no = ?1"
        "  AND j.what IN ('removed', 'unsubscribed-by-us') AND j.origin LIKE 'job:%')",
        (list_no, link_no, _FOREIGN),
    ).fetchall()
    db.executemany(
        "UPDATE temp.strangers SET code = ? WHERE address_key = ?",
        [
            (_verdict(creation, str(theirs), bool(known), returned, blocked is not None), key)
            for key, theirs, known, returned in candidates
        ],
    )


def _verdict(creation: NewContacts, theirs: str, known: bool, returned: str | None, blocked: bool) -> int:
    if under_way(returned).created:
        reason = "create-awaited"
    elif known:
        reason = "create-left-source"
    elif creation.missing(theirs):
        reason = "create-not-covered"
    else:
        reason = "create-blocked" if blocked else "create-in-source"
    return code(RowClass.FOREIGN, reason)
