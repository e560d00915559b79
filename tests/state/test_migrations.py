"""Every earlier version of the state file comes up with its data where it belongs now (I22)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from state.classify import Question, classify
from state.connections import budget_of
from state.model import AddressChange, Mode
from state.schema import SCRIPTS, VERSION, migrate
from state.store import State, integrity, open_state

AT = "2026-03-01T08:00:00.000000Z"


def version_1(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file as the first version left it: a list with present, gone and moved members, opt-outs, an open import."""
    connection = sqlite3.connect(path, isolation_level=None)
    with monkeypatch.context() as patch:
        patch.setattr("state.schema.SCRIPTS", SCRIPTS[:1])
        migrate(Database(connection))
    run = connection.execute
    run(
        "INSERT INTO connections (name, provider, account_id, status) VALUES ('verband', 'mailchimp', 'a1', 'ok')"
    )
    run("INSERT INTO lists (no, connection, list_id, mapped) VALUES (1, 'verband', 'a', '[\"FNAME\"]')")
    run("INSERT INTO links (no, name, list_no, source) VALUES (1, 'news', 1, 'members')")
    connection.executemany(
        "INSERT INTO members (list_no, address_key, email, origin_id, person_id, consent, raw_status, mapped, changed_at, since,"
        " detail, ours, gone) VALUES (1, ?, NULL, ?, ?, ?, ?, 'Eva', '', '', ?, 1, ?)",
        [
            ("here@example.org", "o1", "p1", "subscribed", "subscribed", "", None),
            ("noted@example.org", "o2", "p2", "unsubscribed", "unsubscribed", "moved to the country", None),
            ("former@example.org", "o3", "p3", "unknown", "subscribed", "moved to now@example.org", AT),
            ("now@example.org", "o3", "p3", "subscribed", "subscribed", "", None),
            ("erased@example.org", "o4", "p4", "erased", "subscribed", "", AT),
        ],
    )
    connection.executemany(
        "INSERT INTO contacts (link_no, address_key, source_id, copy, mapped, opted_out, due) VALUES (1, ?, ?, 1, 'Eva', 0, ?)",
        [("former@example.org", "7", 0), ("here@example.org", "8", 1)],
    )
    run(
        "INSERT INTO opt_outs VALUES (1, 'left@example.org', 'unsubscribed', 'compliance-state', ?, 'job:1', 'ines', '')",
        (AT,),
    )
    run(
        "INSERT INTO jobs (no, job_id, kind, state, connection, link, plan_id, operator, host, options, created_at)"
        " VALUES (1, '01JOB', 'export', 'waiting', 'verband', 'news', '', 'ines', 'host', '{}', ?)",
        (AT,),
    )
    run(
        "INSERT INTO chunks (job_no, chunk, action, first, last, state, attempt, fence, intended_at, ticket)"
        " VALUES (1, 1, 'change', 0, 9, 'accepted', 1, 1, ?, 'T1')",
        (AT,),
    )
    connection.close()


@pytest.fixture
def migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    path = tmp_path / "state.db"
    version_1(path, monkeypatch)
    return open_state(path)


def test_I22_a_file_of_version_1_is_of_this_version_and_sound(migrated: State) -> None:
    assert migrated.db.execute("PRAGMA user_version").fetchone()[0] == VERSION
    assert list(integrity(migrated)) == []


def test_where_a_member_went_has_its_own_place(migrated: State) -> None:
    rows = migrated.db.execute(
        "SELECT address_key, moved_to, detail, scope, ours FROM members ORDER BY address_key"
    )
    assert {key: tuple(rest) for key, *rest in rows} == {
        "erased@example.org": ("", "", "", 1),
        "former@example.org": ("now@example.org", "", "", 1),
        "here@example.org": ("", "", "", 1),
        "noted@example.org": ("", "moved to the country", "", 1),
        "now@example.org": ("", "", "", 1),
    }


def test_the_classifier_still_follows_who_moved_before(migrated: State) -> None:
    question = Question(1, 1, Mode.MIRROR, AddressChange.ASK, False)
    with migrated.write():
        classify(migrated, question, lambda rows: iter(()))
        strangers = dict(migrated.db.execute("SELECT address_key, code FROM temp.strangers").fetchall())
    assert set(strangers) >= {"now@example.org"}
    from state.classify import VERDICTS

    assert VERDICTS[strangers["now@example.org"]].reason == "moved-at-platform"


def test_what_was_remembered_stays(migrated: State) -> None:
    assert migrated.db.execute("SELECT reason, scope FROM opt_outs").fetchall() == [("compliance-state", "")]
    assert migrated.db.execute("SELECT due FROM contacts ORDER BY source_id").fetchall() == [(0,), (1,)]
    assert migrated.db.execute("SELECT ticket, page FROM chunks").fetchall() == [("T1", "")]
    assert budget_of(migrated, "verband") is None
