"""What ``doctor`` says about the configuration: faults, secrets that cannot be had, accounts used twice, rights.

Invariant: it fetches secrets only to see whether they are there and whether two are the same; none is shown.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from adapters import registry
from adapters.provider import AdapterError, ConnectionSettings
from console.secrets import FOLDER
from console.settings.load import resolve, resolve_source
from console.settings.model import Fault, Settings, SettingsError
from state.model import Finding


def configuration_findings(settings: Settings, faults: Sequence[Fault]) -> list[Finding]:
    """Everything worth saying about the settings; one fine finding when nothing is wrong. Runs secret commands."""
    found = [fault_finding(fault) for fault in faults]
    found += _ambiguous_names(settings)
    resolved: dict[str, ConnectionSettings] = {}
    for name in settings.connections:
        try:
            resolved[name] = resolve(name, settings)
        except SettingsError as error:
            found += map(fault_finding, error.faults)
    for name in settings.sources:
        try:
            resolve_source(name, settings)
        except SettingsError as error:
            found += map(fault_finding, error.faults)
    found += _doubtful(resolved, settings)
    found += _same_accounts(resolved, settings)
    found += _files(settings)
    if not found:
        tables = (
            ("connections", settings.connections),
            ("sources", settings.sources),
            ("links", settings.links),
        )
        counts = ", ".join(f"{title}: {len(table)}" for title, table in tables)
        found.append(Finding("ok", f"The settings are sound ({counts}).", ok=True, where=str(settings.path)))
    return found


def fault_finding(fault: Fault) -> Finding:
    """A fault as ``doctor`` and ``check`` show it."""
    return Finding(fault.reason, fault.text, fault.next_step, where=fault.where)


def _ambiguous_names(settings: Settings) -> Iterator[Finding]:
    """Commands such as ``feedback`` take a connection or a link by its name."""
    for name in settings.connections:
        if name in settings.links:
            text = f"A connection and a link are both named {name}; commands that take either mean the link."
            yield Finding("name-taken", text, "Rename one of them.", ok=True, where=str(settings.path))


def _doubtful(resolved: dict[str, ConnectionSettings], settings: Settings) -> Iterator[Finding]:
    """What each platform's adapter finds unlikely about the settings of a connection."""
    for name, connection in resolved.items():
        for finding in registry.provider_kind(connection.provider).doubts(connection):
            yield replace(finding, where=f"{settings.path.name} connections.{name}")


def _same_accounts(resolved: dict[str, ConnectionSettings], settings: Settings) -> Iterator[Finding]:
    """Connections with one address and the same secrets. Accounts behind different keys only the platform knows."""
    first: dict[object, str] = {}
    for name, connection in resolved.items():
        if not connection.secrets:
            continue
        try:
            url = registry.provider_kind(connection.provider).base_url(connection)
        except AdapterError as error:
            # Such as a key without the part that names the data centre.
            yield Finding(
                error.reason, error.text, error.next, where=f"{settings.path.name} connections.{name}"
            )
            continue
        account = (connection.provider, url, frozenset(connection.secrets.items()))
        other = first.setdefault(account, name)
        if other != name:
            text = f"The connections {other} and {name} use one account."
            yield Finding("same-account", text, where=str(settings.path))
            yield from _same_lists(other, name, settings)


def _same_lists(one: str, other: str, settings: Settings) -> Iterator[Finding]:
    for link in settings.links_of(connection=one):
        for rival in settings.links_of(connection=other):
            if link.list_id == rival.list_id:
                text = f"The links {link.name} and {rival.name} write to one list, {link.list_id}."
                yield Finding("list-linked-twice", text, where=str(settings.path))


def _files(settings: Settings) -> Iterator[Finding]:
    store = settings.folder / FOLDER
    if store.is_dir() and stat.S_IMODE(store.stat().st_mode) & 0o077:
        text = f"Other accounts may look into {store}."
        yield Finding("file-permissions", text, f"chmod 700 {store}", where=str(store))
    for name, source in settings.sources.items():
        path = source.options.get("path")
        if not isinstance(path, str):
            continue
        file = settings.folder / Path(path).expanduser()
        try:
            there = file.exists()
        except OSError as error:
            text = f"The file of the source {name} cannot be reached: {error.strerror}."
            yield Finding("source-not-readable", text, f"Correct the permissions of {file}.", where=str(file))
            continue
        if not there:
            text = f"The source {name} names {file}, which is not there."
            yield Finding("source-missing", text, where=str(settings.path))
        elif _open_to_all(file):
            text = f"Every account of this machine may read the file of the source {name}."
            yield Finding("file-permissions", text, f"chmod o-rwx {file}", where=str(file))


def _open_to_all(path: Path) -> bool:
    """Whether any account can reach the file and read or write it: the folders around it count too."""
    try:
        target = path.resolve()
        if not target.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            return False
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in target.parents)
    except (OSError, RuntimeError):
        # What cannot be looked at is said when the source is read.
        return False
