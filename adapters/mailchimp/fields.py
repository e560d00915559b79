"""Merge fields of an audience: what may be created, creating and deleting, and who holds a value.

Source of every rule: Mailchimp contract §7. Invariant: a field that ``field_fault`` refuses never leaves as a request.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

from adapters.bodies import BodyFault
from adapters.http import Answer, Client
from adapters.mailchimp import mapping, routes, values
from adapters.mailchimp.documents import read_collection
from adapters.mailchimp.errors import failure, not_understood, problem_in
from adapters.origins import route
from adapters.provider import FieldDeletion, MemberPage, NewField, NotThere, Refused, RemoteField

CHOICE_TYPES = ("radio", "dropdown")
TAG_LETTERS = 10
"""Unconfirmed in the contract; the shorter of what is reported, so that every tag made here is taken."""

_TAG = re.compile(rf"[A-Z0-9_]{{1,{TAG_LETTERS}}}")
_TAKEN = re.compile(r"already (exists|in use|taken)", re.IGNORECASE)
_FULL = re.compile(r"\b(limit|maximum)\b", re.IGNORECASE)


async def read_fields(client: Client, list_id: str) -> tuple[RemoteField, ...]:
    """All merge fields of an audience; the address is implicit and not among them."""
    return await read_collection(
        client,
        route(routes.MERGE_FIELDS, list=list_id),
        "merge_fields",
        "list merge fields",
        mapping.remote_field,
        params={},
        list_id=list_id,
    )


def field_fault(field: NewField) -> str:
    """Why Mailchimp would refuse to create this field, as a sentence; empty when it would not."""
    if not _TAG.fullmatch(field.name):
        return f"A merge tag has 1 to {TAG_LETTERS} upper-case letters A–Z, digits and _, and {field.name!r} has not."
    if field.name == "EMAIL":
        return "EMAIL is the address itself; every audience has it."
    if field.kind not in values.FIELD_TYPES:
        return f"Mailchimp has no field type {field.kind!r}; it has {', '.join(values.FIELD_TYPES)}."
    if field.kind in CHOICE_TYPES and not any(choice.strip() for choice in field.choices):
        return f"A field of type {field.kind} needs at least one choice."
    if field.kind not in CHOICE_TYPES and field.choices:
        return f"A field of type {field.kind} has no choices; {' and '.join(CHOICE_TYPES)} have."
    return _default_fault(field)


def _default_fault(field: NewField) -> str:
    if not field.default:
        return ""
    if field.kind == "address":
        return "A field of type address has no default."
    if len(field.default.encode("utf-8", "replace")) > values.TEXT_BYTES:
        return f"The default is longer than {values.TEXT_BYTES} bytes."
    try:
        values.stored(RemoteField(field.name, field.name, field.kind, choices=field.choices), field.default)
    except ValueError as error:
        return f"The default does not fit: {error}."
    return ""


async def create_field(client: Client, list_id: str, field: NewField) -> RemoteField:
    """POST a merge field and return it as Mailchimp shows it.

    Raises ``Refused`` with ``field-exists``, ``field-limit`` or ``field-refused``.
    """
    fault = field_fault(field)
    if fault:
        raise Refused("field-refused", fault, "Correct the field.")
    body: dict[str, object] = {
        "tag": field.name,
        "name": field.label.strip() or field.name,
        "type": field.kind,
        "public": field.public,
        "required": field.required,
    }
    if field.default:
        body["default_value"] = field.default
    if field.choices:
        body["options"] = {"choices": list(field.choices)}
    answer = await client.send("POST", route(routes.MERGE_FIELDS, list=list_id), content=body)
    if answer.status == 400:
        raise _refused(answer, field.name)
    if not 200 <= answer.status < 300:
        raise failure(answer, "create a merge field", list_id=list_id)
    try:
        document = answer.json()
        if isinstance(document, dict):
            return mapping.remote_field(document)
    except (BodyFault, KeyError):
        pass  # told below
    raise not_understood("create a merge field")


def _refused(answer: Answer, name: str) -> Refused:
    raw = problem_in(answer).raw
    if _TAKEN.search(raw):
        return Refused(
            "field-exists", f"The audience has a field {name} already.", "Choose another name.", raw=raw
        )
    if _FULL.search(raw):
        return Refused(
            "field-limit",
            "The audience has as many merge fields as its plan allows (30; 80 on the top plan).",
            "Delete one that nobody uses, or raise the plan.",
            raw=raw,
        )
    return Refused(
        "field-refused",
        f"Mailchimp refused the field {name}: {raw}",
        "Correct it as the platform says.",
        raw=raw,
    )


async def delete_field(client: Client, list_id: str, field: RemoteField) -> FieldDeletion:
    """DELETE a merge field; its value on every member goes with it. Raises ``NotThere`` when it is gone already."""
    field_id = field.field_id
    if not field_id:
        found = [one.field_id for one in await read_fields(client, list_id) if one.name == field.name]
        if not found:
            raise _gone(field.name)
        field_id = found[0]
    path = route(routes.MERGE_FIELD, list=list_id, field=field_id)
    answer = await client.send("DELETE", path)
    if 200 <= answer.status < 300:
        return FieldDeletion(True)
    problem = problem_in(answer)
    if answer.status == 404:
        raise _gone(field.name, problem.raw)
    if answer.status in (400, 405, 409):
        return FieldDeletion(False, problem.raw)
    raise failure(answer, "delete a merge field", list_id=list_id)


def _gone(name: str, raw: str = "") -> NotThere:
    return NotThere(
        "field-missing", f"The audience has no field {name} any more.", "Synchronize the fields.", raw=raw
    )


async def holders(pages: AsyncIterator[MemberPage], field: RemoteField, told: Callable[[int], None]) -> int:
    """How many members of a listing of this one field hold a value, archived ones too.

    ``told`` gets the number of rows read since it was last called.
    """
    held: set[str] = set()
    async for page in pages:
        if page.afresh:
            held.clear()
        for member in page.members:
            # A member may come twice, and the later one is newer.
            (held.add if member.fields.get(field.name, "").strip() else held.discard)(member.origin_id)
        told(len(page.members))
    return len(held)
