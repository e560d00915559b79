"""News of a platform for a CSV file: a file beside it, because the source itself is never edited.

``members.csv`` gets ``members.returned.csv``: who (id and address), the new values, which columns they are (an
empty cell of a column named there is a value taken away), from where, when. A person or a program carries it over
into where the source comes from. Invariants: the file is replaced as a whole and every
row written before stays; no cell is read as a formula by a spreadsheet (design law 9); two jobs never lose each
other's rows.
"""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from adapters.provider import Refused
from adapters.source import SourceSettings, SourceUnreadable
from adapters.source_writing import SourceAddition, SourceChange, SourceResult
from adapters.sources.csvfile import CsvFile
from state.address import address_fault, address_key
from state.model import Outcome

CHANGED = "returned columns"
ORIGIN = "returned from"
TIME = "returned at"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def _now() -> datetime:
    return datetime.now(UTC)


class ReturnedFile:
    """The file of returned changes beside one CSV file."""

    def __init__(self, settings: SourceSettings, now: Callable[[], datetime] = _now) -> None:
        self._source = CsvFile(settings)
        self._settings = settings
        self._now = now
        source = self._source.path
        self.path = source.with_name(f"{source.stem}.returned.csv")

    def required(self) -> tuple[str, ...]:
        """Nothing besides the address."""
        return ()

    def computed(self) -> tuple[str, ...]:
        """A file computes nothing."""
        return ()

    def writable(self) -> tuple[str, ...]:
        """Every named column of the file but the id; raises ``SourceUnreadable``."""
        return tuple(name for name in self._columns() if name and name != self._settings.id)

    def write(self, changes: Sequence[SourceChange], origin: str) -> Iterator[SourceResult]:
        """A row for each change that the source does not hold yet; raises ``AdapterError`` before the first."""
        columns, email = self._columns(), self._email_column()
        wanted = dict.fromkeys(name for change in changes for name in change.fields if name in columns)
        people = self._people({change.source_id for change in changes}, tuple(wanted))
        with self._held() as book:
            results = [self._changed(book, change, columns, email, people, origin) for change in changes]
            self._replace(book)
        yield from results

    def create(self, additions: Sequence[SourceAddition], origin: str) -> Iterator[SourceResult]:
        """A row with an empty id for everybody whose address the source does not have."""
        columns, email = self._columns(), self._email_column()
        known = self._addresses({address_key(addition.email) for addition in additions})
        with self._held() as book:
            results = [self._added(book, addition, columns, email, known, origin) for addition in additions]
            self._replace(book)
        yield from results

    # One row

    def _changed(
        self,
        book: _Book,
        change: SourceChange,
        columns: Sequence[str],
        email: str,
        people: Mapping[str, Mapping[str, str]],
        origin: str,
    ) -> SourceResult:
        present = people.get(change.source_id)

        def result(outcome: Outcome, reason: str, raw: str = "") -> SourceResult:
            address = change.email or (present[email] if present else "")
            return SourceResult(change.source_id, address, outcome, reason, raw)

        if unknown := [name for name in change.fields if name not in columns]:
            return result(Outcome.REJECTED, "source-column-missing", ", ".join(unknown))
        if self._settings.id and self._settings.id in change.fields:
            return result(Outcome.REJECTED, "source-field-computed", self._settings.id)
        if present is None:
            return result(Outcome.WITHHELD, "source-contact-gone")
        news = {name: text for name, text in change.fields.items() if present[name].strip() != text.strip()}
        if not news:
            return result(Outcome.WITHHELD, "no-longer-needed")
        moved_on = [
            name
            for name in news
            if name in change.expected and present[name].strip() != change.expected[name].strip()
        ]
        if moved_on:
            return result(Outcome.WITHHELD, "source-changed-meanwhile", ", ".join(moved_on))
        person = self._person(change.source_id, email, present[email])
        values = {_column(name, email): text for name, text in news.items()}
        if not book.add(person, values, origin, self._now()):
            return result(Outcome.WITHHELD, "written-beside-before")
        return result(Outcome.SENT, "written-beside")

    def _added(
        self,
        book: _Book,
        addition: SourceAddition,
        columns: Sequence[str],
        email: str,
        known: frozenset[str],
        origin: str,
    ) -> SourceResult:
        def result(outcome: Outcome, reason: str, raw: str = "") -> SourceResult:
            return SourceResult("", addition.email, outcome, reason, raw)

        if fault := address_fault(addition.email):
            return result(Outcome.REJECTED, fault)
        if unknown := [name for name in addition.fields if name not in columns]:
            return result(Outcome.REJECTED, "source-column-missing", ", ".join(unknown))
        if address_key(addition.email) in known:
            return result(Outcome.WITHHELD, "source-has-person")
        values = {name: text for name, text in addition.fields.items() if text.strip() and name != email}
        if not book.add(self._person("", email, addition.email), values, origin, self._now()):
            return result(Outcome.WITHHELD, "written-beside-before")
        return result(Outcome.SENT, "written-beside")

    def _person(self, key: str, email: str, address: str) -> dict[str, str]:
        return dict(zip(self._who(email), (key, address) if self._settings.id else (address,), strict=True))

    def _who(self, email: str) -> tuple[str, ...]:
        """The columns that say who a row is about."""
        return (self._settings.id, email) if self._settings.id else (email,)

    # What the source holds

    def _columns(self) -> tuple[str, ...]:
        return self._source.shape().columns

    def _email_column(self) -> str:
        if self._settings.email:
            return self._settings.email
        guessed = self._source.shape().email_columns
        if len(guessed) != 1:
            raise SourceUnreadable(
                "source-no-address",
                f"{self._source.path} has no single column that looks like e-mail addresses.",
                'Name it in the source\'s settings: email = "…"',
            )
        return guessed[0]

    def _people(self, ids: set[str], columns: Sequence[str]) -> dict[str, dict[str, str]]:
        """What the source says now of the people with these ids; the first row of an id counts."""
        email = self._email_column()
        asked = tuple(dict.fromkeys((*self._who(email), *columns)))
        found: dict[str, dict[str, str]] = {}
        for batch in self._source.read(asked):
            for row in batch.rows:
                values = dict(zip(asked, row, strict=True))
                own = values[self._settings.id].strip() if self._settings.id else ""
                key = own or address_key(values[email])
                if key in ids:
                    found.setdefault(key, values)
        return found

    def _addresses(self, keys: set[str]) -> frozenset[str]:
        """Which of these address keys the source has."""
        email = self._email_column()
        return frozenset(
            key
            for batch in self._source.read((email,))
            for row in batch.rows
            if (key := address_key(row[0])) in keys
        )

    # The file

    @contextmanager
    def _held(self) -> Iterator[_Book]:
        """What the file holds, while no other job may write it."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield self._read()
        finally:
            os.close(descriptor)

    def _read(self) -> _Book:
        try:
            text = self.path.read_bytes().decode("utf-8-sig")
        except FileNotFoundError:
            return _Book()
        except OSError as error:
            raise self._unwritable(error) from None
        except UnicodeDecodeError:
            raise self._foreign() from None
        try:
            records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error:
            raise self._foreign() from None
        header = records[0] if records else []
        if records and (ORIGIN not in header or len(set(header)) != len(header)):
            raise self._foreign()
        if any(len(record) != len(header) for record in records):
            raise self._foreign()
        return _Book(header, [dict(zip(header, record, strict=True)) for record in records[1:]])

    def _replace(self, book: _Book) -> None:
        if not book.added:
            return
        try:
            descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            # Half characters of a damaged value are escaped, not a reason to lose the file.
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(book.columns)
                writer.writerows([row.get(name, "") for name in book.columns] for row in book.rows)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise self._unwritable(error) from None
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _foreign(self) -> Refused:
        return Refused(
            "output-failed",
            f"{self.path} is not as Listwarden wrote it, so nothing is added to it.",
            "Move it away, or save it again as CSV with commas in UTF-8.",
        )

    def _unwritable(self, error: OSError) -> Refused:
        return Refused(
            "output-failed",
            f"{self.path} cannot be written: {error.strerror}.",
            "Make room, or correct the permissions of its folder.",
        )


_ENDS = (CHANGED, ORIGIN, TIME)


@dataclass(slots=True)
class _Book:
    """The rows of the file; new columns go to the left of what, from where and when. Cells are safe as they are."""

    columns: list[str] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    added: int = 0
    _told: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)

    def add(self, person: Mapping[str, str], news: Mapping[str, str], origin: str, now: datetime) -> bool:
        """Append a row; False when what was told of this person before says the same."""
        about = {_safe(name): _safe(text) for name, text in person.items()}
        values = {_safe(name): _safe(text) for name, text in news.items()}
        if not self._told:
            for row in self.rows:
                self._note(tuple(row.get(name, "") for name in about), row)
        key = tuple(about.values())
        known = self._told.get(key)
        if known is not None and all(name in known and known[name] == text for name, text in values.items()):
            return False
        names = [name for name in self.columns if name not in _ENDS]
        self.columns = [*names, *(name for name in (*about, *values) if name not in names), *_ENDS]
        ends = (
            json.dumps(list(values), ensure_ascii=False),
            _safe(origin),
            now.isoformat(timespec="seconds"),
        )
        row = {**about, **values, **dict(zip(_ENDS, ends, strict=True))}
        self.rows.append(row)
        self._note(key, row)
        self.added += 1
        return True

    def _note(self, key: tuple[str, ...], row: Mapping[str, str]) -> None:
        try:
            names = json.loads(row.get(CHANGED, "[]"))
        except ValueError:
            names = []  # a person wrote into this cell: the row counts as telling nothing
        told = self._told.setdefault(key, {})
        told.update((name, row.get(name, "")) for name in names if isinstance(name, str))


def _column(name: str, email: str) -> str:
    """A new address has a column of its own: the address's column says who the row is about."""
    return f"{name} (new)" if name == email else name


def _safe(text: str) -> str:
    """The cell with a quote in front where a spreadsheet would run it."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text
