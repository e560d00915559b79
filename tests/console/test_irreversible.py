"""R06: what cannot be taken back is declared by the adapter, off by default, marked, and traced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.mailchimp.provider import CAPABILITIES
from adapters.mailchimp.routes import READS, WRITES
from adapters.provider import Batch, Repeat
from console.blast_radius import Terms, blast_radius, radius_line
from state.explain import explain
from state.model import Action, Link, Mode
from tests.console.test_blast_radius import plan_of
from tests.state.lists import Person, lists, member
from tests.state.test_exports import Sending


@pytest.mark.parametrize(("reversible", "for_good"), [(True, 2), (False, 5)])
def test_R06_rows_that_cannot_be_taken_back_are_counted_and_marked(reversible: bool, for_good: int) -> None:
    plan = plan_of({Action.REMOVE: 3, Action.UNSUBSCRIBE: 2, Action.ADD: 7})
    capabilities = replace(CAPABILITIES, removal_reversible=reversible)
    batches = dict.fromkeys(plan.writes_by_action(), Batch(500, Repeat.AT_ONCE))
    radius = blast_radius(plan, Terms(capabilities, batches, 8))
    assert radius.irreversible == for_good
    assert f"({for_good} for good)" in radius_line(radius)


def test_R06_nothing_is_removed_unless_a_link_says_mirror(tmp_path: Path) -> None:
    assert Link("a", "b", "c", "d").mode is Mode.ADD_ONLY
    for mode in Mode:
        world = lists(tmp_path / mode.value, mode=mode)
        world.listing(member("gone@example.org"), member("there@example.org"))
        world.ours("gone@example.org")
        world.source(Person("there@example.org", "1"))
        assert (Action.REMOVE in world.plan().writes_by_action()) is (mode is Mode.MIRROR)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/lists/a/members/b/actions/delete-permanent"),
        ("DELETE", "/lists/a"),
        ("POST", "/campaigns/1/actions/send"),
        ("POST", "/lists/a/members"),
    ],
)
def test_R06_what_is_irreversible_at_the_vendor_has_no_way_out(method: str, path: str) -> None:
    assert not any(allowed.covers(method, path) for allowed in (*READS, *WRITES))


def test_R06_a_removal_is_traced_to_job_operator_and_reason(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("gone@example.org"), member("there@example.org"))
    world.ours("gone@example.org")
    world.source(Person("there@example.org", "1"))
    sending = Sending(world, world.plan())
    sending.send(Action.REMOVE)
    sending.fold()
    newest = explain(world.state, "gone@example.org").timeline[0]
    assert (newest.what, newest.reason, newest.operator) == ("removed", "removed", "ines")
    assert newest.origin == f"job:{sending.job_id}"
