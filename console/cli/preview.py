"""``preview``: what an export would send, class by class; it cannot write anything at the platform."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import complete
from console.cli.command import LinkName, command
from console.cli.failure import CommandRefused
from console.cli.outfile import must_be_writable_form, write_file
from console.cli.output import document, json_with_rows, narrate, say
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode
from console.wording import absolute, counted, number

if TYPE_CHECKING:
    from state.model import FieldDifference, Link, Plan, PlanRow, RowClass
    from state.store import State

AllowEmpty = Annotated[
    str | None,
    typer.Option(
        "--allow-empty-source",
        metavar="LINK",
        help="Let an empty or much smaller source pass once; names the link again.",
        autocompletion=complete.links,
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "preview", example="listwarden preview members-news --class new")(preview)


def preview(
    session: Session,
    link: LinkName,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the plan for export --plan.", show_default=False)
    ] = False,
    row_class: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Show the rows of one class.",
            autocompletion=complete.classes,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the rows to FILE: .ndjson or .csv.", show_default=False
        ),
    ] = None,
    allow_empty_source: AllowEmpty = None,
) -> ExitCode:
    """Show what an export would send. Nothing is written.

    Class by class, with the reason why everybody else is left alone. With --read-only the newest saved plan is shown.
    """
    from console.cli.planrows import wanted_class

    found = session.link(link)
    wanted = wanted_class(row_class)
    must_be_writable_form(out)
    allow_empty = empty_source_allowed(link, allow_empty_source)
    if session.looks_only:
        plan_id = _saved_plan(session, link)
    else:
        end_code, plan_id = make_plan(session, found, save=save, allow_empty=allow_empty)
        if end_code is not ExitCode.DONE:
            return end_code
    with session.reading() as state:
        from state.plans import get_plan

        plan = get_plan(state, plan_id)
        if out is not None:
            _write(state, plan, wanted, out)
        if session.json:
            _print_json(state, plan, wanted)
        else:
            show_plan(session, plan)
            if wanted is not None:
                show_rows(state, plan, wanted)
    if save and plan.writes:
        narrate(f"next: listwarden export {link} --plan {plan.plan_id}")
    return ExitCode.DONE


def empty_source_allowed(link: str, named: str | None) -> bool:
    """``--allow-empty-source`` counts only if it names the very link (R09)."""
    if named is None:
        return False
    if named != link:
        raise CommandRefused(
            "usage", f"--allow-empty-source names {named}, the command {link}.", "Name the same link twice."
        )
    return True


def make_plan(session: Session, link: Link, *, save: bool, allow_empty: bool) -> tuple[ExitCode, str]:
    """Run a preview of the link; its exit code and the new plan's id."""
    from console.cli.inline import carry
    from state.model import JobKind

    options = {"save": save, "allow_empty_source": allow_empty}
    end = carry(session, JobKind.PREVIEW, link=link, options=options)
    return end.exit_code, str(end.result.get("plan", ""))


def show_plan(session: Session, plan: Plan) -> None:
    """The classes with their counts and reasons, the sum of what would happen, the guards."""
    from console.cli.planrows import effect, source_words
    from state.reasons import reason

    say(f"Plan {plan.plan_id} of {plan.link} ({plan.mode.value}), {absolute(plan.created_at)}")
    if source := source_words(plan):
        say(source)
    if plan.groups:
        table(
            ("class", "rows", "sent", "reason"),
            [
                (
                    group.row_class.value,
                    number(group.rows),
                    group.action.value if group.action else "–",
                    f"{reason(group.reason).title} [{group.reason}]",
                )
                for group in plan.groups
            ],
            right=(1,),
        )
    say(f"{counted(plan.rows, 'row')} in all. {effect(session, plan)}")
    for guard in plan.guards:
        say(f"!! {guard.rule}: {guard.value:,}, limit {guard.limit:,} [{guard.reason}]")
        say(f"   {guard.way_out}")


def show_rows(state: State, plan: Plan, wanted: RowClass) -> None:
    """The rows of one class, for people."""
    from console.cli.output import say_lines
    from console.cli.planrows import rows_of

    say()
    say_lines(_row_line(row) for row in rows_of(state, plan, wanted))


def _row_line(row: PlanRow) -> str:
    parts = [row.email or "(no address)", f"[{row.reason}]"]
    if row.source_id:
        parts.append(f"source id {row.source_id}")
    if row.former_email:
        parts.append(f"formerly {row.former_email}")
    parts += [_difference(one) for one in row.differences]
    if row.since:
        parts.append(f"since {row.since}")
    if row.note:
        parts.append(row.note)
    return "  ".join(parts)


def _difference(one: FieldDifference) -> str:
    """Before and after; of a two-way field also what both sides agreed on, and whether the source is what changes."""
    words = f"{one.name}: {_value(one.before)} → {_value(one.after)}"
    told = ["in the source"] if one.at_source else []
    if one.agreed is not None:
        told.append(f"agreed {_value(one.agreed)}")
    return f"{words} ({', '.join(told)})" if told else words


def _value(text: str | None) -> str:
    return "(none)" if text is None else f"“{text}”"


def _print_json(state: State, plan: Plan, wanted: RowClass | None) -> None:
    from console.cli.planrows import plan_as_json, row_as_json, rows_of

    if wanted is None:
        document(plan_as_json(plan))
        return
    json_with_rows(plan_as_json(plan), "rows", (row_as_json(row) for row in rows_of(state, plan, wanted)))


def _write(state: State, plan: Plan, wanted: RowClass | None, out: Path) -> None:
    from console.cli.planrows import COLUMNS, row_as_json, rows_of

    write_file(out, COLUMNS, (row_as_json(row) for row in rows_of(state, plan, wanted)))


def _saved_plan(session: Session, link: str) -> str:
    from state.plans import plans_of
    from state.undo import is_undo

    with session.reading() as state:
        plans = [plan for plan in plans_of(state, link) if not is_undo(plan)]
    if not plans:
        raise CommandRefused(
            "read-only",
            f"Read-only: no plan of {link} is saved, and no new one is made.",
            "Somebody who may write: listwarden preview LINK --save",
        )
    return plans[0].plan_id
