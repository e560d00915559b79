"""Preview: read the list and the source, classify, keep the plan. It cannot write (design law 7)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from adapters.provider import NotThere, Provider
from console.jobs.connect import load_settings, opened
from console.jobs.doubts import tell_doubts
from console.jobs.ends import JobEnd
from console.jobs.fields import tell_news
from console.jobs.mapping_checks import check_ways_back, field_rules, unmapped_guards
from console.jobs.read import read_listing
from console.jobs.run import Run
from console.jobs.source_reading import SourceRead, read_source
from console.jobs.source_terms import NO_TERMS, source_terms
from console.settings import Settings, resolve, resolve_source
from console.system_lists import system_word
from console.wording import counted
from state.compare import Comparison, FieldRules
from state.connections import put_feedback_time, put_list
from state.fields import put_remote_fields
from state.jobs import set_plan
from state.links import LinkRecord, force_due, list_reading, mapped_signature, record_link
from state.members import present_members
from state.model import Action, ForceUpdate, Guard, JobState, Level, Link, Mode, Plan, RemoteList
from state.moments import stamp
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
            forcing=True,
        )
        await tell_doubts(run, provider, link)
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
    if aliases := int(plan.basis.get("aliases", "0")):
        run.log(
            Level.WARNING,
            f"{aliases:,} rows probably share a mailbox with another one (Gmail's dots, or a part after +); they are taken"
            " for different people.",
            "alias",
        )
    told = ", ".join(f"{count:,} {name}" for name, count in plan.counts.items() if count)
    run.log(Level.INFO, f"Plan {plan.plan_id}: {told or 'no rows'}.")
    return JobEnd(
        JobState.DONE,
        "ok" if plan.writes else "nothing-to-do",
        f"{counted(plan.writes, 'row')} to send, {plan.rows:,} in all.",
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
    forcing: bool = False,
    whole: bool | None = None,
) -> Prepared:
    """Read what moved on both sides and classify all rows: the one way to a plan, for preview and export (R15).

    ``forcing``: records that the link sends daily whatever their values are marked, when it is the time. An export
    that looks afresh does not ask for it, for that would add rows nobody has seen. ``whole``: see ``read_listing``.
    """
    run.phase("looking at the list", unit="calls")
    remote = await provider.remote_list(link.list_id)
    if remote.system:
        word = system_word(settings.connection(link.connection).provider)
        raise NotThere(
            "system-list",
            f"{remote.name or link.list_id} is a {word}, the platform's own: nothing is exported to it.",
            f"Link another list: listwarden lists {link.connection}",
        )
    fields = await provider.fields(link.list_id)
    record = await run.db(record_link, link)
    await run.db(put_list, link.connection, remote, run.now())
    news = await run.db(put_remote_fields, link.connection, link.list_id, fields, run.now())
    tell_news(run, link.list_id, news)
    rules = field_rules(link, fields, provider)
    terms = source_terms(resolve_source(link.source, settings)) if _asks_the_source(link) else NO_TERMS
    check_ways_back(link, terms.computed)
    targets = [mapping.target for mapping in link.fields]
    signature = mapped_signature(link.fields)
    await read_listing(
        run, provider, remote, targets, record, signature, whole=whole, max_opt_outs=max_opt_outs
    )
    members = await run.db(present_members, record.list_no)
    source = await read_source(run, settings, link, record, allow_empty=allow_empty or members == 0)
    if forcing:
        await _force(run, link, record, terms.computed)
    reading = await run.db(list_reading, record.list_no)
    run.phase("comparing", source.count.rows + members, "rows")
    plan = await run.db(
        make_plan,
        link,
        link_no=record.link_no,
        list_no=record.list_no,
        rules=rules,
        basis=_basis(settings, link, source, reading.cursor or "", members, remote),
        saved=saved,
        operator=run.operator.name,
        now=run.now(),
        guards=unmapped_guards(link, fields),
        required=terms.required,
    )
    return Prepared(link, record, remote, rules, plan)


def _asks_the_source(link: Link) -> bool:
    """Whether it matters what the source computes and requires."""
    computed = link.force_update is ForceUpdate.COMPUTED and link.mode is not Mode.ADD_ONLY
    return computed or any(mapping.two_way for mapping in link.fields)


async def _force(run: Run, link: Link, record: LinkRecord, computed: tuple[str, ...]) -> None:
    """Mark what is to be sent once a day: everybody, or everybody where a column is mapped that the source computes."""
    if link.mode is Mode.ADD_ONLY or link.force_update is ForceUpdate.NONE:
        return
    mapped = [column for mapping in link.fields for column in mapping.columns if column in computed]
    if link.force_update is ForceUpdate.COMPUTED and not mapped:
        return
    marked = await run.db(force_due, record.link_no, run.now())
    if marked is not None:
        why = f"for the computed {', '.join(mapped)}" if mapped else "as force_update says"
        run.log(
            Level.INFO, f"Daily update: {marked:,} records of {link.name} are sent again, {why}.", "refreshed"
        )


def _basis(
    settings: Settings, link: Link, source: SourceRead, cursor: str, members: int, remote: RemoteList
) -> PlanBasis:
    path = settings.source(link.source).options.get("path")
    file = f"file {PurePath(path).name}" if isinstance(path, str) and path else ""
    return PlanBasis(
        source.snapshot,
        source.count.rows,
        cursor,
        members,
        remote.double_opt_in,
        source_usable=source.count.usable,
        source_as_of=stamp(source.as_of) if source.as_of else "",
        source_membership=source.details.get("membership") or file,
    )


def stops(guard: Guard, plan: Plan, max_removals: int | None, max_write_backs: int | None = None) -> bool:
    """Whether a guard of a plan stops its export, given the numbers a person typed."""
    if guard.reason in ("too-many-removals", "too-many-moves", "too-many-write-backs"):
        typed = max_write_backs if guard.reason == "too-many-write-backs" else max_removals
        return typed is None or typed < guard.value
    if guard.reason == "required-field-unmapped":
        return Action.ADD in plan.writes_by_action()
    return True
