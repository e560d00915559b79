"""``links``, ``refresh`` and ``optin``: joining a source to a remote list, and what is asked of one link by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import complete
from console.cli.command import LinkName, command, group
from console.cli.connections import pairs
from console.cli.failure import CommandRefused
from console.cli.output import document, narrate, say
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from console.settings import Settings
    from state.model import Link

NAMES = {"FNAME": "first_name", "LNAME": "last_name"}
"""Fields mapped when none are given and the source has these columns (design law 8: address and names)."""

Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="FIELD=COLUMN",
        help="A mapped field; several columns joined by +, such as FULLNAME=first_name+last_name.",
        show_default=False,
    ),
]
EmailColumn = Annotated[
    str | None,
    typer.Option("--email", metavar="COLUMN", help="The file's column with the address.", show_default=False),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id", metavar="COLUMN", help="The file's column with the person's own id.", show_default=False
    ),
]
OptedOutColumn = Annotated[
    str | None,
    typer.Option(
        "--opted-out",
        metavar="COLUMN",
        help="The file's column that says who wants no mail.",
        show_default=False,
    ),
]
ModeWord = Annotated[
    str | None,
    typer.Option("--mode", help="add-only (default), update or mirror.", metavar="MODE", show_default=False),
]
Consent = Annotated[
    str | None,
    typer.Option(
        "--consent", metavar="TEXT", help="Basis of every addition, in your words.", show_default=False
    ),
]
ConsentColumn = Annotated[
    str | None,
    typer.Option(
        "--consent-column", metavar="COLUMN", help="Column with each person's basis.", show_default=False
    ),
]
Changed = Annotated[
    str | None,
    typer.Option(
        "--address-change", metavar="WORD", help="ask (default), move or new-consent.", show_default=False
    ),
]
Every = Annotated[
    str | None,
    typer.Option("--every", metavar="TIME", help="Such as 12h, or a cron line.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    inner = group(app, "links", example="listwarden links --json")(links)
    command(
        inner,
        "connect",
        example="listwarden links connect members-news --file members.csv --connection verband "
        '--list a6b5da1054 --consent "membership form 2024"',
    )(connect)
    command(inner, "edit", example="listwarden links edit members-news --mode update")(edit)
    command(inner, "disconnect", example="listwarden links disconnect members-news --yes")(disconnect)
    command(app, "refresh", example="listwarden refresh members-news")(refresh)
    command(app, "optin", example="listwarden optin members-news eva@example.org --confirm eva@example.org")(
        optin
    )
    command(app, "suppress", example='listwarden suppress members-news eva@example.org --note "by phone"')(
        suppress
    )


def links(session: Session) -> ExitCode:
    """Which source goes where; connect, edit, disconnect.

    Without a verb: the links of the settings.
    """
    found = session.settings.links.values()
    if session.json:
        document([_as_json(link) for link in found])
        return ExitCode.DONE
    for fault in session.settings.faults:
        narrate(f"left out: {fault} [{fault.reason}]")
    if not found:
        say("There are no links yet. Make one: listwarden links connect --help")
        return ExitCode.DONE
    table(
        ("link", "source", "connection", "list", "mode", "fields", "every"),
        [
            (
                link.name,
                link.source,
                link.connection,
                link.list_id,
                link.mode.value,
                ", ".join(mapping.target for mapping in link.fields),
                link.every or "by hand",
            )
            for link in found
        ],
    )
    return ExitCode.DONE


def connect(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of your choice.", show_default=False)],
    connection: Annotated[
        str,
        typer.Option(
            "--connection", metavar="CONNECTION", help="The account.", autocompletion=complete.connections
        ),
    ],
    list_id: Annotated[str, typer.Option("--list", metavar="LIST", help="The remote list's id.")],
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="SOURCE", help="A source of the settings.", show_default=False),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file", metavar="FILE", help="A CSV file: made a source of the link's name.", show_default=False
        ),
    ] = None,
    email_column: EmailColumn = None,
    id_column: IdColumn = None,
    opted_out: OptedOutColumn = None,
    field: Fields = None,
    mode: ModeWord = None,
    consent: Consent = None,
    consent_column: ConsentColumn = None,
    address_change: Changed = None,
    every: Every = None,
) -> ExitCode:
    """Join a source to a remote list.

    Mapped are first and last name, unless --field says otherwise. Of a new file the columns with the
    address, the id and the opt-out are guessed by their names, and told; - means none.
    """
    from console.settings import SettingsError, connect_link, remove_source

    session.must_write(f"connecting {name}")
    if (source is None) == (file is None):
        raise CommandRefused(
            "usage", "Name the source, by --source or by --file.", "listwarden links connect --help"
        )
    settings = session.settings
    settings.connection(connection)
    if not (consent or consent_column):
        raise CommandRefused(
            "consent-missing",
            "Say on what basis people are added.",
            'Give --consent "…" or --consent-column COLUMN.',
        )
    columns = {"email": email_column, "id": id_column, "opted_out": opted_out}
    if file is not None:
        source, settings = _source_of(settings, name, file, columns)
    elif any(columns.values()):
        raise CommandRefused(
            "usage",
            "--email, --id and --opted-out describe a new --file.",
            f"Edit [sources.{source}] in the settings.",
        )
    settings.source(source or "")
    values: dict[str, object] = {"source": source, "connection": connection, "list": list_id}
    values.update(_values(mode, consent, consent_column, address_change, every))
    values["fields"] = _mapping(field) if field else _default_fields(settings, source or "")
    try:
        session.keep_settings(connect_link(settings, name, values))
    except SettingsError:
        if source not in session.settings.sources:
            remove_source(settings, source or "")  # made a moment ago, for this link alone
        raise
    _done(session, name, f"Connected {name}.", f"listwarden preview {name}")
    return ExitCode.DONE


def edit(
    session: Session,
    link: LinkName,
    field: Fields = None,
    mode: ModeWord = None,
    consent: Consent = None,
    consent_column: ConsentColumn = None,
    address_change: Changed = None,
    every: Every = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="KEY", help="Remove a key.", show_default=False),
    ] = None,
) -> ExitCode:
    """Change keys of a link. --field replaces the whole mapping."""
    from console.settings import edit_link

    session.must_write(f"editing {link}")
    changes = _values(mode, consent, consent_column, address_change, every)
    if field:
        changes["fields"] = _mapping(field)
    changes.update(dict.fromkeys(unset or ()))
    if not changes:
        raise CommandRefused("usage", "Nothing to change was given.", "listwarden links edit --help")
    session.keep_settings(edit_link(session.settings, link, changes))
    _done(session, link, f"Changed {link}.", f"listwarden preview {link}")
    return ExitCode.DONE


def disconnect(
    session: Session,
    link: LinkName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
) -> ExitCode:
    """Take a link out of the settings.

    Nobody is removed at the platform; the history stays.
    """
    from console.cli.ask import confirmed
    from console.settings import disconnect_link

    session.must_write(f"disconnecting {link}")
    question = f"Take the link {link} out of {session.config_path}? Nobody is removed anywhere."
    if not yes and not confirmed(question, word="disconnect", way="Give --yes."):
        raise CommandRefused("cancelled", "Nothing was changed.", exit_code=ExitCode.INTERRUPTED)
    session.keep_settings(disconnect_link(session.settings, link))
    _done(session, link, f"Disconnected {link}.", "")
    return ExitCode.DONE


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
        say(end.text or ", ".join(f"{rows:,} {word}" for word, rows in end.counts.items()))
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


_KEYS = {"email": "the address", "id": "the person's id", "opted_out": "“wants no mail”"}


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


# --- values from the command line ------------------------------------------------------------------------


def _values(
    mode: str | None,
    consent: str | None,
    consent_column: str | None,
    address_change: str | None,
    every: str | None,
) -> dict[str, object]:
    given = {
        "mode": mode,
        "consent": consent,
        "consent_column": consent_column,
        "address_change": address_change,
        "every": every,
    }
    return {key: value for key, value in given.items() if value is not None}


def _mapping(given: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for target, columns in pairs(given, "--field").items():
        several = [column.strip() for column in columns.split("+")]
        found[target] = several if len(several) > 1 else several[0]
    return found


def _source_of(
    settings: Settings, name: str, file: str, columns: Mapping[str, str | None]
) -> tuple[str, Settings]:
    """The source that reads this file, made if the settings have none."""
    from console.settings import add_source

    path = _as_written(settings, file)
    for source, entry in settings.sources.items():
        if entry.kind == "csv" and entry.options.get("path") == path:
            return source, settings
    keys = _columns(settings, path, columns)
    return name, add_source(settings, name, {"kind": "csv", "path": path, **keys})


def _as_written(settings: Settings, file: str) -> str:
    """The path as it stands in the settings: relative ones start at their folder, not at the working one."""
    from pathlib import Path

    path = Path(file).expanduser().absolute()
    return str(path.relative_to(settings.folder) if path.is_relative_to(settings.folder) else path)


def _columns(settings: Settings, path: str, given: Mapping[str, str | None]) -> dict[str, str]:
    """Which columns hold address, id and opt-out: as given, else as the file suggests; raises ``AdapterError``."""
    from console.jobs.shape import guessed_keys, typed_shape

    shape = typed_shape(settings, "csv", {"path": path})
    found = guessed_keys(shape)
    guessed = {key: column for key, column in found.items() if given.get(key) is None}
    for key, column in given.items():
        if column == "-":
            found.pop(key, None)
        elif column is not None:
            if column not in shape.columns:
                raise CommandRefused(
                    "source-column-missing",
                    f"{path} has no column “{column}”.",
                    "It has: " + ", ".join(name for name in shape.columns if name),
                    exit_code=ExitCode.CONFIGURATION,
                )
            found[key] = column
    if "email" not in found:
        raise CommandRefused(
            "source-no-address",
            f"{path} has no column that surely holds e-mail addresses.",
            "Name it: --email COLUMN",
            exit_code=ExitCode.CONFIGURATION,
        )
    if guessed:
        told = ", ".join(f"{_KEYS[key]} in “{column}”" for key, column in guessed.items())
        narrate(f"By the names of the columns: {told}. Say otherwise with --email, --id, --opted-out.")
    return found


def _default_fields(settings: Settings, source: str) -> dict[str, object]:
    from console.jobs.shape import source_shape

    columns = source_shape(settings, source).columns
    return {target: column for target, column in NAMES.items() if column in columns}


def _as_json(link: Link) -> dict[str, object]:
    return {
        "name": link.name,
        "source": link.source,
        "connection": link.connection,
        "list": link.list_id,
        "mode": link.mode.value,
        "fields": {mapping.target: list(mapping.columns) for mapping in link.fields},
        "address_change": link.address_change.value,
        "every": link.every or None,
    }


def _done(session: Session, name: str, text: str, following: str) -> None:
    if session.json:
        document({"name": name, "settings": str(session.config_path)})
    else:
        say(text)
    if following:
        narrate(f"next: {following}")
