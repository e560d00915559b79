"""Writes rows to a file a person asked for: NDJSON or CSV, streamed.

Invariants: the file is 0600 whatever the umask (I16) and appears only when it is whole; no CSV cell is read as a
formula by a spreadsheet (design law 9).
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
JSON_LINES = frozenset({".ndjson", ".jsonl"})
ENDINGS = (".ndjson", ".jsonl", ".csv")

Row = Mapping[str, object]


def formula_safe(text: str) -> str:
    """The cell with a quote in front where a spreadsheet would run it."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def known_ending(target: Path) -> bool:
    """Whether the name says in which form to write."""
    return target.suffix.lower() in ENDINGS


def write_rows(target: Path, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Write all rows in the form the name's ending says, in the place of what was there; returns how many.

    Raises ``OSError``; then a file that was there is as it was.
    """
    with _replacing(target) as file:
        write = _json_lines(file) if target.suffix.lower() in JSON_LINES else _csv(file, columns)
        count = 0
        for row in rows:
            write(row)
            count += 1
    return count


def _json_lines(file: IO[str]) -> Callable[[Row], object]:
    return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _csv(file: IO[str], columns: Sequence[str]) -> Callable[[Row], object]:
    writer = csv.writer(file)
    writer.writerow([formula_safe(column) for column in columns])
    return lambda row: writer.writerow([formula_safe(_cell(row.get(column))) for column in columns])


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@contextmanager
def _replacing(target: Path) -> Iterator[IO[str]]:
    descriptor, temporary = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    try:
        # Half characters of a damaged source are escaped, not a reason to lose the file.
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
