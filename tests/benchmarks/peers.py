"""Other people's ways to compare two files, run by a Python that has them: ``python peers.py FILE ROWS``.

A program of its own without any import of ours, as that Python does not have us. Prints JSON: for each peer its time
as a multiple of LIMIT in the same process, or null where it is not installed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any


def _limit(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            row[3].strip().lower()
            hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).digest()


def _csv_diff(ours: Path, theirs: Path) -> None:
    csv_diff: Any = import_module("csv_diff")
    with ours.open(newline="", encoding="utf-8") as one, theirs.open(newline="", encoding="utf-8") as other:
        csv_diff.compare(csv_diff.load_csv(one, key="email"), csv_diff.load_csv(other, key="email"))


def _datacompy(ours: Path, theirs: Path) -> None:
    datacompy: Any = import_module("datacompy")
    pandas: Any = import_module("pandas")
    compare: Any = getattr(datacompy, "PandasCompare", None) or datacompy.Compare
    compare(
        pandas.read_csv(ours, dtype=str), pandas.read_csv(theirs, dtype=str), join_columns="email"
    ).matches()


def _duckdb(ours: Path, theirs: Path) -> None:
    duckdb: Any = import_module("duckdb")
    duckdb.sql(
        f"SELECT count(*) FROM read_csv('{ours}', all_varchar=true) a FULL JOIN read_csv('{theirs}', all_varchar=true) b"
        " ON lower(trim(a.email)) = lower(trim(b.email)) WHERE a.last_name IS DISTINCT FROM b.last_name"
    ).fetchall()


PEERS: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "csv-diff": ("csv_diff", _csv_diff),
    "datacompy": ("datacompy", _datacompy),
    "DuckDB": ("duckdb", _duckdb),
}


def _seconds(work: Callable[[], None]) -> float:
    taken = []
    for _ in range(2):
        began = process_time()
        work()
        taken.append(process_time() - began)
    return min(taken)


def main() -> None:
    """Measure, and print."""
    source, rows = Path(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.csv"), Path(folder, "theirs.csv")
        with source.open(newline="", encoding="utf-8") as file:
            lines = [next(file) for _ in range(rows + 1)]
        ours.write_text("".join(lines), encoding="utf-8")
        theirs.write_text(lines[0] + "".join(lines[:0:-1]), encoding="utf-8")
        limit = _seconds(lambda: _limit(ours))
        told: dict[str, float | None] = {}
        for name, (module, work) in PEERS.items():
            there = find_spec(module) is not None
            told[name] = _seconds(lambda work=work: work(ours, theirs)) / limit if there else None  # type: ignore[misc]
        print(json.dumps(told))


if __name__ == "__main__":
    main()
