"""Chunks on their way: sent once, and where no answer came read back before anything is sent again (design law 3).

An import whose posting got no answer is never posted again by itself: what reading back does not show stays
``unknown`` until a person releases it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.provider import AdapterError, Batch, Repeat, Unanswered
from console.jobs.answering import commit_answer
from console.jobs.errand import Errand, batch_of, fold_answered, refresh_members
from console.jobs.sending import send_rows
from console.jobs.tickets import follow_tickets
from console.wording import counted
from state.chunks import Answer, Chunk, answer, intend_again, open_chunks, release_rows
from state.ids import short_id
from state.members import members_by_key
from state.model import Action, Consent, Level, Member, Outcome
from state.moments import moment
from state.opt_outs import opt_out_reason
from state.outcomes import FOUND
from state.plans import WriteRow

ATTEMPTS = 3
"""How often one process sends a chunk without an answer, reading back each time."""


async def send_chunk(errand: Errand, chunk: Chunk, batch: Batch) -> bool:
    """Send a chunk whose intent is committed, and commit its answer. False: no answer, its rows are in doubt."""
    run = errand.run
    errand.tries[chunk.number] += 1
    try:
        sent = await send_rows(
            errand.provider,
            errand.remote,
            chunk.action,
            chunk.rows,
            by_ticket=batch.by_ticket,
            source=errand.source_writer,
        )
    except Unanswered as error:
        run.log(
            Level.WARNING,
            f"Chunk {chunk.number} ({counted(len(chunk.rows), 'row')}): {error.text} It is read back before anything else.",
            "no-answer",
        )
        return False
    except AdapterError:
        if chunk.attempt == 1:  # of a later try the first one is in doubt as before
            await run.commit(release_rows, errand.grip, chunk, run.now())
        raise
    doubtful = await commit_answer(errand, chunk, sent)
    if sent.stopped is not None and not isinstance(sent.stopped, Unanswered):
        raise sent.stopped
    return sent.stopped is None and not doubtful


async def read_back_open(errand: Errand) -> None:
    """What an earlier try left open is followed to its end or read back; nothing is sent again yet."""
    run = errand.run
    await follow_tickets(errand)
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
        if left and all(batch_of(errand, chunk.action).repeat is Repeat.NEVER for chunk in left):
            break  # they were read back, and looking more often does not help
    left = await run.db(open_chunks, errand.grip.job_no, errand.plan)
    rows = sum(len(chunk.rows) for chunk in left)
    if rows:
        raise _unanswered(errand, left, rows)


def _unanswered(errand: Errand, left: Sequence[Chunk], rows: int) -> Unanswered:
    resume = f"listwarden export {errand.link.name}"
    if any(batch_of(errand, chunk.action).repeat is Repeat.NEVER for chunk in left):
        return Unanswered(
            "no-answer",
            f"{rows:,} rows left in a request that got no answer. An import is never posted again by itself; the rows"
            " stay unknown until reading back shows them or a person releases them.",
            f"Read back again: {resume}; or let go, and see them as not confirmed in the next preview:"
            f" listwarden job unblock {short_id(errand.grip.job_id)}",
        )
    return Unanswered(
        "no-answer",
        f"{rows:,} rows have no answer after {ATTEMPTS} tries; they stay unknown until they are read back.",
        f"Resume the job: {resume}",
    )


async def _read_back(errand: Errand, chunks: Sequence[Chunk]) -> None:
    """Look at the platform which rows in doubt it took: by what changed since, else by a whole listing."""
    run = errand.run
    asked = [chunk for chunk in chunks if not chunk.action.at_source]
    if not asked:
        return
    rows = sum(len(chunk.rows) for chunk in asked)
    run.log(Level.INFO, f"Reading back {counted(rows, 'row')} without an answer.", "no-answer")
    await refresh_members(errand, phase="reading back")
    left = await _compare_with_members(errand, asked)
    unlooked = {chunk.number for chunk in left} - errand.looked
    if unlooked and errand.provider.capabilities.shares_contacts:
        # Who joins a list need not count as changed there, so only a whole listing proves who is missing.
        errand.looked |= unlooked
        await refresh_members(errand, phase="reading back", whole=True)
        await _compare_with_members(errand, left, whole=True)
    await fold_answered(errand)


async def _compare_with_members(
    errand: Errand, chunks: Sequence[Chunk], *, whole: bool = False
) -> list[Chunk]:
    """Commit what the members show of the rows in doubt; the chunks that still have such rows.

    ``whole``: all members were just read, so whoever is not among them is not on the list.
    """
    run = errand.run
    unshown: list[Chunk] = []
    for chunk in chunks:
        members = await run.db(members_by_key, errand.record.list_no, [row.address_key for row in chunk.rows])
        found = [
            told
            for row in chunk.rows
            if (member := members.get(row.address_key)) is not None
            and (told := _told_by(chunk, row, member)) is not None
        ]
        there = len(found)
        if whole:
            missing = [row for row in chunk.rows if row.address_key not in members]
            found += [told for row in missing if (told := _told_by_absence(chunk.action, row)) is not None]
        complete = len(found) == len(chunk.rows)
        await run.commit(answer, errand.grip, chunk, found, closed=complete, now=run.now())
        run.journal_step()
        if there:
            run.log(Level.INFO, f"Chunk {chunk.number}: {there:,} of {len(chunk.rows):,} rows are there.")
        if not complete:
            settled = {one.n for one in found}
            unshown.append(replace(chunk, rows=tuple(row for row in chunk.rows if row.n not in settled)))
    return unshown


def _told_by(chunk: Chunk, row: WriteRow, member: Member) -> Answer | None:
    """What a member as read back tells of a row; None while it tells nothing.

    An addition was unknown at the platform when its intent was committed: if it is there now, it was taken, also
    when the person has left again since. Who opted out before the intent was skipped by the platform in silence.
    """
    intended = moment(chunk.intended_at)
    subscribing = chunk.action in (Action.ADD, Action.MOVE)
    if subscribing and member.consent.opted_out and not _later(member.since or member.changed_at, intended):
        return _withheld(row, member)
    if _taken(chunk.action, row.payload, member.fields, member.consent):
        pending = chunk.action is Action.ADD and member.consent is Consent.PENDING
        reason = "asked-to-confirm" if pending else FOUND
        return Answer(row.n, Outcome.SENT, reason, origin_id=member.origin_id, raw=FOUND if pending else "")
    if chunk.action is Action.CHANGE and member.consent.opted_out:
        return _withheld(row, member)
    return None


def _told_by_absence(action: Action, row: WriteRow) -> Answer | None:
    """What it tells of a row that its member is not on the list: a removal was carried out, a change came too late."""
    if action is Action.REMOVE:
        return Answer(row.n, Outcome.SENT, FOUND, origin_id=row.origin_id)
    return Answer(row.n, Outcome.WITHHELD, "member-gone") if action is Action.CHANGE else None


def _withheld(row: WriteRow, member: Member) -> Answer:
    reason = opt_out_reason(member.consent, member.scope)
    return Answer(row.n, Outcome.WITHHELD, reason, origin_id=member.origin_id, raw=member.raw_status)


def _later(at: str, than: datetime) -> bool:
    """Whether a vendor's time is later; one that cannot be read is not."""
    try:
        return bool(at) and moment(at) > than
    except ValueError:
        return False


def _taken(
    action: Action, payload: Mapping[str, object], fields: Mapping[str, str], consent: Consent
) -> bool:
    """Whether a member as read back shows that the write was applied."""
    match action:
        case Action.ADD | Action.MOVE:
            return True
        case Action.REMOVE | Action.UNSUBSCRIBE:
            return consent is not Consent.SUBSCRIBED
        case Action.CHANGE:
            sent = payload.get("fields")
            return isinstance(sent, dict) and all(fields.get(name) == value for name, value in sent.items())
        case Action.WRITE_BACK | Action.CREATE:
            return False  # the source knows; each write carries the value it expects there


async def _send_again(errand: Errand, chunk: Chunk) -> None:
    run = errand.run
    batch = batch_of(errand, chunk.action)
    if errand.tries[chunk.number] >= ATTEMPTS:
        return
    if batch.repeat is not Repeat.AT_ONCE:  # the vendor may still be at work on what it took
        rest = timedelta(seconds=errand.settings.options.quarantine_seconds)
        until = moment(chunk.intended_at) + rest
        if run.now() < until:
            then = "read back" if batch.repeat is Repeat.NEVER else "sent again"
            await run.wait_until(
                until, f"chunk {chunk.number} rests until {until:%H:%M:%S} UTC before it is {then}"
            )
            errand.looked.discard(chunk.number)
            await _read_back(errand, [chunk])
    if batch.repeat is Repeat.NEVER:
        errand.tries[chunk.number] = ATTEMPTS
        return
    again = await run.commit(intend_again, errand.grip, errand.plan, chunk, run.now())
    run.journal_step()
    if again is None:
        return
    run.log(
        Level.INFO, f"Chunk {chunk.number}: {len(again.rows):,} rows are sent again (try {again.attempt})."
    )
    await send_chunk(errand, again, batch)
