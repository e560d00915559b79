"""What a source looks like, for the forms and commands that join it to a list: columns, a sample, how it is read.

Like the check of credentials (design §1) this runs for a form before anything is saved; it only reads. Blocking:
run it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.registry import source_kind
from adapters.source import SourceSettings, SourceShape
from console.settings import Settings, resolve_source


def source_shape(settings: Settings, source: str) -> SourceShape:
    """The shape of a source of the settings; raises ``SettingsError`` and ``AdapterError``."""
    return _shape(resolve_source(source, settings))


def typed_shape(settings: Settings, kind: str, options: Mapping[str, str | int | bool]) -> SourceShape:
    """The shape of a source that was typed and is not saved yet; raises ``AdapterError``."""
    return _shape(SourceSettings(name="", kind=kind, folder=settings.folder, options=options))


def _shape(settings: SourceSettings) -> SourceShape:
    return source_kind(settings.kind).open(settings, None).shape()


def guessed_keys(shape: SourceShape) -> dict[str, str]:
    """The keys of a new source as its columns suggest them: address, id, and opt-out; only where nothing is in doubt.

    They are shown to whoever connects the source, and can be said otherwise.
    """
    found = {"email": shape.email_columns[:1], "id": shape.id_columns, "opted_out": shape.opt_out_columns}
    return {key: columns[0] for key, columns in found.items() if len(columns) == 1}
