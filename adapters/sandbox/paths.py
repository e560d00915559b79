"""Which handlers stand behind a path, for vendors whose paths are segments with `*` for whatever is named there.

Invariant: a pattern that spells a segment out goes before one that takes anything there, whatever their order in
the table; so `contacts/count` is never read as the contact "count".
"""

from collections.abc import Mapping
from typing import Generic, TypeVar

Handler = TypeVar("Handler")
Pattern = tuple[str, ...]

ANY = "*"


class PathTable(Generic[Handler]):
    """Patterns with a handler for each method."""

    def __init__(self, routes: Mapping[Pattern, Mapping[str, Handler]], *, any_case: bool = False) -> None:
        """`any_case` lets a segment be written in capitals, as services on some platforms do."""
        self._any_case = any_case
        self._by_length: dict[int, list[tuple[Pattern, Mapping[str, Handler]]]] = {}
        for pattern, methods in routes.items():
            self._by_length.setdefault(len(pattern), []).append((pattern, methods))
        for patterns in self._by_length.values():
            patterns.sort(key=lambda entry: [segment == ANY for segment in entry[0]])
        self.longest = max(self._by_length, default=0)

    def methods(self, segments: tuple[str, ...]) -> Mapping[str, Handler] | None:
        """The handlers behind these segments, by method; None when there is nothing."""
        wanted = tuple(segment.lower() for segment in segments) if self._any_case else segments
        for pattern, methods in self._by_length.get(len(segments), ()):
            if all(each in (ANY, segment) for each, segment in zip(pattern, wanted, strict=True)):
                return methods
        return None
