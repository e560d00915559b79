"""Preview, export, feedback and their exit codes, against the sandbox and its ledger."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from adapters.sandbox.people import person
from console.jobs.process import this_process
from console.settings import foreign_secrets, load
from state.audit import read_audit
from state.connections import connection_rows
from state.jobs import create_job, get_job, list_jobs
from state.leases import lease_name, release_lease, take_lease
from state.model import JobKind, JobState, Operator, RowClass
from state.moments import utc_now
from state.store import open_state
from tests.console.cli.desk import LISTED, SEED, Desk, listed_as

OPERATOR = Operator("eva", "here")


def _jobs(desk: Desk, kind: JobKind = JobKind.EXPORT) -> list[str]:
    with open_state(desk.state, read_only=True) as state:
        return [job.job_id for job in list_jobs(state, kinds=[kind])]


def _ended(desk: Desk, job_id: str) -> JobState:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with open_state(desk.state, read_only=True) as state:
            job = get_job(state, job_id)
        if job.state.final:
            return job.state
        time.sleep(0.1)
    raise AssertionError(f"job {job_id} did not end")


# --- preview -------------------------------------------------------------------------------------------------


def test_preview_has_the_shape_of_the_design_and_writes_nothing(desk: Desk) -> None:
    plan = desk.preview()
    keys = ["link", "plan", "digest", "counts", "writes", "mails", "fields", "guards", "source"]
    assert list(plan) == keys
    assert (plan["link"], plan["fields"], plan["mails"], plan["guards"]) == (
        "members-news",
        ["FNAME", "LNAME"],
        0,
        [],
    )
    assert list(plan["counts"]) == [row_class.value for row_class in RowClass]
    assert plan["counts"]["new"] == plan["writes"] == 5
    assert sum(plan["counts"].values()) >= 25
    assert desk.bodies() == []


def test_preview_for_people_says_class_reason_and_effect(desk: Desk) -> None:
    answer = desk.run("preview", "members-news")
    assert answer.code == 0
    assert "not on the list yet [unknown-at-platform]" in answer.out
    assert "Adds 5, changes 0, moves 0, removes 0, unsubscribes 0; no mails; 1 call, about 1 s" in answer.out
    assert "Leaves this house: address, FNAME, LNAME." in answer.out


def test_rows_of_a_class_on_stdout_and_in_a_file(desk: Desk) -> None:
    rows = desk.preview("--class", "new")["rows"]
    assert [row["email"] for row in rows] == sorted(
        person(SEED, i).email.lower() for i in range(LISTED, LISTED + 5)
    )
    assert {row["reason"] for row in rows} == {"unknown-at-platform"}
    target = desk.folder / "rows.ndjson"
    plan = desk.preview("--out", str(target))
    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(written) == sum(plan["counts"].values()), "R18: every row is there"
    assert [row["n"] for row in written] == list(range(len(written)))


def test_a_file_that_cannot_be_written_is_said(desk: Desk) -> None:
    answer = desk.run("preview", "members-news", "--out", str(desk.folder / "nowhere" / "rows.csv"))
    assert answer.code == 1
    assert "cannot be written" in answer.err


def test_R09_an_empty_source_stops_and_is_let_pass_once_by_name(desk: Desk) -> None:
    assert desk.preview()["writes"] == 5
    desk.write_members([])
    answer = desk.run("preview", "members-news", "--json")
    assert (answer.code, answer.out) == (5, "")
    assert "[source-empty]" in answer.err
    assert "--allow-empty-source members-news" in answer.err
    assert desk.preview("--allow-empty-source", "members-news")["counts"]["new"] == 0
    assert desk.bodies() == []


def test_read_only_shows_the_saved_plan_and_makes_none(desk: Desk) -> None:
    answer = desk.run("--read-only", "preview", "members-news")
    assert (answer.code, "[state-missing]" in answer.err) == (10, True)
    desk.preview()
    assert "[read-only]" in desk.run("--read-only", "preview", "members-news").err
    saved = desk.preview("--save")
    before = desk.state.read_bytes()
    shown = desk.run("--read-only", "preview", "members-news", "--json").document
    assert (shown["plan"], shown["digest"]) == (saved["plan"], saved["digest"])
    assert desk.state.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("export", "members-news", "--yes"),
        ("feedback", "verband"),
        ("refresh", "members-news"),
        ("optin", "members-news", "eva@example.org", "--confirm", "eva@example.org"),
        ("check", "verband"),
        ("job", "cancel", "ABCD"),
        ("job", "resume", "ABCD"),
        ("job", "unblock", "ABCD"),
        ("links", "disconnect", "members-news", "--yes"),
        ("links", "edit", "members-news", "--mode", "mirror"),
        ("connections", "remove", "verband", "--yes"),
        ("connections", "edit", "verband", "--connections", "2"),
    ],
)
def test_F10_read_only_refuses_whatever_writes(desk: Desk, words: tuple[str, ...]) -> None:
    before = desk.config.read_bytes()
    answer = desk.run("--read-only", *words)
    assert answer.code == 2
    assert "[read-only]" in answer.err
    assert desk.config.read_bytes() == before
    assert not desk.state.exists()
    assert desk.bodies() == []


def test_law_10_the_settings_can_say_read_only(desk: Desk) -> None:
    desk.config.write_text(desk.config.read_text() + "\n[options]\nread_only = true\n")
    answer = desk.run("export", "members-news", "--yes")
    assert (answer.code, "[read-only]" in answer.err) == (2, True)
    assert not desk.state.exists()


# --- export --------------------------------------------------------------------------------------------------


def test_export_sends_the_plan_and_a_second_one_nothing(desk: Desk) -> None:
    answer = desk.process("export", "members-news", "--yes", "--json")
    assert answer.code == 0, answer.err
    done = answer.document
    assert (done["state"], done["outcomes"]["sent"], done["outcomes"]["unknown"]) == ("done", 5, 0)
    assert {"job", "plan", "state", "outcomes"} <= set(done)
    assert sorted(desk.bodies()) == sorted(person(SEED, i).email for i in range(LISTED, LISTED + 5))
    seen = len(desk.sandbox.ledger_rows())
    again = desk.run("export", "members-news", "--yes", "--json")
    assert (again.code, again.document["outcomes"]["sent"]) == (0, 0)
    rows = desk.sandbox.ledger_rows()[seen:]
    assert rows
    assert not [row for row in rows if row.get("ops")], "I21: the second run is silent"


def test_R01_who_left_appears_in_no_request_and_spoils_nothing(desk: Desk) -> None:
    shut = [i for status in ("unsubscribed", "cleaned", "pending", "archived") for i in listed_as(status)]
    desk.write_members(desk.people([*shut, LISTED]))
    answer = desk.run("export", "members-news", "--yes", "--json")
    assert (answer.code, answer.document["outcomes"]["sent"]) == (0, 1)
    assert desk.bodies() == [person(SEED, LISTED).email]


def test_a_saved_plan_is_sent_without_a_question(desk: Desk) -> None:
    plan = desk.preview("--save")
    answer = desk.run("export", "members-news", "--plan", plan["plan"][:14], "--json")
    assert (answer.code, answer.document["plan"]) == (0, plan["plan"])
    again = desk.run("export", "members-news", "--plan", plan["plan"])
    assert again.code == 2
    assert "[plan-used]" in again.err


def test_exit_3_when_the_platform_refuses_a_row(desk: Desk) -> None:
    desk.write_members([*desk.people([LISTED]), ("X1", "Fake", "Address", "fake.address@example.com", "")])
    answer = desk.run("export", "members-news", "--yes", "--json")
    assert (answer.code, answer.document["state"]) == (3, "partly")
    assert answer.document["outcomes"]["rejected"] == 1
    lines = desk.run("job", "outcomes", answer.document["job"], "--json").lines
    assert {line["email"]: line["outcome"] for line in lines}["fake.address@example.com"] == "rejected"
    assert {frozenset(line) for line in lines} == {frozenset(("email", "outcome", "reason", "origin_id"))}
    only = desk.run("job", "outcomes", answer.document["job"][-8:], "--outcome", "rejected", "--json").lines
    assert [line["email"] for line in only] == ["fake.address@example.com"]


def test_F02_exit_4_when_a_row_came_in_since_the_plan(desk: Desk) -> None:
    plan = desk.preview("--save")
    desk.write_members(desk.people([*range(20), *range(LISTED, LISTED + 6)]))
    answer = desk.run("export", "members-news", "--plan", plan["plan"], "--json")
    assert (answer.code, answer.document["state"]) == (4, "failed")
    assert "[plan-stale]" in answer.err
    came = person(SEED, LISTED + 5)
    assert f"{came.email}: now add with" in answer.err
    assert "planned: not in the plan" in answer.err
    assert desk.bodies() == []


def test_law_6_exit_5_until_the_number_of_removals_is_given_with_the_plan(desk: Desk) -> None:
    desk.lay_out("mirror")
    desk.write_members(desk.people([*range(20), *range(LISTED, LISTED + 30)]))
    desk.sent()
    desk.write_members(desk.people([*range(20), *range(LISTED, LISTED + 15)]))
    sent = len(desk.bodies())
    refused = desk.run("export", "members-news", "--yes", "--json")
    assert (refused.code, refused.out) == (5, "")
    assert "[too-many-removals]" in refused.err
    plan = desk.preview("--save")
    [guard] = plan["guards"]
    assert set(guard) == {"reason", "rule", "value", "limit", "way_out"}
    assert (guard["reason"], guard["value"], guard["limit"]) == ("too-many-removals", 15, 11)
    assert "--max-removals 15" in guard["way_out"]
    too_few = desk.run("export", "members-news", "--plan", plan["plan"], "--max-removals", "14")
    assert too_few.code == 5
    assert len(desk.bodies()) == sent
    answer = desk.run("export", "members-news", "--plan", plan["plan"], "--max-removals", "15", "--json")
    assert (answer.code, answer.document["outcomes"]["sent"]) == (0, 15)


def test_R46_exit_6_names_holder_host_and_since_when(desk: Desk) -> None:
    assert desk.run("check", "verband").code == 0
    with open_state(desk.state) as state:
        account = next(row for row in connection_rows(state) if row.name == "verband").account_id
        name = lease_name("mailchimp", account)
        job_id = create_job(
            state, kind=JobKind.EXPORT, connection="verband", operator=OPERATOR, now=utc_now()
        )
        process = this_process()
        fence = take_lease(
            state,
            name,
            job_id=job_id,
            operator=OPERATOR,
            process=process,
            now=utc_now(),
            alive=lambda _: True,
        )
        answer = desk.run("export", "members-news", "--yes", "--json")
        release_lease(state, name, fence)
    assert (answer.code, answer.document["state"]) == (6, "failed")
    assert "[account-busy]" in answer.err
    for part in ("eva", process.host, f"{utc_now():%Y-%m-%d}"):
        assert part in answer.err
    assert desk.bodies() == []


def test_a_second_export_of_a_link_is_refused_while_the_first_runs(desk: Desk) -> None:
    desk.preview()
    desk.sandbox.control("mailchimp", "latency", ms=400)
    first = desk.run("export", "members-news", "--yes", "--detach", "--json").document
    assert (first["state"], first["outcomes"]) == ("queued", {})
    second = desk.run("export", "members-news", "--yes")
    assert second.code == 6
    assert "[job-running]" in second.err
    assert _ended(desk, first["job"]) is JobState.DONE
    assert len(desk.bodies()) == 5


def test_exit_7_and_8_and_9_and_10(desk: Desk) -> None:
    assert desk.run("check", "abgelaufen").code == 7
    unknown = desk.run("preview", "nothing")
    assert (unknown.code, "[link-missing]" in unknown.err) == (8, True)
    text = desk.config.read_text()
    desk.config.write_text(text.replace("a6b5da1054", "0000000000"))
    missing = desk.run("preview", "members-news")
    assert (missing.code, "[list-missing]" in missing.err) == (8, True)
    desk.config.write_text(text)
    desk.environment["EXPIRED_KEY"] = "gateway" + "0" * 25 + "-us0"
    blocked = desk.run("check", "abgelaufen", "--json")
    assert blocked.code == 9
    assert blocked.document["findings"][0]["reason"] == "gateway-blocked", "R20: not a bad key"
    desk.state.write_bytes(b"no database at all " * 100)
    damaged = desk.run("jobs")
    assert (damaged.code, "[state-damaged]" in damaged.err) == (10, True)


def test_ctrl_c_stops_following_and_not_the_job(desk: Desk) -> None:
    desk.preview()
    desk.sandbox.control("mailchimp", "latency", ms=300)
    process = subprocess.Popen(
        desk.command("export", "members-news", "--yes", "--json"),
        env=desk.child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    deadline = time.monotonic() + 60
    while not (jobs := _jobs(desk)) and time.monotonic() < deadline:
        time.sleep(0.05)
    while not desk.bodies() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    short = jobs[0][-8:]
    assert f"listwarden job follow {short}" in err
    assert f"listwarden job cancel {short}" in err
    assert _ended(desk, jobs[0]) is JobState.DONE


def test_law_3_an_export_whose_process_died_is_resumed(desk: Desk) -> None:
    desk.environment["LISTWARDEN_CRASH_AT"] = "journal:1"  # the intent is committed, nothing was sent
    crashed = desk.run("export", "members-news", "--yes", "--json")
    assert (crashed.code, crashed.document["state"]) == (1, "stalled")
    assert "[stalled]" in crashed.err
    del desk.environment["LISTWARDEN_CRASH_AT"]
    other = desk.run("export", "members-news", "--plan", "ZZZZZZZZ")
    assert (other.code, "job resume" in other.err) == (6, True)
    resumed = desk.run("export", "members-news", "--yes", "--json")
    assert (resumed.code, resumed.document["outcomes"]["sent"]) == (0, 5)
    assert resumed.document["job"] == crashed.document["job"]
    assert "Resuming job" in resumed.err
    assert sorted(desk.bodies()) == sorted(person(SEED, i).email for i in range(LISTED, LISTED + 5))


def test_law_4_a_person_releases_rows_without_an_answer(desk: Desk) -> None:
    desk.environment["LISTWARDEN_CRASH_AT"] = "journal:1"
    crashed = desk.run("export", "members-news", "--yes", "--json").document
    del desk.environment["LISTWARDEN_CRASH_AT"]
    cancelled = desk.run("job", "cancel", crashed["job"])
    assert (cancelled.code, "[no-answer]" in cancelled.err) == (6, True), "nobody forgets rows in doubt"
    asked = desk.run("job", "unblock", crashed["job"])
    assert (asked.code, "no terminal to ask" in asked.err) == (2, True)
    assert "chunk 1: add of 5 rows without an answer" in asked.err
    released = desk.run("job", "unblock", crashed["job"], "--yes", "--json").document
    assert (released["state"], released["reason"], released["counts"]) == (
        "partly",
        "released",
        {"unknown": 5},
    )
    lines = desk.run("job", "outcomes", crashed["job"], "--json").lines
    assert {line["outcome"] for line in lines} == {"unknown"}, "I12: never success"
    with open_state(desk.state, read_only=True) as state:
        told = [row.what for row in read_audit(state, job_id=crashed["job"])]
    assert told[-1] == "unblocked: 5 rows without an answer released"
    assert desk.run("job", "unblock", crashed["job"], "--yes").code == 2, "it has ended"
    again = desk.run("export", "members-news", "--yes", "--json").document
    assert (again["state"], again["outcomes"]["sent"]) == ("done", 5), "the link is free again"


def test_R50_the_secret_is_in_no_file_and_no_word(desk: Desk) -> None:
    desk.run("check", "verband")
    said = desk.run("export", "members-news", "--yes")
    said_json = desk.run("doctor", "--json")
    key = (desk.folder / "key").read_text().strip()
    for text in (said.out, said.err, said_json.out, said_json.err):
        assert key not in text
    for path in desk.folder.rglob("*"):
        if path.is_file() and path.name != "key":
            assert key.encode() not in path.read_bytes(), path


def test_I07_a_job_does_not_see_the_secrets_of_others(desk: Desk) -> None:
    settings = load(desk.config)
    link = settings.links["members-news"]
    assert foreign_secrets(settings, link.connection, link.source) == {"EXPIRED_KEY"}


def test_a_marked_address_is_not_sent(desk: Desk) -> None:
    desk.preview()
    address = person(SEED, 1).email
    said = desk.run("suppress", "members-news", address, "--note", "by phone")
    assert said.code == 0
    assert address in said.out
    assert "nothing is sent" in said.out
    told = desk.run("explain", address, "--json")
    assert json.loads(told.out)["links"][0]["reason"] == "suppressed-here"


# --- feedback, refresh, opt-in -------------------------------------------------------------------------------


def test_feedback_brings_what_people_did(desk: Desk) -> None:
    desk.preview()
    gone = person(SEED, listed_as("subscribed")[3]).email
    desk.sandbox.control("mailchimp", "clock", advance=5)
    desk.sandbox.control("mailchimp", "unsubscribe", email=gone)
    answer = desk.run("feedback", "members-news", "--json")
    assert (answer.code, answer.document["link"], answer.document["counts"]["opted_out"]) == (
        0,
        "members-news",
        1,
    )
    assert desk.run("feedback", "verband", "--json").document["counts"]["opted_out"] == 0, "R29: told once"
    explained = desk.run("explain", gone.upper(), "--json").document
    assert set(explained) >= {"address", "answer", "links", "timeline"}
    assert explained["links"][0]["consent"] == "unsubscribed"
    assert set(explained["links"][0]) == {"link", "consent", "origin_id", "class", "reason"}
    assert {"t", "origin", "what"} <= set(explained["timeline"][0])
    assert desk.bodies() == []


def test_R11_a_mass_of_opt_outs_waits_for_a_number(desk: Desk) -> None:
    desk.preview()
    desk.sandbox.control("mailchimp", "clock", advance=5)
    gone = [person(SEED, i).email for i in listed_as("subscribed")[:12]]
    desk.sandbox.control("mailchimp", "unsubscribe", emails=gone)
    refused = desk.run("feedback", "members-news", "--json")
    assert (refused.code, refused.document["state"]) == (5, "failed")
    assert "[too-many-opt-outs]" in refused.err
    taken = desk.run("feedback", "members-news", "--max-removals", "12", "--json")
    assert (taken.code, taken.document["counts"]["opted_out"]) == (0, 12)


def test_R33_refresh_marks_and_says_how_many_will_be_sent(desk: Desk) -> None:
    adding = desk.run("refresh", "members-news", "--json")
    assert adding.code == 8, "a link that only adds sends no fields"
    desk.lay_out("update")
    answer = desk.run("refresh", "members-news", "--json")
    assert answer.code == 0
    assert answer.document["marked"] == 25 or answer.document["marked"] == 0
    assert answer.document["to_send"] == desk.preview()["counts"]["changed"] > 0
    assert desk.bodies() == []


def test_optin_asks_one_person(desk: Desk) -> None:
    email = person(SEED, listed_as("unsubscribed")[0]).email
    desk.preview()
    answer = desk.run("optin", "members-news", email, "--confirm", email.upper(), "--json")
    assert answer.code == 0, answer.err
    assert (answer.document["address"], answer.document["reason"]) == (email, "opt-in-asked")
    assert desk.bodies() == [email]


def test_lists_and_fields_have_their_shapes(desk: Desk) -> None:
    lists = desk.run("lists", "verband", "--json").document
    assert {frozenset(one) for one in lists} == {frozenset(("id", "name", "members", "system", "link"))}
    assert {one["id"]: one["link"] for one in lists}["a6b5da1054"] == "members-news"
    fields = desk.run("fields", "verband", "--list", "c94d05e3a8", "--json").document
    assert [one["name"] for one in fields if one["choices"]] == ["GENDER"]
    nowhere = desk.run("fields", "verband", "--list", "nowhere")
    assert (nowhere.code, "[list-missing]" in nowhere.err) == (8, True)


def test_check_has_the_shape_of_the_design(desk: Desk) -> None:
    good = desk.run("check", "verband", "--json")
    assert (good.code, list(good.document)) == (0, ["connection", "ok", "account", "findings"])
    assert good.document["account"]["name"] == "Musterverband"
    bad = desk.run("check", "abgelaufen", "--json").document
    assert (bad["ok"], bad["account"], bad["findings"][0]["reason"]) == (False, None, "key-invalid")
    del desk.environment["EXPIRED_KEY"]
    unset = desk.run("check", "abgelaufen", "--json")
    assert (unset.code, unset.document["findings"][0]["reason"]) == (8, "secret-missing")
