"""Who joins the book by themselves while our import waits is not ours, and is never removed by us (design law 6)."""

from __future__ import annotations

import pytest

from state.model import JobState, RowClass
from tests.integration.books import Books, in_book


@pytest.fixture
def waiting(swift: Books) -> list[str]:
    """A mirror whose additions are held by the platform for hours; their addresses."""
    swift.link(mode="mirror")
    swift.put_all(in_book(5))
    emails = swift.additions(3)
    swift.control("hold-imports", on=True)
    assert swift.export().job.state is JobState.WAITING
    return emails


def join_by_form(books: Books, email: str) -> None:
    books.control("subscribe", email=email, fields={"FIRSTNAME": "Selbst"})


def let_go(books: Books) -> None:
    books.control("hold-imports", on=False)
    books.control("release-imports")
    books.move_on(600)


def leave_the_source(books: Books) -> None:
    books.drop([500])
    books.save()


def test_who_joined_while_the_job_looked_on_is_told_apart(swift: Books, waiting: list[str]) -> None:
    joined, *added = waiting
    join_by_form(swift, joined)
    for _ in range(2):  # the list is looked at, and afterwards the import is still not done
        swift.move_on(400)
        assert swift.export().job.state is JobState.WAITING
    let_go(swift)
    ended = swift.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 2, "withheld": 1}), ended.log
    assert swift.outcome(ended.job.job_id, joined) == ("withheld", "already-there")
    assert swift.ours() == set(added)
    leave_the_source(swift)
    assert swift.plan_row(swift.preview(), joined).row_class is not RowClass.REMOVED


def test_who_may_have_joined_unseen_is_not_ours(swift: Books, waiting: list[str]) -> None:
    join_by_form(swift, waiting[0])
    let_go(swift)
    ended = swift.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3}), ended.log
    assert "the platform knew 1 person of 3 before" in ended.log
    assert {swift.outcome(ended.job.job_id, email) for email in waiting} == {("sent", "added-unproven")}
    assert swift.ours() == set()
    leave_the_source(swift)
    assert swift.preview().writes == 0


def test_whom_the_platform_did_not_know_at_all_is_ours_however_long_it_took(
    swift: Books, waiting: list[str]
) -> None:
    let_go(swift)
    ended = swift.export()
    assert dict(ended.counts) == {"sent": 3}, ended.log
    assert swift.ours() == set(waiting)
    leave_the_source(swift)
    assert swift.plan_row(swift.preview(), waiting[0]).row_class is RowClass.REMOVED
