"""Reads the settings, and turns an entry into what an adapter takes: secrets are fetched here and only here.

Invariant: reading runs no command and asks no keyring; that happens when one connection is opened, for it alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from adapters.provider import ConnectionSettings
from adapters.secret import Secret
from adapters.source import SourceSettings
from console.secrets import FromEnvironment, SecretError, SecretReference, fetch
from console.settings.model import ConnectionEntry, Fault, Settings, SettingsError, SourceEntry, dotted
from console.settings.parse import parse
from console.settings.place import borrowed_fault, is_borrowed, read_file


def load(path: Path, strict: bool = True) -> Settings:
    """Read the settings. ``strict`` raises ``SettingsError`` with all faults; else see ``load_usable``."""
    settings, faults = load_usable(path)
    if strict and faults:
        raise SettingsError(faults)
    return settings


def load_usable(path: Path) -> tuple[Settings, tuple[Fault, ...]]:
    """What can be used of the settings, and every fault; a file that is missing or broken gives empty settings.

    Faulty entries and the links that need them are left out, so that the others go on (R21).
    """
    try:
        file = read_file(path)
    except SettingsError as error:
        return Settings(path, faults=error.faults), error.faults
    if file is None:
        missing = Fault(path, 0, "", "settings-missing", f"the file {path}", "nothing")
        return Settings(path, faults=(missing,)), (missing,)
    settings = replace(parse(file.text, path, file.digest), borrowed=is_borrowed(file.owner))
    return settings, settings.faults


def resolve(connection: str, settings: Settings) -> ConnectionSettings:
    """The connection with its secrets fetched; ``SettingsError`` when it is unknown, faulty or a secret is not had."""
    return resolve_entry(settings.connection(connection), settings)


def resolve_entry(entry: ConnectionEntry, settings: Settings) -> ConnectionSettings:
    """Like ``resolve``, for an entry that need not stand in the settings yet."""
    return ConnectionSettings(
        name=entry.name,
        provider=entry.provider,
        base_url=entry.base_url,
        connections=entry.connections,
        secrets=_fetch_all(entry.secrets, ("connections", entry.name), settings),
        options=entry.options,
    )


def resolve_source(source: str, settings: Settings) -> SourceSettings:
    """The source with its secrets fetched; raises as ``resolve`` does."""
    entry = settings.source(source)
    return _source_settings(entry, settings, _fetch_all(entry.secrets, ("sources", source), settings))


def _source_settings(entry: SourceEntry, settings: Settings, secrets: Mapping[str, Secret]) -> SourceSettings:
    return SourceSettings(
        name=entry.name,
        kind=entry.kind,
        folder=settings.folder,
        id=entry.id,
        email=entry.email,
        opted_out=entry.opted_out,
        secrets=secrets,
        options=entry.options,
    )


def _fetch_all(
    references: Mapping[str, SecretReference], path: tuple[str, str], settings: Settings
) -> dict[str, Secret]:
    """Fetch all secrets of one entry; all that are not had are told at once."""
    if settings.borrowed:
        raise SettingsError([borrowed_fault(settings.path)])
    hide = _secret_variables(settings)
    found: dict[str, Secret] = {}
    faults: list[Fault] = []
    for key, reference in references.items():
        try:
            found[key] = fetch(reference, settings.folder, hide=hide)
        except SecretError as error:
            place = dotted((*path, key))
            faults.append(Fault(settings.path, 0, place, error.reason, "", error.text, next=error.next))
    if faults:
        raise SettingsError(faults)
    return found


def _secret_variables(settings: Settings) -> frozenset[str]:
    """Environment variables that hold secrets: no command of the settings inherits them (I7)."""
    entries: list[ConnectionEntry | SourceEntry] = [
        *settings.connections.values(),
        *settings.sources.values(),
    ]
    return frozenset(
        reference.name
        for entry in entries
        for reference in entry.secrets.values()
        if isinstance(reference, FromEnvironment)
    )


def foreign_secrets(settings: Settings, connection: str, source: str = "") -> frozenset[str]:
    """Environment variables that hold the secrets of other connections and sources than these (I7)."""
    own: set[str] = set()
    others: set[str] = set()
    for table, name in ((settings.connections, connection), (settings.sources, source)):
        for entry in table.values():
            named = {one.name for one in entry.secrets.values() if isinstance(one, FromEnvironment)}
            (own if entry.name == name else others).update(named)
    return frozenset(others - own)
