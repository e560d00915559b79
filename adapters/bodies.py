"""Bodies of answers, read as if whoever sent them meant harm: unpacked, parsed and unarchived within limits.

Invariant: what leaves this module is proven whole (gzip trailer, closed JSON, unambiguous keys, end of every
archived file, I11) and never larger than the limit given (I15); everything else is a ``BodyFault``.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import NoReturn

GZIP_MAGIC = b"\x1f\x8b"
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escaped surrogate half: rare, so only a body that has one pays for the thorough look."""


class BodyFault(Exception):
    """A body that may not be used. ``reason`` is answer-cut, answer-too-large or answer-not-understood."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


def _cut(text: str) -> BodyFault:
    return BodyFault("answer-cut", text)


def _too_large(limit: int) -> BodyFault:
    return BodyFault("answer-too-large", f"The answer is larger than the {limit} bytes allowed.")


def _not_understood(text: str) -> BodyFault:
    return BodyFault("answer-not-understood", text)


class Inflater:
    """Unpacks gzip piece by piece: every member of it, each one's trailer checked, never beyond the limit.

    httpx unpacks the first member only, believes a cut body and lets 194 kB become 200 MB.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []
        self._member: zlib._Decompress | None = None
        self._between = b""
        self._seen = False

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the wire; raises ``BodyFault``."""
        data = self._between + data
        self._between = b""
        while data:
            if self._member is None:
                if len(data) < len(GZIP_MAGIC):
                    self._between = data
                    return
                if not data.startswith(GZIP_MAGIC):
                    raise _not_understood("The answer says gzip and is something else.")
                self._member = zlib.decompressobj(wbits=31)
                self._seen = True
            try:
                part = self._member.decompress(data, self._limit - self._size + 1)
            except zlib.error:
                raise _not_understood("The packed answer is damaged.") from None
            self._size += len(part)
            if self._size > self._limit:
                raise _too_large(self._limit)
            self._parts.append(part)
            if self._member.eof:
                data = self._member.unused_data
                self._member = None
            else:
                data = self._member.unconsumed_tail

    def finish(self) -> bytes:
        """The whole unpacked body; raises ``BodyFault`` when the last member was not closed."""
        if self._between or self._member is not None or not self._seen:
            raise _cut("The packed answer ended before it was whole.")
        return b"".join(self._parts)


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)


def load_json(body: bytes) -> object:
    """The JSON value of a body whose size is already limited.

    Refuses what ``json.loads`` lets through: a key twice in one object (the last would win: ``status``!), NaN
    and infinities, lone surrogates, nesting deeper than the interpreter can follow. Raises ``BodyFault``.
    """
    try:
        value: object = _DECODER.decode(body.decode("utf-8"))
        if _SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise _not_understood("The answer is nested too deeply.") from None
    except UnicodeError:
        raise _not_understood("The answer holds characters that are no text.") from None
    except json.JSONDecodeError as fault:
        if fault.pos >= len(fault.doc.rstrip()) or fault.msg.startswith("Unterminated string"):
            raise _cut("The answer's JSON ends before it is closed.") from None
        raise _not_understood("The answer is not JSON.") from None
    except ValueError as fault:
        raise _not_understood(f"The answer's JSON is ambiguous: {fault}.") from None
    return value


class _Counted(io.RawIOBase):
    """A reader that stops at a limit, so that an archive cannot grow beyond it while it is unpacked."""

    def __init__(self, source: gzip.GzipFile, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._size = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        room = self._limit - self._size + 1
        data = self._source.read(room if size < 0 else min(size, room))
        self._size += len(data)
        if self._size > self._limit:
            raise _too_large(self._limit)
        return data


def archived_files(packed: bytes, *, limit: int, files: int = 1000) -> Iterator[bytes]:
    """The regular files of a ``.tar.gz`` one after the other, read and never extracted (hardening of I15).

    ``limit`` bounds the unpacked archive in bytes, ``files`` its number of entries. Names, links and devices in
    it mean nothing to us. Raises ``BodyFault`` when the archive is cut, damaged or too large.
    """
    entries = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as unpacked:
            source = _Counted(unpacked, limit)
            with tarfile.open(fileobj=source, mode="r|") as archive:
                for entry in archive:
                    entries += 1
                    if entries > files:
                        raise _too_large(limit)
                    if not entry.isreg():
                        continue
                    if entry.size > limit:
                        raise _too_large(limit)
                    handle = archive.extractfile(entry)
                    if handle is None:
                        continue
                    content = handle.read()
                    if len(content) != entry.size:
                        raise _cut("A file of the archive ends before it is whole.")
                    yield content
            while source.read(65536):
                pass  # to the end, so that the trailer with its checksum is read as well
    except (EOFError, tarfile.ReadError, tarfile.StreamError):
        raise _cut("The archive ended before it was whole.") from None
    except (gzip.BadGzipFile, zlib.error, tarfile.TarError):
        raise _not_understood("The archive is damaged.") from None
