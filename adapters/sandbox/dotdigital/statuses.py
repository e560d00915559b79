"""The states of a dotdigital contact and which of them shut an address out (contract §4, §5).

Invariant: every state of the vendor is here once, and each belongs to exactly one of: mailable, waiting, suppressed,
gone; what an import answers for it is decided by that alone.
"""

from enum import IntEnum


class Status(IntEnum):
    """A contact's state in the account; the value is one byte of the roll's column."""

    ABSENT = 0
    SUBSCRIBED = 1
    UNSUBSCRIBED = 2
    SOFT_BOUNCED = 3
    HARD_BOUNCED = 4
    ISP_COMPLAINED = 5
    MAIL_BLOCKED = 6
    PENDING_OPT_IN = 7
    DIRECT_COMPLAINT = 8
    DELETED = 9
    SHARED_SUPPRESSION = 10
    SUPPRESSED = 11
    NOT_ALLOWED = 12
    DOMAIN_SUPPRESSION = 13
    NO_MX_RECORD = 14
    NOT_AVAILABLE_IN_THIS_VERSION = 15

    @property
    def word(self) -> str:
        """The vendor's word."""
        return WORDS[self]


WORDS: dict[int, str] = {
    status: "".join(part.capitalize() for part in status.name.split("_")) for status in Status
}
BY_WORD: dict[str, Status] = {word.lower(): status for status, word in WORDS.items() if status}  # type: ignore[misc]

GONE = frozenset({Status.ABSENT, Status.DELETED})

STAYS_IN_BOOKS = frozenset(
    {
        Status.SUBSCRIBED,
        Status.SOFT_BOUNCED,
        Status.PENDING_OPT_IN,
        Status.NOT_AVAILABLE_IN_THIS_VERSION,
    }
)

SUPPRESSED = frozenset(set(Status) - GONE - STAYS_IN_BOOKS)
"""Shut out for the whole account: an opt-out, a bounce, a complaint, or somebody's decision."""

LIFTABLE = frozenset({Status.UNSUBSCRIBED, Status.SUPPRESSED})
"""What a resubscription can end; a bounce or a complaint it cannot (§11)."""

# Reason in report-faults, and the integer of the report that counts it (§6, §11).
FAULTS: dict[Status, tuple[str, str]] = {
    Status.UNSUBSCRIBED: ("Unsubscribed", "unsubscribed"),
    Status.HARD_BOUNCED: ("Hard Bounced", "hardBounced"),
    Status.ISP_COMPLAINED: ("Complained To ISP", "ispComplaints"),
    Status.MAIL_BLOCKED: ("Mail Blocked", "mailBlocked"),
    Status.PENDING_OPT_IN: ("Pending Opt In", "pendingDoubleOptin"),
    Status.DIRECT_COMPLAINT: ("Suppressed By You", "globallySuppressed"),
    Status.SHARED_SUPPRESSION: ("Globally Suppressed", "globallySuppressed"),
    Status.SUPPRESSED: ("Globally Suppressed", "globallySuppressed"),
    Status.NOT_ALLOWED: ("Blocker", "blocked"),
    Status.DOMAIN_SUPPRESSION: ("Suppressed By Domain", "domainSuppressed"),
    Status.NO_MX_RECORD: ("Globally Suppressed", "globallySuppressed"),
}
