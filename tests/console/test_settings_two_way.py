"""What the settings say of the way back: two-way fields, conflicts, new contacts, and records sent daily."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from adapters import registry
from console.settings import connect_link, edit_link, fields_value, load, load_usable
from state.model import Blank, Conflict, FieldMapping, ForceUpdate, Link, Mode
from tests.console.conftest import EXAMPLE, Write

LINK = EXAMPLE[EXAMPLE.index("[links.members-news]") :]
TWO_WAY = 'fields = { FNAME = { column = "first_name", two_way = true }, TOWN = { columns = ["town"], blank = "clear", two_way = true } }'


def with_link(**changes: str) -> str:
    """The example with other lines in its link; an empty one leaves the key out."""
    lines = []
    for line in LINK.splitlines():
        key = line.split("=")[0].strip()
        if key not in changes:
            lines.append(line)
    lines += [f"{key} = {text}" for key, text in changes.items() if text]
    return EXAMPLE.replace(LINK, "\n".join(lines) + "\n")


def test_a_field_is_a_column_a_list_or_a_table(write: Write) -> None:
    fields = (
        '{ FNAME = "first_name", FULLNAME = ["first_name", "last_name"], A = { column = "a" }, B = { columns = ["b", "c"] },'
        ' C = { column = "c", blank = "clear" }, D = { column = "d", two_way = true }, E = { columns = ["e"], two_way = false } }'
    )
    link = load(write(with_link(fields=fields, mode='"update"'))).links["members-news"]
    assert link.fields == (
        FieldMapping("FNAME", ("first_name",)),
        FieldMapping("FULLNAME", ("first_name", "last_name")),
        FieldMapping("A", ("a",)),
        FieldMapping("B", ("b", "c")),
        FieldMapping("C", ("c",), Blank.CLEAR),
        FieldMapping("D", ("d",), two_way=True),
        FieldMapping("E", ("e",)),
    )


def test_the_rules_of_the_way_back_have_cautious_defaults(write: Write) -> None:
    link = load(write(EXAMPLE)).links["members-news"]
    assert (link.conflict, link.create_contacts, link.force_update) == (
        Conflict.ASK,
        False,
        ForceUpdate.COMPUTED,
    )
    text = with_link(
        fields=TWO_WAY.removeprefix("fields = "),
        mode='"mirror"',
        conflict='"platform"',
        create_contacts="true",
        force_update='"all"',
    )
    link = load(write(text)).links["members-news"]
    assert (link.conflict, link.create_contacts, link.force_update) == (
        Conflict.PLATFORM,
        True,
        ForceUpdate.ALL,
    )


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        (
            {"fields": '{ F = { columns = ["a", "b"], two_way = true } }', "mode": '"update"'},
            "links.members-news.fields.F.two_way",
            "found 2 columns, expected one column",
        ),
        (
            {"fields": '{ F = { column = "a", two_way = true } }', "mode": '"add-only"'},
            "links.members-news.mode",
            'expected "update" or "mirror"',
        ),
        (
            {"fields": '{ F = { column = "email", two_way = true } }', "mode": '"update"'},
            "links.members-news.fields.F",
            "another column than the email of the source",
        ),
        (
            {"fields": '{ F = { column = "newsletter_no", two_way = true } }', "mode": '"update"'},
            "links.members-news.fields.F",
            "another column than the opted_out of the source",
        ),
        (
            {
                "fields": '{ F = { column = "a", two_way = true }, G = { column = "a", two_way = true } }',
                "mode": '"update"',
            },
            "links.members-news.fields.G",
            "also in F",
        ),
        (
            {"fields": '{ F = "a", f = "b" }'},
            "links.members-news.fields.f",
            "each field once",
        ),
        (
            {"fields": '{ F = { column = "a", columns = ["b"] } }'},
            "links.members-news.fields.F.columns",
            "either column or columns",
        ),
        (
            {"fields": '{ F = { column = "a", two_way = "yes" } }'},
            "links.members-news.fields.F.two_way",
            "expected true or false",
        ),
        (
            {"create_contacts": "true", "mode": '"update"'},
            "links.members-news.create_contacts",
            "a two-way field at least",
        ),
        ({"conflict": '"newest"'}, "links.members-news.conflict", "one of ask, source, platform"),
        ({"force_update": '"daily"'}, "links.members-news.force_update", "one of none, computed, all"),
    ],
)
def test_what_cannot_go_back_is_a_fault_where_it_stands(
    write: Write, changes: dict[str, str], key: str, words: str
) -> None:
    found, faults = load_usable(write(with_link(**changes)))
    assert [(fault.key, words in fault.text) for fault in faults] == [(key, True)], list(map(str, faults))
    assert faults[0].line > 0
    assert "members-news" not in found.links


def test_a_source_that_takes_nothing_back_cannot_have_two_way_fields(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.SOURCES, "csv", "tests.console.one_way_source")
    text = with_link(fields='{ F = { column = "a", two_way = true } }', mode='"update"')
    (fault,) = load_usable(write(text))[1]
    assert (fault.reason, fault.key) == ("two-way-not-possible", "links.members-news.fields.F")
    assert "a source that takes changes back" in fault.text


def test_forms_write_two_way_fields_and_comments_stay(write: Write) -> None:
    before = load(write(EXAMPLE))
    fields = (
        FieldMapping("FNAME", ("first_name",), two_way=True),
        FieldMapping("FULLNAME", ("first_name", "last_name"), Blank.CLEAR),
        FieldMapping("LNAME", ("last_name",)),
    )
    changes = {
        "mode": "update",
        "fields": fields_value(fields),
        "conflict": "source",
        "create_contacts": True,
    }
    after = edit_link(before, "members-news", {**changes, "force_update": "none"})
    link = after.links["members-news"]
    assert link.fields == fields
    assert (link.conflict, link.create_contacts, link.force_update) == (
        Conflict.SOURCE,
        True,
        ForceUpdate.NONE,
    )
    text = after.path.read_text()
    assert "# basis of every addition" in text
    assert "# What goes where." in text
    assert 'FNAME = {column = "first_name", two_way = true}' in text
    again = edit_link(
        after, "members-news", {"conflict": None, "create_contacts": None, "force_update": None}
    )
    assert again.links["members-news"].conflict is Conflict.ASK
    assert not again.links["members-news"].create_contacts


def test_a_mapping_in_a_table_of_its_own_is_edited_too(write: Write) -> None:
    text = with_link(fields="", mode='"update"') + (
        '\n[links.members-news.fields]\nFNAME = "first_name"  # theirs\n\n[links.members-news.fields.TOWN]\ncolumn = "town"\ntwo_way = true\n'
    )
    before = load(write(text))
    assert before.links["members-news"].fields[1] == FieldMapping("TOWN", ("town",), two_way=True)
    fields = (FieldMapping("TOWN", ("town",)),)
    after = edit_link(before, "members-news", {"fields": fields_value(fields)})
    assert after.links["members-news"].fields == fields


_NAMES = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=12
).filter(lambda text: text.strip() == text)
_MAPPINGS = st.lists(
    st.builds(
        FieldMapping,
        _NAMES,
        st.lists(_NAMES, min_size=1, max_size=3).map(tuple),
        st.sampled_from(Blank),
    ),
    max_size=5,
    unique_by=lambda one: one.target.casefold(),
)


@examples(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mappings=_MAPPINGS, both=st.booleans(), blank=st.sampled_from(Blank))
def test_every_mapping_survives_the_way_through_the_file(
    write: Callable[[str], Path], mappings: list[FieldMapping], both: bool, blank: Blank
) -> None:
    used = {"person_id", "email", "newsletter_no"}
    fields = []
    for one in mappings:
        free = len(one.columns) == 1 and one.columns[0] not in used
        used.update(one.columns if both and free else ())
        fields.append(FieldMapping(one.target, one.columns, one.blank, both and free))
    before = load(write(EXAMPLE[: EXAMPLE.index("# What goes where.")]))
    values = {"source": "members", "connection": "verband", "list": "1", "consent": "form", "mode": "update"}
    after = connect_link(
        before, "news", {**values, "blank": blank.value, "fields": fields_value(fields, blank)}
    )
    assert after.links["news"] == Link(
        "news", "members", "verband", "1", Mode.UPDATE, consent="form", fields=tuple(fields)
    )
    assert tomllib.loads(after.path.read_text())["links"]["news"]["blank"] == blank.value
