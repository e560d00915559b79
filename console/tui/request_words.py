"""The requests a job really sent, and the files it keeps, as lines of tables."""

from __future__ import annotations

from console.tui.job_data import KeptFile
from console.tui.text import number, relative, size
from console.tui.widgets.sqlite_table import Cell, Column
from state.model import RequestLine

REQUESTS = (
    Column("Time", 8),
    Column("Method", 6),
    Column("Path", 24, weight=4),
    Column("Status", 6, right=True),
    Column("ms", 6, right=True),
    Column("Try", 3, right=True),
    Column("Note", 8, weight=1, drop=1),
)
FILES = (Column("File", 24, weight=3), Column("Size", 10, right=True), Column("Kept", 12, right=True))


def request_cells(line: RequestLine) -> tuple[Cell, ...]:
    """A line of the table of requests."""
    bad = line.status is None or line.status >= 400
    return (
        f"{line.at:%H:%M:%S}",
        line.method,
        line.path,
        (str(line.status) if line.status is not None else "none", "red" if bad else ""),
        number(line.milliseconds),
        str(line.attempt),
        line.note,
    )


def request_values(line: RequestLine) -> tuple[str, ...]:
    """A request for a file."""
    return (
        line.at.isoformat(),
        line.method,
        line.path,
        str(line.status) if line.status is not None else "",
        str(line.milliseconds),
        str(line.attempt),
        line.note,
    )


def file_cells(kept: KeptFile) -> tuple[Cell, ...]:
    """A line of the table of files."""
    return (kept.name, size(kept.size), relative(kept.at))
