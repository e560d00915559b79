"""A job that goes on after a kill looks at both sides afresh before it sends anything again (laws 1, 2 and 3)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mailchimp import writes
from state.plans import get_plan, plans_of
from state.undo import is_undo
from tests.integration.world import LINK, World, standing

KILLED = -9
KNOWN = standing("subscribed", 40)
NEW = range(500, 510)


def _outcomes(world: World) -> dict[str, tuple[str, str]]:
    return {
        str(key): (str(outcome), str(reason))
        for key, outcome, reason in world.sql(
            "SELECT p.address_key, o.outcome, o.reason FROM outcomes o JOIN jobs j ON j.no = o.job_no"
            " JOIN plans q ON q.plan_id = j.plan_id JOIN plan_rows p ON p.plan_no = q.no AND p.n = o.n"
        )
    }


def test_I01_who_opted_out_or_left_the_source_meanwhile_is_not_added_by_the_resumed_job(world: World) -> None:
    world.put_all(KNOWN)
    addresses = world.put_all(NEW)
    world.save()
    job_id = world.new_export(world.preview())
    world.mark()
    assert world.killed(job_id, crash_at="journal:1") == KILLED
    assert world.ops("add") == [], "the intent was committed, and nothing left"
    world.change(500, newsletter_no="yes")
    world.drop([501])
    world.save()
    ended = world.finish(job_id)
    assert ended.exit_code == 0
    assert world.asked("add") == {address.lower() for address in addresses[2:]}
    told = _outcomes(world)
    assert told[addresses[0].lower()] == ("withheld", "opted-out-at-source")
    assert told[addresses[1].lower()][0] == "withheld"


def test_R12_who_is_back_in_the_source_is_not_removed_by_the_resumed_job(world: World) -> None:
    world.link(mode="mirror")
    world.put_all(KNOWN)
    addresses = world.put_all(NEW)
    world.save()
    assert world.export().exit_code == 0
    world.drop([500])
    world.save()
    job_id = world.new_export(world.preview())
    world.mark()
    assert world.killed(job_id, crash_at="journal:1") == KILLED
    world.put(500)
    world.save()
    ended = world.finish(job_id)
    assert ended.exit_code == 0
    assert world.mutations() == []
    assert world.platform()[addresses[0].lower()] == "subscribed"


def test_R09_a_source_that_halved_meanwhile_stops_the_resumed_job(world: World) -> None:
    world.put_all(KNOWN)
    world.put_all(range(500, 600))
    world.save()
    job_id = world.new_export(world.preview())
    world.mark()
    assert world.killed(job_id, crash_at="journal:1") == KILLED
    world.drop(range(500, 600))
    world.drop(KNOWN[5:])
    world.save()
    world.ahead += 120
    ended = world.export()
    assert (ended.exit_code, ended.job.job_id) == (5, job_id)
    assert world.mutations() == []
    assert not ended.job.state.final, "its rows in doubt are not forgotten"


def test_I03_rows_the_answer_leaves_out_are_settled_by_reading_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = writes._entries

    def some(document: Any, name: str) -> Any:
        found = entries(document, name)
        return found[::2] if name == "new_members" else found

    monkeypatch.setattr(writes, "_entries", some)
    addresses = world.put_all(NEW)
    world.save()
    world.mark()
    ended = world.export()
    assert (ended.exit_code, ended.job.counts) == (0, {"sent": 10})
    assert len(world.ops("add")) == 10, "nothing was sent twice"
    ours = {key for (key,) in world.sql("SELECT address_key FROM members WHERE ours = 1")}
    assert ours == {address.lower() for address in addresses}


def test_R13_an_export_that_fails_half_way_leaves_its_inverse_too(world: World) -> None:
    world.put_all(range(500, 1_700))
    world.save()
    plan = world.preview()
    world.control("fail-next", count=1, status=401, body="problem", method="POST", skip=1)
    ended = world.export(plan)
    assert ended.exit_code == 7
    sent = ended.job.counts["sent"]
    with world.state() as state:
        undo = next(plan for plan in plans_of(state, LINK) if is_undo(plan))
        assert get_plan(state, undo.plan_id).writes == sent > 0


def test_R13_a_resumed_job_that_turns_out_stale_leaves_its_inverse_too(world: World) -> None:
    world.put_all(KNOWN)
    world.change(KNOWN[0], first_name="Changed")
    world.put_all(NEW)
    world.save()
    job_id = world.new_export(world.preview())
    assert world.killed(job_id, die_in="changing fields") == KILLED, "the additions were sent"
    world.put(1_900)
    world.save()
    world.ahead += 120
    ended = world.export()
    assert (ended.exit_code, ended.job.job_id, ended.job.reason) == (4, job_id, "plan-stale")
    with world.state() as state:
        undo = next(plan for plan in plans_of(state, LINK) if is_undo(plan))
        assert undo.writes == len(NEW)


def test_a_plan_that_was_stale_once_may_be_exported_when_the_source_is_as_it_was(world: World) -> None:
    world.put_all(NEW)
    world.save()
    plan = world.preview()
    world.put(900)
    world.save()
    assert world.export(plan).exit_code == 4
    world.drop([900])
    world.save()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.counts) == (0, {"sent": 10})
