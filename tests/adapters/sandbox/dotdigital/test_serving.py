"""What only a socket shows: the ready document, both regions, faults, the ledger, several vendors at once."""

import http.client
import json
from typing import Any

import pytest

from adapters.sandbox.dotdigital import FIRST_BOOK, SECOND_REGION
from adapters.sandbox.dotdigital.front import BOOKS
from adapters.sandbox.options import SandboxError, SandboxOptions
from adapters.sandbox.running import RunningSandbox
from tests.adapters.sandbox.dotdigital.desk import Wire

EVA = "eva@example.org"
CONTACTS = f"/address-books/{FIRST_BOOK}/contacts"
COLLECTION = {"addressBookIds": [FIRST_BOOK], "contacts": [{"email": EVA}]}


def rows_of(sandbox: RunningSandbox, path: str) -> list[dict[str, Any]]:
    return [row for row in sandbox.ledger_rows() if row.get("path") == path]


def test_the_ready_document_names_it_beside_the_others(sandbox: RunningSandbox) -> None:
    ready = sandbox.ready
    assert ready["urls"]["dotdigital"] == f"http://127.0.0.1:{ready['port']}/dotdigital/v2"
    assert set(ready["keys"]["dotdigital"]) == {"user", "password"}
    assert ready["lists"]["dotdigital"] == [{"id": str(book), "name": name} for book, name in BOOKS.items()]
    assert set(ready["rehearsals"]["dotdigital"]["limit"]) == {"user", "password", "lists"}
    assert list(ready["urls"])[:2] == ["mailchimp", "dotdigital"]


def test_what_it_says_of_itself_is_the_same_once_it_is_made() -> None:
    with RunningSandbox(SandboxOptions(contacts=5)) as fresh:
        before = {part: fresh.ready[part]["dotdigital"] for part in ("urls", "keys", "lists", "rehearsals")}
        assert len(fresh.state("dotdigital")) == 5
        connection = http.client.HTTPConnection("127.0.0.1", fresh.ready["port"], timeout=10)
        connection.request("GET", "/__sandbox__/ready")
        after = json.loads(connection.getresponse().read())
        connection.close()
        assert {part: after[part]["dotdigital"] for part in before} == before


def test_both_regions_are_served(sandbox: RunningSandbox, wire: Wire) -> None:
    second = f"/{SECOND_REGION}/v2"
    assert wire.call("GET", "/address-books")[0] == 200
    assert wire.call("GET", "/address-books", base=second)[0] == 403
    sandbox.control("dotdigital", "region", second=True)
    _, _, info = wire.call("GET", "/account-info")
    endpoint = next(row["value"] for row in info["properties"] if row["name"] == "ApiEndpoint")
    assert endpoint == f"{sandbox.origin}/{SECOND_REGION}"
    assert wire.call("GET", "/address-books")[0] == 403
    assert wire.call("GET", "/address-books", base=second)[0] == 200
    assert [row["code"] for row in rows_of(sandbox, "/address-books")][-4:] == [200, 403, 403, 200]


def test_a_path_that_is_no_vendors(wire: Wire) -> None:
    status, _, body = wire.call("GET", "/v2", base="/dotdigital-r9")
    assert (status, "dotdigital" in body["error"]) == (404, True)


def test_dates_in_paths_come_through_percent_encoded(wire: Wire) -> None:
    wire.call("POST", CONTACTS, {"email": EVA})
    path = f"{CONTACTS}/modified-since/2020-01-01T00%3A00%3A00%2B00%3A00?select=1000"
    status, headers, rows = wire.call("GET", path)
    assert (status, headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert EVA in [row["email"] for row in rows]
    assert wire.call("GET", "/contacts/eva%40example.org")[2]["email"] == EVA
    assert headers["x-ratelimit-limit"] == "20000"


def test_a_drop_after_the_body_was_taken_leaves_an_import_behind(sandbox: RunningSandbox, wire: Wire) -> None:
    sandbox.control("dotdigital", "fail-next", body="drop-after", path="import-collection")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        wire.call("POST", "/contacts/import-collection", COLLECTION)
    wire.close()
    (row,) = rows_of(sandbox, "/contacts/import-collection")
    assert (row["code"], row["fault"], row["ops"][0]["ok"]) == (0, "drop-after", True)
    assert wire.call("GET", f"/contacts/import/{row['import']}")[2]["status"] == "NotFinished"
    assert sandbox.state("dotdigital")[EVA] == "Subscribed"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (502, "html", b"<h1>502 Bad Gateway</h1>"),
        (500, "problem", b"ERROR_UNKNOWN"),
        (503, "problem", b"ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE"),
        (401, "problem", b"Authorization has been denied"),
        (429, "problem", b"rate limit"),
        (504, "empty", b""),
    ],
)
def test_rehearsed_failures(
    sandbox: RunningSandbox, wire: Wire, status: int, body: str, expected: bytes
) -> None:
    sandbox.control("dotdigital", "fail-next", status=status, body=body)
    seen, _, content = wire.call("POST", CONTACTS, {"email": EVA})
    assert seen == status
    assert expected in (content if isinstance(content, bytes) else str(content).encode())
    (row,) = rows_of(sandbox, CONTACTS)[-1:]
    assert [(op["email"], op["ok"]) for op in row["ops"]] == [(EVA, False)]
    assert wire.call("POST", CONTACTS, {"email": EVA})[0] == 200


def test_the_ledger_tells_job_and_fence_also_of_an_import_that_ended(sandbox: RunningSandbox) -> None:
    wire = Wire(sandbox, agent="listwarden/1 (job 17; fence 4)")
    _, _, told = wire.call("POST", "/contacts/import-collection", COLLECTION)
    for _ in range(2):
        wire.call("GET", f"/contacts/import/{told['id']}")
    wire.close()
    (posted,) = rows_of(sandbox, "/contacts/import-collection")[-1:]
    assert (posted["run"], posted["fence"], posted["import"]) == ("17", 4, told["id"])
    assert posted["ops"] == [{"email": EVA, "status": None, "ok": True, "kind": "add"}]
    (ended,) = [row for row in sandbox.ledger_rows() if row.get("id") == told["id"]]
    assert (ended["settled"], ended["vendor"], ended["status"]) == ("import", "dotdigital", "Finished")
    assert (ended["run"], ended["fence"]) == ("17", 4)
    assert ended["rows"] == [{"email": EVA, "ok": True, "reason": ""}]
    assert "method" not in ended, "no request of its own"


def test_alarms_stand_in_the_ledger(sandbox: RunningSandbox, wire: Wire) -> None:
    wire.call("POST", "/campaigns/send", {"campaignId": 301})
    assert [row["alarm"] for row in sandbox.ledger_rows() if "alarm" in row] == ["campaign-send"]


def test_acts_stand_in_the_ledger_as_events(sandbox: RunningSandbox, wire: Wire) -> None:
    wire.call("POST", CONTACTS, {"email": EVA})
    sandbox.control("dotdigital", "unsubscribe", email=EVA)
    row = sandbox.ledger_rows()[-1]
    assert (row["vendor"], row["event"], row["email"], row["status"]) == (
        "dotdigital",
        "unsubscribe",
        EVA,
        "Unsubscribed",
    )


def test_the_clock_is_everybodys_and_so_are_the_counters_not(sandbox: RunningSandbox, wire: Wire) -> None:
    _, _, told = wire.call("POST", "/contacts/import-collection", COLLECTION)
    sandbox.control("mailchimp", "clock", advance=10)
    assert sandbox.state("dotdigital")[EVA] == "Subscribed", "the import ended by itself"
    assert wire.call("GET", f"/contacts/import/{told['id']}")[2]["status"] == "Finished"
    assert EVA not in sandbox.state("mailchimp")
    sandbox.control("mailchimp", "reset")
    assert EVA in sandbox.state("dotdigital"), "a reset is one vendor's"


def test_an_unknown_order_names_the_verbs(sandbox: RunningSandbox) -> None:
    with pytest.raises(SandboxError, match=r"no verb 'nonsense'; there are .*next-import"):
        sandbox.control("dotdigital", "nonsense")
    with pytest.raises(SandboxError, match="no vendor 'sendwell'; there are mailchimp, dotdigital"):
        sandbox.control("sendwell", "reset")


def test_two_starts_with_one_seed_are_equal(sandbox: RunningSandbox) -> None:
    with RunningSandbox(SandboxOptions(contacts=200)) as other:
        for book in ("4400", "4711", "4712"):
            assert other.state("dotdigital", book) == sandbox.state("dotdigital", book)
    with RunningSandbox(SandboxOptions(contacts=200, seed=2)) as third:
        assert not set(third.state("dotdigital")) & set(sandbox.state("dotdigital"))
