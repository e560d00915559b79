"""Creating and deleting a data field at a platform, and counting who holds a value of one.

Invariant: a field is deleted only with the number of contacts that hold a value typed by a person, counted again
right before; never a system field, never one that a link maps. Every write has an audit row before it leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.provider import (
    ConnectionSettings,
    NewField,
    NotThere,
    Provider,
    RemoteField,
    Unanswered,
    Unrecognised,
)
from console.exit_codes import ExitCode
from console.jobs.connect import EXPORT, account_lease, opened
from console.jobs.ends import GuardRefused, JobEnd
from console.jobs.fields import target_lists
from console.jobs.run import Run
from console.mapped_fields import folded, mapped_by, unreadable_links
from console.new_field import new_field, new_field_fault, spelled
from console.settings import Settings
from console.wording import counted
from state.audit import append_audit
from state.connections import connection_rows, list_rows
from state.fields import drop_field, lists_with_fields, put_field, put_remote_fields
from state.model import Guard, JobState, Level


@dataclass(slots=True, frozen=True)
class _Place:
    """Where a field lives: ``list_id`` is what the calls name, ``connections`` all that lead to the account."""

    connection: str
    list_id: str
    by_account: bool
    connections: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"the account of {self.connection}" if self.by_account else f"list {self.list_id}"

    @property
    def audited(self) -> str:
        return self.connection if self.by_account else f"{self.connection}/{self.list_id}"


async def create(run: Run, settings: Settings, connection: ConnectionSettings) -> JobEnd:
    """Create the field that the options describe; nothing is asked of the platform before the rules are kept."""
    async with opened(run, connection) as provider:
        asked = spelled(new_field(run.options), provider.capabilities)
        fault = new_field_fault(asked, provider)
        if fault:
            reason = "field-refused" if provider.capabilities.creates_fields else "not-offered"
            return JobEnd(JobState.FAILED, reason, fault, ExitCode.USAGE)
        place = await _place(run, settings, connection, provider)
    if isinstance(place, JobEnd):
        return place
    account = await account_lease(run, connection)
    async with (
        run.lease(account),
        opened(run, connection, read_only=False, purpose=EXPORT, account=account) as provider,
    ):
        fields = await provider.fields(place.list_id)
        there = _find(fields, asked.name)
        if there is not None:
            if not (run.resumed and there.kind == asked.kind):
                text = f"{_start(place.words)} has a field {there.name} already, of type {there.kind}."
                return JobEnd(JobState.FAILED, "field-exists", text, ExitCode.FAILED)
            made = there  # the attempt before got through
        else:
            await _audit(run, f"data field {asked.name} ({asked.kind}) created on {place.audited}", 0, asked)
            made = await _created(run, provider, place, asked)
    lists = await _lists_of(run, settings, place)
    for name, list_ids in lists.items():
        for list_id in list_ids:
            await run.commit(put_remote_fields, name, list_id, fields, run.now())
        await run.commit(put_field, name, list_ids, made, run.now())
    text = f"Field {made.name} of type {made.kind} is created in {place.words}."
    run.log(Level.INFO, text)
    return JobEnd(
        JobState.DONE,
        "field-created",
        text,
        counts={"created": 1},
        result={"field": made, "list": place.list_id},
    )


async def _created(run: Run, provider: Provider, place: _Place, asked: NewField) -> RemoteField:
    run.journal_step()
    try:
        return await provider.create_field(place.list_id, asked)
    except (Unanswered, Unrecognised):
        # One name, one field: reading shows whether it came about, and nothing is sent twice.
        found = _find(await provider.fields(place.list_id), asked.name)
        if found is None:
            raise
        run.log(Level.WARNING, f"No answer came; reading back shows that {found.name} is there.")
        return found


async def count(run: Run, settings: Settings, connection: ConnectionSettings) -> JobEnd:
    """Count how many contacts hold a value of the field named: before a person decides to delete it."""
    name = str(run.options.get("name", "")).strip()
    async with opened(run, connection) as provider:
        place = await _place(run, settings, connection, provider)
        if isinstance(place, JobEnd):
            return place
        found = await _deletable(run, settings, provider, place, name)
        held = await _holders(run, provider, place, found)
    text = f"A value of {found.name} is held by {counted(held, 'contact')} of {place.words}."
    run.log(Level.INFO, text)
    return JobEnd(
        JobState.DONE,
        "field-held",
        text,
        counts={"holding": held},
        result={"holding": held, "field": found.name},
    )


async def delete(run: Run, settings: Settings, connection: ConnectionSettings) -> JobEnd:
    """Delete the field named, when as many contacts hold a value as a person typed (``holding``)."""
    name, typed = str(run.options.get("name", "")).strip(), run.options.get("holding")
    if not isinstance(typed, int) or isinstance(typed, bool) or typed < 0:
        text = "A field is deleted only with the number of contacts that hold a value of it."
        return JobEnd(JobState.FAILED, "confirmation-needed", text, ExitCode.USAGE)
    account = await account_lease(run, connection)
    async with (
        run.lease(account),
        opened(run, connection, read_only=False, purpose=EXPORT, account=account) as provider,
    ):
        place = await _place(run, settings, connection, provider)
        if isinstance(place, JobEnd):
            return place
        try:
            found = await _deletable(run, settings, provider, place, name)
        except NotThere:
            if not run.resumed:
                raise
            return await _deleted(run, settings, place, name, typed)  # the attempt before got through
        held = await _holders(run, provider, place, found)
        if held != typed:
            raise _differs(connection.name, place, found.name, held, typed)
        await _audit(run, f"data field {found.name} deleted from {place.audited}", held, found)
        run.journal_step()
        try:
            answer = await provider.delete_field(place.list_id, found)
        except (Unanswered, Unrecognised):
            if _find(await provider.fields(place.list_id), found.name) is not None:
                raise
            run.log(Level.WARNING, f"No answer came; reading back shows that {found.name} is gone.")
            return await _deleted(run, settings, place, found.name, held)
    if not answer.deleted:
        needed = ", ".join(answer.dependencies)
        text = f"{found.name} was not deleted: " + (f"it is needed by {needed}." if needed else answer.text)
        return JobEnd(
            JobState.FAILED,
            "field-in-use",
            text,
            ExitCode.FAILED,
            result={"dependencies": list(answer.dependencies)},
        )
    return await _deleted(run, settings, place, found.name, held)


async def _deleted(run: Run, settings: Settings, place: _Place, name: str, held: int) -> JobEnd:
    for connection, list_ids in (await _lists_of(run, settings, place)).items():
        await run.commit(drop_field, connection, list_ids, name)
    text = f"Field {name} is deleted from {place.words}, with its value on {counted(held, 'contact')}."
    run.log(Level.WARNING, text)
    return JobEnd(
        JobState.DONE,
        "field-deleted",
        text,
        counts={"deleted": 1},
        result={"holding": held, "field": name, "list": place.list_id},
    )


# --- what both need ---------------------------------------------------------------------------------------


async def _place(
    run: Run, settings: Settings, connection: ConnectionSettings, provider: Provider
) -> _Place | JobEnd:
    """The list the job is about, when that is clear."""
    by_account, wanted = provider.capabilities.fields_by_account, str(run.options.get("list") or "")
    lists = await target_lists(run, settings, connection.name, by_account=by_account, wanted=wanted)
    if by_account and not lists:
        lists = tuple(one.list_id for one in await provider.lists())[:1]
    if not lists or (len(lists) > 1 and not by_account):
        known = ", ".join(lists) or "none"
        text = f"Which list of {connection.name} is meant? Linked: {known}."
        return JobEnd(JobState.FAILED, "usage", text, ExitCode.USAGE, next="Name it with --list ID.")
    if wanted:
        await provider.remote_list(wanted)
    rows = {row.name: row for row in await run.db(connection_rows)}
    own = rows.get(connection.name)
    same = tuple(
        name
        for name, entry in settings.connections.items()
        if name == connection.name
        or (
            own is not None
            and own.account_id
            and entry.provider == connection.provider
            and name in rows
            and rows[name].account_id == own.account_id
        )
    )
    return _Place(connection.name, lists[0], by_account, same)


async def _deletable(
    run: Run, settings: Settings, provider: Provider, place: _Place, name: str
) -> RemoteField:
    """The field as the platform shows it; raises ``NotThere`` and ``GuardRefused`` for one that has to stay."""
    fields = await provider.fields(place.list_id)
    found = _find(fields, name)
    if found is None:
        raise NotThere(
            "field-missing",
            f"{_start(place.words)} has no field {name}. It has: {', '.join(one.name for one in fields) or 'none'}.",
            "Give the name as it is written there.",
        )
    if found.system:
        text = f"{found.name} is the platform's own field; it cannot be deleted."
        raise GuardRefused("field-system", text, "Leave it; a link need not map it.")
    unclear = unreadable_links(settings)
    if unclear:
        raise GuardRefused(
            "field-mapped",
            f"The links {', '.join(unclear)} cannot be read, so whether they map {found.name} is not known.",
            "Correct the settings first: listwarden doctor.",
        )
    links = mapped_by(settings, place.connections, "" if place.by_account else place.list_id)
    users = links.get(folded(found.name), ())
    if users:
        raise GuardRefused(
            "field-mapped",
            f"{found.name} is mapped by {', '.join(users)}, so it stays.",
            f"Take it out of the mapping first: listwarden links edit {users[0]} --help",
        )
    return found


async def _holders(run: Run, provider: Provider, place: _Place, field: RemoteField) -> int:
    """Count, with progress; a cancel is heard between two pages."""
    rows = await run.db(list_rows, place.connection)
    total = 0
    if not place.by_account:
        total = next((row.members or 0 for row in rows if row.list_id == place.list_id), 0)
    run.phase(f"counting who holds a value of {field.name}", total, "contacts")
    return await provider.holders(place.list_id, field, _counting(run))


def _counting(run: Run) -> Callable[[int], None]:
    def told(contacts: int) -> None:
        run.check_cancelled()
        run.advance(contacts)

    return told


async def _lists_of(run: Run, settings: Settings, place: _Place) -> dict[str, Sequence[str]]:
    """Connection to the lists whose remembered fields the change concerns."""
    found: dict[str, Sequence[str]] = {}
    for name in place.connections:
        linked = [link.list_id for link in settings.links_of(connection=name)]
        known = await run.db(lists_with_fields, name)
        here = [place.list_id] if name == place.connection else []
        concerned = dict.fromkeys([*linked, *known, *here])
        found[name] = tuple(one for one in concerned if place.by_account or one == place.list_id)
    return found


async def _audit(run: Run, what: str, rows: int, about: NewField | RemoteField) -> None:
    await run.commit(
        append_audit,
        job_id=run.job.job_id,
        operator=run.operator,
        what=what,
        rows=rows,
        digest=hashlib.blake2b(repr(about).encode(), digest_size=16).hexdigest(),
        now=run.now(),
    )


def _differs(connection: str, place: _Place, name: str, held: int, typed: int) -> GuardRefused:
    where = "" if place.by_account else f" --list {place.list_id}"
    way_out = f"Look again; then: listwarden fields {connection} delete {name} --holding {held}{where}"
    guard = Guard("field-holding-differs", f"contacts that hold a value of {name}", held, typed, way_out)
    text = f"A value of {name} is held by {counted(held, 'contact')}, not by {typed:,}. Nothing was deleted."
    return GuardRefused(guard.reason, text, way_out, (guard,))


def _find(fields: Sequence[RemoteField], name: str) -> RemoteField | None:
    """The field of that name; one that differs in letter case only counts when no other is exact."""
    exact = [one for one in fields if one.name == name]
    alike = [one for one in fields if folded(one.name) == folded(name)]
    return next(iter(exact or alike), None)


def _start(words: str) -> str:
    return words[:1].upper() + words[1:]
