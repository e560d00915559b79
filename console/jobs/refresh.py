"""Refresh of data fields: every record of a link is due, whatever the comparison says; nothing is sent yet (R33)."""

from __future__ import annotations

from console.exit_codes import ExitCode
from console.jobs.connect import load_settings
from console.jobs.ends import JobEnd
from console.jobs.preview import work as preview
from console.jobs.run import Run
from state.links import mark_due, record_link
from state.model import Action, JobState, Level, Mode
from state.plans import get_plan


async def work(run: Run) -> JobEnd:
    """The job: mark, then preview, so that whoever asked sees how many rows the next export sends."""
    settings = load_settings(run)
    link = settings.link(run.job.link)
    if link.mode is Mode.ADD_ONLY:
        return JobEnd(
            JobState.FAILED,
            "differs",
            f"Link {link.name} only adds, so it never sends fields of people who are there.",
            ExitCode.CONFIGURATION,
            next=f'Set mode = "update" in [links.{link.name}].',
        )
    record = await run.db(record_link, link)
    marked = await run.db(mark_due, record.link_no, run.now())
    run.log(Level.INFO, f"{marked:,} records of {link.name} are marked to be sent again.", "refreshed")
    end = await preview(run)
    if end.state is not JobState.DONE:
        return end
    plan = await run.db(get_plan, str(end.result["plan"]))
    changes = plan.writes_by_action().get(Action.CHANGE, 0)
    text = f"{marked:,} records marked; the next export sends the fields of {changes:,}."
    return JobEnd(
        JobState.DONE, "refreshed", text, counts={"marked": marked, "to_send": changes}, result=end.result
    )
