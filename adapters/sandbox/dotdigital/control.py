"""The control verbs: what people do at dotdigital's side, and what a rehearsal orders.

Invariant: a verb that changes a person's standing is a person's act, never the API's: it leaves an event in the
ledger.
"""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adapters.sandbox.clock import parse_moment
from adapters.sandbox.dotdigital.accounts import LATER_START
from adapters.sandbox.dotdigital.activity import ACTIONS
from adapters.sandbox.dotdigital.acts import ACTS, Verb
from adapters.sandbox.dotdigital.address_books import made as book_made
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.campaigns import CAMPAIGNS
from adapters.sandbox.dotdigital.data_fields import made as field_made
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.front import USERS
from adapters.sandbox.dotdigital.import_job import OUTCOMES, REPORT_KEYS, UNFINISHED, Ending
from adapters.sandbox.dotdigital.lookup import account_of, book_of, people_of
from adapters.sandbox.dotdigital.rates import Rate
from adapters.sandbox.dotdigital.rehearsals import Refusing
from adapters.sandbox.dotdigital.request import lowered
from adapters.sandbox.dotdigital.seed import Group
from adapters.sandbox.vendor import ControlError, Controlled
from adapters.sandbox.verbs import check_verb, flip, one_of, whole, yes_or_no

if TYPE_CHECKING:
    from adapters.sandbox.dotdigital.platform import DotdigitalSandbox

_PERSON = "email (or emails), account"

FIELDS: dict[str, str] = {
    "reset": "",
    "unsubscribe": f"{_PERSON}, list",
    "unsubscribe-account": _PERSON,
    "suppress": f"{_PERSON}, status",
    "bounce": f"{_PERSON}, kind (hard or soft)",
    "confirm": _PERSON,
    "subscribe": f"{_PERSON}, list, fields, status",
    "edit": f"{_PERSON}, fields",
    "move": "email, to, account",
    "delete": _PERSON,
    "remove": f"{_PERSON}, list",
    "add-book": "name, visibility, account",
    "remove-book": "list",
    "seed-books": "counts (a list of numbers), account",
    "add-field": "name, type, visibility, default, account",
    "remove-field": "name, account",
    "activity": "campaign, email (or emails), action, url, at (ISO 8601)",
    "refuse-next": "code, status, path (a pattern), method, count",
    "next-import": "status, polls, ms, load, report, faults, lose, replace, count (0 for all from now on)",
    "hold-imports": "on",
    "release-imports": "id",
    "lose-rows": "every (0 for none)",
    "contact-limit": "limit (a number or null), account",
    "rate": "scheme (tiered, flat or none), limit, per (seconds)",
    "region": "second",
    "expire-key": "user",
    "restore-key": "user",
    "drift": "after_pages, action (insert or delete), list",
    "switch": "name, value",
}


def run(platform: "DotdigitalSandbox", verb: str, arguments: dict[str, Any]) -> Controlled:
    """Carry a verb out. Raises ControlError naming what would be valid."""
    check_verb(FIELDS, verb, arguments)
    try:
        return _VERBS[verb](platform, arguments)
    except Refusal as refusal:
        raise ControlError(f"{verb} refused: {refusal}") from refusal


# Books, fields, campaigns


def _add_book(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    book = book_made(account_of(platform, arguments), lowered(arguments))
    return Controlled({"ok": True, "list": str(book.id)})


def _remove_book(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account, book = book_of(platform, arguments.get("list"))
    if book.reserved:
        raise ControlError(f"{book.name} cannot be removed")
    del account.books[book.id]
    account.dirty = True
    return Controlled({"ok": True, "list": str(book.id)})


def _seed_books(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = account_of(platform, arguments)
    counts = arguments.get("counts")
    if not isinstance(counts, list) or not all(isinstance(each, int) and each >= 0 for each in counts):
        raise ControlError("counts is a list of whole numbers, one a book")
    roll = account.roll
    seed = roll.groups[0].seed
    made = []
    for count in counts:
        book = account.add_book(Book(account.next_book, f"Adressbuch {account.next_book}"))
        first = len(roll.column)
        account.seed_book(book, Group(first, count, seed, LATER_START + first, "plain"), seed)
        made.append({"id": str(book.id), "name": book.name, "contacts": len(book.members)})
    return Controlled({"ok": True, "lists": made})


def _add_field(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    sent = {**arguments, "type": arguments.get("type", "String"), "defaultvalue": arguments.get("default")}
    field = field_made(account_of(platform, arguments), sent)
    return Controlled({"ok": True, "name": field.name})


def _remove_field(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = account_of(platform, arguments)
    field = account.field_named(str(arguments.get("name", "")))
    if field is None:
        raise ControlError(f"no data field {arguments.get('name')!r}")
    account.fields.remove(field)
    account.dirty = True
    return Controlled({"ok": True})


def _activity(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = platform.accounts.get("default")
    sent = {str(each.id): each for each in CAMPAIGNS if each.sent}
    campaign = one_of({"campaign": str(arguments.get("campaign"))}, "campaign", tuple(sent), "")
    action = one_of(arguments, "action", ACTIONS, "open")
    moment = platform.clock.now()
    if "at" in arguments:
        try:
            moment = parse_moment(str(arguments["at"]))
        except ValueError as error:
            raise ControlError(f"at is a moment such as 2026-03-01T08:15:30+00:00: {error}") from error
    found = people_of(account, arguments)
    for contact in found:
        account.acts.append(
            {
                "campaign": int(campaign),
                "index": contact.index,
                "action": action,
                "moment": moment,
                "url": str(arguments.get("url", "https://alpine.example/")),
            }
        )
    account.dirty = True
    return Controlled({"ok": True, "changed": len(found)}, [(action, each.email, campaign) for each in found])


# What a rehearsal orders


def _refuse_next(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    """Refuse with any code of the vendor's, also such as nothing here would lead to."""
    code = str(arguments.get("code", "")).removeprefix("ERROR_")
    if not code:
        raise ControlError("code is the vendor's, such as ERROR_ADDRESSBOOK_IN_USE")
    try:
        path = re.compile(str(arguments.get("path", "")))
    except re.error as error:
        raise ControlError(f"path is a regular expression; this is none: {error}") from error
    status = whole(arguments, "status", 400) if "status" in arguments else None
    method = str(arguments.get("method", "")).upper()
    order = Refusing(code, status, path, method, whole({"count": 1, **arguments}, "count", 1))
    platform.rehearsals.refusals.append(order)
    return Controlled({"ok": True})


def _next_import(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    ending = Ending(status=one_of(arguments, "status", OUTCOMES, "Finished"))
    if "polls" in arguments or "ms" in arguments:
        # Whichever is named decides alone; the other never comes about.
        ending.polls = whole(arguments, "polls") if "polls" in arguments else 1_000_000_000
        ending.ms = float(whole(arguments, "ms")) if "ms" in arguments else float("1e15")
    if "load" in arguments:
        ending.load = yes_or_no(arguments, "load")
    ending.report = _report(arguments.get("report"))
    ending.faults = _faults(arguments.get("faults"))
    ending.lose = [str(email) for email in arguments.get("lose") or []]
    count = whole({"count": 1, **arguments}, "count")
    if count == 0 or ("replace" in arguments and yes_or_no(arguments, "replace")):
        platform.rehearsals.endings.clear()
    if count:
        platform.rehearsals.endings += [replace(ending) for _ in range(count)]
    else:
        platform.rehearsals.ordinary = ending
    return Controlled({"ok": True, "ordered": len(platform.rehearsals.endings)})


def _report(sent: Any) -> dict[str, int] | None:
    if sent is None:
        return None
    if not isinstance(sent, dict) or not set(sent) <= set(REPORT_KEYS):
        raise ControlError(f"report is an object of figures: {', '.join(REPORT_KEYS)}")
    return {key: whole(sent, key) for key in sent}


def _faults(sent: Any) -> list[list[str]] | None:
    if sent is None:
        return None
    if not isinstance(sent, list) or not all(isinstance(row, list) and len(row) >= 2 for row in sent):
        raise ControlError("faults is a list of [reason, email, …]")
    return [[str(each) for each in row] for row in sent]


def _hold_imports(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.hold_imports = yes_or_no(arguments, "on")
    return Controlled({"ok": True})


def _release_imports(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    """Let go of held imports: one by its id, or all; those that come later are no longer held."""
    wanted = arguments.get("id")
    released = []
    for account in platform.accounts.made.values():
        for job in account.imports.values():
            if job.held and wanted in (None, job.id):
                job.held = False
                account.dirty_imports.add(job.id)
                released.append(job.id)
    if wanted is None:
        platform.rehearsals.hold_imports = False
    elif not released:
        raise ControlError(f"no import {wanted!r} is held")
    return Controlled({"ok": True, "released": released, "status": UNFINISHED})


def _lose_rows(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    rehearsals = platform.rehearsals
    rehearsals.lose_every = whole(arguments, "every")
    rehearsals.rows_seen = 0
    return Controlled({"ok": True, "lost": rehearsals.rows_lost})


def _contact_limit(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = account_of(platform, arguments)
    account.contact_limit = None if arguments.get("limit") is None else whole(arguments, "limit")
    account.dirty = True
    return Controlled({"ok": True, "contacts": account.present(), "room": account.room()})


def _rate(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    scheme = one_of(arguments, "scheme", ("tiered", "flat", "none"), "tiered")
    rate = Rate(scheme) if scheme != "flat" else Rate(scheme, 2_000, 3_600.0)
    if "limit" in arguments:
        rate.limit = whole(arguments, "limit")
    if "per" in arguments:
        rate.per = float(whole(arguments, "per", 1))
    platform.rehearsals.rate = rate
    for account in platform.accounts.made.values():
        account.meter.window, account.meter.used = 0.0, 0
    return Controlled({"ok": True, "scheme": rate.scheme, "limit": rate.limit, "per": rate.per})


def _region(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.second_region = yes_or_no(arguments, "second")
    return Controlled({"ok": True})


def _user(arguments: dict[str, Any]) -> str:
    return str(arguments.get("user") or USERS["default"]).lower()


def _expire_key(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.bad_users.add(_user(arguments))
    return Controlled({"ok": True, "user": _user(arguments)})


def _restore_key(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.bad_users.discard(_user(arguments))
    return Controlled({"ok": True, "user": _user(arguments)})


def _drift(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    wanted = arguments.get("list")
    list_id = "all" if wanted == "all" else str(book_of(platform, wanted)[1].id)
    pages = whole({"after_pages": 1, **arguments}, "after_pages")
    platform.rehearsals.drift.order(list_id, pages, str(arguments.get("action", "insert")))
    return Controlled({"ok": True, "list": list_id})


def _switch(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    flip(platform.switches, arguments.get("name"), arguments.get("value"))
    return Controlled({"ok": True})


def _reset(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.reset()
    return Controlled({"ok": True})


_VERBS: dict[str, Verb] = {
    "reset": _reset,
    **ACTS,
    "add-book": _add_book,
    "remove-book": _remove_book,
    "seed-books": _seed_books,
    "add-field": _add_field,
    "remove-field": _remove_field,
    "activity": _activity,
    "refuse-next": _refuse_next,
    "next-import": _next_import,
    "hold-imports": _hold_imports,
    "release-imports": _release_imports,
    "lose-rows": _lose_rows,
    "contact-limit": _contact_limit,
    "rate": _rate,
    "region": _region,
    "expire-key": _expire_key,
    "restore-key": _restore_key,
    "drift": _drift,
    "switch": _switch,
}
