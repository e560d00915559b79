"""A platform that says yes to everything and does nothing: reading back finds it out, for every action (R17, F15)."""

from __future__ import annotations

from pathlib import Path

import pytest

from state.model import Action, Consent, JobKind
from tests.integration import fake_platform
from tests.integration.home import Home, Local

pytestmark = pytest.mark.usefixtures("in_memory")

ANNA, BEAT = "anna@example.org", "beat@example.org"


def begun(folder: Path) -> Home:
    """Anna and Beat are ours and in sync."""
    fake_platform.reset()
    home = Home(folder / "home", {"mode": "mirror", "address_change": "move"})
    home.source([Local("1", ANNA, "A", False), Local("2", BEAT, "B", False)])
    assert home.run(JobKind.EXPORT, home.plan().plan_id).exit_code == 0
    fake_platform.PLATFORM.step += 1
    return home


@pytest.mark.parametrize(
    ("action", "row"),
    [
        (Action.UNSUBSCRIBE, Local("1", ANNA, "A", True)),
        (Action.CHANGE, Local("1", ANNA, "Other", False)),
        (Action.MOVE, Local("1", "other@example.org", "A", False)),
        (Action.REMOVE, None),
        (Action.ADD, Local("3", "carla@example.org", "C", False)),
    ],
)
def test_R17_a_yes_that_reading_back_does_not_show_is_unverified(
    tmp_path: Path, action: Action, row: Local | None
) -> None:
    home = begun(tmp_path)
    rows = [Local("2", BEAT, "B", False)]
    if action is Action.ADD:
        rows.append(Local("1", ANNA, "A", False))
    home.source(rows if row is None else [*rows, row])
    plan = home.plan()
    assert plan.writes_by_action() == {action: 1}
    fake_platform.PLATFORM.deaf = True
    end = home.run(JobKind.EXPORT, plan.plan_id)
    assert (end.exit_code, dict(end.counts)) == (3, {"unverified": 1})
    assert fake_platform.PLATFORM.people[ANNA].consent is Consent.SUBSCRIBED


@pytest.mark.parametrize(
    "row", [Local("3", "carla@example.org", "C", False), Local("1", "other@example.org", "A", False)]
)
def test_R17_what_was_not_shown_is_planned_again_when_everything_is_read_anew(
    tmp_path: Path, row: Local
) -> None:
    home = begun(tmp_path)
    rows = [Local("2", BEAT, "B", False), row]
    if row.source_id != "1":
        rows.append(Local("1", ANNA, "A", False))
    home.source(rows)
    plan = home.plan()
    fake_platform.PLATFORM.deaf = True
    assert home.run(JobKind.EXPORT, plan.plan_id).exit_code == 3
    fake_platform.PLATFORM.deaf = False
    home.ahead = 8 * 86_400
    again = home.plan()
    assert again.writes_by_action() == plan.writes_by_action()
    assert home.run(JobKind.EXPORT, again.plan_id).exit_code == 0
    assert row.email in fake_platform.PLATFORM.people
