"""Values between the CRM's JSON and a source's text: nothing changes on the way there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.oro.documents import as_text, as_value

_NUMBERS = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.none() | st.booleans() | _NUMBERS | st.text())
def test_a_value_comes_back_as_it_was(value: str | int | float | bool | None) -> None:
    back = as_value(as_text(value), value)
    assert back == (None if value == "" else value)
    assert isinstance(back, bool) == isinstance(value, bool)


@given(st.text())
def test_text_stays_text_whatever_it_looks_like(text: str) -> None:
    assert as_value(text, "before") == (text or None)
    assert as_value(text, None) == (text or None)


@pytest.mark.parametrize(
    ("text", "present"), [("x", 3), ("nan", 3.5), ("inf", 1), ("1e999", 1), ("yes", True), ("", False)]
)
def test_what_is_of_another_kind_is_refused(text: str, present: float | bool) -> None:
    with pytest.raises(ValueError, match="“"):
        as_value(text, present)
