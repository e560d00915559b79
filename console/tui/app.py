"""The console's app: wiring only. Pages come from ``PAGES``, commands from the registry, data from the reader.

Invariants: nothing here or in a page waits for disk or network in the event loop; what the settings or the state
say never becomes markup or an action (I8); a crash shows no data (I7); a lost terminal ends the console cleanly
(I20) and no job with it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from rich.text import Text
from textual import events, on
from textual.app import App
from textual.dom import DOMNode
from textual.filter import LineFilter

from console.settings import Settings
from console.tui.crash import crash_report
from console.tui.database import Reader
from console.tui.launch import launch_job
from console.tui.lifeline import Lifeline
from console.tui.messages import KeysWanted, SettingsChanged, StateChanged
from console.tui.places import HOME, Place, PlaceKind, parse_place
from console.tui.screens.page import Page, pages
from console.tui.settings_file import SettingsFile
from console.tui.text import Sink, printable
from console.tui.widgets.status_line import Pace, StatusLine, jobs_now
from console.tui.work import start
from state.errors import StateError
from state.jobs import JobRefused
from state.model import Job, JobKind, Operator
from state.store import State, may_write, open_state

_P = ParamSpec("_P")
_T = TypeVar("_T")

PAGES: Mapping[tuple[PlaceKind, str], str] = {
    (PlaceKind.HOME, ""): "console.tui.screens.connections:ConnectionsPage",
    (PlaceKind.CONNECTION, "lists"): "console.tui.screens.lists:ListsPage",
    (PlaceKind.CONNECTION, "fields"): "console.tui.screens.fields:FieldsPage",
    (PlaceKind.LINK, "fields"): "console.tui.screens.fields:FieldsPage",
    (PlaceKind.CONNECTION, "campaigns"): "console.tui.screens.campaigns:CampaignsPage",
    (PlaceKind.CAMPAIGN, ""): "console.tui.screens.campaign:CampaignPage",
    (PlaceKind.LINK, "preview"): "console.tui.screens.preview:PreviewPage",
    (PlaceKind.LINK, "contacts"): "console.tui.screens.contacts:ContactsPage",
    (PlaceKind.LINK, "jobs"): "console.tui.screens.jobs:JobsPage",
    (PlaceKind.ADDRESS, ""): "console.tui.screens.explain:ExplainPage",
    (PlaceKind.CONTACTS, ""): "console.tui.screens.contacts:ContactsPage",
    (PlaceKind.JOBS, ""): "console.tui.screens.jobs:JobsPage",
    (PlaceKind.JOB, ""): "console.tui.screens.job:JobPage",
}
"""Which page a place opens; imported when it is first gone to."""

INTERRUPTED = 130
TICK_SECONDS = 1.0

PICK_UP_SECONDS = 300.0
"""How often the console looks for jobs that wait for a platform and are carried by nobody."""

INTERACTIVE = frozenset({JobKind.CHECK, JobKind.READ, JobKind.PREVIEW, JobKind.REFRESH, JobKind.FIELDS})
"""Jobs whose reads somebody at the screen waits for: they may use the reserve of the account's calls."""


class ConsoleApp(App[None]):
    """Listwarden's console."""

    CSS_PATH = "app.tcss"
    TITLE = "Listwarden"
    ENABLE_COMMAND_PALETTE = False
    COMMANDS = set()  # noqa: RUF012 - Textual declares it so

    def __init__(
        self, *, config: Path, state_path: Path, operator: Operator, read_only: str = "", place: Place = HOME
    ) -> None:
        """``read_only`` says why nothing may be written; empty: it may."""
        super().__init__()
        if "TEXTUAL_ANIMATIONS" not in os.environ:
            self.animation_level = "none"
        self.config = config
        self.state_path = state_path
        self.operator = operator
        self.read_only = read_only
        self.opening = place
        self._settings_file = SettingsFile(config)
        self.settings: Settings = self._settings_file.read()
        self.reader = Reader(state_path)
        self.running: Sequence[tuple[Job, Pace]] = ()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sink = Sink()
        self._held: list[events.Key] | None = None
        self._crash: BaseException | None = None
        self._version = -1
        self._ticking = False
        self._state_fault = ""

    # --- life ----------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._told_to_stop)
        self.push_screen(self._page(HOME))
        if self.opening != HOME:
            self.go(self.opening)
        self.set_interval(TICK_SECONDS, self._tick)
        self.call_later(self._tick)
        if not self.read_only:
            self.set_interval(PICK_UP_SECONDS, self._look_for_waiting_jobs)
            self._look_for_waiting_jobs()

    def on_unmount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.remove_signal_handler(number)
        self.reader.close()

    def _told_to_stop(self) -> None:
        self.exit(return_code=INTERRUPTED)

    def end_from_outside(self) -> None:
        """End; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told_to_stop)

    async def _tick(self) -> None:
        """Once a second: has anybody written, has the settings file changed."""
        if not self._ticking:
            self._ticking = True
            start(self, "tick", self._look)

    async def _look(self) -> None:
        try:
            version = await self.reader.version()
            if version != self._version:
                first, self._version = self._version == -1, version
                if not first:
                    self._tell(StateChanged)
            elif not self.running:
                return
            self.running = await self.ask(jobs_now)
            self._state_fault = ""
        except StateError as error:
            if error.text != self._state_fault:
                self._state_fault = error.text
                self.say(f"{error.text} {error.next}", error=True)
        finally:
            self._ticking = False
            await self._look_at_settings()
        self.show_running()

    def show_running(self) -> None:
        """Put the running jobs into the status line in sight."""
        for line in self.screen.query(StatusLine):
            line.show(self.running)

    async def _look_at_settings(self) -> None:
        if await asyncio.to_thread(self._settings_file.changed):
            await self.reload_settings()

    async def reload_settings(self) -> None:
        """Read the settings again and tell the pages."""
        self.settings = await asyncio.to_thread(self._settings_file.read)
        self._tell(SettingsChanged)

    def _tell(self, message: type[StateChanged] | type[SettingsChanged]) -> None:
        for page in pages(self.screen_stack):
            page.post_message(message())

    def _look_for_waiting_jobs(self) -> None:
        start(self, "pick-up", self._pick_up)

    async def _pick_up(self) -> None:
        """Whoever looks next goes on with what waits for a platform (design law 4)."""
        from console.jobs.pickup import pick_up_waiting

        try:
            taken = await asyncio.to_thread(pick_up_waiting, self.state_path, config=self.config)
        except (StateError, OSError):
            return  # the state's trouble is told by the tick, and a job that could not be started is tried again
        for job in taken:
            self.say(
                f"Going on with {job.kind.value} {job.link or job.connection}: it waited for the platform."
            )

    # --- for pages -----------------------------------------------------------------------------------------

    async def ask(
        self, question: Callable[Concatenate[State, _P], _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Ask the state in the database thread; raises ``StateError``."""
        return await self.reader.ask(question, *args, **kwargs)

    async def launch(
        self,
        kind: JobKind,
        connection: str,
        *,
        link: str = "",
        plan_id: str = "",
        options: Mapping[str, object] | None = None,
    ) -> str | None:
        """Start a job beside the screen and say so; None when it could not be started (the reason was shown)."""
        if self.read_only:
            self.say(self.read_only, warning=True)
            return None
        if kind in INTERACTIVE:
            options = {**(options or {}), "interactive": True}
        try:
            job_id = await asyncio.to_thread(
                launch_job,
                self.config,
                self.state_path,
                self.operator,
                kind,
                connection,
                link=link,
                plan_id=plan_id,
                options=options,
            )
        except (JobRefused, StateError) as error:
            self.say(f"{error.text} {error.next}", error=True)
            return None
        except OSError as error:
            self.say(f"The job's process could not be started: {error.strerror}.", error=True)
            return None
        self.say(f"Started: {kind.value} {link or connection}. It goes on without this screen.")
        return job_id

    def say(self, text: str, *, warning: bool = False, error: bool = False) -> None:
        """A toast. The text may come from outside."""
        severity = "error" if error else "warning" if warning else "information"
        self.notify(printable(text, lines=True), severity=cast(Any, severity), timeout=8, markup=False)

    def go(self, place: Place) -> None:
        """Open a place, or go back to where it is open already; an unknown one is said in a sentence."""
        if fault := self._fault(place):
            self.say(fault, warning=True)
            return
        for above, screen in enumerate(reversed(self.screen_stack)):
            if isinstance(screen, Page) and screen.place == place:
                for _ in range(above):
                    self.pop_screen()
                return
        self.push_screen(self._page(place))

    def _fault(self, place: Place) -> str:
        if place.kind is PlaceKind.LINK and place.name not in self.settings.links:
            known = ", ".join(self.settings.links) or "none yet"
            return f"The settings have no link “{place.name}”. Links: {known}."
        if place.kind is PlaceKind.CONNECTION and place.name not in self.settings.connections:
            known = ", ".join(self.settings.connections) or "none yet"
            return f"The settings have no usable connection “{place.name}”. Connections: {known}."
        return ""

    def _page(self, place: Place) -> Page:
        module, _, name = PAGES[place.kind, place.view].partition(":")
        return cast(Page, getattr(import_module(module), name)(place))

    # --- keys typed while a dialog opens -------------------------------------------------------------------

    def hold_keys(self) -> None:
        """Keep what is typed until the opening dialog says ``KeysWanted``."""
        self._held = []

    async def on_event(self, event: events.Event) -> None:
        if self._held is not None and isinstance(event, events.Key) and not event.is_forwarded:
            self._held.append(event)
        else:
            await super().on_event(event)

    @on(KeysWanted)
    async def _hand_over_keys(self) -> None:
        held, self._held = self._held or [], None
        for event in held:
            await super().on_event(event)

    # --- what data must never do ---------------------------------------------------------------------------

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The sink stands behind every widget, whatever drew the line (I8)."""
        return [*super().get_line_filters(), self._sink]

    async def _broker_event(self, event_name: str, event: events.Event, default_namespace: DOMNode) -> bool:
        """No text on a screen runs an action when clicked: the console's own keys and buttons need none (I24)."""
        return False

    def _handle_exception(self, error: Exception) -> None:
        self._crash = self._crash or error
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._fatal_error()

    def _fatal_error(self) -> None:
        """Ends after an unhandled exception, without the local variables Textual would print (I7)."""
        error = self._crash or sys.exc_info()[1]
        self._exit_renderables[:] = [Text(crash_report(error) if error else "The console stopped.")]
        self._close_messages_no_wait()


def run_console(*, config: Path, state_path: Path, read_only: bool, place: str, operator: Operator) -> int:
    """Run the console in this terminal until it is left; returns the exit code.

    Raises ``PlaceUnknown`` for words that name no place and ``StateError`` for a state that cannot be used,
    both before the screen is touched. The caller has checked that there is a terminal.
    """
    opening = parse_place(place)
    why = "this console was started read-only" if read_only else ""
    if not why and not may_write(state_path):
        why = "this account may not write the state file"
    if not why:
        open_state(state_path).close()
    app = ConsoleApp(config=config, state_path=state_path, operator=operator, read_only=why, place=opening)
    if not app.read_only and app.settings.options.read_only:
        app.read_only = "the settings say read_only"
    lifeline = Lifeline(sys.stdin.fileno(), app.end_from_outside, INTERRUPTED)
    lifeline.start()
    try:
        app.run()
    finally:
        lifeline.stop()
    return app.return_code or 0
