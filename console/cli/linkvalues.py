"""A link's keys as the command line gives them: mapping, ways, policies for blanks, and the columns of a new file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from console.cli.connections import pairs
from console.cli.failure import CommandRefused
from console.cli.output import narrate
from console.cli.session import Session
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from console.settings import Settings
    from state.model import Blank, FieldMapping, Link

_KEYS = {"email": "the address", "id": "the person's id", "opted_out": "“wants no mail”"}


def given_values(
    mode: str | None,
    consent: str | None,
    consent_column: str | None,
    address_change: str | None,
    every: str | None,
) -> dict[str, object]:
    """The plain keys that were given."""
    given = {
        "mode": mode,
        "consent": consent,
        "consent_column": consent_column,
        "address_change": address_change,
        "every": every,
    }
    return {key: value for key, value in given.items() if value is not None}


def given_rules(
    conflict: str | None, create_contacts: bool | None, force_update: str | None
) -> dict[str, object]:
    """The keys of two-way mapping that were given."""
    given = {"conflict": conflict, "create_contacts": create_contacts, "force_update": force_update}
    return {key: value for key, value in given.items() if value is not None}


def given_mapping(given: Sequence[str]) -> tuple[FieldMapping, ...]:
    """``--field FIELD=COLUMN+COLUMN`` as mappings, in their order."""
    from state.model import FieldMapping

    return tuple(
        FieldMapping(target, tuple(column.strip() for column in columns.split("+")))
        for target, columns in pairs(given, "--field").items()
    )


def kept(mappings: Sequence[FieldMapping], link: Link) -> tuple[FieldMapping, ...]:
    """A new mapping with the way and the policy that a field of the same name and columns had."""
    from dataclasses import replace

    before = {(one.target, one.columns): one for one in link.fields}
    blanks = {one.target: one.blank for one in link.fields}
    return tuple(
        before.get((one.target, one.columns)) or replace(one, blank=blanks.get(one.target, one.blank))
        for one in mappings
    )


def shaped(
    mappings: Sequence[FieldMapping],
    two_way: Sequence[str] | None,
    one_way: Sequence[str] | None,
    blank: Sequence[str] | None,
) -> tuple[tuple[FieldMapping, ...], Blank | None]:
    """The mapping with ways and policies for blanks; and the policy given for all fields, if one was."""
    from dataclasses import replace

    names = {one.target.casefold(): one.target for one in mappings}
    for name in (*(two_way or ()), *(one_way or ())):
        if name.casefold() not in names:
            raise _not_mapped(name, mappings)
    ways = {name.casefold(): True for name in two_way or ()}
    ways |= {name.casefold(): False for name in one_way or ()}
    policy, own = _policies(blank, mappings)
    shaped = tuple(
        replace(
            one,
            two_way=ways.get(one.target.casefold(), one.two_way),
            blank=own.get(one.target.casefold(), policy or one.blank),
        )
        for one in mappings
    )
    return shaped, policy


def _policies(
    given: Sequence[str] | None, mappings: Sequence[FieldMapping]
) -> tuple[Blank | None, dict[str, Blank]]:
    from state.model import Blank

    policy: Blank | None = None
    own: dict[str, Blank] = {}
    for text in given or ():
        name, equals, word = text.rpartition("=")
        try:
            blank = Blank(word.strip())
        except ValueError:
            words = ", ".join(one.value for one in Blank)
            raise CommandRefused("usage", f"--blank takes no {word!r}.", f"Words: {words}.") from None
        if not equals:
            policy = blank
        elif name.strip().casefold() not in {one.target.casefold() for one in mappings}:
            raise _not_mapped(name.strip(), mappings)
        else:
            own[name.strip().casefold()] = blank
    return policy, own


def _not_mapped(name: str, mappings: Sequence[FieldMapping]) -> CommandRefused:
    known = ", ".join(one.target for one in mappings) or "none"
    return CommandRefused(
        "usage", f"The link does not map {name}.", f"It maps: {known}. Map it with --field {name}=COLUMN."
    )


def refuse_system_list(session: Session, connection: str, list_id: str) -> None:
    """A list of the platform's own is never linked; what was never read is seen by the preview."""
    from console.system_lists import system_word
    from state.connections import list_rows

    if not session.state_path.exists():
        return
    with session.reading() as state:
        row = next((row for row in list_rows(state, connection) if row.list_id == list_id), None)
    if row is not None and row.system:
        word = system_word(session.settings.connection(connection).provider)
        raise CommandRefused(
            "list-not-linkable",
            f"{row.name or list_id} is a {word}, the platform's own: nothing can be linked to it.",
            f"See: listwarden lists {connection}",
            exit_code=ExitCode.CONFIGURATION,
        )


def source_of(
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


def default_fields(settings: Settings, connection: str, source: str) -> tuple[FieldMapping, ...]:
    """First and last name by the platform's own fields, where the source surely has them (data economy, law 8)."""
    from adapters.registry import provider_kind
    from console.jobs.shape import proposed_fields, source_shape
    from state.model import FieldMapping

    names = provider_kind(settings.connection(connection).provider).name_fields
    proposed = proposed_fields(names, source_shape(settings, source).columns)
    if proposed:
        told = ", ".join(f"{target} from {' + '.join(columns)}" for target, columns in proposed.items())
        narrate(f"Mapped by the names of the columns: {told}. Say otherwise with --field.")
    return tuple(FieldMapping(target, columns) for target, columns in proposed.items())
