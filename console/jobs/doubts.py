"""Rows that another job sent to a list and that got no answer: nothing is sent to it until somebody has read them back.

Only what is never sent again by itself (imports) blocks: other calls are harmless twice, or their job looks first.
"""

from __future__ import annotations

from adapters.provider import Provider, Repeat
from console.jobs.ends import ImportLeftOpen
from console.jobs.run import Run
from state.ids import short_id
from state.jobs import get_job
from state.model import Level, Link
from state.open_imports import RowsInDoubt, doubt_words, rows_in_doubt


async def check_doubts(run: Run, provider: Provider, link: Link, job_no: int) -> None:
    """Raises ``ImportLeftOpen`` where another job has rows of an import in doubt on the link's list (design law 3)."""
    for one in await _in_doubt(run, provider, link, job_no):
        raise ImportLeftOpen(
            f"{doubt_words(one, run.now())}; the platform may still work on them. An import is never posted again by"
            " itself.",
            await _way_out(run, one),
        )


async def tell_doubts(run: Run, provider: Provider, link: Link) -> None:
    """A preview says that an export of it has to wait, for it shows such rows as not on the list yet."""
    for one in await _in_doubt(run, provider, link, -1):
        run.log(
            Level.WARNING,
            f"{doubt_words(one, run.now())}. Nothing is sent to this list before. {await _way_out(run, one)}",
            "no-answer",
        )


async def _way_out(run: Run, one: RowsInDoubt) -> str:
    """What a person does: a job that has ended cannot go on, so its rows can only be let go of."""
    short = short_id(one.job_id)
    let_go = f"let go, and see them as not confirmed in the next preview: listwarden job unblock {short}"
    if (await run.db(get_job, one.job_id)).state.final:
        return f"Look at the list at the platform, then {let_go}"
    return f"Read back: listwarden job resume {short}; or {let_go}"


async def _in_doubt(run: Run, provider: Provider, link: Link, but: int) -> list[RowsInDoubt]:
    found = await run.db(rows_in_doubt, link.connection, link.list_id, but=but)
    return [
        one
        for one in found
        if not one.action.at_source and provider.batch(one.action, one.rows).repeat is Repeat.NEVER
    ]
