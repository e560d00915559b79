"""Lines of words that are told again and again: they are drawn only when they differ (few bytes on slow lines)."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from console.tui.text import shown


class Facts(Static):
    """Some lines; ``say`` repaints only what is new."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._said: Content | None = None

    def say(self, words: Content | str) -> None:
        """Show these words; a text goes through the door."""
        content = words if isinstance(words, Content) else shown(words, lines=True)
        if self._said is None or not content.is_same(self._said):
            self._said = content
            self.update(content)
