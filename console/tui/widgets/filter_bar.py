"""The bar behind ``/`` and ``f``: one input that is there before it is needed.

Invariant: it is mounted with its page and takes the focus in the very step that opens it, so no key typed after
``/`` goes anywhere else.
"""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from console.tui.text import shown


class FilterBar(Horizontal):
    """Filters the page as one types, or finds one address."""

    DEFAULT_CSS = """
    FilterBar { height: 1; display: none; background: $boost; }
    FilterBar.-open { display: block; }
    FilterBar Static { width: auto; padding: 0 1; }
    FilterBar Input { width: 1fr; height: 1; border: none; padding: 0; background: $boost; }
    FilterBar Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "keep", show=False),
    ]

    class Changed(Message):
        """The filter's text changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Found(Message):
        """An address was typed to be looked up."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._finding = False
        self._filter = ""
        self._return_to: Widget | None = None

    def compose(self) -> ComposeResult:
        yield Static("/", markup=False)
        line = Input(compact=True, select_on_focus=False)
        line.cursor_blink = False
        yield line

    @property
    def text(self) -> str:
        """The filter in force."""
        return self._filter

    def open_filter(self, hint: str) -> None:
        """Filter as one types; an earlier filter can be typed on."""
        self._open(finding=False, prompt="/", hint=hint, value=self._filter)

    def open_find(self) -> None:
        """Type an address, enter looks it up."""
        self._open(finding=True, prompt="Find address:", hint="whole address, then enter", value="")

    def _open(self, *, finding: bool, prompt: str, hint: str, value: str) -> None:
        line = self.query_one(Input)
        focused = self.screen.focused
        if focused is not line:
            self._return_to = focused
        self._finding = finding
        self.query_one(Static).update(shown(prompt))
        line.placeholder = hint
        with line.prevent(Input.Changed):
            line.value = value
        line.cursor_position = len(value)
        self.set_class(True, "-open")
        self.screen.set_focus(line)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if not self._finding and event.value != self._filter:
            self._filter = event.value
            self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        found = event.value.strip()
        if self._finding:
            self._close()
            if found:
                self.post_message(self.Found(found))
        else:
            self.action_keep()

    def action_keep(self) -> None:
        """Back to the rows; the filter stays in force and in sight."""
        if self._finding or not self._filter:
            self._close()
        else:
            self._give_focus_back()

    def action_leave(self) -> None:
        """No filter any more."""
        if not self._finding and self._filter:
            self._filter = ""
            self.post_message(self.Changed(""))
        self._close()

    def _close(self) -> None:
        self._give_focus_back()
        if self._filter and self._finding:
            self._open_quietly()
        else:
            self.set_class(False, "-open")
        self._finding = False

    def _open_quietly(self) -> None:
        """An address was looked up while a filter is in force: show the filter again."""
        line = self.query_one(Input)
        self.query_one(Static).update("/")
        with line.prevent(Input.Changed):
            line.value = self._filter

    def _give_focus_back(self) -> None:
        if self._return_to is not None and self._return_to.is_attached:
            self.screen.set_focus(self._return_to)
        else:
            self.screen.set_focus(None)
