"""The dialog before anything that changes something: the focus is on Cancel, the button says what will happen.

Invariant: no single key confirms. What cannot be undone wants a word or a number typed first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from console.tui.text import sentence, shown, stacked


class Confirm(ModalScreen[bool]):
    """Answers True only when the button was pressed (and the word typed, where one is asked for).

    ``action`` is the button's text, such as “Add 1,204 in Newsletter DE”. ``typed`` is the word or number that
    must be typed; empty: none. Where several things cannot be undone, it is a pair for each: the number, and what it
    counts. Use ``await app.push_screen_wait(Confirm(…))`` in a worker.
    """

    DEFAULT_CSS = """
    Confirm #cancel { min-width: 10; }
    Confirm #do { width: auto; max-width: 58; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]
    AUTO_FOCUS = "#cancel"

    def __init__(
        self,
        title: str,
        lines: Sequence[Content | str],
        action: str,
        *,
        typed: str | Sequence[tuple[str, str]] = "",
        danger: bool = False,
        cancel: str = "Cancel",
    ) -> None:
        super().__init__()
        self._leave = cancel
        self._title = title
        self._lines = lines
        self._action = action
        self._typed = [(typed, "")] if isinstance(typed, str) and typed else list(typed or ())
        self._danger = danger

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = shown(self._title)
            yield Static(stacked(self._lines), markup=False)
            for at, (word, counts) in enumerate(self._typed):
                intro = "\nThis cannot be undone. To go on, type " if not at else "And type "
                about = f" ({counts})" if counts else ""
                yield Static(sentence(intro, (word, "bold"), f"{about}:"), markup=False)
                line = Input(id="typed" if not at else f"typed{at + 1}", classes="typed", compact=True)
                line.cursor_blink = False
                yield line
            yield Static("")
            with Horizontal(classes="buttons"):
                yield Button(self._leave, id="cancel", compact=True)
                yield Button(
                    shown(self._action),
                    id="do",
                    compact=True,
                    variant="error" if self._danger else "primary",
                    disabled=bool(self._typed),
                )

    @on(Input.Changed, ".typed")
    def _word_typed(self) -> None:
        typed = [line.value.strip() for line in self.query(".typed").results(Input)]
        self.query_one("#do", Button).disabled = typed != [word for word, _ in self._typed]

    @on(Input.Submitted, ".typed")
    def _word_entered(self) -> None:
        """Enter in the input confirms nothing: it goes to the button, or to what is still to be typed."""
        button = self.query_one("#do", Button)
        if not button.disabled:
            self.set_focus(button)
            return
        lines = list(self.query(".typed").results(Input))
        for line, (word, _) in zip(lines, self._typed, strict=True):
            if line.value.strip() != word:
                self.set_focus(line)
                return

    @on(Button.Pressed, "#do")
    def _do(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss(False)
