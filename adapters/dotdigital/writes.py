"""The writes of dotdigital that are calls of their own, one function an action (contract §4, §5).

Invariant (design law 1): no opt-in type and no status is written to a known contact; the only call that may lead to
more mail has dotdigital ask one person, for somebody who typed it. A book is left by one of its own level, never the
whole account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.answers import Answer, unanswered
from adapters.dotdigital import mapping, routes
from adapters.dotdigital.documents import field_of, object_in, text_in
from adapters.dotdigital.errors import SUPPRESSED, failure, problem_in, row_of, row_result
from adapters.dotdigital.imports import JOIN
from adapters.dotdigital.lookup import READ_CONTACT, find
from adapters.dotdigital.routes import book_route, is_number
from adapters.dotdigital.session import Session
from adapters.dotdigital.settling import DELETION
from adapters.origins import route
from adapters.provider import (
    AdapterError,
    AddressMove,
    FieldChange,
    OptInRequest,
    Refused,
    Removal,
    RowResult,
    Submission,
    Unanswered,
    Unsubscription,
)
from state.address import address_key
from state.model import Consent, Outcome, RemoteList

REMOVE_ROWS = 1000
"""The most ids one removal may carry (contract §2: the vendor's limit is not known, peers send so many)."""

Values = Mapping[str, str]
"""Values of data fields by name; an empty one clears."""


def _good(answer: Answer) -> bool:
    return 200 <= answer.status < 300


class ContactWrites:
    """Calls that each touch known contacts of one book."""

    def __init__(self, session: Session, remote: RemoteList) -> None:
        self._session = session
        self._remote = remote

    async def clear(self, row: FieldChange) -> RowResult | None:
        """Write a row's fields, empty ones as nothing; None when the answer shows that nothing was cleared."""
        answer = await self._put(row.origin_id, {"email": row.email.strip(), **_data(row.fields)})
        if not _good(answer):
            return self._refused(row.email, row.origin_id, answer, "change contacts")
        shown = answer.document()
        if shown is not None and isinstance(field_of(shown, "dataFields"), list):
            cleared = [name for name, value in row.fields.items() if not value.strip()]
            left = mapping.Fields(cleared, {}).of(shown)
            if any(left.values()):
                return None
        return RowResult(row.email, Outcome.SENT, "changed", row.origin_id)

    async def move(self, row: AddressMove) -> RowResult:
        """Give a contact another address under its id; its consent and history stay."""
        content = {"email": row.new_email.strip(), **_data(row.fields)}
        if not is_number(row.origin_id):
            return _no_number(row.email, row.origin_id)
        answer = await self._put(row.origin_id, content)
        if _good(answer):
            shown = text_in(answer.document() or {}, "email")
            if shown and address_key(shown) != address_key(row.new_email):
                raw = "the answer shows another address"
                return RowResult(row.email, Outcome.UNKNOWN, "unknown", row.origin_id, raw)
            return RowResult(row.email, Outcome.SENT, "moved", row.origin_id)
        if answer.status in (400, 409) and await self._taken(row):
            raw = problem_in(answer).raw
            return RowResult(row.email, Outcome.REJECTED, "address-taken", row.origin_id, raw)
        return self._refused(row.email, row.origin_id, answer, "change contacts")

    async def _taken(self, row: AddressMove) -> bool:
        """Whether another contact of the account has the new address: which code says so is not known."""
        answer = await self._session.get(route(routes.ONE_CONTACT, email=row.new_email.strip()))
        if answer.status == 200:
            return mapping.contact_id(object_in(answer, READ_CONTACT)) != row.origin_id
        return row_of(answer) is SUPPRESSED

    async def unsubscribe(self, row: Unsubscription) -> RowResult:
        """Pass an opt-out on: from this book alone."""
        answer = await self._session.write(
            "POST", book_route(routes.BOOK_UNSUBSCRIBE, self._remote.list_id), {"email": row.email.strip()}
        )
        if not _good(answer):
            return self._refused(row.email, row.origin_id, answer, "unsubscribe contacts")
        return RowResult(
            row.email,
            Outcome.SENT,
            "unsubscribed-by-us",
            row.origin_id,
            consent=Consent.UNSUBSCRIBED,
            raw_status=mapping.LEFT_BOOK,
        )

    async def request_opt_in(self, request: OptInRequest) -> RowResult:
        """Have dotdigital ask one person who left; somebody who is on the list is left alone."""
        email = request.email.strip()
        for member in await find(self._session, self._remote.list_id, [email], mapping.Fields((), {}), 1):
            if member.consent is Consent.SUBSCRIBED:
                return RowResult(
                    request.email,
                    Outcome.WITHHELD,
                    "already-there",
                    member.origin_id,
                    consent=member.consent,
                    raw_status=member.raw_status,
                )
        content = {
            "unsubscribedContact": {"email": email},
            "preferredLocale": "",
            "returnUrlToUseIfChallenged": "",
        }
        answer = await self._session.write(
            "POST", book_route(routes.BOOK_RESUBSCRIBE, self._remote.list_id), content
        )
        if not _good(answer):
            return self._refused(request.email, request.origin_id, answer, "ask for opt-in")
        return _asked(request, answer)

    async def _put(self, origin_id: str, content: Mapping[str, object]) -> Answer:
        return await self._session.write("PUT", route(routes.CONTACT, contact=origin_id), content)

    def _refused(self, email: str, origin_id: str, answer: Answer, what: str) -> RowResult:
        return row_result(email, answer, what, origin_id=origin_id, list_id=self._remote.list_id)


# --- many contacts -----------------------------------------------------------------------------------------


async def remove(session: Session, remote: RemoteList, rows: Sequence[Removal]) -> Submission:
    """Take contacts out of the book, by their numbers in one call; dotdigital works on it and is asked by ticket.

    A call with too many numbers is halved, for nobody tells how many it takes. Raises ``Unanswered`` when the first
    call got no answer, and any other error only when nothing was applied.
    """
    parts = [[row for row in rows if is_number(row.origin_id)]]
    results = [_no_number(row.email, row.origin_id) for row in rows if not is_number(row.origin_id)]
    guids: list[str] = []
    begun = False
    while parts:
        part = parts.pop(0)
        if not part:
            continue
        try:
            guid = await _remove(session, remote, part)
        except AdapterError as error:
            if isinstance(error, _TooMany) and len(part) > 1:
                middle = len(part) // 2
                parts[:0] = [part[:middle], part[middle:]]
                continue
            if not begun:
                raise
            in_doubt = isinstance(error, Unanswered)
            outcome, reason = (Outcome.UNKNOWN, "no-answer") if in_doubt else (Outcome.REJECTED, "not-tried")
            results += _each(part, outcome, reason, error.text)
            results += _each(
                [row for later in parts for row in later], Outcome.REJECTED, "not-tried", error.text
            )
            break
        begun = True
        if guid:
            guids.append(guid)
            results += _each(part, Outcome.ACCEPTED, "handed-over")
        else:
            results += _each(part, Outcome.SENT, "removed")
    return Submission(tuple(results), f"{DELETION}{JOIN.join(guids)}" if guids else "")


class _TooMany(Refused):
    """The call had more numbers than the platform takes."""


async def _remove(session: Session, remote: RemoteList, rows: Sequence[Removal]) -> str:
    """One call; the ticket, or nothing when it is done already."""
    answer = await session.write(
        "POST", book_route(routes.BOOK_REMOVE, remote.list_id), [int(row.origin_id) for row in rows]
    )
    if _good(answer):
        guid = text_in(answer.document() or {}, "id").strip()
        if not guid and answer.status == 202:
            raise unanswered("dotdigital took the removal and named no ticket.")
        return guid
    error = failure(answer, "remove contacts from an address book", list_id=remote.list_id)
    if problem_in(answer).code == "ERROR_CONTACT_TOOMANY":
        raise _TooMany(error.reason, error.text, error.next, raw=error.raw)
    raise error


def _each(rows: Sequence[Removal], outcome: Outcome, reason: str, raw: str = "") -> list[RowResult]:
    return [RowResult(row.email, outcome, reason, row.origin_id, raw) for row in rows]


def _asked(request: OptInRequest, answer: Answer) -> RowResult:
    document = answer.document() or {}
    status = text_in(document, "status")
    shown = field_of(document, "contact")
    number = text_in(shown, "id") if isinstance(shown, dict) else ""
    origin_id = number or request.origin_id
    match status.lower():
        case "contactchallenged":
            return RowResult(request.email, Outcome.SENT, "opt-in-asked", origin_id, status)
        case "contactadded":
            return RowResult(
                request.email, Outcome.SENT, "added", origin_id, status, Consent.SUBSCRIBED, "Subscribed"
            )
        case "contactcannotbeunsuppressed":
            return RowResult(request.email, Outcome.REJECTED, "cannot-be-asked", origin_id, status)
    return RowResult(request.email, Outcome.UNKNOWN, "unknown", origin_id, status or "no status")


def _data(fields: Values) -> dict[str, object]:
    if not fields:
        return {}
    return {
        "dataFields": [
            {"key": name, "value": value if value.strip() else None} for name, value in fields.items()
        ]
    }


def _no_number(email: str, origin_id: str) -> RowResult:
    raw = "dotdigital's contact number is not known here"
    return RowResult(email, Outcome.REJECTED, "not-found", origin_id, raw)
