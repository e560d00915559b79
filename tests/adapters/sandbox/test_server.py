"""What only a socket shows: the ready document, faults, latency, the limiter, the ledger and the control routes."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.mailchimp import FIRST_LIST
from adapters.sandbox.options import SandboxError, SandboxOptions
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from tests.adapters.sandbox.desk import Wire

EVA = "eva@example.org"
MEMBERS = f"/lists/{FIRST_LIST}/members"
ROW = {"email_address": EVA, "status": "subscribed"}


def until(met: Callable[[], bool], seconds: float = 5.0) -> None:
    """Poll a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.01)


def requests_of(sandbox: RunningSandbox, path: str) -> list[dict[str, Any]]:
    return [row for row in sandbox.ledger_rows() if row.get("path") == path]


# Ready


def test_the_ready_document_is_the_first_line_and_names_what_is_built(sandbox: RunningSandbox) -> None:
    ready = sandbox.ready
    assert ready["ready"] is True
    assert ready["urls"]["mailchimp"] == f"http://127.0.0.1:{ready['port']}/mailchimp/3.0"
    assert ready["urls"]["oro"] == f"http://127.0.0.1:{ready['port']}/oro"
    assert set(ready["keys"]["oro"]) == {"client_id", "client_secret"}
    assert ready["keys"]["mailchimp"].endswith("-us0")
    assert ready["lists"]["mailchimp"][0] == {"id": FIRST_LIST, "name": "Verbandsnews"}
    assert len(ready["lists"]["mailchimp"]) == 3
    assert sandbox.url("mailchimp") == ready["urls"]["mailchimp"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_clean_end(number: signal.Signals) -> None:
    with RunningSandbox(SandboxOptions(contacts=3)) as own:
        os.kill(own.pid, number)
        process = own._process
        assert process is not None
        assert process.wait(10) == 0
        assert own.errors() == ""


def test_it_ends_with_its_parent() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "adapters.sandbox", "--with-parent", "--contacts", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert json.loads(process.stdout.readline())["ready"] is True
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port} on 127.0.0.1 cannot be used") as refused:
            RunningSandbox(SandboxOptions(port=port)).start()
    assert "Traceback" not in str(refused.value)


@pytest.mark.parametrize("options", [SandboxOptions(contacts=1_000_001), SandboxOptions(seed=-1)])
def test_options_out_of_range_are_refused(options: SandboxOptions) -> None:
    with pytest.raises(SandboxError, match=r"--contacts goes|--seed is"):
        RunningSandbox(options).start()


def test_two_starts_with_one_seed_are_equal(sandbox: RunningSandbox) -> None:
    with (
        RunningSandbox(SandboxOptions(contacts=200)) as other,
        RunningSandbox(SandboxOptions(contacts=200, seed=2)) as third,
    ):
        assert other.state("mailchimp") == sandbox.state("mailchimp")
        assert not set(third.state("mailchimp")) & set(sandbox.state("mailchimp"))


# Answers


def test_answers_carry_type_id_and_the_sandboxes_date(sandbox: RunningSandbox, wire: Wire) -> None:
    status, headers, _ = wire.call("GET", "/ping")
    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert headers["x-request-id"]
    _, headers, _ = wire.call("GET", "/nowhere")
    assert headers["content-type"] == "application/problem+json; charset=utf-8"
    sandbox.control("mailchimp", "clock", set="2030-01-01T00:00:00+00:00")
    _, headers, _ = wire.call("GET", "/ping")
    assert parsedate_to_datetime(headers["date"]).year == 2030


def test_delete_answers_204_with_nothing(wire: Wire) -> None:
    wire.call("POST", MEMBERS, ROW)
    status, headers, body = wire.call("DELETE", f"{MEMBERS}/{EVA.replace('@', '%40')}")
    assert (status, body) == (204, b"")
    assert "content-type" not in headers
    assert wire.call("GET", "/ping")[0] == 200, "the connection goes on"


def test_links_lead_somewhere(wire: Wire) -> None:
    document: dict[str, Any] = {}
    for path in ("/", "/lists", f"/lists/{FIRST_LIST}", f"{MEMBERS}?count=1"):
        document = json.loads(wire.call("GET", path)[2])
        assert document["_links"], path
    member = document["members"][0]
    href = member["_links"][0]["href"].partition("/3.0")[2]
    assert json.loads(wire.call("GET", href)[2])["id"] == member["id"]


# The ledger


def test_the_ledger_tells_who_asked_what_and_when(sandbox: RunningSandbox) -> None:
    wire = Wire(sandbox, agent="listwarden/0.1.0 (job 01JABC; fence 4)")
    before = time.time()
    wire.call(
        "POST",
        f"/lists/{FIRST_LIST}",
        {"members": [ROW, {"email_address": "nonsense", "status": "subscribed"}]},
    )
    wire.call("PATCH", f"{MEMBERS}/{EVA}", {"status": "unsubscribed"})
    wire.call("PATCH", f"{MEMBERS}/{EVA}", {"email_address": "new@example.org"})
    wire.call("PATCH", f"{MEMBERS}/new@example.org", {"merge_fields": {"FNAME": "Eva"}})
    wire.call("DELETE", f"{MEMBERS}/new@example.org")
    wire.call("GET", f"{MEMBERS}?count=1")
    after = time.time()
    wire.close()
    rows = sandbox.ledger_rows()[-6:]
    assert [row["method"] for row in rows] == ["POST", "PATCH", "PATCH", "PATCH", "DELETE", "GET"]
    assert rows[0]["path"] == f"/lists/{FIRST_LIST}"
    assert rows[0]["ops"] == [
        {"email": EVA, "status": "subscribed", "ok": True, "kind": "add"},
        {"email": "nonsense", "status": "subscribed", "ok": False, "kind": "add"},
    ]
    ops = [row["ops"][0] for row in rows[1:5]]
    assert [(op["kind"], op["status"], op["email"]) for op in ops] == [
        ("unsubscribe", "unsubscribed", EVA),
        ("address", None, "new@example.org"),
        ("change", None, "new@example.org"),
        ("remove", None, "new@example.org"),
    ]
    assert rows[5]["ops"] == []
    assert rows[5]["query"] == "count=1"
    assert len({row["conn_id"] for row in rows}) == 1
    for row in rows:
        assert (row["vendor"], row["run"], row["fence"], row["code"]) == (
            "mailchimp",
            "01JABC",
            4,
            row["code"],
        )
        assert before <= row["t0"] <= row["t1"] == row["t"] <= after


def test_another_client_has_neither_job_nor_fence(sandbox: RunningSandbox, wire: Wire) -> None:
    wire.call("GET", "/ping")
    row = sandbox.ledger_rows()[-1]
    assert (row["run"], row["fence"]) == (None, None)
    second = Wire(sandbox)
    second.call("GET", "/ping")
    second.close()
    assert sandbox.ledger_rows()[-1]["conn_id"] != row["conn_id"]


def test_a_file_ledger_is_complete_when_the_answer_is_there(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with RunningSandbox(SandboxOptions(contacts=5, ledger=ledger)) as own:
        wire = Wire(own)
        for i in range(20):
            wire.call("POST", MEMBERS, {"email_address": person(8, i).email, "status": "subscribed"})
            rows = [json.loads(line) for line in ledger.read_text().splitlines()]
            assert rows[-1]["ops"][0]["email"] == person(8, i).email
        wire.close()
        own.control("mailchimp", "unsubscribe", email=person(8, 3).email)
        assert own.ledger_rows() == [json.loads(line) for line in ledger.read_text().splitlines()]
    event = own.ledger_rows()[-1]
    assert {key: event[key] for key in ("event", "email", "status")} == {
        "event": "unsubscribe",
        "email": person(8, 3).email,
        "status": "unsubscribed",
    }


def test_operations_of_a_batch_are_in_the_ledger(sandbox: RunningSandbox, wire: Wire) -> None:
    operation = {"method": "POST", "path": MEMBERS, "operation_id": "x", "body": json.dumps(ROW)}
    batch = json.loads(wire.call("POST", "/batches", {"operations": [operation]})[2])
    found: dict[str, Any] = batch
    for _ in range(5):
        found = json.loads(wire.call("GET", f"/batches/{batch['id']}")[2])
    assert found["status"] == "finished"
    (row,) = [row for row in sandbox.ledger_rows() if row.get("batch") == batch["id"]]
    assert row["ops"] == [{"email": EVA, "status": "subscribed", "ok": True, "kind": "add"}]
    url = found["response_body_url"]
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.ready["port"], timeout=10)
    connection.request("GET", url.partition(str(sandbox.ready["port"]))[2])
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, "application/gzip")
    assert answer.read()[:2] == b"\x1f\x8b"
    connection.close()


# Faults


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, "problem"), (502, "html"), (503, "empty"), (429, "problem"), (403, "html"), (418, "problem")],
)
def test_the_next_requests_can_be_refused(
    sandbox: RunningSandbox, wire: Wire, status: int, body: str
) -> None:
    sandbox.control("mailchimp", "fail-next", count=2, status=status, body=body)
    for _ in range(2):
        found, headers, content = wire.call("POST", MEMBERS, ROW)
        assert found == status
        assert headers["content-type"].startswith(
            {"problem": "application/problem+json", "html": "text/html", "empty": "text/plain"}[body]
        )
        assert (content == b"") is (body == "empty")
        row = sandbox.ledger_rows()[-1]
        assert (row["fault"], row["code"]) == (body, status)
        assert [(op["email"], op["ok"]) for op in row["ops"]] == [(EVA, False)]
    assert EVA not in sandbox.state("mailchimp")
    assert wire.call("POST", MEMBERS, ROW)[0] == 200


@pytest.mark.parametrize(("body", "applied"), [("drop", False), ("drop-after", True)])
def test_a_cut_connection_has_no_answer(
    sandbox: RunningSandbox, wire: Wire, body: str, applied: bool
) -> None:
    sandbox.control("mailchimp", "fail-next", body=body)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        wire.call("POST", MEMBERS, ROW)
    assert (EVA in sandbox.state("mailchimp")) is applied
    row = sandbox.ledger_rows()[-1]
    assert (row["fault"], row["code"], row["ops"][0]["ok"]) == (body, 0, applied)
    wire.close()
    assert wire.call("GET", "/ping")[0] == 200


def test_a_truncated_answer_ends_early(sandbox: RunningSandbox, wire: Wire) -> None:
    sandbox.control("mailchimp", "fail-next", body="truncate", path="members$", method="get")
    with pytest.raises(http.client.IncompleteRead) as cut:
        wire.call("GET", MEMBERS)
    assert cut.value.partial
    assert sandbox.ledger_rows()[-1]["fault"] == "truncate"


@pytest.mark.parametrize(("body", "applied"), [("hang", False), ("hang-after", True)])
def test_a_hanging_request_is_never_answered(
    sandbox: RunningSandbox, wire: Wire, body: str, applied: bool
) -> None:
    sandbox.control("mailchimp", "fail-next", body=body)
    wire.connection.timeout = 0.3
    with pytest.raises(TimeoutError):
        wire.call("POST", MEMBERS, ROW)
    assert (EVA in sandbox.state("mailchimp")) is applied
    assert sandbox.ledger_rows()[-1]["fault"] == body


def test_a_hanging_request_does_not_hold_the_end_up() -> None:
    with RunningSandbox(SandboxOptions(contacts=3)) as own:
        own.control("mailchimp", "fail-next", body="hang")
        wire = Wire(own)
        wire.send("GET", "/ping")
        until(lambda: len(own.ledger_rows()) == 1)
        assert own.stop() == 0
        wire.close()


def test_faults_choose_by_path_method_and_turn(sandbox: RunningSandbox, wire: Wire) -> None:
    sandbox.control(
        "mailchimp", "fail-next", status=500, path=f"^/lists/{FIRST_LIST}/members", method="POST", skip=1
    )
    codes = [
        wire.call("GET", f"{MEMBERS}?count=1")[0],
        wire.call("POST", MEMBERS, ROW)[0],
        wire.call("GET", "/ping")[0],
        wire.call("POST", MEMBERS, {**ROW, "email_address": "tom@example.org"})[0],
        wire.call("POST", MEMBERS, {**ROW, "email_address": "tom@example.org"})[0],
    ]
    assert codes == [200, 200, 200, 500, 200]


def test_a_late_answer_was_applied_long_before(sandbox: RunningSandbox, wire: Wire) -> None:
    rows = len(requests_of(sandbox, MEMBERS))
    sandbox.control("mailchimp", "latency", ms=0, after_ms=60_000)
    wire.send("POST", MEMBERS, ROW)
    until(lambda: EVA in sandbox.state("mailchimp"))
    assert len(requests_of(sandbox, MEMBERS)) == rows, "nobody was answered yet"
    wire.close()


def test_a_request_whose_client_left_is_applied_late(sandbox: RunningSandbox, wire: Wire) -> None:
    sandbox.control("mailchimp", "latency", ms=300)
    wire.send("POST", MEMBERS, ROW)
    wire.close()
    assert EVA not in sandbox.state("mailchimp")
    until(lambda: EVA in sandbox.state("mailchimp"))


# The limiter


def test_r36_the_eleventh_connection_at_once_is_refused(sandbox: RunningSandbox) -> None:
    sandbox.control("mailchimp", "latency", ms=400)
    barrier = threading.Barrier(11)

    def ask(_: int) -> int:
        wire = Wire(sandbox)
        barrier.wait(10)
        status, _headers, _body = wire.call("GET", "/ping")
        wire.close()
        return status

    with ThreadPoolExecutor(11) as pool:
        codes = sorted(pool.map(ask, range(11)))
    assert codes == [200] * 10 + [429]
    assert sandbox.ledger_rows()[-1]["vendor"] == "mailchimp"
    wire = Wire(sandbox)
    assert wire.call("GET", "/ping")[0] == 200, "the slots are free again"
    wire.close()


def test_a_request_given_up_holds_its_slot_until_it_is_done(sandbox: RunningSandbox) -> None:
    sandbox.control("mailchimp", "connections-limit", n=1)
    sandbox.control("mailchimp", "latency", ms=400)
    first, second = Wire(sandbox), Wire(sandbox)
    first.send("GET", "/lists")
    first.close()
    rows = len(sandbox.ledger_rows())
    assert second.call("GET", "/ping")[0] == 429
    until(lambda: len(requests_of(sandbox, "/lists")) > 0 and len(sandbox.ledger_rows()) > rows + 1)
    assert second.call("GET", "/ping")[0] == 200
    second.close()


def test_accounts_do_not_crowd_each_other(sandbox: RunningSandbox) -> None:
    sandbox.control("mailchimp", "connections-limit", n=1)
    sandbox.control("mailchimp", "fail-next", body="hang")
    one, other, same = Wire(sandbox), Wire(sandbox, key="norights-us0"), Wire(sandbox, key="x-us0")
    rows = len(sandbox.ledger_rows())
    one.send("GET", "/ping")
    until(lambda: len(sandbox.ledger_rows()) > rows)
    assert other.call("GET", "/ping")[0] == 200
    assert same.call("GET", "/ping")[0] == 429, "all keys of an account count together"
    for wire in (one, other, same):
        wire.close()


# Control


def test_the_state_shows_everybody_but_the_forgotten(sandbox: RunningSandbox, wire: Wire) -> None:
    wire.call("POST", MEMBERS, ROW)
    for verb, status in (
        ("unsubscribe", "unsubscribed"),
        ("subscribe", "subscribed"),
        ("clean", "cleaned"),
        ("subscribe", "subscribed"),
        ("bounce", "cleaned"),
        ("archive", "archived"),
        ("forget", None),
    ):
        assert sandbox.control("mailchimp", verb, email=EVA)["changed"] == 1
        assert sandbox.state("mailchimp").get(EVA) == status
    assert len(sandbox.state("mailchimp", "c94d05e3a8")) > 0


def test_wrong_orders_are_answered_with_the_right_ones(sandbox: RunningSandbox) -> None:
    orders: list[tuple[str, dict[str, Any], str]] = [
        ("explode", {}, "no verb 'explode'; there are add-field, archive, "),
        ("unsubscribe", {}, "email (a text) or emails"),
        ("unsubscribe", {"email": "nobody@example.org"}, "nobody@example.org is not on list"),
        ("unsubscribe", {"email": EVA, "mail": 1}, "unsubscribe does not take mail; it takes email"),
        ("unsubscribe", {"email": EVA, "list": "nope"}, "no list 'nope'; there are a6b5da1054"),
        ("confirm", {"email": person(1, 0).email}, "is subscribed, not pending"),
        (
            "edit",
            {"email": person(1, 0).email, "fields": {"NOPE": 1}},
            "no merge field 'NOPE'; there are FNAME",
        ),
        ("subscribe", {"email": "x@example.com"}, "looks fake or invalid"),
        ("move", {"email": person(1, 0).email, "to": person(1, 3).email}, "is known to list"),
        ("switch", {"name": "nope", "value": True}, "no switch 'nope'; there are resubscribe_own"),
        ("switch", {"name": "legacy_ids", "value": 1}, "takes true or false"),
        ("fail-next", {"body": "explode"}, "body is one of problem, html"),
        ("fail-next", {"count": 0}, "count is a whole number"),
        ("fail-next", {"path": "("}, "path is a regular expression"),
        ("fail-next", {"times": 3}, "fail-next does not take times; it takes count"),
        ("latency", {"ms": -1}, "ms is a number of milliseconds"),
        ("clock", {"set": "noon"}, "set is a moment such as"),
        ("clock", {"advance": "1h"}, "advance is a number of seconds"),
        ("drift", {"action": "shuffle"}, "action is insert or delete"),
        ("lose-rows", {"every": "all"}, "every is a whole number"),
        ("hold-batches", {}, "on is true or false"),
        ("contact-limit", {"account": "nope"}, "no account 'nope'; there are default"),
        ("connections-limit", {"n": 0}, "n is a whole number from 1 on"),
    ]
    for verb, arguments, words in orders:
        with pytest.raises(SandboxError) as refused:
            sandbox.control("mailchimp", verb, **arguments)
        answer = json.loads(str(refused.value))
        assert words in answer["error"]
        assert "unsubscribe" in answer["verbs"]["mailchimp"]
    with pytest.raises(SandboxError, match="no vendor"):
        sandbox.control("pigeon", "reset")
    with pytest.raises(SandboxError, match="no list"):
        sandbox.state("mailchimp", "nope")


def test_unknown_paths_say_what_there_is(sandbox: RunningSandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.ready["port"], timeout=10)
    for path, words in (
        ("/pigeon/3.0/ping", "no vendor"),
        ("/__sandbox__/nope", "POST /__sandbox__/<vendor>/<verb>"),
    ):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, words in answer.read().decode()) == (404, True)
    connection.request("POST", "/__sandbox__/mailchimp/reset", b"{")
    answer = connection.getresponse()
    assert (answer.status, b"no JSON" in answer.read()) == (400, True)
    connection.close()


def test_reset_puts_everything_back(sandbox: RunningSandbox, wire: Wire) -> None:
    start = sandbox.state("mailchimp")
    wire.call("POST", MEMBERS, ROW)
    sandbox.control("mailchimp", "remove-list", list="c94d05e3a8")
    sandbox.control("mailchimp", "fail-next", count=5)
    sandbox.control("mailchimp", "expire-key")
    sandbox.control("mailchimp", "clock", advance=3600)
    sandbox.control("mailchimp", "reset")
    assert wire.call("GET", "/lists/c94d05e3a8")[0] == 200
    assert sandbox.state("mailchimp") == start
    assert sandbox.control("mailchimp", "clock")["now"][:13] == time.strftime("%Y-%m-%dT%H", time.gmtime())


def test_a_removed_list_is_gone(sandbox: RunningSandbox, wire: Wire) -> None:
    sandbox.control("mailchimp", "remove-list", list=FIRST_LIST)
    assert wire.call("GET", f"/lists/{FIRST_LIST}")[0] == 404
    assert wire.call("GET", "/ping")[0] == 200, "a valid key says nothing about a list"
