"""Places as a person writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.tui.places import HOME, Place, PlaceKind, PlaceUnknown, parse_place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", HOME),
        ("link:members-news/preview", Place(PlaceKind.LINK, "members-news", "preview")),
        ("link:members-news", Place(PlaceKind.LINK, "members-news", "preview")),
        ("link:members-news/contacts", Place(PlaceKind.LINK, "members-news", "contacts")),
        ("connection:verband", Place(PlaceKind.CONNECTION, "verband", "lists")),
        ("address:a/b@example.org", Place(PlaceKind.ADDRESS, "a/b@example.org")),
        ("address:Eva:x@example.org", Place(PlaceKind.ADDRESS, "Eva:x@example.org")),
        ("job:01J", Place(PlaceKind.JOB, "01J")),
        ("jobs", Place(PlaceKind.JOBS)),
        (" Contacts ", Place(PlaceKind.CONTACTS)),
    ],
)
def test_a_place_is_understood(text: str, place: Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize(
    "text", ["nowhere", "link:", "link:a/b", "jobs:1", ":", "connection:/lists", "link:/preview"]
)
def test_an_unknown_place_says_what_is_understood(text: str) -> None:
    with pytest.raises(PlaceUnknown) as caught:
        parse_place(text)
    assert caught.value.text
    assert "link:NAME/preview" in caught.value.next


@given(st.text(max_size=30))
def test_parsing_never_fails_otherwise(text: str) -> None:
    try:
        place = parse_place(text)
    except PlaceUnknown:
        return
    assert parse_place(str(place) if place.name else place.kind.value.replace("home", "")) == place
