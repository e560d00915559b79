"""What a request asked for, read from its method, path and body alone.

For requests that never reach a handler (refused at the door, cut by a rehearsed fault) the ledger still tells which
addresses travelled. Invariant: every op found here is a refused one.
"""

import json
from collections.abc import Callable
from typing import Any

from adapters.sandbox.dotdigital.import_file import collection_emails, emails_of
from adapters.sandbox.dotdigital.request import lowered
from adapters.sandbox.dotdigital.writing import sent_email
from adapters.sandbox.vendor import Call, Kind, Op


def attempted(call: Call, email_of: Callable[[object], str]) -> list[Op]:
    """The refused ops of a request; none for reads. `email_of` tells the address behind a contact's id."""
    segments = tuple(segment.lower() for segment in call.segments[1:])
    if not call.mutating or "contacts" not in segments:
        return []
    tail = segments[segments.index("contacts") + 1 :]
    if tail[:1] == ("import",):
        emails = emails_of(call.headers.get("content-type", ""), call.body)
        return [Op(email, None, False, "add") for email in emails]
    document = _document(call.body)
    if call.method == "DELETE":
        return [Op(email_of(tail[0]), None, False, "remove")] if tail else []
    if tail == ("import-collection",):
        return [Op(email, None, False, "add") for email in collection_emails(document)]
    if isinstance(document, list):
        return [_of_row(row, tail, email_of) for row in document]
    if tail[:1] in (("resubscribe",), ("resubscribe-with-no-challenge",)):
        who = document.get("unsubscribedcontact") if isinstance(document, dict) else None
        return [Op(sent_email(who), "resubscribe", False, "add")]
    if tail == ("delete-all",):
        return []
    kind: Kind = "unsubscribe" if tail == ("unsubscribe",) else "change" if tail else "add"
    email = sent_email(document) or (email_of(tail[0]) if tail else "")
    return [Op(email, None, False, kind)]


def _of_row(row: Any, tail: tuple[str, ...], email_of: Callable[[object], str]) -> Op:
    if isinstance(row, dict):
        return Op(sent_email(row) or email_of(row.get("id")), None, False, "unsubscribe")
    return Op(email_of(row), None, False, "remove" if tail == ("delete",) else "change")


def _document(body: bytes) -> Any:
    try:
        return lowered(json.loads(body)) if body.strip() else {}
    except (ValueError, RecursionError):
        return {}
