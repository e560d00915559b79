"""R27: addresses that probably reach one mailbox are flagged, and never merged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.aliases import mailbox
from tests.state.lists import Person, lists, member


def test_R27_aliases_are_flagged_and_never_merged(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("eva.moll@gmail.com"), member("tom@example.org"))
    world.source(
        Person("evamoll@gmail.com", "1"),
        Person("e.v.a.moll@googlemail.com", "2"),
        Person("tom+news@example.org", "3"),
        Person("tom@example.org", "4"),
        Person("ida.keller@example.org", "5"),
        Person("idakeller@example.org", "6"),
    )
    assert world.classes() == {
        "evamoll@gmail.com": "new/unknown-at-platform",
        "e.v.a.moll@googlemail.com": "new/unknown-at-platform",
        "eva.moll@gmail.com": "foreign/foreign",
        "tom+news@example.org": "new/unknown-at-platform",
        "tom@example.org": "existing-ignored/in-sync",
        "ida.keller@example.org": "new/unknown-at-platform",
        "idakeller@example.org": "new/unknown-at-platform",
    }
    flagged = {row.address_key: row.note for row in world.rows() if "same mailbox" in row.note}
    assert set(flagged) == {
        "evamoll@gmail.com",
        "e.v.a.moll@googlemail.com",
        "eva.moll@gmail.com",
        "tom+news@example.org",
        "tom@example.org",
    }
    assert "tom@example.org" in flagged["tom+news@example.org"]


@pytest.mark.parametrize(
    ("key", "box"),
    [
        ("e.v.a+x.y@googlemail.com", "eva@gmail.com"),
        ("eva+x@example.org", "eva@example.org"),
        ("e.va@example.org", "e.va@example.org"),
        ("+x@example.org", "+x@example.org"),
        ("no address", "no address"),
    ],
)
def test_the_mailbox_behind_an_address(key: str, box: str) -> None:
    assert mailbox(key) == box


@given(st.from_regex(r"[a-z.+]{1,12}@(gmail\.com|googlemail\.com|example\.org)", fullmatch=True))
def test_a_mailbox_is_its_own(key: str) -> None:
    assert mailbox(mailbox(key)) == mailbox(key)
