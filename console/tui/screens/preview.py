"""The diff before anything is sent: classes with counts, every row with its reason, and what an export would do.

Invariant: the screen shows a saved plan and nothing else; exporting sends exactly that plan, after a dialog.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from console.blast_radius import BlastRadius, blast_radius, radius_line, terms_of
from console.import_words import import_line
from console.jobs.preview import stops
from console.tui.export_view import View
from console.tui.job_control import cancel_job, keep_plan, stands_still
from console.tui.link_work import refresh_fields, refuse_refresh, synchronize
from console.tui.places import Place, PlaceKind
from console.tui.plan_words import plan_counts, plan_line, row_detail, source_line
from console.tui.preview_data import PreviewData, read_preview
from console.tui.preview_lines import (
    EMPTY_SOURCE,
    ClassLine,
    class_cells,
    class_lines,
    notice,
    row_cells,
    row_values,
)
from console.tui.reload import Why
from console.tui.screens.page import Page
from console.tui.screens.preview_export import export_plan
from console.tui.text import number, stacked
from console.tui.widgets.bars import Notice
from console.tui.widgets.facts import Facts
from console.tui.widgets.sqlite_table import Column, Fixed, SqliteTable
from console.tui.widgets.status_line import job_line
from console.tui.work import start, start_alone
from state.errors import StateError
from state.ids import short_id
from state.jobs import job_no
from state.model import JobKind, JobState, JournalEntry, Link, Plan, PlanGroup, PlanRow, RowClass
from state.outcome_view import refused_keys
from state.plan_view import PlanWindow, last_entry
from state.plans import get_plan
from state.store import State

CLASSES = (Column("Class", 22, weight=1), Column("Rows", 7, right=True))
ROWS = (
    Column("Address", 18, weight=4),
    Column("Does", 13, drop=2),
    Column("Reason", 13, weight=4),
    Column("Source id", 9, weight=1, drop=3),
    Column("Class", 20, drop=4),
)
FOLLOW_SECONDS = 1.0


class PreviewPage(Page):
    """What an export of the link would send, and why everybody else is left alone."""

    PAGE: ClassVar[str] = "preview"
    TITLE_TEXT: ClassVar[str] = "Preview"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "A plan: every row of the source and every member of the list, each in one class with one reason.",
        "At the left the classes with their counts; 1 to 9 choose one, its reasons stand below it, 0 shows all rows.",
        "+ add  ~ change  > move the address  - remove  ! unsubscribe  « write back  * create (in the source)  · nothing.",
        "Two-way fields are shown three-way: what both sides agreed on, what each has now, and whose value counts.",
        "Filter: abc finds an address anywhere, ^abc by its beginning, within the chosen class.",
    )
    FILTER_HINT: ClassVar[str] = "part of an address, or ^ and its beginning"
    DEFAULT_CSS = """
    PreviewPage #plan { height: auto; max-height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    PreviewPage #facts { height: auto; max-height: 3; padding: 0 1; text-style: bold; }
    PreviewPage #progress { height: 1; padding: 0 1; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    PreviewPage #progress.-shown { display: block; }
    PreviewPage #rowpanes { height: 1fr; }
    PreviewPage #classes { width: 33; border-right: solid $panel; scrollbar-size-vertical: 0; }
    PreviewPage #rows { width: 1fr; }
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.link_name = place.name
        self.data = PreviewData()
        self.radius: BlastRadius | None = None
        """What an export of the plan does."""
        self._known = False
        self._plan_id = ""
        self._chosen: tuple[RowClass | None, str] = (None, "")
        self._text = ""
        self._only: frozenset[str] | None = None
        self._only_of = self._limit_to = ""
        self._asked: tuple[object, ...] = ()
        self._noted: Content | None = None
        self._entry: tuple[str, JournalEntry | None] = ("", None)
        self._lines: list[ClassLine] | None = None

    def body(self) -> ComposeResult:
        yield Facts(id="plan")
        yield Facts(id="facts")
        yield Notice(id="notice")
        yield Facts(id="progress")
        with Horizontal(id="rowpanes"):
            yield SqliteTable(CLASSES, class_cells, id="classes", empty="")
            with Vertical():
                yield SqliteTable(ROWS, row_cells, id="rows")
        yield Facts(id="detail", classes="detail")

    @property
    def table(self) -> SqliteTable[PlanRow]:
        """The rows of the plan."""
        return self.query_one("#rows", SqliteTable)

    @property
    def classes_list(self) -> SqliteTable[ClassLine]:
        """The classes."""
        return self.query_one("#classes", SqliteTable)

    @property
    def link(self) -> Link | None:
        """The link as the settings say it now; None when it was taken out of them."""
        return self.console_app.settings.links.get(self.link_name)

    @property
    def plan(self) -> Plan | None:
        """The plan shown."""
        return self.data.plan

    def on_mount(self) -> None:
        super().on_mount()
        self.heading("Preview", self.link_name)
        self.set_focus(self.table)
        self.set_interval(FOLLOW_SECONDS, self._follow)

    def _follow(self) -> None:
        """A job that stands still writes nothing: look at it once in a while, not only at the state file."""
        if self.data.previewing is not None or self.data.unfinished is not None:
            self.ask_reload(Why.CHANGED)

    # --- reading ---------------------------------------------------------------------------------------------

    async def load(self) -> None:
        link = self.link
        if link is None:
            self.table.show(Fixed(()), empty=f"The link {self.link_name} is not in the settings any more.")
            return
        if self._limit_to:
            job_id, self._limit_to = self._limit_to, ""
            self._only = await self.console_app.ask(_refused_of, job_id)
            self._only_of = short_id(job_id)
        self.data = await self.console_app.ask(read_preview, link, self._plan_id)
        self.radius = self._radius_of(self.data.plan)
        self._known = True
        self._show()

    def show_error(self, error: StateError) -> None:
        if error.reason == "plan-missing" and self._plan_id:
            self._plan_id = ""  # it was dropped meanwhile: back to the newest
            self.command_reload()
        self.table.fail(error)

    def show_plan(self, plan_id: str) -> None:
        """Show another plan of the link; empty: the newest."""
        self._plan_id = plan_id
        self.command_reload()

    def limit_to_refused(self, job_id: str) -> None:
        """Show, in the newest plan, only the addresses that an export could not settle; ``0`` shows all again."""
        self._limit_to, self._plan_id = job_id, ""
        if self.is_mounted:
            self.command_reload()

    def filter_changed(self, text: str) -> None:
        self._text = text
        self._renew()

    # --- showing ---------------------------------------------------------------------------------------------

    def _radius_of(self, plan: Plan | None) -> BlastRadius | None:
        """What an export of the plan does."""
        if plan is None:
            return None
        entry = self.console_app.settings.connections.get(plan.connection)
        return blast_radius(plan, terms_of(plan, entry) if entry is not None else None)

    def _show(self) -> None:
        plan, radius = self.plan, self.radius
        head, facts = self.query_one("#plan", Facts), self.query_one("#facts", Facts)
        head.display = facts.display = plan is not None
        if plan is not None and radius is not None:
            told = source_line(plan)
            head.say(plan_line(plan) if told is None else stacked([plan_line(plan), told]))
            facts.say(radius_line(radius))
        self._say_notice()
        progress = self.query_one("#progress", Facts)
        running = self.data.previewing
        progress.set_class(running is not None, "-shown")
        if running is not None:
            progress.say(Content.assemble(("c stops it ", "dim"), job_line(running, self.data.pace)))
        self.query_one("#classes").display = plan is not None
        self._show_classes()
        self._renew()

    def _say_notice(self) -> None:
        limited = (len(self._only), self._only_of) if self._only is not None else None
        words = notice(self.data, self.radius, limited)
        if self._noted is None or not words.is_same(self._noted):
            self._noted = words
            self.query_one(Notice).say(words)

    def _show_classes(self) -> None:
        lines, shown = class_lines(self.plan, self._chosen), self.classes_list
        if lines != self._lines:
            self._lines = lines
            shown.show(Fixed(lines), keep_cursor=True)
        wanted = next(
            (at for at, line in enumerate(lines) if (line.row_class, line.reason) == self._chosen), 0
        )
        if shown.cursor != wanted:
            shown.cursor = wanted

    def _groups(self) -> tuple[PlanGroup, ...]:
        row_class, why = self._chosen
        groups = self.plan.groups if self.plan is not None else ()
        return tuple(
            group
            for group in groups
            if (row_class is None or group.row_class is row_class) and (not why or group.reason == why)
        )

    def _window(self) -> PlanWindow | Fixed[PlanRow]:
        if self.plan is None:
            return Fixed(())
        return PlanWindow(self.plan, self._groups(), text=self._text, only=self._only)

    def _renew(self) -> None:
        """Show the rows asked for; when they are the same, read those in sight again."""
        if not self._known:
            return
        plan_id = self.plan.plan_id if self.plan is not None else ""
        asked = (plan_id, self._chosen, self._text, self._only, self.data.previewing is not None)
        if asked == self._asked and plan_id:
            self.table.reread()
            return
        self._asked = asked
        self.table.show(self._window(), empty=self._empty())
        if self.plan is None:
            self._heading(None)

    def _empty(self) -> str:
        if self.plan is None:
            if self.data.previewing is not None:
                return "The first plan is being made; nothing is sent."
            if self.console_app.read_only:
                return f"No plan of {self.link_name} is kept.\n\nRead-only makes none: somebody who may write presses p."
            return "No plan yet: press p to read both sides and see what would be sent.\n\nNothing is sent by a preview."
        if self._text or self._only is not None:
            return "No row is like that. Escape in the filter shows all of the class; 0 shows every class."
        if self._chosen != (None, ""):
            return "No row is in this class. 0 shows all rows."
        return "The source has no row and the list no member."

    def _heading(self, found: str | None) -> None:
        plan = self.plan
        parts = ["Preview", self.link_name, f"→ {self.data.list_name}" if self.data.list_name else ""]
        if self.data.undo:
            parts.append("UNDO PLAN")
        if plan is not None:
            parts.append(plan_counts(plan))
        if found is not None and (self._text or self._only is not None or self._chosen != (None, "")):
            parts.append(f"shown {found}")
        self.heading(*parts)

    @on(SqliteTable.Counted, "#rows")
    def _counted(self, message: SqliteTable.Counted) -> None:
        self._heading(number(message.rows) + ("" if message.exact else "+"))
        self.refresh_bindings()

    @on(SqliteTable.Highlighted, "#classes")
    def _class_highlighted(self, message: SqliteTable.Highlighted) -> None:
        line = message.row
        if isinstance(line, ClassLine) and self.classes_list.has_focus:
            self._choose(line.row_class, line.reason)

    @on(SqliteTable.Chosen, "#classes")
    def _class_chosen(self) -> None:
        line = self.classes_list.row
        if line is not None:
            self._choose(line.row_class, line.reason)
        self.set_focus(self.table)

    def _choose(self, row_class: RowClass | None, why: str = "") -> None:
        if self.plan is None or (row_class, why) == self._chosen:
            return
        self._chosen = (row_class, why)
        self._show_classes()
        self._renew()

    @on(SqliteTable.Highlighted, "#rows")
    def _highlighted(self) -> None:
        row = self.table.row
        detail = self.query_one("#detail", Facts)
        detail.display = row is not None
        if row is not None:
            key, entry = self._entry  # what was known of it stays until it is read again
            detail.say(row_detail(row, entry if key == row.address_key else None))
            start_alone(self, "detail", self._whole_detail, row)
        self.refresh_bindings()

    async def _whole_detail(self, row: PlanRow) -> None:
        if self.plan is None or not row.address_key:
            return
        try:
            entry = await self.console_app.ask(last_entry, self.plan, row.address_key)
        except StateError as error:
            self.show_error(error)
            return
        self._entry = (row.address_key, entry)
        if self.table.row == row:
            self.query_one("#detail", Facts).say(row_detail(row, entry))

    @on(SqliteTable.Chosen, "#rows")
    def _row_chosen(self) -> None:
        self.action_run("preview.explain")

    # --- commands --------------------------------------------------------------------------------------------

    def refuse_new(self) -> str | None:
        if self.link is None:
            return "the link is not in the settings any more"
        running = self.data.previewing
        if running is not None and not stands_still(running):
            return (
                f"{running.operator} on {running.host} is making a preview of this link already; c stops it"
            )
        return None

    def command_new(self) -> None:
        start(self, "launch", self._preview, False)

    async def _preview(self, allow_empty: bool) -> None:
        if self.link is None:
            return
        options = {"allow_empty_source": True} if allow_empty else None
        job_id = await self.console_app.launch(
            JobKind.PREVIEW, self.link.connection, link=self.link_name, options=options
        )
        if job_id is not None:
            self.show_plan("")

    def refuse_allow(self) -> str | None:
        failed = self.data.preview
        if failed is not None and failed.state is JobState.FAILED and failed.reason in EMPTY_SOURCE:
            return self.refuse_new()
        return "the last preview was not stopped by an empty or shrunk source"

    def command_allow(self) -> None:
        start_alone(self, "dialog", self._allow)

    async def _allow(self) -> None:
        from console.tui.screens.confirm import Confirm

        failed = self.data.preview
        sure = await self.app.push_screen_wait(
            Confirm(
                "Let the source pass once",
                [failed.text if failed else "", "The preview is made all the same; nothing is sent by it."],
                f"Preview {self.link_name} with this source",
                typed=self.link_name,
                danger=True,
            )
        )
        if sure:
            await self._preview(True)

    def refuse_sync(self) -> str | None:
        return self.refuse_new()

    def command_sync(self) -> None:
        if self.link is not None:
            start(self.console_app, "sync", synchronize, self.console_app, self.link)

    def refuse_refresh(self) -> str | None:
        return self.refuse_new() or refuse_refresh(self.link)

    def command_refresh(self) -> None:
        if self.link is not None:
            start_alone(self, "dialog", refresh_fields, self.console_app, self.link)

    def refuse_settings(self) -> str | None:
        return None if self.link is not None else "the link is not in the settings any more"

    def command_settings(self) -> None:
        from console.tui.screens.link_form import open_settings

        start_alone(self, "settings", open_settings, self.console_app, self.link_name)

    def refuse_stop(self) -> str | None:
        return None if self.data.previewing is not None else "no preview of this link is running"

    def command_stop(self) -> None:
        if self.data.previewing is not None:
            start(self, "write", cancel_job, self.console_app, self.data.previewing.job_id)

    def refuse_keep(self) -> str | None:
        if self.plan is None:
            return "there is no plan yet; press p"
        return "this plan is kept already" if self.plan.saved else None

    def command_keep(self) -> None:
        if self.plan is not None:
            start(self, "write", keep_plan, self.console_app, self.plan.plan_id)

    def refuse_export(self) -> str | None:
        if self.link is None:
            return "the link is not in the settings any more"
        if self.data.unfinished is not None:
            return None
        if self.data.imports:
            return f"the platform still works on {import_line(self.data.imports[0])}; b opens its job"
        plan, radius = self.plan, self.radius
        if plan is None or radius is None:
            return "there is no plan yet; press p"
        if self.data.used_by is not None:
            return (
                f"this plan was exported by job {short_id(self.data.used_by.job_id)}; press p for a new one"
            )
        if not plan.writes:
            return "there is nothing to send"
        if (plan.connection, plan.list_id) != (self.link.connection, self.link.list_id):
            return "the plan was made for another list than the link has now; press p"
        held = [
            guard for guard in plan.guards if stops(guard, plan, radius.typed_losses, radius.source_writes)
        ]
        return (
            f"a guard stops it: {held[0].rule}: {held[0].value:,}, limit {held[0].limit:,}" if held else None
        )

    def command_export(self) -> None:
        start_alone(self, "dialog", export_plan, self)

    def refuse_plans(self) -> str | None:
        return None if self.data.kept else "no plan of this link is kept; s keeps the one shown"

    def command_plans(self) -> None:
        from console.tui.screens.plan_list import PlanList

        self.app.push_screen(PlanList(self.link_name, self.plan), self._plan_chosen)

    def _plan_chosen(self, plan_id: str | None) -> None:
        if plan_id is not None:
            self.show_plan(plan_id)

    def refuse_job(self) -> str | None:
        return None if self._job_in_question() else "no job of this link is known"

    def _job_in_question(self) -> str:
        """The job that stands in the way, else the one that used the plan, else the preview."""
        data = self.data
        if data.unfinished is None and data.imports and data.used_by is None:
            return data.imports[0].job_id
        found = data.unfinished or data.used_by or data.preview
        return found.job_id if found is not None else ""

    def command_job(self) -> None:
        if job_id := self._job_in_question():
            self.console_app.go(Place(PlaceKind.JOB, job_id))

    def refuse_explain(self) -> str | None:
        row = self.table.row
        if row is None:
            return "there is no row under the cursor"
        return None if row.email else "the row has no address"

    def command_explain(self) -> None:
        row = self.table.row
        if row is not None:
            self.console_app.go(Place(PlaceKind.ADDRESS, row.email))

    def command_class(self, name: str = "") -> None:
        if not name and self._only is not None:
            self._only, self._only_of = None, ""
            self._say_notice()
            self._renew()
        self._choose(RowClass(name) if name else None)

    def command_next(self) -> None:
        self._step(1)

    def command_previous(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        lines: Sequence[ClassLine] = class_lines(self.plan, self._chosen)
        at = next((at for at, line in enumerate(lines) if (line.row_class, line.reason) == self._chosen), 0)
        line = lines[max(0, min(len(lines) - 1, at + step))]
        self._choose(line.row_class, line.reason)

    def copy_text(self) -> str:
        row = self.table.row
        return row_detail(row, None).plain if row is not None else ""

    def view(self) -> View | None:
        if self.plan is None or not self.table.rows:
            return None
        return View(
            f"preview-{self.link_name}",
            self._window,
            (
                "address",
                "class",
                "reason",
                "action",
                "source_id",
                "origin_id",
                "former",
                "consent",
                "since",
                "changes",
            ),
            row_values,
        )


def _refused_of(state: State, job_id: str) -> frozenset[str]:
    from state.jobs import get_job

    job = get_job(state, job_id)
    return refused_keys(state, job_no(state, job_id), get_plan(state, job.plan_id))
