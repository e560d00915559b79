"""The doctor: finds what is wrong on real files, says what next, and changes nothing."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from console.doctor import examine, exit_code_of
from console.exit_codes import ExitCode
from console.jobs.process import this_process
from state.connections import put_account, put_check_report, put_lists
from state.jobs import claim_job, create_job, finish_job
from state.liveness import ProcessMark
from state.model import Finding, JobKind, JobState, Operator, RemoteList
from state.moments import stamp, utc_now
from state.store import State, open_state
from tests.console.conftest import EXAMPLE, Write

OPERATOR = Operator("eva", "here")
NO_LOGIND: tuple[Path, ...] = ()


@pytest.fixture
def config(write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VERBAND_KEY", "k" * 32)
    members = folder / "members.csv"
    members.write_text("person_id,email\n1,eva@example.org\n")
    members.chmod(0o600)
    return write(EXAMPLE)


@pytest.fixture
def state_path(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "listwarden.db"
    with open_state(path):
        pass
    return path


def _bad(config: Path, state_path: Path, logind: tuple[Path, ...] = NO_LOGIND) -> dict[str, Finding]:
    findings = examine(config, state_path, logind=logind)
    return {finding.reason: finding for finding in findings if not finding.ok}


def test_all_is_well(config: Path, state_path: Path) -> None:
    findings = examine(config, state_path, logind=NO_LOGIND)
    assert all(finding.ok for finding in findings)
    assert {"ok", "state-ok"} <= {finding.reason for finding in findings}
    assert exit_code_of(findings) is ExitCode.DONE


def test_without_a_state_yet_nothing_is_made(config: Path, tmp_path: Path) -> None:
    findings = examine(config, tmp_path / "none" / "listwarden.db", logind=NO_LOGIND)
    assert exit_code_of(findings) is ExitCode.DONE
    assert "state-missing" in {finding.reason for finding in findings}
    assert not (tmp_path / "none").exists()


def test_R21_dangling_names_are_exit_8(config: Path, state_path: Path) -> None:
    config.write_text(EXAMPLE.replace('connection = "verband"', 'connection = "verbnd"'))
    bad = _bad(config, state_path)
    assert "settings-dangling" in bad
    assert "verband" in bad["settings-dangling"].text, "the nearest name"
    assert exit_code_of(list(bad.values())) is ExitCode.CONFIGURATION


def test_a_link_to_a_list_of_the_platforms_own(config: Path, state_path: Path) -> None:
    with open_state(state_path) as state:
        put_lists(
            state, "verband", "fake", [RemoteList("a6b5da1054", "Everybody", 9, system=True)], utc_now()
        )
    bad = _bad(config, state_path)
    assert "members-news" in bad["list-not-linkable"].text
    assert "system" in bad["list-not-linkable"].text
    assert "links disconnect members-news" in bad["list-not-linkable"].next


def _read_under(state: State, connection: str, account: str) -> None:
    """A whole listing of the linked list, known under that connection's name."""
    put_check_report(
        state,
        connection,
        "fake",
        account_id=account,
        account_name="Verband",
        details={},
        findings=[],
        now=utc_now(),
    )
    put_lists(state, connection, "fake", [RemoteList("a6b5da1054", "News", 812)], utc_now())
    with state.write() as db:
        db.execute(
            "UPDATE lists SET full_at = '2026-03-01T08:00:00.000000Z', full_rows = 812 WHERE connection = ?",
            (connection,),
        )


@pytest.mark.parametrize("account_known", [False, True])
def test_a_renamed_connection_is_told_with_what_to_do(
    config: Path, state_path: Path, account_known: bool
) -> None:
    with open_state(state_path) as state:
        _read_under(state, "club", "acc1")
        if account_known:  # a check under the new name told it
            put_account(state, "verband", "fake", "acc1", "Verband", utc_now())
    bad = _bad(config, state_path)
    told = bad["connection-renamed"]
    assert "verband was called club" in told.text
    assert "812 members" in told.text
    assert "[connections.club]" in told.next


def test_a_connection_that_knows_its_own_members_was_not_renamed(config: Path, state_path: Path) -> None:
    with open_state(state_path) as state:
        _read_under(state, "club", "acc1")
        _read_under(state, "verband", "acc1")
    assert "connection-renamed" not in _bad(config, state_path)


def test_another_account_is_no_former_name(config: Path, state_path: Path) -> None:
    with open_state(state_path) as state:
        _read_under(state, "club", "acc1")
        with state.write() as db:
            db.execute("UPDATE lists SET list_id = 'another' WHERE connection = 'club'")
        put_account(state, "verband", "fake", "acc2", "Other", utc_now())
    assert "connection-renamed" not in _bad(config, state_path)


@pytest.mark.parametrize(
    ("user", "told"),
    [("apiuser-0123456789ab@apiconnector.com", False), ("eva@example.org", True)],
)
def test_a_persons_login_is_no_api_user(
    config: Path, state_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, told: bool
) -> None:
    monkeypatch.setenv("BOOK_PASSWORD", "p" * 20)
    text = f'\n[connections.books]\nprovider = "dotdigital"\nuser = "{user}"\npassword = {{ env = "BOOK_PASSWORD" }}\n'
    config.write_text(EXAMPLE + text)
    bad = _bad(config, state_path)
    assert ("not-api-user" in bad) is told
    if told:
        assert bad["not-api-user"].where.endswith("connections.books")
        assert "API user" in bad["not-api-user"].next


def test_a_secret_that_is_not_there(config: Path, state_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERBAND_KEY")
    bad = _bad(config, state_path)
    assert "VERBAND_KEY" in bad["secret-missing"].text


def test_two_connections_on_one_account_by_what_a_check_found(
    config: Path, state_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", "o" * 32)
    config.write_text(EXAMPLE + '\n[connections.other]\nprovider = "fake"\nkey = { env = "OTHER_KEY" }\n')
    with open_state(state_path) as state:
        for name in ("verband", "other", "long-gone"):
            put_check_report(
                state,
                name,
                "fake",
                account_id="account-1",
                account_name="Musterverband",
                details={},
                findings=(),
                now=utc_now(),
            )
    bad = _bad(config, state_path)
    assert "other and verband" in bad["same-account"].text
    assert "long-gone" not in bad["same-account"].text, "it is not in the settings any more"


def test_I16_a_state_open_to_everybody(config: Path, state_path: Path) -> None:
    state_path.chmod(0o644)
    bad = _bad(config, state_path)
    assert str(state_path) in bad["file-permissions"].text
    assert bad["file-permissions"].next.startswith("chmod o-rwx")
    for file in state_path.parent.glob(state_path.name + "*"):  # SQLite gave its companions the same mode
        file.chmod(0o640)
    assert _bad(config, state_path) == {}, "a group may share it"


def test_a_damaged_state_is_exit_10(config: Path, state_path: Path) -> None:
    state_path.write_bytes(b"this is no database" * 200)
    bad = _bad(config, state_path)
    assert set(bad) == {"state-damaged"}
    assert exit_code_of(list(bad.values())) is ExitCode.STATE


def test_R43_a_job_nobody_carries(config: Path, state_path: Path) -> None:
    mark = this_process()
    dead = ProcessMark(mark.host, mark.pid, "1", mark.boot, mark.space)
    with open_state(state_path) as state:
        job_id = create_job(
            state,
            kind=JobKind.EXPORT,
            connection="verband",
            link="members-news",
            operator=OPERATOR,
            now=utc_now(),
        )
        claim_job(state, job_id, dead, utc_now(), alive=lambda _: True)
        living = create_job(
            state, kind=JobKind.EXPORT, connection="verband", operator=OPERATOR, now=utc_now()
        )
        claim_job(state, living, mark, utc_now(), alive=lambda _: True)
    bad = _bad(config, state_path)
    assert job_id[-8:] in bad["stalled"].text
    assert f"job resume {job_id[-8:]}" in bad["stalled"].next
    assert living[-8:] not in bad["stalled"].text


def test_a_job_that_waits_for_the_platform_and_nobody_carries(config: Path, state_path: Path) -> None:
    mark = this_process()
    with open_state(state_path) as state:
        job_id = create_job(
            state,
            kind=JobKind.EXPORT,
            connection="verband",
            link="members-news",
            operator=OPERATOR,
            now=utc_now(),
        )
        claim_job(state, job_id, mark, utc_now(), alive=lambda _: True)
        finish_job(
            state,
            job_id,
            state_=JobState.WAITING,
            reason="import-open",
            text="waiting on the vendor: import 0f6c",
            exit_code=0,
            counts={},
            now=utc_now(),
        )
        state.db.execute(
            "INSERT INTO chunks (job_no, chunk, action, first, last, state, attempt, fence, intended_at, ticket, polls)"
            " SELECT no, 1, 'add', 0, 27, 'accepted', 1, 1, ?, '0f6c', 7 FROM jobs WHERE job_id = ?",
            (stamp(utc_now() - timedelta(hours=3)), job_id),
        )
    found = _bad(config, state_path)["import-open"]
    for words in (job_id[-8:], "import 0f6c: 28 rows", "3.0 h old", "7 polls"):
        assert words in found.text
    assert f"job unblock {job_id[-8:]}" in found.next


@pytest.mark.parametrize(
    ("files", "lingers", "told"),
    [
        ({}, False, None),
        ({"etc/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, False, None),
        ({"etc/logind.conf": "[Login]\nKillUserProcesses=yes\n"}, False, False),
        ({"etc/logind.conf": "[Login]\nKillUserProcesses=yes\n"}, True, True),
        (
            {"usr/logind.conf": "KillUserProcesses=yes", "etc/logind.conf": "KillUserProcesses=no"},
            False,
            None,
        ),
        (
            {
                "etc/logind.conf": "KillUserProcesses=no",
                "etc/logind.conf.d/10-x.conf": "killuserprocesses = 1",
            },
            False,
            False,
        ),
        (
            {
                "usr/logind.conf.d/50-x.conf": "KillUserProcesses=yes",
                "etc/logind.conf.d/50-x.conf": "# masked",
            },
            False,
            None,
        ),
    ],
)
def test_a_login_manager_that_kills_detached_jobs(
    config: Path,
    state_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    lingers: bool,
    told: bool | None,
) -> None:
    for name, text in files.items():
        file = tmp_path / "logind" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "loginctl").write_text(f"#!/bin/sh\necho {'yes' if lingers else 'no'}\n")
    (tools / "loginctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.setattr("console.doctor.sys.platform", "linux")
    logind = tuple(tmp_path / "logind" / folder for folder in ("usr", "etc"))
    found = [
        one for one in examine(config, state_path, logind=logind) if one.reason == "detached-jobs-killed"
    ]
    assert [one.ok for one in found] == ([] if told is None else [told])


def test_I13_looking_over_changes_nothing(config: Path, state_path: Path) -> None:
    before = {path: path.read_bytes() for path in (config, state_path)}
    examine(config, state_path)
    assert {path: path.read_bytes() for path in before} == before
