"""Lists of the API: filters, sparse fields, pages, counts.

Invariant: an unknown or misspelt parameter is refused, never ignored, for an ignored filter would tell everybody.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.oro.book import ContactBook
from adapters.sandbox.oro.documents import (
    WRITABLE,
    answer_of,
    filter_unsupported,
    value_unexpected,
)
from adapters.sandbox.oro.switches import Switches
from adapters.sandbox.vendor import Answer

DEFAULT_SIZE = 10
_FILTER = re.compile(r"filter\[([^\]]+)\](?:\[([a-z_]+)\])?")
_COMPARISONS = ("gt", "gte", "lt", "lte")
_PLAIN = tuple(name for name in WRITABLE if name not in ("emails", "primaryEmail"))


@dataclass(slots=True, frozen=True)
class Filter:
    """One `filter[name][operator]=value`."""

    parameter: str
    name: str
    operator: str
    value: str

    @property
    def values(self) -> tuple[str, ...]:
        """The values of a list separated by commas."""
        return tuple(self.value.split(","))

    def number(self) -> int:
        """The value as an id. Raises the 400 Problem."""
        return _whole(self.parameter, self.value)

    def numbers(self) -> frozenset[int]:
        """The values as ids. Raises the 400 Problem."""
        return frozenset(_whole(self.parameter, value) for value in self.values)


@dataclass(slots=True, frozen=True)
class ListQuery:
    """What a list was asked for. `size` is None for all."""

    filters: tuple[Filter, ...]
    fields: frozenset[str] | None
    size: int | None
    number: int
    descending: bool
    include: frozenset[str]
    query: Mapping[str, str]

    @classmethod
    def of(cls, kind: str, query: Mapping[str, str], headers: Mapping[str, str]) -> "ListQuery":
        """Out of a request. Raises the 400 Problem for what the API does not know."""
        filters, fields = [], None
        size: int | None = DEFAULT_SIZE
        number, descending = 1, False
        for parameter, value in query.items():
            match = _FILTER.fullmatch(parameter)
            if match is not None:
                filters.append(Filter(parameter, match[1], match[2] or "", value))
            elif parameter == f"fields[{kind}]":
                fields = frozenset(value.split(","))
            elif parameter == "page[size]":
                size = None if value == "-1" else _whole(parameter, value)
            elif parameter == "page[number]":
                number = max(1, _whole(parameter, value))
            elif parameter == "sort" and value in ("id", "-id"):
                descending = value == "-id"
            else:
                raise filter_unsupported(parameter)
        asked = frozenset(word.strip() for word in headers.get("x-include", "").split(";"))
        return cls(tuple(filters), fields, size, number, descending, asked, query)


@dataclass(slots=True)
class Cut:
    """One page of ids, and how many there are in all."""

    ids: Sequence[int]
    total: int
    more: bool


def cut(ids: Sequence[int], asked: ListQuery, cap: int) -> Cut:
    """The page that was asked for; `cap` is the most a page may have (0: any number)."""
    size = len(ids) if asked.size is None else asked.size
    if cap:
        size = min(size, cap)
    start = (asked.number - 1) * size
    if asked.descending:
        ids = ids[::-1]
    return Cut(ids[start : start + size], len(ids), bool(size) and start + size < len(ids))


def list_answer(
    asked: ListQuery, page: Cut, rows: list[dict[str, Any]], url: str, *, count: int | None
) -> Answer:
    """The list's document; `count` goes into the header when it was asked for and is told at all."""
    document: dict[str, Any] = {"data": rows}
    if page.more and "noHateoas" not in asked.include:
        following = {**asked.query, "page[number]": str(asked.number + 1)}
        document["links"] = {"next": f"{url}?{urlencode(following)}"}
    answer = answer_of(document)
    if "totalCount" in asked.include and count is not None:
        answer.headers["X-Include-Total-Count"] = str(count)
    return answer


def contact_ids(book: ContactBook, filters: Sequence[Filter], switches: Switches) -> Sequence[int]:
    """The ids of the contacts the filters pick, ascending. Raises the 400 Problem."""
    by_id = [one for one in filters if one.name == "id"]
    others = [one for one in filters if one.name != "id"]
    ids = _those_with(book, others, switches)
    for one in by_id:
        if one.operator and not switches.filter_id:
            raise filter_unsupported(one.parameter)
        ids = compared(ids, one)
    return ids


def compared(ids: Sequence[int], one: Filter) -> Sequence[int]:
    """Of ascending ids those a filter on the id leaves. Raises the 400 Problem."""
    if one.operator in ("", "eq"):
        wanted = one.numbers()
        if isinstance(ids, range):
            return [number for number in sorted(wanted) if number in ids]
        return [number for number in ids if number in wanted]
    if one.operator not in _COMPARISONS:
        raise filter_unsupported(one.parameter)
    bound = one.number()
    first = bound + 1 if one.operator == "gt" else bound
    if one.operator in ("gt", "gte"):
        return _from(ids, first)
    return [number for number in ids if number < bound or (one.operator == "lte" and number == bound)]


def _from(ids: Sequence[int], first: int) -> Sequence[int]:
    return ids[bisect_left(ids, first) :]


def _those_with(book: ContactBook, filters: Sequence[Filter], switches: Switches) -> Sequence[int]:
    if not filters:
        return book.all_ids()
    addresses = next((one for one in filters if one.name in ("emails", "primaryEmail")), None)
    predicates = [_predicate(book, one, switches) for one in filters]
    if addresses is not None:
        known = {contact.id for value in addresses.values for contact in book.find(value)}
        return [number for number in sorted(known) if all(holds(number) for holds in predicates)]
    name = "&".join(sorted(f"{one.parameter}={one.value}" for one in filters))
    return book.ids_where(name, lambda number: all(holds(number) for holds in predicates))


def _predicate(book: ContactBook, one: Filter, switches: Switches) -> Callable[[int], bool]:
    if one.name == "updatedAt":
        return _by_time(book, one, switches)
    if one.operator not in ("", "eq"):
        raise filter_unsupported(one.parameter)
    wanted = frozenset(one.values)
    if one.name == "source":
        return lambda number: book.source(number) in wanted
    if one.name in ("group", "groups"):
        return lambda number: not wanted.isdisjoint(book.groups(number))
    if one.name in ("emails", "primaryEmail"):
        if one.name == "emails" and not switches.filter_emails:
            raise filter_unsupported(one.parameter)
        return _by_address(book, one, switches)
    if one.name in _PLAIN:
        return lambda number: _word(_attributes(book, number).get(one.name)) in wanted
    # Computed, kept by the CRM in another form, or nothing at all.
    raise filter_unsupported(one.parameter)


def _by_time(book: ContactBook, one: Filter, switches: Switches) -> Callable[[int], bool]:
    if not switches.filter_updated_at or one.operator not in _COMPARISONS:
        raise filter_unsupported(one.parameter)
    try:
        moment = parse_moment(one.value)
    except ValueError:
        raise value_unexpected(one.parameter, "datetime", one.value) from None
    tests: dict[str, Callable[[int], bool]] = {
        "gt": lambda number: book.updated(number) > moment,
        "gte": lambda number: book.updated(number) >= moment,
        "lt": lambda number: book.updated(number) < moment,
        "lte": lambda number: book.updated(number) <= moment,
    }
    return tests[one.operator]


def _by_address(book: ContactBook, one: Filter, switches: Switches) -> Callable[[int], bool]:
    def spelt(text: str) -> str:
        return text.lower() if switches.search_ignores_case else text

    wanted = {spelt(value) for value in one.values}

    def holds(number: int) -> bool:
        contact = book.get(number)
        if contact is None:
            return False
        told = contact.emails if one.name == "emails" else [contact.attributes.get("primaryEmail") or ""]
        return any(spelt(email) in wanted for email in told)

    return holds


def _attributes(book: ContactBook, number: int) -> dict[str, Any]:
    contact = book.get(number)
    return contact.attributes if contact is not None else {}


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _whole(parameter: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise value_unexpected(parameter, "integer", value)
    return int(value)
