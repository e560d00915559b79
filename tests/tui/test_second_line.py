"""What stands behind the door: widgets that were given raw text, and links that were smuggled in (I8, I24)."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Log, OptionList, RichLog, Static, Tree

from console.wording import UNPRINTABLE
from tests.tui.screen import screen_text
from tests.tui.stage import Stage
from tests.tui.world import World

RAW = "a\x1b]0;x\x1b\\b\x9b1m\u202ec\u200bd"


class Careless(Widget):
    """Draws what it is given."""

    def render(self) -> RenderResult:
        return Text(RAW)


async def test_i08_raw_text_in_any_widget_does_not_reach_the_terminal(nothing: World) -> None:
    tree: Tree[None] = Tree(Text(RAW))
    log, rich_log, line = Log(), RichLog(), Input(compact=True)
    widgets = [
        Careless(),
        Label(Content(RAW, strip_control_codes=False)),
        Static(Text(RAW)),
        line,
        OptionList(Text(RAW)),
        tree,
        log,
        rich_log,
    ]
    for widget in widgets:
        widget.styles.height = 2
    async with Stage(nothing, Vertical(*widgets), (80, 30)) as stage:
        line.value = RAW
        log.write_line(RAW)
        rich_log.write(Text(RAW))
        text = await stage.shown()
        assert text.count("a]0;x\\b1mcd") >= 6
        assert UNPRINTABLE.search(text.replace("\n", "")) is None


async def test_i24_a_link_in_markup_runs_no_action(nothing: World) -> None:
    """Even where markup came in, which it never should."""
    ran: list[str] = []
    static = Static("[@click=app.note_it]press me[/]")
    async with Stage(nothing, static, (80, 10)) as stage:
        stage.app.action_note_it = lambda: ran.append("ran")  # type: ignore[attr-defined]
        assert "press me" in await stage.shown()
        await stage.pilot.click(static, offset=(2, 0))
        await stage.shown()
        assert ran == []
        await stage.app.run_action("app.note_it")
        assert ran == ["ran"]  # the action is there: only the click must not reach it


async def test_the_second_line_leaves_ordinary_text_alone(nothing: World) -> None:
    async with Stage(nothing, Static(Content("Zoë ▌● – … 李 👍")), (80, 10)) as stage:
        assert "Zoë ▌● – … 李 👍" in await stage.shown()
        assert "▌● – …" in screen_text(stage.app)
