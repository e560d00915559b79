"""An export on an account whose calls are used up: it stands still, says for how long, and goes on (F14)."""

from __future__ import annotations

from state.connections import budget_of
from state.model import JobState
from tests.integration.books import Books


def test_an_export_without_calls_left_stands_still_and_goes_on_later(books: Books) -> None:
    books.additions(8)
    plan = books.preview()
    books.control("rate", scheme="flat", limit=12, per=3600)
    ended = books.export(plan)
    assert (ended.exit_code, ended.job.state, ended.job.reason) == (9, JobState.STALLED, "calls-used-up")
    assert "n at most 1 hour" in ended.log
    books.control("rate", scheme="none")
    again = books.export()
    assert again.job.job_id == ended.job.job_id, "the same job goes on"
    assert (again.exit_code, dict(again.counts)) == (0, {"sent": 8}), again.log
    assert len(books.posts()) == 1


def test_the_budget_is_remembered_with_its_connection(books: Books) -> None:
    books.additions(2)
    books.control("rate", scheme="tiered", limit=500)
    assert books.export().exit_code == 0
    with books.state() as state:
        budget = budget_of(state, "verband")
    assert budget is not None
    assert (budget.limit, budget.window_seconds) == (500, 60)
    assert 0 < budget.remaining < 500
