"""Rows the platform never confirmed return to the next plan, and say so (oro defects 2 and 3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.chunks import Answer, answer, open_chunks, unanswered_rows
from state.contacts import DUE, NOT_CONFIRMED, NOT_DUE
from state.jobs import cancel_requested, claim_job, finish_job, job_options, only_follow, request_cancel
from state.links import mark_due
from state.liveness import ProcessMark
from state.model import Action, Consent, JobState, Mode, Outcome
from state.open_imports import import_words, left_open_words, open_imports
from state.outcomes import NOT_TAKEN
from state.unblock import unblock_job
from state.waiting_jobs import waiting_jobs
from tests.state.lists import Lists, Person, lists, member
from tests.state.test_exports import INES, Sending

NEW, CHANGED = "a@example.org", "b@example.org"
MARK = ProcessMark("host", 7, "1", "boot")


@pytest.fixture
def world(tmp_path: Path) -> Lists:
    world = lists(tmp_path)
    world.listing(member(CHANGED, first="Eve"))
    world.source(Person(NEW, "1"), Person(CHANGED, "2"))
    return world


def due(world: Lists) -> dict[str, int]:
    return dict(world.state.db.execute("SELECT address_key, due FROM contacts").fetchall())


def refused(world: Lists, outcome: Outcome, reason: str) -> None:
    """A job sends both rows and gets this for each."""
    sending = Sending(world, world.plan())
    sending.send(Action.ADD, a=(outcome, reason))
    sending.send(Action.CHANGE, b=(outcome, reason))
    sending.fold()


@pytest.mark.parametrize("reason", sorted(NOT_TAKEN))
def test_rows_of_a_refused_import_are_planned_again_as_not_confirmed(world: Lists, reason: str) -> None:
    refused(world, Outcome.REJECTED, reason)
    assert world.classes() == {NEW: "new/not-confirmed", CHANGED: "changed/not-confirmed"}
    actions = {row.address_key: row.action for row in world.rows()}
    assert actions == {NEW: Action.ADD, CHANGED: Action.CHANGE}


def test_rows_that_stayed_unknown_are_planned_again_as_not_confirmed(world: Lists) -> None:
    refused(world, Outcome.UNKNOWN, "not-confirmed")
    assert world.classes() == {NEW: "new/not-confirmed", CHANGED: "changed/not-confirmed"}


def test_a_row_refused_for_its_own_sake_is_not_called_so(world: Lists) -> None:
    refused(world, Outcome.REJECTED, "address-refused")
    assert world.classes() == {NEW: "new/unknown-at-platform", CHANGED: "changed/fields-differ"}


def test_a_row_found_in_sync_is_settled(world: Lists) -> None:
    refused(world, Outcome.UNKNOWN, "not-confirmed")
    world.listing(member(NEW), member(CHANGED))
    assert set(world.classes().values()) == {"existing-ignored/in-sync"}
    assert set(due(world).values()) == {NOT_DUE}
    world.listing(member(NEW, first="Other"), member(CHANGED))
    assert world.classes()[NEW] == "changed/fields-differ", "what differs later is another matter"


def test_a_row_that_is_sent_is_settled(world: Lists) -> None:
    refused(world, Outcome.UNKNOWN, "not-confirmed")
    sending = Sending(world, world.plan())
    sending.send(Action.ADD)
    sending.send(Action.CHANGE)
    sending.fold()
    assert set(due(world).values()) == {NOT_DUE}


def test_an_opt_out_outweighs_it(world: Lists) -> None:
    refused(world, Outcome.UNKNOWN, "not-confirmed")
    world.listing(member(NEW, Consent.UNSUBSCRIBED), member(CHANGED, first="Eve"))
    assert world.classes()[NEW] == "unsubscribed-ignored/unsubscribed"


def test_a_refreshed_record_that_was_not_taken_stays_due(world: Lists) -> None:
    world.listing(member(CHANGED))
    mark_due(world.state, world.record.link_no, world.tick())
    refused(world, Outcome.REJECTED, "watchdog-rejected")
    assert due(world) == {NEW: DUE, CHANGED: DUE}
    assert world.classes()[CHANGED] == "changed/due"


def test_a_link_that_only_adds_sends_no_change_for_it(world: Lists) -> None:
    refused(world, Outcome.UNKNOWN, "not-confirmed")
    world.with_link(mode=Mode.ADD_ONLY)
    assert world.classes() == {NEW: "new/not-confirmed", CHANGED: "existing-ignored/differs"}


def test_a_new_reading_of_the_source_does_not_forget_it(world: Lists) -> None:
    refused(world, Outcome.UNKNOWN, "not-confirmed")
    world.source(Person(NEW, "1", last="Other"), Person(CHANGED, "2"))
    assert due(world) == {NEW: NOT_CONFIRMED, CHANGED: NOT_CONFIRMED}
    assert world.classes()[NEW] == "new/not-confirmed"


# --- what is open ----------------------------------------------------------------------------------------------


def accepted(world: Lists, ticket: str = "0f6c", page: str = "https://app.example/report?g=0f6c") -> Sending:
    sending = Sending(world, world.plan())
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    answer(
        world.state,
        sending.grip,
        chunk,
        [Answer(row.n, Outcome.ACCEPTED, "handed-over") for row in chunk.rows],
        ticket=ticket,
        page=page,
        now=world.tick(),
    )
    return sending


def connect(world: Lists, **accounts: str) -> None:
    world.state.db.executemany(
        "INSERT INTO connections (name, provider, account_id, status) VALUES (?, 'dotdigital', ?, 'ok')",
        accounts.items(),
    )


def test_an_open_import_is_seen_from_every_connection_to_the_account(world: Lists) -> None:
    connect(world, verband="70123", renamed="70123", other="70124", unknown="")
    sending = accepted(world)
    for name in ("verband", "renamed"):
        (one,) = open_imports(world.state, name)
        assert (one.job_id, one.ticket, one.link) == (sending.job_id, "0f6c", "members-news")
        assert one.page == "https://app.example/report?g=0f6c"
    assert open_imports(world.state, "other") == []
    assert open_imports(world.state, "unknown") == []


def test_two_accounts_that_nobody_has_asked_for_are_not_the_same(world: Lists) -> None:
    connect(world, verband="", other="")
    accepted(world)
    assert open_imports(world.state, "other") == []


def test_an_import_is_told_with_age_polls_page_rows_and_job(world: Lists) -> None:
    sending = accepted(world)
    (one,) = open_imports(world.state, "verband")
    told = left_open_words(one, world.now)
    assert told.startswith(
        "import 0f6c, 60 s old, 0 polls, report page https://app.example/report?g=0f6c (1 "
    )
    assert sending.job_id[-8:] in told


@pytest.mark.parametrize(
    ("ticket", "said", "told"),
    [
        ("0f6c", "NotFinished", "import 0f6c NotFinished, 63 s old, 7 polls, report page https://x.example"),
        ("0f6c", "It is at “1 of 9”.", "import 0f6c: It is at “1 of 9”, 63 s old, 7 polls, report page https://x.example"),
        ("change:0f6c+77aa", "Import 0f6c: busy; see https://x.example", "import 0f6c: busy; see https://x.example, 63 s old, 7 polls"),
        ("deletion:a461", "1 row", "removal a461: 1 row, 63 s old, 7 polls, report page https://x.example"),
        ("change:c33e", "", "import c33e, 63 s old, 7 polls, report page https://x.example"),
        ("0f6c", "", "import 0f6c, 63 s old, 7 polls, report page https://x.example"),
    ],
)  # fmt: skip
def test_the_platforms_words_are_not_said_twice(ticket: str, said: str, told: str) -> None:
    assert import_words(ticket, said=said, age_seconds=63, polls=7, page="https://x.example") == told


def test_rows_of_the_lost_part_are_told_from_those_of_the_ticket(world: Lists) -> None:
    world.source(*(Person(f"p{number}@example.org", str(number)) for number in range(4)))
    sending = Sending(world, world.plan())
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    taken, lost = chunk.rows[:2], chunk.rows[2:]
    answers = [Answer(row.n, Outcome.ACCEPTED, "handed-over") for row in taken]
    answers += [Answer(row.n, Outcome.UNKNOWN, "no-answer") for row in lost]
    answer(world.state, sending.grip, chunk, answers, ticket="0f6c", now=world.tick())
    (waiting,) = open_chunks(world.state, sending.grip.job_no, sending.plan)
    assert unanswered_rows(world.state, sending.grip.job_no, waiting) == {row.n for row in lost}
    sent = [Answer(row.n, Outcome.SENT, "added") for row in taken]
    answer(world.state, sending.grip, waiting, sent, reopened=True, now=world.tick())
    (left,) = open_chunks(world.state, sending.grip.job_no, sending.plan)
    assert (left.ticket, left.doubtful, [row.n for row in left.rows]) == ("", False, [row.n for row in lost])
    assert open_imports(world.state, "verband") == []


# --- whoever looks next ----------------------------------------------------------------------------------------


def end(world: Lists, sending: Sending, state_: JobState) -> None:
    finish_job(
        world.state,
        sending.job_id,
        state_=state_,
        reason="import-open",
        text="",
        exit_code=0,
        counts={},
        now=world.tick(),
    )


def test_only_a_waiting_job_without_a_living_process_is_picked_up(world: Lists) -> None:
    sending = accepted(world)
    connect(world, verband="70123", other="70124")

    def waiting(**named: str) -> list[str]:
        found = waiting_jobs(world.state, world.now, alive=lambda mark: True, **named)
        return [job.job_id for job in found]

    claim_job(world.state, sending.job_id, MARK, world.tick(), alive=lambda mark: True)
    assert waiting() == [], "it runs"
    end(world, sending, JobState.WAITING)
    assert waiting() == [sending.job_id]
    assert waiting(connection="verband") == [sending.job_id]
    assert waiting(connection="other") == []
    assert waiting(job_id=sending.job_id) == [sending.job_id]
    assert waiting(job_id="other") == []
    claim_job(world.state, sending.job_id, MARK, world.tick(), alive=lambda mark: True)
    assert waiting() == [], "another process has it"


def test_a_cancelled_job_goes_on_only_to_follow(world: Lists) -> None:
    sending = accepted(world)
    claim_job(world.state, sending.job_id, MARK, world.tick(), alive=lambda mark: True)
    request_cancel(world.state, sending.job_id, INES, world.tick(), alive=lambda mark: True)
    only_follow(world.state, sending.job_id, "ines")
    assert cancel_requested(world.state, sending.job_id) is None
    assert job_options(world.state, sending.job_id)["only_follow"] == "ines"


def test_an_import_left_by_a_job_that_ended_can_be_let_go(world: Lists) -> None:
    sending = accepted(world)
    end(world, sending, JobState.FAILED)
    assert open_imports(world.state, "verband") != []
    job = unblock_job(world.state, sending.job_id, operator=INES, now=world.tick(), alive=lambda mark: False)
    assert job.state is JobState.FAILED, "it stays as it ended"
    assert open_imports(world.state, "verband") == []
    assert world.classes()[NEW] == "new/not-confirmed"


def test_R07_whom_the_platform_is_still_asking_is_not_added_again(world: Lists) -> None:
    sending = Sending(world, world.plan())
    sending.send(Action.ADD, a=(Outcome.WITHHELD, "awaiting-confirmation"))
    sending.fold()
    assert world.classes()[NEW] == "existing-ignored/awaiting-confirmation"
    world.listing(member(CHANGED), whole=False)
    assert world.classes()[NEW] == "existing-ignored/awaiting-confirmation"
    change = world.listing(member(CHANGED))
    assert change.vanished == 0, "a list never showed this person, so nobody has left it"
    assert world.classes()[NEW] == "existing-ignored/awaiting-confirmation", "nobody asks again but a person"
    world.listing(member(NEW), member(CHANGED))
    assert world.classes()[NEW] == "existing-ignored/in-sync"
