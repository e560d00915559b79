"""Writing single members: create, upsert, change, archive, delete for good (contract §5).

Every way of writing a person ends in `write_new` or `write_known`, which ask the status machine first.
Invariant: a refused write changes nothing, and each attempt leaves one op for the ledger.
"""

import json
import re
from typing import Any

from adapters.sandbox.addresses import is_address
from adapters.sandbox.clock import iso, parse_moment
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.machine import (
    BY_WORD,
    LISTED,
    PRESENT,
    Standing,
    Verdict,
    judge,
    may_archive,
)
from adapters.sandbox.mailchimp.merge_fields import Values
from adapters.sandbox.mailchimp.render import Members, index_of_contact
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.roll import Member
from adapters.sandbox.mailchimp.store import Audience
from adapters.sandbox.vendor import Answer, Kind, Op

_HASH = re.compile(r"[0-9a-f]{32}\Z")
_EXTRAS = ("language", "vip", "email_type", "location", "ip_signup", "ip_opt")
_PATCHABLE = ("subscribed", "unsubscribed", "cleaned", "pending")


def checked_address(value: object) -> str:
    """The address as Mailchimp stores it. Raises the Problem for one it refuses (§9)."""
    email = value.strip() if isinstance(value, str) else ""
    if not is_address(email):
        raise errors.no_address()
    domain = email.rpartition("@")[2].lower()
    if domain == "example.com" or domain.endswith(".example.com"):
        raise errors.fake_address(email)
    return email


def wanted_status(value: object, name: str = "status") -> Standing:
    """The status word of a request. Raises the 400 Problem for an unknown one."""
    standing = BY_WORD.get(value) if isinstance(value, str) else None
    if standing is None or standing not in LISTED:
        allowed = ", ".join(sorted(each.word for each in LISTED))
        raise errors.invalid_field(name, f"Value must be one of: {allowed}")
    return standing


def resolve(request: Request, audience: Audience) -> Member | None:
    """The member in the path by subscriber hash, plain address or contact id; forgotten ones too."""
    text = request.segments[3]
    if "@" in text:
        return audience.roll.find(text)
    lowered = text.lower()
    if not _HASH.match(lowered):
        return None
    found = audience.roll.find_hash(lowered)
    if found is not None:
        return found
    index = index_of_contact(audience, lowered)
    if index is None or index >= len(audience.roll) or not audience.roll.column[index]:
        return None
    return audience.roll.at(index)


def present(request: Request, audience: Audience) -> Member:
    """The member in the path who is on the list. Raises the 404 Problem."""
    member = resolve(request, audience)
    if member is None or member.standing not in PRESENT:
        raise errors.not_found()
    return member


def renderer(request: Request, audience: Audience) -> Members:
    """Writes this audience's members as this request sees them."""
    return Members(audience, base=request.base, legacy_ids=request.switches.legacy_ids)


def values_of(request: Request, audience: Audience) -> Values:
    """The rules for merge field values of this request."""
    return Values(
        audience,
        skip=request.flag("skip_merge_validation"),
        refuse_unknown=request.switches.unknown_merge_fields_refused,
    )


def grant(
    request: Request, member: Member | None, email: str, wanted: Standing, *, on_post: bool = False
) -> None:
    """Ask the status machine. Raises the Problem that refuses the change."""
    verdict = judge(
        member.standing if member is not None else Standing.ABSENT,
        wanted,
        request.switches,
        before_archive=member.before if member is not None else Standing.ABSENT,
        by_api=member.by_api if member is not None else False,
    )
    if verdict is Verdict.FORGOTTEN:
        raise errors.forgotten(email)
    if verdict is Verdict.COMPLIANCE:
        raise errors.compliance(email, on_post=on_post)
    if verdict is Verdict.INVALID:
        raise errors.invalid_field("status", f"This member cannot be set to {wanted.word}")


def need_room(request: Request) -> None:
    """Raises the 403 Problem when the plan holds no further contact (unconfirmed, §9)."""
    if request.account.room() == 0:
        raise errors.not_permitted("You have reached the contact limit of your plan.")


def _moment(row: dict[str, Any], name: str, default: float) -> float:
    text = row.get(name)
    if text in (None, ""):
        return default
    try:
        return parse_moment(str(text))
    except ValueError:
        raise errors.invalid_field(name, "This value is not a valid datetime.") from None


def _extras(audience: Audience, row: dict[str, Any]) -> dict[str, Any]:
    found = {name: row[name] for name in _EXTRAS if name in row}
    permissions = row.get("marketing_permissions")
    if permissions:
        found["marketing_permissions"] = {
            str(each.get("marketing_permission_id")): bool(each.get("enabled"))
            for each in permissions
            if isinstance(each, dict) and str(each.get("marketing_permission_id")) in audience.permissions
        }
    return found


def _interests(audience: Audience, row: dict[str, Any]) -> dict[str, bool]:
    sent = row.get("interests")
    if not sent:
        return {}
    known = set(audience.interest_ids())
    for interest_id in sent:
        if interest_id not in known:
            raise errors.invalid(f"Invalid interest ID: '{interest_id}'.")
    return {interest_id: bool(value) for interest_id, value in sent.items()}


def tag_names(row: dict[str, Any]) -> list[str]:
    """The names in a row's `tags`: strings, or objects with a name as older clients send them."""
    tags = row.get("tags") or []
    if not isinstance(tags, list):
        raise errors.invalid_field("tags", "Schema describes array, string found instead")
    return [str(tag["name"] if isinstance(tag, dict) and "name" in tag else tag) for tag in tags]


def set_tags(audience: Audience, member: Member, names: list[str], now: float) -> None:
    """Give the member these tags, making those that are new."""
    for name in names:
        segment = audience.segment_made(name, now)
        member.tags.setdefault(segment.id, iso(now))


def write_new(
    request: Request,
    audience: Audience,
    email: str,
    wanted: Standing,
    row: dict[str, Any],
    values: Values,
    *,
    apply: bool = True,
) -> Member:
    """Put an unknown address on the list; `apply=False` only pretends (a rehearsed loss)."""
    need_room(request)
    now = request.now
    tags = tag_names(row) if "tags" in row else []
    member = Member(
        -1,
        email,
        wanted,
        fields=values.merged({}, row.get("merge_fields")),
        interests=_interests(audience, row) if "interests" in row else {},
        extras=_extras(audience, row),
        timestamp_signup=_moment(row, "timestamp_signup", 0.0),
        timestamp_opt=_moment(row, "timestamp_opt", 0.0 if wanted is Standing.PENDING else now),
        last_changed=now,
        by_api=wanted is Standing.UNSUBSCRIBED,
        unsubscribe_reason="N/A (Unsubscribed by an admin)" if wanted is Standing.UNSUBSCRIBED else "",
    )
    if not apply:
        member.index = len(audience.roll)
        return member
    if tags:
        set_tags(audience, member, tags, now)
        request.account.dirty = True
    return audience.roll.add(member)


def write_known(
    request: Request,
    audience: Audience,
    member: Member,
    row: dict[str, Any],
    values: Values,
    *,
    wanted: Standing | None,
    email: str | None = None,
) -> None:
    """Change a known member; whether `wanted` is granted must have been asked before."""
    now = request.now
    # Everything that can be refused first: a refused write changes nothing.
    fields = values.merged(member.fields, row["merge_fields"]) if "merge_fields" in row else member.fields
    interests = {**member.interests, **_interests(audience, row)}
    signup = _moment(row, "timestamp_signup", member.timestamp_signup)
    opt = _moment(row, "timestamp_opt", member.timestamp_opt)
    member.fields, member.interests = fields, interests
    member.extras = {**member.extras, **_extras(audience, row)}
    member.timestamp_signup, member.timestamp_opt = signup, opt
    if wanted is not None and wanted is not member.standing:
        set_standing(member, wanted, now, by_api=True)
    member.last_changed = now
    audience.roll.put(member, email=email)


def set_standing(member: Member, wanted: Standing, now: float, *, by_api: bool) -> None:
    """Move a member to a status, with what goes with it; asks nobody."""
    member.before = member.standing if wanted is Standing.ARCHIVED else Standing.ABSENT
    member.standing = wanted
    member.last_changed = now
    if wanted is Standing.SUBSCRIBED:
        member.timestamp_opt = now
    if wanted is Standing.UNSUBSCRIBED:
        member.by_api = by_api
        member.unsubscribe_reason = "N/A (Unsubscribed by an admin)" if by_api else "I no longer want these"


def _kind(member: Member | None, wanted: Standing | None, moves: bool) -> Kind:
    if member is None:
        return "add"
    if moves:
        return "address"
    if wanted is Standing.UNSUBSCRIBED:
        return "unsubscribe"
    return "change"


def create(request: Request) -> Answer:
    """POST …/members. An existing address is refused: 400 Member Exists."""
    audience = request.audience()
    row = request.document()
    sent = row.get("email_address")
    op = Op(str(sent or ""), str(row["status"]) if row.get("status") else None, False, "add")
    request.ops.append(op)
    email = checked_address(sent)
    wanted = wanted_status(row.get("status"))
    member = audience.roll.find(email)
    if member is not None:
        grant(request, member, email, wanted, on_post=True)
        if member.standing is not Standing.ARCHIVED:
            raise errors.member_exists(email)
        write_known(request, audience, member, row, values_of(request, audience), wanted=wanted)
        set_tags(audience, member, tag_names(row), request.now)
        request.account.dirty = True
    else:
        member = write_new(request, audience, email, wanted, row, values_of(request, audience))
    op.ok = True
    return shown(request, audience, member)


def upsert(request: Request) -> Answer:
    """PUT …/members/{hash}: `status_if_new` never touches a known person's choice, `status` does."""
    audience = request.audience()
    row = request.document()
    member = resolve(request, audience)
    sent = row.get("email_address", member.email if member is not None else request.segments[3])
    status = row.get("status") or None
    op = Op(str(sent or ""), status, False, "change" if member is not None else "add")
    request.ops.append(op)
    email = checked_address(sent)
    if member is None:
        word = status or row.get("status_if_new")
        op.status = word if isinstance(word, str) else None
        if word is None:
            raise errors.invalid_field("status_if_new", "This value should not be blank.")
        wanted = wanted_status(word, "status" if status else "status_if_new")
        known = audience.roll.find(email)
        if known is not None and known.standing in PRESENT:
            # The path's hash is not this address's: the contract's "wrong hash or changed address".
            raise errors.member_exists(email)
        grant(request, known, email, wanted)
        member = write_new(request, audience, email, wanted, row, values_of(request, audience))
    else:
        _change(request, audience, member, row, email, status, op)
    op.ok = True
    return shown(request, audience, member)


def change(request: Request) -> Answer:
    """PATCH …/members/{hash}: any subset."""
    audience = request.audience()
    row = request.document()
    member = resolve(request, audience)
    status = row.get("status") or None
    sent = row.get("email_address") or (member.email if member is not None else request.segments[3])
    op = Op(str(sent), status, False, "change")
    request.ops.append(op)
    if member is None or member.standing not in PRESENT:
        raise errors.not_found()
    if status is not None and status not in _PATCHABLE:
        raise errors.invalid_field("status", f"Value must be one of: {', '.join(_PATCHABLE)}")
    _change(request, audience, member, row, checked_address(sent), status, op)
    op.ok = True
    return shown(request, audience, member)


def _change(
    request: Request,
    audience: Audience,
    member: Member,
    row: dict[str, Any],
    email: str,
    status: object,
    op: Op,
) -> None:
    wanted = wanted_status(status) if status is not None else None
    holder = audience.roll.find(email)
    moves = holder is None or holder.index != member.index
    op.kind = _kind(member, wanted, moves)
    if moves and holder is not None:
        # Known to the list, be it archived or deleted (§5).
        if holder.standing is Standing.FORGOTTEN:
            raise errors.invalid(f"{email} was permanently deleted and cannot be used again.")
        raise errors.member_exists(email)
    if wanted is not None or member.standing is Standing.FORGOTTEN:
        grant(request, member, email, wanted if wanted is not None else Standing.SUBSCRIBED)
    write_known(request, audience, member, row, values_of(request, audience), wanted=wanted, email=email)


def archive(request: Request) -> Answer:
    """DELETE …/members/{hash}: archived, which is no unsubscription; 405 for the locked."""
    audience = request.audience()
    member = resolve(request, audience)
    op = Op(member.email if member is not None else request.segments[3], None, False, "remove")
    request.ops.append(op)
    if member is None or member.standing not in PRESENT:
        raise errors.not_found()
    if not may_archive(member.standing, request.switches):
        raise errors.cannot_remove()
    if member.standing is not Standing.ARCHIVED:
        set_standing(member, Standing.ARCHIVED, request.now, by_api=True)
        audience.roll.put(member)
    op.ok = True
    return Answer(204)


def delete_permanent(request: Request) -> Answer:
    """POST …/actions/delete-permanent: never to be imported again. Only a hash names the member here (§5)."""
    audience = request.audience()
    member = resolve(request, audience) if _HASH.match(request.segments[3].lower()) else None
    op = Op(member.email if member is not None else request.segments[3], None, False, "remove")
    request.ops.append(op)
    if member is None or member.standing not in PRESENT:
        raise errors.not_found()
    forget(member, request.now)
    audience.roll.put(member)
    op.ok = True
    return Answer(204)


def forget(member: Member, now: float) -> None:
    """Empty a member of everything but the address that may never come back."""
    member.before = Standing.ABSENT
    member.standing = Standing.FORGOTTEN
    member.fields, member.tags, member.interests, member.extras = {}, {}, {}, {}
    member.last_changed = now


def read(request: Request) -> Answer:
    """GET …/members/{hash}."""
    audience = request.audience()
    return shown(request, audience, present(request, audience))


def shown(request: Request, audience: Audience, member: Member) -> Answer:
    """The member as an answer, with only the fields asked for."""
    text = renderer(request, audience).full(member)
    selection = request.selection()
    if selection.whole:
        return Answer(200, text.encode())
    return Answer.of(selection.apply(json.loads(text)))
