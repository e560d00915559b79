"""``export`` and ``feedback``: what sends to a platform, and what brings back what happened there.

Invariant: an export runs in a process of its own; this command confirms, starts and follows it (design §5, §6).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import complete
from console.cli.command import LinkName, command
from console.cli.failure import CommandRefused, Failure, tell
from console.cli.output import document, narrate, say, someone_to_ask
from console.cli.preview import AllowEmpty, empty_source_allowed
from console.cli.session import Session
from console.cli.waiting import pick_up
from console.exit_codes import ExitCode
from console.wording import counts_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from state.model import Guard, Job, Link, Plan

MaxRemovals = Annotated[
    int | None,
    typer.Option(
        "--max-removals", metavar="N", help="Let up to N removals pass the guard.", min=0, show_default=False
    ),
]

MaxWriteBacks = Annotated[
    int | None,
    typer.Option(
        "--max-write-backs",
        metavar="N",
        help="Let up to N rows pass the guard of what is written into the source.",
        min=0,
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "export", example="listwarden export members-news --yes --json")(export)
    command(app, "feedback", example="listwarden feedback verband")(feedback)


def export(
    session: Session,
    link: LinkName,
    plan_id: Annotated[
        str | None,
        typer.Option(
            "--plan",
            metavar="ID",
            help="Send exactly this saved plan, if nothing has changed.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
    max_removals: MaxRemovals = None,
    max_write_backs: MaxWriteBacks = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the job's id and leave.", show_default=False)
    ] = False,
    allow_empty_source: AllowEmpty = None,
) -> ExitCode:
    """Preview, confirm, and export a link.

    An export that was left unfinished is resumed first. The job runs beside this command: ctrl-c stops following (130), the job goes on. --max-removals and
    --max-write-backs count only together with --plan.
    """
    found = session.link(link)
    session.must_write(f"export of {link}")
    allow_empty = empty_source_allowed(link, allow_empty_source)
    for option, number in (("--max-removals", max_removals), ("--max-write-backs", max_write_backs)):
        if number is not None and plan_id is None:
            raise CommandRefused(
                "usage",
                f"{option} counts only for a plan somebody looked at.",
                f"listwarden preview {link} --save, then: export {link} --plan ID {option} N",
            )
    if not (yes or plan_id or someone_to_ask()):
        raise CommandRefused(
            "confirmation-needed",
            "There is no terminal to confirm on.",
            f"Give --yes, or --plan ID of a plan saved by: listwarden preview {link} --save",
        )
    pick_up(session, connection=found.connection, but_link=found.name)
    job = _unfinished(session, link)
    if job is not None:
        return _resume(session, found, job, plan_id, allow_empty=allow_empty, detach=detach)
    plan = _plan(session, found, plan_id, allow_empty)
    if isinstance(plan, ExitCode):
        return plan
    lifted = {"max_removals": max_removals, "max_write_backs": max_write_backs}
    if stopping := _stopping(plan, lifted):
        if yes or plan_id is not None or not someone_to_ask():
            return _refused(stopping[0])
        lifted |= _numbers_typed(session, plan, stopping)
    elif not yes and someone_to_ask():
        _confirm(session, plan)
    options = {**lifted, "allow_empty_source": allow_empty}
    return _start(session, found, plan, options, detach=detach)


def feedback(
    session: Session,
    target: Annotated[
        str,
        typer.Argument(
            metavar="CONNECTION|LINK",
            help="A link, or all links of a connection.",
            autocompletion=complete.either,
            show_default=False,
        ),
    ],
    max_removals: MaxRemovals = None,
) -> ExitCode:
    """Pull what happened at the platform.

    Unsubscribes, bounces, confirmations and origin ids since the last time. Nothing is sent.
    """
    from console.cli.inline import carry
    from state.model import JobKind

    link = session.settings.links.get(target)
    if link is None and target not in session.settings.connections:
        _not_a_target(session, target)
    options = {"max_removals": max_removals}
    pick_up(session, connection=link.connection if link else target)
    end = carry(session, JobKind.FEEDBACK, connection="" if link else target, link=link, options=options)
    if session.json:
        document(
            {
                "connection": link.connection if link else target,
                "link": link.name if link else None,
                "job": end.job_id,
                "state": end.state.value,
                "counts": dict(end.counts),
            }
        )
    elif end.exit_code is ExitCode.DONE:
        told = counts_line(end.counts)
        say(end.text or told or "Nothing new.")
    return end.exit_code


def _not_a_target(session: Session, target: str) -> None:
    """Say why the name cannot be used: a faulty entry tells its fault, else nothing has that name."""
    from console.settings import SettingsError

    try:
        session.settings.link(target)
    except SettingsError as error:
        if error.reason != "link-missing":
            raise
    session.settings.connection(target)


# --- an export ---------------------------------------------------------------------------------------------


def _unfinished(session: Session, link: str) -> Job | None:
    from console.jobs.process import alive
    from state.jobs import judged, unfinished_export
    from state.moments import utc_now

    with session.writing() as state:
        job = unfinished_export(state, link)
        return judged(state, job, utc_now(), alive=alive) if job is not None else None


def _resume(
    session: Session, link: Link, job: Job, plan_id: str | None, *, allow_empty: bool, detach: bool
) -> ExitCode:
    from console.cli.following import wait_until_taken
    from console.jobs.follow import over
    from state.ids import short_id
    from state.jobs import JobRunning, set_option

    if not over(job):
        raise JobRunning(job)
    if plan_id is not None and not job.plan_id.startswith(plan_id.strip().upper()):
        raise CommandRefused(
            "import-open",
            f"Job {short_id(job.job_id)} of the link, with another plan, is not finished ({job.state.value}).",
            f"Resume it: listwarden job resume {short_id(job.job_id)}; or cancel it: listwarden job cancel …",
            exit_code=ExitCode.BUSY,
        )
    narrate(
        f"Resuming job {short_id(job.job_id)} of {job.operator}, begun {job.created_at:%Y-%m-%d %H:%M UTC}."
    )
    if allow_empty:
        with session.writing() as state:
            set_option(state, job.job_id, "allow_empty_source", True)
    spawn(session, job.job_id, link)
    if not detach:
        wait_until_taken(session, job)
    return _follow(session, job.job_id, job.plan_id, detach=detach)


def _plan(session: Session, link: Link, plan_id: str | None, allow_empty: bool) -> Plan | ExitCode:
    """The plan that was named, or a new one; the exit code when there is none."""
    from console.cli.preview import make_plan, show_plan
    from state.plans import get_plan, plan_job

    if plan_id is None:
        code, plan_id = make_plan(session, link, save=False, allow_empty=allow_empty)
        if code is not ExitCode.DONE:
            return code
        with session.reading() as state:
            plan = get_plan(state, plan_id)
    else:
        with session.reading() as state:
            plan = get_plan(state, plan_id)
            used = plan_job(state, plan.plan_id)
        if plan.link != link.name:
            raise CommandRefused(
                "plan-missing",
                f"Plan {plan_id} is one of the link {plan.link}.",
                f"listwarden preview {link.name} --save",
            )
        if used is not None:
            raise CommandRefused(
                "plan-used",
                f"Plan {plan_id} was exported by job {used} already.",
                f"Make a new one: listwarden preview {link.name} --save",
            )
    if not session.json and someone_to_ask():
        show_plan(session, plan)
    return plan


def _stopping(plan: Plan, lifted: Mapping[str, int | None]) -> list[Guard]:
    from console.jobs.preview import stops

    removals, write_backs = lifted["max_removals"], lifted["max_write_backs"]
    return [guard for guard in plan.guards if stops(guard, plan, removals, write_backs)]


def _refused(guard: Guard) -> ExitCode:
    tell(
        Failure(
            ExitCode.GUARD,
            guard.reason,
            f"A guard stops this export: {guard.rule}: {guard.value:,}, limit {guard.limit:,}. Nothing was sent.",
            guard.way_out,
        )
    )
    return ExitCode.GUARD


_TYPED = {
    "too-many-removals": ("max_removals", "removals and unsubscriptions"),
    "too-many-moves": ("max_removals", "changed addresses"),
    "too-many-write-backs": ("max_write_backs", "rows written into the source"),
}
"""Guards whose number may be typed: the option it becomes, and what is counted."""


def _numbers_typed(session: Session, plan: Plan, stopping: list[Guard]) -> dict[str, int]:
    """What is above a limit wants its number typed (design law 6, R11); other guards cannot be talked away."""
    from console.cli.ask import typed

    other = next((guard for guard in stopping if guard.reason not in _TYPED), None)
    if other is not None:
        raise CommandRefused(
            other.reason,
            f"A guard stops this export: {other.rule}. Nothing was sent.",
            other.way_out,
            exit_code=ExitCode.GUARD,
        )
    numbers: dict[str, int] = {}
    asked = _question(session, plan)
    for guard in stopping:
        option, counts = _TYPED[guard.reason]
        answer = typed(
            f"{asked}\nThat is {guard.value:,} {counts}, above the limit of {guard.limit:,}."
            "\nType that number to go on, anything else to leave: "
        )
        if answer.replace(",", "") != str(guard.value):
            raise _left()
        numbers[option], asked = max(guard.value, numbers.get(option, 0)), "And:"
    return numbers


def _confirm(session: Session, plan: Plan) -> None:
    from console.cli.ask import confirmed

    if not confirmed(_question(session, plan), word="export", way="Give --yes."):
        raise _left()


def _question(session: Session, plan: Plan) -> str:
    from console.cli.planrows import effect

    return f"{plan.connection}, list {plan.list_id}, plan {plan.digest}: {effect(session, plan)}"


def _left() -> CommandRefused:
    return CommandRefused("cancelled", "Nothing was sent.", exit_code=ExitCode.INTERRUPTED)


def _start(session: Session, link: Link, plan: Plan, options: Mapping[str, Any], *, detach: bool) -> ExitCode:
    from state.jobs import create_job
    from state.model import JobKind
    from state.moments import utc_now

    with session.writing() as state:
        job_id = create_job(
            state,
            kind=JobKind.EXPORT,
            connection=link.connection,
            link=link.name,
            plan_id=plan.plan_id,
            operator=session.operator,
            options=options,
            now=utc_now(),
            alone=True,
        )
    spawn(session, job_id, link)
    return _follow(session, job_id, plan.plan_id, detach=detach)


def _follow(session: Session, job_id: str, plan_id: str, *, detach: bool) -> ExitCode:
    from console.cli.following import follow_to_end, tell_job_end

    if detach:
        if session.json:
            document({"job": job_id, "plan": plan_id, "state": "queued", "outcomes": {}})
        else:
            say(job_id)
        return ExitCode.DONE
    job = follow_to_end(session, job_id)
    return ExitCode.INTERRUPTED if job is None else tell_job_end(session, job)


def spawn(session: Session, job_id: str, link: Link | None) -> None:
    """Start the job's process; it sees the secrets of its own link and of no other.

    Raises ``StateError`` state-full when the disk has no room for its log file.
    """
    from console.jobs.process import spawn_job
    from console.settings import foreign_secrets

    without = foreign_secrets(session.settings, link.connection, link.source) if link is not None else ()
    try:
        spawn_job(job_id, config=session.config_path, state_path=session.state_path, without=without)
    except OSError as error:
        from state.errors import StateError
        from state.ids import short_id

        if error.errno != errno.ENOSPC:
            raise
        raise StateError(
            "state-full",
            "The disk with the state file is full: the job's process could not be started. Nothing was sent.",
            f"Make room, then: listwarden job resume {short_id(job_id)}",
        ) from error
