"""Contacts changed and created over the API.

Invariant: a request is applied as a whole or not at all, and the ledger's op tells the address and whether it was.
"""

import json
from collections.abc import Mapping
from typing import Any

from adapters.sandbox.addresses import is_address
from adapters.sandbox.oro.documents import (
    COMPUTED,
    KEPT,
    MEDIA_TYPE,
    WRITABLE,
    Problem,
    body_refused,
    conflict,
    media_type_refused,
    violation,
)
from adapters.sandbox.oro.seed import Contact
from adapters.sandbox.oro.switches import Switches
from adapters.sandbox.vendor import Op

_LONGEST = 255
_BLANK = "This value should not be blank."


def attributes_of(body: bytes, headers: Mapping[str, str], *, key: str | None) -> dict[str, Any]:
    """The attributes of a JSON:API body about contact `key` (None: a new one). Raises a Problem."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise media_type_refused()
    try:
        document = json.loads(body)
    except ValueError:
        raise body_refused("The request body is no JSON.") from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise body_refused("The primary data object should exist.")
    if data.get("type") != "contacts":
        raise conflict("The 'type' property should match the resource.", "/data/type")
    if key is not None and data.get("id") != key:
        raise conflict("The 'id' property should match the requested identifier.", "/data/id")
    attributes = data.get("attributes", {})
    if not isinstance(attributes, dict):
        raise body_refused("The 'attributes' property should be an object.", "/data/attributes")
    return attributes


def apply(contact: Contact, attributes: dict[str, Any], switches: Switches, now: float) -> None:
    """Set attributes of a contact, all or none. Raises the 400 Problem with every violation."""
    values, emails = dict(contact.attributes), list(contact.emails)
    errors = []
    for name, value in attributes.items():
        if name not in WRITABLE:
            errors.append(_extra(name))
        elif name == "emails":
            told = [one.get("email") if isinstance(one, dict) else None for one in _listed(value)]
            if not isinstance(value, list) or not all(
                isinstance(one, str) and is_address(one) for one in told
            ):
                errors.append(violation("email constraint", "This value is not a valid email address.", name))
            else:
                emails = [str(one) for one in told]
        elif (error := _fault(name, value)) is not None:
            errors.append(error)
        else:
            values[name] = value
    if not any(str(values.get(name) or "").strip() for name in ("firstName", "lastName")):
        alone = not any((values.get("primaryEmail"), emails))
        if switches.name_required or alone:
            errors += [violation("not blank constraint", _BLANK, name) for name in ("firstName", "lastName")]
    if errors:
        raise Problem(400, *errors)
    contact.attributes = values
    contact.emails = _with_primary(values.get("primaryEmail"), emails)
    contact.updated = now


def op_of(contact: Contact | None, attributes: Mapping[str, Any], before: str, *, ok: bool) -> Op:
    """The ledger's line: an addition, a change of the address, or another change."""
    told = attributes.get("primaryEmail")
    if contact is None:
        return Op(str(told or ""), None, ok, "add")
    moved = isinstance(told, str) and told != before
    return Op(str(told) if moved else before, None, ok, "address" if moved else "change")


def _extra(name: str) -> dict[str, Any]:
    kept = " It cannot be changed." if name == COMPUTED or name in KEPT else ""
    return violation(
        "extra fields constraint", f'This form should not contain extra fields: "{name}".{kept}', name
    )


def _fault(name: str, value: object) -> dict[str, Any] | None:
    if name == "newsletterOptOut":
        wrong = not isinstance(value, bool)
    else:
        wrong = not (value is None or isinstance(value, str))
    if wrong:
        return violation("type constraint", "This value is not valid.", name)
    if name == "primaryEmail" and value and not is_address(str(value)):
        return violation("email constraint", "This value is not a valid email address.", name)
    if name == "gender" and value not in (None, "", "male", "female"):
        return violation("choice constraint", "The value you selected is not a valid choice.", name)
    if isinstance(value, str) and len(value) > _LONGEST:
        return violation(
            "length constraint",
            f"This value is too long. It should have {_LONGEST} characters or less.",
            name,
        )
    return None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _with_primary(primary: object, emails: list[str]) -> list[str]:
    """The primary address is one of the addresses, and the first."""
    if not primary:
        return emails
    return [str(primary), *(email for email in emails if email != primary)]
