"""One campaign: how far it got as bars and curves, and what every address did with it, newest first."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from console.tui.campaign_data import CampaignData, read_campaign
from console.tui.campaign_words import SHORT, STYLES, Scale, campaign_facts, kind_word, summed
from console.tui.export_view import View
from console.tui.places import Place, PlaceKind
from console.tui.reload import Why
from console.tui.screens.page import Page
from console.tui.text import absolute, counted, number, sentence
from console.tui.widgets.campaign_plot import CampaignPlot
from console.tui.widgets.facts import Facts
from console.tui.widgets.sqlite_table import Cell, Column, SqliteTable
from state.activity_view import ActivityRow, ActivityWindow
from state.errors import StateError
from state.model import ActivityKind

ACTIVITY = (
    Column("When (UTC)", 19),
    Column("What", 14),
    Column("Address", 24, weight=3),
    Column("Detail", 14, weight=4, drop=1),
    Column("Times", 5, right=True, drop=2),
    Column("Campaign", 10, weight=1, drop=3),
)
KINDS = (None, *ActivityKind)
COUNT_AGAIN = 10
"""While a job reads, counting anew takes at most one part in so many of the time."""


class CampaignPage(Page):
    """One campaign, or the whole marketing campaign it counts to."""

    PAGE: ClassVar[str] = "campaign"
    TITLE_TEXT: ClassVar[str] = "Campaign"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "The bars are parts of what was sent; opened and clicked count persons, opens and clicks how often.",
        "The curves are opens and clicks after the sending, a cell an hour; t goes to days. A dot: nothing happened.",
        "Below: what addresses did, newest first. 1 to 6 keep one kind, 0 shows all; ↵ explains the address.",
    )
    FILTER_HINT: ClassVar[str] = "part of an address, or of the link that was clicked"
    DEFAULT_CSS = """
    CampaignPage #facts { height: auto; max-height: 3; padding: 0 1; }
    CampaignPage #kinds { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.data: CampaignData | None = None
        self.kind: ActivityKind | None = None
        self._whole = False
        self._scale = Scale.HOURS
        self._text = ""
        self._asked: tuple[object, ...] = ()
        self._began = self._took = 0.0

    def body(self) -> ComposeResult:
        yield Facts(id="facts")
        yield CampaignPlot(id="plot")
        yield Facts(id="kinds")
        yield SqliteTable(ACTIVITY, _cells, id="activity")

    @property
    def table(self) -> SqliteTable[ActivityRow]:
        """What addresses did."""
        return self.query_one("#activity", SqliteTable)

    @property
    def whole(self) -> bool:
        """Whether the whole marketing campaign is shown."""
        return self._whole and self.data is not None and self.data.merged and self.data.people is not None

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)

    async def load(self) -> None:
        self.data = await self.console_app.ask(read_campaign, self.place.name, self.data, whole=self._whole)
        self._show()

    def show_error(self, error: StateError) -> None:
        self.query_one("#facts", Facts).say("")
        self.query_one("#plot").display = False
        self.table.fail(error)

    def filter_changed(self, text: str) -> None:
        self._text = text
        self._show_rows()

    def show_whole(self) -> None:
        """Show the marketing campaign, not the single one."""
        self._whole = True
        self.ask_reload(Why.ASKED)

    def _show(self) -> None:
        data = self.data
        if data is None:
            return
        rows = data.group.campaigns if self.whole else (data.row,)
        opened, clicked = summed(row.curve for row in rows)
        self.query_one(CampaignPlot).show(data.figures(whole=self.whole), opened, clicked, self._scale)
        facts = self.query_one("#facts", Facts)
        if self.whole:
            first, last = absolute(data.group.first_sent), absolute(data.group.last_sent)
            facts.say(
                sentence(
                    (data.group.name, "bold"),
                    f"  {counted(len(rows), 'campaign')} as one; a person counts once, mails each",
                    f"\nsent {first} to {last}",
                )
            )
        else:
            facts.say(campaign_facts(data.row))
        self._kinds_line()
        self._show_rows()

    def _kinds_line(self) -> None:
        parts: list[tuple[str, str]] = []
        for place, kind in enumerate(KINDS):
            word = SHORT[kind] if kind is not None else "all"
            parts.append((f" {place} {word} ", "reverse bold" if kind is self.kind else ""))
        self.query_one("#kinds", Facts).say(sentence(*parts))

    def _window(self) -> ActivityWindow:
        data = self.data
        if data is None:
            return ActivityWindow(())
        nos = data.group.nos if self.whole else (data.row.no,)
        return ActivityWindow(nos, kind=self.kind, text=self._text)

    def _show_rows(self) -> None:
        """Show the window asked for; when only the data changed, read the rows in sight again."""
        data = self.data
        if data is None:
            return
        asked = (data.group.nos if self.whole else (data.row.no,), self.kind, self._text)
        same = asked == self._asked
        if same and time.monotonic() - self._began <= COUNT_AGAIN * self._took:
            self.table.reread()
            return
        self._asked, self._began = asked, time.monotonic()
        if self.kind is not None or self._text:
            empty = "Nothing is like that. 0 shows every kind, escape in the filter all addresses."
        elif data.row.cursor is None:
            empty = "What addresses did was not read yet. Go back and press L to ask the platform."
        else:
            empty = "No address did anything with it."
        self.table.show(self._window(), empty=empty, keep_cursor=same)

    @on(SqliteTable.Counted, "#activity")
    def _counted(self, message: SqliteTable.Counted) -> None:
        if message.exact:
            self._took = time.monotonic() - self._began
        data = self.data
        if data is None:
            return
        name = data.group.name if self.whole else data.row.name or data.row.campaign_id
        found = number(message.rows) + ("" if message.exact else "+")
        kind = f" {self.kind.value}" if self.kind is not None else ""
        self.heading("Campaign", name, f"{found}{kind} in the activity")
        self.refresh_bindings()

    @on(SqliteTable.Highlighted, "#activity")
    def _highlighted(self) -> None:
        self.refresh_bindings()

    @on(SqliteTable.Chosen, "#activity")
    def _chosen(self) -> None:
        self.action_run("campaign.explain")

    # --- commands ------------------------------------------------------------------------------------------

    def refuse_explain(self) -> str | None:
        return None if self.table.row is not None else "there is no address under the cursor"

    def command_explain(self) -> None:
        row = self.table.row
        if row is not None:
            self.console_app.go(Place(PlaceKind.ADDRESS, row.email))

    def command_kind(self, word: str = "") -> None:
        self.kind = ActivityKind(word) if word else None
        self._kinds_line()
        self._show_rows()

    def command_next_kind(self) -> None:
        following = KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]
        self.command_kind(following.value if following is not None else "")

    def command_scale(self) -> None:
        self._scale = self._scale.other
        self._show()

    def refuse_whole(self) -> str | None:
        if self.data is None:
            return "there is no campaign here"
        return None if self.data.merged else "it counts by itself; M in the list of campaigns merges several"

    def command_whole(self) -> None:
        self._whole = not self._whole
        self.ask_reload(Why.ASKED)

    def refuse_list(self) -> str | None:
        return None if self.data is not None else "there is no campaign here"

    def command_list(self) -> None:
        if self.data is not None:
            self.console_app.go(Place(PlaceKind.CONNECTION, self.data.row.connection, "campaigns"))

    def copy_text(self) -> str:
        row = self.table.row
        return row.email if row is not None else ""

    def view(self) -> View | None:
        if self.data is None or not self.table.rows:
            return None
        return View(
            f"campaign-{_file_name(self.data.row.campaign_id)}",
            self._window,
            ("at", "kind", "address", "detail", "times", "campaign"),
            _values,
        )


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)


def _cells(row: ActivityRow) -> tuple[Cell, ...]:
    return (
        f"{row.at:%Y-%m-%d %H:%M:%S}",
        (kind_word(row.kind), STYLES[row.kind]),
        row.email,
        row.detail,
        number(row.times) if row.times > 1 else "",
        row.campaign or row.campaign_id,
    )


def _values(row: ActivityRow) -> tuple[str, ...]:
    return (
        f"{row.at:%Y-%m-%d %H:%M:%S} UTC",
        row.kind.value,
        row.email,
        row.detail,
        str(row.times),
        row.campaign_id,
    )
