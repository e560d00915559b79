"""``fields``: the data fields of a connection's lists — show, synchronize, create, delete; and creating a list.

Invariant: a deletion goes to the job only with the number a person gave; without one the job counts and nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.command import ConnectionName, command
from console.cli.failure import CommandRefused
from console.cli.output import document, narrate, say
from console.cli.session import Session
from console.cli.table import table
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from console.jobs.ends import JobEnd
    from state.fields import FieldRow
    from state.model import JobKind

VERBS = ("sync", "create", "delete")

Verb = Annotated[
    str | None,
    typer.Argument(
        metavar="[sync|create|delete]",
        help="Read them again and tell what is new; create or delete one.",
        autocompletion=lambda: list(VERBS),
        show_default=False,
    ),
]
FieldName = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Of the field to create or delete.", show_default=False)
]
OfList = Annotated[
    str | None, typer.Option("--list", metavar="LIST", help="Only this list.", show_default=False)
]
Type = Annotated[
    str | None,
    typer.Option(
        "--type", metavar="TYPE", help="Of a new field, in the platform's word.", show_default=False
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label", metavar="TEXT", help="Of a new field, where fields have one.", show_default=False
    ),
]
Public = Annotated[
    bool, typer.Option("--public", help="People see the new field at the platform.", show_default=False)
]
Default = Annotated[
    str | None,
    typer.Option(
        "--default", metavar="VALUE", help="What the platform fills in by itself.", show_default=False
    ),
]
Choice = Annotated[
    list[str] | None,
    typer.Option(
        "--choice", metavar="VALUE", help="One value a new field takes; give it again.", show_default=False
    ),
]
Holding = Annotated[
    int | None,
    typer.Option(
        "--holding",
        metavar="N",
        min=0,
        help="To delete: how many contacts hold a value and lose it. Without it they are counted.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "fields", example="listwarden fields verband create CLUB --type text --list a6b5da1054")(
        fields
    )


def fields(
    session: Session,
    connection: ConnectionName,
    verb: Verb = None,
    field: FieldName = None,
    list_id: OfList = None,
    kind: Type = None,
    label: Label = None,
    public: Public = False,
    default: Default = None,
    choice: Choice = None,
    holding: Holding = None,
) -> ExitCode:
    """The data fields of a connection's lists; sync, create, delete.

    Without a verb: the fields of the linked lists (Mailchimp: merge fields; dotdigital: of the account), or of one
    list, asked for now, with what each takes and which links map it. A field is deleted with its value on every
    contact: the number of contacts that hold one has to be given.
    """
    name = session.connection(connection)
    made = {
        "--type": kind,
        "--label": label,
        "--public": public or None,
        "--default": default,
        "--choice": choice,
    }
    _check_words(verb, field, made, holding)
    if verb is None:
        return _show(session, name, list_id)
    if verb == "sync":
        return _sync(session, name, list_id)
    if verb == "create":
        options = {
            "name": field,
            "kind": kind,
            "label": label or "",
            "public": public,
            "default": default or "",
            "choices": list(choice or ()),
        }
        return _create(session, name, _on(list_id, options))
    return _delete(session, name, str(field), list_id, holding)


def create_list(session: Session, connection: str, name: str | None, *, public: bool) -> ExitCode:
    """``lists CONNECTION create NAME``: a new list at the platform; nobody is put on it."""
    from state.model import JobKind

    name = (name or "").strip()
    if not name:
        raise CommandRefused("usage", "A list needs a name.", f"listwarden lists {connection} create NAME")
    end = _carry(session, connection, {"name": name, "public": public}, kind=JobKind.CREATE_LIST)
    if session.json:
        document({"connection": connection, "list": end.result.get("list"), "name": name, **_told(end)})
    elif end.exit_code is ExitCode.DONE:
        say(end.text)
        narrate(
            f"next: listwarden links connect NAME --connection {connection} --list {end.result['list']} …"
        )
    return end.exit_code


def _check_words(
    verb: str | None, field: str | None, made: Mapping[str, object], holding: int | None
) -> None:
    """Refuse words that mean nothing together, rather than leave them out."""
    if verb is not None and verb not in VERBS:
        raise CommandRefused("usage", f"fields has no verb {verb!r}.", "Verbs: " + ", ".join(VERBS))
    if verb in ("create", "delete") and not field:
        raise CommandRefused("usage", f"{verb} needs the field's name.", f"… {verb} NAME")
    if verb == "sync" and field:
        raise CommandRefused("usage", "sync takes no name.", "It reads all fields.")
    if verb == "create" and not made["--type"]:
        raise CommandRefused(
            "usage", "create needs --type.", "Types are named by the platform, such as text."
        )
    given = [option for option, value in made.items() if value is not None] if verb != "create" else []
    given += ["--holding"] if verb != "delete" and holding is not None else []
    if given:
        wanted = "delete" if given == ["--holding"] else "create"
        raise CommandRefused("usage", f"{given[0]} belongs to {wanted}.", f"… {wanted} NAME {given[0]} …")


def _on(list_id: str | None, options: Mapping[str, object]) -> dict[str, object]:
    return {**options, "list": list_id} if list_id else dict(options)


def _carry(
    session: Session, connection: str, options: Mapping[str, object], kind: JobKind | None = None
) -> JobEnd:
    from console.cli.inline import carry
    from state.model import JobKind

    return carry(
        session,
        kind or JobKind.FIELDS,
        connection=connection,
        options=options,
    )


def _told(end: JobEnd) -> dict[str, object]:
    return {"job": end.job_id, "state": end.state.value, "reason": end.reason}


def _sync(session: Session, connection: str, list_id: str | None) -> ExitCode:
    end = _carry(session, connection, _on(list_id, {"action": "sync"}))
    if session.json:
        document({"connection": connection, **_told(end), **dict(end.result)})
    elif end.exit_code is ExitCode.DONE:
        say(end.text)
    return end.exit_code


def _create(session: Session, connection: str, options: Mapping[str, object]) -> ExitCode:
    end = _carry(session, connection, {"action": "create", **options})
    if session.json:
        document(
            {"connection": connection, "list": end.result.get("list"), "name": options["name"], **_told(end)}
        )
    elif end.exit_code is ExitCode.DONE:
        say(end.text)
    return end.exit_code


def _delete(
    session: Session, connection: str, field: str, list_id: str | None, holding: int | None
) -> ExitCode:
    asked = _on(list_id, {"name": field})
    if holding is None:
        end = _carry(session, connection, {"action": "count", **asked})
        if end.exit_code is not ExitCode.DONE:
            if session.json:
                document({"connection": connection, "name": field, "deleted": False, **_told(end)})
            return end.exit_code
        held = end.result["holding"]
        if session.json:
            document(
                {"connection": connection, "name": field, "deleted": False, "holding": held, **_told(end)}
            )
        where = f" --list {list_id}" if list_id else ""
        raise CommandRefused(
            "confirmation-needed",
            f"{end.text} It is lost when the field is deleted; nothing was done.",
            f"listwarden fields {connection} delete {end.result['field']} --holding {held}{where}",
            exit_code=ExitCode.USAGE,
        )
    end = _carry(session, connection, {"action": "delete", "holding": holding, **asked})
    deleted = end.exit_code is ExitCode.DONE
    if session.json:
        document(
            {
                "connection": connection,
                "list": end.result.get("list"),
                "name": field,
                "deleted": deleted,
                "holding": end.result.get("holding", holding),
                "dependencies": end.result.get("dependencies", []),
                **_told(end),
            }
        )
    elif deleted:
        say(end.text)
    return end.exit_code


# --- showing ----------------------------------------------------------------------------------------------


def _show(session: Session, connection: str, list_id: str | None) -> ExitCode:
    """The fields, asked for now unless one may only look."""
    from console.mapped_fields import folded, mapped_by
    from console.new_field import platform_of
    from state.connections import list_rows
    from state.fields import lists_with_fields, remote_fields

    exit_code = ExitCode.DONE
    if not session.looks_only:
        exit_code = _carry(session, connection, _on(list_id, {"action": "sync"})).exit_code
        if exit_code is not ExitCode.DONE:
            return exit_code
    settings = session.settings
    by_account = platform_of(settings.connection(connection)).capabilities.fields_by_account
    linked = {link.list_id for link in settings.links_of(connection=connection)}
    with session.reading() as state:
        known = lists_with_fields(state, connection)
        chosen = [one for one in known if (one == list_id if list_id else one in linked)]
        chosen = chosen or ([] if list_id else known)
        if by_account:
            chosen = chosen[:1]
        names = {row.list_id: row.name for row in list_rows(state, connection)}
        found = [(one, field) for one in chosen for field in remote_fields(state, connection, one)]
    mapped = {one: mapped_by(settings, [connection], "" if by_account else one) for one in chosen}
    rows = [(one, field, mapped[one].get(folded(field.name), ())) for one, field in found]
    if session.json:
        document([_as_json(None if by_account else one, field, links) for one, field, links in rows])
        return exit_code
    if not rows:
        say("No field is known. Name a list with --list ID; the lists: listwarden lists " + connection)
        return exit_code
    table(
        ("list", "field", "label", "takes", "required", "seen by people", "default", "made by", "mapped by"),
        [
            (
                "all lists" if by_account else names.get(one) or one,
                field.name,
                field.label if field.label != field.name else "",
                field.kind + (f": {', '.join(field.choices)}" if field.choices else ""),
                "yes" if field.required else "",
                "yes" if field.public else "no",
                field.default,
                "the platform" if field.system else "",
                ", ".join(links),
            )
            for one, field, links in rows
        ],
    )
    return exit_code


def _as_json(list_id: str | None, field: FieldRow, links: Sequence[str]) -> dict[str, object]:
    return {
        "list": list_id,
        "name": field.name,
        "label": field.label,
        "kind": field.kind,
        "required": field.required,
        "choices": list(field.choices),
        "default": field.default,
        "public": field.public,
        "system": field.system,
        "mapped_by": list(links),
        "seen_at": field.seen_at.isoformat() if field.seen_at else None,
    }
