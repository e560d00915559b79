"""Batches: operations queued, run one batch at a time, and handed out as an archive (contract §6b).

A batch moves one phase on with every poll, or by itself after a while on the sandbox's clock. Invariants: an
operation runs through the same handler as the direct call; results come in another order than they were sent;
an archive's link works for ten minutes and never longer.
"""

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.sandbox.clock import iso
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.ops import attempted
from adapters.sandbox.mailchimp.render import links, text_of
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.store import Account, Batch, Operation
from adapters.sandbox.vendor import Answer, Caller, LedgerRow

PHASES = ("pending", "preprocessing", "started", "finalizing", "finished")
PHASE_SECONDS = 2.0
LINK_SECONDS = 600.0
KEPT_SECONDS = 7 * 86_400.0
MAX_PENDING = 500
FILE_ROWS = 250

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def submit(request: Request) -> Answer:
    """POST /batches."""
    account = request.account
    sent = request.document().get("operations")
    if not isinstance(sent, list) or not sent:
        raise errors.invalid_field("operations", "This value should not be blank.")
    operations = [_operation(place, each) for place, each in enumerate(sent)]
    if sum(1 for batch in account.batches.values() if batch.status == "pending") >= MAX_PENDING:
        raise errors.too_many_batches()
    number = f"{account.account_id} {len(account.batches)} {request.now}"
    batch = Batch(
        hashlib.sha256(number.encode()).hexdigest()[:10],
        request.now,
        operations,
        request.caller.run,
        request.caller.fence,
        request.caller.conn_id,
        phase_since=request.now,
    )
    account.batches[batch.id] = batch
    account.dirty_batches.add(batch.id)
    return request.answer(document(request, batch))


def _operation(place: int, sent: Any) -> Operation:
    def fault(name: str, message: str) -> errors.Problem:
        return errors.invalid_field(f"operations.item:{place}.{name}", message)

    if not isinstance(sent, dict):
        raise errors.invalid_field(
            f"operations.item:{place}", "Schema describes object, string found instead"
        )
    method, path, body = sent.get("method"), sent.get("path"), sent.get("body")
    if method not in _METHODS:
        raise fault("method", f"Value must be one of: {', '.join(_METHODS)}")
    if not isinstance(path, str) or not path.strip("/"):
        raise fault("path", "This value should not be blank.")
    if body is not None and not isinstance(body, str):
        raise fault("body", "Schema describes string, object found instead")
    params = sent.get("params") or {}
    if not isinstance(params, dict):
        raise fault("params", "Schema describes object, array found instead")
    operation_id = sent.get("operation_id")
    return Operation(
        method,
        path,
        None if operation_id is None else str(operation_id),
        body,
        {str(name): str(value) for name, value in params.items()},
    )


def _find(request: Request) -> Batch:
    batch = request.account.batches.get(request.segments[1])
    if batch is None or request.now - batch.submitted_at > KEPT_SECONDS:
        raise errors.not_found()
    return batch


def read(request: Request) -> Answer:
    """GET /batches/{id}: a poll."""
    return request.answer(document(request, _find(request)))


def listed(request: Request) -> Answer:
    """GET /batches: those of the last seven days, newest first."""
    rows = [
        document(request, batch)
        for batch in reversed(request.account.batches.values())
        if request.now - batch.submitted_at <= KEPT_SECONDS
    ]
    return request.collection("batches", rows)


def stop(request: Request) -> Answer:
    """DELETE /batches/{id}: what did not run yet never will."""
    batch = _find(request)
    del request.account.batches[batch.id]
    request.account.dirty_batches.add(batch.id)
    return Answer(204)


def document(request: Request, batch: Batch) -> dict[str, Any]:
    """One batch as the interface shows it; every look at a finished one makes a new link."""
    url = ""
    if batch.status == "finished":
        expires = int(request.now + LINK_SECONDS)
        origin = request.base.rpartition("/")[0]
        url = f"{origin}/archives/{batch.id}-{_signature(request.account, batch, expires)}.tar.gz?expires={expires}"
    return {
        "id": batch.id,
        "status": batch.status,
        "total_operations": len(batch.operations),
        "finished_operations": batch.finished,
        "errored_operations": batch.errored,
        "submitted_at": iso(batch.submitted_at),
        "completed_at": iso(batch.completed_at),
        "response_body_url": url,
        "_links": links(request.base, f"/batches/{batch.id}"),
    }


def _signature(account: Account, batch: Batch, expires: int) -> str:
    return hashlib.sha256(f"{account.account_id} {batch.id} {expires}".encode()).hexdigest()[:24]


def head(account: Account) -> Batch | None:
    """The batch whose turn it is: one runs at a time."""
    for batch in account.batches.values():
        if batch.status != "finished":
            return batch
    return None


Runner = Callable[[Account, Batch, Operation], Answer]
"""Carries one operation out; the platform's, which knows clock and switches."""


def advance(account: Account, now: float, polled: bool, runner: Runner) -> Iterator[LedgerRow]:
    """Move the account's running batch on: a phase for a poll, and one for every two seconds gone by."""
    steps = 1 if polled else 0
    while (batch := head(account)) is not None:
        if now - batch.phase_since >= PHASE_SECONDS:
            steps = max(steps, 1)
            batch.phase_since += PHASE_SECONDS
        elif steps:
            batch.phase_since = now
        else:
            return
        steps -= 1
        yield from _step(account, batch, now, runner)
        following = head(account)
        if following is not None and following is not batch:
            following.phase_since = max(following.phase_since, batch.phase_since)


def _step(account: Account, batch: Batch, now: float, runner: Runner) -> Iterator[LedgerRow]:
    batch.status = PHASES[PHASES.index(batch.status) + 1]
    account.dirty_batches.add(batch.id)
    total = len(batch.operations)
    if batch.status == "started":
        yield from _run(account, batch, total // 2, runner)
    elif batch.status == "finalizing":
        yield from _run(account, batch, total, runner)
    elif batch.status == "finished":
        batch.completed_at = now


def _run(account: Account, batch: Batch, until: int, runner: Runner) -> Iterator[LedgerRow]:
    # The vendor promises no order; neither do we.
    order = list(range(len(batch.operations)))
    random.Random(batch.id).shuffle(order)
    for place in order[batch.finished : until]:
        operation = batch.operations[place]
        answer = runner(account, batch, operation)
        operation.status_code = answer.status
        operation.response = _without_instance(answer)
        batch.finished += 1
        if answer.status >= 400:
            batch.errored += 1
        if operation.method != "GET":
            yield LedgerRow(
                operation.method,
                urlsplit(operation.path).path,
                answer.status,
                answer.ops
                or attempted(operation.method, segments(operation), (operation.body or "").encode()),
                Caller(batch.conn_id, batch.run, batch.fence),
                {"batch": batch.id, "operation_id": operation.operation_id},
            )


def _without_instance(answer: Answer) -> str:
    """The answer's text; inside an archive a problem's `instance` is empty (seen in the wild)."""
    text = answer.body.decode()
    if answer.status < 400:
        return text
    try:
        problem = json.loads(text)
    except ValueError:
        return text
    if "instance" in problem:
        problem["instance"] = ""
    return text_of(problem)


def segments(operation: Operation) -> tuple[str, ...]:
    """The path's decoded parts."""
    path = urlsplit(operation.path).path
    return tuple(unquote(part) for part in path.strip("/").split("/") if part)


def query(operation: Operation) -> dict[str, str]:
    """Query values out of `params` (GET only) and the path itself."""
    found = dict(parse_qsl(urlsplit(operation.path).query, keep_blank_values=True))
    if operation.method == "GET":
        found.update(operation.params)
    return found


def archive(accounts: Iterable[Account], name: str, expires: str, now: float) -> Answer:
    """The archive behind a link; 404 once it expired or when it never existed."""
    batch_id, _, signature = name.removesuffix(".tar.gz").partition("-")
    for account in accounts:
        batch = account.batches.get(batch_id)
        if batch is None or batch.status != "finished" or not expires.isdigit():
            continue
        if signature != _signature(account, batch, int(expires)) or now > int(expires):
            break
        return Answer(200, _tar(batch), "application/gzip")
    return errors.failure(404, "empty")


def _tar(batch: Batch) -> bytes:
    """A gzipped tar: a `./` entry, then one or more JSON files of results in no useful order."""
    rows = [
        {
            "status_code": operation.status_code,
            "operation_id": operation.operation_id,
            "response": operation.response,
        }
        for operation in batch.operations
    ]
    random.Random(batch.id + "results").shuffle(rows)
    size = min(FILE_ROWS, (len(rows) + 1) // 2)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        folder.mode = 0o755
        tar.addfile(folder)
        for place in range(0, len(rows), size):
            content = text_of(rows[place : place + size]).encode()
            entry = tarfile.TarInfo(
                f"./{hashlib.sha256(f'{batch.id}{place}'.encode()).hexdigest()[:10]}.json"
            )
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
