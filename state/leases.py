"""Who may export to an account: one lease an account, with a fencing number (design law 4, I4).

Invariant: a fence rises with every grant and never falls, and whoever writes in a lease's name checks the
fence in the same transaction (``hold_fence``); so a process that slept through its own replacement can write
nothing. A row is never deleted, for the number stands in it.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from state.errors import FenceLost
from state.ids import short_id
from state.liveness import Alive, ProcessMark, gone
from state.model import Lease, Operator
from state.moments import moment, stamp
from state.store import State


class LeaseHeld(Exception):
    """Another process holds the account: who, where, since when (R46)."""

    reason = "account-busy"

    def __init__(self, lease: Lease) -> None:
        since = lease.since.strftime("%Y-%m-%d %H:%M UTC")
        self.text = (
            f"{lease.operator} on {lease.host} (process {lease.pid}) has been exporting to this account since {since},"
            f" in job {short_id(lease.job_id)}. One export an account at a time."
        )
        self.next = f"Wait, or follow it: listwarden job follow {short_id(lease.job_id)}"
        super().__init__(self.text)
        self.lease = lease


def lease_name(provider: str, account_id: str) -> str:
    """The name under which an account is leased, whichever connection leads to it."""
    return f"account:{provider}:{account_id}"


def take_lease(
    state: State,
    name: str,
    *,
    job_id: str,
    operator: Operator,
    process: ProcessMark,
    now: datetime,
    alive: Alive,
) -> int:
    """Take the lease and return its fence; raises ``LeaseHeld``.

    A holder proven dead is replaced at once; one of whom nothing can be proven (another host) after
    ``TAKEOVER_SECONDS`` of silence.
    """
    with state.write() as db:
        row = db.execute(
            "SELECT fence, process, heartbeat_at FROM leases WHERE name = ? AND job_id IS NOT NULL", (name,)
        ).fetchone()
        if row is not None and not gone(str(row[1]), moment(row[2]), now, alive):
            held = current_lease(state, name)
            if held is not None:
                raise LeaseHeld(held)
        granted = db.execute(
            "INSERT INTO leases (name, fence, job_id, operator, host, pid, process, since, heartbeat_at)"
            " VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (name) DO UPDATE SET fence = fence + 1, job_id = excluded.job_id,"
            " operator = excluded.operator, host = excluded.host, pid = excluded.pid, process = excluded.process,"
            " since = excluded.since, heartbeat_at = excluded.heartbeat_at RETURNING fence",
            (name, job_id, operator.name, process.host, process.pid, str(process), stamp(now), stamp(now)),
        ).fetchall()
        return int(granted[0][0])


def beat_lease(state: State, name: str, fence: int, now: datetime) -> None:
    """Say that the holder lives; raises ``FenceLost`` when somebody else holds the lease now."""
    with state.write() as db:
        hold_fence(db, name, fence)
        db.execute("UPDATE leases SET heartbeat_at = ? WHERE name = ?", (stamp(now), name))


def hold_fence(db: sqlite3.Connection, name: str, fence: int) -> None:
    """Inside a write transaction: raise ``FenceLost`` unless the lease is held under this fence."""
    row = db.execute("SELECT fence FROM leases WHERE name = ? AND job_id IS NOT NULL", (name,)).fetchone()
    if row is None or row[0] != fence:
        raise FenceLost(
            f"The lease {name} is no longer held under fence {fence}; nothing more is written in its name."
        )


def release_lease(state: State, name: str, fence: int) -> bool:
    """Let go. False when the lease was no longer held under this fence; nothing is changed then."""
    with state.write() as db:
        changed = db.execute(
            "UPDATE leases SET job_id = NULL, operator = NULL, host = NULL, pid = NULL, process = NULL, since = NULL,"
            " heartbeat_at = NULL WHERE name = ? AND fence = ? AND job_id IS NOT NULL",
            (name, fence),
        ).rowcount
    return changed > 0


def current_lease(state: State, name: str) -> Lease | None:
    """Who holds the lease as written; None when it is free."""
    row = state.db.execute(
        "SELECT name, job_id, operator, host, pid, since, heartbeat_at, fence FROM leases"
        " WHERE name = ? AND job_id IS NOT NULL",
        (name,),
    ).fetchone()
    return None if row is None else _lease(row)


def current_leases(state: State) -> list[Lease]:
    """All leases that are held, by name."""
    found = state.db.execute(
        "SELECT name, job_id, operator, host, pid, since, heartbeat_at, fence FROM leases"
        " WHERE job_id IS NOT NULL ORDER BY name"
    ).fetchall()
    return [_lease(row) for row in found]


def _lease(row: tuple[str, str, str, str, int, str, str, int]) -> Lease:
    name, job_id, operator, host, pid, since, heartbeat_at, fence = row
    return Lease(name, job_id, operator, host, pid, moment(since), moment(heartbeat_at), fence)
