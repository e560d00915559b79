"""Creating a data field: the platform's own rules judge while one types; a job creates it, and its end is waited for.

Invariant: the button works only while the rules have nothing against the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.widgets import Button, Input, Select

from adapters.provider import NewField
from console.new_field import Platform, new_field, new_field_fault
from console.tui.field_data import ListChoice
from console.tui.field_work import failure_words, run_field_job
from console.tui.screens.form import Form
from console.tui.text import printable, sentence
from console.tui.widgets.form import Field, choice_field, text_field
from state.model import JobState


class FieldForm(Form):
    """One new field of a connection; answers True when it was made."""

    SAVE: ClassVar[str] = "Create field"

    def __init__(
        self, connection: str, platform: Platform, lists: Sequence[ListChoice], list_id: str = ""
    ) -> None:
        """``lists`` are those it may be created on, ``list_id`` the one proposed."""
        super().__init__()
        self._connection = connection
        self._platform = platform
        self._lists = lists
        self._list_id = list_id
        self._busy = False
        self.heading = f"A new field of {connection}"

    def fields(self) -> Iterable[Field]:
        can = self._platform.capabilities
        if len(self._lists) > 1 and not can.fields_by_account:
            choices = [(one.name, one.list_id) for one in self._lists]
            yield choice_field(
                "list", "List", choices, "Every list has its own fields.", value=self._list_id, required=True
            )
        yield text_field("name", "Name", "As mappings name it, such as CLUB.", required=True)
        if can.field_labels:
            yield text_field("label", "Label", "As people read it; empty: the name.")
        yield choice_field(
            "kind",
            "Type",
            [(kind, kind) for kind in can.field_types],
            "What values it takes; the type stays for good.",
            value=can.field_types[0],
            required=True,
        )
        if can.choice_types:
            yield text_field(
                "choices",
                "Choices",
                f"For {' and '.join(can.choice_types)} only: the values, separated by commas.",
            )
        yield choice_field(
            "visibility",
            "Visibility",
            [("us only (private)", "private"), ("everyone (public)", "public")],
            "Whether contacts see the field in the platform's forms.",
            value="private",
            required=True,
        )
        yield text_field(
            "default", "Default", "What the platform fills in where nothing was given; empty: nothing."
        )

    def on_mount(self) -> None:
        super().on_mount()
        self._judge()

    def _options(self) -> dict[str, object]:
        present = {field.key: field.text for field in self.query(Field)}
        return {
            "name": present["name"],
            "kind": present["kind"],
            "label": present.get("label", ""),
            "public": present["visibility"] == "public",
            "default": present["default"],
            "choices": [one.strip() for one in present.get("choices", "").split(",") if one.strip()],
        }

    def _asked(self) -> NewField:
        return new_field(self._options())

    @on(Input.Changed)
    @on(Select.Changed)
    def _changed(self) -> None:
        if not self._busy:
            self._judge()

    def _judge(self) -> None:
        """Say what the platform's rules have against the field as it stands; nothing is asked of anybody."""
        can = self._platform.capabilities
        kind = self.field("kind").text
        if can.choice_types:
            self.field("choices").display = kind in can.choice_types
        asked = self._asked()
        fault = new_field_fault(asked, self._platform.judge)
        self.query_one("#save", Button).disabled = bool(fault)
        if not asked.name:
            self.result("")
        elif fault:
            self.result(sentence("! ", fault))
        else:
            self.result(sentence("● ", printable(self._platform.label), " takes a field like this."))

    async def submit(self, *, anyway: bool) -> None:
        options = {"action": "create", **self._options()}
        if self.query("#field-list"):
            options["list"] = self.field("list").text
        elif self._lists and not self._platform.capabilities.fields_by_account:
            options["list"] = self._lists[0].list_id
        button = self.query_one("#save", Button)
        button.disabled = self._busy = True
        self.result(f"… creating {printable(str(options['name']))} at the platform")
        try:
            job = await run_field_job(self.console_app, self._connection, options)
        finally:
            self._busy = False
            if self.is_attached:
                button.disabled = False
        if job is None:
            self.result("The job could not be started.")
        elif job.state is JobState.DONE:
            self.dismiss(True)
            self.console_app.say(job.text)
        else:
            self.result(sentence(("✖ ", "bold"), failure_words(job)))
