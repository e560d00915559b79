"""Reading a platform: remote lists and fields, and the members of a link's list (design law 5).

Nothing that is not proven whole reaches the state, and no guard is passed silently (design law 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from adapters.provider import AdapterError, IncompleteRead, Provider
from console.jobs.connect import load_settings, opened
from console.jobs.ends import GuardRefused, JobEnd
from console.jobs.fields import tell_news
from console.jobs.run import Run
from console.settings import resolve
from console.wording import counted
from state.account_opt_outs import put_account_opt_outs
from state.connections import put_lists
from state.fields import put_remote_fields
from state.links import LinkRecord, list_reading
from state.members import (
    ListingChange,
    accept_listing,
    begin_listing,
    last_good_rows,
    listing_change,
    present_members,
    put_listing_page,
    refuse_listing,
    vanished_members,
)
from state.model import Guard, JobKind, JobState, Level, RemoteList
from state.moments import moment
from state.planning import removal_limit

FULL_EVERY_SECONDS = 7 * 24 * 3600
"""An incremental reading is followed by a whole one after a week at the latest (R41)."""

ASKED_AT_ONCE = 50
"""Members a platform is asked after between two looks at whether the job goes on."""


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
        shared = None
        for remote in lists:
            if remote.list_id in linked or remote.list_id == wanted:
                fields = await provider.fields(remote.list_id) if shared is None else shared
                if provider.capabilities.fields_by_account:
                    shared = fields
                news = await run.commit(put_remote_fields, connection.name, remote.list_id, fields, run.now())
                tell_news(run, remote.list_id, news)
            run.advance()
    gone = sorted(linked - {remote.list_id for remote in lists})
    if gone:
        text = f"Linked, and not in the account of {connection.name}: {', '.join(gone)}."
        run.log(Level.ERROR, text, "list-missing")
    return JobEnd(
        JobState.DONE,
        "ok",
        f"Read {counted(len(lists), 'list')} of {connection.name}.",
        counts={"lists": len(lists)},
    )


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
    as_of: datetime | None = None
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
            if page.account_opt_outs:
                await run.db(put_account_opt_outs, page.account_opt_outs)
            rows += len(page.members)
            run.advance(len(page.members))
            cursor = page.cursor if page.cursor is not None else cursor
            as_of = page.consents_as_of or as_of
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
            "opt-outs, removals and erasures the platform reports at once",
            losses,
            limit,
            f"Look at the list at the platform first. If it is right: listwarden feedback {record.name} --max-removals {losses}",
        )
        raise GuardRefused(
            guard.reason,
            f"The platform reports {losses:,} opt-outs, removals and erasures on {remote.name} at once; {limit:,} pass without a person.",
            guard.way_out,
            (guard,),
        )
    known = await _still_known(run, provider, record) if whole and change.vanished else frozenset()
    gone = await run.commit(
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
        known=known,
        consents_as_of=None if as_of is None else min(as_of, started),
    )
    if whole:
        change = replace(change, vanished=gone)
    present = await run.db(present_members, record.list_no)
    told = f"List {remote.name}: {present:,} members; read {change.rows:,} ({'all' if whole else 'what changed'})"
    if change.known_before:
        told += f": {change.appeared:,} appeared, {change.opted_out:,} opted out, {change.confirmed:,} confirmed, {change.vanished:,} gone"
    run.log(Level.INFO, told + ".")
    if known:
        run.log(
            Level.INFO,
            f"{len(known):,} of them are still known to the account: somebody took them out of {remote.name} there.",
            "removed-at-platform",
        )
    return change


async def _still_known(run: Run, provider: Provider, record: LinkRecord) -> frozenset[str]:
    """Of the members a whole listing misses, those whom the account still knows: they were not erased."""
    if not provider.capabilities.shares_contacts:
        return frozenset()
    missing = await run.db(vanished_members, record.list_no)
    run.phase("asking after members who left the list", len(missing), "members")
    known: set[str] = set()
    for start in range(0, len(missing), ASKED_AT_ONCE):
        run.check_cancelled()
        some = missing[start : start + ASKED_AT_ONCE]
        known |= await provider.known(some)
        run.advance(len(some))
    return frozenset(known)
