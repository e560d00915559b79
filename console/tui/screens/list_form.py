"""Creating a remote list: its name and who may see it; a job does it, and the lists are read again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.widgets import Button

from console.tui.link_fields import visibility_field
from console.tui.new_list import create_list
from console.tui.screens.form import Form
from console.tui.text import printable, sentence
from console.tui.widgets.form import Field, text_field
from state.errors import StateError


class ListForm(Form):
    """One new list of a connection; answers True when it was made."""

    SAVE: ClassVar[str] = "Create"

    def __init__(self, connection: str) -> None:
        super().__init__()
        self._connection = connection
        self.heading = f"A new list of {connection}"

    def fields(self) -> Iterable[Field]:
        yield text_field("name", "Name", "As people at the platform will see it.", required=True)
        yield visibility_field("public")

    async def submit(self, *, anyway: bool) -> None:
        name = self.field("name").text
        self.field("name").fault("" if name else "Name the list.")
        if not name:
            return
        button = self.query_one("#save", Button)
        button.disabled = True
        self.result(f"… creating {printable(name)} at the platform")
        try:
            public = self.field("public").text == "public"
            made = await create_list(self.console_app, self._connection, name, public=public)
        except StateError as error:
            self.result(sentence(("✖ ", "bold"), error.text, " ", error.next))
            return
        finally:
            if self.is_attached:
                button.disabled = False
        self.result("")
        if made.fault:
            self.field("name").fault(made.fault)
            return
        self.dismiss(True)
        self.console_app.say(f"Created {name}: nobody is on it yet. c joins it to a source.")
