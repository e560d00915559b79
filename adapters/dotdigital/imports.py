"""Rows handed to dotdigital as import files: posted once each, followed by their tickets (contract §6).

Invariant (design law 3): a file is never posted a second time; of a chunk in several files what was taken keeps its
ticket whatever happens to the next file, and rows that got no answer are in doubt, never rejected.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from adapters.answers import unanswered
from adapters.dotdigital.documents import text_in
from adapters.dotdigital.errors import failure
from adapters.dotdigital.importfile import ImportFile
from adapters.dotdigital.routes import book_route
from adapters.dotdigital.session import Session
from adapters.origins import route
from adapters.provider import AdapterError, Refused, RowResult, Submission, Unanswered
from state.model import Outcome, RemoteList

FILE_NAME = "listwarden.csv"
JOIN = "+"
"""Between the ids of a ticket that stands for several imports."""

POST_IMPORT = "import contacts"
REPORT_PAGE = "/Contacts/Import/WatchdogReport.aspx?g="


def report_page(app_host: str, guid: str) -> str:
    """Where a person sees what became of an import (contract §6)."""
    return f"{app_host}{REPORT_PAGE}{guid}"


@dataclass(slots=True)
class _Posted:
    """What the files posted so far brought."""

    results: list[RowResult] = field(default_factory=list)
    guids: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


async def hand_over(
    session: Session, remote: RemoteList, files: Sequence[ImportFile], done: Iterable[RowResult] = ()
) -> Submission:
    """Post files one after the other; ``done`` are results of rows that needed no file.

    Raises ``Unanswered`` when the first file got no answer, and any other error only when nothing was applied.
    """
    posted = _Posted(results=list(done))
    applied = bool(posted.results)
    for number, one in enumerate(files):
        try:
            guid = await _post(session, remote, one)
        except Refused as error:
            # It is the file that is refused, and with it each row: halving would find no better one.
            posted.results += _all(one.emails, Outcome.REJECTED, error.reason, error.raw or error.text)
            continue
        except AdapterError as error:
            if not posted.guids and not applied:
                raise
            rest = [email for later in files[number + 1 :] for email in later.emails]
            if isinstance(error, Unanswered):
                posted.results += _all(one.emails, Outcome.UNKNOWN, "no-answer", error.text)
            else:
                rest = [*one.emails, *rest]
            posted.results += _all(rest, Outcome.REJECTED, "not-tried", error.text)
            break
        posted.guids.append(guid)
        posted.files[f"import-{guid}-sent-head.csv"] = one.head
        posted.results += _all(one.emails, Outcome.ACCEPTED, "handed-over")
    page = report_page(await session.app_host(), posted.guids[0]) if posted.guids else ""
    return Submission(tuple(posted.results), JOIN.join(posted.guids), page, posted.files)


async def _post(session: Session, remote: RemoteList, one: ImportFile) -> str:
    """Post one file; the id of the import it became."""
    content = {"fileName": FILE_NAME, "data": base64.b64encode(one.data).decode("ascii")}
    path = book_route(one.template, remote.list_id) if one.into_book else route(one.template)
    answer = await session.write("POST", path, content)
    if not 200 <= answer.status < 300:
        raise failure(answer, POST_IMPORT, list_id=remote.list_id)
    guid = text_in(answer.document() or {}, "id").strip()
    if not guid:
        raise unanswered("dotdigital took the file and named no import.")
    return guid


def _all(emails: Sequence[str], outcome: Outcome, reason: str, raw: str = "") -> list[RowResult]:
    return [RowResult(email, outcome, reason, raw=raw) for email in emails]
