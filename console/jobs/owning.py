"""Who of an import's additions is ours: not who joined the list by themselves while the platform worked on it.

An import takes whoever is on the list already in silence. While one waits for long the list is looked at now and
then; whom that shows before the import was loaded is not ours, and is never removed by us (design law 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapters.provider import AdapterError
from console.jobs.errand import Errand, refresh_members
from console.wording import counted
from state.chunks import Answer, Chunk
from state.model import Action, Level, Outcome
from state.moments import moment
from state.outcomes import UNPROVEN
from state.ownership import before_loading

LOOK_EVERY_SECONDS = 120.0
"""How often the list is looked at while an import of additions waits."""

UNSEEN_SECONDS = 300.0
"""Whoever may have joined by themselves in so long a time without a look is not taken for ours without proof."""


async def look_who_joined(errand: Errand, chunks: Sequence[Chunk]) -> None:
    """Read what changed on the list when the last look is too long ago for the additions that wait."""
    run = errand.run
    if not errand.provider.capabilities.shares_contacts:
        return
    left = [moment(chunk.intended_at) for chunk in chunks if chunk.action is Action.ADD]
    if not left:
        return
    last = max(min(left), errand.looked_at or min(left))
    if (run.now() - last).total_seconds() < LOOK_EVERY_SECONDS:
        return
    errand.looked_at = run.now()
    try:
        await refresh_members(errand, phase="looking who joined meanwhile")
    except AdapterError as error:
        run.log(Level.WARNING, error.text, error.reason)


async def owned(errand: Errand, chunk: Chunk, answers: Sequence[Answer], created: int) -> list[Answer]:
    """The answers of a finished import of additions, with those told apart who were there before it was loaded.

    ``created`` is how many contacts the platform says it did not know at all before: if that is all of them, nobody
    can have joined by themselves.
    """
    run = errand.run
    before = await run.db(before_loading, errand.record.list_no, errand.grip.job_no, errand.plan, chunk)
    told = [
        replace(one, outcome=Outcome.WITHHELD, reason="already-there")
        if one.n in before.there and one.outcome is Outcome.SENT
        else one
        for one in answers
    ]
    added = [one for one in told if one.outcome is Outcome.SENT]
    unseen = (run.now() - before.looked).total_seconds()
    if unseen <= UNSEEN_SECONDS or created >= len(added):
        return told
    run.log(
        Level.WARNING,
        f"Chunk {chunk.number}: nobody looked at the list in the {unseen / 60:,.0f} min before the import ended, and the"
        f" platform knew {counted(len(added) - created, 'person', 'people')} of {len(added):,} before. They may have joined by"
        " themselves, so none of these rows counts as ours, and none is ever removed by us.",
        UNPROVEN,
    )
    return [
        replace(one, reason=UNPROVEN) if one.outcome is Outcome.SENT and one.reason == "added" else one
        for one in told
    ]
