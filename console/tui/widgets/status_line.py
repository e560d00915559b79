"""One line of running jobs, on every page: what, how far, how fast, how long still."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widget import Widget

from console.tui.text import counted, duration, number, printable
from state.model import Job, JobState
from state.moments import utc_now
from state.store import State

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

SIGNS = {
    JobState.QUEUED: "… queued",
    JobState.RUNNING: "▶ running",
    JobState.WAITING: "◷ waiting",
    JobState.STALLED: "‖ stalled",
    JobState.CANCELLED: "■ cancelled",
    JobState.DONE: "● done",
    JobState.PARTLY: "◐ partly",
    JobState.FAILED: "✖ failed",
}
"""The state of a job in shape and word; colour only adds to it."""


_LONG_ID = re.compile(r"(?<![=/\w-])([0-9a-fA-F]{8})-[0-9a-fA-F]{4}(?:-[0-9a-fA-F]{4}){2}-[0-9a-fA-F]{12}\b")
_SHORT_ID = r"\1…"
"""A vendor's id of 36 letters leaves no room for the age of an import and how often it was asked after."""


def standing(job: Job) -> str:
    """The sign with all its words, where there is room for them."""
    return "◷ waiting on the vendor" if job.state is JobState.WAITING else SIGNS[job.state]


def waits_for(job: Job) -> str:
    """What it waits for, without the words that its state says already."""
    return job.waiting_for.removeprefix("waiting on the vendor: ")


@dataclass(slots=True, frozen=True)
class Pace:
    """How fast a job goes, and how long it will take at that rate; None where it cannot be told."""

    per_second: float | None = None
    seconds_left: float | None = None


def job_line(job: Job, pace: Pace, *, brief: bool = False) -> Content:
    """``▶ export members-news 1,200 of 5,000 contacts (24 %) 310/s, 12 s left``; ``brief`` where there is little room."""
    words = f"{SIGNS[job.state] if brief else standing(job)} {job.kind.value} {printable(job.link or job.connection)}"
    progress = ""
    if job.state is JobState.STALLED:
        progress = " · W tells why, and how to free it"
    elif job.state is JobState.WAITING and job.waiting_for:
        waits = waits_for(job)
        progress = f": {printable(_LONG_ID.sub(_SHORT_ID, waits) if brief else waits)}"
    elif job.total:
        share = min(100, job.done * 100 // job.total)
        progress = f" {number(job.done)} of {number(job.total)} {printable(job.unit)} ({share} %)"
    elif job.done:
        progress = f" {number(job.done)} {printable(job.unit)}"
    elif job.phase:
        progress = f" {printable(job.phase)}"
    speed = ""
    if job.state is JobState.RUNNING and pace.per_second:
        speed = f" {pace.per_second:,.0f}/s"
        if pace.seconds_left is not None:
            speed += f", {duration(pace.seconds_left)} left"
    return Content.assemble(words, progress, (speed, "dim"))


_URGENCY = {JobState.STALLED: 0, JobState.RUNNING: 1, JobState.QUEUED: 1, JobState.WAITING: 2}


def jobs_now(state: State) -> list[tuple[Job, Pace]]:
    """The jobs that have not ended, as they really stand: one whose process is gone is stalled (R43).

    What needs a person comes first, what only waits for the platform last.
    """
    from console.jobs.process import alive
    from state.jobs import judged, progress_rate, running_jobs

    now = utc_now()
    found = []
    for job in running_jobs(state):
        per_second, seconds_left = progress_rate(job, now)
        found.append((judged(state, job, now, alive=alive), Pace(per_second, seconds_left)))
    return sorted(found, key=lambda one: _URGENCY.get(one[0].state, 1))


class StatusLine(Widget):
    """Shows the jobs the app read last."""

    DEFAULT_CSS = """
    StatusLine { height: 1; padding: 0 1; background: $surface; color: $text-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line = self._brief = Content("")

    def on_mount(self) -> None:
        self.show(cast("ConsoleApp", self.app).running)

    def show(self, jobs: Sequence[tuple[Job, Pace]]) -> None:
        """Show some jobs; repaints only when the words differ."""
        if not jobs:
            line = brief = Content.assemble(("no job is running", "dim"))
        else:
            more = (f"   and {counted(len(jobs) - 1, 'more job')}" if len(jobs) > 1 else "", "dim")
            line = Content.assemble(job_line(*jobs[0]), more)
            brief = Content.assemble(job_line(*jobs[0], brief=True), more)
        if (line, brief) != (self._line, self._brief):
            self._line, self._brief = line, brief
            self.refresh()

    def render(self) -> Content:
        width = self.content_size.width
        line = self._line if self._line.cell_length <= width else self._brief
        return line if line.cell_length <= width else line.truncate(width, ellipsis=True)
