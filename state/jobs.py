"""Jobs: birth, life and end of each run, and who carries it (design §5).

Invariant: at most one living process carries a job. It is claimed in one transaction, its end is written by
the process that carries it and no other, and a final state is never left again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from state.errors import FenceLost
from state.ids import new_id, short_id
from state.liveness import STALL_SECONDS, Alive, ProcessMark, gone
from state.model import FINAL_STATES, Job, JobKind, JobState, Operator
from state.moments import moment, moment_or_none, stamp
from state.store import State

SHORTEST_ID = 4
"""Letters of an id that are enough when they name one job only."""

CANCELLED_EXIT = 130
"""The exit code of a job that a person stopped (design §6)."""

_FINAL = tuple(sorted(state.value for state in FINAL_STATES))
_OPEN = f"state NOT IN ({', '.join(repr(word) for word in _FINAL)})"

_SPACED = " || ' ' || "

_COLUMNS = (
    "job_id, kind, state, connection, link, plan_id, operator, host, created_at, started_at, ended_at, heartbeat_at,"
    " pid, phase, done, total, unit, reason, text, exit_code, counts, cancel_by, waiting_for, phase_at"
)


class JobRefused(Exception):
    """What was asked of a job cannot be done; nothing was changed."""

    reason = "unknown"

    def __init__(self, text: str, next: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.next = next


class JobMissing(JobRefused):
    """No job has that id, or several have it."""

    reason = "job-missing"


class JobRunning(JobRefused):
    """The job's process lives."""

    reason = "job-running"

    def __init__(self, job: Job) -> None:
        since = job.started_at.strftime("%Y-%m-%d %H:%M UTC") if job.started_at else "now"
        super().__init__(
            f"Job {short_id(job.job_id)} of {job.operator} is running on {job.host} (process {job.pid}) since {since}.",
            f"Follow it: listwarden job follow {short_id(job.job_id)}",
        )
        self.job = job


class ExportUnfinished(JobRunning):
    """An export of the link was started before and has not ended."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        short = short_id(job.job_id)
        self.text = f"Job {short} of {job.operator} exports {job.link} already ({job.state.value}). Nothing was started."
        self.args = (self.text,)


class JobInDoubt(JobRefused):
    """Rows of the job left and got no answer; nobody may forget them (I12)."""

    reason = "no-answer"

    def __init__(self, job: Job, rows: int) -> None:
        short = short_id(job.job_id)
        super().__init__(
            f"{rows:,} rows of job {short} left and got no answer; cancelling would forget them.",
            f"listwarden job resume {short} (reads back first), or: listwarden job unblock {short}",
        )


class JobOver(JobRefused):
    """The job has ended."""

    reason = "job-over"

    def __init__(self, job: Job) -> None:
        super().__init__(f"Job {short_id(job.job_id)} has ended ({job.state.value}).", "Start a new one.")
        self.job = job


def create_job(
    state: State,
    *,
    kind: JobKind,
    connection: str,
    operator: Operator,
    now: datetime,
    link: str = "",
    plan_id: str = "",
    options: Mapping[str, object] | None = None,
    alone: bool = False,
) -> str:
    """Write a queued job and return its id. ``options`` must be JSON values and hold no secret.

    ``alone``: raises ``ExportUnfinished`` in the same transaction when an export of the link has not ended, so that
    of two people who start one at the same moment one is told.
    """
    job_id = new_id(now)
    with state.write() as db:
        if alone and (unfinished := unfinished_export(state, link)) is not None:
            raise ExportUnfinished(unfinished)
        db.execute(
            "INSERT INTO jobs (job_id, kind, state, connection, link, plan_id, operator, host, ssh_peer, options, created_at)"
            " VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                job_id,
                kind.value,
                connection,
                link,
                plan_id,
                operator.name,
                operator.host,
                operator.ssh_peer,
                json.dumps(dict(options or {}), ensure_ascii=False, sort_keys=True),
                stamp(now),
            ),
        )
    return job_id


def get_job(state: State, job_id: str) -> Job:
    """The job as written (``judged`` adds what is known of its process). A unique beginning or end of an id
    of at least four letters will do. Raises ``JobMissing``."""
    return _load(state.db, job_id)[1]


def job_no(state: State, job_id: str) -> int:
    """The number that stands for the job in large tables. Raises ``JobMissing``."""
    return _load(state.db, job_id)[0]


def job_options(state: State, job_id: str) -> dict[str, object]:
    """What the job was started with. Raises ``JobMissing``."""
    no = job_no(state, job_id)
    found = json.loads(state.db.execute("SELECT options FROM jobs WHERE no = ?", (no,)).fetchone()[0])
    return dict(found)


def set_option(state: State, job_id: str, name: str, value: object) -> None:
    """Change one option of a job, for when it goes on; JSON values, no secret. Raises ``JobMissing``."""
    with state.write() as db:
        options = {**job_options(state, job_id), name: value}
        db.execute(
            "UPDATE jobs SET options = ? WHERE job_id = ?",
            (json.dumps(options, ensure_ascii=False, sort_keys=True), get_job(state, job_id).job_id),
        )


def only_follow(state: State, job_id: str, by: str) -> None:
    """The job was cancelled by somebody while the vendor has work of it: it goes on only to follow that."""
    with state.write() as db:
        set_option(state, job_id, "only_follow", by)
        db.execute("UPDATE jobs SET cancel_by = NULL WHERE job_id = ?", (job_id,))


def job_operator(state: State, job_id: str) -> Operator:
    """Who started the job, and where from. Raises ``JobMissing``."""
    no, job, _ = _load(state.db, job_id)
    peer = state.db.execute("SELECT ssh_peer FROM jobs WHERE no = ?", (no,)).fetchone()[0]
    return Operator(job.operator, job.host, peer)


def list_jobs(
    state: State,
    *,
    limit: int = 200,
    before_no: int | None = None,
    link: str | None = None,
    connection: str | None = None,
    kinds: Collection[JobKind] | None = None,
) -> list[Job]:
    """Jobs, newest first; ``before_no`` (see ``job_no``) continues a list."""
    where, values = ["1"], list[object]()
    if before_no is not None:
        where.append("no < ?")
        values.append(before_no)
    if link is not None:
        where.append("link = ?")
        values.append(link)
    if connection is not None:
        where.append("connection = ?")
        values.append(connection)
    if kinds is not None:
        where.append(f"kind IN ({', '.join('?' * len(kinds))})")
        values.extend(kind.value for kind in kinds)
    return _jobs(state, f"WHERE {' AND '.join(where)} ORDER BY no DESC LIMIT ?", (*values, limit))


def jobs_page(state: State, first: int, count: int, *, link: str | None = None, find: str = "") -> list[Job]:
    """``count`` jobs from the ``first``-newest on; ``find`` is looked for in kind, state, names, operator and id."""
    where, values = _history(link, find)
    return _jobs(state, f"WHERE {where} ORDER BY no DESC LIMIT ? OFFSET ?", (*values, count, first))


def count_jobs(state: State, *, link: str | None = None, find: str = "") -> int:
    """How many jobs ``jobs_page`` goes through."""
    where, values = _history(link, find)
    return int(state.db.execute(f"SELECT count(*) FROM jobs WHERE {where}", values).fetchone()[0])


def _history(link: str | None, find: str) -> tuple[str, tuple[object, ...]]:
    where, values = "1", list[object]()
    if link is not None:
        where, values = "link = ?", [link]
    if find:
        columns = ("kind", "state", "connection", "link", "operator", "host", "reason", "text", "job_id")
        where += f" AND instr(lower({_SPACED.join(columns)}), lower(?)) > 0"
        values.append(find)
    return where, tuple(values)


def running_jobs(state: State) -> list[Job]:
    """Jobs that have not ended, oldest first; the dead among them too (see ``judged``)."""
    return _jobs(state, f"WHERE {_OPEN} ORDER BY no", ())


def unfinished_export(state: State, link: str) -> Job | None:
    """The newest export of the link that has not ended: ``export LINK`` resumes it (design law 3)."""
    found = _jobs(state, f"WHERE link = ? AND kind = 'export' AND {_OPEN} ORDER BY no DESC LIMIT 1", (link,))
    return found[0] if found else None


def claim_job(state: State, job_id: str, process: ProcessMark, now: datetime, *, alive: Alive) -> Job:
    """Make ``process`` the one that carries the job, in one transaction.

    Queued, stalled and waiting jobs can be claimed, and running ones whose process is gone. Raises
    ``JobMissing``, ``JobOver``, ``JobRunning``.
    """
    with state.write() as db:
        no, job, holder = _load(db, job_id)
        if job.state.final:
            raise JobOver(job)
        if not gone(holder, job.heartbeat_at, now, alive):
            raise JobRunning(job)
        db.execute(
            "UPDATE jobs SET state = 'running', process = ?, pid = ?, host = ?, started_at = coalesce(started_at, ?),"
            " heartbeat_at = ?, ended_at = NULL, exit_code = NULL, reason = '', text = '', waiting_for = '',"
            " phase = '', done = 0, total = 0, unit = '', phase_at = NULL WHERE no = ?",
            (str(process), process.pid, process.host, stamp(now), stamp(now), no),
        )
        return _load(db, job.job_id)[1]


def hold_job(db: sqlite3.Connection, job_id: str, process: ProcessMark) -> None:
    """Inside a write transaction: raise ``FenceLost`` unless ``process`` still carries the job."""
    row = db.execute("SELECT process FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if row is None or row[0] != str(process):
        raise FenceLost(f"Job {short_id(job_id)} is no longer carried by this process.")


def beat(state: State, job_id: str, process: ProcessMark, now: datetime) -> None:
    """Say that the process lives. Raises ``FenceLost`` when it does not carry the job any more."""
    with state.write() as db:
        hold_job(db, job_id, process)
        db.execute("UPDATE jobs SET heartbeat_at = ? WHERE job_id = ?", (stamp(now), job_id))


def set_phase(state: State, job_id: str, phase: str, total: int, unit: str, now: datetime) -> None:
    """A new phase begins, with nothing done; ``total`` 0 when it is not known."""
    _change(
        state,
        job_id,
        "phase = ?, total = ?, unit = ?, done = 0, phase_at = ?",
        phase,
        total,
        unit,
        stamp(now),
    )


def set_progress(state: State, job_id: str, done: int, total: int | None = None) -> None:
    """How far the present phase is, in its unit."""
    _change(state, job_id, "done = ?, total = coalesce(?, total)", done, total)


def set_waiting(state: State, job_id: str, text: str) -> None:
    """What the job waits for, as a sentence; empty when it goes on."""
    _change(
        state,
        job_id,
        "waiting_for = ?, state = CASE WHEN state IN ('running', 'waiting') THEN ? ELSE state END",
        text,
        JobState.WAITING.value if text else JobState.RUNNING.value,
    )


def set_counts(state: State, job_id: str, counts: Mapping[str, int]) -> None:
    """Rows by outcome so far."""
    _change(state, job_id, "counts = ?", _as_json(counts))


def set_plan(state: State, job_id: str, plan_id: str) -> None:
    """The plan the job made or sends."""
    _change(state, job_id, "plan_id = ?", plan_id)


def finish_job(
    state: State,
    job_id: str,
    *,
    state_: JobState,
    reason: str,
    text: str,
    exit_code: int,
    counts: Mapping[str, int],
    now: datetime,
    process: ProcessMark | None = None,
) -> Job:
    """Write how the run ended. ``stalled`` and ``waiting`` can be resumed; the others are final.

    Raises ``FenceLost`` when ``process`` is given and no longer carries the job, ``JobOver`` when it has ended.
    """
    with state.write() as db:
        if process is not None:
            hold_job(db, job_id, process)
        no, job, _ = _load(db, job_id)
        if job.state.final:
            raise JobOver(job)
        db.execute(
            "UPDATE jobs SET state = ?, reason = ?, text = ?, exit_code = ?, counts = ?, ended_at = ?,"
            " heartbeat_at = ?, process = '', pid = NULL,"
            " waiting_for = CASE WHEN ? = 'waiting' THEN waiting_for ELSE '' END WHERE no = ?",
            (
                state_.value,
                reason,
                text,
                int(exit_code),
                _as_json(counts or job.counts),
                stamp(now) if state_.final else None,
                stamp(now),
                state_.value,
                no,
            ),
        )
        return _load(db, job.job_id)[1]


def request_cancel(state: State, job_id: str, operator: Operator, now: datetime, *, alive: Alive) -> Job:
    """Ask a job to stop between two chunks; one that nobody carries is cancelled at once.

    Raises ``JobMissing``, ``JobOver``, or ``JobInDoubt`` for one that nobody carries and that has rows without an
    answer. Returns the job as it then stands.
    """
    with state.write() as db:
        no, job, holder = _load(db, job_id)
        if job.state.final:
            raise JobOver(job)
        if gone(holder, job.heartbeat_at, now, alive) and (rows := _rows_in_doubt(db, no)):
            raise JobInDoubt(job, rows)
        db.execute("UPDATE jobs SET cancel_by = coalesce(cancel_by, ?) WHERE no = ?", (operator.name, no))
        if gone(holder, job.heartbeat_at, now, alive):
            finish_job(
                state,
                job.job_id,
                state_=JobState.CANCELLED,
                reason="cancelled",
                text=f"Cancelled by {operator.name}; no process was carrying it.",
                exit_code=CANCELLED_EXIT,
                counts=job.counts,
                now=now,
            )
        return _load(db, job.job_id)[1]


def _rows_in_doubt(db: sqlite3.Connection, no: int) -> int:
    rows = db.execute(
        "SELECT coalesce(sum(k.last - k.first + 1 - (SELECT count(*) FROM outcomes o WHERE o.job_no = k.job_no"
        "  AND o.n BETWEEN k.first AND k.last AND o.outcome NOT IN ('accepted', 'unknown'))), 0)"
        " FROM chunks k WHERE k.job_no = ? AND k.state IN ('intended', 'accepted')",
        (no,),
    ).fetchone()[0]
    return int(rows)


def cancel_requested(state: State, job_id: str) -> str | None:
    """Who asked the job to stop; None when nobody did. Raises ``JobMissing``."""
    row = state.db.execute("SELECT cancel_by FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        raise _missing(job_id)
    return None if row[0] is None else str(row[0])


def judged(state: State, job: Job, now: datetime, *, alive: Alive) -> Job:
    """The job as it really stands: ``stalled`` when its process is gone or silent, or never came (R43).

    Nothing is written; whoever resumes or cancels the job writes.
    """
    if job.state is JobState.QUEUED:
        if now - job.created_at <= timedelta(seconds=STALL_SECONDS):
            return job
        return _stalled(job, "No process took the job up.")
    if job.state not in (JobState.RUNNING, JobState.WAITING):
        return job
    row = state.db.execute("SELECT process FROM jobs WHERE job_id = ?", (job.job_id,)).fetchone()
    holder = str(row[0]) if row is not None else ""
    if not holder or not gone(holder, job.heartbeat_at, now, alive, STALL_SECONDS):
        return job  # no holder: a job that waits for the vendor without a process
    last = job.heartbeat_at.strftime("%Y-%m-%d %H:%M:%S UTC") if job.heartbeat_at else "its start"
    return _stalled(job, f"Process {job.pid} on {job.host} gave its last sign of life at {last}.")


def progress_rate(job: Job, now: datetime) -> tuple[float | None, float | None]:
    """Units a second in the present phase, and the seconds left; None where it cannot be told."""
    if job.state is not JobState.RUNNING or job.phase_at is None or job.done <= 0:
        return None, None
    seconds = (now - job.phase_at).total_seconds()
    if seconds <= 0:
        return None, None
    rate = job.done / seconds
    return rate, (max(0, job.total - job.done) / rate if job.total else None)


def _stalled(job: Job, text: str) -> Job:
    return replace(job, state=JobState.STALLED, reason="stalled", text=text)


def _change(state: State, job_id: str, assignments: str, *values: object) -> None:
    with state.write() as db:
        if db.execute(f"UPDATE jobs SET {assignments} WHERE job_id = ?", (*values, job_id)).rowcount == 0:
            raise _missing(job_id)


def _as_json(counts: Mapping[str, int]) -> str:
    return json.dumps(dict(counts), ensure_ascii=False)


def _missing(job_id: str) -> JobMissing:
    return JobMissing(f"The state has no job {job_id}.", "See: listwarden jobs")


def _load(db: sqlite3.Connection, job_id: str) -> tuple[int, Job, str]:
    """Number, job and holder's process mark."""
    columns = f"SELECT {_COLUMNS}, no, process FROM jobs "
    found = db.execute(columns + "WHERE job_id = ?", (job_id,)).fetchall()
    if not found:
        part = job_id.strip().upper()
        if len(part) < SHORTEST_ID or not part.isalnum():
            raise _missing(job_id)
        found = db.execute(
            columns + "WHERE substr(job_id, 1, ?1) = ?2 OR substr(job_id, -?1) = ?2 LIMIT 2",
            (len(part), part),
        ).fetchall()
    if not found:
        raise _missing(job_id)
    if len(found) > 1:
        raise JobMissing(f"Several jobs go by {job_id}.", "Give more letters of the id; see: listwarden jobs")
    *columns_found, no, process = found[0]
    return int(no), _job(tuple(columns_found)), str(process)


def _jobs(state: State, tail: str, values: tuple[object, ...]) -> list[Job]:
    return [_job(row) for row in state.db.execute(f"SELECT {_COLUMNS} FROM jobs {tail}", values).fetchall()]


def _job(row: tuple[object, ...]) -> Job:
    (job_id, kind, state, connection, link, plan_id, operator, host, created, started, ended, heartbeat) = (
        row[:12]
    )
    (pid, phase, done, total, unit, reason, text, exit_code, counts, cancel_by, waiting_for, phase_at) = row[
        12:
    ]
    return Job(
        job_id=str(job_id),
        kind=JobKind(str(kind)),
        state=JobState(str(state)),
        connection=str(connection),
        link=str(link),
        plan_id=str(plan_id),
        operator=str(operator),
        host=str(host),
        created_at=moment(str(created)),
        started_at=_moment(started),
        ended_at=_moment(ended),
        heartbeat_at=_moment(heartbeat),
        pid=_number(pid),
        phase=str(phase),
        done=_number(done) or 0,
        total=_number(total) or 0,
        unit=str(unit),
        reason=str(reason),
        text=str(text),
        exit_code=_number(exit_code),
        counts=json.loads(str(counts)),
        cancel_requested=cancel_by is not None,
        waiting_for=str(waiting_for),
        phase_at=_moment(phase_at),
    )


def _moment(value: object) -> datetime | None:
    return moment_or_none(value if isinstance(value, str) else None)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
