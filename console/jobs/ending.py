"""How an export ends: done, partly, stopped and resumable, or waiting on the vendor; with its undo plan kept (R13)."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.provider import AdapterError, IncompleteRead, Throttled, Unanswered, Unreachable
from console.exit_codes import ExitCode
from console.jobs.ends import JobCancelled, JobEnd, exit_code_of
from console.jobs.errand import Errand, Waiting, fold_if_possible
from console.jobs.run import Run
from console.jobs.tickets import look_once
from state.chunks import Answer, open_chunks, put_outcomes, todo_count
from state.jobs import only_follow
from state.model import JobState, Level, Outcome, Plan
from state.outcomes import fold_withheld, outcome_counts, outcome_reasons
from state.undo import make_undo_plan

ACCOUNT_LIMITS = frozenset({"contact-limit"})
"""Reasons of refused rows that a limit of the account has to answer for: such an end is no matter of single rows."""


async def ended(errand: Errand) -> JobEnd:
    """Everything was sent that could be."""
    run, plan = errand.run, errand.plan
    await _fold_withheld(errand)
    counts = await run.db(outcome_counts, errand.grip.job_no, plan)
    await keep_undo(errand)
    told = {word: count for word, count in counts.items() if count}
    text = ", ".join(f"{count:,} {word}" for word, count in told.items()) or "nothing to send"
    bad = [
        word
        for word in (Outcome.UNKNOWN, Outcome.UNVERIFIED, Outcome.REJECTED, Outcome.TODO)
        if counts[word.value]
    ]
    limit = await _account_limit(errand) if bad else None
    if limit is not None:
        return JobEnd(
            JobState.PARTLY,
            limit,
            f"Ended with rows left, by a limit of the account: {text}.",
            ExitCode.CREDENTIALS,
            told,
        )
    if bad:
        return JobEnd(JobState.PARTLY, "rows-left", f"Ended with rows left: {text}.", ExitCode.PARTLY, told)
    return JobEnd(
        JobState.DONE, "ok" if plan.writes else "nothing-to-do", f"Ended: {text}.", ExitCode.DONE, told
    )


async def _account_limit(errand: Errand) -> str | None:
    """The limit of the account for which rows were refused; None when they were left for other reasons."""
    for outcome, reason, _ in await errand.run.db(outcome_reasons, errand.grip.job_no):
        if outcome is Outcome.REJECTED and reason in ACCOUNT_LIMITS:
            return reason
    return None


async def ended_early(errand: Errand, error: AdapterError | Waiting) -> JobEnd:
    """An error that stopped the sending: with rows in doubt, or calls used up, the job stays resumable, else it failed."""
    run = errand.run
    counts = await run.db(outcome_counts, errand.grip.job_no, errand.plan)
    told = {word: count for word, count in counts.items() if count}
    open_now = await run.db(open_chunks, errand.grip.job_no, errand.plan)
    if isinstance(error, Waiting):
        return JobEnd(JobState.WAITING, "import-open", str(error), ExitCode.DONE, told)
    if (waiting := await left_to_the_vendor(run, errand.grip.job_no, errand.plan, error)) is not None:
        return waiting
    if open_now:
        await tell_doubt(errand)
        counts = await run.db(outcome_counts, errand.grip.job_no, errand.plan)
    if open_now or isinstance(error, Throttled):
        code = ExitCode.PARTLY if isinstance(error, Unanswered) else exit_code_of(error)
        return resumable(errand.link.name, error, code, counts)
    await _fold_withheld(errand)
    await keep_undo(errand)
    return JobEnd(JobState.FAILED, error.reason, error.text, exit_code_of(error), told, next=error.next)


async def left_to_the_vendor(run: Run, number: int, plan: Plan, error: Exception) -> JobEnd | None:
    """The end of a job of which nothing is left but what the vendor works on, when only asking for that failed and
    may succeed the next time: whoever looks next goes on with it. None for any other."""
    if not isinstance(error, (Unreachable, Throttled, IncompleteRead)):
        return None
    open_now = await run.db(open_chunks, number, plan)
    rows = sum(len(chunk.rows) for chunk in open_now)
    asked_for = bool(open_now) and all(chunk.ticket for chunk in open_now)
    if not asked_for or await run.db(todo_count, number, plan) > rows:
        return None
    counts = await run.db(outcome_counts, number, plan)
    return JobEnd(
        JobState.WAITING,
        "import-open",
        f"{_sentence(error.text)} The platform has work of this job, {rows:,} rows; whoever looks next asks for it again.",
        ExitCode.DONE,
        {word: count for word, count in counts.items() if count},
    )


async def cancelled(errand: Errand, error: JobCancelled) -> JobEnd:
    """A person stopped the job. What the platform took already is followed, by whoever looks next; nothing is sent."""
    run = errand.run
    left = await look_once(errand)
    await tell_doubt(errand)
    await fold_if_possible(errand)
    await keep_undo(errand)
    if not left:
        raise error
    await run.commit(only_follow, run.job.job_id, error.by)
    return JobEnd(
        JobState.WAITING,
        "import-open",
        f"{error} Nothing more is sent. The platform has work of it: {left}.",
        ExitCode.INTERRUPTED,
        next=f"listwarden job follow {run.job.job_id[-8:]}",
    )


async def tell_doubt(errand: Errand) -> None:
    """Rows that left and have no answer are unknown, whoever looks at the job now."""
    run = errand.run
    open_now = await run.db(open_chunks, errand.grip.job_no, errand.plan)
    rows = [row.n for chunk in open_now if not chunk.ticket for row in chunk.rows]
    if rows:
        unknown = [Answer(n, Outcome.UNKNOWN, "no-answer") for n in rows]
        await run.commit(put_outcomes, errand.grip.job_no, unknown, run.now())


def resumable(link: str, error: Exception, code: ExitCode, counts: Mapping[str, int]) -> JobEnd:
    """The job stands still and goes on when the link is exported again."""
    reason, text, next_step = (getattr(error, name, "") for name in ("reason", "text", "next"))
    again = f"listwarden export {link}"
    if isinstance(error, Throttled):
        told = "What is left is sent when the job goes on."
        next_step = f"In at most 1 hour: {again}" if reason == "calls-used-up" else again
    elif isinstance(error, Unanswered):
        told = ""
    else:
        told = "Rows without an answer are read back when the job goes on."
    return JobEnd(
        JobState.STALLED,
        reason,
        f"{_sentence(str(text or error))} {told}".strip(),
        code,
        {word: count for word, count in counts.items() if count},
        next=next_step if again in next_step else again,
    )


def _sentence(text: str) -> str:
    """With a full stop: what is wrong with settings is told without one."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


async def keep_undo(errand: Errand) -> None:
    """The inverse of what was sent, however the job ended (R13)."""
    run = errand.run
    undo = await run.db(
        make_undo_plan,
        errand.plan,
        errand.grip.job_no,
        run.job.job_id,
        operator=run.operator.name,
        now=run.now(),
        removal_leaves_record=bool(errand.removed_word),
        consent=errand.link.consent,
    )
    if undo is not None:
        run.log(
            Level.INFO,
            f"To take back what can be taken back: listwarden export {errand.link.name} --plan {undo}",
        )


async def _fold_withheld(errand: Errand) -> None:
    run = errand.run
    await run.db(
        fold_withheld,
        run.job.job_id,
        errand.grip.job_no,
        errand.plan,
        errand.link.name,
        operator=run.operator.name,
        now=run.now(),
    )
