"""Two ways to ask the rehearsed dotdigital: without a socket for the tables, over a socket for what only that shows."""

import base64
import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.dotdigital.front import NAME, USERS, password_of
from adapters.sandbox.dotdigital.platform import DotdigitalSandbox
from adapters.sandbox.keep import KeptState
from adapters.sandbox.running import RunningSandbox
from adapters.sandbox.vendor import Answer, Call, Caller, Controlled, Op, Settled

ORIGIN = "http://127.0.0.1:1"
NOW = 1_780_300_800.2
"""A summer's day after everything seeded, whatever the machine's date."""
FOREVER = "1971-01-01T00:00:00Z"


def authorization(name: str = "default", password: str | None = None) -> str:
    """The header of an account's API user."""
    sent = f"{USERS.get(name, name)}:{password if password is not None else password_of(name)}"
    return "Basic " + base64.b64encode(sent.encode()).decode()


@dataclass(slots=True)
class Reply:
    """An answer as a test reads it."""

    status: int
    body: Any
    headers: dict[str, str]
    ops: list[Op]
    note: dict[str, Any]

    @property
    def code(self) -> str:
        """An error's code; empty when it has none."""
        return next((word for word in str(self.body["message"]).split() if word.startswith("ERROR_")), "")


class Desk:
    """A dotdigital in this process."""

    def __init__(self, contacts: int = 200, seed: int = 1, kept: KeptState | None = None) -> None:
        self.clock = SandboxClock()
        self.clock.set(NOW)
        self.platform = DotdigitalSandbox(contacts=contacts, seed=seed, clock=self.clock, kept=kept)
        self.settled: list[Settled] = []
        self.events: list[tuple[str, str, str]] = []

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str | None = None,
        mount: str = NAME,
        content_type: str = "application/json",
    ) -> Reply:
        """One request, and what the server does after each; `path` starts after `/v2` and may hold a query."""
        parts = urlsplit(path)
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        segments = tuple(unquote(part) for part in parts.path.split("/") if part)
        answer = self.platform.handle(
            Call(
                method,
                parts.path,
                ("v2", *segments),
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {
                    "authorization": auth if auth is not None else authorization(),
                    "content-type": content_type,
                },
                raw,
                ORIGIN,
                Caller(1, "17", 4),
                mount,
            )
        )
        self.settle()
        return reply_of(answer)

    def settle(self) -> None:
        """What the server does between two requests."""
        self.settled += self.platform.background()
        self.platform.persist()

    def get(self, path: str, status: int = 200) -> Any:
        """The body of a GET that must answer so."""
        reply = self.call("GET", path)
        assert reply.status == status, reply.body
        return reply.body

    def members(self, query: str = "", book: int = FIRST_BOOK) -> list[dict[str, Any]]:
        """One page of a book's contacts."""
        rows: list[dict[str, Any]] = self.get(f"/address-books/{book}/contacts?{query}")
        return rows

    def add(self, email: str, book: int = FIRST_BOOK, **fields: Any) -> Reply:
        """POST address-books/{id}/contacts."""
        rows = [{"key": key, "value": value} for key, value in fields.items()]
        return self.call("POST", f"/address-books/{book}/contacts", {"email": email, "dataFields": rows})

    def post_file(
        self,
        rows: Iterable[str],
        header: str = "email,FIRSTNAME,LASTNAME",
        *,
        book: int = FIRST_BOOK,
        merge: str = "",
    ) -> Reply:
        """Only hand a file in; `merge` is a merge option."""
        tail = f"/with-merge-option/{merge}" if merge else ""
        text = "\n".join([header, *rows]) + "\n"
        sent = {"fileName": "contacts.csv", "data": base64.b64encode(text.encode()).decode()}
        return self.call("POST", f"/address-books/{book}/contacts/import{tail}", sent)

    def load(self, rows: Iterable[str], header: str = "email,FIRSTNAME,LASTNAME", **more: Any) -> str:
        """Hand a file in and wait for its end; the import's id."""
        reply = self.post_file(rows, header, **more)
        assert reply.status == 202, reply.body
        import_id = str(reply.body["id"])
        for _ in range(3):
            if self.get(f"/contacts/import/{import_id}")["status"] != "NotFinished":
                return import_id
        raise AssertionError("the import never ended")

    def faults(self, import_id: str) -> list[str]:
        """The lines of an import's faults, without the header."""
        lines = self.get(f"/contacts/import/{import_id}/report-faults").decode("utf-8-sig").splitlines()
        return list(lines[1:])

    def report(self, import_id: str) -> dict[str, int]:
        """The figures of an import that are not 0."""
        figures: dict[str, int] = self.get(f"/contacts/import/{import_id}/report")
        return {key: number for key, number in figures.items() if number}

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """A control verb."""
        done: Controlled = self.platform.control(verb, arguments)
        self.platform.persist()
        self.events += done.events
        return done.document

    def state(self, book: int | None = None) -> dict[str, str]:
        """`{"email": "raw status"}` of a book, the first when none is named."""
        return self.platform.state(None if book is None else str(book))

    def contact(self, email: str) -> dict[str, Any]:
        """A contact by address."""
        found: dict[str, Any] = self.get(f"/contacts/{email}")
        return found

    def values(self, email: str) -> dict[str, Any]:
        """The data field values of a contact."""
        return {row["key"]: row["value"] for row in self.contact(email)["dataFields"]}


def reply_of(answer: Answer) -> Reply:
    """The answer read."""
    body = json.loads(answer.body) if "json" in answer.content_type and answer.body else answer.body
    return Reply(answer.status, body, answer.headers, answer.ops, answer.note)


class Wire:
    """One keep-alive connection to a running sandbox."""

    def __init__(self, sandbox: RunningSandbox, *, agent: str = "test", user: str = "default") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", sandbox.ready["port"], timeout=10)
        self._base = urlsplit(sandbox.url(NAME)).path
        self._headers = {
            "Authorization": authorization(user),
            "User-Agent": agent,
            "Content-Type": "application/json",
        }

    def call(
        self, method: str, path: str, body: Any = None, *, base: str | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """One request: status, headers in lower case, body (read, if it is JSON)."""
        raw = None if body is None else json.dumps(body).encode()
        self.connection.request(method, (self._base if base is None else base) + path, raw, self._headers)
        answer = self.connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        content = answer.read()
        is_json = "json" in headers.get("content-type", "") and content
        return answer.status, headers, json.loads(content) if is_json else content

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
