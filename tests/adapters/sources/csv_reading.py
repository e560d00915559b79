"""Writes a CSV file and reads it through the source, whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.registry import source_kind
from adapters.source import RowProblem, SourceBatch, SourceEnd, SourceSettings
from adapters.sources.csvfile import CsvFile

Options = dict[str, str | int | bool]


@dataclass(slots=True)
class Read:
    """All that a read gave."""

    rows: list[tuple[int, tuple[str, ...]]]
    problems: list[RowProblem]
    batches: list[SourceBatch]
    end: SourceEnd
    source: CsvFile

    @property
    def faults(self) -> list[tuple[int, str]]:
        return [(problem.line, problem.reason) for problem in self.problems]


def open_csv(path: Path, *, id: str = "", email: str = "", opted_out: str = "", **options: str) -> CsvFile:
    """The source of a file, through the registry as the jobs open it."""
    given: Options = {"path": path.name, **options}
    settings = SourceSettings("members", "csv", path.parent, id, email, opted_out, options=given)
    source = source_kind("csv").open(settings, None)
    assert isinstance(source, CsvFile)
    return source


def read_all(path: Path, data: bytes | str | None, columns: Sequence[str], **options: str) -> Read:
    """Write the data (unless None) and read the named columns to the end."""
    if data is not None:
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    source = open_csv(path, **options)
    batches = list(source.read(columns))
    assert source.end is not None
    rows = [pair for batch in batches for pair in zip(batch.lines, map(tuple, batch.rows), strict=True)]
    return Read(rows, [one for batch in batches for one in batch.problems], batches, source.end, source)
