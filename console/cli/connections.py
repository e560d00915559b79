"""``connections`` and ``lists``: the accounts, what they hold, and their entries in the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.command import ConnectionName, command, group
from console.cli.failure import CommandRefused
from console.cli.output import document, narrate, say
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode
from console.wording import number, relative

if TYPE_CHECKING:
    from adapters.provider import SettingSpec
    from state.connections import ConnectionRow, ListRow
    from state.model import Budget
    from state.open_imports import OpenImport

NewName = Annotated[str, typer.Argument(metavar="NAME", help="A name of your choice.", show_default=False)]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        metavar="KEY=WHERE",
        help="Where a secret is: key=env:NAME, key=file:PATH, key=command:PROGRAM …, key=keyring:SERVICE/USER. "
        "Without it you are asked, and the secret goes to a file of its own (0600).",
        show_default=False,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Another key of the settings.", show_default=False),
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Another server, such as a sandbox.", show_default=False),
]
AtOnce = Annotated[
    int | None,
    typer.Option("--connections", metavar="N", help="Requests at once for an export.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    inner = group(app, "connections", example="listwarden connections --json")(connections)
    command(
        inner,
        "add",
        example="listwarden connections add verband --provider mailchimp --secret key=env:VERBAND_KEY",
    )(add)
    command(inner, "edit", example="listwarden connections edit verband --connections 4")(edit)
    command(inner, "remove", example="listwarden connections remove verband --yes")(remove)
    command(app, "lists", example="listwarden lists verband")(lists)


def connections(session: Session) -> ExitCode:
    """Accounts and how they are; add, edit, remove.

    Without a verb: the connections of the settings and how they were when last heard of.
    """
    from adapters import registry
    from console.import_words import budget_line, import_line

    entries = session.settings.connections
    rows, budgets, imports = _heard_of(session), _budgets(session), _imports(session)
    if session.json:
        document(
            [
                _as_json(name, entry.provider, rows.get(name), budgets.get(name), imports.get(name, ()))
                for name, entry in entries.items()
            ]
        )
        return ExitCode.DONE
    tell_faults(session)
    if not entries:
        say(
            "There are no connections yet. Add one: listwarden connections add NAME --provider"
            f" {'|'.join(registry.PROVIDERS)}"
        )
        return ExitCode.DONE
    table(
        ("connection", "platform", "status", "account", "checked", "feedback"),
        [
            (
                name,
                entry.provider,
                row.status.word if (row := rows.get(name)) else "not checked",
                row.account_name if row else "",
                relative(row.checked_at if row else None),
                relative(row.feedback_at if row else None),
            )
            for name, entry in entries.items()
        ],
    )
    for name, budget in budgets.items():
        say(f"{name}: {budget_line(budget)}")
    for name, several in imports.items():
        for one in several:
            say(f"{name}: the platform still works on {import_line(one)}")
    return ExitCode.DONE


def add(
    session: Session,
    name: NewName,
    provider: Annotated[str, typer.Option("--provider", metavar="PLATFORM", help="Such as mailchimp.")],
    secret: Secrets = None,
    option: Options = None,
    base_url: BaseUrl = None,
    at_once: AtOnce = None,
) -> ExitCode:
    """Add a connection to the settings.

    Secrets are given by reference or typed, never on the command line.
    """
    from adapters import registry
    from console.settings import add_connection

    session.must_write(f"adding {name}")
    try:
        kind = registry.provider_kind(provider)
    except KeyError:
        raise CommandRefused(
            "provider-unknown",
            f"There is no platform {provider}.",
            "Platforms: " + ", ".join(registry.PROVIDERS),
            exit_code=ExitCode.CONFIGURATION,
        ) from None
    values: dict[str, object] = {"provider": provider, **_references(secret)}
    for spec in kind.settings:
        if spec.secret and spec.required and spec.name not in values:
            values[spec.name] = _typed_secret(spec)
    values.update(_plain(option, kind.settings))
    values.update(_common(base_url, at_once))
    session.keep_settings(add_connection(session.settings, name, values))
    _changed(session, name, f"Added {name} to {session.config_path}.", f"listwarden check {name}")
    return ExitCode.DONE


def edit(
    session: Session,
    connection: ConnectionName,
    secret: Secrets = None,
    option: Options = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="KEY", help="Remove a key.", show_default=False),
    ] = None,
    base_url: BaseUrl = None,
    at_once: AtOnce = None,
) -> ExitCode:
    """Change keys of a connection. --secret key=ask asks for a new secret."""
    from adapters import registry
    from console.settings import edit_connection

    session.must_write(f"editing {connection}")
    specs = registry.provider_kind(session.settings.connection(connection).provider).settings
    changes: dict[str, object] = {}
    for key, reference in _references(secret).items():
        spec = next((spec for spec in specs if spec.name == key), None)
        changes[key] = _typed_secret(spec) if spec is not None and reference == "ask" else reference
    changes.update(_plain(option, specs))
    changes.update(_common(base_url, at_once))
    changes.update(dict.fromkeys(unset or ()))
    if not changes:
        raise CommandRefused("usage", "Nothing to change was given.", "listwarden connections edit --help")
    session.keep_settings(edit_connection(session.settings, connection, changes))
    _changed(session, connection, f"Changed {connection}.", f"listwarden check {connection}")
    return ExitCode.DONE


def remove(
    session: Session,
    connection: ConnectionName,
    with_links: Annotated[
        bool, typer.Option("--with-links", help="Its links too.", show_default=False)
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
) -> ExitCode:
    """Take a connection out of the settings.

    Nothing changes at the platform; the history stays.
    """
    from console.cli.ask import confirmed
    from console.settings import remove_connection

    session.must_write(f"removing {connection}")
    question = f"Remove the connection {connection} from {session.config_path}?"
    if not yes and not confirmed(question, word="remove", way="Give --yes."):
        raise CommandRefused("cancelled", "Nothing was removed.", exit_code=ExitCode.INTERRUPTED)
    session.keep_settings(remove_connection(session.settings, connection, with_links=with_links))
    _changed(session, connection, f"Removed {connection}.", "")
    return ExitCode.DONE


def lists(
    session: Session,
    connection: ConnectionName,
    verb: Annotated[
        str | None,
        typer.Argument(
            metavar="[create]",
            help="Make a new list, where the platform lets us.",
            autocompletion=lambda: ["create"],
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of the new list.", show_default=False)
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="People see the new list.", show_default=False)
    ] = False,
) -> ExitCode:
    """The remote lists of a connection; create one.

    Without a verb they are asked for now; with --read-only they are shown as last heard.
    """
    from console.cli.fields import create_list
    from console.system_lists import system_word
    from state.connections import list_rows

    if verb is not None and verb != "create":
        raise CommandRefused("usage", f"lists has no verb {verb!r}.", "Verbs: create")
    if verb == "create":
        return create_list(session, session.connection(connection), name, public=public)
    if public:
        raise CommandRefused("usage", "--public belongs to create.", "… create NAME --public")
    asked, exit_code = _read(session, connection)
    if exit_code is not ExitCode.DONE:
        return exit_code
    links = {link.list_id: link.name for link in session.settings.links_of(connection=asked)}
    system = system_word(session.settings.connection(asked).provider)
    with session.reading() as state:
        rows = [row for row in list_rows(state, asked) if row.gone_at is None]
    if session.json:
        document([_list_as_json(row, links.get(row.list_id)) for row in rows])
        return ExitCode.DONE
    table(
        ("id", "name", "members", "asks to confirm", "link"),
        [
            (
                row.list_id,
                row.name + (f" ({system})" if row.system else ""),
                number(row.members),
                "yes" if row.double_opt_in else "no",
                links.get(row.list_id, ""),
            )
            for row in rows
        ],
        right=(2,),
    )
    return ExitCode.DONE


def _read(session: Session, connection: str) -> tuple[str, ExitCode]:
    """Ask the platform for its lists, unless one may only look."""
    name = session.connection(connection)
    if session.looks_only:
        return name, ExitCode.DONE
    from console.cli.inline import carry
    from state.model import JobKind

    return name, carry(session, JobKind.READ, connection=name).exit_code


def _heard_of(session: Session) -> dict[str, ConnectionRow]:
    from state.connections import connection_rows

    if not session.state_path.exists():
        return {}
    with session.reading() as state:
        return {row.name: row for row in connection_rows(state)}


def _budgets(session: Session) -> dict[str, Budget]:
    """What each account has left of its calls, where its platform counts them."""
    from state.connections import budget_of

    if not session.state_path.exists():
        return {}
    with session.reading() as state:
        told = {name: budget_of(state, name) for name in session.settings.connections}
    return {name: budget for name, budget in told.items() if budget is not None}


def _imports(session: Session) -> dict[str, list[OpenImport]]:
    """What the platforms still work on, by connection."""
    from state.open_imports import open_imports

    if not session.state_path.exists():
        return {}
    with session.reading() as state:
        told = {name: open_imports(state, name) for name in session.settings.connections}
    return {name: several for name, several in told.items() if several}


def tell_faults(session: Session) -> None:
    """What of the settings cannot be used; without a file nothing is left out."""
    for fault in session.settings.faults:
        if fault.reason != "settings-missing":
            narrate(f"left out: {fault} [{fault.reason}]")


def _as_json(
    name: str,
    provider: str,
    row: ConnectionRow | None,
    budget: Budget | None,
    imports: Sequence[OpenImport],
) -> dict[str, object]:
    from console.import_words import budget_json, import_json

    return {
        "name": name,
        "provider": provider,
        "status": row.status.value if row else "unchecked",
        "account": row.account_name if row else "",
        "checked_at": row.checked_at.isoformat() if row and row.checked_at else None,
        "feedback_at": row.feedback_at.isoformat() if row and row.feedback_at else None,
        "budget": budget_json(budget) if budget is not None else None,
        "imports": [{"job": one.job_id, **import_json(one)} for one in imports],
    }


def _list_as_json(row: ListRow, link: str | None) -> dict[str, object]:
    return {
        "id": row.list_id,
        "name": row.name,
        "members": row.members,
        "system": row.system,
        "link": link,
    }


# --- values from the command line ------------------------------------------------------------------------


def pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    """``KEY=VALUE`` words as a table."""
    found: dict[str, str] = {}
    for word in given or ():
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise CommandRefused("usage", f"{option} wants KEY=VALUE.", f"Such as: {option} name=value")
        found[key.strip()] = value
    return found


def _references(given: Sequence[str] | None) -> dict[str, object]:
    """``key=env:NAME`` and the like as the settings write them; the text itself is never taken for a secret."""
    import shlex

    found: dict[str, object] = {}
    for key, where in pairs(given, "--secret").items():
        way, colon, rest = where.partition(":")
        if where == "ask":
            found[key] = "ask"
        elif colon and way in ("env", "file", "keyring") and rest:
            found[key] = {way: rest}
        elif colon and way == "command" and rest.strip():
            found[key] = {"command": shlex.split(rest)}
        else:
            raise CommandRefused(
                "secret-in-clear",
                f"--secret {key}=… does not say where the secret is.",
                "Use env:NAME, file:PATH, command:PROGRAM … or keyring:SERVICE/USER; or leave it out and be asked.",
            )
    return found


def _typed_secret(spec: SettingSpec) -> object:
    from adapters.secret import Secret
    from console.cli.ask import must_have_someone, typed

    must_have_someone(f"Give --secret {spec.name}=env:NAME (or file:, command:, keyring:).")
    return Secret(typed(f"{spec.help}\n{spec.label} (not shown): ", hidden=True))


def _plain(given: Sequence[str] | None, specs: Sequence[SettingSpec]) -> Mapping[str, object]:
    kinds = {spec.name: spec.kind for spec in specs}
    found: dict[str, object] = {}
    for key, text in pairs(given, "--set").items():
        if kinds.get(key) is bool and text.lower() in ("true", "false"):
            found[key] = text.lower() == "true"
        elif kinds.get(key) is int and text.lstrip("-").isdigit():
            found[key] = int(text)
        else:
            found[key] = text
    return found


def _common(base_url: str | None, at_once: int | None) -> dict[str, object]:
    found: dict[str, object] = {}
    if base_url is not None:
        found["base_url"] = base_url
    if at_once is not None:
        found["connections"] = at_once
    return found


def _changed(session: Session, name: str, text: str, following: str) -> None:
    if session.json:
        document({"name": name, "settings": str(session.config_path)})
    else:
        say(text)
    if following:
        narrate(f"next: {following}")
