"""What a mapping must satisfy before anything is compared: fields that exist, of a kind that fits, ways back that lead
somewhere.

Invariant: what the platform or the source would refuse of every row alike is told once, before the first write (R31).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from adapters.provider import NotThere, Provider, RemoteField
from state.compare import FieldRules
from state.model import Guard, Link

TEXT_KINDS = frozenset({"text", "string"})
"""Kinds of fields that take any text, in lower case: Mailchimp's ``text`` (contract §9), dotdigital's ``String`` (§7)."""


def field_rules(link: Link, fields: tuple[RemoteField, ...], provider: Provider) -> FieldRules:
    """What the list demands of the mapped fields.

    Raises ``NotThere``: field-missing, or field-type where several columns are joined into a field that is no text.
    """
    by_name = {one.name: one for one in fields}
    missing = [mapping.target for mapping in link.fields if mapping.target not in by_name]
    if missing:
        raise NotThere(
            "field-missing",
            f"Link {link.name} maps {', '.join(missing)}, which the list does not have. It has: {', '.join(by_name) or 'none'}.",
            "Create the field at the platform, or correct the link's fields.",
        )
    joined = [
        by_name[mapping.target]
        for mapping in link.fields
        if len(mapping.columns) > 1 and by_name[mapping.target].kind.lower() not in TEXT_KINDS
    ]
    if joined:
        told = ", ".join(f"{one.name} (of the type {one.kind})" for one in joined)
        raise NotThere(
            "field-type",
            f"Link {link.name} joins several columns into {told}. Joined values are text.",
            f"Map one column, or a text field, in [links.{link.name}] fields.",
        )
    stored: dict[str, Callable[[str], str]] = {
        mapping.target: partial(provider.stored, by_name[mapping.target]) for mapping in link.fields
    }
    required = frozenset(
        mapping.target
        for mapping in link.fields
        if by_name[mapping.target].required and not by_name[mapping.target].default
    )
    return FieldRules(link.fields, required, stored, link.conflict)


def check_ways_back(link: Link, computed: Collection[str]) -> None:
    """Refuse two-way fields over columns that the source computes: ``NotThere`` source-field-computed."""
    bad = [
        f"{mapping.target} (column {column})"
        for mapping in link.fields
        for column in mapping.columns
        if mapping.two_way and column in computed
    ]
    if bad:
        raise NotThere(
            "source-field-computed",
            f"Link {link.name} maps two-way what the source {link.source} computes by itself: {', '.join(bad)}.",
            f"Take two_way away from them in [links.{link.name}] fields.",
        )


def unmapped_guards(link: Link, fields: tuple[RemoteField, ...]) -> tuple[Guard, ...]:
    """A required field nobody maps would have every addition refused: it stops additions, and says so now (R31)."""
    mapped = {mapping.target for mapping in link.fields}
    unmapped = [one.name for one in fields if one.required and not one.default and one.name not in mapped]
    if not unmapped:
        return ()
    return (
        Guard(
            "required-field-unmapped",
            f"the list requires {', '.join(unmapped)}, which the link does not map",
            len(unmapped),
            0,
            "Map it in the link's fields, or make it optional at the platform.",
        ),
    )
