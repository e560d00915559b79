"""What a merge field makes of a value, by its type (Mailchimp contract §7).

Invariant: a value that passes ``stored`` is taken by the platform, and what ``stored`` returns is what a later
listing shows, so that a second run finds nothing to send (I21).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import urlsplit

from adapters.provider import RemoteField

TEXT_BYTES = 255
FIELD_TYPES = (
    "text", "number", "address", "phone", "date", "url", "imageurl", "radio", "dropdown", "birthday", "zip",
)  # fmt: skip
ADDRESS_KEYS = ("addr1", "addr2", "city", "state", "zip", "country")
ADDRESS_NEEDS = ("addr1", "city", "state", "zip")

_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,10})?")
_ZIP = re.compile(r"\d{5}")
_BIRTHDAY = re.compile(r"(\d{2})/(\d{2})")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def stored(field: RemoteField, value: str) -> str:
    """The text the platform would store; raises ``ValueError`` with a sentence where it would refuse."""
    if not value.strip():
        if field.required:
            raise ValueError(f"{field.name} is required and may not be empty")
        return ""
    return _BY_TYPE.get(field.kind, _text)(field, value)


def _text(field: RemoteField, value: str) -> str:
    data = value.encode("utf-8", "replace")
    return value if len(data) <= TEXT_BYTES else data[:TEXT_BYTES].decode("utf-8", "ignore")


def _number(field: RemoteField, value: str) -> str:
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{field.name} takes a number, and {value!r} is none")
    number = float(text) if "." in text else int(text)
    return str(int(number)) if number == int(number) else repr(number)


def _choice(field: RemoteField, value: str) -> str:
    if value not in field.choices:
        raise ValueError(f"{field.name} takes one of {', '.join(field.choices)}, and not {value!r}")
    return value


def _date(field: RemoteField, value: str) -> str:
    text = value.strip()
    try:
        if len(text) != 10 or date.fromisoformat(text).isoformat() != text:
            raise ValueError
    except ValueError:
        raise ValueError(f"{field.name} takes a date such as 2026-03-31, and {value!r} is none") from None
    return text


def _birthday(field: RemoteField, value: str) -> str:
    found = _BIRTHDAY.fullmatch(value.strip())
    if found and 1 <= int(found[1]) <= 12 and 1 <= int(found[2]) <= _DAYS[int(found[1]) - 1]:
        return found[0]
    raise ValueError(f"{field.name} takes month and day such as 03/31, and {value!r} is none")


def _zip(field: RemoteField, value: str) -> str:
    text = value.strip()
    if not _ZIP.fullmatch(text):
        raise ValueError(f"{field.name} takes five digits, and {value!r} is not that")
    return text


def _url(field: RemoteField, value: str) -> str:
    text = value.strip()
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "." in (parts.hostname or "")
    except ValueError:
        good = False
    if not good or any(letter.isspace() for letter in text):
        raise ValueError(f"{field.name} takes a web address, and {value!r} is none")
    return _text(field, text)


def address_object(value: str) -> dict[str, str] | None:
    """A postal address written as a JSON object of texts; None for any other text."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(isinstance(part, str) for part in found.values()):
        return None
    return found


def _address(field: RemoteField, value: str) -> str:
    found = address_object(value)
    if found is None or any(name not in ADDRESS_KEYS for name in found):
        raise ValueError(
            f'{field.name} takes an address such as {{"addr1":"…","city":"…","state":"…","zip":"…"}}'
        )
    missing = [name for name in ADDRESS_NEEDS if not found.get(name, "").strip()]
    if missing:
        raise ValueError(f"{field.name} needs a whole address: {', '.join(missing)} is missing")
    return json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_BY_TYPE: Mapping[str, Callable[[RemoteField, str], str]] = {
    "text": _text,
    "phone": _text,
    "number": _number,
    "radio": _choice,
    "dropdown": _choice,
    "date": _date,
    "birthday": _birthday,
    "zip": _zip,
    "url": _url,
    "imageurl": _url,
    "address": _address,
}
