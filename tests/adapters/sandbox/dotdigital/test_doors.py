"""The doors of the account: credentials, region, limits (contract §1, §2, §11)."""

import pytest

from adapters.sandbox.dotdigital import FIRST_BOOK, SECOND_REGION
from adapters.sandbox.dotdigital.front import EXPIRED_USER, REHEARSALS, USERS, password_of
from adapters.sandbox.vendor import ControlError
from tests.adapters.sandbox.dotdigital.desk import Desk, authorization

BOOKS = "/address-books"


def properties(desk: Desk, name: str = "default", mount: str = "dotdigital") -> dict[str, str]:
    reply = desk.call("GET", "/account-info", auth=authorization(name), mount=mount)
    assert reply.status == 200, reply.body
    return {row["name"]: row["value"] for row in reply.body["properties"]}


# Who


def test_account_info_tells_texts_only(desk: Desk) -> None:
    reply = desk.call("GET", "/account-info")
    assert reply.body["id"] == 70_123
    assert all(isinstance(row["value"], str) for row in reply.body["properties"])
    assert {row["type"] for row in reply.body["properties"]} == {"String", "Int", "Boolean"}
    assert properties(desk)["ApiEndpoint"] == "http://127.0.0.1:1/dotdigital"


def test_the_counters_move(desk: Desk) -> None:
    before, after = properties(desk), properties(desk)
    assert int(after["ApiCallsInLastHour"]) == int(before["ApiCallsInLastHour"]) + 1
    assert int(after["ApiCallsRemaining"]) == int(before["ApiCallsRemaining"]) - 1
    desk.clock.advance(3_601)
    assert properties(desk)["ApiCallsInLastHour"] == "1"


@pytest.mark.parametrize(
    "auth",
    [
        "",
        "Bearer token",
        "Basic !!!",
        authorization("default", "wrong"),
        authorization("nobody@apiconnector.example"),
        authorization(EXPIRED_USER, password_of("expired")),
    ],
)
def test_wrong_credentials(desk: Desk, auth: str) -> None:
    reply = desk.call("GET", "/account-info", auth=auth)
    assert (reply.status, reply.body) == (
        401,
        {"message": "Authorization has been denied for this request."},
    )


def test_a_users_name_has_no_case_and_can_expire(desk: Desk) -> None:
    loud = authorization(USERS["default"].upper(), password_of("default"))
    assert desk.call("GET", "/account-info", auth=loud).status == 200
    desk.control("expire-key")
    assert desk.call("GET", "/account-info", auth=loud).status == 401
    desk.control("restore-key")
    assert desk.call("GET", "/account-info", auth=loud).status == 200


def test_a_refused_request_still_tells_the_ledger_whom_it_was_about(desk: Desk) -> None:
    reply = desk.call(
        "POST", "/contacts/unsubscribe", {"email": "eva@example.org"}, auth=authorization("default", "wrong")
    )
    assert [op.row() for op in reply.ops] == [
        {"email": "eva@example.org", "status": None, "ok": False, "kind": "unsubscribe"}
    ]


# Where


def test_region_discovery(desk: Desk) -> None:
    wrong = desk.call("GET", BOOKS, mount=SECOND_REGION)
    assert (wrong.status, wrong.body["message"]) == (403, "Forbidden: Access is denied")
    desk.control("region", second=True)
    assert properties(desk)["ApiEndpoint"] == f"http://127.0.0.1:1/{SECOND_REGION}"
    for method, path in (("GET", BOOKS), ("GET", "/server-time"), ("POST", "/contacts")):
        assert desk.call(method, path, {}).status == 403
    assert desk.call("GET", BOOKS, mount=SECOND_REGION).status == 200
    assert properties(desk, mount=SECOND_REGION)["ApiEndpoint"].endswith(SECOND_REGION)


def test_an_account_that_always_lives_in_the_second_region(desk: Desk) -> None:
    assert properties(desk, "region")["ApiEndpoint"].endswith(SECOND_REGION)
    auth = authorization("region")
    assert desk.call("GET", BOOKS, auth=auth).status == 403
    assert len(desk.call("GET", BOOKS, auth=auth, mount=SECOND_REGION).body) == 3


# How often


def test_the_tiered_limit_is_seen_in_headers_and_ends_with_the_window(desk: Desk) -> None:
    desk.control("rate", scheme="tiered", limit=3, per=60)
    replies = [desk.call("GET", "/server-time") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["2", "1", "0", "0"]
    assert {reply.headers["X-RateLimit-Limit"] for reply in replies} == {"3"}
    reset = int(replies[-1].headers["X-RateLimit-Reset"])
    assert 0 < reset - desk.clock.now() <= 60
    assert replies[-1].headers["X-RateLimit-Scope"]
    desk.clock.advance(reset - desk.clock.now())
    assert desk.call("GET", "/server-time").status == 200


def test_the_flat_limit_is_a_rolling_window_and_a_400(desk: Desk) -> None:
    desk.control("rate", scheme="flat", limit=2, per=3600)
    assert desk.call("GET", "/server-time").headers == {}
    desk.clock.advance(1_800)
    assert int(properties(desk)["ApiCallsRemaining"]) == 0
    refused = desk.call("GET", "/server-time")
    assert (refused.status, refused.code) == (400, "ERROR_APIUSAGE_EXCEEDED")
    desk.clock.advance(1_801)
    assert desk.call("GET", "/server-time").status == 200
    assert desk.call("GET", "/server-time").code == "ERROR_APIUSAGE_EXCEEDED"


def test_a_limited_write_is_told_to_the_ledger_as_refused(desk: Desk) -> None:
    desk.control("rate", limit=0)
    reply = desk.add("eva@example.org")
    assert (reply.status, [op.ok for op in reply.ops]) == (429, [False])
    desk.control("rate", scheme="none")
    assert "eva@example.org" not in desk.state()


def test_the_rehearsal_accounts(desk: Desk) -> None:
    keys = desk.platform.rehearsal_keys()
    assert set(keys) == {*REHEARSALS, "expired"}
    seen = {}
    for name in REHEARSALS:
        reply = desk.call("GET", BOOKS, auth=authorization(name))
        seen[name] = reply.status
    assert seen == {"limit": 200, "region": 403, "throttled": 429, "flat": 400, "gateway": 403}
    gateway = desk.call("GET", BOOKS, auth=authorization("gateway"))
    assert gateway.body.startswith(b"<html>")
    throttled = desk.call("GET", BOOKS, auth=authorization("throttled"))
    assert throttled.headers["X-RateLimit-Remaining"] == "0"
    (book,) = keys["limit"]["lists"]
    assert desk.platform.state(book), "its list can be asked for by its own id"


def test_an_account_at_its_limit_takes_nobody_new(desk: Desk) -> None:
    auth = authorization("limit")
    (book,) = desk.platform.rehearsal_keys()["limit"]["lists"]
    reply = desk.call("POST", f"/address-books/{book}/contacts", {"email": "eva@example.org"}, auth=auth)
    assert (reply.status, reply.code) == (400, "ERROR_CONTACT_INVALID")
    known = next(email for email, status in desk.platform.state(book).items() if status == "Subscribed")
    assert desk.call("POST", "/contacts", {"email": known}, auth=auth).status == 200
    desk.control("contact-limit", limit=None, account="limit")
    assert desk.call("POST", "/contacts", {"email": "eva@example.org"}, auth=auth).status == 201


# What is not there


def test_paths_and_methods_that_do_not_exist(desk: Desk) -> None:
    assert desk.call("GET", "/nothing").status == 404
    assert desk.call("PATCH", "/contacts").status == 405
    assert desk.call("PUT", "/data-fields/CLUB", {}).status == 405, "a data field cannot be changed"
    assert desk.call("HEAD", "/contacts").status == 200


def test_paths_have_no_case(desk: Desk) -> None:
    assert desk.call("GET", f"/Address-Books/{FIRST_BOOK}/Contacts?Select=2&WithFullData=True").body[1][
        "dataFields"
    ]
    assert desk.call("GET", "/Account-Info").status == 200


@pytest.mark.parametrize(
    ("verb", "arguments", "message"),
    [
        ("nonsense", {}, "no verb 'nonsense'"),
        ("unsubscribe", {"mail": "x"}, "does not take mail"),
        ("unsubscribe", {}, "email .* is needed"),
        ("unsubscribe", {"email": "nobody@example.org"}, "is not in the account"),
        ("unsubscribe", {"email": "x", "list": "1"}, "no list '1'"),
        ("edit", {"email": "x", "account": "none"}, "no account 'none'"),
        ("switch", {"name": "nonsense", "value": True}, "no switch"),
        ("switch", {"name": "faults_bom", "value": 1}, "takes true or false"),
        ("rate", {"scheme": "steep"}, "scheme is one of"),
        ("rate", {"limit": -1}, "limit is a whole number"),
        ("next-import", {"status": "Maybe"}, "status is one of"),
        ("next-import", {"report": {"none": 1}}, "report is an object"),
        ("next-import", {"faults": ["x"]}, "faults is a list"),
        ("drift", {"action": "swap"}, "insert or delete"),
        ("seed-books", {"counts": 3}, "counts is a list"),
        ("activity", {"campaign": 306, "email": "x"}, "campaign is one of"),
        ("add-book", {"name": "Test"}, "ERROR|DUPLICATE"),
        ("add-field", {"name": "id"}, "DATAFIELD_INVALID"),
        ("remove-book", {"list": "4401"}, "cannot be removed"),
        ("release-imports", {"id": "x"}, "no import 'x' is held"),
        ("refuse-next", {}, "code is the vendor's"),
        ("refuse-next", {"code": "X", "path": "("}, "path is a regular expression"),
        ("region", {}, "second is true or false"),
        ("suppress", {"email": "x", "status": "Subscribed"}, "status is one of"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_in_words(
    desk: Desk, verb: str, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ControlError, match=message):
        desk.control(verb, **arguments)
