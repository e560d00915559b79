"""Reading: ping, account, audiences and member listings (contract §3–§5).

Invariant: `total_items` is the number of rows all pages together hold at that moment, unless a rehearsal ordered
a lie; rows slip while paging only as they do at the vendor, by members coming and going.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from adapters.sandbox.clock import iso
from adapters.sandbox.mailchimp import errors
from adapters.sandbox.mailchimp.machine import BY_WORD, LISTED, PRESENT, Standing
from adapters.sandbox.mailchimp.members import renderer
from adapters.sandbox.mailchimp.render import links, text_of
from adapters.sandbox.mailchimp.request import Request
from adapters.sandbox.mailchimp.roll import Member, Roll
from adapters.sandbox.mailchimp.store import Audience
from adapters.sandbox.people import person
from adapters.sandbox.vendor import Answer

_SORTABLE = ("timestamp_opt", "timestamp_signup", "last_changed")


def ping(request: Request) -> Answer:
    """GET /ping."""
    return request.answer({"health_status": "Everything's Chimpy!"})


def account(request: Request) -> Answer:
    """GET /: the account behind the key."""
    owner = request.account
    return request.answer(
        {
            "account_id": owner.account_id,
            "login_id": f"login-{owner.account_id[:8]}",
            "account_name": f"Musterverband ({owner.name})" if owner.name != "default" else "Musterverband",
            "email": "buero@musterverband.example",
            "first_name": "Büro",
            "last_name": "Musterverband",
            "username": f"musterverband-{owner.name}",
            "avatar_url": "",
            "role": "owner" if owner.may_write else "viewer",
            "member_since": "2019-04-01T08:00:00+00:00",
            "pricing_plan_type": "monthly",
            "first_payment": "",
            "account_timezone": "Europe/Zurich",
            "account_industry": "Non-Profit",
            "contact": {
                "company": "Musterverband",
                "addr1": "Musterweg 1",
                "addr2": "",
                "city": "Bern",
                "state": "BE",
                "zip": "3011",
                "country": "CH",
            },
            "pro_enabled": False,
            "last_login": iso(request.now - 86_400),
            "total_subscribers": sum(
                audience.roll.count(frozenset({Standing.SUBSCRIBED})) for audience in owner.audiences.values()
            ),
            "industry_stats": {"open_rate": 31.0, "bounce_rate": 1.2, "click_rate": 3.9},
            "_links": links(request.base, "/"),
        }
    )


def stats(audience: Audience) -> dict[str, Any]:
    """An audience's counts. The real ones lag by five minutes and more; never use them for a diff (§4)."""
    roll = audience.roll
    return {
        "member_count": roll.count(frozenset({Standing.SUBSCRIBED})),
        "total_contacts": roll.count(frozenset(PRESENT)),
        "unsubscribe_count": roll.count(frozenset({Standing.UNSUBSCRIBED})),
        "cleaned_count": roll.count(frozenset({Standing.CLEANED})),
        "member_count_since_send": 0,
        "unsubscribe_count_since_send": 0,
        "cleaned_count_since_send": 0,
        "campaign_count": 3 if roll.seeded else 0,
        "campaign_last_sent": "",
        "merge_field_count": len(audience.merge_fields),
        "avg_sub_rate": 0,
        "avg_unsub_rate": 0,
        "target_sub_rate": 0,
        "open_rate": 31.5,
        "click_rate": 4.2,
        "last_sub_date": iso(max((member.timestamp_opt for member in roll.touched()), default=0.0)),
        "last_unsub_date": "",
    }


def document(request: Request, audience: Audience) -> dict[str, Any]:
    """One audience as the interface shows it."""
    return {
        "id": audience.id,
        "web_id": audience.web_id,
        "name": audience.name,
        "contact": {
            "company": "Musterverband",
            "address1": "Musterweg 1",
            "address2": "",
            "city": "Bern",
            "state": "BE",
            "zip": "3011",
            "country": "CH",
            "phone": "",
        },
        "permission_reminder": "Sie sind Mitglied im Musterverband.",
        "use_archive_bar": True,
        "campaign_defaults": {
            "from_name": "Musterverband",
            "from_email": "news@musterverband.example",
            "subject": "",
            "language": "de",
        },
        "notify_on_subscribe": "",
        "notify_on_unsubscribe": "",
        "date_created": iso(audience.created),
        "list_rating": 3,
        "email_type_option": False,
        "subscribe_url_short": "",
        "subscribe_url_long": "",
        "beamer_address": "",
        "visibility": "prv",
        "double_optin": audience.double_optin,
        "has_welcome": False,
        "marketing_permissions": bool(audience.permissions),
        "modules": [],
        "stats": stats(audience),
        "_links": links(request.base, f"/lists/{audience.id}"),
    }


def audiences(request: Request) -> Answer:
    """GET /lists."""
    chosen = list(request.account.audiences.values())
    email = request.query.get("email")
    if email:
        found = [(audience, audience.roll.find(email)) for audience in chosen]
        chosen = [audience for audience, member in found if member is not None and member.standing in PRESENT]
    since = request.moment("since_date_created")
    if since is not None:
        chosen = [audience for audience in chosen if audience.created > since]
    before = request.moment("before_date_created")
    if before is not None:
        chosen = [audience for audience in chosen if audience.created < before]
    if request.query.get("sort_field") == "date_created":
        chosen.sort(
            key=lambda audience: audience.created,
            reverse=request.query.get("sort_dir", "ASC").upper() == "DESC",
        )
    count, offset = request.page()
    return request.answer(
        {
            "lists": [document(request, audience) for audience in chosen[offset : offset + count]],
            "constraints": {
                "may_create": False,
                "max_instances": len(request.account.audiences),
                "current_total_instances": len(request.account.audiences),
            },
            "total_items": len(chosen),
            "_links": links(request.base, "/lists"),
        }
    )


def audience(request: Request) -> Answer:
    """GET /lists/{id}."""
    return request.answer(document(request, request.audience()))


def listing(request: Request) -> Answer:
    """GET /lists/{id}/members."""
    found = request.audience()
    count, offset = request.page()
    _drift(request, found)
    chosen = _chosen(request, found)
    rows = chosen[offset : offset + count]
    total = max(0, len(chosen) + request.rehearsals.total_lie)
    return page(request, found, "members", rows, {"list_id": found.id, "total_items": total})


def page(request: Request, found: Audience, name: str, rows: Sequence[int], beside: dict[str, Any]) -> Answer:
    """Some members of an audience as an answer, written piece by piece where the selection allows."""
    selection = request.selection()
    writer = renderer(request, found)
    keys = selection.row_keys(name, writer.keys)
    if keys is not None and selection.wanted is not None:
        unknown = keys - set(writer.keys)
        if unknown:
            raise errors.invalid(
                "The fields requested from this resource are invalid.",
                [
                    {"field": f"{name}.{key}", "message": "This field does not exist."}
                    for key in sorted(unknown)
                ],
            )
    write = writer.full if keys is None else writer.some(keys)
    at = found.roll.at
    members = "[" + ",".join([write(at(index)) for index in rows]) + "]"
    tail = {**beside, "_links": links(request.base, f"/lists/{found.id}/members")}
    if selection.deeper_than(2):
        return Answer.of(selection.apply({name: json.loads(members), **tail}))
    pieces = [f'"{name}":{members}'] if selection.has(name) else []
    kept = {key: value for key, value in tail.items() if selection.has(key)}
    known = {name, *tail}
    for path in selection.wanted or ():
        if path.split(".")[0] not in known:
            raise errors.invalid(
                "The fields requested from this resource are invalid.",
                [{"field": path, "message": "This field does not exist."}],
            )
    pieces += [f'"{key}":{text_of(value)}' for key, value in kept.items()]
    return Answer(200, ("{" + ",".join(pieces) + "}").encode())


def _standings(request: Request) -> frozenset[Standing]:
    word = request.query.get("status", "")
    if word == "":
        return frozenset(PRESENT) if request.switches.archived_in_listing else LISTED
    standing = BY_WORD.get(word)
    if standing is None or standing not in PRESENT:
        allowed = ", ".join(sorted(each.word for each in PRESENT))
        raise errors.invalid_field("status", f"Value must be one of: {allowed}")
    return frozenset({standing})


def _chosen(request: Request, found: Audience) -> Sequence[int]:
    """The positions a listing with this query holds, in its order."""
    roll = found.roll
    standings = _standings(request)
    bounds = {
        name: request.moment(name)
        for name in (
            "since_last_changed",
            "before_last_changed",
            "since_timestamp_opt",
            "before_timestamp_opt",
            "unsubscribed_since",
        )
    }
    if bounds["unsubscribed_since"] is not None and standings != {Standing.UNSUBSCRIBED}:
        raise errors.invalid_field("unsubscribed_since", "Only valid with status=unsubscribed.")
    interests = _interests_wanted(request, found)
    vip_only = request.flag("vip_only")
    chosen: Sequence[int] = roll.select(standings)
    if any(bound is not None for bound in bounds.values()) or interests is not None or vip_only:
        chosen = [
            index
            for index in _candidates(roll, standings, chosen, bounds)
            if _passes(request, roll.at(index), bounds)
            and (interests is None or interests(roll.at(index)))
            and (not vip_only or roll.at(index).extras.get("vip"))
        ]
    sort_field = request.query.get("sort_field", "")
    if sort_field:
        if sort_field not in _SORTABLE:
            raise errors.invalid_field("sort_field", f"Value must be one of: {', '.join(_SORTABLE)}")
        direction = request.query.get("sort_dir", "ASC").upper()
        if direction not in ("ASC", "DESC"):
            raise errors.invalid_field("sort_dir", "Value must be one of: ASC, DESC")
        chosen = _sorted(roll, chosen, sort_field, direction == "DESC")
    return chosen


def _candidates(
    roll: Roll, standings: frozenset[Standing], chosen: Sequence[int], bounds: dict[str, float | None]
) -> Sequence[int]:
    """Fewer positions than `chosen` where the seed proves that the others cannot match."""
    since = max(
        (bounds[name] or 0.0 for name in ("since_last_changed", "unsubscribed_since", "since_timestamp_opt")),
        default=0.0,
    )
    touched = roll.changed_since(since)
    if touched is None:
        return chosen
    return [index for index in touched if roll.column[index] in standings]


def _passes(request: Request, member: Member, bounds: dict[str, float | None]) -> bool:
    changed, opted = int(member.last_changed), int(member.timestamp_opt)
    for name, value in (
        ("since_last_changed", changed),
        ("since_timestamp_opt", opted),
        ("unsubscribed_since", changed),
    ):
        bound = bounds[name]
        if bound is not None and not (value > bound or (value == bound and request.switches.since_inclusive)):
            return False
    for name, value in (("before_last_changed", changed), ("before_timestamp_opt", opted)):
        bound = bounds[name]
        if bound is not None and not value < bound:
            return False
    return True


def _sorted(roll: Roll, chosen: Sequence[int], name: str, down: bool) -> Sequence[int]:
    """`chosen` by a timestamp, remembered until the roll changes: a pass over a long list sorts once."""
    cached = roll.sorting
    mark = (roll.changes, name, down, len(chosen), chosen[0] if chosen else -1)
    if cached is not None and cached[0] == mark:
        return cached[1]
    ordered = sorted(chosen, key=lambda index: (int(getattr(roll.at(index), name)), index), reverse=down)
    roll.sorting = (mark, ordered)
    return ordered


def _interests_wanted(request: Request, found: Audience) -> Callable[[Member], bool] | None:
    category_id = request.query.get("interest_category_id")
    if not category_id:
        return None
    category = found.categories.get(category_id)
    if category is None:
        raise errors.not_found()
    wanted = [each for each in request.query.get("interest_ids", "").split(",") if each]
    for interest_id in wanted:
        if interest_id not in category.interests:
            raise errors.invalid(f"Invalid interest ID: '{interest_id}'.")
    match = request.query.get("interest_match", "any")
    if match not in ("any", "all", "none"):
        raise errors.invalid_field("interest_match", "Value must be one of: any, all, none")

    def chosen(member: Member) -> bool:
        ticked = [member.interests.get(each, False) for each in wanted]
        return all(ticked) if match == "all" else any(ticked) is (match == "any")

    return chosen


def _drift(request: Request, found: Audience) -> None:
    """Carry out an ordered drift: somebody joins at the front, or the first row goes, between two pages."""
    action = request.rehearsals.drift.due(found.id)
    if action is None:
        return
    roll = found.roll
    if action == "insert":
        # People far outside every seeded range, so that the newcomer is nobody's twin.
        stranger = person(roll.seeding.seed, 900_000_000 + len(roll))
        fields = {1: stranger.first_name, 2: stranger.last_name}
        newcomer = Member(-1, stranger.email, Standing.SUBSCRIBED, fields=fields)
        newcomer.timestamp_opt = newcomer.last_changed = request.now
        newcomer.source = "Hosted Signup Form"
        roll.add(newcomer, front=True)
        return
    first = roll.at(roll.select(LISTED)[0])
    first.standing = Standing.ABSENT
    first.last_changed = request.now
    roll.put(first)


def search(request: Request) -> Answer:
    """GET /search-members: exact matches by address, others by name or a part of the address."""
    query = request.query.get("query", "").strip()
    if not query:
        raise errors.invalid_field("query", "This value should not be blank.")
    list_id = request.query.get("list_id")
    if list_id and list_id not in request.account.audiences:
        raise errors.not_found()
    exact: list[dict[str, Any]] = []
    full: list[dict[str, Any]] = []
    wanted = query.lower()
    for found in request.account.audiences.values():
        if list_id and found.id != list_id:
            continue
        writer = renderer(request, found)
        hit = found.roll.find(query)
        if hit is not None and hit.standing in PRESENT:
            exact.append(json.loads(writer.full(hit)))
        for index in found.roll.select(frozenset(PRESENT)):
            if len(full) >= 30:
                break
            member = found.roll.at(index)
            names = " ".join(str(member.fields.get(each, "")) for each in (1, 2)).lower()
            if wanted in member.email.lower() or wanted in names:
                full.append(json.loads(writer.full(member)))
    return request.answer(
        {
            "exact_matches": {"members": exact, "total_items": len(exact)},
            "full_search": {"members": full, "total_items": len(full)},
            "_links": links(request.base, "/search-members"),
        }
    )


def activity(request: Request) -> Answer:
    """GET /lists/{id}/activity: the last 180 days, newest first."""
    found = request.audience()
    rows = []
    for day in range(180):
        start = int(request.now // 86_400 - day) * 86_400
        rows.append(
            {
                "day": iso(start)[:10],
                "emails_sent": 0,
                "unique_opens": 0,
                "recipient_clicks": 0,
                "hard_bounce": 0,
                "soft_bounce": 0,
                "subs": _between(found.roll, "timestamp_opt", start, {Standing.SUBSCRIBED}),
                "unsubs": _between(found.roll, "last_changed", start, {Standing.UNSUBSCRIBED}),
                "other_adds": 0,
                "other_removes": 0,
            }
        )
    return request.collection("activity", rows, list_id=found.id)


def _between(roll: Roll, name: str, start: int, standings: set[Standing]) -> int:
    return sum(
        1
        for member in roll.touched()
        if member.standing in standings and start <= getattr(member, name) < start + 86_400
    )


def growth_history(request: Request) -> Answer:
    """GET /lists/{id}/growth-history: a row a month, newest first; only this month is counted."""
    found = request.audience()
    roll = found.roll
    row = {
        "list_id": found.id,
        "month": iso(request.now)[:7],
        "existing": 0,
        "imports": 0,
        "optins": 0,
        "subscribed": roll.count(frozenset({Standing.SUBSCRIBED})),
        "unsubscribed": roll.count(frozenset({Standing.UNSUBSCRIBED})),
        "reconfirm": 0,
        "cleaned": roll.count(frozenset({Standing.CLEANED})),
        "pending": roll.count(frozenset({Standing.PENDING})),
        "deleted": 0,
        "transactional": roll.count(frozenset({Standing.TRANSACTIONAL})),
    }
    return request.collection("history", [row], list_id=found.id)
