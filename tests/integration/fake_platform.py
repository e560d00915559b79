"""A platform in memory that does whatever it is told, so that only Listwarden can keep consent from being raised.

It records every write with the consent the person had at that moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.provider import (
    Account,
    Addition,
    AddressMove,
    Batch,
    Capabilities,
    CheckReport,
    ConnectionSettings,
    FieldChange,
    FieldDeletion,
    MemberPage,
    NewField,
    OptInRequest,
    Provider,
    ProviderKind,
    RemoteField,
    Removal,
    Repeat,
    RowResult,
    SettingSpec,
    Settlement,
    Submission,
    Unsubscription,
    Wire,
)
from state.address import address_key
from state.model import (
    Action,
    Activity,
    Campaign,
    CampaignSummary,
    Consent,
    Member,
    Outcome,
    RemoteList,
)

FIELD = "NAME"
LIST = RemoteList("one", "The list")
EPOCH = "2026-01-01T00:00:{:02d}Z"


@dataclass(slots=True)
class Person:
    """A record at the platform; ``changed`` is the platform's own step of time."""

    person_id: str
    email: str
    consent: Consent
    name: str = ""
    raw_status: str = ""
    changed: int = 0


@dataclass(slots=True, frozen=True)
class Written:
    """One write as it arrived: to whom, and what consent the record had (None: there was none)."""

    action: Action
    key: str
    before: Consent | None
    former: str = ""


@dataclass(slots=True)
class Platform:
    """Records by address key, and all writes."""

    people: dict[str, Person] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    step: int = 0
    numbers: int = 0
    deaf: bool = False
    """Says yes to every write and does nothing."""
    breaks_off: bool = False
    """Listings end before the page that proves them whole."""

    def put(self, email: str, consent: Consent, name: str = "", raw_status: str = "") -> None:
        """Somebody does something at the platform."""
        key = address_key(email)
        known = self.people.get(key)
        self.numbers += 1
        person_id = known.person_id if known is not None else f"p{self.numbers}"
        self.people[key] = Person(person_id, email, consent, name, raw_status or consent.value, self.step)

    def note(self, action: Action, email: str, former: str = "") -> Person | None:
        """Record a write; the person it is for."""
        person = self.people.get(address_key(former or email))
        self.written.append(
            Written(action, address_key(email), person.consent if person else None, address_key(former))
        )
        return None if self.deaf else person


PLATFORM = Platform()
"""The one platform of a test; ``reset`` empties it."""


def reset() -> Platform:
    """Begin with nobody."""
    PLATFORM.people.clear()
    PLATFORM.written.clear()
    PLATFORM.step = PLATFORM.numbers = 0
    PLATFORM.deaf = PLATFORM.breaks_off = False
    return PLATFORM


class FakeProvider:
    """Implements ``adapters.provider.Provider`` over ``PLATFORM``."""

    capabilities = Capabilities(
        tags=False,
        removal_word="remove",
        removed_status="archived",
        removal_reversible=True,
        moves_addresses=True,
        at_once=4,
        reads_at_once=2,
    )

    async def aclose(self) -> None:
        return None

    async def check(self, list_ids: Sequence[str] = ()) -> CheckReport:
        return CheckReport(await self.account(), ())

    async def account(self) -> Account:
        return Account("fake", "Fake")

    async def lists(self) -> tuple[RemoteList, ...]:
        return (LIST,)

    async def remote_list(self, list_id: str) -> RemoteList:
        return LIST

    async def fields(self, list_id: str) -> tuple[RemoteField, ...]:
        return (RemoteField(FIELD, "Name", "text"),)

    async def listing(
        self, remote: RemoteList, fields: Sequence[str], since: str | None = None
    ) -> AsyncIterator[MemberPage]:
        after = int(since) if since else -1
        shown = tuple(_member(one) for one in PLATFORM.people.values() if one.changed >= after)
        yield MemberPage(shown, len(shown), None if PLATFORM.breaks_off else str(PLATFORM.step))

    async def find(
        self, remote: RemoteList, emails: Sequence[str], fields: Sequence[str]
    ) -> tuple[Member, ...]:
        people = [PLATFORM.people.get(address_key(email)) for email in emails]
        return tuple(_member(one) for one in people if one is not None)

    def batch(self, action: Action, total: int) -> Batch:
        return Batch(2, Repeat.AT_ONCE)

    def stored(self, remote_field: RemoteField, value: str) -> str:
        return value

    async def add(self, remote: RemoteList, rows: Sequence[Addition]) -> Submission:
        for row in rows:
            PLATFORM.note(Action.ADD, row.email)
            if not PLATFORM.deaf:
                PLATFORM.put(row.email, Consent.SUBSCRIBED, row.fields.get(FIELD, ""))
        return _done([row.email for row in rows], "added")

    async def change(self, remote: RemoteList, rows: Sequence[FieldChange], *, by_ticket: bool) -> Submission:
        for row in rows:
            person = PLATFORM.note(Action.CHANGE, row.email)
            if person is not None:
                person.name, person.changed = row.fields.get(FIELD, person.name), PLATFORM.step
        return _done([row.email for row in rows], "changed")

    async def move(self, remote: RemoteList, rows: Sequence[AddressMove]) -> Submission:
        for row in rows:
            person = PLATFORM.note(Action.MOVE, row.new_email, former=row.email)
            if person is not None:
                del PLATFORM.people[address_key(person.email)]
                person.email, person.changed = row.new_email, PLATFORM.step
                PLATFORM.people[address_key(row.new_email)] = person
        return _done([row.email for row in rows], "moved")

    async def remove(self, remote: RemoteList, rows: Sequence[Removal]) -> Submission:
        for row in rows:
            person = PLATFORM.note(Action.REMOVE, row.email)
            if person is not None:
                person.consent, person.raw_status = Consent.UNKNOWN, "archived"
                person.changed = PLATFORM.step
        return _done([row.email for row in rows], "removed")

    async def unsubscribe(self, remote: RemoteList, rows: Sequence[Unsubscription]) -> Submission:
        for row in rows:
            person = PLATFORM.note(Action.UNSUBSCRIBE, row.email)
            if person is not None:
                person.consent = Consent.UNSUBSCRIBED
                person.raw_status, person.changed = "unsubscribed", PLATFORM.step
        return _done([row.email for row in rows], "unsubscribed-by-us")

    async def request_opt_in(self, remote: RemoteList, request: OptInRequest) -> RowResult:
        raise AssertionError("no export may ask anybody")

    async def settle(self, remote: RemoteList, ticket: str, since: datetime) -> Settlement:
        raise AssertionError("there are no tickets here")

    async def known(self, emails: Sequence[str]) -> frozenset[str]:
        return frozenset()

    async def create_list(self, name: str, *, public: bool = False) -> RemoteList:
        raise AssertionError("no export makes lists")

    def field_fault(self, field: NewField) -> str:
        return ""

    async def create_field(self, list_id: str, field: NewField) -> RemoteField:
        raise AssertionError("no export makes fields")

    async def delete_field(self, list_id: str, field: RemoteField) -> FieldDeletion:
        raise AssertionError("no export deletes fields")

    async def holders(
        self, list_id: str, field: RemoteField, told: Callable[[int], None] = lambda rows: None
    ) -> int:
        raise AssertionError("no export counts values")

    async def campaigns(self, list_id: str) -> tuple[Campaign, ...]:
        return ()

    async def campaign_summary(self, campaign_id: str) -> CampaignSummary:
        raise AssertionError("no export looks at campaigns")

    async def activity(self, campaign_id: str, since: datetime | None) -> AsyncIterator[tuple[Activity, ...]]:
        nothing: tuple[tuple[Activity, ...], ...] = ()
        for page in nothing:
            yield page


def _member(person: Person) -> Member:
    return Member(
        email=person.email,
        origin_id=person.person_id,
        consent=person.consent,
        raw_status=person.raw_status,
        fields={FIELD: person.name},
        person_id=person.person_id,
        changed_at=EPOCH.format(person.changed),
    )


def _done(emails: Sequence[str], reason: str) -> Submission:
    people = [PLATFORM.people.get(address_key(email)) for email in emails]
    return Submission(
        tuple(
            RowResult(email, Outcome.SENT, reason, person.person_id if person else "")
            for email, person in zip(emails, people, strict=True)
        )
    )


def _open(settings: ConnectionSettings, wire: Wire) -> Provider:
    return FakeProvider()


def _base_url(settings: ConnectionSettings) -> str:
    return "https://platform.example"


KIND = ProviderKind(
    name="fake",
    label="Fake platform",
    settings=(SettingSpec("key", "API key", "Anywhere.", required=True, secret=True),),
    list_word="list",
    list_help="",
    open=_open,
    base_url=_base_url,
)
