"""The registry of webhooks (§8)."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from adapters.sandbox.mailchimp import FIRST_LIST
from tests.adapters.sandbox.desk import Desk

PATH = f"/lists/{FIRST_LIST}/webhooks"
BODY = {
    "url": "https://receiver.example/hook/secret",
    "events": {"subscribe": True, "unsubscribe": True, "cleaned": False},
    "sources": {"user": True, "admin": True, "api": False},
}


class _Receiver(BaseHTTPRequestHandler):
    agents: list[str]

    def do_GET(self) -> None:
        self.agents.append(self.headers["User-Agent"])
        self.send_response(200 if self.path == "/good" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[str]]]:
    agents: list[str] = []
    handler = type("Receiver", (_Receiver,), {"agents": agents})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", agents
    server.shutdown()
    thread.join()
    server.server_close()


def test_hooks_are_made_listed_changed_and_deleted(desk: Desk) -> None:
    made = desk.call("POST", PATH, BODY).body
    assert made["signing_enabled"] is True
    assert len(made["signing_secret"]) == 32
    assert made["events"] == BODY["events"]
    one = f"{PATH}/{made['id']}"
    shown = desk.call("GET", one).body
    assert "signing_secret" not in shown, "told once"
    assert desk.call("GET", PATH).body["webhooks"] == [shown]
    changed = desk.call("PATCH", one, {"events": {"cleaned": True}}).body
    assert changed["events"] == {"subscribe": True, "unsubscribe": True, "cleaned": True}
    assert desk.call("DELETE", one).status == 204
    assert desk.call("GET", one).status == 404


def test_one_url_has_one_hook(desk: Desk) -> None:
    desk.call("POST", PATH, BODY)
    assert "multiple WebHooks for one URL" in desk.call("POST", PATH, BODY).detail
    other = desk.call("POST", PATH, {**BODY, "url": "https://receiver.example/other"}).body
    assert "multiple" in desk.call("PATCH", f"{PATH}/{other['id']}", {"url": BODY["url"]}).detail


@pytest.mark.parametrize(
    "change", [{"url": ""}, {"url": "ftp://x.example"}, {"events": {"nope": True}}, {"sources": [1]}]
)
def test_malformed_hooks_are_refused(desk: Desk, change: dict[str, object]) -> None:
    assert desk.call("POST", PATH, {**BODY, **change}).title == "Invalid Resource"


def test_a_url_is_validated_when_the_switch_asks(desk: Desk, receiver: tuple[str, list[str]]) -> None:
    origin, agents = receiver
    desk.control("switch", name="validate_webhooks", value=True)
    assert desk.call("POST", PATH, {**BODY, "url": origin + "/good"}).status == 200
    assert "did not answer with 200" in desk.call("POST", PATH, {**BODY, "url": origin + "/bad"}).detail
    assert agents == ["MailChimp.com WebHook Validator"] * 2
    assert desk.call("POST", PATH, BODY).title == "Invalid Resource", "never another machine"


def test_batch_webhooks_are_twenty_at_most(desk: Desk) -> None:
    ids = set()
    for number in range(20):
        made = desk.call("POST", "/batch-webhooks", {"url": f"https://receiver.example/{number}"})
        ids.add(made.body["id"])
    assert (
        desk.call("POST", "/batch-webhooks", {"url": "https://receiver.example/x"}).title
        == "Invalid Resource"
    )
    assert desk.call("GET", "/batch-webhooks?count=100").body["total_items"] == len(ids) == 20
    one = f"/batch-webhooks/{ids.pop()}"
    assert desk.call("GET", one).status == 200
    assert desk.call("DELETE", one).status == 204
    assert desk.call("GET", one).status == 404
