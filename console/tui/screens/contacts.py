"""The state browser: every address the sources and the platforms have, with its consent at each link."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from console.tui.consents import consent_style, consent_word
from console.tui.export_view import View
from console.tui.places import Place, PlaceKind
from console.tui.screens.page import Page
from console.tui.text import absolute, number, relative, sentence, stacked, when
from console.tui.widgets.sqlite_table import Cell, Column, SqliteTable
from state.browse import AddressAtLink, AddressRow, AddressWindow, BrowseScope, browse_scopes
from state.errors import StateError
from state.model import Consent
from state.moments import utc_now
from state.reasons import reason

ONE_LINK = (
    Column("Address", 26, weight=4, sorted="▲"),
    Column("Consent", 14),
    Column("Where", 13, drop=1),
    Column("Source id", 10, weight=1),
    Column("Origin id", 12, weight=1, drop=2),
    Column("Since", 10, right=True, drop=3),
)
ALL_LINKS = (
    Column("Address", 26, weight=3, sorted="▲"),
    Column("Consent at each link", 30, weight=4),
    Column("Source ids", 10, weight=1, drop=2),
    Column("Origin ids", 12, weight=1, drop=3),
)
CONSENTS = (None, *Consent)
PENDING_DAYS = (None, 7, 30, 90)
COUNT_AGAIN = 10
"""While others write, counting anew takes at most one part in so many of the time."""


class ContactsPage(Page):
    """Contacts of one link, or of all."""

    PAGE: ClassVar[str] = "contacts"
    TITLE_TEXT: ClassVar[str] = "Contacts"
    ABOUT: ClassVar[tuple[str, ...]] = (
        "Every address that the source or the platform has, by address, as last read; nothing is asked now.",
        "● subscribed  ◷ pending  ○ unsubscribed  ↩ bounced  ⊘ suppressed  ✖ erased  ? unknown; – not at the platform.",
        "Where: “both”, “source only” (not added yet) or “platform only”. Filter: abc finds it anywhere, ^abc at the start.",
        "d shows who was asked to confirm long ago and has not answered; no job ever asks them again.",
    )
    FILTER_HINT: ClassVar[str] = "part of an address, or ^ and its beginning"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.link = place.name if place.kind is PlaceKind.LINK else ""
        self._scopes: tuple[BrowseScope, ...] | None = None
        self._text = ""
        self._consent: Consent | None = None
        self._pending_days: int | None = None
        self._descending = False
        self._asked: tuple[object, ...] = ()
        self._total: int | None = None
        self._began = self._took = 0.0

    def body(self) -> ComposeResult:
        yield SqliteTable(ONE_LINK if self.link else ALL_LINKS, self._cells, id="contacts")
        yield Static(id="detail", classes="detail", markup=False)

    @property
    def table(self) -> SqliteTable[AddressRow]:
        """The addresses."""
        return self.query_one("#contacts", SqliteTable)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)

    async def load(self) -> None:
        """Show the window asked for; when only the data changed, read the rows in sight again."""
        links = [self.link] if self.link else None
        self._scopes = await self.console_app.ask(browse_scopes, links)
        asked = (self._scopes, self._text, self._consent, self._pending_days, self._descending)
        if asked != self._asked:
            self._asked = asked
            self._show(self._window(), keep=False)
        elif time.monotonic() - self._began > COUNT_AGAIN * self._took:
            self._show(self._window(), keep=True)
        else:
            self.table.reread()

    def show_error(self, error: StateError) -> None:
        self.table.fail(error)

    def _window(self) -> AddressWindow:
        days = self._pending_days
        return AddressWindow(
            self._scopes or (),
            text=self._text,
            consent=self._consent,
            pending_before=utc_now() - timedelta(days=days) if days is not None else None,
            descending=self._descending,
        )

    def _show(self, window: AddressWindow, *, keep: bool) -> None:
        self._began = time.monotonic()
        if self._pending_days is not None:
            empty = f"Nobody has been waiting to confirm for more than {self._pending_days} days. d goes on."
        elif self._text or self._consent:
            empty = "No address is like that. Escape in the filter shows all; c goes to the next consent."
        elif self.link:
            empty = f"Nothing has been read for {self.link} yet.\n\nGo back and press enter on its list for a preview."
        else:
            empty = "Nothing has been read yet.\n\nConnect a list to a source, then preview the link."
        self.table.show(window, empty=empty, keep_cursor=keep)

    def filter_changed(self, text: str) -> None:
        self._text = text
        self._renew()

    def _renew(self) -> None:
        if self._scopes is not None:
            self._asked = (self._scopes, self._text, self._consent, self._pending_days, self._descending)
            self._show(self._window(), keep=False)

    @on(SqliteTable.Counted, "#contacts")
    def _counted(self, message: SqliteTable.Counted) -> None:
        filtered = bool(self._text or self._consent or self._pending_days)
        if message.exact:
            self._took = time.monotonic() - self._began
            if not filtered:
                self._total = message.rows
        found = number(message.rows) + ("" if message.exact else "+")
        if filtered and self._total is not None:
            found += f" of {number(self._total)}"
        parts = [f"Contacts of {self.link}" if self.link else "Contacts", found]
        if self._pending_days is not None:
            parts.append(f"waiting more than {self._pending_days} days")
        elif self._consent is not None:
            parts.append(f"only {self._consent.value}")
        self.heading(*parts)
        self.refresh_bindings()

    @on(SqliteTable.Highlighted, "#contacts")
    def _highlighted(self) -> None:
        row = self.table.row
        detail = self.query_one("#detail", Static)
        detail.display = row is not None
        if row is not None:
            detail.update(_detail(row))
        self.refresh_bindings()

    @on(SqliteTable.Chosen, "#contacts")
    def _chosen(self) -> None:
        self.action_run("contacts.explain")

    # --- commands ------------------------------------------------------------------------------------------

    def refuse_explain(self) -> str | None:
        return None if self.table.row is not None else "there is no address under the cursor"

    def command_explain(self) -> None:
        row = self.table.row
        if row is not None:
            self.console_app.go(Place(PlaceKind.ADDRESS, row.email))

    def command_consent(self) -> None:
        self._consent = CONSENTS[(CONSENTS.index(self._consent) + 1) % len(CONSENTS)]
        self._pending_days = None
        self._renew()

    def command_pending(self) -> None:
        self._pending_days = PENDING_DAYS[(PENDING_DAYS.index(self._pending_days) + 1) % len(PENDING_DAYS)]
        self._consent = None
        self._renew()

    def command_sort(self) -> None:
        self._descending = not self._descending
        head, *others = self.table.columns
        sign = "▼" if self._descending else "▲"
        self.table.columns = (Column(head.title, head.least, head.weight, sorted=sign), *others)
        self._renew()

    def copy_text(self) -> str:
        row = self.table.row
        return row.email if row is not None else ""

    def view(self) -> View | None:
        if self._scopes is None or not self.table.rows:
            return None
        return View(
            f"contacts-{self.link}" if self.link else "contacts",
            self._window,
            ("address", "link", "consent", "source_ids", "origin_ids", "since", "fault"),
            _values,
        )

    def _cells(self, row: AddressRow) -> tuple[Cell, ...]:
        if not self.link:
            return (
                row.email,
                "  ".join(f"{at.link} {_state(at)}" for at in row.at),
                " ".join(dict.fromkeys(one for at in row.at for one in at.source_ids)),
                " ".join(at.origin_id for at in row.at if at.origin_id),
            )
        at = row.at[0] if row.at else None
        if at is None:
            return (row.email, "", "", "", "", "")
        return (
            row.email,
            (_state(at), consent_style(at.consent)),
            _where(at),
            " ".join(at.source_ids),
            at.origin_id,
            relative(at.since) if at.since else "",
        )


def _state(at: AddressAtLink) -> str:
    days = at.pending_days(utc_now())
    return consent_word(at.consent) + (f" {days:,} d" if days else "")


def _where(at: AddressAtLink) -> str:
    if at.in_source:
        return "both" if at.at_platform else "source only"
    return "platform only" if at.at_platform else "gone"


def _detail(row: AddressRow) -> Content:
    lines: list[Content | str] = [sentence((row.email, "bold"))]
    for at in row.at:
        about = [f"{_state(at)} at {at.link}", _where(at)]
        if at.raw_status:
            about.append(f"the platform says “{at.raw_status}”")
        if at.since:
            about.append(f"since {when(at.since)}")
        if at.ours:
            about.append("added by us")
        if at.opted_out:
            about.append("opted out in the source")
        if at.fault:
            about.append(reason(at.fault).title)
        if at.gone:
            about.append(reason(at.gone).title)
        lines.append(sentence(" · ".join(about)))
    return stacked(lines)


def _values(row: AddressRow) -> tuple[str, ...]:
    return (
        row.email,
        " ".join(at.link for at in row.at),
        " ".join(at.consent.value if at.consent else "-" for at in row.at),
        " ".join(one for at in row.at for one in at.source_ids),
        " ".join(at.origin_id for at in row.at if at.origin_id),
        " ".join(absolute(at.since) for at in row.at if at.since),
        " ".join(at.fault for at in row.at if at.fault),
    )
