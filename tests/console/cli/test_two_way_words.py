"""What the command line says of fields that go both ways: preview, its files, and the number typed for the source."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from adapters.sandbox.mailchimp.seed import seeded_fields
from adapters.sandbox.people import person
from tests.console.cli.desk import SEED, Desk, listed_as

TWO_WAY = 'fields = { FNAME = { column = "first_name", two_way = true }, LNAME = { column = "last_name", two_way = true } }'


def row(i: int, **changes: str) -> tuple[str, ...]:
    """A row of the file with the names the list has."""
    who, names = person(SEED, i), seeded_fields(SEED, i)
    return (
        who.member_id,
        changes.get("first", names["FNAME"]),
        changes.get("last", names["LNAME"]),
        who.email,
        "",
    )


@pytest.fixture
def both(desk: Desk) -> Desk:
    """A link with two-way fields on which both sides agree."""
    desk.lay_out(mode="update")
    text = desk.config.read_text().replace('fields = { FNAME = "first_name", LNAME = "last_name" }', TWO_WAY)
    desk.config.write_text(text)
    desk.write_members([row(i) for i in listed_as("subscribed")[:20]])
    assert desk.preview()["writes"] == 0
    return desk


def test_a_preview_says_three_way_what_changed_and_where_it_goes(both: Desk, tmp_path: Path) -> None:
    there, here, clash = listed_as("subscribed")[:3]
    for i in (there, clash):
        both.sandbox.control("mailchimp", "edit", email=person(SEED, i).email, fields={"LNAME": "Dort"})
    rows = [row(i) for i in listed_as("subscribed")[:20]]
    rows[1], rows[2] = row(here, first="Hier"), row(clash, last="Hier")
    both.write_members(rows)
    shown = both.run("preview", "members-news", "--class", "changed").out
    assert "Source members: file members.csv, of 20" in shown
    assert "write-back" in shown
    last, first = seeded_fields(SEED, there)["LNAME"], seeded_fields(SEED, here)["FNAME"]
    assert f"LNAME: “{last}” → “Dort” (in the source, agreed “{last}”)" in shown
    assert f"FNAME: “{first}” → “Hier” (agreed “{first}”)" in shown
    document = both.run("preview", "members-news", "--class", "changed", "--json").document
    assert document["source"]["name"] == "members"
    assert document["source"]["membership"] == "file members.csv"
    assert document["source"]["as_of"].endswith("Z")
    by_address = {one["email"].lower(): one for one in document["rows"]}
    back = by_address[person(SEED, there).email.lower()]
    assert (back["action"], back["changes"]) == ("write-back", {"LNAME": [last, "Dort"]})
    assert (back["agreed"], back["to_source"]) == ({"LNAME": last}, ["LNAME"])
    assert by_address[person(SEED, here).email.lower()]["to_source"] == []
    ignored = both.run("preview", "members-news", "--class", "existing-ignored").out
    last = seeded_fields(SEED, clash)["LNAME"]
    assert (
        f"[field-conflict]  source id {person(SEED, clash).member_id}  LNAME: “Dort” → “Hier” (agreed “{last}”)"
        in ignored
    )
    out = tmp_path / "rows.csv"
    assert both.run("preview", "members-news", "--class", "changed", "--out", str(out)).code == 0
    with out.open(newline="", encoding="utf-8-sig") as file:
        written = list(csv.DictReader(file))
    assert {"agreed", "to_source"} <= written[0].keys()
    assert [one["to_source"] for one in written if one["action"] == "write-back"] == ['["LNAME"]']


def test_R11_the_number_for_the_source_is_typed_and_only_for_a_plan(both: Desk) -> None:
    for i in listed_as("subscribed")[:11]:
        both.sandbox.control("mailchimp", "edit", email=person(SEED, i).email, fields={"LNAME": "Dort"})
    plan = both.preview("--save")
    (guard,) = plan["guards"]
    assert (guard["reason"], guard["value"], guard["limit"]) == ("too-many-write-backs", 11, 10)
    refused = both.run("export", "members-news", "--plan", plan["plan"])
    assert refused.code == 5
    assert guard["way_out"] in refused.err
    assert not both.folder.joinpath("members.returned.csv").exists()
    assert both.run("export", "members-news", "--yes", "--max-write-backs", "11").code == 2
    sent = both.process("export", "members-news", "--plan", plan["plan"], "--max-write-backs", "11", "--json")
    assert (sent.code, sent.document["outcomes"]["sent"]) == (0, 11), sent.err
    assert both.folder.joinpath("members.returned.csv").exists()


def test_a_plan_tells_its_source_also_where_nothing_goes_both_ways(desk: Desk) -> None:
    assert desk.preview()["source"]["membership"] == "file members.csv"
