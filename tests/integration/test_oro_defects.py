"""What the Oro bundle gets wrong and what its users reported, each as a test of ours (dotdigital contract, section I).

The fifteen defects are tested by name, ``test_oro_defect_NN_…``; those about imports and removals stand with the
tests of imports and of the two levels. The last test here counts them.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from adapters.sandbox.dotdigital import ALL_BOOK, TEST_BOOK, seeded_fields
from adapters.sandbox.people import person
from state.connections import list_rows
from state.model import Action, JobKind, JobState
from tests.integration.books import Books, in_book
from tests.integration.world import SEED, Row

TYPED = '{ FIRSTNAME = "first", MEMBERSINCE = "since", DONATIONS = "donations", BOARD = "board" }'
STATUS = re.compile(r"/contacts/import/[0-9a-f-]{36}$")


def save_typed(books: Books, people: list[tuple[int, str, str, str]]) -> None:
    """A source whose columns are a date, a number and a yes or no: person, date, number, yes or no."""
    with (books.folder / "members.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["person_id", "email", "first", "since", "donations", "board", "newsletter_no"])
        for i, since, donations, board in people:
            first = seeded_fields(SEED, i)["FIRSTNAME"]
            writer.writerow([i, person(SEED, i).email, first, since, donations, board, ""])


def requests(books: Books, pattern: str) -> list[dict[str, object]]:
    """Requests since the mark whose path fits."""
    return [row for row in books.ledger() if re.search(pattern, row["path"])]


# --- by number ---------------------------------------------------------------------------------------------


def test_oro_defect_04_who_could_not_be_removed_stays_known_and_ours(books: Books) -> None:
    """Oro deletes its own record even when the call failed; here the refused rows are told, and planned again."""
    books.link(mode="mirror")
    emails = books.additions(6)
    assert books.export().exit_code == 0
    books.drop([500, 501])
    books.save()
    books.control("refuse-next", code="ERROR_CONTACT_INVALID", path="contacts/delete$", method="POST")
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (3, {"rejected": 2}), ended.log
    assert set(emails) <= books.ours()
    assert set(emails) <= set(books.platform())
    assert dict(books.export().counts) == {"sent": 2}
    assert not set(emails[:2]) & set(books.platform())


def test_oro_defect_05_no_status_is_answered_from_memory(swift: Books) -> None:
    """Oro keeps every answer for a quarter of an hour; here each poll is a request, and the end is seen at once."""
    swift.additions(3)
    swift.control("next-import", polls=4)
    ended = swift.export()
    assert ended.exit_code == 0, ended.log
    assert len([row for row in swift.ledger() if STATUS.search(row["path"])]) == 5
    read_again = "/address-books/4711$"
    before = len(requests(swift, read_again))
    swift.preview()
    between = len(requests(swift, read_again))
    swift.preview()
    assert before < between < len(requests(swift, read_again)), "a second look asks again"


def test_oro_defect_06_what_was_not_done_is_no_success(books: Books) -> None:
    """Oro ends a run that found another one at work as done; here it says that nothing was sent, and who is in the way."""
    books.additions(3)
    books.control("hold-imports", on=True)
    first = books.new_export(books.preview())
    assert books.killed(first, die_in="settling:2") == -9
    books.control("hold-imports", on=False)  # what comes later is not held; the first one still is
    books.link("second", list_id="4712", source="others")
    books.rows.clear()
    books.put(700)
    books.save("others")
    ended = books.export(link="second")
    assert (ended.job.state, ended.exit_code, ended.job.reason) == (JobState.FAILED, 6, "import-open")
    assert "sent" not in ended.counts
    assert first[-8:] in ended.job.text
    assert f"listwarden job resume {first[-8:]}" in ended.log


def test_oro_defect_08_what_is_due_stays_within_its_own_link(books: Books) -> None:
    """Oro's "or updated" escapes the list's own filter; a refresh of one link touches nobody of another, nobody outside."""
    shared = in_book(6)
    books.link("second", list_id="4712", source="others")
    emails = books.put_all(shared)
    books.control("subscribe", emails=[email.lower() for email in emails], list="4712")
    books.save("others")
    books.drop(shared[4:])
    books.save()
    assert books.preview().writes == books.preview("second").writes == 0
    end = books.run(JobKind.REFRESH, link="members-news")
    assert end.counts == {"marked": 4, "to_send": 4}, end
    assert books.preview("second").writes == 0
    books.drop([shared[3]])
    books.save()
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3}), ended.log
    assert books.asked() == {email.lower() for email in emails[:3]}
    assert {row["path"] for row in books.posts()} == {
        "/contacts/import/with-merge-option/OnlyOverwriteIfNotEmpty"
    }, "changes go into no book at all"


@pytest.mark.parametrize("dates_vary", [False, True])
def test_oro_defect_09_what_did_not_change_is_not_sent_again(books: Books, *, dates_vary: bool) -> None:
    """Dates, numbers and yes or no are compared as what they are, in whichever spelling either side writes them."""
    books.control("switch", name="dates_vary", value=dates_vary)
    books.link(fields=TYPED)
    people = in_book(8)
    spellings = ("2019-04-01", "2019-04-01T00:00:00", "2019-04-01 00:00:00", "2019-04-01T00:00:00Z")
    numbers = ("2.5", "2.50", "12", "12.0")
    words = ("yes", "true", "1", "no")
    values = [(i, spellings[n % 4], numbers[n % 4], words[n % 4]) for n, i in enumerate(people)]
    save_typed(books, values)
    first = books.export()
    assert first.exit_code == 0, first.log
    books.mark()
    for _ in range(3):
        again = books.export()
        assert (again.exit_code, again.job.reason) == (0, "nothing-to-do"), again.log
        books.ahead += 8 * 86_400  # also after a whole listing
    assert books.mutations() == []
    values[0] = (people[0], "2019-04-02", "2.5", "yes")
    save_typed(books, values)
    plan = books.preview()
    assert plan.writes_by_action() == {Action.CHANGE: 1}
    assert [one.name for one in books.plan_row(plan, person(SEED, people[0]).email).differences] == [
        "MEMBERSINCE"
    ]


def test_oro_defect_10_every_field_and_every_book_is_read(books: Books) -> None:
    for number in range(150):
        books.control("add-field", name=f"FIELD_{number}")
    for _ in range(11):
        books.control("seed-books", counts=[0] * 100)
    assert books.run(JobKind.READ, connection="verband").exit_code == 0
    books.save()
    end = books.run(JobKind.FIELDS, connection="verband", action="sync")
    assert end.exit_code == 0, end
    with books.state() as state:
        listed = list_rows(state, "verband")
    assert len(listed) >= 1_105, "a page of books holds a thousand"
    known = {name for (name,) in books.sql("SELECT DISTINCT name FROM remote_fields")}
    assert {f"FIELD_{number}" for number in range(150)} <= known


@pytest.mark.parametrize("plain_text", [False, True])
def test_oro_defect_11_who_left_and_is_new_to_us_has_the_status_of_an_opt_out(
    books: Books, *, plain_text: bool
) -> None:
    """Oro takes the status of somebody it did not know from the format of their mail."""
    stranger = "gone.before@example.org"
    books.control("subscribe", email=stranger, list=books.list_id)
    books.control("unsubscribe", email=stranger, list=books.list_id)
    suppressed = "gone.everywhere@example.org"
    books.control("subscribe", email=suppressed, list=books.list_id)
    books.control("suppress", email=suppressed, status="IspComplained")
    books.control("switch", name="pascal_keys", value=plain_text)
    books.put_all(in_book(2))
    books.rows["a"] = Row("a", stranger, "Gone", "Before")
    books.rows["b"] = Row("b", suppressed, "Gone", "Everywhere")
    books.save()
    plan = books.preview()
    member = books.member(stranger)
    assert member is not None
    assert (member["consent"], member["raw_status"]) == ("unsubscribed", "Unsubscribed")
    assert books.plan_row(plan, stranger).reason == "unsubscribed"
    assert books.plan_row(plan, suppressed).reason == "suppressed-account"
    assert plan.writes == 0


@pytest.mark.parametrize("localised", [False, True])
@pytest.mark.parametrize("book", [TEST_BOOK, ALL_BOOK])
def test_oro_defect_12_nothing_is_exported_to_a_book_of_the_account_itself(
    books: Books, book: int, *, localised: bool
) -> None:
    books.control("switch", name="localised_names", value=localised)
    names = [row["name"] for row in system_books(books, localised=localised)]
    assert len(names) == 2, "the account's own two books are known by their names, in its language"
    books.control("switch", name="reserved_writable", value=True)
    books.link(list_id=str(book))
    books.additions(3)
    ended = books.run(JobKind.PREVIEW, link="members-news", save=True)
    assert (ended.exit_code, ended.reason) == (8, "system-list"), ended
    assert "listwarden lists verband" in ended.next
    assert books.mutations() == []


def system_books(books: Books, *, localised: bool) -> list[dict[str, str]]:
    """The books the state marks as the account's own; a German account has the names told in the settings."""
    if localised:
        books.more_connection = 'system_books = "Alle Kontakte, Testkontakte"'
    assert books.run(JobKind.READ, connection="verband").exit_code == 0
    with books.state() as state:
        return [{"name": row.name} for row in list_rows(state, "verband") if row.system]


def test_oro_defect_13_the_default_of_a_number_keeps_its_fraction(books: Books) -> None:
    books.save()
    for name, default in (("DUES", "42.5"), ("SHARE", "0.25"), ("COUNT", "3")):
        end = books.run(
            JobKind.FIELDS, connection="verband", action="create", name=name, kind="Numeric", default=default
        )
        assert (end.exit_code, end.reason) == (0, "field-created"), end
    found = dict(
        books.sql(
            "SELECT DISTINCT name, \"default\" FROM remote_fields WHERE name IN ('DUES', 'SHARE', 'COUNT')"
        )
    )
    assert found == {"DUES": "42.5", "SHARE": "0.25", "COUNT": "3"}


@pytest.mark.parametrize("empty_clears", [True, False])
@pytest.mark.parametrize("rows", [3, 60])
def test_oro_defect_14_an_emptied_value_empties_the_field(
    books: Books, rows: int, *, empty_clears: bool
) -> None:
    """With ``blank = "clear"``; by calls of their own, and by a file where there are many."""
    books.control("switch", name="empty_clears", value=empty_clears)
    books.link(more='blank = "clear"')
    people = in_book(rows)
    books.put_all(people, first_name="")
    books.save()
    ended = books.export()
    cleared = {
        key
        for key, mapped in books.sql("SELECT address_key, mapped FROM members")
        if mapped.startswith("\x1f")
    }
    wanted = {person(SEED, i).email.lower() for i in people}
    if empty_clears or rows <= 50:
        assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": rows}), ended.log
        books.ahead += 8 * 86_400
        assert books.preview().writes == 0
        assert cleared >= wanted
    else:
        assert ended.exit_code == 3, "a platform that clears nothing is not believed"
        assert ended.counts["sent"] == 50


def test_oro_defect_15_a_lost_answer_posts_nothing_a_second_time(swift: Books) -> None:
    """Oro posts up to five times; here the rows stay unknown until the book shows them, however often it is tried."""
    swift.additions(5)
    swift.control("hold-imports", on=True)
    swift.control("fail-next", body="drop-after", path="contacts/import", method="POST")
    ended = swift.export()
    for _ in range(3):
        assert ended.job.state is JobState.STALLED, ended.log
        assert dict(ended.counts) == {"unknown": 5}
        assert len(swift.posts()) == 1
        ended = swift.carry(ended.job.job_id)
    swift.control("release-imports")
    found = swift.carry(ended.job.job_id)
    assert (found.exit_code, dict(found.counts)) == (0, {"sent": 5}), found.log
    assert len(swift.posts()) == 1


def test_every_one_of_the_fifteen_has_its_test() -> None:
    found: set[str] = set()
    for path in Path(__file__).parents[1].rglob("test_*.py"):
        found.update(re.findall(r"def test_oro_defect_(\d\d)_", path.read_text("utf-8")))
    assert found == {f"{number:02}" for number in range(1, 16)}


# --- what users reported -----------------------------------------------------------------------------------


def test_reported_one_rejected_import_does_not_block_what_comes_next(books: Books) -> None:
    books.link("second", list_id="4712", source="others")
    books.additions(3)
    books.control("next-import", status="RejectedByWatchdog", load=False)
    assert books.export().exit_code == 3
    books.rows.clear()
    books.put_all(range(700, 703))
    books.save("others")
    ended = books.export(link="second")
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 3}), ended.log


def test_R43_reported_a_status_that_never_comes_lets_the_process_end(swift: Books) -> None:
    """A run that hung for seven hours: after two, a job waits without a process, and goes on when somebody looks."""
    swift.additions(3)
    swift.control("hold-imports", on=True)
    ended = swift.export()
    assert (ended.exit_code, ended.job.state) == (0, JobState.WAITING), ended.log
    assert 2 * 3600 < swift.ahead < 2.5 * 3600
    assert "NotFinished" in ended.job.waiting_for
    swift.control("release-imports")
    assert dict(swift.carry(ended.job.job_id).counts) == {"sent": 3}


@pytest.mark.parametrize("hidden", [False, True])
def test_reported_no_row_is_missed_by_paging(books: Books, *, hidden: bool) -> None:
    """A book of more than two pages, pages that hide rows, and somebody who leaves between two pages."""
    book = "4714"
    books.control("switch", name="hidden_rows", value=hidden)
    if not hidden:
        books.control("drift", after_pages=1, action="delete", list=book)
    books.link(list_id=book)
    books.put(700)
    books.save()
    plan = books.preview()
    there = {email for email, word in books.platform(book).items() if word in ("Subscribed", "SoftBounced")}
    assert len(there) > 2_000
    assert plan.counts["foreign"] >= len(there)
    known = {
        str(key)
        for (key,) in books.sql(
            "SELECT address_key FROM members WHERE consent = 'subscribed' AND gone IS NULL"
        )
    }
    assert known == there


@pytest.mark.parametrize("status", ["RejectedByWatchdog", "InvalidFileFormat", "Failed", "Unknown"])
def test_reported_no_failure_is_without_words_and_no_log_is_empty(books: Books, status: str) -> None:
    emails = books.additions(3)
    books.control("next-import", status=status, load=False)
    ended = books.export()
    assert ended.job.text
    assert status in ended.log
    assert "Step 4 of 4" in ended.log
    for row in books.outcomes(ended.job.job_id):
        assert row.email.lower() in emails
        assert row.reason not in ("", "unknown")


def test_reported_one_link_is_one_book(books: Books) -> None:
    """Asked to export one link, it reads and writes one book: no other is looked at."""
    books.link("second", list_id="4712", source="others")
    books.save("others")
    books.additions(3)
    assert books.export().exit_code == 0
    touched = {
        found.group(1) for row in books.ledger() if (found := re.search(r"/address-books/(\d+)", row["path"]))
    }
    assert touched == {books.list_id}


def test_reported_letter_case_makes_no_second_person(books: Books) -> None:
    people = in_book(5)
    for i in people:
        email = books.put(i)
        books.rows[str(i)].email = email.upper() if i % 2 else email.title()
    new = books.put(500)
    books.rows["500"].email = new.swapcase()
    books.save()
    plan = books.preview()
    assert plan.writes_by_action() == {Action.ADD: 1}
    before = len(books.platform())
    assert dict(books.export(plan).counts) == {"sent": 1}
    assert len(books.platform()) == before + 1
    assert books.preview().writes == 0
