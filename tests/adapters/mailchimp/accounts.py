"""An adapter on a recording wire, and an audience in memory that changes while it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from adapters.mailchimp.mapping import subscriber_hash
from adapters.mailchimp.provider import Mailchimp
from adapters.pace import Limits, RetryPolicy
from adapters.provider import ConnectionSettings
from adapters.secret import Secret
from state.model import RemoteList
from tests.adapters.wires import Recorder

KEY = "0123456789abcdef0123456789abcdef-us19"
BASE = "https://us19.api.mailchimp.com/3.0"
LIST_ID = "a6b5da1054"
REMOTE = RemoteList(LIST_ID, "Verbandsnews")
DOUBLE = RemoteList(LIST_ID, "Verbandsnews", double_opt_in=True)


def connect(
    recorder: Recorder,
    *,
    key: str = KEY,
    base_url: str = "",
    read_only: bool = False,
    connections: int = 8,
    tries: int = 6,
    limits: Limits | None = None,
) -> Mailchimp:
    settings = ConnectionSettings("verband", "mailchimp", base_url=base_url, secrets={"key": Secret(key)})
    wire = recorder.wire(read_only=read_only, connections=connections)
    return Mailchimp(settings, wire, policy=RetryPolicy(tries=tries, jitter=lambda: 0.5), limits=limits)


def problem(status: int, title: str, detail: str = "", **more: Any) -> dict[str, Any]:
    """A problem document as a mocked answer."""
    document = {"title": title, "status": status, "detail": detail, "instance": "3d0c", **more}
    return {
        "status_code": status,
        "json": document,
        "headers": {"Content-Type": "application/problem+json; charset=utf-8"},
    }


def member(email: str, status: str = "subscribed", **more: Any) -> dict[str, Any]:
    """A member as Mailchimp shows one."""
    return {
        "id": subscriber_hash(email),
        "contact_id": f"contact-{email}",
        "email_address": email,
        "status": status,
        "merge_fields": {"FNAME": "Eva", "LNAME": "Muster"},
        "timestamp_opt": "2025-01-05T10:00:00+00:00",
        "last_changed": "2026-02-11T07:00:00+00:00",
        "unsubscribe_reason": "",
        "list_id": LIST_ID,
        **more,
    }


@dataclass
class Audience:
    """Rows in their order, a clock of one second a request, and events that happen before a request."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    events: Mapping[int, list[Callable[[Audience], None]]] = field(default_factory=dict)
    now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    requests: int = 0
    mixed: bool = False
    """Archived rows come without ``status=archived`` too (unconfirmed of the vendor)."""
    first_of_sweep: set[str] = field(default_factory=set)
    total_lies: int = 0

    def stamp(self) -> str:
        return self.now.isoformat(timespec="seconds")

    def insert(self, email: str, at: int) -> None:
        row = member(email, timestamp_opt=self.stamp(), last_changed=self.stamp())
        self.rows.insert(at % (len(self.rows) + 1), row)

    def touch(self, at: int, **values: Any) -> None:
        if self.rows:
            self.rows[at % len(self.rows)].update(last_changed=self.stamp(), **values)

    def delete(self, at: int) -> None:
        if self.rows:
            self.rows.pop(at % len(self.rows))

    def ids(self) -> set[str]:
        return {row["id"] for row in self.rows}

    def answer(self, request: httpx.Request) -> httpx.Response:
        for event in self.events.get(self.requests, []):
            event(self)
        params = dict(request.url.params)
        self.requests += 1
        if params.get("offset") == "0" and "status" not in params and "since_last_changed" not in params:
            self.first_of_sweep = self.ids()
        wanted = params.get("status")
        since = params.get("since_last_changed", "")
        rows = [
            row
            for row in self.rows
            if (row["status"] == "archived" if wanted else self.mixed or row["status"] != "archived")
            and row["last_changed"] >= since
        ]
        count, offset = int(params.get("count", 10)), int(params.get("offset", 0))
        document: dict[str, Any] = {"total_items": max(0, len(rows) + self.total_lies)}
        if "members" in params["fields"]:
            document["members"] = [dict(row) for row in rows[offset : offset + count]]
        date = format_datetime(self.now, usegmt=True)
        self.now += timedelta(seconds=1)
        return httpx.Response(200, json=document, headers={"Date": date})
