"""Reading: remote lists and fields, the source of a link, the members of its list (design law 5).

Nothing that is not proven whole reaches the state, and no guard is passed silently (design law 6).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from adapters.provider import AdapterError, IncompleteRead, Provider
from adapters.registry import source_kind
from adapters.source import Source, SourceBatch, SourceIncomplete, SourceUnreadable
from console.jobs.connect import load_settings, opened
from console.jobs.ends import GuardRefused, JobEnd
from console.jobs.run import Run
from console.jobs.source_rows import RowBuilder
from console.settings import Settings, resolve, resolve_source
from state.connections import put_lists, put_remote_fields
from state.contacts import (
    SourceCount,
    accept_source_read,
    begin_source_load,
    last_read,
    refuse_source_read,
    staged_count,
    staging,
)
from state.links import LinkRecord, list_reading, mapped_signature
from state.members import (
    ListingChange,
    accept_listing,
    begin_listing,
    last_good_rows,
    listing_change,
    present_members,
    put_listing_page,
    refuse_listing,
)
from state.model import Guard, JobKind, JobState, Level, Link, RemoteList
from state.moments import moment
from state.planning import removal_limit
from state.store import State

ROWS_AT_ONCE = 5_000
FULL_EVERY_SECONDS = 7 * 24 * 3600
"""An incremental reading is followed by a whole one after a week at the latest (R41)."""

SHRINK = 1 / 3


@dataclass(slots=True, frozen=True)
class SourceRead:
    """An accepted read of a source."""

    count: SourceCount
    snapshot: str
    changed: int


async def work(run: Run) -> JobEnd:
    """The job: read all remote lists of a connection, and the fields of the linked ones."""
    settings = load_settings(run)
    connection = resolve(run.job.connection, settings)
    linked = {link.list_id for link in settings.links_of(connection=connection.name)}
    wanted = run.options.get("list")
    run.phase("reading lists", unit="lists")
    async with opened(run, connection) as provider:
        lists = await provider.lists()
        await run.commit(put_lists, connection.name, connection.provider, lists, run.now())
        run.log(Level.INFO, f"The account has {len(lists):,} lists.")
        for remote in lists:
            if remote.list_id in linked or remote.list_id == wanted:
                fields = await provider.fields(remote.list_id)
                await run.commit(put_remote_fields, connection.name, remote.list_id, fields, run.now())
            run.advance()
    gone = sorted(linked - {remote.list_id for remote in lists})
    if gone:
        text = f"Linked, and not in the account of {connection.name}: {', '.join(gone)}."
        run.log(Level.ERROR, text, "list-missing")
    return JobEnd(
        JobState.DONE, "ok", f"Read {len(lists):,} lists of {connection.name}.", counts={"lists": len(lists)}
    )


async def read_source(
    run: Run, settings: Settings, link: Link, record: LinkRecord, *, allow_empty: bool
) -> SourceRead:
    """Read the link's source as a stream and merge it; raises ``GuardRefused``, ``SourceIncomplete`` and others.

    What is refused is remembered as such and changes no contact.
    """
    source_settings = resolve_source(link.source, settings)
    source = source_kind(source_settings.kind).open(source_settings, None)
    if not source_settings.email:
        source_settings = replace(source_settings, email=await run.db(_address_column, source, link.source))
        run.log(Level.INFO, f"Source {link.source}: the addresses are in column “{source_settings.email}”.")
    builder = RowBuilder(link, source_settings)
    started = run.now()
    await run.db(begin_source_load)
    run.phase(f"reading source {link.source}", unit="bytes")
    stream = source.read(builder.columns)
    try:
        while True:
            run.check_cancelled()
            done, total, ended = await run.db(_load_some, stream, builder)
            if total and run.job.total != total:
                run.phase(f"reading source {link.source}", total, "bytes")
            run.advance(done - run.job.done)
            if ended:
                break
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
    _tell_form(run, link.source, end.details)
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
    )
    run.log(
        Level.INFO,
        f"Source {link.source}: {count.rows:,} rows, {count.usable:,} with a usable address, {changed:,} changed since the last read.",
    )
    if count.unreadable:
        run.log(
            Level.WARNING,
            f"{count.unreadable:,} rows of the source could not be read; they are shown as invalid, and nobody is removed meanwhile.",
            "source-rows-unreadable",
        )
    return SourceRead(count, end.snapshot, changed)


def _tell_form(run: Run, name: str, details: Mapping[str, str]) -> None:
    """How the source was read; a mere guess is a warning, for it may spoil names."""
    encoding, found_by = details.get("encoding"), details.get("encoding found by")
    if not encoding:
        return
    text = f"Source {name}: encoding {encoding} (from {found_by}), delimiter “{details.get('delimiter')}”."
    if found_by != "guess":
        run.log(Level.INFO, text)
        return
    text = f"Source {name}: the encoding {encoding} is only a guess; delimiter “{details.get('delimiter')}”."
    run.log(Level.WARNING, f'{text} If names look wrong: encoding = "…" in [sources.{name}].')


def _address_column(_: State, source: Source, name: str) -> str:
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


def _load_some(state: State, stream: Iterator[SourceBatch], builder: RowBuilder) -> tuple[int, int, bool]:
    """Stage about ``ROWS_AT_ONCE`` rows; returns bytes done, bytes in all, whether the stream ended."""
    taken, done, total = 0, 0, 0
    with staging(state):
        for batch in stream:
            builder.put(state, batch)
            taken += len(batch.rows) + len(batch.problems)
            done, total = batch.done, batch.total
            if taken >= ROWS_AT_ONCE:
                return done, total, False
    return done, total, True


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


async def read_listing(
    run: Run,
    provider: Provider,
    remote: RemoteList,
    link_fields: Sequence[str],
    record: LinkRecord,
    signature: str,
    *,
    whole: bool | None = None,
    max_opt_outs: int | None = None,
    phase: str = "",
) -> ListingChange:
    """Bring the members of a list up to date: by difference where a cursor allows, else by a whole listing.

    Raises ``IncompleteRead`` and, above the limit of design law 6, ``GuardRefused``; no member is changed then.
    """
    reading = await run.db(list_reading, record.list_no)
    if whole is None:
        whole = (
            reading.cursor is None
            or reading.full_at is None
            or reading.mapped != signature
            or (run.now() - moment(reading.full_at)).total_seconds() > FULL_EVERY_SECONDS
        )
    started = run.now()
    run.phase(phase or f"reading list {remote.name}", unit="members")
    origin = f"{'poll' if run.job.kind is JobKind.FEEDBACK else 'job'}:{run.job.job_id}"
    await run.db(begin_listing)
    cursor: str | None = None
    rows = 0
    try:
        async for page in provider.listing(remote, link_fields, None if whole else reading.cursor):
            run.check_cancelled()
            if page.afresh:
                await run.db(begin_listing)
                rows = 0
                run.phase(phase or f"reading list {remote.name}", unit="members")
            if page.total and run.job.total == 0:
                run.phase(phase or f"reading list {remote.name}", page.total, "members")
            await run.db(put_listing_page, page.members, link_fields)
            rows += len(page.members)
            run.advance(len(page.members))
            cursor = page.cursor if page.cursor is not None else cursor
        if cursor is None:
            raise IncompleteRead(
                "listing-incomplete",
                f"The listing of {remote.name} ended without proof that it is whole.",
                "Try again.",
            )
    except AdapterError as error:
        await run.db(
            refuse_listing,
            record.list_no,
            whole=whole,
            rows=rows,
            origin=origin,
            reason=error.reason,
            started=started,
            now=run.now(),
        )
        raise
    change = await run.db(listing_change, record.list_no, whole=whole)
    limit = removal_limit(await run.db(last_good_rows, record.list_no))
    losses = change.opted_out + (change.vanished if whole else 0)
    if change.known_before and losses > limit and (max_opt_outs is None or losses > max_opt_outs):
        await run.db(
            refuse_listing,
            record.list_no,
            whole=whole,
            rows=rows,
            origin=origin,
            reason="too-many-opt-outs",
            started=started,
            now=run.now(),
        )
        guard = Guard(
            "too-many-opt-outs",
            "opt-outs and erasures the platform reports at once",
            losses,
            limit,
            f"Look at the list at the platform first. If it is right: listwarden feedback {record.name} --max-removals {losses}",
        )
        raise GuardRefused(
            guard.reason,
            f"The platform reports {losses:,} opt-outs and erasures on {remote.name} at once; {limit:,} pass without a person.",
            guard.way_out,
            (guard,),
        )
    await run.commit(
        accept_listing,
        record.list_no,
        change,
        whole=whole,
        cursor=cursor,
        fields_signature=signature,
        origin=origin,
        operator=run.operator.name,
        started=started,
        now=run.now(),
    )
    present = await run.db(present_members, record.list_no)
    told = f"List {remote.name}: {present:,} members; read {change.rows:,} ({'all' if whole else 'what changed'})"
    if change.known_before:
        told += f": {change.appeared:,} appeared, {change.opted_out:,} opted out, {change.confirmed:,} confirmed, {change.vanished:,} gone"
    run.log(Level.INFO, told + ".")
    return change


def open_source(settings: Settings, name: str) -> Source:
    """A source by its name, for looking at its shape."""
    source_settings = resolve_source(name, settings)
    return source_kind(source_settings.kind).open(source_settings, None)
