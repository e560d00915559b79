"""Committing what came back for a chunk; the vendor's files are kept first (R19)."""

from __future__ import annotations

from collections import Counter

from adapters.provider import Repeat
from console.jobs.errand import Errand, batch_of
from console.jobs.sending import Sent
from console.wording import counted
from state.chunks import NO_ANSWER, Chunk, answer
from state.model import Level, Outcome


async def commit_answer(errand: Errand, chunk: Chunk, sent: Sent) -> bool:
    """Commit an answer; True when it does not tell what became of some rows: they are read back.

    Rows that may not be sent twice and got no answer keep their chunk open, until a person lets them go.
    """
    run = errand.run
    for name, body in sent.files.items():
        await run.keep_file(f"chunk-{chunk.number}-{name}", body)
    doubtful = any(row.outcome is Outcome.UNKNOWN for row in sent.answers)
    unanswered = batch_of(errand, chunk.action).repeat is Repeat.NEVER and any(
        row.outcome is Outcome.UNKNOWN and row.reason == NO_ANSWER for row in sent.answers
    )
    counts = Counter(row.outcome.value for row in sent.answers)
    told = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    run.log(
        Level.INFO,
        f"{chunk.action.value.capitalize()} chunk {chunk.number}, {counted(len(chunk.rows), 'row')}: {told or 'handed over'}"
        + (f"; the platform works on it ({sent.ticket})" if sent.ticket else "")
        + (f"; then: {sent.stopped.text}" if sent.stopped is not None else "")
        + ".",
    )
    await run.commit(
        answer,
        errand.grip,
        chunk,
        sent.answers,
        ticket=sent.ticket,
        page=sent.page,
        closed=sent.stopped is None and not unanswered,
        doubtful=doubtful,
        now=run.now(),
    )
    run.journal_step()
    return doubtful
