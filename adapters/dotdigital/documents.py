"""Reading dotdigital's JSON whatever the letter case of its keys, and whatever it grew since (contract §1).

Invariant: a key nobody asks for changes nothing; a key is found in camelCase and in PascalCase alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.answers import Answer
from adapters.bodies import BodyFault
from adapters.provider import IncompleteRead, Unrecognised


def field_of(row: Mapping[str, object], name: str) -> object:
    """The value of a key; a spelling in another letter case counts too. None when there is none."""
    if name in row:
        return row[name]
    wanted = name.lower()
    return next((value for key, value in row.items() if key.lower() == wanted), None)


def text_in(row: Mapping[str, object], name: str) -> str:
    """The value of a key as text; numbers as they are written, nothing as the empty text."""
    value = field_of(row, name)
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def count_in(row: Mapping[str, object], name: str) -> int:
    """A count that may come as a number or as its text; 0 when it is none."""
    value = field_of(row, name)
    if isinstance(value, int):
        return int(value)
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def yes_in(row: Mapping[str, object], name: str) -> bool:
    """Whether a key says yes, as ``true`` or as the text ``"True"``."""
    return text_in(row, name).lower() == "true"


def object_in(answer: Answer, what: str) -> dict[str, object]:
    """The object an answer of a good status holds; raises ``IncompleteRead`` or ``Unrecognised``."""
    value = _value(answer)
    if not isinstance(value, dict):
        raise not_understood(what)
    return value


def rows_in(answer: Answer, what: str) -> list[dict[str, object]]:
    """The list of objects an answer of a good status holds; raises ``IncompleteRead`` or ``Unrecognised``."""
    value = _value(answer)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise not_understood(what)
    return value


def _value(answer: Answer) -> object:
    try:
        return answer.json()
    except BodyFault as fault:
        raise IncompleteRead(fault.reason, fault.text, "Try again.") from None


def not_understood(what: str) -> Unrecognised:
    """An answer of a good status without what it has to hold."""
    return Unrecognised(
        "answer-not-understood",
        f"dotdigital's answer when asked to {what} is not what it describes.",
        "Look at the raw text in the job's log.",
    )
