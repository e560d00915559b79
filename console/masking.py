"""What no log may show: addresses and secrets (I7, I17, R50).

Invariant: everything a job writes into its log, and everything its process writes into its log file, goes
through ``Masks.mask``, tracebacks included. Secrets are kept wrapped and revealed only while they are replaced.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from adapters.secret import Secret

MASK = "••••"
SHORTEST_SECRET = 4
"""A shorter one would blot out ordinary words; nobody's key is that short."""

_NO_LETTER = r"""\s@＠﹫<>"(),;:\[\]\\"""
_LETTER = rf"[^{_NO_LETTER}]"
"""What RFC 5321 lets stand in a local part, and more: letters of every script, and ``/ = ? & { } | '`` too."""
_URL_LETTER = rf"[^{_NO_LETTER}=/?&]"
"""In a percent-encoded address those are encoded; as they stand they part a URL."""
_ESCAPED = "(?:u[0-9a-f]{4}|x[0-9a-f]{2})"
"""What follows the backslash of a letter that JSON or Python wrote in ASCII."""
_AT = r"(?:[@＠﹫]|\\uff20|\\ufe6b)"
_ENCODED_AT = r"%(?:25)*(?:40|EF%(?:25)*BC%(?:25)*A0)"
_DOMAIN = r"(?:\[[\w.:\-%]+\]?|[\w.\-%@＠﹫。．｡]+)"
_ADDRESS = re.compile(
    # A quoted local part, whose quotes may themselves stand escaped in JSON.
    rf"""(?P<quoted>"(?:[^"\\\r\n]|\\.){{0,128}}?\\?")(?:{_AT}|{_ENCODED_AT})(?P<of_quoted>{_DOMAIN})"""
    # Possessive, for no letter is a sign: a long text without addresses is walked through once.
    rf"|(?<!{_LETTER})(?!(?<=\\){_ESCAPED})(?P<plain>(?:{_LETTER}++|(?!{_AT})\\{_ESCAPED})*+)"
    rf"{_AT}(?P<of_plain>{_DOMAIN})"
    rf"|(?<!{_URL_LETTER})(?P<encoded>{_URL_LETTER}*){_ENCODED_AT}(?P<of_encoded>{_DOMAIN})",
    re.IGNORECASE,
)
"""Wider than any address on purpose: percent-encoded ones, ones without a dot, and faulty ones are data too."""

_SIGNS = ("@", "%", "＠", "﹫", "\\u")
"""A text without any of them holds no address."""

_BEFORE = "'`{|/=?&"
"""What may begin a local part, and far more often stands before an address."""

_LOOKS_SECRET = re.compile(
    r"\b[0-9a-f]{32}-[a-z]{2}\d{1,3}\b"  # a Mailchimp key
    r"|(?<=://)[^\s/@]+:[^\s/@]+(?=@)"  # user:password in a URL
    r"|(?<=basic )[\w+/=]{8,}|(?<=bearer )[\w.~+/=\-]{8,}",
    re.IGNORECASE,
)


def mask_addresses(text: str) -> str:
    """Each address cut to its first letter and its last label: ``e…@….org``."""
    if not any(sign in text for sign in _SIGNS):
        return text
    return _ADDRESS.sub(_masked_address, text)


def _masked_address(found: re.Match[str]) -> str:
    local = next(part for part in found.group("quoted", "plain", "encoded") if part is not None)
    domain = next(part for part in found.group("of_quoted", "of_plain", "of_encoded") if part is not None)
    _, dot, label = domain.rstrip(".-").rpartition(".")
    if domain.startswith("["):  # a number, not a name
        dot = ""
    shown = len(local) - len(local.lstrip(_BEFORE)) + 1
    return f"{local[:shown]}…@…{dot}{label if dot else ''}"


class Masks:
    """The secrets a process has met so far, and the one function that takes them out of a text."""

    def __init__(self) -> None:
        self._secrets: set[Secret] = set()

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Mask these from now on."""
        self._secrets.update(secrets)

    def mask(self, text: str) -> str:
        """The text without known secrets, without what looks like one, and with addresses cut."""
        # The longest first: one secret may be the beginning of another.
        for spelling in sorted(self._spellings(), key=len, reverse=True):
            text = text.replace(spelling, MASK)
        return mask_addresses(_LOOKS_SECRET.sub(MASK, text))

    def _spellings(self) -> set[str]:
        found = set[str]()
        for secret in self._secrets:
            if len(secret.reveal()) >= SHORTEST_SECRET:
                plain = secret.reveal()
                found |= {
                    plain,
                    quote(plain, safe=""),
                    quote_plus(plain),
                    json.dumps(plain)[1:-1],
                    repr(plain)[1:-1],
                }
        return found


class MaskingFormatter(logging.Formatter):
    """Formats as usual, then masks the whole: message, arguments and traceback."""

    def __init__(self, masks: Masks) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._masks = masks

    def format(self, record: logging.LogRecord) -> str:
        """The masked text of a record."""
        return self._masks.mask(super().format(record))
