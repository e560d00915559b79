"""Sending one chunk: rows to the provider's values and back to outcomes, one bad row set aside from the others.

Invariants: results are matched by address, never by position; a row the answer does not mention is unknown; of a
chunk that was cut in halves what one half brought is kept, whatever happens to the other (design law 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from adapters.provider import (
    AdapterError,
    Addition,
    AddressMove,
    FieldChange,
    Provider,
    Refused,
    Removal,
    RowResult,
    Submission,
    Unsubscription,
    Verdict,
)
from state.address import address_key
from state.chunks import Answer
from state.model import Action, Outcome, RemoteList
from state.plans import WriteRow


class SourceStopped(Exception):
    """Writing into the source ended with an error after some rows were answered; the others were not touched."""

    def __init__(self, results: Sequence[RowResult], error: AdapterError) -> None:
        super().__init__(error.text)
        self.results = tuple(results)
        self.error = error


class SourceWriter(Protocol):
    """Carries rows that go to the source there: what changed at the platform, and people found on the list."""

    async def write(self, action: Action, rows: Sequence[WriteRow]) -> Submission:
        """Write rows of ``write-back`` or ``create``; the results are by address. May raise ``SourceStopped``."""


@dataclass(slots=True, frozen=True)
class Sent:
    """What came back for the rows of one chunk. ``ticket``, ``page`` and ``files`` are the submission's.

    ``stopped`` is the error that ended a chunk in halves after some of it was answered: the other rows left and
    have no answer, or did not leave; they are in doubt until they are read back.
    """

    answers: tuple[Answer, ...]
    ticket: str = ""
    stopped: AdapterError | None = None
    page: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


UNNAMED = Verdict(Outcome.UNKNOWN, "unknown", "the answer does not name this address")
HANDED_OVER = Verdict(Outcome.ACCEPTED, "handed-over")


async def send_rows(
    provider: Provider,
    remote: RemoteList,
    action: Action,
    rows: Sequence[WriteRow],
    *,
    by_ticket: bool,
    source: SourceWriter | None = None,
) -> Sent:
    """Send rows of one action, to the platform or to ``source``.

    Raises what the provider raises, but for ``Refused``: then the bad row is found by halves (I25), unless even
    one row would go as a file of its own: a refused file is refused as a whole.
    """
    try:
        if action.at_source:
            submission = await _write_to_source(source, action, rows)
        else:
            submission = await _submit(provider, remote, action, rows, by_ticket=by_ticket)
    except SourceStopped as stop:
        told = {address_key(result.email) for result in stop.results}
        touched = [row for row in rows if row.address_key in told]
        return Sent(tuple(answers_of(action, touched, stop.results)), stopped=stop.error)
    except Refused as error:
        if len(rows) == 1 or (not action.at_source and provider.batch(action, 1).by_ticket):
            words = error.raw or error.text
            return Sent(tuple(Answer(row.n, Outcome.REJECTED, error.reason, raw=words) for row in rows))
        middle = len(rows) // 2
        first = await send_rows(provider, remote, action, rows[:middle], by_ticket=False, source=source)
        if first.stopped is not None:
            return first
        return await _second_half(provider, remote, action, rows[middle:], first, source)
    unnamed = HANDED_OVER if submission.ticket else UNNAMED
    return Sent(
        tuple(answers_of(action, rows, submission.results, unnamed)),
        submission.ticket,
        page=submission.page,
        files=submission.files,
    )


async def _second_half(
    provider: Provider,
    remote: RemoteList,
    action: Action,
    rows: Sequence[WriteRow],
    first: Sent,
    source: SourceWriter | None,
) -> Sent:
    """The other half of a chunk: what the first one brought is kept whatever happens to this one."""
    try:
        second = await send_rows(provider, remote, action, rows, by_ticket=False, source=source)
    except AdapterError as error:
        return Sent(first.answers, stopped=error)
    return Sent(first.answers + second.answers, stopped=second.stopped)


async def _write_to_source(
    source: SourceWriter | None, action: Action, rows: Sequence[WriteRow]
) -> Submission:
    if source is None:
        raise AdapterError(
            "source-read-only",
            "The plan has rows for the source, and the source of this link takes nothing back.",
            "Make a new preview and confirm that.",
        )
    return await source.write(action, rows)


async def _submit(
    provider: Provider, remote: RemoteList, action: Action, rows: Sequence[WriteRow], *, by_ticket: bool
) -> Submission:
    match action:
        case Action.ADD:
            return await provider.add(
                remote,
                [
                    Addition(row.email, _fields(row), str(row.payload.get("consent") or ""), _tags(row))
                    for row in rows
                ],
            )
        case Action.CHANGE:
            changes = [FieldChange(row.email, row.origin_id, _fields(row)) for row in rows]
            return await provider.change(remote, changes, by_ticket=by_ticket)
        case Action.MOVE:
            return await provider.move(
                remote,
                [
                    AddressMove(str(row.payload["former"]), row.origin_id, row.email, _fields(row))
                    for row in rows
                ],
            )
        case Action.REMOVE:
            return await provider.remove(remote, [Removal(row.email, row.origin_id) for row in rows])
        case Action.UNSUBSCRIBE:
            return await provider.unsubscribe(
                remote, [Unsubscription(row.email, row.origin_id) for row in rows]
            )
        case Action.WRITE_BACK | Action.CREATE:
            raise ValueError(f"{action.value} goes to the source, not to a platform")


def answers_of(
    action: Action, rows: Sequence[WriteRow], results: Sequence[RowResult], unnamed: Verdict = UNNAMED
) -> list[Answer]:
    """Outcomes of rows from results by address; a move's result carries the former address."""
    by_key: Mapping[str, RowResult] = {address_key(result.email): result for result in results}
    found = []
    for row in rows:
        key = address_key(str(row.payload["former"])) if action is Action.MOVE else row.address_key
        result = by_key.get(key)
        if result is None:
            found.append(Answer(row.n, unnamed.outcome, unnamed.reason, raw=unnamed.raw))
        else:
            found.append(
                Answer(row.n, result.outcome, result.reason, origin_id=result.origin_id, raw=result.raw)
            )
    return found


def _fields(row: WriteRow) -> dict[str, str]:
    fields = row.payload.get("fields", {})
    return {str(name): str(value) for name, value in fields.items()} if isinstance(fields, dict) else {}


def _tags(row: WriteRow) -> tuple[str, ...]:
    tags = row.payload.get("tags", [])
    return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()
