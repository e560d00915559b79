"""What the sandbox remembers for Mailchimp: accounts, their audiences, and everything on an audience but people.

People are on the roll; all else is small and lives in plain records here, so that it can be kept as one document
an account. Invariant: `Account.document()` and `Account.load()` are each other's inverse.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from adapters.sandbox.mailchimp.machine import PRESENT, Standing
from adapters.sandbox.mailchimp.roll import Member, Roll
from adapters.sandbox.mailchimp.seed import OLDEST, Seeding


@dataclass(slots=True)
class MergeField:
    """One field of an audience (§7)."""

    merge_id: int
    tag: str
    name: str
    type: str = "text"
    required: bool = False
    default_value: str = ""
    public: bool = False
    display_order: int = 0
    help_text: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Segment:
    """A tag, which is a static segment, or a saved one (§7)."""

    id: int
    name: str
    type: str
    created_at: float
    updated_at: float


@dataclass(slots=True)
class Webhook:
    """A registered webhook (§8); the secret is told once, on creation."""

    id: str
    url: str
    events: dict[str, bool]
    sources: dict[str, bool]
    signing_secret: str


@dataclass(slots=True)
class InterestCategory:
    """A group of interests: id, title, type and its interests by id."""

    id: str
    title: str
    type: str
    interests: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Audience:
    """One audience: `list` in the interface."""

    id: str
    name: str
    web_id: int
    roll: Roll
    created: float
    double_optin: bool = False
    merge_fields: list[MergeField] = field(default_factory=list)
    next_merge_id: int = 1
    segments: dict[int, Segment] = field(default_factory=dict)
    next_segment_id: int = 7711
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    categories: dict[str, InterestCategory] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)
    """Marketing permission id → text."""

    def tagged(self, segment_id: int) -> Iterator[Member]:
        """Present members carrying a tag."""
        for member in self.roll.touched():
            if segment_id in member.tags and member.standing in PRESENT:
                yield member

    def segment_named(self, name: str) -> Segment | None:
        """The static segment of this name, which Mailchimp compares without case."""
        wanted = name.strip().lower()
        for segment in self.segments.values():
            if segment.type == "static" and segment.name.lower() == wanted:
                return segment
        return None

    def segment_made(self, name: str, now: float) -> Segment:
        """The static segment of this name, made if need be: using a tag creates it."""
        found = self.segment_named(name)
        if found is None:
            found = Segment(self.next_segment_id, name.strip(), "static", now, now)
            self.segments[found.id] = found
            self.next_segment_id += 1
        return found

    def interest_ids(self) -> Iterator[str]:
        """Every interest's id."""
        for category in self.categories.values():
            yield from category.interests

    def document(self) -> dict[str, Any]:
        """Everything but the roll, JSON-ready."""
        return {
            "id": self.id,
            "name": self.name,
            "double_optin": self.double_optin,
            "merge_fields": [asdict(merge_field) for merge_field in self.merge_fields],
            "next_merge_id": self.next_merge_id,
            "segments": [asdict(segment) for segment in self.segments.values()],
            "next_segment_id": self.next_segment_id,
            "webhooks": [asdict(webhook) for webhook in self.webhooks.values()],
            "categories": [asdict(category) for category in self.categories.values()],
            "permissions": self.permissions,
        }

    def load(self, document: dict[str, Any]) -> None:
        """Take over what `document()` wrote."""
        self.name = document["name"]
        self.double_optin = document["double_optin"]
        self.merge_fields = [MergeField(**each) for each in document["merge_fields"]]
        self.next_merge_id = document["next_merge_id"]
        self.segments = {each["id"]: Segment(**each) for each in document["segments"]}
        self.next_segment_id = document["next_segment_id"]
        self.webhooks = {each["id"]: Webhook(**each) for each in document["webhooks"]}
        self.categories = {each["id"]: InterestCategory(**each) for each in document["categories"]}
        self.permissions = document["permissions"]


@dataclass(slots=True)
class Operation:
    """One operation of a batch (§6b); `response` is JSON text once it ran."""

    method: str
    path: str
    operation_id: str | None
    body: str | None
    params: dict[str, str]
    status_code: int = 0
    response: str = ""


@dataclass(slots=True)
class Batch:
    """A batch with its operations; `step` counts how far it went."""

    id: str
    submitted_at: float
    operations: list[Operation]
    run: str | None = None
    fence: int | None = None
    conn_id: int = 0
    status: str = "pending"
    finished: int = 0
    errored: int = 0
    completed_at: float = 0.0
    phase_since: float = 0.0

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Batch":
        """The batch that `document()` wrote."""
        operations = [Operation(**each) for each in document["operations"]]
        return cls(**{**document, "operations": operations})


@dataclass(slots=True)
class Account:
    """One account: what a key opens."""

    name: str
    account_id: str
    key: str
    audiences: dict[str, Audience] = field(default_factory=dict)
    may_write: bool = True
    contact_limit: int | None = None
    """How many contacts the plan holds; None for no limit."""
    connections_limit: int = 10
    refusing: str | None = None
    """`throttled` or `gateway`: what every request is answered with."""
    batches: dict[str, Batch] = field(default_factory=dict)
    batch_webhooks: dict[str, str] = field(default_factory=dict)
    dirty: bool = True
    dirty_batches: set[str] = field(default_factory=set)

    def contacts(self) -> int:
        """What counts against the plan: everybody who is not archived or deleted."""
        counted = frozenset(PRESENT - {Standing.ARCHIVED})
        return sum(audience.roll.count(counted) for audience in self.audiences.values())

    def room(self) -> int | None:
        """How many new contacts fit; None when there is no limit."""
        return None if self.contact_limit is None else max(0, self.contact_limit - self.contacts())

    def document(self) -> dict[str, Any]:
        """Everything but members and batches, JSON-ready."""
        return {
            "contact_limit": self.contact_limit,
            "connections_limit": self.connections_limit,
            "may_write": self.may_write,
            "batch_webhooks": self.batch_webhooks,
            "audiences": [audience.document() for audience in self.audiences.values()],
        }

    def load(self, document: dict[str, Any]) -> None:
        """Take over what `document()` wrote; audiences removed since the seed go."""
        self.contact_limit = document["contact_limit"]
        self.connections_limit = document["connections_limit"]
        self.may_write = document["may_write"]
        self.batch_webhooks = document["batch_webhooks"]
        kept = {each["id"]: each for each in document["audiences"]}
        for list_id in list(self.audiences):
            if list_id in kept:
                self.audiences[list_id].load(kept[list_id])
            else:
                del self.audiences[list_id]


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


FIRST_LIST = "a6b5da1054"

_DEFAULT_FIELDS = (("FNAME", "First Name", "text"), ("LNAME", "Last Name", "text"))
_MORE_FIELDS = (("ADDRESS", "Address", "address"), ("PHONE", "Phone Number", "phone"))


def _audience(list_id: str, name: str, seeding: Seeding) -> Audience:
    audience = Audience(list_id, name, 88_000 + int(_digest(list_id, 3), 16), Roll(seeding), OLDEST)
    for tag, label, kind in _DEFAULT_FIELDS + _MORE_FIELDS:
        audience.merge_fields.append(MergeField(audience.next_merge_id, tag, label, kind))
        audience.next_merge_id += 1
    return audience


def _default_account(contacts: int, seed: int) -> Account:
    account = Account("default", "8d3a3db4d97663a9074efcc16", f"{_digest('default', 32)}-us0")
    news = _audience(FIRST_LIST, "Verbandsnews", Seeding(seed, contacts))
    # A tag the marketing team made by hand, which no sync may remove.
    board = news.segment_made("Vorstand", OLDEST)
    for index in range(min(5, contacts)):
        member = news.roll.at(index)
        if member.standing in PRESENT:
            member.tags[board.id] = "2024-06-01T08:00:00+00:00"
            news.roll.put(member)
    courses = _audience("b71e2c9f40", "Kursausschreibungen", Seeding(seed, 120, status_seed=seed + 1))
    courses.double_optin = True
    courses.categories["9c1f0a7be2"] = InterestCategory(
        "9c1f0a7be2",
        "Interessen",
        "checkboxes",
        {"a1b2c3d4e5": "Wettkampf", "b2c3d4e5f6": "Ausbildung", "c3d4e5f6a7": "Jugend"},
    )
    youth = _audience("c94d05e3a8", "Jugendlager", Seeding(seed, 24, start=200, gender_field=5))
    youth.merge_fields[1].required = True
    youth.merge_fields.append(MergeField(5, "GENDER", "Gender", "dropdown", options={"choices": ["m", "w"]}))
    youth.next_merge_id = 6
    account.audiences = {audience.id: audience for audience in (news, courses, youth)}
    return account


# Key prefix → what is special about the account it opens. Each is an account of its own, so that two
# connections made with two of these keys are never "the same account".
_REHEARSALS = ("norights", "limit", "throttled", "gateway")


def accounts(contacts: int, seed: int) -> dict[str, Account]:
    """The default account with three audiences and the small ones for rehearsals, by key prefix."""
    opened_accounts = {"default": _default_account(contacts, seed)}
    for place, name in enumerate(_REHEARSALS):
        account = Account(name, _digest(f"account {name}", 25), f"{name}{_digest(name, 24)}-us0")
        # People far away from the first audience's, who are on no other list.
        seeding = Seeding(seed, 40, start=10_000_000 + 1_000 * place)
        audience = _audience(_digest(f"list {name}", 10), f"Verbandsnews ({name})", seeding)
        account.audiences[audience.id] = audience
        opened_accounts[name] = account
    opened_accounts["norights"].may_write = False
    opened_accounts["limit"].contact_limit = opened_accounts["limit"].contacts()
    opened_accounts["throttled"].refusing = "throttled"
    opened_accounts["gateway"].refusing = "gateway"
    return opened_accounts
