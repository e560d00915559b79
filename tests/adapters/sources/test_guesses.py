"""What a word in an opt-out column means, and which column holds the addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.columns import (
    email_columns,
    id_columns,
    looks_like_address,
    name_columns,
    nearest_column,
    opt_out_columns,
)
from adapters.sources.optout import NO_WORDS, YES_WORDS, is_clear, means_yes


@pytest.mark.parametrize(
    "text", ["1", "true", "TRUE", "Yes", "ja", " JA ", "oui", "x", "X", "si", "wahr", "y", "Sì", "✓"]
)
def test_a_clear_yes(text: str) -> None:
    assert means_yes(text)
    assert is_clear(text)


@pytest.mark.parametrize(
    "text", ["", " ", "0", "false", "FALSE", "No", "nein", "NON", "n", "falsch", "FALSCH", "-"]
)
def test_a_clear_no(text: str) -> None:
    assert not means_yes(text)
    assert is_clear(text)


@pytest.mark.parametrize(
    "text", ["2024-05-01", "maybe", "nope", "?", "00", "-1", "0.0", "n/a", "null", "Nein!"]
)
def test_an_unclear_word_counts_as_opted_out_and_is_shown(text: str) -> None:
    assert means_yes(text)
    assert not is_clear(text)


@given(st.text())
def test_only_a_clear_no_is_a_no(text: str) -> None:
    assert means_yes(text) or text.strip().casefold() in NO_WORDS
    assert not YES_WORDS & NO_WORDS


def test_the_address_column_is_told_by_content_and_name() -> None:
    rows = [("1", "Eva", "eva@x.org", "office@firm.org"), ("2", "Max", "max@x.org", ""), ("3", "Ida", "", "")]
    assert email_columns(("id", "name", "E-Mail", "second_mail"), rows) == ("E-Mail", "second_mail")
    assert email_columns(("id", "name", "kontakt", "x"), rows) == ("kontakt", "x")
    assert email_columns(("id", "name", "x", "mail"), rows)[0] == "mail"


@pytest.mark.parametrize(
    "name", ["email", "E-Mail", "e_mail", "Mail", "E-Mail-Adresse", "Adresse e-mail", "courriel"]
)
def test_a_column_without_values_is_told_by_its_name(name: str) -> None:
    assert email_columns(("id", name), []) == (name,)


def test_a_postal_address_or_an_opt_out_column_is_none() -> None:
    rows = [("Hauptstrasse 1, Bern", "no"), ("Dorfweg 2, Chur", "yes")]
    assert email_columns(("adresse", "mail_opt_out"), rows) == ()
    assert email_columns(("adresse", "name"), []) == ()


def test_a_column_half_full_of_other_things_is_none() -> None:
    assert email_columns(("mail",), [("eva@x.org",), ("none",), ("-",)]) == ()


def test_nearest_column() -> None:
    assert nearest_column("E-Mail", ("id", "e-mail", "name")) == "e-mail"
    assert nearest_column("zzz", ("id", "")) == ""


@pytest.mark.parametrize(
    ("text", "is_one"), [("eva@x.org", True), (" eva@x.org ", True), ("eva@x", False), ("@", False)]
)
def test_a_coarse_look_at_an_address(text: str, is_one: bool) -> None:
    assert looks_like_address(text) is is_one


@pytest.mark.parametrize(
    "name",
    [
        *(
            "newsletter_no",
            "opt_out",
            "Opted-Out",
            "abgemeldet",
            "Kein Newsletter",
            "unsubscribed",
            "no_mail",
        ),
        *("désinscrit", "Newsletter: nein", "do_not_mail", "Werbung gesperrt"),
    ],
)
def test_a_column_whose_yes_means_no_mail_is_offered(name: str) -> None:
    assert opt_out_columns(["id", name, "email"]) == (name,)


@pytest.mark.parametrize(
    "name",
    ["newsletter", "Newsletter ja", "opt_in", "subscribed", "notes", "Anmeldung", "nominee", "postcode"],
)
def test_a_column_that_may_mean_the_opposite_is_not(name: str) -> None:
    assert opt_out_columns([name]) == ()


def test_an_id_tells_the_rows_apart() -> None:
    columns = ["person_id", "email", "Mitglieder-Nr."]
    rows = [["1", "a@example.org", "x"], ["2", "b@example.org", "x"]]
    assert id_columns(columns, rows) == ("person_id",)
    assert id_columns(["id"], [["1"], [""]]) == (), "an id that is missing is none"
    assert id_columns(["id"], []) == ("id",)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (("first_name", "last_name"), {"first": "first_name", "last": "last_name"}),
        (("firstName", "lastName"), {"first": "firstName", "last": "lastName"}),
        (("Vorname", "Nachname"), {"first": "Vorname", "last": "Nachname"}),
        (("prénom", "nom"), {"first": "prénom", "last": "nom"}),
        (("First Name", "first_name", "surname"), {"last": "surname"}),
        (("birthday", "e-mail"), {}),
        ((), {}),
    ],
)
def test_names_are_guessed_only_where_nothing_is_in_doubt(
    columns: tuple[str, ...], found: dict[str, str]
) -> None:
    assert name_columns(columns) == found
