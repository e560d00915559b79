"""``jobs`` and ``job …``: history, live log, the outcome of every address, and what can be done to a job."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import complete
from console.cli.command import JobId, command, group
from console.cli.failure import CommandRefused
from console.cli.jobtexts import job_as_json, line_as_json, open_as_json, times_as_json, times_text
from console.cli.output import document, json_lines, narrate, say, say_lines
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode
from console.wording import counted, counts_line, duration, relative, when

if TYPE_CHECKING:
    from state.model import Job, LogLine
    from state.outcomes import OutcomeRow
    from state.store import State

PAGE = 1_000

OutcomeWord = Annotated[
    str | None,
    typer.Option("--outcome", metavar="OUTCOME", help="Only rows with this outcome.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "jobs", example="listwarden jobs --link members-news")(jobs)
    inner = group(app, "job", example="listwarden job show 4K7Q2M1X")(_no_job)
    command(inner, "show", example="listwarden job show 4K7Q2M1X --json")(show)
    command(inner, "follow", example="listwarden job follow 4K7Q2M1X")(follow)
    command(inner, "outcomes", example="listwarden job outcomes 4K7Q2M1X --json | grep rejected")(outcomes)
    command(inner, "cancel", example="listwarden job cancel 4K7Q2M1X")(cancel)
    command(inner, "resume", example="listwarden job resume 4K7Q2M1X")(resume)
    command(inner, "unblock", example="listwarden job unblock 4K7Q2M1X")(unblock)
    command(inner, "run", example="listwarden job run 01JXXXXXXXXXXXXXXXXXXXXXXX", hidden=True)(run)


def _no_job(session: Session) -> ExitCode:
    """One job: show, follow, outcomes, cancel, resume, unblock."""
    raise CommandRefused("usage", "Say what to do with the job.", "listwarden job --help")


def jobs(
    session: Session,
    link: Annotated[
        str | None,
        typer.Option(
            "--link",
            metavar="LINK",
            help="Only of this link.",
            autocompletion=complete.links,
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many.", min=1)] = 50,
) -> ExitCode:
    """What ran, for whom, and how it ended."""
    from console.jobs.process import alive
    from state.jobs import judged, list_jobs
    from state.moments import utc_now
    from state.outcome_view import with_counts

    now = utc_now()
    with session.reading() as state:
        found = [
            with_counts(state, judged(state, job, now, alive=alive))
            for job in list_jobs(state, limit=limit, link=link)
        ]
    if session.json:
        document([job_as_json(job) for job in found])
        return ExitCode.DONE
    if not found:
        say("No job has run yet.")
        return ExitCode.DONE
    from state.ids import short_id

    table(
        ("job", "kind", "of", "state", "began", "operator", "result"),
        [
            (
                short_id(job.job_id),
                job.kind.value,
                job.link or job.connection,
                job.state.value,
                relative(job.created_at, now),
                job.operator,
                _result(job),
            )
            for job in found
        ],
    )
    return ExitCode.DONE


def show(session: Session, job_id: JobId) -> ExitCode:
    """One job: who, when, how far, how it ended, and its log."""
    from console.import_words import budget_line, imports_of, own_import_line
    from state.connections import budget_of
    from state.job_log import list_files, read_log
    from state.outcome_view import with_counts

    _go_on(session, job_id)
    with session.reading() as state:
        job = with_counts(state, _judged(state, job_id))
        files, imports = list_files(state, job.job_id), imports_of(state, job)
        budget = budget_of(state, job.connection) if not job.state.final else None
        if session.json:
            shown = [{"name": name, "bytes": size, "at": at.isoformat()} for name, size, at in files]
            document({**job_as_json(job), **open_as_json(imports, budget), "files": shown})
            return ExitCode.DONE
        _show_head(job)
        for one in imports:
            say(f"waits for {own_import_line(one)}")
        if budget is not None:
            say(f"account   {budget_line(budget)}")
        for name, size, _ in files:
            say(f"file      {name} ({size:,} bytes)")
        after = 0
        while page := read_log(state, job.job_id, after=after, limit=PAGE):
            say_lines(_log_lines(page))
            after = page[-1].seq
    return ExitCode.DONE


def follow(session: Session, job_id: JobId) -> ExitCode:
    """The job's log as it grows.

    Until nobody carries the job any more; with --json one document a line.

    Ctrl-c stops following (130); the job goes on. The exit code is the job's.
    """
    from console.cli.following import exit_code_of
    from console.import_words import imports_of, own_import_line
    from console.jobs.follow import follow as follow_job
    from state.ids import short_id

    def told(line: LogLine) -> None:
        if session.json:
            json_lines([line_as_json(line)])
        else:
            say_lines(_log_lines([line]))

    _go_on(session, job_id)
    try:
        job = follow_job(
            session.state_path, job_id, on_line=told, on_progress=_nothing, stop=threading.Event()
        )
    except KeyboardInterrupt:
        narrate(f"The job goes on. [interrupted]\nnext: listwarden job cancel {short_id(job_id)}")
        return ExitCode.INTERRUPTED
    with session.reading() as state:
        imports = imports_of(state, job)
    if session.json:
        json_lines([{"end": {**job_as_json(job), **open_as_json(imports, None)}}])
    else:
        say(job.text or f"{job.state.value}: {_result(job)}")
        for one in imports:
            say(f"waits for {own_import_line(one)}")
    return exit_code_of(job)


def _go_on(session: Session, job_id: str) -> None:
    """A job that waits for its platform goes on when somebody looks at it; until its process has it, this waits."""
    from console.cli.following import wait_until_taken
    from console.cli.waiting import pick_up
    from state.jobs import get_job
    from state.model import JobState

    with session.reading() as state:
        job = get_job(state, job_id)
    if job.state is JobState.WAITING and pick_up(session, job_id=job.job_id):
        wait_until_taken(session, job)


def _nothing(_: Job) -> None:
    """The log is followed here, not the progress."""


def outcomes(
    session: Session,
    job_id: JobId,
    outcome: OutcomeWord = None,
    times: Annotated[
        bool,
        typer.Option(
            "--times",
            help="Also when the platform accepted a row, and when it was known to be applied.",
            show_default=False,
        ),
    ] = False,
) -> ExitCode:
    """What became of every address of the job's plan.

    With --json one document a line. accepted: the platform took the row and works on it; sent: it is applied.
    """
    with session.reading() as state:
        job = _judged(state, job_id)
        if not job.plan_id:
            raise CommandRefused(
                "plan-missing",
                f"Job {job_id} is a {job.kind.value}: it has no plan, and so no outcomes.",
                "See: listwarden jobs",
            )
        rows = _outcome_rows(state, job, outcome)
        if session.json:
            json_lines(
                {
                    "email": row.email,
                    "outcome": row.outcome.value,
                    "reason": row.reason,
                    "origin_id": row.origin_id,
                    **(times_as_json(row) if times else {}),
                }
                for row in rows
            )
        else:
            say_lines(
                f"{row.outcome.value:<10} {row.action.value:<11} {row.email}"
                + (f"  [{row.reason}]" if row.reason else "")
                + (f"  {row.raw}" if row.raw else "")
                + (times_text(row) if times else "")
                for row in rows
            )
    return ExitCode.DONE


def cancel(session: Session, job_id: JobId) -> ExitCode:
    """Ask a job to stop between two chunks.

    What was sent stays sent; the rest is not sent.
    """
    from console.jobs.process import alive
    from state.jobs import request_cancel
    from state.moments import utc_now

    session.must_write("cancelling a job")
    with session.writing() as state:
        job = request_cancel(state, job_id, session.operator, utc_now(), alive=alive)
    if session.json:
        document(job_as_json(job))
    elif job.state.final:
        say("Cancelled.")
    else:
        say("It stops after the chunk that is under way.")
    return ExitCode.DONE


def resume(
    session: Session,
    job_id: JobId,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow.", show_default=False)] = False,
) -> ExitCode:
    """Go on with a job whose process is gone.

    What got no answer is read back before it is sent again.
    """
    from console.cli.export import spawn
    from console.cli.following import follow_to_end, tell_job_end, wait_until_taken
    from console.jobs.follow import over
    from state.jobs import JobOver, JobRunning

    session.must_write("resuming a job")
    with session.writing() as state:
        job = _judged(state, job_id)
    if job.state.final:
        raise JobOver(job)
    if not over(job):
        raise JobRunning(job)
    spawn(session, job.job_id, session.settings.links.get(job.link))
    if detach:
        if session.json:
            document(job_as_json(job))
        else:
            say(job.job_id)
        return ExitCode.DONE
    wait_until_taken(session, job)
    ended = follow_to_end(session, job.job_id)
    return ExitCode.INTERRUPTED if ended is None else tell_job_end(session, ended)


def unblock(
    session: Session,
    job_id: JobId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
) -> ExitCode:
    """Let go of rows that got no answer.

    Also of an import that hangs at the platform: its rows stay unknown, and the job ends.
    """
    import time

    from console.cli.ask import confirmed
    from console.jobs.letting_go import let_go_of
    from console.jobs.process import alive
    from state.moments import utc_now
    from state.unblock import open_rows

    session.must_write("unblocking a job")
    now = utc_now()
    with session.writing() as state:
        chunks = open_rows(state, job_id)
        for chunk in chunks:
            of_rows = f"chunk {chunk.number}: {chunk.action.value} of {counted(chunk.rows, 'row')}"
            since = relative(chunk.since, now)
            if chunk.ticket:
                polls = counted(chunk.polls, "poll")
                narrate(f"{of_rows}, handed over {since}; import {chunk.ticket} not ended after {polls}")
            else:
                narrate(f"{of_rows} without an answer, sent {since}")
        rows = sum(chunk.rows for chunk in chunks)
        question = (
            f"Nobody will know whether {counted(rows, 'row')} of this job took effect until the next preview."
        )
        if rows and not yes and not confirmed(question, word="unblock", way="Give --yes."):
            raise CommandRefused("cancelled", "Nothing was changed.", exit_code=ExitCode.INTERRUPTED)
        job = let_go_of(
            state,
            job_id,
            operator=session.operator,
            now=utc_now,
            alive=alive,
            sleep=time.sleep,
            on_stopping=lambda one: narrate(
                f"Process {one.pid} on {one.host} waits for the platform: it stops first."
            ),
        )
    if session.json:
        document(job_as_json(job))
    else:
        say(job.text)
    return ExitCode.DONE


def run(session: Session, job_id: JobId) -> ExitCode:
    """Carry a job in this process: what a job's own process does."""
    from console.jobs.runner import run_job

    return ExitCode(run_job(job_id, config=session.config_path, state_path=session.state_path))


# --- shown ---------------------------------------------------------------------------------------------------


def _judged(state: State, job_id: str) -> Job:
    from console.jobs.process import alive
    from state.jobs import get_job, judged
    from state.moments import utc_now

    return judged(state, get_job(state, job_id), utc_now(), alive=alive)


def _show_head(job: Job) -> None:
    of = " ".join(part for part in (job.kind.value, job.link, job.connection) if part)
    say(f"job       {job.job_id}: {of}")
    say(f"state     {job.state.value}" + (f" [{job.reason}]" if job.reason else ""))
    if job.text:
        say(f"          {job.text}")
    say(f"operator  {job.operator} on {job.host}" + (f", process {job.pid}" if job.pid else ""))
    say(f"began     {when(job.started_at or job.created_at)}")
    if job.ended_at is not None:
        say(
            f"ended     {when(job.ended_at)}, after {duration(job.ended_at - (job.started_at or job.created_at))}"
        )
    if job.plan_id:
        say(f"plan      {job.plan_id}")
    if job.counts:
        say(f"counts    {_result(job)}")


def _result(job: Job) -> str:
    told = counts_line(job.counts)
    return told or (f"[{job.reason}]" if job.reason and not job.state.final else job.text)


def _log_lines(lines: list[LogLine]) -> Iterator[str]:
    from console.cli.progress import log_line

    return (log_line(line) for line in lines)


def _outcome_rows(state: State, job: Job, word: str | None) -> Iterator[OutcomeRow]:
    from state.jobs import job_no
    from state.model import Outcome
    from state.outcome_times import with_times
    from state.outcome_view import in_doubt
    from state.outcomes import read_outcomes
    from state.plans import get_plan

    try:
        wanted = Outcome(word) if word is not None else None
    except ValueError:
        raise CommandRefused(
            "usage", f"There is no outcome {word}.", "Outcomes: " + ", ".join(one.value for one in Outcome)
        ) from None
    plan, number, after = get_plan(state, job.plan_id), job_no(state, job.job_id), -1
    doubts = in_doubt(job)
    while page := read_outcomes(state, number, plan, after=after, limit=PAGE, outcome=wanted, doubts=doubts):
        yield from with_times(state, number, page)
        after = page[-1].n
