"""In a real terminal: hostile data, crashes, signals, a lost line (I7, I8, I20, I24)."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from state.connections import put_check_report, put_lists
from state.model import Consent, Finding, Member, RemoteList
from tests.tui.console_process import CANARY
from tests.tui.terminal import Terminal
from tests.tui.world import NOON, World, furnished_world, put_contacts, put_members

pytestmark = pytest.mark.terminal

HOSTILE = (
    "a\x1b]52;c;UFdORUQ=\x07b",
    "a\x1b]0;OWNED\x07b",
    "a\x9b31mRED\x9b0m",
    "a\x1b[2J\x1b[Hgone",
    "[@click=app.exit]click me[/]",
    "Max [/Muster] \\",
    "[bold red]loud[/]",
    "eva\u202egro.elpmaxe",
    "zero\u200bwidth\u2066x\u2069\ufeff",
    "line\nfeed\rreturn\x08\x7f\x00end",
    "\U000e0041tag\u00ad",
)


def hostile_world(folder: Path) -> World:
    """Everything a platform or a source names is hostile."""
    world = furnished_world(folder)
    members = [
        Member(f"{number}{text}@example.org", f"o{text}", Consent.SUBSCRIBED, f"raw{text}", detail=text)
        for number, text in enumerate(HOSTILE)
    ]
    with world.state() as state:
        put_members(state, "members-news", "verband", "a6b5da1054", members, NOON)
        people = [(member.email, f"s{text}") for member, text in zip(members, HOSTILE, strict=True)]
        put_contacts(state, "members-news", "verband", "a6b5da1054", people)
        put_check_report(
            state,
            "verband",
            "mailchimp",
            account_id="a1",
            account_name=HOSTILE[0],
            details={text: text for text in HOSTILE},
            findings=[Finding("ok", text, text, where=text) for text in HOSTILE],
            now=NOON,
        )
        lists = [RemoteList(f"id{number}", text, number) for number, text in enumerate(HOSTILE)]
        put_lists(state, "verband", "mailchimp", [RemoteList("a6b5da1054", HOSTILE[1], 5), *lists], NOON)
    return world


def console(
    world: World, place: str, *how: str, size: tuple[int, int] = (120, 40), **environment: str
) -> Terminal:
    arguments = (str(world.config), str(world.state_path), place, *how)
    return Terminal("-m", "tests.tui.console_process", *arguments, size=size, environment=environment)


CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""What a terminal program may write: control sequences … (no string to the terminal itself among them)."""
OURS = re.compile(
    r"\x1b\]22;[a-z-]*\x07|\x1b[()][0-9A-B]|\x1b[=>78M]|\x1bP\+q[0-9a-f;]*\x1b\\|\x1b_G[^\x1b]*\x1b\\"
)
STEERING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)


def foreign(raw: bytes) -> list[str]:
    """What steers the terminal or hides in it, and is not the console's own drawing."""
    text = OURS.sub("", CSI.sub("", raw.decode("utf-8", "replace")))
    return STEERING.findall(text)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> World:
    return hostile_world(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("", "verband"),
        ("connection:verband", "Lists of verband"),
        ("contacts", "Contacts"),
        ("link:members-news/contacts", "Contacts of members-news"),
        ("address:0a\x1b]52;c;UFdORUQ=\x07b@example.org", "Explain"),
    ],
)
def test_i08_no_byte_of_data_steers_the_terminal(hostile: World, place: str, wanted: str) -> None:
    with console(hostile, place) as terminal:
        terminal.until(wanted)
        terminal.press("jjjjj")
        terminal.until(lambda: "\\x1b" in terminal.text or "\\u{" in terminal.text)
        terminal.press("?")
        terminal.until("Help:")
        terminal.press("\x1b")
        terminal.until(lambda: "Help:" not in terminal.text)
        terminal.press("y")
        terminal.until("Copied")
        terminal.press("\x1b")
        terminal.until(lambda: "Copied (" not in terminal.text)
        terminal.press("q")
        assert terminal.ended() == 0
    copied = re.compile(rb"\x1b\]52;c;[A-Za-z0-9+/=]*\x07")  # the operator's own y; base64 steers nothing
    assert len(copied.findall(terminal.raw)) == 1
    raw = copied.sub(b"", terminal.raw)
    assert foreign(raw) == []
    assert b"UFdORUQ=" not in raw.replace(b"\\x1b]52;c;UFdORUQ=", b"")


def test_i24_a_click_on_a_name_runs_nothing(hostile: World) -> None:
    with console(hostile, "link:members-news/contacts") as terminal:
        terminal.until("click me")
        line = next(at for at, text in enumerate(terminal.screen.display) if "click me" in text)
        column = terminal.screen.display[line].index("click me")
        for kind in "Mm":
            terminal.press(f"\x1b[<0;{column + 2};{line + 1}{kind}")
        terminal.until(lambda: "▌4[@click" in terminal.text)
        assert terminal.process.poll() is None
        assert "[@click=app.exit]click me[/]" in terminal.text


def test_i07_a_crash_shows_places_and_no_data(tmp_path: Path) -> None:
    world = furnished_world(tmp_path)
    with console(world, "", "crash") as terminal:
        terminal.until("● fine")
        terminal.press("r")
        assert terminal.ended() == 1
    text = terminal.raw.decode("utf-8", "replace")
    assert "ValueError" in text
    assert "tests/tui/console_process.py" in text
    assert "listwarden jobs" in text
    assert CANARY not in text
    assert "eva@example.org" not in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_i20_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    world = furnished_world(tmp_path)
    with console(world, "") as terminal:
        terminal.until("● fine")
        started = time.monotonic()
        os.kill(terminal.process.pid, number)
        assert terminal.ended() == 130
        assert time.monotonic() - started < 10
        assert b"\x1b[?1049l" in terminal.raw  # the terminal is left as it was found
        assert b"\x1b[?25h" in terminal.raw


@pytest.mark.parametrize("how", [(), ("ignore-hup",)])
def test_i20_a_lost_line_ends_it(tmp_path: Path, how: tuple[str, ...]) -> None:
    """Also where SIGHUP is ignored (nohup and some wrappers): the console looks whether the terminal is there."""
    world = furnished_world(tmp_path)
    with console(world, "", *how) as terminal:
        terminal.until("● fine")
        terminal.hang_up()
        assert terminal.process.wait(timeout=20) in (130, -signal.SIGHUP)


def test_f19_without_colour_nothing_is_lost(tmp_path: Path) -> None:
    world = furnished_world(tmp_path)
    with console(world, "", NO_COLOR="1") as terminal:
        terminal.until("● fine")
        terminal.until("✖ failed")
        terminal.press("j")
        terminal.until("key-invalid")
        colours = set(re.findall(rb"\x1b\[[\d;]*38;2;(\d+);(\d+);(\d+)", terminal.raw))
        assert all(len(set(colour)) == 1 for colour in colours)  # grey only
        terminal.press("q")
        assert terminal.ended() == 0


def test_f19_a_quiet_screen_writes_nothing(tmp_path: Path) -> None:
    """No animation, no blinking, no clock: over a slow line a screen nobody touches costs no byte."""
    world = furnished_world(tmp_path)
    with console(world, "", size=(80, 24)) as terminal:
        terminal.until("● fine")
        terminal.until("no job is running")
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 1.0:
            before = len(terminal.raw)
            terminal.read(0.2)
            if len(terminal.raw) != before:
                quiet_since = time.monotonic()
        before = len(terminal.raw)
        terminal.press("j")
        terminal.until("key-invalid")
        assert len(terminal.raw) - before < 4_000


def test_f10_read_only_stays_read_only(tmp_path: Path) -> None:
    world = furnished_world(tmp_path)
    before = world.state_path.read_bytes()
    with console(world, "", "read-only") as terminal:
        terminal.until("READ-ONLY")
        terminal.press("c")
        terminal.until("started read-only")
        terminal.press("q")
        assert terminal.ended() == 0
    assert world.state_path.read_bytes() == before
