"""Places a person can go to, written as in ``listwarden link:members-news/preview``.

A place is words only: whether the named thing exists is the opened screen's business, which says so in a
sentence. Parsing never guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PlaceKind(StrEnum):
    """What a place names."""

    HOME = "home"
    CONNECTION = "connection"
    LINK = "link"
    ADDRESS = "address"
    JOB = "job"
    JOBS = "jobs"
    CONTACTS = "contacts"
    CAMPAIGN = "campaign"


VIEWS: dict[PlaceKind, tuple[str, ...]] = {
    PlaceKind.CONNECTION: ("lists", "fields", "campaigns"),
    PlaceKind.LINK: ("preview", "contacts", "jobs", "fields"),
}
"""What may follow the slash; the first is what the bare place opens."""

_NAMED = {PlaceKind.CONNECTION, PlaceKind.LINK, PlaceKind.ADDRESS, PlaceKind.JOB, PlaceKind.CAMPAIGN}

EXAMPLES = "link:NAME/preview, link:NAME/contacts, connection:NAME, connection:NAME/campaigns, campaign:ID, address:EMAIL, job:ID, jobs, contacts"


class PlaceUnknown(Exception):
    """The words name no place; the text says which are understood (reason ``usage``)."""

    reason = "usage"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
        self.next = f"Places are: {EXAMPLES}."


@dataclass(slots=True, frozen=True)
class Place:
    """One place. ``name`` is a connection, link, address, job id or campaign (``ID``, or ``CONNECTION/ID`` where two
    accounts have one), ``view`` which of its screens."""

    kind: PlaceKind
    name: str = ""
    view: str = ""

    def __str__(self) -> str:
        if not self.name:
            return self.kind.value
        return f"{self.kind.value}:{self.name}" + (f"/{self.view}" if self.view else "")


HOME = Place(PlaceKind.HOME)


def parse_place(text: str) -> Place:
    """The place a person wrote; ``PlaceUnknown`` says what is understood instead."""
    word, colon, rest = text.strip().partition(":")
    if not word and not colon:
        return HOME
    try:
        kind = PlaceKind(word.lower())
    except ValueError:
        raise PlaceUnknown(f"There is no place “{text}”.") from None
    if kind not in _NAMED:
        if colon:
            raise PlaceUnknown(f"“{kind.value}” takes no name.")
        return Place(kind)
    views = VIEWS.get(kind, ())
    name, slash, view = rest.rpartition("/") if views else (rest, "", "")
    if not slash:
        name, view = rest, (views[0] if views else "")
    elif view not in views:
        raise PlaceUnknown(f"{kind.value}:{name} has no “{view}”; it has: {', '.join(views)}.")
    if not name:
        raise PlaceUnknown(f"“{kind.value}:” needs a name after the colon.")
    return Place(kind, name, view)
