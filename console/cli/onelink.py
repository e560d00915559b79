"""``sync``, ``refresh``, ``optin`` and ``suppress``: what is asked of one link, or of one address of it, by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.command import LinkName, command
from console.cli.export import MaxRemovals, MaxWriteBacks
from console.cli.failure import CommandRefused
from console.cli.output import document, narrate, say
from console.cli.session import Session
from console.exit_codes import ExitCode
from console.wording import counts_line


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "sync", example="listwarden sync members-news --yes")(sync)
    command(app, "refresh", example="listwarden refresh members-news")(refresh)
    command(app, "optin", example="listwarden optin members-news eva@example.org --confirm eva@example.org")(
        optin
    )
    command(app, "suppress", example='listwarden suppress members-news eva@example.org --note "by phone"')(
        suppress
    )


def sync(
    session: Session,
    link: LinkName,
    plan_id: Annotated[
        str | None,
        typer.Option(
            "--plan",
            metavar="ID",
            help="Send exactly this saved plan, if nothing has changed.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
    max_removals: MaxRemovals = None,
    max_write_backs: MaxWriteBacks = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the job's id and leave.", show_default=False)
    ] = False,
) -> ExitCode:
    """Feedback of a link, then its export.

    First what happened at the platform is read (unsubscribes, bounces, confirmations); when that went well the link is
    previewed, confirmed and exported as export does it. Exit codes are those of export.
    """
    from console.cli.export import export
    from console.cli.inline import carry
    from console.cli.output import someone_to_ask
    from state.model import JobKind

    found = session.link(link)
    session.must_write(f"synchronizing {link}")
    if not (yes or plan_id or someone_to_ask()):
        raise CommandRefused(
            "confirmation-needed",
            "There is no terminal to confirm on.",
            f"Give --yes, or --plan ID of a plan saved by: listwarden preview {link} --save",
        )
    end = carry(session, JobKind.FEEDBACK, link=found)
    if end.exit_code is not ExitCode.DONE:
        return end.exit_code
    narrate(f"feedback: {end.text}")
    return export(
        session,
        link,
        plan_id=plan_id,
        yes=yes,
        max_removals=max_removals,
        max_write_backs=max_write_backs,
        detach=detach,
    )


def refresh(session: Session, link: LinkName) -> ExitCode:
    """Mark every record of a link to be sent again.

    Shows how many the next export will send; nothing is sent now.
    """
    from console.cli.inline import carry
    from state.model import JobKind

    end = carry(session, JobKind.REFRESH, link=session.link(link))
    if session.json:
        document({"link": link, "job": end.job_id, "state": end.state.value, **dict(end.counts)})
    elif end.exit_code is ExitCode.DONE:
        say(end.text or counts_line(end.counts))
        narrate(f"next: listwarden preview {link}")
    return end.exit_code


def optin(
    session: Session,
    link: LinkName,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", show_default=False)],
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm",
            metavar="ADDRESS",
            help="The address once more, where nobody can be asked.",
            show_default=False,
        ),
    ] = None,
) -> ExitCode:
    """Have the platform ask one person to confirm.

    The platform mails that one address and asks whether it wants to be on the list (again).
    """
    from console.cli.ask import must_have_someone, typed
    from console.cli.inline import carry
    from state.address import address_key
    from state.model import JobKind

    found = session.link(link)
    session.must_write(f"asking {address}")
    again = confirm
    if again is None:
        must_have_someone("Give the address again: --confirm ADDRESS.")
        again = typed(
            f"The platform of {found.connection} will send {address} a mail that asks for confirmation.\n"
            "Type the address again: "
        )
    if address_key(again) != address_key(address):
        raise CommandRefused(
            "confirmation-needed", "The two addresses are not the same; nobody was asked.", "Type it again."
        )
    end = carry(session, JobKind.OPTIN, link=found, options={"address": address.strip()})
    if session.json:
        document(
            {
                "link": link,
                "address": address.strip(),
                "job": end.job_id,
                "state": end.state.value,
                "reason": end.reason,
            }
        )
    elif end.exit_code is ExitCode.DONE:
        say(f"{address.strip()}: {end.text}")  # the job's text is kept, and so has no address in it
    return end.exit_code


def suppress(
    session: Session,
    link: LinkName,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", show_default=False)],
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help="Why, for whoever asks later.", show_default=False)
    ] = "",
) -> ExitCode:
    """Mark one address, so that the link sends nothing to it.

    The mark is kept here; the platform is not told anything.
    """
    from console.cli.inline import carry
    from state.model import JobKind

    found = session.link(link)
    session.must_write(f"marking {address}")
    end = carry(session, JobKind.SUPPRESS, link=found, options={"address": address.strip(), "note": note})
    if session.json:
        told = {"link": link, "address": address.strip(), "job": end.job_id}
        document({**told, "state": end.state.value, "reason": end.reason})
    elif end.exit_code is ExitCode.DONE:
        say(f"{address.strip()} is marked: nothing is sent to it by {link}.")
    return end.exit_code
