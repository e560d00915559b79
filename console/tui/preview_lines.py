"""The preview's lines: classes with their counts, rows, and what stands above them."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from console.blast_radius import BlastRadius
from console.import_words import import_line
from console.jobs.preview import stops
from console.tui.plan_words import KEYS, action_word, guard_line
from console.tui.preview_data import PreviewData
from console.tui.text import number, sentence, stacked
from console.tui.widgets.sqlite_table import Cell
from console.tui.widgets.status_line import standing
from state.ids import short_id
from state.model import Action, FieldDifference, JobState, Plan, PlanRow, RowClass
from state.reasons import REASONS, reason

EMPTY_SOURCE = frozenset({"source-empty", "source-shrank"})
"""Why a preview stops before there is a plan, and may be let pass once by a person (R09)."""


@dataclass(slots=True, frozen=True)
class ClassLine:
    """One line of the list of classes: all rows, a class, or a reason below the chosen class."""

    row_class: RowClass | None
    reason: str
    rows: int
    action: Action | None = None


def notice(data: PreviewData, radius: BlastRadius | None, limited: tuple[int, str] | None) -> Content:
    """What must be known before anything is sent: a failed preview, an export under way, age, guards.

    ``limited`` is how many addresses of which job the rows are limited to.
    """
    lines = [*_last_failure(data), *_used(data), *_imports(data)]
    if data.plan is not None and data.used_by is None:
        losses, back = (radius.typed_losses, radius.source_writes) if radius is not None else (0, 0)
        lines += [guard_line(one, stops=stops(one, data.plan, losses, back)) for one in data.plan.guards]
    if limited is not None:
        lines.append(
            sentence(
                f"Only the {number(limited[0])} addresses that job {limited[1]} could not settle; 0 shows all."
            )
        )
    return stacked(lines)


def _last_failure(data: PreviewData) -> list[Content]:
    failed, plan = data.preview, data.plan
    if failed is None or failed.state is not JobState.FAILED:
        return []
    if plan is not None and failed.created_at <= plan.created_at:
        return []
    known = REASONS.get(failed.reason)
    lines = [
        sentence(("✖ ", "bold"), f"The last preview failed: {failed.text} ", known.next if known else "")
    ]
    if failed.reason in EMPTY_SOURCE:
        lines.append(sentence("A lets this source pass once, after the link's name is typed."))
    return lines


def _used(data: PreviewData) -> list[Content]:
    job = data.unfinished
    if job is not None:
        return [
            sentence(
                ("‖ ", "bold"),
                f"Export {short_id(job.job_id)} of this link by {job.operator} on {job.host} is {standing(job)}:"
                " b opens it, x goes on with it first.",
            )
        ]
    if data.used_by is not None:
        return [
            sentence(
                f"This plan was exported by job {short_id(data.used_by.job_id)} ({standing(data.used_by)}):"
                " b opens it, p makes a new plan."
            )
        ]
    if data.outdated:
        return [sentence(("▲ ", "bold"), f"Perhaps outdated: {data.outdated}. p makes a new plan.")]
    return []


def _imports(data: PreviewData) -> list[Content]:
    """Nothing is exported while the platform still works for another job of the account."""
    return [
        sentence(
            ("◷ ", "bold"),
            f"The platform still works on {import_line(one)}. No export of this account begins before that;"
            " b opens the job.",
        )
        for one in data.imports[:2]
    ]


def class_lines(plan: Plan | None, chosen: tuple[RowClass | None, str]) -> list[ClassLine]:
    """The list of classes: every class of the vocabulary, and the reasons of the chosen one below it."""
    if plan is None:
        return []
    counts = plan.counts
    lines = [ClassLine(None, "", plan.rows)]
    for row_class in RowClass:
        lines.append(ClassLine(row_class, "", counts[row_class.value]))
        if chosen[0] is row_class:
            lines += [
                ClassLine(row_class, group.reason, group.rows, group.action)
                for group in plan.groups
                if group.row_class is row_class
            ]
    return lines


def class_cells(line: ClassLine) -> tuple[Cell, ...]:
    """A line of the list of classes."""
    if line.row_class is None:
        return ("0 all rows", number(line.rows))
    style = "" if line.rows else "dim"
    if line.reason:
        return (f"  › {reason(line.reason).title}", number(line.rows))
    return ((f"{KEYS.get(line.row_class, ' ')} {line.row_class.value}", style), (number(line.rows), style))


def row_cells(row: PlanRow) -> tuple[Cell, ...]:
    """A line of the table of rows."""
    return (
        row.email or "(no address)",
        action_word(row.action),
        reason(row.reason).title,
        row.source_id,
        row.row_class.value,
    )


def row_values(row: PlanRow) -> tuple[str, ...]:
    """A row for a file."""
    return (
        row.email,
        row.row_class.value,
        row.reason,
        row.action.value if row.action else "",
        row.source_id,
        row.origin_id,
        row.former_email,
        row.consent.value if row.consent else "",
        row.since,
        "; ".join(_change(one) for one in row.differences),
    )


def _change(one: FieldDifference) -> str:
    words = f"{one.name}: {one.before or ''} -> {one.after or ''}"
    if one.agreed is not None:
        words += f" (agreed: {one.agreed})"
    return f"{words} (at the source)" if one.at_source else words
