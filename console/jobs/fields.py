"""Data fields of a connection: synchronizing them, and which of its lists a field job is about.

What is created and deleted stands in ``field_changes``. Reading once serves all lists where the fields are the
account's (``Capabilities.fields_by_account``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.provider import AdapterError, ConnectionSettings, Provider
from console.exit_codes import ExitCode
from console.jobs.connect import load_settings, opened
from console.jobs.ends import JobEnd, exit_code_of
from console.jobs.run import Run
from console.settings import Settings, resolve
from console.wording import counted
from state.connections import list_rows, put_list
from state.fields import FieldNews, fields_time, put_fields_time, put_remote_fields, remote_fields
from state.model import JobState, Level


@dataclass(slots=True)
class Synced:
    """What a synchronization found. Pairs are list id and field; ``missing``: link to the fields it maps in vain."""

    lists: int = 0
    fields: int = 0
    appeared: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)
    retyped: list[tuple[str, str, str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    faults: list[AdapterError] = field(default_factory=list)

    def take(self, list_id: str, news: FieldNews) -> None:
        """Add what one list's answer changed."""
        self.appeared += [(list_id, name) for name in news.appeared]
        self.gone += [(list_id, name) for name in news.gone]
        self.retyped += [(list_id, *change) for change in news.retyped]
        if news.kept:
            self.kept.append(list_id)


async def work(run: Run) -> JobEnd:
    """The job: ``action`` is sync (the default), create, count or delete."""
    from console.jobs.field_changes import count, create, delete

    settings = load_settings(run)
    settings.connection(run.job.connection)
    connection = resolve(run.job.connection, settings)
    action = str(run.options.get("action", "sync"))
    if action == "sync":
        return await _sync(run, settings, connection)
    actions = {"create": create, "count": count, "delete": delete}
    if action not in actions:
        return JobEnd(JobState.FAILED, "usage", f"There is no action {action!r} for fields.", ExitCode.USAGE)
    return await actions[action](run, settings, connection)


async def _sync(run: Run, settings: Settings, connection: ConnectionSettings) -> JobEnd:
    async with opened(run, connection) as provider:
        synced = await synchronize(run, settings, connection, provider, str(run.options.get("list") or ""))
    counts = {
        "fields": synced.fields,
        "appeared": len(synced.appeared),
        "gone": len(synced.gone),
        "retyped": len(synced.retyped),
    }
    if synced.faults:
        first = synced.faults[0]
        return JobEnd(JobState.FAILED, first.reason, first.text, exit_code_of(first), counts, next=first.next)
    result = {
        "appeared": [{"list": list_id, "name": name} for list_id, name in synced.appeared],
        "gone": [{"list": list_id, "name": name} for list_id, name in synced.gone],
        "retyped": [
            {"list": list_id, "name": name, "before": before, "now": now}
            for list_id, name, before, now in synced.retyped
        ],
        "kept": synced.kept,
        "missing": [{"link": link, "fields": list(names)} for link, names in synced.missing.items()],
        "fields": synced.fields,
    }
    if not synced.lists:
        text = f"Connection {connection.name} has no linked list; name one with --list ID."
        return JobEnd(JobState.DONE, "nothing-to-do", text, counts=counts, result=result)
    text = (
        f"{counted(synced.fields, 'field')} of {counted(synced.lists, 'list')}: {len(synced.appeared):,} appeared,"
        f" {len(synced.gone):,} gone, {len(synced.retyped):,} changed their type."
    )
    reason = "field-missing" if synced.missing else "fields-kept" if synced.kept else "ok"
    return JobEnd(JobState.DONE, reason, text, counts=counts, result=result)


async def synchronize(
    run: Run, settings: Settings, connection: ConnectionSettings, provider: Provider, wanted: str = ""
) -> Synced:
    """Read the fields of every linked list (and of ``wanted``), keep them, and tell what is new about them.

    One list's trouble does not stop the others (R21): it stands in ``faults``.
    """
    by_account = provider.capabilities.fields_by_account
    lists = await target_lists(run, settings, connection.name, by_account=by_account, wanted=wanted)
    synced = Synced()
    run.phase("reading fields", len(lists), "lists")
    shared = None
    for list_id in lists:
        run.check_cancelled()
        try:
            await _know_list(run, connection.name, provider, list_id)
            fields = shared if shared is not None else await provider.fields(list_id)
        except AdapterError as error:
            run.log(Level.ERROR, f"List {list_id}: {error.text}", error.reason)
            synced.faults.append(error)
            continue
        if by_account:
            shared = fields
        news = await run.commit(put_remote_fields, connection.name, list_id, fields, run.now())
        if not by_account or not synced.lists:
            synced.take(list_id, news)
            tell_news(run, list_id, news)
        synced.lists += 1
        synced.fields += 0 if by_account and synced.lists > 1 else len(fields)
        run.advance()
    if not synced.faults and not wanted:
        await run.commit(put_fields_time, connection.name, connection.provider, run.now())
    await _find_missing(run, settings, connection.name, lists, synced)
    return synced


async def synchronize_if_old(
    run: Run, settings: Settings, connection: ConnectionSettings, provider: Provider
) -> None:
    """Synchronize when that was last done longer ago than the connection's ``fields_every``.

    Trouble with fields is told as a warning and spoils nothing else.
    """
    read_at = await run.db(fields_time, connection.name)
    every = settings.connection(connection.name).fields_every_seconds
    if read_at is not None and (run.now() - read_at).total_seconds() < every:
        return
    await synchronize(run, settings, connection, provider)


async def target_lists(
    run: Run, settings: Settings, connection: str, *, by_account: bool, wanted: str = ""
) -> tuple[str, ...]:
    """The lists a field job looks at: ``wanted``, else the linked ones, else any list where the fields are shared."""
    if wanted:
        return (wanted,)
    linked = tuple(dict.fromkeys(link.list_id for link in settings.links_of(connection=connection)))
    if linked or not by_account:
        return linked
    known = await run.db(list_rows, connection)
    return tuple(row.list_id for row in known if row.gone_at is None and not row.system)[:1]


async def _know_list(run: Run, connection: str, provider: Provider, list_id: str) -> None:
    """Make sure that the list is in the account; its name is kept. Raises ``NotThere``."""
    known = await run.db(list_rows, connection)
    if not any(row.list_id == list_id and row.seen_at and row.gone_at is None for row in known):
        await run.commit(put_list, connection, await provider.remote_list(list_id), run.now())


async def _find_missing(
    run: Run, settings: Settings, connection: str, lists: Sequence[str], synced: Synced
) -> None:
    for link in settings.links_of(connection=connection):
        if link.list_id not in lists:
            continue
        known = {one.name for one in await run.db(remote_fields, connection, link.list_id)}
        missing = tuple(one.target for one in link.fields if one.target not in known)
        if known and missing:
            synced.missing[link.name] = missing
            text = f"Link {link.name} maps {', '.join(missing)}, which its list does not have."
            run.log(Level.ERROR, text, "field-missing")


def tell_news(run: Run, list_id: str, news: FieldNews) -> None:
    """What a reading of a list's fields changed, in the job's log."""
    for name in news.appeared:
        run.log(Level.INFO, f"List {list_id}: field {name} appeared.")
    for name in news.gone:
        run.log(Level.WARNING, f"List {list_id}: field {name} is gone.")
    for name, before, now in news.retyped:
        run.log(Level.WARNING, f"List {list_id}: field {name} was of type {before} and is {now} now.")
    if news.kept:
        run.log(
            Level.WARNING,
            f"List {list_id}: the platform shows no field at all; the fields known before are kept.",
            "fields-kept",
        )
