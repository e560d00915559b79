"""Two-way fields and new contacts between a CRM and an address book: written through the API, seen three-way."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from adapters.sandbox.running import RunningSandbox
from console.jobs.run import Run
from console.jobs.runner import run_job
from state.model import Action, JobState
from tests.integration.child import impatient
from tests.integration.crm_world import BOOK, CrmWorld


@pytest.fixture
def crm(tmp_path: Path, shared_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> CrmWorld:
    monkeypatch.setattr(Run, "_wait", impatient)
    return CrmWorld.begin(tmp_path / "crm", shared_sandbox)


@pytest.fixture
def both(crm: CrmWorld) -> CrmWorld:
    """Everybody in the CRM is on the list, and both sides agree; requests count from here."""
    crm.more = 'conflict = "source"\n'
    ended = crm.export()
    assert ended.exit_code == 0, crm.log(ended)
    crm.more = ""
    assert crm.preview().writes == 0
    crm.mark()
    return crm


@pytest.mark.parametrize("rule", ["ask", "source", "platform"])
def test_R47_three_runs_end_without_a_write_on_either_side(both: CrmWorld, rule: str) -> None:
    both.more = f'conflict = "{rule}"\n'
    there, here, clash, across = both.in_sync(both.preview())[:4]
    both.at_platform(there, LASTNAME="Dort")
    both.in_source(here, firstName="Hier")
    both.at_platform(clash, LASTNAME="Dort")
    both.in_source(clash, lastName="Hier")
    both.at_platform(across, FIRSTNAME="Dort")
    both.in_source(across, lastName="Hier")
    plan = both.preview()
    assert both.row(plan, there).reason == both.row(plan, across).reason == "changed-at-platform"
    assert both.row(plan, here).reason == "fields-differ"
    assert (
        both.row(plan, clash).reason
        == {
            "ask": "field-conflict",
            "source": "fields-differ",
            "platform": "changed-at-platform",
        }[rule]
    )
    assert both.writes("oro") == []
    first = both.export(plan)
    assert first.exit_code == 0, both.log(first)
    held = both.source_rows()
    assert (held[there]["lastName"], held[across]["firstName"]) == ("Dort", "Dort")
    second = both.export()
    assert second.exit_code == 0, both.log(second)
    both.mark()
    third = both.export()
    assert third.reason == "nothing-to-do", both.log(third)
    assert both.writes("oro") == both.writes("dotdigital") == []
    held = both.source_rows()
    assert both.member_fields(here)["FIRSTNAME"] == "Hier"
    assert both.member_fields(across) == {"FIRSTNAME": "Dort", "LASTNAME": "Hier"}
    assert (held[across]["firstName"], held[across]["lastName"]) == ("Dort", "Hier")
    assert (held[clash]["lastName"], both.member_fields(clash)["LASTNAME"]) == {
        "ask": ("Hier", "Dort"),
        "source": ("Hier", "Hier"),
        "platform": ("Dort", "Dort"),
    }[rule]


def test_what_was_written_stands_in_the_journal_with_the_job_and_without_the_value(both: CrmWorld) -> None:
    (email,) = both.in_sync(both.preview())[:1]
    both.at_platform(email, LASTNAME="Geheimrat")
    ended = both.export()
    with both.state() as state:
        entry = state.db.execute(
            "SELECT origin, what, detail FROM journal WHERE address_key = ? ORDER BY no DESC LIMIT 1",
            (email,),
        ).fetchone()
    assert entry == (f"job:{ended.job_id}", "written-back", "source columns: lastName")
    assert "Geheimrat" not in both.log(ended)
    assert [row["method"] for row in both.writes("oro")] == ["PATCH"]


def test_what_somebody_changed_in_the_source_after_the_plan_is_not_overwritten(both: CrmWorld) -> None:
    one, other = both.in_sync(both.preview())[:2]
    both.at_platform(one, LASTNAME="Dort")
    both.at_platform(other, LASTNAME="Dort")
    plan = both.preview()
    both.in_source(one, lastName="Hier")
    ended = both.export(plan)
    assert dict(ended.counts) == {"sent": 1, "withheld": 1}, both.log(ended)
    held = both.source_rows()
    assert (held[one]["lastName"], held[other]["lastName"]) == ("Hier", "Dort")


def test_a_write_the_crm_refuses_is_told_and_tried_again(both: CrmWorld) -> None:
    email = both.in_sync(both.preview())[0]
    both.at_platform(email, LASTNAME="Dort")
    both.sandbox.control("oro", "refuse-writes", email=email, status=403)
    ended = both.export()
    assert (ended.exit_code, dict(ended.counts)) == (3, {"rejected": 1}), both.log(ended)
    both.sandbox.control("oro", "refuse-writes", email=email, status=0)
    assert dict(both.export().counts) == {"sent": 1}
    assert both.source_rows()[email]["lastName"] == "Dort"


def test_a_crm_that_stops_answering_in_the_midst_loses_nothing_and_is_taken_up_again(both: CrmWorld) -> None:
    people = both.in_sync(both.preview())[:3]
    for email in people:
        both.at_platform(email, LASTNAME="Dort")
    both.sandbox.control("oro", "fail-next", count=12, status=429, method="PATCH", skip=1)
    ended = both.export()
    assert (ended.state, ended.exit_code) == (JobState.STALLED, 9), both.log(ended)
    assert [both.source_rows()[email]["lastName"] for email in people].count("Dort") == 1
    for _ in range(12):
        code = run_job(ended.job_id, config=both.configure(), state_path=both.state_path, now=both.now)
        if code == 0:
            break
    assert [both.source_rows()[email]["lastName"] for email in people] == ["Dort"] * 3
    assert both.preview().writes == 0


def test_people_found_in_the_book_are_created_and_then_in_sync(both: CrmWorld) -> None:
    both.more = "create_contacts = true\n"
    for email, fields in {
        "new@example.org": {"FIRSTNAME": "Neu", "LASTNAME": "Person"},
        "nameless@example.org": {"FIRSTNAME": "Neu"},
        "left@example.org": {"FIRSTNAME": "Weg", "LASTNAME": "Person"},
        "suppressed@example.org": {"FIRSTNAME": "Aus", "LASTNAME": "Person"},
    }.items():
        both.sandbox.control("dotdigital", "subscribe", email=email, list=BOOK, fields=fields)
    both.sandbox.control("dotdigital", "unsubscribe", email="left@example.org", list=BOOK)
    both.sandbox.control("dotdigital", "suppress", email="suppressed@example.org")
    before = both.source_rows()
    plan = both.preview()
    assert both.row(plan, "new@example.org").action is Action.CREATE
    nameless = both.row(plan, "nameless@example.org")
    assert (nameless.action, nameless.reason) == (None, "create-not-covered")
    assert nameless.note.startswith("the source requires lastName (LASTNAME is empty)")
    creations = plan.writes_by_action()[Action.CREATE]
    ended = both.export(plan, max_write_backs=creations)
    assert dict(ended.counts) == {"sent": creations}, both.log(ended)
    fresh = {email: row for email, row in both.source_rows().items() if email not in before}
    assert fresh["new@example.org"]["lastName"] == "Person"
    assert "left@example.org" not in fresh
    assert "suppressed@example.org" not in fresh
    assert len(fresh) == creations
    again = both.preview()
    assert again.writes == 0
    assert both.row(again, "new@example.org").reason == "in-sync"
    both.in_source("new@example.org", lastName="Später")
    assert both.preview().writes_by_action() == {Action.CHANGE: 1}, (
        "it was agreed on, so this is the source's news"
    )


def test_who_is_in_the_source_but_not_in_its_selection_is_handed_over_once(crm: CrmWorld) -> None:
    crm.source = {"filter": "groups=3"}
    crm.more = 'conflict = "source"\ncreate_contacts = true\n'
    before = crm.source_rows()
    plan = crm.preview()
    creations = plan.writes_by_action()[Action.CREATE]
    ended = crm.export(plan, max_write_backs=creations)
    assert ended.exit_code == 0, crm.log(ended)
    with crm.state() as state:
        known = dict(
            state.db.execute(
                "SELECT address_key, reason FROM journal WHERE reason = 'source-has-person'"
            ).fetchall()
        )
    assert known.keys() <= before.keys()
    assert len(known) > 10
    crm.mark()
    again = crm.preview()
    assert again.writes == 0
    assert crm.row(again, next(iter(known))).reason == "create-awaited"
    assert crm.writes("oro") == []


def test_who_is_in_the_source_with_capital_letters_is_not_created_again(both: CrmWorld) -> None:
    both.more = 'conflict = "source"\ncreate_contacts = true\n'
    names = {"firstName": "Mia", "lastName": "Moll"}
    both.sandbox.control(
        "oro", "add", attributes={**names, "primaryEmail": "Mia.Moll@Example.org"}, groups=[]
    )
    both.sandbox.control(
        "dotdigital",
        "subscribe",
        email="mia.moll@example.org",
        fields={"FIRSTNAME": "Mia", "LASTNAME": "Moll"},
    )
    plan = both.preview()
    assert both.row(plan, "mia.moll@example.org").action is Action.CREATE
    both.mark()
    ended = both.export(plan, max_write_backs=10_000)
    assert ended.exit_code == 0, both.log(ended)
    posted = [op["email"].lower() for row in both.writes("oro") for op in row["ops"]]
    assert "mia.moll@example.org" not in posted
    with both.state() as state:
        told = state.db.execute(
            "SELECT reason FROM journal WHERE address_key = 'mia.moll@example.org' ORDER BY no DESC LIMIT 1"
        ).fetchone()
    assert told == ("source-has-person",)


def test_what_the_crm_computes_is_never_mapped_two_way(crm: CrmWorld) -> None:
    crm.fields = '{ CLUB = { column = "lifetimeValue", two_way = true } }'
    crm.source["computed"] = "lifetimeValue"
    end = crm.run_preview()
    assert (end.exit_code, end.reason) == (8, "source-field-computed")
    assert "CLUB (column lifetimeValue)" in end.text


def test_R33_computed_columns_are_sent_once_a_day_and_only_they_make_it(both: CrmWorld) -> None:
    both.ahead += 25 * 3600
    assert both.preview().writes == 0, "nothing computed is mapped"
    both.source["computed"] = "firstName"
    both.fields = '{ FIRSTNAME = "firstName", LASTNAME = "lastName" }'
    assert both.preview().writes == 0, "the first time only takes note"
    both.ahead += 25 * 3600
    plan = both.preview()
    known = sum(group.rows for group in plan.groups if group.reason == "due")
    assert plan.writes_by_action() == {Action.CHANGE: known}
    assert known > 100


def test_an_old_grid_export_does_not_undo_what_was_written_through_the_api(both: CrmWorld) -> None:
    grid = both.folder / "grid.csv"

    def export_grid() -> None:
        rows = list(both.source_rows().values())
        with grid.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    export_grid()
    both.source = {"membership": "grid", "grid": "grid.csv"}
    both.more = 'conflict = "source"\n'
    assert both.export().exit_code == 0
    both.more = ""
    email = both.in_sync(both.preview())[0]
    both.at_platform(email, LASTNAME="Dort")
    assert dict(both.export().counts) == {"sent": 1}
    assert both.source_rows()[email]["lastName"] == "Dort"
    plan = both.preview()
    assert plan.basis["source_membership"] == "grid export grid.csv"
    assert both.row(plan, email).reason == "returned-to-source"
    assert plan.writes == 0
    export_grid()
    assert both.row(both.preview(), email).reason == "in-sync"
