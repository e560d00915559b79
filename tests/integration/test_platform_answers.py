"""What the platform says and what it did: reading back, batches that take their time, result files (R16, R17, R19, R45)."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from state.model import Outcome
from tests.integration.child import small_batches
from tests.integration.world import Row, World, email_of, standing

KNOWN = standing("subscribed", 350)


def additions(world: World, count: int) -> None:
    world.put_all(KNOWN[:20])
    world.put_all(range(500, 500 + count))
    world.save()


# --- reading back ------------------------------------------------------------------------------------------


def test_R17_rows_the_platform_claims_and_lost_are_unverified(world: World) -> None:
    additions(world, 100)
    world.control("lose-rows", every=10)
    ended = world.export()
    assert ended.exit_code == 3
    assert dict(ended.counts) == {"sent": 90, "unverified": 10}
    lost = {
        row.email.lower() for row in world.outcomes(ended.job.job_id) if row.outcome is Outcome.UNVERIFIED
    }
    assert lost == {op["email"].lower() for op in world.ops("add", ok=False)}
    assert not lost & set(world.platform())


def test_F15_one_of_a_hundred_lost_is_caught(world: World) -> None:
    additions(world, 100)
    world.control("lose-rows", every=100)
    assert dict(world.export().counts) == {"sent": 99, "unverified": 1}


def test_R17_what_was_lost_is_planned_again(world: World) -> None:
    additions(world, 30)
    world.control("lose-rows", every=10)
    world.export()
    world.control("lose-rows", every=0)
    world.ahead = 8 * 86_400  # the next whole listing
    world.feedback()
    platform = world.platform()
    gone = [
        world.rows[str(i)].email for i in range(500, 530) if world.rows[str(i)].email.lower() not in platform
    ]
    assert len(gone) == 3
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3})


def test_the_journal_says_that_a_row_was_not_shown(world: World) -> None:
    additions(world, 10)
    world.control("lose-rows", every=10)
    world.export()
    (lost,) = {op["email"] for op in world.ops("add", ok=False)}
    assert [(what, reason) for what, reason, _ in world.journal(lost)] == [
        ("added", "added"),
        ("unverified", "not-shown"),
    ]


def test_an_export_that_cannot_be_verified_says_so_and_keeps_its_outcomes(world: World) -> None:
    additions(world, 10)
    plan = world.preview()
    world.control("fail-next", count=100, body="drop", path="/members$", skip=2)
    ended = world.export(plan)
    assert dict(ended.counts) == {"sent": 10}
    assert "could not be verified" in ended.log


def test_R16_a_refused_row_has_address_reason_and_the_platforms_words(world: World) -> None:
    additions(world, 20)
    world.rows["fake"] = Row("fake", "somebody@example.com", "Some", "Body")
    world.save()
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (3, {"sent": 20, "rejected": 1})
    (refused,) = [row for row in world.outcomes(ended.job.job_id) if row.outcome is Outcome.REJECTED]
    assert (refused.email, refused.reason) == ("somebody@example.com", "address-refused")
    assert "looks fake or invalid" in refused.raw


def test_I25_a_chunk_refused_as_a_whole_is_cut_down_to_the_row_at_fault(world: World) -> None:
    world.link(list_id=str(world.sandbox.ready["lists"]["mailchimp"][2]["id"]))
    world.put_all(range(600, 640))
    world.save()
    ended = world.export()
    assert ended.counts["sent"] == 40


@pytest.mark.parametrize("rows", [499, 500, 501, 1000, 1001])
def test_R34_chunks_hold_what_a_call_may_hold(world: World, rows: int) -> None:
    additions(world, rows)
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": rows})
    sizes = sorted(len(row["ops"]) for row in world.mutations())
    assert sum(sizes) == rows
    assert max(sizes) <= 500
    assert len(sizes) == -(-rows // 500)


# --- batches -----------------------------------------------------------------------------------------------


@pytest.fixture
def many_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Above a thousand changes go by batches of a thousand; here above fifty, sixty a batch."""
    small_batches(monkeypatch.setattr)
    return changes(world, 110)


def changes(world: World, count: int) -> World:
    """So many of our own people get another name."""
    people = range(500, 500 + count)
    world.put_all(people)
    world.save()
    assert world.export().exit_code == 0
    for i in people:
        world.change(i, last_name=f"Changed {i}")
    world.save()
    world.mark()
    return world


def changed(world: World) -> int:
    return len(world.ops("change", ok=True))


def test_R45_more_than_a_thousand_changes_go_by_batch(world: World) -> None:
    changes(world, 1001)
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 1001}), ended.log
    assert [len(row["ops"]) for row in world.mutations() if "batch" in row].count(1) == 1001
    assert len([row for row in world.mutations() if row["path"] == "/batches"]) == 2


def test_R45_changes_by_batch_end_as_sent(many_changes: World) -> None:
    world = many_changes
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110}), ended.log
    assert len([row for row in world.mutations() if row["path"] == "/batches"]) == 2
    assert changed(world) == 110
    assert "Mailchimp is at" not in ended.job.waiting_for
    world.mark()
    assert world.export().job.reason == "nothing-to-do"
    assert world.mutations() == []


def test_R19_result_files_are_kept_with_the_job(many_changes: World) -> None:
    world = many_changes
    ended = world.export()
    files = world.sql(
        "SELECT f.name, f.body FROM job_files f JOIN jobs j ON j.no = f.job_no WHERE j.job_id = ? ORDER BY f.name",
        ended.job.job_id,
    )
    assert len(files) == 2
    told = 0
    for name, body in files:
        assert name.endswith(".tar.gz")
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            for entry in archive.getmembers():
                content = archive.extractfile(entry) if entry.isfile() else None
                told += len(json.load(content)) if content is not None else 0
    assert told == 110


def test_R16_results_come_in_any_order_and_reach_their_rows(many_changes: World) -> None:
    """Three people vanish between plan and export: their operations fail, and no others are blamed."""
    world = many_changes
    plan = world.preview()
    gone = [world.rows[str(i)].email for i in (510, 550, 600)]
    world.control("delete", emails=gone)
    ended = world.export(plan)
    assert dict(ended.counts) == {"sent": 107, "withheld": 3}
    withheld = {
        row.email.lower() for row in world.outcomes(ended.job.job_id) if row.outcome is Outcome.WITHHELD
    }
    assert withheld == {address.lower() for address in gone}


@pytest.mark.parametrize("die_in", ["settling:2", "folding:2"])
def test_R38_killed_while_the_platform_works_it_follows_the_same_batches(
    many_changes: World, die_in: str
) -> None:
    world = many_changes
    plan = world.preview()
    job_id = world.new_export(plan)
    world.control("hold-batches", on=True)
    assert world.killed(job_id, die_in=die_in, small=True) == -9
    submitted = len([row for row in world.mutations() if row["path"] == "/batches"])
    assert submitted == 2
    assert {row.outcome for row in world.outcomes(job_id)} == {Outcome.ACCEPTED}
    world.control("hold-batches", on=False)
    ended = world.finish(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110})
    assert len([row for row in world.mutations() if row["path"] == "/batches"]) == submitted
    assert changed(world) == 110


def test_a_platform_that_works_too_long_leaves_the_job_waiting(many_changes: World) -> None:
    world = many_changes
    plan = world.preview()
    job_id = world.new_export(plan)
    world.control("hold-batches", on=True)
    assert world.killed(job_id, die_in="settling:2", small=True) == -9
    world.ahead = 3 * 3600
    ended = world.export()
    assert (ended.job.job_id, ended.exit_code, ended.job.state.value) == (job_id, 0, "waiting")
    assert ended.counts["accepted"] == 110
    world.control("hold-batches", on=False)
    ended = world.finish(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110})


def test_an_expired_link_to_the_results_is_asked_for_anew(many_changes: World) -> None:
    world = many_changes
    plan = world.preview()
    world.control("fail-next", count=1, status=404, body="empty", path="/archives/")
    ended = world.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110}), ended.log


def test_a_cut_result_file_is_never_taken_for_the_results(many_changes: World) -> None:
    world = many_changes
    plan = world.preview()
    world.control("fail-next", count=1, body="truncate", path="/archives/")
    ended = world.export(plan)
    if ended.exit_code:
        assert ended.job.state.value == "stalled", ended.log
        ended = world.finish(ended.job.job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110}), ended.log
    assert changed(world) == 110


def test_R38_a_batch_whose_answer_was_lost_changes_everybody_in_the_end(many_changes: World) -> None:
    world = many_changes
    plan = world.preview()
    world.control("fail-next", count=1, body="drop-after", method="POST", path="/batches")
    ended = world.export(plan)
    if not ended.job.state.final:
        ended = world.finish(ended.job.job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110}), ended.log
    world.mark()
    assert world.preview().writes == 0


def test_an_undo_of_many_changes_goes_by_batch_too(many_changes: World) -> None:
    world = many_changes
    world.export()
    ((undo,),) = world.sql("SELECT plan_id FROM plans WHERE basis LIKE '%undo_of%' ORDER BY no DESC LIMIT 1")
    ended = world.export(world.plan(undo))
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110}), ended.log
    assert email_of(510).lower() in world.platform()


def test_I03_a_chunk_in_halves_keeps_what_one_half_brought(many_changes: World) -> None:
    """The batch is refused, so its rows go one by one; the key expires in the middle of that."""
    world = many_changes
    plan = world.preview()
    world.control("fail-next", count=1, status=400, body="problem", method="POST", path="/batches")
    world.control("fail-next", count=24, status=401, method="PATCH", path="/members/", skip=30)
    world.mark()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.state.value) == (7, "stalled"), ended.log
    assert ended.counts["sent"] == 30
    for _ in range(8):
        ended = world.export()
        if ended.job.state.final:
            break
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 110}), ended.log
    by_address = [op["email"].lower() for op in world.ops("change", ok=True)]
    assert len(by_address) == len(set(by_address)) == 110
