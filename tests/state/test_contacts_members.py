"""Reads of both sides: merged by difference, only when whole, with what changed in the journal."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from state.contacts import begin_source_load, last_read, put_source_rows, refuse_source_read, staged_count
from state.explain import explain
from state.links import list_reading, mark_due
from state.members import (
    begin_listing,
    last_good_rows,
    members_by_key,
    present_members,
    put_listing_page,
    refuse_listing,
)
from state.model import Consent, Mode
from tests.state.lists import Lists, Person, lists, member


def _contacts(world: Lists) -> list[tuple[object, ...]]:
    return world.state.db.execute(
        "SELECT address_key, source_id, copy, email, mapped, opted_out, consent, fault FROM contacts ORDER BY 1, 2, 3"
    ).fetchall()


PEOPLE = st.lists(
    st.builds(
        Person,
        email=st.sampled_from(
            ["a@example.org", "B@example.org", "c@example.org", "d@example.org", "", "bad"]
        ),
        id=st.sampled_from(["1", "2", "3", "4"]),
        first=st.sampled_from(["Eva", "Max", ""]),
        opted_out=st.booleans(),
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(before=PEOPLE, after=PEOPLE)
def test_a_merge_by_difference_equals_a_fresh_read(
    tmp_path_factory: object, before: list[Person], after: list[Person]
) -> None:
    folder = tmp_path_factory.mktemp("merge")  # type: ignore[attr-defined]
    merged, fresh = lists(folder / "merged"), lists(folder / "fresh")
    try:
        merged.source(*before)
        merged.source(*after)
        fresh.source(*after)
        assert _contacts(merged) == _contacts(fresh)
    finally:
        merged.state.close()
        fresh.state.close()


def test_a_read_that_is_the_same_writes_nothing(tmp_path: Path) -> None:
    world = lists(tmp_path)
    people = [Person(f"p{number}@example.org", str(number)) for number in range(50)]
    world.source(*people)
    changes = world.state.db.total_changes
    world.source(*reversed(people))
    written = world.state.db.total_changes - changes
    assert written <= 2 * 50 + 5, "two staged copies and the note of the read, no contact"


def test_R09_a_refused_read_leaves_the_contacts(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.source(Person("a@example.org", "1"))
    begin_source_load(world.state)
    put_source_rows(world.state, [])
    count = staged_count(world.state)
    refuse_source_read(
        world.state,
        world.record.link_no,
        count,
        complete=True,
        snapshot="none",
        reason="source-empty",
        started=world.now,
        now=world.tick(),
    )
    assert len(_contacts(world)) == 1
    last = last_read(world.state, world.record.link_no)
    assert last is not None
    assert last.usable == 1, "the last good read is the measure"


def test_R42_an_incomplete_listing_moves_neither_members_nor_cursor(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("a@example.org"), member("b@example.org"))
    cursor = list_reading(world.state, world.record.list_no).cursor
    begin_listing(world.state)
    put_listing_page(world.state, [member("a@example.org", Consent.UNSUBSCRIBED)], ["FNAME", "LNAME"])
    refuse_listing(
        world.state,
        world.record.list_no,
        whole=True,
        rows=1,
        origin="poll:2",
        reason="listing-incomplete",
        started=world.now,
        now=world.tick(),
    )
    assert list_reading(world.state, world.record.list_no).cursor == cursor
    found = members_by_key(world.state, world.record.list_no, ["a@example.org", "b@example.org"])
    assert {key: one.consent for key, one in found.items()} == {
        "a@example.org": Consent.SUBSCRIBED,
        "b@example.org": Consent.SUBSCRIBED,
    }


def test_I05_cursor_and_rows_move_together(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("a@example.org"))
    first = list_reading(world.state, world.record.list_no)
    world.listing(member("b@example.org"), whole=False)
    second = list_reading(world.state, world.record.list_no)
    assert first.cursor != second.cursor
    assert (first.full_at, second.full_rows) == (second.full_at, 1)
    assert present_members(world.state, world.record.list_no) == 2
    assert last_good_rows(world.state, world.record.list_no) == 1


def test_of_two_records_with_one_address_the_more_restrictive_counts(tmp_path: Path) -> None:
    for number, order in enumerate(([0, 1], [1, 0])):
        world = lists(tmp_path / str(number))
        two = [
            member("A@example.org", Consent.SUBSCRIBED, origin="one"),
            member("a@example.org", Consent.UNSUBSCRIBED, origin="two"),
        ]
        world.listing(*(two[place] for place in order), pages=1)
        (found,) = members_by_key(world.state, world.record.list_no, ["a@example.org"]).values()
        assert (found.consent, found.origin_id) == (Consent.UNSUBSCRIBED, "two")


def test_a_member_that_comes_twice_in_one_reading_is_taken_as_the_later_one(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(
        member("a@example.org", Consent.UNSUBSCRIBED), member("a@example.org", Consent.SUBSCRIBED), pages=1
    )
    (found,) = members_by_key(world.state, world.record.list_no, ["a@example.org"]).values()
    assert found.consent is Consent.SUBSCRIBED


def test_what_changed_at_the_platform_is_in_the_journal(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("a@example.org"), member("b@example.org", Consent.PENDING), member("c@example.org"))
    world.listing(
        member("a@example.org", Consent.UNSUBSCRIBED), member("b@example.org"), member("d@example.org")
    )
    told = {
        address: next(
            (entry.what, entry.reason, entry.origin) for entry in explain(world.state, address).timeline
        )
        for address in ("a@example.org", "b@example.org", "c@example.org", "d@example.org")
    }
    assert told == {
        "a@example.org": ("consent", "unsubscribed", "poll:1"),
        "b@example.org": ("consent", "subscribed", "poll:1"),
        "c@example.org": ("gone", "erased-remotely", "poll:1"),
        "d@example.org": ("appeared", "subscribed", "poll:1"),
    }


def test_what_is_ours_survives_every_reading(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("a@example.org", person="p1"), member("b@example.org"))
    world.ours("a@example.org")
    world.listing(member("a@example.org", first="Else", person="p1"), member("b@example.org"))
    world.listing(member("a2@example.org", person="p1"), member("b@example.org"))
    world.source()
    assert world.classes()["a2@example.org"] == "removed/gone-from-source", "the moved record is still ours"
    assert world.classes()["b@example.org"] == "foreign/foreign"


def test_I06_only_a_later_subscription_lifts_an_opt_out_we_remember(tmp_path: Path) -> None:
    world = lists(tmp_path)
    with world.state.write() as db:
        db.executemany(
            "INSERT INTO opt_outs VALUES (?, ?, 'unsubscribed', ?, '2026-02-15T00:00:00.000000Z', 'job:1', 'ines', '', '')",
            [
                (world.record.list_no, "early@example.org", "compliance-state"),
                (world.record.list_no, "late@example.org", "compliance-state"),
                (world.record.list_no, "marked@example.org", "suppressed-here"),
            ],
        )
    world.listing(
        member("early@example.org", changed="2026-02-14T23:59:59+00:00"),
        member("late@example.org", changed="2026-02-15T01:00:01+01:00"),
        member("marked@example.org", changed="2026-02-20T00:00:00+00:00"),
    )
    world.source(*(Person(f"{name}@example.org", name) for name in ("early", "late", "marked")))
    assert world.classes() == {
        "early@example.org": "unsubscribed-ignored/compliance-state",
        "late@example.org": "existing-ignored/in-sync",
        "marked@example.org": "unsubscribed-ignored/suppressed-here",
    }


def test_R33_a_refresh_marks_all_and_the_plan_counts_them(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("a@example.org"), member("b@example.org", Consent.UNSUBSCRIBED))
    world.source(Person("a@example.org", "1"), Person("b@example.org", "2"), Person("c@example.org", "3"))
    assert world.classes()["a@example.org"] == "existing-ignored/in-sync"
    assert mark_due(world.state, world.record.link_no, world.tick()) == 3
    assert world.classes() == {
        "a@example.org": "changed/due",
        "b@example.org": "unsubscribed-ignored/unsubscribed",
        "c@example.org": "new/unknown-at-platform",
    }
    world.source(Person("a@example.org", "1"), Person("b@example.org", "2"), Person("c@example.org", "3"))
    assert world.classes()["a@example.org"] == "changed/due", "a reading does not settle it"
