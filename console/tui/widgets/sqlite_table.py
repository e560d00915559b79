"""A table over a window of rows in SQLite: as quick and as small at a million rows as at ten.

Invariant: it holds a few pages of rows and nothing else; a page is fetched in the database thread when a line of
it is to be drawn. Moving the cursor repaints two lines. Cells are text through the door, never markup.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.tui.text import fitted, printable
from console.tui.widgets.window import Count, CountLike, Fixed, Window
from console.tui.work import start, start_alone
from state.errors import StateError
from state.store import State

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

__all__ = [
    "PAGES_KEPT",
    "PAGE_ROWS",
    "Cell",
    "Column",
    "Count",
    "CountLike",
    "Fixed",
    "SqliteTable",
    "Window",
]

PAGE_ROWS = 128
"""Rows fetched at once."""

PAGES_KEPT = 8
"""Pages held; the one used longest ago goes first."""

COUNT_SECONDS = 0.03
"""How long the database thread counts before it looks whether somebody else asks."""

RowT = TypeVar("RowT")

Cell = str | tuple[str, str]
"""A text, or a text and its style: ``bold``, ``dim``, ``red`` … (never colour alone)."""


@dataclass(slots=True, frozen=True)
class Column:
    """One column. Widths: at least ``least`` cells, what is left is shared by ``weight`` (0: none of it).

    Columns with a ``drop`` number vanish on narrow screens, the highest first. ``sorted`` is ``▲``, ``▼`` or empty.
    """

    title: str
    least: int
    weight: int = 0
    right: bool = False
    drop: int = 0
    sorted: str = ""


def count_some(state: State, window: Window[Any]) -> CountLike:
    """Count on for a moment: long enough that hopping between threads costs little, short enough for other reads."""
    until = time.monotonic() + COUNT_SECONDS
    while True:
        found = window.count(state)
        if found.exact or time.monotonic() >= until:
            return found


class SqliteTable(ScrollView, Generic[RowT], can_focus=True):
    """Rows of a window, with a cursor.

    ``cells(row)`` gives the cells of a row, as many as columns. Set a window by ``show``; ``reread`` fetches
    the rows in sight again.
    """

    DEFAULT_CSS = """
    SqliteTable { background: $surface; color: $foreground; height: 1fr; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    SqliteTable > .table--head { text-style: bold; background: $panel; color: $foreground; }
    SqliteTable > .table--cursor { background: $primary-muted; color: $foreground; }
    SqliteTable:focus > .table--cursor { background: $primary; color: $text; text-style: bold; }
    SqliteTable:nocolor > .table--cursor { text-style: underline; }
    SqliteTable:nocolor:focus > .table--cursor { text-style: reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--head", "table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home,g", "top", "First row", show=False),
        Binding("end,G", "bottom", "Last row", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False, init=False)

    class Highlighted(Message):
        """The cursor is on another row (None: there is none, or it is not read yet)."""

        def __init__(self, table: SqliteTable[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> SqliteTable[Any]:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, SqliteTable.Highlighted) and message.table is self.table

    class Chosen(Message):
        """Enter, or a click on the row under the cursor."""

        def __init__(self, table: SqliteTable[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> SqliteTable[Any]:
            return self.table

    class Counted(Message):
        """More is known about how many rows there are."""

        def __init__(self, table: SqliteTable[Any], rows: int, exact: bool) -> None:
            super().__init__()
            self.table = table
            self.rows = rows
            self.exact = exact

        @property
        def control(self) -> SqliteTable[Any]:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, SqliteTable.Counted) and message.table is self.table

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[RowT], Sequence[Cell]],
        *,
        empty: str | Content = "Nothing here.",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self._cells = cells
        self._empty: str | Content = empty
        self._window: Window[RowT] | None = None
        self._pages: dict[int, Sequence[RowT]] = {}
        self._wanted: dict[int, None] = {}
        self._generation = 0
        self._fetching = False
        self._error: Content | None = None
        self._told: RowT | None = None
        self._fresh: set[int] = set()
        self.rows = 0
        self.exact = False

    # --- data --------------------------------------------------------------------------------------------

    def show(
        self, window: Window[RowT], *, empty: str | Content | None = None, keep_cursor: bool = False
    ) -> None:
        """Show another window, from its first row; or with ``keep_cursor`` the same rows read anew, without a flicker."""
        self._window = window
        self._generation += 1
        if not keep_cursor or isinstance(window, Fixed):
            self._pages.clear()
        self._wanted.clear()
        self._fresh.clear()
        self._error = None
        self._told = None
        if empty is not None:
            self._empty = empty
        if isinstance(window, Fixed):
            # What is in memory needs no thread: it is on the screen with the next frame.
            rows = window.all()
            self._take_count(len(rows), True)
            for page in range((len(rows) + PAGE_ROWS - 1) // PAGE_ROWS):
                self._pages[page] = rows[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
        else:
            if not keep_cursor:
                self.rows, self.exact = 0, False
            start_alone(self, "count", self._count, self._generation, window)
        if not keep_cursor:
            self.cursor = 0
            self.scroll_to(y=0, animate=False, force=True)
        self._clamp()
        self.refresh()
        self._tell()

    def reread(self) -> None:
        """The rows may have changed: fetch those in sight again and count anew, keeping cursor and place."""
        window = self._window
        if window is None or isinstance(window, Fixed):
            return
        self._generation += 1
        self._wanted.clear()
        self._fresh.clear()
        self._told = None
        start_alone(self, "count", self._count, self._generation, window)
        for page in self._pages_in_sight():
            self._want(page)

    def fail(self, error: StateError) -> None:
        """Show why there are no rows, in their place."""
        self._error = Content.assemble((printable(error.text), "bold"), "\n", printable(error.next))
        self.refresh()

    @property
    def row(self) -> RowT | None:
        """The row under the cursor, if it is read."""
        return self._row_at(self.cursor)

    @property
    def window(self) -> Window[RowT] | None:
        """What is shown."""
        return self._window

    def _row_at(self, index: int) -> RowT | None:
        page = self._pages.get(index // PAGE_ROWS)
        within = index % PAGE_ROWS
        return page[within] if page is not None and within < len(page) else None

    async def _count(self, generation: int, window: Window[RowT]) -> None:
        app = cast("ConsoleApp", self.app)
        first = True
        while generation == self._generation:
            try:
                found = await (app.ask(window.count) if first else app.ask(count_some, window))
            except StateError as error:
                self.fail(error)
                return
            if generation != self._generation:
                return
            if found.exact or found.rows > self.rows or first:
                self._take_count(found.rows if found.exact else max(found.rows, self.rows), found.exact)
            first = False
            if found.exact:
                return

    def _take_count(self, rows: int, exact: bool) -> None:
        changed = (rows, exact) != (self.rows, self.exact)
        grew_in_sight = (
            self.rows < self._top + max(1, self.size.height) or rows < self._top + self.size.height
        )
        self.rows, self.exact = rows, exact
        self.virtual_size = Size(0, rows + 1)
        self._clamp()
        if changed:
            self.post_message(self.Counted(self, rows, exact))
        if changed and (grew_in_sight or exact):
            self.refresh()
        if exact and rows == 0:
            self._tell()

    def _want(self, page: int) -> None:
        if self._window is None or page in self._wanted:
            return
        self._wanted[page] = None
        if not self._fetching:
            self._fetching = True
            start(self, "fetch", self._fetch)

    async def _fetch(self) -> None:
        app = cast("ConsoleApp", self.app)
        try:
            while self._wanted and self._window is not None:
                generation = self._generation
                page = next(reversed(self._wanted))  # the one asked for last is the one in sight
                try:
                    found = await app.ask(self._window.rows, page * PAGE_ROWS, PAGE_ROWS)
                except StateError as error:
                    self.fail(error)
                    return
                if generation != self._generation:
                    continue
                self._wanted.pop(page, None)
                self._put(page, found)
        finally:
            self._fetching = False

    def _put(self, page: int, rows: Sequence[RowT]) -> None:
        before = self._pages.get(page)
        if before is not None and not self.exact and len(rows) < len(before):
            return  # not counted so far yet: the rows shown stay until it is
        self._pages.pop(page, None)
        self._pages[page] = rows
        self._fresh.add(page)
        while len(self._pages) > PAGES_KEPT:
            self._pages.pop(next(iter(self._pages)))
        if before != rows:
            self.refresh()
        if self.cursor // PAGE_ROWS == page:
            self._tell()

    def _tell(self) -> None:
        row = self.row
        if row is None or row != self._told:
            self._told = row
            self.post_message(self.Highlighted(self, row))

    # --- cursor ------------------------------------------------------------------------------------------

    @property
    def _top(self) -> int:
        return round(self.scroll_y)

    @property
    def _height(self) -> int:
        return max(1, self.size.height - 1)

    def _pages_in_sight(self) -> range:
        last = max(self._top, min(self.rows, self._top + self._height) - 1)
        return range(self._top // PAGE_ROWS, last // PAGE_ROWS + 1)

    def _clamp(self) -> None:
        if self.cursor >= max(1, self.rows):
            self.cursor = max(0, self.rows - 1)

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.rows - 1)) if self.rows else 0

    def watch_cursor(self, before: int, after: int) -> None:
        if after < self._top:
            self.scroll_to(y=after, animate=False, force=True)
        elif after >= self._top + self._height:
            self.scroll_to(y=after - self._height + 1, animate=False, force=True)
        for row in (before, after):
            line = row - self._top + 1
            if 1 <= line <= self._height:
                self.refresh(Region(0, line, self.size.width, 1))
        self._tell()
        self.screen.refresh_bindings()

    def action_move(self, rows: int) -> None:
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        self.cursor += pages * max(1, self._height - 1)

    def action_top(self) -> None:
        self.cursor = 0

    def action_bottom(self) -> None:
        self.cursor = max(0, self.rows - 1)

    def action_choose(self) -> None:
        row = self.row
        if row is not None:
            self.post_message(self.Chosen(self, row))

    def on_click(self, event: events.Click) -> None:
        index = self._top + event.y - 1
        if event.y >= 1 and index < self.rows:
            if index == self.cursor:
                self.action_choose()
            else:
                self.cursor = index

    # --- drawing -----------------------------------------------------------------------------------------

    def _layout(self, width: int) -> list[tuple[Column, int]]:
        """The columns that find room, with their widths in cells; one blank stands between two."""
        kept = list(self.columns)
        while len(kept) > 1 and sum(column.least + 1 for column in kept) - 1 > width:
            droppable = max(kept, key=lambda column: column.drop)
            if droppable.drop == 0:
                break
            kept.remove(droppable)
        spare = max(0, width - sum(column.least + 1 for column in kept) + 1)
        weights = sum(column.weight for column in kept) or 1
        found = []
        given = 0
        for column in kept:
            more = spare * column.weight // weights
            given += more
            found.append((column, column.least + more))
        if found and spare > given:
            heaviest = max(range(len(found)), key=lambda at: found[at][0].weight)
            found[heaviest] = (found[heaviest][0], found[heaviest][1] + (spare - given if weights > 0 else 0))
        return found

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width  # what a scrollbar leaves
        base = self.rich_style
        layout = self._layout(width - 2)
        if y == 0:
            return self._head(layout, width)
        if self._error is not None or self.rows == 0:
            return self._message_line(y, width, base)
        index = self._top + y - 1
        if index >= self.rows:
            return Strip.blank(width, base)
        page = index // PAGE_ROWS
        row = self._row_at(index)
        if row is None or page not in self._fresh:  # a page may have been read while it was half counted
            self._want(page)
        is_cursor = index == self.cursor
        style = base + self.get_component_rich_style("table--cursor") if is_cursor else base
        if row is None:
            return Strip([Segment(fitted("  ·" if page not in self._pages else "", width), style)], width)
        return self._row_line(row, layout, width, style, "▌" if is_cursor else " ")

    def _head(self, layout: list[tuple[Column, int]], width: int) -> Strip:
        style = self.get_component_rich_style("table--head")
        parts = [
            fitted(
                f"{column.title} {column.sorted}" if column.sorted else column.title,
                cells,
                right=column.right,
            )
            for column, cells in layout
        ]
        return Strip([Segment(fitted(" " + " ".join(parts), width), style)], width)

    def _row_line(
        self, row: RowT, layout: list[tuple[Column, int]], width: int, style: Style, sign: str
    ) -> Strip:
        cells = dict(zip(self.columns, self._cells(row), strict=True))
        segments = [Segment(sign, style)]
        used = 1
        for column, room in layout:
            cell = cells[column]
            text, extra = (cell, "") if isinstance(cell, str) else cell
            segments.append(
                Segment(
                    fitted(printable(text), room, right=column.right) + " ",
                    style + Style.parse(extra) if extra else style,
                )
            )
            used += room + 1
        if used < width:
            segments.append(Segment(" " * (width - used), style))
        return Strip(segments).crop(0, width)

    def _message_line(self, y: int, width: int, base: Style) -> Strip:
        """Empty, loading and error are states of the table; each says what to press next."""
        if self._error is not None:
            lines = [
                "✖ " + line if at == 0 else "  " + line
                for at, line in enumerate(self._error.plain.split("\n"))
            ]
        elif self._window is None or not self.exact:
            lines = ["… reading"]
        else:
            empty = self._empty.plain if isinstance(self._empty, Content) else self._empty
            lines = [printable(line) for line in empty.split("\n")]
        wrapped = [piece for line in lines for piece in _wrapped(line, width - 4)]
        at = y - 2
        text = wrapped[at] if 0 <= at < len(wrapped) else ""
        return Strip([Segment(fitted("  " + text, width), base)], width)

    def on_resize(self) -> None:
        self.virtual_size = Size(0, self.rows + 1)
        self.watch_cursor(self.cursor, self.cursor)


def _wrapped(line: str, cells: int) -> list[str]:
    import textwrap

    return textwrap.wrap(line, max(10, cells)) or [""]
