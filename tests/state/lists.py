"""A link with a source and a list, described in a few words and put into a real state file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from state.account_opt_outs import put_account_opt_outs
from state.address import address_fault, address_key
from state.compare import FieldRules
from state.contacts import (
    SEPARATOR,
    accept_source_read,
    begin_source_load,
    put_source_rows,
    staged_count,
)
from state.links import LinkRecord, mapped_signature, record_link
from state.members import ListingChange, accept_listing, begin_listing, listing_change, put_listing_page
from state.model import (
    AddressChange,
    Blank,
    Consent,
    FieldMapping,
    Guard,
    Link,
    Member,
    Mode,
    Plan,
    PlanRow,
    Scope,
)
from state.planning import PlanBasis, make_plan
from state.plans import plan_rows
from state.store import State, open_state

MOMENT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@dataclass(slots=True, frozen=True)
class Person:
    """A row of the source."""

    email: str
    id: str = ""
    first: str = "Eva"
    last: str = "Muster"
    opted_out: bool = False
    consent: str | None = None
    fault: str | None = None


def member(
    email: str,
    consent: Consent = Consent.SUBSCRIBED,
    first: str = "Eva",
    last: str = "Muster",
    *,
    raw: str = "",
    origin: str = "",
    person: str = "",
    changed: str = "2026-02-01T00:00:00+00:00",
    since: str = "",
    scope: Scope | None = None,
) -> Member:
    """A record of the list as an adapter would hand it over."""
    return Member(
        email,
        origin or f"o-{address_key(email)}",
        consent,
        raw or ("archived" if consent is Consent.UNKNOWN else consent.value),
        {"FNAME": first, "LNAME": last},
        person,
        changed,
        since,
        scope=scope,
    )


@dataclass(slots=True)
class Lists:
    """One link's two sides; every read moves the clock on a minute."""

    state: State
    link: Link
    record: LinkRecord
    now: datetime = MOMENT
    required: frozenset[str] = frozenset()
    stored: dict[str, Callable[[str], str]] = field(default_factory=dict)
    double_opt_in: bool = False
    source_as_of: str = ""
    source_requires: tuple[str, ...] = ()
    usable: int = 0

    def tick(self) -> datetime:
        """A minute later."""
        self.now += timedelta(minutes=1)
        return self.now

    def source(self, *people: Person, identity: str = "") -> None:
        """A complete read of the source with these rows, in this order; ``identity``: where its ids come from."""
        begin_source_load(self.state)
        rows = []
        for line, one in enumerate(people, start=2):
            key = "" if one.fault in ("ragged-row", "undecodable", "nul-byte") else address_key(one.email)
            fault = one.fault or address_fault(one.email)
            rows.append(
                (
                    key,
                    one.id or key,
                    line,
                    None if one.email == key else one.email,
                    f"{one.first}{SEPARATOR}{one.last}",
                    int(one.opted_out),
                    one.consent,
                    fault,
                    f"line {line}" if fault else None,
                )
            )
        put_source_rows(self.state, rows)
        accept_source_read(
            self.state,
            self.record.link_no,
            staged_count(self.state),
            snapshot=f"rows {len(people)}",
            mapped=mapped_signature(self.link.fields),
            started=self.now,
            now=self.tick(),
            identity=identity,
        )

    def listing(
        self,
        *members: Member,
        whole: bool = True,
        pages: int = 1000,
        account: Sequence[Member] = (),
        known: Collection[str] = (),
        as_of: datetime | None = None,
    ) -> ListingChange:
        """A complete listing with these members, or what changed.

        ``account``: whom the whole account no longer mails; ``known``: whom it knows though the list misses them;
        ``as_of``: since when the platform's word on each member holds.
        """
        begin_listing(self.state)
        fields = [mapping.target for mapping in self.link.fields]
        for start in range(0, len(members), pages):
            put_listing_page(self.state, members[start : start + pages], fields)
        put_account_opt_outs(self.state, account)
        change = listing_change(self.state, self.record.list_no, whole=whole)
        accept_listing(
            self.state,
            self.record.list_no,
            change,
            whole=whole,
            cursor=f"cursor {self.now:%H:%M}",
            fields_signature=mapped_signature(self.link.fields),
            origin="poll:1",
            operator="ines",
            started=self.now,
            now=self.tick(),
            known=known,
            consents_as_of=as_of,
        )
        return change

    def ours(self, *emails: str) -> None:
        """As if jobs of ours had added these members."""
        with self.state.write() as db:
            db.executemany(
                "UPDATE members SET ours = 1 WHERE list_no = ? AND address_key = ?",
                [(self.record.list_no, address_key(email)) for email in emails],
            )

    def with_link(self, **changes: object) -> None:
        """Other settings of the link."""
        self.link = replace(self.link, **changes)  # type: ignore[arg-type]

    def plan(self, *, saved: bool = True, guards: Sequence[Guard] = ()) -> Plan:
        """A plan of the link as things stand."""
        rows = self.state.db.execute(
            "SELECT count(*) FROM members WHERE list_no = ? AND gone IS NULL", (self.record.list_no,)
        ).fetchone()[0]
        return make_plan(
            self.state,
            self.link,
            link_no=self.record.link_no,
            list_no=self.record.list_no,
            rules=FieldRules(self.link.fields, self.required, self.stored, self.link.conflict),
            basis=PlanBasis(
                "snapshot",
                0,
                "cursor",
                int(rows),
                self.double_opt_in,
                source_usable=self.usable,
                source_as_of=self.source_as_of,
            ),
            saved=saved,
            operator="ines",
            now=self.tick(),
            guards=guards,
            required=self.source_requires,
        )

    def rows(self, plan: Plan | None = None) -> list[PlanRow]:
        """All rows of a plan (a new one without it)."""
        shown = plan or self.plan()
        return plan_rows(self.state, shown, 0, shown.rows)

    def classes(self) -> dict[str, str]:
        """Address to ``class/reason``; rows without an address by their note; doubles by source id."""
        found: dict[str, str] = {}
        for row in self.rows():
            name = row.address_key or row.note
            name = f"{name}#{row.source_id}" if name in found else name
            found[name] = f"{row.row_class}/{row.reason}"
        return found


def lists(folder: Path, *, mode: Mode = Mode.UPDATE, blank: Blank = Blank.KEEP, **changes: object) -> Lists:
    """A link that maps two fields, over an empty state."""
    state = open_state(folder / "state.db")
    link = Link(
        name="members-news",
        source="members",
        connection="verband",
        list_id="a6b5da1054",
        mode=mode,
        consent="membership form 2024",
        fields=(FieldMapping("FNAME", ("first",), blank), FieldMapping("LNAME", ("last",), blank)),
        address_change=AddressChange.ASK,
    )
    link = replace(link, **changes)  # type: ignore[arg-type]
    return Lists(state, link, record_link(state, link))


def addresses(rows: Iterable[PlanRow]) -> list[str]:
    """The keys of some rows."""
    return [row.address_key for row in rows]
