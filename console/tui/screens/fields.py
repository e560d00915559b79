"""Data fields of a connection or of one link: what the platform has, who maps it, and making and deleting fields.

Invariant: the page shows what the state remembers; everything that asks or changes the platform is a job, and a field
goes only after the job has counted who holds a value and a person has typed that number.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.new_field import Platform, platform_of
from console.tui.export_view import View
from console.tui.field_data import Fields, FieldView, fields_of
from console.tui.field_work import delete_field
from console.tui.link_work import refresh_fields, refuse_refresh
from console.tui.places import Place, PlaceKind
from console.tui.screens.page import Page
from console.tui.text import age, number, printable, relative, sentence, stacked
from console.tui.widgets.sqlite_table import Cell, Column, Fixed, SqliteTable
from console.tui.work import start, start_alone
from state.errors import StateError
from state.model import Blank, JobKind, Link
from state.moments import utc_now

COLUMNS = (
    Column("", 9),
    Column("Field", 12, weight=2),
    Column("Type", 9, weight=1),
    Column("Filled from", 18, weight=3),
    Column("Mapped by", 13, weight=2, drop=1),
    Column("Default", 9, weight=1, drop=3),
    Column("Seen by", 8, drop=2),
    Column("List", 12, weight=1, drop=4),
)

_BLANKS = {
    Blank.KEEP: "a blank keeps what is there",
    Blank.CLEAR: "a blank clears it",
    Blank.SKIP: "a blank is not sent",
}


class FieldsPage(Page):
    """Fields of a connection's linked lists, or of one link's list."""

    PAGE: ClassVar[str] = "fields"
    TITLE_TEXT: ClassVar[str] = "Fields"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "The data fields as they were when last read: feedback reads them once a day, every preview reads its list's, s reads them now.",
        "→ filled from the source, ⇄ written back into the source too, · not mapped; ✖ gone: mapped, and not on the list any more.",
        "A field is deleted with its value on every contact: the contacts that hold one are counted, and you type their number.",
    )
    FILTER_HINT: ClassVar[str] = "field, type, link, column or list"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._link_name = place.name if place.kind is PlaceKind.LINK else ""
        self._platform: Platform | None = None
        self._all = Fields((), (), None, ())
        self._filter = ""

    def body(self) -> ComposeResult:
        yield SqliteTable(COLUMNS, _cells, id="fields")
        yield Static(id="detail", classes="detail", markup=False)

    @property
    def table(self) -> SqliteTable[FieldView]:
        """The fields."""
        return self.query_one("#fields", SqliteTable)

    @property
    def selected(self) -> FieldView | None:
        """The field under the cursor."""
        return self.table.row

    @property
    def link(self) -> Link | None:
        """The link of the place, as the settings have it now."""
        return self.console_app.settings.links.get(self._link_name)

    @property
    def connection(self) -> str:
        """The connection whose fields are shown; empty when the link is not in the settings any more."""
        if not self._link_name:
            return self.place.name
        link = self.link
        return link.connection if link is not None else ""

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)

    async def load(self) -> None:
        settings = self.console_app.settings
        entry = settings.connections.get(self.connection)
        if entry is None:
            self._all = Fields((), (), None, ())
        else:
            if self._platform is None:
                self._platform = await asyncio.to_thread(platform_of, entry)
            self._all = await self.console_app.ask(
                fields_of,
                settings,
                entry.name,
                link=self.link,
                by_account=self._platform.capabilities.fields_by_account,
            )
        self._show()

    def show_error(self, error: StateError) -> None:
        self.table.fail(error)

    def filter_changed(self, text: str) -> None:
        self._filter = text.strip().casefold()
        self._show()

    def _show(self) -> None:
        found = [view for view in self._all.views if self._filter in _searched(view)]
        self.table.show(Fixed(found), empty=self._empty(), keep_cursor=True)
        if not found:
            self.query_one("#detail", Static).display = False
        of = f" of {number(len(self._all.views))}" if len(found) != len(self._all.views) else ""
        counted = f"{number(len(found))}{of} fields" if self._all.views else ""
        self.heading(
            f"Fields of {self._link_name or self.connection or self.place.name}", counted, self._age()
        )

    def _empty(self) -> str:
        if self._all.views:
            return "No field has that text. Escape shows all."
        if not self.connection:
            return f"The link {printable(self._link_name)} is not in the settings any more."
        if not self._all.lists:
            return f"No list of {printable(self.connection)} is linked.\n\nConnect one first: its fields are read with it."
        if self._all.read_at is None:
            return "The fields are not known yet.\n\nPress s to ask the platform for them."
        return "The platform shows no field but the address.\n\nPress a to create one."

    def _age(self) -> str:
        """How old it all is, and whether that is older than the settings want."""
        read_at = self._all.read_at
        if read_at is None:
            return ""
        entry = self.console_app.settings.connections.get(self.connection)
        old = entry is not None and (utc_now() - read_at).total_seconds() > entry.fields_every_seconds
        return f"read {age(read_at)} ago" + (": old, s reads them now" if old else "")

    @on(SqliteTable.Highlighted, "#fields")
    def _highlighted(self) -> None:
        view = self.selected
        detail = self.query_one("#detail", Static)
        detail.display = view is not None
        if view is not None:
            detail.update(_detail(view))
        self.refresh_bindings()

    @on(SqliteTable.Chosen, "#fields")
    def _chosen(self) -> None:
        self.action_run("fields.mapping")

    # --- commands ------------------------------------------------------------------------------------------

    def _refuse_without_connection(self) -> str | None:
        return None if self.connection else "the link is not in the settings any more"

    refuse_sync = _refuse_without_connection

    def command_sync(self) -> None:
        options: dict[str, object] = {"action": "sync"}
        link = self.link
        if link is not None:
            options["list"] = link.list_id
        start_alone(self, "launch", self.console_app.launch, JobKind.FIELDS, self.connection, options=options)

    def refuse_create(self) -> str | None:
        if self._platform is None or not self.connection:
            return "the connection is not known"
        if not self._platform.capabilities.creates_fields:
            return f"fields of {self._platform.label} are created there"
        return None if self._all.lists else "no list is linked; connect one first"

    def command_create(self) -> None:
        from console.tui.screens.field_form import FieldForm

        if self._platform is not None:
            view = self.selected
            self.app.push_screen(
                FieldForm(
                    self.connection,
                    self._platform,
                    self._all.lists,
                    view.list_id if view is not None else "",
                )
            )

    def refuse_delete(self) -> str | None:
        view = self.selected
        if view is None:
            return "there is no field under the cursor"
        if view.missing:
            return "the list does not have this field any more"
        if view.system:
            return "the platform's own fields cannot be deleted"
        users = self._users(view)
        if users:
            return f"{users[0]} maps it; take it out of the mapping first (↵)"
        if self._platform is not None and not self._platform.capabilities.creates_fields:
            return f"fields of {self._platform.label} are deleted there"
        return None

    def _users(self, view: FieldView) -> tuple[str, ...]:
        """Every link that maps the field, also those this place does not show."""
        from console.mapped_fields import folded, mapped_by

        found = mapped_by(self.console_app.settings, [self.connection], view.list_id)
        return found.get(folded(view.name), ())

    def command_delete(self) -> None:
        view = self.selected
        if view is not None:
            start(self.console_app, "fields", delete_field, self.console_app, self, self.connection, view)

    def _link_here(self) -> str:
        """The link of the place, else the one that maps the field under the cursor, else the list's."""
        if self._link_name:
            return self._link_name
        view = self.selected
        if view is None:
            return ""
        links = self.console_app.settings.links_of(connection=self.connection)
        on_list = [link.name for link in links if not view.list_id or link.list_id == view.list_id]
        return next((use.link for use in view.uses), on_list[0] if len(on_list) == 1 else "")

    def refuse_mapping(self) -> str | None:
        if self._link_here():
            return None
        if self.selected is None:
            return "there is no field under the cursor"
        return "no link maps it; open the link's own fields to map it there"

    def command_mapping(self) -> None:
        from console.tui.screens.link_form import open_settings

        start_alone(self, "settings", open_settings, self.console_app, self._link_here())

    def refuse_refresh(self) -> str | None:
        return refuse_refresh(self.console_app.settings.links.get(self._link_here()))

    def command_refresh(self) -> None:
        link = self.console_app.settings.links.get(self._link_here())
        if link is not None:
            start_alone(self, "dialog", refresh_fields, self.console_app, link)

    # --- copying and writing -------------------------------------------------------------------------------

    def copy_text(self) -> str:
        view = self.selected
        return view.name if view is not None else ""

    def view(self) -> View | None:
        views = self._all.views
        if not views:
            return None
        return View(
            f"fields-{self._link_name or self.connection}",
            lambda: Fixed(views),
            (
                "list", "field", "label", "type", "choices", "required", "visibility", "default", "system",
                "link", "columns", "two_way", "blank", "fault",
            ),
            _values,
        )  # fmt: skip


def _searched(view: FieldView) -> str:
    field = view.field
    parts = [view.name, view.list_name, field.label if field else "", field.kind if field else ""]
    parts += [f"{use.link} {use.words}" for use in view.uses]
    return " ".join(parts).casefold()


def _cells(view: FieldView) -> tuple[Cell, ...]:
    field = view.field
    style = "red bold" if view.fault else "dim" if view.system and not view.uses else ""
    return (
        (_sign(view), style or ("green" if view.uses else "")),
        (view.name, style),
        (field.kind if field else "", style),
        (view.uses[0].words + (" …" if len(view.uses) > 1 else "") if view.uses else "", style),
        ", ".join(use.link for use in view.uses),
        field.default if field else "",
        _visibility(view),
        view.list_name or "all lists",
    )


def _visibility(view: FieldView) -> str:
    if view.field is None:
        return ""
    return "everyone" if view.field.public else "us only"


def _sign(view: FieldView) -> str:
    if view.missing:
        return "✖ gone"
    if view.fault:
        return "▲ type"
    if view.unfilled:
        return "▲ needed"
    if any(use.mapping.two_way for use in view.uses):
        return "⇄ two-way"
    if view.uses:
        return "→ mapped"
    return "system" if view.system else "·"


def _detail(view: FieldView) -> Content:
    field = view.field
    label = field.label if field is not None and field.label not in ("", view.name) else ""
    beside = " · ".join(part for part in (label, view.list_name) if part)
    lines: list[Content | str] = [sentence((view.name, "bold"), f"  {beside}")]
    if field is None:
        lines.append("▲ The list does not have it, so previews stop. Create it, or change the mapping.")
    else:
        about = [f"type {field.kind}" + (f": {', '.join(field.choices)}" if field.choices else "")]
        about.append("everyone sees it" if field.public else "only we see it")
        about.append(f"default {field.default}" if field.default else "no default")
        about += ["required"] if field.required else []
        about += ["the platform's own field; it cannot be deleted"] if field.system else []
        about += [f"read {relative(field.seen_at)}"]
        lines.append(sentence(" · ".join(about)))
    lines += [
        sentence(
            f"{printable(use.link)}: {use.words} of {use.source} · {_BLANKS[use.mapping.blank]}",
            "" if field is None else (f" · ▲ {use.fault}", "bold") if use.fault else " · fits",
        )
        for use in view.uses[:2]
    ]
    if len(view.uses) > 2:
        lines.append(sentence("… and " + ", ".join(use.link for use in view.uses[2:])))
    if view.unfilled:
        lines.append("▲ The list requires it and no link fills it: additions are refused until one does.")
    elif not view.uses:
        lines.append("No link fills it.")
    return stacked(lines)


def _values(view: FieldView) -> tuple[str, ...]:
    field, uses = view.field, view.uses
    return (
        view.list_id,
        view.name,
        field.label if field else "",
        field.kind if field else "",
        ", ".join(field.choices) if field else "",
        "yes" if field and field.required else "no",
        ("public" if field.public else "private") if field else "",
        field.default if field else "",
        "yes" if view.system else "no",
        ", ".join(use.link for use in uses),
        ", ".join(" + ".join(use.mapping.columns) for use in uses),
        ", ".join("yes" if use.mapping.two_way else "no" for use in uses),
        ", ".join(use.mapping.blank.value for use in uses),
        view.fault,
    )
