"""The console in a real pseudo-terminal: every byte it writes, and what a terminal makes of them."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """Runs a program in a terminal of its own; ``raw`` is what it wrote, ``text`` what one would see."""

    def __init__(
        self, *arguments: str, size: tuple[int, int] = (100, 30), environment: dict[str, str] | None = None
    ) -> None:
        columns, lines = size
        self.raw = b""
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()

    @property
    def text(self) -> str:
        """The lines a terminal would show now."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self, seconds: float = 0.1) -> bool:
        """Take what is there; False when the terminal is closed."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def until(self, true: Callable[[], bool] | str, seconds: float = 30) -> None:
        """Wait until a text stands on the screen, or something is true."""
        deadline = time.monotonic() + seconds
        while not (true in self.text if isinstance(true, str) else true()):
            assert time.monotonic() < deadline, f"waited for {true!r}; the screen was:\n{self.text}"
            if not self.read() and self.process.poll() is not None:
                time.sleep(0.01)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def ended(self, seconds: float = 20) -> int:
        """Wait for the end; the exit status."""
        self.until(lambda: self.process.poll() is not None, seconds)
        while self.read(0.05) and select.select([self._master], [], [], 0.05)[0]:
            pass
        status = self.process.poll()
        assert status is not None
        return status

    def hang_up(self) -> None:
        """The line drops: the terminal is gone."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


def _take_terminal() -> None:
    """In the child: stdin becomes the controlling terminal, so that losing it is a SIGHUP."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
