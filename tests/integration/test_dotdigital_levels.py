"""Two levels of opting out, and people whom somebody took out of a book (requirements R01, R02; oro defects 4, 7)."""

from __future__ import annotations

import pytest

from console.jobs import tickets
from state.explain import explain
from state.model import JobState, RowClass
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
        assert "gets no mail from any list of the account" in told(books, email)


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


def test_who_was_out_for_the_whole_account_and_came_back_by_a_form_counts_again(swift: Books) -> None:
    """dotdigital tells no times of its members: that it mails them now is its newer word (R28, R30)."""
    back, away = swift.additions(2)
    for email in (back, away):
        swift.control("subscribe", email=email, list="4712")
        swift.control("unsubscribe-account", email=email)
    for email in (back, away):
        assert classed(swift, email) == (IGNORED, "unsubscribed-account")
    swift.move_on(3600)
    swift.control("subscribe", email=back, fields={"FIRSTNAME": swift.rows["500"].first_name})
    swift.move_on(3600)
    assert classed(swift, back)[0] in (RowClass.CHANGED, RowClass.EXISTING_IGNORED)
    assert "gets our mail" in told(swift, back)
    assert ("rejoined", "unsubscribed-account") in [(what, why) for what, why, _ in swift.journal(back)]
    assert back not in swift.ours()
    swift.ahead += 8 * 86_400  # and a whole listing lifts nothing of who stayed away
    assert classed(swift, away) == (IGNORED, "unsubscribed-account")


def test_who_an_import_called_unsubscribed_and_who_came_back_counts_again(
    swift: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "POLL_DEADLINE_SECONDS", 60)
    (email,) = swift.additions(1)
    swift.control("hold-imports", on=True)
    assert swift.export().job.state is JobState.WAITING
    swift.control("subscribe", email=email, list="4712")
    swift.control("unsubscribe-account", email=email)
    swift.control("hold-imports", on=False)
    swift.control("release-imports")
    swift.move_on(3600)
    ended = swift.export()
    assert swift.outcome(ended.job.job_id, email) == ("withheld", "unsubscribed-account"), ended.log
    swift.move_on(3600)
    assert classed(swift, email) == (IGNORED, "unsubscribed-account")
    swift.control("subscribe", email=email, fields={"FIRSTNAME": swift.rows["500"].first_name})
    swift.move_on(3600)
    assert classed(swift, email)[0] in (RowClass.CHANGED, RowClass.EXISTING_IGNORED)


def test_R02_a_change_brings_nobody_back_who_was_deleted_or_taken_out(books: Books) -> None:
    """What changed at the platform does not tell of them: an export with changes reads the whole list before it."""
    people = in_book(5)
    deleted, taken_out, *others = books.put_all(people)
    books.save()
    books.preview()
    for i in people:
        books.change(i, first_name="Anders")
    books.save()
    plan = books.preview()
    assert plan.writes == 5
    books.control("delete", email=deleted)
    books.control("remove", email=taken_out, list=books.list_id)
    books.mark()
    ended = books.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3, "withheld": 2}), ended.log
    job_id = ended.job.job_id
    assert books.outcome(job_id, deleted) == ("withheld", "erased-remotely")
    assert books.outcome(job_id, taken_out) == ("withheld", "removed-at-platform")
    assert books.asked() == {email.lower() for email in others}
    assert not {deleted.lower(), taken_out.lower()} & set(books.platform())
    assert classed(books, deleted) == (IGNORED, "erased-remotely")
    assert classed(books, taken_out) == (RowClass.EXISTING_IGNORED, "removed-at-platform")


def test_R02_an_import_of_changes_takes_nobody_into_a_book(
    swift: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody is deleted, and somebody taken out, while the platform holds the import for its own check."""
    monkeypatch.setattr(tickets, "POLL_DEADLINE_SECONDS", 60)
    people = in_book(4)
    deleted, taken_out, *others = swift.put_all(people)
    for i in people:
        swift.change(i, first_name="Anders")
    swift.save()
    swift.control("hold-imports", on=True)
    ended = swift.export()
    assert ended.job.state is JobState.WAITING, ended.log
    swift.control("delete", email=deleted)
    swift.control("remove", email=taken_out, list=swift.list_id)
    swift.control("hold-imports", on=False)
    swift.control("release-imports")
    swift.move_on(3600)
    ended = swift.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 2, "withheld": 2}), ended.log
    for email in (deleted, taken_out):
        assert swift.outcome(ended.job.job_id, email) == ("withheld", "member-gone")
        assert email.lower() not in swift.platform()
    assert "1 had been deleted while the import waited" in ended.log
    for email in others:
        assert swift.outcome(ended.job.job_id, email) == ("sent", "changed")


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


@pytest.mark.parametrize("lost", ["answer", "ticket", "process"])
def test_a_removal_that_nobody_answered_and_that_was_done_is_ours(
    swift: Books, removed: str, lost: str
) -> None:
    email = swift.put(500)
    del swift.rows["500"]
    if lost == "answer":
        swift.control("fail-next", body="drop-after", path="contacts/delete$", method="POST")
        ended = swift.export()
    elif lost == "ticket":
        swift.control("fail-next", body="problem", status=404, path="contacts/deletion", method="GET")
        ended = swift.export()
    else:
        job_id = swift.new_export(swift.preview())
        assert swift.killed(job_id, die_in="answering") == -9
        ended = swift.finish(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 1}), ended.log
    assert swift.outcome(ended.job.job_id, email) == ("sent", "found-on-reading")
    assert "--plan" in ended.log, "and it can be taken back"
    assert swift.member(email) is None
    assert not [told for told in swift.journal(email) if "gone" in told]
    swift.put(500)
    swift.save()
    assert classed(swift, email) == (RowClass.NEW, "unknown-at-platform")


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


@pytest.mark.parametrize("read_since", [True, False])
def test_a_removal_is_not_taken_back_for_who_says_no_in_the_source(
    books: Books, removed: str, read_since: bool
) -> None:
    ended = books.export()
    plan = books.plan(ended.log.split("--plan ")[1].split()[0])
    email = books.put(500, newsletter_no="yes")
    books.save()
    if read_since:
        books.preview()
    books.mark()
    back = books.export(plan)
    assert dict(back.counts) == {"withheld": 1}, back.log
    assert books.outcome(back.job.job_id, email) == ("withheld", "opted-out-at-source")
    assert books.posts() == []


def test_a_removal_is_not_taken_back_for_who_says_no_under_another_address(
    books: Books, removed: str
) -> None:
    ended = books.export()
    plan = books.plan(ended.log.split("--plan ")[1].split()[0])
    email = books.put(500)
    books.put(500, email="umgezogen@example.org", newsletter_no="yes")
    books.save()
    back = books.export(plan)
    assert books.outcome(back.job.job_id, email) == ("withheld", "opted-out-at-source")


def test_who_came_back_and_left_again_is_told_as_having_left(books: Books, removed: str) -> None:
    ended = books.export()
    plan = books.plan(ended.log.split("--plan ")[1].split()[0])
    email = books.put(500)
    books.control("subscribe", email=email)
    books.control("unsubscribe", email=email)
    back = books.export(plan)
    assert books.outcome(back.job.job_id, email) == ("withheld", "unsubscribed")


def test_R28_a_member_who_is_gone_is_tried_once(books: Books) -> None:
    books.link(mode="update", more='address_change = "move"')
    deleted, *_ = books.additions(3)
    assert books.export().exit_code == 0
    books.change(500, email="neu500@example.org")
    books.save()
    books.control("delete", email=deleted)
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"withheld": 1}), ended.log
    assert classed(books, "neu500@example.org") == (
        RowClass.UNSUBSCRIBED_IGNORED,
        "opted-out-under-former-address",
    )
    assert books.export().job.reason == "nothing-to-do"
