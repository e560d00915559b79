"""The demo without a screen, second part: the CRM's contacts to an address book of dotdigital, and back.

Invariant: what is told was measured: counts come from plans, jobs and the state, and the sandbox's own ledger says who
was written to. Each claim is one of ``holds``; the walk has succeeded when all of them do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from console.cli.output import say
from console.cli.table import table
from console.demo.parts import DOTDIGITAL, ORO, Stage
from console.demo.settings_text import CRM_LINK, SOUTH_LINK, TOURS_LINK
from console.jobs.ends import JobEnd
from console.jobs.pickup import pick_up_waiting
from console.jobs.run import Listener
from console.wording import number
from state.browse import browse_scopes
from state.explain import Explanation, explain
from state.jobs import get_job, list_jobs
from state.members import members_by_key
from state.model import Action, Job, JobKind, JobState, Plan, PlanRow, RowClass
from state.plans import get_plan, plan_rows
from state.store import open_state

RUNS = 3
"""After so many runs both sides have settled: the last one has nothing to send."""

LEVELS = ("unsubscribed", "unsubscribed-account", "bounced", "suppressed-account")
"""Reasons of those who opted out: the first one of this list only, the others of the whole account."""

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.1


@dataclass(slots=True)
class BookWalk:
    """What was seen on the way."""

    stage: Stage
    check: JobEnd
    fields: JobEnd
    before: Plan
    export: JobEnd
    steps: Sequence[str]
    files: int
    additions: int
    origin_ids: int
    feedback: JobEnd
    runs: list[Plan] = field(default_factory=list)
    """The plans of the runs after the first one."""
    tours: list[JobEnd] = field(default_factory=list)
    campaigns: JobEnd | None = None
    waiting: Job | None = None
    explained: list[Explanation] = field(default_factory=list)
    """Somebody who left this list only, and somebody who left everything."""

    def holds(self) -> dict[str, bool]:
        """Each claim of the walk, and whether it held."""
        counts = self.export.counts
        words = [view.reason for one in self.explained for view in one.links if view.link == CRM_LINK]
        sent = sum(self.tours[-1].counts.values()) if self.tours else 0
        return {
            "check": self.check.exit_code == 0 and self.fields.exit_code == 0,
            "every_row_accounted_for": sum(counts.values()) == self.before.writes,
            "four_steps_in_order": _in_order(self.steps),
            "a_refused_row_is_withheld": counts.get("withheld", 0) == 1,
            "origin_ids_complete": self.origin_ids == self.additions,
            "two_levels_told_apart": words == ["unsubscribed", "unsubscribed-account"],
            "nothing_to_send_in_the_last_run": not self.runs[-1].writes and bool(self.runs[0].writes),
            "refused_import_came_back": 0 < self.tours[-1].counts.get("sent", 0) == sent,
            "waiting_import_ended": self.waiting is not None and self.waiting.state is JobState.DONE,
            "campaigns_read": self.campaigns is not None and self.campaigns.counts.get("activities", 0) > 0,
            "nobody_opted_out_was_written_to": not self.stage.written[DOTDIGITAL].opted_out,
        }


def walk_books(stage: Stage) -> BookWalk:
    """Check, fields, preview, export, feedback, two more runs, campaigns, explain; then the two imports that are left."""
    check = stage.must(stage.job(JobKind.CHECK, connection="freunde"))
    fields = stage.must(stage.job(JobKind.FIELDS, connection="freunde", options={"action": "sync"}))
    before = _plan(stage, stage.preview(CRM_LINK, save=True))
    added = _rows(stage, before, Action.ADD)
    _one_is_refused(stage, added[-1].email)
    lines: list[str] = []
    listener = Listener(on_line=lambda line: lines.append(line.text))
    export = stage.must(stage.export(CRM_LINK, before.plan_id, listener=listener))
    origin_ids = _with_origin_id(stage, [row.address_key for row in added[:-1]])
    _people_act(stage, added)
    feedback = stage.must(stage.job(JobKind.FEEDBACK, connection="freunde"))
    steps = [line for line in lines if line.startswith("Step ")]
    walked = BookWalk(
        *(stage, check, fields, before, export, steps, _files(stage, export.job_id)),
        *(len(added) - 1, origin_ids, feedback),
    )
    for _ in range(RUNS - 1):
        walked.runs.append(_plan(stage, stage.preview(CRM_LINK)))
        if walked.runs[-1].writes:
            stage.must(stage.export(CRM_LINK, walked.runs[-1].plan_id))
    stage.sandbox.control(DOTDIGITAL, "activity", campaign="305", email=added[0].email, action="open")
    walked.campaigns = stage.must(stage.job(JobKind.CAMPAIGNS, connection="freunde"))
    walked.tours.append(stage.export(TOURS_LINK, stage.preview(TOURS_LINK)))
    walked.waiting = _waiting_import_ends(stage)
    with open_state(stage.home.state, read_only=True) as state:
        walked.explained += [explain(state, row.email) for row in added[:2]]
    return walked


def _plan(stage: Stage, plan_id: str) -> Plan:
    with open_state(stage.home.state, read_only=True) as state:
        return get_plan(state, plan_id)


def _rows(stage: Stage, plan: Plan, action: Action) -> list[PlanRow]:
    with open_state(stage.home.state, read_only=True) as state:
        found: list[PlanRow] = []
        for group in plan.groups:
            if group.action is action:
                found += plan_rows(state, plan, group.first, group.rows)
    return found


def _one_is_refused(stage: Stage, email: str) -> None:
    """The platform shall name one address among the faults of the next import, and not take it."""
    fault = ["Suppressed By Domain", email]
    stage.sandbox.control(DOTDIGITAL, "next-import", polls=0, count=0)
    stage.sandbox.control(DOTDIGITAL, "next-import", polls=0, faults=[fault], lose=[email])


def _with_origin_id(stage: Stage, keys: Sequence[str]) -> int:
    """How many of the addresses have the platform's own id in the state."""
    with open_state(stage.home.state, read_only=True) as state:
        (scope,) = browse_scopes(state, [CRM_LINK])
        return sum(bool(one.origin_id) for one in members_by_key(state, scope.list_no, keys).values())


def _files(stage: Stage, job_id: str) -> int:
    from state.job_log import list_files

    with open_state(stage.home.state, read_only=True) as state:
        return len(list_files(state, job_id))


def _people_act(stage: Stage, added: Sequence[PlanRow]) -> None:
    """One leaves the list, one everything; names change on each side; a conflict is settled by hand."""
    control, crm = stage.sandbox.control, stage.crm
    control(DOTDIGITAL, "unsubscribe", email=added[0].email)
    control(DOTDIGITAL, "unsubscribe-account", email=added[1].email)
    there, here = crm.renamed_last
    control(DOTDIGITAL, "edit", email=crm.email(there), fields={"FIRSTNAME": "Am Telefon"})
    control(ORO, "edit", id=crm.contact(here), attributes={"lastName": "Am Schalter"})
    for i in crm.renamed_twice:
        control(ORO, "edit", id=crm.contact(i), attributes={"lastName": "Dort-Anders"})


def _waiting_import_ends(stage: Stage) -> Job:
    """The platform ends the import that was held, and whoever looks next picks its job up."""
    with open_state(stage.home.state, read_only=True) as state:
        waiting = next(job for job in list_jobs(state, link=SOUTH_LINK) if job.kind is JobKind.EXPORT)
    stage.sandbox.control(DOTDIGITAL, "release-imports")
    pick_up_waiting(stage.home.state, config=stage.home.config, job_id=waiting.job_id)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with open_state(stage.home.state, read_only=True) as state:
            found = get_job(state, waiting.job_id)
        if found.state.final or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_SECONDS)


def _in_order(steps: Sequence[str]) -> bool:
    numbers = [int(step.split()[1]) for step in steps]
    return numbers == sorted(numbers) and set(numbers) == {1, 2, 3, 4}


# --- telling -------------------------------------------------------------------------------------------------


def as_json(walked: BookWalk) -> dict[str, object]:
    """What a script reads."""
    written = walked.stage.written[DOTDIGITAL]
    return {
        "link": CRM_LINK,
        "check": {"connection": "freunde", "ok": walked.check.exit_code == 0},
        "fields": dict(walked.fields.counts),
        "before": {
            "plan": walked.before.plan_id,
            "counts": walked.before.counts,
            "writes": walked.before.writes,
            "by_action": {action.value: rows for action, rows in walked.before.writes_by_action().items()},
            "unsubscribed-ignored": _levels(walked.before),
        },
        "export": {
            "job": walked.export.job_id,
            "state": walked.export.state.value,
            "outcomes": dict(walked.export.counts),
            "steps": list(walked.steps),
            "files": walked.files,
            "additions": walked.additions,
            "origin_ids": walked.origin_ids,
        },
        "feedback": {"state": walked.feedback.state.value, "counts": dict(walked.feedback.counts)},
        "two_way": [walked.before.writes, *(plan.writes for plan in walked.runs)],
        "conflicts": [_reason(plan, "field-conflict") for plan in (walked.before, *walked.runs)],
        "campaigns": dict(walked.campaigns.counts) if walked.campaigns else {},
        "imports": {
            "refused_before": dict(walked.tours[-1].counts) if walked.tours else {},
            "waiting_before": walked.waiting.state.value if walked.waiting else "",
        },
        "explain": [{"address": one.address, "answer": one.answer} for one in walked.explained],
        "requests": requests_of(walked.stage, DOTDIGITAL),
        "requests_to_the_crm": requests_of(walked.stage, ORO),
        "addresses_written": written.addresses,
        "opted_out_written": written.opted_out,
        "holds": walked.holds(),
    }


def requests_of(stage: Stage, vendor: str) -> int:
    """How many requests a platform or the CRM got since the demo began."""
    return sum(1 for row in stage.sandbox.ledger_rows() if row.get("method") and row["vendor"] == vendor)


def show(walked: BookWalk) -> None:
    """What a person reads."""
    before, written = walked.before, walked.stage.written[DOTDIGITAL]
    levels = _levels(before)
    say(f"check      {walked.check.text}")
    say(f"fields     {walked.fields.text}")
    say(
        f"preview    {before.writes:,} of {before.rows:,} rows to send, from the CRM's contacts to an address book"
    )
    say(
        f"           opted out: {levels['unsubscribed']:,} of this list only,"
        f" {sum(levels.values()) - levels['unsubscribed']:,} of the whole account"
    )
    for step in walked.steps:
        say(f"           {step}")
    say(
        f"export     {walked.export.text} {walked.origin_ids:,} of {walked.additions:,} additions have an origin id."
    )
    say("feedback   one left this list, one everything; " + walked.feedback.text)
    writes = " → ".join(number(plan.writes) for plan in (before, *walked.runs))
    say(f"two-way    rows to send in {1 + len(walked.runs)} runs: {writes}")
    say(f"campaigns  {walked.campaigns.text if walked.campaigns else ''}")
    say(f"imports    the refused one again: {walked.tours[-1].text if walked.tours else ''}")
    say(f"           the one that waited: {walked.waiting.text if walked.waiting else ''}")
    for one in walked.explained:
        say(f"explain    {one.answer}")
    say()
    last = walked.runs[-1].counts
    table(
        ("class", "before", "after"),
        [(name, number(rows), number(last[name])) for name, rows in before.counts.items()],
        right=(1, 2),
    )
    say()
    say(
        f"The sandbox's ledger: {requests_of(walked.stage, DOTDIGITAL):,} requests to dotdigital,"
        f" {requests_of(walked.stage, ORO):,} to the CRM, {written.addresses:,} addresses in them."
    )
    say(f"Of these opted out, pending or suppressed: {written.opted_out:,}")
    for name in (name for name, held in walked.holds().items() if not held):
        say(f"Did not hold: {name.replace('_', ' ')}")


def _levels(plan: Plan) -> dict[str, int]:
    return {reason: _reason(plan, reason, RowClass.UNSUBSCRIBED_IGNORED) for reason in LEVELS}


def _reason(plan: Plan, reason: str, row_class: RowClass | None = None) -> int:
    return sum(
        group.rows for group in plan.groups if group.reason == reason and row_class in (None, group.row_class)
    )
