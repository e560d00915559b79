"""The control verbs: what people do at Mailchimp's side, and what a rehearsal orders.

Invariant: a verb that changes a person's status is a person's act, never the API's: it leaves an event in the
ledger and may cross every line of the status machine that a person may cross.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.sandbox.mailchimp import members, merge_fields
from adapters.sandbox.mailchimp.errors import Problem
from adapters.sandbox.mailchimp.machine import PRESENT, Standing
from adapters.sandbox.mailchimp.merge_fields import Values
from adapters.sandbox.mailchimp.roll import Member
from adapters.sandbox.mailchimp.store import Account, Audience
from adapters.sandbox.vendor import ControlError, Controlled
from adapters.sandbox.verbs import check_verb, emails, flip, whole, yes_or_no

if TYPE_CHECKING:
    from adapters.sandbox.mailchimp.platform import MailchimpSandbox

Verb = Callable[["MailchimpSandbox", dict[str, Any]], Controlled]

_PERSON = "email (or emails), list"

FIELDS: dict[str, str] = {
    "reset": "",
    "unsubscribe": f"{_PERSON}, reason",
    "clean": _PERSON,
    "bounce": _PERSON,
    "forget": _PERSON,
    "delete": _PERSON,
    "archive": _PERSON,
    "confirm": _PERSON,
    "subscribe": f"{_PERSON}, fields",
    "edit": f"{_PERSON}, fields",
    "move": "email, to, list",
    "contact-limit": "limit (a number or null), account",
    "connections-limit": "n, account",
    "expire-key": "key",
    "restore-key": "key",
    "drift": "after_pages, action (insert or delete), list",
    "lose-rows": "every (0 for none)",
    "total-lies": "delta",
    "hold-batches": "on",
    "remove-list": "list",
    "add-field": "tag, type, name, default, choices, list",
    "remove-field": "tag (or tags), list",
    "switch": "name, value",
}


def run(platform: "MailchimpSandbox", verb: str, arguments: dict[str, Any]) -> Controlled:
    """Carry a verb out. Raises ControlError naming what would be valid."""
    check_verb(FIELDS, verb, arguments)
    try:
        return _VERBS[verb](platform, arguments)
    except Problem as problem:
        raise ControlError(f"{verb} refused: {problem.detail}") from problem


def audience_of(platform: "MailchimpSandbox", list_id: object) -> tuple[Account, Audience]:
    """The audience with this id in whatever account, or the first one of the default account."""
    if list_id is None:
        account = platform.accounts["default"]
        for audience in account.audiences.values():
            return account, audience
        raise ControlError("the default account has no list left")
    for account in platform.accounts.values():
        if list_id in account.audiences:
            return account, account.audiences[str(list_id)]
    known = [each for account in platform.accounts.values() for each in account.audiences]
    raise ControlError(f"no list {list_id!r}; there are {', '.join(known)}")


def _members(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> tuple[Audience, list[Member]]:
    _, audience = audience_of(platform, arguments.get("list"))
    found = []
    for email in emails(arguments):
        member = audience.roll.find(email)
        if member is None or member.standing not in PRESENT:
            raise ControlError(f"{email} is not on list {audience.id}")
        found.append(member)
    return audience, found


def _done(event: str, changed: list[Member], **more: Any) -> Controlled:
    events = [(event, member.email, member.standing.word) for member in changed]
    return Controlled({"ok": True, "changed": len(changed), **more}, events)


def _to(event: str, standing: Standing, *, only_from: Standing | None = None) -> Verb:
    """A verb that moves people to a status, as their own or the vendor's act."""

    def verb(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
        audience, found = _members(platform, arguments)
        for member in found:
            if only_from is not None and member.standing is not only_from:
                raise ControlError(f"{member.email} is {member.standing.word}, not {only_from.word}")
        for member in found:
            members.set_standing(member, standing, platform.clock.now(), by_api=False)
            if "reason" in arguments:
                member.unsubscribe_reason = str(arguments["reason"])
            audience.roll.put(member)
        return _done(event, found)

    return verb


def _forget(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    audience, found = _members(platform, arguments)
    for member in found:
        members.forget(member, platform.clock.now())
        audience.roll.put(member)
    return _done("forget", found)


def _delete(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    """Gone without a trace, as after the vendor's own clearing: the address is a stranger again."""
    audience, found = _members(platform, arguments)
    for member in found:
        member.standing = Standing.ABSENT
        audience.roll.put(member)
    return Controlled(
        {"ok": True, "changed": len(found)}, [("delete", member.email, "deleted") for member in found]
    )


def _values(arguments: dict[str, Any], audience: Audience, known: dict[int, Any]) -> dict[int, Any]:
    fields = arguments.get("fields") or {}
    if not isinstance(fields, dict):
        raise ControlError("fields is an object of merge tag to value")
    tags = [each.tag for each in audience.merge_fields]
    for tag in fields:
        if tag not in tags:
            raise ControlError(f"no merge field {tag!r}; there are {', '.join(tags)}")
    return Values(audience, skip=True, refuse_unknown=True).merged(known, fields)


def _subscribe(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    """Somebody joins by the vendor's form: strangers, and whoever left and came back by their own will."""
    _, audience = audience_of(platform, arguments.get("list"))
    now = platform.clock.now()
    joined = []
    for email in emails(arguments):
        address = members.checked_address(email)
        member = audience.roll.find(address)
        if member is None:
            member = Member(-1, address, Standing.SUBSCRIBED, fields=_values(arguments, audience, {}))
            member.timestamp_signup = member.timestamp_opt = member.last_changed = now
            member.source = "Hosted Signup Form"
            audience.roll.add(member)
        else:
            member.fields = _values(arguments, audience, member.fields)
            members.set_standing(member, Standing.SUBSCRIBED, now, by_api=False)
            member.unsubscribe_reason = ""
            audience.roll.put(member)
        joined.append(member)
    return _done("subscribe", joined)


def _edit(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    audience, found = _members(platform, arguments)
    for member in found:
        member.fields = _values(arguments, audience, member.fields)
        member.last_changed = platform.clock.now()
        audience.roll.put(member)
    return _done("edit", found)


def _move(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    audience, found = _members(platform, arguments)
    address = members.checked_address(arguments.get("to"))
    if len(found) != 1:
        raise ControlError("move takes one email")
    if audience.roll.find(address) is not None:
        raise ControlError(f"{address} is known to list {audience.id} already")
    member = found[0]
    member.last_changed = platform.clock.now()
    was = member.email
    audience.roll.put(member, email=address)
    return Controlled({"ok": True, "changed": 1}, [("move", was, member.standing.word)])


def _account(platform: "MailchimpSandbox", arguments: dict[str, Any], default: str) -> Account:
    name = arguments.get("account", default)
    if name not in platform.accounts:
        raise ControlError(f"no account {name!r}; there are {', '.join(platform.accounts)}")
    return platform.accounts[name]


def _contact_limit(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    account = _account(platform, arguments, "default")
    account.contact_limit = None if arguments.get("limit") is None else whole(arguments, "limit")
    account.dirty = True
    return Controlled({"ok": True, "contacts": account.contacts(), "room": account.room()})


def _connections_limit(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    account = _account(platform, arguments, "default")
    account.connections_limit = whole(arguments, "n", 1)
    account.dirty = True
    return Controlled({"ok": True})


def _expire_key(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    key = str(arguments.get("key") or platform.accounts["default"].key)
    platform.rehearsals.bad_keys.add(key.lower())
    return Controlled({"ok": True, "key": key})


def _restore_key(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    key = str(arguments.get("key") or platform.accounts["default"].key)
    platform.rehearsals.bad_keys.discard(key.lower())
    return Controlled({"ok": True, "key": key})


def _drift(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    _, audience = audience_of(platform, arguments.get("list"))
    pages = whole({"after_pages": 1, **arguments}, "after_pages")
    platform.rehearsals.drift.order(audience.id, pages, str(arguments.get("action", "insert")))
    return Controlled({"ok": True, "list": audience.id})


def _lose_rows(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    rehearsals = platform.rehearsals
    rehearsals.lose_every = whole(arguments, "every")
    rehearsals.rows_seen = 0
    return Controlled({"ok": True, "lost": rehearsals.rows_lost})


def _total_lies(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.total_lie = whole(arguments, "delta", None)
    return Controlled({"ok": True})


def _hold_batches(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.hold_batches = yes_or_no(arguments, "on")
    return Controlled({"ok": True})


def _remove_list(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    account, audience = audience_of(platform, arguments.get("list"))
    del account.audiences[audience.id]
    account.dirty = True
    return Controlled({"ok": True, "list": audience.id})


def _add_field(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    """Somebody makes a merge field in the vendor's own screens."""
    account, audience = audience_of(platform, arguments.get("list"))
    body = {
        "tag": arguments.get("tag"),
        "name": arguments.get("name") or arguments.get("tag"),
        "type": arguments.get("type", "text"),
        "default_value": arguments.get("default", ""),
        "options": {"choices": arguments.get("choices") or []},
    }
    made = merge_fields.create(audience, body)
    account.dirty = True
    return Controlled({"ok": True, "list": audience.id, "tag": made.tag, "merge_id": made.merge_id})


def _remove_field(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    """Somebody deletes merge fields in the vendor's own screens; their values go with them."""
    account, audience = audience_of(platform, arguments.get("list"))
    tags = arguments.get("tags") or [arguments.get("tag")]
    known = [each.tag for each in audience.merge_fields]
    for tag in tags:
        if tag not in known:
            raise ControlError(f"no merge field {tag!r}; there are {', '.join(known)}")
    audience.merge_fields[:] = [each for each in audience.merge_fields if each.tag not in tags]
    account.dirty = True
    return Controlled({"ok": True, "list": audience.id, "changed": len(tags)})


def _switch(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    flip(platform.switches, arguments.get("name"), arguments.get("value"))
    return Controlled({"ok": True})


def _reset(platform: "MailchimpSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.reset()
    return Controlled({"ok": True})


_VERBS: dict[str, Verb] = {
    "reset": _reset,
    "unsubscribe": _to("unsubscribe", Standing.UNSUBSCRIBED),
    "clean": _to("clean", Standing.CLEANED),
    "bounce": _to("bounce", Standing.CLEANED),
    "archive": _to("archive", Standing.ARCHIVED),
    "confirm": _to("confirm", Standing.SUBSCRIBED, only_from=Standing.PENDING),
    "forget": _forget,
    "delete": _delete,
    "subscribe": _subscribe,
    "edit": _edit,
    "move": _move,
    "contact-limit": _contact_limit,
    "connections-limit": _connections_limit,
    "expire-key": _expire_key,
    "restore-key": _restore_key,
    "drift": _drift,
    "lose-rows": _lose_rows,
    "total-lies": _total_lies,
    "hold-batches": _hold_batches,
    "remove-list": _remove_list,
    "add-field": _add_field,
    "remove-field": _remove_field,
    "switch": _switch,
}
