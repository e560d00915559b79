"""The vocabulary: every noun of the product as an enum or a slotted dataclass.

One word a thing, the same in code, tables, screens and docs. Nothing here reads or writes anything.
Times are timezone-aware UTC ``datetime`` objects; in tables they are ISO 8601 text with ``Z``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Consent(StrEnum):
    """What a person allowed, in seven words; every vendor status maps onto one of them."""

    SUBSCRIBED = "subscribed"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    UNKNOWN = "unknown"

    @property
    def mailable(self) -> bool:
        """Only a subscribed member may be mailed; unknown never is."""
        return self is Consent.SUBSCRIBED

    @property
    def opted_out(self) -> bool:
        """True for the states nobody but the person may leave."""
        return self in OPTED_OUT


OPTED_OUT = frozenset({Consent.UNSUBSCRIBED, Consent.BOUNCED, Consent.SUPPRESSED, Consent.ERASED})

_RESTRICTION = {
    Consent.SUBSCRIBED: 0,
    Consent.PENDING: 1,
    Consent.UNKNOWN: 2,
    Consent.UNSUBSCRIBED: 3,
    Consent.BOUNCED: 4,
    Consent.SUPPRESSED: 5,
    Consent.ERASED: 6,
}


def more_restrictive(one: Consent, other: Consent) -> Consent:
    """The consent to believe where two records of one address disagree."""
    return max(one, other, key=_RESTRICTION.__getitem__)


class Scope(StrEnum):
    """How far an opt-out reaches: this list, or everything the account sends."""

    LIST = "list"
    ACCOUNT = "account"


class Mode(StrEnum):
    """What a link may send."""

    ADD_ONLY = "add-only"
    UPDATE = "update"
    MIRROR = "mirror"


class AddressChange(StrEnum):
    """What a link does when one source id shows another address."""

    ASK = "ask"
    MOVE = "move"
    NEW_CONSENT = "new-consent"


class Blank(StrEnum):
    """What an empty source value does to the platform's value."""

    KEEP = "keep"
    CLEAR = "clear"
    SKIP = "skip"


class Conflict(StrEnum):
    """Whose value counts where a two-way field was changed on both sides since they last agreed."""

    ASK = "ask"
    SOURCE = "source"
    PLATFORM = "platform"


class ForceUpdate(StrEnum):
    """Which records are sent once a day although no change of theirs was seen."""

    NONE = "none"
    COMPUTED = "computed"
    ALL = "all"


class RowClass(StrEnum):
    """The class of a plan row; the sum over the classes is the number of rows, always."""

    NEW = "new"
    CHANGED = "changed"
    ADDRESS_CHANGED = "address-changed"
    REMOVED = "removed"
    WITHDRAWN = "withdrawn"
    EXISTING_IGNORED = "existing-ignored"
    UNSUBSCRIBED_IGNORED = "unsubscribed-ignored"
    FOREIGN = "foreign"
    INVALID = "invalid"
    DUPLICATE = "duplicate"


class Action(StrEnum):
    """What a plan row asks for; rows without one are only shown. The last two write to the source, not the platform."""

    ADD = "add"
    CHANGE = "change"
    MOVE = "move"
    REMOVE = "remove"
    UNSUBSCRIBE = "unsubscribe"
    WRITE_BACK = "write-back"
    CREATE = "create"

    @property
    def at_source(self) -> bool:
        """Whether the write goes to the source."""
        return self in (Action.WRITE_BACK, Action.CREATE)


ACTION_ORDER = (
    Action.REMOVE,
    Action.UNSUBSCRIBE,
    Action.WRITE_BACK,
    Action.CREATE,
    Action.ADD,
    Action.CHANGE,
    Action.MOVE,
)
"""Order in which an export works: who leaves goes first, then the source learns, then the platform."""


class Outcome(StrEnum):
    """What became of a plan row in a job."""

    TODO = "todo"
    ACCEPTED = "accepted"
    SENT = "sent"
    UNVERIFIED = "unverified"
    REJECTED = "rejected"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"


class JobState(StrEnum):
    """Where a job stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    STALLED = "stalled"
    CANCELLED = "cancelled"
    DONE = "done"
    PARTLY = "partly"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.CANCELLED, JobState.DONE, JobState.PARTLY, JobState.FAILED})


class JobKind(StrEnum):
    """What a job does."""

    EXPORT = "export"
    FEEDBACK = "feedback"
    READ = "read"
    PREVIEW = "preview"
    CHECK = "check"
    REFRESH = "refresh"
    OPTIN = "optin"
    SUPPRESS = "suppress"
    FIELDS = "fields"
    CREATE_LIST = "create-list"
    CAMPAIGNS = "campaigns"
    ERASE = "erase"


class Level(StrEnum):
    """Weight of a job's log line."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(slots=True, frozen=True)
class Operator:
    """Who did it: named by ``LISTWARDEN_OPERATOR`` or the Unix account, and where from."""

    name: str
    host: str
    ssh_peer: str | None = None


@dataclass(slots=True, frozen=True)
class Finding:
    """One thing a check or a doctor found. ``ok`` findings are shown, not acted upon."""

    reason: str
    text: str
    next: str = ""
    ok: bool = False
    where: str = ""


@dataclass(slots=True, frozen=True)
class RemoteList:
    """A list at a platform as its adapter shows it."""

    list_id: str
    name: str
    members: int | None = None
    system: bool = False
    double_opt_in: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Member:
    """A record in a remote list.

    ``origin_id`` is the vendor's id of the record; ``person_id`` a vendor id that survives a change of
    address (empty where the vendor has none). ``fields`` are the vendor's values as text by field name.
    """

    email: str
    origin_id: str
    consent: Consent
    raw_status: str
    fields: Mapping[str, str] = field(default_factory=dict)
    person_id: str = ""
    changed_at: str = ""
    since: str = ""
    detail: str = ""
    scope: Scope | None = None
    """How far an opt-out reaches, where the platform has two levels; else None."""


@dataclass(slots=True, frozen=True)
class Contact:
    """A person in a source: one row, as read. ``fields`` holds the source columns the link names."""

    source_id: str
    email: str
    fields: Sequence[str]
    opted_out: bool = False
    consent: str = ""
    line: int = 0


@dataclass(slots=True, frozen=True)
class FieldMapping:
    """One mapped field of a link: which source columns fill which vendor field (joined by a blank), and how.

    ``two_way``: what changed at the platform is written back into the source (one column only).
    """

    target: str
    columns: tuple[str, ...]
    blank: Blank = Blank.KEEP
    two_way: bool = False


@dataclass(slots=True, frozen=True)
class Link:
    """One source joined to one remote list, as the settings say it.

    ``consent`` is the basis written with every addition; ``consent_column`` names a source column holding it
    a person at a time (a blank there means: no basis, not added). ``every`` is a schedule or empty.
    """

    name: str
    source: str
    connection: str
    list_id: str
    mode: Mode = Mode.ADD_ONLY
    consent: str = ""
    consent_column: str = ""
    fields: tuple[FieldMapping, ...] = ()
    address_change: AddressChange = AddressChange.ASK
    every: str = ""
    tag: str = ""
    conflict: Conflict = Conflict.ASK
    create_contacts: bool = False
    force_update: ForceUpdate = ForceUpdate.COMPUTED


@dataclass(slots=True, frozen=True)
class PlanGroup:
    """All rows of a plan with one class and one reason; they stand at ``first .. first + rows - 1``."""

    row_class: RowClass
    reason: str
    action: Action | None
    first: int
    rows: int


@dataclass(slots=True, frozen=True)
class FieldDifference:
    """One mapped field before and after; ``None`` where there is no value on that side.

    ``agreed`` is what source and platform held when they last agreed, where that is known (two-way fields);
    ``at_source``: the source gets the value after, not the platform.
    """

    name: str
    before: str | None
    after: str | None
    agreed: str | None = None
    at_source: bool = False


@dataclass(slots=True, frozen=True)
class PlanRow:
    """One row of a plan as shown."""

    n: int
    row_class: RowClass
    reason: str
    action: Action | None
    email: str
    address_key: str
    source_id: str = ""
    origin_id: str = ""
    former_email: str = ""
    consent: Consent | None = None
    since: str = ""
    differences: tuple[FieldDifference, ...] = ()
    note: str = ""


@dataclass(slots=True, frozen=True)
class Guard:
    """A brake that took hold: the rule, what was measured, the limit, and the way out."""

    reason: str
    rule: str
    value: int
    limit: int
    way_out: str


@dataclass(slots=True, frozen=True)
class Plan:
    """A saved plan without its rows."""

    plan_id: str
    link: str
    connection: str
    list_id: str
    created_at: datetime
    digest: str
    mode: Mode
    groups: tuple[PlanGroup, ...]
    guards: tuple[Guard, ...]
    fields: tuple[str, ...]
    writes: int
    mails: int
    saved: bool
    basis: Mapping[str, str]
    operator: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Rows by class, every class named, in the order of the vocabulary."""
        found = {row_class.value: 0 for row_class in RowClass}
        for group in self.groups:
            found[group.row_class.value] += group.rows
        return found

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)

    def writes_by_action(self) -> dict[Action, int]:
        """How many rows each action sends."""
        found: dict[Action, int] = {}
        for group in self.groups:
            if group.action is not None:
                found[group.action] = found.get(group.action, 0) + group.rows
        return found


@dataclass(slots=True, frozen=True)
class Job:
    """One run as remembered. Progress counts are rows of the present phase."""

    job_id: str
    kind: JobKind
    state: JobState
    connection: str
    link: str
    plan_id: str
    operator: str
    host: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    heartbeat_at: datetime | None
    pid: int | None
    phase: str
    done: int
    total: int
    unit: str
    reason: str
    text: str
    exit_code: int | None
    counts: Mapping[str, int]
    cancel_requested: bool = False
    waiting_for: str = ""
    phase_at: datetime | None = None


@dataclass(slots=True, frozen=True)
class LogLine:
    """One line of a job's log."""

    seq: int
    at: datetime
    level: Level
    text: str
    reason: str = ""


@dataclass(slots=True, frozen=True)
class RequestLine:
    """One request really sent, redacted: no query values, no addresses, no bodies."""

    seq: int
    at: datetime
    method: str
    path: str
    status: int | None
    milliseconds: int
    attempt: int
    note: str = ""


@dataclass(slots=True, frozen=True)
class JournalEntry:
    """One thing that happened to an address. ``origin`` is ``job:ID``, ``poll:ID``, ``webhook`` or ``person``."""

    at: datetime
    address: str
    connection: str
    list_id: str
    link: str
    origin: str
    what: str
    reason: str = ""
    operator: str = ""
    detail: str = ""


@dataclass(slots=True, frozen=True)
class Lease:
    """Who holds an account: shown to whoever is refused."""

    name: str
    job_id: str
    operator: str
    host: str
    pid: int
    since: datetime
    heartbeat_at: datetime
    fence: int


@dataclass(slots=True, frozen=True)
class Budget:
    """What is left of an account's calls. ``resets_at`` is None where the window rolls (dotdigital contract §2)."""

    limit: int
    remaining: int
    window_seconds: int
    seen_at: datetime
    resets_at: datetime | None = None
    scope: str = ""


class ActivityKind(StrEnum):
    """What an address did with a campaign, or what became of the mail."""

    SENT = "sent"
    OPENED = "opened"
    CLICKED = "clicked"
    SOFT_BOUNCED = "soft-bounced"
    HARD_BOUNCED = "hard-bounced"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(slots=True, frozen=True)
class Campaign:
    """A mailing at a platform; ``status`` is the vendor's word, ``sent`` whether it went out."""

    campaign_id: str
    name: str
    subject: str = ""
    from_name: str = ""
    status: str = ""
    sent: bool = False


@dataclass(slots=True, frozen=True)
class CampaignSummary:
    """Counts of one sent campaign as the platform tells them; ``sent_at`` UTC where known."""

    campaign_id: str
    sent_at: datetime | None
    counts: Mapping[ActivityKind, int]
    unique_opens: int = 0
    unique_clicks: int = 0
    delivered: int = 0


@dataclass(slots=True, frozen=True)
class Activity:
    """One thing an address did with a campaign. ``at`` UTC; ``times`` how often, ``detail`` e.g. the link clicked."""

    campaign_id: str
    email: str
    kind: ActivityKind
    at: datetime
    times: int = 1
    detail: str = ""
    origin_id: str = ""
