"""What every step of one export needs, and what several of them do: fold outcomes, bring members up to date."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from adapters.provider import Batch, Provider, Repeat
from console.jobs.preview import Prepared
from console.jobs.read import read_listing
from console.jobs.run import Run
from console.jobs.sending import SourceWriter
from console.settings import Settings
from state.chunks import (
    Grip,
)
from state.errors import StateError
from state.links import LinkRecord, mapped_signature
from state.model import Action, Level, Link, Plan, RemoteList
from state.outcomes import (
    fold,
    outcome_counts,
)


@dataclass(slots=True)
class Errand:
    """What every step of one export needs."""

    run: Run
    settings: Settings
    link: Link
    record: LinkRecord
    provider: Provider
    remote: RemoteList
    plan: Plan
    grip: Grip
    connections: int
    removed_word: str
    """The status of a removed member; empty where a removal leaves no record on the list."""
    source_writer: SourceWriter | None = None
    """Carries rows to the source, where the plan has such."""
    now_plan: Prepared | None = None
    tries: Counter[int] = field(default_factory=Counter)
    """How often this process has sent a chunk; one that goes on later may try as often again."""
    looked: set[int] = field(default_factory=set)
    """Chunks that this process has looked for in a whole listing."""
    looked_at: datetime | None = None
    """When this process last looked who joined while an import waits."""


SOURCE_BATCH = Batch(100, Repeat.AT_ONCE, parallel=1)
"""Rows that go to the source: each carries the value it expects there, so a second time changes nothing."""


def batch_of(errand: Errand, action: Action) -> Batch:
    """How the plan's rows of an action are cut."""
    if action.at_source:
        return SOURCE_BATCH
    return errand.provider.batch(action, errand.plan.writes_by_action().get(action, 0))


class Waiting(Exception):
    """The vendor still works on rows of ours; whoever looks next goes on."""


async def refresh_members(errand: Errand, *, phase: str, whole: bool | None = None) -> None:
    """What changed at the platform, into the members; a mass of opt-outs does not stop reading back."""
    await read_listing(
        errand.run,
        errand.provider,
        errand.remote,
        [mapping.target for mapping in errand.link.fields],
        errand.record,
        mapped_signature(errand.link.fields),
        whole=whole,
        max_opt_outs=10**9,
        phase=phase,
    )


async def fold_answered(errand: Errand) -> None:
    """Carry answered chunks over to members and journal, and show the counts so far."""
    run = errand.run
    await run.db(
        fold,
        run.job.job_id,
        errand.grip.job_no,
        errand.plan,
        errand.link.name,
        operator=run.operator.name,
        removed_word=errand.removed_word,
        now=run.now(),
    )
    counts = await run.db(outcome_counts, errand.grip.job_no, errand.plan)
    run.counts({word: count for word, count in counts.items() if count})


async def fold_if_possible(errand: Errand) -> None:
    """The journal gets what is known also when the job is stopped; what cannot be written is folded on resume."""
    try:
        await fold_answered(errand)
    except StateError as error:
        errand.run.log(Level.WARNING, error.text, error.reason)
