"""Who is who: changed addresses, opt-outs in the source, duplicates, double opt-in (R25, R26, R03, I14)."""

from __future__ import annotations

import pytest

from state.model import JobKind
from tests.integration.world import LINK, Row, World, email_of, standing

KNOWN = standing("subscribed", 40)
MOVED = "moved@example.org"
MODES = ("add-only", "update", "mirror")


@pytest.fixture(autouse=True)
def _ours(world: World) -> None:
    """Forty known people, and five of ours."""
    world.put_all(KNOWN)
    world.put_all(range(500, 505))
    world.save()
    assert world.export().exit_code == 0
    world.mark()


def renamed(world: World, mode: str, policy: str) -> str:
    """One of ours gets another address in the source; the former one."""
    world.link(mode=mode, more=f'address_change = "{policy}"')
    former = world.rows["500"].email
    world.change(500, email=MOVED)
    world.save()
    return former


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("policy", ["ask", "new-consent"])
def test_R25_a_changed_address_is_no_second_member(world: World, mode: str, policy: str) -> None:
    former = renamed(world, mode, policy)
    plan = world.preview()
    assert plan.counts["address-changed"] == 1
    assert plan.writes == 0
    assert world.plan_row(plan, MOVED).former_email.lower() == former.lower()
    assert world.export(plan).exit_code == 0
    assert world.mutations() == []
    assert world.platform()[former.lower()] == "subscribed"


@pytest.mark.parametrize("mode", ["update", "mirror"])
def test_R25_move_changes_the_address_and_keeps_the_record(world: World, mode: str) -> None:
    former = renamed(world, mode, "move")
    ended = world.export()
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 1})
    assert [(op["kind"], op["status"]) for op in world.ops()] == [("address", None)]
    platform = world.platform()
    assert platform[MOVED] == "subscribed"
    assert former.lower() not in platform
    assert MOVED in world.ours()
    assert former.lower() not in world.ours()
    world.mark()
    assert world.export().job.reason == "nothing-to-do"
    assert world.mutations() == []


def test_I21_a_move_takes_the_changed_fields_along(world: World) -> None:
    former = renamed(world, "update", "move")
    was = world.rows["500"].last_name
    world.change(500, last_name="Married")
    world.save()
    assert dict(world.export().counts) == {"sent": 1}
    world.mark()
    assert world.export().job.reason == "nothing-to-do"
    member = world.member(MOVED)
    assert member is not None
    assert "Married" in member["mapped"]
    ((undo,),) = world.sql("SELECT plan_id FROM plans WHERE basis LIKE '%undo_of%' ORDER BY no DESC LIMIT 1")
    assert dict(world.export(world.plan(undo)).counts) == {"sent": 1}
    member = world.member(former)
    assert member is not None
    assert was in member["mapped"]


def test_R25_add_only_never_moves(world: World) -> None:
    renamed(world, "add-only", "move")
    assert world.preview().writes == 0


def test_I14_the_new_address_keeps_the_opt_out_of_the_former(world: World) -> None:
    former = world.rows["500"].email
    world.control("unsubscribe", email=former)
    renamed(world, "mirror", "move")
    plan = world.preview()
    row = world.plan_row(plan, MOVED)
    assert (row.row_class.value, row.reason) == ("unsubscribed-ignored", "opted-out-under-former-address")
    assert plan.writes == 0


def test_I14_the_new_address_keeps_an_opt_out_no_listing_shows(world: World) -> None:
    """Erased before we came: the platform lists nobody, only our own record of its refusal does."""
    ghost = standing("forgotten", 1)[0]
    world.put(ghost)
    world.save()
    assert dict(world.export().counts) == {"withheld": 1}
    world.mark()
    world.change(ghost, email=MOVED)
    world.save()
    plan = world.preview()
    assert world.plan_row(plan, MOVED).reason == "opted-out-under-former-address"
    assert world.export(plan).exit_code == 0
    assert world.mutations() == []


def test_I14_the_opt_out_of_a_shared_former_address_counts_as_well(world: World) -> None:
    shared = world.rows["500"].email
    world.rows["other"] = Row("other", shared, "Other", "Person")
    world.save()
    world.preview()
    world.control("unsubscribe", email=shared)
    world.rows["other"].email = MOVED
    world.save()
    plan = world.preview()
    assert world.plan_row(plan, MOVED).reason == "opted-out-under-former-address"
    assert plan.writes == 0


def test_I14_suppressed_under_the_former_address_is_not_moved(world: World) -> None:
    former = renamed(world, "update", "move")
    world.run(JobKind.SUPPRESS, link=LINK, address=former)
    plan = world.preview()
    assert plan.writes == 0
    assert world.plan_row(plan, MOVED).reason == "opted-out-under-former-address"


def test_an_address_that_is_taken_meanwhile_withholds_the_move(world: World) -> None:
    former = renamed(world, "update", "move")
    plan = world.preview()
    row = world.rows["500"]
    world.control("subscribe", email=MOVED, fields={"FNAME": row.first_name, "LNAME": row.last_name})
    ended = world.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"withheld": 1})
    assert world.platform()[former.lower()] == "subscribed"
    assert world.mutations() == []


def test_an_address_the_platform_does_not_give_free_is_rejected_and_said(world: World) -> None:
    former = renamed(world, "update", "move")
    plan = world.preview()
    world.control("subscribe", email=MOVED)
    world.control("forget", email=MOVED)
    ended = world.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (3, {"rejected": 1})
    assert world.outcome(ended.job.job_id, MOVED) == ("rejected", "address-taken")
    assert world.platform()[former.lower()] == "subscribed"


def test_R25_a_move_in_doubt_is_found_by_a_whole_listing_too(world: World) -> None:
    """The whole listing shows the new address before the journal knows whose doing it was."""
    former = renamed(world, "mirror", "move")
    plan = world.preview()
    job_id = world.new_export(plan)
    world.control("fail-next", count=1, body="drop-after", method="PATCH", path="/members/")
    assert world.killed(job_id, die_in="settling:2") == -9
    world.ahead = 8 * 86_400
    ended = world.finish(job_id)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 1}), ended.log
    member = world.member(MOVED)
    assert member is not None
    assert (member["consent"], member["ours"], member["gone"]) == ("subscribed", 1, None)
    assert former.lower() not in world.ours()
    assert world.preview().writes == 0


# --- the source says no ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_an_opt_out_in_the_source_unsubscribes_at_the_platform(world: World, mode: str) -> None:
    world.link(mode=mode)
    address = email_of(KNOWN[0])
    world.change(KNOWN[0], newsletter_no="yes")
    world.save()
    plan = world.preview()
    assert plan.counts["withdrawn"] == 1
    assert world.export(plan).exit_code == 0
    assert [(op["kind"], op["email"].lower()) for op in world.ops()] == [("unsubscribe", address.lower())]
    assert world.platform()[address.lower()] == "unsubscribed"
    world.mark()
    assert world.export().job.reason == "nothing-to-do"


def test_an_opt_out_in_the_source_is_sent_although_the_address_is_suppressed_here(world: World) -> None:
    """The platform mails whoever is subscribed there, whatever we know: it has to be told."""
    address = email_of(KNOWN[0])
    world.run(JobKind.SUPPRESS, link=LINK, address=address)
    world.change(KNOWN[0], newsletter_no="yes")
    world.save()
    assert world.export().exit_code == 0
    assert world.platform()[address.lower()] == "unsubscribed"


def test_an_opt_out_taken_back_in_the_source_raises_nobody(world: World) -> None:
    address = email_of(KNOWN[0])
    world.change(KNOWN[0], newsletter_no="yes")
    world.save()
    world.export()
    world.change(KNOWN[0], newsletter_no="")
    world.save()
    world.mark()
    assert world.export().exit_code == 0
    assert world.mutations() == []
    assert world.platform()[address.lower()] == "unsubscribed"


def test_who_opted_out_in_the_source_is_never_added(world: World) -> None:
    world.put(900, newsletter_no="yes")
    world.save()
    assert world.export().exit_code == 0
    assert world.mutations() == []


# --- several rows, one address ----------------------------------------------------------------------------------


def share(world: World) -> str:
    """Two people with one address that is ours."""
    world.link(mode="mirror")
    address = world.rows["500"].email
    world.rows["a-relative"] = Row("a-relative", address.upper(), "Anna", "Relative")
    world.save()
    return address


def test_R26_a_shared_address_is_one_row_that_is_sent(world: World) -> None:
    share(world)
    plan = world.preview()
    assert plan.counts["duplicate"] == 1
    assert plan.rows == sum(plan.counts.values())


def test_R26_it_stays_while_any_of_them_is_in(world: World) -> None:
    address = share(world)
    world.export()
    world.mark()
    del world.rows["500"]
    world.save()
    plan = world.preview()
    assert plan.counts["removed"] == 0
    world.export(plan)
    assert world.platform()[address.lower()] == "subscribed"
    del world.rows["a-relative"]
    world.save()
    assert world.preview().counts["removed"] == 1


def test_R26_the_order_of_the_rows_changes_nothing(world: World) -> None:
    share(world)
    one = world.preview()
    world.rows = dict(reversed(world.rows.items()))
    world.save()
    other = world.preview()
    assert one.groups == other.groups
    assert world.plan_payload(one) == world.plan_payload(other)


def test_R26_rows_that_are_one_person_twice_are_told_apart_by_what_they_say(world: World) -> None:
    twice = (Row("twice", "Two@example.org", "A", ""), Row("twice", "two@example.org", "B", ""))
    world.rows |= {"one": twice[0], "other": twice[1]}
    world.save()
    rows = world.plan_payload(world.preview())
    world.rows |= {"one": twice[1], "other": twice[0]}
    world.save()
    assert world.plan_payload(world.preview()) == rows


def test_I14_one_of_them_opted_out_speaks_for_the_address(world: World) -> None:
    address = share(world)
    world.rows["a-relative"].newsletter_no = "yes"
    world.save()
    assert world.export().exit_code == 0
    assert world.platform()[address.lower()] == "unsubscribed"
    assert not world.ops("add")


# --- double opt-in ----------------------------------------------------------------------------------------------


def test_R03_a_double_opt_in_list_counts_the_mails_it_will_send(world: World) -> None:
    world.link(list_id=world.double_opt_in_list)
    plan = world.preview()
    assert plan.mails == plan.counts["new"] > 0
    ended = world.export(plan)
    assert ended.exit_code == 0
    assert {op["status"] for op in world.ops("add")} == {"pending"}
    some = next(row.email for row in world.outcomes(ended.job.job_id) if row.reason == "asked-to-confirm")
    assert world.platform(world.double_opt_in_list)[some.lower()] == "pending"
    world.mark()
    again = world.preview()
    assert (again.mails, again.counts["new"]) == (0, 0)
    assert world.plan_row(again, some).reason == "awaiting-confirmation"


def test_R03_a_single_opt_in_list_sends_no_mail(world: World) -> None:
    world.put_all(range(600, 610))
    world.save()
    plan = world.preview()
    assert (plan.counts["new"], plan.mails) == (10, 0)


def test_R07_who_never_confirms_is_not_asked_again(world: World) -> None:
    world.link(list_id=world.double_opt_in_list)
    world.export()
    world.mark()
    world.ahead = 30 * 86_400
    assert world.export().job.reason == "nothing-to-do"
    assert world.mutations() == []


def test_an_opt_in_request_asks_one_person_once(world: World) -> None:
    left = email_of(standing("unsubscribed", 1)[0])
    end = world.run(JobKind.OPTIN, link=LINK, address=left)
    assert (end.exit_code, end.reason) == (0, "opt-in-asked")
    assert world.platform()[left.lower()] == "pending"
    assert len(world.mutations()) == 1


def test_an_opt_in_request_leaves_a_subscribed_person_alone(world: World) -> None:
    end = world.run(JobKind.OPTIN, link=LINK, address=email_of(KNOWN[0]))
    assert end.reason == "already-there"
    assert world.mutations() == []


def test_an_opt_in_request_never_goes_to_who_is_suppressed_here(world: World) -> None:
    world.run(JobKind.SUPPRESS, link=LINK, address=email_of(900))
    end = world.run(JobKind.OPTIN, link=LINK, address=email_of(900))
    assert end.exit_code == 5
    assert world.mutations() == []


@pytest.mark.parametrize("by", ["another source", "another column"])
def test_R25_reused_ids_move_nobody_when_the_source_is_another_one(world: World, by: str) -> None:
    world.link(mode="update", more='address_change = "move"')
    assert world.preview().writes == 0
    strangers = [f"stranger{i}@example.org" for i in range(5)]
    text = "person_id;member_no;email;first_name;last_name;newsletter_no\n" + "".join(
        f"{500 + i if by == 'another source' else 9000 + i};{500 + i};{email};S;T;\n"
        for i, email in enumerate(strangers)
    )
    if by == "another source":
        world.link(source="others")
        (world.folder / "others.csv").write_text(text, encoding="utf-8")
        plan = world.preview(allow_empty_source=True)
    else:
        (world.folder / "members.csv").write_text(text, encoding="utf-8")
        world.id_column = "member_no"
        plan = world.preview(allow_empty_source=True)
    assert {row.reason for row in (world.plan_row(plan, email) for email in strangers)} == {
        "unknown-at-platform"
    }
    assert plan.counts["address-changed"] == 0
