"""Reading a rehearsed account over the wire: whole, by difference, both levels of leaving, on both sides of each doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.dotdigital.provider import Dotdigital
from adapters.provider import NewField, NotThere, RemoteField, Throttled
from adapters.sandbox.dotdigital import seeded_fields, seeded_left, seeded_status
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from state.model import ActivityKind, Budget, Consent, Scope
from tests.adapters.dotdigital.rehearsing import (
    CONTACTS,
    LIST_ID,
    ODD_ID,
    PATRONS_ID,
    VENDOR,
    open_account,
    read,
    some,
)
from tests.adapters.wires import Recorder

SEED = 1


async def test_the_check_is_fine_and_lists_are_told_apart(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    report = await dotdigital.check([LIST_ID])
    assert report.ok, report.findings
    assert report.account is not None
    assert report.account.account_id == "70123"
    lists = {one.name: one for one in await dotdigital.lists()}
    assert {one.name for one in lists.values() if one.system} == {"All contacts", "Test"}
    assert {one.list_id for one in lists.values()} >= {one["id"] for one in sandbox.ready["lists"][VENDOR]}
    assert lists["Mitgliedermagazin"].members == (await dotdigital.remote_list(LIST_ID)).members
    with pytest.raises(NotThere):
        await dotdigital.remote_list("99")


async def test_localised_names_of_the_accounts_own_books_are_a_setting(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    sandbox.control(VENDOR, "switch", name="localised_names", value=True)
    plain = open_account(sandbox, recorder)
    names = [one.name for one in await plain.lists() if one.list_id in ("4400", "4401")]
    await plain.aclose()
    told = open_account(sandbox, recorder, system_books=", ".join(names))
    assert {one.name for one in await told.lists() if one.system} == set(names)
    await told.aclose()


async def test_a_book_is_what_the_platform_has_with_both_levels_of_leaving(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    remote = await dotdigital.remote_list(LIST_ID)
    told = await read(dotdigital, remote)
    words = sandbox.state(VENDOR, LIST_ID)
    inside = {one.email: one for one in told.members.values()}
    shut_out = {one.email: one for one in told.opt_outs.values()}
    assert set(inside) | set(shut_out) >= set(words)
    for number in range(CONTACTS):
        email = person(SEED, number).email.lower()
        status = seeded_status(SEED, number)
        if email in inside and seeded_left(SEED, number):
            assert (inside[email].consent, inside[email].scope) == (Consent.UNSUBSCRIBED, Scope.LIST)
            assert email not in shut_out
        elif email in inside:
            assert inside[email].raw_status == status
            assert inside[email].consent in (Consent.SUBSCRIBED, Consent.PENDING)
            assert inside[email].fields == seeded_fields(SEED, number)
        else:
            assert shut_out[email].raw_status == status
            assert shut_out[email].scope is Scope.ACCOUNT
            assert shut_out[email].since
    assert sum(one.consent is Consent.UNSUBSCRIBED for one in inside.values()) == CONTACTS // 200 * 8
    assert told.last.total == len(told.members)
    assert not any(one.raw_status == "SoftBounced" for one in shut_out.values())


@pytest.mark.parametrize(
    "switches",
    [
        {"pascal_keys": True, "extra_fields": True},
        {"dates_vary": True, "null_text_default": True},
        {"since_inclusive": True, "not_found_is_400": True},
        {"all_contacts_listed": False, "endpoint_slash": True},
        {"book_opt_outs_in_account": True},
    ],
    ids=" ".join,
)
async def test_a_book_is_read_alike_on_either_side_of_what_is_not_known(
    sandbox: RunningSandbox, dotdigital: Dotdigital, recorder: Recorder, switches: dict[str, bool]
) -> None:
    remote = await dotdigital.remote_list(PATRONS_ID)
    fields = ("FIRSTNAME", "MEMBERSINCE", "DONATIONS", "BOARD", "CLUB")
    before = await read(dotdigital, remote, fields=fields)
    for name, value in switches.items():
        sandbox.control(VENDOR, "switch", name=name, value=value)
    other = open_account(sandbox, recorder)
    after = await read(other, await other.remote_list(PATRONS_ID), fields=fields)
    assert after.members == before.members
    assert after.opt_outs.items() >= before.opt_outs.items()
    more = after.opt_outs.keys() - before.opt_outs.keys()
    assert bool(more) is ("book_opt_outs_in_account" in switches)
    inside = {number for number, one in after.members.items() if one.consent is Consent.SUBSCRIBED}
    assert not more & inside, "who left another book is not shut out of this one"
    assert len(after.members) > 2100
    with pytest.raises(NotThere):
        await other.remote_list("99")
    await other.aclose()


async def test_hidden_rows_and_short_pages_lose_nobody(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    remote = await dotdigital.remote_list(LIST_ID)
    before = await read(dotdigital, remote)
    sandbox.control(VENDOR, "switch", name="hidden_rows", value=True)
    after = await read(dotdigital, remote)
    assert after.members == before.members


@pytest.mark.parametrize("action", ["insert", "delete"])
async def test_R40_rows_that_slip_while_paging_are_noticed(
    sandbox: RunningSandbox, dotdigital: Dotdigital, action: str
) -> None:
    remote = await dotdigital.remote_list(PATRONS_ID)
    sandbox.control(VENDOR, "drift", list=PATRONS_ID, after_pages=1, action=action)
    told = await read(dotdigital, remote)
    inside = {one.email for one in told.members.values() if one.consent is not Consent.UNSUBSCRIBED}
    state = sandbox.state(VENDOR, PATRONS_ID)
    assert inside == {email for email, word in state.items() if email in inside or word == "Subscribed"}
    assert len(inside) == (await dotdigital.remote_list(PATRONS_ID)).members


async def test_what_changed_and_who_left_since_is_all_a_second_reading_tells(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    remote = await dotdigital.remote_list(LIST_ID)
    cursor = (await read(dotdigital, remote)).last.cursor
    stay, leave, gone, bounced, soft = some(sandbox, "Subscribed", 5)
    sandbox.control(VENDOR, "edit", email=stay, fields={"FIRSTNAME": "Neu"})
    sandbox.control(VENDOR, "unsubscribe", email=leave, list=LIST_ID)
    sandbox.control(VENDOR, "unsubscribe-account", email=gone)
    sandbox.control(VENDOR, "bounce", email=bounced, kind="hard")
    sandbox.control(VENDOR, "bounce", email=soft, kind="soft")
    sandbox.control(VENDOR, "subscribe", email="new@example.org", list=LIST_ID, fields={"FIRSTNAME": "Kim"})
    told = await read(dotdigital, remote, cursor)
    by_address = {one.email: one for one in told.members.values()}
    assert set(by_address) == {stay, leave, soft, "new@example.org"}
    assert by_address[stay].fields["FIRSTNAME"] == "Neu"
    assert (by_address[leave].consent, by_address[leave].scope) == (Consent.UNSUBSCRIBED, Scope.LIST)
    assert (by_address[soft].consent, by_address[soft].raw_status) == (Consent.SUBSCRIBED, "SoftBounced")
    assert {one.email: one.consent for one in told.opt_outs.values()} == {
        gone: Consent.UNSUBSCRIBED,
        bounced: Consent.BOUNCED,
    }
    assert told.last.cursor is not None
    assert told.last.cursor >= (cursor or "")
    found = {
        one.email: one for one in await dotdigital.find(remote, [stay, leave, gone, bounced], ("FIRSTNAME",))
    }
    assert {email: (one.consent, one.scope) for email, one in found.items()} == {
        stay: (Consent.SUBSCRIBED, None),
        leave: (Consent.UNSUBSCRIBED, Scope.LIST),
        gone: (Consent.UNSUBSCRIBED, Scope.ACCOUNT),
        bounced: (Consent.BOUNCED, Scope.ACCOUNT),
    }


async def test_whoever_left_and_came_back_by_the_form_is_a_member_again(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    remote = await dotdigital.remote_list(LIST_ID)
    (email,) = some(sandbox, "Subscribed")
    sandbox.control(VENDOR, "unsubscribe", email=email, list=LIST_ID)
    sandbox.control(VENDOR, "clock", advance=7200)
    sandbox.control(VENDOR, "subscribe", email=email, list=LIST_ID)
    told = await read(dotdigital, remote)
    assert {one.email: one.consent for one in told.members.values()}[email] is Consent.SUBSCRIBED


async def test_R30_who_was_taken_out_is_known_and_who_was_deleted_is_not(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    taken_out, deleted, suppressed = some(sandbox, "Subscribed", 3)
    sandbox.control(VENDOR, "remove", email=taken_out, list=LIST_ID)
    sandbox.control(VENDOR, "delete", email=deleted)
    sandbox.control(VENDOR, "suppress", email=suppressed)
    wanted = [taken_out, deleted, suppressed, "never@example.org"]
    assert await dotdigital.known(wanted) == {taken_out, suppressed}
    sandbox.control(VENDOR, "switch", name="deleted_listed", value=True)
    assert await dotdigital.known(wanted) == {taken_out, suppressed}


async def test_every_status_has_its_consent(sandbox: RunningSandbox, dotdigital: Dotdigital) -> None:
    remote = await dotdigital.remote_list(ODD_ID)
    told = await read(dotdigital, remote)
    words = {one.raw_status for one in told.members.values()} | {
        one.raw_status for one in told.opt_outs.values()
    }
    assert words >= {
        "Subscribed",
        "SoftBounced",
        "PendingOptIn",
        "NotAvailableInThisVersion",
        "SharedSuppression",
    }
    assert "Deleted" not in words
    odd = [one for one in told.members.values() if one.raw_status == "NotAvailableInThisVersion"]
    assert {one.consent for one in odd} == {Consent.UNKNOWN}


# --- regions, limits, refusals ---------------------------------------------------------------------------------------------


async def test_the_account_is_called_in_the_region_it_lives_in(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    account = open_account(sandbox, recorder, key=sandbox.ready["rehearsals"][VENDOR]["region"])
    report = await account.check()
    assert report.ok, report.findings
    assert any("dotdigital-r2" in finding.text for finding in report.findings)
    await account.aclose()


async def test_an_account_that_moves_to_another_region_is_followed_once(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    assert (await dotdigital.remote_list(LIST_ID)).name == "Mitgliedermagazin"
    sandbox.control(VENDOR, "region", second=True)
    assert (await dotdigital.remote_list(LIST_ID)).name == "Mitgliedermagazin"


async def test_a_login_that_was_disabled_is_refused_as_that(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    account = open_account(sandbox, recorder, key=sandbox.ready["rehearsals"][VENDOR]["expired"])
    assert [finding.reason for finding in (await account.check()).findings] == ["login-refused"]
    await account.aclose()


async def test_R20_a_gateway_is_no_wrong_login(sandbox: RunningSandbox, recorder: Recorder) -> None:
    account = open_account(sandbox, recorder, key=sandbox.ready["rehearsals"][VENDOR]["gateway"])
    reasons = {finding.reason for finding in (await account.check()).findings}
    assert "login-refused" not in reasons
    assert reasons & {"gateway-blocked", "vendor-trouble"}
    await account.aclose()


@pytest.mark.parametrize(("scheme", "told"), [("tiered", False), ("flat", True)])
async def test_the_hours_figures_are_told_where_the_hour_counts(
    sandbox: RunningSandbox, recorder: Recorder, scheme: str, told: bool
) -> None:
    sandbox.control(VENDOR, "rate", scheme=scheme)
    account = open_account(sandbox, recorder)
    report = await account.check()
    assert report.account is not None
    assert ("calls-left" in {finding.reason for finding in report.findings}) is told
    assert ("calls left" in report.account.details) is told
    await account.aclose()


async def test_F14_the_minutes_limit_is_waited_for_and_a_tenth_is_left(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    sandbox.control(VENDOR, "rate", scheme="tiered", limit=20)
    seen: list[Budget] = []
    account = open_account(sandbox, recorder)
    account._session.wire.on_budget = seen.append
    while not recorder.slept:
        await account.remote_list(LIST_ID)
        assert len(recorder.notes) < 45
    assert recorder.slept[0] <= 62
    assert (seen[-2].limit, seen[-2].remaining, seen[-2].window_seconds) == (20, 2, 60)
    assert seen[-1].scope == "Account"
    assert "(limit 20, 2 kept for people at a screen); going on at" in recorder.told[0]
    assert not any(note.status == 429 for note in recorder.notes)
    watching = open_account(sandbox, Recorder(), interactive=True)
    await watching.account()
    await watching.aclose()
    await account.aclose()


async def test_the_hours_limit_stops_with_a_tenth_left_for_people(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    sandbox.control(VENDOR, "rate", scheme="flat", limit=40)
    account = open_account(sandbox, recorder)
    with pytest.raises(Throttled) as caught:
        for _ in range(60):
            await account.remote_list(LIST_ID)
    assert caught.value.next == "Resume in at most 1 hour."
    assert recorder.slept == []
    watching = open_account(sandbox, Recorder(), interactive=True)
    assert (await watching.remote_list(LIST_ID)).list_id == LIST_ID
    with pytest.raises(Throttled):
        for _ in range(60):
            await watching.remote_list(LIST_ID)
    for one in (account, watching):
        await one.aclose()


@pytest.mark.parametrize("name", ["throttled", "flat"])
async def test_an_account_without_calls_says_so(
    sandbox: RunningSandbox, recorder: Recorder, name: str
) -> None:
    account = open_account(sandbox, recorder, key=sandbox.ready["rehearsals"][VENDOR][name])
    (finding, *_) = (await account.check()).findings
    assert finding.reason in ("throttled", "calls-used-up")
    await account.aclose()


async def test_a_page_that_breaks_off_is_asked_for_again(
    sandbox: RunningSandbox, dotdigital: Dotdigital, recorder: Recorder
) -> None:
    remote = await dotdigital.remote_list(PATRONS_ID)
    sandbox.control(VENDOR, "fail-next", count=1, status=502, body="html", path="/contacts$", skip=1)
    sandbox.control(VENDOR, "fail-next", count=1, body="drop", path="modified-since")
    told = await read(dotdigital, remote)
    assert len(told.members) > 2100
    assert recorder.slept == [2.0, 2.0]


# --- fields and campaigns --------------------------------------------------------------------------------------------------


async def test_a_field_lives_from_its_creation_to_its_deletion(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    made = await dotdigital.create_field("", NewField("FEE", "Numeric", default="2.5"))
    assert made == RemoteField("FEE", "FEE", "Numeric", default="2.5", field_id="FEE")
    assert made in await dotdigital.fields(LIST_ID)
    (email,) = some(sandbox, "Subscribed")
    sandbox.control(VENDOR, "edit", email=email, fields={"FEE": 12.75})
    (member,) = await dotdigital.find(await dotdigital.remote_list(LIST_ID), [email], ("FEE",))
    assert member.fields == {"FEE": "12.75"}
    looked_at: list[int] = []
    assert await dotdigital.holders("", made, looked_at.append) >= 1
    assert sum(looked_at) > CONTACTS
    assert (await dotdigital.delete_field("", made)).deleted
    assert made not in await dotdigital.fields(LIST_ID)
    with pytest.raises(NotThere):
        await dotdigital.delete_field("", made)


@pytest.mark.parametrize("refused_by", [False, True])
async def test_a_field_a_campaign_needs_is_told_with_the_campaign(
    sandbox: RunningSandbox, dotdigital: Dotdigital, refused_by: bool
) -> None:
    sandbox.control(VENDOR, "switch", name="field_in_use_is_409", value=refused_by)
    (club,) = [field for field in await dotdigital.fields("") if field.name == "CLUB"]
    told = await dotdigital.delete_field("", club)
    assert not told.deleted
    assert told.text
    assert refused_by or told.dependencies == ("Campaign 303",)


async def test_campaigns_of_a_book_with_what_people_did(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    campaigns = await dotdigital.campaigns(LIST_ID)
    sent = [one for one in campaigns if one.sent]
    assert sent
    summary = await dotdigital.campaign_summary(sent[0].campaign_id)
    assert summary.sent_at is not None
    found = [one async for page in dotdigital.activity(sent[0].campaign_id, None) for one in page]
    people = {one.email for one in found if one.kind is ActivityKind.SENT}
    assert len(people) == summary.counts[ActivityKind.SENT]
    assert {one.kind for one in found} >= {ActivityKind.OPENED, ActivityKind.CLICKED}
    last = max(one.at for one in found)
    email = min(people)
    sandbox.control(VENDOR, "clock", advance=3600)
    sandbox.control(VENDOR, "activity", campaign=sent[0].campaign_id, email=email, action="open")
    later = [one async for page in dotdigital.activity(sent[0].campaign_id, last) for one in page]
    assert any(one.email == email and one.kind is ActivityKind.OPENED and one.at > last for one in later)
    assert len(later) < len(found)
    assert replace(found[0]) == found[0]
