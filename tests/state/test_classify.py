"""The classifier: every row one class and one reason, nobody raised, nobody removed by accident."""

from pathlib import Path

import pytest

from state.model import Action, AddressChange, Blank, Consent, Mode
from state.opt_outs import suppress_here
from tests.state.lists import Lists, Person, lists, member


def test_the_ordinary_classes(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(
        member("known@example.org"),
        member("other@example.org", first="Old"),
        member("left@example.org", Consent.UNSUBSCRIBED),
        member("bounced@example.org", Consent.BOUNCED),
        member("waiting@example.org", Consent.PENDING),
        member("archived@example.org", Consent.UNKNOWN),
        member("odd@example.org", Consent.UNKNOWN, raw="transactional"),
        member("stranger@example.org"),
    )
    world.source(
        Person("new@example.org", "1"),
        Person("known@example.org", "2"),
        Person("other@example.org", "3"),
        Person("left@example.org", "4"),
        Person("bounced@example.org", "5"),
        Person("waiting@example.org", "6"),
        Person("archived@example.org", "7"),
        Person("odd@example.org", "8"),
        Person("nonsense", "9"),
        Person("", "10"),
        Person("NEW@example.org", "11"),
    )
    assert world.classes() == {
        "new@example.org": "new/unknown-at-platform",
        "known@example.org": "existing-ignored/in-sync",
        "other@example.org": "changed/fields-differ",
        "left@example.org": "unsubscribed-ignored/unsubscribed",
        "bounced@example.org": "unsubscribed-ignored/bounced",
        "waiting@example.org": "existing-ignored/awaiting-confirmation",
        "archived@example.org": "existing-ignored/archived",
        "odd@example.org": "existing-ignored/status-unknown",
        "stranger@example.org": "foreign/foreign",
        "nonsense": "invalid/address-malformed",
        "line 11": "invalid/address-missing",
        "new@example.org#11": "duplicate/shared-address",
    }


def test_R01_who_left_gets_no_write_whatever_the_mode(tmp_path: Path) -> None:
    for number, mode in enumerate(Mode):
        world = lists(tmp_path / str(number), mode=mode)
        world.listing(*(member(f"{consent.value}@example.org", consent, first="Old") for consent in Consent))
        world.ours(*(f"{consent.value}@example.org" for consent in Consent))
        world.source(*(Person(f"{consent.value}@example.org", consent.value) for consent in Consent))
        sent = [row for row in world.rows() if row.action is not None]
        assert {row.address_key for row in sent} <= {"subscribed@example.org"}
        assert all(row.action is Action.CHANGE for row in sent)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.ADD_ONLY, "existing-ignored/left-source"),
        (Mode.UPDATE, "existing-ignored/left-source"),
        (Mode.MIRROR, "removed/gone-from-source"),
    ],
)
def test_R12_only_what_is_ours_may_leave(tmp_path: Path, mode: Mode, expected: str) -> None:
    world = lists(tmp_path, mode=mode)
    world.listing(member("ours@example.org"), member("theirs@example.org"), member("stays@example.org"))
    world.ours("ours@example.org", "stays@example.org")
    world.source(Person("stays@example.org", "1"))
    assert world.classes() == {
        "ours@example.org": expected,
        "theirs@example.org": "foreign/foreign",
        "stays@example.org": "existing-ignored/in-sync",
    }


def test_who_left_the_platform_is_not_removed_after_leaving_the_source(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("gone@example.org", Consent.UNSUBSCRIBED), member("kept@example.org"))
    world.ours("gone@example.org", "kept@example.org")
    world.source(Person("kept@example.org", "1"))
    assert world.classes()["gone@example.org"] == "unsubscribed-ignored/unsubscribed"


def test_nobody_is_removed_while_rows_of_the_source_cannot_be_read(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("ours@example.org"))
    world.ours("ours@example.org")
    world.source(Person("", fault="ragged-row"), Person("new@example.org", "1"))
    assert world.classes()["ours@example.org"] == "existing-ignored/source-rows-unreadable"


def test_an_invalid_row_with_the_address_keeps_its_member(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("odd@exam_ple.org"))
    world.ours("odd@exam_ple.org")
    world.source(Person("odd@exam_ple.org", "1"))
    assert world.classes() == {"odd@exam_ple.org": "invalid/address-malformed"}


def test_R26_the_address_stays_while_any_of_them_is_in(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("family@example.org", first="Anna"))
    world.ours("family@example.org")
    world.source(
        Person("family@example.org", "1", first="Anna"), Person("family@example.org", "2", first="Beat")
    )
    assert world.classes() == {
        "family@example.org": "existing-ignored/in-sync",
        "family@example.org#2": "duplicate/shared-address",
    }
    world.source(Person("family@example.org", "2", first="Beat"))
    assert world.classes() == {"family@example.org": "changed/fields-differ"}, "the twin takes its place"


def test_R26_the_carrier_does_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    people = [Person("a@example.org", str(number), first=f"F{number}") for number in (3, 1, 2)]
    plans = []
    for number, order in enumerate(([0, 1, 2], [2, 1, 0], [1, 2, 0])):
        world = lists(tmp_path / str(number))
        world.source(*(people[place] for place in order))
        plans.append([(row.source_id, row.row_class, row.differences) for row in world.rows()])
    assert plans[0] == plans[1] == plans[2]
    assert plans[0][0][0] == "1"


def test_the_same_row_twice_is_the_same_person(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.source(Person("a@example.org", "1"), Person("a@example.org", "1"), Person("a@example.org"))
    assert sorted(world.classes().values()) == [
        "duplicate/same-person",
        "duplicate/shared-address",
        "new/unknown-at-platform",
    ]


def test_I14_one_of_a_group_who_opted_out_speaks_for_all(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("there@example.org"))
    world.source(
        Person("both@example.org", "1"),
        Person("both@example.org", "2", opted_out=True),
        Person("there@example.org", "3"),
        Person("there@example.org", "4", opted_out=True),
    )
    classes = world.classes()
    assert classes["both@example.org"] == "unsubscribed-ignored/opted-out-at-source"
    assert classes["there@example.org"] == "withdrawn/source-withdrew"


def test_an_opt_out_in_the_source_is_passed_on_in_every_mode(tmp_path: Path) -> None:
    for number, mode in enumerate(Mode):
        world = lists(tmp_path / str(number), mode=mode)
        world.listing(member("no@example.org"), member("off@example.org", Consent.UNSUBSCRIBED))
        world.source(
            Person("no@example.org", "1", opted_out=True), Person("off@example.org", "2", opted_out=True)
        )
        rows = {row.address_key: row for row in world.rows()}
        assert rows["no@example.org"].action is Action.UNSUBSCRIBE
        assert rows["off@example.org"].action is None


def test_a_consent_column_that_is_empty_adds_nobody(tmp_path: Path) -> None:
    world = lists(tmp_path, consent_column="basis", consent="")
    world.listing(member("there@example.org"))
    world.source(
        Person("yes@example.org", "1", consent="form of 2024-01-05"),
        Person("no@example.org", "2", consent=""),
        Person("there@example.org", "3", consent=""),
    )
    assert world.classes() == {
        "yes@example.org": "new/unknown-at-platform",
        "no@example.org": "unsubscribed-ignored/consent-missing",
        "there@example.org": "existing-ignored/in-sync",
    }


@pytest.mark.parametrize(
    ("mode", "policy", "expected", "action"),
    [
        (Mode.ADD_ONLY, AddressChange.MOVE, "address-changed/address-change-add-only", None),
        (Mode.UPDATE, AddressChange.ASK, "address-changed/address-change-ask", None),
        (Mode.UPDATE, AddressChange.MOVE, "address-changed/address-move", Action.MOVE),
        (Mode.UPDATE, AddressChange.NEW_CONSENT, "address-changed/address-needs-consent", None),
        (Mode.MIRROR, AddressChange.ASK, "address-changed/address-change-ask", None),
    ],
)
def test_R25_a_new_address_of_a_known_person_is_no_new_person(
    tmp_path: Path, mode: Mode, policy: AddressChange, expected: str, action: Action | None
) -> None:
    world = lists(tmp_path, mode=mode, address_change=policy)
    world.listing(member("old@example.org"))
    world.ours("old@example.org")
    world.source(Person("old@example.org", "7"))
    world.source(Person("fresh@example.org", "7"))
    assert world.classes() == {"fresh@example.org": expected}
    (row,) = world.rows()
    assert row.action is action
    assert row.former_email == "old@example.org"
    assert row.origin_id == "o-old@example.org"


def test_R25_it_is_remembered_until_it_is_settled(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("old@example.org"))
    world.source(Person("old@example.org", "7"))
    world.source(Person("fresh@example.org", "7"))
    world.source(Person("fresh@example.org", "7", first="Eve"))
    world.source(Person("fresher@example.org", "7"))
    (row,) = world.rows()
    assert (row.address_key, row.former_email) == ("fresher@example.org", "old@example.org")


def test_I14_an_opt_out_goes_with_the_person_to_the_new_address(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR, address_change=AddressChange.MOVE)
    world.listing(member("old@example.org", Consent.UNSUBSCRIBED))
    world.source(Person("old@example.org", "7"))
    world.source(Person("fresh@example.org", "7"))
    assert world.classes() == {"fresh@example.org": "unsubscribed-ignored/opted-out-under-former-address"}


def test_an_opt_out_that_comes_with_a_new_address_reaches_the_old_one(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.ADD_ONLY)
    world.listing(member("old@example.org"), member("there@example.org"))
    world.source(Person("old@example.org", "7"), Person("there@example.org", "8"))
    world.source(Person("fresh@example.org", "7", opted_out=True), Person("there@example.org", "8"))
    rows = {row.address_key: row for row in world.rows()}
    assert (rows["fresh@example.org"].reason, rows["fresh@example.org"].action) == (
        "opted-out-at-source",
        None,
    )
    assert (rows["old@example.org"].reason, rows["old@example.org"].action) == (
        "source-withdrew",
        Action.UNSUBSCRIBE,
    )
    assert rows["old@example.org"].origin_id == "o-old@example.org"


def test_a_new_address_of_a_bounced_one_is_shown_and_left_to_a_person(tmp_path: Path) -> None:
    world = lists(tmp_path, address_change=AddressChange.MOVE)
    world.listing(member("old@example.org", Consent.BOUNCED))
    world.source(Person("old@example.org", "7"))
    world.source(Person("fresh@example.org", "7"))
    assert world.classes() == {"fresh@example.org": "address-changed/address-change-ask"}


BETWEEN = {
    "malformed": [[Person("old@", "7")]],
    "missing": [[Person("other@example.org", "8")]],
    "no rows at all": [[]],
    "faulty in place": [[Person("old@example.org", "7", fault="undecodable"), Person("old@", "7")]],
    "the same address with a fault": [[Person("old@example.org", "7", fault="address-malformed")]],
    "missing, back, malformed": [[], [Person("old@example.org", "7")], [Person("old@", "7")]],
    "malformed, missing, malformed": [[Person("old@", "7")], [], [Person("older@", "7")]],
}
"""Reads between one with the former address and one with the new."""


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("consent", "policy", "expected"),
    [
        (Consent.UNSUBSCRIBED, AddressChange.MOVE, "unsubscribed-ignored/opted-out-under-former-address"),
        (Consent.SUPPRESSED, AddressChange.MOVE, "unsubscribed-ignored/opted-out-under-former-address"),
        (Consent.ERASED, AddressChange.MOVE, "unsubscribed-ignored/opted-out-under-former-address"),
        (Consent.BOUNCED, AddressChange.MOVE, "address-changed/address-change-ask"),
        (Consent.SUBSCRIBED, AddressChange.NEW_CONSENT, "address-changed/address-needs-consent"),
    ],
)
def test_I14_a_bad_read_between_parts_nobody_from_the_former_address(
    tmp_path: Path,
    between: list[list[Person]],
    mode: Mode,
    consent: Consent,
    policy: AddressChange,
    expected: str,
) -> None:
    world = lists(tmp_path, mode=mode, address_change=policy)
    world.listing(member("old@example.org", consent))
    world.source(Person("old@example.org", "7"))
    for people in between:
        world.source(*people)
    world.source(Person("fresh@example.org", "7"))
    if consent is Consent.SUBSCRIBED and mode is Mode.ADD_ONLY:
        expected = "address-changed/address-change-add-only"
    assert world.classes() == {"fresh@example.org": expected}
    (row,) = world.rows()
    assert row.former_email == "old@example.org"
    world.source(Person("fresh@", "7"))
    world.source(Person("fresh@example.org", "7"), Person("fresh@example.org", "7", first="Eve"))
    assert world.classes()["fresh@example.org"] == expected, "also when the new address has a bad read"


def test_R25_an_address_kept_of_an_id_that_stands_elsewhere_is_not_taken_up(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("old@example.org", Consent.UNSUBSCRIBED))
    world.source(Person("old@example.org", "7"), Person("twin@example.org", "7"))
    world.source(Person("twin@example.org", "7"))
    world.source(Person("twin@example.org", "7"), Person("fresh@example.org", "7"))
    assert world.classes()["fresh@example.org"] == "new/unknown-at-platform"


@pytest.mark.parametrize("policy", list(AddressChange))
def test_ids_of_another_source_are_those_of_other_people(tmp_path: Path, policy: AddressChange) -> None:
    world = lists(tmp_path, address_change=policy)
    world.listing(member("old@example.org"), member("left@example.org"))
    world.source(Person("old@example.org", "7"), Person("left@example.org", "8"), identity="members")
    world.source(Person("old@example.org", "7"), identity="members")
    world.source(Person("stranger@example.org", "7"), Person("other@example.org", "8"), identity="another")
    classes = world.classes()
    assert classes["stranger@example.org"] == classes["other@example.org"] == "new/unknown-at-platform"
    assert _kept(world) == []
    world.source(Person("fresh@example.org", "7"), Person("other@example.org", "8"), identity="another")
    former = world.state.db.execute(
        "SELECT former_key FROM contacts WHERE address_key = 'fresh@example.org'"
    ).fetchone()
    assert former == ("stranger@example.org",), "from then on they are told by their ids"


def test_I14_an_opt_out_under_the_former_address_outlasts_a_change_of_ids(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("old@example.org", Consent.UNSUBSCRIBED))
    world.source(Person("old@example.org", "7"), identity="members")
    world.source(Person("fresh@example.org", "7"), identity="members")
    world.source(Person("fresh@example.org", "M-7"), identity="by another column")
    assert world.classes() == {"fresh@example.org": "unsubscribed-ignored/opted-out-under-former-address"}


def _kept(world: Lists) -> list[tuple[str, str]]:
    return world.state.db.execute("SELECT source_id, address_key FROM former_addresses ORDER BY 1").fetchall()


def test_R25_what_is_kept_of_a_former_address_goes_when_it_is_settled(tmp_path: Path) -> None:
    world = lists(tmp_path)
    both = [Person("a@example.org", "1"), Person("b@example.org", "2")]
    world.source(*both, Person("plain@example.org"))
    world.source()
    assert _kept(world) == [("1", "a@example.org"), ("2", "b@example.org")], "without an id nothing is kept"
    world.source(Person("a@example.org", "1"), Person("b@", "2"))
    assert _kept(world) == [("2", "b@example.org")], "back under the same address"
    world.source(Person("a@example.org", "1"), Person("c@example.org", "2"))
    assert _kept(world) == [], "taken up by the new address"
    world.source(Person("a@example.org", "1"), Person("a@example.org", "1"), Person("c@example.org", "2"))
    world.source(*both)
    assert _kept(world) == [], "one of two equal rows has left, its address has not"


def test_an_address_left_behind_to_somebody_else_is_no_change(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("family@example.org"))
    world.source(Person("family@example.org", "1"), Person("family@example.org", "2"))
    world.source(Person("family@example.org", "1"), Person("own@example.org", "2"))
    assert world.classes() == {
        "family@example.org": "existing-ignored/in-sync",
        "own@example.org": "new/unknown-at-platform",
    }


def test_R30_an_erased_member_is_not_new(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("gone@example.org"), member("there@example.org"))
    world.listing(member("there@example.org"))
    world.source(Person("gone@example.org", "1"), Person("there@example.org", "2"))
    assert world.classes() == {
        "gone@example.org": "unsubscribed-ignored/erased-remotely",
        "there@example.org": "existing-ignored/in-sync",
    }


def test_R40_an_incremental_listing_makes_nobody_vanish(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("a@example.org"), member("b@example.org"))
    world.listing(member("b@example.org", first="Else"), member("c@example.org"), whole=False)
    world.source(Person("a@example.org", "1"))
    assert world.classes() == {
        "a@example.org": "existing-ignored/in-sync",
        "b@example.org": "foreign/foreign",
        "c@example.org": "foreign/foreign",
    }


def test_an_address_changed_at_the_platform_is_followed_and_not_added_again(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("old@example.org", person="p1"))
    world.ours("old@example.org")
    world.listing(member("moved@example.org", person="p1"))
    world.source(Person("old@example.org", "1"))
    assert world.classes()["old@example.org"] == "existing-ignored/moved-at-platform"


@pytest.mark.parametrize("opted_out", [False, True])
@pytest.mark.parametrize("mode", list(Mode))
def test_who_moved_at_the_platform_is_followed_and_neither_removed_nor_forgotten(
    tmp_path: Path, mode: Mode, opted_out: bool
) -> None:
    world = lists(tmp_path, mode=mode)
    world.listing(member("old@example.org", person="p1"), member("there@example.org"))
    world.ours("old@example.org", "there@example.org")
    world.listing(member("home@example.org", person="p1"), member("there@example.org"))
    world.listing(member("home2@example.org", person="p1"), member("there@example.org"))
    world.source(Person("old@example.org", "1", opted_out=opted_out), Person("there@example.org", "2"))
    rows = {row.address_key: row for row in world.rows()}
    assert rows["old@example.org"].reason == "moved-at-platform"
    moved = rows["home2@example.org"]
    if opted_out:
        assert (moved.reason, moved.action) == ("source-withdrew", Action.UNSUBSCRIBE)
    else:
        assert (moved.reason, moved.action) == ("moved-at-platform", None)


@pytest.mark.parametrize("broken", ["", "bert@@example.org"])
@pytest.mark.parametrize("opted_out", [False, True])
def test_a_typing_error_in_an_address_removes_nobody(tmp_path: Path, broken: str, opted_out: bool) -> None:
    world = lists(tmp_path, mode=Mode.MIRROR)
    world.listing(member("bert@example.org"), member("gone@example.org"), member("there@example.org"))
    world.ours("bert@example.org", "gone@example.org", "there@example.org")
    everybody = [
        Person("bert@example.org", "1"),
        Person("gone@example.org", "2"),
        Person("there@example.org", "3"),
    ]
    world.source(*everybody)
    world.source(Person(broken, "1", opted_out=opted_out), everybody[2])
    rows = {row.address_key: row for row in world.rows()}
    assert rows["gone@example.org"].action is Action.REMOVE
    kept = rows["bert@example.org"]
    if opted_out:
        assert (kept.reason, kept.action) == ("source-withdrew", Action.UNSUBSCRIBE)
    else:
        assert (kept.reason, kept.action) == ("row-unusable", None)


def test_a_mark_of_our_own_outweighs_a_subscription(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.listing(member("a@example.org", first="Old"))
    world.source(Person("a@example.org", "1"), Person("b@example.org", "2"))
    for address in ("A@example.org", "b@example.org"):
        suppress_here(
            world.state, world.record.list_no, "members-news", address, operator="ines", now=world.tick()
        )
    assert set(world.classes().values()) == {"unsubscribed-ignored/suppressed-here"}


def test_add_only_shows_differences_and_sends_none(tmp_path: Path) -> None:
    world = lists(tmp_path, mode=Mode.ADD_ONLY)
    world.listing(member("a@example.org", first="Old"))
    world.source(Person("a@example.org", "1", first="New"))
    (row,) = world.rows()
    assert (row.row_class, row.reason, row.action) == ("existing-ignored", "differs", None)
    assert [(one.name, one.before, one.after) for one in row.differences] == [("FNAME", "Old", "New")]


@pytest.mark.parametrize(
    ("blank", "expected"),
    [
        (Blank.KEEP, {"LNAME": "Neu"}),
        (Blank.CLEAR, {"FNAME": "", "LNAME": "Neu"}),
        (Blank.SKIP, None),
    ],
)
def test_R32_an_empty_value_does_what_the_policy_says(
    tmp_path: Path, blank: Blank, expected: dict[str, str] | None
) -> None:
    world = lists(tmp_path, blank=blank)
    world.listing(member("a@example.org", first="Eva", last="Alt"))
    world.source(Person("a@example.org", "1", first="", last="Neu"))
    (row,) = world.rows()
    if expected is None:
        assert (row.row_class, row.action) == ("existing-ignored", None)
    else:
        assert {one.name: one.after for one in row.differences} == expected
        assert row.action is Action.CHANGE


def test_the_platforms_own_spelling_is_no_difference(tmp_path: Path) -> None:
    world = lists(tmp_path)
    world.stored = {"FNAME": lambda value: value[:3]}
    world.listing(member("a@example.org", first="Eva"), member("b@example.org", first="Eva"))
    world.source(Person("a@example.org", "1", first="Evangelina"), Person("b@example.org", "2", first="Max"))
    assert world.classes() == {
        "a@example.org": "existing-ignored/in-sync",
        "b@example.org": "changed/fields-differ",
    }


def test_R31_values_the_list_would_refuse_are_found_before_the_first_write(tmp_path: Path) -> None:
    def only_short(value: str) -> str:
        if len(value) > 5:
            raise ValueError("at most five letters")
        return value

    world = lists(tmp_path)
    world.stored = {"FNAME": only_short}
    world.required = frozenset({"LNAME"})
    world.listing(member("known@example.org"), member("fine@example.org"))
    world.source(
        Person("long@example.org", "1", first="Evangelina"),
        Person("empty@example.org", "2", last=""),
        Person("known@example.org", "3", first="Evangelina"),
        Person("fine@example.org", "4", last=""),
    )
    rows = {row.address_key: row for row in world.rows()}
    assert {key: f"{row.row_class}/{row.reason}" for key, row in rows.items()} == {
        "long@example.org": "invalid/field-invalid",
        "empty@example.org": "invalid/field-required",
        "known@example.org": "existing-ignored/field-invalid",
        "fine@example.org": "existing-ignored/in-sync",
    }
    assert "at most five letters" in rows["long@example.org"].note
    assert "LNAME" in rows["empty@example.org"].note


def test_an_empty_list_and_an_empty_source(tmp_path: Path) -> None:
    world = lists(tmp_path)
    assert world.plan().rows == 0
    world.listing(member("a@example.org"))
    assert world.classes() == {"a@example.org": "foreign/foreign"}
