"""Tags and segments: a tag is a static segment (contract §5, §7).

Invariant: tagging never touches a status, and addresses that are not on the list are passed over.
"""

from typing import Any

from adapters.sandbox.clock import iso
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.lists import page
from adapters.sandbox.mailchimp.machine import PRESENT
from adapters.sandbox.mailchimp.members import present, set_tags
from adapters.sandbox.mailchimp.render import links
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.roll import Member, hash_of
from adapters.sandbox.mailchimp.store import Audience, Segment
from adapters.sandbox.vendor import Answer, Op

MAX_ITEMS = 500


def of_member(request: Request) -> Answer:
    """GET …/members/{hash}/tags: all of them, where a listing shows 50."""
    audience = request.audience()
    member = present(request, audience)
    rows = [
        {"id": key, "name": audience.segments[key].name, "date_added": added}
        for key, added in member.tags.items()
        if key in audience.segments
    ]
    return request.collection("tags", rows)


def set_of_member(request: Request) -> Answer:
    """POST …/members/{hash}/tags: name with `active` or `inactive` → 204."""
    audience = request.audience()
    op = Op(request.segments[3], None, False, "change")
    request.ops.append(op)
    member = present(request, audience)
    op.email = member.email
    tags = request.document().get("tags")
    if not isinstance(tags, list) or not all(isinstance(tag, dict) and tag.get("name") for tag in tags):
        raise errors.invalid_field("tags", "Schema describes array of objects with a name")
    for tag in tags:
        if tag.get("status") not in ("active", "inactive"):
            raise errors.invalid_field("tags.status", "Value must be one of: active, inactive")
    for tag in tags:
        name = str(tag["name"])
        if tag["status"] == "active":
            set_tags(audience, member, [name], request.now)
        else:
            segment = audience.segment_named(name)
            if segment is not None:
                member.tags.pop(segment.id, None)
    member.last_changed = request.now
    audience.roll.put(member)
    request.account.dirty = True
    op.ok = True
    return Answer(204)


def document(request: Request, audience: Audience, segment: Segment) -> dict[str, Any]:
    """One segment as the interface shows it."""
    return {
        "id": segment.id,
        "name": segment.name,
        "member_count": sum(1 for _ in audience.tagged(segment.id)),
        "type": segment.type,
        "created_at": iso(segment.created_at),
        "updated_at": iso(segment.updated_at),
        "list_id": audience.id,
        "_links": links(request.base, f"/lists/{audience.id}/segments/{segment.id}"),
    }


def segments(request: Request) -> Answer:
    """GET /lists/{id}/segments."""
    audience = request.audience()
    kind = request.query.get("type")
    rows = [
        document(request, audience, segment)
        for segment in audience.segments.values()
        if not kind or segment.type == kind
    ]
    return request.collection("segments", rows, list_id=audience.id)


def find(request: Request, audience: Audience) -> Segment:
    """The segment in the path. Raises the 404 Problem."""
    text = request.segments[3]
    segment = audience.segments.get(int(text)) if text.isdigit() else None
    if segment is None:
        raise errors.not_found()
    return segment


def create(request: Request) -> Answer:
    """POST /lists/{id}/segments: a tag with its first members."""
    audience = request.audience()
    body = request.document()
    name = body.get("name")
    if not isinstance(name, str) or not name.strip():
        raise errors.invalid_field("name", "This value should not be blank.")
    emails = body.get("static_segment", [])
    if not isinstance(emails, list):
        raise errors.invalid_field("static_segment", "Schema describes array, string found instead")
    _check_size(emails)
    if audience.segment_named(name) is not None:
        raise errors.invalid("Sorry, that tag already exists.")
    segment = audience.segment_made(name, request.now)
    for email in emails:
        _put(request, audience, segment, str(email))
    request.account.dirty = True
    return request.answer(document(request, audience, segment))


def read(request: Request) -> Answer:
    """GET …/segments/{id}."""
    audience = request.audience()
    return request.answer(document(request, audience, find(request, audience)))


def rename(request: Request) -> Answer:
    """PATCH …/segments/{id}: another name, or another set of members."""
    audience = request.audience()
    segment = find(request, audience)
    body = request.document()
    if isinstance(body.get("name"), str) and body["name"].strip():
        segment.name = body["name"].strip()
    if isinstance(body.get("static_segment"), list):
        _check_size(body["static_segment"])
        for member in list(audience.tagged(segment.id)):
            _take(request, audience, segment, member)
        for email in body["static_segment"]:
            _put(request, audience, segment, str(email))
    segment.updated_at = request.now
    request.account.dirty = True
    return request.answer(document(request, audience, segment))


def delete(request: Request) -> Answer:
    """DELETE …/segments/{id}: the tag goes, its members stay."""
    audience = request.audience()
    segment = find(request, audience)
    del audience.segments[segment.id]
    request.account.dirty = True
    return Answer(204)


def change_members(request: Request) -> Answer:
    """POST …/segments/{id}: add and remove up to 500 members each."""
    audience = request.audience()
    segment = find(request, audience)
    body = request.document()
    to_add, to_remove = body.get("members_to_add") or [], body.get("members_to_remove") or []
    _check_size(to_add)
    _check_size(to_remove)
    added: list[Member] = []
    removed: list[Member] = []
    faults: list[str] = []
    for email in to_add:
        member = _put(request, audience, segment, str(email))
        if member is None:
            faults.append(str(email))
        else:
            added.append(member)
    for email in to_remove:
        member = audience.roll.find(str(email))
        op = Op(str(email), None, False, "change")
        request.ops.append(op)
        if member is None or segment.id not in member.tags:
            faults.append(str(email))
            continue
        _take(request, audience, segment, member)
        op.ok = True
        removed.append(member)
    errors_found = (
        [{"email_addresses": faults, "error": "Email addresses do not exist on the list or tag"}]
        if faults
        else []
    )
    return request.answer(
        {
            "members_added": [_brief(audience, member) for member in added],
            "members_removed": [_brief(audience, member) for member in removed],
            "errors": errors_found,
            "total_added": len(added),
            "total_removed": len(removed),
            "error_count": len(faults),
            "_links": links(request.base, f"/lists/{audience.id}/segments/{segment.id}"),
        }
    )


def members(request: Request) -> Answer:
    """GET …/segments/{id}/members."""
    audience = request.audience()
    segment = find(request, audience)
    count, offset = request.page()
    rows = sorted(member.index for member in audience.tagged(segment.id))
    return page(request, audience, "members", rows[offset : offset + count], {"total_items": len(rows)})


def search(request: Request) -> Answer:
    """GET /lists/{id}/tag-search?name=: tags whose name begins so."""
    audience = request.audience()
    wanted = request.query.get("name", "").lower()
    rows = [
        {"id": segment.id, "name": segment.name}
        for segment in audience.segments.values()
        if segment.type == "static" and segment.name.lower().startswith(wanted)
    ]
    return request.answer({"tags": rows, "total_items": len(rows)})


def _check_size(emails: list[Any]) -> None:
    if len(emails) > MAX_ITEMS:
        raise errors.invalid(
            f"Maximum allowed member items exceeded. No more than {MAX_ITEMS} items can be sent."
        )


def _put(request: Request, audience: Audience, segment: Segment, email: str) -> Member | None:
    op = Op(email, None, False, "change")
    request.ops.append(op)
    member = audience.roll.find(email)
    if member is None or member.standing not in PRESENT:
        return None
    member.tags.setdefault(segment.id, iso(request.now))
    member.last_changed = request.now
    audience.roll.put(member)
    op.ok = True
    return member


def _take(request: Request, audience: Audience, segment: Segment, member: Member) -> None:
    member.tags.pop(segment.id, None)
    member.last_changed = request.now
    audience.roll.put(member)


def _brief(audience: Audience, member: Member) -> dict[str, Any]:
    return {
        "id": hash_of(member.email),
        "email_address": member.email,
        "status": member.standing.word,
        "list_id": audience.id,
    }
