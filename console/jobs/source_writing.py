"""Carries rows of an export into the link's source: what changed at the platform, and people found on the list.

Invariants: only an export opens a source for writing, and only for a plan that has rows for it (design law 7); each
change carries the value the plan saw in the source, so that what somebody changed there meanwhile stays (law 2); the
origin of every change is the job, so that no loop arises (R47).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from adapters.provider import AdapterError, RowResult, Submission
from adapters.registry import source_kind
from adapters.source_writing import SourceAddition, SourceChange, SourceResult, WritableSource
from console.jobs.run import Run
from console.jobs.sending import SourceStopped, SourceWriter
from console.settings import Settings, resolve_source
from state.ids import short_id
from state.model import Action, Link, Outcome, Plan
from state.plans import WriteRow

ORIGIN = "listwarden job {job} ({connection})"
"""What a source is told of where a change comes from."""


class SourceWriting:
    """A link's source, opened for the rows of one export."""

    def __init__(self, source: WritableSource, origin: str) -> None:
        self._source = source
        self._origin = origin

    async def write(self, action: Action, rows: Sequence[WriteRow]) -> Submission:
        """Write rows of ``write-back`` or ``create``; results by address. Runs in a thread, as sources are synchronous.

        Raises ``AdapterError`` where nothing was written, ``SourceStopped`` where something was.
        """
        return Submission(tuple(await asyncio.to_thread(self._write, action, rows)))

    def _write(self, action: Action, rows: Sequence[WriteRow]) -> list[RowResult]:
        if action is Action.CREATE:
            additions = [SourceAddition(row.email, _texts(row.payload, "create")) for row in rows]
            return _told(lambda: self._source.create(additions, self._origin), [row.email for row in rows])
        changes = [
            SourceChange(
                row.source_id, _texts(row.payload, "back"), _texts(row.payload, "expected"), row.email
            )
            for row in rows
        ]
        return _told(lambda: self._source.write(changes, self._origin), [row.email for row in rows])


def source_writing(run: Run, settings: Settings, link: Link, plan: Plan) -> SourceWriter | None:
    """The link's source opened for writing; None where the plan has no row for it or the source takes nothing back."""
    if not any(action.at_source for action in plan.writes_by_action()):
        return None
    source = resolve_source(link.source, settings)
    kind = source_kind(source.kind)
    if kind.open_writable is None:
        return None
    opened = kind.open_writable(source, run.source_wire(source, read_only=False))
    return SourceWriting(opened, ORIGIN.format(job=short_id(run.job.job_id), connection=link.connection))


def _told(write: Callable[[], Iterator[SourceResult]], emails: Sequence[str]) -> list[RowResult]:
    """What the source says, row by row. It answers in order, so a result belongs to the row at its place."""
    told: list[RowResult] = []
    try:
        for email, result in zip(emails, write(), strict=False):
            told.append(RowResult(email, result.outcome, result.reason, raw=_raw(result)))
    except AdapterError as error:
        if told:
            raise SourceStopped(told, error) from error
        raise
    return told


def _raw(result: SourceResult) -> str:
    if result.outcome is Outcome.SENT and result.source_id and result.reason == "created-in-source":
        return f"source id {result.source_id}"
    return result.raw


def _texts(payload: Mapping[str, object], key: str) -> dict[str, str]:
    values = payload.get(key, {})
    return {str(name): str(value) for name, value in values.items()} if isinstance(values, dict) else {}
