"""Several jobs at once: one export an account, accounts beside each other, and nobody held up by a bad one."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess

import pytest

from state.model import JobKind
from tests.integration import child
from tests.integration.world import World, email_of, standing

DEADLINE = 30.0


@pytest.fixture(autouse=True)
def _source(world: World) -> None:
    world.put_all(standing("subscribed", 20))
    world.put_all(range(500, 560))
    for i in standing("subscribed", 20):
        world.change(i, first_name="Changed")
    world.save()


def until(told: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not told():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


@contextmanager
def running(world: World, job_id: str) -> Iterator[ForkServerProcess]:
    """The job in its own process, past its claim; it does not outlive the block."""
    environment = {**world.environment, "LISTWARDEN_OPERATOR": "carla"}
    process = child.process(job_id, world.configure(), world.state_path, environment)
    process.start()
    try:
        until(
            lambda: world.sql("SELECT 1 FROM jobs WHERE job_id = ? AND pid IS NOT NULL", job_id) != [],
            "claimed",
        )
        yield process
    finally:
        process.kill()
        process.join(10)


def leased(world: World) -> bool:
    return world.sql("SELECT 1 FROM leases WHERE job_id IS NOT NULL") != []


def test_R46_a_second_export_of_the_account_is_refused_and_told_who_has_it(world: World) -> None:
    world.link("courses", list_id=world.double_opt_in_list)
    first, second = world.preview(), world.preview("courses")
    world.mark()
    world.control("latency", ms=150)
    job_id = world.new_export(first)
    with running(world, job_id) as process:
        until(lambda: leased(world), "leased")
        refused = world.export(second, link="courses")
        assert (refused.exit_code, refused.job.reason) == (6, "account-busy")
        text = refused.job.text
        assert "carla" in text
        assert socket.gethostname() in text
        assert f"since {datetime.now(UTC):%Y-%m-%d}" in text
        world.control("latency", ms=0)
        process.join(DEADLINE)
        assert process.exitcode == 0
    assert {row["run"] for row in world.mutations()} == {job_id[-len(world.mutations()[0]["run"]) :]}
    world.mark()
    assert world.export(link="courses").exit_code == 0
    fences = {row["fence"] for row in world.mutations()}
    assert fences == {2}, "a fence rises with every grant"


def test_I04_a_job_that_lives_is_not_carried_twice(world: World) -> None:
    plan = world.preview()
    world.control("latency", ms=150)
    job_id = world.new_export(plan)
    with running(world, job_id) as process:
        assert world.carry(job_id).exit_code == 6
        world.control("latency", ms=0)
        process.join(DEADLINE)
        assert process.exitcode == 0
    added = [op["email"] for op in world.ops("add", ok=True)]
    assert len(added) == len(set(added)) == 60


def test_I04_a_dead_holder_is_replaced_at_once(world: World) -> None:
    world.link("courses", list_id=world.double_opt_in_list)
    first, second = world.preview(), world.preview("courses")
    job_id = world.new_export(first)
    assert world.killed(job_id, die_in="adding") == -9
    assert leased(world)
    assert world.export(second, link="courses").exit_code == 0
    assert world.finish(job_id).exit_code == 0


def two_accounts(world: World) -> str:
    """A link onto another account; its name."""
    key, list_id = world.rehearsal("limit")
    world.control("contact-limit", limit=None, account="limit")
    world.keys["small"] = key
    world.link("small-news", connection="small", list_id=list_id)
    return "small-news"


def test_two_accounts_are_exported_beside_each_other(world: World) -> None:
    other = two_accounts(world)
    first, second = world.preview(), world.preview(other)
    world.mark()
    world.control("latency", ms=60)
    jobs = [world.new_export(first), world.new_export(second)]
    with running(world, jobs[0]) as one, running(world, jobs[1]) as two:
        one.join(DEADLINE)
        two.join(DEADLINE)
        assert (one.exitcode, two.exitcode) == (0, 0)
    spans = []
    for job_id in jobs:
        rows = [row for row in world.ledger() if job_id.endswith(str(row["run"]))]
        spans.append((min(row["t0"] for row in rows), max(row["t1"] for row in rows)))
    assert max(begin for begin, _ in spans) < min(end for _, end in spans), "one waited for the other"


def test_R44_a_throttled_account_holds_nobody_up(world: World) -> None:
    key, list_id = world.rehearsal("throttled")
    world.keys["bad"] = key
    world.link("bad-news", connection="bad", list_id=list_id)
    assert world.run(JobKind.FEEDBACK, connection="bad").exit_code == 9
    assert world.export().exit_code == 0
    assert world.run(JobKind.FEEDBACK, connection="verband").exit_code == 0


def test_R21_a_connection_without_its_key_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.keys["bad"] = "x"
    world.link("bad-news", connection="bad", list_id="ffffffffff")
    config = world.configure()
    config.write_text(config.read_text().replace('"KEY_BAD"', '"KEY_NOBODY_SET"'))
    monkeypatch.setattr(World, "configure", lambda self: config)
    assert world.export().exit_code == 0
    assert world.run(JobKind.FEEDBACK, connection="verband").exit_code == 0
    assert world.run(JobKind.PREVIEW, link="bad-news").exit_code in (7, 8)


def test_F14_an_export_and_reads_beside_it_never_need_more_than_the_account_has(world: World) -> None:
    plan = world.preview()
    world.mark()
    world.control("latency", ms=40)
    with running(world, world.new_export(plan)) as process:
        while process.is_alive():
            assert world.run(JobKind.FEEDBACK, link="members-news").exit_code == 0
            process.join(0.01)
        assert process.exitcode == 0
    assert {row["code"] for row in world.ledger()} == {200}


def test_feedback_beside_an_export_sees_no_half_of_it(world: World) -> None:
    """What the export adds is ours, whoever reads it first."""
    plan = world.preview()
    world.control("latency", ms=30)
    with running(world, world.new_export(plan)) as process:
        while process.is_alive():
            world.feedback()
            process.join(0.01)
        assert process.exitcode == 0
    assert world.ours() == {email_of(i).lower() for i in range(500, 560)}
    assert world.preview().writes == 0
