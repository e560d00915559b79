"""What only looks: jobs and their logs, contacts, explain, the state file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sandbox.people import person
from state.audit import append_audit
from state.jobs import create_job, finish_job
from state.model import Consent, JobKind, JobState, Operator
from state.moments import utc_now
from state.schema import VERSION
from state.store import open_state
from tests.console.cli.desk import LISTED, SEED, Desk, listed_as
from tests.state.test_migrations import version_1

OPERATOR = Operator("eva", "here")


@pytest.fixture
def exported(desk: Desk) -> dict[str, str]:
    """One export has run."""
    return desk.sent()


def test_the_history_names_who_what_and_how_it_ended(desk: Desk, exported: dict[str, str]) -> None:
    jobs = desk.run("jobs", "--json").document
    assert [(job["kind"], job["state"]) for job in jobs] == [("export", "done"), ("preview", "done")]
    assert jobs[0]["job"] == exported["job"]
    assert jobs[0]["counts"] == {"sent": 5}
    assert jobs[0]["operator"]
    shown = desk.run("jobs", "--link", "members-news", "--limit", "1")
    assert exported["job"][-8:] in shown.out
    assert "5 sent" in shown.out
    assert len(shown.out.splitlines()) == 2
    assert desk.run("jobs", "--link", "other", "--json").document == []


def test_no_job_yet_is_said(desk: Desk) -> None:
    with open_state(desk.state):
        pass
    assert "No job has run yet" in desk.run("jobs").out


def test_explain_without_an_address_is_a_wrong_call(desk: Desk) -> None:
    answer = desk.run("explain", " ")
    assert (answer.code, "Say which address." in answer.err) == (2, True)


@pytest.mark.parametrize("what", ["connections", "links"])
def test_a_machine_without_settings_is_told_how_to_begin_and_nothing_else(desk: Desk, what: str) -> None:
    desk.config.unlink()
    answer = desk.run(what)
    assert (answer.code, answer.err) == (0, "")
    assert f"There are no {what} yet." in answer.out
    if what == "connections":
        assert "--provider dotdigital|mailchimp" in answer.out


def test_show_follow_and_outcomes_of_a_job(desk: Desk, exported: dict[str, str]) -> None:
    short = exported["job"][-8:].lower()
    shown = desk.run("job", "show", short)
    assert exported["plan"] in shown.out
    assert "Add chunk 1, 5 rows: 5 sent." in shown.out
    document = desk.run("job", "show", short, "--json").document
    assert (document["exit_code"], document["files"]) == (0, [])
    followed = desk.run("job", "follow", short, "--json")
    *lines, end = followed.lines
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert end["end"]["state"] == "done"
    assert followed.code == 0
    outcomes = desk.run("job", "outcomes", short, "--json").lines
    assert {line["outcome"] for line in outcomes} == {"sent"}
    assert all(line["origin_id"] for line in outcomes)
    assert sorted(line["email"] for line in outcomes) == sorted(
        person(SEED, i).email for i in range(LISTED, LISTED + 5)
    )
    for word in ("sent", "add", person(SEED, LISTED).email):
        assert word in desk.run("job", "outcomes", short).out
    assert desk.run("job", "outcomes", short, "--outcome", "gone").code == 2


def test_a_job_without_a_plan_has_no_outcomes(desk: Desk) -> None:
    desk.run("check", "verband")
    job = desk.run("jobs", "--json").document[0]["job"]
    answer = desk.run("job", "outcomes", job)
    assert (answer.code, "[plan-missing]" in answer.err) == (2, True)


@pytest.mark.parametrize("verb", ["show", "follow", "outcomes", "cancel", "resume", "unblock"])
def test_an_unknown_job_is_a_usage_error(desk: Desk, verb: str) -> None:
    with open_state(desk.state):
        pass
    answer = desk.run("job", verb, "ZZZZZZZZ")
    assert (answer.code, answer.out) == (2, "")
    assert "[job-missing]" in answer.err


def test_a_queued_job_nobody_took_is_cancelled_at_once(desk: Desk) -> None:
    with open_state(desk.state) as state:
        job_id = create_job(
            state, kind=JobKind.EXPORT, connection="verband", operator=OPERATOR, now=utc_now()
        )
    answer = desk.run("job", "cancel", job_id, "--json")
    assert (answer.code, answer.document["state"]) == (0, "cancelled")
    assert desk.run("job", "cancel", job_id).code == 2, "it has ended"


def test_the_exit_code_of_following_is_the_jobs(desk: Desk) -> None:
    with open_state(desk.state) as state:
        job_id = create_job(
            state, kind=JobKind.EXPORT, connection="verband", operator=OPERATOR, now=utc_now()
        )
        finish_job(
            state,
            job_id,
            state_=JobState.PARTLY,
            reason="rows-left",
            text="Ended with rows left.",
            exit_code=3,
            counts={"rejected": 1},
            now=utc_now(),
        )
    assert desk.run("job", "follow", job_id).code == 3


def test_contacts_are_found_by_part_and_by_beginning(desk: Desk) -> None:
    desk.preview()
    everybody = desk.run("contacts", "--limit", "0", "--json").document
    assert len(everybody) == LISTED - len(listed_as("forgotten")) + 5
    assert [row["email"].lower() for row in everybody] == sorted(row["email"].lower() for row in everybody)
    one = person(SEED, 7)
    found = desk.run("contacts", one.email[3:-3].upper(), "--json").document
    assert [row["email"] for row in found] == [one.email]
    assert found[0]["links"][0]["source_ids"] == [one.member_id]
    assert desk.run("contacts", "^" + one.email[:8], "--link", "members-news").out.count("\n") >= 1
    bounced = desk.run("contacts", "--consent", Consent.BOUNCED, "--json").document
    assert len(bounced) == len(listed_as("cleaned"))
    few = desk.run("contacts", "--limit", "3")
    assert few.out.count("\n") == 3
    assert "The first 3 are shown" in few.err


def test_explain_says_it_in_a_sentence(desk: Desk, exported: dict[str, str]) -> None:
    email = person(SEED, LISTED).email
    answer = desk.run("explain", email)
    assert answer.code == 0
    assert f"{email} gets our mail from Verbandsnews" in answer.out
    assert "added" in answer.out
    assert exported["job"] in answer.out
    stranger = desk.run("explain", "nobody@example.org", "--json").document
    assert (stranger["links"], stranger["timeline"]) == ([], [])
    assert "not known here" in stranger["answer"]


# --- the state file ------------------------------------------------------------------------------------------


def test_state_info_counts_what_is_there(desk: Desk, exported: dict[str, str]) -> None:
    found = desk.run("state", "info", "--json").document
    assert found["path"] == str(desk.state)
    assert found["bytes"] == desk.state.stat().st_size
    assert (found["rows"]["contacts"], found["rows"]["jobs"], found["rows"]["audit"]) == (25, 2, 1)
    assert "contacts" in desk.run("state", "info").out


def test_state_check_finds_an_altered_record(desk: Desk) -> None:
    with open_state(desk.state) as state:
        for rows in (1, 2):
            append_audit(
                state, job_id="J", operator=OPERATOR, what="add", rows=rows, digest="", now=utc_now()
            )
    assert desk.run("state", "check", "--json").document == {"ok": True, "faults": [], "journal": []}
    with open_state(desk.state) as state:
        state.db.execute("UPDATE audit SET rows = 7 WHERE no = 1")
    answer = desk.run("state", "check", "--json")
    assert answer.code == 10
    assert answer.document["journal"]
    assert "[journal-altered]" in answer.err
    assert desk.run("doctor").code == 10


def test_a_backup_is_whole_private_and_replaces_nothing(desk: Desk, exported: dict[str, str]) -> None:
    target = desk.folder / "copy.db"
    assert desk.run("state", "backup", str(target)).code == 0
    assert target.stat().st_mode & 0o777 == 0o600
    with open_state(target, read_only=True) as state:
        assert state.db.execute("SELECT count(*) FROM contacts").fetchone()[0] == 25
    again = desk.run("state", "backup", str(target))
    assert (again.code, "is there already" in again.err) == (2, True)


@pytest.mark.parametrize("words", [("jobs",), ("contacts",), ("explain", "a@b.example"), ("state", "info")])
def test_looking_makes_no_state(desk: Desk, words: tuple[str, ...]) -> None:
    answer = desk.run(*words)
    assert (answer.code, "[state-missing]" in answer.err) == (10, True)
    assert not desk.state.exists()
    assert not os.path.lexists(desk.state.parent)


LOOKING = [("jobs",), ("contacts",), ("explain", "here@example.org"), ("state", "info"), ("state", "check")]


@pytest.fixture
def older(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state file as the first version left it."""
    desk.state.parent.mkdir(mode=0o700)
    version_1(desk.state, monkeypatch)
    desk.state.chmod(0o600)
    return desk.state


def schema_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_I22_looking_brings_an_older_state_up(desk: Desk, older: Path, words: tuple[str, ...]) -> None:
    answer = desk.run(*words)
    assert answer.code == 0, answer.err
    assert schema_of(older) == VERSION


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_I22_read_only_leaves_an_older_state_as_it_is_and_names_a_way_that_works(
    desk: Desk, older: Path, words: tuple[str, ...]
) -> None:
    answer = desk.run("--read-only", *words)
    assert (answer.code, "[state-older]" in answer.err) == (10, True), answer.err
    assert schema_of(older) == 1
    assert "listwarden state info" in answer.err
    assert desk.run("state", "info").code == 0
    assert desk.run("--read-only", *words).code == 0


def test_I22_the_doctor_changes_nothing_and_names_the_same_way(desk: Desk, older: Path) -> None:
    answer = desk.run("doctor", "--json")
    (found,) = [one for one in answer.document if one["reason"] == "state-older"]
    assert (answer.code, schema_of(older)) == (10, 1)
    assert found["next"].endswith("listwarden state info")
    assert desk.run("state", "info").code == 0
    assert "state-older" not in [one["reason"] for one in desk.run("doctor", "--json").document]
