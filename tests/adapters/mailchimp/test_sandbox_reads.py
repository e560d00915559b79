"""Reading the sandbox over real HTTP: what is listed is what the platform holds, and a bad account is named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.mailchimp.provider import Mailchimp
from adapters.provider import (
    AccountLimit,
    AddressMove,
    CredentialsRefused,
    FieldChange,
    IncompleteRead,
    NotThere,
    OptInRequest,
    Removal,
    RightsMissing,
    Throttled,
    Unreachable,
    Unsubscription,
    WriteRefused,
    utc,
)
from adapters.sandbox.running import RunningSandbox
from state.model import Consent, RemoteList
from tests.adapters.mailchimp.rehearsing import (
    DOUBLE_ID,
    LIST_ID,
    STRICT_ID,
    WORDS,
    additions,
    open_account,
    read,
    some,
)
from tests.adapters.wires import Recorder

# --- reading -----------------------------------------------------------------------------------------------------------


async def test_R39_a_listing_is_what_the_platform_holds(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = await mailchimp.remote_list(LIST_ID)
    known, last = await read(mailchimp, remote)
    state = sandbox.state("mailchimp")
    assert {row.email: row.raw_status for row in known.values()} == state
    assert last.total == len(state) > 2000
    assert all(row.consent is WORDS[row.raw_status] for row in known.values())
    assert set(state.values()) == set(WORDS)
    assert all(row.fields["FNAME"] and row.person_id for row in known.values())


@pytest.mark.parametrize("archived_too", [False, True])
@pytest.mark.parametrize("action", ["insert", "delete"])
async def test_R40_drift_while_paging_loses_nobody(
    sandbox: RunningSandbox, mailchimp: Mailchimp, recorder: Recorder, action: str, archived_too: bool
) -> None:
    sandbox.control("mailchimp", "switch", name="archived_in_listing", value=archived_too)
    sandbox.control("mailchimp", "drift", after_pages=1, action=action)
    before = len(sandbox.state("mailchimp"))
    remote = await mailchimp.remote_list(LIST_ID)
    known, _ = await read(mailchimp, remote)
    after = sandbox.state("mailchimp")
    assert len(after) != before, "the drift did not happen"
    assert {row.email for row in known.values()} == set(after)


@pytest.mark.parametrize("delta", [-1, 1, 1000])
async def test_R39_a_lying_total_stops_the_listing(
    sandbox: RunningSandbox, mailchimp: Mailchimp, delta: int
) -> None:
    sandbox.control("mailchimp", "total-lies", delta=delta)
    with pytest.raises(IncompleteRead) as caught:
        await read(mailchimp, RemoteList(LIST_ID, "V"))
    assert caught.value.reason in ("listing-incomplete", "listing-drift")


async def test_R41_what_changed_since_the_cursor_is_read_and_little_else(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = RemoteList(LIST_ID, "V")
    known, last = await read(mailchimp, remote)
    assert last.cursor is not None
    leaver, edited, moved, archived = some(sandbox, "subscribed", 4)
    sandbox.control("mailchimp", "unsubscribe", email=leaver)
    sandbox.control("mailchimp", "edit", email=edited, fields={"FNAME": "Anders"})
    sandbox.control("mailchimp", "move", email=moved, to="neu@example.org")
    sandbox.control("mailchimp", "archive", email=archived)
    sandbox.control("mailchimp", "subscribe", email="joiner@example.org")
    changed, later = await read(mailchimp, remote, last.cursor)
    shown = {row.email: row for row in changed.values()}
    assert set(shown) == {leaver, edited, "neu@example.org", archived, "joiner@example.org"}
    assert (shown[leaver].consent, shown[archived].raw_status) == (Consent.UNSUBSCRIBED, "archived")
    assert shown[edited].fields["FNAME"] == "Anders"
    former = next(row for row in known.values() if row.email == moved)
    assert shown["neu@example.org"].person_id == former.person_id != ""
    assert later.cursor is not None
    again, _ = await read(mailchimp, remote, last.cursor)
    assert set(again) >= set(changed)


async def test_R41_the_cursor_follows_the_vendors_clock(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = RemoteList(LIST_ID, "V")
    _, first = await read(mailchimp, remote)
    sandbox.control("mailchimp", "clock", advance=7200)
    _, second = await read(mailchimp, remote)
    assert first.cursor is not None
    assert second.cursor is not None
    moved = utc(second.cursor) - utc(first.cursor)
    assert timedelta(hours=2) <= moved <= timedelta(hours=2, minutes=1)


async def test_lists_and_fields(mailchimp: Mailchimp) -> None:
    lists = {one.list_id: one for one in await mailchimp.lists()}
    assert (lists[LIST_ID].name, lists[LIST_ID].double_opt_in) == ("Verbandsnews", False)
    assert lists[DOUBLE_ID].double_opt_in
    fields = {one.name: one for one in await mailchimp.fields(STRICT_ID)}
    assert fields["GENDER"].choices == ("m", "w")
    assert any(one.required for one in fields.values())
    with pytest.raises(NotThere) as caught:
        await mailchimp.remote_list("0000000000")
    assert caught.value.reason == "list-missing"


async def test_I13_looking_makes_no_mutating_request(sandbox: RunningSandbox, recorder: Recorder) -> None:
    looker = open_account(sandbox, recorder, read_only=True)
    rows = len(sandbox.ledger_rows())
    remote = await looker.remote_list(LIST_ID)
    await looker.check([LIST_ID])
    await read(looker, remote)
    await looker.find(remote, some(sandbox, "subscribed"), ("FNAME",))
    for call in (
        looker.add(remote, additions("new@example.org")),
        looker.change(remote, [FieldChange("a@example.org", "", {"FNAME": "x"})], by_ticket=True),
        looker.change(remote, [FieldChange("a@example.org", "", {"FNAME": "x"})], by_ticket=False),
        looker.remove(remote, [Removal("a@example.org", "")]),
        looker.unsubscribe(remote, [Unsubscription("a@example.org", "")]),
        looker.move(remote, [AddressMove("a@example.org", "", "b@example.org")]),
        looker.request_opt_in(remote, OptInRequest(some(sandbox, "unsubscribed")[0], "", "anna")),
    ):
        with pytest.raises(WriteRefused):
            await call
    seen = [row for row in sandbox.ledger_rows()[rows:] if "method" in row]
    assert seen
    assert {row["method"] for row in seen} == {"GET"}
    await looker.aclose()


# --- accounts ----------------------------------------------------------------------------------------------------------


def rehearsal(sandbox: RunningSandbox, name: str) -> tuple[str, str]:
    found = sandbox.ready["rehearsals"]["mailchimp"][name]
    return str(found["key"]), str(found["lists"][0])


async def test_I19_a_key_that_is_refused_stops_at_once(sandbox: RunningSandbox, recorder: Recorder) -> None:
    for key in ("expired0123456789-us0", "disabled0123456789-us0", "0123456789abcdef-us19"):
        stranger = open_account(sandbox, recorder, key=key)
        asked = len(recorder.notes)
        report = await stranger.check([LIST_ID])
        assert [finding.reason for finding in report.findings] == ["key-invalid"]
        with pytest.raises(CredentialsRefused):
            await stranger.add(RemoteList(LIST_ID, "V"), additions("new@example.org"))
        assert len(recorder.notes) == asked + 2
        await stranger.aclose()
    assert not recorder.slept


async def test_a_key_without_rights_reads_and_may_not_write(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    key, list_id = rehearsal(sandbox, "norights")
    account = open_account(sandbox, recorder, key=key)
    remote = await account.remote_list(list_id)
    await read(account, remote)
    with pytest.raises(RightsMissing) as caught:
        await account.add(remote, additions("new@example.org"))
    assert caught.value.reason == "rights-missing"
    await account.aclose()


async def test_a_full_account_takes_nobody_new(sandbox: RunningSandbox, recorder: Recorder) -> None:
    key, list_id = rehearsal(sandbox, "limit")
    account = open_account(sandbox, recorder, key=key)
    with pytest.raises(AccountLimit) as caught:
        await account.add(await account.remote_list(list_id), additions("new@example.org"))
    assert caught.value.reason == "contact-limit"
    await account.aclose()


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [("throttled", Throttled, "throttled"), ("gateway", Unreachable, "gateway-blocked")],
)
async def test_R20_throttling_and_gateways_never_blame_the_key(
    sandbox: RunningSandbox, recorder: Recorder, name: str, kind: type[Exception], reason: str
) -> None:
    key, list_id = rehearsal(sandbox, name)
    account = open_account(sandbox, recorder, key=key)
    report = await account.check([list_id])
    assert [finding.reason for finding in report.findings] == [reason]
    with pytest.raises(kind):
        await account.lists()
    assert len(recorder.notes) == 2 + 6
    await account.aclose()


async def test_R36_calls_stay_within_the_platforms_places_and_shrink_when_it_complains(
    sandbox: RunningSandbox, recorder: Recorder
) -> None:
    sandbox.control("mailchimp", "connections-limit", n=2)
    sandbox.control("mailchimp", "latency", ms=20)
    remote = RemoteList(LIST_ID, "V")
    emails = some(sandbox, "subscribed", 60)
    account = open_account(sandbox, recorder)
    found = await account.find(remote, emails, ())
    sandbox.control("mailchimp", "latency", ms=0)
    assert {member.email for member in found} == set(emails)
    refused = sum(1 for note in recorder.notes if note.status == 429)
    assert refused, "the limit never hit"
    assert refused < 60
    await account.aclose()
