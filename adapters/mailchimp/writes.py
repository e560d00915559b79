"""The writes of Mailchimp, one function an action (Mailchimp contract §5, §6a).

Invariant (design law 1): the only statuses written are ``subscribed`` or ``pending`` for a person unknown there
(``update_existing`` is false), ``unsubscribed`` for a known one, and ``pending`` in an opt-in request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from adapters.bodies import BodyFault
from adapters.http import Answer, Client
from adapters.mailchimp import mapping, routes
from adapters.mailchimp.account import read_list
from adapters.mailchimp.errors import (
    ALREADY_THERE,
    COMPLIANCE,
    FORGOTTEN,
    Problem,
    failure,
    problem_in,
    problem_of,
    row_result,
    stops_everything,
    verdict,
)
from adapters.origins import Route, route
from adapters.provider import (
    AdapterError,
    Addition,
    AddressMove,
    FieldChange,
    OptInRequest,
    Removal,
    RowResult,
    Submission,
    Unanswered,
    Unsubscription,
)
from adapters.rows import in_doubt
from state.address import address_key
from state.model import Outcome, RemoteList

ADD_ROWS = 500
"""The most members one bulk add may carry (Mailchimp contract §6a, R34)."""

SPLITS = 24
"""Calls spent on finding the row for which Mailchimp refuses a whole chunk (I25), within restraint (I19)."""

MergeValues = Callable[[Mapping[str, str]], Mapping[str, object]]
"""Turns mapped fields into the values Mailchimp takes (an address is an object there)."""


def member_route(remote: RemoteList, email: str, origin_id: str) -> Route:
    """A member's path, by the origin id where there is one: very old lists have other hashes (contract §5)."""
    return route(routes.MEMBER, list=remote.list_id, member=origin_id or mapping.subscriber_hash(email))


# --- additions ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Adder:
    """Adds chunks; on a refusal of the whole chunk it halves it until the rows at fault stand alone (I25)."""

    client: Client
    remote: RemoteList
    merge: MergeValues
    splits_left: int = SPLITS
    told: list[RowResult] = field(default_factory=list)

    async def add(self, rows: Sequence[Addition]) -> Submission:
        """One POST for all rows; results by address, never by position."""
        if rows:
            try:
                await self._add(rows)
            except AdapterError as error:
                raise in_doubt([error], self.told, len(rows)) from None
        return Submission(tuple(self.told))

    async def _add(self, rows: Sequence[Addition]) -> None:
        answer = await self._post(rows)
        if not isinstance(answer, Problem):
            self.told += answer
        elif len(rows) == 1:
            self.told.append(row_result(rows[0].email, answer))
        elif self.splits_left < 2:
            self.told += [
                RowResult(row.email, Outcome.REJECTED, "request-refused", raw=answer.raw) for row in rows
            ]
        else:
            self.splits_left -= 2
            middle = len(rows) // 2
            await self._add(rows[:middle])
            await self._add(rows[middle:])

    async def _post(self, rows: Sequence[Addition]) -> tuple[RowResult, ...] | Problem:
        status = "pending" if self.remote.double_opt_in else "subscribed"
        members = []
        for row in rows:
            member: dict[str, object] = {"email_address": row.email.strip(), "status": status}
            if row.fields:
                member["merge_fields"] = self.merge(row.fields)
            if row.tags:
                member["tags"] = list(row.tags)
            members.append(member)
        answer = await self.client.send(
            "POST",
            route(routes.LIST, list=self.remote.list_id),
            content={"members": members, "update_existing": False, "sync_tags": False},
        )
        if answer.status == 200:
            return _added(rows, answer)
        if answer.status in (400, 422):
            return problem_in(answer)
        raise failure(answer, "add members", list_id=self.remote.list_id)


def _added(rows: Sequence[Addition], answer: Answer) -> tuple[RowResult, ...]:
    try:
        document = answer.json()
    except BodyFault as fault:
        raise Unanswered("no-answer", fault.text, "It is read back before it is sent again.") from None
    if not isinstance(document, dict):
        raise Unanswered(
            "no-answer", "The answer is not a result.", "It is read back before it is sent again."
        )
    told = _told(document)
    return tuple(_row_told(row.email, told.get(address_key(row.email))) for row in rows)


Told = tuple[str, Mapping[str, object]]
"""The answer's list an address stands in, and what stands there of it."""


def _told(document: Mapping[str, object]) -> dict[str, Told]:
    """What the answer says, by address key. An address in two of its lists is what shows it on the list."""
    told: dict[str, Told] = {}
    for name in ("errors", "updated_members", "new_members"):
        for entry in _entries(document, name):
            told[_key(entry)] = (name, entry)
    return told


def _row_told(email: str, told: Told | None) -> RowResult:
    if told is None:
        return RowResult(email, Outcome.UNKNOWN, "unknown", raw="the answer does not mention this address")
    name, entry = told
    if name == "new_members":
        reason = "asked-to-confirm" if entry.get("status") == "pending" else "added"
        return _shown(email, entry, Outcome.SENT, reason)
    if name == "updated_members":
        return _shown(email, entry, ALREADY_THERE.outcome, ALREADY_THERE.reason)
    named, message = mapping.text_of(entry.get("field")), mapping.text_of(entry.get("field_message"))
    problem = Problem(
        200,
        detail=mapping.text_of(entry.get("error")),
        fields=((named, message),) if named else (),
        code=mapping.text_of(entry.get("error_code")),
    )
    return row_result(email, problem)


def _entries(document: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    rows = document.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _key(entry: Mapping[str, object]) -> str:
    return address_key(mapping.text_of(entry.get("email_address")))


def _shown(
    email: str, entry: Mapping[str, object], outcome: Outcome, reason: str, raw: str = ""
) -> RowResult:
    """A result with what the answer shows of the member."""
    status = mapping.text_of(entry.get("status"))
    return RowResult(
        email=email,
        outcome=outcome,
        reason=reason,
        origin_id=mapping.text_of(entry.get("id")),
        raw=raw,
        consent=mapping.consent(status) if status else None,
        raw_status=status,
        person_id=mapping.text_of(entry.get("contact_id")),
    )


# --- single members ----------------------------------------------------------------------------------------


class MemberWrites:
    """Calls that each touch one known member of one audience."""

    def __init__(self, client: Client, remote: RemoteList, merge: MergeValues) -> None:
        self._client = client
        self._remote = remote
        self._merge = merge
        self._list_seen = False

    async def change(self, row: FieldChange) -> RowResult:
        """PATCH of merge fields, without a status."""
        answer = await self._patch(row.email, row.origin_id, {"merge_fields": self._merge(row.fields)})
        return await self._result(row.email, row.origin_id, answer, "changed", "change members")

    async def unsubscribe(self, row: Unsubscription) -> RowResult:
        """PATCH of the one status that may be written to a known member."""
        answer = await self._patch(row.email, row.origin_id, {"status": "unsubscribed"})
        return await self._result(
            row.email,
            row.origin_id,
            answer,
            "unsubscribed-by-us",
            "unsubscribe members",
            status="unsubscribed",
        )

    async def move(self, row: AddressMove) -> RowResult:
        """PATCH of the address, which keeps the record with its consent and history."""
        content: dict[str, object] = {"email_address": row.new_email.strip()}
        if row.fields:
            content["merge_fields"] = self._merge(row.fields)
        answer = await self._client.send(
            "PATCH", member_route(self._remote, row.email, row.origin_id), content=content
        )
        if answer.status == 400:
            problem = problem_in(answer)
            found = verdict(problem)
            # Known to the list under the new address, be it archived or deleted: the platform has two records.
            if found in (ALREADY_THERE, COMPLIANCE, FORGOTTEN):
                return RowResult(row.email, Outcome.REJECTED, "address-taken", row.origin_id, problem.raw)
        return await self._result(row.email, row.origin_id, answer, "moved", "change members")

    async def remove(self, row: Removal) -> RowResult:
        """DELETE, which archives and can be taken back; not an unsubscription."""
        answer = await self._client.send("DELETE", member_route(self._remote, row.email, row.origin_id))
        return await self._result(
            row.email, row.origin_id, answer, "removed", "archive members", status="archived"
        )

    async def request_opt_in(self, request: OptInRequest) -> RowResult:
        """Makes Mailchimp ask one person. Somebody subscribed already is left alone: pending would lower that."""
        email, origin_id = request.email.strip(), request.origin_id or mapping.subscriber_hash(request.email)
        path = route(routes.MEMBER, list=self._remote.list_id, member=origin_id)
        seen = await self._client.send("GET", path, params={"fields": mapping.member_fields((), "")})
        if seen.status == 200:
            shown = seen.document() or {}
            if shown.get("status") == "subscribed":
                return _shown(request.email, shown, Outcome.WITHHELD, "already-there")
            answer = await self._client.send("PATCH", path, content={"status": "pending"})
        elif seen.status == 404:
            await self._list_there()
            answer = await self._client.send(
                "PUT", path, content={"email_address": email, "status_if_new": "pending", "status": "pending"}
            )
        else:
            raise failure(seen, "read members", list_id=self._remote.list_id)
        if answer.status == 200 and (answer.document() or {}).get("status") != "pending":
            return _shown(
                request.email, answer.document() or {}, Outcome.UNKNOWN, "unknown", raw="not pending"
            )
        return await self._result(request.email, origin_id, answer, "opt-in-asked", "ask for opt-in")

    async def _patch(self, email: str, origin_id: str, content: Mapping[str, object]) -> Answer:
        # Fields and an opt-out are the same after one call and after two, and so is the answer.
        return await self._client.send(
            "PATCH", member_route(self._remote, email, origin_id), content=content, repeatable=True
        )

    async def _result(
        self, email: str, origin_id: str, answer: Answer, reason: str, what: str, status: str = ""
    ) -> RowResult:
        if answer.status == 204:
            consent = mapping.consent(status) if status else None
            return RowResult(email, Outcome.SENT, reason, origin_id, consent=consent, raw_status=status)
        if answer.status == 200:
            return self._applied(email, origin_id, answer, reason, status)
        if stops_everything(answer.status):
            raise failure(answer, what, list_id=self._remote.list_id)
        if answer.status == 404:
            await self._list_there()
        return row_result(email, problem_in(answer), origin_id=origin_id)

    def _applied(self, email: str, origin_id: str, answer: Answer, reason: str, status: str) -> RowResult:
        shown = answer.document()
        if shown is None or "id" not in shown:
            raw = "the answer does not show the member"
            return RowResult(email, Outcome.UNKNOWN, "answer-not-understood", origin_id, raw=raw)
        if status and shown.get("status") != status:
            return _shown(email, shown, Outcome.UNKNOWN, "unknown", raw=f"status is {shown.get('status')}")
        return _shown(email, shown, Outcome.SENT, reason)

    async def _list_there(self) -> None:
        """A 404 may mean the member or the whole audience: the latter is no success of any row."""
        if not self._list_seen:
            await read_list(self._client, self._remote.list_id)
            self._list_seen = True


def batch_row(status: int, response: object, email: str, origin_id: str) -> RowResult:
    """The result of one operation of a batch: a PATCH of fields."""
    if status == 200:
        if isinstance(response, dict) and "id" in response:
            return _shown(email, response, Outcome.SENT, "changed")
        raw = "the answer does not show the member"
        return RowResult(email, Outcome.UNKNOWN, "answer-not-understood", origin_id, raw=raw)
    return row_result(email, problem_of(status, response), origin_id=origin_id)
