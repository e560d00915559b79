"""dotdigital's words and ours: status to consent, a contact or suppression of theirs to a member of ours.

Invariant: every status word maps onto one of the seven consents and the raw word is kept; a word nobody knows is
``unknown``, which is never mailed and never raised (design §2, contract §4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.dotdigital import values
from adapters.dotdigital.documents import field_of, text_in
from adapters.dotdigital.moments import moment
from adapters.provider import RemoteField
from state.model import Consent, Member, RemoteList, Scope

CONSENT: Mapping[str, Consent] = {
    "subscribed": Consent.SUBSCRIBED,
    "softbounced": Consent.SUBSCRIBED,
    "pendingoptin": Consent.PENDING,
    "unsubscribed": Consent.UNSUBSCRIBED,
    "hardbounced": Consent.BOUNCED,
    "nomxrecord": Consent.BOUNCED,
    "ispcomplained": Consent.SUPPRESSED,
    "directcomplaint": Consent.SUPPRESSED,
    "mailblocked": Consent.SUPPRESSED,
    "suppressed": Consent.SUPPRESSED,
    "sharedsuppression": Consent.SUPPRESSED,
    "notallowed": Consent.SUPPRESSED,
    "domainsuppression": Consent.SUPPRESSED,
    "deleted": Consent.ERASED,
}
"""A soft bounce is mailable; an address whose domain takes no mail bounces; deleted people are told of by absence."""

LEFT_BOOK = "Unsubscribed"
"""The raw word of somebody who left one book; their status in the account may still be Subscribed."""

SYSTEM_FIELDS = frozenset(
    {"FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE", "LASTSUBSCRIBED", "NOTES"}
)
"""Present in every account and never deleted (contract §7)."""


class Fields:
    """The data fields somebody wants to see, found in whatever letter case, each read as its type says."""

    def __init__(self, wanted: Sequence[str], kinds: Mapping[str, str]) -> None:
        self._names = {name.lower(): name for name in wanted}
        self._kinds = {name.lower(): kind for name, kind in kinds.items()}

    def of(self, row: Mapping[str, object]) -> dict[str, str]:
        """The wanted fields of a contact as text; nothing there is the empty text."""
        entries = field_of(row, "dataFields")
        found: dict[str, str] = {}
        if not self._names or not isinstance(entries, list):
            return found
        for entry in entries:
            if not isinstance(entry, dict):
                continue
            key = text_in(entry, "key").lower()
            name = self._names.get(key)
            if name is not None:
                found[name] = values.shown(self._kinds.get(key, ""), field_of(entry, "value"))
        return found


def consent(status: str) -> Consent:
    """The consent behind a status word."""
    return CONSENT.get(status.lower(), Consent.UNKNOWN)


def contact_id(row: Mapping[str, object]) -> str:
    """The id of a contact as text; raises ``TypeError`` when it has none."""
    value = field_of(row, "id")
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not str(value).isdigit():
        raise TypeError("a contact has a number")
    return str(value)


def member(row: Mapping[str, object], fields: Fields) -> Member:
    """One contact; raises ``TypeError`` when it is none. An opt-out in its status is one of the whole account."""
    number, status = contact_id(row), text_in(row, "status")
    found = consent(status)
    return Member(
        email=text_in(row, "email"),
        origin_id=number,
        consent=found,
        raw_status=status,
        fields=fields.of(row),
        person_id=number,
        scope=Scope.ACCOUNT if found.opted_out else None,
    )


def left_book(row: Mapping[str, object]) -> Member:
    """Somebody who unsubscribed from one book; raises ``TypeError`` when the row is no suppression."""
    contact = _contact_of(row)
    number = contact_id(contact)
    return Member(
        email=text_in(contact, "email"),
        origin_id=number,
        consent=Consent.UNSUBSCRIBED,
        raw_status=text_in(row, "reason") or LEFT_BOOK,
        person_id=number,
        since=moment(field_of(row, "dateRemoved")),
        scope=Scope.LIST,
    )


def account_opt_out(row: Mapping[str, object]) -> Member | None:
    """Somebody the whole account no longer mails; None where the row tells of nothing that shuts out.

    A soft bounce shuts nobody out. The contact's own status is what the account goes by: somebody whom it shows as
    mailable left a book at most. Raises ``TypeError`` when the row is no suppression.
    """
    contact = _contact_of(row)
    number = contact_id(contact)
    status, reason = text_in(contact, "status"), text_in(row, "reason")
    by_status, by_reason = consent(status), consent(reason)
    if by_status in (Consent.SUBSCRIBED, Consent.PENDING) or Consent.ERASED in (by_status, by_reason):
        return None
    word, found = (status, by_status) if by_status.opted_out else (reason, by_reason)
    if not found.opted_out:
        if found is Consent.SUBSCRIBED:
            return None
        word, found = reason or status, Consent.SUPPRESSED  # a new word for a suppression is one all the same
    return Member(
        email=text_in(contact, "email"),
        origin_id=number,
        consent=found,
        raw_status=word,
        person_id=number,
        since=moment(field_of(row, "dateRemoved")),
        scope=Scope.ACCOUNT,
    )


def _contact_of(row: Mapping[str, object]) -> Mapping[str, object]:
    contact = field_of(row, "suppressedContact")
    if not isinstance(contact, dict):
        raise TypeError("a suppression names its contact")
    return contact


def remote_list(row: Mapping[str, object], system_names: frozenset[str]) -> RemoteList:
    """One address book; raises ``TypeError`` when it is none. Its own ones are told by their name alone."""
    name = text_in(row, "name")
    count = field_of(row, "contacts")
    visibility = text_in(row, "visibility")
    return RemoteList(
        list_id=contact_id(row),
        name=name,
        members=count if isinstance(count, int) else None,
        system=name.strip().casefold() in system_names,
        details={"visibility": visibility} if visibility else {},
    )


def remote_field(row: Mapping[str, object]) -> RemoteField:
    """One data field; raises ``TypeError`` when it is none. The text ``null`` is no default either."""
    name, kind = text_in(row, "name"), text_in(row, "type")
    if not name or not kind:
        raise TypeError("a data field has a name and a type")
    raw = field_of(row, "defaultValue")
    default = values.shown(kind, raw)
    return RemoteField(
        name=name,
        label=name,
        kind=kind,
        default="" if default.lower() == "null" else default,
        public=text_in(row, "visibility").lower() == "public",
        field_id=name,
        system=name.upper() in SYSTEM_FIELDS,
    )
