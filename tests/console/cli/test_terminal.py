"""At a terminal: questions with the safe answer first, hidden secrets, ctrl-c, and the console itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from adapters.sandbox.people import person
from state.store import open_state
from tests.console.cli.desk import LISTED, SEED, Desk, listed_as

pytestmark = pytest.mark.terminal

TYPED_KEY = "0123456789abcdef0123456789abcdef-us0"


class Terminal:
    """One call in a pseudo-terminal of 100 columns."""

    def __init__(self, desk: Desk, *words: str) -> None:
        command, *rest = desk.command(*words)
        self.child = pexpect.spawn(
            command,
            rest,
            env=desk.child_environment(),
            cwd=str(desk.folder),
            dimensions=(30, 100),
            timeout=60,
            encoding="utf-8",
            codec_errors="replace",
        )

    def sees(self, text: str) -> str:
        """Wait for a text; what came before it."""
        self.child.expect_exact(text)
        return str(self.child.before)

    def types(self, text: str) -> None:
        self.child.sendline(text)

    def ends(self) -> tuple[int | None, str]:
        """Exit code and the rest."""
        self.child.expect(pexpect.EOF)
        rest = str(self.child.before)
        self.child.close()
        return self.child.exitstatus, rest


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.child.close(force=True)


def _open(terminals: list[Terminal], desk: Desk, *words: str) -> Terminal:
    terminals.append(Terminal(desk, *words))
    return terminals[-1]


def test_an_export_shows_what_will_happen_and_wants_the_word(desk: Desk, terminals: list[Terminal]) -> None:
    leaving = _open(terminals, desk, "export", "members-news")
    shown = leaving.sees("Type export to go on")
    assert "Adds 5, changes 0, moves 0, removes 0, unsubscribes 0; no mails; 1 call" in shown
    assert "a6b5da1054" in shown
    leaving.types("")
    assert leaving.ends()[0] == 130
    assert desk.bodies() == []
    going = _open(terminals, desk, "export", "members-news")
    going.sees("Type export to go on")
    going.types("export")
    code, rest = going.ends()
    assert code == 0
    assert "5 sent" in rest
    assert len(desk.bodies()) == 5


def test_law_6_removals_above_the_limit_want_their_number(desk: Desk, terminals: list[Terminal]) -> None:
    desk.lay_out("mirror")
    desk.write_members(desk.people([*range(20), *range(LISTED, LISTED + 30)]))
    desk.sent()
    desk.write_members(desk.people([*range(20), *range(LISTED, LISTED + 15)]))
    sent = len(desk.bodies())
    for typed, code in (("14", 130), ("15", 0)):
        asking = _open(terminals, desk, "export", "members-news")
        asking.sees("Type that number to go on")
        asking.types(typed)
        assert asking.ends()[0] == code, typed
        assert (len(desk.bodies()) - sent) == (15 if code == 0 else 0)


def test_a_typed_secret_is_not_shown_and_lands_in_a_private_file(
    desk: Desk, terminals: list[Terminal]
) -> None:
    adding = _open(
        terminals,
        desk,
        *(
            "connections",
            "add",
            "neu",
            "--provider",
            "mailchimp",
            "--base-url",
            desk.sandbox.url("mailchimp"),
        ),
    )
    assert "API keys" in adding.sees("(not shown):"), "says where the platform shows it"
    adding.child.waitnoecho()
    adding.types(TYPED_KEY)
    code, rest = adding.ends()
    assert code == 0
    assert TYPED_KEY not in rest
    assert TYPED_KEY not in desk.config.read_text()
    [kept] = (desk.folder / "secrets").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert desk.run("check", "neu").code == 0


def test_optin_wants_the_address_again(desk: Desk, terminals: list[Terminal]) -> None:
    email = person(SEED, listed_as("unsubscribed")[0]).email
    for typed, code in (("", 2), (email, 0)):
        asking = _open(terminals, desk, "optin", "members-news", email)
        asking.sees("Type the address again:")
        asking.types(typed)
        assert asking.ends()[0] == code
    assert desk.bodies() == [email]


def test_removing_wants_a_word(desk: Desk, terminals: list[Terminal]) -> None:
    asking = _open(terminals, desk, "links", "disconnect", "members-news")
    asking.sees("Type disconnect to go on")
    asking.types("y")
    assert asking.ends()[0] == 130
    assert "[links.members-news]" in desk.config.read_text()


def test_law_9_hostile_data_writes_no_control_byte_to_the_terminal(
    desk: Desk, terminals: list[Terminal]
) -> None:
    name = "\x1b]52;c;cHduZWQ=\x07\x1b[31m\u202e\x9b2J"
    desk.write_members([("H1", name, name, "boese@example.net", "")])
    shown = _open(terminals, desk, "preview", "members-news", "--class", "new")
    code, text = shown.ends()
    assert code == 0
    ours = text.replace("\r\x1b[K", "")  # the moving line of progress
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", ours)
    assert "\\x1b]52" in text
    as_json = _open(terminals, desk, "preview", "members-news", "--class", "new", "--json").ends()[1]
    assert not re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", as_json.replace("\r\x1b[K", ""))


def test_ctrl_c_ends_a_preview_with_130(desk: Desk, terminals: list[Terminal]) -> None:
    desk.sandbox.control("mailchimp", "latency", ms=3_000)
    looking = _open(terminals, desk, "preview", "members-news")
    looking.sees("looking at the list")
    looking.child.sendintr()
    code, rest = looking.ends()
    desk.sandbox.control("mailchimp", "latency", ms=0)
    assert code == 130
    assert "[interrupted]" in rest
    assert "Traceback" not in rest
    with open_state(desk.state, read_only=True) as state:
        assert state.db.execute("SELECT state FROM jobs").fetchall() == [("cancelled",)]


@pytest.mark.parametrize(
    ("place", "shown"),
    [("", "verband"), ("connection:verband", "verband"), ("address:eva@example.org", "eva@")],
)
def test_the_console_opens_and_is_left(desk: Desk, terminals: list[Terminal], place: str, shown: str) -> None:
    opened = _open(terminals, desk, *([place] if place else []))
    opened.sees(shown)
    opened.child.send("q")
    assert opened.ends()[0] == 0


def test_a_place_nobody_knows_is_said(desk: Desk, terminals: list[Terminal]) -> None:
    code, rest = _open(terminals, desk, "nowhere:there").ends()
    assert code == 2
    assert "There is no place" in rest
    assert "Places are:" in rest


def test_the_demo_opens_the_console_and_leaves_nothing(
    tmp_path: Path, terminals: list[Terminal], desk: Desk
) -> None:
    desk.environment["TMPDIR"] = str(tmp_path / "demo")
    (tmp_path / "demo").mkdir()
    opened = _open(terminals, desk, "demo", "--contacts", "200")
    opened.sees("gedrosselt")
    assert list((tmp_path / "demo").iterdir())
    opened.child.send("q")
    assert opened.ends()[0] == 0
    assert list((tmp_path / "demo").iterdir()) == []
