"""What a rehearsal has ordered of the CRM beyond the switches: drift, page caps, lying totals, refused writes."""

from dataclasses import dataclass, field
from typing import Literal

DriftAction = Literal["insert", "delete", "join", "leave"]
DRIFTS: tuple[DriftAction, ...] = ("insert", "delete", "join", "leave")


@dataclass(slots=True)
class Drift:
    """Once `after_pages` pages were told, the list changes once.

    insert: somebody new comes, at the end. delete: somebody told already is deleted. join: somebody passed over
    already fits the filter now. leave: somebody told already fits it no longer.
    """

    after_pages: int
    action: DriftAction


@dataclass(slots=True)
class RefusedWrite:
    """Writes of one contact are answered with this status."""

    status: int
    detail: str


@dataclass(slots=True)
class Rehearsals:
    """Set by control verbs, forgotten by `reset`."""

    drift: Drift | None = None
    pages_seen: int = 0
    page_cap: int = 0
    total_lie: int = 0
    token_seconds: int = 3600
    client_refused: bool = False
    refused_writes: dict[int, RefusedWrite] = field(default_factory=dict)
