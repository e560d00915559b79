"""What every vendor's control verbs share: which fields a verb takes, and reading them out of the order.

Invariant: a field that is not one of the verb's own, or is of another kind, is refused in words that name what
would be valid; an order is never half understood.
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from adapters.sandbox.vendor import ControlError

_BETWEEN = re.compile(r",(?![^(]*\))")
_NAME = re.compile(r"[\w-]+")
_OR = re.compile(r"\(or ([\w-]+)\)")


def fields_of(takes: str) -> set[str]:
    """The field names in a verb's line, such as `email (or emails), list`: what stands in brackets explains."""
    names: set[str] = set()
    for part in _BETWEEN.split(takes):
        found = _NAME.match(part.strip())
        if found is not None:
            names |= {found[0], *_OR.findall(part)}
    return names


def check_verb(verbs: Mapping[str, str], verb: str, arguments: Mapping[str, Any]) -> None:
    """Raises ControlError for a verb that is none of `verbs` or a field it does not take."""
    if verb not in verbs:
        raise ControlError(f"no verb {verb!r}; there are {', '.join(sorted(verbs))}")
    unknown = set(arguments) - fields_of(verbs[verb])
    if unknown:
        takes = verbs[verb] or "no fields"
        raise ControlError(f"{verb} does not take {', '.join(sorted(unknown))}; it takes {takes}")


def whole(arguments: Mapping[str, Any], name: str, least: int | None = 0) -> int:
    """A whole number, from `least` on. Raises ControlError."""
    value = arguments.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        raise ControlError(
            f"{name} is a whole number{'' if least is None else f' from {least} on'}, not {value!r}"
        )
    return value


def yes_or_no(arguments: Mapping[str, Any], name: str) -> bool:
    """True or false. Raises ControlError."""
    value = arguments.get(name)
    if not isinstance(value, bool):
        raise ControlError(f"{name} is true or false, not {value!r}")
    return value


def one_of(arguments: Mapping[str, Any], name: str, words: tuple[str, ...], default: str) -> str:
    """One of some words. Raises ControlError."""
    value = arguments.get(name, default)
    if value not in words:
        raise ControlError(f"{name} is one of {', '.join(words)}, not {value!r}")
    return str(value)


def emails(arguments: Mapping[str, Any]) -> list[str]:
    """Whom a verb is about: `email`, or several as `emails`. Raises ControlError when nobody is named."""
    found = arguments.get("emails", [arguments["email"]] if "email" in arguments else [])
    if not isinstance(found, list) or not found or not all(isinstance(each, str) for each in found):
        raise ControlError("email (a text) or emails (a list of texts) is needed")
    return found


def flip(switches: Any, name: object, value: object) -> None:
    """Set one yes-or-no field of a vendor's switches (a dataclass). Raises ControlError for any other."""
    names = [field.name for field in fields(switches)]
    if name not in names:
        raise ControlError(f"no switch {name!r}; there are {', '.join(names)}")
    if not isinstance(value, bool):
        raise ControlError(f"switch {name} takes true or false, not {value!r}")
    setattr(switches, str(name), value)
