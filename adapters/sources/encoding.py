"""Which encoding a text file is in, told from some of its bytes.

Invariant: a byte order mark and the settings decide; after them valid UTF-8, then the Western code page when the
text it gives is plausible, and only then a guess. The whole file is never held: it is looked through for its
first bytes beyond ASCII, and those are judged.
"""

from __future__ import annotations

import codecs
import os
import re
from dataclasses import dataclass

from adapters.source import SourceUnreadable
from adapters.sources.filetext import ERRORS, UNDECODABLE, marked

SAMPLE_BYTES = 256 * 1024
SEARCHED_BYTES = 512 * 1024 * 1024
"""How far a file that begins in pure ASCII is searched for its first other byte (some 0.1 s)."""

_MARKS = (
    # The longer marks first: that of UTF-32 begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .ods, and .xls begin."""
_WESTERN = frozenset(
    "äöüßÄÖÜéèêëàâáãåæçîïíìñôóòõøœùûúÿÉÈÊËÀÂÁÃÅÆÇÎÏÍÌÑÔÓÒÕØŒÙÛÚýÝðÐþÞšŠžŽŸ"
    "€„“”‚‘’–—…«»‹›°§²³´`·•½¼¾©®™£¡¿ªº¹µ×\u00a0"
)
_SIGN_IN_WORD = re.compile("(?<=[A-Za-z])[€„“”‚…«»‹›°§²³½¼¾©®™£¡¿ªº¹µ×](?=[A-Za-z])")
_LONG_RUN = re.compile("[À-ÖØ-öø-ÿ]{4,}")


@dataclass(slots=True, frozen=True)
class Encoding:
    """A codec's name, and how it was found: ``byte order mark``, ``content``, ``guess`` or ``settings``."""

    codec: str
    found_by: str


def sample_of(descriptor: int, wanted: str) -> tuple[bytes, bytes]:
    """The head of a file, and some bytes to judge its encoding by (the head, unless that is pure ASCII)."""
    head = os.pread(descriptor, SAMPLE_BYTES, 0)
    if wanted or not head.isascii() or len(head) < SAMPLE_BYTES:
        return head, head
    for offset in range(SAMPLE_BYTES, SEARCHED_BYTES, SAMPLE_BYTES):
        block = os.pread(descriptor, SAMPLE_BYTES, offset)
        if not block:
            break
        if not block.isascii():
            # From the line before on, so that no character is cut in two at the front.
            start = block.rfind(b"\n", 0, _first_beyond_ascii(block)) + 1
            return head, block[start:] or block
    return head, head


def _first_beyond_ascii(block: bytes) -> int:
    low, high = 0, len(block)
    while high - low > 1:
        middle = (low + high) // 2
        if block[low:middle].isascii():
            low = middle
        else:
            high = middle
    return low


def find_encoding(head: bytes, judged: bytes, wanted: str) -> Encoding:
    """The encoding of a file; ``wanted`` is the setting or empty. Raises ``SourceUnreadable``."""
    if head.startswith(_WORKBOOKS):
        raise SourceUnreadable(
            "source-encoding", "The file is a spreadsheet's workbook, not CSV.", "Save it as CSV, UTF-8."
        )
    mark = next((codec for bom, codec in _MARKS if head.startswith(bom)), "")
    if wanted:
        return _from_settings(wanted, mark, head)
    if mark:
        return Encoding(mark, "byte order mark")
    wide = _unmarked_utf16(head)
    if wide:
        return Encoding(wide, "content")
    if _is_utf8(judged):
        return Encoding("utf-8", "content")
    if _is_western(judged):
        return Encoding("cp1252", "content")
    guess = _guess(judged)
    if guess:
        return Encoding(guess, "guess")
    raise SourceUnreadable(
        "source-encoding",
        "The encoding of the file could not be told.",
        'Set encoding in the source\'s settings, for example encoding = "cp1252".',
    )


def _from_settings(wanted: str, mark: str, head: bytes) -> Encoding:
    try:
        codec = codecs.lookup(wanted.strip()).name
        # Refuses codecs that are none for text (zip), and those that cannot go on after a bad byte (idna).
        "a".encode(codec)
        codecs.getincrementaldecoder(codec)(ERRORS).decode(b"\xff\xfe")
    except (LookupError, ValueError):
        raise SourceUnreadable(
            "source-encoding",
            f"There is no text encoding {wanted!a}.",
            'Correct encoding in the settings, for example "utf-8", "cp1252", "utf-16".',
        ) from None
    if mark and codec.startswith(mark.removesuffix("-sig")):
        # Else the mark would be read as part of the first column's name.
        codec = mark
    elif codec in ("utf-16", "utf-32"):
        # These two want a mark to tell the order of bytes; without one it is that of Windows.
        codec = _unmarked_utf16(head) or f"{codec}-le"
    return Encoding(codec, "settings")


def _unmarked_utf16(head: bytes) -> str:
    """Western text in UTF-16 has NUL in every other byte."""
    pairs = len(head) // 2
    if pairs < 4:
        return ""
    first, second = head[0::2].count(0), head[1::2].count(0)
    if second > 0.4 * pairs and first < 0.05 * pairs:
        return "utf-16-le"
    return "utf-16-be" if first > 0.4 * pairs and second < 0.05 * pairs else ""


def _is_utf8(data: bytes) -> bool:
    """Valid UTF-8, or UTF-8 with a few broken rows: valid sequences hardly come about by chance."""
    text = marked(data, "utf-8")
    broken = text.count(UNDECODABLE)
    if not broken:
        return True
    sequences = len(text) - sum(map(text.count, map(chr, range(128)))) - broken
    return sequences >= 3 * broken


def _is_western(data: bytes) -> bool:
    """Whether the text read as cp1252 has the letters of Western languages, where such languages have them.

    Other alphabets make long runs of them, other code pages put signs within words.
    """
    text = marked(data, "cp1252")
    other = [character for character in text if character > "\x7f"]
    odd = sum(character not in _WESTERN for character in other) + len(_SIGN_IN_WORD.findall(text))
    runs = sum(map(len, _LONG_RUN.findall(text)))
    return odd <= 0.03 * len(other) and runs <= 0.1 * len(other)


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[: 64 * 1024]).best()
    if best is None or best.encoding == "ascii":
        return ""
    return codecs.lookup(best.encoding).name
