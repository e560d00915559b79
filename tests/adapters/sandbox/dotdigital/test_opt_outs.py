"""Leaving and coming back, on two levels (contract §5, §11)."""

from typing import Any

import pytest

from adapters.sandbox.clock import iso
from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.dotdigital.front import TOURS_BOOK
from adapters.sandbox.dotdigital.statuses import LIFTABLE, SUPPRESSED, Status
from tests.adapters.sandbox.dotdigital.desk import FOREVER, NOW, Desk

EVA, TOM = "eva@example.org", "tom@example.org"
SINCE = iso(NOW - 60)
CONTACTS = f"/address-books/{FIRST_BOOK}/contacts"
WORDS = sorted(status.word for status in SUPPRESSED)


def since(desk: Desk, name: str) -> list[tuple[str, str]]:
    """Who left since the test began, and why."""
    return [(row["suppressedContact"]["email"], row["reason"]) for row in desk.get(f"/{name}-since/{SINCE}")]


def test_leaving_one_book(desk: Desk) -> None:
    desk.add(EVA)
    desk.add(EVA, book=TOURS_BOOK)
    reply = desk.call("POST", f"{CONTACTS}/unsubscribe", {"Email": "EVA@example.org"})
    assert (reply.status, reply.body["reason"], reply.body["dateRemoved"]) == (
        200,
        "Unsubscribed",
        "2026-06-01T08:00:00Z",
    )
    assert [(op.kind, op.ok, op.status) for op in reply.ops] == [("unsubscribe", True, None)]
    assert EVA not in [row["email"] for row in desk.members(book=FIRST_BOOK)]
    assert desk.contact(EVA)["status"] == "Subscribed", "elsewhere unchanged"
    assert desk.state(TOURS_BOOK)[EVA] == "Subscribed"
    assert desk.state()[EVA] == "Unsubscribed"
    assert since(desk, f"address-books/{FIRST_BOOK}/contacts/unsubscribed") == [(EVA, "Unsubscribed")]
    assert since(desk, f"address-books/{TOURS_BOOK}/contacts/unsubscribed") == []
    assert since(desk, "contacts/suppressed") == [], "the account's lists know nothing of it"
    assert desk.add(EVA).code == "ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK"


def test_leaving_the_account(desk: Desk) -> None:
    desk.add(EVA)
    desk.add(EVA, book=TOURS_BOOK)
    reply = desk.call("POST", "/contacts/unsubscribe", {"email": EVA})
    assert reply.body["suppressedContact"]["status"] == "Unsubscribed"
    assert desk.contact(EVA)["status"] == "Unsubscribed"
    for book in (FIRST_BOOK, TOURS_BOOK):
        assert EVA not in [row["email"] for row in desk.members(book=book)]
        assert desk.state(book)[EVA] == "Unsubscribed"
        assert since(desk, f"address-books/{book}/contacts/unsubscribed") == []
    assert (
        since(desk, "contacts/unsubscribed") == since(desk, "contacts/suppressed") == [(EVA, "Unsubscribed")]
    )
    before = desk.contact(EVA)
    for path in ("/contacts", CONTACTS):
        assert desk.call("POST", path, {"email": EVA}).code == "ERROR_CONTACT_SUPPRESSED"
    assert desk.call("PUT", f"/contacts/{before['id']}", {"email": EVA}).code == "ERROR_CONTACT_SUPPRESSED"
    assert desk.contact(EVA) == before


def test_leaving_twice_keeps_the_first_moment(desk: Desk) -> None:
    desk.add(EVA)
    first = desk.call("POST", f"{CONTACTS}/unsubscribe", {"email": EVA}).body["dateRemoved"]
    desk.clock.advance(3_600)
    assert desk.call("POST", f"{CONTACTS}/unsubscribe", {"email": EVA}).body["dateRemoved"] == first
    desk.call("POST", "/contacts/unsubscribe", {"email": EVA})
    assert since(desk, f"address-books/{FIRST_BOOK}/contacts/unsubscribed") == [(EVA, "Unsubscribed")]
    account = desk.get(f"/contacts/unsubscribed-since/{SINCE}")[0]["dateRemoved"]
    desk.clock.advance(3_600)
    assert desk.call("POST", "/contacts/unsubscribe", {"email": EVA}).body["dateRemoved"] == account


def test_a_stranger_cannot_leave(desk: Desk) -> None:
    for path in ("/contacts/unsubscribe", f"{CONTACTS}/unsubscribe"):
        reply = desk.call("POST", path, {"email": EVA})
        assert (reply.status, reply.code, reply.ops[0].ok) == (404, "ERROR_CONTACT_NOT_FOUND", False)
    assert desk.call("POST", "/contacts/unsubscribe", {"email": "nonsense"}).code == "ERROR_INVALID_EMAIL"


def test_suppressing_some(desk: Desk) -> None:
    first, second = desk.add(EVA).body["id"], desk.add(TOM).body["id"]
    rows = [{"id": first}, {"Email": "TOM@example.org"}, {"id": 5, "email": "nobody@example.org"}]
    reply = desk.call("PUT", "/contacts/suppress-contacts", rows)
    assert reply.body == {
        "suppressed": [{"id": first, "email": EVA}, {"id": second, "email": TOM}],
        "notFound": [{"id": 5, "email": "nobody@example.org"}],
    }
    assert [(op.email, op.ok) for op in reply.ops] == [
        (EVA, True),
        (TOM, True),
        ("nobody@example.org", False),
    ]
    assert since(desk, "contacts/suppressed") == [(EVA, "Suppressed"), (TOM, "Suppressed")]
    assert since(desk, "contacts/unsubscribed") == []
    assert desk.call("PUT", "/contacts/suppress-contacts", {"id": first}).code == "ERROR_CONTACT_INVALID"


# What people and machines do


@pytest.mark.parametrize("word", WORDS)
def test_every_reason_of_a_suppression(desk: Desk, word: str) -> None:
    desk.add(EVA)
    desk.control("suppress", email=EVA, status=word)
    assert desk.events == [("suppress", EVA, word)]
    assert desk.state()[EVA] == word
    assert since(desk, "contacts/suppressed") == [(EVA, word)]
    contact = desk.contact(EVA)
    assert contact["status"] == word
    assert desk.call("GET", f"/contacts/{contact['id']}").code == "ERROR_CONTACT_NOT_FOUND"


def test_acts_of_people_leave_events(desk: Desk) -> None:
    desk.control("subscribe", email="Eva@example.org", fields={"FIRSTNAME": "Eva"}, status="PendingOptIn")
    assert desk.state()[EVA] == "PendingOptIn"
    desk.control("confirm", email=EVA)
    desk.control("bounce", email=EVA, kind="soft")
    assert EVA in [row["email"] for row in desk.members()], "a soft bounce stays"
    desk.control("unsubscribe", email=EVA)
    desk.control("subscribe", email=EVA)
    desk.control("unsubscribe-account", email=EVA)
    desk.control("subscribe", emails=[EVA, TOM])
    desk.control("move", email=EVA, to="eva.neu@example.org")
    desk.control("remove", email=TOM)
    desk.control("bounce", email=TOM)
    desk.control("delete", email=TOM)
    assert desk.events == [
        ("subscribe", EVA, "PendingOptIn"),
        ("confirm", EVA, "Subscribed"),
        ("bounce", EVA, "SoftBounced"),
        ("unsubscribe", EVA, "Unsubscribed"),
        ("subscribe", EVA, "Subscribed"),
        ("unsubscribe-account", EVA, "Unsubscribed"),
        ("subscribe", EVA, "Subscribed"),
        ("subscribe", TOM, "Subscribed"),
        ("move", EVA, "Subscribed"),
        ("remove", TOM, "Subscribed"),
        ("bounce", TOM, "HardBounced"),
        ("delete", TOM, "Deleted"),
    ]
    assert {email: desk.state().get(email) for email in (EVA, TOM, "eva.neu@example.org")} == {
        EVA: None,
        TOM: None,
        "eva.neu@example.org": "Subscribed",
    }


# Coming back


def resubscribe(desk: Desk, path: str, email: str = EVA) -> Any:
    return desk.call(
        "POST",
        path,
        {
            "UnsubscribedContact": {"Email": email},
            "PreferredLocale": "",
            "ReturnUrlToUseIfChallenged": "",
        },
    )


@pytest.mark.parametrize("level", ["/contacts", CONTACTS])
def test_a_challenge_changes_nothing(desk: Desk, level: str) -> None:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    desk.control("unsubscribe-account", email=EVA)
    before = desk.state()
    reply = resubscribe(desk, f"{level}/resubscribe")
    assert (reply.status, reply.body["status"], reply.body["contact"]["email"]) == (
        200,
        "ContactChallenged",
        EVA,
    )
    assert [(op.kind, op.status) for op in reply.ops] == [("add", "resubscribe")]
    assert desk.state() == before


def test_no_challenge_puts_back_at_once(desk: Desk) -> None:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    assert resubscribe(desk, f"{CONTACTS}/resubscribe-with-no-challenge").body["status"] == "ContactAdded"
    assert EVA in [row["email"] for row in desk.members()]
    desk.control("unsubscribe-account", email=EVA)
    assert resubscribe(desk, "/contacts/resubscribe-with-no-challenge").body["status"] == "ContactAdded"
    assert desk.contact(EVA)["status"] == "Subscribed"
    assert EVA not in [row["email"] for row in desk.members()], "the book is another matter"
    assert desk.add(EVA).status == 200


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("tail", ["resubscribe", "resubscribe-with-no-challenge"])
def test_what_can_be_lifted_and_what_not(desk: Desk, word: str, tail: str) -> None:
    desk.add(EVA)
    desk.control("suppress", email=EVA, status=word)
    liftable = word in {Status(status).word for status in LIFTABLE}
    reply = resubscribe(desk, f"/contacts/{tail}")
    if liftable:
        assert reply.body["status"] in ("ContactChallenged", "ContactAdded")
    else:
        assert reply.body["status"] == "ContactCannotBeUnsuppressed"
        assert (desk.contact(EVA)["status"], reply.ops[0].ok) == (word, False)


def test_resubscriptions_that_cannot_be_read(desk: Desk) -> None:
    bodies: tuple[Any, ...] = ({}, {"unsubscribedContact": EVA}, [])
    for body in bodies:
        assert desk.call("POST", "/contacts/resubscribe", body).code == "ERROR_CONTACT_RESUBSCRIPTION_INVALID"
    assert resubscribe(desk, "/contacts/resubscribe", "nobody@example.org").code == "ERROR_CONTACT_NOT_FOUND"


def test_the_lists_are_paged(desk: Desk) -> None:
    whole = desk.get(f"/contacts/suppressed-since/{FOREVER}")
    pages = [desk.get(f"/contacts/suppressed-since/{FOREVER}?select=7&skip={skip}") for skip in (0, 7, 14)]
    assert [row for page in pages for row in page] == whole[:21]
    left = f"{CONTACTS}/unsubscribed-since/{FOREVER}"
    assert len(desk.get(f"{left}?select=3")) == 3 < len(desk.get(left))
