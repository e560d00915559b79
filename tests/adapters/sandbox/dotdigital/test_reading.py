"""Reading books and contacts (contract §2–§4)."""

import pytest

from adapters.sandbox.clock import iso
from adapters.sandbox.dotdigital import (
    ALL_BOOK,
    FIRST_BOOK,
    TEST_BOOK,
    seeded_fields,
    seeded_left,
    seeded_status,
)
from adapters.sandbox.dotdigital.front import ODD_BOOK, PATRONS_BOOK, TOURS_BOOK
from adapters.sandbox.dotdigital.statuses import STAYS_IN_BOOKS, SUPPRESSED, WORDS, Status
from adapters.sandbox.people import person
from tests.adapters.sandbox.dotdigital.desk import FOREVER, NOW, Desk

IN_BOOK = {status.word for status in STAYS_IN_BOOKS}


def everybody(desk: Desk, path: str, select: int = 1000) -> list[dict[str, object]]:
    """All pages of a list."""
    found: list[dict[str, object]] = []
    mark = "&" if "?" in path else "?"
    for skip in range(0, 10_000, select):
        page = desk.get(f"{path}{mark}select={select}&skip={skip}")
        if not page:
            return found
        found += page
    raise AssertionError("a list without an end")


# Books


def test_books_with_the_reserved_ones_and_their_counts(desk: Desk) -> None:
    books = {row["id"]: row for row in desk.get("/address-books")}
    assert books[ALL_BOOK]["name"] == "All contacts"
    assert books[TEST_BOOK]["name"] == "Test"
    assert books[PATRONS_BOOK]["contacts"] > 2_100
    assert books[FIRST_BOOK] == {
        "id": FIRST_BOOK,
        "name": "Mitgliedermagazin",
        "visibility": "Private",
        "contacts": len(everybody(desk, f"/address-books/{FIRST_BOOK}/contacts")),
    }
    assert [row["id"] for row in desk.get("/address-books/public")] == [TOURS_BOOK]
    assert len(desk.get("/address-books/private")) == len(books) - 1
    assert desk.get(f"/address-books/{FIRST_BOOK}") == books[FIRST_BOOK]
    assert len(desk.get("/address-books?select=2&skip=1")) == 2


@pytest.mark.parametrize("path", ["/address-books/1", "/address-books/x", "/address-books/1/contacts"])
def test_a_book_that_is_not_there(desk: Desk, path: str) -> None:
    reply = desk.call("GET", path)
    assert (reply.status, reply.code) == (404, "ERROR_ADDRESSBOOK_NOT_FOUND")


def test_making_changing_and_deleting_a_book(desk: Desk) -> None:
    made = desk.call("POST", "/address-books", {"Name": " Vorstand ", "Visibility": "public"})
    assert made.status == 201
    book_id = made.body["id"]
    assert made.body == {"id": book_id, "name": "Vorstand", "visibility": "Public", "contacts": 0}
    changed = desk.call("PUT", f"/address-books/{book_id}", {"name": "Leitung"})
    assert changed.body == {"id": book_id, "name": "Leitung", "visibility": "Private", "contacts": 0}
    desk.add("eva@example.org", book=book_id)
    deleted = desk.call("DELETE", f"/address-books/{book_id}")
    assert (deleted.status, deleted.note) == (204, {"alarm": "address-book-deleted"})
    assert desk.call("GET", f"/address-books/{book_id}").status == 404
    assert desk.contact("eva@example.org")["status"] == "Subscribed", "contacts stay in the account"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": ""}, "ERROR_ADDRESSBOOK_INVALID"),
        ({"name": "x" * 129}, "ERROR_ADDRESSBOOK_INVALID"),
        ({"name": "x", "visibility": "Secret"}, "ERROR_ADDRESSBOOK_INVALID"),
        ([], "ERROR_ADDRESSBOOK_INVALID"),
        ({"name": "all CONTACTS"}, "ERROR_ADDRESSBOOK_DUPLICATE"),
        ({"name": " test "}, "ERROR_ADDRESSBOOK_DUPLICATE"),
        ({"name": "MITGLIEDERMAGAZIN"}, "ERROR_ADDRESSBOOK_DUPLICATE"),
    ],
)
def test_names_that_cannot_be_taken(desk: Desk, body: object, code: str) -> None:
    assert desk.call("POST", "/address-books", body).code == code


@pytest.mark.parametrize("book", [ALL_BOOK, TEST_BOOK])
def test_reserved_books_cannot_be_changed(desk: Desk, book: int) -> None:
    calls: list[tuple[str, str, object]] = [
        ("DELETE", "", None),
        ("PUT", "", {"name": "x"}),
        ("POST", "/contacts", {"email": "eva@example.org"}),
        ("POST", "/contacts/import", {"fileName": "a.csv", "data": "ZW1haWwK"}),
        ("POST", "/contacts/delete", [1]),
        ("POST", "/contacts/unsubscribe", {"email": person(1, 0).email}),
        ("POST", "/contacts/delete-all", None),
    ]
    for method, path, body in calls:
        assert desk.call(method, f"/address-books/{book}{path}", body).code == "ERROR_ADDRESSBOOK_NOTWRITABLE"


# Contacts


def test_the_first_book_holds_whom_the_seed_says(desk: Desk) -> None:
    rows = {
        str(row["email"]): row
        for row in everybody(desk, f"/address-books/{FIRST_BOOK}/contacts?withFullData=true")
    }
    expected = {
        person(1, i).email.lower(): seeded_status(1, i)
        for i in range(200)
        if seeded_status(1, i) in IN_BOOK and not seeded_left(1, i)
    }
    assert {email: row["status"] for email, row in rows.items()} == expected
    for i in range(200):
        row = rows.get(person(1, i).email.lower())
        if row is not None:
            values = {each["key"]: each["value"] for each in row["dataFields"]}  # type: ignore[attr-defined]
            assert {key: values[key] for key in ("FIRSTNAME", "LASTNAME")} == seeded_fields(1, i)


def test_the_account_knows_every_status(desk: Desk) -> None:
    shown = {row["status"] for row in everybody(desk, "/contacts")}
    assert shown == {WORDS[status] for status in Status} - {"Absent", "Deleted"}
    desk.control("switch", name="deleted_listed", value=True)
    assert "Deleted" in {row["status"] for row in everybody(desk, "/contacts")}
    assert desk.get("/contacts/count") == len(everybody(desk, "/contacts"))


def test_all_contacts_are_those_who_can_be_in_a_book(desk: Desk) -> None:
    rows = everybody(desk, f"/address-books/{ALL_BOOK}/contacts")
    assert {row["status"] for row in rows} <= IN_BOOK
    assert desk.get(f"/address-books/{ALL_BOOK}")["contacts"] == len(rows)


def test_ids_rise_and_fit_an_int32(desk: Desk) -> None:
    ids = [int(str(row["id"])) for row in everybody(desk, "/contacts")]
    assert ids == sorted(set(ids))
    assert ids[-1] < 2**31
    assert desk.add("eva@example.org").body["id"] > ids[-1]


def test_a_contact_by_id_and_by_address_in_any_case(desk: Desk) -> None:
    desk.add("Eva@Example.org", FIRSTNAME="Eva", donations=5)
    found = desk.contact("EVA%40example.ORG")
    assert (found["email"], found["optInType"], found["emailType"]) == ("eva@example.org", "Unknown", "Html")
    assert desk.get(f"/contacts/{found['id']}") == found
    values = {row["key"]: row["value"] for row in found["dataFields"]}
    assert (values["FIRSTNAME"], values["DONATIONS"], values["LASTNAME"]) == ("Eva", 5, None)
    assert {"NOTES", "LASTSUBSCRIBED"} <= set(values), "two fields the list of fields does not name"
    for text in ("nobody@example.org", "1", "x"):
        assert desk.call("GET", f"/contacts/{text}").code == "ERROR_CONTACT_NOT_FOUND"


def test_data_fields_are_null_unless_asked_for(desk: Desk) -> None:
    for path in ("/contacts", f"/address-books/{FIRST_BOOK}/contacts", f"/contacts/modified-since/{FOREVER}"):
        assert desk.get(f"{path}?select=3")[0]["dataFields"] is None
        assert desk.get(f"{path}?select=3&withFullData=true")[0]["dataFields"]


@pytest.mark.parametrize("query", ["select=0", "select=1001", "select=x", "skip=-1", "skip=x"])
def test_pages_out_of_range(desk: Desk, query: str) -> None:
    for path in ("/contacts", "/address-books", "/campaigns", f"/contacts/modified-since/{FOREVER}"):
        reply = desk.call("GET", f"{path}?{query}")
        assert (reply.status, reply.code) == (400, "ERROR_PARAMETER_INVALID")


def test_pages_hold_everybody_once(desk: Desk) -> None:
    path = f"/address-books/{PATRONS_BOOK}/contacts"
    whole = desk.get(path)
    assert len(whole) == 1000, "the default page"
    paged = everybody(desk, path, 300)
    assert [row["id"] for row in paged][:1000] == [row["id"] for row in whole]
    assert (
        len({row["id"] for row in paged})
        == len(paged)
        == desk.get(f"/address-books/{PATRONS_BOOK}")["contacts"]
    )


def test_modified_since_gives_two_thousand_when_nothing_is_asked(desk: Desk) -> None:
    assert len(desk.get(f"/contacts/modified-since/{FOREVER}")) == 2_000


def test_the_books_of_a_contact(desk: Desk) -> None:
    both = set(desk.state(FIRST_BOOK)) & {row["email"] for row in desk.members(book=TOURS_BOOK)}
    contact = desk.contact(next(email for email in both if desk.state()[email] == "Subscribed"))
    ids = [row["id"] for row in desk.get(f"/contacts/{contact['id']}/address-books")]
    assert {FIRST_BOOK, TOURS_BOOK} <= set(ids) <= {ALL_BOOK, FIRST_BOOK, TOURS_BOOK, 4713}
    assert len(desk.get(f"/contacts/{contact['id']}/address-books?select=1")) == 1


# Since


@pytest.mark.parametrize(
    "moment",
    [
        "2026-06-01T08:00:00Z",
        "2026-06-01T08:00:00%2B0000",
        "2026-06-01T08:00:00+00:00",
        "2026-06-01T08:00:00",
        "2026-06-01T08:00:00z",
        "2026-06-01",
    ],
)
def test_dates_in_every_form_clients_send(desk: Desk, moment: str) -> None:
    assert desk.get(f"/contacts/modified-since/{moment}") == []
    desk.add("eva@example.org")
    for path in ("contacts", f"address-books/{FIRST_BOOK}/contacts"):
        assert [row["email"] for row in desk.get(f"/{path}/modified-since/{moment}")] == ["eva@example.org"]


def test_a_date_that_is_none(desk: Desk) -> None:
    for path in ("/contacts/modified-since/yesterday", "/contacts/suppressed-since/0"):
        assert desk.call("GET", path).code == "ERROR_PARAMETER_INVALID"


def test_every_mutation_sets_the_modified_time(desk: Desk) -> None:
    acts = (
        lambda: desk.call("POST", "/contacts", {"email": "eva@example.org"}),
        lambda: desk.add("eva@example.org"),
        lambda: desk.load(["eva@example.org,Eva,Muster"]),
        lambda: desk.control("edit", email="eva@example.org", fields={"CLUB": "Bern"}),
        lambda: desk.control("move", email="eva@example.org", to="eva.neu@example.org"),
        lambda: desk.call("POST", "/contacts/unsubscribe", {"email": "eva.neu@example.org"}),
    )
    for act in acts:
        desk.clock.advance(60)
        since = iso(desk.clock.now() - 30)
        assert desk.get(f"/contacts/modified-since/{since}") == []
        act()
        assert len(desk.get(f"/contacts/modified-since/{since}")) == 1


def test_created_since(desk: Desk) -> None:
    desk.add("eva@example.org")
    since = iso(NOW - 60)
    desk.control("edit", email=person(1, 0).email, fields={"CLUB": "Bern"})
    assert [row["email"] for row in desk.get(f"/contacts/created-since/{since}")] == ["eva@example.org"]
    assert len(desk.get(f"/contacts/created-since/{FOREVER}")) == 1000


def test_a_changed_member_is_in_the_books_modified_since_and_who_left_is_not(desk: Desk) -> None:
    since = iso(desk.clock.now() - 60)
    stays, leaves = [row["email"] for row in desk.members("select=2")]
    desk.control("edit", emails=[stays, leaves], fields={"CLUB": "Bern"})
    desk.control("unsubscribe", email=leaves)
    path = f"/address-books/{FIRST_BOOK}/contacts/modified-since/{since}"
    assert [row["email"] for row in desk.get(path)] == [stays]


def test_one_goes_and_another_comes_between_two_looks(desk: Desk) -> None:
    path = f"/address-books/{FIRST_BOOK}/contacts/modified-since/{iso(NOW - 60)}"
    for email in ("eva@example.org", "ida@example.org"):
        desk.call("POST", "/contacts", {"email": email})
    desk.add("eva@example.org")
    assert [row["email"] for row in desk.get(path)] == ["eva@example.org"]
    account = desk.platform.accounts.get("default")
    eva, ida = (account.roll.find(email) for email in ("eva@example.org", "ida@example.org"))
    assert eva is not None
    assert ida is not None
    # As many in the book as before, and nobody's own data changed.
    account.books[FIRST_BOOK].take_out(eva.index)
    account.books[FIRST_BOOK].join(ida.index, desk.clock.now())
    assert [row["email"] for row in desk.get(path)] == ["ida@example.org"]


def test_seeded_suppressions_are_in_the_account_list_with_their_reason(desk: Desk) -> None:
    rows = everybody(desk, f"/contacts/suppressed-since/{FOREVER}")
    reasons = {str(row["reason"]) for row in rows}
    assert reasons == {status.word for status in SUPPRESSED}
    for row in rows:
        assert row["suppressedContact"]["status"] == row["reason"]  # type: ignore[index]
        assert row["dateRemoved"] == f"{str(row['dateRemoved'])[:19]}Z"
    opted_out = everybody(desk, f"/contacts/unsubscribed-since/{FOREVER}")
    assert opted_out == [row for row in rows if row["reason"] == "Unsubscribed"]


def test_rows_that_slip_while_somebody_pages(desk: Desk) -> None:
    before = [row["email"] for row in desk.members("select=50")]
    desk.control("drift", after_pages=1, action="insert")
    assert [row["email"] for row in desk.members("select=50")] == before
    shifted = [row["email"] for row in desk.members("select=50&skip=50")]
    assert shifted[0] == before[-1], "the last row of the first page comes again"
    desk.control("drift", after_pages=0, action="delete")
    gone = desk.members("select=1")[0]["email"]
    assert gone == before[0]
    assert desk.platform.rehearsals.drift.done == 2
    desk.control("drift", after_pages=0, action="delete", list="all")
    assert desk.get("/contacts?select=1")[0]["email"] != person(1, 0).email.lower()


def test_odd_people_have_a_book_of_their_own(desk: Desk) -> None:
    state = desk.state(ODD_BOOK)
    assert {status.word for status in SUPPRESSED | STAYS_IN_BOOKS} == set(state.values())


def test_server_time_is_a_text(desk: Desk) -> None:
    assert desk.get("/server-time").startswith("2026-06-01 08:00:00")
