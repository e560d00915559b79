"""Synthetic people: reachable by nobody, found again by their address, and the same for everybody."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.mailchimp import seeded_fields, seeded_status
from adapters.sandbox.people import index_of, person

SEEDS = st.integers(0, 10_000)
PLACES = st.integers(0, 10**9)


@given(SEEDS, PLACES)
def test_a_person_is_a_function_of_seed_and_index(seed: int, i: int) -> None:
    assert person(seed, i) == person(seed, i)
    assert index_of(seed, person(seed, i).email) == i
    assert index_of(seed, person(seed, i).email.upper()) == i


@given(SEEDS, PLACES)
def test_nobody_real_can_be_reached(seed: int, i: int) -> None:
    domain = person(seed, i).email.rpartition("@")[2]
    assert domain in ("example.org", "example.net") or domain.endswith(".example")


@given(SEEDS, PLACES, SEEDS, PLACES)
def test_addresses_are_unique_over_seeds_and_people(seed: int, i: int, other: int, k: int) -> None:
    if (seed, i) != (other, k):
        assert person(seed, i).email.lower() != person(other, k).email.lower()


def test_a_strangers_address_has_no_index() -> None:
    assert index_of(1, "eva@example.org") is None
    assert index_of(1, person(2, 5).email) is None
    assert index_of(1, "someone.else5001@example.org") is None


def test_the_register_looks_like_one() -> None:
    people = [person(1, i) for i in range(2000)]
    assert {each.gender for each in people} == {"m", "w"}
    assert {each.language for each in people} == {"de", "fr", "it"}
    assert any("ü" in each.last_name for each in people)
    assert any("é" in each.first_name for each in people)
    assert any(each.email != each.email.lower() for each in people), "R24 needs capitals"
    assert len({each.member_id for each in people}) == 2000


def test_statuses_are_spread_exactly() -> None:
    for seed in (0, 1, 99):
        words = [seeded_status(seed, i) for i in range(400, 600)]
        assert {word: words.count(word) for word in set(words)} == {
            "subscribed": 176,
            "unsubscribed": 12,
            "cleaned": 4,
            "pending": 3,
            "archived": 3,
            "forgotten": 1,
            "transactional": 1,
        }


def test_five_of_a_hundred_members_carry_other_names() -> None:
    differing = 0
    for i in range(1000):
        who = person(3, i)
        true_name = {"FNAME": who.first_name, "LNAME": who.last_name}
        differing += seeded_fields(3, i) != true_name
    assert differing == 50
