"""Writing a view to a file: new, private, and no spreadsheet runs it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.rowfile import formula_safe
from console.tui.export_view import View, write_view
from console.tui.places import Place, PlaceKind
from console.tui.widgets.sqlite_table import Fixed
from state.browse import AddressWindow, browse_scopes
from state.model import Consent, Member
from state.store import open_state
from tests.tui.screen import settled
from tests.tui.world import NOON, World, put_members

ROWS = [("eva@example.org", "=1+1"), ("jan@example.org", "-2"), ("zoë", 'a "b",\nc')]


def view(rows: list[tuple[str, str]]) -> View:
    return View("people", lambda: Fixed(rows), ("address", "=note"), lambda row: row)


def test_csv_is_private_and_formula_safe(world: World, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    assert write_view(view(ROWS), target, world.state_path) == 3
    assert target.stat().st_mode & 0o777 == 0o600
    with target.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["address", "'=note"],
            ["eva@example.org", "'=1+1"],
            ["jan@example.org", "'-2"],
            ["zoë", 'a "b",\nc'],
        ]


def test_json_lines_are_the_values_themselves(world: World, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    assert write_view(view(ROWS), target, world.state_path) == 3
    found = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert found[0] == {"address": "eva@example.org", "=note": "=1+1"}
    assert found[2]["=note"] == 'a "b",\nc'


def test_i16_nothing_is_replaced_and_no_link_followed(world: World, tmp_path: Path) -> None:
    target = tmp_path / "there.csv"
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        write_view(view(ROWS), target, world.state_path)
    assert target.read_text() == "mine"
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(OSError, match="exist"):
        write_view(view(ROWS), link, world.state_path)
    assert not (tmp_path / "elsewhere.csv").exists()


def test_a_file_that_could_not_be_finished_is_removed(world: World, tmp_path: Path) -> None:
    def values(row: tuple[str, str]) -> tuple[str, str]:
        raise OSError(28, "No space left on device")

    target = tmp_path / "half.csv"
    with pytest.raises(OSError, match="No space"):
        write_view(View("x", lambda: Fixed(ROWS), ("a", "b"), values), target, world.state_path)
    assert not target.exists()


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not formula_safe(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert formula_safe(text).removeprefix("'") == text.removeprefix("'")


def test_every_row_is_written_over_many_pages(world: World, tmp_path: Path) -> None:
    members = [Member(f"p{n:05}@example.org", f"o{n}", Consent.SUBSCRIBED, "subscribed") for n in range(3000)]
    with world.state() as state:
        put_members(state, "members-news", "verband", "a6b5da1054", members, NOON)
    with open_state(world.state_path, read_only=True) as state:
        scopes = browse_scopes(state)
    rows = View("all", lambda: AddressWindow(scopes, text="^p"), ("address",), lambda row: (row.email,))
    target = tmp_path / "all.csv"
    assert write_view(rows, target, world.state_path) == 3000
    assert target.read_text().splitlines()[1:] == [f"p{n:05}@example.org" for n in range(3000)]


async def test_e_writes_what_is_filtered(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = world.app(Place(PlaceKind.LINK, "members-news", "contacts"))
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("slash", "o", "t", "h", "e", "r", "enter")
        await settled(pilot)
        await pilot.press("e")
        await settled(pilot)
        await pilot.press("ctrl+u", *"out", "full_stop", *"csv", "enter")
        await settled(pilot)
        assert [note.message for note in app._notifications] == [f"Wrote 1 row to {tmp_path / 'out.csv'}"]
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["address"], row["consent"]) for row in rows] == [("other@example.org", "bounced")]
