"""Every end an import can have, to the end: what becomes of each address, what the job says, which files are kept,
how the command ends, and what the next plan shows (dotdigital contract §6)."""

from __future__ import annotations

import csv
import io
import json

import pytest

from adapters.dotdigital import settling
from adapters.sandbox.people import person
from console.jobs import verifying
from state.model import JobState, RowClass
from tests.integration.books import Books, in_book
from tests.integration.world import SEED

WITHHELD, REJECTED = "withheld", "rejected"
IGNORED, NEW = RowClass.UNSUBSCRIBED_IGNORED.value, RowClass.NEW.value

FAULTS: dict[str, tuple[str, str, str, str]] = {
    "Globally Suppressed": (WITHHELD, "suppressed-account", IGNORED, "suppressed-account"),
    "Suppressed by you": (WITHHELD, "suppressed-account", IGNORED, "suppressed-account"),
    "Blocker": (WITHHELD, "suppressed-account", IGNORED, "suppressed-account"),
    "MailBlocked": (WITHHELD, "suppressed-account", IGNORED, "suppressed-account"),
    "Unsubscribed": (WITHHELD, "unsubscribed-account", IGNORED, "unsubscribed-account"),
    "Hard Bounced": (WITHHELD, "bounced", IGNORED, "bounced"),
    "Complained to ISP": (WITHHELD, "suppressed-account", IGNORED, "suppressed-account"),
    "IspComplaints": (WITHHELD, "suppressed-account", IGNORED, "suppressed-account"),
    "Suppressed by domain": (WITHHELD, "suppressed-account", IGNORED, "suppressed-account"),
    "SoftBounced": (WITHHELD, "soft-bounced", NEW, "unknown-at-platform"),
    "Invalid Email": (REJECTED, "address-refused", NEW, "unknown-at-platform"),
    "Duplicate": (REJECTED, "duplicate-in-import", NEW, "unknown-at-platform"),
    "Failures": (REJECTED, "platform-refused", NEW, "unknown-at-platform"),
    "A word of next year": (REJECTED, "unknown", NEW, "unknown-at-platform"),
}
"""Wording of a fault: outcome and reason of its row, class and reason in the next plan."""


def files(books: Books, job_id: str, ending: str) -> list[bytes]:
    """Files kept with a job whose name ends so."""
    return [
        bytes(body)
        for (body,) in books.sql(
            "SELECT f.body FROM job_files f JOIN jobs j ON j.no = f.job_no WHERE j.job_id = ? AND f.name LIKE ?",
            job_id,
            f"%{ending}",
        )
    ]


@pytest.mark.parametrize("faults_bom", [False, True])
def test_oro_defect_01_each_fault_has_its_own_reason_and_only_an_opt_out_is_remembered_as_one(
    books: Books, *, faults_bom: bool
) -> None:
    books.control("switch", name="faults_bom", value=faults_bom)
    emails = books.additions(len(FAULTS) + 2)
    refused = dict(zip(FAULTS, emails, strict=False))
    books.control(
        "next-import",
        faults=[[wording, email] for wording, email in refused.items()],
        lose=list(refused.values()),
    )
    ended = books.export()
    assert (ended.exit_code, ended.job.state) == (3, JobState.PARTLY), ended.log
    assert dict(ended.counts) == {"sent": 2, WITHHELD: 10, REJECTED: 4}
    told = {row.email.lower(): (row.outcome.value, row.reason) for row in books.outcomes(ended.job.job_id)}
    assert {wording: told[email] for wording, email in refused.items()} == {
        wording: (outcome, reason) for wording, (outcome, reason, _, _) in FAULTS.items()
    }
    plan = books.preview()
    rows = {wording: books.plan_row(plan, email) for wording, email in refused.items()}
    assert {wording: (row.row_class.value, row.reason) for wording, row in rows.items()} == {
        wording: (class_, reason) for wording, (_, _, class_, reason) in FAULTS.items()
    }
    for wording in FAULTS:
        assert f"1 {wording}" in ended.log


def test_R19_report_and_faults_are_kept_and_are_the_platforms_own(books: Books) -> None:
    emails = books.additions(3)
    faults = [["Invalid Email", emails[0]]]
    books.control(
        "next-import", faults=faults, lose=emails[:1], report={"newContacts": 2, "invalidEntries": 1}
    )
    job_id = books.export().job.job_id
    (listed,) = files(books, job_id, "-faults.csv")
    assert [row[:2] for row in csv.reader(io.StringIO(listed.decode("utf-8-sig")))][1:] == faults
    (report,) = files(books, job_id, "-report.json")
    assert json.loads(report)["invalidEntries"] == 1
    (head,) = files(books, job_id, "-sent-head.csv")
    lines = head.decode("utf-8").splitlines()
    assert len(lines) == 2, "the header and the first row, for people who have to look why a file was refused"
    assert lines[0].startswith("email,")


def test_only_opt_outs_met_while_sending_spoil_no_run(books: Books) -> None:
    """Who opted out between plan and import: withheld, and the run is a success (R28)."""
    emails = books.additions(4)
    plan = books.preview()
    job_id = books.new_export(plan)
    books.control("next-import", faults=[["Unsubscribed", emails[0]]], lose=emails[:1])
    ended = books.carry(job_id)
    assert (ended.exit_code, ended.job.state) == (0, JobState.DONE), ended.log
    assert dict(ended.counts) == {"sent": 3, WITHHELD: 1}


def test_a_row_that_a_finished_import_passed_over_in_silence_is_not_sent(books: Books) -> None:
    """No fault names it and reading back does not show it: not confirmed, and in the next plan again."""
    emails = books.additions(3)
    books.control("next-import", lose=emails[:1])
    ended = books.export()
    assert (ended.exit_code, ended.job.state) == (3, JobState.PARTLY), ended.log
    assert books.outcome(ended.job.job_id, emails[0]) == ("unknown", "not-confirmed")
    row = books.plan_row(books.preview(), emails[0])
    assert (row.row_class, row.reason) == (RowClass.NEW, "not-confirmed")


def test_who_left_the_book_meanwhile_is_withheld_though_no_fault_says_so(books: Books) -> None:
    """A book-level opt-out is no fault of an import (contract §5): the row is passed over in silence."""
    emails = books.additions(3)
    job_id = books.new_export(books.preview())
    books.control("latency", ms=0)
    books.control("subscribe", email=emails[0], list=books.list_id)
    books.control("unsubscribe", email=emails[0], list=books.list_id)
    ended = books.carry(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 2, WITHHELD: 1}), ended.log
    assert books.outcome(job_id, emails[0]) == (WITHHELD, "unsubscribed")
    assert emails[0] not in books.asked()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("RejectedByWatchdog", ("WatchdogReport.aspx?g=", "Nothing was loaded", "return to the next plan")),
        ("InvalidFileFormat", ("The file began: email,", "Nothing was loaded", "return to the next plan")),
        ("ExceedsAllowedContactLimit", ("The book has ", "the account ", "nothing was loaded")),
        ("Failed", ("WatchdogReport.aspx?g=", "is read back")),
        ("Unknown", ("WatchdogReport.aspx?g=", "is read back")),
    ],
)
def test_a_job_says_what_the_platform_said_and_where_to_look(
    books: Books, status: str, words: tuple[str, ...]
) -> None:
    emails = books.additions(3)
    books.control("next-import", status=status, load=False)
    ended = books.export()
    limit = status == "ExceedsAllowedContactLimit"  # an account limit has an exit code of its own (design §6)
    assert (ended.exit_code, ended.job.state) == (7 if limit else 3, JobState.PARTLY)
    assert status in ended.log
    for one in words:
        assert one in ended.log
    assert files(books, ended.job.job_id, "-sent-head.csv"), "kept whatever became of it"
    assert not set(emails) & books.ours()
    plan = books.preview()
    assert {books.plan_row(plan, email).reason for email in emails} == {"not-confirmed"}


@pytest.mark.parametrize("load", [False, True])
def test_R23_a_newer_word_is_shown_raw_and_rows_are_told_by_reading_back(
    swift: Books, monkeypatch: pytest.MonkeyPatch, *, load: bool
) -> None:
    """It may mean work going on, so it is waited for; after that the book tells, never the word."""
    monkeypatch.setattr(settling, "utc_now", swift.now)
    swift.additions(3)
    swift.control("next-import", status="NotAvailableInThisVersion", load=load)
    ended = swift.export()
    assert "NotAvailableInThisVersion" in ended.log
    assert swift.ahead > 100 * 60
    expected = (0, {"sent": 3}) if load else (3, {"unknown": 3})
    assert (ended.exit_code, dict(ended.counts)) == expected, ended.log


def test_an_import_that_the_platform_forgot_is_told_by_reading_back(books: Books) -> None:
    """A report that is kept for about a week, asked for later: the rows are in the book, and that tells."""
    emails = books.additions(3)
    books.control("hold-imports", on=True)
    job_id = books.new_export(books.preview())
    assert books.killed(job_id, die_in="settling:2") == -9
    books.control("release-imports")
    books.preview("members-news")
    books.move_on(9 * 86_400)
    ended = books.carry(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3}), ended.log
    assert books.ours() == set(emails)
    assert all(row.origin_id for row in books.outcomes(job_id))


def test_R17_many_who_joined_without_a_change_are_not_missed(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account knows them with the same values: joining the book need not count as a change, and so no list of
    what changed tells of them (contract §4). The book itself does."""
    monkeypatch.setattr(verifying, "FIND_AT_MOST", 3)
    books.control("switch", name="addition_modifies", value=False)
    books.link(list_id="4713")
    there = books.platform("4713")
    people = [i for i in in_book(60) if person(SEED, i).email.lower() not in there][:10]
    books.put_all(people)
    books.save()
    plan = books.preview()
    assert plan.counts[NEW] == 10
    ended = books.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 10}), ended.log
    assert books.preview().writes == 0
