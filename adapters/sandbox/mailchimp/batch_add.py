"""POST /lists/{id}: up to 500 members at once, each with its own result (contract §6a).

Invariant: every row of the request is in exactly one of `new_members`, `updated_members` and `errors`, except a
duplicate that the caller asked to skip.
"""

from typing import Any

from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.machine import Standing
from adapters.sandbox.mailchimp.members import (
    checked_address,
    grant,
    renderer,
    set_tags,
    tag_names,
    values_of,
    wanted_status,
    write_known,
    write_new,
)
from adapters.sandbox.mailchimp.merge_fields import Values
from adapters.sandbox.mailchimp.render import links, text_of
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.roll import Member, key_of
from adapters.sandbox.mailchimp.store import Audience
from adapters.sandbox.vendor import Answer, Op

MAX_MEMBERS = 500


class _Exists(Exception):
    """The address is on the list and the call may not update it."""


def add(request: Request) -> Answer:
    """Carry the batch add out. HTTP is 200 even when every row failed."""
    audience = request.audience()
    body = request.document()
    rows = body.get("members")
    if not isinstance(rows, list):
        raise errors.invalid_field("members", "Schema describes array, NULL found instead")
    if len(rows) > MAX_MEMBERS:
        raise errors.invalid(
            f"The maximum number of members per call is {MAX_MEMBERS}; {len(rows)} were sent."
        )
    update = body.get("update_existing") is True
    sync_tags = body.get("sync_tags") is True
    skip_duplicates = request.flag("skip_duplicate_check")
    values = values_of(request, audience)
    write = renderer(request, audience).brief
    need_slots(request, audience, rows)

    new: list[str] = []
    updated: list[str] = []
    failed: list[dict[str, str]] = []
    seen: set[str] = set()
    for row in rows:
        if not isinstance(row, dict):
            raise errors.invalid_field("members", "Schema describes object, string found instead")
        sent = row.get("email_address")
        if skip_duplicates and isinstance(sent, str):
            key = key_of(sent)
            if key in seen:
                continue
            seen.add(key)
        status = row.get("status")
        op = Op(
            sent if isinstance(sent, str) else "", status if isinstance(status, str) else None, False, "add"
        )
        request.ops.append(op)
        try:
            member, known = _one(request, audience, row, values, op, update=update, sync_tags=sync_tags)
        except _Exists:
            failed.append(_error(op.email, f"{op.email} is already a list member", "ERROR_CONTACT_EXISTS"))
        except errors.Problem as problem:
            failed.append(_problem(op.email, problem))
        else:
            if known is None:
                new.append(write(member))
            elif known or request.switches.echo_unchanged:
                updated.append(write(member))
    return _result(request, audience, new, updated, failed)


def need_slots(request: Request, audience: Audience, rows: list[Any]) -> None:
    """Raises the 403 Problem when the new addresses of the call do not fit the plan: none is applied then."""
    room = request.account.room()
    if room is None:
        return
    unknown = set()
    for row in rows:
        sent = row.get("email_address") if isinstance(row, dict) else None
        if isinstance(sent, str) and audience.roll.find(sent) is None:
            unknown.add(key_of(sent))
    if len(unknown) > room:
        request.ops.extend(refused(rows))
        raise errors.not_permitted("You have reached the contact limit of your plan.")


def refused(rows: list[Any]) -> list[Op]:
    """The ops of a batch add that was refused as a whole."""
    return [
        Op(str(row.get("email_address", "")), row.get("status") or None, False, "add")
        for row in rows
        if isinstance(row, dict)
    ]


def _one(
    request: Request,
    audience: Audience,
    row: dict[str, Any],
    values: Values,
    op: Op,
    *,
    update: bool,
    sync_tags: bool,
) -> tuple[Member, bool | None]:
    """The member written, and None when it is new, else whether anything changed."""
    email = checked_address(row.get("email_address"))
    member = audience.roll.find(email)
    if member is None:
        wanted = wanted_status(row.get("status"))
        lost = request.rehearsals.loses_this_row()
        member = write_new(request, audience, email, wanted, row, values, apply=not lost)
        op.ok = not lost
        return member, None
    wanted_word = row.get("status")
    wanted = wanted_status(wanted_word) if wanted_word else member.standing
    grants_nothing = not wanted_word and member.standing is not Standing.FORGOTTEN
    if not grants_nothing:
        grant(request, member, email, wanted)
    comes_back = member.standing is Standing.ARCHIVED and request.switches.skip_unarchives
    if not update and not comes_back:
        raise _Exists
    op.kind = "unsubscribe" if wanted is Standing.UNSUBSCRIBED else "change"
    before = member.record()
    changed_at = member.last_changed
    tags = tag_names(row) if "tags" in row else []
    write_known(
        request,
        audience,
        member,
        row,
        values,
        wanted=wanted if wanted_word else None,
    )
    if sync_tags:
        member.tags = {}
    set_tags(audience, member, tags, request.now)
    after = member.record()
    after[11] = changed_at
    if tags or sync_tags:
        request.account.dirty = True
    op.ok = True
    return member, before != after


def _error(email: str, text: str, code: str, field: str = "", message: str = "") -> dict[str, str]:
    return {
        "email_address": email,
        "error": text,
        "error_code": code,
        "field": field,
        "field_message": message,
    }


def _problem(email: str, problem: errors.Problem) -> dict[str, str]:
    first = (problem.errors or [{"field": "", "message": ""}])[0]
    return _error(email, problem.detail, "ERROR_GENERIC", first["field"], first["message"])


def _result(
    request: Request,
    audience: Audience,
    new: list[str],
    updated: list[str],
    failed: list[dict[str, str]],
) -> Answer:
    text = (
        f'{{"new_members":[{",".join(new)}],"updated_members":[{",".join(updated)}],'
        f'"errors":{text_of(failed)},"total_created":{len(new)},"total_updated":{len(updated)},'
        f'"error_count":{len(failed)},"_links":{text_of(links(request.base, f"/lists/{audience.id}"))}}}'
    )
    return Answer(200, text.encode())
