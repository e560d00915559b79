"""Reading the source of a link: streamed, staged, measured against the last good read, then merged (design laws 5, 6).

Nothing that is not proven whole reaches the contacts. The source is read in a thread of its own: it may wait for a
server, and the state's thread must be free to say meanwhile that the job lives.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.registry import source_kind
from adapters.source import Source, SourceBatch, SourceIncomplete, SourceSettings, SourceUnreadable
from console.jobs.ends import GuardRefused
from console.jobs.run import Run
from console.jobs.source_rows import RowBuilder
from console.settings import Settings, resolve_source
from console.wording import counted
from state.contacts import (
    SourceCount,
    accept_source_read,
    begin_source_load,
    last_read,
    refuse_source_read,
    staged_count,
    staging,
)
from state.links import LinkRecord, mapped_signature
from state.model import Guard, Level, Link
from state.store import State

ROWS_AT_ONCE = 5_000

SHRINK = 1 / 3
"""A source may lose so much of its usable rows between two reads."""


@dataclass(slots=True, frozen=True)
class SourceRead:
    """An accepted read of a source."""

    count: SourceCount
    snapshot: str
    changed: int
    as_of: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict)


async def read_source(
    run: Run, settings: Settings, link: Link, record: LinkRecord, *, allow_empty: bool
) -> SourceRead:
    """Read the link's source as a stream and merge it; raises ``GuardRefused``, ``SourceIncomplete`` and others.

    What is refused is remembered as such and changes no contact.
    """
    source_settings = resolve_source(link.source, settings)
    source = source_kind(source_settings.kind).open(source_settings, run.source_wire(source_settings))
    if not source_settings.email:
        source_settings = replace(
            source_settings, email=await asyncio.to_thread(_address_column, source, link.source)
        )
        run.log(Level.INFO, f"Source {link.source}: the addresses are in column “{source_settings.email}”.")
    builder = RowBuilder(link, source_settings)
    started = run.now()
    await run.db(begin_source_load)
    run.phase(f"reading source {link.source}", unit="bytes")
    stream = source.read(builder.columns)
    try:
        while True:
            run.check_cancelled()
            # A source may wait for its server: the thread that owns the state must go on beating meanwhile.
            batches = await asyncio.to_thread(take_some, stream)
            if not batches:
                break
            await run.db(stage_batches, batches, builder)
            newest = batches[-1]
            if newest.total and (run.job.total, run.job.unit) != (newest.total, newest.unit):
                run.phase(f"reading source {link.source}", newest.total, newest.unit)
            run.advance(newest.done - run.job.done)
        end = source.end
        if end is None:
            raise SourceIncomplete(
                "source-incomplete", f"The source {link.source} did not end as whole.", "Try again."
            )
    except SourceIncomplete as error:
        count = await run.db(staged_count)
        await run.db(
            refuse_source_read,
            record.link_no,
            count,
            complete=False,
            snapshot="",
            reason=error.reason,
            started=started,
            now=run.now(),
        )
        raise
    tell_form(run, link.source, end.details)
    count = await run.db(staged_count)
    last = await run.db(last_read, record.link_no)
    refused = _shrinkage(link, count.usable, last.usable if last else None, allow_empty=allow_empty)
    if refused is not None:
        await run.db(
            refuse_source_read,
            record.link_no,
            count,
            complete=True,
            snapshot=end.snapshot,
            reason=refused.reason,
            started=started,
            now=run.now(),
        )
        raise GuardRefused(
            refused.reason,
            f"Source {link.source}: {refused.rule}: {refused.value:,} of {refused.limit:,} needed. Nothing was planned or sent.",
            refused.way_out,
            (refused,),
        )
    changed = await run.db(
        accept_source_read,
        record.link_no,
        count,
        snapshot=end.snapshot,
        mapped=mapped_signature(link.fields),
        started=started,
        now=run.now(),
        as_of=end.as_of,
        details=end.details,
        identity=_identity(source_settings),
    )
    run.log(
        Level.INFO,
        f"Source {link.source}: {counted(count.rows, 'row')}, {count.usable:,} with a usable address, {changed:,} changed since the last read.",
    )
    if count.unreadable:
        run.log(
            Level.WARNING,
            f"{counted(count.unreadable, 'row')} of the source could not be read; shown as invalid, and nobody is removed"
            " meanwhile.",
            "source-rows-unreadable",
        )
    return SourceRead(count, end.snapshot, changed, end.as_of, end.details)


def _identity(source: SourceSettings) -> str:
    """Where the ids of a source come from: the source by name, its kind and id column, and the CRM's entity.

    A file's path is none of it: every export of the club's program may have a name of its own.
    """
    place = (source.options.get(name, "") for name in ("base_url", "entity"))
    return json.dumps([source.name, source.kind, source.id, *map(str, place)], ensure_ascii=False)


def tell_form(run: Run, name: str, details: Mapping[str, str]) -> None:
    """How the source was read, and what says who is in it; a mere guess is a warning, for it may spoil names."""
    membership, as_of = details.get("membership"), details.get("as of")
    if membership:
        run.log(Level.INFO, f"Source {name}: {membership}" + (f", as of {as_of}." if as_of else "."))
    encoding, found_by = details.get("encoding"), details.get("encoding found by")
    if not encoding:
        return
    text = f"Source {name}: encoding {encoding} (from {found_by}), delimiter “{details.get('delimiter')}”."
    if found_by != "guess":
        run.log(Level.INFO, text)
        return
    text = f"Source {name}: the encoding {encoding} is only a guess; delimiter “{details.get('delimiter')}”."
    run.log(Level.WARNING, f'{text} If names look wrong: encoding = "…" in [sources.{name}].')


def _address_column(source: Source, name: str) -> str:
    """The column with the addresses of a source whose settings name none; raises ``SourceUnreadable`` in doubt."""
    found = source.shape().email_columns
    if len(found) == 1:
        return found[0]
    several = ", ".join(f"“{column}”" for column in found)
    raise SourceUnreadable(
        "source-no-address",
        f"Source {name}: "
        + (f"several columns hold addresses: {several}." if found else "no column holds addresses."),
        f'Name the column: email = "…" in [sources.{name}].',
    )


def take_some(stream: Iterator[SourceBatch]) -> list[SourceBatch]:
    """About ``ROWS_AT_ONCE`` rows of a source; empty when the stream ended."""
    taken: list[SourceBatch] = []
    rows = 0
    for batch in stream:
        taken.append(batch)
        rows += len(batch.rows) + len(batch.problems)
        if rows >= ROWS_AT_ONCE:
            break
    return taken


def stage_batches(state: State, batches: Sequence[SourceBatch], builder: RowBuilder) -> None:
    """Stage rows in one transaction."""
    with staging(state):
        for batch in batches:
            builder.put(state, batch)


def _shrinkage(link: Link, usable: int, before: int | None, *, allow_empty: bool) -> Guard | None:
    if allow_empty:
        return None
    way_out = f"Check the source. If it is meant: --allow-empty-source {link.name} lifts this once."
    if usable == 0:
        if before == 0:
            return None  # it was empty before, and somebody let it pass
        return Guard("source-empty", "a source must have a usable row", 0, 1, way_out)
    if before and usable < before * (1 - SHRINK):
        least = -(-before * 2 // 3)
        return Guard(
            "source-shrank", "a source may lose a third of its rows between two reads", usable, least, way_out
        )
    return None
