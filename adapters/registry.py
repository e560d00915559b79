"""Names to providers and sources. Naming one imports nothing of it; a new vendor is one line here."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from adapters.provider import ProviderKind
from adapters.source import SourceKind

PROVIDERS = {
    "dotdigital": "adapters.dotdigital",
    "mailchimp": "adapters.mailchimp",
}
SOURCES = {
    "csv": "adapters.sources.csvfile",
    "oro": "adapters.sources.oro",
}


def provider_kind(name: str) -> ProviderKind:
    """The platform of that name; ``KeyError`` when nobody registered it."""
    return cast(ProviderKind, import_module(PROVIDERS[name]).KIND)


def source_kind(name: str) -> SourceKind:
    """The kind of source of that name; ``KeyError`` when nobody registered it."""
    return cast(SourceKind, import_module(SOURCES[name]).KIND)
