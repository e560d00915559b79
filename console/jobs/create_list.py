"""Creating a remote list where the platform lets us (dotdigital: an address book); afterwards the lists are read."""

from __future__ import annotations

import hashlib

from adapters.provider import Unanswered, Unrecognised
from console.exit_codes import ExitCode
from console.jobs.connect import EXPORT, account_lease, load_settings, opened
from console.jobs.ends import JobEnd
from console.jobs.run import Run
from console.settings import resolve
from state.audit import append_audit
from state.connections import put_lists
from state.model import JobState, Level, RemoteList


async def work(run: Run) -> JobEnd:
    """The job: one list by the ``name`` of the options, ``public`` or not; nobody is put on it."""
    settings = load_settings(run)
    settings.connection(run.job.connection)
    connection = resolve(run.job.connection, settings)
    name, public = str(run.options.get("name", "")).strip(), run.options.get("public") is True
    if not name:
        return JobEnd(JobState.FAILED, "usage", "A list needs a name.", ExitCode.USAGE)
    async with opened(run, connection) as provider:
        if not provider.capabilities.creates_lists:
            return JobEnd(
                JobState.FAILED,
                "not-offered",
                "Lists of this platform cannot be created from here.",
                ExitCode.USAGE,
                next="Create it at the platform, then read the lists again.",
            )
    account = await account_lease(run, connection)
    async with (
        run.lease(account),
        opened(run, connection, read_only=False, purpose=EXPORT, account=account) as provider,
    ):
        run.phase("creating the list", 1, "lists")
        made = next((one for one in await provider.lists() if _same(one, name)), None)
        if made is not None and not run.resumed:
            text = f"The account has a list {made.name} already: {made.list_id}."
            return JobEnd(JobState.FAILED, "name-taken", text, ExitCode.FAILED)
        if made is None:
            await run.commit(
                append_audit,
                job_id=run.job.job_id,
                operator=run.operator,
                what=f"list {name} created at {connection.name}",
                rows=0,
                digest=hashlib.blake2b(f"{name} {public}".encode(), digest_size=16).hexdigest(),
                now=run.now(),
            )
            run.journal_step()
            try:
                made = await provider.create_list(name, public=public)
            except (Unanswered, Unrecognised):
                # Names are unique, so reading shows whether it came about; nothing is sent twice.
                made = next((one for one in await provider.lists() if _same(one, name)), None)
                if made is None:
                    raise
        run.advance()
        lists = await provider.lists()
    await run.commit(put_lists, connection.name, connection.provider, lists, run.now())
    text = f"List {made.name} is created: {made.list_id}."
    run.log(Level.INFO, text)
    return JobEnd(
        JobState.DONE,
        "list-created",
        text,
        counts={"created": 1},
        result={"list": made.list_id, "name": made.name},
    )


def _same(remote: RemoteList, name: str) -> bool:
    return remote.name.strip().casefold() == name.casefold()
