"""What a supplier of contacts can do: say its columns, and hand its rows over as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from adapters.provider import AdapterError, SettingSpec, Wire
from adapters.secret import Secret
from adapters.source_writing import WritableSource
from state.model import Finding


class SourceUnreadable(AdapterError):
    """The source is not there, may not be read, or cannot be understood (exit 8 for settings, else 5)."""


class SourceIncomplete(AdapterError):
    """The read is not proven whole: an open quote at the end, a file that changed meanwhile (design law 5)."""


@dataclass(slots=True, frozen=True)
class SourceSettings:
    """One ``[sources.NAME]`` table; ``folder`` is where relative paths start."""

    name: str
    kind: str
    folder: Path
    id: str = ""
    email: str = ""
    opted_out: str = ""
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    options: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class SourceShape:
    """What a source looks like: columns, how it was read (encoding, delimiter …), a few rows, findings.

    ``email_columns``, ``id_columns`` and ``opt_out_columns`` are guesses to be offered, best first.
    """

    columns: tuple[str, ...]
    details: Mapping[str, str]
    sample: tuple[tuple[str, ...], ...]
    email_columns: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    id_columns: tuple[str, ...] = ()
    opt_out_columns: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class RowProblem:
    """A row that cannot be taken: shown as ``invalid`` with this reason, never skipped (R18)."""

    line: int
    reason: str
    text: str


@dataclass(slots=True)
class SourceBatch:
    """Some rows: ``rows[i]`` began at physical line ``lines[i]`` and holds the asked columns in order.

    ``done`` and ``total`` are bytes (or rows, see ``unit``) for progress; total 0 when unknown.
    """

    lines: list[int]
    rows: list[Sequence[str]]
    problems: list[RowProblem] = field(default_factory=list)
    done: int = 0
    total: int = 0
    unit: str = "bytes"


@dataclass(slots=True, frozen=True)
class SourceEnd:
    """What was read when the stream ended whole. ``snapshot`` names the state of the source (e.g. size, mtime).

    ``details`` says how it was read, as in ``SourceShape``.
    """

    rows: int
    problems: int
    snapshot: str
    as_of: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """A supplier of contacts. Reading is synchronous and streaming; jobs run it in a thread."""

    def shape(self) -> SourceShape:
        """Columns and a sample; raises ``SourceUnreadable``."""

    def read(self, columns: Sequence[str]) -> Iterator[SourceBatch]:
        """All rows with the named columns, in batches of a few hundred.

        Raises ``SourceUnreadable`` before the first row, ``SourceIncomplete`` when the stream does not end
        whole. After the last batch ``end`` is set.
        """

    @property
    def end(self) -> SourceEnd | None:
        """Set once ``read`` ended whole."""


@dataclass(slots=True, frozen=True)
class SourceKind:
    """A kind of source as the registry knows it."""

    name: str
    label: str
    settings: tuple[SettingSpec, ...]
    open: Callable[[SourceSettings, Wire | None], Source]
    open_writable: Callable[[SourceSettings, Wire | None], WritableSource] | None = None
    """None where nothing can be written back."""
