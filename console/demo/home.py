"""The demo's home: a folder of its own (0700) with settings, secrets, files and state.

Invariant: it is removed at the end unless a person named the folder; one that exists is never taken.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.cli.failure import CommandRefused
from console.exit_codes import ExitCode

SETTINGS = """\
# The demo's settings. The platform is a sandbox on this machine; every address ends in a domain nobody can own.

[connections.verband]
provider = "mailchimp"
key = { file = "secrets/verband-key" }
base_url = "{url}"

[connections.abgelaufen]          # its key has expired
provider = "mailchimp"
key = { file = "secrets/abgelaufen-key" }
base_url = "{url}"

[connections.voll]                # its plan has no room for another contact
provider = "mailchimp"
key = { file = "secrets/voll-key" }
base_url = "{url}"

[connections.gedrosselt]          # answers "too many requests" to everything
provider = "mailchimp"
key = { file = "secrets/gedrosselt-key" }
base_url = "{url}"

[sources.members]
kind = "csv"
path = "members.csv"
id = "person_id"
email = "email"
opted_out = "newsletter_no"

[sources.courses]
kind = "csv"
path = "courses.csv"
id = "person_id"
email = "email"

[sources.camp]
kind = "csv"
path = "camp.csv"
id = "person_id"
email = "email"

[links.members-news]              # all members get the newsletter; who leaves the club leaves the list
source = "members"
connection = "verband"
list = "{news}"
mode = "mirror"
consent = "membership form 2024"
fields = { FNAME = "first_name", LNAME = "last_name" }

[links.courses]                   # the list asks everybody to confirm
source = "courses"
connection = "verband"
list = "{courses}"
mode = "add-only"
consent = "course registration"
fields = { FNAME = "first_name", LNAME = "last_name" }

[links.youth-camp]                # wants a last name and a gender
source = "camp"
connection = "verband"
list = "{youth}"
mode = "update"
consent = "camp registration, signed by the parents"
fields = { FNAME = "first_name", LNAME = "last_name", GENDER = "gender" }
"""


@dataclass(slots=True, frozen=True)
class DemoHome:
    """Where the demo's things are."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "listwarden.toml"

    @property
    def state(self) -> Path:
        return self.folder / "listwarden.db"

    @property
    def ledger(self) -> Path:
        """What the sandbox was asked, a line a request."""
        return self.folder / "requests.ndjson"

    @property
    def members(self) -> Path:
        return self.folder / "members.csv"

    @property
    def courses(self) -> Path:
        return self.folder / "courses.csv"

    @property
    def camp(self) -> Path:
        return self.folder / "camp.csv"

    def write_settings(self, url: str, keys: dict[str, str], lists: list[str]) -> None:
        """Settings and keys; ``lists`` are the ids of the first account's three lists."""
        secrets = self.folder / "secrets"
        secrets.mkdir(mode=0o700)
        for name, key in keys.items():
            _write_private(secrets / f"{name}-key", key + "\n")
        text = SETTINGS
        for word, value in zip(("url", "news", "courses", "youth"), (url, *lists), strict=True):
            text = text.replace("{" + word + "}", value)
        _write_private(self.config, text)


@contextmanager
def demo_home(named: Path | None) -> Iterator[DemoHome]:
    """A folder for the demo: a temporary one, or a new one of that name that stays."""
    if named is not None:
        try:
            named.mkdir(mode=0o700)
        except OSError as error:
            raise CommandRefused(
                "usage",
                f"The folder {named} cannot be made: {error.strerror}.",
                "Name a folder that is not there yet.",
                exit_code=ExitCode.FAILED,
            ) from None
        yield DemoHome(named.absolute())
        return
    folder = Path(tempfile.mkdtemp(prefix="listwarden-demo-"))
    try:
        yield DemoHome(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
