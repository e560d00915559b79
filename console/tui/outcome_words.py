"""Outcomes in words: shape and word, the reason, the next step, what the platform said."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from console.tui.plan_words import action_word
from console.tui.text import number, sentence, stacked
from console.tui.widgets.sqlite_table import Cell
from state.model import Action, Outcome
from state.outcome_view import OutcomeGroup
from state.outcomes import OutcomeRow
from state.reasons import REASONS

OUTCOMES = {
    Outcome.TODO: ("… todo", "dim"),
    Outcome.ACCEPTED: ("◷ accepted", "yellow"),
    Outcome.SENT: ("● sent", "green"),
    Outcome.UNVERIFIED: ("▲ unverified", "yellow"),
    Outcome.REJECTED: ("✖ rejected", "red"),
    Outcome.WITHHELD: ("○ withheld", ""),
    Outcome.UNKNOWN: ("? unknown", "red"),
}
"""The outcome in shape and word; colour only adds to it."""

REFUSED = frozenset({"compliance-state", "erased-remotely"})
"""Why the platform will not take an address back by itself, though the answer spoils no run."""

MEANS = {
    Outcome.TODO: "Not sent yet.",
    Outcome.ACCEPTED: "The platform took it over and works on it; it is not applied yet.",
    Outcome.SENT: "Done.",
    Outcome.UNVERIFIED: "The platform said yes, and reading back did not show it.",
    Outcome.REJECTED: "The platform refused it.",
    Outcome.WITHHELD: "We did not send it, or it was not needed.",
    Outcome.UNKNOWN: "Nobody knows yet whether it was applied.",
}


def refused_addition(row: OutcomeRow) -> bool:
    """An addition that was refused: a person may leave it, have the person asked, or mark the address."""
    if row.action is not Action.ADD:
        return False
    return row.outcome is Outcome.REJECTED or (row.outcome is Outcome.WITHHELD and row.reason in REFUSED)


def group_cells(group: OutcomeGroup) -> tuple[Cell, ...]:
    """A line of the table outcome by reason."""
    known = REASONS.get(group.reason)
    return (
        OUTCOMES[group.outcome],
        number(group.rows),
        known.title if known else group.reason or MEANS[group.outcome],
        known.next if known else "",
    )


def outcome_cells(row: OutcomeRow) -> tuple[Cell, ...]:
    """A line of the table of rows."""
    known = REASONS.get(row.reason)
    return (
        row.email,
        OUTCOMES[row.outcome],
        known.title if known else row.reason,
        action_word(row.action),
        _clock(row.accepted_at),
        _clock(row.applied_at),
        row.origin_id,
        row.raw,
    )


def _clock(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}" if at is not None else ""


def outcome_detail(row: OutcomeRow) -> Content:
    """What became of one row, why, and what can be done."""
    known = REASONS.get(row.reason)
    word, style = OUTCOMES[row.outcome]
    lines: list[Content | str] = [
        sentence(
            (row.email, "bold"),
            " · ",
            action_word(row.action),
            " · ",
            (word, style),
            f" · {MEANS[row.outcome]}",
        )
    ]
    if known is not None:
        lines.append(sentence(("Why ", "dim"), f"{known.title}. {known.help}", (f" [{row.reason}]", "dim")))
        lines.append(sentence(("→ ", "dim"), known.next))
    if times := _times(row):
        lines.append(sentence(times))
    if row.raw:
        lines.append(sentence(("The platform said ", "dim"), row.raw))
    if refused_addition(row):
        lines.append("Leave it, or: u has the platform ask the person · m marks the address as suppressed")
    return stacked(lines)


def _times(row: OutcomeRow) -> str:
    """Taken over and applied are different things, with different times (R45)."""
    told = [
        f"{word} {at:%Y-%m-%d %H:%M:%S} UTC"
        for word, at in (("Accepted by the platform", row.accepted_at), ("applied", row.applied_at))
        if at is not None
    ]
    words = " · ".join(told)
    return words[:1].upper() + words[1:]


def outcome_values(row: OutcomeRow) -> tuple[str, ...]:
    """A row for a file."""
    return (
        row.email,
        row.action.value,
        row.outcome.value,
        row.reason,
        row.origin_id,
        row.raw,
        row.accepted_at.isoformat() if row.accepted_at else "",
        row.applied_at.isoformat() if row.applied_at else "",
    )
