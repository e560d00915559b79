"""What a screen asks of data fields that takes more than one job: counting before deleting, creating and waiting.

Invariant: nothing is deleted without the number of contacts that hold a value typed by a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.screen import Screen

from console.tui.new_list import job_end
from console.tui.screens.confirm import Confirm
from console.tui.text import counted, sentence
from state.errors import StateError
from state.model import Job, JobKind, JobState
from state.reasons import REASONS

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp
    from console.tui.field_data import FieldView


async def run_field_job(app: ConsoleApp, connection: str, options: Mapping[str, object]) -> Job | None:
    """Start a field job and wait for its end; None when it could not be started (the reason was shown).

    Leaving the screen stops neither the job nor what it says.
    """
    job_id = await app.launch(JobKind.FIELDS, connection, options=options)
    if job_id is None:
        return None
    try:
        return await job_end(app, job_id)
    except StateError as error:
        app.say(f"{error.text} {error.next}", error=True)
        return None


def failure_words(job: Job) -> str:
    """Why a job did not succeed, and what to do."""
    known = REASONS.get(job.reason)
    return f"{job.text} {known.next if known else ''}".strip()


async def delete_field(app: ConsoleApp, page: Screen[None], connection: str, view: FieldView) -> None:
    """Count who holds a value, have the number typed, delete; a worker of the app."""
    where: dict[str, object] = {"list": view.list_id} if view.list_id else {}
    counting = await run_field_job(app, connection, {"action": "count", "name": view.name, **where})
    if counting is None:
        return
    if counting.state is not JobState.DONE:
        app.say(f"{view.name} is not deleted: {failure_words(counting)}", error=True)
        return
    held = counting.counts.get("holding", 0)
    if app.screen is not page:
        app.say(
            f"A value of {view.name} is held by {counted(held, 'contact')}. Nothing was deleted; press D there again."
        )
        return
    sure = await app.push_screen_wait(
        Confirm(
            f"Delete the field {view.name}",
            [
                sentence(
                    "A value of ",
                    (view.name, "bold"),
                    " is held by ",
                    (counted(held, "contact"), "bold"),
                    f" of {view.list_name or 'the whole account'}.",
                ),
                "The platform deletes the field and all these values. They cannot be had back from here.",
            ],
            f"Delete {view.name} and {counted(held, 'value')}",
            typed=str(held),
            danger=True,
        )
    )
    if not sure:
        return
    ended = await run_field_job(
        app, connection, {"action": "delete", "name": view.name, "holding": held, **where}
    )
    if ended is not None:
        if ended.state is JobState.DONE:
            app.say(ended.text)
        else:
            app.say(f"{view.name} is not deleted: {failure_words(ended)}", error=True)
