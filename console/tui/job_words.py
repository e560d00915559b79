"""Jobs in words: where one stands, what it waits for, what to do when it stands still."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from console.import_words import budget_line, own_import_line
from console.tui.text import counted, duration, number, relative, sentence, stacked, when
from console.tui.widgets.status_line import Pace, standing, waits_for
from console.wording import counts_line
from state.ids import short_id
from state.model import Budget, Job, JobKind, JobState
from state.moments import utc_now
from state.open_imports import OpenImport
from state.reasons import REASONS

if TYPE_CHECKING:
    from console.tui.screens.confirm import Confirm

STATE_STYLES = {
    JobState.QUEUED: "dim",
    JobState.RUNNING: "green",
    JobState.WAITING: "yellow",
    JobState.STALLED: "yellow",
    JobState.CANCELLED: "dim",
    JobState.DONE: "green",
    JobState.PARTLY: "yellow",
    JobState.FAILED: "red",
}
BAR_CELLS = 24
SHOWN_IMPORTS = 2


def counts_words(job: Job) -> str:
    """``12 sent, 1 rejected``."""
    return counts_line(job.counts)


def lasted(job: Job, now: datetime | None = None) -> str:
    """How long it ran, or has been running."""
    if job.started_at is None:
        return "–"
    if job.ended_at is None and job.state is not JobState.RUNNING:
        return "–"
    return duration((job.ended_at or now or utc_now()) - job.started_at)


def job_facts(
    job: Job,
    pace: Pace | None = None,
    *,
    imports: Sequence[OpenImport] = (),
    budget: Budget | None = None,
    now: datetime | None = None,
) -> Content:
    """Who, when, how far, how it ended or why it stands still; some lines.

    ``imports`` are what the platform still works on for the job, ``budget`` is what the account has left.
    """
    lines: list[Content | str] = [
        sentence(
            (f"{standing(job)} ", f"bold {STATE_STYLES[job.state]}"),
            (f"{job.kind.value} {job.link or job.connection}", "bold"),
            f" → {job.connection}" if job.link else "",
            (f" · job {short_id(job.job_id)}", "dim"),
            f" · plan {short_id(job.plan_id)}" if job.plan_id else "",
            " · asked to stop" if job.cancel_requested and not job.state.final else "",
        ),
        sentence(
            f"{job.operator} on {job.host}" + (f", process {job.pid}" if job.pid else ""),
            f" · began {when(job.started_at or job.created_at, now)}",
            f" · took {lasted(job, now)}" if job.ended_at is not None else "",
            _heartbeat(job, now),
        ),
    ]
    way = next_step(job)
    if not job.state.final:
        lines.append(progress_line(job, pace or Pace()))
        if way is not None:  # above what may be too long for the room there is
            lines.append(sentence(("→ ", "bold"), way))
    if job.waiting_for and not imports:
        lines.append(sentence(("Waiting ", "bold"), waits_for(job)))
    for one in imports[:SHOWN_IMPORTS]:
        lines.append(sentence(("◷ ", "bold"), own_import_line(one, now)))
    if len(imports) > SHOWN_IMPORTS:
        lines.append(f"  and {counted(len(imports) - SHOWN_IMPORTS, 'more import')}; y copies all of them")
    if budget is not None and not job.state.final:
        lines.append(sentence(("Account ", "dim"), budget_line(budget, now)))
    if job.text:
        lines.append(sentence(job.text, (f" [{job.reason}]" if job.reason else "", "dim")))
    if counts := counts_words(job):
        lines.append(sentence(("Rows ", "dim"), counts))
    if job.state.final and way is not None:
        lines.append(sentence(("→ ", "bold"), way))
    return stacked(lines)


def progress_line(job: Job, pace: Pace) -> Content:
    """Phase, bar, done of total, rate and time left."""
    phase = job.phase or ("waiting for its process" if job.state is JobState.QUEUED else "starting")
    if not job.total:
        done = f" {number(job.done)} {job.unit}" if job.done else ""
        return sentence((phase, "bold"), done)
    share = min(1.0, job.done / job.total)
    full = int(share * BAR_CELLS)
    speed = f" · {_rate(pace.per_second)}" if pace.per_second else ""
    left = f" · {duration(pace.seconds_left)} left" if pace.seconds_left is not None else ""
    return sentence(
        (phase, "bold"),
        f" {'█' * full}{'░' * (BAR_CELLS - full)} {number(job.done)} of {number(job.total)} {job.unit} ({int(share * 100)} %)",
        speed,
        left,
    )


def _rate(per_second: float) -> str:
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"


def next_step(job: Job) -> str | None:
    """What a person can do now; None when nothing is to be done."""
    if job.state is JobState.STALLED:
        return "R goes on (no answer is read back first), c gives it up, U lets go."
    if job.state is JobState.WAITING and job.pid is None:
        return "Nobody carries it meanwhile: R looks again, U lets go of its rows."
    if job.state is JobState.QUEUED:
        return "Its process takes it up in a moment."
    if job.state in (JobState.FAILED, JobState.PARTLY):
        known = REASONS.get(job.reason)
        retry = "p previews the refused again. " if _has_refused(job) else ""
        return f"{retry}{known.next if known else ''}".strip() or None
    return None


def _has_refused(job: Job) -> bool:
    return job.kind is JobKind.EXPORT and any(
        job.counts.get(word) for word in ("rejected", "unverified", "unknown")
    )


def _heartbeat(job: Job, now: datetime | None) -> str:
    if job.state.final or job.heartbeat_at is None:
        return ""
    return f" · last sign of life {relative(job.heartbeat_at, now)}"


def cancel_dialog(job: Job) -> Confirm:
    """The dialog before a job is stopped."""
    from console.tui.screens.confirm import Confirm

    words = f"{job.kind.value} {job.link or job.connection}"
    lines: list[Content | str] = [
        sentence("Job ", (short_id(job.job_id), "bold"), f", {words}, of {job.operator} on {job.host}.")
    ]
    if job.kind is JobKind.EXPORT:
        sent = job.counts.get("sent", 0) + job.counts.get("accepted", 0)
        lines.append(
            f"What was sent stays sent ({counted(sent, 'row')} so far); the chunk under way is ended first."
        )
        lines.append(
            "The rest is not sent. The job cannot be gone on with after that; a new preview shows what is left."
        )
    else:
        lines.append("Nothing is sent by it; what it read so far is kept where it is complete.")
    return Confirm(f"Cancel {words}", lines, f"Cancel this {job.kind.value}", danger=True)


def unblock_dialog(job: Job, rows: int, imports: Sequence[OpenImport]) -> Confirm:
    """The dialog before rows in doubt are let go: their number is typed, for nobody will know what became of them."""
    from console.tui.screens.confirm import Confirm

    taken = min(rows, sum(one.rows for one in imports))
    told = [
        f"{counted(taken, 'row')} the platform took over and has not said the end of" if taken else "",
        f"{counted(rows - taken, 'row')} that left and got no answer" if rows > taken else "",
    ]
    lines: list[Content | str] = [
        sentence(
            "Job ",
            (short_id(job.job_id), "bold"),
            f" has {', and '.join(filter(None, told))}.",
        ),
        *(sentence("  ", own_import_line(one)) for one in imports[:4]),
        "Let go, they stay unknown: the job ends, and nothing is sent again by it. The next preview reads what the"
        " platform has, and plans what is missing with the reason not-confirmed.",
        "It is written into the audit under your name.",
    ]
    return Confirm(
        f"Let go of {job.kind.value} {job.link or job.connection}",
        lines,
        f"Let go of {counted(rows, 'row')}",
        typed=str(rows),
        danger=True,
    )
