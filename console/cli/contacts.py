"""``contacts`` and ``explain``: what the state knows of people, offline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import complete
from console.cli.command import command
from console.cli.failure import CommandRefused
from console.cli.output import document, json_list, narrate, say, say_lines
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from datetime import datetime

    from state.browse import AddressRow, AddressWindow
    from state.model import Consent
    from state.store import State

PAGE = 256


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "contacts", example="listwarden contacts müller --consent unsubscribed")(contacts)
    command(app, "explain", example="listwarden explain eva@example.org")(explain)


def contacts(
    session: Session,
    query: Annotated[
        str,
        typer.Argument(
            metavar="[QUERY]", help="A part of the address; ^eva: its beginning.", show_default=False
        ),
    ] = "",
    link: Annotated[
        str | None,
        typer.Option(
            "--link",
            metavar="LINK",
            help="Only of this link.",
            autocompletion=complete.links,
            show_default=False,
        ),
    ] = None,
    consent: Annotated[
        str | None,
        typer.Option("--consent", metavar="CONSENT", help="Only with this consent.", show_default=False),
    ] = None,
    pending_days: Annotated[
        int | None,
        typer.Option(
            "--pending-days",
            metavar="N",
            help="Only people asked to confirm more than N days ago who have not answered.",
            min=0,
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many; 0: all.", min=0)] = 100,
) -> ExitCode:
    """Addresses as the state knows them.

    Source id, origin id and consent at every link. Nobody who waits for their own confirmation is ever asked again
    by a job; optin asks one person, by hand.
    """
    from datetime import timedelta

    from state.browse import AddressWindow, browse_scopes
    from state.model import Consent
    from state.moments import utc_now

    wanted, now = _consent(consent), utc_now()
    if pending_days is not None and wanted not in (None, Consent.PENDING):
        raise CommandRefused("usage", "--pending-days means the consent pending.", "Leave out --consent.")
    before = now - timedelta(days=pending_days) if pending_days is not None else None
    if link is not None:
        session.link(link)
    with session.reading() as state:
        scopes = browse_scopes(state, [link] if link is not None else None)
        window = AddressWindow(scopes, text=query, consent=wanted, pending_before=before)
        rows = _rows(state, window, limit)
        if session.json:
            json_list(_as_json(row, now) for row in rows)
            return ExitCode.DONE
        say_lines(_line(row, now) for row in rows)
        counted = window.count(state)
        if limit and (counted.rows > limit or not counted.exact):
            narrate(f"The first {limit:,} are shown; all: --limit 0")
    return ExitCode.DONE


def explain(
    session: Session, address: Annotated[str, typer.Argument(metavar="ADDRESS", show_default=False)]
) -> ExitCode:
    """Why does this address get our mail, or not?

    One sentence, each link, then everything that happened, newest first.
    """
    from state.explain import explain as explain_address

    if not address.strip():
        raise CommandRefused("usage", "Say which address.", "listwarden explain eva@example.org")
    with session.reading() as state:
        found = explain_address(state, address)
    if session.json:
        document(
            {
                "address": found.address,
                "answer": found.answer,
                "links": [
                    {
                        "link": view.link,
                        "consent": view.consent.value if view.consent else None,
                        "origin_id": view.origin_id or None,
                        "class": view.row_class or None,
                        "reason": view.reason or None,
                    }
                    for view in found.links
                ],
                "timeline": [
                    {
                        "t": entry.at.isoformat(),
                        "origin": entry.origin,
                        "what": entry.what,
                        "reason": entry.reason or None,
                        "link": entry.link or None,
                        "connection": entry.connection,
                        "list": entry.list_id,
                        "operator": entry.operator or None,
                        "detail": entry.detail or None,
                    }
                    for entry in found.timeline
                ],
                "more_activity": found.more_activity,
            }
        )
        return ExitCode.DONE
    say(found.answer)
    if found.links:
        say()
        table(
            ("link", "list", "consent", "origin id", "class", "reason"),
            [
                (
                    view.link,
                    view.list_name or view.list_id,
                    (view.consent.value if view.consent else "–") + (" (ours)" if view.ours else ""),
                    view.origin_id or "–",
                    view.row_class or "–",
                    view.reason or "–",
                )
                for view in found.links
            ],
        )
    if found.timeline:
        say()
        say_lines(
            "  ".join(
                part
                for part in (
                    f"{entry.at:%Y-%m-%d %H:%M:%S}",
                    entry.what,
                    f"[{entry.reason}]" if entry.reason else "",
                    entry.link or f"{entry.connection}/{entry.list_id}",
                    entry.origin,
                    entry.operator,
                    entry.detail,
                )
                if part
            )
            for entry in found.timeline
        )
        if found.more_activity:
            say(f"… and {found.more_activity:,} older things done with campaigns")
    return ExitCode.DONE


def _consent(word: str | None) -> Consent | None:
    from state.model import Consent

    try:
        return Consent(word) if word is not None else None
    except ValueError:
        raise CommandRefused(
            "usage", f"There is no consent {word}.", "Words: " + ", ".join(one.value for one in Consent)
        ) from None


def _rows(state: State, window: AddressWindow, limit: int) -> Iterator[AddressRow]:
    """Rows as they are found, slice by slice; the first ones come at once whatever the size."""
    shown = 0
    while True:
        counted = window.count(state)
        while shown < counted.rows and not (limit and shown >= limit):
            wanted = min(PAGE, counted.rows - shown, (limit - shown) if limit else PAGE)
            yield from window.rows(state, shown, wanted)
            shown += wanted
        if counted.exact or (limit and shown >= limit):
            return


def _as_json(row: AddressRow, now: datetime) -> dict[str, object]:
    return {
        "email": row.email,
        "links": [
            {
                "link": at.link,
                "source_ids": list(at.source_ids),
                "origin_id": at.origin_id or None,
                "consent": at.consent.value if at.consent else None,
                "status": at.raw_status or None,
                "ours": at.ours,
                "opted_out": at.opted_out,
                "fault": at.fault or None,
                "pending_days": at.pending_days(now),
            }
            for at in row.at
        ],
    }


def _line(row: AddressRow, now: datetime) -> str:
    parts = [row.email]
    for at in row.at:
        told = at.fault or (at.consent.value if at.consent else "not at the platform")
        if (days := at.pending_days(now)) is not None:
            told += f" for {days:,} {'day' if days == 1 else 'days'}"
        ids = [f"source {', '.join(at.source_ids)}"] if at.source_ids else []
        ids += [f"origin {at.origin_id}"] if at.origin_id else []
        parts.append(f"{at.link}: {told}" + (f" ({'; '.join(ids)})" if ids else ""))
    return "  ".join(parts)
