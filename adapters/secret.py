"""A secret that cannot be printed by accident: its text comes out only through ``reveal``."""

from __future__ import annotations


class Secret:
    """Wraps a key or password; ``repr``, ``str`` and format show a mask (design law 8, I7).

    The revealed text is for the transport alone: it must not be kept in a variable of a longer life.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a secret is never pickled")
