"""What users of other tools suffered, over address books: requirements R07, R08, R11, R27, R29, R33, R43 to R45, R47.

Their tests over an audience stand in the other files; here they hold for a platform with imports and two levels.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.sandbox.people import person
from console.cli.app import build
from state.explain import explain
from state.jobs import get_job, job_no
from state.model import Consent, JobKind, JobState, Outcome, RowClass
from state.outcome_times import with_times
from state.outcomes import OutcomeRow, all_outcomes
from state.plans import get_plan
from tests.integration import child
from tests.integration.books import Books, in_book, left_book, of_account
from tests.integration.world import LINK, SEED, Row

DAY = 86_400
EVERY_STATUS = "4715"
"""A small book in which every status occurs."""

STATUSES: dict[str, tuple[Consent, str]] = {
    "Subscribed": (Consent.SUBSCRIBED, "fields-differ"),
    "SoftBounced": (Consent.SUBSCRIBED, "fields-differ"),
    "PendingOptIn": (Consent.PENDING, "awaiting-confirmation"),
    "Unsubscribed": (Consent.UNSUBSCRIBED, "unsubscribed-account"),
    "HardBounced": (Consent.BOUNCED, "bounced"),
    "NoMxRecord": (Consent.BOUNCED, "bounced"),
    "IspComplained": (Consent.SUPPRESSED, "suppressed-account"),
    "DirectComplaint": (Consent.SUPPRESSED, "suppressed-account"),
    "MailBlocked": (Consent.SUPPRESSED, "suppressed-account"),
    "Suppressed": (Consent.SUPPRESSED, "suppressed-account"),
    "SharedSuppression": (Consent.SUPPRESSED, "suppressed-account"),
    "NotAllowed": (Consent.SUPPRESSED, "suppressed-account"),
    "DomainSuppression": (Consent.SUPPRESSED, "suppressed-account"),
    "NotAvailableInThisVersion": (Consent.UNKNOWN, "status-unknown"),
}
"""Raw status in the account: our consent, and the reason of the row of somebody whose name differs."""


def told(books: Books, *words: str) -> object:
    """What a command says as JSON."""
    places = ("--config", str(books.configure()), "--state", str(books.state_path))
    result = CliRunner(env=books.environment).invoke(
        build(), [*words, *places, "--json"], prog_name="listwarden"
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_R08_every_consent_goes_there_and_back(books: Books) -> None:
    """Of the seven consents only a subscription lets a change through, and an export leaves each as it was."""
    books.link(list_id=EVERY_STATUS)
    account = books.platform("4400")
    people = {email: word for email in books.platform(EVERY_STATUS) if (word := account[email]) in STATUSES}
    assert set(people.values()) == set(STATUSES)
    for place, email in enumerate(people):
        books.rows[str(place)] = Row(str(place), email, "Anders")
    erased = next(email for email, word in people.items() if word == "Subscribed")
    books.save()
    books.preview()
    books.control("delete", email=erased)
    books.ahead += 8 * DAY
    plan = books.preview()
    for email, word in people.items():
        consent, reason = STATUSES[word]
        if email == erased:
            consent, reason = Consent.ERASED, "erased-remotely"
        assert books.plan_row(plan, email).reason == reason, word
        with books.state() as state:
            (view,) = explain(state, email).links
        assert (view.consent or Consent(books.opted_out_as(email))) is consent, word
    mailable = {email for email, word in people.items() if STATUSES[word][0] is Consent.SUBSCRIBED} - {erased}
    ended = books.export(plan)
    assert ended.exit_code == 0, ended.log
    assert books.asked() == mailable
    after = books.platform("4400")
    assert {email: after.get(email) for email in people if email != erased} == {
        email: word for email, word in people.items() if email != erased
    }


def test_R07_who_never_confirms_is_listed_with_their_age_and_never_asked_again(books: Books) -> None:
    pending = of_account("PendingOptIn", 3)
    emails = books.put_all(pending, first_name="Anders")
    books.put_all(in_book(10))
    books.save()
    plan = books.preview()
    assert [books.plan_row(plan, email).reason for email in emails] == ["awaiting-confirmation"] * 3
    for _ in range(3):
        books.ahead += 20 * DAY
        assert books.export().job.reason == "nothing-to-do"
    assert books.mutations() == []
    (pended,) = books.sql("SELECT count(*) FROM members WHERE consent = 'pending' AND gone IS NULL")
    listed = told(books, "contacts", "--pending-days", "0")
    assert isinstance(listed, list)
    assert {email.lower() for email in emails} <= {row["email"].lower() for row in listed}
    assert len(listed) == pended[0]
    assert all(at["pending_days"] is not None for row in listed for at in row["links"])
    assert told(books, "contacts", "--pending-days", "4000") == []


@pytest.mark.parametrize("verb", ["unsubscribe", "unsubscribe-account"])
def test_R11_a_mass_of_opt_outs_at_either_level_waits_for_a_person(books: Books, verb: str) -> None:
    people = in_book(60)
    emails = [email.lower() for email in books.put_all(people)]
    books.put_all(range(500, 503))
    books.save()
    plan = books.preview()
    before = books.contents()
    where = {"list": books.list_id} if verb == "unsubscribe" else {}
    books.control(verb, emails=emails[:30], **where)
    end = books.feedback()
    assert (end.exit_code, end.reason) == (5, "too-many-opt-outs")
    assert f"listwarden feedback {LINK} --max-removals 30" in end.next
    assert books.export(plan).job.reason == "too-many-opt-outs"
    assert books.contents() == before
    assert books.feedback(max_removals=30).counts["opted_out"] == 30
    assert books.mutations() == []


def test_R27_three_runs_in_a_row_end_with_no_change(books: Books) -> None:
    """Dots and tags in addresses, capitals the platform lowers, dates and numbers it writes in its own way."""
    books.link(
        fields='{ FIRSTNAME = "first", MEMBERSINCE = "since", DONATIONS = "donations", BOARD = "board" }'
    )
    rows = [
        ("1", "Dotted.Name+tag@Example.org", "  Anna ", "2020-02-29", "1.50", "yes"),
        ("2", "dottedname@example.org", "Anna", "2020-02-29 00:00:00", "1.5", "no"),
        ("3", "ANNA@EXAMPLE.ORG", "Ánna", "2020-02-29T10:30:00Z", "0", "TRUE"),
        ("4", "a.n.n.a@example.org", "", "", "", ""),
    ]
    with (books.folder / "members.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["person_id", "email", "first", "since", "donations", "board", "newsletter_no"])
        writer.writerows([*row, ""] for row in rows)
    first = books.export()
    assert (first.exit_code, dict(first.counts)) == (0, {"sent": 4}), first.log
    assert len({row[1].lower() for row in rows} & set(books.platform())) == 4, "no two are merged"
    books.mark()
    for _ in range(3):
        assert books.export().job.reason == "nothing-to-do"
        books.ahead += 8 * DAY
    assert books.mutations() == []


def test_R29_what_was_told_once_is_not_told_again(books: Books) -> None:
    emails = books.put_all(in_book(20))
    books.save()
    books.preview()
    books.control("bounce", email=emails[0], kind="hard")
    books.control("unsubscribe", email=emails[1], list=books.list_id)
    first = books.feedback()
    again = books.feedback()
    assert (first.counts["opted_out"], again.counts["opted_out"]) == (2, 0)
    assert again.counts["opted_out_before"] == first.counts["opted_out_before"] + 2
    assert f"{again.counts['opted_out_before']:,} had opted out before" in again.text


def test_R33_a_new_mapping_and_a_refresh_are_counted_before_they_are_sent(books: Books) -> None:
    people = in_book(12)
    books.put_all(people)
    books.save()
    assert books.preview().writes == 0
    end = books.run(JobKind.REFRESH, link=LINK)
    assert end.counts == {"marked": 12, "to_send": 12}
    assert books.mutations() == []
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 12}), ended.log
    assert books.asked() == {person(SEED, i).email.lower() for i in people}
    assert books.preview().writes == 0
    books.link(fields='{ FIRSTNAME = "first_name", LASTNAME = "last_name", CLUB = "first_name" }')
    assert books.preview().writes == 12, "a new mapping is filled in for everybody"


def test_R43_an_import_that_never_ends_is_named_and_one_command_frees_it(books: Books) -> None:
    books.additions(3)
    books.control("hold-imports", on=True)
    job_id = books.new_export(books.preview())
    assert books.killed(job_id, die_in="settling:2") == -9
    assert books.unfinished() is not None
    books.ahead += 3 * 3600
    waiting = books.carry(job_id)
    assert waiting.job.state is JobState.WAITING
    assert "3.0 h old" in waiting.job.waiting_for
    assert "NotFinished" in waiting.job.waiting_for
    assert "report page" in waiting.job.waiting_for
    refused = books.export()
    assert (refused.job.job_id, refused.job.state) == (job_id, JobState.WAITING), (
        "it is gone on with, not begun anew"
    )
    told(books, "job", "unblock", job_id, "--yes")
    assert books.preview().writes == 3
    books.control("hold-imports", on=False)
    freed = books.export()
    assert (freed.exit_code, dict(freed.counts)) == (0, {"sent": 3}), freed.log
    assert freed.job.job_id != job_id


def test_R43_a_job_that_waits_holds_no_places_and_one_command_ends_it(books: Books) -> None:
    books.additions(3)
    books.control("hold-imports", on=True)
    job_id = books.new_export(books.preview())
    process = child.process(job_id, books.configure(), books.state_path, books.environment, ahead=books.ahead)
    process.start()
    try:
        until(lambda: books.ended(0, job_id).job.waiting_for and not books.sql("SELECT 1 FROM account_slots"))
        assert books.run(JobKind.CHECK, connection="verband").exit_code == 0, (
            "others use the account meanwhile"
        )
        assert books.ended(0, job_id).job.pid == process.pid, "it waits still"
        document: Any = told(books, "job", "unblock", job_id, "--yes")
        assert (document["state"], document["counts"]) == ("partly", {"unknown": 3})
        process.join(60)
        assert process.exitcode == 130
    finally:
        process.kill()
    assert books.preview().writes == 3


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_R44_a_waiting_account_holds_no_other_up(books: Books) -> None:
    """One account's import is held, another's login has ended: a third account is exported as if they were not there."""
    books.additions(3)
    books.control("hold-imports", on=True)
    job_id = books.new_export(books.preview())
    assert books.killed(job_id, die_in="settling:2") == -9
    books.ahead += 3 * 3600
    assert books.carry(job_id).job.state is JobState.WAITING
    accounts = books.sandbox.ready["rehearsals"]["dotdigital"]
    lists = {"expired": "4711", "flat": str(accounts["flat"]["lists"][0])}
    for name, list_id in lists.items():
        books.users[name] = accounts[name]["user"]
        books.keys[name] = accounts[name]["password"]
        books.link(f"{name}-news", connection=name, list_id=list_id, source="others")
    books.users["healthy"] = accounts["limit"]["user"]
    books.keys["healthy"] = accounts["limit"]["password"]
    books.link(
        "healthy-news", connection="healthy", list_id=str(accounts["limit"]["lists"][0]), source="others"
    )
    books.control("contact-limit", limit=None, account="limit")
    books.control("hold-imports", on=False)
    books.rows.clear()
    books.put_all(range(800, 803))
    books.save("others")
    assert books.run(JobKind.FEEDBACK, connection="expired").exit_code == 7
    assert books.run(JobKind.FEEDBACK, connection="flat").exit_code == 9
    ended = books.export(link="healthy-news")
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3}), ended.log
    assert books.ended(0, job_id).job.state is JobState.WAITING


def test_R45_taken_and_applied_are_two_states_with_two_times(books: Books) -> None:
    books.additions(3)
    books.control("hold-imports", on=True)
    job_id = books.new_export(books.preview())
    assert books.killed(job_id, die_in="settling:2") == -9
    books.move_on(3 * 3600)
    assert books.carry(job_id).job.state is JobState.WAITING
    for row in timed(books, job_id):
        assert row.outcome is Outcome.ACCEPTED
        assert row.accepted_at is not None
        assert row.applied_at is None
    books.control("release-imports")
    books.move_on(3600)
    assert dict(books.carry(job_id).counts) == {"sent": 3}
    for row in timed(books, job_id):
        assert row.outcome is Outcome.SENT
        assert isinstance(row.accepted_at, datetime)
        assert isinstance(row.applied_at, datetime)
        assert row.applied_at - row.accepted_at > timedelta(hours=1)


def timed(books: Books, job_id: str) -> list[OutcomeRow]:
    """Outcomes of a job with their two times."""
    with books.state() as state:
        number, plan = job_no(state, job_id), get_plan(state, get_job(state, job_id).plan_id)
        return with_times(state, number, list(all_outcomes(state, number, plan)))


def test_R47_what_our_import_did_is_no_news(books: Books) -> None:
    """An import changes who is in the book and when they changed; reading that back starts nothing."""
    books.additions(5)
    known = in_book(4)
    books.put_all(known)
    for i in known:
        books.change(i, first_name="Anders")
    books.save()
    assert dict(books.export().counts) == {"sent": 9}
    books.mark()
    for _ in range(3):
        end = books.feedback()
        assert (end.exit_code, end.counts["appeared"]) == (0, 0), end
        assert books.export().job.reason == "nothing-to-do"
        books.ahead += 8 * DAY
    assert books.mutations() == []


def test_R47_what_somebody_changes_there_is_left_as_it_is(books: Books) -> None:
    """In a link that goes one way a change at the platform is the source's to overwrite once, and no loop."""
    (i,) = in_book(1)
    email = books.put(i)
    books.save()
    assert books.preview().writes == 0
    books.control("edit", email=email, fields={"FIRSTNAME": "Dort"})
    books.feedback()
    assert books.preview().writes == 1
    assert dict(books.export().counts) == {"sent": 1}
    books.mark()
    for _ in range(2):
        assert books.export().job.reason == "nothing-to-do"
    assert books.mutations() == []
    row = books.plan_row(books.preview(), email)
    assert row.row_class is RowClass.EXISTING_IGNORED


def test_R28_who_left_or_bounced_spoils_no_run(books: Books) -> None:
    for group in (left_book(2), of_account("HardBounced", 2), of_account("Suppressed", 1)):
        books.put_all(group, first_name="Anders")
    books.put_all(in_book(5))
    books.save()
    for _ in range(3):
        ended = books.export()
        assert (ended.exit_code, ended.job.reason) == (0, "nothing-to-do"), ended.log
        books.ahead += DAY
    assert books.mutations() == []
