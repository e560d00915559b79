"""What every screen of the console has: heading, tree, body, filter bar, status line, keys.

A page reads its data in ``load`` (called when it opens, when the state changed, and on ``r``), never anywhere
else, and never blocks. Its commands stand in the registry; this class only finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen

from console.tui.commands import Command, bindings_of, command, commands_of
from console.tui.messages import SettingsChanged, StateChanged
from console.tui.places import HOME, Place, PlaceKind
from console.tui.reload import Reload, Why
from console.tui.widgets.bars import KeyLine, TitleBar
from console.tui.widgets.filter_bar import FilterBar
from console.tui.widgets.status_line import StatusLine
from console.tui.widgets.tree import ConnectionTree
from console.tui.work import start_alone
from state.errors import StateError

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp
    from console.tui.export_view import View


class Page(Screen[None]):
    """One screen. Subclasses set ``PAGE`` and write ``body``, ``load`` and their ``command_…`` methods."""

    PAGE: ClassVar[str] = "any"
    TITLE_TEXT: ClassVar[str] = ""
    ABOUT: ClassVar[tuple[str, ...]] = ()
    """A few lines for the help screen: what one sees here."""
    FILTER_HINT: ClassVar[str] = ""
    """What the filter looks at; empty: this page has none."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it so

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.BINDINGS = [*bindings_of(cls.PAGE)]
        super().__init_subclass__(**kwargs)

    def __init__(self, place: Place = HOME) -> None:
        super().__init__()
        self.place = place
        self.reload = Reload()

    @property
    def console_app(self) -> ConsoleApp:
        """The app, as what it is."""
        return cast("ConsoleApp", self.app)

    # --- for subclasses ----------------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """The widgets at the right of the tree."""
        yield from ()

    async def load(self) -> None:
        """Read what the page shows; may raise ``StateError``, which is shown in place of the data."""

    def show_error(self, error: StateError) -> None:
        """Show why there are no data; the default says it in a toast."""
        self.console_app.say(f"{error.text} {error.next}", error=True)

    def filter_changed(self, text: str) -> None:
        """The filter's text as it is now."""

    def copy_text(self) -> str:
        """What ``y`` copies; empty: nothing under the cursor."""
        return ""

    def view(self) -> View | None:
        """What ``e`` writes; None: nothing to write here."""
        return None

    # --- wiring ------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="panes"):
            yield ConnectionTree(id="tree")
            with Vertical(id="body"):
                yield from self.body()
        yield FilterBar(id="filter")
        yield StatusLine(id="status")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.heading(self.TITLE_TEXT)
        self.ask_reload(Why.INITIAL)

    def heading(self, *parts: str | Content) -> None:
        """The words of the first line: what this is, and how much of it is shown."""
        self.query_one(TitleBar).show(*parts)

    def ask_reload(self, why: Why) -> None:
        """Read again, if the state machine says so."""
        self._start(self.reload.ask(why))

    def _start(self, generation: int | None) -> None:
        if generation is not None:
            start_alone(self, "load", self._read, generation)

    async def _read(self, generation: int) -> None:
        try:
            await self.load()
        except StateError as error:
            if self.reload.current(generation):
                self.show_error(error)
        finally:
            following = self.reload.done(generation)
        self.refresh_bindings()
        if following is not None:
            self.call_later(self._start, following)

    @on(StateChanged)
    def _state_changed(self) -> None:
        self.query_one(ConnectionTree).read()
        self.ask_reload(Why.CHANGED)

    @on(SettingsChanged)
    def _settings_changed(self) -> None:
        self.query_one(ConnectionTree).read()
        self.ask_reload(Why.CHANGED)

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        self._start(self.reload.show())

    @on(events.ScreenSuspend)
    def _suspended(self) -> None:
        self.reload.hide()

    @on(FilterBar.Changed)
    def _filter_changed(self, message: FilterBar.Changed) -> None:
        self.filter_changed(message.text)

    @on(FilterBar.Found)
    def _found(self, message: FilterBar.Found) -> None:
        self.console_app.go(Place(PlaceKind.ADDRESS, message.text))

    # --- commands ----------------------------------------------------------------------------------------

    def commands(self) -> Sequence[Command]:
        """Everything that can be done here, by the registry."""
        return commands_of(self.PAGE)

    def refusal(self, found: Command) -> str | None:
        """Why a command cannot be done now; None when it can."""
        if found.writes and self.console_app.read_only:
            return self.console_app.read_only
        refuse = getattr(self, f"refuse_{found.method}", None)
        return cast("str | None", refuse()) if refuse is not None else None

    def action_run(self, command_id: str) -> None:
        """Do a command, or say why not."""
        found = command(command_id)
        why_not = self.refusal(found)
        if why_not is not None:
            self.console_app.say(f"{found.label}: {why_not}", warning=True)
            return
        getattr(self, f"command_{found.method}")(*([found.argument] if found.argument else []))

    def refuse_filter(self) -> str | None:
        return None if self.FILTER_HINT else "there is nothing to filter here"

    def command_filter(self) -> None:
        self.query_one(FilterBar).open_filter(self.FILTER_HINT)

    def command_find(self) -> None:
        self.query_one(FilterBar).open_find()

    def command_help(self) -> None:
        from console.tui.screens.help import Help

        self.app.push_screen(Help(self))

    def command_palette(self) -> None:
        from console.tui.screens.palette import Palette

        self.console_app.hold_keys()
        self.app.push_screen(Palette(self))

    def refuse_copy(self) -> str | None:
        return None if self.copy_text() else "there is nothing under the cursor"

    def command_copy(self) -> None:
        from console.tui.screens.copied import Copied

        text = self.copy_text()
        self.app.copy_to_clipboard(text)
        self.app.push_screen(Copied(text))

    def refuse_write_view(self) -> str | None:
        return None if self.view() is not None else "there are no rows to write here"

    def command_write_view(self) -> None:
        view = self.view()
        if view is not None:
            from console.tui.screens.write_view import WriteView

            self.console_app.hold_keys()
            self.app.push_screen(WriteView(view))

    def command_reload(self) -> None:
        self.ask_reload(Why.MANUAL)

    def refuse_next_pane(self) -> str | None:
        return None if self.has_class("-wide") else "below 100 columns there is one pane"

    def command_next_pane(self) -> None:
        tree = self.query_one(ConnectionTree)
        if tree.has_focus:
            self.focus_body()
        else:
            self.set_focus(tree)

    def focus_body(self) -> None:
        """Put the focus on the first thing of the body that takes it."""
        for widget in self.query("#body *"):
            if widget.focusable:
                self.set_focus(widget)
                return

    def command_connections(self) -> None:
        self.console_app.go(Place(PlaceKind.HOME))

    def command_contacts(self) -> None:
        self.console_app.go(Place(PlaceKind.CONTACTS))

    def command_jobs(self) -> None:
        self.console_app.go(Place(PlaceKind.JOBS))

    def refuse_job_now(self) -> str | None:
        return None if self.console_app.running else "no job is running"

    def command_job_now(self) -> None:
        job, _ = self.console_app.running[0]
        self.console_app.go(Place(PlaceKind.JOB, job.job_id))

    def refuse_back(self) -> str | None:
        return None if len(self.app.screen_stack) > 2 else "this is the first screen; q leaves the console"

    def command_back(self) -> None:
        self.app.pop_screen()

    def command_quit(self) -> None:
        self.app.exit()


def pages(screens: Iterable[Screen[Any]]) -> list[Page]:
    """The pages among some screens (dialogs are none)."""
    return [screen for screen in screens if isinstance(screen, Page)]
