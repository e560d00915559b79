"""One job, live: where it stands, its log, what became of every row, the requests really sent, the files kept.

Invariant: the screen shows what the state says and nothing else, so any number of consoles show the same (F20).
"""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from console.import_words import own_import_line
from console.tui.export_view import View
from console.tui.job_control import (
    cancel_job,
    go_on_with,
    let_go,
    refuse_cancel,
    refuse_resume,
    refuse_unblock,
)
from console.tui.job_data import JobData, KeptFile, RequestWindow, read_job
from console.tui.job_words import cancel_dialog, job_facts
from console.tui.outcome_words import (
    group_cells,
    outcome_cells,
    outcome_detail,
    outcome_values,
    refused_addition,
)
from console.tui.places import Place, PlaceKind
from console.tui.reload import Why
from console.tui.request_words import FILES, REQUESTS, file_cells, request_cells, request_values
from console.tui.screens.confirm import Confirm
from console.tui.screens.page import Page
from console.tui.text import clipped, counted, number, printable, sentence, shown
from console.tui.widgets.facts import Facts
from console.tui.widgets.log_view import MAX_LINES, LogView
from console.tui.widgets.sqlite_table import Column, Fixed, SqliteTable
from console.tui.work import start, start_alone
from state.errors import StateError
from state.ids import short_id
from state.model import Job, JobKind
from state.outcome_view import OutcomeGroup, OutcomeWindow, in_doubt
from state.outcomes import OutcomeRow

GROUPS = (
    Column("Outcome", 14),
    Column("Rows", 9, right=True),
    Column("Reason", 20, weight=2),
    Column("Next step", 20, weight=3),
)
ROWS = (
    Column("Address", 22, weight=3),
    Column("Outcome", 14),
    Column("Reason", 16, weight=2),
    Column("Does", 13, drop=2),
    Column("Accepted", 8, right=True, drop=4),
    Column("Applied", 8, right=True, drop=4),
    Column("Origin id", 10, weight=1, drop=3),
    Column("The platform said", 16, weight=3, drop=1),
)

VIEWS = ("log", "outcomes", "rows", "requests", "files")
WORDS = {"log": "v log", "outcomes": "o outcomes", "requests": "w requests", "files": "i files"}
FOLLOW_SECONDS = 1.0
COUNT_AGAIN = 10
"""While a job runs, counting its outcomes takes at most one part in so many of the time."""


class JobPage(Page):
    """One job."""

    PAGE: ClassVar[str] = "job"
    TITLE_TEXT: ClassVar[str] = "Job"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "The job goes on whether or not this screen is open; every console shows the same.",
        "v log, o outcomes by reason (↵ shows their rows), w requests really sent, i files. space pauses the log, G follows.",
        "U lets go of rows that got no answer, also of an import that hangs at the platform; y copies its report page.",
        "On a refused addition: leave it, u has the platform ask the person, m marks the address as suppressed here.",
    )
    FILTER_HINT: ClassVar[str] = "a text: found in the log (n, N), kept in the rows"
    DEFAULT_CSS = """
    JobPage #facts { height: auto; max-height: 9; padding: 0 1; }
    JobPage #views { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.job_id = place.name
        self.data: JobData | None = None
        self._drawn: JobData | None = None
        self.showing = "log"
        self._group: OutcomeGroup | None = None
        self._text = ""
        self._asked: tuple[object, ...] = ()
        self._counted = self._took = 0.0

    def body(self) -> ComposeResult:
        yield Facts(id="facts")
        yield Facts(id="views")
        yield LogView(id="log")
        yield SqliteTable(GROUPS, group_cells, id="outcomes")
        yield SqliteTable(ROWS, outcome_cells, id="rows")
        yield SqliteTable(REQUESTS, request_cells, id="requests", empty="No request has been sent yet.")
        yield SqliteTable(FILES, file_cells, id="files", empty="No file is kept with this job.")
        yield Facts(id="detail", classes="detail")

    @property
    def job(self) -> Job | None:
        """The job as it stands."""
        return self.data.job if self.data is not None else None

    @property
    def log_lines(self) -> LogView:
        """The log."""
        return self.query_one("#log", LogView)

    @property
    def rows(self) -> SqliteTable[OutcomeRow]:
        """The rows of one outcome."""
        return self.query_one("#rows", SqliteTable)

    @property
    def outcome(self) -> OutcomeRow | None:
        """The row under the cursor, where rows are shown."""
        return self.rows.row if self.showing == "rows" else None

    def on_mount(self) -> None:
        super().on_mount()
        self.heading("Job", short_id(self.job_id))
        self._show_view("log")
        self.set_interval(FOLLOW_SECONDS, self._follow)

    def _follow(self) -> None:
        if self.job is not None and not self.job.state.final:
            self.ask_reload(
                Why.CHANGED
            )  # a process that died writes nothing: its age must still be seen (R43)

    # --- reading ---------------------------------------------------------------------------------------------

    async def load(self) -> None:
        while True:
            began = time.monotonic()
            anew = self.showing in ("outcomes", "rows") and began - self._counted > COUNT_AGAIN * self._took
            known = None if anew else self.data
            after = self.log_lines.last_seq
            found = await self.console_app.ask(read_job, self.job_id, after, MAX_LINES, known)
            if known is None:
                self._counted, self._took = began, time.monotonic() - began
            self.data = found
            self.log_lines.write(found.lines)
            if not found.more:
                break
        self._show()

    def show_error(self, error: StateError) -> None:
        self.query_one("#facts", Facts).say(sentence(("✖ ", "bold"), f"{error.text} {error.next}"))

    def filter_changed(self, text: str) -> None:
        self._text = text.strip()
        self.log_lines.find(self._text)
        self._renew_rows()

    def _show(self) -> None:
        data = self.data
        if data is None:
            return
        self.heading(
            "Job", short_id(data.job.job_id), data.job.kind.value, data.job.link or data.job.connection
        )
        facts = job_facts(data.job, data.pace, imports=data.imports, budget=data.budget)
        self.query_one("#facts", Facts).say(facts)
        self._views_line()
        if self._drawn is None or data.groups != self._drawn.groups:
            table = self.query_one("#outcomes", SqliteTable)
            table.show(Fixed(data.groups), empty=self._no_outcomes(), keep_cursor=True)
        if self._drawn is None or data.files != self._drawn.files:
            self.query_one("#files", SqliteTable).show(Fixed(data.files), keep_cursor=True)
        self._drawn = data
        requests = self.query_one("#requests", SqliteTable)
        if requests.window is None:
            requests.show(RequestWindow(data.job.job_id, data.requests))
        elif self.showing == "requests":
            requests.reread()
        self._renew_rows()

    def _no_outcomes(self) -> str:
        job = self.job
        if job is not None and job.kind is not JobKind.EXPORT:
            return f"A {job.kind.value} sends nothing, so it has no outcomes. v shows its log."
        return "The job has no plan any more, or its plan sends nothing. v shows its log."

    def _renew_rows(self) -> None:
        data = self.data
        if data is None or data.plan is None or self.showing != "rows" or self._group is None:
            return
        present = next(
            (
                one
                for one in data.groups
                if (one.outcome, one.reason) == (self._group.outcome, self._group.reason)
            ),
            None,
        )
        asked = (self._group.outcome, self._group.reason, self._text, present)
        if asked == self._asked:
            self.rows.reread()
            return
        same = self._asked[:3] == asked[:3]
        self._asked = asked
        self.rows.show(
            self._outcome_window(), empty="No row is like that any more. Escape goes back.", keep_cursor=same
        )

    def _outcome_window(self) -> OutcomeWindow | Fixed[OutcomeRow]:
        if self.data is None or self.data.plan is None:
            return Fixed(())
        doubts = in_doubt(self.data.job)
        return OutcomeWindow(self.data.no, self.data.plan, group=self._group, text=self._text, doubts=doubts)

    # --- views -----------------------------------------------------------------------------------------------

    def _show_view(self, name: str) -> None:
        self.showing = name
        for view in VIEWS:
            self.query_one(f"#{view}").display = view == name
        self.query_one("#detail").display = False
        self.set_focus(self.query_one(f"#{name}"))
        self._views_line()
        if name == "rows":
            self._renew_rows()
        elif name == "outcomes":
            self.command_reload()
        elif name == "requests":
            self.query_one("#requests", SqliteTable).reread()
        self._detail()

    def _views_line(self) -> None:
        data, log = self.data, self.log_lines
        tells = {
            "log": f"{number(len(log.lines()))}"
            + (f", {counted(log.errors, 'error')}" if log.errors else ""),
            "outcomes": number(data.plan.writes) if data and data.plan else "–",
            "requests": number(data.requests) if data else "–",
            "files": number(len(data.files)) if data else "–",
        }
        shown_now = "outcomes" if self.showing == "rows" else self.showing
        parts = [
            shown(f" {words} {tells[name]} ", "reverse bold" if name == shown_now else "")
            for name, words in WORDS.items()
        ]
        if self.showing == "rows" and self._group is not None:
            parts.append(shown(f" › {self._group.outcome.value} {self._group.reason}  esc: back", "bold"))
        self.query_one("#views", Facts).say(sentence(*parts))

    @on(LogView.Moved)
    def _log_moved(self) -> None:
        self._views_line()

    @on(SqliteTable.Highlighted)
    def _highlighted(self) -> None:
        self._detail()
        self.refresh_bindings()

    def _detail(self) -> None:
        detail = self.query_one("#detail", Facts)
        row = self.outcome
        detail.display = row is not None
        if row is not None:
            detail.say(outcome_detail(row))

    @on(SqliteTable.Chosen, "#outcomes")
    def _group_chosen(self, message: SqliteTable.Chosen) -> None:
        self._group = message.row
        self._asked = ()
        self._show_view("rows")

    @on(SqliteTable.Chosen, "#rows")
    def _row_chosen(self) -> None:
        self.action_run("job.explain")

    @on(SqliteTable.Chosen, "#files")
    def _file_chosen(self, message: SqliteTable.Chosen) -> None:
        from console.tui.screens.save_file import SaveFile

        kept: KeptFile = message.row
        self.console_app.hold_keys()
        self.app.push_screen(SaveFile(self.job_id, kept.name))

    # --- commands --------------------------------------------------------------------------------------------

    def command_log(self) -> None:
        self._show_view("log")

    def command_outcomes(self) -> None:
        self._show_view("outcomes")

    def command_requests(self) -> None:
        self._show_view("requests")

    def command_files(self) -> None:
        self._show_view("files")

    def refuse_pause(self) -> str | None:
        return None if self.showing == "log" else "v shows the log"

    def command_pause(self) -> None:
        self.log_lines.action_pause()

    def refuse_back(self) -> str | None:
        return None if self.showing == "rows" else super().refuse_back()

    def command_back(self) -> None:
        if self.showing == "rows":
            self._show_view("outcomes")
        else:
            super().command_back()

    def refuse_cancel(self) -> str | None:
        return refuse_cancel(self.job)

    def command_cancel(self) -> None:
        if self.job is not None:
            start_alone(self, "dialog", self._cancel, self.job)

    async def _cancel(self, job: Job) -> None:
        if await self.app.push_screen_wait(cancel_dialog(job)):
            await cancel_job(self.console_app, job.job_id)

    def refuse_resume(self) -> str | None:
        return refuse_resume(self.job)

    def command_resume(self) -> None:
        if self.job is not None:
            start(self, "write", go_on_with, self.console_app, self.job.job_id)

    def refuse_unblock(self) -> str | None:
        return refuse_unblock(self.job, self.data.imports if self.data is not None else None)

    def command_unblock(self) -> None:
        if self.job is not None:
            start_alone(self, "dialog", let_go, self.console_app, self.job.job_id)

    def refuse_plan(self) -> str | None:
        job = self.job
        if job is None or not job.link:
            return "the job is of no link"
        return (
            None
            if job.link in self.console_app.settings.links
            else "its link is not in the settings any more"
        )

    def command_plan(self) -> None:
        if self.job is not None:
            self.console_app.go(Place(PlaceKind.LINK, self.job.link, "preview"))

    def refuse_retry(self) -> str | None:
        job = self.job
        if job is None or job.kind is not JobKind.EXPORT:
            return "only an export has refused rows"
        if not job.state.final:
            return (
                "the job has not ended; R goes on with it"
                if refuse_resume(job) is None
                else "the job has not ended"
            )
        if not any(job.counts.get(word) for word in ("rejected", "unverified", "unknown")):
            return "no row was refused"
        return self.refuse_plan()

    def command_retry(self) -> None:
        if self.job is not None:
            start(self, "launch", self._retry, self.job)

    async def _retry(self, job: Job) -> None:
        from console.tui.screens.preview import PreviewPage

        started = await self.console_app.launch(JobKind.PREVIEW, job.connection, link=job.link)
        if started is None:
            return
        self.console_app.go(Place(PlaceKind.LINK, job.link, "preview"))
        page = self.app.screen
        if isinstance(page, PreviewPage):
            page.limit_to_refused(job.job_id)

    def refuse_explain(self) -> str | None:
        return None if self.outcome is not None else "o, then ↵ shows the rows of an outcome"

    def command_explain(self) -> None:
        if self.outcome is not None:
            self.console_app.go(Place(PlaceKind.ADDRESS, self.outcome.email))

    def refuse_optin(self) -> str | None:
        if self.outcome is None or not refused_addition(self.outcome):
            return "it is for a refused addition: o, then ↵ on an outcome"
        return self.refuse_plan()

    def command_optin(self) -> None:
        if self.job is not None and self.outcome is not None:
            start_alone(self, "dialog", self._optin, self.job, self.outcome)

    async def _optin(self, job: Job, row: OutcomeRow) -> None:
        sure = await self.app.push_screen_wait(
            Confirm(
                "Have the platform ask this person",
                [
                    sentence((row.email, "bold"), f" was refused: {row.reason}."),
                    "The platform may send this person one mail with a link to confirm. Nobody else is written to.",
                    "Do it only when the person wants it: it stands in the journal under your name.",
                ],
                f"Ask {clipped(printable(row.email), 40)}",
                typed=printable(row.email),
                danger=True,
            )
        )
        await self._about_address(JobKind.OPTIN, job, row, sure)

    refuse_suppress = refuse_optin

    def command_suppress(self) -> None:
        if self.job is not None and self.outcome is not None:
            start_alone(self, "dialog", self._suppress, self.job, self.outcome)

    async def _suppress(self, job: Job, row: OutcomeRow) -> None:
        sure = await self.app.push_screen_wait(
            Confirm(
                "Mark this address as suppressed",
                [
                    sentence((row.email, "bold"), f" was refused: {row.reason}."),
                    f"{job.link} sends nothing to it any more, whatever the source says. The platform is not told.",
                ],
                f"Suppress {clipped(printable(row.email), 40)}",
                danger=True,
            )
        )
        await self._about_address(JobKind.SUPPRESS, job, row, sure)

    async def _about_address(self, kind: JobKind, job: Job, row: OutcomeRow, sure: bool | None) -> None:
        if sure:
            options = {"address": row.email, "note": f"refused in job {job.job_id}: {row.reason}"}
            await self.console_app.launch(kind, job.connection, link=job.link, options=options)

    # --- getting things out ----------------------------------------------------------------------------------

    def copy_text(self) -> str:
        if self.outcome is not None:
            return outcome_detail(self.outcome).plain
        if self.data is not None and self.data.imports:
            # The report pages are what people want to open.
            return "\n".join([self.job_id, *(own_import_line(one) for one in self.data.imports)])
        return self.job_id

    def view(self) -> View | None:
        data = self.data
        if data is None:
            return None
        columns: tuple[str, ...]
        name = f"job-{short_id(data.job.job_id)}-{self.showing}"
        if self.showing == "requests" and data.requests:
            columns = ("at", "method", "path", "status", "ms", "attempt", "note")
            return View(name, lambda: RequestWindow(data.job.job_id, data.requests), columns, request_values)
        if self.showing in ("outcomes", "rows") and data.plan is not None:
            columns = (
                *("address", "action", "outcome", "reason", "origin_id", "said"),
                *("accepted_at", "applied_at"),
            )
            group = self._group if self.showing == "rows" else None
            plan, text, doubts = data.plan, self._text, in_doubt(data.job)
            return View(
                name,
                lambda: OutcomeWindow(data.no, plan, group=group, text=text, doubts=doubts),
                columns,
                outcome_values,
            )
        if self.showing == "log" and self.log_lines.lines():
            lines = tuple(self.log_lines.lines())
            columns = ("seq", "at", "level", "text", "reason")
            return View(
                name,
                lambda: Fixed(lines),
                columns,
                lambda line: (str(line.seq), line.at.isoformat(), line.level.value, line.text, line.reason),
            )
        return None
