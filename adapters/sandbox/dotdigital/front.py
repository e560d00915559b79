"""What is known of the rehearsed dotdigital before anything of it is made: users, books, places.

Invariant: names, ids and passwords are the same in every sandbox, so that settings written for one fit the next.
"""

import hashlib
from typing import Any

from adapters.sandbox.deferred import Front

NAME = "dotdigital"
VERSION = "v2"
SECOND_REGION = "dotdigital-r2"
"""Where the second region answers, as the vendor has a host for each."""

ALL_BOOK, TEST_BOOK = 4400, 4401
FIRST_BOOK, TOURS_BOOK, YOUTH_BOOK, PATRONS_BOOK, ODD_BOOK = 4711, 4712, 4713, 4714, 4715

BOOKS: dict[int, str] = {
    FIRST_BOOK: "Mitgliedermagazin",
    TOURS_BOOK: "Tourenprogramm",
    YOUTH_BOOK: "Jugend",
    PATRONS_BOOK: "Fördermitglieder",
    ODD_BOOK: "Sonderfälle",
}
"""The default account's books, without the reserved ones."""

# What an API user's name begins with → what is special about the account. Each is an account of its own, so that
# two connections made with two of these are never "the same account".
# The number is the id of the account's one book.
REHEARSALS = {"limit": 9001, "region": 9002, "throttled": 9003, "flat": 9004, "gateway": 9005}


def digest(text: str, length: int) -> str:
    """Some letters and digits that are the same in every sandbox."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def password_of(name: str) -> str:
    """The password of an account's API user."""
    return digest(f"dotdigital {name}", 20)


_DOMAIN = "apiconnector.example"
USERS = {
    "default": f"apiuser-{digest('default', 12)}@{_DOMAIN}",
    **{name: f"{name}-{digest(name, 12)}@{_DOMAIN}" for name in REHEARSALS},
}
EXPIRED_USER = f"expired-{digest('expired', 12)}@{_DOMAIN}"


def key() -> dict[str, str]:
    """The default account's API user."""
    return {"user": USERS["default"], "password": password_of("default")}


def lists() -> list[dict[str, Any]]:
    """The default account's books at the start, without the reserved ones."""
    return [{"id": str(book_id), "name": name} for book_id, name in BOOKS.items()]


def rehearsal_keys() -> dict[str, Any]:
    """The API users of the small accounts with their lists, and one that is refused."""
    told: dict[str, Any] = {
        name: {"user": USERS[name], "password": password_of(name), "lists": [str(book_id)]}
        for name, book_id in REHEARSALS.items()
    }
    told["expired"] = {"user": EXPIRED_USER, "password": password_of("expired"), "lists": []}
    return told


FRONT = Front(NAME, f"/{NAME}/{VERSION}", key(), lists(), rehearsal_keys())
