"""Plans: counts are sizes of ranges, any window is cheap, the digest names what is sent, undo takes it back."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.errors import StateError
from state.jobs import create_job
from state.model import Action, Consent, Guard, JobKind, Mode, Operator, RowClass
from state.planning import removal_limit
from state.plans import (
    drop_old_plans,
    find_in_plan,
    get_plan,
    latest_plan,
    plan_rows,
    plans_of,
    save_plan,
    take_plan,
    write_rows,
)
from state.staleness import compare_plans
from tests.state.lists import Lists, Person, lists, member

CONSENTS = st.sampled_from(list(Consent))
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "g"])
SOURCE = st.lists(
    st.builds(
        Person,
        email=NAMES.map(lambda name: f"{name}@example.org"),
        id=st.sampled_from(["1", "2", "3", "4", "5"]),
        first=st.sampled_from(["Eva", "Max", ""]),
        opted_out=st.booleans(),
        fault=st.sampled_from([None, None, None, "ragged-row"]),
    ),
    max_size=8,
)
LISTING = st.dictionaries(
    NAMES, st.tuples(CONSENTS, st.sampled_from(["Eva", "Max"]), st.booleans()), max_size=7
)


@settings(max_examples=60)
@given(history=st.lists(st.tuples(SOURCE, LISTING), min_size=1, max_size=3), mode=st.sampled_from(list(Mode)))
def test_R18_R02_all_rows_have_a_class_and_no_write_can_raise_consent(
    tmp_path_factory: object,
    history: list[tuple[list[Person], dict[str, tuple[Consent, str, bool]]]],
    mode: Mode,
) -> None:
    world = lists(tmp_path_factory.mktemp("plan"), mode=mode)  # type: ignore[attr-defined]
    try:
        for people, known in history:
            members = [
                member(f"{name}@example.org", consent, first) for name, (consent, first, _) in known.items()
            ]
            world.listing(*members)
            world.ours(*(f"{name}@example.org" for name, (_, _, ours) in known.items() if ours))
            world.source(*people)
        people, known = history[-1]
        plan = world.plan()
        rows = world.rows(plan)
        assert len(rows) == plan.rows == sum(plan.counts.values())
        assert Counter(row.row_class.value for row in rows) == {k: n for k, n in plan.counts.items() if n}
        assert sum(row.row_class is not RowClass.FOREIGN for row in rows) >= len(people)
        consents = {f"{name}@example.org": consent for name, (consent, _, _) in known.items()}
        sent = [row for row in rows if row.action is not None]
        assert len({row.address_key for row in sent}) == len(sent), "one address, one operation (I14)"
        for row in sent:
            before = consents.get(row.address_key)
            if row.action is Action.ADD:
                assert before is None
                assert not any(
                    one.opted_out for one in people if one.email == row.address_key and not one.fault
                )
            else:
                assert before is Consent.SUBSCRIBED
            if row.action is Action.REMOVE:
                assert mode is Mode.MIRROR
                assert known[row.address_key.partition("@")[0]][2]
            if row.action in (Action.CHANGE, Action.MOVE):
                assert mode is not Mode.ADD_ONLY
    finally:
        world.state.close()


@settings(max_examples=60)
@given(SOURCE, LISTING, st.randoms(use_true_random=False))
def test_the_plan_does_not_depend_on_the_order_of_rows(
    tmp_path_factory: object,
    people: list[Person],
    known: dict[str, tuple[Consent, str, bool]],
    chance: object,
) -> None:
    folder = tmp_path_factory.mktemp("order")  # type: ignore[attr-defined]
    members = [member(f"{name}@example.org", consent, first) for name, (consent, first, _) in known.items()]
    shuffled, other = list(people), list(members)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    chance.shuffle(other)  # type: ignore[attr-defined]
    digests = []
    for name, one, two in (("straight", people, members), ("shuffled", shuffled, other)):
        world = lists(folder / name)
        # Which of several copies of one person comes first in the file decides their values; keep one of each.
        distinct = {(one_.email, one_.id): one_ for one_ in people}
        world.listing(*two)
        world.source(*(row for row in one if distinct[(row.email, row.id)] is row))
        plan = world.plan()
        digests.append((plan.digest, plan.counts))
        world.state.close()
    assert digests[0] == digests[1]


def _many(tmp_path: Path) -> Lists:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(
        *(member(f"m{number:03d}@example.org", first="Old" if number % 3 else "Eva") for number in range(300))
    )
    world.source(*(Person(f"m{number:03d}@example.org", str(number)) for number in range(100, 400)))
    return world


def test_any_window_is_the_same_rows(tmp_path: Path) -> None:
    world = _many(tmp_path)
    plan = world.plan()
    everything = plan_rows(world.state, plan, 0, plan.rows)
    assert [row.n for row in everything] == list(range(plan.rows))
    for first in (0, 1, 99, 100, 101, 250, plan.rows - 1, plan.rows):
        assert plan_rows(world.state, plan, first, 7) == everything[first : first + 7]


def test_groups_stand_in_the_order_of_an_export_then_by_class(tmp_path: Path) -> None:
    world = _many(tmp_path)
    actions = [group.action for group in world.plan().groups]
    assert actions[:2] == [Action.ADD, Action.CHANGE]
    assert all(action is None for action in actions[2:])


def test_every_address_is_found_in_the_plan(tmp_path: Path) -> None:
    world = _many(tmp_path)
    plan = world.plan()
    for row in world.rows(plan):
        assert [found.n for found in find_in_plan(world.state, plan, row.address_key)] == [row.n]
    assert find_in_plan(world.state, plan, "nobody@example.org") == []


def test_the_digest_names_what_is_sent(tmp_path: Path) -> None:
    world = _many(tmp_path)
    first, second = world.plan(), world.plan()
    assert first.digest == second.digest
    assert first.plan_id != second.plan_id
    world.with_link(consent="another form")
    assert world.plan().digest != first.digest


def test_a_plan_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    world = _many(tmp_path)
    plan = world.plan()
    assert get_plan(world.state, plan.plan_id) == plan
    assert get_plan(world.state, plan.plan_id[:20].lower()).plan_id == plan.plan_id
    for wrong in ("", "01", "nonsense", "%%%%", "'; --"):
        with pytest.raises(StateError) as caught:
            get_plan(world.state, wrong)
        assert caught.value.reason == "plan-missing"


def test_plans_nobody_kept_are_dropped(tmp_path: Path) -> None:
    world = _many(tmp_path)
    kept = world.plan(saved=True)
    passing = [world.plan(saved=False) for _ in range(5)]
    save_plan(world.state, passing[0].plan_id)
    assert take_plan(world.state, passing[1].plan_id, "JOB")
    drop_old_plans(world.state, "members-news", keep=1)
    left = [row[0] for row in world.state.db.execute("SELECT plan_id FROM plans ORDER BY no")]
    assert left == [kept.plan_id, passing[0].plan_id, passing[1].plan_id, passing[4].plan_id]
    assert [plan.plan_id for plan in plans_of(world.state, "members-news")] == [
        passing[0].plan_id,
        kept.plan_id,
    ]
    newest = latest_plan(world.state, "members-news")
    assert newest is not None
    assert newest.plan_id == passing[4].plan_id
    orphans = world.state.db.execute(
        "SELECT count(*) FROM plan_rows WHERE plan_no NOT IN (SELECT no FROM plans)"
    ).fetchone()[0]
    assert orphans == 0


def test_a_plan_belongs_to_one_job(tmp_path: Path) -> None:
    world = _many(tmp_path)
    plan = world.plan()
    assert take_plan(world.state, plan.plan_id, "JOB1")
    assert take_plan(world.state, plan.plan_id, "JOB1")
    assert not take_plan(world.state, plan.plan_id, "JOB2")


def test_a_job_that_failed_before_it_sent_anything_has_not_used_the_plan_up(tmp_path: Path) -> None:
    world = _many(tmp_path)
    plan = world.plan()
    first = create_job(
        world.state,
        kind=JobKind.EXPORT,
        connection="verband",
        link="members-news",
        plan_id=plan.plan_id,
        operator=Operator("ines", "host"),
        now=world.tick(),
    )
    assert take_plan(world.state, plan.plan_id, first)
    assert not take_plan(world.state, plan.plan_id, "JOB2")
    with world.state.write() as db:
        db.execute("UPDATE jobs SET state = 'failed' WHERE job_id = ?", (first,))
    assert take_plan(world.state, plan.plan_id, "JOB2")


def test_an_old_plan_of_a_job_keeps_what_was_sent(tmp_path: Path) -> None:
    world = _many(tmp_path)
    used = world.plan(saved=False)
    assert take_plan(world.state, used.plan_id, "JOB")
    world.plan(saved=False)
    drop_old_plans(world.state, "members-news", keep=1)
    assert len(plan_rows(world.state, used, 0, used.rows)) == used.writes > 0


@pytest.mark.parametrize(("rows", "limit"), [(0, 10), (100, 10), (200, 10), (220, 11), (10_000, 500)])
def test_R10_the_limit_of_removals(rows: int, limit: int) -> None:
    assert removal_limit(rows) == limit


def test_R10_removals_and_unsubscriptions_above_the_limit_are_held(tmp_path: Path) -> None:
    for count in (10, 11):
        world = lists(tmp_path / str(count), mode=Mode.MIRROR)
        names = [f"m{number}@example.org" for number in range(40)]
        world.listing(*(member(name) for name in names))
        world.ours(*names)
        world.source(
            *(
                Person(name, name, opted_out=place < 5)
                for place, name in enumerate(names)
                if place < 40 - count + 5
            )
        )
        plan = world.plan()
        lost = plan.writes_by_action()
        assert lost[Action.REMOVE] + lost[Action.UNSUBSCRIBE] == count
        assert [guard.reason for guard in plan.guards] == (["too-many-removals"] if count > 10 else [])
        if plan.guards:
            assert (plan.guards[0].value, plan.guards[0].limit) == (11, 10)
            assert "--max-removals 11" in plan.guards[0].way_out


def test_guards_found_before_the_plan_stay_with_it(tmp_path: Path) -> None:
    world = _many(tmp_path)
    guard = Guard("required-field-unmapped", "the list requires X", 1, 0, "map it")
    assert get_plan(world.state, world.plan(guards=(guard,)).plan_id).guards == (guard,)


def test_mails_are_counted_where_the_list_asks_for_confirmation(tmp_path: Path) -> None:
    world = _many(tmp_path)
    assert world.plan().mails == 0
    world.double_opt_in = True
    plan = world.plan()
    assert plan.mails == plan.counts["new"] == 100, "one mail for each new person, none for the known (R03)"


def test_payloads_are_what_is_mapped_and_nothing_else(tmp_path: Path) -> None:
    world = lists(tmp_path, tag="club")
    world.listing(member("b@example.org", first="Old", last="Same"))
    world.source(
        Person("A@example.org", "1", first="Ann", last=""), Person("b@example.org", "2", last="Same")
    )
    plan = world.plan()
    added, changed = write_rows(world.state, plan, 0, plan.writes - 1)
    assert (added.action, added.email, added.payload) == (
        Action.ADD,
        "A@example.org",
        {"consent": "membership form 2024", "fields": {"FNAME": "Ann"}, "tags": ["club"]},
    )
    assert (changed.action, changed.origin_id, changed.payload) == (
        Action.CHANGE,
        "o-b@example.org",
        {"fields": {"FNAME": "Eva"}},
    )


def test_stale_and_withheld(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("a@example.org", first="Old"), member("d@example.org", first="Old"))
    world.source(*(Person(f"{name}@example.org", name) for name in "abcd"))
    planned = world.plan()
    world.listing(
        member("a@example.org", first="Old"),
        member("d@example.org", Consent.UNSUBSCRIBED, first="Old"),
        member("c@example.org"),
    )
    stale, lost = compare_plans(world.state, planned, world.plan())
    assert stale == []
    by_number = {row.n: row.address_key for row in world.rows(planned)}
    assert {by_number[n]: reason for n, reason in lost} == {
        "c@example.org": "in-sync",
        "d@example.org": "unsubscribed",
    }
    world.source(
        *(Person(f"{name}@example.org", name, first="X" if name == "a" else "Eva") for name in "abcde")
    )
    stale, _ = compare_plans(world.state, planned, world.plan())
    assert {one.address: one.planned for one in stale} == {
        "a@example.org": "change to FNAME “Eva”",
        "e@example.org": "not in the plan",
    }
    assert {one.address: one.now for one in stale} == {
        "a@example.org": "change to FNAME “X”",
        "e@example.org": "add with FNAME “Eva”, LNAME “Muster”",
    }
