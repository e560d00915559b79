"""The rehearsed CRM in this process, asked without a socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.keep import KeptState
from adapters.sandbox.oro import OroSandbox
from adapters.sandbox.vendor import Answer, Call, Caller

MEDIA_TYPE = "application/vnd.api+json"


class CrmDesk:
    """A CRM with an access token at hand."""

    def __init__(self, contacts: int = 200, seed: int = 1, kept: Path | None = None) -> None:
        self.clock = SandboxClock()
        self.clock.set(1_780_300_800.2)
        state = KeptState(kept) if kept is not None else None
        self.crm = OroSandbox(contacts=contacts, seed=seed, clock=self.clock, kept=state)
        if state is not None:
            self.crm.restore(state.read())
            state.rewrite(self.crm.records())
        self.kept = state
        self.token = ""
        self.renew()

    def close(self) -> None:
        """Close the kept file."""
        if self.kept is not None:
            self.kept.close()

    def renew(self) -> Answer:
        """Ask for a new token with the right credentials."""
        key = self.crm.key()
        assert isinstance(key, dict)
        answer = self.raw("POST", "/oauth2-token", {"grant_type": "client_credentials", **key})
        if answer.status == 200:
            self.token = json.loads(answer.body)["access_token"]
        return answer

    def raw(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request; `path` starts after `/oro` and may hold a query."""
        parts = urlsplit(path)
        segments = tuple(unquote(part) for part in parts.path.split("/") if part)
        answer = self.crm.handle(
            Call(
                method,
                parts.path,
                segments,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {"authorization": f"Bearer {self.token}", "content-type": MEDIA_TYPE, **(headers or {})},
                b"" if body is None else json.dumps(body).encode(),
                "http://127.0.0.1:1",
                Caller(1, "17", 4),
            )
        )
        self.crm.persist()
        return answer

    def get(self, path: str, **headers: str) -> Any:
        """The document of a GET that works."""
        answer = self.raw(
            "GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def refused(self, path: str) -> dict[str, Any]:
        """The first error of a GET that is refused."""
        answer = self.raw("GET", path)
        assert answer.status >= 400
        error: dict[str, Any] = json.loads(answer.body)["errors"][0]
        assert error["status"] == str(answer.status)
        return error

    def ids(self, path: str) -> list[int]:
        """The ids of one page."""
        return [int(row["id"]) for row in self.get(path)["data"]]

    def change(self, key: int, attributes: dict[str, Any], **data: Any) -> Answer:
        """PATCH of a contact."""
        document = {"data": {"type": "contacts", "id": str(key), "attributes": attributes, **data}}
        return self.raw("PATCH", f"/api/contacts/{key}", document)

    def create(self, **attributes: Any) -> Answer:
        """POST of a contact."""
        return self.raw("POST", "/api/contacts", {"data": {"type": "contacts", "attributes": attributes}})

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """A control verb."""
        done = self.crm.control(verb, arguments)
        self.crm.persist()
        return done.document
