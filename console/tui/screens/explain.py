"""One address: the answer in a sentence, what each link knows of it, and everything that happened to it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.tui.consents import consent_style, consent_word
from console.tui.export_view import View
from console.tui.places import Place, PlaceKind
from console.tui.screens.page import Page
from console.tui.text import absolute, number, relative, sentence, stacked
from console.tui.widgets.sqlite_table import Cell, Column, Fixed, SqliteTable
from state.errors import StateError
from state.explain import Explanation, LinkView, explain
from state.model import JournalEntry
from state.moments import moment
from state.reasons import reason

LINKS = (
    Column("Link", 12, weight=1),
    Column("Consent", 14),
    Column("Class", 20, drop=2),
    Column("Reason", 20, weight=2),
    Column("Source id", 9, weight=1, drop=3),
    Column("Origin id", 12, weight=1, drop=1),
)
TIMELINE = (
    Column("When", 20),
    Column("", 9, right=True, drop=1),
    Column("Link", 12, weight=1, drop=2),
    Column("What", 16, weight=2),
    Column("Reason", 14, weight=2),
    Column("By", 12, weight=1, drop=3),
)


class ExplainPage(Page):
    """Everything known about one address."""

    PAGE: ClassVar[str] = "explain"
    TITLE_TEXT: ClassVar[str] = "Explain"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Why this address gets, or does not get, mail: first the answer, then each link, then the history, newest first.",
        "All of it comes from what was last read and done; the platform is not asked now. ↵ on what was done with a",
        "campaign opens that campaign; of very many such things the newest are here, and the others are counted.",
    )
    FILTER_HINT: ClassVar[str] = "text in the history"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.address = place.name
        self._answer: Explanation | None = None
        self._filter = ""

    def body(self) -> ComposeResult:
        yield Static(id="answer", classes="answer", markup=False)
        yield SqliteTable(LINKS, _link_cells, id="links", empty="No link knows this address.")
        yield SqliteTable(
            TIMELINE, _entry_cells, id="timeline", empty="Nothing is recorded about this address."
        )
        yield Static(id="detail", classes="detail", markup=False)

    @property
    def links(self) -> SqliteTable[LinkView]:
        """What each link knows."""
        return self.query_one("#links", SqliteTable)

    @property
    def timeline(self) -> SqliteTable[JournalEntry]:
        """What happened, newest first."""
        return self.query_one("#timeline", SqliteTable)

    def on_mount(self) -> None:
        super().on_mount()
        self.heading("Explain", self.address)
        self.set_focus(self.timeline)

    async def load(self) -> None:
        self._answer = await self.console_app.ask(explain, self.address)
        found = self._answer
        self.query_one("#answer", Static).update(sentence((found.answer, "bold")))
        self.links.styles.height = min(8, max(3, len(found.links) + 1))
        self.links.show(Fixed(found.links), keep_cursor=True)
        self._show_timeline()

    def show_error(self, error: StateError) -> None:
        self.timeline.fail(error)

    def filter_changed(self, text: str) -> None:
        self._filter = text.strip().casefold()
        self._show_timeline()

    def _show_timeline(self) -> None:
        entries = self._answer.timeline if self._answer else ()
        kept = [entry for entry in entries if self._filter in " ".join(_values(entry)).casefold()]
        self.timeline.show(Fixed(kept), keep_cursor=True)
        of = f" of {number(len(entries))}" if len(kept) != len(entries) else ""
        parts = [f"{number(len(kept))}{of} in the history"]
        if self._answer and self._answer.more_activity:
            parts.append(f"… {number(self._answer.more_activity)} more with campaigns")
        self.heading("Explain", self.address, *parts)

    @on(SqliteTable.Highlighted)
    def _highlighted(self, message: SqliteTable.Highlighted) -> None:
        focused = self.focused
        if message.table is not focused and focused in (self.links, self.timeline):
            return
        self._detail(message.row)

    def on_descendant_focus(self) -> None:
        if isinstance(self.focused, SqliteTable):
            self._detail(self.focused.row)

    def _detail(self, row: LinkView | JournalEntry | None) -> None:
        detail = self.query_one("#detail", Static)
        detail.display = row is not None
        if isinstance(row, LinkView):
            detail.update(_link_detail(row))
        elif isinstance(row, JournalEntry):
            detail.update(_entry_detail(row))
        self.refresh_bindings()

    @on(SqliteTable.Chosen, "#timeline")
    def _chosen(self) -> None:
        if self._campaign is not None:
            self.action_run("explain.campaign")

    # --- commands ------------------------------------------------------------------------------------------

    def refuse_campaign(self) -> str | None:
        return None if self._campaign is not None else "there is no campaign in the line under the cursor"

    def command_campaign(self) -> None:
        if self._campaign is not None:
            self.console_app.go(self._campaign)

    @property
    def _campaign(self) -> Place | None:
        """The campaign the entry under the cursor is about."""
        entry = self.timeline.row
        word, colon, campaign_id = entry.origin.partition(":") if entry is not None else ("", "", "")
        if entry is None or not colon or word != PlaceKind.CAMPAIGN.value:
            return None
        return Place(PlaceKind.CAMPAIGN, f"{entry.connection}/{campaign_id}")

    def refuse_contacts(self) -> str | None:
        row = self.links.row
        if row is None:
            return "no link knows this address"
        return (
            None
            if row.link in self.console_app.settings.links
            else "that link is not in the settings any more"
        )

    def command_contacts(self) -> None:
        row = self.links.row
        if row is not None:
            self.console_app.go(Place(PlaceKind.LINK, row.link, "contacts"))

    def copy_text(self) -> str:
        found = self._answer
        if found is None:
            return ""
        lines = [found.answer, *(_link_detail(view).plain for view in found.links)]
        lines += ["  ".join(text for text in _values(entry) if text) for entry in found.timeline[:20]]
        return "\n".join([found.address, *lines])

    def view(self) -> View | None:
        found = self._answer
        if found is None or not found.timeline:
            return None
        return View(
            "explain",
            lambda: Fixed(found.timeline),
            ("at", "link", "what", "reason", "origin", "operator", "detail"),
            _values,
        )


def _link_cells(view: LinkView) -> tuple[Cell, ...]:
    return (
        view.link,
        (consent_word(view.consent), consent_style(view.consent)),
        view.row_class or "–",
        reason(view.reason).title if view.reason else "–",
        " ".join(view.source_ids),
        view.origin_id,
    )


def _link_detail(view: LinkView) -> Content:
    place = f"{view.list_name} ({view.list_id})" if view.list_name else view.list_id
    lines: list[Content | str] = [sentence((view.link, "bold"), f" → {view.connection}, list {place}")]
    about = [consent_word(view.consent)]
    if view.raw_status:
        about.append(f"the platform says “{view.raw_status}”")
    if view.since:
        about.append(f"since {_when(view.since)}")
    if view.opt_out:
        about.append(f"opted out {_when(view.opt_out)}")
    if view.ours:
        about.append("added by us")
    lines.append(sentence(" · ".join(about)))
    if view.reason:
        entry = reason(view.reason)
        lines.append(sentence(entry.help, " → ", entry.next, (f" [{view.reason}]", "dim")))
    if view.planned_at:
        lines.append(sentence((f"Class by the plan of {absolute(view.planned_at)}", "dim")))
    return stacked(lines)


def _when(text: str) -> str:
    """A time as the adapter wrote it; one that is no time is shown as it is."""
    try:
        return absolute(moment(text))
    except ValueError:
        return text


def _entry_cells(entry: JournalEntry) -> tuple[Cell, ...]:
    return (
        absolute(entry.at),
        relative(entry.at),
        entry.link or entry.list_id,
        entry.what,
        reason(entry.reason).title if entry.reason else _about(entry),
        entry.operator or entry.origin,
    )


def _about(entry: JournalEntry) -> str:
    """What a thing done with a campaign needs to be understood: which one, which link."""
    return entry.detail if entry.origin.startswith(f"{PlaceKind.CAMPAIGN.value}:") else ""


def _entry_detail(entry: JournalEntry) -> Content:
    lines: list[Content | str] = [
        sentence(
            (entry.what, "bold"),
            f" · {absolute(entry.at)} · {entry.origin}",
            f" · {entry.operator}" if entry.operator else "",
        )
    ]
    if entry.reason:
        about = reason(entry.reason)
        lines.append(sentence(about.help, " → ", about.next, (f" [{entry.reason}]", "dim")))
    if entry.detail:
        lines.append(sentence((entry.detail, "dim")))
    return stacked(lines)


def _values(entry: JournalEntry) -> tuple[str, ...]:
    return (
        absolute(entry.at),
        entry.link or entry.list_id,
        entry.what,
        entry.reason,
        entry.origin,
        entry.operator,
        entry.detail,
    )
