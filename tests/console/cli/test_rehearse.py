"""``rehearse``: what a sandbox can be told to do, telling it, and seeing it happen in the next export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.rehearsal import offered
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from console.cli.app import run

SETTINGS = """\
[connections.freunde]
provider = "dotdigital"
user = "{user}"
password = {{ file = "password" }}
base_url = "{url}"

[connections.echt]
provider = "mailchimp"
key = {{ env = "NOT_SET" }}

[sources.courses]
kind = "csv"
path = "courses.csv"
id = "person_id"
email = "email"

[links.tours]
source = "courses"
connection = "freunde"
list = "4712"
consent = "course registration"
fields = {{ FIRSTNAME = "first_name" }}
"""

COURSES = """\
person_id,email,first_name
1,neu.eins@example.org,Eins
2,neu.zwei@example.org,Zwei
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with RunningSandbox(SandboxOptions(contacts=60)) as running:
        yield running


@pytest.fixture
def listwarden(
    tmp_path: Path,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Any:
    """``listwarden(*words)`` answers exit code, stdout, stderr."""
    sandbox.control("dotdigital", "reset")
    login = sandbox.key("dotdigital")
    for name, text in (
        ("listwarden.toml", SETTINGS.format(user=login["user"], url=sandbox.url("dotdigital"))),
        ("password", login["password"]),
        ("courses.csv", COURSES),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("LISTWARDEN_CONFIG", str(tmp_path / "listwarden.toml"))
    monkeypatch.setenv("LISTWARDEN_STATE", str(tmp_path / "state.db"))

    def call(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run([*words])
        told = capfd.readouterr()
        return int(code), told.out, told.err

    return call


def test_it_lists_what_there_is(listwarden: Any) -> None:
    code, out, _ = listwarden("rehearse", "freunde", "--json")
    assert code == 0
    assert [one["rehearsal"] for one in json.loads(out)] == [one.name for one in offered("dotdigital")]
    code, out, _ = listwarden("rehearse", "freunde")
    assert code == 0
    assert "Next import: RejectedByWatchdog" in out


def test_what_was_ordered_becomes_of_the_next_import(listwarden: Any) -> None:
    code, out, _ = listwarden("rehearse", "freunde", "import-watchdog", "--json")
    assert (code, json.loads(out)["ordered"]) == (0, True)
    code, out, _ = listwarden("export", "tours", "--yes", "--json")
    assert code == 3, out
    assert json.loads(out)["outcomes"]["rejected"] == 2
    code, out, _ = listwarden("preview", "tours", "--json")
    assert json.loads(out)["counts"]["new"] == 2
    code, out, _ = listwarden("explain", "neu.eins@example.org", "--json")
    assert json.loads(out)["links"][0]["reason"] == "not-confirmed"


def test_an_unknown_name_says_which_was_meant(listwarden: Any, sandbox: RunningSandbox) -> None:
    code, _, err = listwarden("rehearse", "freunde", "import-watchdgo")
    assert code == 2
    assert "import-watchdog" in err
    assert sandbox.control("dotdigital", "next-import")["ordered"] == 1, "nothing was ordered before"


def test_a_real_platform_takes_no_orders(listwarden: Any) -> None:
    code, _, err = listwarden("rehearse", "echt", "normal")
    assert code == 1
    assert "not-a-sandbox" in err


def test_read_only_orders_nothing_and_shows_what_there_is(listwarden: Any, sandbox: RunningSandbox) -> None:
    code, _, err = listwarden("rehearse", "freunde", "import-failed", "--read-only")
    assert code == 2
    assert "read-only" in err
    assert sandbox.control("dotdigital", "next-import")["ordered"] == 1
    assert listwarden("rehearse", "freunde", "--read-only")[0] == 0


def test_its_help_has_an_example() -> None:
    from console.cli.app import build

    answer = CliRunner().invoke(build(), ["rehearse", "--help"])
    assert answer.exit_code == 0
    assert "Example: listwarden rehearse" in answer.output
