"""``links``: joining a source to a remote list, changing the link, and taking it apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import complete
from console.cli.command import LinkName, command, group
from console.cli.failure import CommandRefused
from console.cli.linkvalues import (
    default_fields,
    given_mapping,
    given_rules,
    given_values,
    kept,
    refuse_system_list,
    shaped,
    source_of,
)
from console.cli.output import document, narrate, say
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from state.model import Link

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
TwoWay = Annotated[
    list[str] | None,
    typer.Option(
        "--two-way",
        metavar="FIELD",
        help="A mapped field whose changes at the platform go back into the source.",
        show_default=False,
    ),
]
OneWay = Annotated[
    list[str] | None,
    typer.Option(
        "--one-way",
        metavar="FIELD",
        help="A mapped field that only goes to the platform.",
        show_default=False,
    ),
]
BlankWord = Annotated[
    list[str] | None,
    typer.Option(
        "--blank",
        metavar="[FIELD=]WORD",
        help="What an empty value does: keep (default), clear or skip; of all fields, or of one.",
        show_default=False,
    ),
]
ConflictWord = Annotated[
    str | None,
    typer.Option(
        "--conflict",
        metavar="WORD",
        help="Where both sides changed a two-way field: ask (default), source or platform.",
        show_default=False,
    ),
]
Creates = Annotated[
    bool | None,
    typer.Option(
        "--create-contacts/--no-create-contacts",
        help="Create people in the source whom only the list has, where two-way fields suffice.",
        show_default=False,
    ),
]
Forces = Annotated[
    str | None,
    typer.Option(
        "--force-update",
        metavar="WORD",
        help="Sent once a day without a change seen: none, computed (default) or all.",
        show_default=False,
    ),
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


def links(session: Session) -> ExitCode:
    """Which source goes where; connect, edit, disconnect.

    Without a verb: the links of the settings.
    """
    found = session.settings.links.values()
    if session.json:
        document([_as_json(link) for link in found])
        return ExitCode.DONE
    from console.cli.connections import tell_faults

    tell_faults(session)
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
                ", ".join(mapping.target + (" ⇄" if mapping.two_way else "") for mapping in link.fields),
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
    two_way: TwoWay = None,
    one_way: OneWay = None,
    blank: BlankWord = None,
    conflict: ConflictWord = None,
    create_contacts: Creates = None,
    force_update: Forces = None,
) -> ExitCode:
    """Join a source to a remote list.

    Mapped are the names, as the platform calls them, unless --field says otherwise. Of a new file the columns with the
    address, the id and the opt-out are guessed by their names, and told; - means none. Nothing is sent: preview the
    link, then export it.
    """
    from console.settings import SettingsError, connect_link, fields_value, remove_source
    from state.model import Blank

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
        source, settings = source_of(settings, name, file, columns)
    elif any(columns.values()):
        raise CommandRefused(
            "usage",
            "--email, --id and --opted-out describe a new --file.",
            f"Edit [sources.{source}] in the settings.",
        )
    settings.source(source or "")
    refuse_system_list(session, connection, list_id)
    values: dict[str, object] = {"source": source, "connection": connection, "list": list_id}
    values.update(given_values(mode, consent, consent_column, address_change, every))
    values.update(given_rules(conflict, create_contacts, force_update))
    mappings = given_mapping(field) if field else default_fields(settings, connection, source or "")
    mappings, policy = shaped(mappings, two_way, one_way, blank)
    if policy is not None:
        values["blank"] = policy.value
    values["fields"] = fields_value(mappings, policy or Blank.KEEP)
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
    two_way: TwoWay = None,
    one_way: OneWay = None,
    blank: BlankWord = None,
    conflict: ConflictWord = None,
    create_contacts: Creates = None,
    force_update: Forces = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="KEY", help="Remove a key.", show_default=False),
    ] = None,
) -> ExitCode:
    """Change keys of a link.

    --field replaces the whole mapping; --two-way, --one-way and --blank change single fields of it.
    """
    from console.settings import edit_link, fields_value

    session.must_write(f"editing {link}")
    present = session.link(link)
    changes = given_values(mode, consent, consent_column, address_change, every)
    changes.update(given_rules(conflict, create_contacts, force_update))
    if field or two_way or one_way or blank:
        mappings = kept(given_mapping(field), present) if field else present.fields
        mappings, _ = shaped(mappings, two_way, one_way, blank)
        changes["fields"] = fields_value(mappings)
        changes["blank"] = None  # it stands with each field from now on
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

    Nothing is touched on either side: nobody is removed at the platform or in the source, and the history stays.
    """
    from console.cli.ask import confirmed
    from console.settings import disconnect_link

    session.must_write(f"disconnecting {link}")
    question = f"Take the link {link} out of {session.config_path}? Nothing is touched on either side."
    if not yes and not confirmed(question, word="disconnect", way="Give --yes."):
        raise CommandRefused("cancelled", "Nothing was changed.", exit_code=ExitCode.INTERRUPTED)
    session.keep_settings(disconnect_link(session.settings, link))
    _done(session, link, f"Disconnected {link}. Nothing was touched at the platform or in the source.", "")
    return ExitCode.DONE


def _as_json(link: Link) -> dict[str, object]:
    return {
        "name": link.name,
        "source": link.source,
        "connection": link.connection,
        "list": link.list_id,
        "mode": link.mode.value,
        "fields": {mapping.target: list(mapping.columns) for mapping in link.fields},
        "two_way": [mapping.target for mapping in link.fields if mapping.two_way],
        "blank": {mapping.target: mapping.blank.value for mapping in link.fields},
        "address_change": link.address_change.value,
        "conflict": link.conflict.value,
        "create_contacts": link.create_contacts,
        "force_update": link.force_update.value,
        "every": link.every or None,
    }


def _done(session: Session, name: str, text: str, following: str) -> None:
    if session.json:
        document({"name": name, "settings": str(session.config_path)})
    else:
        say(text)
    if following:
        narrate(f"next: {following}")
