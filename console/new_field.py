"""A field somebody wants to create, before any request: read from a job's options, and judged by the platform's rules.

The rules are the adapter's own (``Provider.field_fault``), which asks nobody: so a form can judge while one types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from adapters.provider import Capabilities, ConnectionSettings, NewField, Wire
from adapters.registry import provider_kind
from console.settings import ConnectionEntry


class FieldJudge(Protocol):
    """What of a provider is needed to judge a field; no request."""

    @property
    def capabilities(self) -> Capabilities: ...
    def field_fault(self, field: NewField) -> str: ...


@dataclass(slots=True, frozen=True)
class Platform:
    """The platform behind a connection as far as it can be told without asking it."""

    label: str
    list_word: str
    judge: FieldJudge

    @property
    def capabilities(self) -> Capabilities:
        return self.judge.capabilities


def platform_of(entry: ConnectionEntry) -> Platform:
    """The platform of a connection, opened without its secrets and never asked; ``KeyError`` for an unknown one."""
    settings = ConnectionSettings(
        entry.name, entry.provider, entry.base_url, entry.connections, {}, entry.options
    )
    kind = provider_kind(entry.provider)
    return Platform(kind.label, kind.list_word, kind.open(settings, Wire("listwarden", read_only=True)))


def new_field(options: Mapping[str, object]) -> NewField:
    """The field a job's options describe; blanks around name, label and type do not count."""
    choices = options.get("choices")
    return NewField(
        name=str(options.get("name", "")).strip(),
        kind=str(options.get("kind", "")).strip(),
        label=str(options.get("label", "")).strip(),
        public=options.get("public") is True,
        default=str(options.get("default", "")),
        choices=tuple(str(one).strip() for one in choices if str(one).strip())
        if isinstance(choices, Sequence) and not isinstance(choices, str)
        else (),
    )


def spelled(field: NewField, capabilities: Capabilities) -> NewField:
    """The field with its type spelled as the platform spells it: ``string`` is ``String`` at dotdigital."""
    for kind in capabilities.field_types:
        if kind.casefold() == field.kind.casefold():
            return replace(field, kind=kind)
    return field


def new_field_fault(field: NewField, judge: FieldJudge) -> str:
    """Why the platform would not create the field, as a sentence; empty when it would."""
    can = judge.capabilities
    if not can.creates_fields:
        return "Fields of this platform cannot be created from here."
    if not field.name:
        return "A field needs a name."
    if field.kind not in can.field_types:
        return f"There is no field type {field.kind!r} here; there are {', '.join(can.field_types)}."
    if field.label and not can.field_labels:
        return "Fields of this platform have no label beside their name."
    if field.choices and field.kind not in can.choice_types:
        return f"A field of type {field.kind} has no choices."
    return judge.field_fault(field)
