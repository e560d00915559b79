"""The log file of a job's process: what went wrong in the program itself, tracebacks included.

The job's own log is in the state; this file is for warnings and faults of the program. Invariant: it is 0600
in a 0700 folder beside the state (I16), nothing reaches it through logging unmasked (I7), and the folder keeps
a bounded number of files.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from console.masking import MaskingFormatter, Masks

KEPT_FILES = 200


def log_file(state_path: Path, job_id: str) -> Path:
    """Where the process of a job writes."""
    name = "".join(letter for letter in job_id if letter.isalnum())
    return state_path.absolute().parent / "logs" / f"job-{name}.log"


def open_log(path: Path) -> IO[bytes]:
    """Open a log file for appending, making it and its folder; the oldest files make room."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_room(path.parent)
    return os.fdopen(os.open(path, _FLAGS, 0o600), "ab", buffering=0)


_FLAGS = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class _LogFile(logging.FileHandler):
    """Made when the first record comes, so that a job without faults leaves no file."""

    def __init__(self, path: Path, masks: Masks) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self.setFormatter(MaskingFormatter(masks))
        self.setLevel(logging.WARNING)

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(open_log(Path(self.baseFilename)), encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def logging_to(path: Path, masks: Masks) -> Iterator[None]:
    """Send the warnings and errors of this process to the file while the block runs."""
    handler = _LogFile(path, masks)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def tidy(path: Path) -> None:
    """Remove the file of a process that had nothing to say."""
    with contextlib.suppress(OSError):  # nothing depends on it
        if path.stat().st_size == 0:
            path.unlink()


def _make_room(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another process may be doing the same
        files = sorted(folder.glob("*.log"), key=lambda file: (file.stat().st_mtime_ns, file.name))
        for file in files[: max(0, len(files) - KEPT_FILES + 1)]:
            file.unlink()
