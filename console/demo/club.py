"""The club's files: who is in them, then and now, the same for everybody who knows the seed.

The platform's first list holds people 0 to ``listed - 1`` of ``adapters.sandbox.people``; the club's file begins
a little later (those before are foreign to it) and goes on beyond (those are new). Invariant: every class of a
plan has somebody in it, and few enough leave that no guard takes hold.
"""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.sandbox.mailchimp.seed import seeded_status
from adapters.sandbox.people import person

COLUMNS = (
    *("person_id", "first_name", "last_name", "email", "gender"),
    *("birthday", "zip", "town", "newsletter_no"),
)

HOSTILE_NAMES = (
    ("[@click=app.quit]Klara[/]", "[bold red]Muster"),
    ("[/red]", "Ends-a-tag"),
    ("\x1b[31mRot", "\x1b]0;Titel\x07Escape"),
    ("\u202eredro", "Umgekehrt\u200b"),
    ('=HYPERLINK("x")', "+Formel"),
)
"""Names that try to be markup, terminal commands, reversed text, formulas: they shall stay names (law 9)."""

BAD_ADDRESSES = ("", "ohne-klammeraffe.example.org", "zwei@@example.org", "leer @example.org", "kein-ende@")


@dataclass(slots=True, frozen=True)
class Row:
    """One line of the members' file."""

    person_id: str
    first_name: str
    last_name: str
    email: str
    gender: str = ""
    birthday: str = ""
    zip: str = ""
    town: str = ""
    newsletter_no: str = ""

    def values(self) -> tuple[str, ...]:
        """In the order of ``COLUMNS``."""
        return tuple(str(getattr(self, column)) for column in COLUMNS)


@dataclass(slots=True, frozen=True)
class Club:
    """``contacts`` people are in the present file, and ``listed`` on the platform's first list."""

    seed: int
    contacts: int

    @property
    def listed(self) -> int:
        return self.contacts * 9 // 10

    @property
    def first(self) -> int:
        """The first person of the file; those before are on the list only."""
        return self.listed // 20

    @property
    def joined(self) -> range:
        """Whom the first export added: they were not on the list before."""
        return range(self.listed, self.listed + min(60, (self.contacts + self.first - self.listed) // 2))

    @property
    def left(self) -> range:
        """Of these, who is no longer in the present file."""
        return self.joined[: min(5, len(self.joined) // 3)]

    @property
    def moved(self) -> range:
        """Of these, who has another address in the present file."""
        return self.joined[len(self.left) : len(self.left) * 2]

    @property
    def gone_at_platform(self) -> range:
        """Of these, who did something at the platform meanwhile (left, bounced, was erased)."""
        return self.joined[len(self.left) * 2 : len(self.left) * 2 + 5]

    @property
    def opted_out(self) -> tuple[int, ...]:
        """Members of the list, subscribed there, who told the club that they want no newsletter."""
        subscribed = (
            i for i in range(self.first, self.listed) if seeded_status(self.seed, i) == "subscribed"
        )
        return tuple(i for _, i in zip(range(4), subscribed, strict=False))

    def erased_before(self, i: int) -> bool:
        """Erased at the platform before we ever came: no listing shows them, so nobody can know it there.

        The club has erased them as well, but for those its former file still had: the first export tried these,
        the platform refused, and since then they are known.
        """
        return i < self.listed and seeded_status(self.seed, i) == "forgotten"

    def email(self, i: int) -> str:
        """The address of a person as the platform has it."""
        return person(self.seed, i).email

    def row(self, i: int) -> Row:
        """A person as the club writes them."""
        who = person(self.seed, i)
        return Row(
            who.member_id,
            who.first_name,
            who.last_name,
            who.email,
            who.gender,
            who.birthday.isoformat(),
            who.zip_code,
            who.town,
        )

    def former_rows(self) -> Iterator[Row]:
        """The file as it was a while ago: some who were on the list, and the first who joined by us."""
        some = range(self.first, self.first + min(200, (self.listed - self.first) // 2))
        yield from (self.row(i) for i in (*some, *self.joined))

    def present_rows(self) -> Iterator[Row]:
        """The file as it is: people came, left, moved, opted out; and what real files have."""
        opted_out = set(self.opted_out)
        once = {row.person_id for row in self.former_rows()}
        for i in range(self.first, self.first + self.contacts):
            if i in self.left or (self.erased_before(i) and self.row(i).person_id not in once):
                continue
            row = self.row(i)
            if i in self.moved:
                row = replace(row, email=f"neu.{row.email}")
            yield replace(row, newsletter_no="ja") if i in opted_out else row
        yield from self._oddities()

    def _oddities(self) -> Iterator[Row]:
        for i in range(self.first, self.first + 3):
            yield self.row(i)  # the same person twice
        for number, i in enumerate(range(self.first + 10, self.first + 14)):
            head = self.row(i)
            yield replace(head, person_id=f"F{number}", first_name="Kind von " + head.first_name)
        for number, address in enumerate(BAD_ADDRESSES):
            yield Row(f"B{number}", "Ohne", "Adresse", address)
        for number, (first_name, last_name) in enumerate(HOSTILE_NAMES):
            yield Row(f"H{number}", first_name, last_name, f"boese.namen{number}@example.net")

    def course_rows(self) -> Iterator[Row]:
        """Who put themselves down for a course: some are on that list already."""
        yield from (self.row(i) for i in (*range(40), *range(self.listed, self.listed + 12)))

    def camp_rows(self) -> Iterator[Row]:
        """The youth camp."""
        yield from (self.row(i) for i in (*range(200, 220), *range(self.listed + 20, self.listed + 28)))


def write_members(path: Path, rows: Iterator[Row]) -> int:
    """A semicolon file in UTF-8 with a byte order mark, as spreadsheets of this part of the world save it."""
    return _write(path, rows, "utf-8-sig", ";")


def write_courses(path: Path, rows: Iterator[Row]) -> int:
    """A comma file in Windows' code page, with one torn line: it is shown, not skipped."""
    return _write(path, rows, "cp1252", ",", torn=("K1", "Zeile", "zerrissen"))


def _write(path: Path, rows: Iterator[Row], encoding: str, delimiter: str, torn: Sequence[str] = ()) -> int:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow(row.values())
        count += 1
    if torn:
        writer.writerow(torn)
    path.write_bytes(text.getvalue().encode(encoding, "replace"))
    path.chmod(0o600)
    # By the program's clock, which a rehearsal may have moved; the preview says how old a file is.
    os.utime(path, (time.time(), time.time()))
    return count
