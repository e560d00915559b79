"""What a job tells is gathered: nothing lost, nothing twice; the call budget once a second at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.jobs import buffer
from console.jobs.buffer import Buffer, write_batch
from state.connections import budget_of
from state.model import Budget, Level
from state.store import open_state

NOW = datetime(2026, 3, 1, 8, 15, tzinfo=UTC)
BUDGET = Budget(2_000, 1_988, 3_600, NOW)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The machine's clock, to be moved on."""
    clock = [100.0]
    monkeypatch.setattr(buffer, "machine_seconds", lambda: clock[0])
    return clock


def test_a_budget_is_told_once_a_second_and_the_latest_counts(seconds: list[float]) -> None:
    told = Buffer()
    for left in (1_988, 1_987):
        told.budget("verband", "dotdigital", replace(BUDGET, remaining=left))
    assert told.take().budgets["verband"][1].remaining == 1_987
    told.budget("verband", "dotdigital", replace(BUDGET, remaining=1_986))
    seconds[0] += 0.5
    assert not told.take(), "not yet"
    seconds[0] += 0.5
    assert told.take().budgets["verband"][1].remaining == 1_986
    assert not told.take(), "once"


def test_the_last_batch_has_it_whenever_it_was(seconds: list[float]) -> None:
    told = Buffer()
    told.budget("verband", "dotdigital", BUDGET)
    told.take()
    told.budget("verband", "dotdigital", replace(BUDGET, remaining=1))
    assert told.take(last=True).budgets["verband"][1].remaining == 1


def test_what_could_not_be_written_comes_back_and_the_newer_budget_counts(seconds: list[float]) -> None:
    told = Buffer()
    told.add_line(NOW, Level.INFO, "first", "")
    told.budget("verband", "dotdigital", BUDGET)
    batch = told.take()
    told.add_line(NOW, Level.INFO, "second", "")
    told.give_back(batch)
    seconds[0] += 1
    told.budget("verband", "dotdigital", replace(BUDGET, remaining=5))
    again = told.take()
    assert [line[2] for line in again.lines] == ["first", "second"]
    assert again.budgets["verband"][1].remaining == 5


def test_it_reaches_the_state_and_an_older_telling_does_not(tmp_path: Path, seconds: list[float]) -> None:
    told = Buffer()
    told.budget("verband", "dotdigital", BUDGET)
    with open_state(tmp_path / "state.db") as state:
        write_batch(state, "none", told.take())
        assert budget_of(state, "verband") == BUDGET
        told.budget("verband", "dotdigital", replace(BUDGET, remaining=9, seen_at=NOW.replace(hour=7)))
        write_batch(state, "none", told.take(last=True))
        assert budget_of(state, "verband") == BUDGET
