"""One widget alone on a page of the console."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual.app import ComposeResult
from textual.widget import Widget

from console.tui.screens.page import Page
from tests.tui.screen import screen_text, settled
from tests.tui.world import World

WidgetT = TypeVar("WidgetT", bound=Widget)


class StagePage(Page):
    """A page with nothing but that widget."""

    PAGE = "stage"

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget

    def body(self) -> ComposeResult:
        yield self._widget


class Stage(Generic[WidgetT]):
    """``async with Stage(world, widget) as stage``: the widget has the focus."""

    def __init__(self, world: World, widget: WidgetT, size: tuple[int, int] = (60, 20)) -> None:
        self.app = world.app()
        self.widget = widget
        self._test = self.app.run_test(size=size)

    async def __aenter__(self) -> Stage[WidgetT]:
        self.pilot = await self._test.__aenter__()
        await settled(self.pilot)
        await self.app.push_screen(StagePage(self.widget))
        self.app.screen.set_focus(self.widget)
        await settled(self.pilot)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._test.__aexit__(None, None, None)

    async def shown(self) -> str:
        """What stands on the screen once everything is read."""
        await settled(self.pilot)
        return screen_text(self.app)
