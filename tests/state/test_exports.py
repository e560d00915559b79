"""Chunks, outcomes, folding, undo and explain: what a job sends is written before and after, once each."""

from pathlib import Path

import pytest

from state.audit import verify_audit
from state.chunks import (
    Answer,
    Chunk,
    Grip,
    answer,
    intend,
    intend_again,
    open_chunks,
    release_rows,
    todo_count,
    withhold_remaining,
)
from state.compare import Comparison, FieldRules
from state.errors import FenceLost
from state.explain import explain
from state.jobs import create_job, job_no
from state.leases import take_lease
from state.liveness import ProcessMark
from state.model import Action, AddressChange, Consent, JobKind, Mode, Operator, Outcome, Plan
from state.open_imports import open_imports
from state.opt_outs import suppress_here
from state.outcomes import (
    all_outcomes,
    fold,
    fold_withheld,
    outcome_counts,
    outcome_reasons,
    read_outcomes,
)
from state.plans import get_plan, take_plan, write_rows
from state.undo import is_undo, make_undo_plan, undo_losses
from state.verified import mark_unverified, unverified
from tests.state.lists import Lists, Person, lists, member

INES = Operator("ines", "host")


class Sending:
    """A job that exports a plan, without a platform: the test says what is answered."""

    def __init__(self, world: Lists, plan: Plan) -> None:
        self.world = world
        self.plan = plan
        state = world.state
        self.job_id = create_job(
            state,
            kind=JobKind.EXPORT,
            connection="verband",
            link="members-news",
            plan_id=plan.plan_id,
            operator=INES,
            now=world.tick(),
        )
        fence = take_lease(
            state,
            "account:x",
            job_id=self.job_id,
            operator=INES,
            process=ProcessMark("host", 1, "1", "boot"),
            now=world.tick(),
            alive=lambda mark: False,
        )
        take_plan(state, plan.plan_id, self.job_id)
        self.grip = Grip(self.job_id, job_no(state, self.job_id), "account:x", fence, INES)

    def next(self, action: Action, size: int = 500, after: int = -1) -> Chunk | None:
        chunk, _ = intend(
            self.world.state, self.grip, self.plan, action, after=after, size=size, now=self.world.tick()
        )
        return chunk

    def send(self, action: Action, size: int = 500, **outcomes: tuple[Outcome, str]) -> None:
        """Send everything of an action; addresses not named are taken."""
        words = {
            Action.ADD: "added",
            Action.CHANGE: "changed",
            Action.MOVE: "moved",
            Action.REMOVE: "removed",
            Action.UNSUBSCRIBE: "unsubscribed-by-us",
        }
        while chunk := self.next(action, size):
            answers = []
            for row in chunk.rows:
                outcome, reason = outcomes.get(
                    row.address_key.partition("@")[0], (Outcome.SENT, words[action])
                )
                answers.append(Answer(row.n, outcome, reason, f"o-{row.address_key}"))
            answer(self.world.state, self.grip, chunk, answers, now=self.world.tick())

    def fold(self, removed_word: str = "archived") -> None:
        world = self.world
        fold(
            world.state,
            self.job_id,
            self.grip.job_no,
            self.plan,
            "members-news",
            operator="ines",
            removed_word=removed_word,
            now=world.tick(),
        )
        fold_withheld(
            world.state,
            self.job_id,
            self.grip.job_no,
            self.plan,
            "members-news",
            operator="ines",
            now=world.tick(),
        )

    def counts(self) -> dict[str, int]:
        return {k: n for k, n in outcome_counts(self.world.state, self.grip.job_no, self.plan).items() if n}


def _adds(tmp_path: Path, count: int = 5) -> Sending:
    world = lists(tmp_path)
    world.listing(member("there@example.org"))
    world.source(*(Person(f"p{number}@example.org", str(number)) for number in range(count)))
    return Sending(world, world.plan())


def test_chunks_cover_every_row_once(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 7)
    seen: list[int] = []
    after = -1
    while True:
        chunk, after = intend(
            sending.world.state,
            sending.grip,
            sending.plan,
            Action.ADD,
            after=after,
            size=3,
            now=sending.world.tick(),
        )
        if chunk is None:
            break
        seen += [row.n for row in chunk.rows]
    assert seen == list(range(7))
    assert [
        len(chunk.rows) for chunk in open_chunks(sending.world.state, sending.grip.job_no, sending.plan)
    ] == [3, 3, 1]
    assert sending.next(Action.ADD) is None, "rows in doubt are covered by no other chunk"


def test_I01_who_opts_out_after_the_plan_is_withheld_in_the_transaction_of_the_intent(tmp_path: Path) -> None:
    sending = _adds(tmp_path)
    world = sending.world
    suppress_here(
        world.state, world.record.list_no, "members-news", "p1@example.org", operator="ines", now=world.tick()
    )
    world.listing(member("p2@example.org", Consent.UNSUBSCRIBED), member("p3@example.org"), whole=False)
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    assert [row.address_key for row in chunk.rows] == ["p0@example.org", "p4@example.org"]
    told = {
        row.email: (row.outcome, row.reason)
        for row in all_outcomes(world.state, sending.grip.job_no, sending.plan)
    }
    assert told["p1@example.org"] == (Outcome.WITHHELD, "suppressed-here")
    assert told["p2@example.org"] == (Outcome.WITHHELD, "unsubscribed")
    assert told["p3@example.org"] == (Outcome.WITHHELD, "already-there")
    assert told["p0@example.org"] == (Outcome.TODO, "")


def test_I01_a_chunk_sent_again_is_checked_again(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 2)
    world = sending.world
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    suppress_here(
        world.state, world.record.list_no, "members-news", "p1@example.org", operator="ines", now=world.tick()
    )
    again = intend_again(world.state, sending.grip, sending.plan, chunk, world.tick())
    assert again is not None
    assert ([row.address_key for row in again.rows], again.attempt) == (["p0@example.org"], 2)


def test_R38_a_chunk_sent_again_holds_only_rows_without_an_outcome(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 4)
    state, now = sending.world.state, sending.world.tick
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    found = [Answer(1, Outcome.SENT, "found-on-reading"), Answer(2, Outcome.REJECTED, "address-refused")]
    answer(state, sending.grip, chunk, found, closed=False, now=now())
    again = intend_again(state, sending.grip, sending.plan, chunk, now())
    assert again is not None
    assert [row.n for row in again.rows] == [0, 3]
    answer(state, sending.grip, again, [Answer(n, Outcome.SENT, "added") for n in (0, 3)], now=now())
    assert intend_again(state, sending.grip, sending.plan, chunk, now()) is None, "nothing is left in doubt"
    assert sending.counts() == {"sent": 3, "rejected": 1}


def test_I04_a_job_that_lost_its_lease_writes_nothing(tmp_path: Path) -> None:
    sending = _adds(tmp_path)
    world = sending.world
    chunk = sending.next(Action.ADD, 2)
    assert chunk is not None
    take_lease(
        world.state,
        "account:x",
        job_id="OTHER",
        operator=INES,
        process=ProcessMark("host", 2, "2", "boot"),
        now=world.tick(),
        alive=lambda mark: False,
    )
    for step in (
        lambda: sending.next(Action.ADD),
        lambda: answer(
            world.state, sending.grip, chunk, [Answer(0, Outcome.SENT, "added")], now=world.tick()
        ),
        lambda: intend_again(world.state, sending.grip, sending.plan, chunk, world.tick()),
        lambda: withhold_remaining(world.state, sending.grip, [(4, "left-by-hand")], world.tick()),
    ):
        with pytest.raises(FenceLost):
            step()
    assert sending.counts() == {"todo": 5}


def test_rows_of_a_chunk_nothing_of_which_was_applied_are_free_again(tmp_path: Path) -> None:
    sending = _adds(tmp_path)
    chunk = sending.next(Action.ADD, 3)
    assert chunk is not None
    release_rows(sending.world.state, sending.grip, chunk, sending.world.tick())
    again = sending.next(Action.ADD, 3)
    assert again is not None
    assert [row.n for row in again.rows] == [0, 1, 2]


def test_R18_outcomes_add_up_to_the_writes(tmp_path: Path) -> None:
    sending = _adds(tmp_path)
    sending.send(
        Action.ADD, 2, p1=(Outcome.REJECTED, "address-refused"), p2=(Outcome.WITHHELD, "compliance-state")
    )
    assert sending.counts() == {"sent": 3, "rejected": 1, "withheld": 1}
    assert sum(sending.counts().values()) == sending.plan.writes
    assert todo_count(sending.world.state, sending.grip.job_no, sending.plan) == 0
    reasons = {
        (outcome.value, reason): n
        for outcome, reason, n in outcome_reasons(sending.world.state, sending.grip.job_no)
    }
    assert reasons == {
        ("sent", "added"): 3,
        ("rejected", "address-refused"): 1,
        ("withheld", "compliance-state"): 1,
    }


def test_R45_accepted_becomes_sent_and_never_both(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 2)
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    state, now = sending.world.state, sending.world.tick
    accepted = [Answer(row.n, Outcome.ACCEPTED, "handed-over") for row in chunk.rows]
    answer(state, sending.grip, chunk, accepted, ticket="T1", now=now())
    assert sending.counts() == {"accepted": 2}
    (waiting,) = open_chunks(state, sending.grip.job_no, sending.plan)
    assert (waiting.ticket, len(waiting.rows)) == ("T1", 2)
    answer(
        state, sending.grip, waiting, [Answer(row.n, Outcome.SENT, "added") for row in chunk.rows], now=now()
    )
    assert sending.counts() == {"sent": 2}
    assert open_chunks(state, sending.grip.job_no, sending.plan) == []


def test_what_a_job_left_open_at_the_vendor_is_seen_by_the_others(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 3)
    state = sending.world.state
    chunk = sending.next(Action.ADD)
    assert chunk is not None
    assert open_imports(state, "verband", but=0) == []
    answer(state, sending.grip, chunk, [], ticket="T1", now=sending.world.tick())
    (left,) = open_imports(state, "verband", but=0)
    assert (left.job_id, left.ticket, left.rows, left.polls) == (sending.job_id, "T1", 3, 0)
    assert open_imports(state, "verband", but=sending.grip.job_no) == [], "its own is its own"
    assert open_imports(state, "other", but=0) == []


def test_folding_makes_members_ours_and_journals_every_row_once(tmp_path: Path) -> None:
    sending = _adds(tmp_path)
    world = sending.world
    sending.send(
        Action.ADD,
        2,
        p1=(Outcome.WITHHELD, "compliance-state"),
        p2=(Outcome.WITHHELD, "erased-remotely"),
        p3=(Outcome.REJECTED, "address-refused"),
    )
    sending.fold()
    sending.fold()
    entries = world.state.db.execute("SELECT address_key, what, reason FROM journal ORDER BY no").fetchall()
    assert sorted(entries) == [
        ("p0@example.org", "added", "added"),
        ("p1@example.org", "withheld", "compliance-state"),
        ("p2@example.org", "withheld", "erased-remotely"),
        ("p3@example.org", "rejected", "address-refused"),
        ("p4@example.org", "added", "added"),
    ]
    assert world.classes() == {
        "p0@example.org": "existing-ignored/in-sync",
        "p1@example.org": "unsubscribed-ignored/compliance-state",
        "p2@example.org": "unsubscribed-ignored/erased-remotely",
        "p3@example.org": "new/unknown-at-platform",
        "p4@example.org": "existing-ignored/in-sync",
        "there@example.org": "foreign/foreign",
    }, "R28: end states are remembered and skipped; what was refused comes again"


def test_unsubscriptions_removals_and_moves_are_folded(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR, address_change=AddressChange.MOVE)
    names = ("no", "away", "old", "stays")
    world.listing(
        *(member(f"{name}@example.org", first="Old" if name == "stays" else "Eva") for name in names)
    )
    world.ours(*(f"{name}@example.org" for name in names))
    world.source(*(Person(f"{name}@example.org", name) for name in names))
    world.source(
        Person("no@example.org", "no", opted_out=True),
        Person("new@example.org", "old"),
        Person("stays@example.org", "stays"),
    )
    sending = Sending(world, world.plan())
    for action in (Action.UNSUBSCRIBE, Action.CHANGE, Action.MOVE, Action.REMOVE):
        sending.send(action)
    sending.fold()
    assert sending.counts() == {"sent": 4}
    assert world.classes() == {
        "no@example.org": "unsubscribed-ignored/unsubscribed",
        "away@example.org": "existing-ignored/archived",
        "new@example.org": "existing-ignored/in-sync",
        "stays@example.org": "changed/fields-differ",
    }, "what a change made of the fields is learned by reading"
    timeline = explain(world.state, "old@example.org").timeline
    assert ("moved", "now new@example.org") in [(entry.what, entry.detail) for entry in timeline]


def test_R17_what_reading_back_does_not_show_is_unverified(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("c@example.org", first="Old"), member("d@example.org", first="Old"))
    world.source(*(Person(f"{name}@example.org", name) for name in "abcd"))
    sending = Sending(world, world.plan())
    sending.send(Action.ADD)
    sending.send(Action.CHANGE)
    sending.fold()
    world.listing(member("a@example.org"), member("c@example.org"), whole=False)
    comparison = Comparison(FieldRules(world.link.fields, frozenset(), {}), sends_changes=True)
    missing = unverified(
        world.state, sending.grip.job_no, sending.plan, comparison, removal_leaves_record=True
    )
    assert [email for _, email, _ in missing] == ["b@example.org", "d@example.org"]
    mark_unverified(world.state, sending.grip.job_no, [n for n, _, _ in missing], world.tick())
    assert sending.counts() == {"sent": 2, "unverified": 2}


def test_outcomes_are_read_in_windows(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 9)
    sending.send(Action.ADD, 4, p3=(Outcome.REJECTED, "address-refused"))
    state, number = sending.world.state, sending.grip.job_no
    first = read_outcomes(state, number, sending.plan, limit=4)
    rest = read_outcomes(state, number, sending.plan, after=first[-1].n, limit=10)
    assert [row.email for row in first + rest] == [f"p{number}@example.org" for number in range(9)]
    (refused,) = read_outcomes(state, number, sending.plan, outcome=Outcome.REJECTED)
    assert (refused.email, refused.reason) == ("p3@example.org", "address-refused")


def test_I18_every_intent_is_one_row_of_the_audit(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 6)
    sending.send(Action.ADD, 2)
    state = sending.world.state
    rows = state.db.execute("SELECT operator, what, rows FROM audit ORDER BY no").fetchall()
    assert [(operator, count) for operator, _, count in rows] == [("ines", 2)] * 3
    assert all(sending.plan.digest in what for _, what, _ in rows)
    assert verify_audit(state) == []
    state.db.execute("UPDATE audit SET rows = 1 WHERE no = 2")
    assert verify_audit(state) != []


def test_the_journal_cannot_be_changed(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 1)
    sending.send(Action.ADD)
    sending.fold()
    import sqlite3

    for statement in ("UPDATE journal SET what = 'x'", "DELETE FROM journal"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            sending.world.state.db.execute(statement)


def test_R13_every_run_leaves_its_inverse(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR, address_change=AddressChange.MOVE)
    for name in ("gone", "old", "field", "no"):
        world.ours(f"{name}@example.org")
    world.listing(
        member("gone@example.org"),
        member("old@example.org"),
        member("field@example.org", first="Old"),
        member("no@example.org"),
    )
    world.ours(*(f"{name}@example.org" for name in ("gone", "old", "field", "no")))
    world.source(*(Person(f"{name}@example.org", name) for name in ("gone", "old", "field", "no")))
    world.source(
        Person("new@example.org", "old"),
        Person("field@example.org", "field"),
        Person("no@example.org", "no", opted_out=True),
        Person("added@example.org", "added"),
    )
    sending = Sending(world, world.plan())
    for action in Action:
        sending.send(action)
    sending.fold()
    undo_id = make_undo_plan(
        world.state, sending.plan, sending.grip.job_no, sending.job_id, operator="ines", now=world.tick()
    )
    assert undo_id is not None
    undo = get_plan(world.state, undo_id)
    assert is_undo(undo)
    assert undo.saved
    assert {(group.reason, group.action): group.rows for group in undo.groups} == {
        ("undo-change", Action.CHANGE): 1,
        ("undo-move", Action.MOVE): 1,
        ("undo-addition", Action.REMOVE): 1,
        ("cannot-undo", None): 2,
    }
    rows = {row.action: row for row in write_rows(world.state, undo, 0, undo.rows - 1 - 2)}
    assert rows[Action.CHANGE].payload == {"fields": {"FNAME": "Old"}}
    assert rows[Action.MOVE].payload == {"email": "old@example.org", "former": "new@example.org"}
    assert rows[Action.REMOVE].address_key == "added@example.org"
    world.listing(member("field@example.org"), member("added@example.org", Consent.UNSUBSCRIBED), whole=False)
    assert dict(undo_losses(world.state, undo)) == {rows[Action.REMOVE].n: "no-longer-needed"}
    assert make_undo_plan(world.state, undo, 99, "JOB", operator="ines", now=world.tick()) is None


def _moved(tmp_path: Path) -> tuple[Lists, Sending, Plan]:
    """A person whose address an export of ours changed, and the plan that takes it back."""
    world = lists(tmp_path, mode=Mode.MIRROR, address_change=AddressChange.MOVE)
    world.listing(member("old@example.org"))
    world.ours("old@example.org")
    world.source(Person("old@example.org", "7"))
    world.source(Person("new@example.org", "7"))
    sending = Sending(world, world.plan())
    sending.send(Action.MOVE)
    sending.fold()
    undo_id = make_undo_plan(
        world.state, sending.plan, sending.grip.job_no, sending.job_id, operator="ines", now=world.tick()
    )
    assert undo_id is not None
    return world, sending, get_plan(world.state, undo_id)


@pytest.mark.parametrize("listed", [False, True])
def test_R25_after_a_move_is_undone_the_change_is_open_again(tmp_path: Path, listed: bool) -> None:
    world, _, undo = _moved(tmp_path)
    assert world.classes() == {"new@example.org": "existing-ignored/in-sync"}
    undoing = Sending(world, undo)
    undoing.send(Action.MOVE)
    undoing.fold()
    if listed:
        world.listing(member("old@example.org"))
    assert world.classes() == {"new@example.org": "address-changed/address-move"}
    (row,) = world.rows()
    assert (row.action, row.former_email, row.origin_id) == (
        Action.MOVE,
        "old@example.org",
        "o-old@example.org",
    )
    again = Sending(world, world.plan())
    again.send(Action.MOVE)
    again.fold()
    assert again.counts() == {"sent": 1}
    assert world.classes() == {"new@example.org": "existing-ignored/in-sync"}


def test_I14_after_a_move_is_undone_an_opt_out_counts_for_the_new_address(tmp_path: Path) -> None:
    world, _, undo = _moved(tmp_path)
    undoing = Sending(world, undo)
    undoing.send(Action.MOVE)
    undoing.fold()
    world.listing(member("old@example.org", Consent.UNSUBSCRIBED))
    assert world.classes() == {"new@example.org": "unsubscribed-ignored/opted-out-under-former-address"}


def test_R25_a_move_settles_also_what_was_kept_of_a_person_missing_from_the_source(tmp_path: Path) -> None:
    world, _, undo = _moved(tmp_path)
    world.source(Person("new@", "7"))
    undoing = Sending(world, undo)
    undoing.send(Action.MOVE)
    undoing.fold()
    world.source(Person("new@example.org", "7"))
    assert world.classes() == {"new@example.org": "address-changed/address-move"}


def test_F1_explain_tells_what_was_done_since_the_plan(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR, address_change=AddressChange.MOVE)
    names = ("no", "away", "old", "field")
    world.listing(*(member(f"{name}@example.org", first="Old") for name in names))
    world.ours(*(f"{name}@example.org" for name in names))
    world.source(*(Person(f"{name}@example.org", name) for name in names))
    world.source(
        Person("no@example.org", "no", opted_out=True),
        Person("new@example.org", "old"),
        Person("field@example.org", "field"),
        Person("added@example.org", "added"),
    )
    sending = Sending(world, world.plan())

    def told() -> dict[str, str]:
        names = ("no", "away", "new", "field", "added")
        return {name: explain(world.state, f"{name}@example.org").links[0].reason for name in names}

    assert told() == {
        "no": "source-withdrew",
        "away": "gone-from-source",
        "new": "address-move",
        "field": "fields-differ",
        "added": "unknown-at-platform",
    }
    for action in Action:
        sending.send(action)
    sending.fold()
    assert told() == {
        "no": "unsubscribed",
        "away": "removed",
        "new": "in-sync",
        "field": "in-sync",
        "added": "in-sync",
    }
    answer = explain(world.state, "away@example.org").answer
    assert "next export" not in answer
    assert "removed" in answer
    undo_id = make_undo_plan(
        world.state, sending.plan, sending.grip.job_no, sending.job_id, operator="ines", now=world.tick()
    )
    assert undo_id is not None
    undoing = Sending(world, get_plan(world.state, undo_id))
    for action in Action:
        undoing.send(action)
    undoing.fold()
    assert told() == {
        "no": "unsubscribed",
        "away": "removed",
        "new": "moved-at-platform",
        "field": "fields-differ",
        "added": "removed",
    }


@pytest.mark.parametrize(("raw", "expected"), [("archived", "archived"), ("odd", "status-unknown")])
def test_F1_explain_tells_what_the_platform_did_since_the_plan(
    tmp_path: Path, raw: str, expected: str
) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("away@example.org"))
    world.ours("away@example.org")
    world.plan()
    world.listing(member("away@example.org", Consent.UNKNOWN, raw=raw))
    assert explain(world.state, "away@example.org").links[0].reason == expected


def test_F1_explain_tells_everything_newest_first(tmp_path: Path) -> None:
    sending = _adds(tmp_path, 2)
    world = sending.world
    sending.send(Action.ADD)
    sending.fold()
    world.listing(member("p0@example.org"), member("p1@example.org"), whole=False)
    told = explain(world.state, " P0@Example.ORG ")
    assert told.answer.startswith("P0@Example.ORG gets our mail from")
    world.listing(member("p0@example.org", Consent.UNSUBSCRIBED), whole=False)
    told = explain(world.state, "p0@example.org")
    assert "does not get" in told.answer
    assert "unsubscribed" in told.answer
    assert [entry.what for entry in told.timeline] == ["consent", "added"]
    assert [entry.at for entry in told.timeline] == sorted(
        (entry.at for entry in told.timeline), reverse=True
    )
    (view,) = told.links
    assert (view.consent, view.origin_id, view.source_ids, view.ours) == (
        Consent.UNSUBSCRIBED,
        "o-p0@example.org",
        ("0",),
        True,
    )
    nobody = explain(world.state, "nobody@example.org")
    assert not nobody.known
    assert "not known here" in nobody.answer
