"""The numbers of a campaign as bars, and its opens and clicks over time as curves."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.widget import Widget

from console.campaign_figures import Figures
from console.tui.campaign_words import NOT_READ, Scale, curve_lines, funnel_lines
from console.tui.text import sentence, stacked

_Hours = Mapping[int, int]


class CampaignPlot(Widget):
    """Repaints only what is new; as wide as there is room."""

    DEFAULT_CSS = """
    CampaignPlot { height: auto; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._figures: Figures | None = None
        self._opened: _Hours = {}
        self._clicked: _Hours = {}
        self._scale = Scale.HOURS

    def show(self, figures: Figures | None, opened: _Hours, clicked: _Hours, scale: Scale) -> None:
        """Draw these numbers; None: they were never read."""
        if (figures, opened, clicked, scale) != (self._figures, self._opened, self._clicked, self._scale):
            self._figures, self._opened, self._clicked, self._scale = figures, opened, clicked, scale
            self.refresh(layout=True)

    def render(self) -> Content:
        if self._figures is None:
            return sentence(NOT_READ)
        lines: list[Content | str] = list(funnel_lines(self._figures, self.content_size.width))
        lines.append(sentence((f"by {self._scale.value}, {self._scale.word} after sending", "dim")))
        return stacked([*lines, *curve_lines(self._opened, self._clicked, self._scale)])
