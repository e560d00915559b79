"""The people of the large benchmarks: a members' file as the demo's club writes it, and a list that knows most of them.

Of a hundred people in the file one is new to the list, one carries another name there and six have unsubscribed; one
of a hundred on the list is not in the file. The order of the file has nothing to do with that of the addresses.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

from adapters.sandbox.people import person
from adapters.source import SourceSettings
from adapters.sources.csvfile import CsvFile
from console.demo.club import COLUMNS
from console.jobs.source_reading import stage_batches, take_some
from console.jobs.source_rows import RowBuilder
from state.address import address_key
from state.compare import FieldRules
from state.contacts import accept_source_read, begin_source_load, staged_count
from state.links import LinkRecord, mapped_signature, record_link
from state.members import accept_listing, begin_listing, listing_change, put_listing_page
from state.model import Consent, FieldMapping, Link, Member, Mode, Plan
from state.planning import PlanBasis, make_plan
from state.store import State, open_state

SEED = 7
PAGE = 1_000
STRIDE = 2_147_483_647
"""A prime beyond every size here: steps of it visit each number once, in an order of their own."""

FIELDS = (FieldMapping("FNAME", ("first_name",)), FieldMapping("LNAME", ("last_name",)))
TARGETS = [mapping.target for mapping in FIELDS]
LINK = Link(
    "members-news", "members", "verband", "a6b5da1054", Mode.UPDATE, consent="membership form", fields=FIELDS
)
NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@dataclass(slots=True, frozen=True)
class Crowd:
    """Where the files of one size are."""

    folder: Path
    contacts: int

    @property
    def source(self) -> Path:
        return self.folder / "members.csv"

    @property
    def base(self) -> Path:
        """A state with the members and nothing else."""
        return self.folder / "base.db"

    @property
    def shift(self) -> int:
        """The file begins that much later than the list, and ends that much later."""
        return max(1, self.contacts // 100)

    def settings(self) -> SourceSettings:
        return SourceSettings(
            "members",
            "csv",
            self.folder,
            id="person_id",
            email="email",
            opted_out="newsletter_no",
            options={"path": self.source.name},
        )

    def write_source(self) -> None:
        """The file, in an order of its own."""
        with self.source.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for place in range(self.contacts):
                i = place * STRIDE % self.contacts + self.shift
                who = person(SEED, i)
                writer.writerow(
                    (
                        *(who.member_id, who.first_name, who.last_name, who.email, who.gender),
                        *(who.birthday.isoformat(), who.zip_code, who.town, ""),
                    )
                )

    def members(self) -> Iterator[list[Member]]:
        """The list, page by page."""
        for start in range(0, self.contacts, PAGE):
            places = range(start, min(start + PAGE, self.contacts))
            yield [_member(place * STRIDE % self.contacts) for place in places]

    def record(self, state: State) -> LinkRecord:
        return record_link(state, LINK)


def _member(i: int) -> Member:
    who = person(SEED, i)
    left = i % 100 < 6
    return Member(
        email=who.email,
        origin_id=hashlib.md5(who.email.lower().encode(), usedforsecurity=False).hexdigest(),
        consent=Consent.UNSUBSCRIBED if left else Consent.SUBSCRIBED,
        raw_status="unsubscribed" if left else "subscribed",
        fields={"FNAME": who.first_name, "LNAME": who.last_name if i % 100 != 50 else f"{who.last_name}-Alt"},
        changed_at="2025-01-01T00:00:00+00:00",
        since="2024-01-01T00:00:00+00:00",
    )


@dataclass(slots=True, frozen=True)
class ListingCost:
    """Processor seconds of a first listing: staging its pages, and merging them."""

    staged: float
    merged: float


def base_state(crowd: Crowd) -> ListingCost:
    """Fill ``crowd.base`` with the members, by the functions a job uses."""
    staged = 0.0
    with open_state(crowd.base) as state:
        record = crowd.record(state)
        begin_listing(state)
        for page in crowd.members():
            began = process_time()
            put_listing_page(state, page, TARGETS)
            staged += process_time() - began
        began = process_time()
        change = listing_change(state, record.list_no, whole=True)
        accept_listing(
            state,
            record.list_no,
            change,
            whole=True,
            cursor="2026-03-01T00:00:00+00:00",
            fields_signature=mapped_signature(FIELDS),
            origin="poll:1",
            operator="eva",
            started=NOW,
            now=NOW,
        )
        merged = process_time() - began
        state.checkpoint(truncate=True)
    cost = ListingCost(staged, merged)
    (crowd.folder / "listing.json").write_text(json.dumps([staged, merged]), encoding="utf-8")
    return cost


def limit(crowd: Crowd) -> int:
    """LIMIT: read the file once, make the key of each address, fingerprint the joined fields; nothing is kept."""
    email = COLUMNS.index("email")
    seen = 0
    with crowd.source.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        for row in reader:
            address_key(row[email])
            hashlib.blake2b("\x1f".join(row).encode(), digest_size=8).digest()
            seen += 1
    return seen


def first_preview(state: State, crowd: Crowd) -> Plan:
    """What the preview's job does with the state: read the source, merge it, classify, keep the plan (durable)."""
    record = crowd.record(state)
    settings = crowd.settings()
    builder = RowBuilder(LINK, settings)
    source = CsvFile(settings)
    begin_source_load(state)
    stream = source.read(builder.columns)
    while batches := take_some(stream):
        stage_batches(state, batches, builder)
    assert source.end is not None
    count = staged_count(state)
    accept_source_read(
        state,
        record.link_no,
        count,
        snapshot=source.end.snapshot,
        mapped=mapped_signature(FIELDS),
        started=NOW,
        now=NOW,
    )
    return make_plan(
        state,
        LINK,
        link_no=record.link_no,
        list_no=record.list_no,
        rules=FieldRules(FIELDS, frozenset(), {}),
        basis=PlanBasis(source.end.snapshot, count.rows, "x", crowd.contacts, False),
        saved=True,
        operator="eva",
        now=NOW,
    )
