"""Joining a source to a remote list, and the settings of a link there is: mode, fields, two-way, consent, conflicts.

Invariant: it only changes the settings. Nothing is preselected that would send more than the address and the names
(data economy, law 8), and a link without a basis of consent is not saved. Saving sends nothing: a preview is offered.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widgets import Button, Input, Select

from adapters.provider import AdapterError
from adapters.registry import provider_kind, source_kind
from adapters.source import SourceShape
from console.settings import SettingsError
from console.tui.link_choices import Choices, changed_link, in_order, new_link, slug, targets_of
from console.tui.link_fields import (
    NEW_CSV,
    NEW_LIST,
    NEW_SOURCE_KEYS,
    fixed_source,
    list_fields,
    name_field,
    rule_fields,
    source_fields,
)
from console.tui.new_list import create_list
from console.tui.overview import ListView, lists_of
from console.tui.screens.form import Form
from console.tui.screens.link_preview import offer_preview
from console.tui.text import counted, printable, sentence
from console.tui.widgets.form import Field, options
from console.tui.widgets.mapping import MappingField
from console.tui.work import start
from state.errors import StateError
from state.fields import FieldRow, remote_fields
from state.model import AddressChange, Conflict, FieldMapping, ForceUpdate, JobKind, Link, Mode

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

FIELDS_SECONDS = 0.5
"""How often the state is asked whether the fields have come."""


async def open_settings(app: ConsoleApp, link_name: str) -> None:
    """Open the form filled with a link of the settings."""
    link = app.settings.links.get(link_name)
    if link is None:
        app.say(f"The link {link_name} is not in the settings any more.", warning=True)
        return
    try:
        views = await app.ask(lists_of, app.settings, link.connection)
    except StateError as error:
        app.say(f"{error.text} {error.next}", error=True)
        return
    remote = next(view for view in views if view.link == link_name)
    await app.push_screen(LinkForm(remote, link=link))


class LinkForm(Form):
    """A link for a list: a new one, or one of the settings (``link``).

    ``choices`` are the lists a new link may take instead; ``creates``: a new list may be made for it.
    """

    SAVE: ClassVar[str] = "Connect"

    def __init__(
        self,
        remote: ListView | None,
        *,
        link: Link | None = None,
        connection: str = "",
        choices: Sequence[ListView] = (),
        creates: bool = False,
    ) -> None:
        super().__init__()
        self._list = remote
        self._link = link
        self._connection = remote.connection if remote is not None else connection
        self._choices = choices or ((remote,) if remote is not None else ())
        self._creates = creates
        self._remote_fields: Sequence[FieldRow] = ()
        self._shape: SourceShape | None = None
        self._shown_for = ""
        self._fields_of: str | None = None
        self._looking = asyncio.Lock()
        if link is not None:
            self.SAVE = "Save"  # type: ignore[misc]
            self.heading = f"Settings of {link.name}"
        else:
            name = (remote.name or remote.list_id) if remote is not None else "a new list"
            self.heading = f"Connect {name}"

    # --- the fields ------------------------------------------------------------------------------------------

    def fields(self) -> Iterable[Field]:
        if self._link is None:
            yield from list_fields(self._list, self._choices, creates=self._creates)
            yield from source_fields(self.console_app.settings)
            yield name_field(self._list)
        else:
            yield fixed_source(self.console_app.settings, self._link)
        yield from rule_fields(self._link or Link("", "", "", ""))

    def on_mount(self) -> None:
        super().on_mount()
        self._toggle()
        start(self, "begin", self._begin)

    @property
    def _list_id(self) -> str:
        return self._link.list_id if self._link is not None else self.field("list").text

    @property
    def _new_csv(self) -> bool:
        return self._link is None and self.field("source").text == NEW_CSV

    def _toggle(self) -> None:
        """Fields that only a new file or a new list needs."""
        if self._link is not None:
            return
        for key in ("path", *(key for key, _, _ in NEW_SOURCE_KEYS)):
            self.field(key).display = self._new_csv
        for key in ("new_name", "new_public"):
            self.field(key).display = self._list_id == NEW_LIST

    # --- what the list has -----------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Read the fields of the chosen list, then the columns of the source; ask the platform if nobody did yet."""
        app, list_id = self.console_app, self._list_id
        asked = list_id if list_id != NEW_LIST else (self._choices[0].list_id if self._choices else "")
        self._remote_fields = await app.ask(remote_fields, self._connection, asked) if asked else ()
        self._fields_of, self._shown_for = list_id, ""
        await self._look_at_source()
        if not self._remote_fields and asked:
            await self._fetch_fields(asked)

    async def _fetch_fields(self, list_id: str) -> None:
        """The list's fields were never read: have a job ask for them, and offer them once it did."""
        app = self.console_app
        self.result("… asking the platform for the fields of this list")
        if await app.launch(JobKind.READ, self._connection, options={"list": list_id}) is None:
            return
        while not self._remote_fields and self._fields_of == self._list_id:
            await asyncio.sleep(FIELDS_SECONDS)
            self._remote_fields = await app.ask(remote_fields, self._connection, list_id)
        async with self._looking:
            if self._shape is not None:
                await self._offer(self._shape)

    @on(Select.Changed, "#field-list Select")
    def _list_chosen(self) -> None:
        before = self._fields_of
        if before is None or self._list_id == before:
            return
        name, names = self.query_one("#field-name Input", Input), self._names()
        if name.value == names.get(before, ""):  # as proposed, so another list proposes another
            name.value = names.get(self._list_id, "")
        self._toggle()
        start(self, "begin", self._begin)

    def _names(self) -> dict[str, str]:
        """The link's name that each list proposes."""
        return {view.list_id: slug(view.name or view.list_id) for view in self._choices}

    @on(Select.Changed, "#field-source Select")
    def _source_chosen(self) -> None:
        self._toggle()
        start(self, "shape", self._look_at_source)

    @on(Input.Submitted, "#field-path Input")
    def _path_typed(self) -> None:
        start(self, "shape", self._look_at_source)

    @on(Input.Blurred, "#field-path Input")
    def _path_left(self) -> None:
        start(self, "shape", self._look_at_source)

    async def _look_at_source(self) -> None:
        """Read the columns in a thread, then offer them; one look at a time."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        from console.jobs.shape import source_shape, typed_shape

        source, path = self.field("source").text, self.field("path").text if self._link is None else ""
        asked = f"{source} {path}"
        if self._fields_of is None or asked == self._shown_for or (self._new_csv and not path):
            return
        settings = self.console_app.settings
        try:
            if self._new_csv:
                shape = await asyncio.to_thread(typed_shape, settings, "csv", {"path": path})
            else:
                shape = await asyncio.to_thread(source_shape, settings, source)
        except SettingsError as error:
            self.show_faults(error)
            return
        except AdapterError as error:
            self.field("path" if self._new_csv else "source").fault(f"{error.text} {error.next}")
            return
        self._shown_for = asked
        self._shape = shape
        for key in ("path", "source") if self._link is None else ("source",):
            self.field(key).fault("")
        await self._offer(shape)

    async def _offer(self, shape: SourceShape) -> None:
        await self.query(MappingField).remove()
        columns = [(column, column) for column in shape.columns if column]
        self._offer_keys(shape, columns)
        proposed = self._proposed(shape)
        mapped = self._link.fields if self._link is not None else proposed
        singles = [(column,) for column, _ in columns]
        several = [one.columns for one in (*proposed, *mapped) if len(one.columns) > 1]
        choices = list(dict.fromkeys([*singles, *several]))
        above, writable = self.field("mode"), self._writable()
        rows = [
            MappingField(
                f"map{at}",
                target.label,
                target.name,
                choices,
                target.about,
                present=target.present,
                writable=writable,
            )
            for at, target in enumerate(targets_of(self._remote_fields, mapped))
        ]
        await self.query_one("#fields").mount_all(rows, after=above)
        self.result(*_seen(shape))

    def _offer_keys(self, shape: SourceShape, columns: list[tuple[str, str]]) -> None:
        from console.jobs.shape import guessed_keys

        consent = self.query_one("#field-consent_column Select", Select)
        chosen = consent.value
        known = {column for column, _ in columns}
        kept = [] if chosen is Select.NULL or chosen in known else [(str(chosen), str(chosen))]
        consent.set_options(options([*columns, *kept]))
        consent.value = chosen
        if self._link is not None:
            return
        guessed = guessed_keys(shape)
        for key, _, _ in NEW_SOURCE_KEYS:
            select = self.query_one(f"#field-{key} Select", Select)
            select.set_options(options(columns))
            if key in guessed:
                select.value = guessed[key]

    def _proposed(self, shape: SourceShape) -> tuple[FieldMapping, ...]:
        """First and last name, as the platform calls them: nothing else is filled without asking."""
        from console.jobs.shape import proposed_fields

        entry = self.console_app.settings.connections[self._connection]
        there = {remote.name for remote in self._remote_fields}
        found = proposed_fields(provider_kind(entry.provider).name_fields, shape.columns)
        return tuple(FieldMapping(target, columns) for target, columns in found.items() if target in there)

    def _writable(self) -> bool:
        """Whether the source takes changes back."""
        if self._new_csv:
            kind = "csv"
        else:
            entry = self.console_app.settings.sources.get(self.field("source").text)
            kind = entry.kind if entry is not None else ""
        try:
            return source_kind(kind).open_writable is not None
        except (KeyError, ImportError):
            return False

    # --- saving ----------------------------------------------------------------------------------------------

    async def submit(self, *, anyway: bool) -> None:
        if self._own_faults():
            return
        app = self.console_app
        self._busy(True)
        try:
            list_id = self._list_id
            if list_id == NEW_LIST:
                list_id = await self._made_list()
                if not list_id:
                    return
            name = await asyncio.to_thread(self._save_values, list_id)
        except SettingsError as error:
            self.show_faults(error)
            return
        except StateError as error:
            self.result(sentence(("✖ ", "bold"), error.text, " ", error.next))
            return
        finally:
            self._busy(False)
        await app.reload_settings()
        self.dismiss(True)
        start(app, "offer", offer_preview, app, name, new=self._link is None)

    def _busy(self, busy: bool) -> None:
        if self.is_attached:
            self.query_one("#save", Button).disabled = busy

    async def _made_list(self) -> str:
        """Have the new list made; empty when it was not (the reason stands beside its name)."""
        name = self.field("new_name").text
        self.result(f"… creating {printable(name)} at the platform")
        made = await create_list(
            self.console_app, self._connection, name, public=self.field("new_public").text == "public"
        )
        self.result("")
        if made.fault:
            self.field("new_name").fault(made.fault)
            self.field("new_name").scroll_visible(animate=False)
        return made.list_id

    def _own_faults(self) -> bool:
        """What the settings' own rules would say less clearly."""
        for field in self.query(Field):
            field.fault("")
        faults: list[tuple[str, str]] = []
        if not self.field("consent").text and not self.field("consent_column").text:
            faults.append(("consent", "Say why these people may be mailed, or name a column with it."))
        if self._new_csv and not self.field("path").text:
            faults.append(("path", "Name the file."))
        elif self._new_csv and self._shape is not None and not self.field("email").text:
            faults.append(("email", "Say which column holds the addresses."))
        if self._link is None and self._list_id == NEW_LIST and not self.field("new_name").text:
            faults.append(("new_name", "Name the new list."))
        for key, text in faults:
            self.field(key).fault(text)
            self.field(key).scroll_visible(animate=False)
        return bool(faults)

    def _chosen(self) -> Choices:
        text = {key: self.field(key).text for key in ("mode", "consent", "consent_column", "every")}
        return Choices(
            mode=text["mode"] or Mode.ADD_ONLY.value,
            consent=text["consent"],
            consent_column=text["consent_column"],
            address_change=self.field("address_change").text or AddressChange.ASK.value,
            conflict=self.field("conflict").text or Conflict.ASK.value,
            create_contacts=self.field("create_contacts").text == "yes",
            force_update=self.field("force_update").text or ForceUpdate.COMPUTED.value,
            every=text["every"],
        )

    def _mappings(self) -> tuple[FieldMapping, ...]:
        rows = self.query(MappingField)
        if not rows and self._link is not None and (self._shape is None or not self._remote_fields):
            return self._link.fields  # the columns or the fields could not be had: the mapping stays as it is
        return in_order([row.mapping for row in rows if row.mapping is not None], self._link)

    def _save_values(self, list_id: str) -> str:
        """Write the settings; returns the link's name."""
        from console.settings.write import add_source, connect_link, edit_link

        settings, mappings = self.console_app.settings, self._mappings()
        if self._link is not None:
            if changes := changed_link(self._link, self._chosen(), mappings):
                edit_link(settings, self._link.name, changes)
            return self._link.name
        source = self.field("source").text
        if source == NEW_CSV:
            source = self._new_source_name()
            values: dict[str, object] = {"kind": "csv", "path": self.field("path").text}
            values |= {key: self.field(key).text for key, _, _ in NEW_SOURCE_KEYS if self.field(key).text}
            settings = add_source(settings, source, values)
        name = self.field("name").text or slug(self.field("new_name").text)
        connect_link(settings, name, new_link(source, self._connection, list_id, self._chosen(), mappings))
        return name

    def _new_source_name(self) -> str:
        stem = re.split(r"[/\\]", self.field("path").text)[-1].rsplit(".", 1)[0]
        name = slug(stem) or "people"
        taken = self.console_app.settings.sources
        number = 2
        found = name
        while found in taken:
            found, number = f"{name}-{number}", number + 1
        return found


def _seen(shape: SourceShape) -> list[Content | str]:
    how = ", ".join(f"{printable(name)} {printable(value)}" for name, value in shape.details.items())
    lines: list[Content | str] = [sentence(f"Read as {how}: {counted(len(shape.columns), 'column')}.")]
    if shape.sample:
        lines.append(sentence(("First row: " + " | ".join(shape.sample[0]), "dim")))
    lines.extend(
        sentence("! ", finding.text, " ", finding.next) for finding in shape.findings if not finding.ok
    )
    return lines
