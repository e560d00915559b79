"""Mailchimp's words and ours: status to consent, a member of theirs to a member of ours, and back.

Invariant: every status word maps onto one of the seven consents and the raw word is kept; a word nobody knows is
``unknown``, which is never mailed and never raised (design §2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from adapters.provider import RemoteField, utc
from state.model import Consent, Member, RemoteList

CONSENT: Mapping[str, Consent] = {
    "subscribed": Consent.SUBSCRIBED,
    "unsubscribed": Consent.UNSUBSCRIBED,
    "cleaned": Consent.BOUNCED,
    "pending": Consent.PENDING,
    "archived": Consent.UNKNOWN,
    "transactional": Consent.UNKNOWN,
}
"""Archived: the status before is not readable (Mailchimp contract §5). Transactional: never asked for mail."""

MEMBER_KEYS = (
    "id",
    "email_address",
    "status",
    "contact_id",
    "last_changed",
    "timestamp_opt",
    "unsubscribe_reason",
)

LIST_FIELDS = ",".join(
    f"lists.{name}" for name in ("id", "name", "date_created", "double_optin", "stats.member_count")
)


def consent(status: str) -> Consent:
    """The consent behind a status word."""
    return CONSENT.get(status, Consent.UNKNOWN)


def subscriber_hash(email: str) -> str:
    """Mailchimp's id of an address: MD5 of the lower-cased, trimmed address as sent (Mailchimp contract §5)."""
    return _md5(email.strip().lower())


def subscriber_hashes(email: str) -> tuple[str, ...]:
    """The hash, and the one very old lists made without lower-casing where it differs."""
    plain = email.strip()
    lower = _md5(plain.lower())
    return (lower,) if plain == plain.lower() else (lower, _md5(plain))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def member_fields(fields: Sequence[str], collection: str = "members.") -> str:
    """The ``fields=`` value that asks for what is needed and nothing more (data economy, speed)."""
    names = [f"{collection}{key}" for key in MEMBER_KEYS]
    names += [f"{collection}merge_fields.{name}" for name in fields]
    if collection:
        names.append("total_items")
    return ",".join(names)


def text_of(value: object) -> str:
    """A merge field's value as text; an address becomes JSON with sorted keys."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return str(value)


def moment(value: object) -> str:
    """A vendor's time as ISO 8601 UTC with ``Z``; empty for ``""`` and for what is no time."""
    if not isinstance(value, str) or not value:
        return ""
    if value.endswith("+00:00"):
        return value[:-6] + "Z"
    try:
        return utc(value).isoformat().replace("+00:00", "Z")
    except ValueError:
        return ""


def member(row: Mapping[str, object], fields: Sequence[str]) -> Member:
    """One member as Mailchimp shows it; raises ``KeyError`` or ``TypeError`` when it is none."""
    status = row["status"]
    origin_id = row["id"]
    if not isinstance(status, str) or not isinstance(origin_id, str):
        raise TypeError("id and status are text")
    values = row.get("merge_fields")
    known: Mapping[str, object] = values if isinstance(values, dict) else {}
    changed_at = moment(row.get("last_changed"))
    opted_in = moment(row.get("timestamp_opt"))
    return Member(
        email=text_of(row.get("email_address")),
        origin_id=origin_id,
        consent=CONSENT.get(status, Consent.UNKNOWN),
        raw_status=status,
        fields={name: text_of(known[name]) for name in fields if name in known},
        person_id=text_of(row.get("contact_id")),
        changed_at=changed_at,
        since=(opted_in or changed_at) if status == "subscribed" else changed_at,
        detail=text_of(row.get("unsubscribe_reason")),
    )


def remote_list(row: Mapping[str, object]) -> RemoteList:
    """One audience; raises ``KeyError`` when it is none."""
    stats = row.get("stats")
    count = stats.get("member_count") if isinstance(stats, dict) else None
    created = moment(row.get("date_created"))
    return RemoteList(
        list_id=str(row["id"]),
        name=str(row["name"]),
        members=count if isinstance(count, int) else None,
        double_opt_in=row.get("double_optin") is True,
        details={"created": created} if created else {},
    )


def remote_field(row: Mapping[str, object]) -> RemoteField:
    """One merge field; raises ``KeyError`` when it is none."""
    options = row.get("options")
    choices = options.get("choices") if isinstance(options, dict) else None
    return RemoteField(
        name=str(row["tag"]),
        label=str(row.get("name", row["tag"])),
        kind=str(row["type"]),
        required=row.get("required") is True,
        choices=tuple(text_of(choice) for choice in choices) if isinstance(choices, list) else (),
        default=text_of(row.get("default_value")),
        public=row.get("public") is True,
        field_id=text_of(row.get("merge_id")),
    )
