"""Going on with jobs that wait for a vendor, when somebody looks (design law 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli.output import narrate
from console.cli.session import Session

if TYPE_CHECKING:
    from state.model import Job


def pick_up(
    session: Session, *, connection: str = "", job_id: str = "", but_link: str = ""
) -> tuple[Job, ...]:
    """Start them again, and say so: all of an account but those of one link, or one job by its whole id."""
    if session.looks_only:
        return ()
    from console.jobs.pickup import pick_up_waiting
    from state.ids import short_id

    jobs = pick_up_waiting(
        session.state_path,
        config=session.config_path,
        connection=connection,
        job_id=job_id,
        but_link=but_link,
    )
    for job in jobs:
        narrate(f"Job {short_id(job.job_id)} of {job.link} waited for the platform: it is asked again.")
    return jobs
