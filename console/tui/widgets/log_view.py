"""A log that follows its end, and stands still when the reader looks back.

Lines come in batches (a batch is one repaint). While the reader looks back the view does not move and says how
many lines came; ``end`` or ``G`` follows again. The oldest lines are dropped beyond ``max_lines``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui.text import clipped, fitted, number, printable
from state.model import Level, LogLine

MAX_LINES = 20_000

_SIGNS = {Level.DEBUG: "·", Level.INFO: " ", Level.WARNING: "!", Level.ERROR: "✖"}
_STYLES = {
    Level.DEBUG: Style(dim=True),
    Level.INFO: Style.null(),
    Level.WARNING: Style(color="yellow"),
    Level.ERROR: Style(color="red", bold=True),
}
_ORDER = (Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR)


class LogView(ScrollView, can_focus=True):
    """Log lines with follow, pause, search and level filter."""

    DEFAULT_CSS = """
    LogView { background: $surface; color: $foreground; height: 1fr; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    LogView > .log--found { background: $primary-muted; color: $foreground; text-style: bold; }
    LogView:nocolor > .log--found { text-style: reverse; }
    LogView > .log--news { background: $panel; color: $foreground; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--found", "log--news"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "top", "First line", show=False),
        Binding("end,G", "follow", "Follow the end", show=False),
        Binding("n", "found(1)", "Next match", show=False),
        Binding("N", "found(-1)", "Match before", show=False),
        Binding("1", "level('debug')", "Everything", show=False),
        Binding("2", "level('info')", "Without details", show=False),
        Binding("3", "level('warning')", "Warnings and errors", show=False),
        Binding("4", "level('error')", "Errors", show=False),
    ]

    class Moved(Message):
        """Following began or ended, or lines came in while it stood still."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Moved) and message.view is self.view

    def __init__(self, *, max_lines: int = MAX_LINES, id: str | None = None) -> None:
        super().__init__(id=id)
        self._all: deque[LogLine] = deque(maxlen=max_lines)
        self._seen: list[LogLine] = []
        self.following = True
        self.news = 0
        self.level = Level.DEBUG
        self.search = ""
        self.errors = 0
        self.dropped = 0

    # --- data --------------------------------------------------------------------------------------------

    def write(self, lines: Iterable[LogLine]) -> None:
        """Add a batch."""
        batch = list(lines)
        if not batch:
            return
        maximum = self._all.maxlen or MAX_LINES
        overflow = max(0, len(self._all) + len(batch) - maximum)
        self.dropped += overflow
        self._all.extend(batch)
        self.errors += sum(1 for line in batch if line.level is Level.ERROR)
        shown = [line for line in batch if self._passes(line)]
        gone = 0
        self._seen.extend(shown)
        if overflow:
            oldest = self._all[0].seq
            before = len(self._seen)
            self._seen = [line for line in self._seen if line.seq >= oldest]
            gone = before - len(self._seen)
        self._resize()
        if self.following:
            self._to_end()
        else:
            self.news += len(shown)
            if gone:
                self.scroll_to(y=max(0, self._top - gone), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved(self))

    def clear(self) -> None:
        """Forget every line."""
        self._all.clear()
        self._seen = []
        self.news = self.errors = self.dropped = 0
        self.following = True
        self._resize()
        self.refresh()

    def find(self, text: str) -> None:
        """Mark lines with a text; ``n`` and ``N`` go from one to the next."""
        self.search = text.casefold()
        self.refresh()

    def lines(self) -> Sequence[LogLine]:
        """The lines that pass the level filter."""
        return self._seen

    @property
    def last_seq(self) -> int:
        """The number of the newest line, 0 for none."""
        return self._all[-1].seq if self._all else 0

    def _passes(self, line: LogLine) -> bool:
        return _ORDER.index(line.level) >= _ORDER.index(self.level)

    def _matches(self, line: LogLine) -> bool:
        return bool(self.search) and self.search in f"{line.text} {line.reason}".casefold()

    # --- moving ------------------------------------------------------------------------------------------

    @property
    def _top(self) -> int:
        return round(self.scroll_y)

    def _resize(self) -> None:
        self.virtual_size = Size(0, len(self._seen))

    def _to_end(self) -> None:
        self.scroll_to(y=max(0, len(self._seen) - self.size.height), animate=False, force=True)

    def action_move(self, lines: int) -> None:
        self._scroll(self._top + lines)

    def action_page(self, pages: int) -> None:
        self._scroll(self._top + pages * max(1, self.size.height - 1))

    def action_top(self) -> None:
        self._scroll(0)

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self.following, self.news = True, 0
        self._to_end()
        self.refresh()
        self.post_message(self.Moved(self))

    def action_pause(self) -> None:
        """Stand still, or follow again."""
        if self.following:
            self.following = False
            self.refresh()
            self.post_message(self.Moved(self))
        else:
            self.action_follow()

    def action_level(self, level: str) -> None:
        self.level = Level(level)
        self._seen = [line for line in self._all if self._passes(line)]
        self._resize()
        if self.following:
            self._to_end()
        self.refresh()
        self.post_message(self.Moved(self))

    def action_found(self, step: int) -> None:
        here = self._top
        matches = [at for at, line in enumerate(self._seen) if self._matches(line)]
        ahead = (
            [at for at in matches if at > here] if step > 0 else [at for at in reversed(matches) if at < here]
        )
        if ahead:
            self._scroll(ahead[0])

    def _scroll(self, top: int) -> None:
        last = max(0, len(self._seen) - self.size.height)
        self.scroll_to(y=max(0, min(top, last)), animate=False, force=True)
        self._judge(max(0, min(top, last)), last)

    def _judge(self, top: int, last: int) -> None:
        following = top >= last
        if following != self.following:
            self.following = following
            if following:
                self.news = 0
            self.refresh()
            self.post_message(self.Moved(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self.is_attached and new_value < old_value:  # by wheel or scrollbar: looking back
            self._judge(round(new_value), max(0, len(self._seen) - self.size.height))

    def on_resize(self) -> None:
        if self.following:
            self._to_end()

    # --- drawing -----------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width  # what a scrollbar leaves
        base = self.rich_style
        if y == self.size.height - 1 and not self.following:
            style = self.get_component_rich_style("log--news")
            came = f"+{number(self.news)} lines" if self.news else "standing still"
            return Strip([Segment(fitted(f" ‖ {came}: G follows again", width), style)], width)
        index = self._top + y
        if index >= len(self._seen):
            text = "  no line yet" if y == 0 and not self._seen else ""
            return Strip([Segment(fitted(text, width), base)], width)
        line = self._seen[index]
        style = base + _STYLES[line.level]
        if self._matches(line):
            style = style + self.get_component_rich_style("log--found")
        reason = f"  [{printable(line.reason)}]" if line.reason and line.reason not in line.text else ""
        text = f"{line.at:%H:%M:%S} {_SIGNS[line.level]} {clipped(printable(line.text) + reason, width - 11)}"
        return Strip([Segment(fitted(text, width), style)], width)
