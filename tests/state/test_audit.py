"""The audit: whatever is altered, taken out or put in is found (I18, F11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.audit import AuditFault, AuditRow, append_audit, audit_head, read_audit, verify_audit
from state.model import Operator
from state.store import State, open_state
from tests.state.holders import EVA, NOW, later, quick_state


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        yield opened


def fill(state: State, rows: int) -> None:
    for number in range(1, rows + 1):
        append_audit(
            state,
            job_id=f"J{number % 3}",
            operator=EVA,
            what="export confirmed",
            rows=number * 10,
            digest=f"d{number}",
            now=later(number),
        )


def tamper(state: State, statement: str) -> None:
    with state.write() as db:
        assert db.execute(statement).rowcount > 0, "the fault must hit"


def test_an_untouched_audit_has_no_fault_and_is_read_as_written(state: State) -> None:
    assert verify_audit(state) == []
    fill(state, 5)
    assert verify_audit(state) == []
    assert read_audit(state, after=4) == [AuditRow(5, later(5), "J2", EVA, "export confirmed", 50, "d5")]
    assert [row.no for row in read_audit(state, job_id="J1")] == [1, 4]
    assert audit_head(state)[0] == 5


def test_an_operator_without_a_peer_is_read_back_as_one(state: State) -> None:
    append_audit(state, job_id="J", operator=Operator("cron", "desk"), what="x", rows=1, digest="", now=NOW)
    assert read_audit(state)[0].operator == Operator("cron", "desk", None)


def test_a_row_lives_and_dies_with_the_transaction_around_it(state: State) -> None:
    def fails() -> None:
        with state.write():
            fill(state, 2)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fails()
    assert read_audit(state) == []
    fill(state, 1)
    assert verify_audit(state) == []


@pytest.mark.parametrize(
    "change",
    [
        "at = '2026-03-01T08:15:30.000000Z'",
        "job_id = 'J7'",
        "operator = 'nobody'",
        "host = 'else'",
        "ssh_peer = ''",
        "what = what || ' '",
        "rows = rows - 1",
        "digest = 'd0'",
        "chain = upper(chain)",
    ],
)
@pytest.mark.parametrize("no", [1, 3, 5])
def test_I18_a_changed_row_is_found(state: State, change: str, no: int) -> None:
    fill(state, 5)
    tamper(state, f"UPDATE audit SET {change} WHERE no = {no}")
    found = verify_audit(state)
    assert found
    assert found[0].no in (no, no + 1, 0)


@pytest.mark.parametrize(
    ("gone", "first"),
    [("no = 1", 1), ("no = 3", 3), ("no = 5", 5), ("no > 3", 4), ("no < 3", 1), ("1", 1)],
)
def test_I18_rows_taken_out_are_found_the_last_ones_too(state: State, gone: str, first: int) -> None:
    fill(state, 5)
    tamper(state, f"DELETE FROM audit WHERE {gone}")
    assert verify_audit(state)[0].no == first


def test_I18_rows_taken_out_stay_found_when_the_work_goes_on(state: State) -> None:
    fill(state, 5)
    tamper(state, "DELETE FROM audit WHERE no = 5")
    fill(state, 1)
    assert verify_audit(state) == [AuditFault(5, "Row 5 is missing.")]
    assert read_audit(state)[-1].no == 6


def test_I18_a_row_put_in_is_found_and_stops_nobodys_work(state: State) -> None:
    fill(state, 3)
    tamper(
        state,
        "INSERT INTO audit SELECT 4, at, job_id, operator, host, ssh_peer, what, rows, digest, chain"
        " FROM audit WHERE no = 3",
    )
    assert verify_audit(state)[0].no == 4
    fill(state, 1)
    assert read_audit(state)[-1].no == 5
    assert verify_audit(state)


def test_I18_rows_numbered_anew_are_found(state: State) -> None:
    fill(state, 5)
    tamper(state, "DELETE FROM audit WHERE no = 2")
    for no in (3, 4, 5):
        tamper(state, f"UPDATE audit SET no = {no - 1} WHERE no = {no}")
    assert verify_audit(state)[0].no == 2


def test_I18_two_rows_that_changed_places_are_found(state: State) -> None:
    fill(state, 4)
    for old, new in ((2, 99), (3, 2), (99, 3)):
        tamper(state, f"UPDATE audit SET no = {new} WHERE no = {old}")
    assert [fault.no for fault in verify_audit(state)][:2] == [2, 3]


def test_I18_the_record_of_the_end_cannot_be_taken_away_unnoticed(state: State) -> None:
    fill(state, 3)
    tamper(state, "DELETE FROM facts WHERE name = 'audit_head'")
    assert verify_audit(state)
    fill(state, 1)
    assert verify_audit(state)[0].no == 4
    assert read_audit(state)[-1].no == 4


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """One state for all examples of a property."""
    with quick_state(tmp_path_factory.mktemp("shared") / "state.db") as state:
        yield state


@given(
    rows=st.integers(1, 6),
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=6, max_size=6),
    data=st.data(),
)
def test_I18_any_text_is_kept_and_any_other_text_in_its_place_is_found(
    shared: State, rows: int, texts: list[str], data: st.DataObject
) -> None:
    state = shared
    with state.write() as db:
        db.execute("DELETE FROM audit")
        db.execute("DELETE FROM facts")
    for number in range(rows):
        append_audit(
            state,
            job_id=texts[number],
            operator=EVA,
            what=texts[-1 - number],
            rows=1,
            digest="d",
            now=NOW,
        )
    assert verify_audit(state) == []
    no = data.draw(st.integers(1, rows))
    column = data.draw(st.sampled_from(["job_id", "what", "digest", "host"]))
    value = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
    with state.write() as db:
        changed = db.execute(
            f"UPDATE audit SET {column} = ? WHERE no = ? AND {column} <> ?", (value, no, value)
        ).rowcount
    assert bool(verify_audit(state)) == bool(changed)
