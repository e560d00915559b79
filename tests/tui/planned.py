"""A link with a plan and with jobs, over the small world: what the preview and the screens of jobs are shown with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from console.jobs.process import this_process
from state.address import address_key
from state.chunks import Answer, put_outcomes
from state.compare import FieldRules
from state.contacts import SEPARATOR, accept_source_read, begin_source_load, put_source_rows, staged_count
from state.job_log import append_log, append_requests, put_file
from state.jobs import claim_job, create_job, finish_job, job_no, set_phase, set_plan, set_progress
from state.links import find_link
from state.model import (
    Consent,
    Guard,
    JobKind,
    JobState,
    Level,
    Link,
    Member,
    Mode,
    Operator,
    Outcome,
    Plan,
    RequestLine,
)
from state.moments import stamp
from state.planning import PlanBasis, make_plan
from state.plans import take_plan
from state.store import State
from tests.tui.world import FIELDS, NOON, OPERATOR, SETTINGS, World, empty_world, put_health, put_members

LINK = Link(
    "members-news",
    "members",
    "verband",
    "a6b5da1054",
    Mode.UPDATE,
    consent="membership form 2024",
    fields=FIELDS,
)

MEMBERS = (
    Member(
        "eva@example.org",
        "m1",
        Consent.SUBSCRIBED,
        "subscribed",
        {"FNAME": "Eva", "LNAME": "Brand"},
        since="2025-01-02T03:04:05.000000Z",
    ),
    Member(
        "gone@example.org", "m2", Consent.UNSUBSCRIBED, "unsubscribed", since="2026-02-01T10:00:00.000000Z"
    ),
    Member("jan@example.org", "m3", Consent.PENDING, "pending"),
    Member("left@example.org", "m5", Consent.SUBSCRIBED, "subscribed", {"FNAME": "Lea", "LNAME": "Ott"}),
    Member("other@example.org", "m4", Consent.SUBSCRIBED, "subscribed"),
)
PEOPLE = (
    ("eva@example.org", "1", "Eva", "Brandt", 0),
    ("jan@example.org", "2", "Jan", "Meier", 0),
    ("neo@example.org", "3", "Neo", "Kunz", 0),
    ("nora@example.org", "4", "Nora", "Lang", 0),
    ("gone@example.org", "5", "Gus", "Weg", 0),
    ("left@example.org", "6", "Lea", "Ott", 1),
    ("nora@example.org", "7", "Nils", "Lang", 0),
)
"""Address, source id, first and last name, opted out."""


def numbered_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of plans and jobs that are the same in every run, so that a screen can be compared with a file."""
    numbers = count(1)

    def new_id(*_: object) -> str:
        return f"01KJJ0000000000000{next(numbers):08d}"

    for module in ("state.jobs", "state.planning", "state.undo"):
        monkeypatch.setattr(f"{module}.new_id", new_id)


def linked_world(folder: Path, *, members: Sequence[Member] = MEMBERS, mode: str = "update") -> World:
    """Settings, members and contacts of one link; no plan yet."""
    world = empty_world(folder)
    world.config.write_text(SETTINGS + f'mode = "{mode}"\n', encoding="utf-8")
    world.config.chmod(0o600)
    with world.state() as state:
        put_health(state)
        put_members(state, LINK.name, LINK.connection, LINK.list_id, members)
        put_people(state, PEOPLE)
    return world


def put_people(state: State, people: Sequence[tuple[str, str, str, str, int]]) -> None:
    """A complete read of the source."""
    record = find_link(state, LINK.name)
    begin_source_load(state)
    put_source_rows(
        state,
        [
            (
                address_key(email),
                source_id,
                line,
                email,
                first + SEPARATOR + last,
                opted_out,
                None,
                None,
                None,
            )
            for line, (email, source_id, first, last, opted_out) in enumerate(people, start=2)
        ],
    )
    accept_source_read(
        state,
        record.link_no,
        staged_count(state),
        snapshot="1",
        mapped="[]",
        started=NOON - timedelta(minutes=5),
        now=NOON - timedelta(minutes=4),
    )


def put_plan(
    state: State,
    *,
    link: Link = LINK,
    saved: bool = False,
    minutes_ago: float = 3,
    guards: Sequence[Guard] = (),
    listing_rows: int = 5,
    double_opt_in: bool = False,
    operator: Operator = OPERATOR,
) -> Plan:
    """A plan as a preview job makes it, with its job."""
    now = NOON - timedelta(minutes=minutes_ago)
    record = find_link(state, link.name)
    job_id = create_job(
        state, kind=JobKind.PREVIEW, connection=link.connection, link=link.name, operator=operator, now=now
    )
    claim_job(state, job_id, this_process(), now, alive=lambda _: True)
    plan = make_plan(
        state,
        link,
        link_no=record.link_no,
        list_no=record.list_no,
        rules=FieldRules(link.fields, frozenset(), {}, link.conflict),
        basis=PlanBasis("1", len(PEOPLE), "", listing_rows, double_opt_in),
        saved=saved,
        operator=operator.name,
        now=now,
        guards=guards,
    )
    set_plan(state, job_id, plan.plan_id)
    finish_job(
        state,
        job_id,
        state_=JobState.DONE,
        reason="ok",
        text=f"{plan.writes:,} rows to send, {plan.rows:,} in all.",
        exit_code=0,
        counts={name: rows for name, rows in plan.counts.items() if rows},
        now=now + timedelta(seconds=4),
    )
    return plan


def planned_world(folder: Path) -> tuple[World, Plan]:
    """One link with the plan its last preview made: two to add, one to change, one to unsubscribe."""
    world = linked_world(folder)
    with world.state() as state:
        return world, put_plan(state)


def big_world(folder: Path, rows: int) -> World:
    """A plan of so many rows to add, a change in the middle and a foreigner at the end."""
    world = linked_world(folder)
    with world.state() as state:
        put_people(state, [*_crowd(rows), *PEOPLE])
        put_plan(state)
    return world


def _crowd(rows: int) -> Iterator[tuple[str, str, str, str, int]]:
    for number in range(rows):
        yield f"p{number:06d}@example.net", f"s{number}", "Pat", f"No {number}", 0


def put_export(
    state: State,
    plan: Plan,
    *,
    state_: JobState | None = JobState.PARTLY,
    text: str = "Ended with rows left: 2 sent, 1 rejected, 1 withheld.",
    reason: str = "rows-left",
    answers: Sequence[Answer] | None = None,
    minutes_ago: float = 2,
    operator: Operator = OPERATOR,
) -> str:
    """An export of the plan with outcomes, log, requests and a file; ``state_`` None leaves it running."""
    now = NOON - timedelta(minutes=minutes_ago)
    job_id = create_job(
        state,
        kind=JobKind.EXPORT,
        connection=plan.connection,
        link=plan.link,
        plan_id=plan.plan_id,
        operator=operator,
        now=now,
    )
    mark = replace(this_process(), host="desk", pid=4242)
    claim_job(state, job_id, mark, now, alive=lambda _: True)
    take_plan(state, plan.plan_id, job_id)
    append_log(
        state,
        job_id,
        [
            (now, Level.INFO, "Started by ann on desk, process 4242, listwarden 0.1.", ""),
            (now + timedelta(seconds=1), Level.DEBUG, "Chunk 1: 1 row.", ""),
            (now + timedelta(seconds=2), Level.WARNING, "The platform is busy: waiting 2 s.", "throttled"),
            (now + timedelta(seconds=4), Level.ERROR, "n…@….org: refused.", "compliance-state"),
        ],
    )
    append_requests(
        state,
        job_id,
        [
            RequestLine(0, now + timedelta(seconds=1), "GET", "/lists/a6b5da1054", 200, 120, 1),
            RequestLine(0, now + timedelta(seconds=2), "POST", "/lists/a6b5da1054", 429, 80, 1, "throttled"),
            RequestLine(0, now + timedelta(seconds=4), "POST", "/lists/a6b5da1054", 200, 900, 2),
        ],
    )
    put_file(state, job_id, "chunk-1-answer.json", b'{"errors": []}', now)
    put_outcomes(state, job_no(state, job_id), ANSWERS if answers is None else answers, now)
    set_phase(state, job_id, "adding", 4, "contacts", now)
    set_progress(state, job_id, 3)
    if state_ is not None:
        finish_job(
            state,
            job_id,
            state_=state_,
            reason=reason,
            text=text,
            exit_code=3,
            counts={"sent": 2, "rejected": 1, "withheld": 1},
            now=now + timedelta(seconds=30),
        )
    return job_id


IMPORT = "0f6c1a3e-8e0b-4f5d-9a77-5c2f1b1f0d11"
PAGE = f"https://r1-app.dotdigital.com/Contacts/Import/WatchdogReport.aspx?g={IMPORT}"


def put_import(state: State, job_id: str, *, first: int = 1, last: int = 3, seconds_old: int = 63) -> None:
    """Rows of a job that the platform took over as an import, and was asked after seven times."""
    with state.write() as db:
        db.execute(
            "INSERT INTO chunks (job_no, chunk, action, first, last, state, attempt, fence, intended_at, ticket, polls, page)"
            " VALUES (?, 9, 'add', ?, ?, 'accepted', 1, 1, ?, ?, 7, ?)",
            (job_no(state, job_id), first, last, stamp(NOON - timedelta(seconds=seconds_old)), IMPORT, PAGE),
        )


def put_waiting_export(state: State, plan: Plan) -> str:
    """An export whose process has ended while the platform works on its rows."""
    job_id = put_export(
        state,
        plan,
        state_=JobState.WAITING,
        reason="import-open",
        text="The platform still works on an import; the job goes on when it has ended.",
        answers=[ANSWERS[0], *(Answer(n, Outcome.ACCEPTED, "handed-over") for n in (1, 2))],
    )
    put_import(state, job_id, first=1, last=2)
    return job_id


ANSWERS = (
    Answer(0, Outcome.SENT, "unsubscribed-by-us", "m5"),
    Answer(1, Outcome.REJECTED, "platform-refused", raw="FNAME: [bold]too long[/bold] \x1b]52;c;eA==\x07"),
    Answer(2, Outcome.WITHHELD, "compliance-state", raw="Member In Compliance State"),
    Answer(3, Outcome.SENT, "changed", "m1"),
)
"""What came of the rows of ``planned_world``'s plan."""
