"""Brakes (design law 6): what is empty, shrunken, incomplete or too much stops, and nothing is changed by it."""

from __future__ import annotations

import pytest

from state.model import JobKind
from state.planning import removal_limit
from tests.integration.world import EVA, LINK, World, email_of, standing

KNOWN = standing("subscribed", 60)


@pytest.fixture(autouse=True)
def _read_once(world: World) -> None:
    """A source of sixty that was read before."""
    world.put_all(KNOWN)
    world.put_all(range(500, 520))
    world.save()
    world.preview()
    world.mark()


def emptied(world: World) -> None:
    world.rows.clear()
    world.save()


def halved(world: World) -> None:
    world.drop(KNOWN[:45])
    world.save()


@pytest.mark.parametrize(("fault", "reason"), [(emptied, "source-empty"), (halved, "source-shrank")])
def test_R09_a_source_that_lost_its_people_stops_the_preview(
    world: World, fault: object, reason: str
) -> None:
    before = world.contents()
    fault(world)  # type: ignore[operator]
    end = world.run(JobKind.PREVIEW, link=LINK)
    assert (end.exit_code, end.reason) == (5, reason)
    assert f"--allow-empty-source {LINK}" in end.next
    assert world.mutations() == []
    assert world.contents() == before


@pytest.mark.parametrize("mode", ["add-only", "update", "mirror"])
@pytest.mark.parametrize(("fault", "reason"), [(emptied, "source-empty"), (halved, "source-shrank")])
def test_I09_a_source_that_lost_its_people_after_the_plan_stops_the_export(
    world: World, fault: object, reason: str, mode: str
) -> None:
    world.link(mode=mode)
    plan = world.preview()
    before = world.contents()
    fault(world)  # type: ignore[operator]
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (5, reason)
    assert world.mutations() == []
    assert world.contents() == before


def test_I09_a_refused_export_is_no_new_measure_for_the_next_preview(world: World) -> None:
    plan = world.preview()
    halved(world)
    assert world.export(plan).exit_code == 5
    assert world.run(JobKind.PREVIEW, link=LINK).reason == "source-shrank"


def test_a_missing_source_is_a_matter_of_the_settings(world: World) -> None:
    before = world.contents()
    (world.folder / "members.csv").unlink()
    end = world.run(JobKind.PREVIEW, link=LINK)
    assert (end.exit_code, end.reason) == (8, "source-missing")
    assert world.mutations() == []
    assert world.contents() == before


def test_a_source_that_is_missing_after_the_plan_stops_the_export(world: World) -> None:
    plan = world.preview()
    (world.folder / "members.csv").unlink()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (8, "source-missing")
    assert world.mutations() == []


def test_R09_a_person_may_let_an_empty_source_pass_once(world: World) -> None:
    emptied(world)
    assert world.run(JobKind.PREVIEW, link=LINK, allow_empty_source=True).exit_code == 0
    world.put_all(KNOWN)
    world.save()
    assert world.run(JobKind.PREVIEW, link=LINK).exit_code == 0
    emptied(world)
    assert world.run(JobKind.PREVIEW, link=LINK).exit_code == 5


def test_R10_both_sides_empty_is_fine(world: World) -> None:
    world.link("courses", list_id=world.rehearsal("limit")[1], source="nobody", connection="small")
    world.keys["small"] = world.rehearsal("limit")[0]
    rows, world.rows = world.rows, {}
    world.save("nobody")
    world.rows = rows
    assert world.run(JobKind.PREVIEW, link="courses", allow_empty_source=True).exit_code == 0
    assert world.run(JobKind.PREVIEW, link="courses").exit_code == 0


def test_R39_a_total_that_does_not_match_is_an_incomplete_listing(world: World) -> None:
    plan = world.preview()
    before = world.contents()
    world.control("total-lies", delta=3)
    end = world.run(JobKind.PREVIEW, link=LINK)
    assert (end.exit_code, end.reason) == (5, "listing-incomplete")
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (5, "listing-incomplete")
    assert world.mutations() == []
    assert world.contents() == before


def test_R40_a_cut_listing_yields_no_removal(world: World) -> None:
    world.link(mode="mirror")
    assert world.export().exit_code == 0
    world.drop(range(500, 506))
    world.save()
    world.ahead = 8 * 86_400  # a whole listing is due
    world.control("fail-next", count=50, body="truncate", path="/members")
    world.mark()
    end = world.run(JobKind.PREVIEW, link=LINK)
    assert end.exit_code == 5, end
    assert world.sql("SELECT count(*) FROM plan_groups WHERE reason = 'gone-from-source'") == [(0,)]
    assert world.mutations() == []


def leave(world: World, count: int) -> None:
    """That many of ours leave the source of a mirror."""
    world.put_all(range(520, 560))
    world.save()
    world.link(mode="mirror")
    assert world.export().exit_code == 0
    world.drop(range(500, 500 + count))
    world.save()
    world.mark()


def test_R10_removals_up_to_the_limit_pass(world: World) -> None:
    leave(world, 20)
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 20})
    assert len(world.ops("remove")) == 20


@pytest.mark.parametrize("typed", [None, 0, 24])
def test_R10_more_removals_than_the_limit_stop_the_export(world: World, typed: int | None) -> None:
    leave(world, 25)
    plan = world.preview()
    (guard,) = plan.guards
    assert (guard.reason, guard.value) == ("too-many-removals", 25)
    before = world.contents()
    ended = world.export(plan, max_removals=typed)
    assert (ended.exit_code, ended.job.reason) == (5, "too-many-removals")
    assert f"--plan {plan.plan_id} --max-removals 25" in ended.log
    assert world.mutations() == []
    assert world.contents() == before


def test_R10_the_number_typed_lets_them_pass(world: World) -> None:
    leave(world, 25)
    ended = world.export(world.preview(), max_removals=25)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 25})


def test_R04_withdrawals_count_as_removals(world: World) -> None:
    for i in KNOWN[:25]:
        world.change(i, newsletter_no="yes")
    world.save()
    plan = world.preview()
    assert [(guard.reason, guard.value) for guard in plan.guards] == [("too-many-removals", 25)]
    assert world.export(plan).exit_code == 5
    assert world.mutations() == []


def test_R12_members_that_are_not_ours_are_never_removed(world: World) -> None:
    world.link(mode="mirror")
    world.drop(KNOWN[:15])
    world.save()
    ended = world.export()
    assert ended.exit_code == 0
    assert world.ops("remove") == []
    plan = world.preview()
    assert world.plan_row(plan, email_of(KNOWN[0])).row_class.value == "foreign"


def test_R11_a_mass_of_opt_outs_waits_for_a_person(world: World) -> None:
    before = world.contents()
    world.control("unsubscribe", emails=[email_of(i) for i in KNOWN[:30]])
    end = world.feedback()
    assert (end.exit_code, end.reason) == (5, "too-many-opt-outs")
    assert f"listwarden feedback {LINK} --max-removals 30" in end.next
    assert world.contents() == before
    assert world.feedback(max_removals=29).exit_code == 5
    assert world.feedback(max_removals=30).counts["opted_out"] == 30


def test_R11_an_export_stops_at_a_mass_of_opt_outs_too(world: World) -> None:
    plan = world.preview()
    world.control("unsubscribe", emails=[email_of(i) for i in KNOWN[:30]])
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (5, "too-many-opt-outs")
    assert world.mutations() == []


def test_R31_a_required_field_nobody_maps_stops_additions_before_the_first(world: World) -> None:
    world.link(
        list_id=str(world.sandbox.ready["lists"]["mailchimp"][2]["id"]), fields='{ FNAME = "first_name" }'
    )
    plan = world.preview()
    assert [guard.reason for guard in plan.guards] == ["required-field-unmapped"]
    assert world.export(plan).exit_code == 5
    assert world.mutations() == []


def test_R31_a_mapped_field_the_list_lacks_is_said_before_the_first_write(world: World) -> None:
    world.link(fields='{ NICKNAME = "first_name" }')
    end = world.run(JobKind.PREVIEW, link=LINK)
    assert (end.exit_code, end.reason) == (8, "field-missing")
    assert "NICKNAME" in end.text
    assert world.mutations() == []


def test_the_refusal_is_kept_with_the_job(world: World) -> None:
    emptied(world)
    end = world.run(JobKind.PREVIEW, link=LINK)
    ended = world.ended(end.exit_code, end.job_id)
    assert (ended.job.state.value, ended.job.exit_code, ended.job.operator) == ("failed", 5, EVA.name)
    assert "source-empty" in ended.log


def test_ids_given_anew_do_not_hand_subscriptions_over_unseen(world: World) -> None:
    world.link(mode="update", more='address_change = "move"')
    world.put_all(range(500, 530))
    world.save()
    assert world.export().exit_code == 0
    for i in range(500, 530):
        world.change(i, email=f"stranger{i}@example.org")
    world.save()
    plan = world.preview()
    limit = removal_limit(int(plan.basis["listing_rows"]))
    assert limit < 30
    assert [(guard.reason, guard.value, guard.limit) for guard in plan.guards] == [
        ("too-many-moves", 30, limit)
    ]
    world.mark()
    refused = world.export(plan, max_removals=29)
    assert (refused.exit_code, refused.job.reason) == (5, "too-many-moves")
    assert "--max-removals 30" in refused.log
    assert world.mutations() == []
    assert dict(world.export(plan, max_removals=30).counts) == {"sent": 30}
