"""Writing one contact: what a body asks for, and doing it (contract §4, §6).

Calls and import rows both end in `write`. Invariant: nothing here changes a status; a refused body changes nothing.
"""

from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.addresses import is_address
from adapters.sandbox.dotdigital.accounts import LASTSUBSCRIBED, Account
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.roll import Contact, key_of
from adapters.sandbox.dotdigital.statuses import Status
from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.dotdigital.values import DoesNotFit, fitted

OPT_IN_TYPES = ("Unknown", "Single", "Double", "VerifiedDouble", "NotAvailableInThisVersion")
EMAIL_TYPES = ("PlainText", "Html", "NotAvailableInThisVersion")


@dataclass(slots=True)
class Wish:
    """What a contact shall be; None and absent numbers stay as they are."""

    email: str
    opt_in: str | None = None
    email_type: str | None = None
    values: dict[int, Any] = field(default_factory=dict)
    consents: list[Any] = field(default_factory=list)


def enumerated(value: object, words: tuple[str, ...]) -> str | None:
    """A word of the vendor's in its own spelling, by name or number; None for none of them."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(words):
        return words[value]
    text = str(value).strip().lower()
    for word in words:
        if word.lower() == text:
            return word
    return words[int(text)] if text.isdecimal() and int(text) < len(words) else None


def checked_email(value: object) -> str:
    """The address as dotdigital stores it. Raises the Refusal for one it refuses."""
    email = key_of(value) if isinstance(value, str) else ""
    if not is_address(email):
        raise Refusal("INVALID_EMAIL")
    return email


def sent_email(document: Any) -> str:
    """The address in a body as it was sent, for the ledger; empty when there is none."""
    return str(document.get("email") or "") if isinstance(document, dict) else ""


def wish_of(account: Account, document: dict[str, Any], email: str) -> Wish:
    """What a contact body asks for. Raises the Refusal for anything that is not valid in it."""
    wish = Wish(email)
    for name, words in (("optintype", OPT_IN_TYPES), ("emailtype", EMAIL_TYPES)):
        if document.get(name) in (None, ""):
            continue
        word = enumerated(document[name], words)
        if word is None:
            raise Refusal("CONTACT_INVALID")
        if name == "optintype":
            wish.opt_in = word
        else:
            wish.email_type = word
    rows = document.get("datafields") or []
    if not isinstance(rows, list):
        raise Refusal("CONTACT_INVALID")
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("key"), str):
            raise Refusal("CONTACT_INVALID")
        found = account.written_field(row["key"])
        if found is None:
            raise Refusal("DATAFIELD_NOTFOUND")
        if found is LASTSUBSCRIBED:
            # Clients send a contact back as they got it.
            continue
        try:
            wish.values[found.number] = fitted(found, row.get("value"))
        except DoesNotFit:
            raise Refusal("DATAFIELD_INVALID") from None
    return wish


def create(account: Account, wish: Wish, now: float, *, status: Status = Status.SUBSCRIBED) -> Contact:
    """A contact who was unknown to the account."""
    contact = Contact(-1, wish.email, status, created=now, modified=now)
    _apply(contact, wish)
    return account.roll.add(contact)


def write(account: Account, contact: Contact, wish: Wish, now: float, switches: Switches) -> bool:
    """Change a known contact; whether any value differs from before."""
    before = contact.record()
    _apply(contact, wish)
    changed = contact.record() != before
    if changed or switches.addition_modifies:
        account.touch(contact, now)
    return changed


def _apply(contact: Contact, wish: Wish) -> None:
    contact.fields = {**contact.fields, **wish.values}
    if wish.opt_in is not None:
        contact.opt_in = wish.opt_in
    if wish.email_type is not None:
        contact.email_type = wish.email_type
    if wish.consents:
        contact.consents = [*contact.consents, *wish.consents]
