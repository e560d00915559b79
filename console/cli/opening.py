"""The bare command: opening the console at a place.

Invariant: without a terminal nothing is opened; the way out is named.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from console.cli.command import by_itself, with_session
from console.cli.failure import CommandRefused
from console.cli.output import is_terminal
from console.cli.session import Session


def register(app: typer.Typer, *, epilog: str) -> None:
    """Add what runs when no command is named, and the hidden command a place stands for."""
    app.callback(invoke_without_command=True, epilog=epilog)(by_itself(bare))
    app.command("open", hidden=True)(with_session(at_place))


def _show_version(wanted: bool) -> None:
    if wanted:
        from console import __version__

        print(f"listwarden {__version__}")
        raise typer.Exit


def bare(
    session: Session,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version.", show_default=False
        ),
    ] = False,
) -> int:
    """Listwarden carries contacts from a source to a mailing platform, and shows what happens to every address.

    Without a command the console opens; a place such as link:NAME/preview or address:EMAIL says where.
    """
    return open_console(session)


def at_place(
    session: Session, place: Annotated[str, typer.Argument(metavar="PLACE", show_default=False)]
) -> int:
    """Open the console at a place."""
    return open_console(session, place)


def open_console(session: Session, place: str = "") -> int:
    """Open the console; its own return code comes back."""
    if not is_terminal(sys.stdin) or not is_terminal(sys.stderr):
        raise CommandRefused(
            "usage",
            "The console needs a terminal, and there is none.",
            "Use a command: listwarden preview, export, feedback, check, jobs, explain …; all: listwarden --help",
        )
    from console.tui.places import PlaceUnknown, parse_place

    try:
        parse_place(place)
    except PlaceUnknown as error:
        raise CommandRefused(error.reason, error.text, error.next) from None
    from console.tui.app import run_console

    return run_console(
        config=session.config_path,
        state_path=session.state_path,
        read_only=session.looks_only,
        place=place,
        operator=session.operator,
    )
