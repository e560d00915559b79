"""``state info|check|backup``: the state file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.command import command, group
from console.cli.failure import CommandRefused, Failure, tell
from console.cli.output import document, say
from console.cli.session import Session
from console.exit_codes import ExitCode
from console.wording import number, size


def register(app: typer.Typer) -> None:
    """Add the commands."""
    inner = group(app, "state", example="listwarden state info")(_no_verb)
    command(inner, "info", example="listwarden state info --json")(info)
    command(inner, "check", example="listwarden state check")(check)
    command(inner, "backup", example="listwarden state backup listwarden-backup.db")(backup)


def _no_verb(session: Session) -> ExitCode:
    """The state file: info, check, backup."""
    raise CommandRefused("usage", "Say what to do with the state.", "listwarden state --help")


def info(session: Session) -> ExitCode:
    """Where the state is, how large, and how much it holds."""
    from state.inventory import inventory

    with session.reading() as state:
        found = inventory(state)
    if session.json:
        document(
            {
                "path": str(session.state_path),
                "bytes": found.bytes,
                "wal_bytes": found.wal_bytes,
                "schema": found.schema,
                "sqlite": found.sqlite,
                "rows": dict(found.rows),
            }
        )
        return ExitCode.DONE
    say(f"state     {session.state_path}")
    say(f"size      {size(found.bytes)}, and {size(found.wal_bytes)} not merged yet")
    say(f"schema    {found.schema}, SQLite {found.sqlite}")
    for name, rows in found.rows.items():
        say(f"{name:<12}{number(rows):>12}")
    return ExitCode.DONE


def check(session: Session) -> ExitCode:
    """Check the whole file.

    Pages, references, and the chain of the record of requests. Exit code 10 if it is not sound.
    """
    from state.audit import verify_audit
    from state.store import integrity

    with session.reading() as state:
        faults = integrity(state)
        altered = [fault.text for fault in verify_audit(state)]
    if session.json:
        document({"ok": not faults and not altered, "faults": faults, "journal": altered})
    if not faults and not altered:
        if not session.json:
            say("The state is sound. [state-ok]")
        return ExitCode.DONE
    reason = "state-damaged" if faults else "journal-altered"
    tell(
        Failure(
            ExitCode.STATE,
            reason,
            f"{session.state_path} is not sound: {(faults + altered)[0]}",
            "Restore a backup, or compare with one.",
            tuple((faults + altered)[1:20]),
        )
    )
    return ExitCode.STATE


def backup(
    session: Session,
    target: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file that is not there yet.", show_default=False)
    ],
) -> ExitCode:
    """Copy the state into a new file (0600), while jobs run."""
    from state.store import backup as copy

    if target.exists():
        raise CommandRefused(
            "usage", f"{target} is there already; a backup replaces nothing.", "Name another file."
        )
    with session.reading() as state:
        copy(state, target.absolute())
    written = target.stat().st_size
    if session.json:
        document({"path": str(target.absolute()), "bytes": written})
    else:
        say(f"Copied to {target} ({size(written)}).")
    return ExitCode.DONE
