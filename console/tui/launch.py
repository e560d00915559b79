"""Starts jobs from a screen: the only way the console writes to the state.

A job is its own process (design §5), so nothing here waits for it. Blocking calls, run in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from state.model import Job, JobKind, Operator
from state.moments import utc_now
from state.store import open_state


def launch_job(
    config: Path,
    state_path: Path,
    operator: Operator,
    kind: JobKind,
    connection: str,
    *,
    link: str = "",
    plan_id: str = "",
    options: Mapping[str, object] | None = None,
) -> str:
    """Make a job and start its process; returns the job's id.

    Raises ``StateError``, ``OSError``, and ``JobRefused`` where an export of the link has not ended.
    """
    from console.jobs.process import spawn_job
    from state.jobs import create_job

    with open_state(state_path) as state:
        job_id = create_job(
            state,
            kind=kind,
            connection=connection,
            link=link,
            plan_id=plan_id,
            operator=operator,
            options=dict(options or {}),
            now=utc_now(),
            alone=kind is JobKind.EXPORT,
        )
    spawn_job(job_id, config=config, state_path=state_path, without=_others(config, connection, link))
    return job_id


def _others(config: Path, connection: str, link: str) -> frozenset[str]:
    """Environment variables with secrets that are no business of this job."""
    from console.settings import foreign_secrets, load_usable

    settings, _ = load_usable(config)
    joined = settings.links.get(link)
    return foreign_secrets(
        settings, joined.connection if joined else connection, joined.source if joined else ""
    )


def resume_job(config: Path, state_path: Path, job: Job) -> None:
    """Start a process for a job that stands still. Raises ``OSError``."""
    from console.jobs.process import spawn_job

    without = _others(config, job.connection, job.link)
    spawn_job(job.job_id, config=config, state_path=state_path, without=without)
