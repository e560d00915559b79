"""Asking one person by hand: decided by what the platform and the source say now, not by an old listing."""

from __future__ import annotations

from adapters.sandbox.people import person
from tests.console.cli.desk import SEED, Desk, listed_as


def optin(desk: Desk, email: str) -> tuple[int, str, str]:
    answer = desk.run("optin", "members-news", email, "--confirm", email)
    return answer.code, answer.out, answer.err


def test_who_unsubscribed_a_moment_ago_is_asked(desk: Desk) -> None:
    email = person(SEED, listed_as("subscribed")[0]).email
    desk.preview()
    desk.sandbox.control("mailchimp", "unsubscribe", email=email)
    code, out, err = optin(desk, email)
    assert (code, out) == (0, f"{email}: The platform asks the person to confirm.\n"), err
    assert desk.bodies() == [email]


def test_who_is_subscribed_at_the_platform_is_left_alone(desk: Desk) -> None:
    email = person(SEED, listed_as("subscribed")[0]).email
    desk.preview()
    code, out, err = optin(desk, email)
    assert (code, out) == (0, f"{email}: Subscribed already; nobody was asked.\n"), err
    assert desk.bodies() == []


def test_law_1_whom_the_source_calls_opted_out_is_not_asked(desk: Desk) -> None:
    (number, first, last, email, _) = desk.people(listed_as("unsubscribed")[:1])[0]
    desk.write_members([(number, first, last, email, "1"), *desk.people(range(LATER, LATER + 20))])
    desk.preview()
    code, out, err = optin(desk, email)
    assert (code, out) == (5, "")
    assert "nobody was asked. [opted-out-at-source]" in err
    assert "next: Correct the source first" in err
    assert desk.bodies() == []


LATER = 100
"""People of the list who are not asked here."""
