"""Mailchimp as one vendor of the sandbox: accounts, clock and switches behind the neutral server's protocol.

Invariant: between a request's arrival at `handle` and its answer nothing else runs, so a request is applied as a
whole or not at all, and what `persist` writes is always between two requests.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.keep import KeptState, Record
from adapters.sandbox.mailchimp import batches, control, errors
from adapters.sandbox.mailchimp.machine import PRESENT, WORDS
from adapters.sandbox.mailchimp.ops import attempted
from adapters.sandbox.mailchimp.rehearsals import Rehearsals
from adapters.sandbox.mailchimp.request import Request, parse_body
from adapters.sandbox.mailchimp.roll import Member
from adapters.sandbox.mailchimp.routes import account_of, dispatch, key_of_headers
from adapters.sandbox.mailchimp.store import Account, Batch, Operation, accounts
from adapters.sandbox.mailchimp.switches import Switches
from adapters.sandbox.vendor import Answer, Call, Controlled, LedgerRow, Op, Slot

VERSION = "3.0"


class MailchimpSandbox:
    """The rehearsed Mailchimp."""

    name = "mailchimp"
    verbs = control.FIELDS

    def __init__(
        self, *, contacts: int, seed: int, clock: SandboxClock, kept: KeptState | None = None
    ) -> None:
        self.clock = clock
        self.switches = Switches()
        self.rehearsals = Rehearsals()
        self._contacts = contacts
        self._seed = seed
        self._kept = kept
        self._executed: list[LedgerRow] = []
        self._origin = ""
        self._orders_kept: Record = []
        self.accounts = accounts(contacts, seed)

    # What the server asks for

    def url(self, origin: str) -> str:
        """The base URL."""
        return f"{origin}/{self.name}/{VERSION}"

    def key(self) -> object:
        """The default account's key."""
        return self.accounts["default"].key

    def lists(self) -> list[dict[str, Any]]:
        """The default account's audiences."""
        return [
            {"id": audience.id, "name": audience.name}
            for audience in self.accounts["default"].audiences.values()
        ]

    def rehearsal_keys(self) -> dict[str, Any]:
        """The keys of the small accounts with their lists."""
        return {
            name: {"key": account.key, "lists": list(account.audiences)}
            for name, account in self.accounts.items()
            if name != "default"
        }

    def slot(self, call: Call) -> Slot | None:
        """A user's requests count together, whatever key they use (§2)."""
        try:
            account = self._account(call)
        except errors.Problem:
            return None
        return Slot(account.name, account.connections_limit)

    def crowded(self, call: Call) -> Answer:
        """429."""
        return self._refused(errors.too_many_connections().answer(), call)

    def failure(self, status: int, body: str) -> Answer:
        """A rehearsed failure."""
        return errors.failure(status, body)

    def attempted(self, call: Call) -> list[Op]:
        """What a request asked for that was never carried out."""
        return attempted(call.method, call.segments[1:], call.body)

    def handle(self, call: Call) -> Answer:
        """One request."""
        if call.segments[:1] == ("archives",):
            return self._archive(call)
        triggered = errors.triggered(call.headers.get("x-trigger-error", ""))
        if triggered is not None:
            return self._refused(triggered, call)
        try:
            return self._handle(call)
        except errors.Problem as problem:
            return self._refused(problem.answer(), call)

    def _handle(self, call: Call) -> Answer:
        if call.segments[:1] != (VERSION,):
            raise errors.not_found()
        method = self._method(call)
        account = self._account(call)
        if account.refusing == "throttled":
            raise errors.too_many_connections()
        if account.refusing == "gateway":
            return self._refused(errors.failure(403, "html"), call)
        segments = call.segments[1:]
        polled = method == "GET" and segments[:1] == ("batches",)
        self._advance(account, call.origin, polled=polled)
        request = self._request(account, method, segments, call.query, parse_body(call.body), call.origin)
        request.caller = call.caller
        answer = dispatch(request)
        if answer.status >= 400 and not answer.ops:
            answer.ops = self.attempted(call)
        return answer

    def background(self) -> Iterator[LedgerRow]:
        """Operations of batches that ran since the last call."""
        for account in self.accounts.values():
            self._advance(account, self._origin, polled=False)
        done, self._executed = self._executed, []
        return iter(done)

    def control(self, verb: str, arguments: dict[str, Any]) -> Controlled:
        """A control verb."""
        return control.run(self, verb, arguments)

    def state(self, list_id: str | None) -> dict[str, str]:
        """Everybody on a list with the raw status: archived included, forgotten absent."""
        _, audience = control.audience_of(self, list_id)
        roll = audience.roll
        return {roll.email_at(index): WORDS[roll.column[index]] for index in roll.select(frozenset(PRESENT))}

    def reset(self) -> None:
        """Everything as it was at the start, orders and switches forgotten."""
        self.switches = Switches()
        self.rehearsals = Rehearsals()
        self._executed = []
        self.accounts = accounts(self._contacts, self._seed)
        if self._kept is not None:
            self._kept.append([[self.name, "reset"]])

    # Inside

    def _account(self, call: Call) -> Account:
        return account_of(key_of_headers(call.headers), self.accounts, self.rehearsals)

    def _method(self, call: Call) -> str:
        override = call.headers.get("x-http-method-override", "").upper()
        if not override:
            return call.method
        if call.method != "POST":
            raise errors.invalid_override()
        return override

    def _refused(self, answer: Answer, call: Call) -> Answer:
        answer.ops = self.attempted(call)
        return answer

    def _request(
        self,
        account: Account,
        method: str,
        segments: tuple[str, ...],
        query: Any,
        body: Any,
        origin: str,
    ) -> Request:
        self._origin = origin
        return Request(
            account,
            method,
            segments,
            query,
            body,
            self.url(origin),
            self.clock.now(),
            self.switches,
            self.rehearsals,
        )

    def _archive(self, call: Call) -> Answer:
        if len(call.segments) != 2 or call.method not in ("GET", "HEAD"):
            return errors.failure(404, "empty")
        expires = call.query.get("expires", "")
        return batches.archive(self.accounts.values(), call.segments[1], expires, self.clock.now())

    def _advance(self, account: Account, origin: str, *, polled: bool) -> None:
        if self.rehearsals.hold_batches or batches.head(account) is None:
            return

        def run(owner: Account, batch: Batch, operation: Operation) -> Answer:
            return self._operation(owner, batch, operation, origin)

        self._executed += batches.advance(account, self.clock.now(), polled, run)

    def _operation(self, account: Account, batch: Batch, operation: Operation, origin: str) -> Answer:
        segments = batches.segments(operation)
        if segments[:1] == ("batches",):
            return errors.bad_request("A batch cannot hold batch operations.").answer()
        try:
            body = parse_body((operation.body or "").encode())
        except errors.Problem as problem:
            return problem.answer()
        request = self._request(account, operation.method, segments, batches.query(operation), body, origin)
        request.batched = True
        return dispatch(request)

    # Keeping

    def restore(self, records: Iterable[Record]) -> None:
        """Take back what a sandbox before this one kept, then write it anew without what was overwritten.

        Raises ValueError when the records were kept with other options than this start's.
        """
        for record in records:
            self._restore(record)
        for account in self.accounts.values():
            account.dirty = False
            account.dirty_batches.clear()
            for audience in account.audiences.values():
                audience.roll.dirty.clear()

    def _restore(self, record: Record) -> None:
        what = record[1]
        if what == "options":
            if record[2] != [self._contacts, self._seed]:
                kept_contacts, kept_seed = record[2]
                raise ValueError(
                    f"the kept sandbox has {kept_contacts} contacts of seed {kept_seed}; start with those "
                    "numbers, or with another file"
                )
        elif what == "member":
            audience = self.accounts[record[2]].audiences.get(record[3])
            if audience is not None:
                audience.roll.restore(Member.from_record(record[4]))
        elif what == "account":
            self.accounts[record[2]].load(record[3])
        elif what == "batch":
            account = self.accounts[record[2]]
            if record[4] is None:
                account.batches.pop(record[3], None)
            else:
                account.batches[record[3]] = Batch.from_document(record[4])
        elif what == "reset":
            self.accounts = accounts(self._contacts, self._seed)
        elif what == "orders":
            self.switches = Switches(**record[2])
            self.rehearsals.bad_keys = set(record[3])

    def records(self) -> Iterator[Record]:
        """Everything there is to keep, for a file written anew."""
        yield [self.name, "options", [self._contacts, self._seed]]
        yield self._orders()
        for account in self.accounts.values():
            yield [self.name, "account", account.name, account.document()]
            for batch in account.batches.values():
                yield [self.name, "batch", account.name, batch.id, batch.document()]
            for audience in account.audiences.values():
                for member in sorted(audience.roll.touched(), key=lambda each: each.index):
                    yield [self.name, "member", account.name, audience.id, member.record()]

    def _orders(self) -> Record:
        return [self.name, "orders", asdict(self.switches), sorted(self.rehearsals.bad_keys)]

    def persist(self) -> None:
        """Append what changed since the last call to the kept file, if there is one, in one write."""
        records = [record for account in self.accounts.values() for record in self._changed(account)]
        if self._kept is None:
            return
        orders = self._orders()
        if orders != self._orders_kept:
            self._orders_kept = orders
            records.append(orders)
        self._kept.append(records)

    def _changed(self, account: Account) -> Iterator[Record]:
        """The records of one account that are not kept yet; they count as kept from here on."""
        if account.dirty:
            account.dirty = False
            if self._kept is not None:
                yield [self.name, "account", account.name, account.document()]
        if account.dirty_batches:
            for batch_id in sorted(account.dirty_batches):
                batch = account.batches.get(batch_id)
                yield [self.name, "batch", account.name, batch_id, batch.document() if batch else None]
            account.dirty_batches.clear()
        for audience in account.audiences.values():
            roll = audience.roll
            if roll.dirty:
                if self._kept is not None:
                    for index in sorted(roll.dirty):
                        yield [self.name, "member", account.name, audience.id, roll.at(index).record()]
                roll.dirty.clear()
