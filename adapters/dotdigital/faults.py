"""The list of rows an import did not take, in whatever words, and what each word means for an address.

Invariant (R23): a wording nobody knows rejects its row with the words kept; a soft bounce never becomes an opt-out.
Source: dotdigital contract §6.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from adapters.provider import RowResult
from state.model import Consent, Outcome


@dataclass(slots=True, frozen=True)
class Fault:
    """What a wording means. The reasons of an import's faults are those of the whole account."""

    outcome: Outcome
    reason: str
    consent: Consent | None = None
    raw_status: str = ""


_SUPPRESSED = Fault(Outcome.WITHHELD, "suppressed-account", Consent.SUPPRESSED, "Suppressed")
_INVALID = Fault(Outcome.REJECTED, "address-refused")
DUPLICATE = Fault(Outcome.REJECTED, "duplicate-in-import")
_BLOCKED = Fault(Outcome.WITHHELD, "suppressed-account", Consent.SUPPRESSED, "MailBlocked")
_UNSUBSCRIBED = Fault(Outcome.WITHHELD, "unsubscribed-account", Consent.UNSUBSCRIBED, "Unsubscribed")
_HARD = Fault(Outcome.WITHHELD, "bounced", Consent.BOUNCED, "HardBounced")
_SOFT = Fault(Outcome.WITHHELD, "soft-bounced")
_COMPLAINT = Fault(Outcome.WITHHELD, "suppressed-account", Consent.SUPPRESSED, "IspComplained")
_DOMAIN = Fault(Outcome.WITHHELD, "suppressed-account", Consent.SUPPRESSED, "DomainSuppression")
_PENDING = Fault(Outcome.WITHHELD, "awaiting-confirmation", Consent.PENDING, "PendingOptIn")
_FAILED = Fault(Outcome.REJECTED, "platform-refused")
UNKNOWN = Fault(Outcome.REJECTED, "unknown")

FAULTS: Mapping[str, Fault] = {
    "globallysuppressed": _SUPPRESSED,
    "suppressedbyyou": _SUPPRESSED,
    "suppressed": _SUPPRESSED,
    "suppressedcontacts": _SUPPRESSED,
    "invalidemail": _INVALID,
    "invalidentries": _INVALID,
    "duplicate": DUPLICATE,
    "duplicateemails": DUPLICATE,
    "blocker": _BLOCKED,
    "blocked": _BLOCKED,
    "mailblocked": _BLOCKED,
    "unsubscribed": _UNSUBSCRIBED,
    "hardbounced": _HARD,
    "softbounced": _SOFT,
    "complainedtoisp": _COMPLAINT,
    "ispcomplaints": _COMPLAINT,
    "suppressedbydomain": _DOMAIN,
    "domainsuppressed": _DOMAIN,
    "pendingoptin": _PENDING,
    "pendingdoubleoptin": _PENDING,
    "failures": _FAILED,
    "other": _FAILED,
}
"""By the wording in lower case without blanks; wordings differ by time and by source."""

_FIELD_LETTERS = 1 << 20


def meaning(wording: str) -> Fault:
    """What a fault's wording means, whatever its letter case and blanks."""
    return FAULTS.get("".join(wording.lower().split()), UNKNOWN)


def fault_rows(body: bytes) -> Iterator[tuple[str, str]]:
    """Wording and address of each row of ``report-faults``; a byte order mark and a header line are no rows.

    The columns are found by their names where the header tells them; else the first two are meant.
    """
    text = body.decode("utf-8-sig", "replace")
    rows: Iterator[list[str]] = iter(csv.reader(_lines(text)))
    first = next(rows, [])
    header = [cell.strip().lower() for cell in first]
    reason = header.index("reason") if "reason" in header else 0
    email = header.index("email") if "email" in header else 1
    if "reason" not in header and any("@" in cell for cell in first):
        rows = chain([first], rows)  # a list without a header begins with a row
    for cells in rows:
        if len(cells) > max(reason, email) and cells[email].strip():
            yield cells[reason].strip(), cells[email].strip()


def _lines(text: str) -> io.StringIO:
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LETTERS))
    return io.StringIO(text, newline="")


def fault_results(body: bytes) -> dict[str, RowResult]:
    """What the list says of each address, by the address as it stands there in lower case.

    An address told twice keeps what is not a duplicate: the other row of it is the one that counts.
    """
    found: dict[str, RowResult] = {}
    for wording, email in fault_rows(body):
        fault = meaning(wording)
        key = email.lower()
        if key in found and fault is DUPLICATE:
            continue
        found[key] = RowResult(
            email=email,
            outcome=fault.outcome,
            reason=fault.reason,
            raw=wording,
            consent=fault.consent,
            raw_status=fault.raw_status,
        )
    return found


def counted(results: Sequence[RowResult]) -> str:
    """How many rows each wording refused: ``3 Unsubscribed, 1 Invalid Email``; empty when none was."""
    counts: dict[str, int] = {}
    for result in results:
        counts[result.raw] = counts.get(result.raw, 0) + 1
    return ", ".join(f"{count:,} {wording}" for wording, count in counts.items())
