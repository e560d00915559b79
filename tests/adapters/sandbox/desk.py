"""Two ways to ask the sandbox: without a socket for the tables, over a socket for what only a socket shows."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.keep import KeptState
from adapters.sandbox.mailchimp import FIRST_LIST, MailchimpSandbox
from adapters.sandbox.running import RunningSandbox
from adapters.sandbox.vendor import Answer, Call, Caller, Op

ORIGIN = "http://127.0.0.1:1"


@dataclass(slots=True)
class Reply:
    """An answer as a test reads it."""

    status: int
    body: Any
    content_type: str
    ops: list[Op]

    @property
    def title(self) -> str:
        """A problem's title."""
        return str(self.body["title"])

    @property
    def detail(self) -> str:
        """A problem's text."""
        return str(self.body["detail"])


class Desk:
    """A Mailchimp in this process."""

    def __init__(self, contacts: int = 200, seed: int = 1, kept: KeptState | None = None) -> None:
        self.clock = SandboxClock()
        # A summer's day after everything seeded, whatever the machine's date.
        self.clock.set(1_780_300_800.2)
        self.platform = MailchimpSandbox(contacts=contacts, seed=seed, clock=self.clock, kept=kept)
        self.key = str(self.platform.key())

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """One request; `path` starts after `/3.0` and may hold a query."""
        parts = urlsplit(path)
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        segments = tuple(unquote(part) for part in parts.path.split("/") if part)
        answer = self.platform.handle(
            Call(
                method,
                parts.path,
                ("3.0", *segments),
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {"authorization": f"Bearer {key or self.key}", **(headers or {})},
                raw,
                ORIGIN,
                Caller(1, "17", 4),
            )
        )
        return reply_of(answer)

    def members(self, query: str = "", list_id: str = FIRST_LIST) -> list[dict[str, Any]]:
        """One page of members."""
        found = self.call("GET", f"/lists/{list_id}/members?{query}")
        assert found.status == 200, found.body
        rows: list[dict[str, Any]] = found.body["members"]
        return rows

    def add(self, email: str, status: str = "subscribed", **more: Any) -> Reply:
        """POST …/members."""
        row = {"email_address": email, "status": status, **more}
        return self.call("POST", f"/lists/{FIRST_LIST}/members", row)

    def batch_add(self, rows: list[dict[str, Any]], query: str = "", **more: Any) -> Reply:
        """POST /lists/{id}."""
        return self.call("POST", f"/lists/{FIRST_LIST}?{query}", {"members": rows, **more})

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """A control verb."""
        return self.platform.control(verb, arguments).document

    def status(self, email: str) -> str | None:
        """The raw status, None for whoever is not there."""
        return self.platform.state(None).get(email)


def reply_of(answer: Answer) -> Reply:
    """The answer read."""
    is_json = "json" in answer.content_type and answer.body
    body = json.loads(answer.body) if is_json else answer.body
    return Reply(answer.status, body, answer.content_type, answer.ops)


def path_of(email: str, list_id: str = FIRST_LIST) -> str:
    """A member's path by the plain address."""
    return f"/lists/{list_id}/members/{quote(email)}"


class Wire:
    """One keep-alive connection to a running sandbox."""

    def __init__(self, sandbox: RunningSandbox, *, key: str | None = None, agent: str = "test") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", sandbox.ready["port"], timeout=10)
        self._base = urlsplit(sandbox.url("mailchimp")).path
        self._headers = {
            "Authorization": f"Bearer {key or sandbox.key('mailchimp')}",
            "User-Agent": agent,
            "Content-Type": "application/json",
        }

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers in lower case, body."""
        raw = None if body is None else json.dumps(body).encode()
        self.connection.request(method, self._base + path, raw, self._headers)
        answer = self.connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Only ask; whoever wants the answer reads it from `connection`."""
        raw = None if body is None else json.dumps(body).encode()
        self.connection.request(method, self._base + path, raw, self._headers)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
