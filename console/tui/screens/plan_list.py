"""The plans kept of a link: open one, or compare one with the plan on the screen (F2)."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from console.tui.text import number, relative, shown
from console.tui.widgets.sqlite_table import Cell, Column, CountLike, SqliteTable
from state.browse import Counted
from state.ids import short_id
from state.model import Plan
from state.plans import plan_job, plans_of
from state.store import State
from state.undo import is_undo

COLUMNS = (
    Column("Plan", 9),
    Column("Made", 11),
    Column("By", 10, weight=1),
    Column("To send", 9, right=True),
    Column("Rows", 9, right=True),
    Column("", 16, weight=1),
)
MOST = 200

PlanEntry = tuple[Plan, str]


class _Kept:
    """The kept plans, newest first, each with the job that took it."""

    def __init__(self, link: str) -> None:
        self._link = link

    def count(self, state: State) -> CountLike:
        return Counted(len(plans_of(state, self._link, MOST)), True)

    def rows(self, state: State, first: int, n: int) -> list[PlanEntry]:
        found = plans_of(state, self._link, MOST)[first : first + n]
        return [(plan, plan_job(state, plan.plan_id) or "") for plan in found]


class PlanList(ModalScreen[str | None]):
    """Answers the id of the plan to show."""

    DEFAULT_CSS = """
    PlanList .dialog { height: 80%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,o", "close", "Close", show=False),
        Binding("d", "compare", "Compare", show=False),
    ]

    def __init__(self, link: str, shown_plan: Plan | None) -> None:
        super().__init__()
        self._link = link
        self._plan = shown_plan

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = shown(f"Kept plans of {self._link}")
            dialog.border_subtitle = "↵ shows it · d compares it with the plan shown · esc closes"
            yield SqliteTable(COLUMNS, self._cells, empty="No plan is kept. s keeps the one shown.")

    def on_mount(self) -> None:
        table = self.query_one(SqliteTable)
        table.show(_Kept(self._link))
        self.set_focus(table)

    @on(SqliteTable.Chosen)
    def _chosen(self, message: SqliteTable.Chosen) -> None:
        plan, _ = message.row
        self.dismiss(plan.plan_id)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_compare(self) -> None:
        from console.tui.screens.plan_diff import PlanDiff

        entry: PlanEntry | None = self.query_one(SqliteTable).row
        if entry is None or self._plan is None or entry[0].plan_id == self._plan.plan_id:
            self.app.bell()
            self.notify("Choose another plan than the one shown.", markup=False)
            return
        if is_undo(entry[0]) or is_undo(self._plan):
            self.notify(
                "An undo plan names only what it takes back; there is nothing to compare.", markup=False
            )
            return
        older, newer = sorted((entry[0], self._plan), key=lambda plan: plan.created_at)
        self.app.push_screen(PlanDiff(older, newer))

    def _cells(self, entry: PlanEntry) -> tuple[Cell, ...]:
        plan, job_id = entry
        words = "undo plan" if is_undo(plan) else ""
        if job_id:
            words = f"exported ({short_id(job_id)})"
        if self._plan is not None and plan.plan_id == self._plan.plan_id:
            words = f"shown {words}"
        return (
            short_id(plan.plan_id),
            relative(plan.created_at),
            plan.operator,
            number(plan.writes),
            number(plan.rows),
            words,
        )
