"""What a request asked for, read from its method, path and body alone.

For requests that never reach a handler (refused at the door, cut by a rehearsed fault) the ledger still tells which
addresses travelled. Invariant: every op found here is a refused one.
"""

import json
from collections.abc import Sequence
from typing import Any

from adapters.sandbox.vendor import Kind, Op


def attempted(method: str, segments: Sequence[str], body: bytes) -> list[Op]:
    """The refused ops of a request; none for reads and for bodies that are no JSON."""
    if method in ("GET", "HEAD") or len(segments) < 2 or segments[0] != "lists":
        return []
    try:
        document = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        return []
    if not isinstance(document, dict):
        document = {}
    if len(segments) == 2 and method == "POST":
        return [_row(row, "add") for row in document.get("members") or [] if isinstance(row, dict)]
    if segments[2] == "segments" and method == "POST":
        emails = [*(document.get("members_to_add") or []), *(document.get("members_to_remove") or [])]
        return [Op(str(email), None, False, "change") for email in emails]
    if segments[2] != "members":
        return []
    if len(segments) == 3:
        return [_row(document, "add")]
    document.setdefault("email_address", segments[3])
    if method == "DELETE" or segments[-1] == "delete-permanent":
        return [Op(segments[3], None, False, "remove")]
    kind: Kind = "unsubscribe" if document.get("status") == "unsubscribed" else "change"
    return [_row(document, kind)]


def _row(row: dict[str, Any], kind: Kind) -> Op:
    status = row.get("status")
    return Op(str(row.get("email_address", "")), status if isinstance(status, str) else None, False, kind)
