"""Campaigns and what became of them (contract §8)."""

from typing import Any

import pytest

from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.dotdigital.front import PATRONS_BOOK, TOURS_BOOK
from adapters.sandbox.dotdigital.roll import FIRST_ID
from adapters.sandbox.people import person
from tests.adapters.sandbox.dotdigital.desk import FOREVER, Desk

SENT = [301, 302, 303, 304, 305]
KINDS = ("clicks", "opens", "page-views", "replies", "roi-details", "social-bookmark-views")


def everything(desk: Desk, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := desk.get(f"{path}?select=150&skip={len(found)}"):
        found += page
    return found


def test_campaigns_and_their_books(desk: Desk) -> None:
    rows = {row["id"]: row for row in desk.get("/campaigns")}
    assert [row_id for row_id, row in rows.items() if row["status"] == "Sent"] == SENT
    assert [row_id for row_id, row in rows.items() if row["status"] == "Unsent"] == [306]
    assert rows[301]["htmlContent"] is None
    read = desk.get("/campaigns/301")
    assert read["htmlContent"]
    assert {key for key in read if read[key] != rows[301][key]} == {"htmlContent", "plainTextContent"}
    assert [row["id"] for row in desk.get(f"/address-books/{FIRST_BOOK}/campaigns")] == [301, 303, 305, 306]
    assert [row["id"] for row in desk.get("/campaigns/302/address-books")] == [TOURS_BOOK]
    assert len(desk.get("/campaigns?select=2&skip=5")) == 1
    for path in ("/campaigns/1", "/campaigns/x/summary", "/campaigns/1/activities"):
        assert desk.call("GET", path).code == "ERROR_CAMPAIGN_NOT_FOUND"


@pytest.mark.parametrize("campaign", SENT)
def test_the_summary_is_the_sum_of_the_rows(desk: Desk, campaign: int) -> None:
    base = f"/campaigns/{campaign}"
    rows, summary = everything(desk, f"{base}/activities"), desk.get(f"{base}/summary")
    assert len(rows) > 50
    assert summary["numSent"] == summary["numTotalSent"] == len(rows)
    assert (
        summary["numOpens"]
        == sum(row["numOpens"] for row in rows)
        == len(everything(desk, f"{base}/opens"))
        > 0
    )
    assert (
        summary["numClicks"]
        == sum(row["numClicks"] for row in rows)
        == len(everything(desk, f"{base}/clicks"))
    )
    assert summary["numUniqueOpens"] == sum(row["numOpens"] > 0 for row in rows)
    assert summary["numRecipientsClicked"] == sum(row["numClicks"] > 0 for row in rows) > 0
    assert summary["numUnsubscribes"] == sum(row["unsubscribed"] for row in rows)
    assert summary["numSoftBounces"] == sum(row["softBounced"] for row in rows)
    hard = everything(desk, f"{base}/hard-bouncing-contacts")
    assert summary["numHardBounces"] == sum(row["hardBounced"] for row in rows) == len(hard)
    assert summary["numDelivered"] == len(rows) - summary["numHardBounces"] - summary["numSoftBounces"]
    assert summary["percentageDelivered"] == round(100 * summary["numDelivered"] / len(rows), 2)
    assert (summary["revenue"], summary["numAssistedOrders"]) == ("$0.00", 0)


def test_somebody_left_bounced_and_replied_somewhere(desk: Desk) -> None:
    for key in ("numUnsubscribes", "numSoftBounces", "numHardBounces", "numReplies"):
        assert sum(desk.get(f"/campaigns/{campaign}/summary")[key] for campaign in SENT) > 0


def test_an_unsent_campaign_has_no_summary_and_no_rows(desk: Desk) -> None:
    reply = desk.call("GET", "/campaigns/306/summary")
    assert (reply.status, reply.code) == (400, "ERROR_CAMPAIGN_INVALID")
    assert desk.get("/campaigns/306/activities") == []


def test_rows_of_one_contact(desk: Desk) -> None:
    rows = everything(desk, "/campaigns/301/activities")
    one = next(row for row in rows if row["numClicks"] and row["numOpens"] > 1)
    base = f"/campaigns/301/activities/{one['contactId']}"
    assert desk.get(base) == one
    opens, clicks = desk.get(f"{base}/opens"), desk.get(f"{base}/clicks")
    assert [row["dateOpened"] for row in opens] == [one["dateFirstOpened"], one["dateLastOpened"]]
    assert set(clicks[0]) == {"contactId", "email", "url", "ipAddress", "userAgent", "dateClicked", "keyword"}
    assert len(desk.get(f"{base}/opens?select=1")) == 1
    assert desk.call("GET", f"{base}/replies?select=6").code == "ERROR_PARAMETER_INVALID"
    assert desk.call("GET", f"{base}/replies?select=5").status == 200
    assert desk.call("GET", "/campaigns/301/activities/1").code == "ERROR_CONTACT_NOT_FOUND"
    assert one["email"] == desk.get(f"/contacts/{one['contactId']}")["email"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_row_is_somewhere(desk: Desk, kind: str) -> None:
    found = []
    for row in everything(desk, "/campaigns/302/activities"):
        found += desk.get(f"/campaigns/302/activities/{row['contactId']}/{kind}")
    assert found
    assert all(row["contactId"] and row["email"] for row in found)


@pytest.mark.parametrize("kind", ["clicks", "opens", "page-views", "roi-details"])
def test_since_date(desk: Desk, kind: str) -> None:
    path = f"/campaigns/304/{kind}/since-date"
    whole = desk.get(f"{path}/{FOREVER}")
    late = desk.get(f"{path}/2025-11-29T00:00:00Z")
    assert 0 <= len(late) < len(whole)
    assert desk.get(f"{path}/2026-06-01T00:00:00Z") == []
    assert desk.call("GET", f"{path}/now").code == "ERROR_PARAMETER_INVALID"


def test_activity_since_the_last_look(desk: Desk) -> None:
    assert len(desk.get(f"/campaigns/301/activities/since-date/{FOREVER}")) == len(
        everything(desk, "/campaigns/301/activities")
    )
    since = "2026-05-01T00:00:00Z"
    assert desk.get(f"/campaigns/301/activities/since-date/{since}") == []
    email = person(1, 3).email.lower()
    desk.control("activity", campaign=301, email=email, action="open")
    desk.control("activity", campaign=301, email=email, action="click", url="https://alpine.example/hut")
    (row,) = desk.get(f"/campaigns/301/activities/since-date/{since}")
    assert (row["contactId"], row["email"], row["dateLastOpened"]) == (
        FIRST_ID + 3,
        email,
        "2026-06-01T08:00:00Z",
    )
    (click,) = desk.get(f"/campaigns/301/clicks/since-date/{since}")
    assert click["url"] == "https://alpine.example/hut"
    assert desk.events == [("open", email, "301"), ("click", email, "301")]


def test_activity_of_whoever_was_no_recipient(desk: Desk) -> None:
    desk.add("eva@example.org", book=PATRONS_BOOK)
    desk.control("activity", campaign=304, email="eva@example.org", action="click", at="2026-02-01T10:00:00Z")
    rows = [row for row in everything(desk, "/campaigns/304/activities") if row["email"] == "eva@example.org"]
    assert [row["numClicks"] for row in rows] == [1]
    assert (
        desk.get("/campaigns/304/clicks/since-date/2026-01-31T00:00:00Z")[0]["dateClicked"]
        == "2026-02-01T10:00:00Z"
    )


def test_rows_follow_an_address_and_drop_the_deleted(desk: Desk) -> None:
    first, second = everything(desk, "/campaigns/301/activities")[:2]
    desk.control("move", email=first["email"], to="umgezogen@example.org")
    desk.control("delete", email=second["email"])
    emails = [row["email"] for row in everything(desk, "/campaigns/301/activities")]
    assert "umgezogen@example.org" in emails
    assert first["email"] not in emails
    assert second["email"] not in emails


def test_sending_a_campaign_rings_in_the_ledger(desk: Desk) -> None:
    body = {"campaignId": 306, "addressBookIds": [FIRST_BOOK], "contactIds": []}
    reply = desk.call("POST", "/campaigns/send", body)
    assert (reply.status, reply.note) == (200, {"alarm": "campaign-send"})
    assert (reply.body["campaignId"], reply.body["status"]) == (306, "NotSent")
    unknown = desk.call("POST", "/Campaigns/Send", {"campaignId": 1})
    assert (unknown.code, unknown.note) == ("ERROR_CAMPAIGN_NOT_FOUND", {"alarm": "campaign-send"})
    assert desk.get("/campaigns/306")["status"] == "Unsent"
