"""Two things a person does to one address: have the platform ask it, or mark it as suppressed here (design law 1)."""

from __future__ import annotations

import hashlib

from adapters.provider import OptInRequest
from console.exit_codes import ExitCode
from console.jobs.connect import EXPORT, account_lease, load_settings, opened
from console.jobs.ends import JobEnd
from console.jobs.run import Run
from console.settings import resolve
from state.address import address_fault, address_key
from state.audit import append_audit
from state.links import record_link
from state.members import members_by_key
from state.model import JobState, Level, Outcome
from state.opt_outs import journal, opt_out_of, opted_out_at_source, suppress_here
from state.reasons import reason as entry_of


async def work(run: Run) -> JobEnd:
    """The job: one ``OptInRequest``, typed by a person; it may mail that person, and nobody else."""
    settings = load_settings(run)
    link = settings.link(run.job.link)
    address = str(run.options.get("address", "")).strip()
    fault = address_fault(address)
    if fault is not None:
        return JobEnd(JobState.FAILED, fault, f"{address!r} is not a usable address.", ExitCode.USAGE)
    connection = resolve(link.connection, settings)
    record = await run.db(record_link, link)
    key = address_key(address)
    held = await run.db(opt_out_of, record.list_no, address)
    if held is not None and held[0] in ("suppressed-here", "erased"):
        return JobEnd(JobState.FAILED, held[0], f"{address}: {entry_of(held[0]).help}", ExitCode.GUARD)
    if await run.db(opted_out_at_source, record.link_no, address):
        return JobEnd(
            JobState.FAILED,
            "opted-out-at-source",
            f"The source {link.source} says that this person wants no mail; nobody was asked.",
            ExitCode.GUARD,
            next=f"Correct the source first, then: listwarden preview {link.name}, and ask again.",
        )
    # Only its id counts: what consent the member has now, the platform is asked by the adapter (design law 1).
    member = (await run.db(members_by_key, record.list_no, [key])).get(key)
    account = await account_lease(run, connection)
    async with (
        run.lease(account),
        opened(run, connection, read_only=False, purpose=EXPORT, account=account) as provider,
    ):
        remote = await provider.remote_list(link.list_id)
        request = OptInRequest(address, member.origin_id if member else "", run.operator.name)
        await run.commit(
            append_audit,
            job_id=run.job.job_id,
            operator=run.operator,
            what=f"opt-in request on {link.connection}/{link.list_id}",
            rows=1,
            digest=hashlib.blake2b(key.encode(), digest_size=16).hexdigest(),
            now=run.now(),
        )
        run.journal_step()
        result = await provider.request_opt_in(remote, request)
    asked = result.outcome is Outcome.SENT
    await run.commit(
        journal,
        key,
        list_no=record.list_no,
        link=link.name,
        origin=f"job:{run.job.job_id}",
        what="opt-in-asked" if asked else result.outcome.value,
        reason="opt-in-asked" if asked else result.reason,
        operator=run.operator.name,
        detail=result.raw,
        now=run.now(),
    )
    if asked:
        run.log(Level.INFO, "The platform asks the person to confirm.", "opt-in-asked")
        return JobEnd(
            JobState.DONE, "opt-in-asked", "The platform asks the person to confirm.", counts={"sent": 1}
        )
    if result.reason == "already-there":
        return JobEnd(JobState.DONE, "already-there", "Subscribed already; nobody was asked.")
    entry = entry_of(result.reason)
    return JobEnd(
        JobState.PARTLY,
        result.reason,
        f"{address}: {entry.title}. {result.raw}".strip(),
        ExitCode.PARTLY,
        counts={result.outcome.value: 1},
        next=entry.next,
    )


async def suppress(run: Run) -> JobEnd:
    """The job: mark one address, so that nothing is sent to it by this link."""
    settings = load_settings(run)
    link = settings.link(run.job.link)
    address = str(run.options.get("address", "")).strip()
    fault = address_fault(address)
    if fault is not None:
        return JobEnd(JobState.FAILED, fault, f"{address!r} is not a usable address.", ExitCode.USAGE)
    record = await run.db(record_link, link)
    await run.commit(
        suppress_here,
        record.list_no,
        link.name,
        address,
        operator=run.operator.name,
        now=run.now(),
        note=str(run.options.get("note", "")),
    )
    return JobEnd(
        JobState.DONE, "suppressed-here", f"{address} is marked; nothing is sent to it by {link.name}."
    )
