"""Files that import contacts: which rows and columns go together, and how large a file may be (contract §6).

Invariants: people join a book by a file of additions and by no other; one of changes goes to the account, whose own
import takes nobody into a book (R02). Nothing that a row does not mention is touched, whichever way dotdigital takes
an empty cell: a file with ``CHANGES_NOT_EMPTY`` may have holes, for empty cells mean nothing there; in one with
``CHANGES_OVERWRITE`` every row carries every column, and an empty cell is meant to clear.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from adapters.dotdigital import routes
from adapters.provider import Addition, FieldChange, Refused
from state.address import address_key

FILE_BYTES = 10 * 1000 * 1000
FILE_ROWS = 10_000
ADDITIONS = routes.BOOK_IMPORT_NOT_EMPTY
CHANGES_NOT_EMPTY = routes.IMPORT_NOT_EMPTY
CHANGES_OVERWRITE = routes.IMPORT_OVERWRITE

OPT_IN_TYPE, CONSENT_TEXT = "OPTINTYPE", "CONSENTTEXT"
UNKNOWN_OPT_IN = "Unknown"


@dataclass(slots=True, frozen=True)
class ImportFile:
    """One file: the route it is posted to, the addresses in it as the caller wrote them, and its bytes."""

    template: str
    emails: tuple[str, ...]
    data: bytes

    @property
    def into_book(self) -> bool:
        """Whether people join a book by it."""
        return self.template == ADDITIONS

    @property
    def head(self) -> bytes:
        """The header and the first row, to be kept for people who have to look why a file was refused."""
        rows = list(_first_two(self.data.decode("utf-8")))
        return _written(rows)


@dataclass(slots=True, frozen=True)
class Layout:
    """How a connection's files look beside the mapped fields."""

    email_column: str = "email"
    opt_in_type: str = UNKNOWN_OPT_IN
    send_consent: bool = False

    @property
    def notes_opt_in(self) -> bool:
        """Whether an opt-in type is written: Unknown is what dotdigital notes by itself."""
        return self.opt_in_type != UNKNOWN_OPT_IN


def files_of_additions(
    rows: Sequence[Addition], layout: Layout, known: frozenset[str] = frozenset()
) -> list[ImportFile]:
    """Files that add people; a contact the account knows already keeps whatever a row leaves empty.

    ``known`` are address keys of such contacts: they keep the opt-in type another book has collected (design law 1),
    so they go in files without that column.
    """
    groups: dict[bool, list[tuple[str, Mapping[str, str]]]] = {False: [], True: []}
    for row in rows:
        noted = layout.notes_opt_in and address_key(row.email) not in known
        cells = {OPT_IN_TYPE: layout.opt_in_type} if noted else {}
        if layout.send_consent:
            cells[CONSENT_TEXT] = row.consent_basis.strip()
        groups[noted].append((row.email, {**cells, **row.fields}))
    return [one for lines in groups.values() for one in _cut(ADDITIONS, lines, layout.email_column)]


def files_of_changes(rows: Sequence[FieldChange], layout: Layout, *, clearing: bool) -> list[ImportFile]:
    """Files that change fields of known members; no opt-in type, no format of mail, no consent is in them.

    With ``clearing`` the rows of each set of columns make a file of their own, and its empty cells clear.
    """
    if not clearing:
        return list(_cut(CHANGES_NOT_EMPTY, [(row.email, row.fields) for row in rows], layout.email_column))
    sets: dict[tuple[str, ...], list[tuple[str, Mapping[str, str]]]] = {}
    for row in rows:
        sets.setdefault(tuple(sorted(row.fields)), []).append((row.email, row.fields))
    return [one for lines in sets.values() for one in _cut(CHANGES_OVERWRITE, lines, layout.email_column)]


def _cut(
    template: str, lines: Sequence[tuple[str, Mapping[str, str]]], email_column: str
) -> Iterator[ImportFile]:
    """The lines as files of at most ``FILE_ROWS`` rows and ``FILE_BYTES`` bytes (R34)."""
    columns = list(dict.fromkeys(name for _, cells in lines for name in cells))
    header = _written([[email_column, *columns]])
    parts: list[bytes] = []
    emails: list[str] = []
    size = len(header)
    for email, cells in lines:
        part = _written([[email.strip(), *(cells.get(name, "") for name in columns)]])
        if emails and (size + len(part) > FILE_BYTES or len(emails) == FILE_ROWS):
            yield ImportFile(template, tuple(emails), header + b"".join(parts))
            parts, emails, size = [], [], len(header)
        parts.append(part)
        emails.append(email)
        size += len(part)
    if emails:
        yield ImportFile(template, tuple(emails), header + b"".join(parts))


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    try:
        return text.getvalue().encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("undecodable", "A value has characters that are no text.", "Correct the row.") from None


def _first_two(text: str) -> Iterator[list[str]]:
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""))):
        if number == 2:
            return
        yield row
