"""The command line's words: every command has help with an example, options stand anywhere, errors say what next."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

import console
from console.cli import main
from console.cli.app import ORDER, build
from state.reasons import REASONS
from tests.console.cli.desk import ROOT, Desk

DESIGNED = {
    *("demo", "sandbox", "rehearse", "doctor", "check", "connections", "connections add", "connections edit"),
    *("connections remove", "lists", "links", "links connect", "links edit", "links disconnect", "preview"),
    *(
        "export",
        "feedback",
        "fields",
        "campaigns",
        "sync",
        "refresh",
        "optin",
        "suppress",
        "jobs",
        "job",
        "job show",
        "job follow",
    ),
    *(
        "job outcomes",
        "job cancel",
        "job resume",
        "job unblock",
        "contacts",
        "explain",
        "state",
        "state info",
    ),
    *("state check", "state backup"),
}
HIDDEN = {"open", "job run"}


def _commands(group: TyperGroup, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, found in group.commands.items():
        yield before + name, found
        if isinstance(found, TyperGroup):
            yield from _commands(found, f"{before}{name} ")


def _all() -> dict[str, Any]:
    root = get_command(build())
    assert isinstance(root, TyperGroup)
    return dict(_commands(root))


def test_the_commands_are_those_of_the_design() -> None:
    found = _all()
    assert {name for name, one in found.items() if not one.hidden} == DESIGNED
    assert {name for name, one in found.items() if one.hidden} == HIDDEN
    assert set(ORDER) == {name for name in DESIGNED if " " not in name}


@pytest.mark.parametrize("name", sorted(DESIGNED))
def test_every_command_has_help_with_an_example_that_calls_it(name: str) -> None:
    answer = CliRunner().invoke(build(), [*name.split(), "--help"], prog_name="listwarden")
    assert answer.exit_code == 0
    assert re.search(rf"Example: listwarden {re.escape(name)}\b", " ".join(answer.stdout.split()))
    assert len(_all()[name].help.splitlines()[0]) <= 72, "the first line fits the list of commands"
    for option in ("--config", "--state", "--read-only", "--json"):
        assert option in answer.stdout


def test_the_short_helps_are_not_cut_at_80_columns() -> None:
    answer = CliRunner().invoke(build(), ["--help"], prog_name="listwarden")
    assert answer.exit_code == 0
    assert "..." not in answer.stdout.partition("Commands:")[2].partition("Examples:")[0]
    shown = re.findall(r"^  (\w+)  ", answer.stdout.partition("Commands:")[2], re.MULTILINE)
    assert tuple(shown[: len(ORDER)]) == ORDER


@pytest.mark.parametrize("words", [["--version"], ["--version", "--json"]])
def test_the_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out == f"listwarden {console.__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["export", "--help"], ["--version"], ["nonsense"]])
def test_words_alone_load_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\nfrom console.cli import main\ncode = main(sys.argv[1:])\n"
        "names = ('textual', 'rich', 'httpx', 'sqlite_utils', 'sqlite3', 'starlette', 'tomlkit', 'asyncio')\n"
        "print(code, [name for name in names if name in sys.modules], file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    allowed = "2 []" if words == ["nonsense"] else "0 []"
    assert answer.stderr.splitlines()[-1] == allowed, answer.stderr


def test_shared_options_stand_before_or_after_the_command(desk: Desk) -> None:
    before = CliRunner().invoke(build(), [*desk.places(), "--json", "links"])
    after = CliRunner().invoke(build(), ["links", "--json", *desk.places()])
    inside = CliRunner().invoke(build(), ["--json", "job", *desk.places(), "show", "XXXX"])
    assert before.stdout == after.stdout
    assert '"members-news"' in before.stdout
    assert inside.exit_code == 10, "the state of these places does not exist yet"
    assert "[state-missing]" in inside.stderr


def test_settings_and_state_by_environment(desk: Desk) -> None:
    environment = {
        **desk.environment,
        "LISTWARDEN_CONFIG": str(desk.config),
        "LISTWARDEN_STATE": str(desk.state),
    }
    answer = CliRunner(env=environment).invoke(build(), ["doctor", "--json"])
    assert answer.exit_code == 0
    assert str(desk.config) in answer.stdout
    assert str(desk.state) in answer.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs a terminal"),
        (["link:members-news/preview"], "needs a terminal"),
        (["demo"], "needs a terminal"),
        (["nonsense"], "No such command"),
        (["exprt"], "Did you mean 'export'"),
        (["preview"], "LINK"),
        (["job"], "what to do with the job"),
        (["state"], "what to do with the state"),
        (["jobs", "--limit", "x"], "--limit"),
        (["preview", "members-news", "--class", "odd"], "no class odd"),
        (["preview", "members-news", "--out", "rows.xls"], "ending"),
        (["preview", "members-news", "--allow-empty-source", "other"], "names other"),
        (["export", "members-news"], "no terminal to confirm"),
        (["export", "members-news", "--yes", "--max-removals", "5"], "--max-removals counts only"),
        (["optin", "members-news", "eva@example.org"], "no terminal to ask"),
        (["optin", "members-news", "eva@example.org", "--confirm", "eve@example.org"], "not the same"),
        (["links", "disconnect", "members-news"], "no terminal to ask"),
        (["links", "edit", "members-news"], "Nothing to change"),
        (["connections", "add", "neu", "--provider", "mailchimp"], "no terminal to ask"),
        (
            ["connections", "add", "neu", "--provider", "mailchimp", "--secret", "key=abc"],
            "does not say where",
        ),
        (["contacts", "--consent", "perhaps"], "no consent perhaps"),
    ],
)
def test_exit_2_says_what_is_wrong_and_what_next(desk: Desk, words: list[str], said: str) -> None:
    answer = desk.run(*words)
    assert (answer.code, answer.out) == (2, "")
    first, *others = answer.err.splitlines()
    assert first.startswith("listwarden: ")
    assert said in first
    code = re.search(r"\[([a-z-]+)\]$", first)
    assert code is not None
    assert code[1] in REASONS
    assert others[-1].startswith("next: ")
    assert "Traceback" not in answer.err
    assert desk.bodies() == []


def test_a_place_is_told_from_a_mistyped_command(desk: Desk) -> None:
    answer = desk.run("link:members-news/preview")
    assert "terminal" in answer.err
    assert "No such command" in desk.run("links-members").err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("listwarden preview mem", "members-news"),
        ("listwarden check ver", "verband"),
        ("listwarden feedback a", "abgelaufen"),
        ("listwarden preview members-news --class unsub", "unsubscribed-ignored"),
        ("listwarden dem", "demo"),
    ],
)
def test_the_shell_completes_names(desk: Desk, typed: str, offered: str) -> None:
    environment = {
        **desk.child_environment(),
        "_LISTWARDEN_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
        "LISTWARDEN_CONFIG": str(desk.config),
    }
    answer = subprocess.run(
        [sys.executable, "-m", "console.cli"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert offered in answer.stdout.split()


def test_the_sandbox_says_where_it_is_first_and_ends_when_told(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "console.cli",
            "sandbox",
            "--contacts",
            "5",
            "--ledger",
            str(tmp_path / "ledger"),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["ready"] is True
    assert ready["urls"]["mailchimp"].startswith(f"http://127.0.0.1:{ready['port']}/")
    taken = CliRunner().invoke(build(), ["sandbox", "--port", str(ready["port"])])
    assert (taken.exit_code, taken.stdout) == (1, "")
    assert "next: " in taken.stderr
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, "", "")


def test_what_nobody_foresaw_leaves_a_masked_log_and_no_traceback(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("eva.muster@example.org broke it")

    monkeypatch.setattr("console.doctor.examine", broken)
    answer = desk.run("doctor")
    assert answer.code == 1
    assert "Traceback" not in answer.err
    assert "muster" not in answer.err
    log = Path(re.search(r"log (\S+\.log)", answer.err)[1])  # type: ignore[index]
    assert "Traceback" in log.read_text()
    assert "eva.muster" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
