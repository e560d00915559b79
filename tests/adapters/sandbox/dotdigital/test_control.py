"""Orders of a rehearsal: books in number, fields, switches, reset."""

from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.dotdigital.control import _VERBS, FIELDS
from adapters.sandbox.dotdigital.front import BOOKS
from adapters.sandbox.verbs import fields_of
from tests.adapters.sandbox.dotdigital.desk import Desk

EVA = "eva@example.org"


def test_every_verb_is_documented_and_there() -> None:
    assert list(FIELDS) == list(_VERBS)


def test_the_words_of_a_verb() -> None:
    assert fields_of("email (or emails), list, kind (hard or soft), count (0 for all, from now on)") == {
        "email",
        "emails",
        "list",
        "kind",
        "count",
    }
    assert fields_of("") == set()


def test_sixty_books_one_of_them_large(desk: Desk) -> None:
    done = desk.control("seed-books", counts=[120_000, *[20] * 59])
    large = int(done["lists"][0]["id"])
    assert [row["contacts"] for row in done["lists"]] == [120_000, *[20] * 59]
    books = {row["id"]: row["contacts"] for row in desk.get("/address-books?select=1000")}
    assert books[large] == 120_000
    assert len(books) == 60 + 7
    pages = [
        desk.members(f"select=1000&skip={skip}", large) for skip in (0, 60_000, 119_000, 119_990, 120_000)
    ]
    assert [len(page) for page in pages] == [1000, 1000, 1000, 10, 0]
    assert pages[3] == pages[2][-10:]


def test_a_page_costs_the_same_wherever_it_is(desk: Desk) -> None:
    """Counted in rows looked at, not in seconds: a page makes objects of its own rows only."""
    done = desk.control("seed-books", counts=[20_000])
    book = int(done["lists"][0]["id"])
    roll = desk.platform.accounts.get("default").roll
    made: list[int] = []
    at = roll.at
    roll_class = type(roll)
    original = roll_class.at

    def counted(self: object, index: int) -> object:
        made.append(index)
        return at(index)

    roll_class.at = counted  # type: ignore[method-assign, assignment]
    try:
        for skip in (0, 19_900):
            made.clear()
            assert len(desk.members(f"select=100&skip={skip}", book)) == 100
            assert len(made) == 100
    finally:
        roll_class.at = original  # type: ignore[method-assign]


def test_people_of_seeded_books_can_be_found_and_written_to(desk: Desk) -> None:
    (book,) = desk.control("seed-books", counts=[30])["lists"]
    rows = desk.members(book=int(book["id"]))
    assert {row["status"] for row in rows} == {"Subscribed"}
    contact = desk.contact(rows[7]["email"])
    assert contact["id"] == rows[7]["id"]
    desk.control("unsubscribe", email=contact["email"], list=book["id"])
    assert desk.state(int(book["id"]))[contact["email"]] == "Unsubscribed"
    assert len(desk.members(book=int(book["id"]))) == 29


def test_books_and_fields_made_at_the_vendor(desk: Desk) -> None:
    made = desk.control("add-book", name="Neu", visibility="Public")["list"]
    assert desk.get(f"/address-books/{made}")["visibility"] == "Public"
    desk.control("subscribe", email=EVA, list=made)
    desk.control("remove-book", list=made)
    assert desk.call("GET", f"/address-books/{made}").status == 404
    assert desk.control("add-field", name="hut", type="Numeric", default=1.5) == {"ok": True, "name": "HUT"}
    desk.control("edit", email=EVA, fields={"HUT": 4})
    assert desk.values(EVA)["HUT"] == 4
    desk.control("remove-field", name="hut")
    assert "HUT" not in desk.values(EVA)


def test_reset_forgets_everything(desk: Desk) -> None:
    before = desk.get("/address-books")
    desk.add(EVA)
    desk.control("remove-book", list=FIRST_BOOK)
    desk.control("seed-books", counts=[5])
    desk.control("switch", name="pascal_keys", value=True)
    desk.control("rate", limit=0)
    desk.control("next-import", status="Failed", count=0)
    desk.control("hold-imports", on=True)
    desk.control("region", second=True)
    desk.control("expire-key")
    desk.control("reset")
    assert desk.get("/address-books") == before
    assert desk.call("GET", f"/contacts/{EVA}").status == 404
    desk.load([f"{EVA},,"])


def test_lists_are_those_that_are_there_now(desk: Desk) -> None:
    assert desk.platform.lists() == [{"id": str(book), "name": name} for book, name in BOOKS.items()]
    desk.control("remove-book", list=str(FIRST_BOOK))
    made = desk.control("add-book", name="Neu")["list"]
    lists = desk.platform.lists()
    assert lists[-1] == {"id": made, "name": "Neu"}
    assert str(FIRST_BOOK) not in [row["id"] for row in lists]


def test_any_code_can_be_ordered(desk: Desk) -> None:
    desk.control("refuse-next", code="ERROR_ADDRESSBOOK_IN_USE", method="delete", path="address-books")
    desk.control("refuse-next", code="FEATURENOTACTIVE", status=409, count=2)
    refused = desk.add(EVA)
    assert (refused.status, refused.code, refused.ops[0].ok) == (409, "ERROR_FEATURENOTACTIVE", False)
    kept = desk.call("DELETE", f"/address-books/{FIRST_BOOK}")
    assert (kept.status, kept.code) == (400, "ERROR_ADDRESSBOOK_IN_USE")
    assert desk.call("GET", "/contacts").code == "ERROR_FEATURENOTACTIVE"
    assert desk.add(EVA).status == 200
