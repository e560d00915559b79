"""What a mailing platform can do, and the only values that may be written to one.

Consent is safe by type (design law 1): a provider's write methods take the values below and no others, and
none of them can raise the consent of a person the platform already knows.

    AdapterError                       everything an adapter raises; carries a reason code and the next step
    ├── CredentialsRefused             the key is missing, wrong, disabled or expired
    ├── RightsMissing                  the key may not do this
    ├── AccountLimit                   contact limit, call budget of the plan
    ├── NotThere                       the list (or another named thing) is not in the account
    ├── Throttled                      still throttled after the contract's tries
    ├── Unreachable                    no connection, time-out before anything was sent, server trouble, gateway page
    ├── Unanswered                     a write left and no answer came: it may have been applied
    ├── IncompleteRead                 totals differ, rows slipped while paging, body cut
    ├── WriteRefused                   the read-only transport refused a request (design law 7)
    ├── Refused                        the platform refused this request for a reason of the data
    └── Unrecognised                   an answer nobody described: kept raw, never success
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from adapters.secret import Secret
from state.model import (
    Action,
    Activity,
    Budget,
    Campaign,
    CampaignSummary,
    Consent,
    Finding,
    Member,
    Outcome,
    RemoteList,
)


class AdapterError(Exception):
    """An error for people: what happened, what to do next, and a stable reason code (``state.reasons``)."""

    def __init__(self, reason: str, text: str, next: str = "", *, raw: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.next = next
        self.raw = raw


class CredentialsRefused(AdapterError):
    """The platform does not accept the key."""


class RightsMissing(AdapterError):
    """The key is good and may not do this."""


class AccountLimit(AdapterError):
    """A limit of the account's plan is reached."""


class NotThere(AdapterError):
    """The named list or record is not in the account."""


class Throttled(AdapterError):
    """Still throttled after all tries."""


class Unreachable(AdapterError):
    """Nothing was applied: the platform could not be reached or answered with its own trouble."""


class Unanswered(AdapterError):
    """A write left this machine and its answer never came: it may or may not have been applied."""


class IncompleteRead(AdapterError):
    """A listing, report or file that is not proven whole (design law 5, I11)."""


class WriteRefused(AdapterError):
    """The read-only transport refused a request outside the list of reads (design law 7)."""


class Refused(AdapterError):
    """The platform refused this one request because of its data."""


class Unrecognised(AdapterError):
    """An answer the contract does not describe."""


# --- what may be written -------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Addition:
    """A person the platform does not know, with the basis of their consent."""

    email: str
    fields: Mapping[str, str]
    consent_basis: str
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.consent_basis.strip():
            raise ValueError("an addition needs a consent basis")


@dataclass(slots=True, frozen=True)
class FieldChange:
    """Mapped fields of a known member; there is no consent in it."""

    email: str
    origin_id: str
    fields: Mapping[str, str]


@dataclass(slots=True, frozen=True)
class AddressMove:
    """Another address for a known member; it keeps the record and its consent (only under ``move``)."""

    email: str
    origin_id: str
    new_email: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Removal:
    """A member of ours that leaves the list in the way the platform can take back (Mailchimp: archive)."""

    email: str
    origin_id: str


@dataclass(slots=True, frozen=True)
class Unsubscription:
    """The source says the person opted out."""

    email: str
    origin_id: str


@dataclass(slots=True, frozen=True)
class OptInRequest:
    """Makes the platform ask one person; typed by a person, never made by a plan, retry or schedule."""

    email: str
    origin_id: str
    asked_by: str

    def __post_init__(self) -> None:
        if not self.asked_by.strip():
            raise ValueError("an opt-in request names the person who asked for it")


Write = Addition | FieldChange | AddressMove | Removal | Unsubscription
"""What a plan may send."""


# --- what comes back -----------------------------------------------------------------------------------


@dataclass(slots=True)  # not frozen: made by the hundred thousand, and a frozen one costs three times as much
class RowResult:
    """What the platform said of one address. ``outcome`` is sent, accepted, rejected, withheld or unknown.

    ``withheld`` is for end states met while sending (already there, opted out meanwhile): they do not spoil a
    run (design §6). ``consent`` tells the member's consent where the answer shows it.
    """

    email: str
    outcome: Outcome
    reason: str
    origin_id: str = ""
    raw: str = ""
    consent: Consent | None = None
    raw_status: str = ""
    person_id: str = ""


@dataclass(slots=True, frozen=True)
class Submission:
    """The answer to one chunk: results by address, and the vendor's ticket where it works on.

    Rows of a ticket have the outcome ``accepted`` until ``settle`` tells more. ``page`` is where a person can look
    at the vendor's work (never with a token in it); ``files`` are kept with the job at once (name → bytes).
    """

    results: tuple[RowResult, ...]
    ticket: str = ""
    page: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Verdict:
    """What a finished ticket means for every row it does not name."""

    outcome: Outcome
    reason: str
    raw: str = ""


@dataclass(slots=True, frozen=True)
class Settlement:
    """Where a vendor's ticket stands. ``files`` are result files to keep with the job (name → bytes, R19).

    ``otherwise`` is for the rows ``results`` does not name; without it they are in doubt and are read back.
    ``created`` is for a platform whose results do not tell who was on the list already: how many of the rows were
    certainly new to it. None where the results tell.
    """

    finished: bool
    text: str
    done: int = 0
    total: int = 0
    results: tuple[RowResult, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    otherwise: Verdict | None = None
    created: int | None = None


class Repeat(StrEnum):
    """What may be done with a chunk that got no answer, after reading back (design law 3)."""

    AT_ONCE = "at-once"
    AFTER_QUARANTINE = "after-quarantine"
    NEVER = "never"


@dataclass(slots=True, frozen=True)
class Batch:
    """How one action is cut: rows a chunk, calls at once (None: as many as the account allows), repeat rule.

    ``calls_per_chunk`` serves the estimate of calls and time on the confirm screen.
    """

    rows: int
    repeat: Repeat
    parallel: int | None = None
    by_ticket: bool = False
    calls_per_chunk: int = 1


@dataclass(slots=True, frozen=True)
class MemberPage:
    """One page of a listing. ``cursor`` is set on the last page only, and only when the read is complete.

    ``total`` is what the vendor says there is (None where it does not say); on the last page it is the number of
    distinct members the listing told. A member may come twice: the later one is newer. ``afresh`` on a page says
    that the listing drifted and starts over: what earlier pages told is void.

    ``account_opt_outs`` are people the whole account no longer mails, on this list or not (dotdigital's second
    level of suppression, contract §5): each an address with an opted-out consent and scope ``account``.

    ``consents_as_of`` on the last page: at this moment or later (UTC) the platform itself said of every member told
    whether it mails them, whatever it told of them before; None where a member's ``changed_at`` tells it.
    """

    members: tuple[Member, ...]
    total: int | None = None
    cursor: str | None = None
    afresh: bool = False
    account_opt_outs: tuple[Member, ...] = ()
    consents_as_of: datetime | None = None


@dataclass(slots=True, frozen=True)
class Account:
    """The account behind a connection; ``account_id`` tells two connections to one account apart."""

    account_id: str
    name: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class CheckReport:
    """Result of checking a connection: the account when it could be read, and all findings."""

    account: Account | None
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return self.account is not None and all(finding.ok for finding in self.findings)


@dataclass(slots=True, frozen=True)
class RemoteField:
    """A field of a remote list (merge field, data field). ``kind`` is the vendor's type word.

    ``default`` tells that the platform fills the field by itself when it is left out.
    """

    name: str
    label: str
    kind: str
    required: bool = False
    choices: tuple[str, ...] = ()
    default: str = ""
    public: bool = False
    field_id: str = ""
    system: bool = False


@dataclass(slots=True, frozen=True)
class NewField:
    """A field somebody wants to create. ``kind`` is one of ``Capabilities.field_types``; ``default`` is text.

    ``choices`` are for ``Capabilities.choice_types`` only, ``label`` where ``Capabilities.field_labels``.
    """

    name: str
    kind: str
    label: str = ""
    public: bool = False
    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class FieldDeletion:
    """What a platform said to the deletion of a field. ``dependencies``: what still needs it (``Campaign 55``)."""

    deleted: bool
    text: str = ""
    dependencies: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Capabilities:
    """What differs between platforms, as data.

    ``removed_status`` is the raw status of a removed member, empty where removal leaves no record on the list.
    ``shares_contacts``: lists are parts of one account-wide pool, so who left a list may still be in the account
    (``Provider.known`` tells). ``fields_by_account``: one set of fields for all lists of the account.
    ``sent_with_additions``: what else an addition carries by the connection's settings, in words for people.
    ``field_labels``: a field has a label beside its name; ``choice_types``: field types with a set of values.
    """

    tags: bool
    removal_word: str
    removed_status: str
    removal_reversible: bool
    moves_addresses: bool
    at_once: int
    reads_at_once: int
    reports_headroom: bool = False
    field_types: tuple[str, ...] = ()
    choice_types: tuple[str, ...] = ()
    field_labels: bool = False
    creates_lists: bool = False
    creates_fields: bool = False
    fields_by_account: bool = False
    shares_contacts: bool = False
    campaigns: bool = False
    sent_with_additions: tuple[str, ...] = ()


# --- how an adapter reaches the world --------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class RequestNote:
    """One request as it is logged: never a query value, an address or a body (I7)."""

    method: str
    path: str
    status: int | None
    milliseconds: int
    attempt: int
    note: str = ""


class Slots(Protocol):
    """Places at the account's table, shared by every process of this state (design law 4, F14)."""

    async def enter(self) -> None: ...

    def leave(self) -> None: ...

    def narrow(self) -> None:
        """The platform said "too many": use fewer from now on."""


def _nothing(_: object) -> None:
    return None


@dataclass(slots=True)
class Wire:
    """What a job hands to the transport: who it is, what it may do, whom to tell.

    ``read_only`` lets only the adapter's list of reads through. ``before_request`` runs before each request
    leaves (lease check, crash hook) and may raise. ``on_request`` gets every finished request, ``on_wait`` a
    sentence whenever the transport waits, ``on_budget`` the account's call budget when an answer tells it.
    ``interactive``: somebody sits before a screen and waits; such reads may use the part of the budget that other
    work leaves in reserve. ``sleep`` is the injected clock.
    """

    user_agent: str
    read_only: bool = True
    slots: Slots | None = None
    before_request: Callable[[], Awaitable[None]] | None = None
    on_request: Callable[[RequestNote], None] = _nothing
    on_wait: Callable[[str], None] = _nothing
    sleep: Callable[[float], Awaitable[None]] | None = None
    connections: int = 8
    on_budget: Callable[[Budget], None] = _nothing
    interactive: bool = False


@dataclass(slots=True, frozen=True)
class SettingSpec:
    """One key of a connection or source in the settings, as validation, forms and docs need it."""

    name: str
    label: str
    help: str
    required: bool = False
    secret: bool = False
    kind: type = str
    choices: tuple[str, ...] = ()
    default: str | int | bool | None = None


@dataclass(slots=True, frozen=True)
class ConnectionSettings:
    """One ``[connections.NAME]`` table, secrets resolved."""

    name: str
    provider: str
    base_url: str = ""
    connections: int = 8
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    options: Mapping[str, str | int | bool] = field(default_factory=dict)


class Provider(Protocol):
    """A mailing platform behind one connection. All times are UTC.

    Every method may raise ``AdapterError``; a write method raises ``Unanswered`` when the request left and no
    answer came, and any other error only when nothing was applied.
    """

    capabilities: Capabilities

    async def aclose(self) -> None:
        """Close the client; no request after this."""

    async def check(self, list_ids: Sequence[str] = ()) -> CheckReport:
        """Credentials, account, every linked list, rights, limits. Never raises for what a finding can say."""

    async def account(self) -> Account:
        """The account behind the credentials."""

    async def lists(self) -> tuple[RemoteList, ...]:
        """All remote lists, all pages."""

    async def remote_list(self, list_id: str) -> RemoteList:
        """One list; ``NotThere`` when the account does not have it."""

    async def fields(self, list_id: str) -> tuple[RemoteField, ...]:
        """The list's fields, without the address itself."""

    def listing(
        self, remote: RemoteList, fields: Sequence[str], since: str | None = None
    ) -> AsyncIterator[MemberPage]:
        """Members with the named fields: all, or changed since a cursor (overlap included).

        The last page carries the new cursor; ``IncompleteRead`` is raised instead of it when the pass is not
        proven whole (R39, R40). Erased members are absent.
        """

    async def find(
        self, remote: RemoteList, emails: Sequence[str], fields: Sequence[str]
    ) -> tuple[Member, ...]:
        """Read single members back; those the list does not know are absent from the answer."""

    def batch(self, action: Action, total: int) -> Batch:
        """How ``total`` rows of an action are cut into chunks."""

    def stored(self, remote_field: RemoteField, value: str) -> str:
        """The text the platform would store for a value, for comparing.

        Raises ``ValueError`` with a sentence when the platform would refuse the value.
        """

    async def add(self, remote: RemoteList, rows: Sequence[Addition]) -> Submission: ...

    async def change(
        self, remote: RemoteList, rows: Sequence[FieldChange], *, by_ticket: bool
    ) -> Submission: ...

    async def move(self, remote: RemoteList, rows: Sequence[AddressMove]) -> Submission: ...

    async def remove(self, remote: RemoteList, rows: Sequence[Removal]) -> Submission: ...

    async def unsubscribe(self, remote: RemoteList, rows: Sequence[Unsubscription]) -> Submission: ...

    async def request_opt_in(self, remote: RemoteList, request: OptInRequest) -> RowResult: ...

    async def settle(self, remote: RemoteList, ticket: str, since: datetime) -> Settlement:
        """Ask once how far the vendor is with a ticket; ``since`` is when its rows left (UTC)."""

    async def known(self, emails: Sequence[str]) -> frozenset[str]:
        """Those of the addresses the account still knows, although a list does not show them any more.

        Who is not among them was erased. Empty where an audience is all there is (``shares_contacts`` false).
        """

    async def create_list(self, name: str, *, public: bool = False) -> RemoteList:
        """A new remote list; ``Refused`` when the name is taken or invalid (``Capabilities.creates_lists``)."""

    def field_fault(self, field: NewField) -> str:
        """Why the platform would refuse to create this field, as a sentence; empty when it would not. No request."""

    async def create_field(self, list_id: str, field: NewField) -> RemoteField:
        """Create a field; raises ``Refused`` with ``field-exists``, ``field-refused`` or ``field-limit``."""

    async def delete_field(self, list_id: str, field: RemoteField) -> FieldDeletion:
        """Delete a field and its value on every contact."""

    async def holders(
        self, list_id: str, field: RemoteField, told: Callable[[int], None] = lambda rows: None
    ) -> int:
        """How many contacts hold a value of a field: on the list, or in the account where fields are account-wide.

        ``told`` gets the number of contacts looked at since it was last called.
        """

    async def campaigns(self, list_id: str) -> tuple[Campaign, ...]:
        """The campaigns of a list, in every state, without contents (``Capabilities.campaigns``)."""

    async def campaign_summary(self, campaign_id: str) -> CampaignSummary:
        """The counts of a sent campaign."""

    def activity(self, campaign_id: str, since: datetime | None) -> AsyncIterator[tuple[Activity, ...]]:
        """What addresses did with a campaign, page by page: all, or since a moment (overlap included; may repeat)."""


def _no_doubt(_: ConnectionSettings) -> tuple[Finding, ...]:
    return ()


@dataclass(slots=True, frozen=True)
class ProviderKind:
    """A platform as the registry knows it; ``open`` imports what it needs only when called."""

    name: str
    label: str
    settings: tuple[SettingSpec, ...]
    list_word: str
    list_help: str
    open: Callable[[ConnectionSettings, Wire], Provider]
    base_url: Callable[[ConnectionSettings], str]
    """Where the connection would talk to, for checks and screens; no request."""
    name_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fields a new link maps by itself, where the source has the columns: target to ``first``, ``last`` or both."""
    doubts: Callable[[ConnectionSettings], tuple[Finding, ...]] = _no_doubt
    """What of a connection's settings is likely wrong, seen without a request; ``doctor`` tells it."""


def utc(text: str) -> datetime:
    """A vendor's ISO 8601 time as aware UTC; raises ``ValueError``."""
    from datetime import UTC

    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
