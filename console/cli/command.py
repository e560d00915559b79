"""How a function becomes a command: the options every command takes are added here, before or after its name.

Invariant: a command's body is imported when it runs, not when the command line is put together; its first
parameter is the ``Session``, the others are its own options as Typer reads them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli import complete
from console.cli.session import Session
from console.exit_codes import ExitCode

LinkName = Annotated[str, typer.Argument(metavar="LINK", autocompletion=complete.links, show_default=False)]
ConnectionName = Annotated[
    str, typer.Argument(metavar="CONNECTION", autocompletion=complete.connections, show_default=False)
]
JobId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A job's id, or four letters of its end.",
        autocompletion=complete.jobs,
        show_default=False,
    ),
]

_SHARED = "Options of every command"

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file (LISTWARDEN_CONFIG).", show_default=False),
]
StateFile = Annotated[
    Path | None,
    typer.Option("--state", metavar="FILE", help="State file (LISTWARDEN_STATE).", show_default=False),
]
ReadOnly = Annotated[
    bool, typer.Option("--read-only", help="Look only: nothing is written or sent.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.", show_default=False)]

_GLOBALS: tuple[tuple[str, Any, object], ...] = (
    ("config_file", Config, None),
    ("state_file", StateFile, None),
    ("look_only", ReadOnly, False),
    ("as_json", Json, False),
)

Body = Callable[..., ExitCode | int | None]


def with_session(body: Body) -> Callable[..., Any]:
    """The body with the shared options behind its own, and the session in place of its first parameter."""
    own = inspect.signature(body, eval_str=True)
    _, *parameters = own.parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter(name, keyword, default=default, annotation=annotation)
        for name, annotation, default in _GLOBALS
    ]
    context = inspect.Parameter("ctx", keyword, annotation=typer.Context)
    behind = [parameter.replace(kind=keyword) for parameter in parameters]

    def call(**given: Any) -> Any:
        session = given.pop("ctx").ensure_object(Session)
        _take_over(session, given)
        return body(session, **given)

    return _disguised(call, body, inspect.Signature([context, *behind, *shared]))


def command(
    app: typer.Typer, name: str, *, example: str, hidden: bool = False
) -> Callable[[Body], Callable[..., Any]]:
    """Register a command of ``app``; its docstring is the help, followed by the example."""

    def register(body: Body) -> Callable[..., Any]:
        call = with_session(body)
        app.command(name, epilog=f"Example: {example}", hidden=hidden)(call)
        return call

    return register


def group(app: typer.Typer, name: str, *, example: str) -> Callable[[Body], typer.Typer]:
    """Register a group of commands that does something by itself too: the body, when no command follows."""

    def register(body: Body) -> typer.Typer:
        inner = typer.Typer(rich_markup_mode=None, add_completion=False)
        inner.callback(invoke_without_command=True, epilog=f"Example: {example}")(by_itself(body))
        app.add_typer(inner, name=name)
        return inner

    return register


def by_itself(body: Body) -> Callable[..., Any]:
    """A group's own body: it runs when no command follows; its options count for the command otherwise."""
    call = with_session(body)

    def alone(**given: Any) -> Any:
        context = given["ctx"]
        if context.invoked_subcommand is None:
            return call(**given)
        _take_over(context.ensure_object(Session), given)
        return None

    return _disguised(alone, body, inspect.signature(call))


def _disguised(call: Callable[..., Any], body: Body, signature: inspect.Signature) -> Callable[..., Any]:
    """The function under the body's name and with the signature Typer shall read."""
    call.__name__, call.__doc__, call.__module__ = body.__name__, body.__doc__, body.__module__
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__annotations__ = {part.name: part.annotation for part in signature.parameters.values()}
    return call


def _take_over(session: Session, given: dict[str, Any]) -> None:
    config, state, look_only, as_json = (given.pop(name) for name, _, _ in _GLOBALS)
    session.config = config or session.config
    session.state = state or session.state
    session.read_only = look_only or session.read_only
    session.json = as_json or session.json
