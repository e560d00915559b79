"""Places at an account's table: how many requests may be open at once, over all processes of this state (F14).

Invariant: a slot has at most one holder. Places of the dead are given away again, by the same proof as leases.
Writing takes places from the bottom, reading from the top, so that the places kept for reads are used first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from state.liveness import Alive, ProcessMark, gone
from state.moments import moment, stamp
from state.store import State

READ = "read"
"""The purpose that takes places from the top."""


@dataclass(slots=True, frozen=True)
class SlotHolder:
    """Who sits where, for the sentence shown to whoever waits. ``holder`` is a job's id."""

    slot: int
    holder: str
    host: str
    pid: int
    purpose: str


def take_slots(
    state: State,
    account: str,
    *,
    want: int,
    limit: int,
    holder: str,
    process: ProcessMark,
    purpose: str,
    now: datetime,
    alive: Alive,
) -> list[int]:
    """Take up to ``want`` free places among the account's first ``limit``; empty when all are taken."""
    with state.write() as db:
        taken = set[int]()
        for slot, mark, heartbeat_at in db.execute(
            "SELECT slot, process, heartbeat_at FROM account_slots WHERE account = ?", (account,)
        ).fetchall():
            if gone(mark, moment(heartbeat_at), now, alive):
                db.execute("DELETE FROM account_slots WHERE account = ? AND slot = ?", (account, slot))
            else:
                taken.add(slot)
        free = [slot for slot in range(limit) if slot not in taken]
        if purpose == READ:
            free.reverse()
        mine = free[:want]
        db.executemany(
            "INSERT INTO account_slots (account, slot, holder, host, pid, process, purpose, heartbeat_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (account, slot, holder, process.host, process.pid, str(process), purpose, stamp(now))
                for slot in mine
            ],
        )
    return mine


def beat_slots(state: State, account: str, *, holder: str, process: ProcessMark, now: datetime) -> list[int]:
    """Say that the holder lives; the places it still has are returned."""
    with state.write() as db:
        db.execute(
            "UPDATE account_slots SET heartbeat_at = ? WHERE account = ? AND holder = ? AND process = ?",
            (stamp(now), account, holder, str(process)),
        )
        found = db.execute(
            "SELECT slot FROM account_slots WHERE account = ? AND holder = ? AND process = ? ORDER BY slot",
            (account, holder, str(process)),
        ).fetchall()
    return [int(row[0]) for row in found]


def free_slots(state: State, account: str, slots: list[int], *, holder: str, process: ProcessMark) -> None:
    """Give places back; those that somebody else has meanwhile are left alone."""
    with state.write() as db:
        db.executemany(
            "DELETE FROM account_slots WHERE account = ? AND slot = ? AND holder = ? AND process = ?",
            [(account, slot, holder, str(process)) for slot in slots],
        )


def slot_holders(state: State, account: str) -> list[SlotHolder]:
    """Who sits at the account's table, by place; the dead are listed until somebody takes their place."""
    found = state.db.execute(
        "SELECT slot, holder, host, pid, purpose FROM account_slots WHERE account = ? ORDER BY slot",
        (account,),
    ).fetchall()
    return [SlotHolder(*row) for row in found]
