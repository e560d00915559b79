"""Values of data fields: what a text means for a field of some type, and how it is shown (contract §7).

Invariant: a stored value has the type of its field: text, number, true or false, or a moment as text in ISO form.
"""

import math
import re
from datetime import datetime
from typing import Any

from adapters.sandbox.dotdigital.accounts import DataField

TYPES = ("String", "Numeric", "Date", "Boolean")
MAX_TEXT = 1000

_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,9})?\Z")
_YES = ("true", "yes", "y", "1")
_NO = ("false", "no", "n", "0")
_DAY_FIRST = ("%d/%m/%Y", "%d/%m/%Y %H:%M:%S")


class DoesNotFit(ValueError):
    """A value that is none of its field's type."""


def fitted(field: DataField, value: Any) -> Any:
    """The value to store; None for nothing. Raises DoesNotFit."""
    if value is None or value == "":
        return None
    if field.type == "Numeric":
        return _number(value)
    if field.type == "Boolean":
        return _boolean(value)
    if not isinstance(value, (str, int, float)):
        raise DoesNotFit(f"{field.name} takes one value")
    text = str(value)
    if field.type == "Date":
        return _moment(text)
    if len(text) > MAX_TEXT:
        raise DoesNotFit(f"{field.name} takes at most {MAX_TEXT} characters")
    return text


def _number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise DoesNotFit(f"{value!r} is no number")
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise DoesNotFit(f"{value!r} is no number")
        return value
    text = str(value).strip()
    if not _NUMBER.match(text):
        raise DoesNotFit(f"{text!r} is no number of 18 digits and 9 after the point")
    return float(text) if "." in text else int(text)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise DoesNotFit(f"{value!r} is neither yes nor no")


def _moment(text: str) -> str:
    cleaned = text.strip().replace("z", "Z")
    for form in _DAY_FIRST:
        try:
            return datetime.strptime(cleaned, form).isoformat()  # noqa: DTZ007  (a field's date has no zone)
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(cleaned)
    except ValueError:
        raise DoesNotFit(f"{text!r} is no date") from None
    return moment.replace(tzinfo=None, microsecond=0).isoformat()


def shown_date(text: str, notation: int) -> str:
    """A stored moment in one of the three notations the vendor has been seen to use (§2)."""
    if notation == 1:
        return text.replace("T", " ")
    if notation == 2:
        return f"{text.replace('T', ' ')}.527000+00:00"
    return text
