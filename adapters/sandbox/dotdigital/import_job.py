"""One import with its file and its end (contract §6).

Invariant: `document()` and `from_document()` are each other's inverse, so an import outlives a restart.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from adapters.sandbox.dotdigital.statuses import Status

MERGE_OPTIONS = ("Overwrite", "OnlyOverwriteIfNotEmpty", "OnlyOverwriteIfContactDataNotPopulated")
UNFINISHED = "NotFinished"
OUTCOMES = (
    "Finished",
    "RejectedByWatchdog",
    "InvalidFileFormat",
    "Failed",
    "Unknown",
    "ExceedsAllowedContactLimit",
    "NotAvailableInThisVersion",
)

REPORT_KEYS = (
    "newContacts",
    "updatedContacts",
    "globallySuppressed",
    "invalidEntries",
    "duplicateEmails",
    "blocked",
    "unsubscribed",
    "hardBounced",
    "softBounced",
    "ispComplaints",
    "mailBlocked",
    "domainSuppressed",
    "pendingDoubleOptin",
    "failures",
    "suppressedContacts",
)


@dataclass(slots=True)
class Ending:
    """How an import goes and ends; what a control verb ordered, or the ordinary way."""

    status: str = "Finished"
    polls: int = 1
    """So many polls are answered NotFinished."""
    ms: float = 2_000.0
    """After so long, on the sandbox's clock, it ends without a poll."""
    load: bool | None = None
    """Whether the rows are loaded; None: only when it ends Finished."""
    report: dict[str, int] | None = None
    """Figures said instead of the true ones."""
    faults: list[list[str]] | None = None
    """`[reason, email]` rows listed instead of the true ones."""
    lose: list[str] = field(default_factory=list)
    """Addresses that are counted and not loaded."""

    @property
    def loads(self) -> bool:
        """Whether the rows are loaded at the end."""
        return self.status == "Finished" if self.load is None else self.load


@dataclass(slots=True)
class Import:
    """One import: which file, into which books, how far it is."""

    id: str
    books: list[int]
    merge: str
    columns: list[str]
    """The header as sent; the address is in column `email_column`."""
    email_column: int
    rows: list[list[str]]
    submitted: float
    ending: Ending
    held: bool = False
    polls: int = 0
    status: str = UNFINISHED
    finished: float = 0.0
    report: dict[str, int] = field(default_factory=dict)
    faults: list[list[str]] = field(default_factory=list)
    """Reason, then the row as it was sent."""
    typed_rows: list[dict[str, Any]] | None = None
    """The contacts of an import-collection, instead of a file's rows."""
    run: str | None = None
    fence: int | None = None
    conn_id: int = 0

    @property
    def open(self) -> bool:
        """Whether it is still under way."""
        return self.status == UNFINISHED

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Import":
        """The import that `document()` wrote."""
        return cls(**{**document, "ending": Ending(**document["ending"])})


MAILABLE = frozenset({Status.SUBSCRIBED, Status.SOFT_BOUNCED, Status.NOT_AVAILABLE_IN_THIS_VERSION})
"""Whom an import loads; everybody else known is a fault with the reason of the state."""
