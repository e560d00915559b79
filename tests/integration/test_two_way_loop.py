"""Edits on both sides, made up at random, come to rest in three runs, and every value is the one the rule says (R47).

Between an address book and a CRM: what one run writes back must never look like news to the next one.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from adapters.sandbox.running import RunningSandbox
from console.jobs.run import Run
from tests.integration.child import impatient
from tests.integration.crm_world import CrmWorld

PEOPLE = 8
FIELDS = {"FIRSTNAME": "firstName", "LASTNAME": "lastName"}
WORDS = ("Anna", "anna", "Änne", "Anna Maria", "O'Neill", "von der Au", "Jürg", "Ida-Lou", "ANNA", "李雷")
"""Also such as differ in letter case or marks alone."""

Values = dict[tuple[str, str], str]
"""By address and data field."""


@pytest.fixture
def both(tmp_path: Path, shared_sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> CrmWorld:
    """Everybody in the CRM is on the list, and both sides agree."""
    monkeypatch.setattr(Run, "_wait", impatient)
    crm = CrmWorld.begin(tmp_path / "crm", shared_sandbox)
    crm.more = 'conflict = "source"\n'
    ended = crm.export()
    assert ended.exit_code == 0, crm.log(ended)
    return crm


def in_source(crm: CrmWorld, people: list[str]) -> Values:
    rows = crm.source_rows()
    return {(email, field): rows[email][column] for email in people for field, column in FIELDS.items()}


def at_platform(crm: CrmWorld, people: list[str]) -> Values:
    return {(email, field): value for email in people for field, value in crm.member_fields(email).items()}


def edit(crm: CrmWorld, source: random.Random, people: list[str], before: Values) -> tuple[Values, Values]:
    """Some values change on one side or on both; what the source and what the platform holds then."""
    here, there = dict(before), dict(before)
    for place, value in before.items():
        email, field = place
        others = [word for word in WORDS if word != value]
        sides = source.choice(("", "", "source", "platform", "both", "same"))
        if sides in ("source", "both", "same"):
            here[place] = source.choice(others)
            crm.in_source(email, **{FIELDS[field]: here[place]})
        if sides in ("platform", "both", "same"):
            there[place] = here[place] if sides == "same" else source.choice(others)
            crm.at_platform(email, **{field: there[place]})
    return here, there


def settled(before: Values, here: Values, there: Values, rule: str) -> tuple[Values, Values]:
    """What both sides hold when all is quiet, by the rule: the source's values, the platform's."""
    held, shown = dict(before), dict(before)
    for place, agreed in before.items():
        ours, theirs = here[place], there[place]
        if theirs == agreed or ours == theirs:
            held[place] = shown[place] = ours
        elif ours == agreed:
            held[place] = shown[place] = theirs
        elif rule == "ask":
            held[place], shown[place] = ours, theirs
        else:
            held[place] = shown[place] = ours if rule == "source" else theirs
    return held, shown


def come_to_rest(crm: CrmWorld, people: list[str], rounds: int, rule: str, source: random.Random) -> None:
    crm.more = f'conflict = "{rule}"\n'
    for _ in range(rounds):
        before = in_source(crm, people)
        here, there = edit(crm, source, people, before)
        for _ in range(2):
            ended = crm.export(max_write_backs=2 * PEOPLE)
            assert ended.exit_code == 0, crm.log(ended)
        crm.mark()
        third = crm.export()
        assert third.reason == "nothing-to-do", crm.log(third)
        assert crm.writes("oro") == crm.writes("dotdigital") == []
        held, shown = settled(before, here, there, rule)
        assert in_source(crm, people) == held
        assert at_platform(crm, people) == shown


@pytest.mark.parametrize("rule", ["source", "platform"])
def test_R47_edits_made_up_on_both_sides_come_to_rest(both: CrmWorld, rule: str) -> None:
    people = both.in_sync(both.preview())[:PEOPLE]
    come_to_rest(both, people, 2, rule, random.Random(f"edits {rule}"))


def test_R47_a_conflict_nobody_decided_stays_as_it_is(both: CrmWorld) -> None:
    people = both.in_sync(both.preview())[:PEOPLE]
    come_to_rest(both, people, 1, "ask", random.Random("edits ask"))


@pytest.mark.chaos
def test_R47_many_edits_come_to_rest(both: CrmWorld) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    people = both.in_sync(both.preview())[:PEOPLE]
    source = random.Random(seed)
    for _ in range(10):
        come_to_rest(both, people, 1, source.choice(["source", "platform"]), source)
