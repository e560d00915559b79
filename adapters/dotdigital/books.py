"""Creating address books (contract §3).

Invariant: a name the vendor keeps for itself is refused before anything is sent.
"""

from __future__ import annotations

from adapters.answers import unanswered
from adapters.dotdigital import mapping, routes
from adapters.dotdigital.account import SYSTEM_BOOKS, system_names
from adapters.dotdigital.documents import object_in
from adapters.dotdigital.errors import failure
from adapters.dotdigital.session import Session
from adapters.origins import route
from adapters.provider import Refused
from state.model import RemoteList

NAME_LETTERS = 128
CREATE_BOOK = "create an address book"


def name_fault(name: str, reserved: frozenset[str]) -> Refused | None:
    """Why dotdigital would refuse a book's name; None when it would not."""
    text = name.strip()
    if not text or len(text) > NAME_LETTERS or not text.isprintable():
        return Refused(
            "list-name-invalid",
            f"An address book has a name of 1 to {NAME_LETTERS} printable characters.",
            "Choose another name.",
        )
    if text.casefold() in reserved:
        return Refused(
            "list-name-taken", f"dotdigital keeps the name {text!r} for itself.", "Choose another name."
        )
    return None


async def create(session: Session, name: str, *, public: bool) -> RemoteList:
    """A new address book; raises ``Refused`` when the name is taken or invalid."""
    always = frozenset(one.strip().casefold() for one in SYSTEM_BOOKS.split(","))
    names = system_names(session)
    fault = name_fault(name, names | always)
    if fault is not None:
        raise fault
    content = {"name": name.strip(), "visibility": "Public" if public else "Private"}
    answer = await session.write("POST", route(routes.BOOKS), content)
    if not 200 <= answer.status < 300:
        raise failure(answer, CREATE_BOOK)
    try:
        return mapping.remote_list(object_in(answer, CREATE_BOOK), names)
    except TypeError:
        raise unanswered("dotdigital's answer does not show the new address book.") from None
