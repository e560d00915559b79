"""What no log may show (I7, I17, R50)."""

from __future__ import annotations

import io
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.secret import Secret
from console.masking import MASK, MaskingFormatter, Masks, mask_addresses


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("sent to eva@example.org.", "sent to e…@….org"),
        ("<Eva.Muster+list@mail.example.co.uk>, bob@example.ch", "<E…@….uk>, b…@….ch"),
        ("/lists/a6/members/eva%40example.org?x=1", "/lists/a6/members/e…@….org?x=1"),
        ("jürgen@müller.example", "j…@….example"),
        ("eva@localhost", "e…@…"),
        ("@example.org", "…@….org"),
        ("nothing to hide: 12 @ 3 o'clock", "nothing to hide: 12 @ 3 o'clock"),
        ("no address here", "no address here"),
        ("hans/meier=p@mail.example.org", "h…@….org"),
        ("o'brien@example.org, 'eva@example.org'", "o…@….org, 'e…@….org'"),
        ("o'brien%40example.org", "o…@….org"),
        ("hans.meier{x}y@example.org", "h…@….org"),
        ("a!#$%&'*+-/=?^_`{|}~z@example.org", "a…@….org"),
        ('to "hans meier"@example.org: no', 'to "…@….org: no'),
        (r'{"to": "\"hans \\\" meier\"@example.org"}', '{"to": "…@….org"}'),
        (r'"hans\"meier"@example.org', '"…@….org'),
        ("eva%2540example.org eva%252540example.org", "e…@….org e…@….org"),
        ("eva@[192.168.0.1], eva@[IPv6:fe80::1]", "e…@…, e…@…"),
        ("eva＠example.org eva%EF%BC%A0example.org", "e…@….org e…@….org"),
        (r'"eva\uff20example.org" "hans.m\u00fcller@example.org"', '"e…@….org" "h…@….org"'),
        ("eva@mail。example。org", "e…@…"),
        ('{"name": "eva", "rows": 12, "share": "40%"}', '{"name": "eva", "rows": 12, "share": "40%"}'),
        (
            "GET /lists/a6?count=10&since=2024-01-01T00%3A00",
            "GET /lists/a6?count=10&since=2024-01-01T00%3A00",
        ),
    ],
)
def test_I17_addresses_are_cut(text: str, masked: str) -> None:
    assert mask_addresses(text) == masked


ATEXT = st.text("abcXYZ019!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=20)


@given(
    first=st.text("abcXYZ019", min_size=1, max_size=5),
    local=ATEXT,
    before=st.sampled_from(["", "to ", "<", '"']),
)
def test_I17_of_a_valid_local_part_one_letter_is_left(first: str, local: str, before: str) -> None:
    assert mask_addresses(f"{before}{first}{local}@mail.example.org") == f"{before}{first[0]}…@….org"


@pytest.mark.parametrize(
    "piece", ["a", '"', '\\"', "%40", "%25", "'/", '"a ', "@", "[", "@[", "\\u00fc", "\\"]
)
def test_a_long_text_is_masked_in_one_walk(piece: str) -> None:
    long = piece * (20_000 // len(piece)) + " eva@example.org"
    assert mask_addresses(long).endswith("@….org")


LOCAL = st.text(
    st.characters(categories=["Ll", "Lu", "Nd"], include_characters=".+_-"), min_size=2, max_size=20
)


@given(local=LOCAL, domain=LOCAL, before=st.text(max_size=5), at=st.sampled_from(["@", "%40"]))
def test_I17_no_address_is_left_whole(local: str, domain: str, before: str, at: str) -> None:
    address = f"{local}{at}{domain}.example"
    assert address not in mask_addresses(f"{before} {address} {address}")


@given(text=st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = Masks().mask(text)
    assert Masks().mask(once) == once


@given(
    secret=st.text(min_size=4, max_size=30).filter(lambda text: MASK not in text), around=st.text(max_size=20)
)
def test_I07_a_known_secret_is_never_shown(secret: str, around: str) -> None:
    masks = Masks()
    masks.learn([Secret(secret)])
    told = masks.mask(around + secret + around)
    assert secret not in told or secret in Masks().mask(around) or secret in MASK * 3


@pytest.mark.parametrize("secret", ["pass word/ü?&", 'quo"te\\back', "tab\there"])
def test_I07_a_secret_is_known_in_its_other_spellings(secret: str) -> None:
    from json import dumps
    from urllib.parse import quote, quote_plus

    masks = Masks()
    masks.learn([Secret(secret), Secret(secret[:5])])
    for spelling in (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        dumps(secret)[1:-1],
        repr(secret)[1:-1],
    ):
        assert masks.mask(f"a {spelling} b") == f"a {MASK} b"


@pytest.mark.parametrize(
    "text",
    [
        "key 0123456789abcdef0123456789abcdef-us21 was used",
        "https://user:hunter22@example.org/x",
        "Authorization: Basic dXNlcjpodW50ZXIyMg==",
        "authorization: bearer abc.def-ghi",
    ],
)
def test_I07_what_looks_like_a_secret_is_masked_though_nobody_knows_it(text: str) -> None:
    masked = Masks().mask(text)
    assert MASK in masked or "…" in masked
    for part in ("0123456789abcdef", "hunter22", "dXNlcjpodW50ZXIyMg", "abc.def"):
        assert part not in masked


def test_a_short_secret_does_not_blot_out_words() -> None:
    masks = Masks()
    masks.learn([Secret(""), Secret("a")])
    assert masks.mask("a banana") == "a banana"


def test_R50_a_log_record_is_masked_with_its_traceback() -> None:
    masks, stream = Masks(), io.StringIO()
    masks.learn([Secret("canary-secret")])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter(masks))
    logger = logging.getLogger("listwarden.masked")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        raise KeyError("eva@example.org", "canary-secret")
    except KeyError:
        logger.exception("failed for %s with %s", "bob@example.org", Secret("canary-secret").reveal())
    finally:
        logger.removeHandler(handler)
    told = stream.getvalue()
    assert "KeyError" in told
    for text in ("eva@example.org", "bob@example.org", "canary-secret"):
        assert text not in told
