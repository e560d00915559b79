"""A campaign in words and plots: the way from sending to clicking as bars, opens and clicks over time as curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from textual.content import Content

from console.campaign_figures import Figures, percent
from console.tui.text import absolute, clipped, number, printable, sentence, stacked
from console.tui.widgets.plots import bar, curve
from state.campaigns import CampaignRow, Curve
from state.model import ActivityKind

SIGNS = {
    ActivityKind.SENT: "→",
    ActivityKind.OPENED: "◉",
    ActivityKind.CLICKED: "▣",
    ActivityKind.SOFT_BOUNCED: "↩",
    ActivityKind.HARD_BOUNCED: "✖",
    ActivityKind.UNSUBSCRIBED: "○",
}
"""What an address did in shape; the word stands beside it, colour only adds."""

STYLES = {
    ActivityKind.SENT: "dim",
    ActivityKind.OPENED: "green",
    ActivityKind.CLICKED: "cyan",
    ActivityKind.SOFT_BOUNCED: "yellow",
    ActivityKind.HARD_BOUNCED: "red",
    ActivityKind.UNSUBSCRIBED: "red",
}
SHORT = {
    ActivityKind.SENT: "sent",
    ActivityKind.OPENED: "opened",
    ActivityKind.CLICKED: "clicked",
    ActivityKind.SOFT_BOUNCED: "soft bounce",
    ActivityKind.HARD_BOUNCED: "hard bounce",
    ActivityKind.UNSUBSCRIBED: "left",
}
"""The kinds where all of them stand in one line of 80 cells."""

NOT_READ = "Its counts were not read yet. Go back and press L to ask the platform."
LABEL_CELLS, COUNT_CELLS, SHARE_CELLS, MOST_BAR_CELLS = 12, 9, 40, 60


class Scale(StrEnum):
    """How fine a curve over time is: hours of the first two days, or days of the first thirty."""

    HOURS = "hours"
    DAYS = "days"

    @property
    def hours_a_cell(self) -> int:
        return 1 if self is Scale.HOURS else 24

    @property
    def cells(self) -> int:
        return 48 if self is Scale.HOURS else 30

    @property
    def word(self) -> str:
        return "first 48 hours" if self is Scale.HOURS else "first 30 days"

    @property
    def other(self) -> Scale:
        return Scale.DAYS if self is Scale.HOURS else Scale.HOURS


def kind_word(kind: ActivityKind) -> str:
    """``◉ opened``"""
    return f"{SIGNS[kind]} {kind.value}"


def funnel_lines(figures: Figures, width: int) -> list[Content]:
    """Sends, delivered, opened, clicked, bounced, unsubscribed: each with its number, its bar of all sends, its share."""
    sent, delivered = figures.sent, figures.delivered
    bounced = figures.soft_bounced + figures.hard_bounced
    rows = (
        ("sends", sent, "", ""),
        ("delivered", delivered, f"{percent(delivered, sent)} of sends", ""),
        (
            "opened by",
            figures.opened_by,
            f"{percent(figures.opened_by, delivered)} of delivered · {figures.opens:,} opens",
            STYLES[ActivityKind.OPENED],
        ),
        (
            "clicked by",
            figures.clicked_by,
            f"{percent(figures.clicked_by, delivered)} of delivered · {figures.clicks:,} clicks",
            STYLES[ActivityKind.CLICKED],
        ),
        (
            "bounced",
            bounced,
            f"{percent(bounced, sent)} of sends · {figures.soft_bounced:,} soft, {figures.hard_bounced:,} hard",
            STYLES[ActivityKind.SOFT_BOUNCED],
        ),
        (
            "unsubscribed",
            figures.unsubscribed,
            f"{percent(figures.unsubscribed, delivered)} of delivered",
            STYLES[ActivityKind.UNSUBSCRIBED],
        ),
    )
    room = max(4, min(MOST_BAR_CELLS, width - LABEL_CELLS - COUNT_CELLS - SHARE_CELLS - 3))
    return [
        Content.assemble(
            (f"{label:<{LABEL_CELLS}}", "bold"),
            f" {number(count):>{COUNT_CELLS}} ",
            (f"{bar(count, sent, room):<{room}}", style),
            clipped(f" {told}", max(0, width - LABEL_CELLS - COUNT_CELLS - 2 - room)),
        )
        for label, count, told, style in rows
    ]


def by_cell(hours: Mapping[int, int], scale: Scale) -> list[int]:
    """Times by hour after the sending, summed to the cells of a scale; what came later is left out."""
    found = [0] * scale.cells
    for hour, times in hours.items():
        at = hour // scale.hours_a_cell
        if at < scale.cells:
            found[at] += times
    return found


def curve_lines(opened: Mapping[int, int], clicked: Mapping[int, int], scale: Scale) -> list[Content]:
    """Opens and clicks over time, one cell an hour or a day, with the most that fell into one."""
    lines = []
    for label, hours, style in (
        ("opens", opened, STYLES[ActivityKind.OPENED]),
        ("clicks", clicked, STYLES[ActivityKind.CLICKED]),
    ):
        values = by_cell(hours, scale)
        greatest = max(values)
        unit = scale.value.removesuffix("s")
        told = f" most {greatest:,} in {unit} {values.index(greatest) + 1}" if greatest else f" no {label}"
        lines.append(
            Content.assemble((f"{label:<7}", "bold"), (curve(values, scale.cells), style), (told, "dim"))
        )
    return lines


def summed(curves: Iterable[Curve | None]) -> tuple[dict[int, int], dict[int, int]]:
    """Opens and clicks of several campaigns by hours after each one's own sending."""
    opened: dict[int, int] = {}
    clicked: dict[int, int] = {}
    for one in curves:
        if one is None:
            continue
        for into, hours in ((opened, one.opened), (clicked, one.clicked)):
            for hour, times in hours.items():
                into[hour] = into.get(hour, 0) + times
    return opened, clicked


def small_curve(curves: Sequence[Curve | None], cells: int) -> str:
    """Opens in the first days after the sending, a cell a day: for a cell of a table."""
    opened, _ = summed(curves)
    return curve(by_cell(opened, Scale.DAYS)[:cells], cells) if opened else ""


def places_of(row: CampaignRow) -> str:
    """The lists it went to, by the links that use them."""
    return ", ".join(one.link or one.name or one.list_id for one in row.lists)


def sent_word(row: CampaignRow) -> str:
    """When it was sent, or what it is instead."""
    if row.gone_at is not None:
        return "✖ gone"
    if not row.sent:
        return row.status or "not sent"
    return f"{row.sent_at:%Y-%m-%d %H:%M}" if row.sent_at is not None else "sent"


def campaign_facts(row: CampaignRow) -> Content:
    """Name, subject, when, where to, and what it counts to: one or two lines."""
    about = [f"sent {absolute(row.sent_at)}" if row.sent else printable(row.status or "not sent")]
    if row.from_name:
        about.append(f"from {printable(row.from_name)}")
    about.append(f"to {printable(places_of(row))}")
    if row.marketing != row.own_code:
        about.append(f"counts to “{printable(row.marketing)}”")
    if row.gone_at is not None:
        about.append(f"gone from the platform since {absolute(row.gone_at)}")
    subject = f"  “{printable(row.subject)}”" if row.subject else ""
    return stacked([sentence((row.name or row.campaign_id, "bold"), subject), sentence(" · ".join(about))])
