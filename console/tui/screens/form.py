"""What both forms share: fields in a dialog, faults beside their field, a result area, buttons at the end.

Invariant: escape and Cancel change nothing; nothing is saved before it was checked or looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from console.settings import Fault, SettingsError
from console.tui.text import sentence, shown, stacked
from console.tui.widgets.form import Field
from console.tui.work import start_alone

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


class Form(ModalScreen[bool]):
    """A form in a dialog. Subclasses write ``fields`` and ``submit``."""

    DEFAULT_CSS = """
    Form #fields { height: 1fr; }
    Form #result { height: auto; max-height: 8; margin: 0 0 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False, priority=True)]
    AUTO_FOCUS = ""
    SAVE: ClassVar[str] = "Save"
    heading = ""

    @property
    def console_app(self) -> ConsoleApp:
        """The app, as what it is."""
        return cast("ConsoleApp", self.app)

    def fields(self) -> Iterable[Field]:
        """The fields in their order."""
        return ()

    async def submit(self, *, anyway: bool) -> None:
        """Check, then save; ``anyway``: save what the check complained about."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = shown(self.heading)
            dialog.border_subtitle = "tab next field · esc cancels"
            with VerticalScroll(id="fields", can_focus=False):
                yield from self.fields()
            yield Static("", id="result", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Save anyway", id="anyway", compact=True, variant="warning", disabled=True)
                yield Button(self.SAVE, id="save", compact=True, variant="primary")

    def on_mount(self) -> None:
        self.query_one("#anyway", Button).display = False
        first = self.query_one("#fields Input, #fields Select")
        self.set_focus(first, scroll_visible=False)  # else its label would be scrolled out

    def field(self, key: str) -> Field:
        """The field that fills a key."""
        return self.query_one(f"#field-{key}", Field)

    def result(self, *lines: Content | str) -> None:
        """Say how it went, above the buttons."""
        self.query_one("#result", Static).update(stacked(lines))

    def offer_anyway(self, offered: bool) -> None:
        """Show or hide the button that saves in spite of what the check found."""
        button = self.query_one("#anyway", Button)
        button.display = offered
        button.disabled = not offered

    def show_faults(self, error: SettingsError) -> None:
        """Put each fault beside its field; what belongs to none stands above the buttons."""
        for one in self.query(Field):
            one.fault("")
        others: list[Content | str] = []
        for fault in error.faults:
            field = self._field_of(fault)
            if field is None:
                others.append(sentence("! ", fault.text, " ", fault.next_step))
            else:
                field.fault(fault.text)
        self.result(*others)
        first = next((one for one in self.query(Field) if one.query(".fault.-shown")), None)
        if first is not None:
            first.scroll_visible(animate=False)

    def _field_of(self, fault: Fault) -> Field | None:
        parts = fault.key.split(".")
        for field in self.query(Field):
            if field.key in parts[2:] or (field.key == "name" and len(parts) == 2):
                return field
        return None

    def _run(self, *, anyway: bool) -> None:
        start_alone(self, "submit", self.submit, anyway=anyway)

    @on(Input.Submitted)
    def _entered(self) -> None:
        """Enter goes to the next field; it saves nothing."""
        self.focus_next()

    @on(Button.Pressed, "#save")
    def _save(self) -> None:
        self._run(anyway=False)

    @on(Button.Pressed, "#anyway")
    def _save_anyway(self) -> None:
        self._run(anyway=True)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss(False)
