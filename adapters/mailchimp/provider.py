"""Mailchimp behind the provider's protocol: who calls what, and how an export is cut into calls.

Invariant: this class writes only through ``writes`` and ``batches``, and opens its client only for a key that can
be one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

from adapters.http import Client
from adapters.mailchimp import account, batches, mapping, reports, routes, values
from adapters.mailchimp import fields as merge_fields
from adapters.mailchimp.errors import failure, not_understood
from adapters.mailchimp.keys import authorization, base_url, key_fault, key_of
from adapters.mailchimp.listing import Listing
from adapters.mailchimp.writes import ADD_ROWS, Adder, MemberWrites, MergeValues
from adapters.origins import route
from adapters.pace import Limits, RetryPolicy
from adapters.provider import (
    Account,
    Addition,
    AddressMove,
    Batch,
    Capabilities,
    CheckReport,
    ConnectionSettings,
    CredentialsRefused,
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
from adapters.rows import gathered, submitted
from state.model import Action, Activity, Campaign, CampaignSummary, Member, RemoteList

CALLS_A_CHUNK = 50
DIRECT_CHANGES = 1000
"""Up to so many changes go as calls of their own; above it batches are quicker than the wait for them is long."""

TICKET_CALLS = 6
"""Submit, some polls and the download, for the estimate."""

CAPABILITIES = Capabilities(
    tags=True,
    removal_word="archive",
    removed_status="archived",
    removal_reversible=True,
    moves_addresses=True,
    at_once=10,
    reads_at_once=2,
    field_types=values.FIELD_TYPES,
    choice_types=merge_fields.CHOICE_TYPES,
    field_labels=True,
    creates_fields=True,
    campaigns=True,
)


class Mailchimp:
    """One connection to one Mailchimp account."""

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
        self._policy = policy
        self._limits = limits
        self._opened: Client | None = None
        self._fields: dict[str, dict[str, RemoteField]] = {}

    def _client(self) -> Client:
        if self._opened is None:
            key = key_of(self._settings)
            fault = key_fault(key)
            if fault is not None:
                raise CredentialsRefused(fault[0], fault[1], "Copy the whole key from Mailchimp.")
            self._opened = Client(
                base_url(self._settings),
                {"Authorization": authorization(key)},
                self._wire,
                reads=routes.READS,
                writes=routes.WRITES,
                policy=self._policy,
                limits=self._limits,
            )
        return self._opened

    async def aclose(self) -> None:
        """Close the client; no request after this."""
        if self._opened is not None:
            await self._opened.aclose()

    # --- reads --------------------------------------------------------------------------------------------

    async def check(self, list_ids: Sequence[str] = ()) -> CheckReport:
        """Ping, account, role, every linked audience (Mailchimp contract §3)."""
        return await account.check(
            self._client, key_of(self._settings), list_ids, host_of_key=not self._settings.base_url
        )

    async def account(self) -> Account:
        """The account behind the key."""
        return await account.read_account(self._client())

    async def lists(self) -> tuple[RemoteList, ...]:
        """All audiences."""
        return await account.read_lists(self._client())

    async def remote_list(self, list_id: str) -> RemoteList:
        """One audience; ``NotThere`` when the account does not have it."""
        return await account.read_list(self._client(), list_id)

    async def fields(self, list_id: str) -> tuple[RemoteField, ...]:
        """The audience's merge fields."""
        return await merge_fields.read_fields(self._client(), list_id)

    async def listing(
        self, remote: RemoteList, fields: Sequence[str], since: str | None = None
    ) -> AsyncIterator[MemberPage]:
        """All members or those changed since a cursor; see ``listing`` for what proves it whole."""
        reader = Listing(
            self._client(),
            remote.list_id,
            fields,
            at_once=self.capabilities.reads_at_once,
            sleep=self._wire.sleep or asyncio.sleep,
            tell=self._wire.on_wait,
        )
        async for page in reader.pages(since):
            yield page

    async def find(
        self, remote: RemoteList, emails: Sequence[str], fields: Sequence[str]
    ) -> tuple[Member, ...]:
        """Members by their address, archived ones included; unknown ones are absent."""
        client = self._client()
        wanted = mapping.member_fields(fields, "")

        async def look(email: str) -> tuple[Member, ...]:
            for member_hash in mapping.subscriber_hashes(email):
                path = route(routes.MEMBER, list=remote.list_id, member=member_hash)
                answer = await client.send("GET", path, params={"fields": wanted})
                if answer.status == 404:
                    continue
                if answer.status != 200:
                    raise failure(answer, "read members", list_id=remote.list_id)
                try:
                    return (mapping.member(answer.document() or {}, fields),)
                except (KeyError, TypeError):
                    raise not_understood("read members") from None
            return ()

        asked = list({mapping.subscriber_hashes(email): email for email in emails}.values())
        found = tuple(member for one in await gathered(asked, look, self._calls_at_once) for member in one)
        if not found and asked:
            # Nobody known may also mean that the audience is not there, which is no answer about anybody.
            await account.read_list(client, remote.list_id)
        return found

    def stored(self, remote_field: RemoteField, value: str) -> str:
        """The text Mailchimp would store (Mailchimp contract §7)."""
        return values.stored(remote_field, value)

    # --- writes -------------------------------------------------------------------------------------------

    def batch(self, action: Action, total: int) -> Batch:
        """Chunks: 500 additions a call, else a few dozen calls, above a thousand changes a batch of theirs."""
        if action is Action.ADD:
            # update_existing is false, so a second time changes nothing (design law 3).
            return Batch(ADD_ROWS, Repeat.AT_ONCE)
        if action is Action.CHANGE and total > DIRECT_CHANGES:
            # The same values once more change nothing, whichever of two batches runs last.
            return Batch(batches.OPERATIONS, Repeat.AT_ONCE, by_ticket=True, calls_per_chunk=TICKET_CALLS)
        repeat = Repeat.AFTER_QUARANTINE if action is Action.MOVE else Repeat.AT_ONCE
        return Batch(CALLS_A_CHUNK, repeat, calls_per_chunk=CALLS_A_CHUNK)

    async def add(self, remote: RemoteList, rows: Sequence[Addition]) -> Submission:
        """Adds people unknown there: subscribed, or pending where the audience has double opt-in."""
        merge = await self._merge(remote, [row.fields for row in rows])
        return await Adder(self._client(), remote, merge).add(rows)

    async def change(self, remote: RemoteList, rows: Sequence[FieldChange], *, by_ticket: bool) -> Submission:
        """Changes mapped fields; no status is in it."""
        merge = await self._merge(remote, [row.fields for row in rows])
        if by_ticket:
            return await batches.hand_over(self._client(), remote, rows, merge)
        writes = MemberWrites(self._client(), remote, merge)
        return await submitted(rows, writes.change, self._calls_at_once)

    async def move(self, remote: RemoteList, rows: Sequence[AddressMove]) -> Submission:
        """Gives members another address; results carry the former one and the new origin id."""
        merge = await self._merge(remote, [row.fields for row in rows])
        writes = MemberWrites(self._client(), remote, merge)
        return await submitted(rows, writes.move, self._calls_at_once)

    async def remove(self, remote: RemoteList, rows: Sequence[Removal]) -> Submission:
        """Archives members."""
        writes = MemberWrites(self._client(), remote, _as_text)
        return await submitted(rows, writes.remove, self._calls_at_once)

    async def unsubscribe(self, remote: RemoteList, rows: Sequence[Unsubscription]) -> Submission:
        """Passes opt-outs on."""
        writes = MemberWrites(self._client(), remote, _as_text)
        return await submitted(rows, writes.unsubscribe, self._calls_at_once)

    async def request_opt_in(self, remote: RemoteList, request: OptInRequest) -> RowResult:
        """Has Mailchimp ask one person."""
        return await MemberWrites(self._client(), remote, _as_text).request_opt_in(request)

    async def settle(self, remote: RemoteList, ticket: str, since: datetime) -> Settlement:
        """Asks once how far a batch is; its file names every row, so that ``since`` is not needed."""
        return await batches.settle(self._client(), ticket)

    # --- the audience itself ------------------------------------------------------------------------------

    async def known(self, emails: Sequence[str]) -> frozenset[str]:
        """Nobody: an audience is all there is, so who is on none was erased."""
        return frozenset()

    async def create_list(self, name: str, *, public: bool = False) -> RemoteList:
        """Refused: an audience needs the sender's postal address and defaults that only its owner knows."""
        raise Refused(
            "not-offered",
            "An audience cannot be created from here: it needs the sender's postal address and more.",
            "Create it at Mailchimp, then read the lists again.",
        )

    def field_fault(self, field: NewField) -> str:
        """Why the merge field would be refused; empty when it would not."""
        return merge_fields.field_fault(field)

    async def create_field(self, list_id: str, field: NewField) -> RemoteField:
        """Creates a merge field."""
        return await merge_fields.create_field(self._client(), list_id, field)

    async def delete_field(self, list_id: str, field: RemoteField) -> FieldDeletion:
        """Deletes a merge field with its values."""
        return await merge_fields.delete_field(self._client(), list_id, field)

    async def holders(
        self, list_id: str, field: RemoteField, told: Callable[[int], None] = lambda rows: None
    ) -> int:
        """Members of the audience with a value, archived ones included; every member is read for it."""
        pages = self.listing(RemoteList(list_id, list_id), (field.name,))
        return await merge_fields.holders(pages, field, told)

    # --- reports ------------------------------------------------------------------------------------------

    async def campaigns(self, list_id: str) -> tuple[Campaign, ...]:
        """What was sent to the audience."""
        return await reports.campaigns(self._client(), list_id)

    async def campaign_summary(self, campaign_id: str) -> CampaignSummary:
        """The report's counts."""
        return await reports.campaign_summary(self._client(), campaign_id)

    async def activity(self, campaign_id: str, since: datetime | None) -> AsyncIterator[tuple[Activity, ...]]:
        """Sendings, opens, clicks, bounces, unsubscriptions."""
        async for page in reports.activity(self._client(), campaign_id, since):
            yield page

    @property
    def _calls_at_once(self) -> int:
        return max(1, min(self._wire.connections, self.capabilities.at_once))

    async def _merge(self, remote: RemoteList, rows: Sequence[Mapping[str, str]]) -> MergeValues:
        """How fields become merge values; the types are asked for only when a value looks like an address."""
        if not any(value.startswith("{") for row in rows for value in row.values()):
            return _as_text
        if remote.list_id not in self._fields:
            found = await self.fields(remote.list_id)
            self._fields[remote.list_id] = {field.name: field for field in found}
        known = self._fields[remote.list_id]

        def merge(fields: Mapping[str, str]) -> Mapping[str, object]:
            made: dict[str, object] = {}
            for name, value in fields.items():
                is_address = name in known and known[name].kind == "address"
                parts = values.address_object(value) if is_address else None
                made[name] = value if parts is None else parts
            return made

        return merge


def _as_text(fields: Mapping[str, str]) -> Mapping[str, object]:
    return fields
