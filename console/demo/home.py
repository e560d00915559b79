"""The demo's home: a folder of its own (0700) with settings, secrets, files and state.

Invariant: it is removed at the end unless a person named the folder; one that exists is never taken.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.cli.failure import CommandRefused
from console.demo.settings_text import settings_text
from console.exit_codes import ExitCode


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

    def write_settings(self, words: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """The settings with ``words`` in their places, and each secret in a file of its name."""
        folder = self.folder / "secrets"
        folder.mkdir(mode=0o700)
        for name, secret in secrets.items():
            _write_private(folder / name, secret + "\n")
        _write_private(self.config, settings_text(words))

    def change_settings(self, *changes: tuple[str, str]) -> None:
        """Put new words in the place of old ones, as a person with an editor does; each old one stands there once."""
        text = self.config.read_text(encoding="utf-8")
        for old, new in changes:
            if text.count(old) != 1:
                raise ValueError(f"{old!r} stands {text.count(old)} times in the settings, not once")
            text = text.replace(old, new)
        self.config.write_text(text, encoding="utf-8")


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
