"""An adapter on a recording wire, and an account in memory that changes while it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
from pytest_httpx import HTTPXMock

from adapters.dotdigital.provider import Dotdigital
from adapters.dotdigital.session import POLICY
from adapters.pace import RetryPolicy
from adapters.provider import ConnectionSettings
from adapters.secret import Secret
from state.model import RemoteList
from tests.adapters.wires import Recorder

USER = "apiuser-0123456789ab@apiconnector.com"
PASSWORD = "canary-Pa55word"
HOST = "https://r1-api.dotdigital.com"
API = f"{HOST}/v2"
LIST_ID = "4711"
REMOTE = RemoteList(LIST_ID, "Mitgliedermagazin")
TEST_BOOK = RemoteList("4401", "Test", system=True)
BOOK = f"{API}/address-books/{LIST_ID}"
GUID = "0f6c1a3e-8e0b-4f5d-9a77-5c2f1b1f0d11"
OTHER_GUID = "77aa1a3e-8e0b-4f5d-9a77-5c2f1b1f0d22"
EXACT = replace(POLICY, jitter=lambda: 0.0)
ANY: dict[str, Any] = {"is_reusable": True, "is_optional": True}


def connect(
    recorder: Recorder,
    *,
    user: str = USER,
    password: str = PASSWORD,
    base_url: str = "",
    read_only: bool = False,
    connections: int = 8,
    policy: RetryPolicy = EXACT,
    interactive: bool = False,
    options: Mapping[str, str | bool] | None = None,
) -> Dotdigital:
    """A provider whose waits are exact and remembered instead of waited."""
    settings = ConnectionSettings(
        "verband",
        "dotdigital",
        base_url=base_url,
        secrets={"password": Secret(password)} if password else {},
        options={"user": user, **(options or {})},
    )
    wire = replace(recorder.wire(read_only=read_only, connections=connections), interactive=interactive)
    return Dotdigital(settings, wire, policy=policy)


def account_info(endpoint: str = HOST, used: int = 12, left: int = 1988) -> dict[str, Any]:
    """``account-info`` as the contract shows it."""
    return {
        "id": 70123,
        "properties": [
            {"name": "Name", "type": "String", "value": "Alpine Club Newsletter"},
            {"name": "MainEmail", "type": "String", "value": "office@alpine.example"},
            {"name": "ApiCallsInLastHour", "type": "Int", "value": str(used)},
            {"name": "ApiCallsRemaining", "type": "Int", "value": str(left)},
            {"name": "ApiEndpoint", "type": "String", "value": endpoint},
        ],
    }


def opened(httpx_mock: HTTPXMock, **more: Any) -> None:
    """The account answers where it lives."""
    httpx_mock.add_response(url=f"{API}/account-info", json=account_info(**more), **ANY)


def refusal(code: str, status: int = 400, sentence: str = "Error:") -> dict[str, Any]:
    """A refusal as a mocked answer."""
    return {"status_code": status, "json": {"message": f"{sentence} {code}".strip()}}


def asked(httpx_mock: HTTPXMock) -> list[httpx.Request]:
    """What was asked, without the question where the account lives."""
    return [one for one in httpx_mock.get_requests() if not one.url.path.endswith("/account-info")]


def contact(number: int, status: str = "Subscribed", **more: Any) -> dict[str, Any]:
    """A contact as dotdigital shows one."""
    return {
        "id": number,
        "email": f"person{number}@example.org",
        "optInType": "Single",
        "emailType": "Html",
        "dataFields": [{"key": "FIRSTNAME", "value": f"Ida {number}"}],
        "status": status,
        **more,
    }


def suppression(number: int, reason: str, when: str, status: str = "") -> dict[str, Any]:
    """Somebody who left, as dotdigital shows it."""
    shown = contact(number, status or reason, dataFields=None)
    return {"suppressedContact": shown, "dateRemoved": when, "reason": reason}


def pascal(value: Any) -> Any:
    """A document with the keys in PascalCase."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal(one) for key, one in value.items()}
    return [pascal(one) for one in value] if isinstance(value, list) else value


def as_it_is(document: Any) -> Any:
    """The document unchanged."""
    return document


@dataclass
class Account:
    """One book's contacts in their order, a clock of one second a request, and events before a request."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, Any]] = field(default_factory=list)
    suppressed: list[dict[str, Any]] = field(default_factory=list)
    changed: dict[int, datetime] = field(default_factory=dict)
    events: Mapping[int, list[Callable[[Account], None]]] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    """Contacts that take a place in a page and are not shown."""
    count_lies: int = 0
    lost_pages: int = 0
    """So many rows of the first page are left out of it, for ever."""
    shape: Callable[[Any], Any] = as_it_is
    now: datetime = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    dated: bool = True
    pages: int = 0
    asked: list[str] = field(default_factory=list)

    def join(self, number: int, at: int = 0) -> None:
        self.rows.insert(at, contact(number))
        self.changed[number] = self.now

    def go(self, at: int) -> None:
        if self.rows:
            self.rows.pop(at % len(self.rows))

    def leave(self, at: int) -> None:
        """Somebody unsubscribes from the book."""
        if self.rows:
            row = self.rows.pop(at % len(self.rows))
            self.left.append(suppression(row["id"], "Unsubscribed", self.stamp(), "Subscribed"))

    def stamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def ids(self) -> set[str]:
        return {str(row["id"]) for row in self.rows if row["id"] not in self.hidden}

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v2")
        self.asked.append(path)
        if path.endswith("/contacts"):
            for event in self.events.get(self.pages, []):
                event(self)
            self.pages += 1
        document = self.shape(self._document(path, dict(request.url.params)))
        date = format_datetime(self.now, usegmt=True)
        self.now += timedelta(seconds=1)
        return httpx.Response(200, json=document, headers={"Date": date} if self.dated else {})

    def _document(self, path: str, params: dict[str, str]) -> Any:
        if path == "/account-info":
            return account_info()
        if path == "/data-fields":
            return [data_field("FIRSTNAME"), data_field("MEMBERSINCE", "Date")]
        if re.fullmatch(r"/address-books/\d+", path):
            return book(len(self.rows) + self.count_lies)
        start, size = int(params["skip"]), int(params["select"])
        assert size <= 1000
        found = self._rows(path)[start : start + size]
        if path.endswith("/contacts"):
            if start == 0:
                found = found[self.lost_pages :]
            found = [row for row in found if row["id"] not in self.hidden]
            assert params["withFullData"] == "true"
        return found

    def _rows(self, path: str) -> list[dict[str, Any]]:
        if path.endswith("/contacts"):
            return self.rows
        since = datetime.fromisoformat(path.rpartition("/")[2])
        if "/contacts/modified-since/" in path:
            return [
                row
                for row in self.rows
                if self.changed.get(row["id"], datetime.min.replace(tzinfo=UTC)) > since
            ]
        gone = self.left if "unsubscribed-since" in path else self.suppressed
        return [row for row in gone if datetime.fromisoformat(row["dateRemoved"]) > since]


def book(contacts: int, name: str = "Mitgliedermagazin", number: int = 4711) -> dict[str, Any]:
    """An address book as dotdigital shows one."""
    return {"id": number, "name": name, "visibility": "Private", "contacts": contacts}


def data_field(name: str, kind: str = "String", default: Any = None) -> dict[str, Any]:
    """A data field as dotdigital shows one."""
    return {"name": name, "type": kind, "visibility": "Private", "defaultValue": default}
