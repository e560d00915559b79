"""A small world for whole runs: who is at the platform, what the source says, and what became of it.

The sandbox is shared by the tests of one process and reset for each; ledger rows are counted from there.
"""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from adapters.sandbox.mailchimp.seed import seeded_fields, seeded_status
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from console.jobs.process import alive
from console.jobs.runner import JobEnd, run_inline, run_job
from state.job_log import read_log
from state.jobs import create_job, get_job, job_no, judged, unfinished_export
from state.model import Job, JobKind, Operator, Plan, PlanRow
from state.moments import utc_now
from state.outcomes import OutcomeRow, all_outcomes
from state.plans import find_in_plan, get_plan
from state.store import State, open_state
from tests.integration import child

SEED = 1
CONTACTS = 400
LINK = "members-news"
EVA = Operator("eva", "desk")
READS = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class Row:
    """One row of the source."""

    source_id: str
    email: str
    first_name: str = ""
    last_name: str = ""
    newsletter_no: str = ""


@dataclass(slots=True)
class LinkText:
    """A link as the settings say it; ``None`` values are left out."""

    connection: str = "verband"
    source: str = "members"
    list_id: str = ""
    mode: str = "update"
    consent: str = "membership form 2024"
    fields: str = '{ FNAME = "first_name", LNAME = "last_name" }'
    more: str = ""


@dataclass(slots=True, frozen=True)
class Ended:
    """How an export ended: its exit code, the job as the state has it, and what it said."""

    exit_code: int
    job: Job
    log: str

    @property
    def counts(self) -> Mapping[str, int]:
        return self.job.counts


@dataclass(slots=True)
class World:
    """Settings, source and state in one folder, over one sandbox."""

    folder: Path
    sandbox: RunningSandbox
    rows: dict[str, Row] = field(default_factory=dict)
    links: dict[str, LinkText] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    base_urls: dict[str, str] = field(default_factory=dict)
    id_column: str = "person_id"
    """The column that tells people apart in every source."""
    ahead: float = 0
    """Seconds the jobs' clock is ahead of the machine's."""
    file_rows: int = 0
    """So few rows go into an import file of a job that dies; 0: as many as there may be."""
    _mark: int = 0
    """Where the ledger counts from, in bytes: it grows with every test."""

    @classmethod
    def begin(cls, folder: Path, sandbox: RunningSandbox) -> World:
        """An empty source and one link onto the first audience."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        world = cls(folder, sandbox)
        world.control("reset")
        world.links[LINK] = LinkText(list_id=world.list_id)
        world.keys["verband"] = sandbox.key("mailchimp")
        world.mark()
        return world

    # --- the platform ------------------------------------------------------------------------------------

    @property
    def list_id(self) -> str:
        return str(self.sandbox.ready["lists"]["mailchimp"][0]["id"])

    @property
    def double_opt_in_list(self) -> str:
        return str(self.sandbox.ready["lists"]["mailchimp"][1]["id"])

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return self.sandbox.control("mailchimp", verb, **arguments)

    def platform(self, list_id: str | None = None) -> dict[str, str]:
        """Raw status by address in lower case."""
        return {email.lower(): word for email, word in self.sandbox.state("mailchimp", list_id).items()}

    def rehearsal(self, name: str) -> tuple[str, str]:
        """Key and list of a rehearsal account."""
        account = self.sandbox.ready["rehearsals"]["mailchimp"][name]
        return str(account["key"]), str(account["lists"][0])

    @property
    def _ledger_file(self) -> Path:
        path = self.sandbox.options.ledger
        assert path is not None
        return path

    def mark(self) -> None:
        """Ledger rows count from here on."""
        self._mark = self._ledger_file.stat().st_size

    def ledger(self) -> list[dict[str, Any]]:
        """Requests since the mark, without the sandbox's own events."""
        with self._ledger_file.open("rb") as file:
            file.seek(self._mark)
            rows = [json.loads(line) for line in file.read().splitlines()]
        return [row for row in rows if "method" in row]

    def mutations(self) -> list[dict[str, Any]]:
        """Requests since the mark that are no reads."""
        return [row for row in self.ledger() if row["method"] not in READS]

    def ops(self, kind: str | None = None, *, ok: bool | None = None) -> list[dict[str, Any]]:
        """What was asked for single addresses since the mark."""
        return [
            op
            for row in self.mutations()
            for op in row["ops"]
            if (kind is None or op["kind"] == kind) and (ok is None or op["ok"] is ok)
        ]

    def asked(self, kind: str | None = None) -> set[str]:
        """Addresses in requests since the mark."""
        return {op["email"].lower() for op in self.ops(kind)}

    # --- the source --------------------------------------------------------------------------------------

    def put(self, i: int, **changes: str) -> str:
        """A source row of ``person(SEED, i)`` with the names the platform has (so it is in sync); its address."""
        who = person(SEED, i)
        if i < CONTACTS:
            names = seeded_fields(SEED, i)
            row = Row(str(i), who.email, names["FNAME"], names["LNAME"])
        else:
            row = Row(str(i), who.email, who.first_name, who.last_name)
        self.rows[str(i)] = replace(row, **changes)
        return self.rows[str(i)].email

    def put_all(self, numbers: Iterable[int], **changes: str) -> list[str]:
        return [self.put(i, **changes) for i in numbers]

    def change(self, i: int, **changes: str) -> None:
        self.rows[str(i)] = replace(self.rows[str(i)], **changes)

    def drop(self, numbers: Iterable[int]) -> None:
        for i in numbers:
            del self.rows[str(i)]

    def save(self, name: str = "members") -> Path:
        """Write the source."""
        path = self.folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(["person_id", "email", "first_name", "last_name", "newsletter_no"])
            for row in self.rows.values():
                writer.writerow([row.source_id, row.email, row.first_name, row.last_name, row.newsletter_no])
        return path

    # --- the settings ------------------------------------------------------------------------------------

    def link(self, name: str = LINK, **changes: str) -> None:
        """Change keys of a link, or add one."""
        self.links[name] = replace(self.links.get(name, LinkText(list_id=self.list_id)), **changes)

    @property
    def environment(self) -> dict[str, str]:
        return {f"KEY_{name.upper()}": key for name, key in self.keys.items()}

    def configure(self) -> Path:
        """Write the settings; keys go into the environment."""
        parts = ['[options]\nquarantine = "1m"']
        for name in self.keys:
            url = self.base_urls.get(name, self.sandbox.url("mailchimp"))
            parts.append(
                f'[connections.{name}]\nprovider = "mailchimp"\nkey = {{ env = "KEY_{name.upper()}" }}\nbase_url = "{url}"'
            )
        for source in dict.fromkeys(link.source for link in self.links.values()):
            parts.append(
                f'[sources.{source}]\nkind = "csv"\npath = "{source}.csv"\nid = "{self.id_column}"\nemail = "email"\nopted_out = "newsletter_no"'
            )
        for name, link in self.links.items():
            parts.append(
                f'[links.{name}]\nsource = "{link.source}"\nconnection = "{link.connection}"\nlist = "{link.list_id}"\n'
                f'mode = "{link.mode}"\nconsent = "{link.consent}"\nfields = {link.fields}\n{link.more}'
            )
        path = self.folder / "listwarden.toml"
        fresh = path.with_suffix(".new")  # a job may be reading the present one
        fresh.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(path)
        os.environ.update(self.environment)
        return path

    # --- jobs --------------------------------------------------------------------------------------------

    @property
    def state_path(self) -> Path:
        return self.folder / "state" / "state.db"

    def now(self) -> datetime:
        return child.later(self.ahead)()

    def run(self, kind: JobKind, /, *, connection: str = "", link: str = "", **options: Any) -> JobEnd:
        """A job in this process, as the command line runs preview, check and feedback."""
        config = self.configure()
        if not connection:
            connection = self.links[link].connection if link else "verband"
        return run_inline(
            kind,
            connection=connection,
            operator=EVA,
            config=config,
            state_path=self.state_path,
            link=link,
            options=options,
            now=self.now,
        )

    def preview(self, link: str = LINK, **options: Any) -> Plan:
        """A saved plan."""
        end = self.run(JobKind.PREVIEW, link=link, save=True, **options)
        assert end.exit_code == 0, (end.reason, end.text)
        return self.plan(str(end.result["plan"]))

    def feedback(self, link: str = LINK, **options: Any) -> JobEnd:
        return self.run(JobKind.FEEDBACK, link=link, **options)

    def new_export(self, plan: Plan, **options: Any) -> str:
        """A queued export of a plan, as the command line makes it."""
        self.configure()
        with open_state(self.state_path) as state:
            return create_job(
                state,
                kind=JobKind.EXPORT,
                connection=plan.connection,
                link=plan.link,
                plan_id=plan.plan_id,
                operator=EVA,
                options=options,
                now=self.now(),
            )

    def carry(self, job_id: str) -> Ended:
        """Run a job to its end in this process, by the entry of ``job run ID``."""
        self.configure()
        hang_up = signal.getsignal(signal.SIGHUP)
        try:
            code = run_job(
                job_id, config=self.folder / "listwarden.toml", state_path=self.state_path, now=self.now
            )
        finally:
            signal.signal(signal.SIGHUP, hang_up)
        return self.ended(code, job_id)

    def export(self, plan: Plan | None = None, *, link: str = LINK, **options: Any) -> Ended:
        """As ``listwarden export LINK``: go on with the unfinished job, else preview and export."""
        open_job = self.unfinished(link)
        if open_job is not None:
            return self.carry(open_job.job_id)
        return self.carry(self.new_export(plan or self.preview(link), **options))

    def killed(self, job_id: str, *, die_in: str = "", crash_at: str = "", small: bool = False) -> int | None:
        """Run a job in a process of its own that dies where it is told to; its exit code (-9: it did)."""
        environment = {**self.environment, "LISTWARDEN_CRASH_AT": crash_at}
        process = child.process(
            job_id,
            self.configure(),
            self.state_path,
            environment,
            die_in=die_in,
            ahead=self.ahead,
            small=small,
            file_rows=self.file_rows,
        )
        process.start()
        process.join(60)
        code = process.exitcode
        process.close()
        return code

    def move_on(self, seconds: float) -> None:
        """It is later for the jobs."""
        self.ahead += seconds

    def finish(self, job_id: str, rounds: int = 8) -> Ended:
        """Export the link again until the unfinished job has ended; each time is a quarantine later."""
        ended = self.ended(-1, job_id)
        for _ in range(rounds):
            if ended.job.state.final:
                return replace(ended, exit_code=ended.job.exit_code or 0)
            self.move_on(120)
            ended = self.export(link=ended.job.link)
            assert ended.job.job_id == job_id, "another job was begun beside the unfinished one"
        raise AssertionError(f"never ended: {ended.job}\n{ended.log}")

    # --- what the state knows ----------------------------------------------------------------------------

    def state(self) -> State:
        return open_state(self.state_path, read_only=True)

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self.state() as state:
            return state.db.execute(query, values).fetchall()

    def ended(self, code: int, job_id: str) -> Ended:
        with self.state() as state:
            lines = read_log(state, job_id, limit=10_000)
            return Ended(
                code, get_job(state, job_id), "\n".join(f"{line.reason} {line.text}" for line in lines)
            )

    def unfinished(self, link: str = LINK) -> Job | None:
        if not self.state_path.exists():
            return None
        with self.state() as state:
            job = unfinished_export(state, link)
            return None if job is None else judged(state, job, utc_now(), alive=alive)

    def plan(self, plan_id: str) -> Plan:
        with self.state() as state:
            return get_plan(state, plan_id)

    def plan_row(self, plan: Plan, email: str) -> PlanRow:
        """The one row of an address."""
        with self.state() as state:
            (row,) = find_in_plan(state, plan, email.lower())
            return row

    def plan_payload(self, plan: Plan) -> list[tuple[Any, ...]]:
        """What a plan sends: number, address as written, source id, values."""
        return self.sql(
            "SELECT n, address_key, email, source_id, payload FROM plan_rows WHERE n < ?"
            " AND plan_no = (SELECT no FROM plans WHERE plan_id = ?) ORDER BY n",
            plan.writes,
            plan.plan_id,
        )

    def outcomes(self, job_id: str) -> list[OutcomeRow]:
        with self.state() as state:
            job = get_job(state, job_id)
            return list(all_outcomes(state, job_no(state, job_id), get_plan(state, job.plan_id)))

    def outcome(self, job_id: str, email: str) -> tuple[str, str]:
        """Outcome and reason of an address."""
        (found,) = [row for row in self.outcomes(job_id) if row.email.lower() == email.lower()]
        return found.outcome.value, found.reason

    def member(self, email: str, list_id: str | None = None) -> dict[str, Any] | None:
        """A member as remembered."""
        names = ("consent", "raw_status", "ours", "gone", "origin_id", "mapped", "detail")
        rows = self.sql(
            f"SELECT {', '.join('m.' + name for name in names)} FROM members m JOIN lists l ON l.no = m.list_no"
            " WHERE l.list_id = ? AND m.address_key = ?",
            list_id or self.list_id,
            email.lower(),
        )
        return dict(zip(names, rows[0], strict=True)) if rows else None

    def ours(self) -> set[str]:
        """Addresses of members that count as ours."""
        return {str(row[0]) for row in self.sql("SELECT address_key FROM members WHERE ours = 1")}

    def journal(self, email: str) -> list[tuple[str, str, str]]:
        """``(what, reason, origin)`` of an address, oldest first."""
        return [
            (str(what), str(reason), str(origin))
            for what, reason, origin in self.sql(
                "SELECT what, reason, origin FROM journal WHERE address_key = ? ORDER BY no", email.lower()
            )
        ]

    def contents(self, *, without: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """Members, contacts, opt-outs and outcomes: what a refused job must leave as it was."""
        tables = ("members", "contacts", "opt_outs", "outcomes", "chunks", "journal")
        return {name: self.sql(f"SELECT * FROM {name}") for name in tables if name not in without}


def standing(word: str, count: int, start: int = 0) -> list[int]:
    """Numbers of seeded people who have a status on the first audience."""
    found = [i for i in range(start, CONTACTS) if seeded_status(SEED, i) == word]
    assert len(found) >= count, f"only {len(found)} are {word}"
    return found[:count]


def email_of(i: int) -> str:
    return person(SEED, i).email
