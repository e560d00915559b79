"""One request inside Mailchimp: the account it opened, its parsed body and query, and what it touched.

Direct requests and the operations of a batch are both turned into this, so both run through the same handlers.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.rehearsals import Rehearsals
from adapters.sandbox.mailchimp.render import Selection
from adapters.sandbox.mailchimp.store import Account, Audience
from adapters.sandbox.mailchimp.switches import Switches
from adapters.sandbox.vendor import Answer, Caller, Op

MAX_COUNT = 1000
DEFAULT_COUNT = 10


@dataclass(slots=True)
class Request:
    """What a handler works on; it notes every address touched in `ops`."""

    account: Account
    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    body: Any
    base: str
    """`http://127.0.0.1:PORT/mailchimp/3.0`."""
    now: float
    switches: Switches
    rehearsals: Rehearsals
    caller: Caller = field(default_factory=Caller)
    batched: bool = False
    ops: list[Op] = field(default_factory=list)

    def audience(self) -> Audience:
        """The audience in the path. Raises the 404 Problem."""
        found = self.account.audiences.get(self.segments[1])
        if found is None:
            raise errors.not_found()
        return found

    def document(self) -> dict[str, Any]:
        """The body as an object; a missing body or the literal `null` is an empty one (§2)."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise errors.invalid("Schema describes object, array found instead")
        return self.body

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes/no query value in any case; the official client sends `True` (§2)."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if text.lower() in ("true", "1"):
            return True
        if text.lower() in ("false", "0"):
            return False
        raise errors.invalid_field(name, "Schema describes boolean, string found instead")

    def page(self) -> tuple[int, int]:
        """`count` (default 10, at most 1000) and `offset`. Raises the 400 Problem for others."""
        # An operation of a batch that names no count gets the whole collection (§6b).
        count = self._number("count", -1 if self.batched else DEFAULT_COUNT)
        offset = self._number("offset", 0)
        if count < 0:
            return sys.maxsize - offset, offset
        if count > MAX_COUNT:
            raise errors.invalid_field("count", f"This value should be {MAX_COUNT} or less.")
        return count, offset

    def _number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        if text == "":
            return default
        if not text.isdigit():
            raise errors.invalid_field(name, "Schema describes integer, string found instead")
        return int(text)

    def moment(self, name: str) -> float | None:
        """A date-time query value in seconds since the epoch."""
        text = self.query.get(name, "")
        if text == "":
            return None
        try:
            return parse_moment(text)
        except ValueError:
            raise errors.invalid_field(name, "This value is not a valid datetime.") from None

    def selection(self) -> Selection:
        """`fields` and `exclude_fields`."""
        return Selection(self.query.get("fields"), self.query.get("exclude_fields"))

    def answer(self, document: dict[str, Any], status: int = 200) -> Answer:
        """`document`, cut to the fields asked for."""
        return Answer.of(self.selection().apply(document), status)

    def collection(self, name: str, rows: list[dict[str, Any]], **beside: Any) -> Answer:
        """One page of `rows` under `name`, with `total_items` and what stands beside."""
        count, offset = self.page()
        document = {name: rows[offset : offset + count], **beside, "total_items": len(rows)}
        return self.answer(document)


def parse_body(body: bytes) -> Any:
    """The body as JSON; nothing at all is None. Raises the 400 Problem."""
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise errors.json_parse_error() from None
