"""dotdigital as one vendor of the sandbox: accounts, clock and switches behind the neutral server's protocol.

Invariant: between a request's arrival at `handle` and its answer nothing else runs, so a request is applied as a
whole or not at all, and what `persist` writes is always between two requests.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.credentials import basic
from adapters.sandbox.dotdigital import control, errors, front, imports
from adapters.sandbox.dotdigital.account_info import region_of
from adapters.sandbox.dotdigital.accounts import Account, Accounts
from adapters.sandbox.dotdigital.front import NAME, SECOND_REGION, VERSION
from adapters.sandbox.dotdigital.import_job import Ending, Import
from adapters.sandbox.dotdigital.lookup import book_of, state_of
from adapters.sandbox.dotdigital.ops import attempted
from adapters.sandbox.dotdigital.rates import Rate
from adapters.sandbox.dotdigital.rehearsals import Rehearsals
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.dotdigital.roll import Contact
from adapters.sandbox.dotdigital.routes import dispatch
from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.keep import KeptState, Record
from adapters.sandbox.vendor import Answer, Call, Controlled, Op, Settled, Slot


class DotdigitalSandbox:
    """The rehearsed dotdigital."""

    name = NAME
    verbs = control.FIELDS

    def __init__(
        self, *, contacts: int, seed: int, clock: SandboxClock, kept: KeptState | None = None
    ) -> None:
        self.clock = clock
        self.switches = Switches()
        self.rehearsals = Rehearsals()
        self.accounts = Accounts(contacts, seed)
        self._contacts = contacts
        self._seed = seed
        self._kept = kept
        self._settled: list[Settled] = []
        self._orders_kept: Record = []

    # What the server asks for

    def url(self, origin: str) -> str:
        """The base URL of the first region."""
        return f"{origin}/{self.name}/{VERSION}"

    def key(self) -> object:
        """The default account's API user."""
        return front.key()

    def lists(self) -> list[dict[str, Any]]:
        """The default account's address books, as they are now; without the reserved ones."""
        account = self.accounts.made.get("default")
        if account is None:
            return front.lists()
        return [
            {"id": str(each.id), "name": each.name} for each in account.books.values() if not each.reserved
        ]

    def rehearsal_keys(self) -> dict[str, Any]:
        """The API users of the small accounts with their lists, and one that is refused."""
        return front.rehearsal_keys()

    def slot(self, call: Call) -> Slot | None:
        """None: the vendor counts calls in time, not calls at once."""
        return None

    def crowded(self, call: Call) -> Answer:
        """Never asked for; 429 as any limit."""
        return self._refused(errors.too_many_requests(), call)

    def failure(self, status: int, body: str) -> Answer:
        """A rehearsed failure."""
        return errors.failure(status, body)

    def attempted(self, call: Call) -> list[Op]:
        """What a request asked for that was never carried out."""

        def email_of(contact_id: object) -> str:
            text = str(contact_id)
            try:
                account = self._account(call)
            except errors.Refusal:
                return text
            found = account.roll.by_id(int(text)) if text.isdecimal() else None
            return found.email if found is not None else text

        return attempted(call, email_of)

    def handle(self, call: Call) -> Answer:
        """One request."""
        try:
            return self._handle(call)
        except errors.Refusal as refusal:
            return self._refused(refusal, call)

    def _handle(self, call: Call) -> Answer:
        if not call.segments or call.segments[0].lower() != VERSION:
            raise errors.nothing_here()
        account = self._account(call)
        request = Request(
            account,
            call.method,
            call.segments[1:],
            {name.lower(): value for name, value in call.query.items()},
            call.headers,
            call.body,
            call.origin,
            self.clock.now(),
            self.switches,
            self.rehearsals,
            call.caller,
        )
        # The first region tells accounts of every region where they live, and nothing else (§1).
        asks_where = call.mount == NAME and tuple(map(str.lower, request.segments)) == ("account-info",)
        if region_of(request) != (2 if call.mount == SECOND_REGION else 1) and not asks_where:
            raise errors.wrong_region()
        refused = self._limited(account)
        if refused is not None:
            refused.ops = self.attempted(call)
            return refused
        self._advance(account)
        ordered = self.rehearsals.refusal(call.method, call.path)
        if ordered is not None:
            raise errors.Refusal(ordered.code, ordered.status)
        answer = dispatch(request)
        if answer.status >= 400 and not answer.ops:
            answer.ops = self.attempted(call)
        answer.headers |= account.meter.headers(self.rehearsals.rate)
        return answer

    def _account(self, call: Call) -> Account:
        sent = basic(call.headers)
        if sent is None or sent[0].lower() in self.rehearsals.bad_users:
            raise errors.unauthorized()
        account = self.accounts.of(*sent)
        if account is None:
            raise errors.unauthorized()
        return account

    def _limited(self, account: Account) -> Answer | None:
        """The refusal of a call too many, or of an account that refuses everything."""
        rate = self.rehearsals.rate
        if account.refusing == "gateway":
            return errors.failure(403, "html")
        if account.refusing == "flat":
            return errors.Refusal("APIUSAGE_EXCEEDED").answer(self.switches)
        allowed = account.meter.allows(rate, self.clock.now())
        if allowed and account.refusing != "throttled":
            return None
        if rate.scheme == "flat":
            return errors.Refusal("APIUSAGE_EXCEEDED").answer(self.switches)
        answer = errors.too_many_requests().answer(self.switches)
        answer.headers |= account.meter.headers(rate)
        if account.refusing == "throttled":
            answer.headers["X-RateLimit-Remaining"] = "0"
        return answer

    def _refused(self, refusal: errors.Refusal, call: Call) -> Answer:
        answer = refusal.answer(self.switches)
        answer.ops = self.attempted(call)
        return answer

    def _advance(self, account: Account) -> None:
        self._settled += imports.advance(account, self.clock.now(), self.switches, self.rehearsals)

    def background(self) -> Iterator[Settled]:
        """Imports that ended since the last call."""
        for account in self.accounts.made.values():
            if account.imports:
                self._advance(account)
        done, self._settled = self._settled, []
        return iter(done)

    def control(self, verb: str, arguments: dict[str, Any]) -> Controlled:
        """A control verb."""
        return control.run(self, verb, arguments)

    def state(self, list_id: str | None) -> dict[str, str]:
        """Everybody of a book with the raw status: also those who left it, by unsubscribing or for the account.

        `All contacts` answers with everybody the account knows, suppressed ones included.
        """
        account, book = book_of(self, list_id)
        return state_of(account, book)

    def reset(self) -> None:
        """Everything as it was at the start, orders and switches forgotten."""
        self.switches = Switches()
        self.rehearsals = Rehearsals()
        self._settled = []
        self.accounts = Accounts(self._contacts, self._seed)
        if self._kept is not None:
            self._kept.append([[self.name, "reset"]])

    # Keeping

    def restore(self, records: Iterable[Record]) -> None:
        """Take back what a sandbox before this one kept.

        Raises ValueError when the records were kept with other options than this start's.
        """
        for record in records:
            self._restore(record)
        for account in self.accounts.made.values():
            account.dirty = False
            account.dirty_imports.clear()
            account.roll.dirty.clear()
            for book in account.books.values():
                book.dirty.clear()

    def _restore(self, record: Record) -> None:
        what = record[1]
        if what == "options":
            if record[2] != [self._contacts, self._seed]:
                kept_contacts, kept_seed = record[2]
                raise ValueError(
                    f"the kept sandbox has {kept_contacts} contacts of seed {kept_seed}; start with those "
                    "numbers, or with another file"
                )
        elif what == "reset":
            self.accounts = Accounts(self._contacts, self._seed)
        elif what == "orders":
            self._restore_orders(record[2])
        else:
            self._restore_account(self.accounts.get(record[2]), what, record[3:])

    def _restore_orders(self, orders: dict[str, Any]) -> None:
        self.switches = Switches(**orders["switches"])
        rehearsals = self.rehearsals
        rehearsals.bad_users = set(orders["bad_users"])
        rehearsals.rate = Rate(**orders["rate"])
        rehearsals.second_region = orders["second_region"]
        rehearsals.hold_imports = orders["hold_imports"]
        rehearsals.endings = [Ending(**each) for each in orders["endings"]]
        rehearsals.ordinary = Ending(**orders["ordinary"])

    def _restore_account(self, account: Account, what: str, rest: list[Any]) -> None:
        if what == "account":
            account.load(rest[0])
        elif what == "contact":
            account.roll.restore(Contact.from_record(rest[0]))
        elif what == "member":
            book = account.books.get(rest[0])
            if book is not None:
                book.restore(rest[1])
        elif what == "import":
            account.imports[rest[0]] = Import.from_document(rest[1])

    def records(self) -> Iterator[Record]:
        """Everything there is to keep, for a file written anew."""
        yield [self.name, "options", [self._contacts, self._seed]]
        yield self._orders()
        for account in self.accounts.made.values():
            yield [self.name, "account", account.name, account.document()]
            for contact in sorted(account.roll.touched(), key=lambda each: each.index):
                yield [self.name, "contact", account.name, contact.record()]
            for book in account.books.values():
                for index in sorted(book.touched):
                    yield [self.name, "member", account.name, book.id, book.record(index)]
            for job in account.imports.values():
                yield [self.name, "import", account.name, job.id, job.document()]

    def _orders(self) -> Record:
        rehearsals = self.rehearsals
        orders = {
            "switches": asdict(self.switches),
            "bad_users": sorted(rehearsals.bad_users),
            "rate": asdict(rehearsals.rate),
            "second_region": rehearsals.second_region,
            "hold_imports": rehearsals.hold_imports,
            "endings": [asdict(each) for each in rehearsals.endings],
            "ordinary": asdict(rehearsals.ordinary),
        }
        return [self.name, "orders", orders]

    def persist(self) -> None:
        """Append what changed since the last call to the kept file, if there is one, in one write."""
        records = [record for account in self.accounts.made.values() for record in self._changed(account)]
        if self._kept is None:
            return
        orders = self._orders()
        if orders != self._orders_kept:
            self._orders_kept = orders
            records.append(orders)
        self._kept.append(records)

    def _changed(self, account: Account) -> Iterator[Record]:
        """The records of one account that are not kept yet; they count as kept from here on."""
        keeping = self._kept is not None
        if account.dirty and keeping:
            yield [self.name, "account", account.name, account.document()]
        account.dirty = False
        if keeping:
            for index in sorted(account.roll.dirty):
                yield [self.name, "contact", account.name, account.roll.at(index).record()]
        account.roll.dirty.clear()
        for book in account.books.values():
            if book.dirty and keeping:
                for index in sorted(book.dirty):
                    yield [self.name, "member", account.name, book.id, book.record(index)]
            book.dirty.clear()
        if account.dirty_imports and keeping:
            for import_id in sorted(account.dirty_imports):
                yield [self.name, "import", account.name, import_id, account.imports[import_id].document()]
        account.dirty_imports.clear()
