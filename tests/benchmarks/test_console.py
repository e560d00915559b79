"""The console at a million contacts, in a terminal: until it shows something, keys, the filter, memory."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import pexpect
import pytest

from state.store import open_state
from tests.benchmarks.conftest import Report
from tests.benchmarks.crowd import Crowd, first_preview
from tests.tui.world import SETTINGS, World

LINES, COLUMNS = 36, 120
KEYS = 100
QUIET = 0.25
"""Seconds without a byte after which a screen counts as drawn."""

SMALLEST = (
    "from textual.app import App\n"
    "from textual.widgets import Static\n"
    "class Smallest(App):\n"
    "    def compose(self):\n"
    "        yield Static('smallest-is-ready')\n"
    "Smallest().run()\n"
)


@pytest.fixture(scope="module")
def world(crowd: Crowd, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Members, contacts and a saved plan."""
    folder = tmp_path_factory.mktemp("console")
    folder.chmod(0o700)
    world = World(folder)
    world.config.write_text(SETTINGS + 'mode = "update"\n', encoding="utf-8")
    world.config.chmod(0o600)
    shutil.copy(crowd.base, world.state_path)
    with open_state(world.state_path) as state:
        first_preview(state, crowd)
        state.checkpoint(truncate=True)
    return world


@contextmanager
def terminal(*command: str) -> Iterator[pexpect.spawn]:
    """A program in a terminal of its own."""
    child = pexpect.spawn(
        command[0],
        list(command[1:]),
        dimensions=(LINES, COLUMNS),
        encoding="utf-8",
        codec_errors="replace",
        timeout=60,
    )
    child.delaybeforesend = None
    try:
        yield child
    finally:
        child.close(force=True)


def console(world: World, place: str) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "console.cli"),
        *("--config", str(world.config), "--state", str(world.state_path), place),
    )


def settle(child: pexpect.spawn) -> None:
    """Read until nothing more comes."""
    while True:
        try:
            child.read_nonblocking(65_536, timeout=QUIET)
        except pexpect.TIMEOUT:
            return


def first_shown(command: tuple[str, ...], wanted: str) -> float:
    """Seconds from the start of the program until a text stands in the terminal."""
    began = time.perf_counter()
    with terminal(*command) as child:
        child.expect(re.escape(wanted))
        return time.perf_counter() - began


def answered(child: pexpect.spawn, keys: str) -> float:
    """Seconds until a key moves anything on the screen."""
    began = time.perf_counter()
    child.send(keys)
    child.read_nonblocking(65_536, timeout=30)
    taken = time.perf_counter() - began
    settle(child)
    return taken


def resident(child: pexpect.spawn) -> float:
    """MiB."""
    text = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS:"))


def p95(values: list[float]) -> float:
    return sorted(values)[len(values) * 95 // 100]


@pytest.mark.parametrize("place", ["link:members-news/contacts", "link:members-news/preview"])
def test_console(world: World, contacts: int, rounds: int, report: Report, place: str) -> None:
    with open_state(world.state_path, read_only=True) as state:
        (first,) = state.db.execute("SELECT min(address_key) FROM contacts").fetchone()
        if "preview" in place:
            (first,) = state.db.execute("SELECT address_key FROM plan_rows WHERE n = 0").fetchone()
        keys = "FROM members" if "contacts" in place else "FROM plan_rows"
        (rare,) = state.db.execute(
            f"SELECT address_key {keys} WHERE instr(address_key, 'turnverein') AND address_key >= 'b' LIMIT 1"
        ).fetchone()
    # Long addresses are cut in narrow columns.
    shown = first[:18]
    paints: dict[str, list[float]] = {"ours": [], "smallest": []}
    for _ in range(max(rounds, 5)):
        paints["smallest"].append(first_shown((sys.executable, "-c", SMALLEST), "smallest-is-ready"))
        paints["ours"].append(first_shown(console(world, place), shown))
    ours, smallest = (median(paints[name]) for name in ("ours", "smallest"))
    with terminal(*console(world, place)) as child:
        child.expect(re.escape(shown))
        settle(child)
        moved = [answered(child, key) for key in ["\x1b[B", "\x1b[6~"] * (KEYS // 2)]
        to_the_end = answered(child, "G")
        answered(child, "g")
        child.send("/")
        settle(child)
        letters = rare[:6]  # rows show digits behind them, what is typed has none
        wanted = f"^{letters}"
        began = time.perf_counter()
        child.send(wanted)
        child.expect(re.escape(letters) + r"[a-z.]*\d")
        prefix = time.perf_counter() - began
        settle(child)
        child.send("\x7f" * len(wanted))
        settle(child)
        began = time.perf_counter()
        child.send("turnverein")
        child.expect("@turnverein")
        part = time.perf_counter() - began
        settle(child)
        memory = resident(child)
    with terminal(sys.executable, "-c", SMALLEST) as child:
        child.expect("smallest-is-ready")
        settle(child)
        least = resident(child)
    name = place.rpartition("/")[2]
    report(
        f"console, {name} at {contacts:,}: first rows shown",
        f"{ours / smallest:.2f} × the smallest Textual app ({ours * 1000:.0f} against {smallest * 1000:.0f} ms)",
        goal="≤ 1.8 ×",
        anchor="DataTable 205 s at a million",
    )
    report(
        "  a key",
        f"p95 {p95(moved) * 1000:.0f} ms (median {median(moved) * 1000:.0f}; to the last row {to_the_end * 1000:.0f})",
        goal="≤ 60 ms",
    )
    report(
        "  filter, from typing to its rows",
        f"{prefix * 1000:.0f} ms by beginning, {part * 1000:.0f} ms by part",
        goal="≤ 60 ms",
    )
    report("  memory", f"{memory:.0f} MiB (the smallest app {least:.0f})", goal="≤ 60 MiB")
