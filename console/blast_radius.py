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
    """The numbers. ``calls`` and ``seconds`` are None where the platform is not known here; both are the platform's.

    ``irreversible`` are rows no undo plan takes back. ``queued`` says that the platform works on by itself
    after the calls, so that ``seconds`` is the least. ``write_backs`` and ``creations`` go to the source.
    ``leaves`` names what of a person goes to the platform.
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
    write_backs: int = 0
    creations: int = 0
    leaves: tuple[str, ...] = ("address",)

    @property
    def losses(self) -> int:
        """Removals and unsubscriptions: what wants its number typed."""
        return self.removals + self.unsubscriptions

    @property
    def typed_losses(self) -> int:
        """The number that lifts the guards over people who leave, or whose subscription goes to another address."""
        return max(self.losses, self.moves)

    @property
    def source_writes(self) -> int:
        """What goes back into the source."""
        return self.write_backs + self.creations

    @property
    def writes(self) -> int:
        """All rows that are sent, to the platform or to the source."""
        return self.additions + self.changes + self.moves + self.losses + self.source_writes


def terms_of(plan: Plan, entry: ConnectionEntry) -> Terms:
    """The terms of a plan at a connection, from the adapter's own facts; ``KeyError`` for an unknown platform."""
    settings = ConnectionSettings(
        entry.name, entry.provider, entry.base_url, entry.connections, {}, entry.options
    )
    provider = provider_kind(entry.provider).open(settings, Wire("listwarden", connections=entry.connections))
    batches = {
        action: provider.batch(action, rows)
        for action, rows in plan.writes_by_action().items()
        if not action.at_source
    }
    return Terms(provider.capabilities, batches, entry.connections)


def blast_radius(plan: Plan, terms: Terms | None) -> BlastRadius:
    """What an export of the plan does."""
    rows = plan.writes_by_action()
    removals, unsubscriptions = rows.get(Action.REMOVE, 0), rows.get(Action.UNSUBSCRIBE, 0)
    write_backs, creations = rows.get(Action.WRITE_BACK, 0), rows.get(Action.CREATE, 0)
    reversible = terms is not None and terms.capabilities.removal_reversible
    calls = seconds = None
    queued = False
    if terms is not None:
        there = {action: count for action, count in rows.items() if not action.at_source}
        calls = sum(calls_of(count, terms.batches[action]) for action, count in there.items())
        # The actions go one after the other, so the last round of each is not filled up by the next.
        rounds = sum(
            ceil(calls_of(count, terms.batches[action]) / terms.at_once) for action, count in there.items()
        )
        seconds = rounds * ANSWER_SECONDS
        queued = any(terms.batches[action].by_ticket for action in there)
    return BlastRadius(
        additions=rows.get(Action.ADD, 0),
        changes=rows.get(Action.CHANGE, 0),
        moves=rows.get(Action.MOVE, 0),
        removals=removals,
        unsubscriptions=unsubscriptions,
        irreversible=unsubscriptions + write_backs + creations + (0 if reversible else removals),
        mails=plan.mails,
        calls=calls,
        seconds=seconds,
        queued=queued,
        at_once=terms.at_once if terms is not None else 0,
        write_backs=write_backs,
        creations=creations,
        leaves=_leaves(plan, rows, terms),
    )


def _leaves(plan: Plan, rows: Mapping[Action, int], terms: Terms | None) -> tuple[str, ...]:
    """What of a person the plan gives to the platform: the address, mapped fields, what goes with an addition."""
    fields = plan.fields if rows.get(Action.ADD) or rows.get(Action.CHANGE) else ()
    along = terms.capabilities.sent_with_additions if terms is not None and rows.get(Action.ADD) else ()
    return ("address", *fields, *along)


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
        f" unsubscribes {radius.unsubscriptions:,}"
    )
    if back := source_line(radius):
        words += f", {back}"
    words += good
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


def source_line(radius: BlastRadius) -> str:
    """``writes 12 back to the source, creates 3 there``; empty where nothing goes to the source."""
    if not radius.source_writes:
        return ""
    parts = [f"writes {radius.write_backs:,} back to the source"] if radius.write_backs else []
    if radius.creations:
        parts.append(f"creates {radius.creations:,} {'there' if parts else 'in the source'}")
    return ", ".join(parts)


def action_line(radius: BlastRadius, list_name: str, source_name: str = "the source") -> str:
    """What the button says: ``Add 1,204, change 37, remove 0 in Newsletter DE; write 12 back to crm``."""
    parts = [f"Add {radius.additions:,}", f"change {radius.changes:,}"]
    if radius.moves:
        parts.append(f"move {radius.moves:,}")
    parts.append(f"remove {radius.removals:,}")
    if radius.unsubscriptions:
        parts.append(f"unsubscribe {radius.unsubscriptions:,}")
    back = [f"write {radius.write_backs:,} back to"] if radius.write_backs else []
    if radius.creations:
        back.append(f"create {radius.creations:,} in")
    told = f"{', '.join(parts)} in {_short(list_name)}"
    return f"{told}; {', '.join(back)} {_short(source_name)}" if back else told


def _short(name: str) -> str:
    """A name from outside that fits on a button."""
    shown = printable(name)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + ELLIPSIS
