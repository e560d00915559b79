"""Data fields of lists as remembered: the whole answer counts, an empty one wipes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from state.connections import put_lists
from state.fields import (
    FieldNews,
    drop_field,
    fields_read_at,
    fields_time,
    lists_with_fields,
    put_field,
    put_fields_time,
    put_remote_fields,
    remote_fields,
)
from state.model import RemoteList
from state.store import State, open_state

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=5)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path / "state.db") as opened:
        yield opened


@dataclass(slots=True, frozen=True)
class AField:
    """A field as an adapter describes it."""

    name: str
    label: str = "Label"
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    default: str = ""
    public: bool = False
    field_id: str = "7"
    system: bool = False


def names(state: State, list_id: str = "l1") -> list[str]:
    return [one.name for one in remote_fields(state, "verband", list_id)]


def test_fields_are_the_whole_answer_in_its_order(state: State) -> None:
    put_remote_fields(
        state, "verband", "l1", [AField("B"), AField("A", choices=("x", "y"), required=True)], NOW
    )
    put_remote_fields(
        state, "verband", "l1", [AField("Z", system=True), AField("A", default="today", public=True)], NOW
    )
    found = remote_fields(state, "verband", "l1")
    assert [(one.name, one.system) for one in found] == [("Z", True), ("A", False)]
    assert (found[1].default, found[1].public, found[1].field_id, found[1].seen_at) == (
        "today",
        True,
        "7",
        NOW,
    )
    assert names(state, "l2") == []


def test_what_appeared_went_and_changed_its_type_is_told(state: State) -> None:
    first = put_remote_fields(state, "verband", "l1", [AField("A"), AField("B")], NOW)
    assert first == FieldNews()
    news = put_remote_fields(state, "verband", "l1", [AField("C"), AField("A", kind="number")], LATER)
    assert news == FieldNews(appeared=("C",), gone=("B",), retyped=(("A", "text", "number"),))


def test_an_empty_answer_wipes_nothing_that_was_known(state: State) -> None:
    put_remote_fields(state, "verband", "l1", [AField("A")], NOW)
    assert put_remote_fields(state, "verband", "l1", [], LATER).kept
    assert names(state) == ["A"]
    assert fields_read_at(state, "verband", "l1") == NOW
    assert not put_remote_fields(state, "verband", "l2", [], LATER).kept


def test_one_created_field_comes_behind_and_one_deleted_goes(state: State) -> None:
    put_remote_fields(state, "verband", "l1", [AField("B"), AField("A")], NOW)
    put_field(state, "verband", ["l1", "l2"], AField("C"), LATER)
    put_field(state, "verband", ["l1"], replace(AField("C"), kind="date"), LATER)
    assert names(state) == ["B", "A", "C"]
    assert remote_fields(state, "verband", "l1")[2].kind == "date"
    assert fields_read_at(state, "verband", "l1") == NOW
    drop_field(state, "verband", ["l1", "none such"], "A")
    drop_field(state, "verband", ["l2"], "C")
    assert (names(state), names(state, "l2")) == (["B", "C"], [])


def test_the_age_is_that_of_the_list_and_else_of_the_connection(state: State) -> None:
    assert fields_time(state, "verband") is None
    assert fields_read_at(state, "verband", "l1") is None
    put_fields_time(state, "verband", "mailchimp", LATER)
    assert fields_time(state, "verband") == LATER
    assert fields_read_at(state, "verband", "l1") == LATER
    put_remote_fields(state, "verband", "l1", [AField("A")], NOW)
    assert fields_read_at(state, "verband", "l1") == NOW


def test_lists_with_fields_leave_out_those_that_are_gone(state: State) -> None:
    put_lists(state, "verband", "mailchimp", [RemoteList("l1", "News"), RemoteList("l2", "Alt")], NOW)
    for list_id in ("l1", "l2"):
        put_remote_fields(state, "verband", list_id, [AField("A")], NOW)
    assert lists_with_fields(state, "verband") == ["l2", "l1"]
    put_lists(state, "verband", "mailchimp", [RemoteList("l1", "News")], LATER)
    assert lists_with_fields(state, "verband") == ["l1"]


ANSWERS = st.lists(
    st.lists(
        st.builds(AField, st.sampled_from("ABCDE"), kind=st.sampled_from(["text", "number"])),
        unique_by=lambda one: one.name,
        max_size=5,
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=ANSWERS)
def test_what_is_told_leads_from_one_answer_to_the_next(state: State, answers: list[list[AField]]) -> None:
    with state.write() as db:
        db.execute("DELETE FROM remote_fields")
    known: dict[str, str] = {}
    for answer in answers:
        news = put_remote_fields(state, "verband", "l1", answer, NOW)
        shown = {one.name: one.kind for one in answer}
        if known:
            assert news.kept == (not answer)
            told = {name: kind for name, kind in known.items() if name not in news.gone}
            told |= {name: shown[name] for name in news.appeared}
            told |= {name: now for name, _, now in news.retyped}
            known = told
        else:
            known = shown
        assert {one.name: one.kind for one in remote_fields(state, "verband", "l1")} == known
