"""A text file as a stream of lines: opened safely, decoded without losing a byte, proven unchanged.

Invariant: every byte handed out was digested, a byte that the encoding does not allow becomes the mark
``UNDECODABLE`` (which no valid text contains) instead of vanishing, and ``finish`` raises unless the file was
read to its end and is still the one that was opened.
"""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import chain
from pathlib import Path

from adapters.source import SourceIncomplete, SourceUnreadable

UNDECODABLE = "\udcff"
"""Stands for bytes that could not be decoded: a lone surrogate, which strict decoding never gives."""

BLOCK_BYTES = 128 * 1024
LONGEST_LINE = 8 * 1024 * 1024
ERRORS = "listwarden-mark"
"""The error handler that puts it in."""


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, max(error.end, error.start + 1)


codecs.register_error(ERRORS, _mark)


def marked(data: bytes, encoding: str) -> str:
    """Decode some bytes; what is not allowed becomes ``UNDECODABLE``, an unfinished last character is left out."""
    return codecs.getincrementaldecoder(encoding)(ERRORS).decode(data)


def open_regular(path: Path) -> tuple[int, os.stat_result]:
    """Open a regular file for reading; raises ``SourceUnreadable`` for anything else.

    The kind is looked at before opening, as opening a pipe or device may have effects, and again after.
    """
    try:
        _only_regular(path, path.stat())
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceUnreadable(
            "source-missing", f"There is no file {path}.", "Correct path in the source's settings."
        ) from None
    except PermissionError:
        raise SourceUnreadable(
            "source-not-readable", f"This account may not read {path}.", f"Correct the permissions of {path}."
        ) from None
    except OSError as error:
        raise SourceUnreadable(
            "source-not-readable",
            f"{path} cannot be opened: {error.strerror}.",
            "Correct path in the settings.",
        ) from None
    except ValueError:
        raise SourceUnreadable(
            "source-missing", "The path holds a NUL byte.", "Correct path in the source's settings."
        ) from None
    try:
        found = os.fstat(descriptor)
        _only_regular(path, found)
    except SourceUnreadable:
        os.close(descriptor)
        raise
    return descriptor, found


def _only_regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise SourceUnreadable(
            "source-not-readable", f"{path} is {kind}.", "Name a file in the source's settings."
        )


class FileText:
    """One pass over a file. ``lines`` keeps line ends as they are: LF, CR LF and CR all end a line.

    ``suspect`` is true when a block read since ``settle`` (or the present one) has bytes that need a look at
    every row: NUL or undecodable ones. So a clean file is never looked through row by row.
    """

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.done = 0
        self.suspect = False
        self._block_suspect = False
        self._digest = blake2b(digest_size=16)
        self._encoding = encoding
        descriptor, self._opened = open_regular(path)
        self._file = io.FileIO(descriptor, "rb")
        self.total = self._opened.st_size

    def close(self) -> None:
        self._file.close()

    def settle(self) -> None:
        """The rows so far were looked at."""
        self.suspect = self._block_suspect

    def lines(self) -> Iterator[str]:
        """Every line of the file with its end; one C-level iterator, as this is the hot path."""
        return chain.from_iterable(map(_split, self._texts()))

    def _blocks(self) -> Iterator[bytes]:
        while block := self._read():
            self._digest.update(block)
            self.done += len(block)
            yield block

    def _read(self) -> bytes:
        try:
            return self._file.read(BLOCK_BYTES) or b""
        except OSError as error:
            raise SourceIncomplete(
                "source-incomplete",
                f"{self.path} could not be read to its end: {error.strerror}.",
                "Try again.",
            ) from None

    def _texts(self) -> Iterator[str]:
        """Decoded text cut at line ends, so that a line never lies in two pieces."""
        decoder = codecs.getincrementaldecoder(self._encoding)(ERRORS)
        kept: list[str] = []
        waiting = 0
        for block in chain(self._blocks(), (b"",)):
            text = decoder.decode(block, final=not block)
            cut = _last_line_end(text) if block else len(text)
            self._block_suspect = "\0" in text or UNDECODABLE in text or (waiting > 0 and self._block_suspect)
            self.suspect = self.suspect or self._block_suspect
            if cut or (waiting and not block):
                yield "".join((*kept, text[:cut]))
                kept.clear()
                waiting = 0
            kept.append(text[cut:])
            waiting += len(text) - cut
            if waiting > LONGEST_LINE:
                raise SourceIncomplete(
                    "source-incomplete",
                    f"{self.path} has a line of more than {LONGEST_LINE} characters; this is no CSV file.",
                    "Check what the settings name.",
                )

    def finish(self) -> str:
        """The state of the source that was read, as ``size:mtime_ns:digest``.

        Raises ``SourceIncomplete`` (``source-changed``) when the file changed while it was read.
        """
        now = os.fstat(self._file.fileno())
        same = (now.st_size, now.st_mtime_ns) == (self._opened.st_size, self._opened.st_mtime_ns)
        if not same or self.done != now.st_size:
            raise SourceIncomplete(
                "source-changed", f"{self.path} changed while it was read.", "Try again when it is finished."
            )
        return f"{now.st_size}:{now.st_mtime_ns}:{self._digest.hexdigest()}"

    @property
    def as_of(self) -> datetime:
        """When the file was last written (UTC)."""
        return datetime.fromtimestamp(self._opened.st_mtime, UTC)


def _split(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def _last_line_end(text: str) -> int:
    """Where the last complete line ends; a CR at the very end may be half of CR LF."""
    cut = text.rfind("\n") + 1
    return cut or text.rfind("\r", 0, len(text) - 1) + 1 if text else 0
