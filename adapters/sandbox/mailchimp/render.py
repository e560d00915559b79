"""Members and other resources as the interface shows them, and partial answers (`fields`, `exclude_fields`).

Listing a thousand members is the sandbox's hottest path, so a member is written as JSON text piece by piece and
only the pieces asked for are made. Invariant: what a member answers to one call is what it answers to every call.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from adapters.sandbox.clock import iso
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.machine import WORDS
from adapters.sandbox.mailchimp.roll import Member, key_of
from adapters.sandbox.mailchimp.store import Audience

_quote = json.encoder.encode_basestring
Piece = Callable[[Member], str]

TAGS_SHOWN = 50


def text_of(value: object) -> str:
    """`value` as compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def contact_id(audience: Audience, index: int) -> str:
    """An id that survives a change of address; the member's place is its second half."""
    return f"{hashlib.sha256(audience.id.encode()).hexdigest()[:16]}{index:016x}"


def index_of_contact(audience: Audience, text: str) -> int | None:
    """The place out of `contact_id`, or None for anything else."""
    if len(text) != 32 or text[:16] != contact_id(audience, 0)[:16]:
        return None
    return int(text[16:], 16)


class Members:
    """Writes members of one audience, with all their keys or only some."""

    def __init__(self, audience: Audience, *, base: str, legacy_ids: bool = False) -> None:
        self._audience = audience
        self._legacy = legacy_ids
        self._href = f"{base}/lists/{audience.id}/members/"
        self._fields = [(_quote(each.tag) + ":", each.merge_id) for each in audience.merge_fields]
        self._interests = list(audience.interest_ids())
        self._list_id = _quote(audience.id)
        self._prefix = contact_id(audience, 0)[:16]
        plain = self._plain
        self._pieces: dict[str, Piece] = {
            "id": self._id,
            "email_address": lambda member: _quote(member.email),
            "unique_email_id": lambda member: f'"{(member.index * 2654435761 + 12345) & 0xFFFFFFFFFF:010x}"',
            "contact_id": lambda member: f'"{self._prefix}{member.index:016x}"',
            "full_name": self._full_name,
            "web_id": lambda member: str(5512 + member.index),
            "email_type": plain("email_type", "html"),
            "status": lambda member: f'"{WORDS[member.standing]}"',
            "unsubscribe_reason": lambda member: _quote(member.unsubscribe_reason),
            "consents_to_one_to_one_messaging": lambda _: "true",
            "merge_fields": self._merge_fields,
            "interests": self._member_interests,
            "stats": lambda _: '{"avg_open_rate":0,"avg_click_rate":0}',
            "ip_signup": plain("ip_signup", ""),
            "timestamp_signup": lambda member: f'"{iso(member.timestamp_signup)}"',
            "ip_opt": plain("ip_opt", ""),
            "timestamp_opt": lambda member: f'"{iso(member.timestamp_opt)}"',
            "member_rating": lambda _: "2",
            "last_changed": lambda member: f'"{iso(member.last_changed)}"',
            "language": plain("language", ""),
            "vip": plain("vip", False),
            "email_client": lambda _: '""',
            "location": plain("location", {"latitude": 0, "longitude": 0, "country_code": ""}),
            "marketing_permissions": self._permissions,
            "source": lambda member: _quote(member.source),
            "tags_count": lambda member: str(len(self._tag_list(member))) if member.tags else "0",
            "tags": self._tags,
            "list_id": lambda _: self._list_id,
            "_links": self._links,
        }
        self._all = [(f"{_quote(name)}:", piece) for name, piece in self._pieces.items()]

    @property
    def keys(self) -> Iterable[str]:
        """Every key a member has."""
        return self._pieces.keys()

    def full(self, member: Member) -> str:
        """All keys."""
        return "{" + ",".join([name + piece(member) for name, piece in self._all]) + "}"

    def brief(self, member: Member) -> str:
        """What a batch add echoes: 500 of these are written a call, so all in one go; a part of `full`."""
        extras = member.extras
        language, vip, email_type = '""', "false", '"html"'
        if extras:
            language = text_of(extras.get("language", ""))
            vip = text_of(extras.get("vip", False))
            email_type = text_of(extras.get("email_type", "html"))
        changed = iso(member.last_changed)
        opted = changed if member.timestamp_opt == member.last_changed else iso(member.timestamp_opt)
        tags_count, tags = "0", "[]"
        if member.tags:
            tags_count, tags = str(len(self._tag_list(member))), self._tags(member)
        own_id = self._id(member)
        return (
            f'{{"id":{own_id},"email_address":{_quote(member.email)},'
            f'"contact_id":"{self._prefix}{member.index:016x}","web_id":{5512 + member.index},'
            f'"email_type":{email_type},"status":"{WORDS[member.standing]}",'
            f'"merge_fields":{self._merge_fields(member)},"interests":{self._member_interests(member)},'
            f'"timestamp_signup":"{iso(member.timestamp_signup)}","timestamp_opt":"{opted}",'
            f'"last_changed":"{changed}","language":{language},"vip":{vip},"source":{_quote(member.source)},'
            f'"tags_count":{tags_count},"tags":{tags},"list_id":{self._list_id},'
            f'"_links":[{{"rel":"self","href":"{self._href}{own_id[1:-1]}","method":"GET"}}]}}'
        )

    def some(self, keys: Iterable[str]) -> Piece:
        """A writer of only these keys."""
        chosen = [(f"{_quote(name)}:", piece) for name, piece in self._pieces.items() if name in set(keys)]
        return lambda member: "{" + ",".join([name + piece(member) for name, piece in chosen]) + "}"

    def _id(self, member: Member) -> str:
        email = member.email.strip() if self._legacy else key_of(member.email)
        return f'"{hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()}"'

    def _plain(self, name: str, default: object) -> Piece:
        absent = text_of(default)
        return lambda member: text_of(member.extras[name]) if name in member.extras else absent

    def _full_name(self, member: Member) -> str:
        parts = (member.fields.get(1, ""), member.fields.get(2, ""))
        return _quote(" ".join(part for part in parts if isinstance(part, str) and part))

    def _merge_fields(self, member: Member) -> str:
        values = member.fields
        pieces = []
        for name, merge_id in self._fields:
            value = values.get(merge_id, "")
            pieces.append(name + (_quote(value) if type(value) is str else text_of(value)))
        return "{" + ",".join(pieces) + "}"

    def _member_interests(self, member: Member) -> str:
        if not self._interests:
            return "{}"
        return text_of({each: member.interests.get(each, False) for each in self._interests})

    def _permissions(self, member: Member) -> str:
        if not self._audience.permissions:
            return "[]"
        enabled = member.extras.get("marketing_permissions", {})
        return text_of(
            [
                {"marketing_permission_id": key, "text": text, "enabled": bool(enabled.get(key))}
                for key, text in self._audience.permissions.items()
            ]
        )

    def _tag_list(self, member: Member) -> list[dict[str, Any]]:
        segments = self._audience.segments
        return [{"id": key, "name": segments[key].name} for key in member.tags if key in segments]

    def _tags(self, member: Member) -> str:
        return text_of(self._tag_list(member)[:TAGS_SHOWN]) if member.tags else "[]"

    def _links(self, member: Member) -> str:
        return f'[{{"rel":"self","href":"{self._href}{self._id(member)[1:-1]}","method":"GET"}}]'


def links(base: str, path: str) -> list[dict[str, str]]:
    """The `_links` of a resource: itself. Clients ignore them (§2)."""
    return [{"rel": "self", "href": f"{base}{path}", "method": "GET"}]


class Selection:
    """The keys a request asked for with `fields` or `exclude_fields` (dotted, comma-separated)."""

    def __init__(self, query_fields: str | None, query_excluded: str | None) -> None:
        """Raises the 400 Problem when both are given: they exclude one another (§2)."""
        self.wanted = _paths(query_fields)
        self.excluded = _paths(query_excluded)
        if self.wanted is not None and self.excluded is not None:
            raise errors.invalid("fields and exclude_fields cannot be used together.")

    @property
    def whole(self) -> bool:
        """Nothing is left out."""
        return self.wanted is None and self.excluded is None

    def row_keys(self, collection: str, known: Iterable[str]) -> set[str] | None:
        """Which keys of the collection's rows to make; None for all. Deeper paths need `apply` still."""
        prefix = collection + "."
        if self.wanted is not None:
            if collection in self.wanted:
                return None
            return {path[len(prefix) :].split(".")[0] for path in self.wanted if path.startswith(prefix)}
        if self.excluded is not None:
            if collection in self.excluded:
                return set()
            return set(known) - {path[len(prefix) :] for path in self.excluded if path.startswith(prefix)}
        return None

    def deeper_than(self, levels: int) -> bool:
        """Whether some path names more than `levels` levels."""
        paths = self.wanted if self.wanted is not None else self.excluded
        return any(path.count(".") >= levels for path in paths or ())

    def has(self, name: str) -> bool:
        """Whether the top-level key is part of the answer."""
        if self.wanted is not None:
            return any(path == name or path.startswith(name + ".") for path in self.wanted)
        return self.excluded is None or name not in self.excluded

    def apply(self, document: Any) -> Any:
        """`document` with only what was asked for. Raises the 400 Problem for a name it does not have."""
        if self.wanted is not None:
            for path in self.wanted:
                if not _reaches(document, path.split(".")):
                    raise errors.invalid(
                        "The fields requested from this resource are invalid.",
                        [{"field": path, "message": "This field does not exist."}],
                    )
            return _keep(document, [path.split(".") for path in self.wanted])
        if self.excluded is not None:
            return _drop(document, [path.split(".") for path in self.excluded])
        return document


def _paths(text: str | None) -> list[str] | None:
    if not text:
        return None
    return [part.strip() for part in text.split(",") if part.strip()] or None


def _reaches(document: Any, path: list[str]) -> bool:
    """Whether the path exists; an empty collection hides nothing, so any name below it passes."""
    if not path:
        return True
    if isinstance(document, list):
        return not document or any(_reaches(each, path) for each in document)
    if not isinstance(document, dict):
        return False
    if not document:
        return True
    return path[0] in document and _reaches(document[path[0]], path[1:])


def _keep(document: Any, paths: list[list[str]]) -> Any:
    if isinstance(document, list):
        return [_keep(each, paths) for each in document]
    if not isinstance(document, dict):
        return document
    kept: dict[str, Any] = {}
    for name, value in document.items():
        below = [path[1:] for path in paths if path and path[0] == name]
        if not below:
            continue
        kept[name] = value if any(not path for path in below) else _keep(value, below)
    return kept


def _drop(document: Any, paths: list[list[str]]) -> Any:
    if isinstance(document, list):
        return [_drop(each, paths) for each in document]
    if not isinstance(document, dict):
        return document
    kept: dict[str, Any] = {}
    for name, value in document.items():
        below = [path[1:] for path in paths if path and path[0] == name]
        if any(not path for path in below):
            continue
        kept[name] = _drop(value, below) if below else value
    return kept
