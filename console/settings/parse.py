"""From the text of ``listwarden.toml`` to values: validated as a whole, every fault with its line.

Invariant: an entry with a fault is left out, and so is every link that needs it; the others stay usable (R21).
Two links that write to one remote list are both left out, because each would undo the other's work (R05).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from adapters import registry
from adapters.provider import SettingSpec
from console.secrets import SecretReference
from console.settings.lines import key_lines
from console.settings.link_table import read_link
from console.settings.model import ConnectionEntry, Fault, Options, Settings, SourceEntry, nearest
from console.settings.reader import Faults, Table, Value, describe
from console.settings.rules import LONGEST_EVERY, SHORTEST_EVERY, duration_seconds, name_fault, url_fault
from state.model import Link

TABLES = ("connections", "sources", "links", "options")
MOST_CONNECTIONS = 64
LONGEST_QUARANTINE = 7 * 86400
DAY = 86400


class _Kind(Protocol):
    @property
    def settings(self) -> tuple[SettingSpec, ...]: ...


def parse(text: str, file: Path, digest: str = "") -> Settings:
    """The usable part of a settings text, with all faults found in it."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        content = tomllib.loads(text)
        lines = key_lines(text)
    except tomllib.TOMLDecodeError as error:
        return Settings(file, digest=digest, faults=(_broken(file, str(error), text),))
    except RecursionError:
        return Settings(file, digest=digest, faults=(_broken(file, "nested too deeply", text),))
    faults = Faults(file, lines)
    for key in content:
        if key not in TABLES:
            faults.add(
                (key,),
                "settings-unknown-key",
                "one of " + ", ".join(TABLES),
                f"the key {key!r}"[:60],
                nearest(key, TABLES),
            )
    connections = {name: _connection(name, table) for name, table in _tables(content, "connections", faults)}
    sources = {name: _source(name, table) for name, table in _tables(content, "sources", faults)}
    links = {name: read_link(name, table, content) for name, table in _tables(content, "links", faults)}
    options = _options(Table(content.get("options", {}), ("options",), faults))
    _find_rivals(links, connections, faults)

    usable_connections = {
        n: c for n, c in connections.items() if c and not faults.concerning("connections", n)
    }
    usable_sources = {n: s for n, s in sources.items() if s and not faults.concerning("sources", n)}
    sound_links = {name: link for name, link in links.items() if not faults.concerning("links", name)}
    blocked = {name: faults.about(link.connection, link.source) for name, link in sound_links.items()}
    return Settings(
        file,
        usable_connections,
        usable_sources,
        {name: link for name, link in sound_links.items() if not blocked[name]},
        options,
        faults=faults.ordered(),
        blocked={name: needed for name, needed in blocked.items() if needed},
        digest=digest,
    )


def _broken(file: Path, message: str, text: str) -> Fault:
    found = re.search(r"\(at line (\d+), column (\d+)\)$", message)
    line = int(found[1]) if found else text.count("\n") + 1
    # Only the reader's complaint, never the line itself: a key may stand in it.
    complaint = re.sub(r"\s*\(at .*\)$", "", message)
    where = f" at column {found[2]}" if found else ""
    return Fault(file, line, "", "settings-broken", "valid TOML", f"{complaint}{where}"[:200])


def _tables(content: Mapping[str, object], kind: str, faults: Faults) -> Iterable[tuple[str, Table]]:
    """The named tables of a kind; a name that breaks the rule is a fault of its own."""
    for name, table in Table(content.get(kind, {}), (kind,), faults).content.items():
        expected = name_fault(name)
        if expected:
            faults.add((kind, name), "settings-value", expected, describe(name))
        entry = Table(table, (kind, name), faults)
        if isinstance(table, dict):
            yield name, entry


def _adapter_keys(table: Table, kind: _Kind) -> tuple[dict[str, SecretReference], dict[str, Value]]:
    """The keys an adapter describes, but those every connection or source has anyway."""
    secrets: dict[str, SecretReference] = {}
    options: dict[str, Value] = {}
    for spec in kind.settings:
        if table.known(spec.name):
            continue
        if spec.secret:
            reference = table.secret(spec.name, required=spec.label if spec.required else "")
            if reference is not None:
                secrets[spec.name] = reference
        elif (value := table.spec(spec)) is not None:
            options[spec.name] = value
            if spec.name.endswith("url") and isinstance(value, str) and value:
                _check_url(table, spec.name, value)
    return secrets, options


def _connection(name: str, table: Table) -> ConnectionEntry | None:
    provider = table.text("provider", required="one of " + ", ".join(registry.PROVIDERS))
    base_url = table.text("base_url")
    at_once = table.number("connections", 1, MOST_CONNECTIONS, 8)
    if base_url:
        _check_url(table, "base_url", base_url)
    if not provider:
        return None
    try:
        kind = registry.provider_kind(provider)
    except KeyError:
        _unknown_kind(table, "provider", provider, "provider-unknown", registry.PROVIDERS)
        return None
    except ImportError as error:
        _not_installed(table, "provider", provider, error)
        return None
    secrets, options = _adapter_keys(table, kind)
    fields_every = _fields_every(table)
    table.close()
    return ConnectionEntry(name, provider, base_url.rstrip("/"), at_once, secrets, options, fields_every)


def _fields_every(table: Table) -> int:
    """How old the data fields may get, in seconds."""
    text = table.text("fields_every")
    seconds = duration_seconds(text) if text else DAY
    if seconds is None or not SHORTEST_EVERY <= seconds <= LONGEST_EVERY:
        table.fault("fields_every", "settings-value", 'a duration from "1m" to "366d"', describe(text))
        return DAY
    return seconds


def _source(name: str, table: Table) -> SourceEntry | None:
    word = table.text("kind", required="one of " + ", ".join(registry.SOURCES))
    columns = {key: table.text(key).strip() for key in ("id", "email", "opted_out")}
    if not word:
        return None
    try:
        kind = registry.source_kind(word)
    except KeyError:
        _unknown_kind(table, "kind", word, "settings-value", registry.SOURCES)
        return None
    except ImportError as error:
        _not_installed(table, "kind", word, error)
        return None
    secrets, options = _adapter_keys(table, kind)
    table.close()
    return SourceEntry(name, word, **columns, secrets=secrets, options=options)


def _unknown_kind(table: Table, key: str, word: str, reason: str, known: Mapping[str, str]) -> None:
    table.fault(key, reason, "one of " + ", ".join(known), describe(word), nearest(word, known))


def _not_installed(table: Table, key: str, word: str, error: ImportError) -> None:
    missing = error.name or "a package"
    table.fault(
        key,
        "settings-value",
        "an adapter that is installed",
        f"{word!r}, which needs {missing}",
        next="Install the extra that the documentation of this adapter names.",
    )


def _check_url(table: Table, key: str, url: str) -> None:
    expected = url_fault(url)
    if expected:
        # User and password may stand before the host: such an address is not quoted.
        table.fault(key, "url-not-allowed", expected, "an address with @" if "@" in url else describe(url))


def _options(table: Table) -> Options:
    read_only = table.flag("read_only", False)
    quarantine = table.text("quarantine")
    table.close()
    if not quarantine:
        return Options(read_only)
    seconds = duration_seconds(quarantine)
    if seconds is None or not 60 <= seconds <= LONGEST_QUARANTINE:
        table.fault("quarantine", "settings-value", 'a duration from "1m" to "7d"', describe(quarantine))
        return Options(read_only)
    return Options(read_only, seconds)


def _find_rivals(
    links: Mapping[str, Link], connections: Mapping[str, ConnectionEntry | None], faults: Faults
) -> None:
    """Links on one remote list, also by two connections whose settings name one account."""
    by_list: dict[tuple[str, str], list[str]] = {}
    for name, link in links.items():
        if link.list_id and link.connection:
            account = _account(link.connection, connections.get(link.connection))
            by_list.setdefault((account, link.list_id), []).append(name)
    for (_, list_id), names in by_list.items():
        for name in names if len(names) > 1 else ():
            others = ", ".join(other for other in names if other != name)
            faults.add(
                ("links", name, "list"),
                "list-linked-twice",
                "one link a list",
                f"{describe(list_id)}, also in {others}",
            )


def _account(name: str, entry: ConnectionEntry | None) -> str:
    """The same text for two connections that cannot but reach one account."""
    if entry is None or not entry.secrets:
        return name
    return repr(
        (entry.provider, entry.base_url, sorted(entry.secrets.items()), sorted(entry.options.items()))
    )
