"""A CRM and an address book with a link between them: settings, state, and what really stands on both sides."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.registry import source_kind
from adapters.sandbox.running import RunningSandbox
from adapters.secret import Secret
from adapters.source import SourceSettings
from console.jobs.runner import JobEnd, run_inline
from state.job_log import read_log
from state.model import JobKind, Plan, PlanRow
from state.moments import utc_now
from state.plans import find_in_plan, get_plan
from state.store import State, open_state
from tests.integration.world import EVA

LINK = "magazin"
BOOK = "4711"
WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
TWO_WAY = '{ FIRSTNAME = { column = "firstName", two_way = true }, LASTNAME = { column = "lastName", two_way = true } }'


@dataclass(slots=True)
class CrmWorld:
    """One link from the CRM's newsletter group to the first address book."""

    folder: Path
    sandbox: RunningSandbox
    fields: str = TWO_WAY
    mode: str = "update"
    more: str = ""
    source: dict[str, str] = field(default_factory=lambda: {"filter": "groups=1"})
    ahead: float = 0
    _seen: int = 0

    @classmethod
    def begin(cls, folder: Path, sandbox: RunningSandbox) -> CrmWorld:
        """Both sandboxes as they were at their start."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        world = cls(folder, sandbox)
        for vendor in ("dotdigital", "oro"):
            sandbox.control(vendor, "reset")
        world.mark()
        return world

    # --- both sides --------------------------------------------------------------------------------------

    def at_platform(self, email: str, **fields: str) -> None:
        """Somebody changes a contact in the platform's own screens."""
        self.sandbox.control("dotdigital", "edit", email=email, fields=fields)

    def in_source(self, email: str, **attributes: str) -> None:
        """Somebody changes a contact in the CRM."""
        self.sandbox.control("oro", "edit", email=email, attributes=attributes)

    def source_rows(self) -> dict[str, dict[str, str]]:
        """What the CRM holds now, by address in lower case."""
        key = self.sandbox.key("oro")
        settings = SourceSettings(
            "crm",
            "oro",
            self.folder,
            id="id",
            email="primaryEmail",
            secrets={"client_secret": Secret(key["client_secret"])},
            options={"base_url": self.sandbox.url("oro"), "client_id": key["client_id"]},
        )
        columns = ("primaryEmail", "id", "firstName", "lastName")
        read = source_kind("oro").open(settings, None).read(columns)
        return {
            row[0].lower(): dict(zip(columns, row, strict=True))
            for batch in read
            for row in batch.rows
            if row[0]
        }

    def mark(self) -> None:
        """Requests count from here on."""
        self._seen = len(self.sandbox.ledger_rows())

    def writes(self, vendor: str) -> list[Mapping[str, Any]]:
        """Requests since the mark that change something at a vendor; asking for a token does not."""
        return [
            row
            for row in self.sandbox.ledger_rows()[self._seen :]
            if row.get("method") in WRITES and row["vendor"] == vendor and "token" not in row["path"]
        ]

    # --- settings and jobs -------------------------------------------------------------------------------

    def configure(self) -> Path:
        """Write the settings; secrets go into the environment."""
        platform, crm = self.sandbox.key("dotdigital"), self.sandbox.key("oro")
        os.environ.update(CRM_DD_PASSWORD=platform["password"], CRM_ORO_SECRET=crm["client_secret"])
        options = "".join(f"{name} = {json.dumps(value)}\n" for name, value in self.source.items())
        path = self.folder / "listwarden.toml"
        path.write_text(
            f'[connections.alpen]\nprovider = "dotdigital"\nuser = "{platform["user"]}"\n'
            f'password = {{ env = "CRM_DD_PASSWORD" }}\nbase_url = "{self.sandbox.url("dotdigital")}"\n\n'
            f'[sources.crm]\nkind = "oro"\nbase_url = "{self.sandbox.url("oro")}"\nclient_id = "{crm["client_id"]}"\n'
            f'client_secret = {{ env = "CRM_ORO_SECRET" }}\nid = "id"\nemail = "primaryEmail"\n{options}\n'
            f'[links.{LINK}]\nsource = "crm"\nconnection = "alpen"\nlist = "{BOOK}"\nmode = "{self.mode}"\n'
            f'consent = "membership form"\nfields = {self.fields}\n{self.more}\n',
            encoding="utf-8",
        )
        path.chmod(0o600)
        return path

    @property
    def state_path(self) -> Path:
        return self.folder / "state" / "state.db"

    def now(self) -> datetime:
        return utc_now() + timedelta(seconds=self.ahead)

    def run(self, kind: JobKind, plan_id: str = "", **options: Any) -> JobEnd:
        """A job in this process, to its end."""
        return run_inline(
            kind,
            connection="alpen",
            operator=EVA,
            config=self.configure(),
            state_path=self.state_path,
            link=LINK,
            plan_id=plan_id,
            options=options,
            now=self.now,
        )

    def run_preview(self) -> JobEnd:
        """The preview's job, however it ends."""
        return self.run(JobKind.PREVIEW, save=True)

    def preview(self) -> Plan:
        """A saved plan."""
        end = self.run_preview()
        assert end.exit_code == 0, (end.reason, end.text)
        with self.state() as state:
            return get_plan(state, str(end.result["plan"]))

    def export(self, plan: Plan | None = None, **options: Any) -> JobEnd:
        """Export a plan, a new one without it."""
        return self.run(JobKind.EXPORT, (plan or self.preview()).plan_id, **options)

    def log(self, end: JobEnd) -> str:
        """What a job said."""
        with self.state() as state:
            return "\n".join(line.text for line in read_log(state, end.job_id, limit=10_000))

    @contextmanager
    def state(self) -> Iterator[State]:
        with open_state(self.state_path, read_only=True) as state:
            yield state

    def row(self, plan: Plan, email: str) -> PlanRow:
        """The one row of an address."""
        with self.state() as state:
            (row,) = find_in_plan(state, plan, email)
            return row

    def in_sync(self, plan: Plan) -> list[str]:
        """Addresses a plan has nothing to send for."""
        with self.state() as state:
            rows = state.db.execute(
                "SELECT r.address_key FROM plan_rows r JOIN plans p ON p.no = r.plan_no AND p.plan_id = ?"
                " JOIN plan_groups g ON g.plan_no = p.no AND r.n BETWEEN g.first AND g.first + g.rows - 1"
                " WHERE g.reason = 'in-sync' ORDER BY r.address_key",
                (plan.plan_id,),
            ).fetchall()
        return [str(key) for (key,) in rows]

    def member_fields(self, email: str) -> dict[str, str]:
        """What the platform held when it was last listed, by the link's fields."""
        with self.state() as state:
            (mapped,) = state.db.execute(
                "SELECT mapped FROM members WHERE address_key = ?", (email,)
            ).fetchone()
        return dict(zip(("FIRSTNAME", "LASTNAME"), str(mapped).split("\x1f"), strict=True))
