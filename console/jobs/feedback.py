"""Feedback: what happened at the platform since the last time — unsubscribes, bounces, confirmations, origin ids.

It reads only. A mass of opt-outs at once waits for a person (design law 6); one link's trouble does not stop the
others (R21).
"""

from __future__ import annotations

from adapters.provider import AdapterError
from console.exit_codes import ExitCode
from console.jobs.connect import load_settings, opened
from console.jobs.ends import GuardRefused, JobEnd, exit_code_of
from console.jobs.fields import synchronize_if_old
from console.jobs.read import read_listing
from console.jobs.run import Run
from console.settings import SettingsError, resolve
from state.connections import put_feedback_time, put_list
from state.links import mapped_signature, record_link
from state.model import JobState, Level, Link
from state.opt_outs import opted_out_members


async def work(run: Run) -> JobEnd:
    """The job: feedback of one link, or of all links of a connection."""
    settings = load_settings(run)
    if run.job.link:
        links: tuple[Link, ...] = (settings.link(run.job.link),)
    else:
        settings.connection(run.job.connection)
        links = settings.links_of(connection=run.job.connection)
    name = run.job.connection or links[0].connection
    connection = resolve(name, settings)
    typed = run.options.get("max_removals")
    counts = {"appeared": 0, "opted_out": 0, "confirmed": 0, "gone": 0, "opted_out_before": 0}
    faults: list[JobEnd] = []
    async with opened(run, connection) as provider:
        for link in links:
            run.check_cancelled()
            try:
                remote = await provider.remote_list(link.list_id)
                await run.db(put_list, link.connection, remote, run.now())
                record = await run.db(record_link, link)
                change = await read_listing(
                    run,
                    provider,
                    remote,
                    [mapping.target for mapping in link.fields],
                    record,
                    mapped_signature(link.fields),
                    max_opt_outs=int(str(typed)) if typed is not None else None,
                )
            except (AdapterError, GuardRefused, SettingsError) as error:
                text = getattr(error, "text", str(error))
                run.log(Level.ERROR, f"Link {link.name}: {text}", error.reason)
                code = exit_code_of(error) if isinstance(error, AdapterError) else ExitCode.GUARD
                faults.append(
                    JobEnd(JobState.FAILED, error.reason, text, code, next=getattr(error, "next", ""))
                )
                continue
            # What is new and what was known are two counts: nobody reads the same bounce in every report (R29).
            known = await run.db(opted_out_members, record.list_no)
            counts["opted_out_before"] += known - (change.opted_out if change.known_before else 0)
            if change.known_before:
                counts["appeared"] += change.appeared
                counts["opted_out"] += change.opted_out
                counts["confirmed"] += change.confirmed
                counts["gone"] += change.vanished
        await synchronize_if_old(run, settings, connection, provider)
    if faults:
        first = faults[0]
        return JobEnd(JobState.FAILED, first.reason, first.text, first.exit_code, counts, next=first.next)
    await run.db(put_feedback_time, connection.name, connection.provider, run.now())
    if not links:
        return JobEnd(JobState.DONE, "nothing-to-do", f"Connection {name} has no link.", counts=counts)
    text = (
        f"{counts['opted_out']:,} opted out, {counts['confirmed']:,} confirmed, {counts['appeared']:,} appeared,"
        f" {counts['gone']:,} gone since the last time; {counts['opted_out_before']:,} had opted out before."
    )
    return JobEnd(JobState.DONE, "ok", text, counts=counts)
