"""Settings and a state of their own over the platform that only has campaigns; the clock is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import registry
from console.jobs.ends import JobEnd
from console.jobs.runner import run_inline
from state.campaigns import CampaignRow, campaign_rows, campaigns_at
from state.job_log import read_log
from state.model import ActivityKind, JobKind, Level, Operator
from state.store import open_state
from tests.console import campaign_platform
from tests.console.campaign_platform import SENT_AT, Platform

EVA = Operator("eva", "desk")
OPENED, SENT = ActivityKind.OPENED, ActivityKind.SENT
SETTINGS = """\
[connections.shop]
provider = "campaigner"
key = { env = "SHOP_KEY" }

[connections.empty]
provider = "campaigner"
key = { env = "SHOP_KEY" }

[sources.members]
kind = "csv"
path = "members.csv"

[links.news]
source = "members"
connection = "shop"
list = "4711"
consent = "form"

[links.youth]
source = "members"
connection = "shop"
list = "4712"
consent = "form"
"""


@dataclass(slots=True)
class Desk:
    """One person's files."""

    folder: Path
    now: datetime = SENT_AT + timedelta(hours=2)

    @property
    def config(self) -> Path:
        return self.folder / "listwarden.toml"

    @property
    def state_path(self) -> Path:
        return self.folder / "state.db"

    def read(self, connection: str = "shop") -> JobEnd:
        """Run the job; each run is ten minutes after the one before."""
        self.now += timedelta(minutes=10)
        return run_inline(
            JobKind.CAMPAIGNS,
            connection=connection,
            operator=EVA,
            config=self.config,
            state_path=self.state_path,
            now=lambda: self.now,
        )

    def rows(self) -> dict[str, CampaignRow]:
        with open_state(self.state_path, read_only=True) as state:
            return {row.campaign_id: row for row in campaign_rows(state, "shop")}

    def activities(self) -> list[tuple[Any, ...]]:
        with open_state(self.state_path, read_only=True) as state:
            return state.db.execute(
                "SELECT c.campaign_id, a.address_key, a.kind, a.at FROM activities a JOIN campaigns c ON c.no = a.campaign_no"
                " ORDER BY 1, 2, 3, 4"
            ).fetchall()

    def told(self, end: JobEnd, level: Level) -> list[tuple[str, str]]:
        with open_state(self.state_path, read_only=True) as state:
            return [(line.reason, line.text) for line in read_log(state, end.job_id) if line.level is level]

    def read_at(self) -> datetime | None:
        with open_state(self.state_path, read_only=True) as state:
            return campaigns_at(state, "shop")


def put_platform_in_place(monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The platform stands in the registry, with nothing in it."""
    monkeypatch.setitem(registry.PROVIDERS, "campaigner", "tests.console.campaign_platform")
    monkeypatch.setenv("SHOP_KEY", "key")
    return campaign_platform.reset()


def furnished_desk(folder: Path, platform: Platform) -> Desk:
    """Two linked lists, three sent campaigns of four mails and an open each, one draft."""
    folder.chmod(0o700)
    desk = Desk(folder)
    desk.config.write_text(SETTINGS, encoding="utf-8")
    desk.config.chmod(0o600)
    for number, (list_id, name) in enumerate((("4711", "March"), ("4711", "April"), ("4712", "Camp"))):
        platform.put(list_id, str(301 + number), name)
        for person in ("eva", "jan", "ida", "tom"):
            platform.did(str(301 + number), f"{person}@example.org", SENT)
        platform.did(str(301 + number), "eva@example.org", OPENED, SENT_AT + timedelta(minutes=5))
    platform.put("4711", "399", "Draft", sent=False)
    return desk
