"""A source and a platform that hold values, a link that carries two-way fields between them, and what really happens.

A run reads both sides, plans, sends every row in the order of an export, and folds: by the functions a job uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from state.agreed import settle_what_shows
from state.chunks import Answer, Grip, answer, intend
from state.compare import Comparison, FieldRules
from state.jobs import create_job, job_no
from state.leases import release_lease, take_lease
from state.liveness import ProcessMark
from state.model import (
    ACTION_ORDER,
    Action,
    Blank,
    Conflict,
    FieldMapping,
    JobKind,
    Mode,
    Operator,
    Outcome,
    Plan,
    PlanRow,
)
from state.outcomes import fold
from state.plans import WriteRow, plan_rows
from tests.state.lists import Lists, Person, lists, member

INES = Operator("ines", "host")
TARGETS = ("FNAME", "LNAME")
COLUMNS = dict(zip(TARGETS, ("first", "last"), strict=True))


def two_way(blank: Blank = Blank.KEEP, *targets: str) -> tuple[FieldMapping, ...]:
    """The two mapped fields; those named go both ways, all without any name."""
    wanted = targets or TARGETS
    return tuple(FieldMapping(target, (COLUMNS[target],), blank, target in wanted) for target in TARGETS)


@dataclass(slots=True)
class BothSides:
    """Values of people by address and field; ``beside``: the source only keeps what is handed to it for a person."""

    world: Lists
    source: dict[str, dict[str, str]] = field(default_factory=dict)
    platform: dict[str, dict[str, str]] = field(default_factory=dict)
    beside: bool = False
    returned: dict[str, dict[str, str]] = field(default_factory=dict)
    created: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    shown: dict[str, dict[str, str]] | None = None
    """What the listing still tells, where it lags behind the platform."""
    old_source: dict[str, dict[str, str]] | None = None
    """What the source still tells, where its read is old (``world.source_as_of``)."""

    def put(self, email: str, source: Sequence[str], platform: Sequence[str]) -> None:
        """A person with these values on both sides."""
        self.source[email] = dict(zip(TARGETS, source, strict=True))
        self.platform[email] = dict(zip(TARGETS, platform, strict=True))

    def list_members(self) -> None:
        """A whole listing, of what it tells."""
        listed = self.platform if self.shown is None else self.shown
        self.world.listing(*(member(email, first=v["FNAME"], last=v["LNAME"]) for email, v in listed.items()))

    def read(self) -> None:
        """A complete read of both sides."""
        self.list_members()
        told = self.source if self.old_source is None else self.old_source
        self.world.source(
            *(Person(email, f"id-{email}", first=v["FNAME"], last=v["LNAME"]) for email, v in told.items())
        )

    def plan(self) -> Plan:
        """Read, and plan."""
        self.read()
        return self.world.plan()

    def run(self, plan: Plan | None = None) -> dict[Action, int]:
        """Plan and send everything; how many rows of each action were sent."""
        plan = plan or self.plan()
        state, world = self.world.state, self.world
        job_id = create_job(
            state,
            kind=JobKind.EXPORT,
            connection="verband",
            link=plan.link,
            plan_id=plan.plan_id,
            operator=INES,
            now=world.tick(),
        )
        mark = ProcessMark("host", 1, "1", "boot")
        fence = take_lease(
            state,
            "account:x",
            job_id=job_id,
            operator=INES,
            process=mark,
            now=world.tick(),
            alive=lambda _: False,
        )
        grip = Grip(job_id, job_no(state, job_id), "account:x", fence, INES)
        sent: dict[Action, int] = {}
        for action in ACTION_ORDER:
            after = -1
            while True:
                chunk, after = intend(state, grip, plan, action, after=after, size=100, now=world.tick())
                if chunk is None:
                    break
                answers = [self._carried(action, row) for row in chunk.rows]
                sent[action] = sent.get(action, 0) + sum(one.outcome is Outcome.SENT for one in answers)
                answer(state, grip, chunk, answers, now=world.tick())
        fold(
            state,
            job_id,
            grip.job_no,
            plan,
            plan.link,
            operator="ines",
            removed_word="archived",
            now=world.tick(),
        )
        release_lease(state, "account:x", fence)
        if sent:
            self._read_back()
        return {action: rows for action, rows in sent.items() if rows}

    def _read_back(self) -> None:
        """As a job ends: the platform is listed again, and what shows is settled."""
        world = self.world
        self.list_members()
        rules = FieldRules(world.link.fields, world.required, world.stored, world.link.conflict)
        comparison = Comparison(rules, sends_changes=world.link.mode is not Mode.ADD_ONLY)
        settle_what_shows(world.state, world.record.link_no, world.record.list_no, comparison, world.tick())

    def _carried(self, action: Action, row: WriteRow) -> Answer:
        match action:
            case Action.WRITE_BACK:
                return self._written(row)
            case Action.CREATE:
                values = _texts(row.payload, "create")
                self.created.append((row.email, values))
                if not self.beside:
                    self.source[row.email] = {name: values.get(COLUMNS[name], "") for name in TARGETS}
                reason = "written-beside" if self.beside else "created-in-source"
                return Answer(row.n, Outcome.SENT, reason)
            case Action.CHANGE:
                self.platform[row.address_key].update(_texts(row.payload, "fields"))
                return Answer(row.n, Outcome.SENT, "changed", f"o-{row.address_key}")
            case Action.ADD:
                fields = _texts(row.payload, "fields")
                self.platform[row.address_key] = {name: fields.get(name, "") for name in TARGETS}
                return Answer(row.n, Outcome.SENT, "added", f"o-{row.address_key}")
            case _:
                raise AssertionError(f"nobody leaves in these tests: {action}")

    def _written(self, row: WriteRow) -> Answer:
        """As sources do: a value that is neither the expected nor the new one is left alone."""
        held = self.source[row.address_key]
        news, expected = _texts(row.payload, "back"), _texts(row.payload, "expected")
        for target, column in COLUMNS.items():
            if column in news and held[target] not in (expected[column], news[column]):
                return Answer(row.n, Outcome.WITHHELD, "source-changed-meanwhile")
        values = {target: news[column] for target, column in COLUMNS.items() if column in news}
        (self.returned.setdefault(row.address_key, {}) if self.beside else held).update(values)
        return Answer(row.n, Outcome.SENT, "written-beside" if self.beside else "written-back")

    def rows(self, plan: Plan) -> dict[str, PlanRow]:
        """The plan's rows by address."""
        return {row.address_key: row for row in plan_rows(self.world.state, plan, 0, plan.rows)}

    def classes(self) -> dict[str, str]:
        """Address to ``class/reason`` of a new plan."""
        self.read()
        return self.world.classes()


def both_sides(
    folder: Path,
    *,
    conflict: Conflict = Conflict.ASK,
    blank: Blank = Blank.KEEP,
    fields: Iterable[str] = (),
    beside: bool = False,
    create: bool = False,
    mode: Mode = Mode.UPDATE,
) -> BothSides:
    """Nobody on either side yet."""
    world = lists(
        folder,
        mode=mode,
        fields=two_way(blank, *fields),
        conflict=conflict,
        create_contacts=create,
    )
    return BothSides(world, beside=beside)


def _texts(payload: Mapping[str, object], key: str) -> dict[str, str]:
    values = payload.get(key, {})
    assert isinstance(values, dict)
    return {str(name): str(value) for name, value in values.items()}
