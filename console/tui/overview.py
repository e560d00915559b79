"""What the settings name and what the state knows of it, side by side: the tree and two screens show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from state.connections import (
    ConnectionRow,
    ConnectionStatus,
    ListRow,
    budget_of,
    connection_rows,
    list_rows,
)
from state.model import Budget
from state.open_imports import OpenImport, open_imports
from state.store import State

if TYPE_CHECKING:
    from console.settings.model import Settings

SIGNS = {
    ConnectionStatus.OK: "●",
    ConnectionStatus.ATTENTION: "▲",
    ConnectionStatus.FAILED: "✖",
    ConnectionStatus.UNCHECKED: "○",
}
"""The status in shape; the word stands beside it, colour only adds."""

STYLES = {
    ConnectionStatus.OK: "green",
    ConnectionStatus.ATTENTION: "yellow",
    ConnectionStatus.FAILED: "red bold",
    ConnectionStatus.UNCHECKED: "dim",
}


@dataclass(slots=True, frozen=True)
class ListView:
    """A remote list with the link that uses it; ``missing`` when the account does not show it (any more)."""

    connection: str
    list_id: str
    name: str
    members: int | None
    system: bool
    double_opt_in: bool
    link: str
    source: str
    missing: bool
    seen_at: datetime | None

    @property
    def linkable(self) -> bool:
        """Whether a source may be joined to it."""
        return not (self.link or self.system or self.missing)


@dataclass(slots=True, frozen=True)
class ConnectionView:
    """A connection as the settings name it, with its health. ``faults`` are those of its settings."""

    name: str
    provider: str
    status: ConnectionStatus
    health: ConnectionRow | None
    lists: tuple[ListView, ...]
    faults: tuple[str, ...] = ()
    budget: Budget | None = None
    """What the account has left of its calls, where the platform counts them."""
    imports: tuple[OpenImport, ...] = ()
    """What the platform still works on for the account."""

    @property
    def sign(self) -> str:
        return SIGNS[self.status]

    @property
    def account(self) -> str:
        return self.health.account_name if self.health else ""

    @property
    def heard_at(self) -> datetime | None:
        """When the platform was last heard of."""
        if self.health is None:
            return None
        known = (self.health.checked_at, self.health.lists_at, self.health.feedback_at)
        return max((at for at in known if at is not None), default=None)

    @property
    def links(self) -> tuple[str, ...]:
        return tuple(remote.link for remote in self.lists if remote.link)


def overview(state: State, settings: Settings) -> tuple[ConnectionView, ...]:
    """Every connection of the settings, faulty ones too, in the file's order."""
    health = {row.name: row for row in connection_rows(state)}
    found = [
        ConnectionView(
            name,
            entry.provider,
            _status(health.get(name)),
            health.get(name),
            lists_of(state, settings, name),
            budget=budget_of(state, name),
            imports=tuple(open_imports(state, name)),
        )
        for name, entry in settings.connections.items()
    ]
    for name, faults in _faulty(settings).items():
        known = health.get(name)
        found.append(
            ConnectionView(
                name, known.provider if known else "", ConnectionStatus.FAILED, known, (), tuple(faults)
            )
        )
    return tuple(found)


def lists_of(state: State, settings: Settings, connection: str) -> tuple[ListView, ...]:
    """The remote lists of a connection: linked ones first, then by name; the platform's own ones last."""
    links = {link.list_id: link for link in settings.links_of(connection=connection)}
    rows = {row.list_id: row for row in list_rows(state, connection)}
    found = [
        _list_view(
            row,
            links[list_id].name if list_id in links else "",
            links[list_id].source if list_id in links else "",
        )
        for list_id, row in rows.items()
        if row.gone_at is None or list_id in links
    ]
    found.extend(
        ListView(connection, list_id, "", None, False, False, link.name, link.source, False, None)
        for list_id, link in links.items()
        if list_id not in rows
    )
    return tuple(
        sorted(found, key=lambda view: (not view.link, view.system, view.name.casefold(), view.list_id))
    )


def _list_view(row: ListRow, link: str, source: str) -> ListView:
    return ListView(
        row.connection,
        row.list_id,
        row.name,
        row.members,
        row.system,
        row.double_opt_in,
        link,
        source,
        row.gone_at is not None,
        row.seen_at,
    )


def _status(row: ConnectionRow | None) -> ConnectionStatus:
    return row.status if row is not None else ConnectionStatus.UNCHECKED


def _faulty(settings: Settings) -> dict[str, list[str]]:
    """Connections left out of the usable settings, with what is wrong with them."""
    found: dict[str, list[str]] = {}
    for fault in settings.faults:
        head, _, rest = fault.key.partition(".")
        name = rest.partition(".")[0]
        if head == "connections" and name and name not in settings.connections:
            found.setdefault(name, []).append(str(fault))
    return found
