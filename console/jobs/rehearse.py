"""Rehearsals: what a sandbox behind a connection shall do next, ordered by a person at the console.

No job: nothing is read from or written to a list, and nothing is remembered. Invariant: real platforms are never asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import console
from adapters.provider import Wire
from adapters.rehearsal import Rehearsal, offered
from adapters.sandbox_control import look_for_sandbox, order
from console.settings import ConnectionEntry


class RehearsalUnknown(Exception):
    """Nothing of that name can be rehearsed with the platform."""

    reason = "usage"

    def __init__(self, name: str, known: Sequence[Rehearsal]) -> None:
        names = [one.name for one in known]
        super().__init__(f"There is nothing called {name!r} to rehearse.")
        near = get_close_matches(name, names, 1)
        self.next = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names)}."


async def rehearsals_of(entry: ConnectionEntry) -> tuple[Rehearsal, ...]:
    """What can be rehearsed; asks the server whether it is a sandbox. Raises ``AdapterError``."""
    await look_for_sandbox(entry.provider, entry.base_url, _wire())
    return offered(entry.provider)


async def rehearse(entry: ConnectionEntry, name: str) -> Rehearsal:
    """Order a rehearsal by its name. Raises ``RehearsalUnknown`` and ``AdapterError``."""
    known = offered(entry.provider)
    found = next((one for one in known if one.name == name), None)
    if found is None:
        raise RehearsalUnknown(name, known)
    await order(entry.provider, entry.base_url, found, _wire())
    return found


def _wire() -> Wire:
    return Wire(user_agent=f"listwarden/{console.__version__} (rehearsal)", read_only=False, connections=1)
