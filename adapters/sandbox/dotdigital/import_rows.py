"""What an import does with its rows (contract §6, §11).

Invariants: nobody who is suppressed, pending or has left the book is loaded; every row is either loaded, passed
over, or a fault, and a fault counts once under one integer of the report.
"""

from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.addresses import is_address
from adapters.sandbox.dotdigital.accounts import LASTSUBSCRIBED, Account
from adapters.sandbox.dotdigital.books import Book
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.import_file import CONSENT_COLUMNS
from adapters.sandbox.dotdigital.import_job import MAILABLE, MERGE_OPTIONS, REPORT_KEYS, Import
from adapters.sandbox.dotdigital.rehearsals import Rehearsals
from adapters.sandbox.dotdigital.roll import Contact, key_of
from adapters.sandbox.dotdigital.statuses import FAULTS
from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.dotdigital.values import DoesNotFit, fitted
from adapters.sandbox.dotdigital.writing import (
    EMAIL_TYPES,
    OPT_IN_TYPES,
    Wish,
    create,
    enumerated,
    wish_of,
    write,
)

OVERWRITE, IF_NOT_EMPTY, IF_NOT_POPULATED = MERGE_OPTIONS


class Fault(Exception):
    """A row that is not loaded: its reason, and the integer that counts it."""

    def __init__(self, reason: str, key: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key


@dataclass(slots=True)
class Loading:
    """One import on its way into the account."""

    account: Account
    job: Import
    switches: Switches
    rehearsals: Rehearsals
    now: float
    figures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REPORT_KEYS, 0))
    faults: list[list[str]] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    """What became of each row, for the ledger."""

    def run(self) -> None:
        """Load every row; `figures`, `faults` and `settled` tell what became of them."""
        books = [self.account.books[each] for each in self.job.books if each in self.account.books]
        lost = {key_of(email) for email in self.job.ending.lose}
        emails = self._emails()
        carriers = self._carriers(emails)
        for place, email in enumerate(emails):
            key = key_of(email)
            try:
                if not is_address(key):
                    raise Fault("Invalid Email", "invalidEntries")
                if carriers[key] != place:
                    raise Fault("Duplicate", "duplicateEmails")
                reason = self._load(place, key, books, lose=key in lost or self.rehearsals.loses_this_row())
            except Fault as fault:
                self.figures[fault.key] += 1
                self.faults.append([fault.reason, *self._sent(place)])
                reason = fault.reason
            self.settled.append({"email": email, "ok": not reason, "reason": reason})

    def _emails(self) -> list[str]:
        if self.job.typed_rows is not None:
            return [str(row.get("email") or "") for row in self.job.typed_rows]
        return [row[self.job.email_column] for row in self.job.rows]

    def _carriers(self, emails: list[str]) -> dict[str, int]:
        """Address → the row that is loaded for it; the others are duplicates."""
        if self.switches.last_duplicate_wins:
            return {key_of(email): place for place, email in enumerate(emails)}
        carriers: dict[str, int] = {}
        for place, email in enumerate(emails):
            carriers.setdefault(key_of(email), place)
        return carriers

    def _sent(self, place: int) -> list[str]:
        if self.job.typed_rows is not None:
            return [str(self.job.typed_rows[place].get("email") or "")]
        row = self.job.rows[place]
        column = self.job.email_column
        return [row[column], *row[:column], *row[column + 1 :]]

    def _load(self, place: int, email: str, books: list[Book], *, lose: bool) -> str:
        """Load one row; what stands in its way without being a fault, or nothing. Raises Fault."""
        known = self.account.roll.find(email)
        if known is not None and known.status not in MAILABLE:
            raise Fault(*FAULTS[known.status])
        if known is not None and books and all(book.unsubscribed(known.index) for book in books):
            if self.switches.left_book_faults:
                raise Fault("Unsubscribed", "unsubscribed")
            return "left-book"
        wish = self._wish(place, email, known)
        if known is None and self.account.room() == 0:
            raise Fault("Failures", "failures")
        if lose:
            self.figures["newContacts" if known is None else "updatedContacts"] += 1
            return "lost"
        if known is None:
            known = create(self.account, wish, self.now)
            self.figures["newContacts"] += 1
        else:
            changed = write(self.account, known, wish, self.now, self.switches)
            if changed or not self.switches.updated_means_changed:
                self.figures["updatedContacts"] += 1
        for book in books:
            if not book.unsubscribed(known.index):
                book.join(known.index, self.now)
        return ""

    def _wish(self, place: int, email: str, known: Contact | None) -> Wish:
        if self.job.typed_rows is not None:
            try:
                wish = wish_of(self.account, self.job.typed_rows[place], email)
            except Refusal as refusal:
                raise Fault("Failures", "failures") from refusal
            wish.consents = list(self.job.typed_rows[place].get("consentfields") or [])
        else:
            wish = self._wish_of_row(self.job.rows[place], email)
        wish.values = self._merged(wish.values, known)
        return wish

    def _wish_of_row(self, row: list[str], email: str) -> Wish:
        wish = Wish(email)
        consent: dict[str, str] = {}
        for name, text in zip(self.job.columns, row, strict=True):
            lower = name.lower()
            if lower == "optintype":
                wish.opt_in = enumerated(text, OPT_IN_TYPES)
            elif lower == "emailtype":
                wish.email_type = enumerated(text, EMAIL_TYPES)
            elif lower in CONSENT_COLUMNS:
                consent[lower] = text
            elif (found := self.account.written_field(name)) is not None and found is not LASTSUBSCRIBED:
                try:
                    wish.values[found.number] = fitted(found, text.strip())
                except DoesNotFit as misfit:
                    if self.switches.bad_values_fail:
                        raise Fault("Failures", "failures") from misfit
        if any(consent.values()):
            wish.consents = [consent]
        return wish

    def _merged(self, values: dict[int, Any], known: Contact | None) -> dict[int, Any]:
        """The values that are written, by the merge option; None clears."""
        if self.job.merge == OVERWRITE and self.switches.empty_clears:
            return values
        filled = {number: value for number, value in values.items() if value is not None}
        if self.job.merge != IF_NOT_POPULATED or known is None:
            return filled
        return {number: value for number, value in filled.items() if known.fields.get(number) is None}
