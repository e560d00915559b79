"""Every refusal of the contract's §9, and the keys that rehearse them."""

import base64

import pytest

from adapters.sandbox.mailchimp import FIRST_LIST
from adapters.sandbox.mailchimp.errors import TRIGGER_NAMES
from tests.adapters.sandbox.desk import Desk

EVA = "eva@example.org"

TABLE = {
    "BadRequest": (400, "Bad Request", ""),
    "JSONParseError": (400, "JSON Parse Error", ""),
    "InvalidMergeFields": (400, "Invalid Resource", "Your merge fields were invalid."),
    "FakeAddress": (400, "Invalid Resource", "looks fake or invalid, please enter a real email address."),
    "InvalidAddress": (400, "Invalid Resource", "Please provide a valid email address."),
    "TooManySignups": (400, "Invalid Resource", "has signed up to a lot of lists very recently"),
    "MemberExists": (400, "Member Exists", "is already a list member. Use PUT to insert or update"),
    "MemberInComplianceState": (400, "Member In Compliance State", "is in a compliance state due to"),
    "MemberInComplianceStateOnPost": (
        400,
        "Member In Compliance State",
        "is already a list member in compliance state due to",
    ),
    "ForgottenEmailNotSubscribed": (400, "Forgotten Email Not Subscribed", "cannot be re-imported"),
    "MustOptInAgain": (400, "Invalid Resource", "must opt in again"),
    "PreviouslyRemoved": (400, "Invalid Resource", "was previously removed from this audience"),
    "AlreadyWithStatus": (400, "Invalid Resource", "is already in this list with a status of"),
    "StatusCleaned": (400, "Invalid Resource", 'This member\'s status is "cleaned."'),
    "APIKeyMissing": (401, "API Key Missing", ""),
    "APIKeyInvalid": (401, "API Key Invalid", ""),
    "WrongDatacenter": (401, "API Key Invalid", "wrong datacenter"),
    "Forbidden": (403, "Forbidden", ""),
    "UserDisabled": (403, "User Disabled", ""),
    "UserActionNotPermitted": (403, "User action not permitted", "User does not have access"),
    "ResourceNotFound": (404, "Resource Not Found", ""),
    "MethodNotAllowed": (405, "Method Not Allowed", ""),
    "MemberCannotBeRemoved": (405, "Method Not Allowed", "This list member cannot be removed."),
    "ResourceNestingTooDeep": (414, "Resource Nesting Too Deep", ""),
    "InvalidMethodOverride": (422, "Invalid Method Override", ""),
    "UpgradeRequired": (426, "Upgrade Required", ""),
    "TooManyRequests": (429, "Too Many Requests", "the limit of 10 simultaneous connections."),
    "TooManyPendingWebhooks": (429, "Too Many Requests", "more than 500 pending webhooks"),
    "InternalServerError": (500, "Internal Server Error", ""),
    "ServiceUnavailable": (503, "Service Unavailable", ""),
    "InvalidResource": (400, "Invalid Resource", ""),
    "InvalidAction": (400, "Invalid Action", ""),
    "RequestedFieldsInvalid": (400, "Invalid Resource", ""),
}
PAGES = {"EdgeForbidden": 403, "EdgeTooManyRequests": 429, "BadGateway": 502}


def test_every_trigger_is_in_one_of_the_tables() -> None:
    assert set(TRIGGER_NAMES) == set(TABLE) | set(PAGES)


@pytest.mark.parametrize("name", TABLE)
def test_a_header_triggers_each_problem(desk: Desk, name: str) -> None:
    status, title, detail = TABLE[name]
    answer = desk.call("GET", "/ping", headers={"x-trigger-error": name})
    assert (answer.status, answer.title) == (status, title)
    assert detail in answer.detail
    assert answer.content_type == "application/problem+json; charset=utf-8"
    assert answer.body["status"] == status
    assert answer.body["instance"]
    assert ("type" in answer.body) is (
        title not in ("Member In Compliance State", "Forgotten Email Not Subscribed")
    )


@pytest.mark.parametrize("name", PAGES)
def test_r20_a_header_triggers_pages_without_json(desk: Desk, name: str) -> None:
    answer = desk.call("GET", "/ping", headers={"x-trigger-error": name})
    assert answer.status == PAGES[name]
    assert answer.content_type.startswith("text/html")
    assert b"<html>" in answer.body


def test_an_unknown_trigger_changes_nothing(desk: Desk) -> None:
    assert desk.call("GET", "/ping", headers={"x-trigger-error": "Nonsense"}).status == 200


def test_a_triggered_write_is_not_applied(desk: Desk) -> None:
    rows = [{"email_address": EVA, "status": "subscribed"}]
    answer = desk.call(
        "POST", f"/lists/{FIRST_LIST}", {"members": rows}, headers={"x-trigger-error": "InternalServerError"}
    )
    assert answer.status == 500
    assert [(op.email, op.ok, op.status) for op in answer.ops] == [(EVA, False, "subscribed")]
    assert desk.status(EVA) is None


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 401),
        ("Bearer ", 401),
        ("Digest abc-us0", 401),
        ("Basic !!!", 401),
        ("Bearer abc-us19", 401),
        ("Bearer -us0", 401),
        ("Bearer abc-us0", 200),
        ("bearer ABC-US0", 200),
        ("Basic " + base64.b64encode(b"anything:abc-us0").decode(), 200),
        ("Basic " + base64.b64encode(b":abc-us0").decode(), 200),
        ("Basic " + base64.b64encode(b"abc-us0").decode(), 401),
    ],
)
def test_keys_come_by_basic_or_bearer(desk: Desk, header: str, status: int) -> None:
    assert desk.call("GET", "/ping", headers={"authorization": header}).status == status


@pytest.mark.parametrize("name", ["expired", "disabled"])
def test_keys_that_open_nothing(desk: Desk, name: str) -> None:
    answer = desk.call("GET", "/ping", key=f"{name}123-us0")
    assert (answer.status, answer.title) == (401, "API Key Invalid")


def test_a_key_without_rights_reads_and_never_writes(desk: Desk) -> None:
    key = "norights-us0"
    list_id = desk.call("GET", "/lists", key=key).body["lists"][0]["id"]
    assert desk.call("GET", "/", key=key).body["role"] == "viewer"
    assert desk.call("GET", f"/lists/{list_id}/members", key=key).body["total_items"] > 0
    body = {"members": [{"email_address": EVA, "status": "subscribed"}]}
    answer = desk.call("POST", f"/lists/{list_id}", body, key=key)
    assert (answer.status, answer.title) == (403, "User action not permitted")
    assert [op.ok for op in answer.ops] == [False]


def test_throttled_and_walled_off_keys(desk: Desk) -> None:
    assert desk.call("GET", "/ping", key="throttled-us0").status == 429
    walled = desk.call("GET", "/ping", key="gateway-us0")
    assert (walled.status, walled.content_type) == (403, "text/html; charset=utf-8")


def test_special_keys_open_accounts_of_their_own(desk: Desk) -> None:
    ids = {
        desk.call("GET", "/", key=key).body["account_id"] for key in ("any-us0", "norights-us0", "limit-us0")
    }
    assert len(ids) == 3
    assert desk.call("GET", f"/lists/{FIRST_LIST}", key="limit-us0").status == 404


def test_keys_can_be_revoked_and_restored(desk: Desk) -> None:
    desk.control("expire-key")
    assert desk.call("GET", "/ping").status == 401
    assert desk.call("GET", "/ping", key="another-us0").status == 200
    desk.control("restore-key")
    assert desk.call("GET", "/ping").status == 200
    desk.control("expire-key", key="Another-us0")
    assert desk.call("GET", "/ping", key="another-us0").status == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/lists/nope/members", 404),
        ("DELETE", "/lists", 405),
        ("PUT", "/ping", 405),
        ("GET", "/lists/a/b/c/d/e/f/g/h", 414),
        ("GET", f"/lists/{FIRST_LIST}/members/{'0' * 32}", 404),
        ("GET", f"/lists/{FIRST_LIST}/members/not-a-hash", 404),
    ],
)
def test_paths_and_methods(desk: Desk, method: str, path: str, status: int) -> None:
    assert desk.call(method, path).status == status


def test_method_override_works_with_post_only(desk: Desk) -> None:
    headers = {"x-http-method-override": "GET"}
    assert desk.call("POST", "/ping", headers=headers).status == 200
    assert desk.call("PUT", "/ping", headers=headers).status == 422


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_said_to_be_none(desk: Desk, body: bytes) -> None:
    assert desk.call("POST", f"/lists/{FIRST_LIST}", body).title == "JSON Parse Error"


def test_bodies_of_another_shape_are_refused(desk: Desk) -> None:
    bodies: list[object] = [[], {}, {"members": "x"}, {"members": ["x"]}, None]
    for body in bodies:
        answer = desk.call("POST", f"/lists/{FIRST_LIST}", body)
        assert (answer.status, answer.title) == (400, "Invalid Resource")


def test_a_null_body_is_an_empty_one(desk: Desk) -> None:
    desk.add(EVA)
    digest = desk.members("since_last_changed=2026-01-01")[0]["id"]
    path = f"/lists/{FIRST_LIST}/members/{digest}/actions/delete-permanent"
    assert desk.call("POST", path, b"null").status == 204
