"""Killed at any instant, the next export ends the same as if nothing had happened (I3, R38)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from adapters import http
from adapters.pace import Limits
from adapters.sandbox.running import RunningSandbox
from console.jobs.process import LISTWARDEN, alive, spawn_job
from state.audit import verify_audit
from state.jobs import request_cancel
from state.moments import utc_now
from state.store import open_state
from tests.integration.child import process
from tests.integration.club import (
    MIDDLE,
    SMALL,
    Club,
    Numbers,
    Result,
    check_journal,
    check_resends,
    check_sent,
    prepare,
    result_of,
)
from tests.integration.world import EVA, LINK, World, standing

PHASES = (
    "guards",
    "lease",
    "folding",
    "settling",
    "reading list",
    "reading source",
    "comparing",
    "unsubscribing",
    "adding",
    "changing fields",
    "changing addresses",
    "removing",
    "verifying",
    "folding:5",
)
STEPS = ("journal:1", "journal:4", "journal:7", "journal:10", "request:13", "request:26")
"""Some of all there are; ``make chaos`` takes every one."""

KILLED = -9

_expected: dict[Numbers, Result] = {}


def undisturbed(folder: Path, sandbox: RunningSandbox, numbers: Numbers) -> Result:
    """The same export without a kill; made once for each size."""
    if numbers not in _expected:
        world = World.begin(folder / "undisturbed", sandbox)
        club = prepare(world, numbers)
        ended = world.export(club.plan, **club.options)
        assert ended.exit_code == 0, ended.log
        assert dict(ended.counts) == {"sent": numbers.writes}
        check_sent(world, club)
        assert check_resends(world) == 0
        check_journal(world, ended)
        _expected[numbers] = result_of(world, ended)
    return _expected[numbers]


def check(world: World, club: Club, expected: Result, job_id: str) -> int:
    """Go on until it ends, and compare; returns how many rows were sent again."""
    ended = world.finish(job_id)
    assert ended.exit_code == 0, ended.log
    found = result_of(world, ended)
    assert found.counts == expected.counts, ended.log
    assert found.outcomes == expected.outcomes
    assert found.platform == expected.platform
    assert found.ours == expected.ours
    assert found.members == expected.members
    check_sent(world, club)
    check_journal(world, ended)
    with world.state() as state:
        assert verify_audit(state) == []
    return check_resends(world)


@pytest.mark.parametrize("phase", PHASES)
def test_R38_killed_in_every_phase_it_goes_on(
    phase: str, tmp_path: Path, world: World, shared_sandbox: RunningSandbox
) -> None:
    expected = undisturbed(tmp_path, shared_sandbox, SMALL)
    world = World.begin(tmp_path / "killed", shared_sandbox)
    club = prepare(world, SMALL)
    job_id = world.new_export(club.plan, **club.options)
    assert world.killed(job_id, die_in=phase) == KILLED, "the kill did not hit"
    check(world, club, expected, job_id)


@pytest.mark.parametrize("step", STEPS)
def test_I03_killed_at_a_step_it_goes_on(
    step: str, tmp_path: Path, world: World, shared_sandbox: RunningSandbox
) -> None:
    expected = undisturbed(tmp_path, shared_sandbox, SMALL)
    world = World.begin(tmp_path / "killed", shared_sandbox)
    club = prepare(world, SMALL)
    job_id = world.new_export(club.plan, **club.options)
    assert world.killed(job_id, crash_at=step) == KILLED, "the kill did not hit"
    check(world, club, expected, job_id)


def test_I03_killed_again_and_again_it_ends_the_same(
    tmp_path: Path, world: World, shared_sandbox: RunningSandbox
) -> None:
    expected = undisturbed(tmp_path, shared_sandbox, SMALL)
    world = World.begin(tmp_path / "killed", shared_sandbox)
    club = prepare(world, SMALL)
    job_id = world.new_export(club.plan, **club.options)
    for phase in ("lease", "unsubscribing", "adding", "settling:2", "changing addresses", "verifying"):
        world.ahead += 120
        assert world.killed(job_id, die_in=phase) == KILLED, phase
    check(world, club, expected, job_id)


def test_R38_six_random_kills_of_six_hundred_rows(
    tmp_path: Path, world: World, shared_sandbox: RunningSandbox
) -> None:
    expected = undisturbed(tmp_path, shared_sandbox, MIDDLE)
    seed = random.SystemRandom().randrange(2**32)
    world = World.begin(tmp_path / "killed", shared_sandbox)
    club = prepare(world, MIDDLE)
    shared_sandbox.control("mailchimp", "latency", ms=2, after_ms=4)
    job_id, points = kill_at_random(world, club, random.Random(seed), kills=6, longest=1.0)
    print(f"seed {seed}; killed at", *points)
    check(world, club, expected, job_id)


def test_R38_the_command_line_resumes_a_killed_export(
    tmp_path: Path, world: World, shared_sandbox: RunningSandbox
) -> None:
    """The real commands, in real processes: the job is killed while it adds, and ``export LINK`` goes on with it."""
    expected = undisturbed(tmp_path, shared_sandbox, SMALL)
    world = World.begin(tmp_path / "killed", shared_sandbox)
    club = prepare(world, SMALL)
    shared_sandbox.control("mailchimp", "latency", ms=100)
    job_id = world.new_export(club.plan, **club.options)
    config = world.configure()
    pid = spawn_job(job_id, config=config, state_path=world.state_path, environment=environment(world))
    try:
        end = time.monotonic() + 30
        while not adding(world, job_id):
            assert time.monotonic() < end, "the job never came to its additions"
            time.sleep(0.005)
    finally:
        os.kill(pid, signal.SIGKILL)
    shared_sandbox.control("mailchimp", "latency", ms=0)
    command = [*LISTWARDEN, "--config", str(config), "--state", str(world.state_path)]
    done = subprocess.run(
        [*command, "--json", "export", LINK, "--yes"],
        capture_output=True,
        text=True,
        env=environment(world),
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["job"], told["state"], told["outcomes"]["sent"]) == (job_id, "done", SMALL.writes)
    check(world, club, expected, job_id)


def adding(world: World, job_id: str) -> bool:
    query = "SELECT 1 FROM chunks c JOIN jobs j ON j.no = c.job_no WHERE j.job_id = ? AND c.action = 'add'"
    return world.sql(query, job_id) != []


def environment(world: World) -> dict[str, str]:
    """For processes of the command line, which must find the packages."""
    return {**os.environ, **world.environment, "PYTHONPATH": str(Path(__file__).parents[2])}


def test_R11_what_a_killed_job_withdrew_is_no_mass_of_opt_outs_from_the_platform(world: World) -> None:
    people = standing("subscribed", 60)
    world.put_all(people)
    world.save()
    world.preview()
    for i in people[:25]:
        world.change(i, newsletter_no="yes")
    world.put_all(range(500, 510))
    world.save()
    job_id = world.new_export(world.preview(), max_removals=25)
    assert world.killed(job_id, crash_at="journal:2") == KILLED
    ended = world.finish(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 35}), ended.log


def test_I12_cancelled_with_rows_in_doubt_they_are_unknown_and_not_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_all(range(500, 510))
    world.save()
    plan = world.preview()
    monkeypatch.setattr(http, "Limits", partial(Limits, read=1.5, total=3.0))
    world.control("fail-next", count=1, body="hang-after", method="POST", path="/lists/")
    job_id = world.new_export(plan)

    def cancel() -> None:
        end = time.monotonic() + 20
        while world.sql("SELECT count(*) FROM chunks") == [(0,)] and time.monotonic() < end:
            time.sleep(0.01)
        with open_state(world.state_path) as state:
            request_cancel(state, job_id, EVA, utc_now(), alive=alive)

    person = threading.Thread(target=cancel)
    person.start()
    ended = world.carry(job_id)
    person.join(20)
    assert (ended.exit_code, ended.job.state.value) == (130, "cancelled"), ended.log
    assert {row.outcome.value for row in world.outcomes(job_id)} == {"unknown"}


@pytest.mark.chaos
def test_I03_every_step_of_a_small_export(
    tmp_path: Path, world: World, shared_sandbox: RunningSandbox
) -> None:
    expected = undisturbed(tmp_path, shared_sandbox, SMALL)
    hits: dict[str, int] = {}
    again = 0
    for kind in ("journal", "request"):
        for n in range(1, 200):
            world = World.begin(tmp_path / f"{kind}-{n}", shared_sandbox)
            club = prepare(world, SMALL)
            job_id = world.new_export(club.plan, **club.options)
            code = world.killed(job_id, crash_at=f"{kind}:{n}")
            if code != KILLED:
                assert code == 0
                break
            hits[kind] = n
            again += check(world, club, expected, job_id)
    print(f"killed at every step: {hits}; rows sent again {again}")
    assert hits["journal"] > 5
    assert hits["request"] > 20


@pytest.mark.chaos
def test_R38_fifty_kills_of_five_thousand_contacts(
    tmp_path: Path, world: World, shared_sandbox: RunningSandbox
) -> None:
    numbers = Numbers(joining=4_860, changing=100, moving=15, leaving=15, withdrawing=10)
    expected = undisturbed(tmp_path, shared_sandbox, numbers)
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    source = random.Random(seed)
    points: list[str] = []
    again = 0
    for run in count():
        if len(points) >= 50:
            break
        world = World.begin(tmp_path / f"killed-{run}", shared_sandbox)
        club = prepare(world, numbers)
        shared_sandbox.control("mailchimp", "latency", ms=10, after_ms=15)
        job_id, hit = kill_at_random(world, club, source, kills=10, longest=1.5)
        points += hit
        again += check(world, club, expected, job_id)
    print(f"seed {seed}; {len(points)} kills at", *points)
    print(f"rows sent again after a kill: {again}")


def kill_at_random(
    world: World, club: Club, source: random.Random, *, kills: int, longest: float
) -> tuple[str, list[str]]:
    """Start the export and kill it, again and again; the job, and where each kill hit (seconds, phase, writes so far)."""
    job_id = world.new_export(club.plan, **club.options)
    points: list[str] = []
    while len(points) < kills:
        world.ahead += 120
        config = world.configure()
        carrier = process(job_id, config, world.state_path, world.environment, ahead=world.ahead)
        carrier.start()
        until_claimed(world, job_id, carrier.pid)
        seconds = source.uniform(0, longest)
        time.sleep(seconds)
        carrier.kill()
        carrier.join(30)
        code = carrier.exitcode
        carrier.close()
        ((phase, state),) = world.sql("SELECT phase, state FROM jobs WHERE job_id = ?", job_id)
        if code != KILLED:
            assert (code, state) == (0, "done")
            break
        points.append(f"{seconds:.3f}s:{phase or 'start'}:{len(world.mutations())}")
    return job_id, points


def until_claimed(world: World, job_id: str, pid: int | None) -> None:
    """Wait until the process carries the job, so that chance falls on the job and not on its start."""
    end = time.monotonic() + 20
    while world.sql("SELECT pid FROM jobs WHERE job_id = ?", job_id) != [(pid,)]:
        if time.monotonic() > end:
            raise AssertionError("the process never took the job")
        time.sleep(0.005)
