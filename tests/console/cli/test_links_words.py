"""``links`` with two-way fields, ``sync``, and what is told of imports, budgets, times and people who wait long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.settings import load
from state.connections import put_budget, put_lists
from state.jobs import job_no
from state.model import Blank, Budget, Conflict, ForceUpdate, JobKind, Mode, RemoteList
from state.moments import stamp, utc_now
from state.store import open_state
from tests.console.cli.desk import Desk

PAGE = "https://r1-app.dotdigital.com/Contacts/Import/WatchdogReport.aspx?g=0f6c"


def edit(desk: Desk, *words: str) -> None:
    answer = desk.run("links", "edit", "members-news", *words)
    assert answer.code == 0, answer.err


def link(desk: Desk) -> dict[str, object]:
    (found,) = desk.run("links", "--json").document
    return dict(found)


def connect(desk: Desk, *words: str, list_id: str = "b1b1b1b1b1") -> tuple[int, str]:
    answer = desk.run(
        *("links", "connect", "other", "--connection", "verband", "--list", list_id, "--source", "members"),
        *("--consent", "asked at the door", *words),
    )
    return answer.code, answer.err


# --- mapping, ways, policies ---------------------------------------------------------------------------------


def test_the_names_are_mapped_when_no_field_is_given_and_that_is_told(desk: Desk) -> None:
    code, err = connect(desk)
    assert code == 0, err
    assert "FNAME from first_name, LNAME from last_name" in err
    fields = load(desk.config).links["other"].fields
    assert [(one.target, one.columns) for one in fields] == [
        ("FNAME", ("first_name",)),
        ("LNAME", ("last_name",)),
    ]


def test_everything_can_be_said_when_connecting(desk: Desk) -> None:
    code, err = connect(
        desk,
        *(
            "--mode",
            "update",
            "--field",
            "FNAME=first_name",
            "--field",
            "LNAME=last_name",
            "--two-way",
            "lname",
        ),
        *("--blank", "clear", "--blank", "FNAME=skip", "--conflict", "platform", "--create-contacts"),
        *("--force-update", "none", "--every", "12h"),
    )
    assert code == 0, err
    found = load(desk.config).links["other"]
    assert [(one.target, one.two_way, one.blank) for one in found.fields] == [
        ("FNAME", False, Blank.SKIP),
        ("LNAME", True, Blank.CLEAR),
    ]
    assert (found.mode, found.conflict, found.create_contacts, found.force_update) == (
        Mode.UPDATE,
        Conflict.PLATFORM,
        True,
        ForceUpdate.NONE,
    )


def test_an_edit_changes_only_what_was_named(desk: Desk) -> None:
    desk.config.write_text(
        desk.config.read_text().replace('mode = "add-only"', 'mode = "update"  # since spring')
    )
    edit(desk, "--two-way", "LNAME", "--conflict", "source", "--blank", "LNAME=clear")
    assert "# since spring" in desk.config.read_text()
    told = link(desk)
    assert (told["two_way"], told["conflict"], told["create_contacts"]) == (["LNAME"], "source", False)
    assert told["blank"] == {"FNAME": "keep", "LNAME": "clear"}
    edit(desk, "--field", "LNAME=last_name", "--field", "FNAME=first_name")
    assert link(desk)["two_way"] == ["LNAME"], "the same field and column keep their way"
    edit(desk, "--one-way", "LNAME", "--no-create-contacts")
    assert link(desk)["two_way"] == []
    assert link(desk)["blank"] == {"LNAME": "clear", "FNAME": "keep"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--two-way", "AREA"), "does not map AREA"),
        (("--blank", "AREA=clear"), "does not map AREA"),
        (("--blank", "LNAME=maybe"), "Words: keep, clear, skip"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_out(desk: Desk, words: tuple[str, ...], told: str) -> None:
    before = desk.config.read_bytes()
    answer = desk.run("links", "edit", "members-news", *words)
    assert (answer.code, desk.config.read_bytes()) == (2, before)
    assert told in answer.err


def test_a_list_of_the_platforms_own_is_never_linked(desk: Desk) -> None:
    with open_state(desk.state) as state:
        put_lists(state, "verband", "mailchimp", [RemoteList("sys1", "Everybody", 9, system=True)], utc_now())
    before = desk.config.read_bytes()
    code, err = connect(desk, list_id="sys1")
    assert (code, desk.config.read_bytes()) == (8, before)
    assert "list-not-linkable" in err
    assert "Everybody" in err


def test_disconnecting_touches_nothing_on_either_side(desk: Desk) -> None:
    desk.preview()
    rows = len(desk.sandbox.ledger_rows())
    answer = desk.run("links", "disconnect", "members-news", "--yes")
    assert answer.code == 0
    assert "Nothing was touched at the platform or in the source" in answer.out
    assert len(desk.sandbox.ledger_rows()) == rows
    assert desk.members.exists()


# --- synchronize ---------------------------------------------------------------------------------------------


def test_sync_reads_feedback_first_and_then_exports(desk: Desk) -> None:
    answer = desk.run("sync", "members-news", "--yes", "--json")
    assert answer.code == 0, answer.err
    assert answer.document["outcomes"]["sent"] == 5
    assert "feedback: " in answer.err
    kinds = [job["kind"] for job in reversed(desk.run("jobs", "--json").document)]
    assert kinds == [JobKind.FEEDBACK.value, JobKind.PREVIEW.value, JobKind.EXPORT.value]


def test_sync_stops_when_feedback_fails(desk: Desk) -> None:
    desk.config.write_text(
        desk.config.read_text().replace('connection = "verband"', 'connection = "abgelaufen"')
    )
    answer = desk.run("sync", "members-news", "--yes")
    assert answer.code == 7
    assert [job["kind"] for job in desk.run("jobs", "--json").document] == [JobKind.FEEDBACK.value]


def test_sync_asks_and_without_a_terminal_says_so(desk: Desk) -> None:
    answer = desk.run("sync", "members-news")
    assert answer.code == 2
    assert "--yes" in answer.err
    assert not desk.state.exists(), "nothing was begun"


# --- imports, budget, times ----------------------------------------------------------------------------------


def put_import(desk: Desk, job: str, *, first: int = 0, last: int = 1) -> None:
    """Rows of an export that the platform took over 63 seconds ago."""
    with open_state(desk.state) as state, state.write() as db:
        number = job_no(state, job)
        db.execute(
            "INSERT INTO chunks (job_no, chunk, action, first, last, state, attempt, fence, intended_at, ticket, polls, page)"
            " VALUES (?, 9, 'add', ?, ?, 'accepted', 1, 1, ?, '0f6c', 7, ?)",
            (number, first, last, stamp(utc_now() - timedelta(seconds=63)), PAGE),
        )
        db.execute("UPDATE jobs SET state = 'waiting', ended_at = NULL WHERE no = ?", (number,))


def test_the_import_a_job_waits_for_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.jobs.pickup.pick_up_waiting", lambda *_, **__: ())
    job = desk.sent()["job"]
    put_import(desk, job)
    shown = desk.run("job", "show", job, "--json").document
    (one,) = shown["imports"]
    assert 63 <= one.pop("age_seconds") < 120
    assert one == {"import": "0f6c", "polls": 7, "rows": 2, "page": PAGE}
    end = desk.run("job", "follow", job, "--json").lines[-1]["end"]
    assert [one["import"] for one in end["imports"]] == ["0f6c"]
    text = desk.run("job", "show", job).out
    for told in ("import 0f6c", "2 rows", "7 polls", PAGE):
        assert told in text
    (verband, _) = desk.run("connections", "--json").document
    assert [(one["job"], one["import"]) for one in verband["imports"]] == [(job, "0f6c")]
    assert "the platform still works on import 0f6c" in desk.run("connections").out


def test_calls_left_are_told_where_the_platform_counts_them(desk: Desk) -> None:
    desk.run("check", "verband")
    assert "budget" not in desk.run("check", "verband", "--json").document
    at = datetime(2026, 3, 1, 8, 14, 30, tzinfo=UTC)
    with open_state(desk.state) as state:
        put_budget(state, "verband", "mailchimp", Budget(2_000, 1_988, 3_600, at))
    told = desk.run("check", "verband", "--json").document["budget"]
    assert told == {
        "limit": 2_000,
        "remaining": 1_988,
        "window_seconds": 3_600,
        "resets_at": None,
        "seen_at": at.isoformat(),
        "scope": None,
    }
    assert desk.run("connections", "--json").document[0]["budget"] == told
    for words in (("check", "verband"), ("connections",)):
        assert "calls left 1,988 of 2,000 this hour" in desk.run(*words).out


def test_r45_accepted_and_applied_have_times_of_their_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.jobs.pickup.pick_up_waiting", lambda *_, **__: ())
    job = desk.sent()["job"]
    put_import(desk, job, first=0, last=2)
    with open_state(desk.state) as state, state.write() as db:
        db.execute(
            "UPDATE outcomes SET outcome = 'accepted' WHERE n = 0 AND job_no = ?", (job_no(state, job),)
        )
    rows = desk.run("job", "outcomes", job, "--json", "--times").lines
    accepted, applied, direct = rows[0], rows[1], rows[4]
    assert (accepted["outcome"], accepted["applied_at"]) == ("accepted", None)
    assert accepted["accepted_at"] is not None
    assert applied["outcome"] == "sent"
    assert applied["accepted_at"] < applied["applied_at"]
    assert (direct["accepted_at"], direct["outcome"]) == (None, "sent"), "taken and applied in one"
    assert direct["applied_at"] is not None
    assert set(desk.run("job", "outcomes", job, "--json").lines[0]) == {
        "email",
        "outcome",
        "reason",
        "origin_id",
    }
    text = desk.run("job", "outcomes", job, "--times").out.splitlines()[1]
    assert "  accepted 20" in text
    assert "  applied 20" in text


# --- people who wait long ------------------------------------------------------------------------------------


def test_r07_who_was_asked_to_confirm_long_ago_is_listed_with_the_days(desk: Desk) -> None:
    desk.preview()
    waiting = {
        row["email"]
        for row in desk.run("contacts", "--consent", "pending", "--limit", "0", "--json").document
    }
    with open_state(desk.state) as state, state.write() as db:
        db.execute(
            "UPDATE members SET since = ? WHERE consent = 'pending'", (stamp(utc_now() - timedelta(days=41)),)
        )
    found = desk.run("contacts", "--pending-days", "30", "--limit", "0", "--json").document
    assert {row["email"] for row in found} == waiting
    assert {at["pending_days"] for row in found for at in row["links"]} == {41}
    assert desk.run("contacts", "--pending-days", "42", "--json").document == []
    assert "pending for 41 days" in desk.run("contacts", "--pending-days", "30").out


def test_r07_no_export_asks_them_again(desk: Desk) -> None:
    desk.sent()
    pending = {
        row["email"]
        for row in desk.run("contacts", "--consent", "pending", "--limit", "0", "--json").document
    }
    assert pending
    assert not pending & set(desk.bodies())


def test_pending_days_mean_no_other_consent(desk: Desk) -> None:
    assert desk.run("contacts", "--pending-days", "3", "--consent", "bounced").code == 2
