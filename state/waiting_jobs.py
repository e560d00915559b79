"""Jobs that wait for a vendor and that no living process carries: whoever looks next goes on with them (design law 4)."""

from __future__ import annotations

from datetime import datetime

from state.chunks import ACCEPTED
from state.jobs import get_job
from state.liveness import Alive, gone
from state.model import Job, JobState
from state.moments import moment_or_none
from state.open_imports import SAME_ACCOUNT
from state.store import State


def waiting_jobs(
    state: State, now: datetime, *, alive: Alive, connection: str = "", job_id: str = ""
) -> list[Job]:
    """Those with an import open, oldest first: all, those of one connection's account, or the one job.

    ``job_id`` is the whole id.
    """
    found = state.db.execute(
        "SELECT j.job_id, j.process, j.heartbeat_at FROM jobs j WHERE j.state = ?1 AND (?2 = '' OR j.job_id = ?2)"
        f" AND (?3 = '' OR j.connection IN ({SAME_ACCOUNT.format(name='?3')}))"
        " AND EXISTS (SELECT 1 FROM chunks k WHERE k.job_no = j.no AND k.state = ?4) ORDER BY j.no",
        (JobState.WAITING.value, job_id, connection, ACCEPTED),
    ).fetchall()
    return [
        get_job(state, str(identifier))
        for identifier, process, heartbeat_at in found
        if gone(str(process), moment_or_none(heartbeat_at), now, alive)
    ]
