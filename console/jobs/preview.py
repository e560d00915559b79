"""Preview: read the list and the source, classify, keep the plan. It cannot write (design law 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from adapters.provider import NotThere, Provider, RemoteField
from console.jobs.connect import load_settings, opened
from console.jobs.ends import JobEnd
from console.jobs.read import read_listing, read_source
from console.jobs.run import Run
from console.settings import Settings, resolve
from state.compare import Comparison, FieldRules
from state.connections import put_feedback_time, put_list, put_remote_fields
from state.jobs import set_plan
from state.links import LinkRecord, list_reading, mapped_signature, record_link
from state.members import present_members
from state.model import Action, Guard, JobState, Level, Link, Mode, Plan, RemoteList
from state.planning import PlanBasis, make_plan
from state.plans import drop_old_plans


@dataclass(slots=True, frozen=True)
class Prepared:
    """Everything a plan was made from, for the export that follows."""

    link: Link
    record: LinkRecord
    remote: RemoteList
    rules: FieldRules
    plan: Plan

    @property
    def comparison(self) -> Comparison:
        return Comparison(self.rules, sends_changes=self.link.mode is not Mode.ADD_ONLY)


async def work(run: Run) -> JobEnd:
    """The job: make a plan of one link."""
    settings = load_settings(run)
    link = settings.link(run.job.link)
    connection = resolve(link.connection, settings)
    async with opened(run, connection) as provider:
        prepared = await prepare(
            run,
            settings,
            link,
            provider,
            saved=bool(run.options.get("save")),
            allow_empty=bool(run.options.get("allow_empty_source")),
        )
    await run.db(put_feedback_time, connection.name, connection.provider, run.now())
    plan = prepared.plan
    await run.db(set_plan, run.job.job_id, plan.plan_id)
    await run.db(drop_old_plans, link.name)
    for guard in plan.guards:
        run.log(
            Level.WARNING,
            f"{guard.rule}: {guard.value:,}, limit {guard.limit:,}. {guard.way_out}",
            guard.reason,
        )
    told = ", ".join(f"{count:,} {name}" for name, count in plan.counts.items() if count)
    run.log(Level.INFO, f"Plan {plan.plan_id}: {told or 'no rows'}.")
    return JobEnd(
        JobState.DONE,
        "ok" if plan.writes else "nothing-to-do",
        f"{plan.writes:,} rows to send, {plan.rows:,} in all.",
        counts={name: count for name, count in plan.counts.items() if count},
        result={"plan": plan.plan_id},
    )


async def prepare(
    run: Run,
    settings: Settings,
    link: Link,
    provider: Provider,
    *,
    saved: bool,
    allow_empty: bool,
    max_opt_outs: int | None = None,
) -> Prepared:
    """Read what moved on both sides and classify all rows: the one way to a plan, for preview and export (R15)."""
    run.phase("looking at the list", unit="calls")
    remote = await provider.remote_list(link.list_id)
    fields = await provider.fields(link.list_id)
    record = await run.db(record_link, link)
    await run.db(put_list, link.connection, remote, run.now())
    await run.db(put_remote_fields, link.connection, link.list_id, fields, run.now())
    rules = field_rules(link, fields, provider)
    targets = [mapping.target for mapping in link.fields]
    signature = mapped_signature(link.fields)
    await read_listing(run, provider, remote, targets, record, signature, max_opt_outs=max_opt_outs)
    members = await run.db(present_members, record.list_no)
    source = await read_source(run, settings, link, record, allow_empty=allow_empty or members == 0)
    reading = await run.db(list_reading, record.list_no)
    run.phase("comparing", source.count.rows + members, "rows")
    plan = await run.db(
        make_plan,
        link,
        link_no=record.link_no,
        list_no=record.list_no,
        rules=rules,
        basis=PlanBasis(
            source.snapshot, source.count.rows, reading.cursor or "", members, remote.double_opt_in
        ),
        saved=saved,
        operator=run.operator.name,
        now=run.now(),
        guards=unmapped_guards(link, fields),
    )
    return Prepared(link, record, remote, rules, plan)


def field_rules(link: Link, fields: tuple[RemoteField, ...], provider: Provider) -> FieldRules:
    """What the list demands of the mapped fields; raises ``NotThere`` field-missing before anything is sent (R31)."""
    by_name = {one.name: one for one in fields}
    missing = [mapping.target for mapping in link.fields if mapping.target not in by_name]
    if missing:
        raise NotThere(
            "field-missing",
            f"Link {link.name} maps {', '.join(missing)}, which the list does not have. It has: {', '.join(by_name) or 'none'}.",
            "Create the field at the platform, or correct the link's fields.",
        )
    stored: dict[str, Callable[[str], str]] = {
        mapping.target: partial(provider.stored, by_name[mapping.target]) for mapping in link.fields
    }
    required = frozenset(
        mapping.target
        for mapping in link.fields
        if by_name[mapping.target].required and not by_name[mapping.target].default
    )
    return FieldRules(link.fields, required, stored)


def unmapped_guards(link: Link, fields: tuple[RemoteField, ...]) -> tuple[Guard, ...]:
    """A required field nobody maps would have every addition refused: it stops additions, and says so now (R31)."""
    mapped = {mapping.target for mapping in link.fields}
    unmapped = [one.name for one in fields if one.required and not one.default and one.name not in mapped]
    if not unmapped:
        return ()
    return (
        Guard(
            "required-field-unmapped",
            f"the list requires {', '.join(unmapped)}, which the link does not map",
            len(unmapped),
            0,
            "Map it in the link's fields, or make it optional at the platform.",
        ),
    )


def stops(guard: Guard, plan: Plan, max_removals: int | None) -> bool:
    """Whether a guard of a plan stops its export, given the number a person typed."""
    if guard.reason == "too-many-removals":
        return max_removals is None or max_removals < guard.value
    if guard.reason == "required-field-unmapped":
        return Action.ADD in plan.writes_by_action()
    return True
