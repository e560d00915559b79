"""Picking up jobs that wait for a vendor: each goes on in a process of its own, whoever it was that looked.

Invariants: nothing is started in read-only mode; a job is carried once at a time, for its process has to claim it.
Runs in the calling thread and takes some milliseconds a job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from console.jobs.process import alive, spawn_job
from console.settings import Settings, SettingsError, foreign_secrets, load_usable, settings_path
from state.model import Job
from state.moments import utc_now
from state.store import bring_up, may_write, open_state
from state.waiting_jobs import waiting_jobs

Spawn = Callable[..., int]


def pick_up_waiting(
    state_path: Path,
    *,
    config: Path | None,
    connection: str = "",
    job_id: str = "",
    but_link: str = "",
    now: Callable[[], datetime] = utc_now,
    spawn: Spawn | None = None,
) -> tuple[Job, ...]:
    """Start the jobs that wait for a vendor with no living process again; returns them as they stood.

    All of them, those of one connection's account (but those of one link), or one job by its whole id. Each asks the vendor once more, and
    goes on when the import has ended. Nothing happens without settings, without a state file, or where the settings
    or the file's rights allow looking only. Raises ``StateError``, and ``OSError`` when no process can be started.
    """
    settings = _settings(config)
    if settings is None or settings.options.read_only or not state_path.exists() or not may_write(state_path):
        return ()
    bring_up(state_path)
    with open_state(state_path, read_only=True) as state:
        found = waiting_jobs(state, now(), alive=alive, connection=connection, job_id=job_id)
    jobs = tuple(job for job in found if not but_link or job.link != but_link)
    for job in jobs:
        link = settings.links.get(job.link)
        without = foreign_secrets(settings, link.connection, link.source) if link is not None else ()
        (spawn or spawn_job)(job.job_id, config=config, state_path=state_path, without=without)
    return jobs


def _settings(config: Path | None) -> Settings | None:
    try:
        settings, _ = load_usable(settings_path(config))
    except SettingsError:
        return None  # whoever looks is told of the settings' faults by what they came for
    return settings
