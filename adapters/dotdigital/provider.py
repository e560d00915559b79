"""dotdigital behind the provider's protocol: who calls what, and how an export is cut into calls.

Invariant: this class writes only through ``imports``, ``writes``, ``fields`` and ``books``, and to no book that the
account keeps for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.dotdigital import account, books, campaigns, fields, lookup, mapping, values
from adapters.dotdigital.importfile import (
    FILE_ROWS,
    UNKNOWN_OPT_IN,
    ImportFile,
    Layout,
    files_of_additions,
    files_of_changes,
)
from adapters.dotdigital.imports import hand_over
from adapters.dotdigital.listing import Listing
from adapters.dotdigital.region import option
from adapters.dotdigital.routes import is_number
from adapters.dotdigital.session import Session
from adapters.dotdigital.settling import CHANGE, Settling
from adapters.dotdigital.suppressions import AccountOptOuts
from adapters.dotdigital.writes import REMOVE_ROWS, ContactWrites, remove
from adapters.pace import Limits, RetryPolicy
from adapters.provider import (
    Account,
    Addition,
    AddressMove,
    Batch,
    Capabilities,
    CheckReport,
    ConnectionSettings,
    FieldChange,
    FieldDeletion,
    MemberPage,
    NewField,
    OptInRequest,
    Refused,
    RemoteField,
    Removal,
    Repeat,
    RowResult,
    Settlement,
    Submission,
    Unsubscription,
    Wire,
)
from adapters.rows import submitted
from state.model import Action, Activity, Campaign, CampaignSummary, Member, Outcome, RemoteList

CALLS_A_CHUNK = 50
FILES_AT_ONCE = 5
"""Files of one job that may be open together; the vendor takes 25 of the whole account."""

IMPORT_CALLS = 20
"""Post, some polls, report, faults, and reading back who was loaded, for the estimate."""

REMOVE_CALLS = 3
CLEARED_BY_CALL = 50
"""So many rows of a chunk are cleared by calls of their own, whose answers prove it; above that by a file."""

CAPABILITIES = Capabilities(
    tags=False,
    removal_word="remove from the book",
    removed_status="",
    removal_reversible=True,
    moves_addresses=True,
    at_once=FILES_AT_ONCE,
    reads_at_once=2,
    field_types=values.FIELD_TYPES,
    creates_lists=True,
    creates_fields=True,
    fields_by_account=True,
    shares_contacts=True,
    campaigns=True,
)


class Dotdigital:
    """One connection to one dotdigital account."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        settings: ConnectionSettings,
        wire: Wire,
        *,
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._settings = settings
        self._wire = wire
        self.capabilities = replace(CAPABILITIES, sent_with_additions=_sent_along(settings))
        self._session = Session(settings, wire, policy=policy, limits=limits)
        self._opt_outs = AccountOptOuts(self._session)
        self._settling = Settling(self._session)
        self._kinds: dict[str, str] | None = None

    async def aclose(self) -> None:
        """Close the client; no request after this."""
        await self._session.aclose()

    # --- reads --------------------------------------------------------------------------------------------

    async def check(self, list_ids: Sequence[str] = ()) -> CheckReport:
        """Login, region, calls left, every linked address book."""
        return await account.check(self._session, list_ids)

    async def account(self) -> Account:
        """The account behind the API user."""
        return await account.read_account(self._session)

    async def lists(self) -> tuple[RemoteList, ...]:
        """All address books, the account's own ones marked."""
        return await account.read_lists(self._session)

    async def remote_list(self, list_id: str) -> RemoteList:
        """One address book; ``NotThere`` when the account does not have it."""
        return await account.read_list(self._session, list_id)

    async def fields(self, list_id: str) -> tuple[RemoteField, ...]:
        """The account's data fields, the same for every book."""
        found = await account.read_fields(self._session)
        self._kinds = {field.name: field.kind for field in found}
        return found

    async def listing(
        self, remote: RemoteList, fields: Sequence[str], since: str | None = None
    ) -> AsyncIterator[MemberPage]:
        """All contacts or those changed since a cursor, and who left; see ``listing`` for what proves it whole."""
        reader = Listing(
            self._session,
            remote.list_id,
            await self._wanted(fields),
            self._opt_outs,
            at_once=self.capabilities.reads_at_once,
            sleep=self._wire.sleep or asyncio.sleep,
            tell=self._wire.on_wait,
        )
        async for page in reader.pages(since):
            yield page

    async def find(
        self, remote: RemoteList, emails: Sequence[str], fields: Sequence[str]
    ) -> tuple[Member, ...]:
        """Members by their address; who left comes with that, others are absent."""
        wanted = await self._wanted(fields)
        return await lookup.find(self._session, remote.list_id, emails, wanted, self._calls_at_once)

    async def known(self, emails: Sequence[str]) -> frozenset[str]:
        """Those of the addresses the account still knows."""
        return await lookup.known(self._session, emails, self._calls_at_once)

    def stored(self, remote_field: RemoteField, value: str) -> str:
        """The text dotdigital would store (contract §7)."""
        return values.stored(remote_field, value)

    async def _wanted(self, names: Sequence[str]) -> mapping.Fields:
        """The fields to read, with their types: a date is to compare equal in whichever spelling it comes."""
        if names and self._kinds is None:
            await self.fields("")
        return mapping.Fields(names, self._kinds or {})

    # --- writes -------------------------------------------------------------------------------------------

    def batch(self, action: Action, total: int) -> Batch:
        """Files of 10,000 rows, removals by 1,000, everything else call by call."""
        if action in (Action.ADD, Action.CHANGE):
            return Batch(
                FILE_ROWS,
                Repeat.NEVER,
                parallel=FILES_AT_ONCE,
                by_ticket=True,
                calls_per_chunk=IMPORT_CALLS,
            )
        if action is Action.REMOVE:
            # Once out of the book is out of the book.
            return Batch(
                REMOVE_ROWS, Repeat.AT_ONCE, parallel=1, by_ticket=True, calls_per_chunk=REMOVE_CALLS
            )
        repeat = Repeat.AFTER_QUARANTINE if action is Action.MOVE else Repeat.AT_ONCE
        return Batch(CALLS_A_CHUNK, repeat, calls_per_chunk=CALLS_A_CHUNK)

    async def add(self, remote: RemoteList, rows: Sequence[Addition]) -> Submission:
        """Adds people by import files; whoever the account suppresses stays suppressed."""
        _writable(remote)
        layout = self._layout()
        known: frozenset[str] = frozenset()
        if layout.notes_opt_in:
            emails = [row.email for row in rows]
            known = await lookup.known_keys(self._session, emails, self._calls_at_once)
        return await self._import(remote, files_of_additions(rows, layout, known), "")

    async def change(self, remote: RemoteList, rows: Sequence[FieldChange], *, by_ticket: bool) -> Submission:
        """Changes mapped fields by import files; a field that a row does not mention is not touched."""
        _writable(remote)
        clearing = [row for row in rows if any(not value.strip() for value in row.fields.values())]
        filling = [row for row in rows if all(value.strip() for value in row.fields.values())]
        single = [row for row in clearing if is_number(row.origin_id)][:CLEARED_BY_CALL]
        done, kept = await self._cleared(remote, single)
        chosen = {id(row) for row in single}
        left = [*kept, *(row for row in clearing if id(row) not in chosen)]
        files = files_of_changes(filling, self._layout(), clearing=False)
        files += files_of_changes(left, self._layout(), clearing=True)
        return await self._import(remote, files, CHANGE, done)

    async def _cleared(
        self, remote: RemoteList, rows: Sequence[FieldChange]
    ) -> tuple[tuple[RowResult, ...], list[FieldChange]]:
        """Results of rows whose values were cleared one by one, and the rows for which that did nothing."""
        writes = ContactWrites(self._session, remote)
        kept: list[FieldChange] = []

        async def clear(row: FieldChange) -> RowResult:
            result = await writes.clear(row)
            if result is None:
                kept.append(row)
                return RowResult(row.email, Outcome.ACCEPTED, "handed-over", row.origin_id)
            return result

        results = (await submitted(rows, clear, self._calls_at_once)).results if rows else ()
        return tuple(one for one in results if one.outcome is not Outcome.ACCEPTED), kept

    async def _import(
        self, remote: RemoteList, files: Sequence[ImportFile], mark: str, done: Sequence[RowResult] = ()
    ) -> Submission:
        if not files:
            return Submission(tuple(done))
        submission = await hand_over(self._session, remote, files, done)
        if not submission.ticket:
            return submission
        ticket = f"{mark}{submission.ticket}"
        accepted = [one.email for one in submission.results if one.outcome is Outcome.ACCEPTED]
        self._settling.remember(ticket, accepted, submission.files)
        return Submission(submission.results, ticket, submission.page, submission.files)

    async def move(self, remote: RemoteList, rows: Sequence[AddressMove]) -> Submission:
        """Gives contacts another address under their id; results carry the former one."""
        _writable(remote)
        return await submitted(rows, ContactWrites(self._session, remote).move, self._calls_at_once)

    async def remove(self, remote: RemoteList, rows: Sequence[Removal]) -> Submission:
        """Takes contacts out of the book; they stay in the account."""
        _writable(remote)
        return await remove(self._session, remote, rows)

    async def unsubscribe(self, remote: RemoteList, rows: Sequence[Unsubscription]) -> Submission:
        """Passes opt-outs on, from this book alone."""
        _writable(remote)
        return await submitted(rows, ContactWrites(self._session, remote).unsubscribe, self._calls_at_once)

    async def request_opt_in(self, remote: RemoteList, request: OptInRequest) -> RowResult:
        """Has dotdigital ask one person."""
        _writable(remote)
        return await ContactWrites(self._session, remote).request_opt_in(request)

    async def settle(self, remote: RemoteList, ticket: str, since: datetime) -> Settlement:
        """Asks once how far an import or a removal is."""
        return await self._settling.settle(remote, ticket, since)

    def _layout(self) -> Layout:
        return Layout(
            email_column=option(self._settings, "email_column", "email"),
            opt_in_type=_opt_in_type(self._settings),
            send_consent=_sends_consent(self._settings),
        )

    @property
    def _calls_at_once(self) -> int:
        return max(1, min(self._wire.connections, self.capabilities.at_once))

    # --- lists and fields ---------------------------------------------------------------------------------

    async def create_list(self, name: str, *, public: bool = False) -> RemoteList:
        """A new address book."""
        return await books.create(self._session, name, public=public)

    def field_fault(self, field: NewField) -> str:
        """Why dotdigital would refuse to create this field, as a sentence; empty when it would not."""
        return fields.fault(field)

    async def create_field(self, list_id: str, field: NewField) -> RemoteField:
        """Create a data field of the account."""
        self._kinds = None
        return await fields.create(self._session, field)

    async def delete_field(self, list_id: str, field: RemoteField) -> FieldDeletion:
        """Delete a data field and its value on every contact of the account."""
        self._kinds = None
        return await fields.delete(self._session, field)

    async def holders(
        self, list_id: str, field: RemoteField, told: Callable[[int], None] = lambda rows: None
    ) -> int:
        """How many contacts of the account have a value in the field."""
        return await fields.holders(self._session, field, told)

    # --- campaigns ----------------------------------------------------------------------------------------

    async def campaigns(self, list_id: str) -> tuple[Campaign, ...]:
        """The campaigns of an address book."""
        return await campaigns.of_book(self._session, list_id)

    async def campaign_summary(self, campaign_id: str) -> CampaignSummary:
        """The counts of a sent campaign."""
        return await campaigns.summary(self._session, campaign_id)

    async def activity(self, campaign_id: str, since: datetime | None) -> AsyncIterator[tuple[Activity, ...]]:
        """What addresses did with a campaign, page by page."""
        async for page in campaigns.activity(self._session, campaign_id, since):
            yield page


def _opt_in_type(settings: ConnectionSettings) -> str:
    return option(settings, "opt_in_type", UNKNOWN_OPT_IN)


def _sends_consent(settings: ConnectionSettings) -> bool:
    return settings.options.get("send_consent") is True


def _sent_along(settings: ConnectionSettings) -> tuple[str, ...]:
    """What an addition carries beside address and fields, for people who confirm it (contract §6)."""
    told = []
    if _sends_consent(settings):
        told.append("basis of the consent")
    if (opt_in_type := _opt_in_type(settings)) != UNKNOWN_OPT_IN:
        told.append(f"opt-in type {opt_in_type}")
    return tuple(told)


def _writable(remote: RemoteList) -> None:
    """The account's own books are never written to (contract §3)."""
    if remote.system:
        raise Refused(
            "system-list",
            f"{remote.name} is one of the account's own address books; nothing is written to it.",
            "Link another address book.",
        )
