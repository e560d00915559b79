"""What a sandbox can rehearse, to choose one thing from: how the next import ends, an answer that is lost, and so on.

Shown only for connections to this machine, and only after the server there said that it is a sandbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from console.tui.text import shown
from console.tui.widgets.sqlite_table import Cell, Column, Fixed, SqliteTable

if TYPE_CHECKING:
    from adapters.rehearsal import Rehearsal
    from console.settings import ConnectionEntry
    from console.tui.app import ConsoleApp

COLUMNS = (Column("What", 30, weight=1), Column("Name", 17, drop=1))


async def choose_and_order(app: ConsoleApp, entry: ConnectionEntry) -> None:
    """Ask the sandbox what there is, let a person choose, order it, and say what will be seen."""
    from adapters.provider import AdapterError

    try:
        known = await asyncio.to_thread(_rehearsals, entry)
        name = await app.push_screen_wait(RehearsalList(entry.name, known))
        if name is None:
            return
        ordered = await asyncio.to_thread(_order, entry, name)
    except AdapterError as error:
        app.say(f"{error.text} {error.next}".strip(), error=True)
        return
    app.say(f"{ordered.label}. {ordered.help}")


def _rehearsals(entry: ConnectionEntry) -> tuple[Rehearsal, ...]:
    """In a thread with a loop of its own, as every request from a screen."""
    from console.jobs.rehearse import rehearsals_of

    return asyncio.run(rehearsals_of(entry))


def _order(entry: ConnectionEntry, name: str) -> Rehearsal:
    from console.jobs.rehearse import rehearse

    return asyncio.run(rehearse(entry, name))


class RehearsalList(ModalScreen[str | None]):
    """Answers the name of what shall be rehearsed."""

    DEFAULT_CSS = """
    RehearsalList .dialog { height: 80%; }
    RehearsalList #help { height: 3; margin: 1 1 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,R", "close", "Close", show=False)]

    def __init__(self, connection: str, known: Sequence[Rehearsal]) -> None:
        super().__init__()
        self._connection = connection
        self._known = known

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = shown(f"Rehearse with the sandbox behind {self._connection}")
            dialog.border_subtitle = "↵ orders it · esc closes"
            yield SqliteTable(COLUMNS, _cells)
            yield Static("", id="help", markup=False)

    def on_mount(self) -> None:
        table = self.query_one(SqliteTable)
        table.show(Fixed(self._known), empty="Nothing can be rehearsed with this platform.")
        self.set_focus(table)

    @on(SqliteTable.Highlighted)
    def _highlighted(self, message: SqliteTable.Highlighted) -> None:
        self.query_one("#help", Static).update(shown(message.row.help if message.row is not None else ""))

    @on(SqliteTable.Chosen)
    def _chosen(self, message: SqliteTable.Chosen) -> None:
        self.dismiss(message.row.name)

    def action_close(self) -> None:
        self.dismiss(None)


def _cells(rehearsal: Rehearsal) -> tuple[Cell, ...]:
    return (rehearsal.label, (rehearsal.name, "dim"))
