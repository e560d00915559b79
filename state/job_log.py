"""What a job said, the requests it really sent, and the files it keeps.

Invariant: lines are numbered 1, 2, 3 … within a job in the order they were written, so that any number of
followers can go on from the last number they saw.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from state.jobs import job_no
from state.model import Level, LogLine, RequestLine
from state.moments import moment, stamp
from state.store import State

LONGEST_LINE = 4000
"""Letters of a log line; the rest is cut, and the cut is shown."""


def append_log(state: State, job_id: str, lines: Sequence[tuple[datetime, Level, str, str]]) -> int:
    """Append lines (time, level, text, reason) in one transaction; the number of the last one is returned."""
    with state.write() as db:
        no = job_no(state, job_id)
        last = _last(state, "job_log", no)
        db.executemany(
            "INSERT INTO job_log (job_no, seq, at, level, text, reason) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (no, seq, stamp(at), level.value, _storable(text), reason)
                for seq, (at, level, text, reason) in enumerate(lines, start=last + 1)
            ),
        )
        return last + len(lines)


def append_requests(state: State, job_id: str, lines: Sequence[RequestLine]) -> int:
    """Append requests; their ``seq`` is given here. The number of the last one is returned."""
    with state.write() as db:
        no = job_no(state, job_id)
        last = _last(state, "job_requests", no)
        db.executemany(
            "INSERT INTO job_requests (job_no, seq, at, method, path, status, milliseconds, attempt, note)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    no,
                    seq,
                    stamp(line.at),
                    line.method,
                    _storable(line.path),
                    line.status,
                    line.milliseconds,
                    line.attempt,
                    _storable(line.note),
                )
                for seq, line in enumerate(lines, start=last + 1)
            ),
        )
        return last + len(lines)


def read_log(
    state: State,
    job_id: str,
    *,
    after: int = 0,
    limit: int = 1000,
    levels: Collection[Level] | None = None,
    find: str = "",
) -> list[LogLine]:
    """Lines after number ``after``, oldest first; ``find`` is looked for in text and reason, whatever the case."""
    where, values = _filter(levels, find)
    found = state.db.execute(
        f"SELECT seq, at, level, text, reason FROM job_log WHERE job_no = ? AND seq > ?{where} ORDER BY seq LIMIT ?",
        (job_no(state, job_id), after, *values, limit),
    ).fetchall()
    return [LogLine(seq, moment(at), Level(level), text, reason) for seq, at, level, text, reason in found]


def count_log(state: State, job_id: str, *, levels: Collection[Level] | None = None, find: str = "") -> int:
    """How many lines ``read_log`` would find; without a filter that is the last line's number too."""
    where, values = _filter(levels, find)
    return int(
        state.db.execute(
            f"SELECT count(*) FROM job_log WHERE job_no = ?{where}", (job_no(state, job_id), *values)
        ).fetchone()[0]
    )


def read_requests(state: State, job_id: str, *, after: int = 0, limit: int = 1000) -> list[RequestLine]:
    """Requests after number ``after``, oldest first."""
    found = state.db.execute(
        "SELECT seq, at, method, path, status, milliseconds, attempt, note FROM job_requests"
        " WHERE job_no = ? AND seq > ? ORDER BY seq LIMIT ?",
        (job_no(state, job_id), after, limit),
    ).fetchall()
    return [RequestLine(seq, moment(at), *rest) for seq, at, *rest in found]


def count_requests(state: State, job_id: str) -> int:
    """How many requests the job sent."""
    return _last(state, "job_requests", job_no(state, job_id))


def put_file(state: State, job_id: str, name: str, body: bytes, now: datetime) -> None:
    """Keep a file with the job (a vendor's result file, R19); the same name replaces it."""
    with state.write() as db:
        db.execute(
            "INSERT INTO job_files (job_no, name, at, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (job_no, name) DO UPDATE SET at = excluded.at, body = excluded.body",
            (job_no(state, job_id), name, stamp(now), body),
        )


def list_files(state: State, job_id: str) -> list[tuple[str, int, datetime]]:
    """Name, size in bytes and time of the job's files."""
    found = state.db.execute(
        "SELECT name, length(body), at FROM job_files WHERE job_no = ? ORDER BY name",
        (job_no(state, job_id),),
    ).fetchall()
    return [(name, size, moment(at)) for name, size, at in found]


def get_file(state: State, job_id: str, name: str) -> bytes | None:
    """A file's content; None when the job has no such file."""
    row = state.db.execute(
        "SELECT body FROM job_files WHERE job_no = ? AND name = ?", (job_no(state, job_id), name)
    ).fetchone()
    return None if row is None else bytes(row[0])


def _last(state: State, table: str, no: int) -> int:
    return int(
        state.db.execute(f"SELECT coalesce(max(seq), 0) FROM {table} WHERE job_no = ?", (no,)).fetchone()[0]
    )


def _filter(levels: Collection[Level] | None, find: str) -> tuple[str, list[object]]:
    where, values = "", list[object]()
    if levels is not None:
        where += f" AND level IN ({', '.join('?' * len(levels))})"
        values.extend(level.value for level in levels)
    if find:
        where += " AND (instr(lower(text), lower(?)) > 0 OR instr(reason, lower(?)) > 0)"
        values.extend((find, find))
    return where, values


def _storable(text: str) -> str:
    """A text SQLite takes: no lone surrogates, no endless lines."""
    if len(text) > LONGEST_LINE:
        text = text[:LONGEST_LINE] + " …"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
