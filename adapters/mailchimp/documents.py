"""One GET of Mailchimp's as a document, and all pages of one of its collections.

Invariant: a collection is given only when it is proven whole by its total (R39).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar

from adapters.bodies import BodyFault
from adapters.http import Client
from adapters.mailchimp.errors import failure, not_understood
from adapters.origins import Route
from adapters.provider import IncompleteRead

Thing = TypeVar("Thing")

PAGE_ROWS = 1000


async def read_json(
    client: Client,
    path: Route,
    what: str,
    *,
    params: Mapping[str, str] | None = None,
    list_id: str = "",
    tries: int | None = None,
) -> dict[str, object]:
    """One GET of a JSON object; raises the ``AdapterError`` of whatever else comes back."""
    answer = await client.send("GET", path, params=params, tries=tries)
    if answer.status != 200:
        raise failure(answer, what, list_id=list_id)
    try:
        document = answer.json()
    except BodyFault as fault:
        raise IncompleteRead(fault.reason, fault.text, "Try again.") from None
    if not isinstance(document, dict):
        raise not_understood(what)
    return document


async def read_collection(
    client: Client,
    path: Route,
    key: str,
    what: str,
    make: Callable[[Mapping[str, object]], Thing],
    *,
    params: Mapping[str, str],
    list_id: str = "",
    tries: int | None = None,
) -> tuple[Thing, ...]:
    """All rows of a small collection, in the platform's order."""
    pages = read_pages(client, path, key, what, make, params=params, list_id=list_id, tries=tries)
    return tuple([row async for page in pages for row in page])


async def read_pages(
    client: Client,
    path: Route,
    key: str,
    what: str,
    make: Callable[[Mapping[str, object]], Thing],
    *,
    params: Mapping[str, str],
    list_id: str = "",
    tries: int | None = None,
) -> AsyncIterator[tuple[Thing, ...]]:
    """The rows of a collection page by page; ``IncompleteRead`` is raised at its end when it is not whole."""
    read = 0
    while True:
        asked = {**params, "count": str(PAGE_ROWS), "offset": str(read)}
        document = await read_json(client, path, what, params=asked, list_id=list_id, tries=tries)
        rows, total = document.get(key), document.get("total_items")
        if not isinstance(rows, list) or not isinstance(total, int):
            raise not_understood(what)
        try:
            page = tuple([make(row) for row in rows])
        except (KeyError, TypeError, AttributeError):
            raise not_understood(what) from None
        read += len(page)
        if page:
            yield page
        if read == total:
            return
        if not page or read > total:
            raise IncompleteRead(
                "listing-incomplete",
                f"Mailchimp says there are {total} and listed {read} when asked to {what}.",
                "Try again; if it stays, look at the platform's status.",
            )
