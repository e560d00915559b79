"""``demo``, ``sandbox`` and ``rehearse``: trying everything on this machine, without an account anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli import complete
from console.cli.command import ConnectionName, command
from console.cli.failure import CommandRefused
from console.cli.output import document, narrate, say, someone_to_ask
from console.cli.session import Session
from console.exit_codes import ExitCode

Seed = Annotated[
    int, typer.Option("--seed", metavar="N", help="The same number gives the same people.", min=0)
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "demo", example="listwarden demo --headless --json")(demo)
    command(app, "sandbox", example="listwarden sandbox --port 8600 --contacts 10000")(sandbox)
    command(app, "rehearse", example="listwarden rehearse freunde import-watchdog")(rehearse)


def demo(
    session: Session,
    headless: Annotated[
        bool,
        typer.Option(
            "--headless",
            help="Walk check, preview, export, feedback, explain on each platform, and sum up.",
            show_default=False,
        ),
    ] = False,
    contacts: Annotated[
        int, typer.Option("--contacts", metavar="N", help="People in the source.", min=50, max=1_000_000)
    ] = 5_000,
    seed: Seed = 1,
    keep_home: Annotated[
        Path | None,
        typer.Option(
            "--keep-home",
            metavar="FOLDER",
            help="Use this new folder and leave it there.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Try everything on this machine.

    A club, its member file, its CRM, accounts at sandboxed platforms and a history, and the console over it.
    Everything is on this machine and removed at the end; the settings and state of your own are not touched.
    """
    if not headless and not someone_to_ask():
        raise CommandRefused(
            "usage", "The console needs a terminal, and there is none.", "Use: listwarden demo --headless"
        )
    from adapters.sandbox.options import SandboxError
    from console.demo import DemoOptions, run_demo

    options = DemoOptions(contacts=contacts, seed=seed, home=keep_home)
    try:
        return run_demo(options, headless=headless, as_json=session.json, operator=session.operator)
    except SandboxError as error:
        raise _not_served(error) from None


def sandbox(
    session: Session,
    port: Annotated[int, typer.Option("--port", metavar="P", help="0: any free one.", min=0, max=65_535)] = 0,
    contacts: Annotated[
        int, typer.Option("--contacts", metavar="N", help="Members of the first list.", min=0, max=1_000_000)
    ] = 1_000,
    seed: Seed = 1,
    latency: Annotated[
        float, typer.Option("--latency", metavar="MS", help="Delay of every answer.", min=0)
    ] = 0,
    ledger: Annotated[
        Path | None,
        typer.Option("--ledger", metavar="FILE", help="One JSON object a request.", show_default=False),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FILE", help="Its own state survives a restart.", show_default=False),
    ] = None,
) -> ExitCode:
    """Serve the platforms on 127.0.0.1.

    The first line on stdout says where, with keys and lists.
    Ctrl-c ends it.
    """
    from adapters.sandbox.options import SandboxError, SandboxOptions
    from adapters.sandbox.server import serve

    options = SandboxOptions(
        port=port, contacts=contacts, seed=seed, latency_ms=latency, ledger=ledger, keep=keep
    )
    try:
        serve(options)
    except SandboxError as error:
        raise _not_served(error) from None
    if someone_to_ask():
        narrate("The sandbox has ended.")
    return ExitCode.DONE


def rehearse(
    session: Session,
    connection: ConnectionName,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="What shall happen next; without it, what there is.",
            autocompletion=complete.rehearsals,
            show_default=False,
        ),
    ] = None,
) -> ExitCode:
    """Order what a sandbox shall do next.

    How the next import ends, an answer that is lost, calls used up. Only where the connection leads to a sandbox on this
    machine; a platform is never asked.
    """
    import asyncio

    from console.cli.table import table
    from console.jobs.rehearse import RehearsalUnknown, rehearsals_of
    from console.jobs.rehearse import rehearse as order

    entry = session.settings.connection(connection)
    if name is None:
        known = asyncio.run(rehearsals_of(entry))
        if session.json:
            document([{"rehearsal": one.name, "label": one.label, "help": one.help} for one in known])
        else:
            table(("rehearsal", "what", "then"), [(one.name, one.label, one.help) for one in known])
        return ExitCode.DONE
    session.must_write(f"rehearsing {name}")
    try:
        ordered = asyncio.run(order(entry, name))
    except RehearsalUnknown as error:
        raise CommandRefused(error.reason, str(error), error.next) from None
    if session.json:
        document({"connection": entry.name, "rehearsal": ordered.name, "ordered": True})
    else:
        say(f"{ordered.label}. {ordered.help}")
    return ExitCode.DONE


def _not_served(error: Exception) -> CommandRefused:
    return CommandRefused("unreachable", str(error), "Name another port or file.", exit_code=ExitCode.FAILED)
