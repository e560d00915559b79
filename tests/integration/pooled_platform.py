"""A platform in memory whose lists are parts of one account: two levels of opting out, and work that takes its time.

Additions, changes and removals get a ticket. An addition of somebody who left the list is skipped in silence, of
somebody the account suppresses it is named; nobody is ever put back. It records every write with how the person stood.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.provider import (
    Addition,
    Batch,
    Capabilities,
    ConnectionSettings,
    FieldChange,
    MemberPage,
    Provider,
    Removal,
    Repeat,
    RowResult,
    Settlement,
    Submission,
    Unsubscription,
    Verdict,
    Wire,
)
from state.address import address_key
from state.model import Action, Consent, Member, Outcome, RemoteList, Scope
from tests.integration import fake_platform
from tests.integration.fake_platform import FIELD, FakeProvider

EPOCH = "2026-01-01T00:{:02d}:00Z"


@dataclass(slots=True)
class Contact:
    """A contact of the account; the marks are steps of the platform's time, None where it never happened."""

    number: str
    email: str
    name: str = ""
    on_list: bool = False
    left: int | None = None
    suppressed: tuple[Consent, int] | None = None
    changed: int = 0

    @property
    def opted_out(self) -> bool:
        return self.left is not None or self.suppressed is not None


@dataclass(slots=True, frozen=True)
class Written:
    """One write as it arrived, and how the person stood: unknown, out, on the list, off it."""

    action: Action
    key: str
    stood: str


@dataclass(slots=True)
class Import:
    """Work under a ticket: done at the second poll."""

    action: Action
    rows: tuple[Addition | FieldChange | Removal, ...]
    polls: int = 0


@dataclass(slots=True)
class Pool:
    """The account."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    step: int = 0
    numbers: int = 0
    silent: bool = False
    """Finished imports name nobody: every row has to be read back."""

    def stood(self, key: str) -> str:
        contact = self.contacts.get(key)
        if contact is None:
            return "unknown"
        return "out" if contact.opted_out else "on" if contact.on_list else "off"

    def join(self, email: str, name: str = "") -> Contact:
        """The contact is on the list."""
        self.numbers += 1
        contact = self.contacts.setdefault(address_key(email), Contact(f"c{self.numbers}", email))
        contact.on_list, contact.changed = True, self.step
        contact.name = name or contact.name
        return contact

    def happens(self, what: str, email: str) -> None:
        """Something that people do at the platform."""
        contact = self.contacts.get(address_key(email))
        if what == "subscribe":
            contact = self.join(email, "A")
            contact.left = contact.suppressed = None
        elif contact is None:
            return
        elif what == "leave":
            contact.on_list, contact.left = False, self.step
        elif what == "suppress":
            contact.on_list, contact.suppressed = False, (Consent.UNSUBSCRIBED, self.step)
        elif what == "bounce":
            contact.on_list, contact.suppressed = False, (Consent.BOUNCED, self.step)
        elif what == "take-out":
            contact.on_list = False
        elif what == "erase":
            del self.contacts[address_key(email)]


POOL = Pool()
"""The one account of a test; ``reset`` empties it."""


def reset() -> Pool:
    """Begin with nobody."""
    fresh = Pool()
    for name in Pool.__slots__:
        setattr(POOL, name, getattr(fresh, name))
    return POOL


class PooledProvider(FakeProvider):
    """Implements ``adapters.provider.Provider`` over ``POOL``."""

    capabilities = Capabilities(
        tags=False,
        removal_word="remove",
        removed_status="",
        removal_reversible=True,
        moves_addresses=False,
        at_once=4,
        reads_at_once=2,
        shares_contacts=True,
    )

    async def listing(
        self, remote: RemoteList, fields: Sequence[str], since: str | None = None
    ) -> AsyncIterator[MemberPage]:
        after = int(since) if since else -1
        people = list(POOL.contacts.values())
        shown = [_member(one) for one in people if one.on_list and one.changed >= after]
        shown += [_left(one) for one in people if one.left is not None and one.left >= after]
        account = tuple(
            _suppressed(one) for one in people if one.suppressed is not None and one.suppressed[1] >= after
        )
        yield MemberPage(tuple(shown), None, str(POOL.step), account_opt_outs=account)

    async def find(
        self, remote: RemoteList, emails: Sequence[str], fields: Sequence[str]
    ) -> tuple[Member, ...]:
        people = [POOL.contacts.get(address_key(email)) for email in emails]
        return tuple(_member(one) for one in people if one is not None and one.on_list)

    async def known(self, emails: Sequence[str]) -> frozenset[str]:
        return frozenset(email for email in emails if address_key(email) in POOL.contacts)

    def batch(self, action: Action, total: int) -> Batch:
        if action is Action.UNSUBSCRIBE:
            return Batch(2, Repeat.AT_ONCE)
        repeat = Repeat.AT_ONCE if action is Action.REMOVE else Repeat.NEVER
        return Batch(2, repeat, parallel=2, by_ticket=True)

    async def add(self, remote: RemoteList, rows: Sequence[Addition]) -> Submission:
        return _taken(Action.ADD, tuple(rows))

    async def change(self, remote: RemoteList, rows: Sequence[FieldChange], *, by_ticket: bool) -> Submission:
        return _taken(Action.CHANGE, tuple(rows))

    async def remove(self, remote: RemoteList, rows: Sequence[Removal]) -> Submission:
        return _taken(Action.REMOVE, tuple(rows))

    async def unsubscribe(self, remote: RemoteList, rows: Sequence[Unsubscription]) -> Submission:
        for row in rows:
            _note(Action.UNSUBSCRIBE, row.email)
            POOL.happens("leave", row.email)
        return Submission(tuple(RowResult(row.email, Outcome.SENT, "unsubscribed-by-us") for row in rows))

    async def settle(self, remote: RemoteList, ticket: str, since: datetime) -> Settlement:
        work = POOL.imports[ticket]
        work.polls += 1
        if work.polls == 1:
            return Settlement(False, "NotFinished")
        results = tuple(result for row in work.rows for result in _applied(work.action, row))
        work.rows = ()
        if work.action is Action.REMOVE:
            return Settlement(True, "Completed", otherwise=Verdict(Outcome.SENT, "removed"))
        return Settlement(True, "Finished", results=() if POOL.silent else results)


def _taken(action: Action, rows: tuple[Addition | FieldChange | Removal, ...]) -> Submission:
    for row in rows:
        _note(action, row.email)
    ticket = f"t{len(POOL.imports)}"
    POOL.imports[ticket] = Import(action, rows)
    return Submission((), ticket, f"https://platform.example/report?g={ticket}", {"head.csv": b"email\n"})


def _note(action: Action, email: str) -> None:
    key = address_key(email)
    POOL.written.append(Written(action, key, POOL.stood(key)))


def _applied(action: Action, row: Addition | FieldChange | Removal) -> list[RowResult]:
    key = address_key(row.email)
    contact = POOL.contacts.get(key)
    if isinstance(row, Removal):
        POOL.happens("take-out", row.email)
        return []
    if contact is not None and contact.suppressed is not None:
        return [RowResult(row.email, Outcome.WITHHELD, "unsubscribed-account", contact.number)]
    if contact is not None and contact.left is not None:
        return []  # skipped in silence
    contact = POOL.join(row.email, row.fields.get(FIELD, ""))
    return [
        RowResult(row.email, Outcome.SENT, "added" if action is Action.ADD else "changed", contact.number)
    ]


def _member(one: Contact) -> Member:
    return Member(
        one.email,
        one.number,
        Consent.SUBSCRIBED,
        "Subscribed",
        {FIELD: one.name},
        person_id=one.number,
        changed_at=EPOCH.format(one.changed),
    )


def _left(one: Contact) -> Member:
    since = EPOCH.format(one.left or 0)
    return replace(
        _member(one), consent=Consent.UNSUBSCRIBED, raw_status="Unsubscribed", since=since, scope=Scope.LIST
    )


def _suppressed(one: Contact) -> Member:
    consent, at = one.suppressed or (Consent.UNSUBSCRIBED, 0)
    since = EPOCH.format(at)
    return replace(
        _member(one), consent=consent, raw_status="Suppressed", since=since, scope=Scope.ACCOUNT, fields={}
    )


def _open(settings: ConnectionSettings, wire: Wire) -> Provider:
    return PooledProvider()


KIND = replace(fake_platform.KIND, open=_open)
