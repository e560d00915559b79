"""Reads the people of one list out of the CRM, in the way the settings say who belongs to it.

Invariant: every member is a row or a ``RowProblem``; a reading that is not proven whole raises (design law 5),
and what was read is named with its age (``SourceEnd.details``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

from adapters.pace import Limits, RetryPolicy
from adapters.provider import Wire
from adapters.source import SourceBatch, SourceEnd, SourceSettings, SourceShape
from adapters.sources.columns import email_columns, nearest_column, opt_out_columns
from adapters.sources.oro.documents import Entity
from adapters.sources.oro.grid import GridExport
from adapters.sources.oro.listing import all_entities, check_columns
from adapters.sources.oro.place import Membership, OroPlace, place_of
from adapters.sources.oro.session import OroSession
from adapters.sources.oro.snapshot import Snapshot
from state.model import Finding

SAMPLE_ROWS = 10
COLUMN_ROWS = 25
"""How many entities are looked at to tell the columns."""


def _now() -> datetime:
    return datetime.now(UTC)


class OroSource:
    """One list of people in a CRM; each ``read`` is a pass of its own."""

    def __init__(
        self,
        settings: SourceSettings,
        wire: Wire | None = None,
        *,
        policy: RetryPolicy | None = None,
        limits: Limits | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._policy = policy
        self._limits = limits
        self._now = now
        self._end: SourceEnd | None = None

    @property
    def end(self) -> SourceEnd | None:
        """What the last read found, once it ended whole."""
        return self._end

    def shape(self) -> SourceShape:
        """The columns the API shows, some people, and who belongs to the list; asks the CRM.

        Raises ``AdapterError``: credentials, no connection, a filter the CRM does not have.
        """
        place = place_of(self._settings)
        with self._session(place) as session:
            filters = place.filters if place.membership is Membership.FILTER else {}
            found = columns_of(session, place, filters)
            if place.membership is Membership.GRID:
                return GridExport(self._settings, place).shape(found.columns)
            details = {"membership": place.says_membership, "entity": place.entity}
            total, as_of = found.total, None
            if place.membership is Membership.SNAPSHOT:
                total, as_of = Snapshot(session, place).look()
            details["people"] = "" if total is None else str(total)
            details["as of"] = (as_of or self._now()).isoformat(timespec="seconds")
        rows = [tuple(one.text(name) for name in found.columns) for one in found.entities]
        guessed = email_columns(found.columns, rows)
        if "primaryEmail" in found.columns:
            guessed = ("primaryEmail", *(name for name in guessed if name != "primaryEmail"))
        return SourceShape(
            columns=found.columns,
            details=details,
            sample=tuple(rows[:SAMPLE_ROWS]),
            email_columns=guessed,
            findings=tuple(self._findings(place, found.columns, guessed)),
            id_columns=("id",),
            opt_out_columns=opt_out_columns(found.columns),
        )

    def read(self, columns: Sequence[str]) -> Iterator[SourceBatch]:
        """Everybody who belongs to the list, some hundred a batch, as ``Source.read`` says."""
        self._end = None
        place = place_of(self._settings)
        if place.membership is Membership.GRID:
            return self._grid(place, columns)
        return self._stream(place, columns)

    def _session(self, place: OroPlace) -> OroSession:
        return OroSession(place, self._wire, policy=self._policy, limits=self._limits)

    def _stream(self, place: OroPlace, columns: Sequence[str]) -> Iterator[SourceBatch]:
        with self._session(place) as session:
            started = self._now()
            snapshot = Snapshot(session, place) if place.membership is Membership.SNAPSHOT else None
            batches = snapshot.batches(columns) if snapshot else _filtered(session, place, columns)
            seen = Tally()
            for batch in batches:
                seen.add(batch)
                yield batch
            as_of = snapshot.as_of if snapshot else started
            self._end = seen.end(place, as_of)

    def _grid(self, place: OroPlace, columns: Sequence[str]) -> Iterator[SourceBatch]:
        export = GridExport(self._settings, place)
        missing = export.missing(columns)
        seen = Tally()
        if not missing:
            for batch in export.batches(columns):
                seen.add(batch)
                yield batch
        else:
            with self._session(place) as session:
                for batch in export.joined(columns, session):
                    seen.add(batch)
                    yield batch
        end = export.end
        self._end = seen.end(place, end.as_of, end.details)

    def _findings(
        self, place: OroPlace, columns: tuple[str, ...], guessed: tuple[str, ...]
    ) -> Iterator[Finding]:
        for key in ("id", "email", "opted_out"):
            name = getattr(self._settings, key)
            if name and name not in columns:
                near = nearest_column(name, columns)
                yield Finding(
                    "source-column-missing",
                    f"{key} names the column “{name}”, which the API does not show.",
                    f"Did you mean “{near}”?" if near else "Columns: " + ", ".join(columns),
                    where=place.entity,
                )
        if not guessed and not self._settings.email:
            yield Finding(
                "source-no-address",
                "No column looks like e-mail addresses.",
                'Name it in the source\'s settings: email = "…"',
                where=place.entity,
            )


@dataclass(slots=True, frozen=True)
class Columns:
    """What some entities show: the columns with ``id`` first, the entities, and the CRM's count."""

    columns: tuple[str, ...]
    entities: tuple[Entity, ...]
    total: int | None


def columns_of(session: OroSession, place: OroPlace, filters: Mapping[str, str]) -> Columns:
    """The attributes of the first entities; where the filters find nobody, of anybody's."""
    first = {"page[size]": str(COLUMN_ROWS), "sort": "id"}
    page = session.page(place.entity, {**first, **filters})
    shown = page if page.entities or not filters else session.page(place.entity, first)
    names = dict.fromkeys(("id", *(name for one in shown.entities for name in one.attributes)))
    return Columns(tuple(names), page.entities, page.total)


def _filtered(session: OroSession, place: OroPlace, columns: Sequence[str]) -> Iterator[SourceBatch]:
    number = 0
    for portion in all_entities(session, place.entity, place.filters, columns):
        if not number:
            check_columns(portion.entities, columns, place.entity)
        lines = list(range(number + 1, number + 1 + len(portion.entities)))
        number += len(portion.entities)
        rows: list[Sequence[str]] = [[one.text(name) for name in columns] for one in portion.entities]
        yield SourceBatch(lines, rows, done=portion.done, total=portion.total, unit="rows")


@dataclass(slots=True)
class Tally:
    """What went through: counts, and a digest of every value."""

    rows: int = 0
    problems: int = 0
    digest: blake2b = field(default_factory=lambda: blake2b(digest_size=16))

    def add(self, batch: SourceBatch) -> None:
        """Take note of a batch."""
        self.rows += len(batch.rows)
        self.problems += len(batch.problems)
        for row in batch.rows:
            self.digest.update("\x1f".join(row).encode("utf-8", "replace") + b"\x1e")

    def end(
        self, place: OroPlace, as_of: datetime | None, details: Mapping[str, str] | None = None
    ) -> SourceEnd:
        """The end of a whole reading."""
        told = {**(details or {}), "membership": place.says_membership, "entity": place.entity}
        told["as of"] = as_of.isoformat(timespec="seconds") if as_of else "unknown"
        snapshot = f"{place.membership}:{self.rows}:{self.digest.hexdigest()}"
        return SourceEnd(self.rows, self.problems, snapshot, as_of, told)
