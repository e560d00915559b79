"""The small world of ``world`` over dotdigital: address books, imports that take their time, two levels of opt-outs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.sandbox.dotdigital import FIRST_BOOK, seeded_fields, seeded_left, seeded_status
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from tests.integration.world import CONTACTS, LINK, SEED, LinkText, Row, World

FIELDS = '{ FIRSTNAME = "first_name", LASTNAME = "last_name" }'
IMPORT = "/contacts/import"


@dataclass(slots=True)
class Books(World):
    """Settings, source and state in one folder, over one dotdigital account."""

    more_connection: str = ""
    """Further lines of each connection's table."""
    users: dict[str, str] = field(default_factory=dict)
    """API users of connections that lead to an account of their own."""

    @classmethod
    def begin(cls, folder: Path, sandbox: RunningSandbox) -> Books:
        """An empty source and one link onto the first address book."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        books = cls(folder, sandbox)
        books.control("reset")
        books.links[LINK] = LinkText(list_id=books.list_id, fields=FIELDS)
        books.keys["verband"] = sandbox.key("dotdigital")["password"]
        books.mark()
        return books

    @property
    def list_id(self) -> str:
        return str(FIRST_BOOK)

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return self.sandbox.control("dotdigital", verb, **arguments)

    def platform(self, list_id: str | None = None) -> dict[str, str]:
        """Raw status by address in lower case."""
        found = self.sandbox.state("dotdigital", list_id or self.list_id)
        return {email.lower(): word for email, word in found.items()}

    def put(self, i: int, **changes: str) -> str:
        """A source row of ``person(SEED, i)`` with the names the platform has (so it is in sync); its address."""
        who = person(SEED, i)
        names = (
            seeded_fields(SEED, i)
            if i < CONTACTS
            else {"FIRSTNAME": who.first_name, "LASTNAME": who.last_name}
        )
        row = Row(str(i), who.email, names["FIRSTNAME"], names["LASTNAME"])
        self.rows[str(i)] = replace(row, **changes)
        return self.rows[str(i)].email

    def link(self, name: str = LINK, **changes: str) -> None:
        known = self.links.get(name, LinkText(list_id=self.list_id, fields=FIELDS))
        self.links[name] = replace(known, **changes)

    def configure(self) -> Path:
        """Write the settings; the password goes into the environment."""
        parts = ['[options]\nquarantine = "1m"']
        for name in self.keys:
            user = self.users.get(name) or self.sandbox.key("dotdigital")["user"]
            parts.append(
                f'[connections.{name}]\nprovider = "dotdigital"\nuser = "{user}"\n'
                f'password = {{ env = "KEY_{name.upper()}" }}\nbase_url = "{self.sandbox.url("dotdigital")}"\n{self.more_connection}'
            )
        for source in dict.fromkeys(link.source for link in self.links.values()):
            parts.append(
                f'[sources.{source}]\nkind = "csv"\npath = "{source}.csv"\nid = "{self.id_column}"\nemail = "email"\nopted_out = "newsletter_no"'
            )
        for name, link in self.links.items():
            parts.append(
                f'[links.{name}]\nsource = "{link.source}"\nconnection = "{link.connection}"\nlist = "{link.list_id}"\n'
                f'mode = "{link.mode}"\nconsent = "{link.consent}"\nfields = {link.fields}\n{link.more}'
            )
        path = self.folder / "listwarden.toml"
        fresh = path.with_suffix(".new")  # a job may be reading the present one
        fresh.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        fresh.chmod(0o600)
        fresh.replace(path)
        os.environ.update(self.environment)
        return path

    def move_on(self, seconds: float) -> None:
        """Both clocks go on: the jobs' and the platform's."""
        self.ahead += seconds
        self.control("clock", advance=seconds)

    def opted_out_as(self, email: str) -> str:
        """The consent behind an opt-out of somebody who is not on the list."""
        ((consent,),) = self.sql("SELECT DISTINCT consent FROM opt_outs WHERE address_key = ?", email.lower())
        return str(consent)

    # --- imports -----------------------------------------------------------------------------------------

    def posts(self) -> list[dict[str, Any]]:
        """Imports posted since the mark."""
        return [
            row for row in self.mutations() if row["path"].endswith(IMPORT) or IMPORT + "/" in row["path"]
        ]

    def additions(self, count: int, start: int = 500) -> list[str]:
        """So many people nobody knows, in the source; their addresses in lower case."""
        emails = self.put_all(range(start, start + count))
        self.save()
        return [email.lower() for email in emails]


def in_book(count: int, start: int = 0) -> list[int]:
    """Numbers of seeded people who are in the first book and mailable."""
    return _numbers(
        count, start, lambda i: seeded_status(SEED, i) == "Subscribed" and not seeded_left(SEED, i)
    )


def left_book(count: int) -> list[int]:
    """Numbers of seeded people who unsubscribed from the first book alone."""
    return _numbers(count, 0, lambda i: seeded_left(SEED, i))


def of_account(status: str, count: int) -> list[int]:
    """Numbers of seeded people with a status in the account."""
    return _numbers(count, 0, lambda i: seeded_status(SEED, i) == status)


def _numbers(count: int, start: int, fits: Any) -> list[int]:
    found: Sequence[int] = [i for i in range(start, CONTACTS) if fits(i)]
    assert len(found) >= count, f"only {len(found)}"
    return list(found[:count])
