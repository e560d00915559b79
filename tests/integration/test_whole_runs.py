"""Laws of a whole run: looking changes nothing, the plan is what happens, a second run is silent, undo takes back."""

from __future__ import annotations

import pytest

from state.audit import verify_audit
from state.model import Action, JobKind
from state.outcomes import outcome_counts
from tests.integration.club import SMALL, Club, Numbers, check_journal, check_sent, prepare
from tests.integration.world import LINK, READS, Row, World, email_of, standing


@pytest.fixture
def club(world: World) -> Club:
    return prepare(world, SMALL)


def everybody(world: World) -> None:
    """A source with somebody of every kind."""
    words = ("subscribed", "unsubscribed", "cleaned", "pending", "archived", "transactional", "forgotten")
    for word in words:
        for i in standing(word, 2):
            world.put(i, first_name="Other")
    world.put_all(standing("subscribed", 20, start=100))
    world.put_all(range(500, 510))
    world.rows["bad"] = Row("bad", "nobody")
    world.rows["none"] = Row("none", "")
    world.rows["twin"] = Row("twin", email_of(500), "Twin")
    world.save()


@pytest.mark.parametrize("mode", ["add-only", "update", "mirror"])
def test_R14_a_preview_only_reads(world: World, mode: str) -> None:
    everybody(world)
    world.link(mode=mode)
    before = world.platform()
    world.mark()
    world.preview()
    assert world.ledger()
    assert {row["method"] for row in world.ledger()} <= READS
    assert world.platform() == before


@pytest.mark.parametrize("kind", [JobKind.CHECK, JobKind.READ, JobKind.FEEDBACK])
def test_I13_looking_has_no_effects(world: World, kind: JobKind) -> None:
    world.mark()
    assert world.run(kind).exit_code == 0
    assert world.ledger()
    assert world.mutations() == []


def test_R33_a_refresh_marks_and_shows_and_sends_nothing(world: World) -> None:
    everybody(world)
    world.export()
    world.mark()
    end = world.run(JobKind.REFRESH, link=LINK)
    assert end.exit_code == 0
    assert end.counts["to_send"] == 32
    assert world.mutations() == []
    ended = world.export()
    assert dict(ended.counts) == {"sent": 32}, ended.log
    assert len(world.ops("change", ok=True)) == 32
    world.mark()
    assert world.export().job.reason == "nothing-to-do"


@pytest.mark.parametrize("mode", ["add-only", "update", "mirror"])
def test_I21_a_second_run_is_silent(world: World, mode: str) -> None:
    everybody(world)
    world.link(mode=mode)
    assert world.export().exit_code == 0
    world.mark()
    for _ in range(2):
        ended = world.export()
        assert (ended.exit_code, ended.job.reason) == (0, "nothing-to-do")
    assert world.mutations() == []


def test_R15_predicted_classes_are_the_journalled_ones(world: World, club: Club) -> None:
    ended = world.export(club.plan, **club.options)
    assert ended.exit_code == 0
    words = {
        Action.ADD: "added",
        Action.CHANGE: "changed",
        Action.MOVE: "moved",
        Action.REMOVE: "removed",
        Action.UNSUBSCRIBE: "unsubscribed-by-us",
    }
    origin = f"job:{ended.job.job_id}"
    told = dict(
        world.sql(
            "SELECT j.what, count(*) FROM journal j JOIN plan_rows p ON p.address_key = j.address_key"
            " JOIN plans n ON n.no = p.plan_no AND n.plan_id = ? WHERE j.origin = ? AND p.payload IS NOT NULL GROUP BY j.what",
            club.plan.plan_id,
            origin,
        )
    )
    assert told == {words[action]: rows for action, rows in club.plan.writes_by_action().items()}


def test_R18_the_total_is_the_sum_of_the_classes_and_of_the_outcomes(world: World) -> None:
    everybody(world)
    plan = world.preview()
    strangers = plan.counts["foreign"]
    assert plan.rows == sum(plan.counts.values()) == len(world.rows) + strangers
    members = world.sql("SELECT count(*) FROM members WHERE gone IS NULL")[0][0]
    known = {row.email.lower() for row in world.rows.values()}
    assert strangers == len([address for address in world.platform() if address not in known])
    assert members == len(world.platform())
    ended = world.export(plan)
    assert sum(ended.counts.values()) == plan.writes
    with world.state() as state:
        number = world.sql("SELECT no FROM jobs WHERE job_id = ?", ended.job.job_id)[0][0]
        assert sum(outcome_counts(state, number, plan).values()) == plan.writes


def test_R01_nobody_who_left_is_in_any_body_and_the_run_is_a_success(world: World) -> None:
    left = [*world.put_all(standing("unsubscribed", 8)), *world.put_all(standing("cleaned", 4))]
    world.put_all(range(500, 505))
    world.save()
    ended = world.export()
    assert (ended.exit_code, ended.job.state.value) == (0, "done")
    assert not world.asked() & {address.lower() for address in left}


def test_R12_a_lost_state_makes_everybody_foreign_and_removes_nobody(world: World, club: Club) -> None:
    assert world.export(club.plan, **club.options).exit_code == 0
    for path in world.state_path.parent.iterdir():
        if path.is_file():
            path.unlink()
    world.drop([i for i in range(10_030, 10_040) if str(i) in world.rows])
    world.save()
    world.mark()
    plan = world.preview()
    assert plan.counts["removed"] == 0
    assert world.export(plan).exit_code == 0
    assert world.ops("remove") == []


def test_every_write_is_in_the_audit_and_the_chain_holds(world: World, club: Club) -> None:
    ended = world.export(club.plan, **club.options)
    rows = world.sql("SELECT sum(rows) FROM audit WHERE job_id = ?", ended.job.job_id)
    assert rows == [(club.plan.writes,)]
    with world.state() as state:
        assert verify_audit(state) == []


def test_I04_requests_carry_the_job_and_its_fence(world: World, club: Club) -> None:
    ended = world.export(club.plan, **club.options)
    assert {row["run"] for row in world.mutations()} == {
        ended.job.job_id[-len(world.mutations()[0]["run"]) :]
    }
    assert len({row["fence"] for row in world.mutations()}) == 1


def test_R13_undo_takes_back_all_but_what_it_lists(world: World) -> None:
    club = prepare(world, Numbers(joining=60, changing=20, moving=10, leaving=12, withdrawing=8))
    ended = world.export(club.plan, **club.options)
    assert ended.exit_code == 0
    check_sent(world, club)
    check_journal(world, ended)
    ((undo_id,),) = world.sql(
        "SELECT plan_id FROM plans WHERE basis LIKE '%undo_of%' ORDER BY no DESC LIMIT 1"
    )
    undo = world.plan(undo_id)
    assert world.plan(undo_id).counts["existing-ignored"] == club.numbers.leaving + club.numbers.withdrawing
    removals = club.numbers.joining
    assert [(guard.reason, guard.value) for guard in undo.guards] == [("too-many-removals", removals)]
    assert world.export(undo).exit_code == 5
    taken_back = world.export(undo, max_removals=removals)
    assert taken_back.exit_code == 0, taken_back.log
    after = world.platform()
    gone = {
        row.email.lower()
        for row in world.outcomes(ended.job.job_id)
        if row.action in (Action.REMOVE, Action.UNSUBSCRIBE)
    }
    added = {row.email.lower() for row in world.outcomes(ended.job.job_id) if row.action is Action.ADD}
    assert {address: word for address, word in after.items() if address not in gone | added} == {
        address: word for address, word in club.before.items() if address not in gone
    }
    assert {after[address] for address in added} == {"archived"}
    names = world.sql("SELECT count(*) FROM members WHERE gone IS NULL AND mapped LIKE 'Changed%'")
    assert names == [(0,)]


def test_R13_an_undo_spares_who_moved_on_since(world: World) -> None:
    world.put_all(standing("subscribed", 20))
    first = standing("subscribed", 1)[0]
    world.change(first, first_name="Ours")
    world.put_all(range(500, 503))
    world.save()
    world.export()
    ((undo_id,),) = world.sql(
        "SELECT plan_id FROM plans WHERE basis LIKE '%undo_of%' ORDER BY no DESC LIMIT 1"
    )
    world.control("edit", email=email_of(first), fields={"FNAME": "Theirs"})
    world.control("unsubscribe", email=email_of(500))
    world.mark()
    ended = world.export(world.plan(undo_id))
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 2, "withheld": 2})
    assert world.asked() == {email_of(501).lower(), email_of(502).lower()}


def test_R13_pending_additions_can_be_taken_back(world: World) -> None:
    world.link(list_id=world.double_opt_in_list)
    world.put_all(range(500, 505))
    world.save()
    assert dict(world.export().counts) == {"sent": 5}
    ((undo_id,),) = world.sql(
        "SELECT plan_id FROM plans WHERE basis LIKE '%undo_of%' ORDER BY no DESC LIMIT 1"
    )
    ended = world.export(world.plan(undo_id))
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 5}), ended.log


def test_R32_blanks_keep_clear_or_skip(world: World) -> None:
    keep, clear, skip = standing("subscribed", 3)
    for i, policy, expected in ((keep, "keep", 0), (clear, "clear", 1), (skip, "skip", 0)):
        world.rows.clear()
        world.put(i, last_name="")
        world.save()
        world.link(more=f'blank = "{policy}"')
        plan = world.preview(allow_empty_source=True)
        assert plan.counts["changed"] == expected, policy


def test_R27_three_runs_in_a_row_end_with_no_change(world: World) -> None:
    """Values the platform stores in its own way are no differences."""
    world.rows["1"] = Row("1", "Dotted.Name+tag@Example.org", "  Anna ", "x" * 300)
    world.save()
    assert world.export().exit_code == 0
    world.mark()
    for _ in range(3):
        assert world.export().job.reason == "nothing-to-do"
    assert world.mutations() == []


def test_R38_killed_before_the_first_addition_nobody_is_missed(world: World) -> None:
    world.put_all(range(500, 510))
    world.save()
    plan = world.preview()
    job_id = world.new_export(plan)
    assert world.killed(job_id, die_in="adding") == -9
    world.mark()
    ended = world.finish(job_id)
    assert dict(ended.counts) == {"sent": 10}
