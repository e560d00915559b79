"""The log follows its end, and stands still for whoever looks back."""

from __future__ import annotations

from datetime import UTC, datetime

from console.tui.widgets.log_view import LogView
from state.model import Level, LogLine
from tests.tui.stage import Stage
from tests.tui.world import World

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def lines(first: int, last: int, level: Level = Level.INFO, word: str = "line") -> list[LogLine]:
    return [LogLine(seq, AT, level, f"{word} {seq}") for seq in range(first, last + 1)]


def stage_of(world: World, max_lines: int = 1000) -> Stage[LogView]:
    return Stage(world, LogView(max_lines=max_lines), (60, 14))


async def test_it_follows_and_stands_still_and_follows_again(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.write(lines(1, 50))
        assert "line 50" in await stage.shown()
        await stage.pilot.press("up")
        before = await stage.shown()
        assert not stage.widget.following
        stage.widget.write(lines(51, 62))
        text = await stage.shown()
        assert "+12 lines" in text
        assert text.splitlines()[1] == before.splitlines()[1]
        await stage.pilot.press("G")
        text = await stage.shown()
        assert "line 62" in text
        assert "lines" not in text


async def test_scrolling_down_to_the_end_follows_again(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.write(lines(1, 40))
        await stage.pilot.press("pageup", "pagedown")
        await stage.shown()
        assert stage.widget.following


async def test_old_lines_go_and_the_reader_stays_where_he_was(nothing: World) -> None:
    async with stage_of(nothing, max_lines=30) as stage:
        stage.widget.write(lines(1, 30))
        await stage.pilot.press("up", "up")
        first = (await stage.shown()).splitlines()[1]
        stage.widget.write(lines(31, 35))
        assert (await stage.shown()).splitlines()[1] == first
        assert (stage.widget.dropped, len(stage.widget.lines())) == (5, 30)
        stage.widget.write(lines(36, 500))
        await stage.shown()
        assert len(stage.widget.lines()) == 30


async def test_levels_and_errors(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.write(
            [*lines(1, 5), *lines(6, 7, Level.ERROR, "broken"), *lines(8, 8, Level.WARNING, "odd")]
        )
        await stage.pilot.press("4")
        text = await stage.shown()
        assert ("broken 6" in text, "line 1" in text, "odd 8" in text) == (True, False, False)
        await stage.pilot.press("3")
        assert "! odd 8" in await stage.shown()
        await stage.pilot.press("1")
        assert "line 1" in await stage.shown()
        assert stage.widget.errors == 2


async def test_search_goes_from_match_to_match(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.write([*lines(1, 20), *lines(21, 21, word="needle"), *lines(22, 60)])
        stage.widget.find("NEEDLE")
        await stage.pilot.press("g", "n")
        assert "needle 21" in (await stage.shown()).splitlines()[1]
        assert not stage.widget.following
        await stage.pilot.press("G", "N")
        assert "needle 21" in await stage.shown()


async def test_i08_a_line_from_outside_is_text(nothing: World) -> None:
    async with stage_of(nothing) as stage:
        stage.widget.write([LogLine(1, AT, Level.INFO, "a\x1b]0;x\x07[@click=app.quit]b[/]", "unknown")])
        assert "a\\x1b]0;x\\x07[@click=app.quit]b[/]  [unknown]" in await stage.shown()


async def test_a_flood_is_one_repaint_a_batch(nothing: World) -> None:
    async with stage_of(nothing, max_lines=20_000) as stage:
        for batch in range(20):
            stage.widget.write(lines(batch * 5000 + 1, batch * 5000 + 5000))
        assert "line 100000" in await stage.shown()
        assert len(stage.widget.lines()) == 20_000
