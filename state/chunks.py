"""Chunks: what is about to be sent is committed before it leaves, and what came of it when it comes (design law 3).

A chunk is a range of a plan's rows. Its intent and the withholding of rows whose person opted out meanwhile
are one transaction under the job's fence; so is its answer. Rows of a chunk without an answer are in doubt
until they are read back: they have no outcome, and no other chunk may cover them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from state.address import address_key
from state.audit import append_audit
from state.leases import hold_fence
from state.model import Action, Operator, Outcome, Plan
from state.moments import stamp
from state.opt_outs import reason_sql
from state.plans import WriteRow, plan_number, write_rows
from state.store import State

INTENDED = "intended"
ANSWERED = "answered"
ACCEPTED = "accepted"
RELEASED = "released"
DOUBTFUL = "doubtful"
"""Answered, but not for every row: the rest is read back, and not sent again by itself."""

NO_ANSWER = "no-answer"
"""Reason of rows that left and got no answer."""

_SUBSCRIBING = (Action.ADD, Action.MOVE)


@dataclass(slots=True, frozen=True)
class Grip:
    """In whose name a job writes: its lease and fence, checked in every transaction (I4)."""

    job_id: str
    job_no: int
    lease: str
    fence: int
    operator: Operator


@dataclass(slots=True, frozen=True)
class Chunk:
    """Rows that travel together. ``ticket`` is the vendor's, where it works on, and ``page`` where people look at that."""

    number: int
    action: Action
    first: int
    last: int
    attempt: int
    intended_at: str
    ticket: str
    polls: int
    rows: tuple[WriteRow, ...]
    doubtful: bool = False
    page: str = ""


@dataclass(slots=True)  # not frozen: made by the hundred thousand, and a frozen one costs three times as much
class Answer:
    """The outcome of one row of a chunk."""

    n: int
    outcome: Outcome
    reason: str
    origin_id: str = ""
    raw: str = ""


def intend(
    state: State, grip: Grip, plan: Plan, action: Action, *, after: int, size: int, now: datetime
) -> tuple[Chunk | None, int]:
    """Commit the intent of the next chunk of an action: up to ``size`` rows behind row ``after`` without an outcome.

    Opt-outs known here are checked again in this transaction: such rows get ``withheld`` and are not sent (I1).
    Returns the chunk (None when nothing is left to send behind ``after``) and the row it got to.
    """
    with state.write() as db:
        hold_fence(db, grip.lease, grip.fence)
        while True:
            candidates = _todo(state, grip, plan, action, after, size)
            if not candidates:
                return None, after
            after = candidates[-1]
            wanted = set(candidates)
            rows = [row for row in write_rows(state, plan, candidates[0], candidates[-1]) if row.n in wanted]
            opted_out = _opted_out(state, plan, action, rows)
            if opted_out:
                withhold(state, grip, [(n, reason) for n, reason in opted_out.items()], now)
                rows = [row for row in rows if row.n not in opted_out]
            if not rows:
                continue
            number = int(
                db.execute(
                    "SELECT coalesce(max(chunk), 0) + 1 FROM chunks WHERE job_no = ?", (grip.job_no,)
                ).fetchone()[0]
            )
            db.execute(
                "INSERT INTO chunks (job_no, chunk, action, first, last, state, attempt, fence, intended_at)"
                " VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)",
                (grip.job_no, number, action.value, rows[0].n, rows[-1].n, INTENDED, grip.fence, stamp(now)),
            )
            _audit(state, grip, plan, action, number, rows, now)
            return Chunk(number, action, rows[0].n, rows[-1].n, 1, stamp(now), "", 0, tuple(rows)), after


def intend_again(state: State, grip: Grip, plan: Plan, chunk: Chunk, now: datetime) -> Chunk | None:
    """Commit that the rows of a chunk still without an outcome are sent once more; None when none is left."""
    with state.write() as db:
        hold_fence(db, grip.lease, grip.fence)
        rows = _rows_in_doubt(state, grip.job_no, plan, chunk.first, chunk.last)
        opted_out = _opted_out(state, plan, chunk.action, rows)
        if opted_out:
            withhold(state, grip, [(n, reason) for n, reason in opted_out.items()], now)
            rows = [row for row in rows if row.n not in opted_out]
        if not rows:
            _close(state, grip.job_no, chunk.number, ANSWERED, now)
            return None
        db.execute(
            "UPDATE chunks SET attempt = attempt + 1, fence = ?, intended_at = ?, state = ?, ticket = '', page = '', polls = 0"
            " WHERE job_no = ? AND chunk = ?",
            (grip.fence, stamp(now), INTENDED, grip.job_no, chunk.number),
        )
        _audit(state, grip, plan, chunk.action, chunk.number, rows, now)
    return Chunk(
        chunk.number, chunk.action, chunk.first, chunk.last, chunk.attempt + 1, stamp(now), "", 0, tuple(rows)
    )


def answer(
    state: State,
    grip: Grip,
    chunk: Chunk,
    answers: Sequence[Answer],
    *,
    ticket: str = "",
    page: str = "",
    closed: bool = True,
    doubtful: bool = False,
    reopened: bool = False,
    now: datetime,
) -> None:
    """Record what came back for a chunk.

    With ``ticket`` the vendor works on, and ``page`` shows it to people; without ``closed`` rows stay in doubt; ``doubtful``: the answer does not
    tell what became of some rows; ``reopened``: the vendor's work is over, and other rows of the chunk never got an
    answer.
    """
    with state.write() as db:
        hold_fence(db, grip.lease, grip.fence)
        put_outcomes(state, grip.job_no, answers, now)
        if ticket:
            db.execute(
                "UPDATE chunks SET state = ?, ticket = ?, page = ?, answered_at = ? WHERE job_no = ? AND chunk = ?",
                (ACCEPTED, ticket, page, stamp(now), grip.job_no, chunk.number),
            )
        elif reopened:
            db.execute(
                "UPDATE chunks SET state = ?, ticket = '', page = '' WHERE job_no = ? AND chunk = ?",
                (INTENDED, grip.job_no, chunk.number),
            )
        elif closed:
            _close(state, grip.job_no, chunk.number, DOUBTFUL if doubtful else ANSWERED, now)


def put_outcomes(state: State, job_no: int, answers: Sequence[Answer], now: datetime) -> None:
    """Write outcomes; a later one of the same row (accepted, then sent) takes the earlier one's place."""
    at = stamp(now)
    with state.write() as db:
        db.executemany(
            "INSERT INTO outcomes (job_no, n, outcome, reason, origin_id, raw, at) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (job_no, n) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,"
            " origin_id = coalesce(excluded.origin_id, origin_id), raw = excluded.raw, at = excluded.at",
            [
                (job_no, row.n, row.outcome.value, row.reason, row.origin_id or None, row.raw or None, at)
                for row in answers
            ],
        )


def withhold(state: State, grip: Grip, rows: Sequence[tuple[int, str]], now: datetime) -> None:
    """Rows that are not sent, each with its reason."""
    with state.write() as db:
        hold_fence(db, grip.lease, grip.fence)
        put_outcomes(state, grip.job_no, [Answer(n, Outcome.WITHHELD, reason) for n, reason in rows], now)


def withhold_remaining(state: State, grip: Grip, rows: Sequence[tuple[int, str]], now: datetime) -> int:
    """Withhold those of the rows that have no final outcome yet; returns how many."""
    settled = {
        int(row[0])
        for row in state.db.execute(
            "SELECT n FROM outcomes WHERE job_no = ? AND outcome NOT IN ('accepted', 'unknown')",
            (grip.job_no,),
        )
    }
    left = [(n, reason) for n, reason in rows if n not in settled]
    withhold(state, grip, left, now)
    return len(left)


def release_rows(state: State, grip: Grip, chunk: Chunk, now: datetime) -> None:
    """Nothing of a chunk was applied: its rows have no outcome and may be sent by another chunk."""
    with state.write() as db:
        hold_fence(db, grip.lease, grip.fence)
        _close(state, grip.job_no, chunk.number, RELEASED, now)


def close_open(state: State, grip: Grip, now: datetime) -> None:
    """Close every chunk of a job that will not go on; the outcomes of its rows stand as they are."""
    with state.write() as db:
        hold_fence(db, grip.lease, grip.fence)
        db.execute(
            "UPDATE chunks SET state = ?, answered_at = ? WHERE job_no = ? AND state IN (?, ?, ?)",
            (ANSWERED, stamp(now), grip.job_no, INTENDED, ACCEPTED, DOUBTFUL),
        )


def unanswered_rows(state: State, job_no: int, chunk: Chunk) -> frozenset[int]:
    """Rows of a chunk whose part of the request got no answer, while another part got a ticket."""
    found = state.db.execute(
        "SELECT n FROM outcomes WHERE job_no = ? AND n BETWEEN ? AND ? AND outcome = 'unknown' AND reason = ?",
        (job_no, chunk.first, chunk.last, NO_ANSWER),
    )
    return frozenset(int(row[0]) for row in found) & {row.n for row in chunk.rows}


def count_poll(state: State, grip: Grip, chunk: Chunk, now: datetime, *, unfinished: bool) -> None:
    """One more look at the vendor's work on a chunk; the time of the last one that found it unfinished is kept."""
    with state.write() as db:
        hold_fence(db, grip.lease, grip.fence)
        db.execute(
            "UPDATE chunks SET polls = polls + 1, answered_at = CASE WHEN ? THEN ? ELSE answered_at END"
            " WHERE job_no = ? AND chunk = ?",
            (unfinished, stamp(now), grip.job_no, chunk.number),
        )


def open_chunks(state: State, job_no: int, plan: Plan) -> list[Chunk]:
    """Chunks whose answer never came, or on which the vendor still works, with their rows in doubt."""
    found = state.db.execute(
        "SELECT chunk, action, first, last, attempt, intended_at, CASE state WHEN ?2 THEN ticket ELSE '' END, polls, state = ?4, page"
        " FROM chunks WHERE job_no = ?1 AND state IN (?2, ?3, ?4) ORDER BY chunk",
        (job_no, ACCEPTED, INTENDED, DOUBTFUL),
    ).fetchall()
    return [
        Chunk(
            number,
            Action(action),
            first,
            last,
            attempt,
            intended_at,
            ticket,
            polls,
            tuple(_rows_in_doubt(state, job_no, plan, first, last)),
            bool(doubtful),
            page,
        )
        for number, action, first, last, attempt, intended_at, ticket, polls, doubtful, page in found
    ]


def todo_count(state: State, job_no: int, plan: Plan) -> int:
    """Write rows of a plan that have no final outcome in a job yet."""
    writes = sum(group.rows for group in plan.groups if group.action is not None)
    settled = state.db.execute(
        "SELECT count(*) FROM outcomes WHERE job_no = ? AND outcome NOT IN ('accepted', 'unknown')", (job_no,)
    ).fetchone()[0]
    return writes - int(settled)


def _todo(state: State, grip: Grip, plan: Plan, action: Action, after: int, size: int) -> list[int]:
    plan_no = plan_number(state, plan.plan_id)
    found: list[int] = []
    for group in plan.groups:
        if group.action is not action or group.first + group.rows - 1 <= after:
            continue
        low = max(group.first, after + 1)
        found += [
            int(row[0])
            for row in state.db.execute(
                "SELECT p.n FROM plan_rows p LEFT JOIN outcomes o ON o.job_no = ? AND o.n = p.n"
                " WHERE p.plan_no = ? AND p.n BETWEEN ? AND ? AND o.n IS NULL"
                " AND NOT EXISTS (SELECT 1 FROM chunks k WHERE k.job_no = ?1 AND k.state IN ('intended', 'accepted')"
                "  AND p.n BETWEEN k.first AND k.last) ORDER BY p.n LIMIT ?",
                (grip.job_no, plan_no, low, group.first + group.rows - 1, size - len(found)),
            )
        ]
        if len(found) >= size:
            break
    return found


def _rows_in_doubt(state: State, job_no: int, plan: Plan, first: int, last: int) -> list[WriteRow]:
    settled = {
        int(row[0])
        for row in state.db.execute(
            "SELECT n FROM outcomes WHERE job_no = ? AND n BETWEEN ? AND ? AND outcome NOT IN ('accepted', 'unknown')",
            (job_no, first, last),
        )
    }
    return [row for row in write_rows(state, plan, first, last) if row.n not in settled]


def _opted_out(state: State, plan: Plan, action: Action, rows: Sequence[WriteRow]) -> dict[int, str]:
    """Rows that must not go out any more, by what the state knows at this instant."""
    if not rows:
        return {}
    list_no = state.db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
    ).fetchone()[0]
    keys = {row.address_key: row.n for row in rows}
    marks = ",".join("?" * len(keys))
    if action in (Action.UNSUBSCRIBE, Action.REMOVE):
        leaving = "('subscribed', 'pending')" if action is Action.REMOVE else "('subscribed')"
        found = state.db.execute(
            f"SELECT address_key, consent FROM members WHERE list_no = ? AND address_key IN ({marks}) AND consent NOT IN {leaving}",
            (list_no, *keys),
        ).fetchall()
        return {keys[key]: "no-longer-needed" for key, _ in found}
    reasons = dict(
        state.db.execute(
            f"SELECT address_key, {reason_sql('consent', 'scope')} FROM members WHERE list_no = ?"
            f" AND address_key IN ({marks}) AND consent IN ('unsubscribed', 'bounced', 'suppressed', 'erased')",
            (list_no, *keys),
        ).fetchall()
    )
    reasons.update(
        state.db.execute(
            f"SELECT address_key, reason FROM opt_outs WHERE list_no = ? AND address_key IN ({marks})",
            (list_no, *keys),
        ).fetchall()
    )
    if action in _SUBSCRIBING:
        known = state.db.execute(
            f"SELECT address_key FROM members WHERE list_no = ? AND address_key IN ({marks}) AND gone IS NULL",
            (list_no, *keys),
        ).fetchall()
        for (key,) in known:
            reasons.setdefault(key, "already-there")
        refusing = state.db.execute(
            "SELECT DISTINCT address_key FROM contacts WHERE link_no = (SELECT no FROM links WHERE name = ?)"
            f" AND address_key IN ({marks}) AND opted_out = 1",
            (plan.link, *keys),
        ).fetchall()
        for (key,) in refusing:
            reasons.setdefault(key, "opted-out-at-source")
    found_rows = {keys[key]: str(reason) for key, reason in reasons.items()}
    if action is Action.MOVE:
        for n in _opted_out_before(state, list_no, rows):
            found_rows.setdefault(n, "opted-out-under-former-address")
    return found_rows


def _opted_out_before(state: State, list_no: int, rows: Sequence[WriteRow]) -> list[int]:
    """Rows whose person opted out under the address that is to be changed (I14)."""
    formers = {address_key(str(row.payload.get("former", ""))): row.n for row in rows}
    marks = ",".join("?" * len(formers))
    found = state.db.execute(
        f"SELECT address_key FROM opt_outs WHERE list_no = ? AND address_key IN ({marks})"
        f" UNION SELECT address_key FROM members WHERE list_no = ? AND address_key IN ({marks})"
        "  AND consent IN ('unsubscribed', 'bounced', 'suppressed', 'erased')",
        (list_no, *formers, list_no, *formers),
    ).fetchall()
    return [formers[key] for (key,) in found]


def _audit(
    state: State, grip: Grip, plan: Plan, action: Action, number: int, rows: Sequence[WriteRow], now: datetime
) -> None:
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        digest.update(f"{row.n}\x1f{row.address_key}\x1e".encode())
    append_audit(
        state,
        job_id=grip.job_id,
        operator=grip.operator,
        what=f"{action.value} chunk {number} of plan {plan.plan_id} ({plan.digest}) on {plan.connection}/{plan.list_id}",
        rows=len(rows),
        digest=digest.hexdigest(),
        now=now,
    )


def _close(state: State, job_no: int, number: int, to: str, now: datetime) -> None:
    state.db.execute(
        "UPDATE chunks SET state = ?, answered_at = ? WHERE job_no = ? AND chunk = ?",
        (to, stamp(now), job_no, number),
    )
