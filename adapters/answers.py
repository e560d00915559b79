"""What came back of a request, or why nothing did, and which error a caller gets for it.

Invariant: a read that broke off may be asked again; a write only when it surely never left, and otherwise it is
``Unanswered`` (design law 3). A refusal without a document says nothing of the key (R20).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from adapters.bodies import BodyFault, load_json
from adapters.pace import http_date
from adapters.provider import (
    AdapterError,
    IncompleteRead,
    Throttled,
    Unanswered,
    Unreachable,
    Unrecognised,
)


@dataclass(slots=True, frozen=True)
class Answer:
    """An answer with its whole body; only the headers somebody needs are kept."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def date(self) -> datetime | None:
        """The server's clock when it answered."""
        return http_date(self.headers.get("date"))

    @property
    def says_json(self) -> bool:
        """The header promises JSON and there is a body."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return bool(self.body) and (kind == "application/json" or kind.endswith("+json"))

    def json(self) -> object:
        """The body's JSON value; raises ``BodyFault``."""
        return load_json(self.body)

    def document(self) -> dict[str, object] | None:
        """The body when it is a JSON object, else None: a page of a gateway, nothing at all, something cut."""
        if not self.says_json:
            return None
        try:
            value = self.json()
        except BodyFault:
            return None
        return value if isinstance(value, dict) else None


class Kind(Enum):
    """How a try failed."""

    NOT_SENT = auto()
    TIMED_OUT = auto()
    CUT = auto()
    TLS = auto()
    BODY = auto()


@dataclass(slots=True, frozen=True)
class Trouble:
    """Why a try has no answer. A value and no exception: nothing of httpx hangs on the error we raise."""

    kind: Kind
    reason: str
    text: str


def bare(answer: Answer, *statuses: int) -> bool:
    """Refused by something before the platform: no problem document, so nothing is said of the key (R20)."""
    return answer.status in statuses and answer.document() is None


def checked(answer: Answer, is_read: bool) -> Answer:
    """The answer, unless it points elsewhere or is none."""
    if 300 <= answer.status < 400:
        raise Unreachable(
            "redirected",
            "The server wants to send us to another address; we never follow.",
            "Check base_url in the settings.",
        )
    if answer.status < 200:
        raise (
            unanswered("The answer was not understood.")
            if not is_read
            else Unrecognised("answer-not-understood", f"The server answered {answer.status}.")
        )
    return answer


def may_repeat(trouble: Trouble, is_read: bool) -> bool:
    """Whether a try that failed so may be made again."""
    if trouble.kind is Kind.NOT_SENT:
        return True
    if trouble.kind is Kind.BODY:
        return is_read and trouble.reason == "answer-cut"
    return is_read and trouble.kind in (Kind.TIMED_OUT, Kind.CUT)


def unanswered(text: str) -> Unanswered:
    """The error of a write whose fate is not known."""
    return Unanswered("no-answer", text, "It is read back before it is sent again.")


def final(trouble: Trouble, is_read: bool) -> AdapterError:
    """The error of a try that is not repeated, or was the last."""
    if trouble.kind in (Kind.NOT_SENT, Kind.TLS):
        return Unreachable(trouble.reason, trouble.text, "Check the network and base_url.")
    if not is_read:
        return unanswered(trouble.text)
    if trouble.kind is Kind.TIMED_OUT:
        return Unreachable("timed-out", trouble.text, "Try again later.")
    if trouble.reason == "answer-not-understood":
        return Unrecognised(trouble.reason, trouble.text, "Try again; if it stays, report it.")
    return IncompleteRead(trouble.reason, trouble.text, "Try again.")


def given_up(result: Answer | Trouble, tries: int, is_read: bool) -> AdapterError:
    """The error after the last try."""
    if isinstance(result, Trouble):
        return final(result, is_read)
    after = f"after {tries} tries" if tries > 1 else "and was asked once"
    if result.status == 429:
        return Throttled(
            "throttled", f"The platform is throttling, {after}.", "Wait some minutes and try again."
        )
    if bare(result, 403, 503):
        return Unreachable(
            "gateway-blocked",
            f"A gateway before the platform refused the request without a reason ({result.status}), {after}; "
            "this says nothing about the key.",
            "Wait; if it stays, ask the platform whether this machine's address is blocked.",
            raw=_excerpt(result),
        )
    return Unreachable(
        "vendor-trouble",
        f"The platform answered {result.status}, {after}.",
        "Try again later; see its status page.",
        raw=_excerpt(result),
    )


def _excerpt(answer: Answer) -> str:
    return answer.body[:500].decode("utf-8", "replace")
