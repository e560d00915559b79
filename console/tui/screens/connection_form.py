"""Adding or editing a connection: says where the platform shows each value, checks before it saves.

Invariant (law 8, I7): a typed key is wrapped at once, is never shown again, and goes to a file of its own; the
settings only say where it is. Checking is the one thing a screen does over the network, in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widgets import Button, Select

from adapters import registry
from adapters.provider import AdapterError, CheckReport, SettingSpec
from adapters.secret import Secret
from console.secrets import reference_value
from console.settings import ConnectionEntry, Settings, SettingsError
from console.tui.screens.form import Form
from console.tui.text import sentence
from console.tui.widgets.form import Field, choice_field, text_field
from console.tui.work import start
from state.model import Finding, JobKind

TYPED_HELP = " Kept in a file only you may read. Or type env:NAME for an environment variable."
KEEP_HELP = " Leave empty to keep the present one."


class ConnectionForm(Form):
    """One connection: a new one, or an entry of the settings."""

    SAVE: ClassVar[str] = "Check and save"

    def __init__(self, entry: ConnectionEntry | None) -> None:
        super().__init__()
        self._entry = entry
        self._provider = entry.provider if entry else next(iter(registry.PROVIDERS))
        self.heading = f"Edit {entry.name}" if entry else "Add a connection"

    def fields(self) -> Iterable[Field]:
        entry = self._entry
        if entry is None:
            platforms = [(registry.provider_kind(name).label, name) for name in registry.PROVIDERS]
            yield choice_field(
                "provider", "Platform", platforms, "Where the lists are.", value=self._provider, required=True
            )
            yield text_field(
                "name",
                "Name",
                "A short name of your own, used in commands: letters, digits, - and _.",
                placeholder="such as verband",
                required=True,
            )
        for spec in self._specs():
            yield self._spec_field(spec)
        yield text_field(
            "base_url",
            "Address",
            "Empty for the platform itself; another one for a proxy or the sandbox (plain http on this machine only).",
            value=entry.base_url if entry else "",
        )
        yield text_field(
            "connections",
            "Requests at once",
            "How many an export may keep open; 8 is right for most accounts.",
            value=str(entry.connections) if entry else "8",
        )

    def _specs(self) -> tuple[SettingSpec, ...]:
        return registry.provider_kind(self._provider).settings

    def _spec_field(self, spec: SettingSpec) -> Field:
        entry = self._entry
        if spec.secret:
            keep = KEEP_HELP if entry is not None and spec.name in entry.secrets else ""
            return text_field(
                spec.name, spec.label, spec.help + TYPED_HELP + keep, secret=True, required=spec.required
            )
        present = entry.options.get(spec.name) if entry else spec.default
        value = "" if present is None else str(present)
        if spec.choices:
            return choice_field(
                spec.name,
                spec.label,
                [(choice, choice) for choice in spec.choices],
                spec.help,
                value=value,
                required=spec.required,
            )
        return text_field(spec.name, spec.label, spec.help, value=value, required=spec.required)

    @on(Select.Changed, "#field-provider Select")
    async def _platform_chosen(self, event: Select.Changed) -> None:
        """Another platform asks for other values."""
        chosen = str(event.value)
        if event.value is Select.NULL or chosen == self._provider:
            return
        for spec in self._specs():
            await self.field(spec.name).remove()
        self._provider = chosen
        after = self.field("name")
        for spec in reversed(self._specs()):
            await self.query_one("#fields").mount(self._spec_field(spec), after=after)

    # --- what was typed --------------------------------------------------------------------------------------

    def _values(self) -> dict[str, object]:
        """The keys as ``add_connection`` takes them; a kept secret stays the reference it is."""
        entry = self._entry
        values: dict[str, object] = {"provider": self._provider}
        for spec in self._specs():
            text = self.field(spec.name).text
            if spec.secret:
                if text.startswith("env:"):
                    values[spec.name] = {"env": text.removeprefix("env:").strip()}
                elif text:
                    values[spec.name] = Secret(text)
                elif entry is not None and spec.name in entry.secrets:
                    values[spec.name] = reference_value(entry.secrets[spec.name])
            elif text:
                values[spec.name] = _typed(text, spec)
        base_url, at_once = self.field("base_url").text, self.field("connections").text
        if base_url:
            values["base_url"] = base_url
        if at_once and at_once != "8":
            values["connections"] = int(at_once) if at_once.isdecimal() else at_once
        return values

    async def submit(self, *, anyway: bool) -> None:
        app, entry = self.console_app, self._entry
        name = entry.name if entry else self.field("name").text
        values = self._values()
        self._busy(True)
        try:
            if not anyway:
                self.result("… checking: one moment")
                report = await asyncio.to_thread(_check, app.settings, name, values)
                self._show_report(report)
                if not report.ok:
                    self.offer_anyway(True)
                    return
            await asyncio.to_thread(self._save_values, name, values)
        except SettingsError as error:
            self.show_faults(error)
            # A secret that cannot be had from here may be there where the jobs run.
            self.offer_anyway(all(fault.reason.startswith("secret-") for fault in error.faults))
            return
        except AdapterError as error:
            self.result(sentence(("✖ ", "bold"), error.text, " ", error.next))
            self.offer_anyway(True)
            return
        finally:
            self._busy(False)
        await app.reload_settings()
        self.dismiss(True)
        start(app, "launch", app.launch, JobKind.CHECK, name)  # the form is gone by then

    def _busy(self, busy: bool) -> None:
        if self.is_attached:
            self.query_one("#save", Button).disabled = busy

    def _show_report(self, report: CheckReport) -> None:
        for field in self.query(Field):
            field.fault("")
        self.result(*[_finding_line(finding) for finding in report.findings])

    def _save_values(self, name: str, values: dict[str, object]) -> None:
        from console.settings.write import add_connection, edit_connection

        settings, entry = self.console_app.settings, self._entry
        if entry is None:
            add_connection(settings, name, values)
            return
        changes: dict[str, object | None] = dict(values)
        for key in (*entry.options, "base_url", "connections"):
            changes.setdefault(key, None)
        for key, reference in entry.secrets.items():
            if changes.get(key) == reference_value(reference):
                del changes[key]
        edit_connection(settings, name, changes)


def _check(settings: Settings, name: str, values: dict[str, object]) -> CheckReport:
    """In a thread with a loop of its own: certificates are read and names looked up there."""
    from console.jobs.check import check_settings
    from console.settings.draft import draft_connection

    return asyncio.run(check_settings(draft_connection(settings, name, values), ()))


def _typed(text: str, spec: SettingSpec) -> object:
    if spec.kind is int and text.isdecimal():
        return int(text)
    if spec.kind is bool:
        return text.casefold() in ("1", "true", "yes", "on")
    return text


def _finding_line(finding: Finding) -> Content:
    sign = "●" if finding.ok else "▲"
    return sentence((f"{sign} ", "bold"), finding.text, "" if finding.ok else f" → {finding.next}")
