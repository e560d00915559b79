"""The first screen: every connection with its status, its account, and when it was last heard of."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.import_words import budget_line, import_line
from console.settings import SettingsError
from console.tui.commands import Command
from console.tui.export_view import View
from console.tui.overview import STYLES, ConnectionView, overview
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.page import Page
from console.tui.text import absolute, counted, number, printable, relative, sentence, shown, stacked, when
from console.tui.widgets.bars import Notice
from console.tui.widgets.sqlite_table import Cell, Column, Fixed, SqliteTable
from console.tui.work import start, start_alone
from state.errors import StateError
from state.model import JobKind

COLUMNS = (
    Column("Status", 13),
    Column("Connection", 14, weight=2),
    Column("Platform", 10, drop=2),
    Column("Account", 14, weight=3, drop=1),
    Column("Lists", 6, right=True),
    Column("Linked", 6, right=True, drop=4),
    Column("Checked", 11, right=True),
    Column("Feedback", 11, right=True, drop=3),
)

WELCOME = (
    "Welcome. There is no connection yet.\n"
    "\n"
    "Press a to add one: the form says where your mailing platform shows each value, and checks it before it is saved.\n"
    "\n"
    "To look around first without an account, leave with q and run: listwarden demo"
)
WELCOME_READ_ONLY = (
    "There is no connection in the settings, and this console is read-only.\n"
    "\n"
    "Somebody who may write starts listwarden without --read-only and presses a."
)


class ConnectionsPage(Page):
    """Connections."""

    PAGE: ClassVar[str] = "connections"
    TITLE_TEXT: ClassVar[str] = "Connections"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Each line is one account at a mailing platform. ● fine  ▲ see findings  ✖ failed  ○ not checked.",
        "Below stand the findings of the last check, each with its next step.",
        "Checked and Feedback say when the platform was last asked; the status is as old as that.",
        "Where a platform counts calls, what is left of them stands below, and any import it still works on.",
    )
    FILTER_HINT: ClassVar[str] = "name, platform or account"

    def __init__(self, place: Place = Place(PlaceKind.HOME)) -> None:  # noqa: B008 - a frozen value
        super().__init__(place)
        self._all: tuple[ConnectionView, ...] = ()
        self._filter = ""

    def body(self) -> ComposeResult:
        yield Notice(id="notice")
        yield SqliteTable(COLUMNS, _cells, id="connections")
        yield Static(id="detail", classes="detail", markup=False)

    @property
    def table(self) -> SqliteTable[ConnectionView]:
        """The connections."""
        return self.query_one("#connections", SqliteTable)

    @property
    def selected(self) -> ConnectionView | None:
        """The connection under the cursor."""
        return self.table.row

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)

    async def load(self) -> None:
        self._all = await self.console_app.ask(overview, self.console_app.settings)
        self._show()

    def show_error(self, error: StateError) -> None:
        self.table.fail(error)

    def filter_changed(self, text: str) -> None:
        self._filter = text.strip().casefold()
        self._show()

    def _show(self) -> None:
        found = [
            view
            for view in self._all
            if self._filter in f"{view.name} {view.provider} {view.account}".casefold()
        ]
        if self._all:
            empty = "No connection has that text. Escape shows all."
        else:
            empty = WELCOME_READ_ONLY if self.console_app.read_only else WELCOME
        self.table.show(Fixed(found), empty=empty, keep_cursor=True)
        of = f" of {number(len(self._all))}" if len(found) != len(self._all) else ""
        self.heading("Connections", f"{number(len(found))}{of}" if self._all else "")
        self._notice()

    def _notice(self) -> None:
        faults = [fault for fault in self.console_app.settings.faults if fault.reason != "settings-missing"]
        if not faults:
            self.query_one(Notice).say("")
            return
        first = faults[0]
        more = (
            f"  (and {counted(len(faults) - 1, 'more fault')}: listwarden doctor)" if len(faults) > 1 else ""
        )
        self.query_one(Notice).say(sentence(("! Settings: ", "bold"), str(first), " ", first.next_step, more))

    @on(SqliteTable.Highlighted, "#connections")
    def _highlighted(self) -> None:
        view = self.selected
        detail = self.query_one("#detail", Static)
        detail.display = view is not None
        if view is not None:
            detail.update(connection_detail(view))
        self.refresh_bindings()

    @on(SqliteTable.Chosen, "#connections")
    def _chosen(self) -> None:
        self.action_run("connections.open")

    # --- commands ------------------------------------------------------------------------------------------

    def _refuse_without_row(self) -> str | None:
        return None if self.selected is not None else "there is no connection under the cursor"

    def refuse_open(self) -> str | None:
        return self._refuse_without_row() or self._refuse_faulty()

    def _refuse_faulty(self) -> str | None:
        view = self.selected
        return "its settings are faulty; correct them first" if view is not None and view.faults else None

    def command_open(self) -> None:
        view = self.selected
        if view is not None:
            self.console_app.go(Place(PlaceKind.CONNECTION, view.name, "lists"))

    refuse_fields = refuse_campaigns = refuse_open

    def command_fields(self) -> None:
        if self.selected is not None:
            self.console_app.go(Place(PlaceKind.CONNECTION, self.selected.name, "fields"))

    def command_campaigns(self) -> None:
        if self.selected is not None:
            self.console_app.go(Place(PlaceKind.CONNECTION, self.selected.name, "campaigns"))

    refuse_check = refuse_open

    def command_check(self) -> None:
        view = self.selected
        if view is not None:
            start(self, "launch", self.console_app.launch, JobKind.CHECK, view.name)

    def command_add(self) -> None:
        from console.tui.screens.connection_form import ConnectionForm

        self.app.push_screen(ConnectionForm(None))

    def commands(self) -> Sequence[Command]:
        """A rehearsal is not even named where no sandbox can be."""
        offered = super().commands()
        if self._rehearsable():
            return offered
        return [found for found in offered if found.id != "connections.rehearse"]

    def _rehearsable(self) -> bool:
        from adapters.origins import on_this_machine

        view = self.selected
        entry = self.console_app.settings.connections.get(view.name) if view is not None else None
        return entry is not None and on_this_machine(entry.base_url)

    def refuse_rehearse(self) -> str | None:
        if self._rehearsable():
            return None
        return self.refuse_open() or "only a sandbox on this machine takes orders; see listwarden demo"

    def command_rehearse(self) -> None:
        from console.tui.screens.rehearse import choose_and_order

        view = self.selected
        if view is not None:
            entry = self.console_app.settings.connections[view.name]
            start_alone(self, "rehearse", choose_and_order, self.console_app, entry)

    refuse_edit = refuse_open

    def command_edit(self) -> None:
        from console.tui.screens.connection_form import ConnectionForm

        view = self.selected
        if view is not None:
            self.app.push_screen(ConnectionForm(self.console_app.settings.connections[view.name]))

    def refuse_remove(self) -> str | None:
        view = self.selected
        if view is None:
            return self._refuse_without_row()
        if view.faults:
            return "its settings are faulty; take it out of the file by hand"
        links = self.console_app.settings.links_of(connection=view.name)
        if links:
            return f"{counted(len(links), 'link')} still use it: {', '.join(link.name for link in links)}"
        return None

    def command_remove(self) -> None:
        if self.selected is not None:
            start_alone(self, "settings", self._remove, self.selected)

    async def _remove(self, view: ConnectionView) -> None:
        from console.settings.write import remove_connection

        app = self.console_app
        sure = await app.push_screen_wait(
            Confirm(
                f"Remove {view.name}",
                [
                    sentence("The connection ", (view.name, "bold"), " is taken out of the settings."),
                    "Nothing changes at the platform. History and known members stay in the state.",
                ],
                f"Remove {view.name}",
                danger=True,
            )
        )
        if not sure:
            return
        try:
            await asyncio.to_thread(remove_connection, app.settings, view.name)
        except SettingsError as error:
            app.say(str(error), error=True)
            return
        await app.reload_settings()
        app.say(f"Removed the connection {view.name}.")

    def copy_text(self) -> str:
        view = self.selected
        return stacked([view.name, connection_detail(view)]).plain if view is not None else ""

    def view(self) -> View | None:
        if not self._all:
            return None
        window = self.table.window
        return View(
            "connections",
            lambda: window if window is not None else Fixed(()),
            ("connection", "platform", "status", "account", "checked", "feedback", "links"),
            _values,
        )


def _cells(view: ConnectionView) -> tuple[Cell, ...]:
    health = view.health
    return (
        (f"{view.sign} {'settings' if view.faults else view.status.word}", STYLES[view.status]),
        view.name,
        view.provider,
        view.account,
        number(sum(1 for remote in view.lists if not remote.missing)) if view.lists else "–",
        number(len(view.links)),
        relative(health.checked_at if health else None),
        relative(health.feedback_at if health else None),
    )


def _values(view: ConnectionView) -> tuple[str, ...]:
    health = view.health
    return (
        view.name,
        view.provider,
        view.status.value,
        view.account,
        absolute(health.checked_at if health else None),
        absolute(health.feedback_at if health else None),
        " ".join(view.links),
    )


def connection_detail(view: ConnectionView) -> Content:
    """The findings of the last check with their next steps, and what the account says of itself."""
    lines: list[Content | str] = []
    for fault in view.faults:
        lines.append(sentence(("✖ ", "bold"), fault))
    if view.budget is not None:
        lines.append(sentence(("Account ", "bold"), budget_line(view.budget)))
    for one in view.imports:
        lines.append(sentence(("◷ ", "bold"), "The platform still works on ", import_line(one)))
    health = view.health
    if health is None or health.checked_at is None:
        if not view.faults:
            lines.append("Not checked yet. Press c to check key, rights, lists and limits.")
        return stacked(lines)
    about = " · ".join(f"{printable(name)} {printable(text)}" for name, text in health.details.items())
    lines.append(
        sentence(
            ("Checked ", "bold"), when(health.checked_at), ("  Feedback ", "bold"), when(health.feedback_at)
        )
    )
    if about:
        lines.append(shown(about, "dim"))
    for finding in sorted(health.findings, key=lambda one: one.ok):
        sign = "●" if finding.ok else "▲"
        where = f" ({finding.where})" if finding.where else ""
        lines.append(sentence((f"{sign} ", "bold"), finding.text, where, (f" [{finding.reason}]", "dim")))
        if finding.next and not finding.ok:
            lines.append(sentence("  → ", finding.next))
    return stacked(lines)
