"""Health of connections and their lists, as remembered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from state.connections import (
    ConnectionStatus,
    connection_rows,
    forget_connection,
    list_rows,
    put_check_report,
    put_feedback_time,
    put_lists,
)
from state.errors import StateError
from state.model import Finding, RemoteList
from state.store import State, open_state

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        yield opened


def check(
    state: State, account: str | None, *findings: Finding, provider: str = "mailchimp", now: datetime = NOW
) -> ConnectionStatus:
    return put_check_report(
        state,
        "verband",
        provider,
        account_id=account,
        account_name="Verband" if account else "",
        details={"plan": "free"} if account else {},
        findings=findings,
        now=now,
    )


def test_the_status_follows_the_findings(state: State) -> None:
    fine, bad = (
        Finding("ok", "Fine.", ok=True),
        Finding("list-missing", "No list.", "Look it up.", where="news"),
    )
    assert check(state, "a1", fine) is ConnectionStatus.OK
    assert check(state, "a1", fine, bad) is ConnectionStatus.ATTENTION
    [row] = connection_rows(state)
    assert row.findings == (fine, bad)
    assert row.status is ConnectionStatus.ATTENTION
    assert row.checked_at == NOW
    assert row.details == {"plan": "free"}


def test_a_failed_check_keeps_what_was_known_of_the_account(state: State) -> None:
    check(state, "a1")
    assert (
        check(state, None, Finding("unreachable", "No connection."), now=NOW + timedelta(hours=1))
        is ConnectionStatus.FAILED
    )
    [row] = connection_rows(state)
    assert (row.account_id, row.account_name) == ("a1", "Verband")
    assert row.details == {"plan": "free"}
    assert row.checked_at == NOW + timedelta(hours=1)


def test_the_account_of_another_platform_is_not_kept(state: State) -> None:
    check(state, "a1")
    check(state, None, Finding("key-invalid", "Refused."), provider="maileon")
    [row] = connection_rows(state)
    assert (row.provider, row.account_id, row.account_name) == ("maileon", "", "")


def test_feedback_before_a_check_is_remembered_as_unchecked(state: State) -> None:
    put_feedback_time(state, "verband", "mailchimp", NOW)
    [row] = connection_rows(state)
    assert (row.status, row.feedback_at, row.checked_at) == (ConnectionStatus.UNCHECKED, NOW, None)
    check(state, "a1")
    [row] = connection_rows(state)
    assert (row.status, row.feedback_at) == (ConnectionStatus.OK, NOW)


def test_a_list_that_is_not_shown_any_more_is_gone_and_can_come_back(state: State) -> None:
    news, youth = (
        RemoteList("l1", "News", 10, details={"from": "x"}),
        RemoteList("l2", "Youth", None, system=True),
    )
    put_lists(state, "verband", "mailchimp", [news, youth], NOW)
    put_lists(state, "other", "mailchimp", [RemoteList("l1", "Elsewhere", 1)], NOW)
    put_lists(state, "verband", "mailchimp", [news], NOW + timedelta(hours=1))
    rows = {row.list_id: row for row in list_rows(state, "verband")}
    assert (rows["l1"].gone_at, rows["l1"].members, rows["l1"].details) == (None, 10, {"from": "x"})
    assert (rows["l2"].gone_at, rows["l2"].system) == (NOW + timedelta(hours=1), True)
    assert [row.gone_at for row in list_rows(state, "other")] == [None]
    put_lists(state, "verband", "mailchimp", [news, youth], NOW + timedelta(hours=2))
    assert all(row.gone_at is None for row in list_rows(state, "verband"))
    assert connection_rows(state)[1].lists_at == NOW + timedelta(hours=2)


def test_an_account_without_lists_is_an_answer_too(state: State) -> None:
    put_lists(state, "verband", "mailchimp", [RemoteList("l1", "News", 10)], NOW)
    put_lists(state, "verband", "mailchimp", [], NOW + timedelta(hours=1))
    assert [row.gone_at for row in list_rows(state, "verband")] == [NOW + timedelta(hours=1)]


def test_a_forgotten_connection_keeps_its_lists(state: State) -> None:
    check(state, "a1")
    put_lists(state, "verband", "mailchimp", [RemoteList("l1", "News", 10)], NOW)
    forget_connection(state, "verband")
    assert connection_rows(state) == []
    assert len(list_rows(state, "verband")) == 1


def test_f10_read_only_writes_nothing(state: State) -> None:
    state.close()
    with open_state(state.path, read_only=True) as looking, pytest.raises(StateError) as caught:
        put_lists(looking, "verband", "mailchimp", [], NOW)
    assert caught.value.reason == "read-only"
