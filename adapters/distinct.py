"""Counting who is who among millions of numbers, in as little memory as that takes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from operator import ne


def distinct(ids: Iterable[int]) -> list[int]:
    """Each number once, in rising order; a sorted list is a third of a set of the same numbers."""
    found = sorted(ids)
    if not found:
        return found
    keep = [found[0]]
    keep += [
        later for earlier, later in zip(found, islice(found, 1, None), strict=False) if ne(earlier, later)
    ]
    return keep
