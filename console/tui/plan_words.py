"""Plans in words: signs of classes and actions, the four lines about one row, the lines about the whole."""

from __future__ import annotations

import json
from datetime import datetime

from textual.content import Content

from console.tui.consents import consent_word
from console.tui.text import absolute, age, counted, number, relative, sentence, stacked
from state.ids import short_id
from state.model import Action, FieldDifference, Guard, JournalEntry, Plan, PlanRow, RowClass
from state.moments import moment
from state.plan_diff import Side
from state.reasons import reason

ACTIONS = {
    Action.ADD: ("+ add", "green"),
    Action.CHANGE: ("~ change", "yellow"),
    Action.MOVE: ("> move", "yellow"),
    Action.REMOVE: ("- remove", "red"),
    Action.UNSUBSCRIBE: ("! unsubscribe", "red"),
    Action.WRITE_BACK: ("« write back", "yellow"),
    Action.CREATE: ("* create", "green"),
}
"""The action in shape and word; colour only adds to it."""

KEYS = {row_class: str(place) for place, row_class in enumerate(RowClass, start=1) if place < 10}
"""The digit that chooses a class; the last of the vocabulary has none."""


def action_word(action: Action | None) -> tuple[str, str]:
    """Word and style of what is done about a row."""
    return ACTIONS[action] if action is not None else ("· nothing", "dim")


def row_detail(row: PlanRow, entry: JournalEntry | None) -> Content:
    """Four lines: who and what, before and after, why, since when and by whom with the next step."""
    about = reason(row.reason)
    ids = "".join(
        f" · {word} {text}"
        for word, text in (("source id", row.source_id), ("origin id", row.origin_id))
        if text
    )
    word, style = action_word(row.action)
    return stacked(
        [
            sentence(
                (row.email or "(no address)", "bold"), f" · {row.row_class.value} · ", (word, style), ids
            ),
            changes_line(row),
            sentence(("Why ", "dim"), about.help, (f" [{row.reason}]", "dim")),
            sentence(("Since ", "dim"), _since(row), _by(entry), (" → ", "dim"), about.next),
        ]
    )


def changes_line(row: PlanRow) -> Content:
    """Before and after of each mapped field, or of the address."""
    parts = [_difference(one, row.action) for one in row.differences]
    if row.former_email:
        parts.insert(0, f"address: {row.former_email} → {row.email}")
    if row.note:
        parts.append(row.note)
    if not parts:
        parts.append("no field differs" if row.action is None else "no field is sent")
    return sentence(("Fields ", "dim"), " · ".join(parts))


def _difference(one: FieldDifference, action: Action | None) -> str:
    if action is Action.CREATE:
        return f"{one.name}: {_value(one.after)} (new in the source)"
    if one.at_source or one.agreed is not None:
        return _three_way(one, action)
    return f"{one.name}: {_value(one.before)} → {_value(one.after)}"


def _three_way(one: FieldDifference, action: Action | None) -> str:
    """A two-way field: what both sides held, what each holds now, and whose value counts."""
    source, platform = (one.before, one.after) if one.at_source else (one.after, one.before)
    agreed = "never agreed" if one.agreed is None else f"agreed {_value(one.agreed)}"
    if one.at_source and action is None:
        wins = "handed to the source, which does not show it yet"
    elif one.at_source:
        wins = "the platform wins, goes back to the source"
    elif action is Action.CHANGE:
        wins = "the source wins"
    else:
        wins = "nobody wins: decide"
    return f"{one.name}: {agreed} → source {_value(source)} / platform {_value(platform)}; {wins}"


def _value(text: str | None) -> str:
    return "(none)" if not text else f"“{text}”"


def _since(row: PlanRow) -> str:
    known = (
        f"{consent_word(row.consent)} at the platform" if row.consent is not None else "not at the platform"
    )
    return f"{known}, {_when(row.since)}" if row.since else known


def _when(text: str) -> str:
    """A time as the adapter wrote it; one that is no time is shown as it is."""
    try:
        at = moment(text)
    except ValueError:
        return text
    return f"{relative(at)} ({absolute(at)})"


def _by(entry: JournalEntry | None) -> str:
    if entry is None:
        return ""
    who = entry.operator or ("the platform" if entry.origin.startswith(("poll", "webhook")) else entry.origin)
    return f" · last: {entry.what} by {who}, {relative(entry.at)}"


def plan_line(plan: Plan, now: datetime | None = None) -> Content:
    """Which plan this is: id, age, mode, which data leave (design law 8), digest."""
    by = f" by {plan.operator}" if plan.operator else ""
    return sentence(
        ("Plan ", "dim"),
        (short_id(plan.plan_id), "bold"),
        f" · {relative(plan.created_at, now)}{by}{' · kept' if plan.saved else ''} · mode {plan.mode.value}",
        f" · sends {', '.join(('address', *plan.fields))}",
        (f" · digest {plan.digest[:8]}", "dim"),
    )


def source_line(plan: Plan, now: datetime | None = None) -> Content | None:
    """Which members of the source were meant, and how old what was read is; None where the source tells neither.

    ``filter source=website, read for this plan`` or ``grid export of 2026-03-01 08:15 UTC, 6 h old``.
    """
    membership, as_of = plan.basis.get("source_membership", ""), plan.basis.get("source_as_of", "")
    if not membership and not as_of:
        return None
    words = membership or "file"
    if not as_of:
        return sentence(("Source ", "dim"), f"{words}, read for this plan")
    try:
        at = moment(as_of)
    except ValueError:
        return sentence(("Source ", "dim"), f"{words} of {as_of}")
    return sentence(("Source ", "dim"), f"{words} of {absolute(at)}, {age(at, now)} old")


TYPED_GUARDS = frozenset({"too-many-removals", "too-many-moves", "too-many-write-backs"})
"""Guards that a person lifts by typing the number (design law 6)."""


def guard_line(guard: Guard, *, stops: bool) -> Content:
    """Rule, value, limit and way out (F6); ``stops`` is False for one that holds nothing of this plan back."""
    way = "x asks for the number typed" if guard.reason in TYPED_GUARDS else guard.way_out.rstrip(".")
    return sentence(
        ("‼ ", "bold"),
        f"Guard: {guard.rule}: {number(guard.value)}, limit {number(guard.limit)}."
        f" {'Stops the export. ' if stops else ''}Way out: {way}.",
        (f" [{guard.reason}]", "dim"),
    )


def side_words(sides: tuple[Side, ...]) -> str:
    """What one plan says of an address."""
    if not sides:
        return "not in it"
    return "; ".join(
        (f"{action_word(side.action)[0]}, " if side.action else "")
        + f"{side.row_class.value}: {reason(side.reason).title}"
        for side in sides
    )


def payload_words(side: Side) -> str:
    """The values a plan would send for a row: ``FNAME: “Neo” · LNAME: “Kunz”``."""
    payload = json.loads(side.payload) if side.payload else {}
    fields = payload.pop("fields", {})
    return " · ".join(
        f"{name}: {_value(str(value))}" for name, value in {**fields, **payload}.items() if value
    )


def plan_counts(plan: Plan) -> str:
    """``12 to send of 812 rows``."""
    return f"{number(plan.writes)} to send of {counted(plan.rows, 'row')}"
