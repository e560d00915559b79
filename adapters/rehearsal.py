"""What can be rehearsed with a platform's sandbox: the next import refused, an answer lost, the calls used up.

Which rehearsals there are stands with each rehearsed platform (``adapters.sandbox.NAME.offered``); ``sandbox_control``
orders them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

Orders = tuple[tuple[str, Mapping[str, object]], ...]
"""Control verbs with their arguments, in the order they are given."""


@dataclass(slots=True, frozen=True)
class Rehearsal:
    """One thing to rehearse. ``name`` is what is typed, ``label`` what is read, ``help`` what will be seen."""

    name: str
    label: str
    help: str
    orders: Orders


def offered(provider: str) -> tuple[Rehearsal, ...]:
    """What the sandbox of a platform can rehearse; nothing for one without a sandbox."""
    place = f"adapters.sandbox.{provider}"
    if find_spec(place) is None or find_spec(f"{place}.offered") is None:
        return ()
    found: tuple[Rehearsal, ...] = import_module(f"{place}.offered").OFFERED
    return found
