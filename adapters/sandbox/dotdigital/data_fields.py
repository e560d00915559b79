"""Data fields: listing, creating, deleting; nobody can change one (contract §7).

Invariant: names are compared without case; deleting a field takes its values from everybody, because values are
kept by the field's number and a new field gets a new one.
"""

import re
from typing import Any

from adapters.sandbox.dotdigital.accounts import DataField
from adapters.sandbox.dotdigital.campaigns import using_field
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.dotdigital.values import TYPES, DoesNotFit, fitted
from adapters.sandbox.dotdigital.writing import enumerated
from adapters.sandbox.vendor import Answer

_NAME = re.compile(r"[A-Za-z0-9_-]{1,20}\Z")
_VISIBILITIES = ("Public", "Private")
MAX_FIELDS = 200

RESERVED = frozenset(
    {
        *("account", "campaign", "campaignid", "contact", "contact_api_id", "contactid", "email"),
        *("hcontactid", "hemail", "hemail256", "id", "messagecontent", "mobilenumberid", "notes"),
        *("unsubscribed", "uniquecontactid", "lastsubscribed"),
    }
)


def document(request: Request, field: DataField) -> dict[str, Any]:
    """A data field as it is shown."""
    default = field.default
    if default is None and request.switches.null_text_default:
        default = "null"
    return {
        "name": field.name,
        "type": field.type,
        "visibility": field.visibility,
        "defaultValue": default,
    }


def listed(request: Request) -> Answer:
    """GET /data-fields: always the whole list."""
    return request.answer([document(request, field) for field in request.account.fields])


def create(request: Request) -> Answer:
    """POST /data-fields."""
    sent = request.document("DATAFIELD_INVALID")
    return request.created(document(request, made(request.account, sent)))


def made(account: Any, sent: dict[str, Any]) -> DataField:
    """The data field a body asks for. Raises the Refusal."""
    name = sent.get("name")
    kind = enumerated(sent.get("type"), TYPES)
    visibility = enumerated(sent.get("visibility", "Private"), _VISIBILITIES)
    if not isinstance(name, str) or not _NAME.match(name) or name.lower() in RESERVED:
        raise Refusal("DATAFIELD_INVALID")
    if kind is None or visibility is None:
        raise Refusal("DATAFIELD_INVALID")
    if account.field_named(name) is not None:
        raise Refusal("NON_UNIQUE_DATAFIELD")
    if len(account.fields) >= MAX_FIELDS:
        raise Refusal("DATAFIELD_LIMITEXCEEDED")
    default = sent.get("defaultvalue")
    try:
        value = fitted(DataField(0, name, kind), None if default == "null" else default)
    except DoesNotFit:
        raise Refusal("DATAFIELD_INVALID") from None
    field: DataField = account.add_field(name.upper(), kind, visibility=visibility, default=value)
    return field


def delete(request: Request) -> Answer:
    """DELETE /data-fields/{name}; one that a campaign uses stays."""
    account = request.account
    field = account.field_named(request.segments[1])
    if field is None:
        raise Refusal("DATAFIELD_NOTFOUND")
    if field.system:
        raise Refusal("", 404, f"{field.name} is a system data field and cannot be deleted.")
    used = using_field(account, field)
    if used:
        if request.switches.field_in_use_is_409:
            raise Refusal("DATAFIELD_INVALID", 409, f"{field.name} is in use.")
        told = [{"type": "Campaign", "objectId": campaign_id} for campaign_id in used]
        return request.answer({"result": False, "dependencies": told})
    account.fields.remove(field)
    account.dirty = True
    return request.answer({"result": True, "dependencies": None})
