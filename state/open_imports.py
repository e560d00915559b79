"""Imports the vendor still works on: they block the next export of their account, whoever began them (design law 4).

And rows that left and got no answer: the platform may be at work on them, so they block their list (design law 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from state.chunks import ACCEPTED, DOUBTFUL, INTENDED
from state.ids import short_id
from state.model import Action
from state.moments import moment
from state.store import State

SAME_ACCOUNT = (
    "SELECT {name} UNION SELECT other.name FROM connections mine JOIN connections other"
    " ON other.account_id = mine.account_id AND other.provider = mine.provider"
    " WHERE mine.name = {name} AND mine.account_id <> ''"
)
"""SQL for all connections that lead to the account of one."""

REMOVAL = "deletion"
"""What stands before the colon of a ticket under which people leave a list; other such words are the adapter's own."""


@dataclass(slots=True, frozen=True)
class OpenImport:
    """Work of the vendor that a job left open. ``page`` is where people look at it, empty where there is none."""

    job_id: str
    connection: str
    link: str
    ticket: str
    rows: int
    since: datetime
    polls: int
    page: str = ""


def open_imports(state: State, connection: str, *, but: int = -1) -> list[OpenImport]:
    """Imports left open at the account of a connection by other jobs than number ``but``, oldest first.

    The account counts, not the name: another connection to it, or the same one renamed, is blocked as well.
    """
    return [
        OpenImport(
            str(job_id), str(name), str(link), str(ticket), int(rows), moment(since), int(polls), str(page)
        )
        for job_id, name, link, ticket, rows, since, polls, page in state.db.execute(
            "SELECT j.job_id, j.connection, j.link, k.ticket, k.last - k.first + 1, k.intended_at, k.polls, k.page"
            " FROM chunks k INDEXED BY chunks_open JOIN jobs j ON j.no = k.job_no"
            f" WHERE k.state IN ('intended', 'accepted') AND k.state = '{ACCEPTED}' AND j.no <> ?2"
            f" AND j.connection IN ({SAME_ACCOUNT.format(name='?1')}) ORDER BY k.intended_at",
            (connection, but),
        )
    ]


@dataclass(slots=True, frozen=True)
class RowsInDoubt:
    """Rows of one action that left for a list and got no answer, in a job that nobody has let go of."""

    job_id: str
    link: str
    action: Action
    rows: int
    since: datetime


def rows_in_doubt(state: State, connection: str, list_id: str, *, but: int = -1) -> list[RowsInDoubt]:
    """What other jobs than number ``but`` have in doubt on a remote list, oldest first.

    List and account count, not the names of link and connection: a link that was renamed or connected anew would else
    send the same rows once more, while the platform may still work on them.
    """
    found = state.db.execute(
        "SELECT j.job_id, j.link, k.action, sum(k.last - k.first + 1 - (SELECT count(*) FROM outcomes o WHERE o.job_no = k.job_no"
        "  AND o.n BETWEEN k.first AND k.last AND o.outcome NOT IN ('accepted', 'unknown'))), min(k.intended_at)"
        " FROM (SELECT job_no, action, first, last, intended_at FROM chunks INDEXED BY chunks_open"
        f"   WHERE state IN ('intended', 'accepted') AND state = '{INTENDED}'"
        "  UNION ALL SELECT c.job_no, c.action, c.first, c.last, c.intended_at FROM jobs o JOIN chunks c ON c.job_no = o.no"
        f"   WHERE o.state NOT IN ('cancelled', 'done', 'partly', 'failed') AND c.state = '{DOUBTFUL}') k"
        " JOIN jobs j ON j.no = k.job_no JOIN plans p ON p.plan_id = j.plan_id"
        f" WHERE j.no <> ?3 AND p.list_id = ?2 AND j.connection IN ({SAME_ACCOUNT.format(name='?1')})"
        " GROUP BY j.no, k.action ORDER BY min(k.intended_at)",
        (connection, list_id, but),
    )
    return [
        RowsInDoubt(str(job_id), str(link), Action(action), int(rows), moment(since))
        for job_id, link, action, rows, since in found
    ]


def doubt_words(one: RowsInDoubt, now: datetime) -> str:
    """The same for people: ``5 rows of job 4K7Q2M1X, link news, left 12 min ago and got no answer``."""
    rows = "1 row" if one.rows == 1 else f"{one.rows:,} rows"
    age = _age((now - one.since).total_seconds())
    return f"{rows} of job {short_id(one.job_id)}, link {one.link}, left {age} ago and got no answer"


def import_words(ticket: str, *, said: str, age_seconds: float, polls: int, page: str) -> str:
    """One import for people: ``import 0f6c… NotFinished, 63 s old, 7 polls, report page https://…``."""
    asked = "1 poll" if polls == 1 else f"{polls:,} polls"
    told = f"{import_says(ticket, said)}, {_age(age_seconds)} old, {asked}"
    return f"{told}, report page {page}" if page and page not in said else told


def import_says(ticket: str, said: str) -> str:
    """What the platform says of an import, with its id, which its own words may name already."""
    said = said.strip().rstrip(".")
    if ticket.rpartition(":")[2].partition("+")[0] in said:
        return said[:1].lower() + said[1:]
    between = ": " if " " in said else " "
    work, _, name = ticket.rpartition(":")
    return f"{'removal' if work == REMOVAL else 'import'} {name}{between + said if said else ''}"


def left_open_words(one: OpenImport, now: datetime) -> str:
    """The same of an import another job left, with its rows and its job."""
    words = import_words(
        one.ticket, said="", age_seconds=(now - one.since).total_seconds(), polls=one.polls, page=one.page
    )
    return f"{words} ({one.rows:,} rows of job {short_id(one.job_id)}, link {one.link})"


def _age(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7_200 else f"{seconds / 3600:,.1f} h"
