"""The remote lists of one connection: which are linked to what, and how many members they have."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.new_field import platform_of
from console.settings import SettingsError
from console.system_lists import system_word
from console.tui.export_view import View
from console.tui.link_work import refresh_fields, refuse_refresh, synchronize
from console.tui.overview import ListView, lists_of
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.page import Page
from console.tui.text import counted, number, printable, sentence, stacked, when
from console.tui.widgets.sqlite_table import Cell, Column, Fixed, SqliteTable
from console.tui.work import start, start_alone
from state.errors import StateError
from state.model import JobKind, Link

COLUMNS = (
    Column("", 11),
    Column("List", 20, weight=3),
    Column("Members", 9, right=True),
    Column("Link", 14, weight=2),
    Column("Source", 12, weight=1, drop=1),
    Column("List id", 12, weight=1, drop=2),
)


class ListsPage(Page):
    """Lists of a connection."""

    PAGE: ClassVar[str] = "lists"
    TITLE_TEXT: ClassVar[str] = "Lists"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "The lists the account had when it was last asked. ⇄ linked, · not linked; a system list or book is the platform's own.",
        "One list is joined to one source. Connecting and disconnecting change the settings only; nobody is sent anywhere.",
        "S synchronizes a link: what happened at the platform is read first, then a preview is made; you confirm it there.",
    )
    FILTER_HINT: ClassVar[str] = "name, id, link or source"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = place.name
        self._all: tuple[ListView, ...] = ()
        self._filter = ""
        self._system_word = "system list"
        self._creates = False

    def body(self) -> ComposeResult:
        yield SqliteTable(COLUMNS, self._cells, id="lists")
        yield Static(id="detail", classes="detail", markup=False)

    @property
    def table(self) -> SqliteTable[ListView]:
        """The lists."""
        return self.query_one("#lists", SqliteTable)

    @property
    def selected(self) -> ListView | None:
        """The list under the cursor."""
        return self.table.row

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)

    async def load(self) -> None:
        entry = self.console_app.settings.connections.get(self.connection)
        if entry is not None:
            self._system_word = system_word(entry.provider)
            platform = await asyncio.to_thread(platform_of, entry)
            self._creates = platform.capabilities.creates_lists
        self._all = await self.console_app.ask(lists_of, self.console_app.settings, self.connection)
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
            if self._filter in f"{view.name} {view.list_id} {view.link} {view.source}".casefold()
        ]
        if self._all:
            empty = "No list has that text. Escape shows all."
        else:
            empty = (
                f"The lists of {self.connection} are not known yet.\n\nPress L to ask the platform for them."
            )
        self.table.show(Fixed(found), empty=empty, keep_cursor=True)
        of = f" of {number(len(self._all))}" if len(found) != len(self._all) else ""
        self.heading(f"Lists of {self.connection}", f"{number(len(found))}{of}" if self._all else "")

    @on(SqliteTable.Highlighted, "#lists")
    def _highlighted(self) -> None:
        view = self.selected
        detail = self.query_one("#detail", Static)
        detail.display = view is not None
        if view is not None:
            detail.update(_detail(view, self._system_word))
        self.refresh_bindings()

    @on(SqliteTable.Chosen, "#lists")
    def _chosen(self) -> None:
        view = self.selected
        self.action_run("lists.preview" if view is not None and view.link else "lists.connect")

    # --- commands ------------------------------------------------------------------------------------------

    def refuse_preview(self) -> str | None:
        view = self.selected
        if view is None:
            return "there is no list under the cursor"
        return None if view.link else "the list is not linked; press c to connect it to a source"

    def command_preview(self) -> None:
        view = self.selected
        if view is not None:
            self.console_app.go(Place(PlaceKind.LINK, view.link, "preview"))

    refuse_contacts = refuse_preview

    def command_contacts(self) -> None:
        view = self.selected
        if view is not None:
            self.console_app.go(Place(PlaceKind.LINK, view.link, "contacts"))

    def command_fetch(self) -> None:
        view = self.selected
        options = {"list": view.list_id} if view is not None else {}
        start_alone(self, "launch", self.console_app.launch, JobKind.READ, self.connection, options=options)

    def refuse_connect(self) -> str | None:
        view = self.selected
        if view is None:
            return "there is no list under the cursor"
        if view.link:
            return f"the list is linked already ({view.link}); D disconnects it"
        if view.system:
            return f"this is a {self._system_word}, the platform's own: nothing can be linked to it"
        return "the account does not have this list any more" if view.missing else None

    def command_connect(self) -> None:
        from console.tui.screens.link_form import LinkForm

        if self.selected is not None:
            choices = [view for view in self._all if view.linkable]
            self.app.push_screen(LinkForm(self.selected, choices=choices, creates=self._creates))

    def refuse_create(self) -> str | None:
        return None if self._creates else "lists of this platform are created at the platform itself"

    def command_create(self) -> None:
        from console.tui.screens.list_form import ListForm

        self.app.push_screen(ListForm(self.connection))

    def _refuse_without_link(self) -> str | None:
        view = self.selected
        if view is None:
            return "there is no list under the cursor"
        return None if view.link else "the list is not linked; c joins it to a source"

    refuse_settings = _refuse_without_link

    def command_settings(self) -> None:
        from console.tui.screens.link_form import open_settings

        if self.selected is not None:
            start_alone(self, "settings", open_settings, self.console_app, self.selected.link)

    refuse_sync = _refuse_without_link

    def command_sync(self) -> None:
        if self.selected is not None:
            link = self.console_app.settings.links[self.selected.link]
            start(self.console_app, "sync", synchronize, self.console_app, link)

    def refuse_refresh(self) -> str | None:
        return self._refuse_without_link() or refuse_refresh(self._link())

    def command_refresh(self) -> None:
        link = self._link()
        if link is not None:
            start_alone(self, "dialog", refresh_fields, self.console_app, link)

    def command_fields(self) -> None:
        view = self.selected
        if view is not None and view.link:
            self.console_app.go(Place(PlaceKind.LINK, view.link, "fields"))
        else:
            self.console_app.go(Place(PlaceKind.CONNECTION, self.connection, "fields"))

    def command_campaigns(self) -> None:
        self.console_app.go(Place(PlaceKind.CONNECTION, self.connection, "campaigns"))

    def _link(self) -> Link | None:
        view = self.selected
        return self.console_app.settings.links.get(view.link) if view is not None else None

    def refuse_disconnect(self) -> str | None:
        view = self.selected
        return None if view is not None and view.link else "there is no link under the cursor"

    def command_disconnect(self) -> None:
        if self.selected is not None:
            start_alone(self, "settings", self._disconnect, self.selected)

    async def _disconnect(self, view: ListView) -> None:
        from console.settings.write import disconnect_link

        app = self.console_app
        sure = await app.push_screen_wait(
            Confirm(
                f"Disconnect {view.link}",
                [
                    sentence("The link ", (view.link, "bold"), " is taken out of the settings."),
                    f"Nothing is touched on either side: the {counted(view.members or 0, 'member')} of"
                    f" {view.name or view.list_id} stay, and so do the people in the source {view.source}.",
                    "History and journal stay. Connecting again later goes on from there.",
                ],
                f"Disconnect {view.link}",
            )
        )
        if not sure:
            return
        try:
            await asyncio.to_thread(disconnect_link, app.settings, view.link)
        except SettingsError as error:
            app.say(str(error), error=True)
            return
        await app.reload_settings()
        app.say(f"Disconnected {view.link}. Nothing was touched at the platform or in the source.")

    def _cells(self, view: ListView) -> tuple[Cell, ...]:
        style = "dim" if view.system or view.missing else ""
        return (
            (_sign(view, self._system_word), style or ("green" if view.link else "")),
            (view.name or view.list_id, style),
            (number(view.members), style),
            view.link,
            view.source,
            (view.list_id, style),
        )

    def copy_text(self) -> str:
        view = self.selected
        return view.list_id if view is not None else ""

    def view(self) -> View | None:
        if not self._all:
            return None
        return View(
            f"lists-{self.connection}",
            lambda: Fixed(self._all),
            ("list", "list_id", "members", "link", "source", "system"),
            _values,
        )


def _sign(view: ListView, system: str) -> str:
    if view.missing:
        return "✖ gone"
    if view.system:
        return system  # also where one is linked by hand: it must be seen
    return "⇄ linked" if view.link else "·"


def _detail(view: ListView, system: str) -> Content:
    lines: list[Content | str] = [sentence((view.name or view.list_id, "bold"), f"  {view.list_id}")]
    about = [f"{number(view.members)} members", f"last seen {when(view.seen_at)}"]
    if view.double_opt_in:
        about.append("asks every added person to confirm (double opt-in)")
    if view.system:
        about.append(f"{system}: the platform's own, it cannot be linked")
    lines.append(sentence(" · ".join(about)))
    if view.missing:
        lines.append("The account does not show this list any more. Check the id, or disconnect the link.")
    elif view.link and view.system:
        lines.append(
            sentence("▲ Linked as ", (view.link, "bold"), f", and must not be: a {system}. D disconnects it.")
        )
    elif view.link:
        lines.append(
            sentence(
                "Linked as ", (view.link, "bold"), f" to the source {printable(view.source)}. ↵ previews it."
            )
        )
    elif not view.system:
        lines.append("Not linked. Press c to join it to a source.")
    return stacked(lines)


def _values(view: ListView) -> tuple[str, ...]:
    return (
        view.name,
        view.list_id,
        "" if view.members is None else str(view.members),
        view.link,
        view.source,
        "yes" if view.system else "no",
    )
