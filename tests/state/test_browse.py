"""The state browser's windows, against plain Python over the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

import state.browse as state_browse
from state.browse import AddressRow, AddressWindow, browse_scopes
from state.model import Consent
from state.store import State, open_state

NAMES = ("a", "ab", "abc", "b", "ba", "x", "xy", "zoë")
KEYS = st.sampled_from([f"{name}{number}@example.org" for name in NAMES for number in range(4)])
MEMBERS = st.dictionaries(KEYS, st.sampled_from(list(Consent)), max_size=25)
CONTACTS = st.lists(st.tuples(KEYS, st.sampled_from(["1", "2", "3"])), max_size=25, unique=True)


def fill(state: State, link: str, members: dict[str, Consent], contacts: Sequence[tuple[str, str]]) -> None:
    """Rows as they lie in the tables; how they get there is the business of other tests."""
    with state.write() as db:
        db.execute("INSERT INTO lists (connection, list_id) VALUES ('c', ?)", (link,))
        number = db.execute("SELECT max(no) FROM lists").fetchone()[0]
        db.execute("INSERT INTO links (name, list_no, source) VALUES (?, ?, 's')", (link, number))
        link_no = db.execute("SELECT max(no) FROM links").fetchone()[0]
        db.executemany(
            "INSERT INTO members (list_no, address_key, origin_id, person_id, consent, raw_status, mapped, changed_at,"
            " since, detail) VALUES (?, ?, ?, '', ?, ?, '', '', '', '')",
            [(number, key, f"o-{key}", consent.value, consent.value) for key, consent in members.items()],
        )
        db.executemany(
            "INSERT INTO contacts (link_no, address_key, source_id, copy, mapped, opted_out) VALUES (?, ?, ?, 1, '', 0)",
            [(link_no, key, source_id) for key, source_id in contacts],
        )


def everything(state: State, window: AddressWindow, page: int = 7) -> list[AddressRow]:
    """All rows of a window, page by page, from the last page to the first."""
    while not window.count(state).exact:
        pass
    rows = window.count(state).rows
    found: list[AddressRow] = []
    for first in reversed(range(0, rows, page)):
        found = window.rows(state, first, page) + found
    return found


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as state:
        yield state


@given(
    one=MEMBERS,
    two=MEMBERS,
    people=CONTACTS,
    others=CONTACTS,
    text=st.sampled_from(["", "^a", "^ab", "b", "1@", "^", "nobody", "ZOË", "%", "_"]),
    consent=st.sampled_from([None, *Consent]),
    descending=st.booleans(),
    links=st.sampled_from([None, ["one"], ["two"], ["one", "two"]]),
)
def test_a_window_shows_what_plain_python_would(
    tmp_path_factory: pytest.TempPathFactory,
    one: dict[str, Consent],
    two: dict[str, Consent],
    people: list[tuple[str, str]],
    others: list[tuple[str, str]],
    text: str,
    consent: Consent | None,
    descending: bool,
    links: list[str] | None,
) -> None:
    data = {"one": (one, people), "two": (two, others)}
    chosen = sorted(links or data)
    keys = {key for link in chosen for key in data[link][0]}
    if consent is not None:
        keys = {key for link in chosen for key, found in data[link][0].items() if found is consent}
    else:
        keys |= {key for link in chosen for key, _ in data[link][1]}
    wanted = text.lower()
    keys = {key for key in keys if (key.startswith(wanted[1:]) if wanted.startswith("^") else wanted in key)}
    with (
        open_state(tmp_path_factory.mktemp("browse") / "state.db") as state,
        patch.object(state_browse, "ANCHOR_ROWS", 4),
        patch.object(state_browse, "SLICE_ROWS", 5),
    ):
        for link, (members, contacts) in data.items():
            fill(state, link, members, contacts)
        window = AddressWindow(browse_scopes(state, links), text=text, consent=consent, descending=descending)
        found = everything(state, window)
    assert [row.address_key for row in found] == sorted(keys, reverse=descending)
    for row in found:
        for at in row.at:
            members, contacts = data[at.link]
            assert at.consent is members.get(row.address_key)
            assert set(at.source_ids) == {source for key, source in contacts if key == row.address_key}
            assert at.in_source == any(key == row.address_key for key, _ in contacts)


def test_the_address_is_shown_as_written(empty: State) -> None:
    fill(empty, "one", {"eva@example.org": Consent.SUBSCRIBED}, [("eva@example.org", "1")])
    with empty.write() as db:
        db.execute("UPDATE members SET email = 'Eva@Example.org'")
    window = AddressWindow(browse_scopes(empty))
    assert [row.email for row in everything(empty, window)] == ["Eva@Example.org"]


def test_a_window_without_links_is_empty_at_once(empty: State) -> None:
    window = AddressWindow(browse_scopes(empty))
    assert window.count(empty).exact
    assert window.rows(empty, 0, 10) == []


def test_a_page_reads_no_more_of_the_table_than_was_counted(empty: State) -> None:
    """A rare text must not make the first page look through the whole table."""
    fill(empty, "one", {f"p{n:05}@example.org": Consent.SUBSCRIBED for n in range(3000)}, [])
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    with patch.object(state_browse, "SLICE_ROWS", 100):
        window = AddressWindow(browse_scopes(empty), text="p00001@")
        assert window.count(empty).rows == 1
        empty.db.set_progress_handler(step, 100)
        window.rows(empty, 0, 128)
        first = steps
        while not window.count(empty).exact:
            pass
        steps = 0
        window.rows(empty, 0, 128)
        empty.db.set_progress_handler(None, 0)
    assert first * 5 < steps


def test_a_window_holds_one_key_in_256(empty: State) -> None:
    fill(empty, "one", {f"p{n:05}@example.org": Consent.SUBSCRIBED for n in range(2000)}, [])
    window = AddressWindow(browse_scopes(empty))
    while not window.count(empty).exact:
        pass
    assert len(window._anchors) == 8
    assert not empty.db.in_transaction


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-20T10:00:00.000000Z",
        "2026-01-20T10:00:00+00:00",
        "2026-01-20T23:00:00+13:00",
        "2026-01-20 10:00:00",
    ],
)
def test_r07_who_waits_long_is_found_whatever_way_the_platform_writes_its_time(
    empty: State, written: str
) -> None:
    fill(empty, "news", dict.fromkeys(("long@example.org", "new@example.org"), Consent.PENDING), [])
    with empty.write() as db:
        db.execute("UPDATE members SET since = ? WHERE address_key = 'long@example.org'", (written,))
        db.execute("UPDATE members SET since = '2026-02-27T10:00:00Z' WHERE address_key = 'new@example.org'")
    window = AddressWindow(browse_scopes(empty), pending_before=NOW - timedelta(days=30))
    (row,) = everything(empty, window)
    assert row.email == "long@example.org"
    assert row.at[0].pending_days(NOW) == 40
    window = AddressWindow(browse_scopes(empty), pending_before=NOW)
    assert [row.at[0].pending_days(NOW) for row in everything(empty, window)] == [40, 2]


def test_r07_who_has_no_time_waits_since_the_listing_that_first_showed_them(empty: State) -> None:
    fill(empty, "news", {"a@example.org": Consent.PENDING, "b@example.org": Consent.SUBSCRIBED}, [])
    with empty.write() as db:
        db.execute(
            "INSERT INTO listings (no, list_no, started_at, ended_at, whole, complete, rows, changed, opted_out, origin,"
            " reason) VALUES (7, 1, '2026-02-01T12:00:00.000000Z', '2026-02-01T12:01:00.000000Z', 1, 1, 2, 2, 0, '', '')"
        )
        db.execute("UPDATE members SET first_no = 7")
    window = AddressWindow(browse_scopes(empty), pending_before=NOW - timedelta(days=20))
    (row,) = everything(empty, window)
    assert (row.email, row.at[0].pending_days(NOW)) == ("a@example.org", 28)
    assert (
        everything(empty, AddressWindow(browse_scopes(empty), pending_before=NOW - timedelta(days=29))) == []
    )


def test_r07_who_is_not_on_the_list_any_more_waits_for_nothing(empty: State) -> None:
    fill(empty, "news", {"a@example.org": Consent.PENDING}, [])
    with empty.write() as db:
        db.execute("UPDATE members SET since = '2025-01-01T00:00:00Z', gone = 'erased-remotely'")
    assert everything(empty, AddressWindow(browse_scopes(empty), pending_before=NOW)) == []
    (row,) = everything(empty, AddressWindow(browse_scopes(empty)))
    assert row.at[0].pending_days(NOW) is None
