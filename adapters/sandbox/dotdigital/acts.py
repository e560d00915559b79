"""What people do at dotdigital's side: leave, bounce, join by a form, change their data.

Invariant: each act leaves one event a person in the ledger, and none of them is the API's.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from adapters.sandbox.dotdigital.lookup import account_of, people_of, place_of
from adapters.sandbox.dotdigital.roll import Contact
from adapters.sandbox.dotdigital.statuses import SUPPRESSED, WORDS, Status
from adapters.sandbox.dotdigital.writing import checked_email, create, wish_of
from adapters.sandbox.vendor import ControlError, Controlled
from adapters.sandbox.verbs import emails, one_of

if TYPE_CHECKING:
    from adapters.sandbox.dotdigital.platform import DotdigitalSandbox

Verb = Callable[["DotdigitalSandbox", dict[str, Any]], Controlled]


def _done(event: str, changed: list[Contact], status: str | None = None) -> Controlled:
    events = [(event, contact.email, status or contact.status.word) for contact in changed]
    return Controlled({"ok": True, "changed": len(changed)}, events)


def _unsubscribe(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    """Somebody leaves one book by the link in a mail."""
    account, book = place_of(platform, arguments)
    found = people_of(account, arguments)
    for contact in found:
        book.leave(contact.index, platform.clock.now(), "book")
        account.touch(contact, platform.clock.now())
    return _done("unsubscribe", found, Status.UNSUBSCRIBED.word)


def _to(event: str, status: Status) -> Verb:
    def verb(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
        account = account_of(platform, arguments)
        found = people_of(account, arguments)
        for contact in found:
            account.suppress(contact, status, platform.clock.now())
        return _done(event, found)

    return verb


def _suppress(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    words = tuple(sorted(WORDS[status] for status in SUPPRESSED))
    word = one_of(arguments, "status", words, Status.SUPPRESSED.word)
    (status,) = (each for each in SUPPRESSED if each.word == word)
    return _to("suppress", status)(platform, arguments)


def _bounce(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    if one_of(arguments, "kind", ("hard", "soft"), "hard") == "hard":
        return _to("bounce", Status.HARD_BOUNCED)(platform, arguments)
    account = account_of(platform, arguments)
    found = people_of(account, arguments)
    for contact in found:
        contact.status = Status.SOFT_BOUNCED
        account.touch(contact, platform.clock.now())
    return _done("bounce", found)


def _confirm(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = account_of(platform, arguments)
    found = people_of(account, arguments)
    for contact in found:
        if contact.status is not Status.PENDING_OPT_IN:
            raise ControlError(f"{contact.email} is {contact.status.word}, not {Status.PENDING_OPT_IN.word}")
    for contact in found:
        contact.status = Status.SUBSCRIBED
        account.touch(contact, platform.clock.now())
    return _done("confirm", found)


def _body(arguments: dict[str, Any]) -> dict[str, Any]:
    fields = arguments.get("fields") or {}
    if not isinstance(fields, dict):
        raise ControlError("fields is an object of data field to value")
    return {"datafields": [{"key": key, "value": value} for key, value in fields.items()]}


def _subscribe(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    """Somebody joins by a form: strangers, and whoever left and came back by their own will."""
    account, book = place_of(platform, arguments)
    now = platform.clock.now()
    words = (Status.SUBSCRIBED.word, Status.PENDING_OPT_IN.word)
    word = one_of(arguments, "status", words, words[0])
    status = Status.SUBSCRIBED if word == words[0] else Status.PENDING_OPT_IN
    joined = []
    for email in emails(arguments):
        wish = wish_of(account, _body(arguments), checked_email(email))
        contact = account.roll.find(wish.email)
        if contact is None:
            contact = create(account, wish, now, status=status)
        else:
            contact.fields = {**contact.fields, **wish.values}
            contact.status, contact.removed = status, 0.0
            account.touch(contact, now)
        book.join(contact.index, now)
        joined.append(contact)
    return _done("subscribe", joined)


def _edit(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = account_of(platform, arguments)
    found = people_of(account, arguments)
    for contact in found:
        wish = wish_of(account, _body(arguments), contact.email)
        contact.fields = {**contact.fields, **wish.values}
        account.touch(contact, platform.clock.now())
    return _done("edit", found)


def _move(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = account_of(platform, arguments)
    address = checked_email(arguments.get("to"))
    (contact,) = people_of(account, {"email": arguments.get("email")})
    if account.roll.find(address) is not None:
        raise ControlError(f"{address} is known to the account already")
    was = contact.email
    contact.modified = platform.clock.now()
    account.roll.put(contact, email=address)
    return Controlled({"ok": True, "changed": 1}, [("move", was, contact.status.word)])


def _delete(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account = account_of(platform, arguments)
    found = people_of(account, arguments)
    for contact in found:
        account.delete(contact, platform.clock.now())
    return _done("delete", found)


def _remove(platform: "DotdigitalSandbox", arguments: dict[str, Any]) -> Controlled:
    account, book = place_of(platform, arguments)
    found = people_of(account, arguments)
    for contact in found:
        book.take_out(contact.index)
    return _done("remove", found)


ACTS: dict[str, Verb] = {
    "unsubscribe": _unsubscribe,
    "unsubscribe-account": _to("unsubscribe-account", Status.UNSUBSCRIBED),
    "suppress": _suppress,
    "bounce": _bounce,
    "confirm": _confirm,
    "subscribe": _subscribe,
    "edit": _edit,
    "move": _move,
    "delete": _delete,
    "remove": _remove,
}
