"""Campaigns over loopback, from both platforms: what the state has in the end is what the sandbox tells (R14, R41)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.running import RunningSandbox
from console.jobs.ends import JobEnd
from console.jobs.runner import run_inline
from state.activities import activity_counts, persons
from state.campaigns import CampaignRow, campaign_rows
from state.explain import explain
from state.model import ActivityKind, JobKind, JobState
from state.store import State, open_state
from tests.integration.world import EVA


@dataclass(slots=True)
class Desk:
    """A connection to each platform, one of them with two linked lists."""

    folder: Path
    sandbox: RunningSandbox
    seen: int

    def configure(self) -> None:
        """Write the settings; the keys go into the environment."""
        key = self.sandbox.key("dotdigital")
        os.environ["DD_PASSWORD"] = key["password"]
        os.environ["MC_KEY"] = self.sandbox.key("mailchimp")
        parts = [
            f'[connections.alpen]\nprovider = "dotdigital"\nuser = "{key["user"]}"\n'
            f'password = {{ env = "DD_PASSWORD" }}\nbase_url = "{self.sandbox.url("dotdigital")}"\n',
            f'[connections.verband]\nprovider = "mailchimp"\nkey = {{ env = "MC_KEY" }}\n'
            f'base_url = "{self.sandbox.url("mailchimp")}"\n',
            '[sources.members]\nkind = "csv"\npath = "members.csv"\n',
        ]
        lists = [("magazin", "alpen", "4711"), ("touren", "alpen", "4712")]
        lists += [("news", "verband", self.sandbox.ready["lists"]["mailchimp"][0]["id"])]
        parts += [
            f'[links.{name}]\nsource = "members"\nconnection = "{connection}"\nlist = "{list_id}"\nconsent = "form"\n'
            for name, connection, list_id in lists
        ]
        config = self.folder / "listwarden.toml"
        config.write_text("\n".join(parts), encoding="utf-8")
        config.chmod(0o600)

    def read(self, connection: str) -> JobEnd:
        """Run the job."""
        return run_inline(
            JobKind.CAMPAIGNS,
            connection=connection,
            operator=EVA,
            config=self.folder / "listwarden.toml",
            state_path=self.folder / "state.db",
        )

    def state(self) -> State:
        return open_state(self.folder / "state.db", read_only=True)

    def rows(self, connection: str) -> dict[str, CampaignRow]:
        with self.state() as state:
            return {row.campaign_id: row for row in campaign_rows(state, connection)}

    def control(self, vendor: str, verb: str, **arguments: Any) -> None:
        self.sandbox.control(vendor, verb, **arguments)

    def writes(self) -> list[str]:
        rows = self.sandbox.ledger_rows()[self.seen :]
        return [row["path"] for row in rows if row.get("method", "GET") != "GET"]


@pytest.fixture
def desk(tmp_path: Path, shared_sandbox: RunningSandbox) -> Desk:
    for vendor in ("dotdigital", "mailchimp"):
        shared_sandbox.control(vendor, "reset")
    made = Desk(tmp_path / "desk", shared_sandbox, len(shared_sandbox.ledger_rows()))
    made.folder.mkdir(mode=0o700)
    made.configure()
    return made


@pytest.mark.parametrize("connection", ["alpen", "verband"])
def test_every_sent_campaign_is_read_whole_and_nothing_is_written(desk: Desk, connection: str) -> None:
    end = desk.read(connection)
    assert (end.state, end.exit_code) == (JobState.DONE, 0), end
    sent = [row for row in desk.rows(connection).values() if row.sent]
    assert len(sent) >= 1
    with desk.state() as state:
        for row in sent:
            assert row.summary is not None
            assert row.sent_at is not None
            assert row.cursor is not None
            assert row.curve is not None
            kept, people = activity_counts(state, [row.no]), persons(state, [row.no])
            for kind in ActivityKind:
                assert kept.get(kind, 0) == row.summary.counts[kind], (row.campaign_id, kind)
            assert people[ActivityKind.OPENED] == row.summary.unique_opens
            assert people[ActivityKind.CLICKED] == row.summary.unique_clicks
            assert row.lists
    assert desk.writes() == []


def test_what_happens_later_comes_with_the_next_reading(desk: Desk) -> None:
    desk.read("alpen")
    row = next(row for row in desk.rows("alpen").values() if row.sent and row.lists[0].link == "magazin")
    with desk.state() as state:
        (email,) = state.db.execute(
            "SELECT address_key FROM activities WHERE campaign_no = ? AND kind = 'sent' LIMIT 1", (row.no,)
        ).fetchone()
        before = explain(state, email)
    desk.control(
        "dotdigital",
        "activity",
        campaign=row.campaign_id,
        email=email,
        action="click",
        url="https://a.example/x",
    )
    end = desk.read("alpen")
    assert (end.exit_code, end.counts["activities"]) == (0, 1)
    with desk.state() as state:
        after = explain(state, email)
    new = [entry for entry in after.timeline if entry not in before.timeline]
    assert [(one.origin, one.what, one.link) for one in new] == [
        (f"campaign:{row.campaign_id}", "clicked", "magazin")
    ]
    assert "https://a.example/x" in new[0].detail
    assert desk.read("alpen").counts["activities"] == 0
    assert desk.writes() == []
