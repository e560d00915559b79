"""What a person waits for before anything happens: the words of the command line."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.conftest import Report

ROUNDS = 11
ROOT = Path(__file__).resolve().parents[2]


def test_version_and_help(report: Report) -> None:
    folder = Path(sys.executable).parent
    listwarden = [str(folder / "listwarden")]
    if not (folder / "listwarden").exists():
        listwarden = [sys.executable, "-m", "console.cli"]
    commands = {
        "--version": [*listwarden, "--version"],
        "--help": [*listwarden, "--help"],
        "peer": [sys.executable, "-m", "sqlite_utils", "--help"],
        "bare": [sys.executable, "-c", ""],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            began = time.perf_counter()
            ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            taken[name].append(time.perf_counter() - began)
            assert ran.stdout or name == "bare"
    seconds = {name: median(values) for name, values in taken.items()}
    peer = seconds["peer"]
    for name in ("--version", "--help"):
        report(
            f"listwarden {name}",
            f"{seconds[name] / peer:.2f} × sqlite-utils --help ({seconds[name] * 1000:.0f} ms)",
            goal="≤ 1 ×",
            anchor=f"sqlite-utils --help {peer * 1000:.0f} ms, a bare interpreter {seconds['bare'] * 1000:.0f} ms",
        )
