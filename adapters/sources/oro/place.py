"""Where in which CRM the people are, as the settings say it, checked before the first request.

Invariant: what stands here can be put into a path and a query without changing what is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qsl

from adapters.origins import checked_base
from adapters.secret import Secret
from adapters.source import SourceSettings, SourceUnreadable

_PREFIX = re.compile(r"(?:/[A-Za-z0-9_-]+)*")
_RESOURCE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_FILTER_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_.]*)(\[[a-z_]+\])?")

READ_ONLY_COLUMNS = frozenset(
    {
        *("id", "createdAt", "updatedAt"),
        *("lastContactedDate", "lastContactedDateIn", "lastContactedDateOut"),
        *("timesContacted", "timesContactedIn", "timesContactedOut"),
    }
)
"""What the CRM keeps by itself on every entity or counts from its activities."""

_REQUIRED = {"contacts": ("firstName", "lastName"), "leads": ("name",), "customers": ("name",)}


class Membership(StrEnum):
    """How it is told who belongs to the list."""

    FILTER = "filter"
    SNAPSHOT = "snapshot"
    GRID = "grid"


@dataclass(slots=True, frozen=True)
class OroPlace:
    """One source in one CRM. ``filters`` and ``snapshot_filters`` are query parameters, ready to be sent."""

    base_url: str
    client_id: str
    client_secret: Secret
    prefix: str = ""
    entity: str = "contacts"
    membership: Membership = Membership.FILTER
    filters: Mapping[str, str] = field(default_factory=dict)
    filter_text: str = ""
    snapshot_entity: str = ""
    snapshot_filters: Mapping[str, str] = field(default_factory=dict)
    snapshot_text: str = ""
    grid: Path | None = None
    id_column: str = "id"
    email_column: str = "primaryEmail"
    marked_computed: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """Columns a new entity must have, besides the address."""
        return _REQUIRED.get(self.entity, ())

    @property
    def says_membership(self) -> str:
        """In words, for people: which way, and which list."""
        if self.membership is Membership.SNAPSHOT:
            return f"list snapshot {self.snapshot_text}"
        if self.membership is Membership.GRID:
            return f"grid export {self.grid.name if self.grid else ''}".strip()
        return f"filter {self.filter_text}" if self.filter_text else f"all {self.entity}"


def place_of(settings: SourceSettings) -> OroPlace:
    """The place a source's settings name; raises ``SourceUnreadable`` and ``Unreachable`` naming the key."""
    options = settings.options

    def text(key: str, default: str = "") -> str:
        return str(options.get(key, default)).strip()

    prefix = text("prefix").rstrip("/")
    if prefix and not prefix.startswith("/"):
        prefix = "/" + prefix
    if not _PREFIX.fullmatch(prefix):
        raise _bad("prefix", prefix, "a path such as /admin")
    entity = text("entity", "contacts") or "contacts"
    if not _RESOURCE.fullmatch(entity):
        raise _bad("entity", entity, "the name of an API resource, such as contacts")
    word = text("membership", "filter") or "filter"
    if word not in {one.value for one in Membership}:
        raise _bad("membership", word, "filter, snapshot or grid")
    membership = Membership(word)
    if not text("client_id"):
        raise _missing("client_id", "Create an OAuth application in the CRM and set its id.")
    secret = settings.secrets.get("client_secret")
    if secret is None or not secret:
        raise SourceUnreadable(
            "key-missing",
            f"The source {settings.name} has no client_secret.",
            "Set client_secret, for example to { env = … }.",
        )
    snapshot_entity, _, snapshot_query = text("snapshot").partition("?")
    if membership is Membership.SNAPSHOT and not _RESOURCE.fullmatch(snapshot_entity):
        raise _missing("snapshot", "Name the resource, such as marketinglistsnapshots?marketingList=7.")
    grid = text("grid")
    if membership is Membership.GRID and not grid:
        raise _missing("grid", "Name the CSV file with the exported grid.")
    return OroPlace(
        base_url=checked_base(text("base_url")),
        client_id=text("client_id"),
        client_secret=secret,
        prefix=prefix,
        entity=entity,
        membership=membership,
        filters=_filters("filter", text("filter")),
        filter_text=text("filter"),
        snapshot_entity=snapshot_entity,
        snapshot_filters=_filters("snapshot", snapshot_query),
        snapshot_text=text("snapshot"),
        grid=settings.folder / Path(grid).expanduser() if grid else None,
        id_column=settings.id or "id",
        email_column=settings.email or "primaryEmail",
        marked_computed=tuple(filter(None, (name.strip() for name in text("computed").split(",")))),
    )


def _filters(setting: str, text: str) -> dict[str, str]:
    """``source=website&updatedAt[gte]=2026-01-01`` as the API's query parameters."""
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except ValueError:
        raise _bad(setting, text, "filters such as source=website&groups=3") from None
    for key, value in pairs:
        if key.startswith("filter["):
            key = key.removeprefix("filter[").replace("]", "", 1)
        match = _FILTER_KEY.fullmatch(key)
        if match is None or match[1] == "id":
            raise _bad(setting, key, "the name of a filter other than id, such as source or updatedAt[gte]")
        found[f"filter[{match[1]}]{match[2] or ''}"] = value
    return found


def _bad(key: str, given: str, expected: str) -> SourceUnreadable:
    return SourceUnreadable(
        "settings-value", f"{key} = {given!a} in the source's settings is not {expected}.", f"Correct {key}."
    )


def _missing(key: str, next_step: str) -> SourceUnreadable:
    return SourceUnreadable("settings-required", f"The source's settings have no {key}.", next_step)
