"""What merge fields make of values: cut, refused or taken as they are (R31, R34)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mailchimp.mapping import remote_field, text_of
from adapters.mailchimp.values import FIELD_TYPES, stored
from adapters.provider import RemoteField


def field(kind: str, **more: object) -> RemoteField:
    return RemoteField("F", "Field", kind, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kept"), [("x" * 254, 254), ("x" * 255, 255), ("x" * 256, 255), ("x" * 9999, 255)]
)
def test_R34_text_is_cut_at_255_bytes(value: str, kept: int) -> None:
    assert stored(field("text"), value) == value[:kept]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400))
def test_R34_the_cut_is_in_bytes_and_never_inside_a_character(value: str) -> None:
    made = stored(field("text"), value)
    if value.strip():
        assert value.startswith(made)
        assert len(made.encode()) <= 255
        assert made == value or len(value[: len(made) + 1].encode()) > 255
        assert stored(field("text"), made) in (made, "")


@pytest.mark.parametrize("value", ["é" * 127 + "x", "é" * 128, "𝔼" * 64])
def test_R34_umlauts_count_twice(value: str) -> None:
    made = stored(field("text"), value)
    assert (made == value) is (len(value.encode()) <= 255)


GOOD = [
    ("number", "7", "7"),
    ("number", " 7.50 ", "7.5"),
    ("number", "-3.0", "-3"),
    ("date", "2026-02-28", "2026-02-28"),
    ("birthday", "02/29", "02/29"),
    ("zip", "90210", "90210"),
    ("phone", "+41 31 000 00 00", "+41 31 000 00 00"),
    ("url", "https://example.org/x?y=1", "https://example.org/x?y=1"),
    ("imageurl", "http://example.org/x.png", "http://example.org/x.png"),
    ("a type of next year", "anything", "anything"),
]
BAD = [
    ("number", "sieben"),
    ("number", "1e5"),
    ("number", "NaN"),
    ("number", "1'000"),
    ("date", "28.02.2026"),
    ("date", "2026-02-30"),
    ("date", "20260228"),
    ("birthday", "02/30"),
    ("birthday", "13/01"),
    ("birthday", "1990-05-17"),
    ("zip", "3000"),
    ("url", "example.org"),
    ("url", "javascript:alert(1)"),
    ("url", "https://exa mple.org"),
    ("imageurl", "ftp://example.org/x.png"),
    ("address", "Weg 1, 3000 Bern"),
    ("address", '{"addr1":"Weg 1","city":"Bern","state":"BE"}'),
    ("address", '{"addr1":"Weg 1","city":"Bern","state":"BE","zip":" "}'),
    ("address", '{"addr1":"Weg 1","city":"Bern","state":"BE","zip":3000}'),
    ("address", '{"addr1":"a","city":"b","state":"c","zip":"d","planet":"e"}'),
    ("address", "[" * 100_000),
]


@pytest.mark.parametrize(("kind", "value", "expected"), GOOD)
def test_a_good_value_is_stored_and_stays_what_it_is(kind: str, value: str, expected: str) -> None:
    assert stored(field(kind), value) == expected
    assert stored(field(kind), expected) == expected


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_a_value_the_platform_would_refuse_is_said_in_a_sentence(kind: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"^F (takes|needs) "):
        stored(field(kind), value)


def test_a_choice_must_be_one_of_them_to_the_letter() -> None:
    gender = field("dropdown", choices=("m", "w"))
    assert stored(gender, "w") == "w"
    for value in ("W", "z", " w"):
        with pytest.raises(ValueError, match="one of m, w"):
            stored(gender, value)
    with pytest.raises(ValueError, match="F takes one of"):
        stored(field("radio", choices=("a",)), "b")


def test_an_address_is_compared_in_one_form() -> None:
    one = '{"zip":"3000","city":"Bern","addr1":"Weg 1","state":"BE"}'
    shown = text_of({"addr1": "Weg 1", "city": "Bern", "state": "BE", "zip": "3000"})
    assert stored(field("address"), one) == shown


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_R31_an_empty_value_of_a_required_field_is_refused_before_it_is_sent(kind: str) -> None:
    for value in ("", "   "):
        assert stored(field(kind), value) == ""
        with pytest.raises(ValueError, match="required"):
            stored(field(kind, required=True), value)


@given(st.sampled_from(FIELD_TYPES), st.text(max_size=80))
def test_any_text_is_stored_or_refused_in_words(kind: str, value: str) -> None:
    said = ""
    try:
        made = stored(field(kind, choices=("a", "b")), value)
    except ValueError as error:
        made, said = "", str(error)
    assert not said or said.startswith("F ")
    assert len(made.encode("utf-8", "replace")) <= 255 or kind == "address"


def test_R31_a_merge_field_shows_what_it_asks_for() -> None:
    row = {
        "merge_id": 5,
        "tag": "GENDER",
        "name": "Geschlecht",
        "type": "dropdown",
        "required": True,
        "default_value": "",
        "public": False,
        "options": {"choices": ["m", "w"]},
    }
    assert remote_field(row) == RemoteField(
        "GENDER", "Geschlecht", "dropdown", required=True, choices=("m", "w"), field_id="5"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [("x", "x"), (None, ""), (7, "7"), (7.0, "7"), (7.5, "7.5"), (True, "true"), (["a"], "['a']")],
)
def test_a_value_of_the_vendor_as_text(value: object, text: str) -> None:
    assert text_of(value) == text
