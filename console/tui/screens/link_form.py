"""Joining a source to a remote list: source, mode, which columns fill which fields, and the basis of consent.

Invariant: it only changes the settings. Nothing is preselected that would send more than the address and the names
(data economy, law 8), and a link without a basis of consent is not saved.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widgets import Button, Input, Select

from adapters.provider import AdapterError
from adapters.source import SourceShape
from console.settings import SettingsError
from console.tui.overview import ListView
from console.tui.screens.form import Form
from console.tui.text import counted, printable, sentence
from console.tui.widgets.form import Field, choice_field, options, text_field
from console.tui.work import start
from state.connections import FieldRow, remote_fields
from state.model import AddressChange, JobKind, Mode

NEW_CSV = "\x00csv"
"""Stands for “a new CSV file” among the names of sources (no name has this letter)."""

FIELDS_SECONDS = 0.5
"""How often the state is asked whether the fields have come."""

MODES = (
    ("add only: adds new people, changes nobody", Mode.ADD_ONLY.value),
    ("update: also sends changed fields of people who are there", Mode.UPDATE.value),
    ("mirror: also removes people we added who left the source", Mode.MIRROR.value),
)
ADDRESS_CHANGES = (
    ("ask: show it, send nothing", AddressChange.ASK.value),
    ("move: change the address, keep the record and its consent", AddressChange.MOVE.value),
    ("new-consent: the person has to agree again", AddressChange.NEW_CONSENT.value),
)
NEW_SOURCE_KEYS = (
    ("email", "Column: address", "Where the e-mail address stands."),
    ("id", "Column: id", "The person's own id; with it a changed address is seen as such."),
    (
        "opted_out",
        "Column: wants no mail",
        "A yes there means: never added, and unsubscribed if on the list.",
    ),
)
"""What a new source needs to know of its columns; guessed by their names, and shown."""

_NAMES = {
    "fname": {"firstname", "vorname", "givenname", "prenom", "fname"},
    "lname": {"lastname", "nachname", "surname", "familyname", "nom", "lname"},
}
"""What is filled without asking: first and last name, where a column is called so."""


class LinkForm(Form):
    """One new link for a list."""

    SAVE: ClassVar[str] = "Connect"

    def __init__(self, remote: ListView) -> None:
        super().__init__()
        self._list = remote
        self._remote_fields: Sequence[FieldRow] = ()
        self._shape: SourceShape | None = None
        self._shown_for = ""
        self._fields_known = False
        self._looking = asyncio.Lock()
        self.heading = f"Connect {remote.name or remote.list_id}"

    def fields(self) -> Iterable[Field]:
        app = self.console_app
        sources = [(f"{name} ({entry.kind})", name) for name, entry in app.settings.sources.items()]
        yield choice_field(
            "source",
            "Source",
            [*sources, ("a new CSV file …", NEW_CSV)],
            "Where the people come from.",
            value=sources[0][1] if sources else NEW_CSV,
            required=True,
        )
        yield text_field(
            "path", "File", "The CSV file, then enter; a relative path starts at the settings' folder."
        )
        for key, label, help_ in NEW_SOURCE_KEYS:
            yield choice_field(key, label, (), help_)
        yield text_field(
            "name",
            "Name of the link",
            "Used in commands: letters, digits, - and _.",
            value=_slug(self._list.name or self._list.list_id),
            required=True,
        )
        yield choice_field("mode", "Mode", MODES, value=Mode.ADD_ONLY.value, required=True)
        yield text_field(
            "consent",
            "Basis of consent",
            "Why these people may be mailed; written with every addition. Such as: membership form 2024.",
        )
        yield choice_field(
            "consent_column", "… or a column with it", (), "A person whose cell is empty is not added."
        )
        yield choice_field(
            "address_change",
            "When an address changes",
            ADDRESS_CHANGES,
            value=AddressChange.ASK.value,
            required=True,
        )

    def on_mount(self) -> None:
        super().on_mount()
        self._toggle_path()
        start(self, "begin", self._begin)

    async def _begin(self) -> None:
        self._remote_fields = await self.console_app.ask(
            remote_fields, self._list.connection, self._list.list_id
        )
        self._fields_known = True
        await self._look_at_source()
        if not self._remote_fields:
            await self._fetch_fields()

    async def _fetch_fields(self) -> None:
        """The list's fields were never read: have a job ask for them, and offer them once it did."""
        app, remote = self.console_app, self._list
        self.result("… asking the platform for the fields of this list")
        if await app.launch(JobKind.READ, remote.connection, options={"list": remote.list_id}) is None:
            return
        while not self._remote_fields:
            await asyncio.sleep(FIELDS_SECONDS)
            self._remote_fields = await app.ask(remote_fields, remote.connection, remote.list_id)
        if self._shape is not None:
            await self._offer(self._shape)

    @on(Select.Changed, "#field-source Select")
    def _source_chosen(self) -> None:
        self._toggle_path()
        start(self, "shape", self._look_at_source)

    @on(Input.Submitted, "#field-path Input")
    def _path_typed(self) -> None:
        start(self, "shape", self._look_at_source)

    @on(Input.Blurred, "#field-path Input")
    def _path_left(self) -> None:
        start(self, "shape", self._look_at_source)

    def _toggle_path(self) -> None:
        for key in ("path", *(key for key, _, _ in NEW_SOURCE_KEYS)):
            self.field(key).display = self.field("source").text == NEW_CSV

    async def _look_at_source(self) -> None:
        """Read the columns in a thread, then offer them; one look at a time."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        from console.jobs.shape import source_shape, typed_shape

        source, path = self.field("source").text, self.field("path").text
        asked = f"{source} {path}"
        if not self._fields_known or asked == self._shown_for or (source == NEW_CSV and not path):
            return
        settings = self.console_app.settings
        try:
            if source == NEW_CSV:
                shape = await asyncio.to_thread(typed_shape, settings, "csv", {"path": path})
            else:
                shape = await asyncio.to_thread(source_shape, settings, source)
        except SettingsError as error:
            self.show_faults(error)
            return
        except AdapterError as error:
            self.field("path" if source == NEW_CSV else "source").fault(f"{error.text} {error.next}")
            return
        self._shown_for = asked
        self._shape = shape
        self.field("path").fault("")
        self.field("source").fault("")
        await self._offer(shape)

    async def _offer(self, shape: SourceShape) -> None:
        from console.jobs.shape import guessed_keys

        for old in self.query(".mapping"):
            await old.remove()
        columns = [(column, column) for column in shape.columns if column]
        self.query_one("#field-consent_column Select", Select).set_options(options(columns))
        guessed = guessed_keys(shape)
        for key, _, _ in NEW_SOURCE_KEYS:
            select = self.query_one(f"#field-{key} Select", Select)
            select.set_options(options(columns))
            if key in guessed:
                select.value = guessed[key]
        above = self.field("mode")
        for at, remote in reversed(list(enumerate(self._remote_fields))):
            mapped = choice_field(
                f"map{at}",
                f"{remote.label or remote.name} ({remote.name})",
                columns,
                _about(remote),
                value=guess_column(remote.name, shape.columns),
                required=False,
            )
            mapped.add_class("mapping")
            await self.query_one("#fields").mount(mapped, after=above)
        self.result(*_seen(shape))

    # --- saving ----------------------------------------------------------------------------------------------

    async def submit(self, *, anyway: bool) -> None:
        app = self.console_app
        fault = self._own_faults()
        if fault:
            return
        self.query_one("#save", Button).disabled = True
        try:
            await asyncio.to_thread(self._save_values)
        except SettingsError as error:
            self.show_faults(error)
            return
        finally:
            if self.is_attached:
                self.query_one("#save", Button).disabled = False
        await app.reload_settings()
        self.dismiss(True)
        app.say(f"Connected. Nothing was sent: preview {self.field('name').text} to see what would be.")

    def _own_faults(self) -> bool:
        """What the settings' own rules would say less clearly."""
        for field in self.query(Field):
            field.fault("")
        found = False
        if not self.field("consent").text and not self.field("consent_column").text:
            self.field("consent").fault("Say why these people may be mailed, or name a column with it.")
            self.field("consent").scroll_visible(animate=False)
            found = True
        if self.field("source").text == NEW_CSV and not self.field("path").text:
            self.field("path").fault("Name the file.")
            self.field("path").scroll_visible(animate=False)
            found = True
        elif (
            self.field("source").text == NEW_CSV and self._shape is not None and not self.field("email").text
        ):
            self.field("email").fault("Say which column holds the addresses.")
            self.field("email").scroll_visible(animate=False)
            found = True
        return found

    def _save_values(self) -> None:
        from console.settings.write import add_source, connect_link

        settings = self.console_app.settings
        source = self.field("source").text
        if source == NEW_CSV:
            source = self._new_source_name()
            values: dict[str, object] = {"kind": "csv", "path": self.field("path").text}
            values |= {key: self.field(key).text for key, _, _ in NEW_SOURCE_KEYS if self.field(key).text}
            settings = add_source(settings, source, values)
        link: dict[str, object] = {
            "source": source,
            "connection": self._list.connection,
            "list": self._list.list_id,
            "mode": self.field("mode").text,
        }
        for key in ("consent", "consent_column"):
            if self.field(key).text:
                link[key] = self.field(key).text
        mapped = {
            remote.name: self.field(f"map{at}").text
            for at, remote in enumerate(self._remote_fields)
            if self.query(f"#field-map{at}") and self.field(f"map{at}").text
        }
        if mapped:
            link["fields"] = mapped
        if self.field("address_change").text != AddressChange.ASK.value:
            link["address_change"] = self.field("address_change").text
        connect_link(settings, self.field("name").text, link)

    def _new_source_name(self) -> str:
        stem = re.split(r"[/\\]", self.field("path").text)[-1].rsplit(".", 1)[0]
        name = _slug(stem) or "people"
        taken = self.console_app.settings.sources
        number = 2
        found = name
        while found in taken:
            found, number = f"{name}-{number}", number + 1
        return found


def _slug(text: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-").lower()
    return plain[:63]


def guess_column(field: str, columns: Sequence[str]) -> str:
    """The column that surely fills a field: first and last name only, by their usual names; else none."""
    wanted = _NAMES.get(re.sub(r"[^a-z]", "", field.lower()))
    if wanted is None:
        wanted = next(
            (names for names in _NAMES.values() if re.sub(r"[^a-z]", "", field.lower()) in names), set()
        )
    fitting = [column for column in columns if re.sub(r"[^a-z]", "", column.lower()) in wanted]
    return fitting[0] if len(fitting) == 1 else ""


def _about(remote: FieldRow) -> str:
    words = [remote.kind]
    if remote.required:
        words.append("the list requires it")
    if remote.choices:
        words.append("one of " + ", ".join(remote.choices[:6]))
    if remote.default:
        words.append(f"else the platform writes “{remote.default}”")
    return "; ".join(words) + ". Leave – to send nothing."


def _seen(shape: SourceShape) -> list[Content | str]:
    how = ", ".join(f"{printable(name)} {printable(value)}" for name, value in shape.details.items())
    lines: list[Content | str] = [sentence(f"Read as {how}: {counted(len(shape.columns), 'column')}.")]
    if shape.sample:
        lines.append(sentence(("First row: " + " | ".join(shape.sample[0]), "dim")))
    lines.extend(
        sentence("! ", finding.text, " ", finding.next) for finding in shape.findings if not finding.ok
    )
    return lines
