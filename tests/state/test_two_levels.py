"""Opt-outs of one list and of the whole account; members taken out of a list at the platform."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.explain import explain
from state.members import begin_listing, listing_change, put_listing_page, vanished_members
from state.model import Consent, Member, Scope
from state.opt_outs import suppress_here
from tests.state.lists import Lists, Person, lists, member

IDA = "ida@example.org"
TOM = "tom@example.org"
SINCE = "2026-02-11T17:03:22Z"


@pytest.fixture
def world(tmp_path: Path) -> Lists:
    world = lists(tmp_path)
    world.source(Person(IDA, "1"), Person(TOM, "2"))
    return world


def suppressed(email: str, consent: Consent = Consent.UNSUBSCRIBED, person: str = "") -> Member:
    return member(email, consent, raw=consent.value.title(), person=person, since=SINCE, scope=Scope.ACCOUNT)


def known(world: Lists, email: str) -> tuple[str, str, str | None]:
    row = world.state.db.execute(
        "SELECT consent, scope, gone FROM members WHERE address_key = ?", (email,)
    ).fetchone()
    return tuple(row)


def journalled(world: Lists, email: str) -> list[tuple[str, str]]:
    return world.state.db.execute(
        "SELECT what, reason FROM journal WHERE address_key = ? ORDER BY no", (email,)
    ).fetchall()


def test_r01_the_levels_have_reasons_of_their_own(world: Lists) -> None:
    world.listing(member(IDA, Consent.UNSUBSCRIBED, scope=Scope.LIST), account=[suppressed(TOM)])
    assert world.classes() == {
        IDA: "unsubscribed-ignored/unsubscribed",
        TOM: "unsubscribed-ignored/unsubscribed-account",
    }
    assert "unsubscribed from this list only" in explain(world.state, IDA).answer
    answer = explain(world.state, TOM).answer
    assert f"{TOM} gets no mail from any list of the account verband (" in answer
    assert answer.count(TOM) == 1, "one sentence, whatever the number of lists"


def test_a_platform_with_one_level_keeps_its_words(world: Lists) -> None:
    world.listing(member(IDA, Consent.UNSUBSCRIBED), member(TOM, Consent.SUPPRESSED))
    assert world.classes() == {
        IDA: "unsubscribed-ignored/unsubscribed",
        TOM: "unsubscribed-ignored/suppressed",
    }
    answer = explain(world.state, IDA).answer
    assert "this list only" not in answer
    assert "whole account" not in answer


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        (Consent.UNSUBSCRIBED, "unsubscribed-account"),
        (Consent.BOUNCED, "bounced"),
        (Consent.SUPPRESSED, "suppressed-account"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_who_is_on_the_list_takes_the_accounts_opt_out(
    world: Lists, consent: Consent, reason: str, whole: bool, listed: bool
) -> None:
    """Some platforms take the suppressed out of the list, so they may be told beside it only."""
    world.listing(member(IDA), member(TOM))
    change = world.listing(
        member(TOM), *([member(IDA)] if listed else []), whole=whole, account=[suppressed(IDA, consent)]
    )
    assert known(world, IDA) == (consent.value, "account", None)
    assert world.classes()[IDA] == f"unsubscribed-ignored/{reason}"
    assert (change.opted_out, change.vanished) == (1, 0), "one opt-out, and nobody vanished"
    assert journalled(world, IDA) == [("consent", consent.value)]
    assert world.state.db.execute("SELECT count(*) FROM opt_outs").fetchone() == (0,)


def test_who_is_not_on_the_list_is_remembered_and_not_counted(world: Lists) -> None:
    world.listing(member(TOM))
    change = world.listing(
        member(TOM), account=[suppressed(IDA), suppressed("stranger@example.org", Consent.BOUNCED)]
    )
    assert (change.opted_out, change.vanished) == (0, 0)
    rows = world.state.db.execute("SELECT address_key, reason, at, scope FROM opt_outs ORDER BY 1").fetchall()
    assert rows == [
        (IDA, "unsubscribed-account", SINCE, "account"),
        ("stranger@example.org", "bounced", SINCE, "account"),
    ]
    assert world.classes()[IDA] == "unsubscribed-ignored/unsubscribed-account"
    assert journalled(world, IDA) == [("consent", "unsubscribed")]
    assert journalled(world, "stranger@example.org") == [], "nobody of ours"


def test_telling_it_again_changes_and_journals_nothing(world: Lists) -> None:
    for _ in range(3):
        world.listing(member(TOM), account=[suppressed(IDA)])
    assert journalled(world, IDA) == [("consent", "unsubscribed")]


def test_nothing_is_lifted_because_a_name_is_missing(world: Lists) -> None:
    world.listing(member(TOM), account=[suppressed(IDA)])
    world.listing(member(TOM))
    assert world.classes()[IDA] == "unsubscribed-ignored/unsubscribed-account"


def test_a_later_subscription_at_the_platform_lifts_it(world: Lists) -> None:
    world.listing(member(TOM), account=[suppressed(IDA)])
    world.listing(member(TOM), member(IDA, changed="2026-02-12T00:00:00Z"))
    assert world.classes()[IDA] == "existing-ignored/in-sync"
    assert ("rejoined", "unsubscribed-account") in journalled(world, IDA)


AFTER, BEFORE = (datetime(2026, 2, day, tzinfo=UTC) for day in (12, 10))
"""A day after the opt-outs told here began, and a day before."""


@pytest.mark.parametrize("whole", [True, False])
def test_being_mailed_by_the_platforms_own_later_word_lifts_it(world: Lists, whole: bool) -> None:
    """A platform that tells no times: what it says now of a member is newer than what it said of them before."""
    world.listing(member(TOM, changed=""), account=[suppressed(IDA)])
    tom = [member(TOM, changed="")] if whole else []
    world.listing(*tom, member(IDA, changed=""), whole=whole, as_of=AFTER)
    assert world.classes()[IDA] == "existing-ignored/in-sync"
    assert ("rejoined", "unsubscribed-account") in journalled(world, IDA)
    assert "gets our mail" in explain(world.state, IDA).answer


@pytest.mark.parametrize(
    ("listed", "account", "as_of", "why"),
    [
        ([], [], AFTER, "silence lifts nothing"),
        ([member(IDA, changed="")], [], BEFORE, "the reading is older than the opt-out"),
        ([member(IDA, changed="")], [], None, "the platform tells times, and none here"),
        ([member(IDA, Consent.PENDING, changed="")], [], AFTER, "who was asked is not mailed yet"),
        ([member(IDA, changed="")], [suppressed(IDA)], AFTER, "the account still shuts them out"),
    ],
    ids=["not listed", "older", "no word", "pending", "told again"],
)
@pytest.mark.parametrize("whole", [True, False])
def test_nothing_less_lifts_it(
    world: Lists, listed: list[Member], account: list[Member], as_of: datetime | None, why: str, whole: bool
) -> None:
    world.listing(member(TOM, changed=""), account=[suppressed(IDA)])
    world.listing(member(TOM, changed=""), *listed, whole=whole, account=account, as_of=as_of)
    assert world.classes()[IDA] == "unsubscribed-ignored/unsubscribed-account", why
    assert "rejoined" not in [what for what, _ in journalled(world, IDA)]


def test_what_was_marked_here_is_not_lifted_by_the_platforms_word(world: Lists) -> None:
    suppress_here(world.state, world.record.list_no, "members-news", IDA, operator="eva", now=world.tick())
    world.listing(member(TOM, changed=""), member(IDA, changed=""), as_of=world.tick() + timedelta(days=1))
    assert world.classes()[IDA] == "unsubscribed-ignored/suppressed-here"


def test_a_more_restrictive_opt_out_of_the_list_stays(world: Lists) -> None:
    world.listing(member(IDA, Consent.SUPPRESSED), account=[suppressed(IDA)])
    assert world.classes()[IDA] == "unsubscribed-ignored/suppressed"


def test_what_was_marked_here_is_not_overwritten(world: Lists) -> None:
    suppress_here(world.state, world.record.list_no, "members-news", IDA, operator="eva", now=world.tick())
    world.listing(member(TOM), account=[suppressed(IDA, Consent.SUPPRESSED)])
    assert world.classes()[IDA] == "unsubscribed-ignored/suppressed-here"


def test_who_changed_address_and_opted_out_is_followed(world: Lists) -> None:
    world.listing(member("former@example.org", person="p7"), member(TOM))
    world.listing(member(TOM), account=[suppressed(IDA, person="p7")])
    assert known(world, IDA)[:2] == ("unsubscribed", "account")
    assert known(world, "former@example.org")[0] == "unknown"
    assert ("gone", "moved-at-platform") in journalled(world, "former@example.org")


def test_a_carried_member_keeps_as_many_values_as_the_new_mapping_has(world: Lists) -> None:
    world.listing(member(IDA), member(TOM))
    (narrow, *_) = world.link.fields
    world.with_link(fields=(narrow,))
    world.listing(member(TOM), account=[suppressed(IDA)])
    assert world.state.db.execute("SELECT mapped FROM members WHERE address_key = ?", (IDA,)).fetchone() == (
        "",
    )


# --- taken out at the platform -------------------------------------------------------------------------------


def test_of_those_a_listing_misses_the_known_were_removed_and_the_others_erased(world: Lists) -> None:
    world.listing(member(IDA), member(TOM), member("moved@example.org", person="p1"))
    world.listing(member("new@example.org", person="p1"), known=[IDA])
    assert world.classes()[IDA] == "existing-ignored/removed-at-platform"
    assert world.classes()[TOM] == "unsubscribed-ignored/erased-remotely"
    assert journalled(world, IDA) == [("gone", "removed-at-platform")]
    assert journalled(world, "moved@example.org") == [("gone", "moved-at-platform")]
    assert "taken out at the platform" in explain(world.state, IDA).answer


def test_only_those_who_vanished_are_asked_after(world: Lists) -> None:
    world.listing(member(IDA), member(TOM), member("moved@example.org", person="p1"))
    begin_listing(world.state)
    put_listing_page(world.state, [member(TOM), member("new@example.org", person="p1")], ["FNAME", "LNAME"])
    assert listing_change(world.state, world.record.list_no, whole=True).vanished == 2
    assert vanished_members(world.state, world.record.list_no) == [IDA]


def test_who_is_put_back_on_the_list_is_in_sync_again(world: Lists) -> None:
    world.listing(member(IDA), member(TOM))
    world.listing(member(TOM), known=[IDA])
    world.listing(member(TOM), member(IDA))
    assert world.classes()[IDA] == "existing-ignored/in-sync"


def test_an_opt_out_is_not_lifted_by_a_listing_that_misses_it(world: Lists) -> None:
    world.listing(member(IDA, Consent.UNSUBSCRIBED, scope=Scope.LIST), member(TOM))
    world.listing(member(TOM), known=[IDA])
    assert known(world, IDA) == ("unsubscribed", "list", None)
    assert world.classes()[IDA] == "unsubscribed-ignored/unsubscribed"


def test_one_taken_out_and_suppressed_for_the_account_is_suppressed(world: Lists) -> None:
    world.listing(member(IDA), member(TOM))
    world.listing(member(TOM), known=[IDA])
    world.listing(member(TOM), whole=False, account=[suppressed(IDA)])
    assert world.classes()[IDA] == "unsubscribed-ignored/unsubscribed-account"


# --- the law ---------------------------------------------------------------------------------------------------

PEOPLE = tuple(f"p{number}@example.org" for number in range(3))
LISTED = st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from([Consent.SUBSCRIBED, Consent.UNSUBSCRIBED]))
ACCOUNT = st.dictionaries(
    st.sampled_from(PEOPLE), st.sampled_from([Consent.UNSUBSCRIBED, Consent.BOUNCED, Consent.SUPPRESSED])
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), LISTED, ACCOUNT, st.sets(st.sampled_from(PEOPLE))), max_size=5))
def test_law_1_whom_the_account_suppresses_is_never_added_whatever_the_listings_say_later(
    tmp_path_factory: pytest.TempPathFactory,
    passes: list[tuple[bool, dict[str, Consent], dict[str, Consent], set[str]]],
) -> None:
    world = lists(tmp_path_factory.mktemp("levels"))
    world.source(*(Person(email, email) for email in PEOPLE))
    out: set[str] = set()
    for whole, listed, account, still in passes:
        world.listing(
            *(member(email, consent, changed="2026-02-01T00:00:00Z") for email, consent in listed.items()),
            whole=whole,
            account=[suppressed(email, consent) for email, consent in account.items()],
            known=still,
        )
        # A listing that shows somebody subscribed is what lifts a member's opt-out; silence lifts nothing.
        out -= {email for email, consent in listed.items() if consent is Consent.SUBSCRIBED}
        out |= set(account) | {email for email, consent in listed.items() if consent.opted_out}
        classes = world.classes()
        for email in out:
            assert classes[email].startswith("unsubscribed-ignored/"), (email, classes[email])
    world.state.close()
