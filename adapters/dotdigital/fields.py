"""Data fields of the account: what one may look like, creating and deleting them, counting who has one (contract §7).

Invariant: a field that dotdigital would refuse is refused here first, with a sentence; a default keeps its fraction.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable
from decimal import Decimal

from adapters.answers import unanswered
from adapters.distinct import distinct
from adapters.dotdigital import mapping, routes, values
from adapters.dotdigital.documents import field_of, not_understood, text_in, yes_in
from adapters.dotdigital.errors import failure, problem_in
from adapters.dotdigital.listing import FULL_DATA
from adapters.dotdigital.paging import pages
from adapters.dotdigital.session import Session
from adapters.origins import route
from adapters.provider import FieldDeletion, NewField, NotThere, Refused, RemoteField

NAME_LETTERS = 20
_NAME = re.compile(r"[A-Za-z0-9_-]+")
RESERVED = frozenset(
    {
        *(
            "account",
            "campaign",
            "campaignid",
            "contact",
            "contact_api_id",
            "contactid",
            "email",
            "hcontactid",
        ),
        *("hemail", "hemail256", "id", "messagecontent", "mobilenumberid", "notes", "unsubscribed"),
        "uniquecontactid",
    }
)
"""Names dotdigital keeps for itself."""

CREATE_FIELD = "create a data field"
DELETE_FIELD = "delete a data field"


def fault(field: NewField) -> str:
    """Why dotdigital would refuse to create this field, as a sentence; empty when it would not."""
    name = field.name
    if not 1 <= len(name) <= NAME_LETTERS or not _NAME.fullmatch(name):
        return f"A data field has a name of 1 to {NAME_LETTERS} letters A–Z, digits, _ or -, and {name!r} is none."
    if name.lower() in RESERVED or name.upper() in mapping.SYSTEM_FIELDS:
        return f"dotdigital keeps the name {name} for itself."
    if field.kind not in values.FIELD_TYPES:
        return f"A data field is one of {', '.join(values.FIELD_TYPES)}, and not {field.kind!r}."
    if not field.default.strip():
        return ""
    if field.default.strip().lower() == "null":
        return "The default null means none; leave it empty."
    try:
        default = values.stored(RemoteField(name, name, field.kind), field.default)
    except ValueError as error:
        return f"The default does not fit: {error}."
    if field.kind == "Numeric" and Decimal(repr(float(default))) != Decimal(default):
        return f"The default {default} has more digits than can be sent without rounding it."
    return ""


def typed_default(field: NewField) -> object:
    """The default as dotdigital takes it: a number with its fraction, true or false, a time, a text, or nothing."""
    if not field.default.strip():
        return None
    text = values.stored(RemoteField(field.name, field.name, field.kind), field.default)
    match field.kind:
        case "Numeric":
            return float(text) if "." in text else int(text)
        case "Boolean":
            return text == "true"
    return text


async def create(session: Session, field: NewField) -> RemoteField:
    """Create a field; raises ``Refused`` with ``field-invalid`` or ``field-exists``, ``AccountLimit`` at the limit."""
    sentence = fault(field)
    if sentence:
        raise Refused("field-invalid", sentence, "Correct it and try again.")
    content = {
        "name": field.name,
        "type": field.kind,
        "visibility": "Public" if field.public else "Private",
        "defaultValue": typed_default(field),
    }
    answer = await session.write("POST", route(routes.FIELDS), content)
    if not 200 <= answer.status < 300:
        raise failure(answer, CREATE_FIELD)
    document = answer.document()
    try:
        if document is not None:
            return mapping.remote_field(document)
    except TypeError:
        raise unanswered("dotdigital's answer does not show the new data field.") from None
    default = values.stored(RemoteField(field.name, field.name, field.kind), field.default)
    return RemoteField(
        field.name, field.name, field.kind, default=default, public=field.public, field_id=field.name
    )


async def delete(session: Session, field: RemoteField) -> FieldDeletion:
    """Delete a field and its values; what still needs it is told. Raises ``NotThere`` when there is no such field."""
    if field.system:
        return FieldDeletion(False, f"{field.name} belongs to every account and cannot be deleted.")
    answer = await session.write("DELETE", route(routes.FIELD, name=field.name))
    document = answer.document() or {}
    if 200 <= answer.status < 300:
        if not document or yes_in(document, "result"):
            return FieldDeletion(True)
        needs = _dependencies(document)
        return FieldDeletion(
            False, f"{field.name} is still used: {', '.join(needs) or 'by what is not told'}.", needs
        )
    problem = problem_in(answer)
    if answer.status == 409:
        return FieldDeletion(False, f"{field.name} is still used: {problem.raw}", _dependencies(document))
    if answer.status == 404 and problem.document and not problem.code:
        return FieldDeletion(False, f"dotdigital does not delete {field.name}: {problem.raw}")
    error = failure(answer, DELETE_FIELD)
    if isinstance(error, NotThere):
        raise NotThere(
            "field-missing", f"The account has no data field {field.name}.", error.next, raw=error.raw
        )
    raise error


def _dependencies(document: dict[str, object]) -> tuple[str, ...]:
    entries = field_of(document, "dependencies")
    found = []
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            found.append(
                " ".join(part for part in (text_in(entry, "type"), text_in(entry, "objectId")) if part)
            )
        else:
            found.append(str(entry))
    return tuple(one for one in found if one)


async def holders(session: Session, field: RemoteField, told: Callable[[int], None]) -> int:
    """How many contacts of the account have a value in a field; reads all of them."""
    what = "count who has a value"
    wanted = mapping.Fields([field.name], {field.name: field.kind})
    ids: array[int] = array("q")
    seen: frozenset[str] = frozenset()
    async for page in pages(session, route(routes.CONTACTS), what, params=FULL_DATA):
        try:
            rows = {mapping.contact_id(row): row for row in page.rows}
        except TypeError:
            raise not_understood(what) from None
        ids.extend(int(number) for number, row in rows.items() if wanted.of(row).get(field.name))
        told(len(rows.keys() - seen))  # the rows of the overlap are told once
        seen = frozenset(rows)
    return len(distinct(ids))
