"""Two-way fields: what changed where is told against what both sides agreed on, and nothing goes to and fro (R47)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from state.links import record_link
from state.model import Action, Blank, Conflict, Mode, PlanRow
from state.moments import stamp
from state.staleness import compare_plans
from tests.state.both_sides import TARGETS, BothSides, both_sides

EVA = "eva@example.org"


def settled(folder: Path, conflict: Conflict = Conflict.ASK, **options: object) -> BothSides:
    """Eva, on whom both sides agree."""
    sides = both_sides(folder, conflict=conflict, **options)  # type: ignore[arg-type]
    sides.put(EVA, ("Eva", "Muster"), ("Eva", "Muster"))
    assert sides.run() == {}
    return sides


def row_of(sides: BothSides) -> PlanRow:
    return sides.rows(sides.plan())[EVA]


def shown(row: PlanRow) -> tuple[str, str, Action | None]:
    return row.row_class.value, row.reason, row.action


def test_a_field_changed_at_the_platform_goes_to_the_source(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.platform[EVA]["LNAME"] = "Neu"
    row = row_of(sides)
    assert shown(row) == ("changed", "changed-at-platform", Action.WRITE_BACK)
    (difference,) = row.differences
    assert (
        difference.name,
        difference.before,
        difference.agreed,
        difference.after,
        difference.at_source,
    ) == (
        "LNAME",
        "Muster",
        "Muster",
        "Neu",
        True,
    )
    assert sides.run() == {Action.WRITE_BACK: 1}
    assert sides.source[EVA] == {"FNAME": "Eva", "LNAME": "Neu"}
    assert sides.run() == {}


def test_a_field_changed_in_the_source_goes_to_the_platform_and_no_other(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.source[EVA]["LNAME"] = "Neu"
    row = row_of(sides)
    assert shown(row) == ("changed", "fields-differ", Action.CHANGE)
    (difference,) = row.differences
    assert (
        difference.name,
        difference.before,
        difference.agreed,
        difference.after,
        difference.at_source,
    ) == (
        "LNAME",
        "Muster",
        "Muster",
        "Neu",
        False,
    )
    assert sides.run() == {Action.CHANGE: 1}
    assert sides.platform[EVA] == {"FNAME": "Eva", "LNAME": "Neu"}
    assert sides.run() == {}


@pytest.mark.parametrize(
    ("rule", "expected", "last"),
    [
        (Conflict.ASK, ("existing-ignored", "field-conflict", None), ("Dort", "Hier")),
        (Conflict.SOURCE, ("changed", "fields-differ", Action.CHANGE), ("Hier", "Hier")),
        (Conflict.PLATFORM, ("changed", "changed-at-platform", Action.WRITE_BACK), ("Dort", "Dort")),
    ],
)
def test_a_field_changed_on_both_sides_is_settled_by_the_rule(
    tmp_path: Path, rule: Conflict, expected: tuple[str, str, Action | None], last: tuple[str, str]
) -> None:
    sides = settled(tmp_path, rule)
    sides.source[EVA]["LNAME"] = "Hier"
    sides.platform[EVA]["LNAME"] = "Dort"
    row = row_of(sides)
    assert shown(row) == expected
    assert [one.agreed for one in row.differences] == ["Muster"]
    sides.run()
    assert (sides.platform[EVA]["LNAME"], sides.source[EVA]["LNAME"]) == last
    assert sides.run() == {}


def test_what_was_never_agreed_on_is_a_conflict(tmp_path: Path) -> None:
    sides = both_sides(tmp_path)
    sides.put(EVA, ("Eva", "Hier"), ("Eva", "Dort"))
    row = row_of(sides)
    assert shown(row) == ("existing-ignored", "field-conflict", None)
    (difference,) = row.differences
    assert (difference.before, difference.agreed, difference.after) == ("Dort", None, "Hier")
    sides.world.with_link(conflict=Conflict.PLATFORM)
    assert sides.run() == {Action.WRITE_BACK: 1}
    assert sides.source[EVA]["LNAME"] == "Dort"


def test_a_row_that_goes_both_ways_writes_back_first_and_sends_the_rest_next(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.source[EVA]["FNAME"] = "Ewa"
    sides.platform[EVA]["LNAME"] = "Neu"
    row = row_of(sides)
    assert shown(row) == ("changed", "changed-at-platform", Action.WRITE_BACK)
    assert [(one.name, one.at_source) for one in row.differences] == [("LNAME", True)]
    assert row.note == "FNAME: the source's news, sent with the next plan"
    assert sides.run() == {Action.WRITE_BACK: 1}
    assert sides.run() == {Action.CHANGE: 1}
    assert sides.run() == {}
    assert sides.source[EVA] == sides.platform[EVA] == {"FNAME": "Ewa", "LNAME": "Neu"}


def test_a_conflict_does_not_keep_the_other_fields_back(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.source[EVA] = {"FNAME": "Ewa", "LNAME": "Hier"}
    sides.platform[EVA]["LNAME"] = "Dort"
    row = row_of(sides)
    assert shown(row) == ("changed", "fields-differ", Action.CHANGE)
    assert [one.name for one in row.differences] == ["FNAME"]
    assert row.note == "LNAME: changed on both sides, not sent"
    assert sides.run() == {Action.CHANGE: 1}
    assert sides.platform[EVA] == {"FNAME": "Ewa", "LNAME": "Dort"}
    assert sides.classes()[EVA] == "existing-ignored/field-conflict"


def test_a_one_way_field_never_goes_to_the_source(tmp_path: Path) -> None:
    sides = settled(tmp_path, Conflict.PLATFORM, fields=("LNAME",))
    sides.platform[EVA] = {"FNAME": "Other", "LNAME": "Muster"}
    assert sides.run() == {Action.CHANGE: 1}
    assert sides.platform[EVA] == sides.source[EVA] == {"FNAME": "Eva", "LNAME": "Muster"}


def test_the_platforms_own_spelling_is_no_change(tmp_path: Path) -> None:
    sides = both_sides(tmp_path)
    sides.world.stored = {"LNAME": lambda value: value.upper()}
    sides.put(EVA, ("Eva", "Muster"), ("Eva", "MUSTER"))
    assert sides.run() == {}
    sides.source[EVA]["LNAME"] = "muster"
    assert sides.run() == {}
    sides.platform[EVA]["LNAME"] = "NEU"
    assert sides.run() == {Action.WRITE_BACK: 1}
    assert sides.run() == {}


@pytest.mark.parametrize(
    ("blank", "sent", "last"),
    [(Blank.KEEP, {}, "Muster"), (Blank.SKIP, {}, "Muster"), (Blank.CLEAR, {Action.WRITE_BACK: 1}, "")],
)
def test_R32_an_emptied_value_goes_back_only_where_the_link_clears(
    tmp_path: Path, blank: Blank, sent: dict[Action, int], last: str
) -> None:
    sides = settled(tmp_path, blank=blank)
    sides.platform[EVA]["LNAME"] = ""
    assert sides.run() == sent
    assert sides.source[EVA]["LNAME"] == last
    assert sides.run() == {}


def test_without_two_way_fields_nothing_is_remembered(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    assert sides.world.state.db.execute("SELECT count(*) FROM agreed").fetchone()[0] == 1
    sides.world.with_link(
        fields=tuple(one.__class__(one.target, one.columns) for one in sides.world.link.fields)
    )
    assert sides.run() == {}
    assert sides.world.state.db.execute("SELECT count(*) FROM agreed").fetchone()[0] == 0


def test_agreed_values_go_along_when_the_mapping_is_laid_out_anew(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    (agreed,) = sides.world.state.db.execute("SELECT mapped FROM agreed").fetchone()
    assert agreed == "Eva\x1fMuster"
    from state.links import put_mapped_fields

    put_mapped_fields(sides.world.state, sides.world.record.link_no, '["LNAME", "TOWN", "FNAME"]')
    (agreed,) = sides.world.state.db.execute("SELECT mapped FROM agreed").fetchone()
    assert agreed == "Muster\x1f\x1a\x1fEva"


def test_a_record_that_left_the_list_and_came_again_agrees_on_nothing(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.put("other@example.org", ("A", "B"), ("A", "B"))
    sides.run()
    del sides.platform[EVA]
    sides.plan()
    assert sides.world.state.db.execute("SELECT address_key FROM agreed").fetchall() == [
        ("other@example.org",)
    ]


# --- sources that show a change only later -----------------------------------------------------------------


def test_what_was_handed_over_waits_for_the_source_and_is_not_handed_over_again(tmp_path: Path) -> None:
    sides = settled(tmp_path, beside=True)
    sides.platform[EVA]["LNAME"] = "Neu"
    assert sides.run() == {Action.WRITE_BACK: 1}
    assert sides.returned == {EVA: {"LNAME": "Neu"}}
    row = row_of(sides)
    assert shown(row) == ("existing-ignored", "returned-to-source", None)
    assert [(one.before, one.after, one.at_source) for one in row.differences] == [("Muster", "Neu", True)]
    assert sides.run() == {}
    sides.source[EVA]["LNAME"] = "Neu"
    assert sides.classes()[EVA] == "existing-ignored/in-sync"
    sides.source[EVA]["LNAME"] = "Später"
    assert sides.run() == {Action.CHANGE: 1}, "it was agreed on, so this is the source's news"


def test_what_the_source_says_instead_of_what_was_handed_over_is_a_conflict(tmp_path: Path) -> None:
    sides = settled(tmp_path, beside=True)
    sides.platform[EVA]["LNAME"] = "Neu"
    sides.run()
    sides.source[EVA]["LNAME"] = "Anders"
    assert sides.classes()[EVA] == "existing-ignored/field-conflict"


def test_newer_news_is_handed_over_too(tmp_path: Path) -> None:
    sides = settled(tmp_path, beside=True)
    for value in ("Neu", "Neuer"):
        sides.platform[EVA]["LNAME"] = value
        assert sides.run() == {Action.WRITE_BACK: 1}
        assert sides.run() == {}
    assert sides.returned == {EVA: {"LNAME": "Neuer"}}


def test_an_old_export_of_the_source_does_not_undo_what_was_written_there(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    exported = {EVA: dict(sides.source[EVA])}
    sides.old_source, sides.world.source_as_of = exported, stamp(sides.world.tick())
    for value in ("Neu", "Neuer"):
        sides.platform[EVA]["LNAME"] = value
        assert sides.run() == {Action.WRITE_BACK: 1}
        assert sides.source[EVA]["LNAME"] == value
        assert sides.classes()[EVA] == "existing-ignored/returned-to-source"
        assert sides.run() == {}
    sides.old_source, sides.world.source_as_of = None, stamp(sides.world.tick())
    assert sides.classes()[EVA] == "existing-ignored/in-sync"


def test_a_source_that_was_set_back_after_the_write_has_the_last_word(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.platform[EVA]["LNAME"] = "Neu"
    assert sides.run() == {Action.WRITE_BACK: 1}
    sides.source[EVA]["LNAME"] = "Muster"
    assert sides.run() == {Action.CHANGE: 1}
    assert sides.platform[EVA]["LNAME"] == "Muster"
    assert sides.run() == {}


def test_a_listing_that_lags_behind_our_own_write_is_no_change_of_the_platform(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    before = {EVA: dict(sides.platform[EVA])}
    sides.shown = before
    for value in ("Neu", "Neuer"):
        sides.source[EVA]["LNAME"] = value
        for _ in range(2):
            assert sides.run() == {Action.CHANGE: 1}, "sent again, and nothing goes back to the source"
        assert sides.source[EVA]["LNAME"] == sides.platform[EVA]["LNAME"] == value
    sides.shown = {EVA: {"FNAME": "Eva", "LNAME": "Neu"}}
    assert sides.run() == {Action.CHANGE: 1}, "a value of our own that turns up late is nobody's change"
    sides.shown = None
    assert sides.run() == {}


def test_what_the_platform_made_of_a_value_is_no_change_of_anybody(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.source[EVA]["LNAME"] = "Neu"
    sides.shown = {EVA: {"FNAME": "Eva", "LNAME": "Muster"}}
    plan = sides.plan()
    sides.shown = {EVA: {"FNAME": "Eva", "LNAME": "N."}}
    assert sides.run(plan) == {Action.CHANGE: 1}
    assert sides.classes()[EVA] == "existing-ignored/field-conflict"
    assert sides.source[EVA]["LNAME"] == "Neu"


def test_a_source_set_back_before_the_platform_shows_our_write_is_the_sources_news(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.source[EVA]["LNAME"] = "Neu"
    assert sides.run() == {Action.CHANGE: 1}
    sides.source[EVA]["LNAME"] = "Muster"
    assert sides.run() == {Action.CHANGE: 1}
    assert sides.platform[EVA]["LNAME"] == sides.source[EVA]["LNAME"] == "Muster"


# --- new contacts ------------------------------------------------------------------------------------------


def test_a_member_unknown_to_the_source_is_created_there(tmp_path: Path) -> None:
    sides = settled(tmp_path, create=True)
    sides.world.source_requires = ("first",)
    sides.platform["new@example.org"] = {"FNAME": "Neu", "LNAME": ""}
    sides.platform["nameless@example.org"] = {"FNAME": "", "LNAME": "Wer"}
    plan = sides.plan()
    rows = sides.rows(plan)
    assert shown(rows["new@example.org"]) == ("foreign", "create-in-source", Action.CREATE)
    assert [(one.name, one.after, one.at_source) for one in rows["new@example.org"].differences] == [
        ("first", "Neu", True)
    ]
    assert shown(rows["nameless@example.org"]) == ("foreign", "create-not-covered", None)
    assert rows["nameless@example.org"].note == "the source requires first (FNAME is empty)"
    assert sides.run(plan) == {Action.CREATE: 1}
    assert sides.created == [("new@example.org", {"first": "Neu"})]
    assert sides.classes()["new@example.org"] == "existing-ignored/in-sync"
    assert sides.run() == {}


def test_a_column_no_two_way_field_fills_is_named(tmp_path: Path) -> None:
    sides = settled(tmp_path, create=True, fields=("FNAME",))
    sides.world.source_requires = ("first", "last")
    sides.platform["new@example.org"] = {"FNAME": "Neu", "LNAME": "Wer"}
    row = sides.rows(sides.plan())["new@example.org"]
    assert row.reason == "create-not-covered"
    assert row.note == "the source requires last (no two-way field fills it)"


def test_nobody_is_created_twice_nor_while_rows_are_unreadable(tmp_path: Path) -> None:
    sides = settled(tmp_path, create=True, beside=True)
    sides.platform["new@example.org"] = {"FNAME": "Neu", "LNAME": ""}
    assert sides.run() == {Action.CREATE: 1}
    assert sides.classes()["new@example.org"] == "foreign/create-awaited"
    sides.platform["late@example.org"] = {"FNAME": "Spät", "LNAME": ""}
    sides.read()
    from tests.state.lists import Person

    sides.world.source(Person(EVA, f"id-{EVA}"), Person("", fault="ragged-row"))
    assert sides.world.classes()["late@example.org"] == "foreign/create-blocked"


def test_R11_whoever_was_taken_out_of_the_source_is_not_created_again(tmp_path: Path) -> None:
    sides = settled(tmp_path, create=True)
    sides.put("other@example.org", ("A", "B"), ("A", "X"))
    sides.run()
    del sides.source[EVA]
    del sides.source["other@example.org"]
    sides.put("third@example.org", ("C", "D"), ("C", "D"))
    found = sides.classes()
    assert found[EVA] == "foreign/create-left-source"
    assert found["other@example.org"] == "foreign/create-left-source", "though they never agreed"


def test_who_was_in_the_source_is_not_created_when_the_link_goes_both_ways_later(tmp_path: Path) -> None:
    sides = settled(tmp_path, create=True)
    sides.put("stays@example.org", ("A", "B"), ("A", "B"))
    sides.run()
    both_ways = sides.world.link
    one_way = replace(
        both_ways,
        create_contacts=False,
        fields=tuple(replace(one, two_way=False) for one in both_ways.fields),
    )
    sides.world.link = one_way
    del sides.source[EVA]
    assert sides.classes()[EVA] == "foreign/foreign"
    sides.world.link = both_ways
    assert sides.classes()[EVA] == "foreign/create-left-source"
    member_again = sides.platform.pop(EVA)
    sides.classes()
    sides.platform[EVA] = member_again
    assert sides.classes()[EVA] == "foreign/create-left-source", (
        "also after leaving the list and joining again"
    )


def test_who_was_handed_over_is_not_handed_over_again_when_two_way_was_off_meanwhile(tmp_path: Path) -> None:
    sides = settled(tmp_path, create=True, beside=True)
    sides.platform["new@example.org"] = {"FNAME": "Neu", "LNAME": ""}
    assert sides.run() == {Action.CREATE: 1}
    both_ways = sides.world.link
    sides.world.link = replace(
        both_ways,
        create_contacts=False,
        fields=tuple(replace(one, two_way=False) for one in both_ways.fields),
    )
    sides.classes()
    sides.world.link = both_ways
    assert sides.classes()["new@example.org"] == "foreign/create-left-source"


def test_the_option_is_off_by_default(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.platform["new@example.org"] = {"FNAME": "Neu", "LNAME": ""}
    assert sides.classes()["new@example.org"] == "foreign/foreign"


# --- guards, staleness, refresh ----------------------------------------------------------------------------


def test_R11_more_rows_for_the_source_than_the_cap_need_their_number(tmp_path: Path) -> None:
    sides = both_sides(tmp_path, conflict=Conflict.PLATFORM)
    for number in range(11):
        sides.put(f"p{number}@example.org", ("A", "B"), ("A", "X"))
    plan = sides.plan()
    (guard,) = plan.guards
    assert (guard.reason, guard.value, guard.limit) == ("too-many-write-backs", 11, 10)
    assert guard.way_out.endswith(f"--plan {plan.plan_id} --max-write-backs 11")
    sides.world.usable = 220
    assert [one.limit for one in sides.world.plan().guards] == []


def test_a_plan_is_stale_when_it_would_write_something_else_back(tmp_path: Path) -> None:
    sides = settled(tmp_path)
    sides.platform[EVA]["LNAME"] = "Neu"
    plan = sides.plan()
    same = sides.plan()
    assert plan.digest == same.digest
    assert compare_plans(sides.world.state, plan, same) == ([], [])
    sides.platform[EVA]["LNAME"] = "Neuer"
    now = sides.plan()
    assert now.digest != plan.digest
    (difference,), lost = compare_plans(sides.world.state, plan, now)
    assert difference.now == "write last “Neuer” into the source"
    assert difference.planned == "write last “Neu” into the source"
    assert [n for n, _ in lost] == [0]


def test_R33_what_is_due_does_not_take_the_side_of_the_source(tmp_path: Path) -> None:
    from state.links import mark_due

    sides = settled(tmp_path)
    sides.source[EVA]["FNAME"] = "Ewa"
    sides.platform[EVA] = {"FNAME": "Eve", "LNAME": "Muster"}
    sides.plan()
    mark_due(sides.world.state, sides.world.record.link_no, sides.world.tick())
    assert sides.classes()[EVA] == "existing-ignored/field-conflict"
    sides.platform[EVA]["FNAME"] = "Ewa"
    assert sides.classes()[EVA] == "changed/due"


def test_R33_a_record_that_only_differs_in_spelling_is_sent_when_due(tmp_path: Path) -> None:
    from state.links import mark_due
    from tests.state.lists import Person, lists, member

    world = lists(tmp_path)
    world.stored = {"LNAME": lambda value: value.upper()}
    world.listing(member(EVA, last="MUSTER"))
    world.source(Person(EVA, "1"))
    assert world.classes()[EVA] == "existing-ignored/in-sync"
    assert mark_due(world.state, world.record.link_no, world.tick()) == 1
    assert world.classes()[EVA] == "changed/due"


# --- laws --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Oracle:
    """One field in plain words: the last value both sides had, and who moved away from it."""

    ours: str
    theirs: str
    agreed: str | None = None
    history: list[tuple[str, str]] = field(default_factory=list)

    def run(self, rule: Conflict, blank: Blank) -> str:
        if self.ours == self.theirs:
            self.agreed = self.ours
            return ""
        if self.agreed is None or (self.ours != self.agreed and self.theirs != self.agreed):
            winner = rule.value
        else:
            winner = "platform" if self.ours == self.agreed else "source"
        value = {"source": self.ours, "platform": self.theirs}.get(winner)
        if value is None or (not value and blank is not Blank.CLEAR):
            return ""
        self.ours = self.theirs = self.agreed = value
        return winner


VALUES = st.sampled_from(("", "A", "B", "C"))
EDITS = st.lists(st.tuples(st.sampled_from(("source", "platform", "both")), VALUES, VALUES), max_size=4)
LIVES = st.lists(st.tuples(VALUES, VALUES, EDITS), min_size=1, max_size=8)


@examples(max_examples=25, deadline=None)
@given(lives=LIVES, rule=st.sampled_from(Conflict), blank=st.sampled_from(Blank))
def test_the_decisions_are_those_of_a_plain_account(
    lives: list[tuple[str, str, list[tuple[str, str, str]]]], rule: Conflict, blank: Blank
) -> None:
    with TemporaryDirectory() as folder:
        sides = both_sides(Path(folder), conflict=rule, blank=blank, fields=("FNAME",))
        people = {f"p{n}@example.org": Oracle(ours, theirs) for n, (ours, theirs, _) in enumerate(lives)}
        for email, one in people.items():
            sides.put(email, (one.ours, ""), (one.theirs, ""))
        for turn in range(1 + max(len(edits) for _, _, edits in lives)):
            for (email, one), (_, _, edits) in zip(people.items(), lives, strict=True):
                if 0 < turn <= len(edits):
                    side, ours, theirs = edits[turn - 1]
                    one.ours = ours if side != "platform" else one.ours
                    one.theirs = theirs if side != "source" else one.theirs
                    sides.source[email]["FNAME"] = one.ours
                    sides.platform[email]["FNAME"] = one.theirs
            for one in people.values():
                one.run(rule, blank)
            sides.run()
            for email, one in people.items():
                held = (sides.source[email]["FNAME"], sides.platform[email]["FNAME"])
                assert held == (one.ours, one.theirs), (email, turn)


Moves = list[tuple[str, str, str, bool]]
MOVES = st.lists(
    st.tuples(st.sampled_from(("source", "platform")), st.sampled_from(TARGETS), VALUES, st.booleans()),
    max_size=8,
)


@examples(max_examples=25, deadline=None)
@given(
    moves=MOVES,
    rule=st.sampled_from(Conflict),
    blank=st.sampled_from(Blank),
    beside=st.booleans(),
    takes_over=st.booleans(),
)
def test_R47_three_quiet_runs_end_with_none_and_no_value_comes_back(
    moves: Moves, rule: Conflict, blank: Blank, beside: bool, takes_over: bool
) -> None:
    with TemporaryDirectory() as folder:
        sides = both_sides(Path(folder), conflict=rule, blank=blank, beside=beside)
        sides.put(EVA, ("Eva", "Muster"), ("Eva", "Other"))
        for side, target, value, then_run in moves:
            (sides.source if side == "source" else sides.platform)[EVA][target] = value
            if then_run:
                sides.run()
                if takes_over:
                    sides.source[EVA].update(sides.returned.pop(EVA, {}))
        trail = [(dict(sides.source[EVA]), dict(sides.platform[EVA]))]
        sent = []
        for _ in range(3):
            sent.append(sides.run())
            trail.append((dict(sides.source[EVA]), dict(sides.platform[EVA])))
        assert sent[2] == {}, (sent, trail)
        assert set(sent[0]) <= {Action.WRITE_BACK, Action.CHANGE}
        assert set(sent[1]) <= {Action.CHANGE}, "what goes to the source goes first"
        for target in TARGETS:
            for which in (0, 1):
                values = [step[which][target] for step in trail]
                changes = [
                    value for number, value in enumerate(values) if number == 0 or value != values[number - 1]
                ]
                assert len(set(changes)) == len(changes), (target, which, trail)


def test_add_only_links_never_write_back(tmp_path: Path) -> None:
    sides = both_sides(tmp_path, mode=Mode.ADD_ONLY, conflict=Conflict.PLATFORM)
    sides.put(EVA, ("Eva", "Muster"), ("Eva", "Neu"))
    assert sides.classes()[EVA] == "existing-ignored/differs"


@pytest.mark.parametrize("change", [{"list_id": "another"}, {"source": "another"}])
def test_another_list_or_source_never_agreed_on_anything(tmp_path: Path, change: dict[str, str]) -> None:
    sides = settled(tmp_path)
    world = sides.world
    world.link = replace(world.link, **change)  # type: ignore[arg-type]
    world.record = record_link(world.state, world.link)
    sides.platform[EVA]["LNAME"] = "Anders"
    assert shown(row_of(sides)) == ("existing-ignored", "field-conflict", None)
