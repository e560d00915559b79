"""Chunks on their way: sent once, and where no answer came read back before anything is sent again (design law 3).

What the vendor works on is followed to its end; its files are kept before anything is concluded (R19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from adapters.provider import (
    AdapterError,
    Batch,
    Repeat,
    Settlement,
    Unanswered,
)
from console.jobs.errand import Errand, Waiting, fold_answered, refresh_members
from console.jobs.sending import Sent, answers_of, send_rows
from state.chunks import (
    Answer,
    Chunk,
    answer,
    count_poll,
    intend_again,
    open_chunks,
    release_rows,
)
from state.members import members_by_key
from state.model import Action, Consent, Level, Outcome
from state.moments import moment

FIRST_POLL_SECONDS = 5.0


LONGEST_POLL_SECONDS = 60.0


POLL_DEADLINE_SECONDS = 2 * 3600
"""After so long a job stops waiting for the vendor and is picked up by whoever looks next (state ``waiting``)."""


ATTEMPTS = 3
"""How often one process sends a chunk without an answer, reading back each time."""


async def send_chunk(errand: Errand, chunk: Chunk, batch: Batch) -> bool:
    """Send a chunk whose intent is committed, and commit its answer. False: no answer, its rows are in doubt."""
    run = errand.run
    errand.tries[chunk.number] += 1
    try:
        sent = await send_rows(
            errand.provider, errand.remote, chunk.action, chunk.rows, by_ticket=batch.by_ticket
        )
    except Unanswered as error:
        run.log(
            Level.WARNING,
            f"Chunk {chunk.number} ({len(chunk.rows):,} rows): {error.text} It is read back before anything else.",
            "no-answer",
        )
        return False
    except AdapterError:
        await run.commit(release_rows, errand.grip, chunk, run.now())
        raise
    doubtful = await _commit_answer(errand, chunk, sent)
    if sent.stopped is not None and not isinstance(sent.stopped, Unanswered):
        raise sent.stopped
    return sent.stopped is None and not doubtful


async def _commit_answer(errand: Errand, chunk: Chunk, sent: Sent) -> bool:
    """Commit an answer; True when it does not tell what became of some rows: they are read back."""
    run = errand.run
    doubtful = any(row.outcome is Outcome.UNKNOWN for row in sent.answers)
    counts: dict[str, int] = {}
    for row in sent.answers:
        counts[row.outcome.value] = counts.get(row.outcome.value, 0) + 1
    told = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    run.log(
        Level.INFO,
        f"{chunk.action.value.capitalize()} chunk {chunk.number}, {len(chunk.rows):,} rows: {told or 'handed over'}"
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
        closed=sent.stopped is None,
        doubtful=doubtful,
        now=run.now(),
    )
    run.journal_step()
    return doubtful


async def read_back_open(errand: Errand) -> None:
    """What an earlier try left open is followed to its end or read back; nothing is sent again yet."""
    run = errand.run
    for chunk in await run.db(open_chunks, errand.grip.job_no, errand.plan):
        if chunk.ticket:
            await _follow_ticket(errand, chunk)
    doubtful = [
        chunk for chunk in await run.db(open_chunks, errand.grip.job_no, errand.plan) if not chunk.ticket
    ]
    if doubtful:
        await _read_back(errand, doubtful)


async def settle_open(errand: Errand) -> None:
    """Read back what has no answer, follow what the vendor works on, and send again what may be (design law 3)."""
    run = errand.run
    for _ in range(ATTEMPTS + 1):
        if not await run.db(open_chunks, errand.grip.job_no, errand.plan):
            return
        await read_back_open(errand)
        for chunk in await run.db(open_chunks, errand.grip.job_no, errand.plan):
            if chunk.doubtful:
                # It was answered, and reading back does not show these rows: they are set aside (I25).
                await run.commit(answer, errand.grip, chunk, [], now=run.now())
            elif not chunk.ticket:
                await _send_again(errand, chunk)
    left = await run.db(open_chunks, errand.grip.job_no, errand.plan)
    rows = sum(len(chunk.rows) for chunk in left)
    if rows:
        raise Unanswered(
            "no-answer",
            f"{rows:,} rows have no answer after {ATTEMPTS} tries; they stay unknown until they are read back.",
            f"Resume the job: listwarden export {errand.link.name}",
        )


async def _read_back(errand: Errand, chunks: Sequence[Chunk]) -> None:
    """Look at the platform which rows in doubt it took: by what changed since, else one by one."""
    run = errand.run
    rows = sum(len(chunk.rows) for chunk in chunks)
    run.log(Level.INFO, f"Reading back {rows:,} rows without an answer.", "no-answer")
    await refresh_members(errand, phase="reading back")
    for chunk in chunks:
        members = await run.db(members_by_key, errand.record.list_no, [row.address_key for row in chunk.rows])
        found: list[Answer] = []
        for row in chunk.rows:
            member = members.get(row.address_key)
            if member is None:
                continue
            if _taken(chunk.action, row.payload, dict(member.fields), member.consent):
                pending = chunk.action is Action.ADD and member.consent is Consent.PENDING
                reason = "asked-to-confirm" if pending else "found-on-reading"
                found.append(Answer(row.n, Outcome.SENT, reason, origin_id=member.origin_id))
        await run.commit(
            answer, errand.grip, chunk, found, closed=len(found) == len(chunk.rows), now=run.now()
        )
        run.journal_step()
        if found:
            run.log(
                Level.INFO, f"Chunk {chunk.number}: {len(found):,} of {len(chunk.rows):,} rows are there."
            )
    await fold_answered(errand)


def _taken(
    action: Action, payload: Mapping[str, object], fields: Mapping[str, str], consent: Consent
) -> bool:
    """Whether a member as read back shows that the write was applied.

    An addition was unknown at the platform when its intent was committed: if it is there now, it was taken,
    also when the person has left again since.
    """
    match action:
        case Action.ADD | Action.MOVE:
            return True
        case Action.REMOVE | Action.UNSUBSCRIBE:
            return consent is not Consent.SUBSCRIBED
        case Action.CHANGE:
            sent = payload.get("fields")
            return isinstance(sent, dict) and all(fields.get(name) == value for name, value in sent.items())


async def _send_again(errand: Errand, chunk: Chunk) -> None:
    run = errand.run
    batch = errand.provider.batch(chunk.action, errand.plan.writes_by_action().get(chunk.action, 0))
    if batch.repeat is Repeat.NEVER or errand.tries[chunk.number] >= ATTEMPTS:
        return
    if batch.repeat is Repeat.AFTER_QUARANTINE:
        rest = timedelta(seconds=errand.settings.options.quarantine_seconds)
        until = moment(chunk.intended_at) + rest
        if run.now() < until:
            await run.wait_until(
                until, f"chunk {chunk.number} rests until {until:%H:%M:%S} UTC before it is sent again"
            )
            await _read_back(errand, [chunk])
    again = await run.commit(intend_again, errand.grip, errand.plan, chunk, run.now())
    run.journal_step()
    if again is None:
        return
    run.log(
        Level.INFO, f"Chunk {chunk.number}: {len(again.rows):,} rows are sent again (try {again.attempt})."
    )
    await send_chunk(errand, again, batch)


async def _follow_ticket(errand: Errand, chunk: Chunk) -> None:
    """Poll the vendor's work on a chunk to its end; its files are kept before anything is concluded (R19)."""
    run = errand.run
    wait = FIRST_POLL_SECONDS
    began = moment(chunk.intended_at)
    polls = chunk.polls
    while True:
        run.check_cancelled()
        settlement = await errand.provider.settle(errand.remote, chunk.ticket)
        polls += 1
        await run.db(count_poll, errand.grip, chunk, run.now())
        if settlement.finished:
            break
        age = (run.now() - began).total_seconds()
        text = f"{settlement.text}; chunk {chunk.number}, {age:,.0f} s old, {polls:,} polls"
        if age > POLL_DEADLINE_SECONDS:
            raise Waiting(text)
        run.waiting(text)
        await run.sleep(wait)
        wait = min(wait * 2, LONGEST_POLL_SECONDS)
    run.waiting("")
    await _conclude_ticket(errand, chunk, settlement)


async def _conclude_ticket(errand: Errand, chunk: Chunk, settlement: Settlement) -> None:
    run = errand.run
    for name, body in settlement.files.items():
        await run.keep_file(f"chunk-{chunk.number}-{name}", body)
    sent = Sent(tuple(answers_of(chunk.action, chunk.rows, settlement.results)))
    await _commit_answer(errand, chunk, sent)
