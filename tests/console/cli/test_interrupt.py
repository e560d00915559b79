"""Ctrl-c at any moment: one line, 130, no traceback (R50)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.console.cli.desk import ROOT

AT_IMPORT = """
import signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "console.cli.app":
            {strike}
sys.meta_path.insert(0, Finder())
from console.cli import main
sys.exit(main(["jobs"]))
"""

SWALLOWED = """
            import weakref
            thing = type("Thing", (), {})()
            ref = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
            del thing
"""


@pytest.mark.parametrize("strike", ["signal.raise_signal(signal.SIGINT)", SWALLOWED.strip()])
def test_an_interrupt_while_modules_are_imported(strike: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", AT_IMPORT.replace("{strike}", strike)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (
        130,
        "",
        "listwarden: interrupted. [interrupted]\n",
    )
