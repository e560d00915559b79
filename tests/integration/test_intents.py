"""Between the plan's last look and the intent: what is recorded then keeps a row from leaving (I1, I4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from console.jobs.process import alive, this_process
from state.chunks import Grip, intend
from state.errors import FenceLost
from state.jobs import job_no
from state.leases import take_lease
from state.links import find_link
from state.model import Action, Outcome, Plan
from state.opt_outs import suppress_here
from state.outcomes import read_outcomes
from state.store import State, open_state
from tests.integration.world import EVA, LINK, World, standing

ACCOUNT = "account:mailchimp:here"


@contextmanager
def sending(world: World, plan: Plan) -> Iterator[tuple[State, Grip]]:
    """An export right before its first intent."""
    job_id = world.new_export(plan)
    with open_state(world.state_path) as state:
        fence = take_lease(
            state, ACCOUNT, job_id=job_id, operator=EVA, process=this_process(), now=world.now(), alive=alive
        )
        yield state, Grip(job_id, job_no(state, job_id), ACCOUNT, fence, EVA)


def suppressed(state: State, world: World, address: str) -> None:
    record = find_link(state, LINK)
    suppress_here(state, record.list_no, LINK, address, operator="eva", now=world.now())


@pytest.fixture
def plan(world: World) -> Plan:
    """Three additions, one change, one move."""
    world.link(more='address_change = "move"')
    known = standing("subscribed", 3)
    world.put_all(known)
    world.save()
    world.preview()
    world.change(known[0], first_name="Changed")
    world.change(known[1], email="moved@example.org")
    world.put_all(range(500, 503))
    world.save()
    plan = world.preview()
    assert plan.writes_by_action() == {Action.ADD: 3, Action.CHANGE: 1, Action.MOVE: 1}
    return plan


@pytest.mark.parametrize("number", [500, 501, 502])
def test_I01_an_addition_suppressed_at_the_last_instant_stays_here(
    world: World, plan: Plan, number: int
) -> None:
    address = world.rows[str(number)].email
    with sending(world, plan) as (state, grip):
        suppressed(state, world, address)
        chunk, _ = intend(state, grip, plan, Action.ADD, after=-1, size=500, now=world.now())
        assert chunk is not None
        assert address.lower() not in {row.address_key for row in chunk.rows}
        assert len(chunk.rows) == 2
        (held,) = read_outcomes(state, grip.job_no, plan, outcome=Outcome.WITHHELD)
        assert (held.email.lower(), held.reason) == (address.lower(), "suppressed-here")


def test_I14_a_move_of_somebody_who_opted_out_under_the_former_address_stays_here(
    world: World, plan: Plan
) -> None:
    former = world.plan_row(plan, "moved@example.org").former_email
    with sending(world, plan) as (state, grip):
        suppressed(state, world, former)
        chunk, _ = intend(state, grip, plan, Action.MOVE, after=-1, size=50, now=world.now())
        assert chunk is None
        (held,) = read_outcomes(state, grip.job_no, plan, outcome=Outcome.WITHHELD)
        assert (held.email, held.reason) == ("moved@example.org", "opted-out-under-former-address")


def test_I14_a_move_onto_a_suppressed_address_stays_here(world: World, plan: Plan) -> None:
    with sending(world, plan) as (state, grip):
        suppressed(state, world, "moved@example.org")
        assert intend(state, grip, plan, Action.MOVE, after=-1, size=50, now=world.now())[0] is None


def test_I04_an_older_fence_intends_nothing(world: World, plan: Plan) -> None:
    with sending(world, plan) as (state, grip):
        take_lease(
            state,
            ACCOUNT,
            job_id=grip.job_id,
            operator=EVA,
            process=this_process(),
            now=world.now(),
            alive=lambda mark: False,
        )
        with pytest.raises(FenceLost):
            intend(state, grip, plan, Action.ADD, after=-1, size=500, now=world.now())
        assert state.db.execute("SELECT count(*) FROM chunks").fetchone() == (0,)
