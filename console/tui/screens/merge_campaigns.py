"""Asks under which name some campaigns shall count as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from console.tui.messages import KeysWanted
from console.tui.text import counted, sentence, shown, stacked
from state.campaigns import CampaignRow

MOST_NAMED = 6


class MergeCampaigns(ModalScreen[str]):
    """Answers the name, or an empty text: not now. Enter in the field goes to the button, escape changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    def __init__(self, rows: Sequence[CampaignRow], proposed: str) -> None:
        super().__init__()
        self._rows = rows
        self._proposed = proposed

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "One marketing campaign"
            named = [
                sentence("  ", (row.name or row.campaign_id, "bold"), f"  {row.campaign_id}")
                for row in self._rows
            ]
            if len(named) > MOST_NAMED:
                more = counted(len(named) - MOST_NAMED, "other")
                named = [*named[:MOST_NAMED], sentence(f"  and {more}")]
            yield Static(
                stacked(
                    [
                        f"{counted(len(self._rows), 'campaign')} shall count as one:",
                        *named,
                        "Who was reached by several of them counts once. Nothing changes at the platform.",
                        "",
                        "Its name; one that is there already is joined:",
                    ]
                ),
                markup=False,
            )
            line = Input(value=self._proposed, id="name", compact=True, select_on_focus=False)
            line.cursor_blink = False
            yield line
            yield Static("")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(
                    shown(f"Merge {counted(len(self._rows), 'campaign')}"),
                    id="do",
                    compact=True,
                    variant="primary",
                    disabled=not self._proposed,
                )

    def on_mount(self) -> None:
        self.set_focus(self.query_one(Input))
        self.app.post_message(KeysWanted())

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#do", Button).disabled = not event.value.strip()

    @on(Input.Submitted)
    def _entered(self) -> None:
        button = self.query_one("#do", Button)
        if not button.disabled:
            self.set_focus(button)

    @on(Button.Pressed, "#do")
    def _do(self) -> None:
        self.dismiss(self.query_one(Input).value)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss("")
