"""``e``: asks where to, then writes the rows of the view in a thread."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from console.tui.export_view import View, write_view
from console.tui.messages import KeysWanted
from console.tui.text import counted
from console.tui.work import start
from state.errors import StateError
from state.moments import utc_now

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


class WriteView(ModalScreen[None]):
    """A file name, enter writes, escape does not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Cancel", show=False)]

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Write these rows to a file"
            dialog.border_subtitle = "enter writes, esc does not"
            yield Static("A new file, readable by you alone. It ends in .csv or .jsonl.", markup=False)
            line = Input(
                value=f"{self._view.name}-{utc_now():%Y%m%dT%H%M%S}.csv", compact=True, select_on_focus=False
            )
            line.cursor_blink = False
            yield line

    def on_mount(self) -> None:
        self.set_focus(self.query_one(Input))
        self.app.post_message(KeysWanted())

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        name = event.value.strip()
        if name:
            app = cast("ConsoleApp", self.app)
            start(app, "write", _write, app, self._view, Path(name).expanduser().absolute())
            app.pop_screen()


async def _write(app: ConsoleApp, view: View, target: Path) -> None:
    try:
        rows = await asyncio.to_thread(write_view, view, target, app.state_path)
    except FileExistsError:
        app.say(f"{target} is there already; nothing was written. Choose another name.", error=True)
    except OSError as error:
        app.say(f"{target} could not be written: {error.strerror}.", error=True)
    except StateError as error:
        app.say(f"{error.text} {error.next}", error=True)
    else:
        app.say(f"Wrote {counted(rows, 'row')} to {target}")
