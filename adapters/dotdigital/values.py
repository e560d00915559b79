"""What a data field makes of a value, by its type (contract §7).

Invariant: a value that passes ``stored`` is taken by the platform, and what ``stored`` returns is what ``shown``
makes of the platform's answer later, so that a second run finds nothing to send (I21).
Accepted: text up to 1000 characters; numbers such as ``-12.50`` with up to 18 digits before and 9 after the point;
ISO dates and times (``2026-03-31``, ``2026-03-31T10:15:00+02:00``), for ``31.03.2026`` may be read in two ways;
``true``/``false``, ``yes``/``no``, ``1``/``0``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from adapters.dotdigital.moments import instant
from adapters.provider import RemoteField

TEXT_LETTERS = 1000
FIELD_TYPES = ("String", "Numeric", "Date", "Boolean")

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_WHOLE_DIGITS, _FRACTION_DIGITS = 18, 9
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?\s*([zZ]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


def stored(field: RemoteField, value: str) -> str:
    """The text the platform would store; raises ``ValueError`` with a sentence where it would refuse."""
    if not value.strip():
        return ""
    return _BY_TYPE.get(field.kind.lower(), _text)(field.name, value)


def shown(kind: str, value: object) -> str:
    """A value of the platform's as text, in the form ``stored`` gives values of that type."""
    if value is None:
        return ""
    text = _as_text(value)
    if not text.strip():
        return ""
    reader = _BY_TYPE.get(kind.lower(), _text)
    if reader is _text:
        return text
    try:
        return reader("", text)
    except ValueError:
        return text  # the platform's own word is kept when it is none of its type


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{round(Decimal(repr(value)), _FRACTION_DIGITS):f}"
    return str(value)


def _text(name: str, value: str) -> str:
    if len(value) > TEXT_LETTERS:
        raise ValueError(f"{name} takes {TEXT_LETTERS} characters, and the value has {len(value)}")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"{name} takes text, and the value has characters that are none")
    return value


def _number(name: str, value: str) -> str:
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name} takes a number such as 12.5, and {value!r} is none")
    sign = "-" if text.startswith("-") else ""
    whole, _, fraction = text.lstrip("+-").partition(".")
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    if len(whole) > _WHOLE_DIGITS or len(fraction) > _FRACTION_DIGITS:
        raise ValueError(
            f"{name} takes {_WHOLE_DIGITS} digits before the point and {_FRACTION_DIGITS} after it,"
            f" and {value!r} has more"
        )
    number = f"{whole}.{fraction}" if fraction else whole
    return number if number == "0" else sign + number


def _date(name: str, value: str) -> str:
    text = value.strip()
    moment = instant(text) if _DATE.fullmatch(text) else None
    if moment is None:
        raise ValueError(
            f"{name} takes a date such as 2026-03-31 or 2026-03-31T10:15:00, and {value!r} is none"
        )
    return _date_text(moment)


def _date_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def _boolean(name: str, value: str) -> str:
    word = value.strip().lower()
    if word not in _YES and word not in _NO:
        raise ValueError(f"{name} takes true or false, and {value!r} is neither")
    return "true" if word in _YES else "false"


_BY_TYPE: Mapping[str, Callable[[str, str], str]] = {
    "string": _text,
    "numeric": _number,
    "date": _date,
    "boolean": _boolean,
}
