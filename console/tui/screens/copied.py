"""Shows what was copied: the terminal never says whether it took it, so it can be marked by hand as well."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from console.tui.text import shown


class Copied(ModalScreen[None]):
    """The text that was handed to the terminal's clipboard."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,y", "app.pop_screen", "Close", show=False)
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Copied (where the terminal allows it)"
            dialog.border_subtitle = "esc closes"
            yield Static(shown(self._text, lines=True), markup=False)
