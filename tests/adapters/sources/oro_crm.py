"""What tests of the OroCRM source share: settings, answers, and a CRM in memory that changes while it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from adapters.sandbox.running import RunningSandbox
from adapters.secret import Secret
from adapters.source import RowProblem, SourceEnd, SourceSettings
from adapters.sources.oro.api import POLICY
from adapters.sources.oro.reading import OroSource
from adapters.sources.oro.writing import OroWriting
from tests.adapters.wires import Recorder

BASE = "https://crm.example.org"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUICK = replace(POLICY, jitter=lambda: 0.0)
COLUMNS = ("id", "primaryEmail", "firstName")
TOKEN = {"token_type": "Bearer", "expires_in": 3600, "access_token": "first-token"}


def settings(
    base_url: str = BASE,
    *,
    client_id: str = "app",
    client_secret: str = "s3cret",
    folder: Path = Path(),
    id: str = "id",
    email: str = "primaryEmail",
    **options: str,
) -> SourceSettings:
    return SourceSettings(
        "crm",
        "oro",
        folder,
        id=id,
        email=email,
        secrets={"client_secret": Secret(client_secret)} if client_secret else {},
        options={"base_url": base_url, "client_id": client_id, **options},
    )


def sandbox_settings(sandbox: RunningSandbox, folder: Path = Path(), **options: str) -> SourceSettings:
    key = sandbox.key("oro")
    return settings(
        sandbox.url("oro"),
        client_id=key["client_id"],
        client_secret=key["client_secret"],
        folder=folder,
        **options,
    )


def source(given: SourceSettings, recorder: Recorder | None = None, *, read_only: bool = True) -> OroSource:
    wire = (recorder or Recorder()).wire(read_only=read_only)
    return OroSource(given, wire, policy=QUICK, now=lambda: NOW)


def writing(
    given: SourceSettings, recorder: Recorder | None = None, *, read_only: bool = False
) -> OroWriting:
    return OroWriting(given, (recorder or Recorder()).wire(read_only=read_only), policy=QUICK)


@dataclass
class WholeRead:
    """Everything one read gave."""

    rows: list[tuple[str, ...]]
    lines: list[int]
    problems: list[RowProblem]
    progress: list[tuple[int, int]]
    end: SourceEnd


def read(opened: OroSource, columns: Sequence[str] = COLUMNS) -> WholeRead:
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    problems: list[RowProblem] = []
    progress: list[tuple[int, int]] = []
    for batch in opened.read(columns):
        rows += map(tuple, batch.rows)
        lines += batch.lines
        problems += batch.problems
        progress.append((batch.done, batch.total))
    assert opened.end is not None
    return WholeRead(rows, lines, problems, progress, opened.end)


def contact(key: int, **attributes: Any) -> dict[str, Any]:
    told = {"firstName": f"F{key}", "primaryEmail": f"p{key}@example.org", **attributes}
    return {"type": "contacts", "id": str(key), "attributes": told}


def page(rows: Sequence[Mapping[str, Any]], total: int | None = None) -> dict[str, Any]:
    """A list's answer for pytest-httpx."""
    headers = {"Content-Type": "application/vnd.api+json"}
    if total is not None:
        headers["X-Include-Total-Count"] = str(total)
    return {"json": {"data": list(rows)}, "headers": headers}


def problem(status: int, title: str, detail: str = "", **source: str) -> dict[str, Any]:
    """A refusal for pytest-httpx."""
    error = {
        "status": str(status),
        "title": title,
        "detail": detail,
        **({"source": source} if source else {}),
    }
    return {
        "status_code": status,
        "json": {"errors": [error]},
        "headers": {"Content-Type": "application/vnd.api+json"},
    }


Event = Callable[["CrmInMemory"], None]


@dataclass
class CrmInMemory:
    """Contacts by id, of whom some fit the filter, and events that happen before a request."""

    fitting: dict[int, bool]
    events: Mapping[int, list[Event]] = field(default_factory=dict)
    requests: int = 0
    cap: int = 3
    always: set[int] = field(default_factory=set)
    """Who fitted during the whole reading."""

    def __post_init__(self) -> None:
        self.always = self.present()

    def present(self) -> set[int]:
        return {key for key, fits in self.fitting.items() if fits}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2-token":
            return httpx.Response(200, json=TOKEN)
        for event in self.events.get(self.requests, []):
            event(self)
            self.always &= self.present()
        self.requests += 1
        params = request.url.params
        after = int(params.get("filter[id][gt]", "0"))
        left = sorted(key for key in self.present() if key > after)
        rows = [contact(key) for key in left[: min(self.cap, int(params["page[size]"]))]]
        told = page(rows, len(left))
        return httpx.Response(200, json=told["json"], headers=told["headers"])

    def come(self, at: int) -> None:
        self.fitting[max(self.fitting, default=0) + 1] = True

    def go(self, at: int) -> None:
        present = sorted(self.present())
        if present:
            del self.fitting[present[at % len(present)]]

    def join(self, at: int) -> None:
        outside = sorted(set(self.fitting) - self.present())
        if outside:
            self.fitting[outside[at % len(outside)]] = True

    def leave(self, at: int) -> None:
        present = sorted(self.present())
        if present:
            self.fitting[present[at % len(present)]] = False
