"""Batches: phases, one at a time, shuffled archives, links that expire, holding and stopping (§6b)."""

import io
import json
import tarfile
from typing import Any
from urllib.parse import parse_qs, urlsplit

from adapters.sandbox.mailchimp import FIRST_LIST
from adapters.sandbox.mailchimp.batches import PHASE_SECONDS
from adapters.sandbox.people import person
from adapters.sandbox.vendor import Call
from tests.adapters.sandbox.desk import Desk, path_of, reply_of

EVA = "eva@example.org"


def adds(number: int) -> list[dict[str, Any]]:
    return [
        {
            "method": "POST",
            "path": f"/lists/{FIRST_LIST}/members",
            "operation_id": f"c:{i}:add",
            "body": json.dumps({"email_address": person(5, i).email, "status": "subscribed"}),
        }
        for i in range(number)
    ]


def submit(desk: Desk, operations: list[dict[str, Any]]) -> dict[str, Any]:
    answer = desk.call("POST", "/batches", {"operations": operations})
    assert answer.status == 200, answer.body
    batch: dict[str, Any] = answer.body
    return batch


def poll(desk: Desk, batch: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = desk.call("GET", f"/batches/{batch['id']}").body
    return found


def finish(desk: Desk, batch: dict[str, Any]) -> dict[str, Any]:
    found = batch
    for _ in range(20):
        found = poll(desk, batch)
        if found["status"] == "finished":
            return found
    raise AssertionError(f"never finished: {found}")


def download(desk: Desk, url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    segments = tuple(part for part in parts.path.split("/") if part)[1:]
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    answer = desk.platform.handle(Call("GET", parts.path, segments, query, {}, b"", "http://127.0.0.1:1"))
    return answer.status, answer.body


def results(content: bytes) -> tuple[list[str], list[dict[str, Any]]]:
    """Entry names, and every row of every file."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        names = tar.getnames()
        rows: list[dict[str, Any]] = []
        for entry in tar:
            file = tar.extractfile(entry)
            if file is not None:
                rows += json.load(file)
    return names, rows


def test_a_batch_goes_through_its_phases(desk: Desk) -> None:
    batch = submit(desk, adds(10))
    assert (batch["status"], batch["total_operations"], batch["finished_operations"]) == ("pending", 10, 0)
    assert batch["completed_at"] == batch["response_body_url"] == ""
    seen = [(each["status"], each["finished_operations"]) for each in (poll(desk, batch) for _ in range(4))]
    assert seen == [("preprocessing", 0), ("started", 5), ("finalizing", 10), ("finished", 10)]
    done = poll(desk, batch)
    assert done["completed_at"]
    assert done["response_body_url"].startswith("http://127.0.0.1:1/mailchimp/archives/")
    assert desk.status(person(5, 9).email) == "subscribed"


def test_it_goes_on_without_polls_as_time_passes(desk: Desk) -> None:
    batch = submit(desk, adds(3))
    list(desk.platform.background())
    assert desk.status(person(5, 0).email) is None
    desk.clock.advance(4 * PHASE_SECONDS + 1)
    rows = list(desk.platform.background())
    assert {(row.method, row.code) for row in rows} == {("POST", 200)}
    assert {op.email for row in rows for op in row.ops} == {person(5, i).email for i in range(3)}
    assert {row.note["batch"] for row in rows} == {batch["id"]}
    assert (rows[0].caller.run, rows[0].caller.fence) == ("17", 4)
    assert poll(desk, batch)["status"] == "finished"


def test_results_are_told_apart_by_operation_id_only(desk: Desk) -> None:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    sent = adds(600)
    sent.append(
        {
            "method": "PATCH",
            "path": path_of(EVA),
            "operation_id": "c:x:back",
            "body": '{"status":"subscribed"}',
        }
    )
    sent.append({"method": "DELETE", "path": path_of("nobody@example.org")})
    done = finish(desk, submit(desk, sent))
    assert (done["finished_operations"], done["errored_operations"]) == (602, 2)
    status, content = download(desk, done["response_body_url"])
    assert status == 200
    names, rows = results(content)
    assert names[0] in (".", "./")
    assert len(names) >= 3, "several files"
    order = [row["operation_id"] for row in rows]
    assert sorted(map(str, order)) == sorted(str(each.get("operation_id")) for each in sent)
    assert order != [each.get("operation_id") for each in sent], "shuffled"
    by_id = {row["operation_id"]: row for row in rows}
    refused = json.loads(by_id["c:x:back"]["response"])
    assert (by_id["c:x:back"]["status_code"], refused["title"]) == (400, "Member In Compliance State")
    assert refused["instance"] == ""
    assert by_id[None]["status_code"] == 404
    assert json.loads(by_id["c:7:add"]["response"])["email_address"] == person(5, 7).email


def test_a_link_works_ten_minutes_and_a_new_look_makes_a_new_one(desk: Desk) -> None:
    batch = submit(desk, adds(2))
    url = finish(desk, batch)["response_body_url"]
    desk.clock.advance(9 * 60)
    assert download(desk, url)[0] == 200
    desk.clock.advance(2 * 60)
    assert download(desk, url)[0] == 404
    forged = url.partition("expires=")[0] + "expires=99999999999"
    assert download(desk, forged)[0] == 404
    assert download(desk, poll(desk, batch)["response_body_url"])[0] == 200
    desk.clock.advance(8 * 86_400)
    assert desk.call("GET", f"/batches/{batch['id']}").status == 404
    assert desk.call("GET", "/batches").body["total_items"] == 0


def test_one_batch_runs_at_a_time(desk: Desk) -> None:
    first, second = submit(desk, adds(2)), submit(desk, adds(1))
    assert poll(desk, second)["status"] == "pending"
    assert poll(desk, first)["status"] == "started"
    finish(desk, second)
    assert poll(desk, first)["status"] == "finished"


def test_batches_can_be_held_and_stopped(desk: Desk) -> None:
    desk.control("hold-batches", on=True)
    batch = submit(desk, adds(2))
    desk.clock.advance(3600)
    assert {poll(desk, batch)["status"] for _ in range(8)} == {"pending"}
    assert desk.call("DELETE", f"/batches/{batch['id']}").status == 204
    desk.control("hold-batches", on=False)
    assert desk.call("GET", f"/batches/{batch['id']}").status == 404
    list(desk.platform.background())
    assert desk.status(person(5, 0).email) is None, "what was stopped never ran"


def test_a_get_without_count_pages_by_itself(desk: Desk) -> None:
    read = {"method": "GET", "path": f"/lists/{FIRST_LIST}/members", "params": {"fields": "members.id"}}
    some = {**read, "params": {"count": "3"}}
    done = finish(desk, submit(desk, [{**read, "operation_id": "all"}, {**some, "operation_id": "some"}]))
    _, rows = results(download(desk, done["response_body_url"])[1])
    sizes = {row["operation_id"]: len(json.loads(row["response"])["members"]) for row in rows}
    assert sizes == {"all": 196, "some": 3}


def test_malformed_batches_are_refused(desk: Desk) -> None:
    for operations in (
        None,
        [],
        ["x"],
        [{"method": "BREW", "path": "/ping"}],
        [{"method": "GET", "path": ""}],
        [{"method": "POST", "path": f"/lists/{FIRST_LIST}/members", "body": {"email_address": EVA}}],
    ):
        assert desk.call("POST", "/batches", {"operations": operations}).title == "Invalid Resource"


def test_only_so_many_batches_may_wait(desk: Desk) -> None:
    desk.control("hold-batches", on=True)
    for _ in range(500):
        submit(desk, adds(1))
    answer = desk.call("POST", "/batches", {"operations": adds(1)})
    assert (answer.status, answer.title) == (429, "Too Many Requests")


def test_an_operation_obeys_the_accounts_rights(desk: Desk) -> None:
    answer = desk.call("POST", "/batches", {"operations": adds(1)}, key="norights-us0")
    assert answer.status == 403
    broken = [{"method": "POST", "path": f"/lists/{FIRST_LIST}/members", "operation_id": "b", "body": "{"}]
    done = finish(desk, submit(desk, broken))
    _, rows = results(download(desk, done["response_body_url"])[1])
    assert json.loads(rows[0]["response"])["title"] == "JSON Parse Error"


def test_nothing_but_a_finished_batch_has_an_archive(desk: Desk) -> None:
    batch = submit(desk, adds(1))
    assert download(desk, f"http://127.0.0.1:1/mailchimp/archives/{batch['id']}-0.tar.gz?expires=1")[0] == 404
    assert reply_of(desk.platform.failure(404, "empty")).body == b""
