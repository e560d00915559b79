"""Mapped values as one text: how a person's fields stand in tables, in the order of the link's mapping."""

from __future__ import annotations

import json
from collections.abc import Sequence

SEPARATOR = "\x1f"
"""Stands between mapped values; taken out of values when they are read."""

UNKNOWN = "\x1a"
"""Stands for a value that is not known. A value that were this very character would only be asked about."""


def values_of(text: str | None, count: int) -> list[str]:
    """The values of a text, ``count`` of them; without a text, or with one of another mapping, none is known."""
    if not count:
        return []
    values = text.split(SEPARATOR) if text is not None else []
    return values if len(values) == count else [UNKNOWN] * count


def text_of(values: Sequence[str]) -> str:
    """The text of some values."""
    return SEPARATOR.join(values)


def relaid(text: str, before: Sequence[str], now: Sequence[str]) -> str:
    """A text of the fields ``before`` in the order of the fields ``now``; what is new there is not known."""
    known = dict(zip(before, values_of(text, len(before)), strict=True))
    return text_of([known.get(name, UNKNOWN) for name in now])


def names_in(signature: str) -> list[str]:
    """The fields a signature names (``state.links.mapped_signature``); none for an empty one."""
    return [str(name) for name in json.loads(signature)] if signature else []
