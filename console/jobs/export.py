"""Export: carries a plan out (design laws 1 to 4).

In order: guards; the account's lease; what an earlier attempt left open is read back; what moved since the plan
is read and classified again (stale: nothing is sent); then unsubscriptions, additions, changes, moves, removals
in chunks whose intent is committed before they leave; then reading back, and the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from adapters.provider import (
    AdapterError,
    Batch,
    Unanswered,
)
from console.exit_codes import ExitCode
from console.jobs.connect import EXPORT, account_lease, load_settings, opened
from console.jobs.ends import GuardRefused, ImportLeftOpen, JobCancelled, JobEnd, PlanStale, exit_code_of
from console.jobs.errand import Errand, Waiting, fold_answered, fold_if_possible
from console.jobs.preview import prepare, stops
from console.jobs.read import read_listing
from console.jobs.run import Run
from console.jobs.settling import read_back_open, send_chunk, settle_open
from console.jobs.verifying import verify
from console.settings import SettingsError, resolve
from state.chunks import (
    Answer,
    Grip,
    close_open,
    intend,
    open_chunks,
    open_imports,
    put_outcomes,
    todo_count,
    withhold_remaining,
)
from state.ids import short_id
from state.jobs import job_no
from state.links import mapped_signature, record_link
from state.model import ACTION_ORDER, Action, JobState, Level, Outcome, Plan
from state.outcomes import (
    fold_withheld,
    outcome_counts,
)
from state.plans import drop_plan, get_plan, plan_job, take_plan
from state.staleness import Difference, compare_plans
from state.undo import is_undo, make_undo_plan, undo_losses

FOLD_EVERY_CHUNKS = 2_000
"""A million contacts: outcomes are durable as they come, and folding them meanwhile keeps the connections waiting."""


async def work(run: Run) -> JobEnd:
    """The job: export one plan of a link, or go on with it.

    A job with rows in doubt is never given up for what keeps it from reading them back.
    """
    try:
        return await _export(run)
    except (AdapterError, SettingsError, GuardRefused) as error:
        plan = await run.db(get_plan, run.job.plan_id)
        number = await run.db(job_no, run.job.job_id)
        if not await run.db(open_chunks, number, plan):
            raise
        code = _exit_code(error)
        counts = await run.db(outcome_counts, number, plan)
        return _resumable(run.job.link, error.reason, str(error), code, counts)


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
        )
        try:
            # What an earlier try left is told first, so that its writes do not look like others' doing; what is
            # still in doubt then passes the same fresh look as all other rows before it is sent again.
            await fold_answered(errand)
            await read_back_open(errand)
            await _check_freshness(errand)
            await settle_open(errand)
            for action in ACTION_ORDER:
                await _send_all(errand, action)
            await settle_open(errand)
            await fold_answered(errand)
            await verify(errand)
        except (AdapterError, Waiting) as error:
            await fold_answered(errand)
            return await _end_early(errand, error)
        except PlanStale:
            await _tell_doubt(errand)
            await run.db(close_open, errand.grip, run.now())
            await fold_if_possible(errand)
            await _keep_undo(errand)  # a resumed job may have sent rows before
            raise
        except JobCancelled:
            await _tell_doubt(errand)
            await fold_if_possible(errand)
            await _keep_undo(errand)
            raise
        except BaseException:
            await fold_if_possible(errand)
            raise
    return await _end(errand)


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
    typed = run.options.get("max_removals")
    max_removals = int(str(typed)) if typed is not None else None
    held = [guard for guard in plan.guards if stops(guard, plan, max_removals)]
    if held:
        first = held[0]
        raise GuardRefused(
            first.reason,
            f"Guard: {first.rule}: {first.value:,}, limit {first.limit:,}. Nothing was sent.",
            first.way_out,
            held,
        )


async def _check_imports(run: Run, connection: str, number: int) -> None:
    """What another job left open at the vendor blocks this one: which, how old, how often asked (design law 4)."""
    left = await run.db(open_imports, connection, but=number)
    if not left:
        return
    first, short = left[0], short_id(left[0].job_id)
    minutes = (run.now() - first.since).total_seconds() / 60
    raise ImportLeftOpen(
        f"The platform still works on {sum(one.rows for one in left):,} rows of job {short} (import {first.ticket},"
        f" {minutes:,.0f} min old, asked {first.polls:,} times). One job an account at a time.",
        f"listwarden job resume {short}; if it never ends: listwarden job unblock {short}",
    )


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
        )
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
        run.log(Level.INFO, f"{withheld:,} rows of the plan are no longer needed and are withheld.")


async def _send_all(errand: Errand, action: Action) -> None:
    """All chunks of one action, several in flight, each with its own intent (design law 3)."""
    run, plan = errand.run, errand.plan
    total = plan.writes_by_action().get(action, 0)
    if not total:
        return
    batch = errand.provider.batch(action, total)
    run.phase(_PHASES[action], total)
    sender = _Sender(errand, action, batch)
    width = min(batch.parallel or errand.connections, errand.connections) if batch.calls_per_chunk == 1 else 1
    await asyncio.gather(*(sender.work() for _ in range(max(1, width))))
    sender.raise_first()
    await fold_answered(errand)
    if sender.doubts:
        await settle_open(errand)
        run.phase(_PHASES[action], total)


class _Sender:
    """The workers of one action. The first error stops all of them, after the chunk each has under way."""

    def __init__(self, errand: Errand, action: Action, batch: Batch) -> None:
        self._errand = errand
        self._action = action
        self._batch = batch
        self._turn = asyncio.Lock()
        self._after = -1
        self._error: BaseException | None = None
        self._since_fold = 0
        self.doubts = 0

    def raise_first(self) -> None:
        if self._error is not None:
            raise self._error

    async def work(self) -> None:
        while self._error is None:
            try:
                if not await self._one():
                    return
            except BaseException as error:
                self._fail(error)
                if not isinstance(error, Exception):
                    raise

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error

    async def _one(self) -> bool:
        """Send the next chunk; False when there is none."""
        errand, run = self._errand, self._errand.run
        run.check_cancelled()
        async with self._turn:
            if self._error is not None:
                return False
            chunk, self._after = await run.commit(
                intend,
                errand.grip,
                errand.plan,
                self._action,
                after=self._after,
                size=self._batch.rows,
                now=run.now(),
            )
        if chunk is None:
            return False
        run.journal_step()
        if not await send_chunk(errand, chunk, self._batch):
            self.doubts += 1
        run.advance(len(chunk.rows))
        await self._fold_now_and_then()
        return True

    async def _fold_now_and_then(self) -> None:
        self._since_fold += 1
        if self._since_fold >= FOLD_EVERY_CHUNKS:
            self._since_fold = 0
            await fold_answered(self._errand)


async def _end_early(errand: Errand, error: AdapterError | Waiting) -> JobEnd:
    """An error that stopped the sending: with rows in doubt the job stays resumable, else it failed."""
    run = errand.run
    counts = await run.db(outcome_counts, errand.grip.job_no, errand.plan)
    told = {word: count for word, count in counts.items() if count}
    open_now = await run.db(open_chunks, errand.grip.job_no, errand.plan)
    if isinstance(error, Waiting):
        return JobEnd(JobState.WAITING, "import-open", str(error), ExitCode.DONE, told)
    if open_now:
        await _tell_doubt(errand)
        counts = await run.db(outcome_counts, errand.grip.job_no, errand.plan)
        code = ExitCode.PARTLY if isinstance(error, Unanswered) else exit_code_of(error)
        return _resumable(errand.link.name, error.reason, error.text, code, counts)
    await run.db(
        fold_withheld,
        run.job.job_id,
        errand.grip.job_no,
        errand.plan,
        errand.link.name,
        operator=run.operator.name,
        now=run.now(),
    )
    await _keep_undo(errand)
    return JobEnd(JobState.FAILED, error.reason, error.text, exit_code_of(error), told, next=error.next)


async def _tell_doubt(errand: Errand) -> None:
    """Rows that left and have no answer are unknown, whoever looks at the job now."""
    run = errand.run
    open_now = await run.db(open_chunks, errand.grip.job_no, errand.plan)
    rows = [row.n for chunk in open_now if not chunk.ticket for row in chunk.rows]
    if rows:
        unknown = [Answer(n, Outcome.UNKNOWN, "no-answer") for n in rows]
        await run.commit(put_outcomes, errand.grip.job_no, unknown, run.now())


def _resumable(link: str, reason: str, text: str, code: ExitCode, counts: Mapping[str, int]) -> JobEnd:
    return JobEnd(
        JobState.STALLED,
        reason,
        f"{text} Rows without an answer are read back when the job goes on.",
        code,
        {word: count for word, count in counts.items() if count},
        next=f"listwarden export {link}",
    )


async def _end(errand: Errand) -> JobEnd:
    run, plan, number = errand.run, errand.plan, errand.grip.job_no
    await run.db(
        fold_withheld,
        run.job.job_id,
        number,
        plan,
        errand.link.name,
        operator=run.operator.name,
        now=run.now(),
    )
    counts = await run.db(outcome_counts, number, plan)
    await _keep_undo(errand)
    told = {word: count for word, count in counts.items() if count}
    text = ", ".join(f"{count:,} {word}" for word, count in told.items()) or "nothing to send"
    bad = [
        word
        for word in (Outcome.UNKNOWN, Outcome.UNVERIFIED, Outcome.REJECTED, Outcome.TODO)
        if counts[word.value]
    ]
    if bad:
        return JobEnd(JobState.PARTLY, "rows-left", f"Ended with rows left: {text}.", ExitCode.PARTLY, told)
    return JobEnd(
        JobState.DONE, "ok" if plan.writes else "nothing-to-do", f"Ended: {text}.", ExitCode.DONE, told
    )


async def _keep_undo(errand: Errand) -> None:
    """The inverse of what was sent, however the job ended (R13)."""
    run = errand.run
    undo = await run.db(
        make_undo_plan,
        errand.plan,
        errand.grip.job_no,
        run.job.job_id,
        operator=run.operator.name,
        now=run.now(),
    )
    if undo is not None:
        run.log(
            Level.INFO,
            f"To take back what can be taken back: listwarden export {errand.link.name} --plan {undo}",
        )


_PHASES = {
    Action.UNSUBSCRIBE: "unsubscribing",
    Action.ADD: "adding",
    Action.CHANGE: "changing fields",
    Action.MOVE: "changing addresses",
    Action.REMOVE: "removing",
}
