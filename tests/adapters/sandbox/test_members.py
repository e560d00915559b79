"""Writing members: ids, addresses, merge fields, batch add, tags, and what the ledger is told (§5–§7)."""

import hashlib
from typing import Any

import pytest

from adapters.sandbox.mailchimp import FIRST_LIST, seeded_fields, seeded_status
from adapters.sandbox.people import person
from tests.adapters.sandbox.desk import Desk, path_of

EVA = "eva@example.org"
YOUTH = "c94d05e3a8"


def rows(*emails: str, **more: Any) -> list[dict[str, Any]]:
    return [{"email_address": email, "status": "subscribed", **more} for email in emails]


def test_r24_a_member_is_found_by_hash_address_and_contact_id_in_any_case(desk: Desk) -> None:
    made = desk.add("Eva.Muster@Example.org ").body
    assert made["id"] == hashlib.md5(b"eva.muster@example.org", usedforsecurity=False).hexdigest()
    assert made["email_address"] == "Eva.Muster@Example.org"
    for name in (made["id"], made["id"].upper(), "EVA.muster@example.ORG", made["contact_id"]):
        assert desk.call("GET", f"/lists/{FIRST_LIST}/members/{name}").body["id"] == made["id"]
    again = desk.add("eva.muster@example.org")
    assert (again.status, again.title) == (400, "Member Exists")
    assert again.body["type"].startswith("https://")


def test_seeded_members_are_who_the_seed_says(desk: Desk) -> None:
    state = desk.platform.state(None)
    for i in range(200):
        email, status = person(1, i).email, seeded_status(1, i)
        assert state.get(email) == (None if status == "forgotten" else status)
        found = desk.call("GET", path_of(email))
        digest = hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()
        by_hash = desk.call("GET", f"/lists/{FIRST_LIST}/members/{digest}")
        if status == "forgotten":
            assert (found.status, by_hash.status) == (404, 404)
            assert desk.add(email).title == "Forgotten Email Not Subscribed"
        else:
            assert found.body == by_hash.body
            assert found.body["status"] == status
            names = {tag: found.body["merge_fields"][tag] for tag in ("FNAME", "LNAME")}
            assert names == seeded_fields(1, i)


def test_members_of_another_seed_are_strangers(desk: Desk) -> None:
    assert desk.call("GET", path_of(person(2, 5).email)).status == 404
    assert desk.add(person(2, 5).email).status == 200


def test_r34_a_batch_add_takes_500_and_no_more(desk: Desk) -> None:
    for size in (499, 500):
        emails = [person(50 + size, i).email for i in range(size)]
        assert desk.batch_add(rows(*emails)).body["total_created"] == size
    emails = [person(7, i).email for i in range(501)]
    refused = desk.batch_add(rows(*emails))
    assert (refused.status, refused.title) == (400, "Invalid Resource")
    assert desk.status(emails[0]) is None
    assert len(refused.ops) == 501
    assert not any(op.ok for op in refused.ops)


def test_a_batch_add_reports_every_row_once(desk: Desk) -> None:
    desk.add(EVA)
    answer = desk.batch_add(rows(EVA, "tom@example.org", "nonsense", "ida@example.com", "tom@example.org"))
    body = answer.body
    assert [each["email_address"] for each in body["new_members"]] == ["tom@example.org"]
    assert (body["total_created"], body["total_updated"], body["error_count"]) == (1, 0, 4)
    codes = [(each["email_address"], each["error_code"]) for each in body["errors"]]
    assert codes == [
        (EVA, "ERROR_CONTACT_EXISTS"),
        ("nonsense", "ERROR_GENERIC"),
        ("ida@example.com", "ERROR_GENERIC"),
        ("tom@example.org", "ERROR_CONTACT_EXISTS"),
    ]
    assert "looks fake or invalid" in body["errors"][2]["error"]
    assert [op.ok for op in answer.ops] == [False, True, False, False, False]
    assert {op.kind for op in answer.ops} == {"add"}
    assert {op.status for op in answer.ops} == {"subscribed"}


def test_a_batch_add_echoes_members_as_every_call_shows_them(desk: Desk) -> None:
    more = {
        "tags": ["a"],
        "language": "de",
        "vip": True,
        "email_type": "text",
        "timestamp_signup": "2026-01-05 10:00",
    }
    echoed = desk.batch_add(rows("Ida@example.org", **more) + rows(EVA)).body["new_members"]
    for row in echoed:
        shown = desk.call("GET", path_of(row["email_address"])).body
        assert row == {key: shown[key] for key in row}
    assert {"id", "email_address", "status", "merge_fields", "tags_count", "tags", "list_id"} <= set(
        echoed[0]
    )


def test_skip_duplicate_check_keeps_the_first_row(desk: Desk) -> None:
    sent = [
        {"email_address": "Tom@example.org", "status": "subscribed", "merge_fields": {"FNAME": "first"}},
        {"email_address": "tom@example.org", "status": "subscribed", "merge_fields": {"FNAME": "second"}},
    ]
    body = desk.batch_add(sent, "skip_duplicate_check=True").body
    assert (body["total_created"], body["error_count"]) == (1, 0)
    assert body["new_members"][0]["merge_fields"]["FNAME"] == "first"


def test_update_existing_rewrites_fields_and_status(desk: Desk) -> None:
    desk.add(EVA, merge_fields={"FNAME": "Eva"})
    sent = [{"email_address": EVA, "status": "unsubscribed", "merge_fields": {"FNAME": "Ewa"}}]
    answer = desk.batch_add(sent, update_existing=True)
    assert answer.body["total_updated"] == 1
    assert answer.body["updated_members"][0]["merge_fields"]["FNAME"] == "Ewa"
    assert desk.status(EVA) == "unsubscribed"
    assert (answer.ops[0].kind, answer.ops[0].status, answer.ops[0].ok) == (
        "unsubscribe",
        "unsubscribed",
        True,
    )
    same = desk.batch_add(sent, update_existing=True)
    assert same.body["total_updated"] == 1
    desk.control("switch", name="echo_unchanged", value=False)
    assert desk.batch_add(sent, update_existing=True).body["total_updated"] == 0


def test_sync_tags_replaces_all_tags(desk: Desk) -> None:
    desk.add(EVA, tags=["old", "older"])
    desk.batch_add(rows(EVA, tags=["new"]), update_existing=True)
    shown = desk.call("GET", path_of(EVA)).body
    assert [tag["name"] for tag in shown["tags"]] == ["old", "older", "new"]
    assert shown["tags_count"] == 3
    desk.batch_add(rows(EVA, tags=["only"]), update_existing=True, sync_tags=True)
    assert [tag["name"] for tag in desk.call("GET", path_of(EVA)).body["tags"]] == ["only"]


def test_an_address_moves_with_its_history(desk: Desk) -> None:
    made = desk.add(EVA, merge_fields={"FNAME": "Eva"}, tags=["board"]).body
    answer = desk.call("PATCH", path_of(EVA), {"email_address": "eva.new@example.org"})
    assert answer.status == 200
    assert answer.body["id"] == hashlib.md5(b"eva.new@example.org", usedforsecurity=False).hexdigest()
    for kept in ("contact_id", "web_id", "unique_email_id", "merge_fields", "tags"):
        assert answer.body[kept] == made[kept]
    assert desk.call("GET", path_of(EVA)).status == 404
    assert desk.add(EVA).status == 200, "the old address is free again"
    assert (answer.ops[0].kind, answer.ops[0].email) == ("address", "eva.new@example.org")


@pytest.mark.parametrize("i", [0, 1, 2])
def test_a_seeded_member_moves_too(desk: Desk, i: int) -> None:
    old = person(1, i).email
    desk.control("move", email=old, to="elsewhere@example.org")
    assert desk.call("GET", path_of(old)).status == 404
    assert desk.call("GET", path_of("elsewhere@example.org")).body["web_id"] == 5512 + i
    digest = hashlib.md5(old.lower().encode(), usedforsecurity=False).hexdigest()
    assert desk.call("GET", f"/lists/{FIRST_LIST}/members/{digest}").status == 404


def test_an_address_the_list_knows_is_refused(desk: Desk) -> None:
    desk.add(EVA)
    desk.add("tom@example.org")
    desk.control("archive", email="tom@example.org")
    assert desk.call("PATCH", path_of(EVA), {"email_address": "tom@example.org"}).title == "Member Exists"
    desk.control("forget", email="tom@example.org")
    assert desk.call("PATCH", path_of(EVA), {"email_address": "tom@example.org"}).title == "Invalid Resource"
    wrong_hash = f"/lists/{FIRST_LIST}/members/{'0' * 32}"
    put = desk.call("PUT", wrong_hash, {"email_address": EVA, "status_if_new": "subscribed"})
    assert put.title == "Member Exists"


def test_put_creates_with_status_if_new_and_needs_one(desk: Desk) -> None:
    assert desk.call("PUT", path_of(EVA), {"email_address": EVA}).title == "Invalid Resource"
    answer = desk.call("PUT", path_of(EVA), {"email_address": EVA, "status_if_new": "pending"})
    assert answer.body["status"] == "pending"
    assert answer.body["timestamp_opt"] == ""
    assert (answer.ops[0].kind, answer.ops[0].status) == ("add", "pending")
    desk.control("confirm", email=EVA)
    assert desk.status(EVA) == "subscribed"


@pytest.mark.parametrize(
    "address", ["", "eva", "eva@", "@example.org", "eva@localhost", "a b@example.org", None, 7]
)
def test_what_is_no_address_is_refused(desk: Desk, address: object) -> None:
    answer = desk.call(
        "POST", f"/lists/{FIRST_LIST}/members", {"email_address": address, "status": "subscribed"}
    )
    assert (answer.status, answer.detail) == (400, "Please provide a valid email address.")


def test_required_fields_and_choices_are_checked(desk: Desk) -> None:
    path = f"/lists/{YOUTH}/members"
    row = {"email_address": EVA, "status": "subscribed", "merge_fields": {"GENDER": "z"}}
    answer = desk.call("POST", path, row)
    assert (answer.status, answer.detail) == (400, "Your merge fields were invalid.")
    assert answer.body["errors"] == [
        {"field": "GENDER", "message": "Value must be one of: m, w,  (not z)"},
        {"field": "LNAME", "message": "Please enter a value"},
    ]
    by_row = desk.call("POST", f"/lists/{YOUTH}", {"members": [row]}).body["errors"][0]
    assert (by_row["field"], by_row["field_message"]) == ("GENDER", "Value must be one of: m, w,  (not z)")
    assert desk.call("POST", f"{path}?skip_merge_validation=true", row).body["merge_fields"]["GENDER"] == "z"


def test_seeds_of_the_list_with_a_required_field_obey_it(desk: Desk) -> None:
    for row in desk.members("count=100", YOUTH):
        assert row["merge_fields"]["LNAME"]
        assert row["merge_fields"]["GENDER"] in ("m", "w")


@pytest.mark.parametrize(
    ("kind", "good", "kept", "bad"),
    [
        ("text", "é" * 200, "é" * 127, None),
        ("number", "12.5", 12.5, "twelve"),
        ("number", 7, 7, {"a": 1}),
        ("date", "2026-03-01", "2026-03-01", "1.3.2026"),
        ("birthday", "03/01", "03/01", "13/01"),
        ("zip", "30110", "30110", "3011"),
        ("url", "https://musterverband.example/x", "https://musterverband.example/x", "musterverband"),
        ("phone", "+41 31 000 00 00", "+41 31 000 00 00", None),
        (
            "address",
            {"addr1": "Musterweg 1", "city": "Bern", "state": "BE", "zip": "3011"},
            {
                "addr1": "Musterweg 1",
                "addr2": "",
                "city": "Bern",
                "state": "BE",
                "zip": "3011",
                "country": "",
            },
            {"addr1": "Musterweg 1"},
        ),
    ],
)
def test_merge_field_types_have_their_rules(desk: Desk, kind: str, good: Any, kept: Any, bad: Any) -> None:
    made = desk.call(
        "POST", f"/lists/{FIRST_LIST}/merge-fields", {"name": "Extra", "tag": "EXTRA", "type": kind}
    )
    assert made.status == 200, made.body
    assert desk.add(EVA, merge_fields={"EXTRA": good}).body["merge_fields"]["EXTRA"] == kept
    if bad is not None:
        answer = desk.call("PATCH", path_of(EVA), {"merge_fields": {"EXTRA": bad}})
        assert [each["field"] for each in answer.body["errors"]] == ["EXTRA"]
    cleared = desk.call("PATCH", path_of(EVA), {"merge_fields": {"EXTRA": ""}})
    assert cleared.body["merge_fields"]["EXTRA"] == ""


def test_merge_fields_are_made_changed_and_deleted(desk: Desk) -> None:
    path = f"/lists/{FIRST_LIST}/merge-fields"
    assert desk.call("POST", path, {"type": "text"}).title == "Invalid Resource"
    assert desk.call("POST", path, {"name": "X", "type": "colour"}).title == "Invalid Resource"
    assert desk.call("POST", path, {"name": "X", "type": "text", "tag": "lower"}).title == "Invalid Resource"
    assert desk.call("POST", path, {"name": "X", "type": "text", "tag": "FNAME"}).title == "Invalid Resource"
    assert desk.call("POST", path, {"name": "X", "type": "dropdown"}).title == "Invalid Resource"
    made = desk.call("POST", path, {"name": "Section", "type": "text"}).body
    assert made["tag"].startswith("MMERGE")
    one = f"{path}/{made['merge_id']}"
    desk.add(EVA, merge_fields={made["tag"]: "Bern"})
    assert desk.call("PATCH", one, {"tag": "SECTION"}).title == "Invalid Resource", "the name is needed"
    assert desk.call("PATCH", one, {"name": "S", "type": "number"}).title == "Invalid Resource"
    assert desk.call("PATCH", one, {"name": "Sektion", "tag": "SECTION"}).body["tag"] == "SECTION"
    assert desk.call("GET", path_of(EVA)).body["merge_fields"]["SECTION"] == "Bern"
    tags = [each["tag"] for each in desk.call("GET", path + "?count=100").body["merge_fields"]]
    assert tags == ["FNAME", "LNAME", "ADDRESS", "PHONE", "SECTION"]
    assert desk.call("DELETE", one).status == 204
    assert "SECTION" not in desk.call("GET", path_of(EVA)).body["merge_fields"]
    assert desk.call("GET", one).status == 404


def test_tags_are_static_segments(desk: Desk) -> None:
    desk.add(EVA)
    body = {
        "tags": [{"name": "news", "status": "active"}, {"name": "gone", "status": "inactive"}],
        "is_syncing": True,
    }
    assert desk.call("POST", path_of(EVA) + "/tags", body).status == 204
    tags = desk.call("GET", path_of(EVA) + "/tags").body
    assert [tag["name"] for tag in tags["tags"]] == ["news"]
    found = desk.call("GET", f"/lists/{FIRST_LIST}/tag-search?name=ne").body["tags"]
    path = f"/lists/{FIRST_LIST}/segments/{found[0]['id']}"
    assert desk.call("GET", path).body["member_count"] == 1
    desk.add("tom@example.org")
    changed = desk.call(
        "POST",
        path,
        {"members_to_add": ["tom@example.org", "nobody@example.org"], "members_to_remove": [EVA]},
    )
    assert (changed.body["total_added"], changed.body["total_removed"], changed.body["error_count"]) == (
        1,
        1,
        1,
    )
    shown = desk.call("GET", path + "/members").body
    assert [row["email_address"] for row in shown["members"]] == ["tom@example.org"]
    too_many = desk.call("POST", path, {"members_to_add": ["x@example.org"] * 501})
    assert "Maximum allowed member items exceeded" in too_many.detail
    assert desk.call("DELETE", path).status == 204
    assert desk.call("GET", path_of("tom@example.org")).body["tags"] == []


def test_a_listing_shows_fifty_tags_at_most(desk: Desk) -> None:
    shown = desk.add(EVA, tags=[f"t{number}" for number in range(60)]).body
    assert (len(shown["tags"]), shown["tags_count"]) == (50, 60)
    assert desk.call("GET", path_of(EVA) + "/tags?count=100").body["total_items"] == 60


def test_interests_are_known_by_id(desk: Desk) -> None:
    path = "/lists/b71e2c9f40"
    answer = desk.call(
        "POST", path + "/members", {"email_address": EVA, "status": "subscribed", "interests": {"zz": True}}
    )
    assert answer.detail == "Invalid interest ID: 'zz'."
    row = {"email_address": EVA, "status": "subscribed", "interests": {"a1b2c3d4e5": True}}
    assert desk.call("POST", path + "/members", row).body["interests"]["a1b2c3d4e5"] is True
    category = desk.call("GET", path + "/interest-categories").body["categories"][0]["id"]
    interests = desk.call("GET", f"{path}/interest-categories/{category}/interests").body["interests"]
    assert {each["name"]: each["subscriber_count"] for each in interests}["Wettkampf"] == "1"
    query = f"interest_category_id={category}&interest_ids=a1b2c3d4e5&interest_match=all"
    assert [each["email_address"] for each in desk.members(query, "b71e2c9f40")] == [EVA]


def test_search_finds_addresses_and_names(desk: Desk) -> None:
    desk.add(EVA, merge_fields={"FNAME": "Eva", "LNAME": "Mustermann-Zyxw"})
    found = desk.call("GET", f"/search-members?query={EVA}").body
    assert [each["email_address"] for each in found["exact_matches"]["members"]] == [EVA]
    found = desk.call("GET", f"/search-members?query=zyxw&list_id={FIRST_LIST}").body
    assert found["exact_matches"]["total_items"] == 0
    assert [each["email_address"] for each in found["full_search"]["members"]] == [EVA]


def test_the_contact_limit_refuses_new_people_only(desk: Desk) -> None:
    key = "limit-team-us0"
    (list_id,) = desk.platform.accounts["limit"].audiences
    path = f"/lists/{list_id}"
    refused = desk.call("POST", path, {"members": rows(EVA)}, key=key)
    assert (refused.status, refused.title) == (403, "User action not permitted")
    assert [(op.email, op.ok) for op in refused.ops] == [(EVA, False)]
    known = desk.call("GET", path + "/members?status=subscribed&count=1", key=key).body["members"][0]
    changed = desk.call("PATCH", f"{path}/members/{known['id']}", {"merge_fields": {"FNAME": "X"}}, key=key)
    assert changed.status == 200
    desk.control("contact-limit", account="limit", limit=None)
    assert desk.call("POST", path, {"members": rows(EVA)}, key=key).body["total_created"] == 1


def test_r17_lost_rows_are_claimed_and_not_applied(desk: Desk) -> None:
    desk.control("lose-rows", every=3)
    emails = [person(9, i).email for i in range(9)]
    answer = desk.batch_add(rows(*emails))
    assert answer.body["total_created"] == 9
    there = [email for email in emails if desk.status(email) == "subscribed"]
    assert len(there) == 6
    assert [op.email for op in answer.ops if op.ok] == there
    assert desk.platform.rehearsals.rows_lost == 3


def test_a_refused_change_changes_nothing(desk: Desk) -> None:
    desk.add(EVA, merge_fields={"FNAME": "Eva"})
    before = desk.call("GET", path_of(EVA)).body
    sent = {"merge_fields": {"FNAME": "X"}, "timestamp_opt": "not a moment", "status": "unsubscribed"}
    assert desk.call("PATCH", path_of(EVA), sent).title == "Invalid Resource"
    assert desk.call("GET", path_of(EVA)).body == before
