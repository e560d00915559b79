"""Two levels of opting out, and people whom somebody took out of a book (requirements R01, R02; oro defects 4, 7)."""

from __future__ import annotations

import pytest

from state.explain import explain
from state.model import RowClass
from tests.integration.books import Books, in_book, left_book, of_account

IGNORED = RowClass.UNSUBSCRIBED_IGNORED


def told(books: Books, email: str) -> str:
    with books.state() as state:
        return explain(state, email).answer


def classed(books: Books, email: str) -> tuple[RowClass, str]:
    row = books.plan_row(books.preview(), email)
    return row.row_class, row.reason


def test_leaving_one_book_and_being_suppressed_everywhere_are_told_apart(books: Books) -> None:
    (left,), (suppressed,), (unsubscribed,) = (
        books.put_all(left_book(1)),
        books.put_all(of_account("Suppressed", 1)),
        books.put_all(of_account("Unsubscribed", 1)),
    )
    books.save()
    plan = books.preview()
    found = {
        email: (row.row_class, row.reason)
        for email in (left, suppressed, unsubscribed)
        for row in [books.plan_row(plan, email)]
    }
    assert found == {
        left: (IGNORED, "unsubscribed"),
        suppressed: (IGNORED, "suppressed-account"),
        unsubscribed: (IGNORED, "unsubscribed-account"),
    }
    assert plan.writes == 0
    assert "from this list only" in told(books, left)
    for email in (suppressed, unsubscribed):
        assert "for the whole account: no list of it mails them" in told(books, email)


@pytest.mark.parametrize("verb", ["unsubscribe", "unsubscribe-account"])
def test_an_opt_out_at_either_level_stops_a_planned_change(books: Books, verb: str) -> None:
    (i,) = in_book(1)
    email = books.put(i, first_name="Anders")
    books.save()
    plan = books.preview()
    books.control(verb, email=email, **({"list": books.list_id} if verb == "unsubscribe" else {}))
    ended = books.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"withheld": 1}), ended.log
    reason = "unsubscribed" if verb == "unsubscribe" else "unsubscribed-account"
    assert books.outcome(ended.job.job_id, email) == ("withheld", reason)
    assert books.posts() == []


def test_oro_defect_07_who_was_suppressed_before_the_first_run_is_never_added(books: Books) -> None:
    """Suppressed in the account and never on this list: the account's list from its beginning tells."""
    books.link(list_id="4712")
    for i in of_account("HardBounced", 2) + of_account("Unsubscribed", 2):
        books.put(i)
    books.save()
    plan = books.preview()
    assert plan.counts[IGNORED.value] == 4
    assert plan.writes == 0
    assert {reason for (reason,) in books.sql("SELECT DISTINCT scope FROM opt_outs")} <= {"account"}


def test_opt_outs_of_the_whole_account_do_not_stop_a_list_they_are_not_on(books: Books) -> None:
    """The guard against a mass of opt-outs counts members who were subscribed, not strangers."""
    books.link(list_id="4712", mode="mirror")
    books.put(500)
    books.save()
    assert books.preview().writes == 1
    on_the_list = set(books.platform("4712"))
    strangers = [
        email
        for email, word in books.platform("4400").items()
        if word == "Subscribed" and email not in on_the_list
    ]
    assert len(strangers) >= 40
    books.control("unsubscribe-account", emails=strangers[:40])
    assert books.feedback().exit_code == 0


def test_somebody_taken_out_at_the_platform_is_not_added_again(books: Books) -> None:
    (i,) = in_book(1)
    email = books.put(i)
    books.save()
    assert classed(books, email) == (RowClass.EXISTING_IGNORED, "in-sync")
    books.control("remove", email=email, list=books.list_id)
    books.ahead = 8 * 86_400  # the next whole listing
    assert classed(books, email) == (RowClass.EXISTING_IGNORED, "removed-at-platform")
    assert ("gone", "removed-at-platform") in [(what, reason) for what, reason, _ in books.journal(email)]
    assert "taken out at the platform" in told(books, email)
    books.control("subscribe", email=email, list=books.list_id)
    assert classed(books, email) == (RowClass.EXISTING_IGNORED, "in-sync")


def test_somebody_deleted_from_the_account_was_erased(books: Books) -> None:
    (i,) = in_book(1)
    email = books.put(i)
    books.save()
    books.preview()
    books.control("delete", email=email)
    books.ahead = 8 * 86_400
    assert classed(books, email) == (IGNORED, "erased-remotely")


def test_an_opt_out_outlives_a_listing_that_does_not_name_it(books: Books) -> None:
    (i,) = in_book(1)
    email = books.put(i)
    books.save()
    books.preview()
    books.control("unsubscribe", email=email, list=books.list_id)
    assert classed(books, email) == (IGNORED, "unsubscribed")
    books.ahead = 8 * 86_400
    assert classed(books, email) == (IGNORED, "unsubscribed"), "also after a whole listing"


# --- removals ----------------------------------------------------------------------------------------------


@pytest.fixture
def removed(books: Books) -> str:
    """Somebody we added leaves the source and the book; the export's job."""
    books.link(mode="mirror")
    books.additions(4)
    assert books.export().exit_code == 0
    books.drop([500])
    books.save()
    return "500"


def test_who_was_removed_leaves_the_members_and_is_new_when_they_come_back(
    books: Books, removed: str
) -> None:
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 1}), ended.log
    email = books.put(500)
    assert email.lower() not in books.platform()
    assert books.member(email) is None
    books.save()
    assert classed(books, email) == (RowClass.NEW, "unknown-at-platform")
    assert dict(books.export().counts) == {"sent": 1}
    assert books.platform()[email.lower()] == "Subscribed"


def test_oro_defect_04_a_removal_that_failed_keeps_the_member(books: Books, removed: str) -> None:
    books.control("refuse-next", code="ERROR_UNKNOWN", path="contacts/delete$", method="POST")
    ended = books.export()
    assert ended.exit_code != 0
    email = books.put(500)
    member = books.member(email)
    assert member is not None
    assert (member["consent"], member["ours"]) == ("subscribed", 1)
    del books.rows["500"]
    books.save()
    assert dict(books.export().counts) == {"sent": 1}, "the next plan removes them"


def test_a_removal_is_taken_back_by_adding_again_with_the_links_basis(books: Books, removed: str) -> None:
    ended = books.export()
    assert ended.exit_code == 0
    undo = ended.log.split("--plan ")[1].split()[0]
    plan = books.plan(undo)
    assert [(g.row_class, g.reason, g.rows) for g in plan.groups] == [(RowClass.NEW, "undo-removal", 1)]
    back = books.export(plan)
    assert (back.exit_code, dict(back.counts)) == (0, {"sent": 1}), back.log
    email = books.put(500)
    assert books.platform()[email.lower()] == "Subscribed"
    assert email.lower() in books.ours()


def test_a_removal_is_not_taken_back_for_who_opted_out_since(books: Books, removed: str) -> None:
    ended = books.export()
    plan = books.plan(ended.log.split("--plan ")[1].split()[0])
    email = books.put(500)
    books.control("unsubscribe-account", email=email)
    back = books.export(plan)
    assert dict(back.counts) == {"withheld": 1}, back.log
    assert books.outcome(back.job.job_id, email) == ("withheld", "unsubscribed-account")
