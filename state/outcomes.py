"""Outcomes of a job, row by row, and folding them into members and journal.

Outcomes are appended in the plan's order while a job sends, which is cheap; folding carries them over to the
members and the journal in order of address, chunk by chunk, each chunk once (``chunks.folded``).
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime

from state.address import address_key
from state.agreed import fold_agreed
from state.chunks import ANSWERED, INTENDED, NO_ANSWER
from state.contacts import NOT_CONFIRMED, NOT_DUE, SEPARATOR
from state.model import Action, Consent, Outcome, Plan, Scope
from state.moves import fold_move, settle_moves
from state.plans import plan_number
from state.store import State

END_STATES = {
    "compliance-state": Consent.UNSUBSCRIBED,
    "unsubscribed": Consent.UNSUBSCRIBED,
    "unsubscribed-account": Consent.UNSUBSCRIBED,
    "bounced": Consent.BOUNCED,
    "suppressed": Consent.SUPPRESSED,
    "suppressed-account": Consent.SUPPRESSED,
    "erased-remotely": Consent.ERASED,
}
"""Refusals for consent: remembered and not tried again, also where no listing shows them (R28)."""

OF_THE_ACCOUNT = frozenset({"unsubscribed-account", "suppressed-account"})
"""End states that reach further than one list."""

FOUND = "found-on-reading"
"""Reason of a row without an answer that a listing showed as taken; in the raw words where the reason says more.

A listing made after sending has shown it, so nothing is left to be seen."""

NOT_TAKEN = frozenset(
    {
        "watchdog-rejected",
        "import-file-invalid",
        "import-failed",
        "contact-limit",
        "not-confirmed",
        "not-tried",
    }
)
"""Refusals of a whole import: nothing is wrong with the row, which returns to the next plan."""

UNPROVEN = "added-unproven"
"""Reason of an addition of somebody who may have joined by themselves before it was loaded: they are not ours."""

_BATCH = 1_000

# The first condition is that of the index chunks_open, word for word: else SQLite would not use it.
_OPEN = f"k.state IN ('intended', 'accepted') AND k.state = '{INTENDED}'"


@dataclass(slots=True, frozen=True)
class OutcomeRow:
    """What became of one row of the plan. The times are filled by ``state.outcome_times`` where they are shown."""

    n: int
    email: str
    action: Action
    outcome: Outcome
    reason: str
    origin_id: str
    raw: str
    accepted_at: datetime | None = None
    applied_at: datetime | None = None


def read_outcomes(
    state: State,
    job_no: int,
    plan: Plan,
    *,
    after: int = -1,
    limit: int = 1_000,
    outcome: Outcome | None = None,
    doubts: bool = False,
) -> list[OutcomeRow]:
    """Write rows of the plan behind row ``after``, in order, with their outcome (``todo`` while there is none).

    ``doubts`` is for a job that stands still: rows that left and got no answer are then ``unknown``.
    """
    found: list[OutcomeRow] = []
    plan_no = plan_number(state, plan.plan_id)
    for group in plan.groups:
        if group.action is None or group.first + group.rows - 1 <= after or len(found) >= limit:
            continue
        values: list[object] = [job_no, plan_no, max(group.first, after + 1), group.first + group.rows - 1]
        word_of, reason_of = outcome_words(job_no, group.action, doubts=doubts)
        wanted = "" if outcome is None else f" AND {word_of} = ?"
        if outcome is not None:
            values.append(outcome.value)
        rows = state.db.execute(
            f"SELECT p.n, coalesce(p.email, p.address_key), {word_of}, {reason_of},"
            " coalesce(o.origin_id, p.origin_id, ''), coalesce(o.raw, '') FROM plan_rows p"
            " LEFT JOIN outcomes o ON o.job_no = ? AND o.n = p.n WHERE p.plan_no = ? AND p.n BETWEEN ? AND ?"
            f"{wanted} ORDER BY p.n LIMIT ?",
            (*values, limit - len(found)),
        ).fetchall()
        found += [
            OutcomeRow(n, email, group.action, Outcome(word), reason, origin_id, raw)
            for n, email, word, reason, origin_id, raw in rows
        ]
    return found


def outcome_words(job_no: int, action: Action, *, doubts: bool) -> tuple[str, str]:
    """SQL for outcome and reason of a plan row ``p`` of an action, ``o`` being its row of outcomes or nothing."""
    if not doubts:
        return "coalesce(o.outcome, 'todo')", "coalesce(o.reason, '')"
    left = (
        f"EXISTS (SELECT 1 FROM chunks k INDEXED BY chunks_open WHERE k.job_no = {int(job_no)} AND {_OPEN}"
        f" AND k.action = '{action.value}' AND p.n BETWEEN k.first AND k.last)"
    )
    return (
        f"coalesce(o.outcome, CASE WHEN {left} THEN '{Outcome.UNKNOWN.value}' ELSE '{Outcome.TODO.value}' END)",
        f"coalesce(o.reason, CASE WHEN {left} THEN '{NO_ANSWER}' ELSE '' END)",
    )


def rows_unanswered(state: State, job_no: int, plan: Plan) -> int:
    """Write rows that left, in a chunk whose answer never came, and have no outcome yet."""
    spans: list[tuple[int, int]] = []
    for action, first, last in state.db.execute(
        f"SELECT k.action, k.first, k.last FROM chunks k INDEXED BY chunks_open WHERE k.job_no = ? AND {_OPEN}",
        (job_no,),
    ):
        for group in plan.groups:
            low, high = max(first, group.first), min(last, group.first + group.rows - 1)
            if group.action is not None and group.action.value == action and low <= high:
                spans.append((low, high))
    rows, seen = 0, -1
    for low, high in sorted(spans):  # a chunk may reach across rows of another one
        low = max(low, seen + 1)
        if low > high:
            continue
        seen = high
        (known,) = state.db.execute(
            "SELECT count(*) FROM outcomes WHERE job_no = ? AND n BETWEEN ? AND ?", (job_no, low, high)
        ).fetchone()
        rows += high - low + 1 - int(known)
    return rows


def outcome_counts(state: State, job_no: int, plan: Plan, *, doubts: bool = False) -> dict[str, int]:
    """Rows by outcome; their sum is the number of the plan's writes, always (R18). ``doubts``: see ``read_outcomes``."""
    counts = {outcome.value: 0 for outcome in Outcome}
    for word, rows in state.db.execute(
        "SELECT outcome, count(*) FROM outcomes WHERE job_no = ? GROUP BY outcome", (job_no,)
    ):
        counts[str(word)] += int(rows)
    counts[Outcome.TODO.value] = plan.writes - sum(counts.values())
    if doubts:
        left = rows_unanswered(state, job_no, plan)
        counts[Outcome.UNKNOWN.value] += left
        counts[Outcome.TODO.value] -= left
    return counts


def sent_by_action(state: State, job_no: int, plan: Plan, actions: Container[Action]) -> dict[Action, int]:
    """How many rows of each of some actions were sent; an action of which none was is left out."""
    found: dict[Action, int] = {}
    for group in plan.groups:
        if group.action is None or group.action not in actions:
            continue
        (rows,) = state.db.execute(
            "SELECT count(*) FROM outcomes WHERE job_no = ? AND n BETWEEN ? AND ? AND outcome = 'sent'",
            (job_no, group.first, group.first + group.rows - 1),
        ).fetchone()
        found[group.action] = found.get(group.action, 0) + int(rows)
    return found


def outcome_reasons(state: State, job_no: int) -> list[tuple[Outcome, str, int]]:
    """How often each reason stands, by outcome."""
    return [
        (Outcome(word), str(reason), int(rows))
        for word, reason, rows in state.db.execute(
            "SELECT outcome, reason, count(*) FROM outcomes WHERE job_no = ? GROUP BY outcome, reason ORDER BY count(*) DESC",
            (job_no,),
        )
    ]


def fold(
    state: State,
    job_id: str,
    job_no: int,
    plan: Plan,
    link: str,
    *,
    operator: str,
    removed_word: str | None,
    now: datetime,
) -> int:
    """Carry the outcomes of answered chunks, and of rows withheld, over to members, opt-outs and journal.

    Returns how many rows were folded. ``removed_word`` is the vendor's status of a removed member; empty where a
    removal leaves no record on the list, None where that is not known here (the next listing tells).
    """
    list_no = int(
        state.db.execute(
            "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
        ).fetchone()[0]
    )
    folded = 0
    while True:
        with state.write() as db:
            row = db.execute(
                "SELECT chunk, first, last, action FROM chunks WHERE job_no = ? AND state = ? AND folded = 0 ORDER BY chunk LIMIT 1",
                (job_no, ANSWERED),
            ).fetchone()
            if row is None:
                return folded
            number, first, last, action = row
            folded += _fold_range(
                state,
                job_id,
                job_no,
                plan,
                link,
                list_no,
                Action(action),
                first,
                last,
                operator,
                removed_word,
                now,
            )
            db.execute("UPDATE chunks SET folded = 1 WHERE job_no = ? AND chunk = ?", (job_no, number))


def fold_withheld(
    state: State, job_id: str, job_no: int, plan: Plan, link: str, *, operator: str, now: datetime
) -> None:
    """Journal the rows of a finished job that were withheld outside any chunk."""
    list_no = state.db.execute(
        "SELECT no FROM lists WHERE connection = ? AND list_id = ?", (plan.connection, plan.list_id)
    ).fetchone()[0]
    with state.write() as db:
        db.execute(
            "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail)"
            " SELECT o.at, p.address_key, ?1, ?2, ?3, 'withheld', o.reason, ?4, '' FROM outcomes o"
            " JOIN plan_rows p ON p.plan_no = ?5 AND p.n = o.n WHERE o.job_no = ?6 AND o.outcome = 'withheld'"
            " AND NOT EXISTS (SELECT 1 FROM chunks k WHERE k.job_no = ?6 AND k.folded = 1 AND o.n BETWEEN k.first AND k.last)"
            " AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.address_key = p.address_key AND j.origin = ?3 AND j.what = 'withheld')"
            " ORDER BY p.address_key",
            (list_no, link, f"job:{job_id}", operator, plan_number(state, plan.plan_id), job_no),
        )


def _fold_range(
    state: State,
    job_id: str,
    job_no: int,
    plan: Plan,
    link: str,
    list_no: int,
    action: Action,
    first: int,
    last: int,
    operator: str,
    removed_word: str | None,
    now: datetime,
) -> int:
    db = state.db
    rows = db.execute(
        "SELECT p.address_key, p.email, p.source_id, p.origin_id, p.payload, o.outcome, o.reason, o.origin_id, coalesce(o.raw, ''), o.at"
        " FROM plan_rows p JOIN outcomes o ON o.job_no = ?1 AND o.n = p.n"
        " WHERE p.plan_no = ?2 AND p.n BETWEEN ?3 AND ?4 ORDER BY p.address_key",
        (job_no, plan_number(state, plan.plan_id), first, last),
    ).fetchall()
    origin = f"job:{job_id}"
    journal: list[tuple[str, str, int, str, str, str, str, str, str]] = []
    added: list[tuple[object, ...]] = []
    opt_outs: list[tuple[object, ...]] = []
    settled: list[tuple[str]] = []
    moves: list[tuple[str, str, str]] = []
    returning: list[tuple[str]] = []
    for key, email, source_id, origin_id, payload_text, outcome, reason, new_origin, raw, at in rows:
        payload = json.loads(payload_text) if payload_text else {}
        sent = outcome == Outcome.SENT.value
        what = reason if sent else outcome
        journal.append(
            (
                at,
                key,
                list_no,
                link,
                origin,
                what,
                reason,
                operator,
                _journal_detail(action, payload, raw, sent),
            )
        )
        if outcome == Outcome.WITHHELD.value and reason in END_STATES:
            scope = Scope.ACCOUNT.value if reason in OF_THE_ACCOUNT else ""
            opt_outs.append(
                (list_no, key, END_STATES[reason].value, reason, at, origin, operator, raw, scope)
            )
        if outcome == Outcome.UNKNOWN.value or (outcome == Outcome.REJECTED.value and reason in NOT_TAKEN):
            returning.append((key,))
        if not sent:
            continue
        if action is Action.ADD:
            consent = Consent.PENDING if reason == "asked-to-confirm" else Consent.SUBSCRIBED
            mapped = SEPARATOR.join(str(payload.get("fields", {}).get(name, "")) for name in plan.fields)
            seen = FOUND in (reason, raw)
            ours = reason != UNPROVEN
            added.append(
                (list_no, key, email, new_origin or "", consent.value, consent.value, mapped, seen, ours)
            )
            settled.append((key,))
        elif action is Action.MOVE:
            fold_move(
                state,
                list_no,
                link,
                key,
                email,
                str(payload.get("former", "")),
                new_origin or origin_id or "",
                at,
                origin,
                operator,
            )
            settled.append((key,))
            moves.append((key, address_key(str(payload.get("former", ""))), source_id or key))
        elif action is Action.REMOVE and removed_word == "":
            # No opt-out: whoever is in the source again later is new again.
            db.execute("DELETE FROM members WHERE list_no = ? AND address_key = ?", (list_no, key))
        elif action is Action.REMOVE:
            db.execute(
                "UPDATE members SET consent = 'unknown', raw_status = ?, changed_at = '', seen_no = seen_no * ? WHERE list_no = ? AND address_key = ?",
                (removed_word or "", reason == FOUND, list_no, key),
            )
        elif action is Action.UNSUBSCRIBE:
            db.execute(
                "UPDATE members SET consent = 'unsubscribed', raw_status = 'unsubscribed', changed_at = '', seen_no = seen_no * ? WHERE list_no = ? AND address_key = ?",
                (reason == FOUND, list_no, key),
            )
        elif action is Action.CHANGE:
            settled.append((key,))
    _look_after_the_gone(state, list_no, {str(row[6]) for row in rows})
    db.executemany(
        "INSERT INTO members (list_no, address_key, email, origin_id, person_id, consent, raw_status, mapped, changed_at, since,"
        " detail, ours) VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, ?7, '', '', '', ?9)"
        " ON CONFLICT (list_no, address_key) DO UPDATE SET ours = max(members.ours, ?9), seen_no = members.seen_no * ?8, origin_id = excluded.origin_id, gone = NULL,"
        " consent = CASE WHEN members.gone IS NULL THEN members.consent ELSE excluded.consent END, moved_to = '',"
        " scope = CASE WHEN members.gone IS NULL THEN members.scope ELSE '' END",
        added,
    )
    _keep_waiting(state, list_no, job_no, plan, first, last)
    db.executemany(
        "INSERT INTO opt_outs (list_no, address_key, consent, reason, at, origin, operator, detail, scope)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (list_no, address_key) DO NOTHING",
        opt_outs,
    )
    if action in (Action.ADD, Action.CHANGE):
        db.executemany(
            f"UPDATE contacts SET due = {NOT_CONFIRMED} WHERE link_no = (SELECT no FROM links WHERE name = ?)"
            f" AND address_key = ? AND due = {NOT_DUE} AND fault IS NULL",
            [(link, key) for (key,) in returning],
        )
    db.executemany(
        "UPDATE contacts SET due = 0, former_key = NULL WHERE link_no = (SELECT no FROM links WHERE name = ?) AND address_key = ?",
        [(link, key) for (key,) in settled],
    )
    settle_moves(state, plan, link, moves)
    fold_agreed(state, plan, link, job_no, action, first, last, now)
    db.executemany(
        "INSERT INTO journal (at, address_key, list_no, link, origin, what, reason, operator, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        journal,
    )
    return len(rows)


def _look_after_the_gone(state: State, list_no: int, reasons: set[str]) -> None:
    """What changed on a list does not tell who was deleted: after a member was gone the next listing is a whole one,
    so that nobody is tried again in every run (R28)."""
    if "member-gone" in reasons:
        state.db.execute("UPDATE lists SET full_at = NULL WHERE no = ?", (list_no,))


def _keep_waiting(state: State, list_no: int, job_no: int, plan: Plan, first: int, last: int) -> None:
    """Whoever the platform is still asking is not on the list, and no plan asks again meanwhile (R07)."""
    state.db.execute(
        "INSERT INTO members (list_no, address_key, email, origin_id, person_id, consent, raw_status, mapped, changed_at, since,"
        " detail, ours) SELECT ?1, p.address_key, p.email, coalesce(o.origin_id, ''), '', 'pending', coalesce(o.raw, ''), ?2, '',"
        " o.at, '', 0 FROM outcomes o JOIN plan_rows p ON p.plan_no = ?3 AND p.n = o.n"
        " WHERE o.job_no = ?4 AND o.n BETWEEN ?5 AND ?6 AND o.outcome = 'withheld' AND o.reason = 'awaiting-confirmation'"
        " ON CONFLICT (list_no, address_key) DO NOTHING",
        (
            list_no,
            SEPARATOR.join([""] * len(plan.fields)),
            plan_number(state, plan.plan_id),
            job_no,
            first,
            last,
        ),
    )


def _journal_detail(action: Action, payload: dict[str, object], raw: str, sent: bool) -> str:
    if not sent:
        return raw
    if action is Action.ADD:
        return f"consent: {payload.get('consent', '')}"
    if action is Action.CHANGE:
        fields = payload.get("fields", {})
        return "fields: " + ", ".join(sorted(fields)) if isinstance(fields, dict) else ""
    if action is Action.MOVE:
        return f"was {payload.get('former', '')}"
    if action.at_source:
        columns = payload.get("back", payload.get("create", {}))
        return "source columns: " + ", ".join(sorted(columns)) if isinstance(columns, dict) else ""
    return raw


def all_outcomes(state: State, job_no: int, plan: Plan) -> Iterator[OutcomeRow]:
    """Every write row with its outcome, page by page (no cursor stays open)."""
    after = -1
    while page := read_outcomes(state, job_no, plan, after=after, limit=_BATCH):
        yield from page
        after = page[-1].n
