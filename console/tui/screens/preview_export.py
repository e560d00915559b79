"""Exporting from the preview: what is unfinished goes first; else the plan is confirmed and its job started.

Invariant: a job is started only after the dialog's button was pressed, and with removals or unsubscriptions in
the plan only after their number was typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from console.blast_radius import BlastRadius, action_line, effort_line
from console.tui.job_control import go_on_with, stands_still
from console.tui.places import Place, PlaceKind
from console.tui.plan_words import guard_line
from console.tui.screens.confirm import Confirm
from console.tui.text import counted, sentence, when
from state.errors import StateError
from state.ids import short_id
from state.jobs import JobRunning, job_options
from state.model import Job, JobKind, Plan
from state.outcomes import outcome_counts
from state.plans import get_plan
from state.store import State

if TYPE_CHECKING:
    from console.tui.screens.preview import PreviewPage


async def export_plan(page: PreviewPage) -> None:
    """Ask, start, and go to the job's screen."""
    app, data = page.console_app, page.data
    if data.unfinished is not None:
        await _unfinished_first(page, data.unfinished)
        return
    plan, radius = page.plan, page.radius
    if plan is None or radius is None:
        return
    link = app.settings.links.get(plan.link)
    source = link.source if link is not None else "the source"
    lines = confirm_lines(plan, radius, data.list_name, source, outdated=data.outdated)
    sure = await app.push_screen_wait(
        Confirm(
            f"Export {plan.link} to {data.list_name}",
            lines,
            action_line(radius, data.list_name, source),
            typed=_typed(plan, radius),
            danger=bool(radius.losses),
        )
    )
    if not sure:
        return
    options: dict[str, object] = {}
    if radius.typed_losses:
        options["max_removals"] = radius.typed_losses
    if radius.source_writes:
        options["max_write_backs"] = radius.source_writes
    if data.preview is not None and data.preview.plan_id == plan.plan_id:
        try:
            made_with = await app.ask(job_options, data.preview.job_id)
        except StateError as error:
            app.say(f"{error.text} {error.next}", error=True)
            return
        if made_with.get("allow_empty_source"):
            options["allow_empty_source"] = True
    job_id = await app.launch(
        JobKind.EXPORT, plan.connection, link=plan.link, plan_id=plan.plan_id, options=options
    )
    if job_id is not None:
        app.go(Place(PlaceKind.JOB, job_id))


def _typed(plan: Plan, radius: BlastRadius) -> str | list[tuple[str, str]]:
    """What cannot be taken back wants its number typed: who leaves, whose subscription goes to another address in
    a number that a guard holds (design law 6), and what the source is given."""
    guarded = any(guard.reason == "too-many-moves" for guard in plan.guards)
    asked = [
        (radius.losses, "removals and unsubscriptions"),
        (radius.moves if guarded else 0, "changed addresses"),
        (radius.source_writes, "writes to the source"),
    ]
    wanted = [(str(count), what) for count, what in asked if count]
    return wanted if len(wanted) > 1 else wanted[0][0] if wanted else ""


def confirm_lines(
    plan: Plan, radius: BlastRadius, list_name: str, source: str, *, outdated: str
) -> list[Content | str]:
    """What the dialog says above its button; every number is the plan's (F7)."""
    lines: list[Content | str] = [
        sentence(
            "Plan ",
            (short_id(plan.plan_id), "bold"),
            f" (digest {plan.digest[:8]}) of {when(plan.created_at)} to ",
            (list_name, "bold"),
            ":",
        ),
        f"  adds          {radius.additions:>9,}",
        f"  changes       {radius.changes:>9,}",
        f"  moves         {radius.moves:>9,}",
        f"  removes       {radius.removals:>9,}",
        f"  unsubscribes  {radius.unsubscriptions:>9,}",
        *_source_lines(radius, source),
        sentence(
            f"  {radius.irreversible:,} of these cannot be taken back; "
            if radius.irreversible
            else "  An undo plan is kept for what can be taken back; ",
            f"{counted(radius.mails, 'confirmation mail')} by the platform."
            if radius.mails
            else "no mail is sent.",
        ),
        f"  {effort_line(radius)}." if radius.calls is not None else "",
        f"  Leaves this house: {', '.join(radius.leaves)}.",
    ]
    lines += [guard_line(guard, stops=False) for guard in plan.guards]
    if outdated:
        lines.append(
            sentence(("▲ ", "bold"), f"Perhaps outdated: {outdated}. The export looks again and stops if so.")
        )
    return [line for line in lines if line]


def _source_lines(radius: BlastRadius, source: str) -> list[Content | str]:
    if not radius.source_writes:
        return []
    return [
        sentence(f"  writes back   {radius.write_backs:>9,}  to {source}"),
        sentence(f"  creates       {radius.creations:>9,}  in {source}"),
    ]


async def _unfinished_first(page: PreviewPage, job: Job) -> None:
    app = page.console_app
    place = Place(PlaceKind.JOB, job.job_id)
    if not stands_still(job):
        if job.pid is not None:
            app.say(JobRunning(job).text, warning=True)  # the holder is named (R46)
        app.go(place)
        return
    try:
        left = await app.ask(_left, job.job_id)
    except StateError as error:
        app.say(f"{error.text} {error.next}", error=True)
        return
    sure = await app.push_screen_wait(
        Confirm(
            f"An export of {job.link} is unfinished",
            [
                sentence(
                    "Job ",
                    (short_id(job.job_id), "bold"),
                    f" of {job.operator} on {job.host}, begun {when(job.created_at)}:",
                ),
                job.text or job.waiting_for,
                f"{counted(left, 'row')} of its plan without an outcome. It is gone on with before anything else is sent;"
                " what got no answer is read back first. To give it up instead: open it with b, then c.",
            ],
            f"Go on with job {short_id(job.job_id)}",
        )
    )
    if sure and await go_on_with(app, job.job_id):
        app.go(place)


def _left(state: State, job_id: str) -> int:
    from state.jobs import get_job, job_no

    job = get_job(state, job_id)
    return outcome_counts(state, job_no(state, job_id), get_plan(state, job.plan_id))["todo"]
