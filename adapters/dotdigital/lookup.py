"""Single contacts looked up by their address: in one book, or anywhere in the account (contract §4).

Invariant: a contact that is not in the book is absent, unless it left: then it comes back with how far that reaches.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.dotdigital import mapping, routes
from adapters.dotdigital.account import read_list
from adapters.dotdigital.documents import field_of, not_understood, object_in
from adapters.dotdigital.errors import SUPPRESSED, failure, row_of
from adapters.dotdigital.moments import FIRST
from adapters.dotdigital.paging import pages
from adapters.dotdigital.session import Session
from adapters.dotdigital.suppressions import left_book
from adapters.origins import route
from adapters.rows import gathered
from state.address import address_key
from state.model import Consent, Member, Scope

READ_CONTACT = "read a contact"
KNOWN_BY_CALL = 200
"""So many addresses are asked after one by one; above it a list of all contacts is quicker."""


async def find(
    session: Session, list_id: str, emails: Sequence[str], fields: mapping.Fields, at_once: int
) -> tuple[Member, ...]:
    """Members of a book by their address; who left it or is suppressed comes with that, others are absent."""
    asked = list({address_key(email): email for email in emails}.values())
    there: dict[str, Member] = {}
    elsewhere: dict[str, Member] = {}

    async def look(email: str) -> None:
        answer = await session.get(route(routes.ONE_CONTACT, email=email.strip()))
        row = row_of(answer) if answer.status != 200 else None
        if row is not None and row.reason == "member-gone":
            return
        if row is SUPPRESSED:
            there[address_key(email)] = Member(
                email, "", Consent.SUPPRESSED, SUPPRESSED.raw_status, scope=Scope.ACCOUNT
            )
            return
        if answer.status != 200:
            raise failure(answer, READ_CONTACT)
        try:
            member = mapping.member(object_in(answer, READ_CONTACT), fields)
        except TypeError:
            raise not_understood(READ_CONTACT) from None
        if member.consent is Consent.ERASED:
            return
        listed = member.consent.opted_out or await _in_book(session, member.origin_id, list_id)
        (there if listed else elsewhere)[address_key(email)] = member

    await gathered(asked, look, at_once)
    if elsewhere:
        numbers = {member.origin_id: key for key, member in elsewhere.items()}
        async for _, left in left_book(session, list_id, FIRST):
            there.update({numbers[one.origin_id]: one for one in left if one.origin_id in numbers})
    elif not there and asked:
        # Nobody known may also mean that the book is not there, which is no answer about anybody.
        await read_list(session, list_id)
    return tuple(there[key] for key in map(address_key, asked) if key in there)


async def _in_book(session: Session, contact_id: str, list_id: str) -> bool:
    path = route(routes.CONTACT_BOOKS, contact=contact_id)
    async for page in pages(session, path, "list the address books of a contact"):
        if any(str(field_of(row, "id")) == list_id for row in page.rows):
            return True
    return False


async def known(session: Session, emails: Sequence[str], at_once: int) -> frozenset[str]:
    """Those of the addresses the account still knows, suppressed ones included, deleted ones not."""
    found: set[str] = set()

    async def look(email: str) -> None:
        answer = await session.get(route(routes.ONE_CONTACT, email=email.strip()))
        row = row_of(answer) if answer.status != 200 else None
        if row is not None and row.reason == "member-gone":
            return
        if answer.status != 200 and row is not SUPPRESSED:
            raise failure(answer, READ_CONTACT)
        if answer.status == 200:
            status = field_of(object_in(answer, READ_CONTACT), "status")
            if isinstance(status, str) and mapping.consent(status) is Consent.ERASED:
                return
        found.add(email)

    await gathered(list(dict.fromkeys(emails)), look, at_once)
    return frozenset(found)


async def known_keys(session: Session, emails: Sequence[str], at_once: int) -> frozenset[str]:
    """Address keys of those the account knows, in whatever state: by a call each, or, where there are many, out of a
    list of all contacts."""
    wanted = frozenset(map(address_key, emails))
    if len(wanted) <= KNOWN_BY_CALL:
        return frozenset(map(address_key, await known(session, emails, at_once)))
    found: set[str] = set()
    async for page in pages(session, route(routes.CONTACTS), "list contacts", at_once=at_once):
        for row in page.rows:
            email = field_of(row, "email")
            if isinstance(email, str):
                found.add(address_key(email))
    return wanted & found
