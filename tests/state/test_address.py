"""One key for all spellings of an address (R24), and what is a usable address at all."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.address import address_fault, address_key

LOCAL = st.text(alphabet=st.sampled_from("abzABZ019._+-äöüÄÖÜßéè"), min_size=1, max_size=20)
DOMAIN = st.sampled_from(
    ["example.org", "Example.ORG", "xn--bcher-kva.example", "bücher.example", "BÜCHER.example"]
)


@given(LOCAL, DOMAIN, st.sampled_from(["", " ", "\t", "  "]))
def test_R24_case_blanks_and_normal_forms_share_one_key(local: str, domain: str, blank: str) -> None:
    address = f"{local}@{domain}"
    key = address_key(address)
    assert address_key(blank + address + blank) == key
    assert address_key(address.lower()) == key
    assert address_key("".join(one.swapcase() if one.isascii() else one for one in address)) == key
    assert address_key(unicodedata.normalize("NFD", address)) == key
    assert address_key(unicodedata.normalize("NFC", address)) == key
    assert address_key(key) == key


def test_R24_a_domain_in_unicode_and_in_ascii_is_one_domain() -> None:
    assert address_key("Info@BÜCHER.example") == address_key("info@xn--bcher-kva.example")


def test_R24_different_people_keep_different_keys() -> None:
    assert address_key("eva@example.org") != address_key("eva+news@example.org")
    assert address_key("e.va@example.org") != address_key("eva@example.org")


@pytest.mark.parametrize("text", ["", "  ", "\t"])
def test_no_text_is_no_address(text: str) -> None:
    assert address_fault(text) == "address-missing"


@pytest.mark.parametrize(
    "text",
    [
        *("n/a", "eva", "eva@", "@example.org", "eva@example", "eva@@example.org", "eva example@example.org"),
        *("eva@example..org", "eva.@example.org", "eva@-example.org", "eva@exam_ple.org", "a@b.c;d@e.org"),
        *("eva@example.org\x1b[2J", "eva@exam ple.org", "<eva@example.org>", "x" * 250 + "@example.org"),
    ],
)
def test_unusable_addresses(text: str) -> None:
    assert address_fault(text) == "address-malformed"


@pytest.mark.parametrize(
    "text",
    [
        *("eva@example.org", " Eva.Muster@Example.ORG ", "eva+news@sub.example.org", "o'neil@example.org"),
        *("jürg@example.org", "eva@bücher.example", "x@a.example", "a_b-c@example.org"),
    ],
)
def test_usable_addresses(text: str) -> None:
    assert address_fault(text) is None


@given(LOCAL, DOMAIN)
def test_the_quick_pattern_never_lets_through_what_the_validator_refuses(local: str, domain: str) -> None:
    from email_validator import EmailNotValidError, validate_email

    text = f"{local}@{domain}"
    if address_fault(text) is None:
        try:
            validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError as error:
            raise AssertionError(f"{text!r} passed: {error}") from error
