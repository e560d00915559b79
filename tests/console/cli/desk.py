"""A person at the command line: settings, files and a state of their own, over a running sandbox."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from adapters.sandbox.mailchimp.seed import seeded_status
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from console.cli.app import build
from console.jobs.runner import run_inline
from state.model import JobKind, Operator

LISTED = 200
"""Members of the sandbox's first list."""

SEED = 1
ROOT = Path(__file__).parents[3]
NEWS = "a6b5da1054"
KEY_CANARY = "canary0badc0ffee0badc0ffee000000-us0"

SETTINGS = """\
[connections.verband]
provider = "mailchimp"
key = {{ file = "key" }}
base_url = "{url}"

[connections.abgelaufen]
provider = "mailchimp"
key = {{ env = "EXPIRED_KEY" }}
base_url = "{url}"

[sources.members]
kind = "csv"
path = "members.csv"
id = "person_id"
email = "email"
opted_out = "newsletter_no"

[links.members-news]
source = "members"
connection = "verband"
list = "{news}"
mode = "{mode}"
consent = "membership form 2024"
fields = {{ FNAME = "first_name", LNAME = "last_name" }}
"""

COLUMNS = ("person_id", "first_name", "last_name", "email", "newsletter_no")


@dataclass(slots=True, frozen=True)
class Answer:
    """What one call gave back."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails when there is more or less."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """NDJSON on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(slots=True)
class Desk:
    """``run`` calls in this process, ``process`` in one of its own as a shell would."""

    folder: Path
    sandbox: RunningSandbox
    environment: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    """Rows of the sandbox's ledger that are of earlier tests."""

    @property
    def config(self) -> Path:
        return self.folder / "listwarden.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state" / "listwarden.db"

    @property
    def members(self) -> Path:
        return self.folder / "members.csv"

    def lay_out(self, mode: str = "add-only") -> None:
        """Settings and the key, readable by nobody else."""
        self.folder.chmod(0o700)
        text = SETTINGS.format(url=self.sandbox.url("mailchimp"), news=NEWS, mode=mode)
        for path, content in ((self.config, text), (self.folder / "key", KEY_CANARY + "\n")):
            path.write_text(content, encoding="utf-8")
            path.chmod(0o600)
        self.seen = len(self.sandbox.ledger_rows())
        self.environment["EXPIRED_KEY"] = "expired" + "0" * 25 + "-us0"

    def write_members(self, rows: Sequence[Sequence[str]]) -> None:
        """The source's file."""
        with self.members.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        self.members.chmod(0o600)

    def people(self, numbers: Sequence[int]) -> list[tuple[str, ...]]:
        """Rows of the sandbox's people; those below ``LISTED`` are on its first list."""
        return [
            (who.member_id, who.first_name, who.last_name, who.email, "")
            for who in (person(SEED, i) for i in numbers)
        ]

    def places(self) -> list[str]:
        return ["--config", str(self.config), "--state", str(self.state)]

    def run(self, *words: str, input: str = "") -> Answer:
        """One call in this process, without a terminal; the places are given behind the command's words."""
        result = CliRunner(env=self.environment).invoke(
            build(), [*words, *self.places()], input=input, prog_name="listwarden"
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    def process(self, *words: str, **options: Any) -> Answer:
        """One call in a process of its own, without a terminal; the places are given before the command."""
        result = subprocess.run(
            self.command(*words),
            env=self.child_environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )
        return Answer(result.returncode, result.stdout, result.stderr)

    def command(self, *words: str) -> list[str]:
        """The words of a process."""
        return [sys.executable, "-m", "console.cli", *self.places(), *words]

    def child_environment(self) -> dict[str, str]:
        """Of a process."""
        return {**os.environ, **self.environment, "PYTHONPATH": str(ROOT)}

    def bodies(self) -> list[str]:
        """Every address that stood in the body of a request that changes something, since the desk was laid out."""
        rows = self.sandbox.ledger_rows()[self.seen :]
        return [op["email"] for row in rows for op in row.get("ops") or ()]

    def sent(self) -> dict[str, str]:
        """An export has run, in this process: for tests that begin after one."""
        plan = self.preview()["plan"]
        end = run_inline(
            JobKind.EXPORT,
            connection="verband",
            link="members-news",
            plan_id=plan,
            operator=Operator("eva", "here"),
            config=self.config,
            state_path=self.state,
        )
        assert end.exit_code == 0, end
        return {"job": end.job_id, "plan": plan}

    def preview(self, *words: str) -> Any:
        """The plan of the link, as JSON."""
        answer = self.run("preview", "members-news", "--json", *words)
        assert answer.code == 0, answer.err
        return answer.document


def listed_as(status: str) -> list[int]:
    """The numbers of the people whom the sandbox's first list has with this status at its start."""
    return [i for i in range(LISTED) if seeded_status(SEED, i) == status]
