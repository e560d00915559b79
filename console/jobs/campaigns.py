"""Campaigns: those sent to the linked lists of a connection, their counts, and what addresses did with them.

It reads only. The counts are asked for each time, the activity from where the last reading was complete. One list's
or campaign's trouble does not stop the others (R21).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.provider import (
    AccountLimit,
    AdapterError,
    CredentialsRefused,
    Provider,
    Throttled,
    Unreachable,
)
from adapters.registry import provider_kind
from console.exit_codes import ExitCode
from console.jobs.connect import load_settings, opened
from console.jobs.ends import JobEnd, exit_code_of
from console.jobs.run import Run
from console.settings import resolve
from console.wording import counted
from state.activities import finish_activities, put_activities
from state.campaigns import CampaignRow, campaign_rows, put_campaigns, put_campaigns_time, put_summary
from state.links import record_link
from state.model import Campaign, CampaignSummary, JobState, Level, Link

OVERLAP = timedelta(hours=1)
"""Activity is read again from so long before the last reading: it may be told late, and clocks differ (R41)."""

READ_AGAIN = timedelta(days=1)
"""Activity is not asked for while the counts stand still, but for longer than this nobody trusts the counts."""

GIVE_UP_AFTER = 3
"""So many campaigns in a row that could not be reached: then the others are not tried."""

_FOR_ALL = (CredentialsRefused, AccountLimit, Throttled)
"""What one campaign is refused with, all are."""


@dataclass(slots=True)
class Reading:
    """One run: what it found so far, and what could not be read."""

    run: Run
    provider: Provider
    connection: str
    faults: list[AdapterError] = field(default_factory=list)
    appeared: int = 0
    gone: int = 0
    campaigns: int = 0
    activities: int = 0
    unreachable: int = 0

    def failed(self, what: str, error: AdapterError) -> None:
        """Tell what could not be read and go on; raises the error when going on makes no sense."""
        self.faults.append(error)
        self.run.log(Level.ERROR, f"{what}: {error.text}", error.reason)
        self.unreachable = self.unreachable + 1 if isinstance(error, Unreachable) else 0
        if isinstance(error, _FOR_ALL) or self.unreachable >= GIVE_UP_AFTER:
            self.run.log(Level.WARNING, "The others are not tried now; what was read so far is kept.")
            raise error

    @property
    def counts(self) -> dict[str, int]:
        """For the job."""
        return {
            "campaigns": self.campaigns,
            "appeared": self.appeared,
            "gone": self.gone,
            "activities": self.activities,
            "unread": len(self.faults),
        }


@dataclass(slots=True, frozen=True)
class Wanted:
    """A campaign whose activity is to be read, and how much of it is new by its counts."""

    row: CampaignRow
    expected: int


async def work(run: Run) -> JobEnd:
    """The job: campaigns, counts and activity of all linked lists of a connection."""
    settings = load_settings(run)
    connection = resolve(run.job.connection, settings)
    links = settings.links_of(connection=connection.name)
    if not links:
        return JobEnd(
            JobState.DONE,
            "nothing-to-do",
            f"Connection {connection.name} has no link, so no campaign is read.",
        )
    async with opened(run, connection) as provider:
        if not provider.capabilities.campaigns:
            label = provider_kind(connection.provider).label
            names = ", ".join(link.name for link in links)
            return JobEnd(
                JobState.FAILED,
                "campaigns-not-offered",
                f"{label} tells us nothing of campaigns, so there are none of {names}.",
                ExitCode.USAGE,
            )
        reading = Reading(run, provider, connection.name)
        try:
            rows = await _read_campaigns(reading, links)
            await _read_activity(reading, await _read_summaries(reading, rows))
        except AdapterError as error:
            if error not in reading.faults:
                raise
    if not reading.faults:
        await run.commit(put_campaigns_time, connection.name, connection.provider, run.now())
    return _end(reading)


def _end(reading: Reading) -> JobEnd:
    text = (
        f"{reading.campaigns:,} sent campaigns of {reading.connection}: {reading.appeared:,} new,"
        f" {reading.gone:,} gone, {reading.activities:,} new activities."
    )
    if not reading.faults:
        return JobEnd(JobState.DONE, "ok", text, counts=reading.counts)
    first = reading.faults[0]
    text = f"{len(reading.faults):,} could not be read, the first because: {first.text} The others: {text}"
    partly = reading.campaigns > 0
    return JobEnd(
        JobState.PARTLY if partly else JobState.FAILED,
        first.reason,
        text if partly else first.text,
        ExitCode.PARTLY if partly else exit_code_of(first),
        reading.counts,
        next=first.next,
    )


async def _read_campaigns(reading: Reading, links: tuple[Link, ...]) -> list[CampaignRow]:
    """Ask every linked list, and remember what those that answered have; their sent campaigns come back."""
    run = reading.run
    answers: dict[str, tuple[Campaign, ...]] = {}
    run.phase("reading campaigns", len(links), "lists")
    for link in links:
        run.check_cancelled()
        await run.db(record_link, link)
        try:
            answers[link.list_id] = await reading.provider.campaigns(link.list_id)
        except AdapterError as error:
            reading.failed(f"Campaigns of {link.name}", error)
        run.advance()
    found = await run.commit(put_campaigns, reading.connection, answers, run.now())
    told = {one.campaign_id for some in answers.values() for one in some if one.sent}
    reading.appeared, reading.gone = found.appeared, found.gone
    run.log(
        Level.INFO,
        f"{counted(found.known, 'campaign')} on {counted(len(answers), 'linked list')}, {len(told):,} of them sent;"
        f" {found.appeared:,} new, {found.gone:,} gone from the platform.",
    )
    return await run.db(campaign_rows, reading.connection, campaign_ids=told)


async def _read_summaries(reading: Reading, rows: list[CampaignRow]) -> list[Wanted]:
    """Ask for the counts of each sent campaign; those with something new to read come back."""
    run = reading.run
    run.phase("reading counts", len(rows), "campaigns")
    wanted: list[Wanted] = []
    for row in rows:
        run.check_cancelled()
        try:
            summary = await reading.provider.campaign_summary(row.campaign_id)
        except AdapterError as error:
            reading.failed(f"Counts of campaign {row.campaign_id}", error)
        else:
            reading.unreachable = 0
            reading.campaigns += 1
            if not _stands_still(row, summary, run.now()):
                await run.commit(put_summary, row.no, summary, run.now())
                before = row.summary.counts if row.summary is not None and row.cursor is not None else {}
                expected = sum(summary.counts.values()) - sum(before.values())
                wanted.append(Wanted(row, max(0, expected)))
        run.advance()
    run.counts(reading.counts)
    return wanted


def _stands_still(row: CampaignRow, summary: CampaignSummary, now: datetime) -> bool:
    """Whether nothing can have happened since the activity was read whole: the counts are those of before it, and it
    is not long ago."""
    if row.cursor is None or row.summary_at is None or row.summary != summary:
        return False
    return row.summary_at <= row.cursor + OVERLAP and now - row.cursor < READ_AGAIN


async def _read_activity(reading: Reading, wanted: list[Wanted]) -> None:
    """Merge the activity of each campaign, page by page; its cursor moves when all of them are kept (R42)."""
    run = reading.run
    run.phase("reading activity", sum(one.expected for one in wanted), "activities")
    for one in wanted:
        run.check_cancelled()
        row = one.row
        began, fresh = run.now(), 0
        try:
            async for page in reading.provider.activity(row.campaign_id, row.cursor):
                run.check_cancelled()
                new = await run.commit(put_activities, row.no, page)
                fresh += new
                run.advance(new)
        except AdapterError as error:
            reading.activities += fresh
            reading.failed(f"Activity of campaign {row.campaign_id}", error)
            continue
        reading.unreachable = 0
        reading.activities += fresh
        await run.commit(finish_activities, row.no, began - OVERLAP)
        since = "all" if row.cursor is None else f"since {row.cursor:%Y-%m-%d %H:%M} UTC"
        run.log(Level.INFO, f"Campaign {row.campaign_id} “{row.name}”: {fresh:,} new activities ({since}).")
        run.counts(reading.counts)
