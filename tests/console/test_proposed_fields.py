"""What a new link maps by itself: names only, and only by columns that surely hold them."""

from __future__ import annotations

import pytest

from adapters import registry
from console.jobs.shape import proposed_fields

ALL = {"FIRSTNAME": ("first",), "LASTNAME": ("last",), "FULLNAME": ("first", "last")}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (
            ("Vorname", "Nachname", "birthday"),
            {"FIRSTNAME": ("Vorname",), "LASTNAME": ("Nachname",), "FULLNAME": ("Vorname", "Nachname")},
        ),
        (("firstName",), {"FIRSTNAME": ("firstName",)}),
        (("prénom", "prenom", "nom"), {"LASTNAME": ("nom",)}),
        (("email", "phone", "income"), {}),
    ],
)
def test_only_names_are_mapped_without_asking(
    columns: tuple[str, ...], found: dict[str, tuple[str, ...]]
) -> None:
    assert proposed_fields(ALL, columns) == found


@pytest.mark.parametrize("name", sorted(registry.PROVIDERS))
def test_every_platform_says_which_fields_are_names(name: str) -> None:
    fields = registry.provider_kind(name).name_fields
    assert fields
    assert {part for parts in fields.values() for part in parts} == {"first", "last"}
