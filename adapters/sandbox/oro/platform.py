"""OroCRM as one vendor of the sandbox: access tokens, contacts, a list's snapshot behind the server's protocol.

Invariant: between a request's arrival at `handle` and its answer nothing else runs, so a request is applied as a
whole or not at all, and what `persist` writes is always between two requests.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.keep import KeptState, Record
from adapters.sandbox.oro import control, documents, snapshots
from adapters.sandbox.oro.book import ContactBook
from adapters.sandbox.oro.documents import Problem, answer_of, contact_resource
from adapters.sandbox.oro.drifting import drift_if_due
from adapters.sandbox.oro.listing import ListQuery, contact_ids, cut, list_answer
from adapters.sandbox.oro.rehearsals import Rehearsals
from adapters.sandbox.oro.seed import GROUPS, Contact, Population
from adapters.sandbox.oro.snapshots import Snapshot
from adapters.sandbox.oro.switches import Switches
from adapters.sandbox.oro.writes import apply, attributes_of, op_of
from adapters.sandbox.vendor import Answer, Call, ControlError, Controlled, LedgerRow, Op, Slot


class OroSandbox:
    """The rehearsed CRM."""

    name = "oro"
    verbs = control.FIELDS

    def __init__(
        self, *, contacts: int, seed: int, clock: SandboxClock, kept: KeptState | None = None
    ) -> None:
        """`contacts` people are on the platforms' first list; the CRM has a tenth more."""
        self.clock = clock
        self.switches = Switches()
        self.rehearsals = Rehearsals()
        self.population = Population(seed, contacts)
        self.book = ContactBook(self.population)
        self.snapshots: dict[str, Snapshot] = {}
        self.tokens: dict[str, float] = {}
        """Access token → when it runs out. Not kept: after a restart everybody asks for a new one."""
        self._secret = hashlib.sha256(f"oro {seed}".encode()).hexdigest()[:40]
        self._kept = kept
        self._kept_orders: Record = []

    # What the server asks for

    def url(self, origin: str) -> str:
        """The address the CRM is opened at."""
        return f"{origin}/{self.name}"

    def key(self) -> object:
        """The OAuth application."""
        return {"client_id": f"{self._secret[:20]}", "client_secret": self._secret[20:]}

    def lists(self) -> list[dict[str, Any]]:
        """The groups, which `filter[groups]` picks."""
        return [{"id": key, "name": name} for key, name in GROUPS.items()]

    def rehearsal_keys(self) -> dict[str, Any]:
        """There are no special accounts."""
        return {}

    def slot(self, call: Call) -> Slot | None:
        """Nothing limits requests."""
        return None

    def crowded(self, call: Call) -> Answer:
        """Never asked for, as nothing is limited."""
        return self.failure(429, "problem")

    def failure(self, status: int, body: str) -> Answer:
        """A rehearsed failure."""
        if body == "html":
            return Answer.page(status, "Something before the CRM refuses")
        if body == "empty":
            return Answer(status)
        return Problem(status, {"title": "rehearsed", "detail": "This failure was ordered."}).answer()

    def attempted(self, call: Call) -> list[Op]:
        """What a request asked for that was never carried out."""
        segments = self._below_prefix(call.segments)
        if not call.mutating or segments is None or segments[:1] != ("contacts",):
            return []
        try:
            attributes = json.loads(call.body)["data"]["attributes"]
        except (ValueError, KeyError, TypeError):
            attributes = {}
        contact = self._known(segments[1]) if len(segments) == 2 else None
        if len(segments) == 2 and contact is None:
            return []
        return [self._op(contact, attributes if isinstance(attributes, dict) else {}, ok=False)]

    def handle(self, call: Call) -> Answer:
        """One request."""
        if call.segments[-1:] == ("oauth2-token",):
            return self._token(call)
        try:
            answer = self._handle(call)
        except Problem as problem:
            answer = problem.answer()
            if problem.status == 401 and not self.switches.documents_with_401:
                answer = Answer(401)
        if answer.status >= 400 and not answer.ops:
            answer.ops = self.attempted(call)
        return answer

    def background(self) -> Iterator[LedgerRow]:
        """Nothing happens by itself."""
        return iter(())

    def control(self, verb: str, arguments: dict[str, Any]) -> Controlled:
        """A control verb."""
        return control.run(self, verb, arguments)

    def state(self, list_id: str | None) -> dict[str, str]:
        """Every primary address of a group (default: the first, which has everybody).

        `opted-out` for who wants no newsletter, else `contact`.
        """
        group = next(iter(GROUPS)) if list_id is None else list_id
        if group not in GROUPS:
            raise ControlError(f"no list {list_id!r}; there are {', '.join(GROUPS)}")
        return {
            contact.attributes["primaryEmail"]: "opted-out"
            if contact.attributes.get("newsletterOptOut")
            else "contact"
            for contact in self.book.contacts()
            if group in contact.groups and contact.attributes.get("primaryEmail")
        }

    def reset(self) -> None:
        """Everything as it was at the start, orders and switches forgotten."""
        self.switches = Switches()
        self.rehearsals = Rehearsals()
        self.book = ContactBook(self.population)
        self.snapshots = {}
        self.tokens = {}
        if self._kept is not None:
            self._kept.append([[self.name, "reset"]])

    # Inside

    def _below_prefix(self, segments: tuple[str, ...]) -> tuple[str, ...] | None:
        """The segments after `api`, when they are where the installation has its API."""
        prefix = ("admin", "api") if self.switches.admin_prefix else ("api",)
        return segments[len(prefix) :] if segments[: len(prefix)] == prefix else None

    def _token(self, call: Call) -> Answer:
        if call.method != "POST":
            return Answer.of({"error": "invalid_request", "error_description": "Use POST."}, 405)
        try:
            asked = json.loads(call.body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            return Answer.of({"error": "invalid_request", "error_description": "The body is no JSON."}, 400)
        if asked.get("grant_type") != "client_credentials":
            text = "The authorization grant type is not supported by the authorization server."
            return Answer.of({"error": "unsupported_grant_type", "error_description": text}, 400)
        known = self.key()
        given = {"client_id": asked.get("client_id"), "client_secret": asked.get("client_secret")}
        if given != known or self.rehearsals.client_refused:
            text = "Client authentication failed"
            return Answer.of({"error": "invalid_client", "error_description": text, "message": text}, 401)
        token = uuid.uuid4().hex
        seconds = self.rehearsals.token_seconds
        self.tokens[token] = self.clock.now() + seconds
        return Answer.of({"token_type": "Bearer", "expires_in": seconds, "access_token": token})

    def _handle(self, call: Call) -> Answer:
        segments = self._below_prefix(call.segments)
        if segments is None or not 1 <= len(segments) <= 2:
            raise documents.no_resource()
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self.tokens.get(token.strip(), 0) <= self.clock.now():
            raise documents.token_refused()
        if segments[0] in self.snapshots and len(segments) == 1:
            return self._snapshot(call, self.snapshots[segments[0]])
        if segments[0] != "contacts":
            raise documents.no_resource()
        if len(segments) == 1:
            return self._contacts(call)
        return self._contact(call, segments[1])

    def _snapshot(self, call: Call, snapshot: Snapshot) -> Answer:
        if call.method != "GET":
            raise documents.not_allowed()
        asked = ListQuery.of(snapshot.name, call.query, call.headers)
        orders = self.rehearsals
        return snapshots.answer(
            snapshot, asked, self.switches, self._here(call), orders.page_cap, orders.total_lie
        )

    def _contacts(self, call: Call) -> Answer:
        if call.method == "POST":
            return self._create(call)
        if call.method != "GET":
            raise documents.not_allowed()
        asked = ListQuery.of("contacts", call.query, call.headers)
        drift_if_due(self.book, self.rehearsals, asked, self.switches, self.clock.now())
        page = cut(contact_ids(self.book, asked.filters, self.switches), asked, self.rehearsals.page_cap)
        found = (self.book.get(number) for number in page.ids)
        rows = [contact_resource(contact, asked.fields) for contact in found if contact is not None]
        count = max(0, page.total + self.rehearsals.total_lie) if self.switches.total_count else None
        return list_answer(asked, page, rows, self._here(call), count=count)

    def _contact(self, call: Call, key: str) -> Answer:
        contact = self._known(key)
        if contact is None:
            raise documents.not_found()
        if call.method == "GET":
            return answer_of({"data": contact_resource(contact)})
        if call.method != "PATCH":
            raise documents.not_allowed()
        attributes = attributes_of(call.body, call.headers, key=key)
        refused = self.rehearsals.refused_writes.get(contact.id)
        if refused is not None:
            raise Problem(refused.status, {"title": "rehearsed", "detail": refused.detail})
        op = self._op(contact, attributes, ok=True)
        apply(contact, attributes, self.switches, self.clock.now())
        self.book.put(contact)
        answer = answer_of({"data": contact_resource(contact)})
        answer.ops = [op]
        return answer

    def _create(self, call: Call) -> Answer:
        attributes = attributes_of(call.body, call.headers, key=None)
        contact = self.new_contact(attributes)
        answer = answer_of({"data": contact_resource(contact)}, 201)
        answer.ops = [op_of(None, attributes, "", ok=True)]
        return answer

    def new_contact(
        self, attributes: dict[str, Any], *, source: str = "other", groups: Iterable[str] = ("1",)
    ) -> Contact:
        """Somebody new. Raises the 400 Problem."""
        now = self.clock.now()
        blank: dict[str, Any] = dict.fromkeys(
            name for name in documents.WRITABLE if name not in ("emails", "newsletterOptOut")
        )
        contact = Contact(
            self.book.next_id, {**blank, "newsletterOptOut": False}, [], source, list(groups), 0.0, now, now
        )
        apply(contact, attributes, self.switches, now)
        self.book.put(contact)
        return contact

    def _known(self, key: str) -> Contact | None:
        return self.book.get(int(key)) if key.isascii() and key.isdigit() else None

    def _op(self, contact: Contact | None, attributes: dict[str, Any], *, ok: bool) -> Op:
        before = str(contact.attributes.get("primaryEmail") or "") if contact is not None else ""
        return op_of(contact, attributes, before, ok=ok)

    def _here(self, call: Call) -> str:
        return self.url(call.origin) + call.path

    # Keeping

    def restore(self, records: Iterable[Record]) -> None:
        """Take back what a sandbox before this one kept. Raises ValueError for other options than this start's."""
        for record in records:
            self._restore(record)
        self.book.dirty.clear()

    def _restore(self, record: Record) -> None:
        what = record[1]
        if what == "options":
            mine = [self.population.listed, self.population.seed]
            if record[2] != mine:
                kept_contacts, kept_seed = record[2]
                raise ValueError(
                    f"the kept sandbox has {kept_contacts} contacts of seed {kept_seed}; start with those "
                    "numbers, or with another file"
                )
        elif what == "contact":
            self.book.put(Contact(**record[2]))
        elif what == "gone":
            self.book.next_id = max(self.book.next_id, record[2] + 1)
            self.book.delete(record[2])
        elif what == "snapshot":
            snapshot = Snapshot.from_record(record[2])
            self.snapshots[snapshot.name] = snapshot
        elif what == "no-snapshot":
            self.snapshots.pop(record[2], None)
        elif what == "orders":
            self.switches = Switches(**record[2])
        elif what == "reset":
            self.book = ContactBook(self.population)
            self.snapshots = {}
            self.switches = Switches()

    def records(self) -> Iterator[Record]:
        """Everything there is to keep, for a file written anew."""
        yield [self.name, "options", [self.population.listed, self.population.seed]]
        yield self._orders()
        for number in sorted({*self.book.touched, *self.book.gone}):
            yield self._record(number)
        for snapshot in self.snapshots.values():
            yield [self.name, "snapshot", snapshot.record()]

    def _orders(self) -> Record:
        return [self.name, "orders", asdict(self.switches)]

    def _record(self, number: int) -> Record:
        if number in self.book.gone:
            return [self.name, "gone", number]
        return [self.name, "contact", self.book.touched[number].record()]

    def persist(self) -> None:
        """Append what changed since the last call to the kept file, if there is one, in one write."""
        changed, self.book.dirty = sorted(self.book.dirty), set()
        if self._kept is None:
            return
        records = [self._record(number) for number in changed]
        orders = self._orders()
        if orders != self._kept_orders:
            self._kept_orders = orders
            records.append(orders)
        self._kept.append(records)

    def keep_snapshot(self, name: str) -> None:
        """Keep a snapshot that was just taken or removed."""
        if self._kept is not None:
            snapshot = self.snapshots.get(name)
            told = ["no-snapshot", name] if snapshot is None else ["snapshot", snapshot.record()]
            self._kept.append([[self.name, *told]])
