"""Sending one chunk: rows to the provider's values and back to outcomes, one bad row set aside from the others.

Invariants: results are matched by address, never by position; a row the answer does not mention is unknown; of a
chunk that was cut in halves what one half brought is kept, whatever happens to the other (design law 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
)
from state.address import address_key
from state.chunks import Answer
from state.model import Action, Outcome, RemoteList
from state.plans import WriteRow


@dataclass(slots=True, frozen=True)
class Sent:
    """What came back for the rows of one chunk.

    ``stopped`` is the error that ended a chunk in halves after some of it was answered: the other rows left and
    have no answer, or did not leave; they are in doubt until they are read back.
    """

    answers: tuple[Answer, ...]
    ticket: str = ""
    stopped: AdapterError | None = None


async def send_rows(
    provider: Provider, remote: RemoteList, action: Action, rows: Sequence[WriteRow], *, by_ticket: bool
) -> Sent:
    """Send rows of one action. Raises what the provider raises, but for ``Refused``: then the bad row is found by halves (I25)."""
    try:
        submission = await _submit(provider, remote, action, rows, by_ticket=by_ticket)
    except Refused as error:
        if len(rows) == 1:
            return Sent((Answer(rows[0].n, Outcome.REJECTED, error.reason, raw=error.raw or error.text),))
        middle = len(rows) // 2
        first = await send_rows(provider, remote, action, rows[:middle], by_ticket=False)
        if first.stopped is not None:
            return first
        return await _second_half(provider, remote, action, rows[middle:], first)
    return Sent(tuple(answers_of(action, rows, submission.results)), submission.ticket)


async def _second_half(
    provider: Provider, remote: RemoteList, action: Action, rows: Sequence[WriteRow], first: Sent
) -> Sent:
    """The other half of a chunk: what the first one brought is kept whatever happens to this one."""
    try:
        second = await send_rows(provider, remote, action, rows, by_ticket=False)
    except AdapterError as error:
        return Sent(first.answers, stopped=error)
    return Sent(first.answers + second.answers, stopped=second.stopped)


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


def answers_of(action: Action, rows: Sequence[WriteRow], results: Sequence[RowResult]) -> list[Answer]:
    """Outcomes of rows from results by address; a move's result carries the former address."""
    by_key: Mapping[str, RowResult] = {address_key(result.email): result for result in results}
    found = []
    for row in rows:
        key = address_key(str(row.payload["former"])) if action is Action.MOVE else row.address_key
        result = by_key.get(key)
        if result is None:
            found.append(
                Answer(row.n, Outcome.UNKNOWN, "unknown", raw="the answer does not name this address")
            )
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
