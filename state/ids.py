"""Ids of plans and jobs: 26 letters, sortable by time of birth (ULID: 48 bits of milliseconds, 80 of chance)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(now: datetime, chance: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A new id for something born ``now``."""
    number = (int(now.timestamp() * 1000) << 80) | int.from_bytes(chance(10), "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def short_id(identifier: str) -> str:
    """The end of an id: what people say and vendors' logs show; the beginning is only the time."""
    return identifier[-8:]
