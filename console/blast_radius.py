"""What carrying out a plan would do, in numbers: for the line on the confirm screen (F7).

Invariant: every number is the plan's own or follows from it and the adapter's facts; no request is made for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from adapters.provider import Batch, Capabilities, ConnectionSettings, Wire
from adapters.registry import provider_kind
from console.wording import ELLIPSIS, counted, duration, printable
from state.model import Action, Plan

if TYPE_CHECKING:
    from console.settings.model import ConnectionEntry

ANSWER_SECONDS = 1.0
"""How long one answer is assumed to take: platforms take 0.2 s to some seconds, and tell no figure."""

LONGEST_NAME = 40
"""Letters of a list's name on a button."""


@dataclass(slots=True, frozen=True)
class Terms:
    """On what terms a plan would be sent: what the platform can do, and how each action is cut into calls."""

    capabilities: Capabilities
    batches: Mapping[Action, Batch]
    connections: int

    @property
    def at_once(self) -> int:
        """Calls in flight at the same time."""
        return max(1, min(self.connections, self.capabilities.at_once))


@dataclass(slots=True, frozen=True)
class BlastRadius:
    """The numbers. ``calls`` and ``seconds`` are None where the platform is not known here.

    ``irreversible`` are rows no undo plan takes back. ``queued`` says that the platform works on by itself
    after the calls, so that ``seconds`` is the least.
    """

    additions: int
    changes: int
    moves: int
    removals: int
    unsubscriptions: int
    irreversible: int
    mails: int
    calls: int | None
    seconds: float | None
    queued: bool
    at_once: int

    @property
    def losses(self) -> int:
        """Removals and unsubscriptions: what wants its number typed."""
        return self.removals + self.unsubscriptions

    @property
    def writes(self) -> int:
        """All rows that are sent."""
        return self.additions + self.changes + self.moves + self.losses


def terms_of(plan: Plan, entry: ConnectionEntry) -> Terms:
    """The terms of a plan at a connection, from the adapter's own facts; ``KeyError`` for an unknown platform."""
    settings = ConnectionSettings(
        entry.name, entry.provider, entry.base_url, entry.connections, {}, entry.options
    )
    provider = provider_kind(entry.provider).open(settings, Wire("listwarden", connections=entry.connections))
    batches = {action: provider.batch(action, rows) for action, rows in plan.writes_by_action().items()}
    return Terms(provider.capabilities, batches, entry.connections)


def blast_radius(plan: Plan, terms: Terms | None) -> BlastRadius:
    """What an export of the plan does."""
    rows = plan.writes_by_action()
    removals, unsubscriptions = rows.get(Action.REMOVE, 0), rows.get(Action.UNSUBSCRIBE, 0)
    reversible = terms is not None and terms.capabilities.removal_reversible
    calls = seconds = None
    queued = False
    if terms is not None:
        calls = sum(calls_of(count, terms.batches[action]) for action, count in rows.items())
        # The actions go one after the other, so the last round of each is not filled up by the next.
        rounds = sum(
            ceil(calls_of(count, terms.batches[action]) / terms.at_once) for action, count in rows.items()
        )
        seconds = rounds * ANSWER_SECONDS
        queued = any(terms.batches[action].by_ticket for action in rows)
    return BlastRadius(
        additions=rows.get(Action.ADD, 0),
        changes=rows.get(Action.CHANGE, 0),
        moves=rows.get(Action.MOVE, 0),
        removals=removals,
        unsubscriptions=unsubscriptions,
        irreversible=unsubscriptions + (0 if reversible else removals),
        mails=plan.mails,
        calls=calls,
        seconds=seconds,
        queued=queued,
        at_once=terms.at_once if terms is not None else 0,
    )


def calls_of(rows: int, batch: Batch) -> int:
    """Calls that so many rows need. A last chunk that is not full needs fewer where a row is a call."""
    full, rest = divmod(rows, batch.rows)
    if not rest:
        return full * batch.calls_per_chunk
    last = batch.calls_per_chunk if batch.by_ticket else ceil(rest * batch.calls_per_chunk / batch.rows)
    return full * batch.calls_per_chunk + last


def radius_line(radius: BlastRadius) -> str:
    """``Adds 1,204, changes 37, moves 0, removes 0, unsubscribes 3 (3 for good); 0 mails; 5 calls, about 3 s``."""
    if not radius.writes:
        return "Sends nothing."
    good = f" ({radius.irreversible:,} for good)" if radius.irreversible else ""
    words = (
        f"Adds {radius.additions:,}, changes {radius.changes:,}, moves {radius.moves:,}, removes {radius.removals:,},"
        f" unsubscribes {radius.unsubscriptions:,}{good}"
    )
    mails = "no mails" if not radius.mails else counted(radius.mails, "confirmation mail")
    return "; ".join(part for part in (words, mails, effort_line(radius)) if part)


def effort_line(radius: BlastRadius) -> str:
    """``5 calls, about 3 s with 8 at once``; empty where the platform is not known."""
    if radius.calls is None or radius.seconds is None:
        return ""
    least = "at least" if radius.queued else "about"
    return (
        f"{counted(radius.calls, 'call')}, {least} {duration(radius.seconds)} with {radius.at_once} at once"
    )


def action_line(radius: BlastRadius, list_name: str) -> str:
    """What the button says: ``Add 1,204, change 37, remove 0 in Newsletter DE``."""
    parts = [f"Add {radius.additions:,}", f"change {radius.changes:,}"]
    if radius.moves:
        parts.append(f"move {radius.moves:,}")
    parts.append(f"remove {radius.removals:,}")
    if radius.unsubscriptions:
        parts.append(f"unsubscribe {radius.unsubscriptions:,}")
    name = printable(list_name)
    name = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + ELLIPSIS
    return f"{', '.join(parts)} in {name}"
