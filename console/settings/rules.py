"""The rules single values of the settings keep: names, durations, cron lines, addresses of servers.

Each function takes a value and answers what was expected instead, or an empty text when the value is good.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_DURATION = re.compile(r"(?:(\d{1,5})w)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?")
_UNITS = (7 * 86400, 86400, 3600, 60, 1)
SHORTEST_EVERY = 60
LONGEST_EVERY = 366 * 86400

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)


def name_fault(name: str) -> str:
    """Names stand in commands, places and file names, so they are plain."""
    return "" if _NAME.fullmatch(name) else "a name of letters, digits, - and _ (at most 63)"


def duration_seconds(text: str) -> int | None:
    """Seconds of ``12h``, ``30m``, ``1d12h``; None for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if not text.strip() or found is None:
        return None
    return sum(int(count) * unit for count, unit in zip(found.groups(), _UNITS, strict=True) if count)


def every_fault(text: str) -> str:
    """``every`` is a duration from a minute to a year, or a cron line of five fields."""
    if len(text.split()) > 1:
        return _cron_fault(text)
    seconds = duration_seconds(text)
    if seconds is None:
        return 'a duration such as "30m", "12h", "1d", or a cron line such as "15 3 * * mon-fri"'
    if not SHORTEST_EVERY <= seconds <= LONGEST_EVERY:
        return "a duration from one minute to one year"
    return ""


def _cron_fault(text: str) -> str:
    fields = text.lower().split()
    if len(fields) != len(_CRON):
        return "a cron line of five fields: minute hour day month weekday"
    for value, (title, lowest, highest, names) in zip(fields, _CRON, strict=True):
        for item in value.split(","):
            if not _cron_item(item, lowest, highest, names):
                return (
                    f"a {title} of the cron line from {lowest} to {highest}, *, a-b, */n or a list of these"
                )
    return ""


def _cron_item(item: str, lowest: int, highest: int, names: tuple[str, ...]) -> bool:
    span, slash, step = item.partition("/")
    if slash and not (step.isascii() and step.isdigit() and 1 <= int(step) <= highest):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    start = _cron_number(first, lowest, highest, names)
    end = _cron_number(last, lowest, highest, names) if dash else start
    return start is not None and end is not None and start <= end


def _cron_number(text: str, lowest: int, highest: int, names: tuple[str, ...]) -> int | None:
    if text in names:
        return names.index(text) + lowest
    if text.isascii() and text.isdigit() and len(text) <= 2 and lowest <= int(text) <= highest:
        return int(text)
    return None


def url_fault(url: str) -> str:
    """A server is spoken to over https, or over plain http on this very machine; nothing secret in the address."""
    expected = "https://…, or http:// to this machine (127.0.0.1, ::1, localhost)"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return expected
    if any(character.isspace() or not character.isprintable() for character in url) or "\\" in url:
        return expected + " without blanks"
    if not parts.hostname or port == 0:
        return expected
    if parts.username is not None or parts.password is not None:
        return expected + " without user and password"
    if "?" in url or "#" in url:
        return expected + " without ? and #"
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.hostname)):
        return ""
    return expected


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
