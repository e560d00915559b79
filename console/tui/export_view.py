"""Writes the rows of a view to a file: CSV or JSON lines, as filtered, streamed from the state.

Invariants: the file is new, 0600, and no link is followed (I16); no CSV cell is read as a formula by a spreadsheet
(law 9); it runs in a thread with its own connection, so neither the screen nor its reads wait.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.rowfile import formula_safe
from console.tui.widgets.sqlite_table import PAGE_ROWS, Window
from state.store import State, open_state


@dataclass(slots=True, frozen=True)
class View:
    """What a page offers to write: a fresh window over its rows, the columns' names, and a row as texts."""

    name: str
    window: Callable[[], Window[Any]]
    columns: Sequence[str]
    values: Callable[[Any], Sequence[str]]


def write_view(view: View, target: Path, state_path: Path) -> int:
    """Write all rows; ``.jsonl`` and ``.ndjson`` give JSON lines, everything else CSV. Returns the rows written.

    Raises ``OSError`` (``FileExistsError`` when the file is there) and ``StateError``; a file that could not be
    finished is removed.
    """
    lines = target.suffix.lower() in (".jsonl", ".ndjson")
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        with (
            os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file,
            open_state(state_path, read_only=True) as state,
        ):
            rows = _rows(view, state)
            if lines:
                return _write_json_lines(view, rows, file.write)
            return _write_csv(view, rows, csv.writer(file).writerow)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _rows(view: View, state: State) -> Iterator[Any]:
    window = view.window()
    while True:
        count = window.count(state)
        if count.exact:
            break
    for first in range(0, count.rows, PAGE_ROWS * 8):
        yield from window.rows(state, first, PAGE_ROWS * 8)


def _write_csv(view: View, rows: Iterator[Any], write: Callable[[Sequence[str]], object]) -> int:
    write([formula_safe(name) for name in view.columns])
    written = 0
    for row in rows:
        write([formula_safe(text) for text in view.values(row)])
        written += 1
    return written


def _write_json_lines(view: View, rows: Iterator[Any], write: Callable[[str], object]) -> int:
    written = 0
    for row in rows:
        found = dict(zip(view.columns, view.values(row), strict=True))
        write(json.dumps(found, ensure_ascii=False) + "\n")
        written += 1
    return written
