"""The table over a window: a million rows at the price of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from textual.geometry import Region

from console.tui.text import number
from console.tui.widgets.sqlite_table import PAGE_ROWS, PAGES_KEPT, Column, Count, Fixed, SqliteTable
from state.errors import StateError
from state.store import State
from tests.tui.screen import screen_text
from tests.tui.stage import Stage
from tests.tui.world import World

COLUMNS = (Column("Name", 10, weight=1), Column("No", 9, right=True), Column("Rare", 10, drop=1))


@dataclass
class Numbers:
    """Rows made up as they are asked for, counted in steps."""

    total: int
    step: int = 10_000_000
    asked: list[tuple[int, int]] = field(default_factory=list)
    known: int = 0
    fault: StateError | None = None

    def count(self, state: State) -> Count:
        if self.fault is not None:
            raise self.fault
        self.known = min(self.total, self.known + self.step)
        return Count(self.known, self.known == self.total)

    def rows(self, state: State, first: int, n: int) -> Sequence[int]:
        self.asked.append((first, n))
        return range(first, min(first + n, self.known))


def cells(row: int) -> tuple[str, str, str]:
    return (f"row {row}", number(row), "x")


def stage_of(world: World) -> Stage[SqliteTable[int]]:
    return Stage(world, SqliteTable(COLUMNS, cells, empty="Nothing. Press a."))


async def test_a_million_rows_are_a_few_pages(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        rows = Numbers(1_000_000, step=70_000)
        stage.widget.show(rows)
        assert "row 0 " in await stage.shown()
        await stage.pilot.press("G")
        assert "row 999999" in await stage.shown()
        assert stage.widget.row == 999_999
        for _ in range(30):
            await stage.pilot.press("pageup")
        await stage.shown()
        for _ in range(12):
            stage.widget.cursor -= 40_000
            await stage.shown()
        assert len(stage.widget._pages) <= PAGES_KEPT
        assert len(rows.asked) < 40
        assert all(n == PAGE_ROWS for _, n in rows.asked)


async def test_moving_the_cursor_repaints_two_lines(nothing: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.show(Numbers(1000))
        await stage.shown()
        painted: list[tuple[Region, ...]] = []
        refresh = stage.widget.refresh

        def note(*regions: Region, repaint: bool = True, layout: bool = False) -> object:
            painted.append(regions)
            return refresh(*regions, repaint=repaint, layout=layout)

        monkeypatch.setattr(stage.widget, "refresh", note)
        await stage.pilot.press("j")
        assert painted == [(Region(0, 1, 60, 1),), (Region(0, 2, 60, 1),)]


async def test_a_page_half_counted_is_completed(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.show(Numbers(40, step=3))
        text = await stage.shown()
        assert "row 0 " in text
        assert "row 14" in text
        await stage.pilot.press("G")
        assert "row 39" in await stage.shown()


async def test_empty_reading_and_faulty_say_what_to_do(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        assert "… reading" in await stage.shown()
        stage.widget.show(Numbers(0))
        assert "Nothing. Press a." in await stage.shown()
        fault = StateError("state-locked", "The state is \x1b[31mlocked.", "Try again; press r.")
        stage.widget.show(Numbers(5, fault=fault))
        text = await stage.shown()
        assert "✖ The state is \\x1b[31mlocked." in text
        assert "Try again; press r." in text
        stage.widget.show(Numbers(5))
        assert "row 4" in await stage.shown()


async def test_reading_again_keeps_cursor_and_rows(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.show(Numbers(500))
        await stage.shown()
        stage.widget.cursor = 300
        await stage.shown()
        stage.widget.show(Numbers(400), keep_cursor=True)
        assert "row 300" in screen_text(stage.app)
        assert "row 300" in await stage.shown()
        assert (stage.widget.cursor, stage.widget.rows) == (300, 400)
        stage.widget.show(Numbers(10), keep_cursor=True)
        assert "row 9" in await stage.shown()
        assert stage.widget.cursor == 9


async def test_rows_in_sight_are_read_again(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        window = Numbers(10)
        stage.widget.show(window)
        await stage.shown()
        asked = len(window.asked)
        stage.widget.reread()
        await stage.shown()
        assert len(window.asked) == asked + 1


async def test_columns_share_the_width_and_rare_ones_go_first(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.show(Fixed([1]))
        assert "Rare" in await stage.shown()
        await stage.pilot.resize_terminal(28, 20)
        text = await stage.shown()
        assert "Rare" not in text
        assert "row 1" in text
        assert all(len(line) <= 28 for line in text.splitlines())


async def test_a_click_moves_and_a_second_one_chooses(nothing: World) -> None:
    chosen: list[int] = []
    async with stage_of(nothing) as stage:
        stage.widget.show(Fixed(list(range(5))))
        await stage.shown()
        stage.widget.action_choose = lambda: chosen.append(stage.widget.cursor)  # type: ignore[method-assign]
        await stage.pilot.click(stage.widget, offset=(3, 3))
        assert (stage.widget.cursor, chosen) == (2, [])
        await stage.pilot.click(stage.widget, offset=(3, 3))
        assert chosen == [2]
        await stage.pilot.click(stage.widget, offset=(3, 10))
        assert stage.widget.cursor == 2
