"""Changes of many members through Mailchimp's batches: handed over, asked after, read from an archive.

Invariant: a result finds its address by ``operation_id`` alone, for the order is not guaranteed; a finished batch
is judged by its archive, which must hold every operation once (Mailchimp contract §6b).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from adapters.bodies import BodyFault, archived_files, load_json
from adapters.http import Client
from adapters.mailchimp import routes
from adapters.mailchimp.documents import read_json
from adapters.mailchimp.errors import failure
from adapters.mailchimp.mapping import text_of
from adapters.mailchimp.writes import MergeValues, batch_row, member_route
from adapters.origins import route
from adapters.provider import (
    FieldChange,
    IncompleteRead,
    RowResult,
    Settlement,
    Submission,
    Unanswered,
    Unreachable,
)
from state.model import Outcome, RemoteList

OPERATIONS = 1000
"""Operations a batch: there is no documented cap, and peers use 500 to 1000."""

RESULT_HOSTS = ("mailchimp.com", "mailchimp-api-batch.s3.amazonaws.com")
"""Where Mailchimp keeps result archives; nothing else is called (I15)."""

UNPACKED_BYTES = 256 * 1024 * 1024
_MARK = "change"


def operation_id(row: FieldChange) -> str:
    """The only link back from a result to its row."""
    return f"{_MARK}:{row.origin_id}:{row.email}"


def _row_of(operation: str) -> tuple[str, str] | None:
    mark, _, rest = operation.partition(":")
    origin_id, colon, email = rest.partition(":")
    return (origin_id, email) if mark == _MARK and colon else None


async def hand_over(
    client: Client, remote: RemoteList, rows: Sequence[FieldChange], merge: MergeValues
) -> Submission:
    """Submits one batch of PATCHes without a status; the ticket is the batch's id."""
    operations = [
        {
            "method": "PATCH",
            "path": member_route(remote, row.email, row.origin_id).text,
            "operation_id": operation_id(row),
            "body": json.dumps({"merge_fields": merge(row.fields)}, ensure_ascii=False),
        }
        for row in rows
    ]
    answer = await client.send("POST", route(routes.BATCHES), content={"operations": operations})
    if answer.status != 200:
        raise failure(answer, "submit a batch")
    ticket = text_of((answer.document() or {}).get("id"))
    if not ticket:
        raise Unanswered(
            "no-answer", "The answer names no batch.", "It is read back before it is sent again."
        )
    results = tuple(RowResult(row.email, Outcome.ACCEPTED, "handed-over", row.origin_id) for row in rows)
    return Submission(results, ticket)


async def settle(client: Client, ticket: str) -> Settlement:
    """Asks once; a finished batch's archive is downloaded, read and kept."""
    batch = await read_json(client, route(routes.BATCH, batch=ticket), "read a batch")
    status = text_of(batch.get("status"))
    done, total, failed = (
        _number(batch.get(f"{name}_operations")) for name in ("finished", "total", "errored")
    )
    if status != "finished":
        return Settlement(False, f"Mailchimp is at “{status}”: {done} of {total}.", done, total)
    packed = await _archive(client, ticket, text_of(batch.get("response_body_url")))
    results = _results(packed, total)
    text = f"Mailchimp has finished: {total} operations, {failed} of them refused."
    return Settlement(True, text, done, total, results, {f"batch-{ticket}.tar.gz": packed})


async def _archive(client: Client, ticket: str, url: str) -> bytes:
    """The result file; its URL lasts ten minutes, so a refused one is asked for anew, once."""
    for last in (False, True):
        if url:
            answer = await client.download(url, RESULT_HOSTS)
            if answer.status == 200:
                return answer.body
        if last:
            break
        url = text_of(
            (await read_json(client, route(routes.BATCH, batch=ticket), "read a batch")).get(
                "response_body_url"
            )
        )
    raise Unreachable(
        "vendor-trouble",
        "Mailchimp has finished the batch and does not hand out its results.",
        "Ask again later.",
    )


def _results(packed: bytes, total: int) -> tuple[RowResult, ...]:
    results: dict[str, RowResult] = {}
    seen = 0
    try:
        for content in archived_files(packed, limit=UNPACKED_BYTES):
            for entry in _entries(content):
                seen += 1
                operation = text_of(entry.get("operation_id"))
                row = _row_of(operation)
                if row is None:
                    continue
                origin_id, email = row
                status = _number(entry.get("status_code"))
                results[operation] = batch_row(status, _inner(entry.get("response")), email, origin_id)
    except BodyFault as fault:
        raise IncompleteRead(fault.reason, fault.text, "The batch is asked for again.") from None
    if seen != total:
        raise IncompleteRead(
            "answer-cut",
            f"The batch had {total} operations and its file tells of {seen}.",
            "It is asked for again.",
        )
    return tuple(results.values())


def _entries(content: bytes) -> Iterator[dict[str, object]]:
    rows = load_json(content)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BodyFault("answer-not-understood", "A result file is not a list of results.")
    yield from rows


def _inner(response: object) -> object:
    """The operation's own answer, which is JSON inside a string; its raw words when it is not."""
    if not isinstance(response, str):
        return response
    try:
        return load_json(response.encode("utf-8", "replace"))
    except BodyFault:
        return {"detail": response[:1000]}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
