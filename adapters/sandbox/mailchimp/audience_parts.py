"""Routes of an audience's smaller parts: merge fields and interests (contract §7).

Invariant: every change marks the account dirty, so that `--keep` keeps it.
"""

import hashlib
from typing import Any

from adapters.sandbox.mailchimp import errors, merge_fields
from adapters.sandbox.mailchimp.machine import PRESENT
from adapters.sandbox.mailchimp.render import links
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.store import Audience, InterestCategory
from adapters.sandbox.vendor import Answer

MAX_INTERESTS = 60


def merge_fields_listed(request: Request) -> Answer:
    """GET /lists/{id}/merge-fields; EMAIL is implicit and not among them."""
    audience = request.audience()
    kind, required = request.query.get("type"), request.query.get("required")
    rows = [
        merge_fields.document(audience, each)
        for each in audience.merge_fields
        if (not kind or each.type == kind) and (required is None or each.required == request.flag("required"))
    ]
    return request.collection("merge_fields", rows, list_id=audience.id)


def merge_field_created(request: Request) -> Answer:
    """POST /lists/{id}/merge-fields."""
    audience = request.audience()
    made = merge_fields.create(audience, request.document())
    request.account.dirty = True
    return request.answer(merge_fields.document(audience, made))


def merge_field_read(request: Request) -> Answer:
    """GET …/merge-fields/{id}."""
    audience = request.audience()
    return request.answer(merge_fields.document(audience, merge_fields.find(audience, request.segments[3])))


def merge_field_changed(request: Request) -> Answer:
    """PATCH …/merge-fields/{id}."""
    audience = request.audience()
    found = merge_fields.find(audience, request.segments[3])
    changed = merge_fields.change(audience, found, request.document())
    request.account.dirty = True
    return request.answer(merge_fields.document(audience, changed))


def merge_field_deleted(request: Request) -> Answer:
    """DELETE …/merge-fields/{id}: its values are gone with it."""
    audience = request.audience()
    audience.merge_fields.remove(merge_fields.find(audience, request.segments[3]))
    request.account.dirty = True
    return Answer(204)


def _category(request: Request, audience: Audience) -> InterestCategory:
    found = audience.categories.get(request.segments[3])
    if found is None:
        raise errors.not_found()
    return found


def _category_document(request: Request, audience: Audience, category: InterestCategory) -> dict[str, Any]:
    return {
        "list_id": audience.id,
        "id": category.id,
        "title": category.title,
        "display_order": 0,
        "type": category.type,
        "_links": links(request.base, f"/lists/{audience.id}/interest-categories/{category.id}"),
    }


def categories_listed(request: Request) -> Answer:
    """GET /lists/{id}/interest-categories."""
    audience = request.audience()
    rows = [_category_document(request, audience, each) for each in audience.categories.values()]
    return request.collection("categories", rows, list_id=audience.id)


def category_created(request: Request) -> Answer:
    """POST /lists/{id}/interest-categories."""
    audience = request.audience()
    body = request.document()
    title, kind = body.get("title"), body.get("type")
    if not isinstance(title, str) or not title.strip():
        raise errors.invalid_field("title", "This value should not be blank.")
    if kind not in ("checkboxes", "dropdown", "radio", "hidden"):
        raise errors.invalid_field("type", "Value must be one of: checkboxes, dropdown, radio, hidden")
    made = InterestCategory(_new_id(audience, title), title.strip(), str(kind))
    audience.categories[made.id] = made
    request.account.dirty = True
    return request.answer(_category_document(request, audience, made))


def category_read(request: Request) -> Answer:
    """GET …/interest-categories/{id}."""
    audience = request.audience()
    return request.answer(_category_document(request, audience, _category(request, audience)))


def category_deleted(request: Request) -> Answer:
    """DELETE …/interest-categories/{id}."""
    audience = request.audience()
    del audience.categories[_category(request, audience).id]
    request.account.dirty = True
    return Answer(204)


def interests_listed(request: Request) -> Answer:
    """GET …/interest-categories/{id}/interests."""
    audience = request.audience()
    category = _category(request, audience)
    counts = dict.fromkeys(category.interests, 0)
    for member in audience.roll.touched():
        if member.standing in PRESENT:
            for interest_id, chosen in member.interests.items():
                if chosen and interest_id in counts:
                    counts[interest_id] += 1
    rows = [
        _interest_document(audience, category, interest_id, name, counts[interest_id])
        for interest_id, name in category.interests.items()
    ]
    return request.collection("interests", rows, list_id=audience.id, category_id=category.id)


def interest_created(request: Request) -> Answer:
    """POST …/interest-categories/{id}/interests; 60 an audience at most (unconfirmed)."""
    audience = request.audience()
    category = _category(request, audience)
    name = request.document().get("name")
    if not isinstance(name, str) or not name.strip():
        raise errors.invalid_field("name", "This value should not be blank.")
    if sum(1 for _ in audience.interest_ids()) >= MAX_INTERESTS:
        raise errors.invalid(f"Cannot have more than {MAX_INTERESTS} interests per list.")
    interest_id = _new_id(audience, category.id + name)
    category.interests[interest_id] = name.strip()
    request.account.dirty = True
    return request.answer(_interest_document(audience, category, interest_id, name.strip(), 0))


def interest_deleted(request: Request) -> Answer:
    """DELETE …/interests/{id}."""
    audience = request.audience()
    category = _category(request, audience)
    if category.interests.pop(request.segments[5], None) is None:
        raise errors.not_found()
    request.account.dirty = True
    return Answer(204)


def _interest_document(
    audience: Audience, category: InterestCategory, interest_id: str, name: str, count: int
) -> dict[str, Any]:
    return {
        "category_id": category.id,
        "list_id": audience.id,
        "id": interest_id,
        "name": name,
        "subscriber_count": str(count),
        "display_order": 0,
    }


def _new_id(audience: Audience, text: str) -> str:
    taken = {*audience.categories, *audience.interest_ids()}
    turn = 0
    while True:
        made = hashlib.sha256(f"{audience.id} {text} {turn}".encode()).hexdigest()[:10]
        if made not in taken:
            return made
        turn += 1
