"""What is asked of one link beside a preview: synchronize it, or send every record again.

Invariant: both end in a preview, and nothing is sent before a person confirmed it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.tui.new_list import job_end
from console.tui.places import Place, PlaceKind
from console.tui.reload import Why
from console.tui.screens.confirm import Confirm
from console.tui.screens.page import Page
from console.tui.text import sentence
from state.errors import StateError
from state.model import JobKind, JobState, Link, Mode

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


async def synchronize(app: ConsoleApp, link: Link) -> None:
    """Read what happened at the platform, then preview; a worker of the app, so that it outlives the page."""
    job_id = await app.launch(JobKind.FEEDBACK, link.connection, link=link.name)
    if job_id is None:
        return
    app.go(Place(PlaceKind.LINK, link.name, "preview"))
    try:
        job = await job_end(app, job_id)
    except StateError as error:
        app.say(f"{error.text} {error.next}", error=True)
        return
    if job.state is not JobState.DONE:
        app.say(f"Synchronizing {link.name} stopped: {job.text} No preview was made.", error=True)
        return
    app.say(f"{link.name}: {job.text}")
    await app.launch(JobKind.PREVIEW, link.connection, link=link.name)
    if isinstance(app.screen, Page) and app.screen.is_mounted:  # one that opens just now reads by itself
        app.screen.ask_reload(Why.MANUAL)


def refuse_refresh(link: Link | None) -> str | None:
    """Why not every record can be sent again; None when it can."""
    if link is None:
        return "the link is not in the settings any more"
    if link.mode is Mode.ADD_ONLY:
        return "the link only adds; set its mode to update, then its fields are sent"
    return None


async def refresh_fields(app: ConsoleApp, link: Link) -> None:
    """Mark every record to be sent again, and preview how many the next export sends (R33)."""
    sure = await app.push_screen_wait(
        Confirm(
            f"Refresh the data fields of {link.name}",
            [
                sentence("Every record of ", (link.name, "bold"), " is marked to be sent again."),
                "Nothing is sent now: a preview is made, which shows how many the next export sends.",
            ],
            "Mark every record, and preview",
        )
    )
    if not sure:
        return
    if await app.launch(JobKind.REFRESH, link.connection, link=link.name) is not None:
        _go_to_preview(app, link.name)


def _go_to_preview(app: ConsoleApp, link: str) -> None:
    """The preview of the link, read anew where it is open already."""
    app.go(Place(PlaceKind.LINK, link, "preview"))
    if isinstance(app.screen, Page) and app.screen.is_mounted:  # one that opens just now reads by itself
        app.screen.ask_reload(Why.MANUAL)
