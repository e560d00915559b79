"""What can be chosen for a link, in words, and how the choices are written into the settings.

Invariant: nothing is preselected that would send more than the address and the names (data economy, law 8), and an
edit only names what differs from the link as it is, so that everything else in the file stays as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.settings import fields_value
from state.fields import FieldRow
from state.model import AddressChange, Conflict, FieldMapping, ForceUpdate, Link, Mode

MODES = (
    ("add only: adds new people, changes nobody", Mode.ADD_ONLY.value),
    ("update: also sends changed fields of people who are there", Mode.UPDATE.value),
    ("mirror: also removes people we added who left the source", Mode.MIRROR.value),
)
ADDRESS_CHANGES = (
    ("ask: show it, send nothing", AddressChange.ASK.value),
    ("move: change the address, keep the record and its consent", AddressChange.MOVE.value),
    ("new-consent: the person has to agree again", AddressChange.NEW_CONSENT.value),
)
CONFLICTS = (
    ("ask: show both, send neither", Conflict.ASK.value),
    ("source: its value goes to the platform", Conflict.SOURCE.value),
    ("platform: its value goes back to the source", Conflict.PLATFORM.value),
)
CREATES = (
    ("no: people only the list has stay listed", "no"),
    ("yes: create them in the source", "yes"),
)
FORCE_UPDATES = (
    ("computed: where a computed column is mapped", ForceUpdate.COMPUTED.value),
    ("all: every record", ForceUpdate.ALL.value),
    ("none: only what was seen to change", ForceUpdate.NONE.value),
)


@dataclass(slots=True, frozen=True)
class Choices:
    """What a person chose, beside the mapping; the texts are those of the settings."""

    mode: str
    consent: str
    consent_column: str
    address_change: str
    conflict: str
    create_contacts: bool
    force_update: str
    every: str


def new_link(
    source: str, connection: str, list_id: str, choices: Choices, mappings: Sequence[FieldMapping]
) -> dict[str, object]:
    """The keys of a new link; what is the default anyway is left out, but the mode."""
    values: dict[str, object] = {
        "source": source,
        "connection": connection,
        "list": list_id,
        "mode": choices.mode,
    }
    for key in ("consent", "consent_column", "every"):
        if text := getattr(choices, key):
            values[key] = text
    if mappings:
        values["fields"] = fields_value(mappings)
    if choices.address_change != AddressChange.ASK.value:
        values["address_change"] = choices.address_change
    if choices.conflict != Conflict.ASK.value:
        values["conflict"] = choices.conflict
    if choices.create_contacts:
        values["create_contacts"] = True
    if choices.force_update != ForceUpdate.COMPUTED.value:
        values["force_update"] = choices.force_update
    return values


def changed_link(link: Link, choices: Choices, mappings: Sequence[FieldMapping]) -> dict[str, object]:
    """What an edit changes; None takes a key out. The policy for blanks then stands with each field."""
    before: Mapping[str, object] = {
        "mode": link.mode.value,
        "consent": link.consent,
        "consent_column": link.consent_column,
        "address_change": link.address_change.value,
        "conflict": link.conflict.value,
        "create_contacts": link.create_contacts,
        "force_update": link.force_update.value,
        "every": link.every,
    }
    changes: dict[str, object] = {}
    for key, value in before.items():
        chosen = getattr(choices, key)
        if chosen != value:
            changes[key] = None if chosen == "" else chosen
    if tuple(mappings) != link.fields:
        changes["fields"] = fields_value(mappings) or None
        changes["blank"] = None
    return changes


@dataclass(slots=True, frozen=True)
class Target:
    """One line of the mapping: a field of the list, or one the link maps and the list does not have (any more)."""

    name: str
    label: str
    about: str
    present: FieldMapping | None = None


def targets_of(remote: Sequence[FieldRow], mapped: Sequence[FieldMapping]) -> list[Target]:
    """The fields of a list in the platform's order, each with what fills it; then what is mapped in vain.

    Names are compared without letter case, as some platforms do; the link's own spelling is kept.
    """
    left = {one.target.casefold(): one for one in mapped}
    found = []
    for field in remote:
        present = left.pop(field.name.casefold(), None)
        name = present.target if present is not None else field.name
        label = field.name if field.label in ("", field.name) else f"{field.label} ({field.name})"
        found.append(Target(name, label, _about(field), present))
    found += [
        Target(
            one.target, one.target, "The list does not have this field (any more). Leave – to drop it.", one
        )
        for one in left.values()
    ]
    return found


def in_order(mappings: Sequence[FieldMapping], link: Link | None) -> tuple[FieldMapping, ...]:
    """The mappings in the link's own order, new ones behind: an edit that changes nothing is none."""
    place = {one.target: at for at, one in enumerate(link.fields)} if link is not None else {}
    return tuple(sorted(mappings, key=lambda one: place.get(one.target, len(place))))


def _about(remote: FieldRow) -> str:
    words = [remote.kind]
    if remote.required:
        words.append("the list requires it")
    if remote.choices:
        words.append("one of " + ", ".join(remote.choices[:6]))
    if remote.default:
        words.append(f"else the platform writes “{remote.default}”")
    return "; ".join(words) + ". Leave – to send nothing."


def slug(text: str) -> str:
    """A name for commands, made of what something is called."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_]+", "-", letters).strip("-").lower()
    return plain[:63]
