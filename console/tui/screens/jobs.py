"""The history of jobs, newest first: what ran, for whom, how it ended, what still runs."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from console.import_words import imports_of
from console.tui.export_view import View
from console.tui.job_control import (
    cancel_job,
    go_on_with,
    let_go,
    refuse_cancel,
    refuse_resume,
    refuse_unblock,
)
from console.tui.job_words import STATE_STYLES, cancel_dialog, counts_words, job_facts, lasted
from console.tui.places import Place, PlaceKind
from console.tui.reload import Why
from console.tui.screens.page import Page
from console.tui.text import absolute, number, relative
from console.tui.widgets.sqlite_table import Cell, Column, CountLike, SqliteTable
from console.tui.widgets.status_line import SIGNS, waits_for
from console.tui.work import start, start_alone
from state.browse import Counted
from state.errors import StateError
from state.jobs import count_jobs, jobs_page, judged
from state.model import Job, JobState
from state.moments import utc_now
from state.outcome_view import in_doubt, with_counts
from state.store import State

COLUMNS = (
    Column("State", 11),
    Column("Kind", 8),
    Column("Of", 12, weight=2),
    Column("Began", 10, right=True),
    Column("Took", 12, right=True, drop=2),
    Column("Result", 16, weight=3),
    Column("Operator", 10, weight=1, drop=1),
    Column("Host", 8, weight=1, drop=3),
)
FOLLOW_SECONDS = 1.0


class JobWindow:
    """Jobs of a link or of all, newest first, as they really stand (R43)."""

    def __init__(self, link: str | None, find: str) -> None:
        self._link = link
        self._find = find

    def count(self, state: State) -> CountLike:
        """How many there are."""
        return Counted(count_jobs(state, link=self._link, find=self._find), True)

    def rows(self, state: State, first: int, n: int) -> list[Job]:
        """Jobs ``first .. first + n - 1``."""
        from console.jobs.process import alive

        now = utc_now()
        found = jobs_page(state, first, n, link=self._link, find=self._find)
        found = [judged(state, job, now, alive=alive) for job in found]
        # One that goes on is counted on its own page: here that would be done again at every step of it.
        return [with_counts(state, job) if in_doubt(job) else job for job in found]


class JobsPage(Page):
    """Jobs."""

    PAGE: ClassVar[str] = "jobs"
    TITLE_TEXT: ClassVar[str] = "Jobs"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Every job of this state file, whoever started it and wherever: jobs run beside the screen and go on without it.",
        "… queued  ▶ running  ◷ waiting on the vendor  ‖ stalled (nobody carries it)  ■ cancelled  ● done",
        "◐ partly (some rows left)  ✖ failed. A stalled job is gone on with by R or given up by c; U lets go of rows in doubt.",
    )
    FILTER_HINT: ClassVar[str] = "kind, state, link, operator, host or a word of the result"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.link = place.name if place.kind is PlaceKind.LINK else ""
        self._text = ""
        self._asked: str | None = None

    def body(self) -> ComposeResult:
        yield SqliteTable(COLUMNS, _cells, id="jobs")
        yield Static(id="detail", classes="detail", markup=False)

    @property
    def table(self) -> SqliteTable[Job]:
        """The jobs."""
        return self.query_one("#jobs", SqliteTable)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)
        self.set_interval(FOLLOW_SECONDS, self._follow)

    def _follow(self) -> None:
        """A process that died writes nothing any more: look again while jobs are open."""
        if self.console_app.running:
            self.ask_reload(Why.CHANGED)

    async def load(self) -> None:
        if self._asked == self._text:
            self.table.reread()
        else:
            self._renew()

    def show_error(self, error: StateError) -> None:
        self.table.fail(error)

    def filter_changed(self, text: str) -> None:
        self._text = text.strip()
        self._renew()

    def _window(self) -> JobWindow:
        return JobWindow(self.link or None, self._text)

    def _renew(self) -> None:
        self._asked = self._text
        if self._text:
            empty = "No job has that text. Escape shows all."
        else:
            empty = "No job has run yet.\n\nGo to a link's preview and press p, or check a connection with c."
        self.table.show(self._window(), empty=empty)

    @on(SqliteTable.Counted, "#jobs")
    def _counted(self, message: SqliteTable.Counted) -> None:
        words = f"{number(message.rows)} found" if self._text else number(message.rows)
        self.heading(f"Jobs of {self.link}" if self.link else "Jobs", words)
        self.refresh_bindings()

    @on(SqliteTable.Highlighted, "#jobs")
    def _highlighted(self) -> None:
        job = self.table.row
        detail = self.query_one("#detail", Static)
        detail.display = job is not None
        if job is not None:
            detail.update(job_facts(job))
            if job.state is JobState.WAITING:
                start_alone(self, "imports", self._show_imports, job)
        self.refresh_bindings()

    async def _show_imports(self, job: Job) -> None:
        """What the platform works on for the job under the cursor, with its age and report page."""
        try:
            imports = await self.console_app.ask(imports_of, job)
        except StateError as error:
            self.show_error(error)
            return
        if self.table.row == job:
            self.query_one("#detail", Static).update(job_facts(job, imports=imports))

    @on(SqliteTable.Chosen, "#jobs")
    def _chosen(self) -> None:
        self.action_run("jobs.open")

    # --- commands --------------------------------------------------------------------------------------------

    def refuse_open(self) -> str | None:
        return None if self.table.row is not None else "there is no job under the cursor"

    def command_open(self) -> None:
        job = self.table.row
        if job is not None:
            self.console_app.go(Place(PlaceKind.JOB, job.job_id))

    def refuse_cancel(self) -> str | None:
        return refuse_cancel(self.table.row)

    def command_cancel(self) -> None:
        job = self.table.row
        if job is not None:
            start_alone(self, "dialog", self._cancel, job)

    async def _cancel(self, job: Job) -> None:
        if await self.app.push_screen_wait(cancel_dialog(job)):
            await cancel_job(self.console_app, job.job_id)

    def refuse_resume(self) -> str | None:
        return refuse_resume(self.table.row)

    def command_resume(self) -> None:
        job = self.table.row
        if job is not None:
            start(self, "write", go_on_with, self.console_app, job.job_id)

    def refuse_unblock(self) -> str | None:
        return refuse_unblock(self.table.row)

    def command_unblock(self) -> None:
        job = self.table.row
        if job is not None:
            start_alone(self, "dialog", let_go, self.console_app, job.job_id)

    def copy_text(self) -> str:
        job = self.table.row
        return job.job_id if job is not None else ""

    def view(self) -> View | None:
        if not self.table.rows:
            return None
        return View(
            f"jobs-{self.link}" if self.link else "jobs",
            self._window,
            (
                "job",
                "kind",
                "link",
                "connection",
                "state",
                "created",
                "ended",
                "operator",
                "host",
                "reason",
                "text",
            ),
            _values,
        )


def _cells(job: Job) -> tuple[Cell, ...]:
    return (
        (SIGNS[job.state], STATE_STYLES[job.state]),
        job.kind.value,
        job.link or job.connection,
        relative(job.started_at or job.created_at),
        lasted(job),
        _result(job),
        job.operator,
        job.host,
    )


def _result(job: Job) -> str:
    if job.state is JobState.WAITING and job.waiting_for:
        return waits_for(job)
    return counts_words(job) or job.text


def _values(job: Job) -> tuple[str, ...]:
    return (
        job.job_id,
        job.kind.value,
        job.link,
        job.connection,
        job.state.value,
        _at(job.created_at),
        _at(job.ended_at),
        job.operator,
        job.host,
        job.reason,
        job.text,
    )


def _at(moment: datetime | None) -> str:
    return absolute(moment) if moment is not None else ""
