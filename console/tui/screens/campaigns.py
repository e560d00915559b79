"""The campaigns of one connection: when, where to, how many opened and clicked; singly or as marketing campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.campaign_figures import NO_SHARE, figures_of, percent
from console.tui.campaign_data import CampaignsData, read_campaigns
from console.tui.campaign_groups import merge, split
from console.tui.campaign_words import campaign_facts, places_of, sent_word, small_curve
from console.tui.export_view import View
from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.screens.page import Page
from console.tui.text import absolute, counted, number, sentence, stacked, when
from console.tui.widgets.sqlite_table import Cell, Column, Fixed, SqliteTable
from console.tui.work import start, start_alone
from state.campaigns import CampaignRow
from state.errors import StateError
from state.marketing import MarketingCampaign
from state.model import ActivityKind, JobKind

CURVE_CELLS = 14
CAMPAIGNS = (
    Column("", 1),
    Column("Sent (UTC)", 16),
    Column("Campaign", 14, weight=3),
    Column("Sends", 7, right=True),
    Column("Opened", 7, right=True),
    Column("14 days", CURVE_CELLS),
    Column("Clicked", 7, right=True, drop=1),
    Column("Bounced", 7, right=True, drop=2),
    Column("Left", 7, right=True, drop=3),
    Column("To", 12, weight=1, drop=4),
    Column("Counts to", 14, weight=1, drop=5),
)
GROUPS = (
    Column("Marketing campaign", 18, weight=3),
    Column("Of", 4, right=True),
    Column("Last sent (UTC)", 16),
    Column("Sends", 8, right=True),
    Column("Opens", 8, right=True),
    Column("14 days", CURVE_CELLS),
    Column("Clicks", 8, right=True, drop=1),
    Column("Bounced", 7, right=True, drop=2),
    Column("Left", 7, right=True, drop=3),
)


class CampaignsPage(Page):
    """Campaigns of a connection."""

    PAGE: ClassVar[str] = "campaigns"
    TITLE_TEXT: ClassVar[str] = "Campaigns"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "What was sent to the linked lists, as the platform told it when it was last asked (L asks again, a job).",
        "Opened and Clicked: persons in % of the delivered mails; Bounced in % of the sends; Left: unsubscribed. 14 days:",
        "opens a day after the sending. v shows marketing campaigns: several campaigns counted as one, merged by M.",
    )
    FILTER_HINT: ClassVar[str] = "name, subject, id, list or marketing campaign"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = place.name
        self.marked: set[str] = set()
        self._data: CampaignsData | None = None
        self._grouped = False
        self._filter = ""

    def body(self) -> ComposeResult:
        yield SqliteTable(CAMPAIGNS, self._cells, id="campaigns")
        yield SqliteTable(GROUPS, _group_cells, id="groups")
        yield Static(id="detail", classes="detail", markup=False)

    @property
    def campaigns(self) -> SqliteTable[CampaignRow]:
        """The campaigns."""
        return self.query_one("#campaigns", SqliteTable)

    @property
    def groups(self) -> SqliteTable[MarketingCampaign]:
        """The marketing campaigns."""
        return self.query_one("#groups", SqliteTable)

    @property
    def chosen(self) -> tuple[CampaignRow, ...]:
        """The marked campaigns, else the one under the cursor (of a marketing campaign: all of it)."""
        data = self._data
        if data is None:
            return ()
        if self._grouped:
            group = self.groups.row
            return group.campaigns if group is not None else ()
        marked = tuple(row for row in data.rows if row.campaign_id in self.marked)
        row = self.campaigns.row
        return marked or ((row,) if row is not None else ())

    def on_mount(self) -> None:
        super().on_mount()
        self.groups.display = False
        self.set_focus(self.campaigns)

    async def load(self) -> None:
        self._data = await self.console_app.ask(read_campaigns, self.connection)
        self.marked &= {row.campaign_id for row in self._data.rows}
        self._show()

    def show_error(self, error: StateError) -> None:
        self.campaigns.fail(error)
        self.groups.fail(error)

    def filter_changed(self, text: str) -> None:
        self._filter = text.strip().casefold()
        self._show()

    def _show(self) -> None:
        data = self._data
        if data is None:
            return
        rows = [row for row in data.rows if self._filter in _words(row)]
        groups = [
            group for group in data.groups if any(self._filter in _words(row) for row in group.campaigns)
        ]
        if data.rows:
            empty = "No campaign has that text. Escape shows all."
        elif data.read_at is not None:
            empty = f"Nothing was sent to the linked lists of {self.connection} yet."
        else:
            empty = f"The campaigns of {self.connection} were not read yet.\n\nPress L to ask the platform for them."
        self.campaigns.show(Fixed(rows), empty=empty, keep_cursor=True)
        self.groups.show(Fixed(groups), empty=empty, keep_cursor=True)
        found, of = (len(groups), len(data.groups)) if self._grouped else (len(rows), len(data.rows))
        told = f"{number(found)} of {number(of)}" if found != of else number(found)
        title = "Marketing campaigns of" if self._grouped else "Campaigns of"
        parts = [f"{title} {self.connection}", told if data.rows else ""]
        if self.marked:
            parts.append(f"{counted(len(self.marked), 'marked', 'marked')}")
        self.heading(*parts)
        self._detail()

    @on(SqliteTable.Highlighted)
    def _highlighted(self) -> None:
        self._detail()
        self.refresh_bindings()

    def _detail(self) -> None:
        detail = self.query_one("#detail", Static)
        row: CampaignRow | None = None if self._grouped else self.campaigns.row
        group: MarketingCampaign | None = self.groups.row if self._grouped else None
        detail.display = row is not None or group is not None
        read_at = self._data.read_at if self._data is not None else None
        if row is not None:
            detail.update(stacked([campaign_facts(row), _age(read_at)]))
        elif group is not None:
            detail.update(stacked([_group_facts(group), _age(read_at)]))

    @on(SqliteTable.Chosen)
    def _chosen(self) -> None:
        self.action_run("campaigns.open")

    # --- commands ------------------------------------------------------------------------------------------

    def refuse_open(self) -> str | None:
        return None if self.chosen else "there is no campaign under the cursor"

    def command_open(self) -> None:
        row = self.chosen[0] if self._grouped else self.campaigns.row
        if row is None:
            return
        self.console_app.go(Place(PlaceKind.CAMPAIGN, f"{self.connection}/{row.campaign_id}"))
        if self._grouped:
            from console.tui.screens.campaign import CampaignPage

            page = self.app.screen
            if isinstance(page, CampaignPage):
                page.show_whole()

    def command_fetch(self) -> None:
        start_alone(self, "launch", self.console_app.launch, JobKind.CAMPAIGNS, self.connection)

    def command_view(self) -> None:
        self._grouped = not self._grouped
        self.campaigns.display, self.groups.display = not self._grouped, self._grouped
        self.set_focus(self.groups if self._grouped else self.campaigns)
        self._show()
        self.refresh_bindings()

    def refuse_mark(self) -> str | None:
        if self._grouped:
            return "v shows the single campaigns, which can be marked"
        return None if self.campaigns.row is not None else "there is no campaign under the cursor"

    def command_mark(self) -> None:
        row = self.campaigns.row
        if row is not None:
            self.marked ^= {row.campaign_id}
            self._show()
            self.campaigns.action_move(1)

    refuse_merge = refuse_open

    def command_merge(self) -> None:
        start_alone(self, "dialog", self._merge, self.chosen)

    async def _merge(self, rows: Sequence[CampaignRow]) -> None:
        from console.tui.screens.merge_campaigns import MergeCampaigns

        proposed = next((row.marketing for row in rows if row.marketing != row.own_code), "")
        name = await self.app.push_screen_wait(MergeCampaigns(rows, proposed))
        ids = [row.campaign_id for row in rows]
        if name and await merge(self.console_app, self.connection, name, ids):
            self.marked.clear()
            self.command_reload()

    def refuse_split(self) -> str | None:
        if not self.chosen:
            return "there is no campaign under the cursor"
        return (
            None
            if any(row.marketing != row.own_code for row in self.chosen)
            else "it counts by itself already"
        )

    def command_split(self) -> None:
        start_alone(self, "dialog", self._split, self.chosen)

    async def _split(self, rows: Sequence[CampaignRow]) -> None:
        sure = await self.app.push_screen_wait(
            Confirm(
                "Count by itself again",
                [
                    sentence("  ", (row.name or row.campaign_id, "bold"), f"  counts to “{row.marketing}”")
                    for row in rows[:6]
                ],
                f"Split off {counted(len(rows), 'campaign')}",
            )
        )
        if sure:
            start(self, "write", self._split_off, [row.campaign_id for row in rows])

    async def _split_off(self, campaign_ids: Sequence[str]) -> None:
        if await split(self.console_app, self.connection, campaign_ids):
            self.marked.clear()
            self.command_reload()

    def copy_text(self) -> str:
        rows = self.chosen
        return " ".join(row.campaign_id for row in rows)

    def view(self) -> View | None:
        data = self._data
        if data is None or not data.rows:
            return None
        return View(
            f"campaigns-{self.connection}",
            lambda: Fixed(data.rows),
            (
                *("id", "name", "subject", "sent_at", "lists", "marketing", "sent", "delivered", "opened_by"),
                *("opens", "clicked_by", "clicks", "soft_bounced", "hard_bounced", "unsubscribed"),
            ),
            _values,
        )

    def _cells(self, row: CampaignRow) -> tuple[Cell, ...]:
        figures = figures_of(row)
        style = "dim" if row.gone_at is not None or not row.sent else ""
        mark = "✓" if row.campaign_id in self.marked else ""
        named = ((row.name or row.campaign_id), style)
        group = row.marketing if row.marketing != row.own_code else ""
        if figures is None:
            return (mark, (sent_word(row), style), named, "", "", "", "", "", "", places_of(row), group)
        return (
            mark,
            (sent_word(row), style),
            named,
            number(figures.sent),
            percent(figures.opened_by, figures.delivered),
            small_curve([row.curve], CURVE_CELLS),
            percent(figures.clicked_by, figures.delivered),
            percent(figures.soft_bounced + figures.hard_bounced, figures.sent),
            percent(figures.unsubscribed, figures.delivered),
            places_of(row),
            group,
        )


def _words(row: CampaignRow) -> str:
    return f"{row.name} {row.subject} {row.campaign_id} {places_of(row)} {row.marketing}".casefold()


def _group_cells(group: MarketingCampaign) -> tuple[Cell, ...]:
    counts = group.counts
    bounced = counts[ActivityKind.SOFT_BOUNCED] + counts[ActivityKind.HARD_BOUNCED]
    return (
        group.name,
        number(len(group.campaigns)),
        f"{group.last_sent:%Y-%m-%d %H:%M}" if group.last_sent is not None else NO_SHARE,
        number(counts[ActivityKind.SENT]),
        number(counts[ActivityKind.OPENED]),
        small_curve([row.curve for row in group.campaigns], CURVE_CELLS),
        number(counts[ActivityKind.CLICKED]),
        percent(bounced, counts[ActivityKind.SENT]),
        percent(counts[ActivityKind.UNSUBSCRIBED], group.delivered),
    )


def _group_facts(group: MarketingCampaign) -> Content:
    names = " · ".join(f"{row.name or row.campaign_id} ({row.campaign_id})" for row in group.campaigns[:8])
    more = f" and {len(group.campaigns) - 8:,} more" if len(group.campaigns) > 8 else ""
    return stacked(
        [
            sentence((group.name, "bold"), f"  {counted(len(group.campaigns), 'campaign')}"),
            sentence(names, more),
        ]
    )


def _age(read_at: object) -> Content:
    from datetime import datetime

    if not isinstance(read_at, datetime):
        return sentence(("Not all campaigns of this connection were read yet; L reads them.", "dim"))
    return sentence((f"Read {when(read_at)}", "dim"))


def _values(row: CampaignRow) -> tuple[str, ...]:
    figures = figures_of(row)
    counts: tuple[int, ...] = ()
    if figures is not None:
        counts = (
            *(figures.sent, figures.delivered, figures.opened_by, figures.opens, figures.clicked_by),
            *(figures.clicks, figures.soft_bounced, figures.hard_bounced, figures.unsubscribed),
        )
    return (
        row.campaign_id,
        row.name,
        row.subject,
        absolute(row.sent_at) if row.sent_at is not None else "",
        places_of(row),
        row.marketing,
        *(map(str, counts) if counts else ("",) * 9),
    )
