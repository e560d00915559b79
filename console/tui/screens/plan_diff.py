"""Two plans of a link side by side: the addresses they speak of differently (F2)."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.tui.plan_words import payload_words, side_words
from console.tui.text import absolute, number, sentence, shown, stacked
from console.tui.widgets.sqlite_table import Cell, Column, SqliteTable
from state.ids import short_id
from state.model import Plan
from state.plan_diff import MOST, DiffWindow, PlanChange


class PlanDiff(ModalScreen[None]):
    """What changed from one plan to the next."""

    DEFAULT_CSS = """
    PlanDiff .dialog { width: 96%; height: 90%; }
    PlanDiff #what { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,d", "app.pop_screen", "Close", show=False)]

    def __init__(self, older: Plan, newer: Plan) -> None:
        super().__init__()
        self._window = DiffWindow(older, newer)

    def compose(self) -> ComposeResult:
        older, newer = self._window.older, self._window.newer
        columns = (
            Column("Address", 22, weight=2),
            Column(f"{short_id(older.plan_id)}, {absolute(older.created_at)}", 20, weight=2),
            Column(f"{short_id(newer.plan_id)}, {absolute(newer.created_at)}", 20, weight=2),
        )
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = shown(f"Plans of {newer.link} compared")
            dialog.border_subtitle = "esc closes"
            yield Static("… comparing", id="what", markup=False)
            yield SqliteTable(
                columns, _cells, id="changes", empty="The two plans say the same of every address."
            )
            yield Static(id="detail", classes="detail", markup=False)

    def on_mount(self) -> None:
        table = self.query_one("#changes", SqliteTable)
        table.show(self._window)
        self.set_focus(table)

    @on(SqliteTable.Counted)
    def _counted(self, message: SqliteTable.Counted) -> None:
        words = f"{number(message.rows)} addresses differ"
        if not message.exact:
            words += " so far …"
        elif self._window.cut_off:
            words = f"More than {number(MOST)} addresses differ; the first {number(MOST)} are shown"
        self.query_one("#what", Static).update(sentence((words, "bold")))

    @on(SqliteTable.Highlighted)
    def _highlighted(self, message: SqliteTable.Highlighted) -> None:
        row = message.row
        detail = self.query_one("#detail", Static)
        detail.display = row is not None
        if isinstance(row, PlanChange):
            detail.update(_detail(row))


def _cells(change: PlanChange) -> tuple[Cell, ...]:
    return (change.email, side_words(change.older), side_words(change.newer))


def _detail(change: PlanChange) -> Content:
    lines: list[Content | str] = [sentence((change.email, "bold"))]
    for word, sides in (("before", change.older), ("after ", change.newer)):
        sent = "; ".join(words for side in sides if (words := payload_words(side)))
        lines.append(sentence((f"{word} ", "dim"), side_words(sides), f" · {sent}" if sent else ""))
    return stacked(lines)
