"""A connection a person has typed and not saved yet: validated and opened like one that is.

Invariant: a draft writes nothing and keeps no secret; what it accepts, ``add_connection`` accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adapters.provider import ConnectionSettings
from adapters.secret import Secret
from console.settings.load import resolve_entry
from console.settings.model import Fault, Settings, SettingsError
from console.settings.parse import parse

_TYPED = {"file": "typed"}


def draft_connection(settings: Settings, name: str, values: Mapping[str, object]) -> ConnectionSettings:
    """What ``resolve`` would give if the values stood in the settings.

    A value may be a ``Secret``. Raises ``SettingsError`` with all faults of the values, or the secrets not had.
    """
    # Imported when needed: tomlkit is no cost of looking.
    from console.settings.edit import add_table

    typed = {key: value for key, value in values.items() if isinstance(value, Secret)}
    written = {key: _TYPED if key in typed else value for key, value in values.items()}
    draft = parse(add_table("", "connections", name or " ", written), settings.path)
    if draft.faults:
        raise SettingsError([_unplaced(fault) for fault in draft.faults])
    entry = draft.connection(name)
    referenced = {key: value for key, value in entry.secrets.items() if key not in typed}
    resolved = resolve_entry(replace(entry, secrets=referenced), settings)
    return replace(resolved, secrets={**resolved.secrets, **typed})


def _unplaced(fault: Fault) -> Fault:
    """There is no line yet."""
    return replace(fault, line=0)
