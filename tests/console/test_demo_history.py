"""What the demo shows at once, before anybody does anything: imports that wait and were refused, levels, campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.demo.club import Club
from console.demo.history import make_history
from console.demo.home import DemoHome, demo_home
from console.demo.parts import DOTDIGITAL, MAILCHIMP, Stage
from console.demo.settings_text import CRM_LINK, SOUTH_LINK, TOURS_LINK
from console.settings import load_usable
from state.activity_view import ActivityWindow
from state.campaigns import campaign_rows
from state.jobs import list_jobs
from state.model import ActivityKind, JobKind, JobState, Operator, Plan, RowClass
from state.open_imports import open_imports
from state.plans import latest_plan
from state.store import open_state


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The demo as the console finds it."""
    club = Club(7, 600)
    folder = tmp_path_factory.mktemp("demo") / "home"
    with demo_home(folder) as home:
        options = SandboxOptions(contacts=club.listed, seed=club.seed, ledger=home.ledger)
        with RunningSandbox(options) as sandbox:
            made = Stage(home, club, sandbox, Operator("ann", "desk"))
            make_history(made, lambda text: None)
            yield made


@pytest.fixture
def home(stage: Stage) -> DemoHome:
    return stage.home


def _plan(home: DemoHome, link: str) -> Plan:
    with open_state(home.state, read_only=True) as state:
        found = latest_plan(state, link)
    assert found is not None
    return found


def _reasons(plan: Plan) -> dict[str, int]:
    return {group.reason: group.rows for group in plan.groups}


def test_the_settings_are_sound(home: DemoHome) -> None:
    settings, _ = load_usable(home.config)
    assert settings.faults == ()
    assert {entry.provider for entry in settings.connections.values()} == {MAILCHIMP, DOTDIGITAL}
    link = settings.links[CRM_LINK]
    assert settings.sources[link.source].kind == "oro"
    assert link.create_contacts
    assert all(mapping.two_way for mapping in link.fields)
    assert "password" not in home.config.read_text().replace("-password", "").replace("password =", "")


def test_every_class_and_both_levels_are_in_the_preview_of_the_crm(home: DemoHome) -> None:
    plan = _plan(home, CRM_LINK)
    assert set(plan.counts) == {row_class.value for row_class in RowClass}
    assert all(plan.counts.values()), plan.counts
    assert plan.guards == ()
    assert {
        *("unsubscribed", "unsubscribed-account", "suppressed-account", "bounced"),
        *("field-conflict", "changed-at-platform", "create-in-source", "create-not-covered"),
        *("removed-at-platform", "gone-from-source", "source-withdrew", "address-change-ask"),
    } <= _reasons(plan).keys()
    assert plan.basis["source_membership"]


def test_a_refused_import_has_come_back(home: DemoHome) -> None:
    assert _reasons(_plan(home, TOURS_LINK))["not-confirmed"] > 0
    with open_state(home.state, read_only=True) as state:
        (refused,) = (job for job in list_jobs(state, link=TOURS_LINK) if job.kind is JobKind.EXPORT)
    assert refused.state is JobState.PARTLY


def test_an_import_waits_for_the_platform(home: DemoHome) -> None:
    with open_state(home.state, read_only=True) as state:
        (waiting,) = (job for job in list_jobs(state, link=SOUTH_LINK) if job.kind is JobKind.EXPORT)
        (left,) = open_imports(state, "freunde-sued")
        assert open_imports(state, "freunde") == [], "the account with the CRM's link is free"
    assert waiting.state is JobState.WAITING
    assert left.page.startswith("http://127.0.0.1:")
    assert left.rows > 0


def test_campaigns_are_there_with_what_people_did(home: DemoHome) -> None:
    with open_state(home.state, read_only=True) as state:
        sent = [row for row in campaign_rows(state, "freunde") if row.sent_at is not None]
        windows = {kind: ActivityWindow([sent[0].no], kind=kind) for kind in ActivityKind}
        kinds = {kind: window.count(state).rows for kind, window in windows.items()}
    assert len(sent) >= 4
    assert kinds[ActivityKind.SENT] > kinds[ActivityKind.OPENED] > kinds[ActivityKind.CLICKED] > 0


def test_the_history_wrote_to_nobody_who_opted_out(stage: Stage) -> None:
    assert stage.written[DOTDIGITAL].addresses > 0
    assert stage.written[MAILCHIMP].addresses > 0
    assert [one.opted_out for one in stage.written.values()] == [0, 0]


def test_what_was_made_private_stays_so(home: DemoHome) -> None:
    def mode(path: Path) -> int:
        return path.stat().st_mode & 0o077

    assert not any(mode(path) for path in (home.config, home.state, *(home.folder / "secrets").iterdir()))
