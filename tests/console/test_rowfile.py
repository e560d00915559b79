"""Rows in a file: private, whole or absent, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.rowfile import FORMULA_STARTS, formula_safe, known_ending, write_rows

CELL = st.text(max_size=20)


@given(CELL)
def test_no_cell_is_a_formula(text: str) -> None:
    safe = formula_safe(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert safe in (text, "'" + text)


@given(st.lists(st.fixed_dictionaries({"email": CELL, "changes": st.dictionaries(CELL, CELL)}), max_size=5))
def test_csv_reads_back(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    target = tmp_path_factory.mktemp("rows") / "rows.csv"
    assert write_rows(target, ("email", "changes"), rows) == len(rows)
    with target.open(encoding="utf-8", newline="") as file:
        head, *found = csv.reader(file)
    assert head == ["email", "changes"]
    assert [row[0] for row in found] == [formula_safe(str(row["email"])) for row in rows]
    assert [json.loads(row[1]) for row in found] == [row["changes"] for row in rows]


@pytest.mark.parametrize("name", ["rows.ndjson", "rows.JSONL"])
def test_ndjson_reads_back(tmp_path: Path, name: str) -> None:
    rows: list[dict[str, object]] = [{"email": "=1+1@example.org", "note": None}, {"email": "Zoë\n\x1b"}]
    write_rows(tmp_path / name, ("email",), rows)
    assert [json.loads(line) for line in (tmp_path / name).read_text().splitlines()] == rows


def test_I16_the_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_rows(tmp_path / "rows.csv", ("a",), [{"a": "1"}])
    finally:
        os.umask(before)
    assert (tmp_path / "rows.csv").stat().st_mode & 0o777 == 0o600


def test_I16_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    (tmp_path / "rows.csv").symlink_to(tmp_path / "other")
    write_rows(tmp_path / "rows.csv", ("a",), [{"a": "1"}])
    assert (tmp_path / "other").read_text() == "theirs"
    assert not (tmp_path / "rows.csv").is_symlink()


def test_what_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    target.write_text("before")

    def rows() -> Iterator[dict[str, object]]:
        yield {"a": "1"}
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_rows(target, ("a",), rows())
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_the_ending_says_the_form() -> None:
    assert [known_ending(Path(name)) for name in ("a.csv", "a.ndjson", "a.xlsx", "a")] == [
        True,
        True,
        False,
        False,
    ]
