"""What a source looks like, for the forms and commands that join it to a list: columns, a sample, how it is read.

Like the check of credentials (design §1) this runs for a form before anything is saved; it only reads. Blocking:
run it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.registry import source_kind
from adapters.source import SourceSettings, SourceShape
from adapters.sources.columns import name_columns
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


def proposed_fields(
    name_fields: Mapping[str, Sequence[str]], columns: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """What a new link maps by itself: the platform's fields for names, filled by the columns that surely hold them.

    ``name_fields`` are the platform's (``ProviderKind.name_fields``). A field both names belong in is only proposed
    when the source has both; nothing but names is ever proposed (data economy, law 8).
    """
    known = name_columns(columns)
    return {
        target: tuple(known[part] for part in parts)
        for target, parts in name_fields.items()
        if all(part in known for part in parts)
    }
