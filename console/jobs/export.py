"""Export: carries a plan out (design laws 1 to 4).

In order: guards; the account's lease; what an earlier attempt left open is read back; what moved since the plan
is read and classified again (stale: nothing is sent); then the four steps (``steps``); then reading back, and the
journal.
"""

from __future__ import annotations

from dataclasses import replace

from adapters.provider import AdapterError, Throttled
from console.exit_codes import ExitCode
from console.jobs.connect import EXPORT, account_lease, load_settings, opened
from console.jobs.doubts import check_doubts
from console.jobs.ending import (
    cancelled,
    ended,
    ended_early,
    keep_undo,
    left_to_the_vendor,
    resumable,
    tell_doubt,
)
from console.jobs.ends import GuardRefused, ImportLeftOpen, JobCancelled, JobEnd, PlanStale, exit_code_of
from console.jobs.errand import Errand, Waiting, fold_answered, fold_if_possible
from console.jobs.preview import prepare, stops
from console.jobs.read import read_listing
from console.jobs.run import Run
from console.jobs.settling import read_back_open, settle_open
from console.jobs.source_reading import read_source
from console.jobs.source_writing import source_writing
from console.jobs.steps import send_in_steps
from console.jobs.tickets import follow_tickets
from console.jobs.verifying import verify
from console.settings import SettingsError, resolve
from console.wording import counted
from state.chunks import Grip, close_open, open_chunks, todo_count, withhold_remaining
from state.ids import short_id
from state.jobs import job_no
from state.links import mapped_signature, record_link
from state.model import Action, JobState, Level, Plan
from state.open_imports import left_open_words, open_imports
from state.outcomes import outcome_counts
from state.plans import drop_plan, get_plan, plan_job, take_plan
from state.staleness import Difference, compare_plans
from state.undo import is_undo, undo_losses


async def work(run: Run) -> JobEnd:
    """The job: export one plan of a link, or go on with it.

    A job with rows in doubt is never given up for what keeps it from reading them back.
    """
    try:
        return await _export(run)
    except (AdapterError, SettingsError, GuardRefused) as error:
        plan = await run.db(get_plan, run.job.plan_id)
        number = await run.db(job_no, run.job.job_id)
        if not isinstance(error, Throttled) and not await run.db(open_chunks, number, plan):
            raise
        if (waiting := await left_to_the_vendor(run, number, plan, error)) is not None:
            return waiting
        counts = await run.db(outcome_counts, number, plan)
        end = resumable(run.job.link, error, _exit_code(error), counts)
        if not isinstance(error, SettingsError):
            return end
        short = short_id(run.job.job_id)
        again = f"then: listwarden job resume {short}; or let go of its rows: listwarden job unblock {short}"
        return replace(end, next=f"Put the settings of link {run.job.link} right, {again}")


async def _export(run: Run) -> JobEnd:
    settings = load_settings(run)
    link = settings.link(run.job.link)
    connection = resolve(link.connection, settings)
    plan = await run.db(get_plan, run.job.plan_id)
    if (plan.link, plan.connection, plan.list_id) != (link.name, link.connection, link.list_id):
        raise PlanStale(f"Plan {plan.plan_id} was made for another list than link {link.name} has now.")
    number = await run.db(job_no, run.job.job_id)
    _check_guards(run, plan)
    account = await account_lease(run, connection)
    async with (
        run.lease(account) as fence,
        opened(run, connection, read_only=False, purpose=EXPORT, account=account) as provider,
    ):
        await _check_imports(run, connection.name, number)
        if run.options.get("only_follow") is None:
            await check_doubts(run, provider, link, number)
        if not await run.db(take_plan, plan.plan_id, run.job.job_id):
            other = await run.db(plan_job, plan.plan_id)
            raise PlanUsed(plan.plan_id, other or "")
        remote = await provider.remote_list(link.list_id)
        record = await run.db(record_link, link)
        grip = Grip(run.job.job_id, number, account, fence, run.operator)
        errand = Errand(
            run,
            settings,
            link,
            record,
            provider,
            remote,
            plan,
            grip,
            connection.connections,
            provider.capabilities.removed_status,
            source_writing(run, settings, link, plan),
        )
        try:
            # What an earlier try left is told first, so that its writes do not look like others' doing; what is
            # still in doubt then passes the same fresh look as all other rows before it is sent again.
            await fold_answered(errand)
            if (by := run.options.get("only_follow")) is not None:
                return await _only_followed(errand, str(by))
            await read_back_open(errand)
            await _check_freshness(errand)
            await settle_open(errand)
            await send_in_steps(errand)
            await settle_open(errand)
            await fold_answered(errand)
            await verify(errand)
        except (AdapterError, Waiting) as error:
            await fold_answered(errand)
            return await ended_early(errand, error)
        except PlanStale:
            await tell_doubt(errand)
            await run.db(close_open, errand.grip, run.now())
            await fold_if_possible(errand)
            await keep_undo(errand)  # a resumed job may have sent rows before
            raise
        except JobCancelled as error:
            return await cancelled(errand, error)
        except BaseException:
            await fold_if_possible(errand)
            raise
    return await ended(errand)


async def _only_followed(errand: Errand, by: str) -> JobEnd:
    """A job that a person cancelled while the platform had work of it: that is followed, and nothing is sent."""
    await follow_tickets(errand)
    await tell_doubt(errand)
    await errand.run.db(close_open, errand.grip, errand.run.now())
    await fold_answered(errand)
    await keep_undo(errand)
    counts = await errand.run.db(outcome_counts, errand.grip.job_no, errand.plan)
    told = {word: count for word, count in counts.items() if count}
    text = ", ".join(f"{count:,} {word}" for word, count in told.items())
    return JobEnd(
        JobState.CANCELLED,
        "cancelled",
        f"Cancelled by {by}; the platform has ended what it had of it: {text}.",
        ExitCode.INTERRUPTED,
        told,
    )


def _exit_code(error: AdapterError | SettingsError | GuardRefused) -> ExitCode:
    if isinstance(error, AdapterError):
        return exit_code_of(error)
    return ExitCode.GUARD if isinstance(error, GuardRefused) else ExitCode.CONFIGURATION


class PlanUsed(PlanStale):
    """The plan belongs to another job already."""

    reason = "plan-used"

    def __init__(self, plan_id: str, job_id: str) -> None:
        super().__init__(
            f"Plan {plan_id} was exported by job {job_id}.", "Make a new preview and confirm that."
        )


def _check_guards(run: Run, plan: Plan) -> None:
    removals, write_backs = (_typed(run, name) for name in ("max_removals", "max_write_backs"))
    held = [guard for guard in plan.guards if stops(guard, plan, removals, write_backs)]
    if held:
        first = held[0]
        raise GuardRefused(
            first.reason,
            f"Guard: {first.rule}: {first.value:,}, limit {first.limit:,}. Nothing was sent.",
            first.way_out,
            held,
        )


def _typed(run: Run, option: str) -> int | None:
    """A number somebody typed to lift a guard."""
    number = run.options.get(option)
    return int(str(number)) if number is not None else None


async def _check_imports(run: Run, connection: str, number: int) -> None:
    """What another job left open at the vendor blocks this one: which, how old, how often asked (design law 4)."""
    left = await run.db(open_imports, connection, but=number)
    if not left:
        return
    first, short = left[0], short_id(left[0].job_id)
    more = f", and {len(left) - 1:,} more" if len(left) > 1 else ""
    raise ImportLeftOpen(
        f"The platform still works for this account: {left_open_words(first, run.now())}{more}."
        " One export an account at a time.",
        f"listwarden job resume {short}; if it never ends: listwarden job unblock {short}",
    )


def _wants_whole(errand: Errand) -> bool | None:
    """Changes want the whole list where a change may bring somebody back: what changed there does not tell of people
    who were deleted or taken out of it meanwhile (R02, R30). None: as it is due."""
    changes = Action.CHANGE in errand.plan.writes_by_action()
    return True if changes and errand.provider.capabilities.shares_contacts else None


async def _check_freshness(errand: Errand) -> None:
    """Read what moved since the plan and classify again, once, at the start (design law 2)."""
    run, plan = errand.run, errand.plan
    if not await run.db(todo_count, errand.grip.job_no, plan):
        return
    if is_undo(plan):
        await read_listing(
            run,
            errand.provider,
            errand.remote,
            list(plan.fields),
            errand.record,
            mapped_signature(errand.link.fields),
            whole=_wants_whole(errand),
        )
        if Action.ADD in plan.writes_by_action():
            # Who is added again may say no in the source by now.
            allow_empty = bool(run.options.get("allow_empty_source"))
            await read_source(run, errand.settings, errand.link, errand.record, allow_empty=allow_empty)
        lost = await run.db(undo_losses, plan)
        stale: list[Difference] = []
    else:
        prepared = await prepare(
            run,
            errand.settings,
            errand.link,
            errand.provider,
            saved=False,
            allow_empty=bool(run.options.get("allow_empty_source")),
            whole=_wants_whole(errand),
        )
        errand.now_plan = prepared
        stale, lost = await run.db(compare_plans, plan, prepared.plan)
        await run.db(drop_plan, prepared.plan.plan_id)
    if stale:
        for difference in stale[:100]:
            run.log(
                Level.ERROR,
                f"{difference.address}: now {difference.now}; planned: {difference.planned}",
                "plan-stale",
            )
        await run.keep_file(
            "stale-rows.txt", "".join(f"{one.address}\t{one.now}\t{one.planned}\n" for one in stale).encode()
        )
        many = "row" if len(stale) == 1 else "rows"
        shown = "; ".join(f"{one.address}: now {one.now}, planned: {one.planned}" for one in stale[:3])
        raise PlanStale(
            f"Since plan {plan.plan_id} was made, {len(stale):,} {many} came in or changed that would be sent otherwise: {shown}."
            " Nothing was sent."
        )
    withheld = await run.commit(withhold_remaining, errand.grip, lost, run.now()) if lost else 0
    if withheld:
        run.journal_step()
        run.log(Level.INFO, f"No longer needed and withheld: {counted(withheld, 'row')} of the plan.")
