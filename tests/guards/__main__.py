"""``python -m tests.guards [-v] [NAME …]``: take each guard of the table out in turn; fail unless its tests fail.

The work tree is never touched: a few copies of it are made, a guard is taken out in one of them, its tests run
there, and the guard is put back. First all tests named must pass with every guard in place, so that none fails
for a reason of its own. A guard whose text is no longer found is an error, so that the table cannot rot.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.guards.table import GUARDS, Guard

ROOT = Path(__file__).parents[2]
PACKAGES = ("console", "adapters", "state", "tests")
UNUSED = ("__pycache__", "__snapshots__", "snapshots", "benchmarks", "guards", "tui")
PARALLEL = 2
SECONDS = 180.0
"""After so long the tests of a guard are given up: a hang shows nothing."""
WHOLE_SECONDS = 1_800.0
"""So long may all tests take with every guard in place."""

_TESTS_FAILED = 1
"""What pytest ends with when tests failed; anything else is trouble of its own."""

_PLUGINS = ("cacheprovider", "xdist", "syrupy", "pytest-textual-snapshot")
_times = itertools.count(1_000_000_000)
"""A modification time of its own for every patch: Python tells by time and size whether a file was compiled."""


@dataclass(slots=True, frozen=True)
class Ended:
    """How pytest ended: its exit code (None: given up) and what it printed."""

    code: int | None
    told: str

    @property
    def failure(self) -> str:
        """The first failure in one line."""
        found = [line for line in self.told.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return found[0] if found else self.told.strip()[-600:]


def _copied(target: Path) -> Path:
    for name in PACKAGES:
        kept = (name,) if name == "tests" else ()
        ignored = [unused for unused in UNUSED if unused == "__pycache__" or kept]
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(*ignored))
    shutil.copy2(ROOT / "pyproject.toml", target)
    return target


def _pytest(folder: Path, tests: Iterable[str], seconds: float) -> Ended:
    plugins = [word for name in _PLUGINS for word in ("-p", f"no:{name}")]
    words = ["-m", "pytest", "-q", "-x", "-rfE", "--tb=no", "--no-header", *plugins, *tests]
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            told, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return Ended(None, process.communicate()[0])
    return Ended(process.returncode, told)


@contextmanager
def _taken_out(folder: Path, guard: Guard) -> Iterator[None]:
    path = folder / guard.file
    whole = path.read_text(encoding="utf-8")
    try:
        _write(path, whole.replace(guard.text, guard.without))
        yield
    finally:
        _write(path, whole)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    moment = next(_times)
    os.utime(path, (moment, moment))


def _try(guard: Guard, folder: Path) -> tuple[bool, str]:
    """Whether the guard is held, and which failure shows it, or what is wrong."""
    found = (folder / guard.file).read_text(encoding="utf-8").count(guard.text)
    if found != 1:
        return False, f"{guard.file} holds the guard's text {found} times, not once"
    with _taken_out(folder, guard):
        ended = _pytest(folder, guard.tests, SECONDS)
    if ended.code == _TESTS_FAILED and ended.failure.startswith("FAILED"):
        return True, ended.failure
    if ended.code == 0:
        return False, f"no test failed: {' '.join(guard.tests)}"
    return False, f"pytest ended with {ended.code}: {ended.failure}"


def main(words: list[str]) -> int:
    """Try the guards (or those named); 0 when each is held. ``-v`` shows the failure that holds a guard."""
    names = {word for word in words if word != "-v"}
    chosen = [guard for guard in GUARDS if not names or guard.name in names]
    unknown = names - {guard.name for guard in GUARDS}
    if unknown or not chosen:
        print(f"no such guard: {', '.join(sorted(unknown)) or '(none chosen)'}", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guards-", ignore_cleanup_errors=True) as temporary:
        folders: SimpleQueue[Path] = SimpleQueue()
        for number in range(PARALLEL):
            folders.put(_copied(Path(temporary, str(number))))
        tests = dict.fromkeys(test for guard in chosen for test in guard.tests)
        folder = folders.get()
        whole = _pytest(folder, tests, WHOLE_SECONDS)
        folders.put(folder)
        if whole.code != 0:
            print(f"not all tests pass with every guard in place: {whole.failure}", file=sys.stderr)
            return 1

        def tried(guard: Guard) -> tuple[bool, str]:
            folder = folders.get()
            try:
                return _try(guard, folder)
            finally:
                folders.put(folder)

        failed = 0
        with ThreadPoolExecutor(PARALLEL) as pool:
            for guard, (held, told) in zip(chosen, pool.map(tried, chosen), strict=True):
                failed += not held
                print(f"{'held    ' if held else 'NOT HELD'} {guard.name:<44} {guard.what}", flush=True)
                if not held or "-v" in words:
                    print(f"    {told}", flush=True)
    print(f"{len(chosen) - failed} held, {failed} not, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
