"""The fields of the link form, beside the mapping: which list, which source, under which rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from console.tui.link_choices import ADDRESS_CHANGES, CONFLICTS, CREATES, FORCE_UPDATES, MODES, slug
from console.tui.overview import ListView
from console.tui.widgets.form import Field, choice_field, text_field
from state.model import Link

if TYPE_CHECKING:
    from console.settings import Settings

NEW_CSV = "\x00csv"
"""Stands for “a new CSV file” among the names of sources (no name has this letter)."""

NEW_LIST = "\x00list"
"""Stands for “a new list” among the ids of lists."""

NEW_SOURCE_KEYS = (
    ("email", "Column: address", "Where the e-mail address stands."),
    ("id", "Column: id", "The person's own id; with it a changed address is seen as such."),
    (
        "opted_out",
        "Column: wants no mail",
        "A yes there means: never added, and unsubscribed if on the list.",
    ),
)
"""What a new source needs to know of its columns; guessed by their names, and shown."""


def list_fields(chosen: ListView | None, choices: Sequence[ListView], *, creates: bool) -> Iterable[Field]:
    """The picker: lists that can be linked, and a new one where the platform lets us make it."""
    words = [(f"{view.name or view.list_id}  {view.list_id}", view.list_id) for view in choices]
    if creates:
        words.append(("a new list …", NEW_LIST))
    yield choice_field(
        "list",
        "List",
        words,
        "Lists of the platform's own and lists that are linked already are not offered.",
        value=chosen.list_id if chosen is not None else NEW_LIST,
        required=True,
    )
    yield text_field("new_name", "Name of the new list", "As people at the platform will see it.")
    yield visibility_field("new_public")


def visibility_field(key: str) -> Field:
    """Who may see a new list."""
    return choice_field(
        key,
        "Who may see it",
        (("nobody: people are put on it", "private"), ("the public: people may choose it", "public")),
        value="private",
        required=True,
    )


def source_fields(settings: Settings) -> Iterable[Field]:
    """A source of the settings, or a new file and its columns."""
    sources = [(f"{name} ({entry.kind})", name) for name, entry in settings.sources.items()]
    yield choice_field(
        "source",
        "Source",
        [*sources, ("a new CSV file …", NEW_CSV)],
        "Where the people come from.",
        value=sources[0][1] if sources else NEW_CSV,
        required=True,
    )
    yield text_field(
        "path", "File", "The CSV file, then enter; a relative path starts at the settings' folder."
    )
    for key, label, help_ in NEW_SOURCE_KEYS:
        yield choice_field(key, label, (), help_)


def fixed_source(settings: Settings, link: Link) -> Field:
    """The source of a link there is: shown, not chosen."""
    entry = settings.sources.get(link.source)
    words = f"{link.source} ({entry.kind})" if entry is not None else link.source
    field = choice_field(
        "source",
        "Source",
        [(words, link.source)],
        "To take another source or list, disconnect and connect again.",
        value=link.source,
        required=True,
    )
    field.disabled = True
    return field


def name_field(chosen: ListView | None) -> Field:
    """What commands will call the link."""
    return text_field(
        "name",
        "Name of the link",
        "Used in commands: letters, digits, - and _.",
        value=slug((chosen.name or chosen.list_id) if chosen is not None else ""),
        required=True,
    )


def rule_fields(link: Link) -> Iterable[Field]:
    """Mode, consent, and what happens when both sides have something to say."""
    yield choice_field("mode", "Mode", MODES, value=link.mode.value, required=True)
    yield text_field(
        "consent",
        "Basis of consent",
        "Why these people may be mailed; written with every addition. Such as: membership form 2024.",
        value=link.consent,
    )
    column = [(link.consent_column, link.consent_column)] if link.consent_column else []
    yield choice_field(
        "consent_column",
        "… or a column with it",
        column,
        "A person whose cell is empty is not added.",
        value=link.consent_column,
    )
    yield choice_field(
        "address_change",
        "When an address changes",
        ADDRESS_CHANGES,
        value=link.address_change.value,
        required=True,
    )
    yield choice_field(
        "conflict",
        "When both sides changed a two-way field",
        CONFLICTS,
        "Since they last agreed; a change on one side only needs no rule.",
        value=link.conflict.value,
        required=True,
    )
    yield choice_field(
        "create_contacts",
        "People only the list has",
        CREATES,
        "Created only when two-way fields fill all that the source requires.",
        value="yes" if link.create_contacts else "no",
        required=True,
    )
    yield choice_field(
        "force_update",
        "Sent once a day although no change was seen",
        FORCE_UPDATES,
        value=link.force_update.value,
        required=True,
    )
    yield text_field(
        "every", "Schedule", "Such as 12h, or a cron line; empty: by hand only.", value=link.every
    )
