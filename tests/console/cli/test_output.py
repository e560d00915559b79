"""What reaches stdout and stderr: nothing that steers a terminal, whole JSON, aligned tables, closed pipes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli import output, table
from console.wording import UNPRINTABLE, counted, duration, number, printable
from state.store import open_state
from tests.console.cli.desk import ROOT, Desk

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
HOSTILE = "\x1b]0;pwned\x07[@click=app.quit]x[/red]\u202eevil\u200b\x9b31m\x7f"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(ANY_TEXT)
def test_I08_human_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not UNPRINTABLE.search(shown)
    assert "\n" not in shown


@given(st.dictionaries(ANY_TEXT, ANY_TEXT | st.integers() | st.none() | st.lists(ANY_TEXT), max_size=4))
def test_I08_json_escapes_it_and_loses_nothing(value: dict[str, object]) -> None:
    text = output.compact_json(value)
    assert not UNPRINTABLE.search(text)
    assert json.loads(text) == json.loads(json.dumps(value))


def test_json_is_readable_where_the_terminal_can_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.compact_json("Müller 🎉") == '"Müller 🎉"'
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert output.compact_json("🎉").isascii()
    assert json.loads(output.compact_json("🎉")) == "🎉"


@given(st.lists(st.integers(), max_size=5))
def test_a_document_with_rows_is_one_document(rows: list[int]) -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        output.json_with_rows({"a": 1}, "rows", rows)
    assert json.loads(stream.getvalue()) == {"a": 1, "rows": rows}
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_table_fits_the_terminal_and_marks_what_it_cuts(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = _Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = [("n" * 50, "漢字" * 20, 1_204), ("x", HOSTILE, None)]
    table.table(("name", "what", "rows"), rows, right=(2,))
    lines = stream.getvalue().splitlines()
    assert all(table.cells(line) <= columns for line in lines)
    assert ("…" in stream.getvalue()) is (columns < 140)
    assert not UNPRINTABLE.search("".join(lines))


def test_into_a_pipe_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "40")
    table.table(("name",), [("n" * 300,)])
    assert "n" * 300 in stream.getvalue()


def test_columns_are_aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    table.table(("name", "rows"), [("Zoë", "5"), ("漢", "1,204")], right=(1,))
    assert stream.getvalue() == "name   rows\nZoë       5\n漢    1,204\n"


def test_hostile_data_comes_through_every_command_escaped(desk: Desk) -> None:
    desk.write_members([("H1", HOSTILE, HOSTILE, "boese@example.net", ""), *desk.people(range(3))])
    for words in (("preview", "members-news", "--class", "new"), ("explain", HOSTILE), ("check", HOSTILE)):
        answer = desk.run(*words)
        for text in (answer.out, answer.err):
            assert not UNPRINTABLE.search(text.replace("\n", "")), words
        assert "\\x1b" in answer.out + answer.err
    rows = desk.preview("--class", "new")["rows"]
    assert rows[0]["changes"]["FNAME"][1].startswith("\x1b]0;"), "the data itself is unharmed"


@pytest.mark.parametrize("words", [("contacts", "--limit", "0"), ("contacts", "--limit", "0", "--json")])
def test_a_reader_who_has_seen_enough_is_no_error(desk: Desk, words: tuple[str, ...]) -> None:
    desk.write_members([(str(i), "Vorname", "Nachname", f"person{i}@example.org", "") for i in range(5_000)])
    assert desk.run("preview", "members-news").code == 0
    process = subprocess.Popen(
        desk.command(*words),
        env=desk.child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert first
    assert (process.wait(timeout=60), said) == (0, "")


@pytest.mark.parametrize(
    ("words", "to", "why"),
    [
        ("jobs --json", ">/dev/full", "No space left on device"),
        ("jobs", ">/dev/full", "No space left on device"),
        ("--help", ">/dev/full", "No space left on device"),
        ("--version", ">/dev/full", "No space left on device"),
        ("jobs --json", ">&-", "it is closed"),
    ],
)
def test_a_stdout_that_takes_nothing_is_one_sentence(words: str, to: str, why: str, tmp_path: Path) -> None:
    open_state(tmp_path / "state.db").close()
    line = f'"{sys.executable}" -m console.cli {words} {to}'
    answer = subprocess.run(
        ["/bin/sh", "-c", line],
        env={**os.environ, "PYTHONPATH": str(ROOT), "LISTWARDEN_STATE": str(tmp_path / "state.db")},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    first, *others = answer.stderr.splitlines()
    assert (answer.returncode, first) == (
        1,
        f"listwarden: The output cannot be written: {why}. [output-failed]",
    )
    assert [other.partition(":")[0] for other in others] == ["next"]


def test_a_stderr_that_takes_nothing_spoils_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        output.narrate("lost")
        monkeypatch.setattr(sys, "stderr", None)
        output.narrate("lost")


def test_a_terminal_without_unicode_gets_escapes_and_no_crash(desk: Desk) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "console.cli", "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    desk.write_members([("H1", "Müller", "漢", "mueller@example.net", "")])
    desk.environment["PYTHONIOENCODING"] = "ascii"
    shown = desk.process("preview", "members-news", "--class", "new")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.isascii()
    assert "M\\xfcller" in shown.out
    document = desk.process("preview", "members-news", "--class", "new", "--json").document
    assert document["rows"][0]["changes"]["LNAME"] == [None, "漢"]


def test_figures_carry_their_units() -> None:
    assert (number(1_204), number(None)) == ("1,204", "–")
    assert (counted(1, "row"), counted(2, "row"), counted(0, "row")) == ("1 row", "2 rows", "0 rows")
    assert [duration(s) for s in (45, 200, 7_500, 90_000)] == ["45 s", "3 min 20 s", "2 h 05 min", "1 d 01 h"]
