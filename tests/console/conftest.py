"""Settings in a folder of their own, with a fake platform registered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import registry

EXAMPLE = """\
# The association's lists.
[connections.verband]   # the main account
provider = "fake"
key = { env = "VERBAND_KEY" }
connections = 8                   # at once

[sources.members]
kind = "csv"
path = "members.csv"
id = "person_id"                  # the source's own key
email = "email"
opted_out = "newsletter_no"

# What goes where.
[links.members-news]
source = "members"
connection = "verband"
list = "a6b5da1054"
mode = "add-only"
consent = "membership form 2024"  # basis of every addition
fields = { FNAME = "first_name", FULLNAME = ["first_name", "last_name"] }
blank = "keep"
address_change = "ask"
every = "12h"
"""

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _fake_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.PROVIDERS, "fake", "tests.console.fake_platform")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "config"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def write(folder: Path) -> Write:
    """Writes ``listwarden.toml`` and returns its path."""

    def put(text: str) -> Path:
        path = folder / "listwarden.toml"
        path.write_bytes(text.encode())
        path.chmod(0o600)
        return path

    return put
