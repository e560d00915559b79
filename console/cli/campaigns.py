"""``campaigns``: what was sent to the linked lists of a connection, and what people did with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.campaign_figures import NO_SHARE, figures_of, figures_of_group, with_percent
from console.cli import complete
from console.cli.campaign_rows import (
    ACTIVITY_COLUMNS,
    CAMPAIGN_COLUMNS,
    GROUP_COLUMNS,
    activity_as_json,
    campaign_as_json,
    group_as_json,
)
from console.cli.command import ConnectionName, command
from console.cli.failure import CommandRefused
from console.cli.outfile import must_be_writable_form, write_file
from console.cli.output import document, json_with_rows, narrate, say, say_lines
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode
from console.wording import absolute, counted, number

if TYPE_CHECKING:
    from datetime import datetime

    from console.campaign_figures import Figures
    from state.activity_view import ActivityRow, ActivityWindow
    from state.campaigns import CampaignRow
    from state.marketing import MarketingCampaign
    from state.model import ActivityKind
    from state.store import State

PAGE = 1_000

SHARES = "Delivered and bounces in % of sends; opened, clicked and unsubscribed in % of delivered; persons count once."
FIGURES = ("sends", "delivered", "opened by", "clicked by", "soft bounces", "hard bounces", "unsubscribed")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "campaigns", example="listwarden campaigns verband --campaign 301 --kind clicked")(campaigns)


def campaigns(
    session: Session,
    connection: ConnectionName,
    verb: Annotated[
        str | None,
        typer.Argument(
            metavar="merge|split",
            help="merge NAME ID…: count campaigns as one marketing campaign. split ID…: each by itself again.",
            show_default=False,
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME] [ID]...", help="For merge and split.", show_default=False),
    ] = None,
    read: Annotated[
        bool, typer.Option("--read", help="Ask the platform first (a job).", show_default=False)
    ] = False,
    campaign: Annotated[
        str | None,
        typer.Option("--campaign", metavar="ID", help="One campaign and its activity.", show_default=False),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="Of its activity only: sent, opened, clicked, soft-bounced, hard-bounced or unsubscribed.",
            autocompletion=complete.activity_kinds,
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", help="At most so many activities; 0: all.", min=0)
    ] = 100,
    marketing: Annotated[
        bool,
        typer.Option("--marketing", help="Marketing campaigns instead of single ones.", show_default=False),
    ] = False,
    unsent: Annotated[
        bool, typer.Option("--unsent", help="Those not sent (yet), too.", show_default=False)
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Write all rows to FILE: .ndjson or .csv.",
            show_default=False,
        ),
    ] = None,
) -> ExitCode:
    """Campaigns sent to the linked lists.

    With date, sends, opens, clicks, bounces and unsubscriptions, as last read; --read asks the platform first. With --campaign what each address did.
    """
    name = session.connection(connection)
    if verb is not None:
        return _regroup(session, name, verb, words or [])
    wanted = _kind(kind)
    must_be_writable_form(out)
    exit_code = _read(session, name) if read else ExitCode.DONE
    if exit_code not in (ExitCode.DONE, ExitCode.PARTLY):
        return exit_code
    with session.reading() as state:
        if campaign is not None:
            _show_one(session, state, name, campaign, wanted, limit, out)
        else:
            _show_all(session, state, name, out, marketing=marketing, unsent=unsent)
    return exit_code


def _read(session: Session, name: str) -> ExitCode:
    from console.cli.inline import carry
    from state.model import JobKind

    end = carry(session, JobKind.CAMPAIGNS, connection=name)
    if end.exit_code is ExitCode.DONE:
        narrate(end.text)
    return end.exit_code


def _kind(word: str | None) -> ActivityKind | None:
    from state.model import ActivityKind

    try:
        return ActivityKind(word) if word is not None else None
    except ValueError:
        raise CommandRefused(
            "usage",
            f"There is no kind of activity {word}.",
            "Kinds: " + ", ".join(one.value for one in ActivityKind),
        ) from None


def _regroup(session: Session, name: str, verb: str, words: Sequence[str]) -> ExitCode:
    """``merge NAME ID…`` and ``split ID…``; nothing at the platform changes."""
    from state.marketing import merge_campaigns, split_campaigns

    if verb not in ("merge", "split"):
        raise CommandRefused(
            "usage", f"campaigns knows no {verb}.", "merge NAME ID… or split ID…; without it: the campaigns."
        )
    if len(words) < (2 if verb == "merge" else 1):
        raise CommandRefused(
            "usage",
            f"campaigns {name} {verb} wants " + ("a name and ids." if verb == "merge" else "ids."),
            f"Ids: listwarden campaigns {name}",
        )
    session.must_write(f"{verb} of campaigns")
    with session.writing() as state:
        if verb == "merge":
            together, *ids = words
            merge_campaigns(state, name, together, ids)
            told = (
                f"{counted(len(set(ids)), 'campaign')} of {name} count to “{' '.join(together.split())}” now."
            )
        else:
            ids = list(words)
            split_campaigns(state, name, ids)
            told = f"{counted(len(set(ids)), 'campaign')} of {name} count by themselves again."
        rows = _of_ids(state, name, ids)
    if session.json:
        document([campaign_as_json(row) for row in rows])
    else:
        say(told)
    return ExitCode.DONE


def _of_ids(state: State, name: str, ids: Sequence[str]) -> list[CampaignRow]:
    from state.campaigns import campaign_rows

    return campaign_rows(state, name, campaign_ids=ids)


# --- all campaigns -------------------------------------------------------------------------------------------


def _show_all(
    session: Session, state: State, name: str, out: Path | None, *, marketing: bool, unsent: bool
) -> None:
    from state.campaigns import campaign_rows, campaigns_at
    from state.marketing import marketing_campaigns

    rows = [row for row in campaign_rows(state, name) if row.sent or unsent]
    read_at = campaigns_at(state, name)
    if marketing:
        groups = [(group, _group_figures(state, group)) for group in marketing_campaigns(rows)]
        told = [group_as_json(group, figures) for group, figures in groups]
        _put(session, GROUP_COLUMNS, told, out, lambda: _group_table(groups))
    else:
        _put(
            session,
            CAMPAIGN_COLUMNS,
            [campaign_as_json(row) for row in rows],
            out,
            lambda: _campaign_table(rows),
        )
    if read_at is None:
        narrate(f"Not all campaigns of {name} were read yet. Read them: listwarden campaigns {name} --read")
    else:
        narrate(f"As read {absolute(read_at)}; anew: listwarden campaigns {name} --read")


def _put(
    session: Session,
    columns: Sequence[str],
    rows: Sequence[dict[str, object]],
    out: Path | None,
    show: Callable[[], None],
) -> None:
    if out is not None:
        write_file(out, columns, rows)
    if session.json:
        document(rows)
    elif out is None:
        show()


def _campaign_table(rows: Sequence[CampaignRow]) -> None:
    if not rows:
        say("No sent campaign is known.")
        return
    table(
        ("id", "name", "sent (UTC)", "list", *FIGURES, "counts to"),
        [
            (
                row.campaign_id,
                row.name + (" (gone from the platform)" if row.gone_at else ""),
                _minute(row.sent_at) if row.sent else row.status or "not sent",
                ", ".join(one.link or one.name or one.list_id for one in row.lists),
                *_figure_cells(figures_of(row)),
                row.marketing if row.marketing != row.own_code else "",
            )
            for row in rows
        ],
        right=tuple(range(4, 4 + len(FIGURES))),
    )
    narrate(SHARES)


def _group_figures(state: State, group: MarketingCampaign) -> Figures:
    from state.activities import persons

    return figures_of_group(group, persons(state, group.nos))


def _group_table(groups: Sequence[tuple[MarketingCampaign, Figures]]) -> None:
    if not groups:
        say("No sent campaign is known.")
        return
    table(
        ("marketing campaign", "campaigns", "first sent (UTC)", "last sent (UTC)", *FIGURES),
        [
            (
                group.name,
                number(len(group.campaigns)),
                _minute(group.first_sent),
                _minute(group.last_sent),
                *_figure_cells(figures),
            )
            for group, figures in groups
        ],
        right=(1, *range(4, 4 + len(FIGURES))),
    )
    narrate(SHARES)


def _figure_cells(figures: Figures | None) -> tuple[str, ...]:
    if figures is None:
        return (NO_SHARE,) * len(FIGURES)
    return (
        number(figures.sent),
        with_percent(figures.delivered, figures.sent),
        with_percent(figures.opened_by, figures.delivered),
        with_percent(figures.clicked_by, figures.delivered),
        with_percent(figures.soft_bounced, figures.sent),
        with_percent(figures.hard_bounced, figures.sent),
        with_percent(figures.unsubscribed, figures.delivered),
    )


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment is not None else NO_SHARE


# --- one campaign --------------------------------------------------------------------------------------------


def _show_one(
    session: Session,
    state: State,
    name: str,
    campaign_id: str,
    kind: ActivityKind | None,
    limit: int,
    out: Path | None,
) -> None:
    from state.activity_view import ActivityWindow
    from state.campaigns import campaign_named

    row = campaign_named(state, campaign_id, name)
    window = ActivityWindow([row.no], kind=kind)
    if out is not None:
        write_file(out, ACTIVITY_COLUMNS, (activity_as_json(one) for one in _rows(state, window)))
    shown = _rows(state, window) if limit == 0 else islice(_rows(state, window), limit)
    if session.json:
        if out is None:
            json_with_rows(campaign_as_json(row), "activity", (activity_as_json(one) for one in shown))
        else:
            document(campaign_as_json(row))
        return
    _say_head(row)
    if out is not None:
        return
    say()
    say_lines(_activity_line(one) for one in shown)
    total = window.count(state).rows
    if limit and total > limit:
        narrate(
            f"The newest {limit:,} of {counted(total, 'activity', 'activities')} are shown; all: --limit 0"
        )
    elif total == 0 and row.cursor is None:
        narrate(f"Its activity was not read yet: listwarden campaigns {name} --read")


def _rows(state: State, window: ActivityWindow) -> Iterator[ActivityRow]:
    """All rows of the window, page by page; it is counted whole first, so that pages have their places."""
    while not window.count(state).exact:
        pass
    for first in range(0, window.count(state).rows, PAGE):
        yield from window.rows(state, first, PAGE)


def _say_head(row: CampaignRow) -> None:
    say(f"{row.name}  {row.campaign_id}" + (" (gone from the platform)" if row.gone_at else ""))
    if row.subject:
        say(f"subject       {row.subject}")
    say(f"sent          {absolute(row.sent_at) if row.sent else row.status or 'not sent'}")
    say(f"list          {', '.join(one.link or one.name or one.list_id for one in row.lists)}")
    say(f"counts to     {row.marketing}")
    figures = figures_of(row)
    if figures is None:
        return
    for word, told in zip(FIGURES, _figure_cells(figures), strict=True):
        say(f"{word:<13} {told}")
    say(f"{'opens, clicks':<13} {figures.opens:,} and {figures.clicks:,} in all")
    narrate(SHARES)


def _activity_line(row: ActivityRow) -> str:
    times = f"{row.times:,} times" if row.times > 1 else ""
    return "  ".join(
        filter(None, (f"{row.at:%Y-%m-%d %H:%M:%S}", row.kind.value, row.email, times, row.detail))
    )
