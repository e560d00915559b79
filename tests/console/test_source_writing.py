"""Rows that go to the source: results belong to their rows, and an error in the midst loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters import registry
from adapters.provider import AdapterError, NotThere, Unreachable
from adapters.source import SourceSettings
from adapters.source_writing import SourceAddition, SourceChange, SourceResult
from console.jobs.mapping_checks import check_ways_back
from console.jobs.sending import SourceStopped, send_rows
from console.jobs.source_terms import NO_TERMS, source_terms
from console.jobs.source_writing import SourceWriting
from state.model import Action, FieldMapping, Link, Mode, Outcome, RemoteList
from state.plans import WriteRow

LIST = RemoteList("one", "The list")


@dataclass(slots=True)
class Book:
    """A source in memory that notes what it is asked, and breaks off before row ``breaks_at``."""

    breaks_at: int = 1_000
    changes: list[SourceChange] = field(default_factory=list)
    additions: list[SourceAddition] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)

    def required(self) -> tuple[str, ...]:
        return ("last",)

    def writable(self) -> tuple[str, ...]:
        return ("first", "last")

    def computed(self) -> tuple[str, ...]:
        return ("age",)

    def write(self, changes: Sequence[SourceChange], origin: str) -> Iterator[SourceResult]:
        self.origins.add(origin)
        for number, change in enumerate(changes):
            if number == self.breaks_at:
                raise Unreachable("unreachable", "The line is cut.", "Try again.")
            self.changes.append(change)
            # A source may know another spelling, or another address, of the person.
            yield SourceResult(change.source_id, f"Other-{change.email}", Outcome.SENT, "written-back")

    def create(self, additions: Sequence[SourceAddition], origin: str) -> Iterator[SourceResult]:
        for addition in additions:
            self.additions.append(addition)
            yield SourceResult("77", addition.email, Outcome.SENT, "created-in-source")


def rows(count: int) -> list[WriteRow]:
    return [
        WriteRow(
            n,
            Action.WRITE_BACK,
            f"p{n}@example.org",
            f"P{n}@example.org",
            str(n),
            f"o{n}",
            {"back": {"last": f"Neu {n}"}, "expected": {"last": "Alt"}, "fields_back": {"LNAME": f"Neu {n}"}},
        )
        for n in range(count)
    ]


async def test_a_change_carries_what_the_plan_saw_and_where_it_comes_from() -> None:
    book = Book()
    found = await SourceWriting(book, "job 1").write(Action.WRITE_BACK, rows(1))
    assert book.changes == [SourceChange("0", {"last": "Neu 0"}, {"last": "Alt"}, "P0@example.org")]
    assert book.origins == {"job 1"}
    assert [(one.email, one.outcome) for one in found.results] == [("P0@example.org", Outcome.SENT)]


async def test_a_new_contact_gets_its_columns_and_tells_its_id() -> None:
    book = Book()
    row = WriteRow(0, Action.CREATE, "p@example.org", "P@example.org", "", "o", {"create": {"last": "Neu"}})
    (result,) = (await SourceWriting(book, "job 1").write(Action.CREATE, [row])).results
    assert book.additions == [SourceAddition("P@example.org", {"last": "Neu"})]
    assert (result.reason, result.raw) == ("created-in-source", "source id 77")


async def test_what_was_answered_before_an_error_is_kept_and_the_rest_was_not_touched() -> None:
    book = Book(breaks_at=2)
    with pytest.raises(SourceStopped) as stopped:
        await SourceWriting(book, "job 1").write(Action.WRITE_BACK, rows(4))
    assert len(stopped.value.results) == 2
    sent = await send_rows(
        None,  # type: ignore[arg-type]  # the platform has no part in it
        LIST,
        Action.WRITE_BACK,
        rows(4),
        by_ticket=False,
        source=SourceWriting(book, "job 1"),
    )
    assert [(one.n, one.outcome) for one in sent.answers] == [(0, Outcome.SENT), (1, Outcome.SENT)]
    assert sent.stopped is not None
    assert sent.stopped.reason == "unreachable"


async def test_an_error_before_the_first_row_is_the_chunks_own() -> None:
    with pytest.raises(AdapterError) as caught:
        await SourceWriting(Book(breaks_at=0), "job 1").write(Action.WRITE_BACK, rows(2))
    assert caught.value.reason == "unreachable"


def test_the_terms_of_a_source_need_no_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = SourceSettings("members", "csv", tmp_path, email="email", options={"path": "not-there.csv"})
    assert source_terms(settings) == NO_TERMS
    monkeypatch.setitem(registry.SOURCES, "csv", "tests.console.one_way_source")
    assert source_terms(settings) == NO_TERMS
    assert list(tmp_path.iterdir()) == []


def test_a_computed_column_cannot_be_written() -> None:
    fields = (FieldMapping("AGE", ("age",), two_way=True), FieldMapping("YEARS", ("age",)))
    link = Link("news", "members", "verband", "1", Mode.UPDATE, fields=fields)
    with pytest.raises(NotThere) as caught:
        check_ways_back(link, ("age",))
    assert caught.value.reason == "source-field-computed"
    assert "AGE (column age)" in caught.value.text
    assert "YEARS" not in caught.value.text
    check_ways_back(link, ())
