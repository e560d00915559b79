"""What holds after any mixture of calls by the API and acts of people, found by search instead of by example.

On the vendor's side: no call but a resubscription brings back whoever left, on either level; nobody is in a book
and has left it; an address finds one contact; and whatever happened survives a restart.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.dotdigital.front import TOURS_BOOK
from adapters.sandbox.dotdigital.statuses import SUPPRESSED
from adapters.sandbox.keep import KeptState
from adapters.sandbox.people import person
from tests.adapters.sandbox.dotdigital.desk import Desk

ADDRESSES = [person(1, i).email for i in range(0, 60, 5)] + [
    "eva@example.org",
    "Tom@Example.org",
    "ida@example.net",
]
SHUT = {status.word for status in SUPPRESSED}

address = st.sampled_from(ADDRESSES)
book = st.sampled_from([FIRST_BOOK, TOURS_BOOK])
API = ["create", "add", "import", "import-account", "collection", "take-out", "bulk", "put", "delete"]
LEAVING = ["unsubscribe", "unsubscribe-book", "suppress"]
ACTS = ["unsubscribe", "unsubscribe-account", "bounce", "remove", "edit"]
step = st.one_of(
    st.tuples(st.sampled_from(API), address, book),
    st.tuples(st.sampled_from(LEAVING), address, book),
    st.tuples(st.sampled_from([f"act:{act}" for act in ACTS]), address, book),
    st.tuples(st.sampled_from(["switch:left_book_faults", "switch:last_duplicate_wins"]), address, book),
)


def take(desk: Desk, what: str, email: str, book_id: int) -> None:
    """One step; refusals are answers like others."""
    kind, _, name = what.partition(":")
    known = desk.call("GET", f"/contacts/{email}")
    number = known.body["id"] if known.status == 200 else 1
    base = f"/address-books/{book_id}/contacts"
    calls: dict[str, Callable[[], Any]] = {
        "create": lambda: desk.call("POST", "/contacts", {"email": email}),
        "add": lambda: desk.add(email, book=book_id, CLUB="Bern"),
        "import": lambda: desk.load([f"{email},A,", f"{email},B,"], book=book_id),
        "import-account": lambda: desk.call(
            "POST", "/contacts/import", {"fileName": "a.csv", "data": "ZW1haWwK"}
        ),
        "collection": lambda: desk.call(
            "POST",
            "/contacts/import-collection",
            {"addressBookIds": [book_id], "contacts": [{"email": email}]},
        ),
        "take-out": lambda: desk.call("DELETE", f"{base}/{number}"),
        "bulk": lambda: desk.call("POST", f"{base}/delete", [number]),
        "put": lambda: desk.call("PUT", f"/contacts/{number}", {"email": email, "optInType": "Double"}),
        "delete": lambda: desk.call("DELETE", f"/contacts/{number}"),
        "unsubscribe": lambda: desk.call("POST", "/contacts/unsubscribe", {"email": email}),
        "unsubscribe-book": lambda: desk.call("POST", f"{base}/unsubscribe", {"email": email}),
        "suppress": lambda: desk.call("PUT", "/contacts/suppress-contacts", [{"email": email}]),
        "switch": lambda: desk.control("switch", name=name, value=True),
    }
    if kind == "act":
        if known.status == 200:
            more: dict[str, Any] = {"list": book_id} if name in ("unsubscribe", "remove") else {}
            desk.control(name, email=email, **more)
        return
    calls[kind]()
    desk.clock.advance(3)
    desk.settle()


def standings(desk: Desk) -> dict[str, tuple[str, frozenset[int], frozenset[int]]]:
    """Of every address in play: the account's status, the books it is in, the books it left."""
    account = desk.platform.accounts.get("default")
    found = {}
    for email in ADDRESSES:
        contact = account.roll.find(email)
        if contact is not None:
            books = [each for each in account.books.values() if not each.reserved]
            found[email] = (
                contact.status.word,
                frozenset(each.id for each in books if contact.index in each),
                frozenset(each.id for each in books if each.unsubscribed(contact.index)),
            )
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(step, min_size=1, max_size=12))
def test_i01_nobody_who_left_comes_back_by_a_call(steps: list[tuple[str, str, int]]) -> None:
    desk = Desk(contacts=60)
    for what, email, book_id in steps:
        before = standings(desk)
        take(desk, what, email, book_id)
        after = standings(desk)
        for who, (status, _, left) in before.items():
            if who not in after:
                assert what == "delete", "whoever was deleted is a stranger, and no one else is"
                continue
            now, inside, left_now = after[who]
            assert not (status in SHUT and now not in SHUT), (what, who)
            assert not (now in SHUT and inside), (what, who)
            assert left <= left_now, (what, who)
            assert not inside & left_now, (what, who)


@settings(max_examples=40, deadline=None)
@given(st.lists(step, min_size=1, max_size=12))
def test_books_and_roll_stay_sound(steps: list[tuple[str, str, int]]) -> None:
    desk = Desk(contacts=60)
    for what, email, book_id in steps:
        take(desk, what, email, book_id)
    account = desk.platform.accounts.get("default")
    for each in account.books.values():
        members = list(each.members)
        assert members == sorted(set(members))
    rows = desk.get("/contacts?select=1000")
    assert len({row["email"] for row in rows}) == len(rows)
    for row in rows[:60]:
        assert desk.contact(row["email"])["id"] == row["id"]
    for number in (FIRST_BOOK, TOURS_BOOK):
        listed = {row["email"] for row in desk.members(book=number)}
        assert listed <= set(desk.state(number))
        assert desk.get(f"/address-books/{number}")["contacts"] == len(listed)


@settings(max_examples=30, deadline=None)
@given(st.lists(step, min_size=1, max_size=10))
def test_everything_survives_a_restart(steps: list[tuple[str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kept"
        kept = KeptState(path)
        desk = Desk(contacts=60, kept=kept)
        desk.platform.restore(kept.read())
        kept.rewrite(desk.platform.records())
        for what, email, book_id in steps:
            take(desk, what, email, book_id)
        before = standings(desk)
        kept.close()
        again_kept = KeptState(path)
        again = Desk(contacts=60, kept=again_kept)
        again.platform.restore(again_kept.read())
        assert standings(again) == before
        again_kept.rewrite(again.platform.records())
        again_kept.close()
