"""The plan is what is sent (design law 2): what was added or altered since stops it, what was lost is withheld."""

from __future__ import annotations

import pytest

from state.model import Plan
from tests.integration.world import World, standing

KNOWN = standing("subscribed", 40)
NEW = range(500, 520)


@pytest.fixture
def plan(world: World) -> Plan:
    """Twenty additions and one change."""
    world.put_all(KNOWN)
    world.change(KNOWN[0], first_name="Changed")
    world.put_all(NEW)
    world.save()
    plan = world.preview()
    assert plan.counts["new"] == 20
    assert plan.counts["changed"] == 1
    world.mark()
    return plan


def test_law_2_a_field_changed_in_the_source_since_makes_the_plan_stale(world: World, plan: Plan) -> None:
    address = world.put(505, first_name="Other")
    world.save()
    ended = world.export(plan)
    assert ended.exit_code == 4
    assert ended.job.reason == "plan-stale"
    assert world.mutations() == []
    assert "1 row " in ended.job.text
    with_files = world.sql("SELECT name, body FROM job_files")
    assert [name for name, _ in with_files] == ["stale-rows.txt"]
    assert with_files[0][1].decode().split("\t")[0].lower() == address.lower()


def test_F2_a_new_row_since_makes_the_plan_stale_and_is_shown_alone(world: World, plan: Plan) -> None:
    address = world.put(900)
    world.save()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (4, "plan-stale")
    assert world.mutations() == []
    ((body,),) = world.sql("SELECT body FROM job_files")
    (line,) = body.decode().splitlines()
    assert line.split("\t")[0].lower() == address.lower()


def test_I02_another_mapping_since_makes_the_plan_stale(world: World, plan: Plan) -> None:
    world.link(fields='{ FNAME = "last_name" }')
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (4, "plan-stale")
    assert world.mutations() == []


def test_I02_another_list_since_makes_the_plan_stale(world: World, plan: Plan) -> None:
    world.link(list_id=world.double_opt_in_list)
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (4, "plan-stale")
    assert world.mutations() == []


def test_a_stale_plan_says_what_to_do_next(world: World, plan: Plan) -> None:
    world.put(900)
    world.save()
    assert "new preview" in world.export(plan).log


def test_I01_an_unsubscription_since_withholds_that_row_alone(world: World, plan: Plan) -> None:
    gone = world.rows[str(KNOWN[0])].email
    world.control("unsubscribe", email=gone)
    ended = world.export(plan)
    assert ended.exit_code == 0
    assert dict(ended.counts) == {"sent": 20, "withheld": 1}
    assert world.outcome(ended.job.job_id, gone) == ("withheld", "unsubscribed")
    assert gone.lower() not in world.asked()


def test_who_joined_by_the_form_since_is_withheld(world: World, plan: Plan) -> None:
    joined = world.rows["510"].email
    row = world.rows["510"]
    world.control("subscribe", email=joined, fields={"FNAME": row.first_name, "LNAME": row.last_name})
    ended = world.export(plan)
    assert ended.exit_code == 0
    assert world.outcome(ended.job.job_id, joined)[0] == "withheld"
    assert joined.lower() not in world.asked()
    assert joined.lower() not in world.ours()


def test_who_left_the_source_since_is_withheld(world: World, plan: Plan) -> None:
    left = world.rows["510"].email
    world.drop([510])
    world.save()
    ended = world.export(plan)
    assert ended.exit_code == 0
    assert dict(ended.counts) == {"sent": 20, "withheld": 1}
    assert left.lower() not in world.asked()


def test_who_opted_out_at_the_source_since_is_withheld(world: World, plan: Plan) -> None:
    world.change(510, newsletter_no="yes")
    world.save()
    ended = world.export(plan)
    assert ended.exit_code == 0
    assert world.outcome(ended.job.job_id, world.rows["510"].email) == ("withheld", "opted-out-at-source")


def test_a_plan_is_exported_once(world: World, plan: Plan) -> None:
    assert world.export(plan).exit_code == 0
    world.mark()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (4, "plan-used")
    assert world.mutations() == []


def test_what_another_job_of_ours_sent_of_a_plan_makes_it_not_stale(world: World, plan: Plan) -> None:
    everybody = dict(world.rows)
    world.drop(range(510, 520))
    world.save()
    assert dict(world.export().counts) == {"sent": 11}
    world.rows = everybody
    world.save()
    world.mark()
    ended = world.export(plan)
    assert ended.exit_code == 0
    assert dict(ended.counts) == {"sent": 10, "withheld": 11}
    assert len(world.ops("add")) == 10
    assert world.outcome(ended.job.job_id, world.rows["501"].email) == ("withheld", "in-sync")


def test_what_we_sent_to_another_list_does_not_explain_a_change_here(world: World, plan: Plan) -> None:
    world.link("courses", list_id=world.double_opt_in_list)
    assert world.export(link="courses").exit_code == 0
    world.put(505, first_name="Other")
    world.save()
    world.mark()
    ended = world.export(plan)
    assert ended.exit_code == 4
    assert world.mutations() == []


def test_the_digest_names_what_is_sent(world: World, plan: Plan) -> None:
    again = world.preview()
    assert again.digest != ""
    world.change(KNOWN[0], first_name="Once more")
    world.save()
    assert world.preview().digest != again.digest
