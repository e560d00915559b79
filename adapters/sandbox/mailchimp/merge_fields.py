"""Merge fields: their definitions, and what a value must look like (contract §7).

Invariant: a value that reaches a member has passed its field's rule, unless the request asked to skip validation.
"""

import re
from datetime import date
from typing import Any

from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.store import Audience, MergeField

TYPES = (
    "text",
    "number",
    "address",
    "phone",
    "date",
    "url",
    "imageurl",
    "radio",
    "dropdown",
    "birthday",
    "zip",
)
MAX_FIELDS = 30
MAX_TAG = 10
_TAG = re.compile(r"[A-Z0-9_]{1,10}\Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")
_URL = (re.compile(r"https?://[^\s/]+\S*\Z", re.IGNORECASE), "Please enter a valid URL")
_PATTERNS = {
    "birthday": (
        re.compile(r"(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])\Z"),
        "Please enter the month (01-12) and a day (01-31)",
    ),
    "zip": (re.compile(r"\d{5}\Z"), "Please enter a valid zip code (5 digits)"),
    "url": _URL,
    "imageurl": _URL,
}
_ADDRESS_PARTS = ("addr1", "city", "state", "zip")


class Values:
    """The rules of one audience's fields, prepared once a request."""

    def __init__(self, audience: Audience, *, skip: bool, refuse_unknown: bool) -> None:
        self._by_tag = {merge_field.tag: merge_field for merge_field in audience.merge_fields}
        self._required = [merge_field for merge_field in audience.merge_fields if merge_field.required]
        self._skip = skip
        self._refuse_unknown = refuse_unknown

    def merged(self, known: dict[int, Any], sent: object) -> dict[int, Any]:
        """`known` values with those `sent` (tag → value) laid over them.

        Raises a Problem naming every field whose value breaks its rule.
        """
        if sent is None:
            sent = {}
        if not isinstance(sent, dict):
            raise errors.invalid_field("merge_fields", "Schema describes object, array found instead")
        values = dict(known)
        faults: list[dict[str, str]] = []
        for tag, value in sent.items():
            merge_field = self._by_tag.get(tag)
            if merge_field is None:
                if self._refuse_unknown:
                    faults.append({"field": tag, "message": "This merge field does not exist"})
                continue
            try:
                values[merge_field.merge_id] = _checked(merge_field, value)
            except ValueError as error:
                if self._skip:
                    values[merge_field.merge_id] = value
                else:
                    faults.append({"field": tag, "message": str(error)})
        faults += self._missing(values)
        if faults:
            raise errors.invalid_merge_fields(faults)
        return values

    def _missing(self, values: dict[int, Any]) -> list[dict[str, str]]:
        """A fault for every required field that is blank."""
        if self._skip:
            return []
        return [
            {"field": merge_field.tag, "message": "Please enter a value"}
            for merge_field in self._required
            if values.get(merge_field.merge_id, "") in ("", None)
        ]


def _cut(text: str) -> str:
    """`text` cut at 255 bytes, never inside a character."""
    encoded = text.encode()
    return text if len(encoded) <= 255 else encoded[:255].decode(errors="ignore")


def _checked(merge_field: MergeField, value: Any) -> Any:
    """`value` as the field keeps it. Raises ValueError with the vendor's message."""
    kind = merge_field.type
    if kind == "address":
        return _address(value)
    if value is None or value == "":
        return ""
    if isinstance(value, (dict, list)):
        found = "object" if isinstance(value, dict) else "array"
        raise ValueError(f"Schema describes string, {found} found instead")
    if kind == "number":
        return _number(value)
    text = str(value)
    if kind in ("radio", "dropdown"):
        choices = [str(choice) for choice in merge_field.options.get("choices", [])]
        if text not in choices:
            raise ValueError(f"Value must be one of: {', '.join(choices)},  (not {text})")
    elif kind == "date":
        _date(text)
    elif kind in _PATTERNS:
        pattern, message = _PATTERNS[kind]
        if not pattern.match(text):
            raise ValueError(message)
    return text if len(text) < 64 else _cut(text)


def _number(value: Any) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = str(value)
    if not _NUMBER.match(text):
        raise ValueError("Please enter a number")
    return float(text) if "." in text else int(text)


def _date(text: str) -> None:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        raise ValueError("Please enter a valid date.") from None


def _address(value: Any) -> Any:
    if value in ("", None):
        return ""
    if not isinstance(value, dict):
        raise ValueError("Please enter a complete address")
    if not all(isinstance(part, str) for part in value.values()):
        raise ValueError("Please enter a complete address")
    if not all(value.get(part, "").strip() for part in _ADDRESS_PARTS):
        raise ValueError("Please enter a complete address")
    return {part: value.get(part, "") for part in ("addr1", "addr2", "city", "state", "zip", "country")}


def document(audience: Audience, merge_field: MergeField) -> dict[str, Any]:
    """One field as the interface shows it."""
    return {
        "merge_id": merge_field.merge_id,
        "tag": merge_field.tag,
        "name": merge_field.name,
        "type": merge_field.type,
        "required": merge_field.required,
        "default_value": merge_field.default_value,
        "public": merge_field.public,
        "display_order": merge_field.display_order or merge_field.merge_id + 1,
        "options": merge_field.options,
        "help_text": merge_field.help_text,
        "list_id": audience.id,
    }


def find(audience: Audience, merge_id: str) -> MergeField:
    """The field with this id. Raises the 404 Problem."""
    for merge_field in audience.merge_fields:
        if str(merge_field.merge_id) == merge_id:
            return merge_field
    raise errors.not_found()


def create(audience: Audience, body: dict[str, Any]) -> MergeField:
    """POST …/merge-fields. Raises Problems for missing, unknown or duplicate values."""
    _need_name(body)
    kind = body.get("type")
    if kind not in TYPES:
        raise errors.invalid_field("type", f"Value must be one of: {', '.join(TYPES)}")
    if len(audience.merge_fields) >= MAX_FIELDS:
        raise errors.invalid(f"You've reached the limit of {MAX_FIELDS} merge fields for this audience.")
    merge_id = audience.next_merge_id
    tag = body.get("tag") or f"MMERGE{merge_id}"
    _check_tag(audience, tag, None)
    options = dict(body.get("options") or {})
    if kind in ("radio", "dropdown") and not options.get("choices"):
        raise errors.invalid_field("options.choices", "Please enter at least one choice")
    merge_field = MergeField(merge_id, str(tag), str(body["name"]), str(kind), options=options)
    _apply(merge_field, body)
    audience.merge_fields.append(merge_field)
    audience.next_merge_id += 1
    return merge_field


def change(audience: Audience, merge_field: MergeField, body: dict[str, Any]) -> MergeField:
    """PATCH …/merge-fields/{id}: the name is needed, the type stays."""
    _need_name(body)
    if body.get("type", merge_field.type) != merge_field.type:
        raise errors.invalid_field("type", "The type of a merge field cannot be changed")
    if body.get("tag") and body["tag"] != merge_field.tag:
        _check_tag(audience, body["tag"], merge_field)
        merge_field.tag = str(body["tag"])
    merge_field.name = str(body["name"])
    if isinstance(body.get("options"), dict):
        merge_field.options = {**merge_field.options, **body["options"]}
    _apply(merge_field, body)
    return merge_field


def _apply(merge_field: MergeField, body: dict[str, Any]) -> None:
    merge_field.required = bool(body.get("required", merge_field.required))
    merge_field.public = bool(body.get("public", merge_field.public))
    merge_field.default_value = str(body.get("default_value", merge_field.default_value))
    merge_field.help_text = str(body.get("help_text", merge_field.help_text))
    order = body.get("display_order", merge_field.display_order)
    merge_field.display_order = order if isinstance(order, int) else merge_field.display_order


def _need_name(body: dict[str, Any]) -> None:
    if not isinstance(body.get("name"), str) or not body["name"].strip():
        raise errors.invalid_field("name", "This value should not be blank.")


def _check_tag(audience: Audience, tag: object, own: MergeField | None) -> None:
    if not isinstance(tag, str) or not _TAG.match(tag):
        raise errors.invalid_field(
            "tag", f"A tag is up to {MAX_TAG} upper-case letters, digits and underscores."
        )
    taken = tag == "EMAIL" or any(other.tag == tag for other in audience.merge_fields if other is not own)
    if taken:
        raise errors.invalid(f'A Merge Field with the tag "{tag}" already exists for this list.')
