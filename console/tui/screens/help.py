"""``?``: what one sees here, and the keys that work here now, read from the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.tui.commands import Command, key_shown
from console.tui.text import fitted, shown

if TYPE_CHECKING:
    from console.tui.screens.page import Page


class Help(ModalScreen[None]):
    """The help of one page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "app.pop_screen", "Close", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = shown(f"Help: {self._page.TITLE_TEXT}")
            dialog.border_subtitle = "esc closes"
            yield Static(self._text(), markup=False)

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _text(self) -> Content:
        lines = [shown(line) for line in self._page.ABOUT]
        if lines:
            lines.append(Content(""))
        commands = self._page.commands()
        lines.extend(self._line(found) for found in commands if found.page != "any")
        lines.append(Content(""))
        lines.append(Content.styled("Everywhere", "bold"))
        lines.append(
            Content("  " + fitted("↑ ↓ j k g G", 14) + "Move; page up and down, home and end work too.")
        )
        lines.append(Content("  " + fitted("tab", 14) + "Go to the next pane or field."))
        lines.extend(self._line(found) for found in commands if found.page == "any")
        return Content("\n").join(lines)

    def _line(self, found: Command) -> Content:
        keys = " ".join(key_shown(key) for key in found.keys.split(","))
        why_not = self._page.refusal(found)
        tail = f" (not now: {why_not})" if why_not else ""
        return Content.assemble(
            "  ", (fitted(keys, 14), "bold"), shown(found.help), shown(tail, "dim italic") if tail else ""
        )
