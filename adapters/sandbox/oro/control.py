"""The control verbs: what people do in the CRM, and what a rehearsal orders.

Invariant: what a person does leaves an event in the ledger; an order leaves none.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.sandbox.oro.documents import Problem
from adapters.sandbox.oro.rehearsals import DRIFTS, Drift, RefusedWrite
from adapters.sandbox.oro.seed import GROUPS, Contact
from adapters.sandbox.oro.snapshots import Snapshot
from adapters.sandbox.oro.writes import apply
from adapters.sandbox.vendor import ControlError, Controlled
from adapters.sandbox.verbs import check_verb, flip, whole, yes_or_no

if TYPE_CHECKING:
    from adapters.sandbox.oro.platform import OroSandbox

Verb = Callable[["OroSandbox", dict[str, Any]], Controlled]

FIELDS: dict[str, str] = {
    "reset": "",
    "edit": "email (or id), attributes, source, groups",
    "add": "attributes, source, groups",
    "delete": "email (or id)",
    "compute": "email (or id), value",
    "snapshot": "list, name",
    "remove-snapshot": "name",
    "drift": f"after_pages, action ({', '.join(DRIFTS)})",
    "page-cap": "n (0 for none)",
    "total-lies": "delta",
    "token-lifetime": "seconds",
    "expire-tokens": "",
    "refuse-client": "on",
    "refuse-writes": "email (or id), status (0 for no more), detail",
    "switch": "name, value",
}
SNAPSHOT = "marketinglistsnapshots"


def run(platform: "OroSandbox", verb: str, arguments: dict[str, Any]) -> Controlled:
    """Carry a verb out. Raises ControlError naming what would be valid."""
    check_verb(FIELDS, verb, arguments)
    try:
        return _VERBS[verb](platform, arguments)
    except Problem as problem:
        raise ControlError(f"{verb} refused: {problem}") from problem


def _contact(platform: "OroSandbox", arguments: dict[str, Any]) -> Contact:
    if "id" in arguments:
        found = platform.book.get(whole(arguments, "id", 1))
        if found is None:
            raise ControlError(f"there is no contact {arguments['id']}")
        return found
    email = arguments.get("email")
    if not isinstance(email, str):
        raise ControlError("email (a text) or id (a number) is needed")
    for contact in platform.book.find(email):
        return contact
    raise ControlError(f"nobody in the CRM has the address {email}")


def _told(event: str, contact: Contact, **more: Any) -> Controlled:
    email = str(contact.attributes.get("primaryEmail") or "")
    return Controlled({"ok": True, "id": contact.id, **more}, [(event, email, "contact")])


def _object(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    value = arguments.get(name, {})
    if not isinstance(value, dict):
        raise ControlError(f"{name} is an object, not {value!r}")
    return value


def _groups(arguments: dict[str, Any], default: list[str]) -> list[str]:
    groups = arguments.get("groups", default)
    if not isinstance(groups, list) or not all(group in GROUPS for group in groups):
        raise ControlError(f"groups is a list of {', '.join(GROUPS)}, not {groups!r}")
    return groups


def _edit(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    contact = _contact(platform, arguments)
    groups = _groups(arguments, contact.groups)
    apply(contact, _object(arguments, "attributes"), platform.switches, platform.clock.now())
    contact.source, contact.groups = str(arguments.get("source", contact.source)), groups
    platform.book.put(contact)
    return _told("edit", contact)


def _add(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    contact = platform.new_contact(
        _object(arguments, "attributes"),
        source=str(arguments.get("source", "other")),
        groups=_groups(arguments, ["1"]),
    )
    return _told("add", contact)


def _delete(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    contact = _contact(platform, arguments)
    platform.book.delete(contact.id)
    return _told("delete", contact)


def _compute(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    """The computed value moves, and `updatedAt` does not."""
    value = arguments.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ControlError(f"value is a number, not {value!r}")
    contact = _contact(platform, arguments)
    contact.lifetime_value = float(value)
    platform.book.put(contact)
    return _told("compute", contact)


def _snapshot(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    """Whoever is in the group now, put down; the snapshot of that name before it is gone."""
    group, name = str(arguments.get("list", "3")), str(arguments.get("name", SNAPSHOT))
    if group not in GROUPS:
        raise ControlError(f"no list {group!r}; there are {', '.join(GROUPS)}")
    book = platform.book
    members = [one for one in book.contacts() if group in one.groups]
    rows = [(one.id, str(one.attributes.get("primaryEmail") or "")) for one in members]
    platform.snapshots[name] = Snapshot(name, group, platform.clock.now(), rows)
    platform.keep_snapshot(name)
    return Controlled({"ok": True, "name": name, "rows": len(rows)})


def _remove_snapshot(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    name = str(arguments.get("name", SNAPSHOT))
    platform.snapshots.pop(name, None)
    platform.keep_snapshot(name)
    return Controlled({"ok": True})


def _drift(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    action = arguments.get("action", "insert")
    if action not in DRIFTS:
        raise ControlError(f"action is one of {', '.join(DRIFTS)}, not {action!r}")
    pages = whole({"after_pages": 1, **arguments}, "after_pages")
    platform.rehearsals.drift = Drift(pages, action)
    platform.rehearsals.pages_seen = 0
    return Controlled({"ok": True})


def _page_cap(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.page_cap = whole(arguments, "n")
    return Controlled({"ok": True})


def _total_lies(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.total_lie = whole(arguments, "delta", None)
    return Controlled({"ok": True})


def _token_lifetime(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.token_seconds = whole(arguments, "seconds")
    return Controlled({"ok": True})


def _expire_tokens(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    expired = len(platform.tokens)
    platform.tokens.clear()
    return Controlled({"ok": True, "expired": expired})


def _refuse_client(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.rehearsals.client_refused = yes_or_no(arguments, "on")
    return Controlled({"ok": True})


def _refuse_writes(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    contact = _contact(platform, arguments)
    status = whole({"status": 400, **arguments}, "status")
    if status == 0:
        platform.rehearsals.refused_writes.pop(contact.id, None)
    else:
        detail = str(arguments.get("detail", "This contact may not be changed."))
        platform.rehearsals.refused_writes[contact.id] = RefusedWrite(status, detail)
    return Controlled({"ok": True, "id": contact.id})


def _switch(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    flip(platform.switches, arguments.get("name"), arguments.get("value"))
    return Controlled({"ok": True})


def _reset(platform: "OroSandbox", arguments: dict[str, Any]) -> Controlled:
    platform.reset()
    return Controlled({"ok": True})


_VERBS: dict[str, Verb] = {
    "reset": _reset,
    "edit": _edit,
    "add": _add,
    "delete": _delete,
    "compute": _compute,
    "snapshot": _snapshot,
    "remove-snapshot": _remove_snapshot,
    "drift": _drift,
    "page-cap": _page_cap,
    "total-lies": _total_lies,
    "token-lifetime": _token_lifetime,
    "expire-tokens": _expire_tokens,
    "refuse-client": _refuse_client,
    "refuse-writes": _refuse_writes,
    "switch": _switch,
}
