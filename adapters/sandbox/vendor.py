"""What the neutral server and a rehearsed vendor say to each other.

The server knows sockets, latency, faults and the ledger; a vendor knows accounts, contacts and its own error
documents. Invariant: nothing here names a vendor, so mounting the next one changes neither side.
"""

import html
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Kind = Literal["add", "change", "remove", "unsubscribe", "address"]


@dataclass(slots=True)
class Op:
    """One address touched by a mutating request, as the ledger keeps it."""

    email: str
    status: str | None
    """The status the request carried; None for a change that carries none."""
    ok: bool
    kind: Kind

    def row(self) -> dict[str, Any]:
        """The ledger's form."""
        return {"email": self.email, "status": self.status, "ok": self.ok, "kind": self.kind}


@dataclass(slots=True, frozen=True)
class Caller:
    """Who sent a request: the connection and what its User-Agent says of job and fence."""

    conn_id: int = 0
    run: str | None = None
    fence: int | None = None


@dataclass(slots=True, frozen=True)
class Call:
    """One request as it reached a vendor; `path` starts after the vendor's prefix, segments are decoded."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    origin: str
    """`http://127.0.0.1:PORT`, for links in answers."""
    caller: Caller = field(default_factory=Caller)
    mount: str = ""
    """The first segment of the path: the vendor's name, or another one it also answers at."""

    @property
    def mutating(self) -> bool:
        """True for everything but GET and HEAD."""
        return self.method not in ("GET", "HEAD")


@dataclass(slots=True)
class Answer:
    """What goes back, and which addresses it touched."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    note: dict[str, Any] = field(default_factory=dict)
    """What the request's ledger row says beside."""

    @classmethod
    def page(cls, status: int, heading: str) -> "Answer":
        """What a proxy in front of a service says: a page, nothing a program can read."""
        safe = html.escape(heading)
        text = f"<html>\n<head><title>{safe}</title></head>\n<body><h1>{safe}</h1></body>\n</html>\n"
        return cls(status, text.encode(), "text/html; charset=utf-8")

    @classmethod
    def of(cls, document: object, status: int = 200, ops: list[Op] | None = None) -> "Answer":
        """An answer holding `document` as JSON."""
        return cls(status, json.dumps(document, ensure_ascii=False).encode(), ops=ops or [])


class ControlError(ValueError):
    """A control request that cannot be carried out; its text names what would be valid."""


@dataclass(slots=True, frozen=True)
class Slot:
    """The account a request counts against and how many may be under way at once."""

    account: str
    limit: int


class Vendor(Protocol):
    """One rehearsed platform or source."""

    name: str

    @property
    def verbs(self) -> Mapping[str, str]:
        """Control verbs with the fields they take, for the answer to a wrong one."""
        ...

    def url(self, origin: str) -> str:
        """The base URL a connection is given."""
        ...

    def key(self) -> object:
        """The credentials the ready document shows."""
        ...

    def lists(self) -> list[dict[str, Any]]:
        """The remote lists the ready document shows."""
        ...

    def slot(self, call: Call) -> Slot | None:
        """What the request counts against, or None when nothing limits it."""
        ...

    def crowded(self, call: Call) -> Answer:
        """The answer when the slot's limit is reached."""
        ...

    def failure(self, status: int, body: str) -> Answer:
        """A rehearsed failure: `body` is `html`, `empty` or `problem`."""
        ...

    def attempted(self, call: Call) -> list[Op]:
        """The operations a request asked for, all refused: for requests that never reached the handlers."""
        ...

    def handle(self, call: Call) -> Answer:
        """Carry the request out. Must not raise: its own faults become its own error documents."""
        ...

    def background(self) -> Iterator["LedgerRow | Settled"]:
        """Work the vendor did by itself since the last call (queued operations), for the ledger."""
        ...

    def control(self, verb: str, arguments: dict[str, Any]) -> "Controlled":
        """Carry out a control verb. Raises ControlError naming what would be valid."""
        ...

    def state(self, list_id: str | None) -> dict[str, str]:
        """`{"email": "raw status"}` of a list (default: the first). Raises ControlError for an unknown list."""
        ...

    def persist(self) -> None:
        """Make everything that was answered durable; called before an answer leaves."""
        ...

    def records(self) -> Iterator[list[Any]]:
        """Everything to keep over a restart."""
        ...

    def restore(self, records: Iterable[list[Any]]) -> None:
        """Take back what an earlier process kept. Raises ValueError when it does not fit this start's options."""
        ...

    def rehearsal_keys(self) -> dict[str, Any]:
        """Keys of special accounts with their lists, for the ready document."""
        ...


@dataclass(slots=True)
class LedgerRow:
    """A request the vendor executed by itself, on behalf of `caller`."""

    method: str
    path: str
    code: int
    ops: list[Op]
    caller: Caller
    note: dict[str, Any]


@dataclass(slots=True)
class Settled:
    """What became of something a request had only handed in, such as a file to import.

    No request of its own: its addresses stand in the ledger once already, with the request.
    """

    what: str
    id: str
    status: str
    rows: list[dict[str, Any]]
    """`{"email", "ok", "reason"}` of every row."""
    caller: Caller


@dataclass(slots=True)
class Controlled:
    """What a control verb did: the answer, and the changes a person at the vendor made by it."""

    document: dict[str, Any]
    events: list[tuple[str, str, str]] = field(default_factory=list)
    """(event, email, status) for the ledger."""
