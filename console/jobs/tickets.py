"""What the vendor works on, followed to its end: all open imports of a job together, each with its own age and polls.

The vendor's files are kept before anything is concluded from them (R19); a poll is never answered from memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.provider import AdapterError, IncompleteRead, Settlement, Throttled, Unreachable, Verdict
from console.jobs.answering import commit_answer
from console.jobs.errand import Errand, Waiting, fold_answered
from console.jobs.owning import look_who_joined, owned
from console.jobs.sending import Sent, answers_of
from state.address import address_key
from state.chunks import Chunk, answer, count_poll, open_chunks, unanswered_rows
from state.model import Action, Level, Outcome
from state.moments import moment
from state.open_imports import import_says, import_words

OPEN_AT_ONCE = 25
"""Imports of one account that may be open at a time (dotdigital contract §2; Mailchimp allows more)."""

FIRST_POLL_SECONDS = 1.0
"""A removal or a small import is often done at once; each further wait is twice as long, up to the longest."""

LONGEST_POLL_SECONDS = 60.0

POLL_DEADLINE_SECONDS = 2 * 3600
"""After so long a job stops waiting for the vendor and is picked up by whoever looks next (state ``waiting``)."""

MISSES = 3
"""How often running a poll may fail before the job gives up asking."""

SHOWN = 3
"""Imports a sentence names; the others are counted."""


@dataclass(slots=True)
class _Ticket:
    """One open import. ``left``: seconds until it is asked for again."""

    chunk: Chunk
    polls: int
    said: str = ""
    wait: float = 0.0
    left: float = 0.0
    misses: int = 0


async def open_tickets(errand: Errand) -> list[Chunk]:
    """Chunks of the job on which the vendor still works."""
    found = await errand.run.db(open_chunks, errand.grip.job_no, errand.plan)
    return [chunk for chunk in found if chunk.ticket]


async def follow_tickets(errand: Errand) -> None:
    """Poll the vendor until nothing is open; raises ``Waiting`` when all that is left is older than the deadline."""
    run = errand.run
    tickets = [_Ticket(chunk, chunk.polls) for chunk in await open_tickets(errand)]
    if not tickets:
        return
    while tickets:
        nap = min(one.left for one in tickets)
        if nap > 0:
            await run.rest()  # others may use the account meanwhile
            await run.sleep(nap)
        await _look(errand, tickets, nap)
        if tickets:
            await look_who_joined(errand, [one.chunk for one in tickets])
            words = _words(errand, tickets)
            if not run.job.waiting_for:
                run.log(Level.INFO, words)
            run.waiting(words)
            if all(_age(errand, one) > POLL_DEADLINE_SECONDS for one in tickets):
                raise Waiting(words)
    run.waiting("")
    await fold_answered(errand)


async def look_once(errand: Errand) -> str:
    """Ask once for every open import; what is still open, as a sentence (empty: nothing)."""
    tickets = [_Ticket(chunk, chunk.polls) for chunk in await open_tickets(errand)]
    try:
        await _look(errand, tickets, 0, cancelled=True)
    except AdapterError as error:
        errand.run.log(Level.WARNING, error.text, error.reason)
    return _words(errand, tickets) if tickets else ""


async def _look(errand: Errand, tickets: list[_Ticket], nap: float, *, cancelled: bool = False) -> None:
    """Ask for those whose time has come, and conclude what is finished; one that fails does not hold up the others."""
    run = errand.run
    failed: AdapterError | None = None
    for one in list(tickets):
        one.left -= nap
        if one.left > 0:
            continue
        if not cancelled:
            run.check_cancelled()
        try:
            since = moment(one.chunk.intended_at)
            settlement = await errand.provider.settle(errand.remote, one.chunk.ticket, since)
        except (Unreachable, Throttled, IncompleteRead) as error:
            one.misses += 1
            one.said = error.text
            if one.misses >= MISSES or isinstance(error, Throttled):
                failed = failed or error
            _rest(one)
            continue
        one.polls, one.misses, one.said = one.polls + 1, 0, settlement.text
        await run.db(count_poll, errand.grip, one.chunk, run.now(), unfinished=not settlement.finished)
        if settlement.finished:
            tickets.remove(one)
            await _conclude(errand, one.chunk, settlement)
        else:
            _rest(one)
    if failed is not None:
        raise failed


def _rest(one: _Ticket) -> None:
    one.wait = min(one.wait * 2, LONGEST_POLL_SECONDS) or FIRST_POLL_SECONDS
    one.left = one.wait


async def _conclude(errand: Errand, chunk: Chunk, settlement: Settlement) -> None:
    """Keep the files, then what they say. Rows that nothing names are in doubt, and read back."""
    run = errand.run
    for name, body in settlement.files.items():
        await run.keep_file(f"chunk-{chunk.number}-{name}", body)
    unnamed = settlement.otherwise or Verdict(Outcome.UNKNOWN, "not-confirmed", settlement.text)
    refused = settlement.otherwise is not None and settlement.otherwise.outcome is Outcome.REJECTED
    words = f"The platform has ended {import_says(chunk.ticket, settlement.text)}."
    if refused:
        page = f" Report page: {chunk.page}" if chunk.page and chunk.page not in words else ""
        run.log(Level.ERROR, f"{words} Its rows return to the next plan.{page}", unnamed.reason)
    else:
        run.log(Level.INFO, words)
    answers = answers_of(chunk.action, chunk.rows, settlement.results, unnamed)
    if chunk.action is Action.ADD and settlement.created is not None:
        answers = await owned(errand, chunk, answers, settlement.created)
    lost = await run.db(unanswered_rows, errand.grip.job_no, chunk)
    if not lost:
        await commit_answer(errand, chunk, Sent(tuple(answers)))
        return
    # A part of the request never got an answer: this import says nothing of those rows.
    told = {address_key(result.email) for result in settlement.results}
    of_lost = {row.n for row in chunk.rows if row.n in lost and row.address_key not in told}
    kept = [one for one in answers if one.n not in of_lost]
    await run.commit(answer, errand.grip, chunk, kept, reopened=True, now=run.now())
    run.journal_step()


def _age(errand: Errand, one: _Ticket) -> float:
    return (errand.run.now() - moment(one.chunk.intended_at)).total_seconds()


def _words(errand: Errand, tickets: Sequence[_Ticket]) -> str:
    """``waiting on the vendor: import 0f6c… NotFinished, 63 s old, 7 polls, report page …``."""
    told = [
        import_words(
            one.chunk.ticket,
            said=one.said,
            age_seconds=_age(errand, one),
            polls=one.polls,
            page=one.chunk.page,
        )
        for one in tickets[:SHOWN]
    ]
    if len(tickets) > SHOWN:
        told.append(f"and {len(tickets) - SHOWN:,} more")
    return f"waiting on the vendor: {'; '.join(told)}"
