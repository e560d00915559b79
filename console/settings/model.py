"""What the settings say, as values, and what is wrong with them, all at once.

Invariant: nothing in here holds a secret: secrets are references until a connection is opened (design law 8),
and a fault never quotes the value of a key that is meant to hold one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from console.secrets import SecretReference
from state.model import Link
from state.reasons import reason as reason_entry


@dataclass(slots=True, frozen=True)
class Fault:
    """One thing wrong in the settings: where, what was expected there, what was found (never a secret).

    ``line`` is 0 where no line can be named. ``key`` is the dotted path. ``hint`` names the nearest valid word.
    """

    file: Path
    line: int
    key: str
    reason: str
    expected: str
    found: str
    hint: str = ""
    next: str = ""

    @property
    def where(self) -> str:
        """``listwarden.toml:12 links.members-news.mode``"""
        place = f"{self.file.name}:{self.line}" if self.line else str(self.file)
        return f"{place} {self.key}".rstrip()

    @property
    def text(self) -> str:
        """One sentence without the place."""
        sentence = f"found {self.found}" if self.found else reason_entry(self.reason).title
        if self.expected:
            sentence += f", expected {self.expected}"
        return f"{sentence}; did you mean “{self.hint}”?" if self.hint else sentence

    @property
    def next_step(self) -> str:
        """What to do."""
        return self.next or reason_entry(self.reason).next

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"

    def concerns(self, *path: str) -> bool:
        """Whether the fault lies at or below a path such as ``"links", "members-news"``."""
        prefix = dotted(path)
        return self.key == prefix or self.key.startswith(prefix + ".")


class SettingsError(Exception):
    """The settings cannot be used (or written) as asked; carries every fault found, in the file's order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        if not faults:
            raise ValueError("a settings error needs a fault")
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)
        self.reason = faults[0].reason
        self.text = "\n".join(map(str, faults))
        self.next = faults[0].next_step
        self.raw = ""


@dataclass(slots=True, frozen=True)
class ConnectionEntry:
    """One ``[connections.NAME]`` table, secrets still references."""

    name: str
    provider: str
    base_url: str = ""
    connections: int = 8
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    options: Mapping[str, str | int | bool] = field(default_factory=dict)
    fields_every_seconds: int = 86400
    """Feedback synchronizes the data fields when that was last done longer ago than this."""


@dataclass(slots=True, frozen=True)
class SourceEntry:
    """One ``[sources.NAME]`` table, secrets still references."""

    name: str
    kind: str
    id: str = ""
    email: str = ""
    opted_out: str = ""
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    options: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Options:
    """The ``[options]`` table. ``quarantine_seconds``: how long a chunk without an answer rests (design law 3)."""

    read_only: bool = False
    quarantine_seconds: int = 900


@dataclass(slots=True, frozen=True)
class Settings:
    """The usable part of ``listwarden.toml``.

    ``digest`` names the bytes that were read (empty: no file yet), so that a write can tell whether somebody
    else wrote meanwhile. ``faults`` are what ``load_usable`` found; what they concern is not in here.
    """

    path: Path
    connections: Mapping[str, ConnectionEntry] = field(default_factory=dict)
    sources: Mapping[str, SourceEntry] = field(default_factory=dict)
    links: Mapping[str, Link] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    faults: tuple[Fault, ...] = ()
    blocked: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    """Links that are sound themselves and need a connection or source that is not: the faults of those."""
    digest: str = ""
    borrowed: bool = False
    """The file belongs to another account: it may be looked at, and nothing is opened or written by it."""

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.path.parent

    def connection(self, name: str) -> ConnectionEntry:
        """The connection of that name; ``SettingsError`` with its faults, or ``connection-missing``."""
        return self.connections.get(name) or self._missing(
            "connections", name, "connection-missing", self.connections
        )

    def source(self, name: str) -> SourceEntry:
        """The source of that name; ``SettingsError`` with its faults, or ``source-unknown``."""
        return self.sources.get(name) or self._missing("sources", name, "source-unknown", self.sources)

    def link(self, name: str) -> Link:
        """The link of that name; ``SettingsError`` with its faults, or ``link-missing``."""
        return self.links.get(name) or self._missing("links", name, "link-missing", self.links)

    def links_of(self, *, connection: str = "", source: str = "") -> tuple[Link, ...]:
        """The usable links of a connection or a source."""
        return tuple(
            link
            for link in self.links.values()
            if (not connection or link.connection == connection) and (not source or link.source == source)
        )

    def _missing(self, table: str, name: str, reason: str, known: Mapping[str, object]) -> NoReturn:
        faults = [fault for fault in self.faults if fault.concerns(table, name)]
        if not faults and table == "links":
            faults = list(self.blocked.get(name, ()))
        if not faults:
            # A file that could not be read at all explains every missing name.
            faults = [fault for fault in self.faults if not fault.key]
        if not faults:
            expected = "one of " + ", ".join(known) if known else f"a table [{table}.…] in the settings"
            faults = [Fault(self.path, 0, "", reason, expected, repr(name)[:60], nearest(name, known))]
        raise SettingsError(faults)


def nearest(word: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """The known word most like a mistyped one, or an empty text."""
    folded = {name.casefold().replace("_", "-"): name for name in known}
    close = get_close_matches(word.casefold().replace("_", "-"), list(folded), n=1, cutoff=0.6)
    return str(folded[close[0]]) if close else ""


def dotted(path: Sequence[str]) -> str:
    """A path as TOML writes it; parts that need quotes get them."""
    return ".".join(part if part and _bare(part) else repr(part)[:60] for part in path)


def _bare(part: str) -> bool:
    return all(character.isascii() and (character.isalnum() or character in "_-") for character in part)
