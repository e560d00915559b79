"""The command line put together: which commands there are, and the one door every call goes through.

Invariant: whatever happens inside, a call ends with an exit code of design §6 and, if it failed, a sentence with
the next step on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from console.cli.failure import Failure, failure_of, keep_unexpected, tell
from console.cli.output import OutputFailed, ReaderGone, as_output_failed, narrate, prepare_streams
from console.cli.session import Session
from console.exit_codes import ExitCode

EXAMPLE = """\
\b
Examples:
  listwarden                            open the console
  listwarden link:members-news/preview  open it at a place
  listwarden preview members-news       what would an export send?
\b
Exit codes: 0 done, 1 failed, 2 usage, 3 partly, 4 plan stale, 5 guard refused or
read incomplete, 6 busy, 7 credentials or limit, 8 configuration, 9 unreachable,
10 state, 130 interrupted.
"""


ORDER = (
    *(
        "demo",
        "sandbox",
        "rehearse",
        "doctor",
        "connections",
        "check",
        "lists",
        "fields",
        "links",
        "campaigns",
    ),
    *("preview", "export", "feedback", "sync", "refresh", "optin", "suppress"),
    *("jobs", "job", "contacts", "explain", "state"),
)


class Listwarden(TyperGroup):
    """The group of all commands: a word with a colon is a place, and no error leaves as a traceback."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A place such as ``link:members-news/preview`` opens the console there."""
        if ":" in args[0] and args[0] not in self.commands:
            args = ["open", *args]
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of the work, not of the alphabet."""
        return sorted(self.commands, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run and leave with the exit code; without ``standalone_mode`` it is returned."""
        session = extra.setdefault("obj", Session())
        extra.update(prog_name=prog_name, complete_var=complete_var)
        prepare_streams()
        code = self._guarded(args, session, extra)
        if standalone_mode:
            sys.exit(int(code))
        return code

    def _guarded(self, args: Sequence[str] | None, session: Session, extra: dict[str, Any]) -> ExitCode:
        try:
            result = super().main(args, standalone_mode=False, **extra)
        except ReaderGone:
            return ExitCode.DONE
        except KeyboardInterrupt:
            narrate("listwarden: interrupted. [interrupted]")
            return ExitCode.INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the one door: everything becomes a sentence and a code
            failure = _usage(error) or _unwritten(error) or failure_of(error)
            failure = failure or keep_unexpected(error, session.state_path)
            tell(failure)
            return failure.exit_code
        return ExitCode(result or 0)


def _usage(error: Exception) -> Failure | None:
    """Typer's own complaints; its class of them is not public, so they are known by what they carry."""
    if isinstance(error, typer.Abort):
        return Failure(ExitCode.INTERRUPTED, "interrupted", "Interrupted.")
    format_message = getattr(error, "format_message", None)
    if getattr(error, "exit_code", None) != 2 or format_message is None:
        return None
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "listwarden"
    return Failure(ExitCode.USAGE, "usage", format_message() or "A command is missing.", f"{path} --help")


def _unwritten(error: Exception) -> Failure | None:
    """A stdout that takes nothing; Typer writes its help there by itself."""
    failed = as_output_failed(error) if isinstance(error, OSError) else error
    if not isinstance(failed, OutputFailed):
        return None
    return Failure(
        ExitCode.FAILED, "output-failed", str(failed), "Free the disk, or send the output elsewhere."
    )


def run(arguments: Sequence[str]) -> int:
    """Carry out one call and return its exit code."""
    from typer.main import get_command

    code: ExitCode = get_command(build()).main(list(arguments), prog_name="listwarden", standalone_mode=False)
    return int(code)


def build() -> typer.Typer:
    """The command line."""
    from console.cli import (
        campaigns,
        checking,
        connections,
        contacts,
        export,
        fields,
        jobs,
        links,
        onelink,
        opening,
        preview,
        rehearse,
        statefile,
    )

    app = typer.Typer(
        cls=Listwarden,
        name="listwarden",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    opening.register(app, epilog=EXAMPLE)
    for module in (
        checking,
        connections,
        fields,
        links,
        campaigns,
        preview,
        export,
        onelink,
        jobs,
        contacts,
        statefile,
        rehearse,
    ):
        module.register(app)
    return app
