"""Writing to the sandbox over real HTTP: what the adapter says happened is what the platform shows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from adapters.mailchimp.provider import Mailchimp
from adapters.pace import Limits
from adapters.provider import (
    Addition,
    AddressMove,
    FieldChange,
    NotThere,
    OptInRequest,
    Removal,
    Settlement,
    Unanswered,
    Unsubscription,
)
from adapters.sandbox.running import RunningSandbox
from state.model import Consent, Outcome, RemoteList
from tests.adapters.mailchimp.rehearsing import (
    DOUBLE_ID,
    LIST_ID,
    STRICT_ID,
    additions,
    by_email,
    open_account,
    read,
    some,
)
from tests.adapters.wires import Recorder

LEFT_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)

# --- adding ------------------------------------------------------------------------------------------------------------


async def test_R28_an_addition_raises_nobody_and_says_what_it_met(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    forgotten = "once.here@example.org"
    sandbox.control("mailchimp", "subscribe", email=forgotten)
    sandbox.control("mailchimp", "forget", email=forgotten)
    known = {
        status: some(sandbox, status)[0] for status in ("subscribed", "unsubscribed", "cleaned", "pending")
    }
    emails = ["new@example.org", "Neue.Person@Example.ORG", forgotten, "fake@example.com", *known.values()]
    before = sandbox.state("mailchimp")
    remote = await mailchimp.remote_list(LIST_ID)
    results = by_email((await mailchimp.add(remote, additions(*emails, FNAME="Neu"))).results)
    assert set(results) == set(emails)
    outcomes = {email: (result.outcome, result.reason) for email, result in results.items()}
    assert outcomes["new@example.org"] == outcomes["Neue.Person@Example.ORG"] == (Outcome.SENT, "added")
    assert outcomes[forgotten] == (Outcome.WITHHELD, "erased-remotely")  # R30
    assert outcomes["fake@example.com"] == (Outcome.REJECTED, "address-refused")
    assert {outcomes[email][0] for email in known.values()} == {Outcome.WITHHELD}
    after = sandbox.state("mailchimp")
    assert {email: after[email] for email in before} == before
    added = {email for email in after if email not in before}
    assert {email.lower() for email in added} == {"new@example.org", "neue.person@example.org"}
    assert results["new@example.org"].origin_id
    (found,) = await mailchimp.find(remote, ["new@example.org"], ("FNAME",))
    assert (found.origin_id, found.fields) == (results["new@example.org"].origin_id, {"FNAME": "Neu"})


@pytest.mark.parametrize("count", [499, 500, 501])
async def test_R34_chunks_around_the_vendors_limit(
    sandbox: RunningSandbox, mailchimp: Mailchimp, count: int
) -> None:
    rows = len(sandbox.ledger_rows())
    emails = [f"r34.{n}@example.net" for n in range(count)]
    submission = await mailchimp.add(RemoteList(LIST_ID, "V"), additions(*emails))
    assert [result.outcome for result in submission.results] == [Outcome.SENT] * count
    assert set(emails) <= set(sandbox.state("mailchimp"))
    posts = [row for row in sandbox.ledger_rows()[rows:] if row.get("method") == "POST"]
    assert len(posts) == (1 if count <= 500 else 3)  # refused as a whole, then by halves


async def test_R03_a_double_opt_in_list_asks_and_subscribes_nobody(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = await mailchimp.remote_list(DOUBLE_ID)
    (result,) = (await mailchimp.add(remote, additions("new@example.org"))).results
    assert (result.reason, result.consent) == ("asked-to-confirm", Consent.PENDING)
    assert sandbox.state("mailchimp", DOUBLE_ID)["new@example.org"] == "pending"


async def test_R31_a_missing_required_field_and_a_wrong_choice_are_named(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = await mailchimp.remote_list(STRICT_ID)
    rows = [
        Addition("a@example.org", {}, "form"),
        Addition("b@example.org", {"LNAME": "B", "GENDER": "z"}, "form"),
        Addition("c@example.org", {"LNAME": "C", "GENDER": "w"}, "form"),
    ]
    results = by_email((await mailchimp.add(remote, rows)).results)
    assert [results[row.email].reason for row in rows] == ["field-invalid", "field-invalid", "added"]
    assert "LNAME" in results["a@example.org"].raw
    assert "GENDER" in results["b@example.org"].raw


async def test_R17_an_addition_the_platform_only_claims_is_not_shown_on_reading_back(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    sandbox.control("mailchimp", "lose-rows", every=3)
    remote = RemoteList(LIST_ID, "V")
    emails = [f"r17.{n}@example.net" for n in range(30)]
    results = (await mailchimp.add(remote, additions(*emails))).results
    assert {result.outcome for result in results} == {Outcome.SENT}
    found = {member.email for member in await mailchimp.find(remote, emails, ())}
    assert found == set(emails) & set(sandbox.state("mailchimp"))
    assert len(found) == 20


@pytest.mark.parametrize("body", ["drop", "drop-after", "truncate"])
async def test_a_write_whose_answer_is_lost_is_unanswered_and_can_be_read_back(
    sandbox: RunningSandbox, mailchimp: Mailchimp, body: str
) -> None:
    sandbox.control("mailchimp", "fail-next", count=1, body=body, method="POST")
    remote = RemoteList(LIST_ID, "V")
    with pytest.raises(Unanswered):
        await mailchimp.add(remote, additions("new@example.org"))
    found = await mailchimp.find(remote, ["new@example.org"], ())
    assert len(found) == (0 if body == "drop" else 1)
    (again,) = (await mailchimp.add(remote, additions("new@example.org"))).results
    assert again.reason == ("added" if body == "drop" else "already-there")


@pytest.mark.parametrize("body", ["hang", "hang-after"])
async def test_a_write_that_hangs_is_unanswered(
    sandbox: RunningSandbox, recorder: Recorder, body: str
) -> None:
    sandbox.control("mailchimp", "fail-next", count=1, body=body, method="POST")
    impatient = open_account(sandbox, recorder, limits=Limits(read=0.3, total=5))
    with pytest.raises(Unanswered):
        await impatient.add(RemoteList(LIST_ID, "V"), additions("new@example.org"))
    assert ("new@example.org" in sandbox.state("mailchimp")) is (body == "hang-after")
    await impatient.aclose()


@pytest.mark.parametrize(
    ("status", "body"), [(403, "html"), (403, "empty"), (503, "html"), (429, "empty"), (429, "problem")]
)
async def test_I19_a_throttled_write_is_repeated_with_patience(
    sandbox: RunningSandbox, mailchimp: Mailchimp, recorder: Recorder, status: int, body: str
) -> None:
    sandbox.control("mailchimp", "fail-next", count=3, status=status, body=body, method="POST")
    (result,) = (await mailchimp.add(RemoteList(LIST_ID, "V"), additions("new@example.org"))).results
    assert result.outcome is Outcome.SENT
    assert [note.status for note in recorder.notes] == [status] * 3 + [200]
    assert recorder.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize("body", ["truncate", "drop", "html"])
async def test_I11_a_page_that_comes_broken_is_read_again(
    sandbox: RunningSandbox, mailchimp: Mailchimp, recorder: Recorder, body: str
) -> None:
    sandbox.control("mailchimp", "fail-next", count=2, body=body, status=502, path="members", method="GET")
    known, _ = await read(mailchimp, RemoteList(LIST_ID, "V"))
    assert len(known) == len(sandbox.state("mailchimp"))
    assert len(recorder.slept) == 2


# --- known members -------------------------------------------------------------------------------------------------------


async def test_changes_leave_every_status_as_it_is(sandbox: RunningSandbox, mailchimp: Mailchimp) -> None:
    remote = RemoteList(LIST_ID, "V")
    emails = [
        email
        for status in ("subscribed", "unsubscribed", "cleaned", "pending")
        for email in some(sandbox, status, 3)
    ]
    before = sandbox.state("mailchimp")
    known = {member.email: member for member in await mailchimp.find(remote, emails, ())}
    rows = [FieldChange(email, known[email].origin_id, {"FNAME": "Geändert"}) for email in emails]
    results = by_email((await mailchimp.change(remote, rows, by_ticket=False)).results)
    assert {result.reason for result in results.values()} == {"changed"}
    found = await mailchimp.find(remote, emails, ("FNAME",))
    assert {member.fields["FNAME"] for member in found} == {"Geändert"}
    assert sandbox.state("mailchimp") == before


async def settled(mailchimp: Mailchimp, remote: RemoteList, ticket: str) -> Settlement:
    async with asyncio.timeout(20):
        while True:
            found = await mailchimp.settle(remote, ticket, LEFT_AT)
            if found.finished:
                return found
            await asyncio.sleep(0.01)


async def test_changes_by_ticket_are_settled_row_by_row(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = RemoteList(STRICT_ID, "Jugendlager")
    before = sandbox.state("mailchimp", STRICT_ID)
    good, bad = [email for email, status in before.items() if status == "subscribed"][:2]
    rows = [
        FieldChange(good, "", {"LNAME": "Neu"}),
        FieldChange(bad, "", {"GENDER": "z"}),
        FieldChange("stranger@example.org", "", {"LNAME": "Neu"}),
    ]
    submission = await mailchimp.change(remote, rows, by_ticket=True)
    assert {result.outcome for result in submission.results} == {Outcome.ACCEPTED}
    found = await settled(mailchimp, remote, submission.ticket)
    results = by_email(found.results)
    assert {email: result.reason for email, result in results.items()} == {
        good: "changed",
        bad: "field-invalid",
        "stranger@example.org": "member-gone",
    }
    assert "GENDER" in results[bad].raw
    assert [name for name, data in found.files.items() if data.startswith(b"\x1f\x8b")]  # R19
    assert sandbox.state("mailchimp", STRICT_ID) == before


async def test_a_batch_held_by_the_vendor_is_waited_for(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    sandbox.control("mailchimp", "hold-batches", on=True)
    remote = RemoteList(LIST_ID, "V")
    email = some(sandbox, "subscribed")[0]
    submission = await mailchimp.change(remote, [FieldChange(email, "", {"FNAME": "Neu"})], by_ticket=True)
    for _ in range(3):
        found = await mailchimp.settle(remote, submission.ticket, LEFT_AT)
        assert not found.finished
        assert found.text
    sandbox.control("mailchimp", "hold-batches", on=False)
    assert (await settled(mailchimp, remote, submission.ticket)).results[0].reason == "changed"
    with pytest.raises(NotThere):
        await mailchimp.settle(remote, "0000000000", LEFT_AT)


async def test_removals_archive_and_locked_ones_are_withheld(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = RemoteList(LIST_ID, "V")
    gone, locked = some(sandbox, "subscribed")[0], some(sandbox, "cleaned")[0]
    rows = [Removal(gone, ""), Removal(locked, ""), Removal("stranger@example.org", "")]
    results = by_email((await mailchimp.remove(remote, rows)).results)
    assert {email: (result.outcome, result.reason) for email, result in results.items()} == {
        gone: (Outcome.SENT, "removed"),
        locked: (Outcome.WITHHELD, "member-locked"),
        "stranger@example.org": (Outcome.WITHHELD, "member-gone"),
    }
    state = sandbox.state("mailchimp")
    assert (state[gone], state[locked]) == ("archived", "cleaned")


async def test_opt_outs_are_passed_on(sandbox: RunningSandbox, mailchimp: Mailchimp) -> None:
    remote = RemoteList(LIST_ID, "V")
    emails = some(sandbox, "subscribed", 60)
    results = (await mailchimp.unsubscribe(remote, [Unsubscription(email, "") for email in emails])).results
    assert {result.reason for result in results} == {"unsubscribed-by-us"}
    assert {sandbox.state("mailchimp")[email] for email in emails} == {"unsubscribed"}


async def test_R25_a_move_keeps_the_record_and_a_taken_address_is_refused(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = RemoteList(LIST_ID, "V")
    mover, other = some(sandbox, "subscribed", 2)
    (before,) = await mailchimp.find(remote, [mover], ())
    rows = [
        AddressMove(mover, before.origin_id, "neu@example.org"),
        AddressMove(other, "", some(sandbox, "cleaned")[0]),
    ]
    results = by_email((await mailchimp.move(remote, rows)).results)
    assert (results[mover].reason, results[other].reason) == ("moved", "address-taken")
    (after,) = await mailchimp.find(remote, ["neu@example.org"], ())
    assert (after.person_id, after.origin_id) == (before.person_id, results[mover].origin_id)
    assert mover not in sandbox.state("mailchimp")


@pytest.mark.parametrize(
    ("status", "outcome", "reason", "after"),
    [
        ("unsubscribed", Outcome.SENT, "opt-in-asked", "pending"),
        ("subscribed", Outcome.WITHHELD, "already-there", "subscribed"),
        ("cleaned", Outcome.WITHHELD, "compliance-state", "cleaned"),
    ],
)
async def test_an_opt_in_request(
    sandbox: RunningSandbox, mailchimp: Mailchimp, status: str, outcome: Outcome, reason: str, after: str
) -> None:
    email = some(sandbox, status)[0]
    result = await mailchimp.request_opt_in(RemoteList(LIST_ID, "V"), OptInRequest(email, "", "anna"))
    assert (result.outcome, result.reason) == (outcome, reason)
    assert sandbox.state("mailchimp")[email] == after


async def test_an_opt_in_request_to_strangers_and_to_the_forgotten(
    sandbox: RunningSandbox, mailchimp: Mailchimp
) -> None:
    remote = RemoteList(LIST_ID, "V")
    asked = await mailchimp.request_opt_in(remote, OptInRequest("new@example.org", "", "anna"))
    assert asked.reason == "opt-in-asked"
    assert sandbox.state("mailchimp")["new@example.org"] == "pending"
    sandbox.control("mailchimp", "forget", email="new@example.org")
    refused = await mailchimp.request_opt_in(remote, OptInRequest("new@example.org", "", "anna"))
    assert (refused.reason, refused.consent) == ("erased-remotely", Consent.ERASED)
