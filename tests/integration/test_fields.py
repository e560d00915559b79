"""Data fields over loopback: synchronized, created, counted, deleted; and everything that has to stop a deletion."""

from __future__ import annotations

from typing import Any

import pytest

from console.jobs.ends import JobEnd
from state.audit import read_audit
from state.fields import FieldRow, fields_time, remote_fields
from state.jobs import create_job
from state.leases import lease_name, take_lease
from state.liveness import ProcessMark
from state.model import JobKind, JobState, Operator
from state.store import open_state
from tests.integration.world import EVA, LINK, World, email_of, standing

PEOPLE = [email_of(i) for i in standing("subscribed", 5)]


@pytest.fixture(autouse=True)
def _source(world: World) -> None:
    world.put_all(standing("subscribed", 3))
    world.save()


def fields(world: World, action: str = "sync", **options: Any) -> JobEnd:
    return world.run(JobKind.FIELDS, action=action, **options)


def known(world: World, list_id: str = "") -> dict[str, FieldRow]:
    with world.state() as state:
        return {one.name: one for one in remote_fields(state, "verband", list_id or world.list_id)}


def log(world: World, end: JobEnd) -> str:
    return world.ended(0, end.job_id).log


def audit(world: World) -> list[tuple[str, int, str]]:
    with world.state() as state:
        return [(row.what, row.rows, row.operator.name) for row in read_audit(state)]


def clubbed(world: World, holders: int = 3) -> JobEnd:
    """A field CLUB that some people hold a value of."""
    end = fields(world, "create", name="CLUB", kind="text", label="Club", public=True, default="Bern")
    assert (end.exit_code, end.reason) == (0, "field-created"), end
    for email in PEOPLE[:holders]:
        world.control("edit", email=email, fields={"CLUB": "Thun"})
    world.mark()
    return end


# --- synchronizing ------------------------------------------------------------------------------------------


def test_a_synchronization_tells_what_appeared_went_and_changed(world: World) -> None:
    first = fields(world)
    assert (first.exit_code, first.reason) == (0, "ok")
    assert {"FNAME", "LNAME"} <= set(known(world))
    assert first.counts["fields"] == len(known(world))
    with world.state() as state:
        assert fields_time(state, "verband") is not None

    world.control("add-field", tag="CLUB", type="text", default="Bern")
    second = fields(world)
    assert second.result["appeared"] == [{"list": world.list_id, "name": "CLUB"}]
    assert known(world)["CLUB"].default == "Bern"

    world.control("remove-field", tag="CLUB")
    world.control("add-field", tag="CLUB", type="number")
    third = fields(world)
    assert third.result["retyped"] == [
        {"list": world.list_id, "name": "CLUB", "before": "text", "now": "number"}
    ]
    assert "was of type text and is number now" in log(world, third)

    world.control("remove-field", tag="CLUB")
    fourth = fields(world)
    assert fourth.result["gone"] == [{"list": world.list_id, "name": "CLUB"}]
    assert "CLUB" not in known(world)
    assert world.mutations() == []


def test_an_empty_answer_keeps_what_was_known(world: World) -> None:
    fields(world)
    before = set(known(world))
    world.control("remove-field", tags=sorted(before))
    end = fields(world)
    assert (end.exit_code, end.reason) == (0, "fields-kept")
    assert set(known(world)) == before
    assert "shows no field at all" in log(world, end)


def test_a_link_that_maps_a_field_that_is_gone_is_named(world: World) -> None:
    fields(world)
    world.control("remove-field", tag="LNAME")
    end = fields(world)
    assert (end.exit_code, end.reason) == (0, "field-missing")
    assert end.result["missing"] == [{"link": LINK, "fields": ["LNAME"]}]
    assert f"Link {LINK} maps LNAME, which its list does not have." in log(world, end)


def test_one_lists_trouble_does_not_keep_the_others_from_being_read(world: World) -> None:
    world.link("old-news", list_id="0000000000", source="members")
    end = fields(world)
    assert (end.state, end.reason, int(end.exit_code)) == (JobState.FAILED, "list-missing", 8)
    assert known(world)
    with world.state() as state:
        assert fields_time(state, "verband") is None


def test_another_list_can_be_named(world: World) -> None:
    end = fields(world, list=world.double_opt_in_list)
    assert end.exit_code == 0
    assert known(world, world.double_opt_in_list)
    assert not known(world)
    assert int(fields(world, list="0000000000").exit_code) == 8


def test_feedback_synchronizes_when_it_is_due_and_not_before(world: World) -> None:
    def asked() -> int:
        return sum("merge-fields" in row["path"] for row in world.ledger())

    assert world.feedback().exit_code == 0
    assert asked() == 1
    assert world.feedback().exit_code == 0
    assert asked() == 1
    world.ahead += 25 * 3600
    assert world.feedback().exit_code == 0
    assert asked() == 2


# --- creating -----------------------------------------------------------------------------------------------


def test_a_field_is_created_remembered_and_audited(world: World) -> None:
    fields(world)
    clubbed(world)
    assert known(world)["CLUB"].public
    assert ("data field CLUB (text) created on verband/" + world.list_id, 0, "eva") in audit(world)
    assert "CLUB" not in [name["name"] for name in fields(world).result["appeared"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "club", "kind": "text"}, "upper-case"),
        ({"name": "CLUB", "kind": "String"}, "no field type 'String'"),
        ({"name": "CLUB", "kind": "number", "default": "many"}, "takes a number"),
        ({"name": "", "kind": "text"}, "needs a name"),
        ({"name": "CLUB", "kind": "text", "choices": ["a"]}, "no choices"),
    ],
)
def test_what_the_rules_forbid_sends_no_request_at_all(
    world: World, options: dict[str, Any], words: str
) -> None:
    end = fields(world, "create", **options)
    assert (int(end.exit_code), end.reason) == (2, "field-refused")
    assert words in end.text
    assert world.ledger() == []


def test_a_type_is_understood_in_any_case(world: World) -> None:
    assert fields(world, "create", name="CLUB", kind="Text").exit_code == 0
    assert known(world)["CLUB"].kind == "text"


def test_a_field_that_exists_is_not_created_twice(world: World) -> None:
    clubbed(world)
    end = fields(world, "create", name="CLUB", kind="text")
    assert (int(end.exit_code), end.reason) == (1, "field-exists")
    assert world.mutations() == []


def test_a_creation_without_an_answer_is_read_back_and_not_repeated(world: World) -> None:
    world.control("fail-next", body="drop-after", method="POST", path="merge-fields")
    end = fields(world, "create", name="CLUB", kind="text")
    assert (end.exit_code, end.reason) == (0, "field-created")
    assert len(world.mutations()) == 1
    assert "reading back shows that CLUB is there" in log(world, end)


def test_a_creation_that_never_arrived_is_told(world: World) -> None:
    world.control("fail-next", body="drop", method="POST", path="merge-fields")
    end = fields(world, "create", name="CLUB", kind="text")
    assert (end.state, int(end.exit_code)) == (JobState.FAILED, 9)
    assert "CLUB" not in known(world)


def test_two_linked_lists_want_the_list_named(world: World) -> None:
    world.link("youth", list_id=world.double_opt_in_list)
    end = fields(world, "create", name="CLUB", kind="text")
    assert (int(end.exit_code), end.reason) == (2, "usage")
    assert world.list_id in end.text
    assert world.double_opt_in_list in end.text
    assert fields(world, "create", name="CLUB", kind="text", list=world.list_id).exit_code == 0


def test_whoever_holds_the_account_is_not_disturbed(world: World) -> None:
    clubbed(world)
    (row,) = world.sql("SELECT account_id FROM connections WHERE name = 'verband'")
    with open_state(world.state_path) as state:
        take_lease(
            state,
            lease_name("mailchimp", str(row[0])),
            job_id="01OTHER",
            operator=Operator("ann", "elsewhere"),
            process=ProcessMark("elsewhere", 1, "1", "1"),
            now=world.now(),
            alive=lambda mark: None,
        )
    for action, options in (
        ("create", {"name": "OTHER", "kind": "text"}),
        ("delete", {"name": "CLUB", "holding": 3}),
    ):
        end = fields(world, action, **options)
        assert int(end.exit_code) == 6, end
    assert world.mutations() == []


# --- counting and deleting -----------------------------------------------------------------------------------


def test_a_field_goes_with_its_values_when_the_number_is_right(world: World) -> None:
    clubbed(world)
    counted = fields(world, "count", name="CLUB")
    assert (counted.exit_code, counted.counts, counted.result["holding"]) == (0, {"holding": 3}, 3)
    assert world.mutations() == []

    end = fields(world, "delete", name="CLUB", holding=3)
    assert (end.exit_code, end.reason) == (0, "field-deleted")
    assert [row["method"] for row in world.mutations()] == ["DELETE"]
    assert "CLUB" not in known(world)
    assert (f"data field CLUB deleted from verband/{world.list_id}", 3, "eva") in audit(world)
    assert int(fields(world, "delete", name="CLUB", holding=3).exit_code) == 8


def test_a_number_that_differs_stops_the_deletion(world: World) -> None:
    clubbed(world)
    world.control("edit", email=PEOPLE[3], fields={"CLUB": "Chur"})
    end = fields(world, "delete", name="CLUB", holding=3)
    assert (int(end.exit_code), end.reason) == (5, "field-holding-differs")
    assert "A value of CLUB is held by 4 contacts, not by 3." in end.text
    assert f"listwarden fields verband delete CLUB --holding 4 --list {world.list_id}" in end.next
    assert world.mutations() == []
    assert "CLUB" in known(world)


@pytest.mark.parametrize("holding", [None, True, -1, "3"])
def test_without_a_number_nothing_is_deleted(world: World, holding: object) -> None:
    clubbed(world)
    end = fields(world, "delete", name="CLUB", holding=holding)
    assert (int(end.exit_code), end.reason) == (2, "confirmation-needed")
    assert world.mutations() == []


@pytest.mark.parametrize("action", ["count", "delete"])
def test_a_mapped_field_stays_and_the_link_is_named(world: World, action: str) -> None:
    end = fields(world, action, name="fname", holding=0)
    assert (int(end.exit_code), end.reason) == (5, "field-mapped")
    assert f"FNAME is mapped by {LINK}" in end.text
    assert world.mutations() == []


def test_a_link_that_cannot_be_read_may_map_the_field(world: World) -> None:
    clubbed(world)
    world.link("broken", list_id=world.double_opt_in_list, mode="nonsense")
    end = fields(world, "delete", name="CLUB", holding=3, list=world.list_id)
    assert (int(end.exit_code), end.reason) == (5, "field-mapped")
    assert "broken" in end.text


def test_a_deletion_without_an_answer_is_read_back(world: World) -> None:
    clubbed(world)
    world.control("fail-next", body="drop-after", method="DELETE")
    end = fields(world, "delete", name="CLUB", holding=3)
    assert (end.exit_code, end.reason) == (0, "field-deleted")
    assert "CLUB" not in known(world)

    clubbed(world)
    world.control("fail-next", body="drop", method="DELETE")
    end = fields(world, "delete", name="CLUB", holding=3)
    assert (end.state, int(end.exit_code)) == (JobState.FAILED, 9)
    assert "CLUB" in known(world)


def test_a_refusal_of_the_platform_is_told_in_its_words(world: World) -> None:
    clubbed(world)
    world.control("fail-next", method="DELETE", status=405)
    end = fields(world, "delete", name="CLUB", holding=3)
    assert (int(end.exit_code), end.reason) == (1, "field-in-use")
    assert "CLUB" in known(world)


def test_a_bad_key_is_a_matter_of_credentials(world: World) -> None:
    world.control("expire-key")
    for action in ("sync", "create", "count", "delete"):
        end = fields(world, action, name="CLUB", kind="text", holding=0)
        assert int(end.exit_code) == 7, (action, end)


def test_the_count_comes_with_progress(world: World) -> None:
    clubbed(world)
    end = fields(world, "count", name="CLUB")
    with world.state() as state:
        (row,) = state.db.execute(
            "SELECT phase, done, unit FROM jobs WHERE job_id = ?", (end.job_id,)
        ).fetchall()
    assert row[0] == "counting who holds a value of CLUB"
    assert row[1] >= len(world.platform())
    assert row[2] == "contacts"


def test_an_audience_is_not_created_from_here(world: World) -> None:
    end = world.run(JobKind.CREATE_LIST, name="News")
    assert (int(end.exit_code), end.reason) == (2, "not-offered")
    assert world.ledger() == []


def test_an_unknown_action_is_a_wrong_call(world: World) -> None:
    assert int(fields(world, "rename").exit_code) == 2


# --- a job that is killed -----------------------------------------------------------------------------------


def queued(world: World, **options: Any) -> str:
    world.configure()
    with open_state(world.state_path) as state:
        return create_job(
            state, kind=JobKind.FIELDS, connection="verband", operator=EVA, options=options, now=world.now()
        )


@pytest.mark.parametrize("crash_at", ["request:1", "request:2", "journal:1", "request:3", "request:4"])
def test_a_killed_creation_is_gone_on_with_and_made_once(world: World, crash_at: str) -> None:
    fields(world)
    world.mark()
    job_id = queued(world, action="create", name="CLUB", kind="text")
    if crash_at == "request:4":  # the platform took it, and the process dies before it can read that
        world.control("fail-next", body="drop-after", method="POST", path="merge-fields")
    assert world.killed(job_id, crash_at=crash_at) == -9
    ended = world.carry(job_id)
    assert (ended.exit_code, ended.job.reason) == (0, "field-created"), ended.log
    assert [row["method"] for row in world.mutations()] == ["POST"]
    assert "CLUB" in known(world)


@pytest.mark.parametrize("crash_at", ["journal:1", "request:1", "gone"])
def test_a_killed_deletion_is_gone_on_with(world: World, crash_at: str) -> None:
    clubbed(world)
    job_id = queued(world, action="delete", name="CLUB", holding=3)
    if crash_at == "gone":  # the platform took it, and the process dies before it can read that
        world.control("fail-next", body="drop-after", method="DELETE")
        reads = sum(row["method"] == "GET" for row in before_deletion(world))
        crash_at = f"request:{reads + 2}"
    assert world.killed(job_id, crash_at=crash_at) == -9
    ended = world.carry(job_id)
    assert (ended.exit_code, ended.job.reason) == (0, "field-deleted"), ended.log
    assert [row["method"] for row in world.mutations()] == ["DELETE"]
    assert "CLUB" not in known(world)


def before_deletion(world: World) -> list[dict[str, Any]]:
    """The requests a deletion makes before the one that deletes; they are seen by one that is stopped there."""
    assert fields(world, "delete", name="CLUB", holding=99).reason == "field-holding-differs"
    found = world.ledger()
    world.mark()
    return found
