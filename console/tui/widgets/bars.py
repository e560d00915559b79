"""The first and the last line of a page: what this is, and the keys that work now."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from console.tui.commands import Command, footer_of
from console.tui.text import clipped, printable, shown

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp
    from console.tui.screens.page import Page


class TitleBar(Widget):
    """Where one is, how much is shown, who works here, and whether anything may be written."""

    DEFAULT_CSS = """
    TitleBar { height: 1; background: $panel; color: $foreground; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._parts: tuple[str | Content, ...] = ()

    def show(self, *parts: str | Content) -> None:
        """Set the words; repaints only when they differ."""
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    def render(self) -> Content:
        app = cast("ConsoleApp", self.app)
        right = Content.assemble(
            (" READ-ONLY ", "reverse bold") if app.read_only else "",
            " ",
            (printable(f"{app.operator.name}@{app.operator.host}"), "dim"),
        )
        words = [part if isinstance(part, Content) else shown(part) for part in self._parts if part]
        left = Content.assemble(("Listwarden ", "bold"), Content("  ").join(words))
        room = self.content_size.width - right.cell_length - 1
        if room < 20:
            right, room = Content.assemble((" READ-ONLY ", "reverse bold") if app.read_only else ""), 0
            room = self.content_size.width - right.cell_length - 1
        if left.cell_length > room:
            left = left.truncate(max(1, room), ellipsis=True)
        return Content.assemble(left, " " * max(1, room + 1 - left.cell_length), right)


class KeyLine(Widget):
    """At most seven keys, those of the present focus; a dim one in brackets cannot be used now and says why."""

    DEFAULT_CSS = """
    KeyLine { height: 1; background: $panel; color: $foreground; }
    """
    ALLOW_SELECT = False

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._renew)
        self._spans: list[tuple[int, int, Command]] = []
        self._drawn: Content | None = None

    def _renew(self, _: Screen[object]) -> None:
        if self.is_attached and self._line() != self._drawn:
            self.refresh()

    def render(self) -> Content:
        self._drawn = self._line()
        return self._drawn

    def _line(self) -> Content:
        page = cast("Page", self.screen)
        focused = page.focused
        if isinstance(focused, Input):
            return Content.assemble((" ↵ ", "bold"), "keep", "  ", (" esc ", "bold"), "leave")
        offered = footer_of(page.PAGE)
        while len(offered) > 1 and self._width(offered) > self.size.width:
            # Help must stay in sight; the palette goes first, then the page's own last keys.
            gone = next((found for found in offered if found.id == "any.palette"), None)
            own = [found for found in offered if found.page != "any"]
            gone = gone or (own[-1] if own else offered[0])
            offered = tuple(found for found in offered if found is not gone)
        self._spans = []
        parts: list[Content] = []
        at = 0
        for found in offered:
            refused = page.refusal(found) is not None
            text = self._words(found, refused)
            self._spans.append((at, at + cell_len(text), found))
            at += cell_len(text)
            key, _, label = text[1:].partition(" ")
            parts.append(
                Content.assemble((text, "dim"))
                if refused
                else Content.assemble(" ", (key, "bold"), " " + label)
            )
        return Content("").join(parts)

    @staticmethod
    def _words(found: Command, refused: bool) -> str:
        return f" ({found.key_shown} {found.label}) " if refused else f" {found.key_shown} {found.label} "

    def _width(self, offered: tuple[Command, ...]) -> int:
        return sum(cell_len(self._words(found, True)) for found in offered)

    def on_click(self, event: events.Click) -> None:
        page = cast("Page", self.screen)
        for start, end, found in self._spans:
            if start <= event.x < end:
                page.action_run(found.id)
                return


class Notice(Widget):
    """One or two lines that stay: what is wrong here and what to do about it."""

    DEFAULT_CSS = """
    Notice { height: auto; max-height: 4; padding: 0 1; background: $warning-muted; color: $text-warning; display: none; }
    Notice.-shown { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = Content("")

    def say(self, text: str | Content) -> None:
        """Show a text, or with an empty one nothing."""
        self._text = text if isinstance(text, Content) else shown(text)
        self.set_class(bool(self._text), "-shown")
        self.refresh(layout=True)

    def render(self) -> Content:
        return self._text


def one_line(text: object, cells: int) -> str:
    """Text from outside in one line of at most that many cells."""
    return clipped(printable(text), cells)
