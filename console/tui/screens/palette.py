"""``ctrl+p`` and ``:``: every command and place by name. What cannot be done now is there too and says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from console.tui.messages import KeysWanted
from console.tui.places import Place, PlaceKind, PlaceUnknown, parse_place
from console.tui.text import shown

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp
    from console.tui.screens.page import Page

MOST = 60


@dataclass(slots=True, frozen=True)
class Entry:
    """One line of the palette."""

    name: str
    help: str
    key: str
    why_not: str | None
    do: Callable[[], None]


class Palette(ModalScreen[None]):
    """Type some letters, enter does the first match."""

    DEFAULT_CSS = """
    Palette { align: center top; }
    Palette .dialog { margin-top: 1; height: auto; max-height: 90%; }
    Palette OptionList { height: auto; max-height: 16; border: none; padding: 0; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Close", show=False),
        Binding("down,ctrl+n", "move('down')", show=False, priority=True),
        Binding("up,ctrl+p", "move('up')", show=False, priority=True),
    ]

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._entries = self._all()
        self._offered: list[Entry] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Commands and places"
            line = Input(placeholder="name, or a place such as link:NAME/preview", compact=True)
            line.cursor_blink = False
            yield line
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(Input))
        self._offer("")
        self.app.post_message(KeysWanted())

    def action_move(self, way: str) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if way == "down" else options.action_cursor_up()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._offer(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and at < len(self._offered):
            self._do(self._offered[at])

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._do(self._offered[event.option_index])

    def _do(self, entry: Entry) -> None:
        app = cast("ConsoleApp", self.app)
        if entry.why_not is not None:
            app.say(f"{entry.name}: {entry.why_not}", warning=True)
            return
        app.pop_screen()
        entry.do()

    def _offer(self, text: str) -> None:
        options = self.query_one(OptionList)
        self._offered = self._matching(text.strip())[:MOST]
        options.clear_options()
        options.add_options([Option(self._line(entry)) for entry in self._offered])
        if self._offered:
            options.highlighted = 0

    def _matching(self, text: str) -> list[Entry]:
        if not text:
            return self._entries
        matcher = Matcher(text)
        scored = [
            (max(matcher.match(entry.name) * 2, matcher.match(entry.help)), entry) for entry in self._entries
        ]
        found = [entry for score, entry in sorted(scored, key=lambda pair: -pair[0]) if score > 0]
        typed = self._typed_place(text)
        return [typed, *found] if typed else found

    def _typed_place(self, text: str) -> Entry | None:
        if ":" not in text:
            return None
        try:
            place = parse_place(text)
        except PlaceUnknown:
            return None
        return self._place(place, f"Go to {place}")

    def _all(self) -> list[Entry]:
        page = self._page
        entries = [
            Entry(found.label, found.help, found.key_shown, page.refusal(found), self._runner(found.id))
            for found in page.commands()
            if found.method != "palette"
        ]
        settings = page.console_app.settings
        for name in settings.links:
            entries.append(self._place(Place(PlaceKind.LINK, name, "preview"), f"Preview {name}"))
            entries.append(self._place(Place(PlaceKind.LINK, name, "contacts"), f"Contacts of {name}"))
        entries.extend(
            self._place(Place(PlaceKind.CONNECTION, name, "lists"), f"Lists of {name}")
            for name in settings.connections
        )
        return entries

    def _runner(self, command_id: str) -> Callable[[], None]:
        return lambda: self._page.action_run(command_id)

    def _place(self, place: Place, name: str) -> Entry:
        return Entry(name, str(place), "", None, lambda: self._page.console_app.go(place))

    @staticmethod
    def _line(entry: Entry) -> Content:
        if entry.why_not is not None:
            return Content.assemble(
                shown(entry.name, "dim"), shown(f"  not now: {entry.why_not}", "dim italic")
            )
        key = f"  {entry.key}" if entry.key else ""
        return Content.assemble(shown(entry.name, "bold"), (key, "bold"), shown(f"  {entry.help}", "dim"))
