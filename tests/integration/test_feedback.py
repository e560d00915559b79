"""What happened at the platform comes back, lowers and never raises (I1, I5, I6, R28, R30)."""

from __future__ import annotations

import pytest

from state.model import JobKind
from tests.integration.world import CONTACTS, LINK, World, email_of, standing

KNOWN = standing("subscribed", 40)
ANNA, BEAT, CARLA, DINO = (email_of(i) for i in KNOWN[:4])
A_WEEK = 8 * 86_400


@pytest.fixture(autouse=True)
def _read_once(world: World) -> None:
    world.put_all(KNOWN)
    world.put_all(range(500, 505))
    world.save()
    assert world.export().exit_code == 0
    world.mark()


def planned(world: World, address: str) -> tuple[str, str]:
    row = world.plan_row(world.preview(), address)
    return row.row_class.value, row.reason


def consent(world: World, address: str) -> str:
    member = world.member(address)
    assert member is not None
    return str(member["consent"])


@pytest.mark.parametrize(
    ("verb", "consent_now", "reason"),
    [
        ("unsubscribe", "unsubscribed", "unsubscribed"),
        ("clean", "bounced", "bounced"),
        ("archive", "unknown", "archived"),
    ],
)
def test_R28_an_end_state_comes_back_and_stays(
    world: World, verb: str, consent_now: str, reason: str
) -> None:
    world.control(verb, email=ANNA)
    end = world.feedback()
    assert end.exit_code == 0
    assert consent(world, ANNA) == consent_now
    assert ("consent", consent_now) in {(what, why) for what, why, _ in world.journal(ANNA)}
    for _ in range(3):
        ended = world.export()
        assert (ended.exit_code, ended.job.reason) == (0, "nothing-to-do")
    assert planned(world, ANNA)[1] == reason
    assert world.mutations() == []


def test_I06_who_left_is_not_changed_either(world: World) -> None:
    world.control("unsubscribe", email=ANNA)
    world.change(KNOWN[0], first_name="Other")
    world.save()
    assert world.export().exit_code == 0
    assert world.mutations() == []


def test_the_origin_of_an_opt_out_is_the_poll_that_told_it(world: World) -> None:
    world.control("unsubscribe", email=ANNA)
    end = world.feedback()
    assert world.journal(ANNA)[-1] == ("consent", "unsubscribed", f"poll:{end.job_id}")


def test_R29_what_was_told_once_is_not_told_again(world: World) -> None:
    world.control("clean", email=ANNA)
    first = world.feedback()
    again = world.feedback()
    assert (first.counts["opted_out"], again.counts["opted_out"]) == (1, 0)
    assert again.counts["opted_out_before"] == first.counts["opted_out_before"] + 1
    assert f"{again.counts['opted_out_before']:,} had opted out before" in again.text


def test_a_confirmation_comes_back(world: World) -> None:
    pending = email_of(standing("pending", 1)[0])
    world.control("confirm", email=pending)
    assert world.feedback().counts["confirmed"] == 1
    assert consent(world, pending) == "subscribed"


def test_who_joins_by_the_form_appears_and_is_not_ours(world: World) -> None:
    stranger = email_of(CONTACTS + 50)
    world.control("subscribe", email=stranger)
    assert world.feedback().counts["appeared"] == 1
    assert stranger.lower() not in world.ours()
    assert planned(world, stranger) == ("foreign", "foreign")


def test_R30_who_was_erased_at_the_platform_is_not_new_again(world: World) -> None:
    ours = world.rows["500"].email
    world.control("forget", emails=[ANNA, ours])
    world.ahead = A_WEEK
    assert world.feedback().counts["gone"] == 2
    for address in (ANNA, ours):
        assert consent(world, address) == "erased"
        assert planned(world, address) == ("unsubscribed-ignored", "erased-remotely")
        assert address.lower() not in world.ours()
    assert world.export().exit_code == 0
    assert world.mutations() == []


def test_R30_who_was_erased_before_we_knew_is_withheld_and_remembered(world: World) -> None:
    ghost = email_of(standing("forgotten", 1)[0])
    world.put(standing("forgotten", 1)[0])
    world.save()
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"withheld": 1})
    assert world.outcome(ended.job.job_id, ghost) == ("withheld", "erased-remotely")
    world.mark()
    assert planned(world, ghost) == ("unsubscribed-ignored", "erased-remotely")
    assert world.export().exit_code == 0
    assert world.mutations() == []


def test_R30_who_comes_back_by_their_own_form_counts_again(world: World) -> None:
    ghost_number = standing("forgotten", 1)[0]
    ghost = world.put(ghost_number)
    world.save()
    world.export()
    world.sandbox.control("mailchimp", "clock", advance=3600)
    row = world.rows[str(ghost_number)]
    world.control("subscribe", email=ghost, fields={"FNAME": row.first_name, "LNAME": row.last_name})
    world.ahead = 3700
    assert world.feedback().exit_code == 0
    assert consent(world, ghost) == "subscribed"
    assert planned(world, ghost) == ("existing-ignored", "in-sync")
    assert "rejoined" in {what for what, _, _ in world.journal(ghost)}
    assert ghost.lower() not in world.ours()


def test_an_unsubscribed_person_who_rejoins_is_subscribed_again(world: World) -> None:
    world.control("unsubscribe", email=ANNA)
    world.feedback()
    world.control("subscribe", email=ANNA)
    world.feedback()
    assert consent(world, ANNA) == "subscribed"
    assert world.mutations() == []


@pytest.mark.parametrize("ahead", [0, A_WEEK])
def test_an_address_changed_at_the_platform_is_one_person(world: World, ahead: float) -> None:
    ours = world.rows["500"].email
    world.control("move", email=ours, to="elsewhere@example.org")
    world.ahead = ahead
    assert world.feedback().exit_code == 0
    assert world.member(ours) is not None
    assert consent(world, ours) == "unknown"
    assert consent(world, "elsewhere@example.org") == "subscribed"
    assert "elsewhere@example.org" in world.ours()
    assert ("gone", "moved-at-platform") in {(what, why) for what, why, _ in world.journal(ours)}
    assert planned(world, ours) == ("existing-ignored", "moved-at-platform")
    assert world.export().exit_code == 0
    assert world.mutations() == []


@pytest.mark.parametrize("mode", ["add-only", "update", "mirror"])
def test_R02_feedback_and_export_raise_nobody(world: World, mode: str) -> None:
    world.link(mode=mode)
    left = {
        email_of(i).lower(): word
        for word in ("unsubscribed", "cleaned", "archived", "transactional", "pending")
        for i in standing(word, 2)
    }
    for word in ("unsubscribed", "cleaned", "archived", "transactional", "pending"):
        for i in standing(word, 2):
            world.put(i, first_name="Other")
    world.save()
    assert world.feedback().exit_code == 0
    assert world.export().exit_code == 0
    platform = world.platform()
    assert {address: platform[address] for address in left} == left
    assert not world.asked() & set(left)


def test_suppressed_here_is_never_sent_to(world: World) -> None:
    end = world.run(JobKind.SUPPRESS, link=LINK, address=email_of(900))
    assert end.exit_code == 0
    world.put(900)
    world.save()
    assert planned(world, email_of(900)) == ("unsubscribed-ignored", "suppressed-here")
    assert world.export().exit_code == 0
    assert world.mutations() == []


def test_suppressed_here_between_plan_and_export_is_withheld(world: World) -> None:
    address = world.put(900)
    world.save()
    plan = world.preview()
    world.run(JobKind.SUPPRESS, link=LINK, address=address)
    ended = world.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"withheld": 1})
    assert world.outcome(ended.job.job_id, address) == ("withheld", "suppressed-here")
    assert world.mutations() == []


def test_R21_one_bad_link_does_not_keep_the_others_from_their_feedback(world: World) -> None:
    world.link("gone", list_id="ffffffffff")
    world.control("unsubscribe", email=ANNA)
    end = world.run(JobKind.FEEDBACK, connection="verband")
    assert (end.exit_code, end.reason) == (8, "list-missing")
    assert consent(world, ANNA) == "unsubscribed"


def test_R47_what_feedback_brought_triggers_no_export(world: World) -> None:
    world.control("edit", email=world.rows["501"].email, fields={"FNAME": world.rows["501"].first_name})
    world.feedback()
    assert world.export().job.reason == "nothing-to-do"
    assert world.mutations() == []


def test_feedback_writes_nothing_at_the_platform(world: World) -> None:
    world.control("unsubscribe", emails=[ANNA, BEAT])
    world.control("clean", email=CARLA)
    world.control("archive", email=DINO)
    assert world.feedback().exit_code == 0
    assert world.mutations() == []
