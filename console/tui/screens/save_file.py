"""Saves a file kept with a job: asks where to, then writes it in a thread."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from console.tui.messages import KeysWanted
from console.tui.text import shown, size
from console.tui.work import start
from state.errors import StateError
from state.ids import short_id
from state.job_log import get_file

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


class SaveFile(ModalScreen[None]):
    """A file name, enter writes, escape does not."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Cancel", show=False)]

    def __init__(self, job_id: str, name: str) -> None:
        super().__init__()
        self._job_id = job_id
        self._kept = name

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = shown(f"Save {self._kept}")
            dialog.border_subtitle = "enter writes, esc does not"
            yield Static(
                "A new file, readable by you alone. It is the platform's, and may name people.", markup=False
            )
            line = Input(
                value=f"job-{short_id(self._job_id)}-{Path(self._kept).name}",
                compact=True,
                select_on_focus=False,
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
            start(app, "write", _save, app, self._job_id, self._kept, Path(name).expanduser().absolute())
            app.pop_screen()


async def _save(app: ConsoleApp, job_id: str, name: str, target: Path) -> None:
    try:
        body = await app.ask(get_file, job_id, name)
        if body is None:
            app.say(f"The job keeps no file {name} any more.", warning=True)
            return
        await asyncio.to_thread(_write, target, body)
    except FileExistsError:
        app.say(f"{target} is there already; nothing was written. Choose another name.", error=True)
    except OSError as error:
        app.say(f"{target} could not be written: {error.strerror}.", error=True)
    except StateError as error:
        app.say(f"{error.text} {error.next}", error=True)
    else:
        app.say(f"Wrote {size(len(body))} to {target}")


def _write(target: Path, body: bytes) -> None:
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
