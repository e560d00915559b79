"""What is read of an account besides contacts: itself, its address books and data fields, and whether all is well.

Invariant: only reads; a check says in findings what it can and raises nothing an operator could act on
(contract §1, §3, §7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.dotdigital import mapping, routes
from adapters.dotdigital.documents import not_understood, object_in, rows_in
from adapters.dotdigital.errors import failure
from adapters.dotdigital.paging import all_rows
from adapters.dotdigital.region import AUTO, option, region_of
from adapters.dotdigital.routes import book_route
from adapters.dotdigital.session import Session, calls
from adapters.origins import route
from adapters.provider import Account, AdapterError, CheckReport, NotThere, RemoteField
from state.model import Finding, RemoteList

SYSTEM_BOOKS = "All contacts, Test"
NAMED_LISTS = 10
CHECK_TRIES = 2
"""A person waits for a check: it asks again once and no more."""


def system_names(session: Session) -> frozenset[str]:
    """Names of the account's own books, folded: no flag tells them (contract §3)."""
    names = option(session.settings, "system_books", SYSTEM_BOOKS).split(",")
    return frozenset(name.strip().casefold() for name in names if name.strip())


async def read_account(session: Session, *, tries: int | None = None) -> Account:
    """The account behind the API user; mail addresses and telephone numbers of it are not kept."""
    return _account(await session.account_info(tries=tries), await session.api_base())


def _account(info: Mapping[str, str], base: str) -> Account:
    if not info.get("id"):
        raise not_understood("read the account")
    counted = calls(info)
    shown = {
        "region": region_of(base),
        "calls in the last hour": str(counted[0]) if counted else "",
        "calls left": str(counted[1]) if counted else "",
        "time zone": info.get("timezoneiana", ""),
        "send credits": info.get("availableemailsendscredits", ""),
    }
    return Account(info["id"], info.get("name", ""), {name: text for name, text in shown.items() if text})


async def read_lists(session: Session, *, tries: int | None = None) -> tuple[RemoteList, ...]:
    """All address books, the account's own ones marked."""
    what = "list address books"
    rows = await all_rows(session, route(routes.BOOKS), what, tries=tries)
    names = system_names(session)
    try:
        return tuple(mapping.remote_list(row, names) for row in rows)
    except TypeError:
        raise not_understood(what) from None


async def read_list(session: Session, list_id: str, *, tries: int | None = None) -> RemoteList:
    """One address book; raises ``NotThere`` (``list-missing``) when the account does not have it."""
    what = "read an address book"
    answer = await session.get(book_route(routes.BOOK, list_id), tries=tries)
    if answer.status != 200:
        raise failure(answer, what, list_id=list_id)
    try:
        return mapping.remote_list(object_in(answer, what), system_names(session))
    except TypeError:
        raise not_understood(what) from None


async def read_fields(session: Session) -> tuple[RemoteField, ...]:
    """All data fields of the account, in one answer: this list has no pages."""
    what = "list data fields"
    answer = await session.get(route(routes.FIELDS))
    if answer.status != 200:
        raise failure(answer, what)
    try:
        return tuple(mapping.remote_field(row) for row in rows_in(answer, what))
    except TypeError:
        raise not_understood(what) from None


# --- the check -----------------------------------------------------------------------------------------------


async def check(session: Session, list_ids: Sequence[str]) -> CheckReport:
    """Login, account, region, calls left, every linked address book."""
    try:
        info = await session.account_info(tries=CHECK_TRIES)
        base = await session.api_base()
        account = _account(info, base)
    except AdapterError as error:
        return CheckReport(None, (_finding(error),))
    findings = [Finding("ok", f"The login is good: account {account.name or account.account_id}.", ok=True)]
    findings.append(_region(session, base))
    findings += _calls(info)
    try:
        known = await read_lists(session, tries=CHECK_TRIES)
        findings.append(_books(known))
    except AdapterError as error:
        known = ()
        findings.append(_finding(error))
    for list_id in dict.fromkeys(list_ids):
        findings.append(await _linked(session, list_id, known))
    return CheckReport(account, tuple(findings))


def _region(session: Session, base: str) -> Finding:
    region = region_of(base) or "none of dotdigital's"
    how = option(session.settings, "region", AUTO) if not session.settings.base_url else "base_url"
    return Finding("ok", f"The account is called at {base} (region {region}, by {how}).", ok=True)


def _calls(info: Mapping[str, str]) -> list[Finding]:
    counted = calls(info)
    if counted is None:
        return []
    used, left = counted
    text = f"{left:,} API calls are left in this hour; {used:,} were made in the last 60 minutes."
    if left == 0:
        return [Finding("calls-used-up", text, "Try again in at most 1 hour.")]
    return [Finding("calls-left", text, ok=True)]


def _books(known: Sequence[RemoteList]) -> Finding:
    own = [one for one in known if not one.system]
    if not own:
        return Finding("list-missing", "The account has no address book of its users.", "Create one.")
    noun = "address book" if len(own) == 1 else "address books"
    skipped = f", and {len(known) - len(own)} of its own" if len(own) < len(known) else ""
    return Finding("ok", f"The account has {len(own):,} {noun}: {_named(own)}{skipped}.", ok=True)


def _named(known: Sequence[RemoteList]) -> str:
    more = ", …" if len(known) > NAMED_LISTS else ""
    return ", ".join(f"{one.name} ({one.list_id})" for one in known[:NAMED_LISTS]) + more


async def _linked(session: Session, list_id: str, known: Sequence[RemoteList]) -> Finding:
    found = next((one for one in known if one.list_id == list_id), None)
    if found is None:
        try:
            found = await read_list(session, list_id, tries=CHECK_TRIES)
        except NotThere as error:
            own = [one for one in known if not one.system]
            text = f"{error.text} It has: {_named(own)}." if own else error.text
            return Finding(error.reason, text, error.next, where=list_id)
        except AdapterError as error:
            return _finding(error, where=list_id)
    if found.system:
        return Finding(
            "system-list",
            f"{found.name} is one of the account's own address books; it is never written to.",
            "Link another address book.",
            where=list_id,
        )
    size = f" with {found.members:,} contacts" if found.members is not None else ""
    return Finding("ok", f"Address book {found.name} is there{size}.", ok=True, where=list_id)


def _finding(error: AdapterError, where: str = "") -> Finding:
    return Finding(error.reason, error.text, error.next, where=where)
