"""Settings, source and state over the platform in memory; see ``fake_platform``."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from console.jobs.runner import JobEnd, run_inline
from state.model import JobKind, Plan
from state.moments import utc_now
from state.plans import get_plan
from state.store import open_state
from tests.integration import fake_platform
from tests.integration.world import EVA

LINK = "members"


@dataclass(slots=True, frozen=True)
class Local:
    """A row of the source: who (a source id), which address, name, whether the person said no."""

    source_id: str
    email: str
    name: str
    opted_out: bool


class Home:
    """Settings, source and state for one example."""

    def __init__(self, folder: Path, link: Mapping[str, str]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.ahead = 0.0
        text = f"""
[connections.fake]
provider = "fake"
key = {{ env = "FAKE_KEY" }}
[sources.members]
kind = "csv"
path = "members.csv"
id = "id"
email = "email"
opted_out = "no"
[links.{LINK}]
source = "members"
connection = "fake"
list = "one"
consent = "form"
fields = {{ {fake_platform.FIELD} = "name" }}
""" + "".join(f'{name} = "{value}"\n' for name, value in link.items())
        self.config = folder / "listwarden.toml"
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o600)

    @property
    def state_path(self) -> Path:
        return self.folder / "state" / "state.db"

    def source(self, rows: list[Local]) -> None:
        with (self.folder / "members.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(["id", "email", "name", "no"])
            writer.writerows(
                [row.source_id, row.email, row.name, "yes" if row.opted_out else ""] for row in rows
            )

    def run(self, kind: JobKind, plan_id: str = "", **options: Any) -> JobEnd:
        return run_inline(
            kind,
            connection="fake",
            operator=EVA,
            config=self.config,
            state_path=self.state_path,
            link=LINK,
            plan_id=plan_id,
            options=options,
            now=lambda: utc_now() + timedelta(seconds=self.ahead),
        )

    def plan(self) -> Plan:
        end = self.run(JobKind.PREVIEW, save=True, allow_empty_source=True)
        assert end.exit_code == 0, (end.reason, end.text)
        with open_state(self.state_path, read_only=True) as state:
            return get_plan(state, str(end.result["plan"]))

    def rows(self, plan: Plan) -> list[tuple[Any, ...]]:
        """Everything the plan says, row by row."""
        with open_state(self.state_path, read_only=True) as state:
            return state.db.execute(
                "SELECT p.n, p.address_key, p.email, p.source_id, p.origin_id, p.payload, g.class, g.reason FROM plan_rows p"
                " JOIN plan_groups g ON g.plan_no = p.plan_no AND p.n >= g.first AND p.n < g.first + g.rows"
                " WHERE p.plan_no = (SELECT no FROM plans WHERE plan_id = ?) ORDER BY p.n",
                (plan.plan_id,),
            ).fetchall()

    def ours(self) -> set[str]:
        with open_state(self.state_path, read_only=True) as state:
            return {str(row[0]) for row in state.db.execute("SELECT address_key FROM members WHERE ours = 1")}
