"""Fields that go both ways, over a whole run: a CSV file and an audience, with what really stands on both sides."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import pytest

from adapters.sandbox.people import person
from state.model import Action, JobKind
from tests.integration.world import CONTACTS, LINK, SEED, World, email_of, standing

FIELDS = (
    '{ FNAME = { column = "first_name", two_way = true }, LNAME = { column = "last_name", two_way = true } }'
)
EVA, BEN, CAI, DEA = standing("subscribed", 4)


@pytest.fixture
def both(world: World) -> World:
    """Some people on whom both sides agree, on a link with two-way fields; ledger rows count from here."""
    world.link(fields=FIELDS)
    world.put_all(standing("subscribed", 20))
    world.save()
    assert world.preview().writes == 0
    world.mark()
    return world


def edit(world: World, i: int, **fields: str) -> None:
    """Somebody changes a member at the platform."""
    world.control("edit", email=email_of(i), fields=fields)


def returned(world: World) -> list[dict[str, str]]:
    path = world.folder / "members.returned.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def take_over(world: World) -> None:
    """A person carries the file of returned changes over into the source, and puts it away."""
    for row in returned(world):
        news = {name: row[name] for name in json.loads(row["returned columns"])}
        world.change(int(row["person_id"]), **news)
    (world.folder / "members.returned.csv").unlink()
    world.save()


def shown_at_platform(world: World, i: int) -> dict[str, str]:
    """FNAME and LNAME as a fresh whole listing tells them."""
    world.preview()
    found = world.member(email_of(i))
    assert found is not None
    return dict(zip(("FNAME", "LNAME"), str(found["mapped"]).split("\x1f"), strict=True))


def test_a_field_changed_there_one_here_and_one_on_both_are_shown_three_way(both: World) -> None:
    edit(both, EVA, LNAME="Dort")
    both.change(BEN, first_name="Hier")
    edit(both, CAI, LNAME="Dort")
    both.change(CAI, last_name="Hier")
    both.save()
    plan = both.preview()
    assert plan.writes_by_action() == {Action.WRITE_BACK: 1, Action.CHANGE: 1}
    there, here, clash = (both.plan_row(plan, email_of(i)) for i in (EVA, BEN, CAI))
    assert (there.reason, here.reason, clash.reason) == (
        "changed-at-platform",
        "fields-differ",
        "field-conflict",
    )
    (one,) = there.differences
    assert (one.name, one.agreed, one.after, one.at_source) == ("LNAME", one.before, "Dort", True)
    (one,) = here.differences
    assert (one.name, one.agreed, one.after, one.at_source) == ("FNAME", one.before, "Hier", False)
    (one,) = clash.differences
    assert (one.before, one.after) == ("Dort", "Hier")
    assert one.agreed not in (None, "Dort", "Hier")


@pytest.mark.parametrize("rule", ["ask", "source", "platform"])
def test_R47_three_runs_end_without_a_write_and_nothing_goes_to_and_fro(both: World, rule: str) -> None:
    both.link(more=f'conflict = "{rule}"')
    edit(both, EVA, LNAME="Dort")
    both.change(BEN, first_name="Hier")
    edit(both, CAI, FNAME="Dort", LNAME="Dort")
    both.change(CAI, last_name="Hier")
    edit(both, DEA, FNAME="Dort")
    both.change(DEA, last_name="Hier")
    both.save()
    source = (both.folder / "members.csv").read_bytes()
    first = both.export()
    assert first.exit_code == 0, first.log
    assert (both.folder / "members.csv").read_bytes() == source, "the source itself is never edited"
    journal = [what for what, _, _ in both.journal(email_of(EVA))]
    assert journal[-1] == "written-beside"
    take_over(both)
    second = both.export()
    assert second.exit_code == 0, second.log
    both.mark()
    handed = returned(both)
    third = both.export()
    assert third.job.reason == "nothing-to-do", third.log
    assert both.mutations() == []
    assert returned(both) == handed
    assert both.rows[str(EVA)].last_name == "Dort"
    assert shown_at_platform(both, BEN)["FNAME"] == "Hier"
    assert (both.rows[str(DEA)].first_name, shown_at_platform(both, DEA)["LNAME"]) == ("Dort", "Hier")
    held = (both.rows[str(CAI)].last_name, shown_at_platform(both, CAI)["LNAME"])
    assert held == {"ask": ("Hier", "Dort"), "source": ("Hier", "Hier"), "platform": ("Dort", "Dort")}[rule]


def test_what_was_handed_over_waits_until_the_source_shows_it(both: World) -> None:
    edit(both, EVA, LNAME="Dort")
    ended = both.export()
    assert dict(ended.counts) == {"sent": 1}, ended.log
    (row,) = returned(both)
    assert (row["person_id"], row["last_name"], row["returned columns"]) == (
        str(EVA),
        "Dort",
        '["last_name"]',
    )
    assert "verband" in row["returned from"]
    plan = both.preview()
    assert plan.writes == 0
    assert both.plan_row(plan, email_of(EVA)).reason == "returned-to-source"
    take_over(both)
    plan = both.preview()
    assert both.plan_row(plan, email_of(EVA)).reason == "in-sync"


def test_what_was_agreed_goes_along_with_a_person_who_changes_the_address(both: World) -> None:
    both.link(more='address_change = "move"')
    edit(both, EVA, LNAME="Dort")
    both.change(EVA, email="moved@example.org", first_name="Hier")
    both.save()
    plan = both.preview()
    assert plan.writes_by_action() == {Action.MOVE: 1}
    (one,) = both.plan_row(plan, "moved@example.org").differences
    assert (one.name, one.after, one.at_source) == ("FNAME", "Hier", False), (
        "what goes back waits for the move"
    )
    assert dict(both.export(plan).counts) == {"sent": 1}
    plan = both.preview()
    row = both.plan_row(plan, "moved@example.org")
    assert (row.reason, [one.name for one in row.differences]) == ("changed-at-platform", ["LNAME"])
    assert dict(both.export(plan).counts) == {"sent": 1}
    take_over(both)
    assert both.export().job.reason == "nothing-to-do"


def test_I13_a_preview_writes_nothing_beside_the_source(both: World) -> None:
    edit(both, EVA, LNAME="Dort")
    assert both.preview().writes_by_action() == {Action.WRITE_BACK: 1}
    assert sorted(path.name for path in both.folder.glob("members*")) == ["members.csv"]
    assert both.mutations() == []


def test_what_the_source_changed_after_the_plan_loses_its_write(both: World) -> None:
    edit(both, EVA, LNAME="Dort")
    plan = both.preview()
    both.change(EVA, last_name="Hier")
    both.save()
    ended = both.export(plan)
    assert returned(both) == []
    assert both.outcome(ended.job.job_id, email_of(EVA)) == ("withheld", "field-conflict")


@pytest.mark.parametrize("step", [1, 2, 3])
def test_I03_a_job_killed_while_it_writes_back_goes_on_and_hands_nothing_over_twice(
    both: World, step: int
) -> None:
    people = standing("subscribed", 3)
    for i in people:
        edit(both, i, LNAME="Dort")
    both.change(DEA, first_name="Hier")
    both.save()
    job_id = both.new_export(both.preview())
    assert both.killed(job_id, crash_at=f"journal:{step}") == -9, "the kill did not hit"
    ended = both.finish(job_id)
    assert ended.exit_code == 0, ended.log
    assert sorted(row["person_id"] for row in returned(both)) == sorted(map(str, people))
    plan = both.preview()
    assert plan.writes == 0
    for i in people:
        assert both.plan_row(plan, email_of(i)).reason == "returned-to-source"


def test_who_opted_out_meanwhile_is_not_written_back(both: World) -> None:
    edit(both, EVA, LNAME="Dort")
    plan = both.preview()
    both.control("unsubscribe", email=email_of(EVA))
    ended = both.export(plan)
    assert both.outcome(ended.job.job_id, email_of(EVA))[0] == "withheld"
    assert returned(both) == []


def test_R11_many_rows_for_the_source_want_their_number(both: World) -> None:
    people = standing("subscribed", 11)
    for i in people:
        edit(both, i, LNAME="Dort")
    plan = both.preview()
    (guard,) = plan.guards
    assert (guard.reason, guard.value, guard.limit) == ("too-many-write-backs", 11, 10)
    refused = both.export(plan)
    assert (refused.exit_code, refused.job.reason) == (5, "too-many-write-backs")
    assert returned(both) == []
    for typed, code in ((10, 5), (11, 0)):
        ended = both.export(plan, max_write_backs=typed, max_removals=1_000)
        assert ended.exit_code == code, ended.log
    assert len(returned(both)) == 11


def test_people_found_on_the_list_are_created_once(both: World) -> None:
    both.link(more="create_contacts = true")
    plan = both.preview()
    (guard,) = plan.guards
    creations = plan.writes_by_action()[Action.CREATE]
    assert (guard.reason, guard.value) == ("too-many-write-backs", creations)
    created = {row["email"] for row in _planned(both, plan.plan_id)}
    platform = both.platform()
    assert {platform[email] for email in created} == {"subscribed"}
    known = {row.email.lower() for row in both.rows.values()}
    assert created == {email for email, word in platform.items() if word == "subscribed"} - known
    ended = both.export(plan, max_write_backs=creations)
    assert dict(ended.counts) == {"sent": creations}, ended.log
    rows = returned(both)
    assert {row["email"].lower() for row in rows} == created
    assert {row["person_id"] for row in rows} == {""}
    assert both.mutations() == []
    again = both.preview()
    assert again.writes == 0
    assert {group.reason for group in again.groups if group.row_class.value == "foreign"} >= {
        "create-awaited"
    }


def _planned(world: World, plan_id: str) -> list[dict[str, str]]:
    return [
        {"email": str(key)}
        for (key,) in world.sql(
            "SELECT r.address_key FROM plan_rows r JOIN plans p ON p.no = r.plan_no AND p.plan_id = ?"
            " JOIN plan_groups g ON g.plan_no = p.no AND r.n BETWEEN g.first AND g.first + g.rows - 1"
            " WHERE g.action = 'create'",
            plan_id,
        )
    ]


def test_R33_force_update_sends_everybody_once_a_day(both: World) -> None:
    both.link(more='force_update = "all"')
    assert both.preview().writes == 0, "the first time only takes note"
    both.ahead += 3600
    assert both.preview().writes == 0
    both.ahead += 24 * 3600
    plan = both.preview()
    assert plan.writes_by_action() == {Action.CHANGE: 20}
    ended = both.export(plan)
    assert dict(ended.counts) == {"sent": 20}, ended.log
    assert both.export().job.reason == "nothing-to-do"
    both.ahead += 24 * 3600
    both.link(more='force_update = "none"')
    assert both.preview().writes == 0


def test_an_export_that_looks_afresh_forces_nothing_nobody_has_seen(both: World) -> None:
    both.link(more='force_update = "all"')
    both.change(BEN, first_name="Hier")
    both.save()
    plan = both.preview()
    both.ahead += 25 * 3600
    ended = both.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 1}), ended.log


def test_R13_what_was_written_into_the_source_is_in_the_undo_plan_as_not_to_be_undone(both: World) -> None:
    edit(both, EVA, LNAME="Dort")
    both.change(BEN, first_name="Hier")
    both.save()
    ended = both.export()
    assert dict(ended.counts) == {"sent": 2}, ended.log
    assert "source updated: 1 written back, 0 created" in ended.log
    ((undo_id,),) = both.sql(
        "SELECT plan_id FROM plans WHERE json_extract(basis, '$.undo_of') = ?", ended.job.job_id
    )
    undo = both.plan(undo_id)
    assert {(group.reason, group.action): group.rows for group in undo.groups} == {
        ("undo-change", Action.CHANGE): 1,
        ("cannot-undo", None): 1,
    }
    assert undo.writes == 1


def test_R33_a_refresh_previews_the_count_also_with_two_way_fields(both: World) -> None:
    edit(both, EVA, LNAME="Dort")
    end = both.run(JobKind.REFRESH, link=LINK)
    assert end.counts == {"marked": 20, "to_send": 19}
    assert both.mutations() == []
    ended = both.export()
    assert dict(ended.counts) == {"sent": 20}, ended.log
    take_over(both)
    assert dict(both.export().counts) == {"sent": 1}, (
        "who was written back is sent the rest with the next plan"
    )
    assert both.export().job.reason == "nothing-to-do"


def test_the_plan_says_what_of_the_source_it_rests_on(both: World) -> None:
    basis = both.preview().basis
    assert basis["source_membership"] == "file members.csv"
    modified = Path(both.folder / "members.csv").stat().st_mtime
    as_of = basis["source_as_of"]
    assert as_of.endswith("Z")
    assert abs(datetime.fromisoformat(as_of).timestamp() - modified) < 1
    (details,) = both.sql("SELECT details FROM source_reads ORDER BY no DESC LIMIT 1")[0]
    assert "encoding" in str(details)


def test_several_columns_go_into_a_text_field_only(both: World) -> None:
    both.control("add-field", tag="AGE", type="number", name="Age")
    both.link(fields='{ AGE = ["first_name", "last_name"] }')
    end = both.run(JobKind.PREVIEW, link=LINK)
    assert (end.exit_code, end.reason) == (8, "field-type")
    assert "AGE (of the type number)" in end.text
    assert both.mutations() == []


def test_a_new_person_is_agreed_on_once_the_list_shows_them(both: World) -> None:
    new = CONTACTS + 3
    both.put(new)
    both.save()
    assert dict(both.export().counts) == {"sent": 1}
    assert both.preview().writes == 0
    who = person(SEED, new)
    edit(both, new, LNAME="Dort")
    plan = both.preview()
    row = both.plan_row(plan, email_of(new))
    assert (row.reason, row.differences[0].agreed) == ("changed-at-platform", who.last_name)
