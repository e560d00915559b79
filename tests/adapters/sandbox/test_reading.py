"""Reading: paging, partial answers, filters, and listings that slip or lie (§2, §4, §5)."""

from typing import Any

import pytest

from adapters.sandbox.mailchimp import FIRST_LIST, seeded_status
from adapters.sandbox.people import person
from tests.adapters.sandbox.desk import Desk, path_of

EVA = "eva@example.org"
PATH = f"/lists/{FIRST_LIST}/members"


def emails(rows: list[dict[str, Any]]) -> list[str]:
    return [row["email_address"] for row in rows]


def all_pages(desk: Desk, size: int, query: str = "") -> tuple[list[str], set[int]]:
    """Every page until one is short, and the totals they named."""
    found: list[str] = []
    totals = set()
    while True:
        page = desk.call("GET", f"{PATH}?count={size}&offset={len(found)}&{query}").body
        found += emails(page["members"])
        totals.add(page["total_items"])
        if len(page["members"]) < size:
            return found, totals


def test_r39_ten_rows_come_unless_more_are_asked_for(desk: Desk) -> None:
    page = desk.call("GET", PATH).body
    assert len(page["members"]) == 10
    assert page["total_items"] == 196
    assert page["list_id"] == FIRST_LIST


@pytest.mark.parametrize("size", [1, 7, 98, 196, 1000])
def test_pages_hold_everybody_once(desk: Desk, size: int) -> None:
    found, totals = all_pages(desk, size)
    assert totals == {196}
    listed = [person(1, i).email for i in range(200) if seeded_status(1, i) not in ("archived", "forgotten")]
    assert found == listed


def test_more_than_a_thousand_rows_are_refused(desk: Desk) -> None:
    assert desk.call("GET", PATH + "?count=1000").status == 200
    for query in ("count=1001", "count=x", "offset=-1"):
        answer = desk.call("GET", f"{PATH}?{query}")
        assert (answer.status, answer.title) == (400, "Invalid Resource")


def test_archived_members_come_only_when_asked_for(desk: Desk) -> None:
    archived = emails(desk.members("status=archived&count=1000"))
    assert len(archived) == 3
    assert not set(archived) & set(emails(desk.members("count=1000")))
    desk.control("switch", name="archived_in_listing", value=True)
    assert set(archived) <= set(emails(desk.members("count=1000")))
    assert desk.call("GET", PATH + "?status=forgotten").title == "Invalid Resource"


@pytest.mark.parametrize(
    ("status", "number"),
    [("subscribed", 176), ("unsubscribed", 12), ("cleaned", 4), ("pending", 3), ("transactional", 1)],
)
def test_a_status_filters(desk: Desk, status: str, number: int) -> None:
    rows = desk.members(f"status={status}&count=1000")
    assert {row["status"] for row in rows} == {status}
    assert len(rows) == number


def test_absent_timestamps_are_empty_texts(desk: Desk) -> None:
    assert {row["timestamp_opt"] for row in desk.members("status=pending")} == {""}


def test_fields_name_what_comes(desk: Desk) -> None:
    query = "count=2&fields=members.email_address,members.merge_fields.FNAME,total_items"
    answer = desk.call("GET", f"{PATH}?{query}").body
    assert set(answer) == {"members", "total_items"}
    assert [set(row) for row in answer["members"]] == [{"email_address", "merge_fields"}] * 2
    assert set(answer["members"][0]["merge_fields"]) == {"FNAME"}
    whole = desk.call("GET", f"{PATH}?count=2").body["members"]
    assert answer["members"][0]["merge_fields"]["FNAME"] == whole[0]["merge_fields"]["FNAME"]
    flat = desk.call("GET", f"{PATH}?count=2&fields=members.id,members.status").body
    assert flat == {"members": [{"id": row["id"], "status": row["status"]} for row in whole]}


def test_exclude_fields_leave_out(desk: Desk) -> None:
    answer = desk.call(
        "GET", f"{PATH}?count=1&exclude_fields=_links,members._links,members.merge_fields"
    ).body
    assert "_links" not in answer
    assert not {"_links", "merge_fields"} & set(answer["members"][0])
    assert answer["members"][0]["email_address"]
    assert "members" not in desk.call("GET", f"{PATH}?exclude_fields=members").body


@pytest.mark.parametrize("path", [PATH, "/lists", "/", path_of(person(1, 0).email)])
@pytest.mark.parametrize("query", ["fields=nonsense", "fields=members.nonsense,total_items"])
def test_unknown_field_names_are_an_error(desk: Desk, path: str, query: str) -> None:
    assert desk.call("GET", f"{path}?{query}").title == "Invalid Resource"


def test_fields_and_exclude_fields_exclude_one_another(desk: Desk) -> None:
    for path in (PATH, "/lists"):
        answer = desk.call("GET", f"{path}?fields=total_items&exclude_fields=_links")
        assert answer.title == "Invalid Resource"


def test_audiences_with_the_fields_of_the_contract(desk: Desk) -> None:
    query = "count=1000&fields=lists.id,lists.name,lists.stats,lists.double_optin,total_items"
    answer = desk.call("GET", f"/lists?{query}").body
    assert answer["total_items"] == 3
    assert [row["double_optin"] for row in answer["lists"]] == [False, True, False]
    assert answer["lists"][0]["id"] == FIRST_LIST
    assert answer["lists"][0]["stats"]["member_count"] == 176
    assert desk.call("GET", "/lists/0000000000").title == "Resource Not Found"
    held = desk.call("GET", f"/lists?email={person(1, 0).email}").body
    assert [row["id"] for row in held["lists"]] == [FIRST_LIST, "b71e2c9f40"]
    assert desk.call("GET", f"/lists?email={EVA}").body["lists"] == []


def test_since_last_changed_holds_what_changed(desk: Desk) -> None:
    desk.clock.set(1_800_000_000.2)
    desk.add(EVA)
    desk.control("edit", email=person(1, 3).email, fields={"FNAME": "Anders"})
    after = "2027-01-15T07:59:59%2B00:00"
    assert emails(desk.members(f"since_last_changed={after}")) == [person(1, 3).email, EVA]
    # The very second is not included, unless the switch says so.
    same = "2027-01-15T08:00:00+00:00"
    assert desk.members(f"since_last_changed={same}") == []
    desk.control("switch", name="since_inclusive", value=True)
    assert len(desk.members(f"since_last_changed={same}")) == 2
    before = emails(desk.members(f"before_last_changed={after}&count=1000"))
    assert EVA not in before
    assert len(before) == 195
    assert desk.call("GET", PATH + "?since_last_changed=yesterday").title == "Invalid Resource"


def test_an_old_since_holds_everybody_who_changed_later(desk: Desk) -> None:
    moment = sorted(row["last_changed"] for row in desk.members("count=1000"))[100]
    rows = desk.members(f"count=1000&since_last_changed={moment.replace('+', '%2B')}")
    assert len(rows) == 95
    assert min(row["last_changed"] for row in rows) > moment


def test_unsubscribed_since_goes_with_its_status(desk: Desk) -> None:
    desk.control("unsubscribe", emails=[person(1, 0).email, person(1, 3).email])
    query = "unsubscribed_since=2026-01-01T00:00:00Z"
    assert len(desk.members(f"status=unsubscribed&{query}")) == 2
    assert desk.call("GET", f"{PATH}?{query}").title == "Invalid Resource"


@pytest.mark.parametrize("name", ["last_changed", "timestamp_opt", "timestamp_signup"])
def test_listings_can_be_sorted(desk: Desk, name: str) -> None:
    for direction in ("ASC", "DESC"):
        query = f"sort_field={name}&sort_dir={direction}"
        values = [row[name] for row in desk.members(f"{query}&count=1000")]
        assert values == sorted(values, reverse=direction == "DESC")
        found, _ = all_pages(desk, 50, query)
        assert len(set(found)) == 196
    assert desk.call("GET", PATH + "?sort_field=email").title == "Invalid Resource"


def test_a_sorted_pass_sees_changes_made_between_its_pages(desk: Desk) -> None:
    query = "sort_field=last_changed&sort_dir=DESC&count=1"
    first = emails(desk.members(query))
    desk.control("edit", email=person(1, 7).email, fields={"FNAME": "Neu"})
    assert emails(desk.members(query)) == [person(1, 7).email] != first


@pytest.mark.parametrize("size", [10, 50])
def test_r40_an_inserted_row_shifts_the_pages(desk: Desk, size: int) -> None:
    desk.control("drift", after_pages=2, action="insert")
    found, totals = all_pages(desk, size)
    assert totals == {196, 197}
    assert len(found) == 197
    assert len(set(found)) == 196, "one row is seen twice"
    assert desk.platform.rehearsals.drift.done == 1


def test_r40_a_deleted_row_hides_another(desk: Desk) -> None:
    whole, _ = all_pages(desk, 50)
    desk.control("drift", after_pages=1, action="delete")
    found, totals = all_pages(desk, 50)
    assert totals == {196, 195}
    assert set(whole) - set(found) == {whole[50]}, "somebody is missed who is still there"
    assert desk.status(whole[0]) is None


def test_r39_a_total_can_lie(desk: Desk) -> None:
    desk.control("total-lies", delta=5)
    found, totals = all_pages(desk, 100)
    assert (len(found), totals) == (196, {201})


def test_an_empty_list_is_a_list() -> None:
    desk = Desk(contacts=0)
    page = desk.call("GET", PATH).body
    assert (page["members"], page["total_items"]) == ([], 0)
    assert desk.platform.state(None) == {}
    desk.add(EVA)
    assert desk.platform.state(None) == {EVA: "subscribed"}


def test_r37_a_million_members_cost_a_byte_each() -> None:
    desk = Desk(contacts=1_000_000)
    roll = desk.platform.accounts["default"].audiences[FIRST_LIST].roll
    assert len(roll.column) == 1_000_000
    assert sum(1 for _ in roll.touched()) < 10
    page = desk.call("GET", PATH + "?count=3&offset=979990&fields=members.email_address,total_items").body
    assert page["total_items"] == 980_000
    assert page["members"][-1]["email_address"].split("@")[0][-9:-3].isdigit()
    assert desk.call("GET", path_of(person(1, 999_998).email)).status == 200


def test_ping_account_and_history(desk: Desk) -> None:
    assert desk.call("GET", "/ping").body == {"health_status": "Everything's Chimpy!"}
    account = desk.call("GET", "/").body
    assert account["account_id"] == desk.platform.accounts["default"].account_id
    assert account["role"] == "owner"
    desk.add(EVA)
    activity = desk.call("GET", f"/lists/{FIRST_LIST}/activity?count=1").body
    assert activity["activity"][0]["subs"] == 1
    assert activity["total_items"] == 180
    assert desk.call("GET", f"/lists/{FIRST_LIST}/growth-history").body["history"][0]["subscribed"] == 177


def test_reports_add_up(desk: Desk) -> None:
    reports = desk.call("GET", "/reports?count=100").body["reports"]
    mine = [each for each in reports if each["list_id"] == FIRST_LIST]
    assert len(mine) == 3
    for each in mine:
        sent = desk.call("GET", f"/reports/{each['id']}/sent-to?count=1000").body["sent_to"]
        left = desk.call("GET", f"/reports/{each['id']}/unsubscribed?count=1000").body["unsubscribes"]
        seen = desk.call("GET", f"/reports/{each['id']}/email-activity?count=1000").body["emails"]
        actions = [action["action"] for row in seen for action in row["activity"]]
        assert each["emails_sent"] == len(sent)
        assert each["unsubscribed"] == len(left) > 0
        assert each["bounces"]["hard_bounces"] == sum(row["status"] == "hard" for row in sent) == 4
        assert each["opens"]["opens_total"] == actions.count("open") > 0
        assert desk.call("GET", f"/reports/{each['id']}").body == each
    assert desk.call("GET", "/reports/0000000000").title == "Resource Not Found"
    assert desk.call("GET", "/reports?since_send_time=2025-10-01T00:00:00Z").body["total_items"] == 3


def test_a_members_activity_says_why_no_mail_comes(desk: Desk) -> None:
    bounced = desk.members("status=cleaned&count=1")[0]["email_address"]
    actions = desk.call("GET", path_of(bounced) + "/activity").body["activity"]
    assert {"action": "bounce", "type": "hard"}.items() <= actions[0].items()
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    assert desk.call("GET", path_of(EVA) + "/activity").body["activity"][0]["action"] == "unsub"
