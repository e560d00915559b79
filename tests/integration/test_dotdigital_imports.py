"""Exports that go as import files: every end of an import, held ones, lost answers, kills (oro defects 2, 3, 5, 15)."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import pytest

from adapters.dotdigital import importfile, provider, settling
from console.jobs import tickets
from console.jobs.pickup import pick_up_waiting
from console.jobs.process import alive, this_process
from console.jobs.run import Run
from state.ids import short_id
from state.jobs import finish_job, request_cancel
from state.leases import take_lease
from state.model import Action, Job, JobState, Outcome, RowClass
from state.store import open_state
from state.unblock import open_rows, unblock_job
from tests.integration.books import Books, in_book
from tests.integration.world import EVA, LINK


def release(books: Books, job_id: str) -> Job:
    """A person lets go of what has no answer."""
    with open_state(books.state_path) as state:
        return unblock_job(state, job_id, operator=EVA, now=books.now(), alive=alive)


def reasons(books: Books, job_id: str) -> set[tuple[str, str]]:
    return {(row.outcome.value, row.reason) for row in books.outcomes(job_id)}


def planned(books: Books) -> dict[tuple[str, str], int]:
    """Rows the next plan would send, by class and reason."""
    plan = books.preview()
    return {(g.row_class.value, g.reason): g.rows for g in plan.groups if g.action is not None}


def test_additions_go_by_import_and_come_back_with_their_ids(books: Books) -> None:
    emails = books.additions(30)
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 30}), ended.log
    assert len(books.posts()) == 1
    platform = books.platform()
    assert {platform[email] for email in emails} == {"Subscribed"}
    assert all(row.origin_id for row in books.outcomes(ended.job.job_id))
    assert books.ours() == set(emails)
    again = books.export()
    assert (again.exit_code, dict(again.counts)) == (0, {})


def test_the_four_steps_stand_in_the_log_with_their_numbers(books: Books) -> None:
    books.link(mode="mirror")
    books.additions(12)
    assert books.export().exit_code == 0
    books.drop(range(500, 505))
    for i in in_book(3):
        books.put(i, newsletter_no="yes")
    books.put_all(range(600, 607))
    books.change(510, first_name="Anders")
    books.save()
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 16}), ended.log
    steps = [line.split("Step ")[1] for line in ended.log.splitlines() if " Step " in line]
    assert steps[0] == "1 of 4, removed contacts: 5 leave the list."
    assert steps[1].startswith("2 of 4, list items against the unsubscribed: 3 unsubscribed, ")
    assert steps[2] == "3 of 4, preparing: 7 new, 1 changed, 0 moved in 2 files of ≤ 10,000 rows."
    assert steps[3].startswith("4 of 4, exporting 8 rows to ")


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ("RejectedByWatchdog", "rejected", "watchdog-rejected"),
        ("InvalidFileFormat", "rejected", "import-file-invalid"),
        ("ExceedsAllowedContactLimit", "rejected", "contact-limit"),
        ("Failed", "unknown", "not-confirmed"),
        ("Unknown", "unknown", "not-confirmed"),
    ],
)
def test_oro_defect_03_rows_of_an_import_that_took_nothing_return_to_the_next_plan(
    books: Books, status: str, outcome: str, reason: str
) -> None:
    books.additions(6)
    known = in_book(4)
    books.put_all(known)
    for i in known:
        books.change(i, first_name="Anders")
    books.save()
    books.control("next-import", status=status, load=False, count=2)
    ended = books.export()
    limit = reason == "contact-limit"
    assert ended.exit_code == (7 if limit else 3), ended.log
    assert ended.job.reason == ("contact-limit" if limit else "rows-left")
    assert ended.job.state is JobState.PARTLY, "the import is over: nothing waits for it"
    assert reasons(books, ended.job.job_id) == {(outcome, reason)}
    assert planned(books) == {
        (RowClass.NEW.value, "not-confirmed"): 6,
        (RowClass.CHANGED.value, "not-confirmed"): 4,
    }
    again = books.export()
    assert (again.exit_code, dict(again.counts)) == (0, {"sent": 10}), again.log
    assert planned(books) == {}


def test_a_row_that_came_all_the_same_is_not_planned_again(books: Books) -> None:
    emails = books.additions(6)
    books.control("next-import", status="Failed", load=True)
    ended = books.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 6}), ended.log
    assert set(emails) <= set(books.platform())
    assert planned(books) == {}


def test_oro_defect_02_a_refused_post_loses_no_change(books: Books) -> None:
    known = in_book(4)
    books.put_all(known)
    for i in known:
        books.change(i, first_name="Anders")
    books.save()
    books.control("refuse-next", code="ERROR_UNKNOWN", path="import", method="POST")
    assert books.export().exit_code != 0
    assert sum(planned(books).values()) == 4
    assert books.export().exit_code == 0
    assert planned(books) == {}


def test_the_vendors_files_are_kept_with_the_job(books: Books) -> None:
    books.additions(3)
    job_id = books.export().job.job_id
    names = {
        name
        for (name,) in books.sql(
            "SELECT f.name FROM job_files f JOIN jobs j ON j.no = f.job_no WHERE j.job_id = ?", job_id
        )
    }
    assert any(name.endswith("-sent-head.csv") for name in names), names
    assert any(name.endswith("-report.json") for name in names), names


def test_oro_defect_01_a_fault_has_its_own_reason(books: Books) -> None:
    emails = books.additions(4)
    books.control(
        "next-import",
        status="Finished",
        faults=[["Invalid Email", emails[0]], ["Unsubscribed", emails[1]]],
    )
    ended = books.export()
    by_email = {row.email.lower(): row for row in books.outcomes(ended.job.job_id)}
    assert by_email[emails[0]].outcome is Outcome.REJECTED
    assert by_email[emails[1]].outcome is Outcome.WITHHELD
    assert by_email[emails[0]].reason != by_email[emails[1]].reason
    assert [by_email[email].outcome for email in emails[2:]] == [Outcome.SENT] * 2


# --- held imports ------------------------------------------------------------------------------------------


@pytest.fixture
def held(books: Books) -> str:
    """An export whose import the platform holds; the job waits without a process."""
    books.additions(5)
    books.control("hold-imports", on=True)
    job_id = books.new_export(books.preview())
    assert books.killed(job_id, die_in="settling:2") == -9
    books.ahead = 3 * 3600
    ended = books.carry(job_id)
    assert (ended.exit_code, ended.job.state) == (0, JobState.WAITING), ended.log
    return job_id


def test_a_held_import_lets_its_job_wait_and_names_it(books: Books, held: str) -> None:
    job = books.ended(0, held).job
    assert job.waiting_for.startswith("waiting on the vendor: import ")
    assert "NotFinished" in job.waiting_for
    assert "WatchdogReport" in job.waiting_for
    assert {row.outcome for row in books.outcomes(held)} == {Outcome.ACCEPTED}
    assert len(books.posts()) == 1


def test_a_held_import_blocks_every_link_of_the_account(books: Books, held: str) -> None:
    books.keys["other"] = books.keys["verband"]
    books.link("second", connection="other", list_id="4712", source="others")
    books.rows.clear()
    books.put(700)
    books.save("others")
    ended = books.export(link="second")
    assert (ended.exit_code, ended.job.reason) == (6, "import-open"), ended.log
    assert held[-8:] in ended.job.text
    assert "report page" in ended.job.text
    assert len(books.posts()) == 1


def test_it_goes_on_when_the_platform_has_ended(books: Books, held: str) -> None:
    books.control("release-imports")
    ended = books.carry(held)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 5}), ended.log
    assert len(books.posts()) == 1


def test_a_person_may_let_go_and_the_rows_come_back_as_not_confirmed(books: Books, held: str) -> None:
    with books.state() as state:
        (chunk,) = open_rows(state, held)
    assert (chunk.action, chunk.rows) == (Action.ADD, 5)
    assert chunk.polls > 0
    assert "WatchdogReport" in chunk.page
    job = release(books, held)
    assert (job.state, job.reason) == (JobState.PARTLY, "released")
    assert planned(books) == {(RowClass.NEW.value, "not-confirmed"): 5}


def test_an_error_nobody_foresaw_leaves_an_open_import_to_be_followed(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.additions(5)

    async def faulty(*args: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(settling.Settling, "settle", faulty)
        ended = books.export()
    assert (ended.exit_code, ended.job.state, ended.job.reason) == (1, JobState.STALLED, "unknown")
    assert "5 rows left and are not settled" in ended.log
    assert f"job resume {short_id(ended.job.job_id)}" in ended.log
    again = books.export()
    assert (again.job.job_id, dict(again.counts)) == (ended.job.job_id, {"sent": 5}), again.log
    assert len(books.posts()) == 1


# --- answers that never came -------------------------------------------------------------------------------


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """No quarantine is sat out."""

    async def wait_until(self: Run, moment: datetime, text: str = "") -> None:
        self.check_cancelled()

    monkeypatch.setattr(Run, "wait_until", wait_until)


def test_oro_defect_15_a_post_without_an_answer_is_never_posted_again(books: Books, rested: None) -> None:
    books.additions(5)
    books.control("hold-imports", on=True)
    books.control("fail-next", count=1, body="drop-after", path="contacts/import", method="POST")
    ended = books.export()
    assert ended.job.state is JobState.STALLED, ended.log
    assert "job unblock" in ended.log
    assert {row.outcome for row in books.outcomes(ended.job.job_id)} == {Outcome.UNKNOWN}
    assert len(books.posts()) == 1
    still = books.export()
    assert (still.job.job_id, still.job.state) == (ended.job.job_id, JobState.STALLED)
    assert len(books.posts()) == 1, "not by the next process either"
    books.control("release-imports")
    books.control("clock", advance=60)  # it ends, although nobody asks for it
    found = books.export()
    assert (found.job.job_id, found.exit_code) == (ended.job.job_id, 0), found.log
    assert dict(found.counts) == {"sent": 5}
    assert len(books.posts()) == 1


@pytest.mark.parametrize("by", ["renamed link", "second connection", "plan of another job"])
def test_rows_without_an_answer_are_not_posted_again_under_another_name(
    books: Books, rested: None, by: str
) -> None:
    books.additions(5)
    books.control("hold-imports", on=True)
    books.control("fail-next", count=1, body="drop-after", path="contacts/import", method="POST")
    ended = books.export()
    assert ended.job.state is JobState.STALLED, ended.log
    link = LINK
    if by == "renamed link":
        books.links["renamed"] = books.links.pop(LINK)
        link = "renamed"
    elif by == "second connection":
        books.keys["other"] = books.keys["verband"]
        books.link("twin", connection="other")
        link = "twin"
    plan = books.preview(link)
    refused = books.carry(books.new_export(plan))
    assert (refused.exit_code, refused.job.reason) == (6, "import-open"), refused.log
    assert f"job unblock {short_id(ended.job.job_id)}" in refused.log
    assert "5 rows of job" in refused.log
    assert len(books.posts()) == 1
    release(books, ended.job.job_id)
    books.control("hold-imports", on=False)
    assert books.carry(books.new_export(books.preview(link))).job.reason != "import-open"


def test_rows_without_an_answer_of_a_job_that_was_cancelled_can_only_be_let_go_of(
    books: Books, rested: None
) -> None:
    books.additions(5)
    books.control("hold-imports", on=True)
    books.control("fail-next", count=1, body="drop-after", path="contacts/import", method="POST")
    ended = books.export()
    with open_state(books.state_path) as state:
        finish_job(
            state,
            ended.job.job_id,
            state_=JobState.CANCELLED,
            reason="cancelled",
            text="Cancelled while it was sending.",
            exit_code=130,
            counts={},
            now=books.now(),
        )
    plan = books.preview()
    refused = books.carry(books.new_export(plan))
    short = short_id(ended.job.job_id)
    assert (refused.exit_code, refused.job.reason) == (6, "import-open"), refused.log
    assert f"job unblock {short}" in refused.log
    assert f"job resume {short}" not in refused.log
    assert len(books.posts()) == 1


def test_a_job_whose_link_is_gone_names_the_way_out(books: Books, rested: None) -> None:
    books.additions(5)
    books.control("hold-imports", on=True)
    books.control("fail-next", count=1, body="drop-after", path="contacts/import", method="POST")
    ended = books.export()
    books.links["other"] = books.links.pop(LINK)
    again = books.carry(ended.job.job_id)
    assert (again.job.state, again.job.reason) == (JobState.STALLED, "link-missing")
    short = short_id(ended.job.job_id)
    assert f"job resume {short}; or let go of its rows: listwarden job unblock {short}" in again.log
    assert "other. Rows without an answer are read back when the job goes on." in again.log


def test_rows_in_doubt_do_not_keep_another_list_waiting(books: Books, rested: None) -> None:
    books.additions(5)
    books.control("hold-imports", on=True)
    books.control("fail-next", count=1, body="drop-after", path="contacts/import", method="POST")
    assert books.export().job.state is JobState.STALLED
    books.control("hold-imports", on=False)
    books.link("second", list_id="4712")
    assert dict(books.export(link="second").counts)["sent"] == 5


def test_a_platform_out_of_reach_for_a_while_leaves_its_import_to_whoever_looks_next(books: Books) -> None:
    """Polls that fail stop the asking and not the job: it is picked up like any other that waits."""
    emails = books.additions(5)
    plan = books.preview()
    books.control("hold-imports", on=True)
    books.control("fail-next", count=12, method="GET", path="contacts/import/", status=502, body="html")
    ended = books.export(plan)
    assert (ended.exit_code, ended.job.state, ended.job.reason) == (0, JobState.WAITING, "import-open")
    assert "502" in ended.job.text
    assert "5 rows" in ended.job.text
    books.control("fail-next", count=4, method="GET", path="address-books", status=502, body="html")
    job_id = ended.job.job_id
    again = books.carry(job_id)
    assert (again.exit_code, again.job.state) == (0, JobState.WAITING), "not even the list could be read"
    books.control("release-imports")
    done = books.carry(job_id)
    assert (done.exit_code, dict(done.counts)) == (0, {"sent": 5}), done.log
    assert len(books.posts()) == 1
    assert books.ours() == set(emails)


def test_a_kill_between_post_and_answer_is_read_back(books: Books) -> None:
    emails = books.additions(5)
    job_id = books.new_export(books.preview())
    assert books.killed(job_id, die_in="answering") == -9
    ended = books.finish(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 5}), ended.log
    assert len(books.posts()) == 1, "what was posted is not posted again"
    assert set(emails) <= set(books.platform())
    assert books.ours() == set(emails)
    assert all(row.origin_id for row in books.outcomes(job_id))


def test_a_kill_before_the_post_leaves_the_rows_to_a_person(books: Books) -> None:
    books.additions(5)
    job_id = books.new_export(books.preview())
    assert books.killed(job_id, crash_at="journal:1") == -9
    for _ in range(2):
        books.ahead += 3600
        ended = books.carry(job_id)
        assert ended.job.state is JobState.STALLED, ended.log
    assert books.posts() == [], "nobody can know that it never left"
    release(books, job_id)
    assert planned(books) == {(RowClass.NEW.value, "not-confirmed"): 5}
    assert dict(books.export().counts) == {"sent": 5}


def test_the_part_of_a_chunk_that_got_no_answer_waits_for_a_person(
    books: Books, monkeypatch: pytest.MonkeyPatch, rested: None
) -> None:
    """A chunk too large for one file goes as two; the second file's answer is lost."""
    monkeypatch.setattr(importfile, "FILE_BYTES", 300)
    monkeypatch.setattr(tickets, "POLL_DEADLINE_SECONDS", -1)
    books.additions(6)
    books.control("hold-imports", on=True)
    books.control("fail-next", count=1, skip=1, body="drop-after", path="contacts/import", method="POST")
    ended = books.export()
    assert ended.job.state is JobState.WAITING, ended.log
    posted = len(books.posts())
    assert posted == 2
    rows = {row.outcome for row in books.outcomes(ended.job.job_id)}
    assert rows == {Outcome.ACCEPTED, Outcome.UNKNOWN} or Outcome.REJECTED in rows
    (ticket,) = books.sql("SELECT ticket FROM chunks WHERE ticket <> ''")
    books.control("release-imports", id=str(ticket[0]))
    ended = books.carry(ended.job.job_id)
    assert ended.job.state is JobState.STALLED, ended.log
    assert ended.counts["unknown"] > 0
    assert len(books.posts()) == posted
    books.control("release-imports")
    books.control("clock", advance=60)
    ended = books.carry(ended.job.job_id)
    assert len(books.posts()) == posted, "not posted again, and found in the end"
    assert ended.counts.get("unknown", 0) == 0, ended.log


def test_a_change_whose_file_got_no_answer_waits_although_others_were_done(
    books: Books, rested: None
) -> None:
    """Values cleared by calls of their own are done; the file with the other changes got no answer."""
    books.link(fields='{ FIRSTNAME = { columns = ["first_name"], blank = "clear" } }')
    known = in_book(4)
    books.put_all(known)
    for i in known[:2]:
        books.change(i, first_name="")
    for i in known[2:]:
        books.change(i, first_name="Anders")
    books.save()
    books.control("hold-imports", on=True)
    books.control("fail-next", count=1, body="drop-after", path="contacts/import", method="POST")
    ended = books.export()
    assert ended.job.state is JobState.STALLED, ended.log
    assert ended.counts == {"sent": 2, "unknown": 2}
    assert len(books.posts()) == 1


def test_a_waiting_job_that_finds_the_account_busy_waits_on(books: Books, held: str) -> None:
    with open_state(books.state_path) as state:
        (account,) = state.db.execute("SELECT name FROM leases").fetchone()
        take_lease(
            state,
            account,
            job_id="other",
            operator=EVA,
            process=this_process(),
            now=books.now(),
            alive=lambda mark: True,
        )
        ended = books.carry(held)
        assert (ended.exit_code, ended.job.state, ended.job.reason) == (6, JobState.WAITING, "account-busy")


# --- a person stops it -------------------------------------------------------------------------------------


def test_a_cancelled_job_is_followed_and_sends_nothing_more(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importfile, "FILE_ROWS", 5)
    monkeypatch.setattr(provider, "FILE_ROWS", 5)
    books.additions(10)
    books.control("hold-imports", on=True)
    job_id = books.new_export(books.preview())

    def cancel() -> None:
        with open_state(books.state_path) as state:
            while not state.db.execute("SELECT 1 FROM chunks WHERE ticket <> ''").fetchone():
                time.sleep(0.01)
            request_cancel(state, job_id, EVA, books.now(), alive=alive)

    person = threading.Thread(target=cancel)
    person.start()
    ended = books.carry(job_id)
    person.join()
    assert (ended.exit_code, ended.job.state) == (130, JobState.WAITING), ended.log
    posted = len(books.posts())
    books.control("release-imports")
    ended = books.carry(job_id)
    assert ended.job.state is JobState.CANCELLED, ended.log
    assert len(books.posts()) == posted
    assert ended.counts["sent"] == 5 * posted
    books.ahead += 60
    assert books.export().exit_code == 0


# --- whoever looks next ------------------------------------------------------------------------------------


def test_a_waiting_job_is_picked_up_by_whoever_looks(books: Books, held: str) -> None:
    started: list[str] = []

    def spawn(job_id: str, **named: object) -> int:
        started.append(job_id)
        return 1

    def look(**named: str) -> list[str]:
        started.clear()
        found = pick_up_waiting(
            books.state_path, config=books.configure(), now=books.now, spawn=spawn, **named
        )
        assert [job.job_id for job in found] == started
        return list(started)

    assert look() == [held]
    assert look(connection="verband") == [held]
    assert look(connection="nobody") == []
    assert look(job_id=held) == [held]
    assert look(but_link="members-news") == []
    books.control("release-imports")
    assert books.carry(held).exit_code == 0
    assert look() == [], "it is over"


def test_nothing_is_picked_up_in_read_only_mode(books: Books, held: str) -> None:
    config = books.configure()
    config.write_text(
        config.read_text().replace("[options]", "[options]\nread_only = true"), encoding="utf-8"
    )

    def spawn(job_id: str, **named: object) -> int:
        raise AssertionError("started")

    assert pick_up_waiting(books.state_path, config=config, now=books.now, spawn=spawn) == ()


def test_a_picked_up_job_runs_in_a_process_of_its_own_and_ends(books: Books, held: str) -> None:
    books.control("release-imports")
    (job,) = pick_up_waiting(books.state_path, config=books.configure())
    again = pick_up_waiting(books.state_path, config=books.configure())
    assert [one.job_id for one in again] in ([held], []), "a second process has to claim it, and cannot"
    deadline = time.monotonic() + 60
    while not (ended := books.ended(0, job.job_id).job).state.final and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (ended.state, ended.counts) == (JobState.DONE, {"sent": 5})
    assert len(books.posts()) == 1
