"""The log of a job, its requests and its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.job_log import (
    LONGEST_LINE,
    append_log,
    append_requests,
    count_log,
    count_requests,
    get_file,
    list_files,
    put_file,
    read_log,
    read_requests,
)
from state.jobs import JobMissing, create_job
from state.model import JobKind, Level, LogLine, RequestLine
from state.store import State, open_state
from tests.state.holders import EVA, NOW, later


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        yield opened


@pytest.fixture
def job_id(state: State) -> str:
    return create_job(state, kind=JobKind.CHECK, connection="verband", operator=EVA, now=NOW)


def test_lines_are_numbered_without_a_gap_and_read_on_from_any_number(state: State, job_id: str) -> None:
    other = create_job(state, kind=JobKind.CHECK, connection="verband", operator=EVA, now=NOW)
    assert append_log(state, job_id, [(later(i), Level.INFO, f"line {i}", "") for i in range(3)]) == 3
    append_log(state, other, [(NOW, Level.ERROR, "of another job", "unknown")])
    assert append_log(state, job_id, [(later(3), Level.WARNING, "line 3", "throttled")]) == 4
    assert append_log(state, job_id, []) == 4
    assert read_log(state, job_id, after=2) == [
        LogLine(3, later(2), Level.INFO, "line 2"),
        LogLine(4, later(3), Level.WARNING, "line 3", "throttled"),
    ]
    assert [line.seq for line in read_log(state, job_id, limit=2)] == [1, 2]


def test_lines_are_found_by_level_and_words(state: State, job_id: str) -> None:
    append_log(
        state,
        job_id,
        [
            (NOW, Level.INFO, "Sent 500 contacts", ""),
            (NOW, Level.WARNING, "waiting 100% of the time_out", "throttled"),
            (NOW, Level.ERROR, "Sent nothing", ""),
        ],
    )
    grave = [Level.WARNING, Level.ERROR]
    assert [line.seq for line in read_log(state, job_id, levels=grave)] == [2, 3]
    assert count_log(state, job_id, levels=grave) == 2
    assert [line.seq for line in read_log(state, job_id, find="sENT")] == [1, 3]
    assert [line.seq for line in read_log(state, job_id, find="Throttled")] == [2]
    assert count_log(state, job_id, levels=[Level.ERROR], find="sent") == 1
    assert count_log(state, job_id, find="0%") == count_log(state, job_id, find="e_o") == 1
    assert count_log(state, job_id, find="t_me") == count_log(state, job_id, levels=[]) == 0
    assert count_log(state, job_id) == 3


def test_a_line_that_utf_8_cannot_hold_and_an_endless_one_are_kept_in_part(state: State, job_id: str) -> None:
    append_log(
        state, job_id, [(NOW, Level.INFO, "half \ud83d a sign", ""), (NOW, Level.INFO, "x" * 9999, "")]
    )
    half, endless = read_log(state, job_id)
    assert half.text == "half \\ud83d a sign"
    assert endless.text == "x" * LONGEST_LINE + " …"


def test_a_hundred_lines_cost_one_commit(state: State, job_id: str) -> None:
    said: list[str] = []
    state.db.set_trace_callback(said.append)
    append_log(state, job_id, [(NOW, Level.INFO, str(i), "") for i in range(100)])
    state.db.set_trace_callback(None)
    assert sum(statement == "COMMIT" for statement in said) == 1
    assert count_log(state, job_id) == 100


def test_requests_are_numbered_as_they_come(state: State, job_id: str) -> None:
    line = RequestLine(0, NOW, "POST", "/lists/{id}", 200, 41, 1, "500 rows")
    assert append_requests(state, job_id, [line, RequestLine(0, NOW, "GET", "/ping", None, 9, 2)]) == 2
    assert append_requests(state, job_id, [line]) == 3
    assert [(found.seq, found.status) for found in read_requests(state, job_id)] == [
        (1, 200),
        (2, None),
        (3, 200),
    ]
    assert read_requests(state, job_id, after=2) == [
        RequestLine(3, NOW, "POST", "/lists/{id}", 200, 41, 1, "500 rows")
    ]
    assert count_requests(state, job_id) == 3


def test_R19_files_are_kept_with_the_job(state: State, job_id: str) -> None:
    put_file(state, job_id, "result.json", b"\x00old", NOW)
    put_file(state, job_id, "result.json", b"\x00\xffnew", later(1))
    put_file(state, job_id, "a.tar.gz", b"", later(2))
    assert list_files(state, job_id) == [("a.tar.gz", 0, later(2)), ("result.json", 5, later(1))]
    assert get_file(state, job_id, "result.json") == b"\x00\xffnew"
    assert get_file(state, job_id, "other") is None


def test_a_job_that_is_not_there_takes_nothing(state: State) -> None:
    for call in (
        lambda: append_log(state, "nothing", []),
        lambda: read_log(state, "nothing"),
        lambda: put_file(state, "nothing", "a", b"", NOW),
    ):
        with pytest.raises(JobMissing):
            call()
