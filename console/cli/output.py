"""What leaves on stdout and stderr: data there, narration here (design §6).

Invariants: with ``--json`` stdout holds one JSON document (or one a line) and nothing else; no control, bidi or
invisible character of the data leaves unescaped on either stream (design law 9); a reader who closes the pipe
is no error; a stdout that is closed or full from the start is one, and said in a sentence.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Iterable
from typing import TextIO

from console.wording import UNPRINTABLE, printable

_TAKES_NOTHING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


class ReaderGone(Exception):
    """Whoever read stdout has seen enough: there is nobody left to print for."""


class OutputFailed(Exception):
    """Stdout takes nothing: it is closed, or its disk is full. The text is a sentence."""


def compact_json(value: object) -> str:
    """One line of JSON in which every character that could steer a terminal is escaped."""
    return UNPRINTABLE.sub(
        _escape, json.dumps(value, ensure_ascii=_narrow(sys.stdout), separators=(",", ":"))
    )


def document(value: object) -> None:
    """The one JSON document of a command."""
    _write(sys.stdout, compact_json(value) + "\n")


def json_with_rows(head: dict[str, object], key: str, rows: Iterable[object]) -> None:
    """One document with a long list under ``key``, written as it comes. Raises ``ReaderGone``."""
    _write_list(compact_json(head)[:-1] + f',"{key}":[', rows, "]}\n")


def json_list(rows: Iterable[object]) -> None:
    """One document, a long list, written as it comes. Raises ``ReaderGone``."""
    _write_list("[", rows, "]\n")


def _write_list(start: str, rows: Iterable[object], end: str) -> None:
    before = start
    for row in rows:
        if not _write(sys.stdout, before + compact_json(row), flush=False):
            raise ReaderGone
        before = ","
    _write(sys.stdout, (start if before == start else "") + end)


def json_lines(rows: Iterable[object]) -> None:
    """One JSON document a line. Raises ``ReaderGone``."""
    for row in rows:
        if not _write(sys.stdout, compact_json(row) + "\n", flush=False):
            raise ReaderGone
    if not _flush(sys.stdout):
        raise ReaderGone


def say(text: str = "") -> None:
    """Lines of human text for stdout; the text is made printable here whatever it holds."""
    _write(sys.stdout, printable(text, lines=True) + "\n")


def say_lines(lines: Iterable[str]) -> None:
    """Many lines for stdout. Raises ``ReaderGone``."""
    for line in lines:
        if not _write(sys.stdout, printable(line) + "\n", flush=False):
            raise ReaderGone
    if not _flush(sys.stdout):
        raise ReaderGone


def narrate(text: str = "") -> None:
    """A line for people on stderr: progress, hints, errors."""
    _write(sys.stderr, printable(text, lines=True) + "\n")


def redraw(text: str) -> None:
    """Replace the present line of a terminal's stderr; an empty text clears it."""
    _write(sys.stderr, "\r\x1b[K" + printable(text))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def someone_to_ask() -> bool:
    """Whether a question can be asked: typed on stdin, shown on stderr."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def prepare_streams() -> None:
    """A terminal whose encoding lacks a letter gets it escaped instead of a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _narrow(stream: TextIO) -> bool:
    return "utf" not in (getattr(stream, "encoding", None) or "").lower()


def as_output_failed(error: OSError) -> OutputFailed | None:
    """What a library's own write to stdout failed with: no file is named, and the descriptor takes nothing."""
    if error.filename is not None or error.errno not in _TAKES_NOTHING:
        return None
    if sys.stdout is not None and not sys.stdout.closed:
        _let_go(sys.stdout)
    return _failed(error)


def _write(stream: TextIO | None, text: str, *, flush: bool = True) -> bool:
    try:
        if stream is None or stream.closed:  # the process was started without it
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        stream.write(text)
    except OSError as error:
        return _lost(stream, error)
    return _flush(stream) if flush else True


def _flush(stream: TextIO) -> bool:
    try:
        stream.flush()
    except OSError as error:
        return _lost(stream, error)
    return True


def _lost(stream: TextIO | None, error: OSError) -> bool:
    """False: nobody reads the stream any more. Raises ``OutputFailed`` when it is stdout, and for another reason."""
    if stream is not None and not stream.closed:
        _let_go(stream)
    if isinstance(error, BrokenPipeError) or stream is not sys.stdout:
        return False  # of a lost stderr nobody can be told
    raise _failed(error) from None


def _failed(error: OSError) -> OutputFailed:
    why = "it is closed" if error.errno == errno.EBADF else error.strerror
    return OutputFailed(f"The output cannot be written: {why}.")


def _let_go(stream: TextIO) -> None:
    """Point the descriptor at nothing, so that the interpreter's own flush at the end does not complain."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
