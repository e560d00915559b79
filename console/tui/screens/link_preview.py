"""What follows the saving of a link: a preview is offered, and nothing is exported by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.tui.places import Place, PlaceKind
from console.tui.screens.confirm import Confirm
from console.tui.text import sentence
from state.model import JobKind

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


async def offer_preview(app: ConsoleApp, link: str, *, new: bool) -> None:
    """Ask whether to preview the link now; go there if so."""
    found = app.settings.links.get(link)
    if found is None:
        return
    said = "Connected" if new else "Saved"
    sure = await app.push_screen_wait(
        Confirm(
            f"{said}: {link}",
            [
                sentence("The link ", (link, "bold"), " stands in the settings. Nothing was sent."),
                "A preview reads both sides and shows what would be sent, and to whom; it sends nothing either.",
            ],
            f"Preview {link} now",
            cancel="Not now",
        )
    )
    if not sure:
        return
    await app.launch(JobKind.PREVIEW, found.connection, link=link)
    app.go(Place(PlaceKind.LINK, link, "preview"))
