"""Writing to a rehearsed account: through imports and their ends, on both sides of each doubt, and what never happens."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapters.dotdigital.provider import Dotdigital
from adapters.provider import (
    AccountLimit,
    AdapterError,
    AddressMove,
    FieldChange,
    OptInRequest,
    Refused,
    Removal,
    Unanswered,
    Unsubscription,
)
from adapters.sandbox.running import RunningSandbox
from state.model import Consent, Outcome, RemoteList, Scope
from tests.adapters.dotdigital.rehearsing import (
    LIST_ID,
    VENDOR,
    additions,
    by_email,
    open_account,
    read,
    settled,
    some,
)
from tests.adapters.wires import Recorder

EVA, KIM = "eva@example.org", "kim@example.org"


@pytest.fixture
async def remote(dotdigital: Dotdigital) -> RemoteList:
    return await dotdigital.remote_list(LIST_ID)


@pytest.fixture(autouse=True)
def never(sandbox: RunningSandbox) -> Iterator[None]:
    """Whatever a test does: no campaign is sent, no book emptied, and nothing is written with a status that mails."""
    before = len(sandbox.ledger_rows())
    yield
    rows = sandbox.ledger_rows()[before:]
    assert [row for row in rows if "alarm" in row] == []
    assert not any("no-challenge" in row.get("path", "") for row in rows)


async def test_additions_join_the_book_and_come_back_with_their_numbers(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    (bounced,) = some(sandbox, "HardBounced")
    submission = await dotdigital.add(
        remote, additions(EVA, "Kim@Example.ORG", "not-an-address", bounced, FIRSTNAME='Eva "E", K.')
    )
    settlement = await settled(dotdigital, remote, submission)
    found = by_email(settlement.results)
    assert {email: (one.outcome, one.reason) for email, one in found.items()} == {
        EVA: (Outcome.SENT, "added"),
        KIM: (Outcome.SENT, "added"),
        "not-an-address": (Outcome.REJECTED, "address-refused"),
        bounced: (Outcome.WITHHELD, "bounced"),
    }
    assert found[EVA].origin_id.isdigit()
    (member,) = await dotdigital.find(remote, [EVA], ("FIRSTNAME",))
    assert (member.fields, member.origin_id) == ({"FIRSTNAME": 'Eva "E", K.'}, found[EVA].origin_id)
    assert sandbox.state(VENDOR, LIST_ID)[KIM] == "Subscribed"
    assert len(settlement.files) == 2


@pytest.mark.parametrize("modifies", [True, False])
@pytest.mark.parametrize("faults", [True, False])
async def test_who_left_stays_out_and_who_was_known_joins_on_either_side_of_what_is_not_known(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList, modifies: bool, faults: bool
) -> None:
    sandbox.control(VENDOR, "switch", name="addition_modifies", value=modifies)
    sandbox.control(VENDOR, "switch", name="left_book_faults", value=faults)
    stranger, left = some(sandbox, "Subscribed", list_id="4714")[0], some(sandbox, "Unsubscribed")[0]
    account_out = some(sandbox, "Suppressed")[0]
    assert stranger not in sandbox.state(VENDOR, LIST_ID)
    sandbox.control(VENDOR, "clock", advance=3600)
    submission = await dotdigital.add(remote, additions(stranger, left, account_out))
    found = by_email((await settled(dotdigital, remote, submission)).results)
    assert found[stranger].outcome is Outcome.SENT
    assert (found[left].outcome, found[left].consent) == (Outcome.WITHHELD, Consent.UNSUBSCRIBED)
    assert (found[account_out].outcome, found[account_out].reason) == (Outcome.WITHHELD, "suppressed-account")
    assert sandbox.state(VENDOR, LIST_ID)[left] == "Unsubscribed"


async def test_who_unsubscribes_while_the_import_waits_is_withheld(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    (email,) = some(sandbox, "Subscribed")
    (member,) = await dotdigital.find(remote, [email], ())
    submission = await dotdigital.change(
        remote, [FieldChange(email, member.origin_id, {"FIRSTNAME": "Neu"})], by_ticket=True
    )
    sandbox.control(VENDOR, "unsubscribe", email=email, list=LIST_ID)
    found = by_email((await settled(dotdigital, remote, submission)).results)
    assert (found[email].outcome, found[email].reason) == (Outcome.WITHHELD, "unsubscribed")


@pytest.mark.parametrize(("clears", "many"), [(True, False), (False, False), (True, True)])
async def test_R32_oro_defect_14_clearing_clears_and_leaving_out_leaves(
    sandbox: RunningSandbox,
    dotdigital: Dotdigital,
    remote: RemoteList,
    monkeypatch: pytest.MonkeyPatch,
    clears: bool,
    many: bool,
) -> None:
    if many:
        monkeypatch.setattr("adapters.dotdigital.provider.CLEARED_BY_CALL", 0)
    sandbox.control(VENDOR, "switch", name="empty_clears", value=clears)
    names = ("FIRSTNAME", "LASTNAME", "CLUB")
    emails = some(sandbox, "Subscribed", 3)
    before = {one.email: one for one in await dotdigital.find(remote, emails, names)}
    cleared, changed, both = emails
    wanted = {cleared: {"CLUB": ""}, changed: {"FIRSTNAME": "Neu"}, both: {"CLUB": "", "LASTNAME": "Neu"}}
    rows = [FieldChange(email, before[email].origin_id, fields) for email, fields in wanted.items()]
    submission = await dotdigital.change(remote, rows, by_ticket=True)
    results = by_email(submission.results)
    if submission.ticket:
        results |= by_email((await settled(dotdigital, remote, submission)).results)
    assert {one.outcome for one in results.values()} == {Outcome.SENT}
    assert {one.reason for one in results.values()} == {"changed"}
    after = {one.email: one for one in await dotdigital.find(remote, emails, names)}
    for email in emails:
        assert after[email].fields == {**before[email].fields, **wanted[email]}


async def test_an_addition_touches_nothing_of_a_known_contact_but_the_mapped_fields(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    (email,) = some(sandbox, "Subscribed", list_id="4714")
    names = ("FIRSTNAME", "LASTNAME", "GENDER", "POSTCODE", "CLUB", "DONATIONS")
    other = await dotdigital.remote_list("4714")
    (before,) = await dotdigital.find(other, [email], names)
    rows = [*additions(email, FIRSTNAME="Neu"), *additions(EVA, LASTNAME="Muster")]
    await settled(dotdigital, remote, await dotdigital.add(remote, rows))
    (after,) = await dotdigital.find(remote, [email], names)
    assert after.fields == {**before.fields, "FIRSTNAME": "Neu"}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("RejectedByWatchdog", "watchdog-rejected"),
        ("InvalidFileFormat", "import-file-invalid"),
        ("ExceedsAllowedContactLimit", "contact-limit"),
        ("Failed", None),
        ("Unknown", None),
    ],
)
async def test_every_end_of_an_import_is_told(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList, status: str, reason: str | None
) -> None:
    sandbox.control(VENDOR, "next-import", status=status, polls=2)
    submission = await dotdigital.add(remote, additions(EVA))
    settlement = await settled(dotdigital, remote, submission)
    assert (settlement.otherwise.reason if settlement.otherwise else None) == reason
    assert status in settlement.text
    assert settlement.results == ()
    assert EVA not in sandbox.state(VENDOR, LIST_ID)


async def test_odd_faults_are_read_and_kept(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    sandbox.control(VENDOR, "switch", name="faults_bom", value=True)
    sandbox.control(VENDOR, "next-import", faults=[["Something New", EVA], ["SOFT BOUNCED", KIM]], load=False)
    settlement = await settled(dotdigital, remote, await dotdigital.add(remote, additions(EVA, KIM)))
    found = by_email(settlement.results)
    assert (found[EVA].outcome, found[EVA].reason, found[EVA].raw) == (
        Outcome.REJECTED,
        "unknown",
        "Something New",
    )
    assert (found[KIM].outcome, found[KIM].reason, found[KIM].consent) == (
        Outcome.WITHHELD,
        "soft-bounced",
        None,
    )
    (faults,) = [body for name, body in settlement.files.items() if name.endswith("faults.csv")]
    assert b"Something New" in faults


async def test_F15_oro_defect_06_a_row_that_was_counted_and_not_loaded_is_not_told_as_sent(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    sandbox.control(VENDOR, "next-import", lose=[EVA])
    settlement = await settled(dotdigital, remote, await dotdigital.add(remote, additions(EVA, KIM)))
    assert set(by_email(settlement.results)) == {KIM}
    assert settlement.otherwise is None


async def test_held_imports_stay_open_and_a_26th_is_refused(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    sandbox.control(VENDOR, "hold-imports", on=True)
    tickets = [
        (await dotdigital.add(remote, additions(f"p{number}@example.org"))).ticket for number in range(25)
    ]
    with pytest.raises(AccountLimit) as caught:
        await dotdigital.add(remote, additions("one-more@example.org"))
    assert caught.value.reason == "too-many-imports"
    now = datetime.now(UTC)
    assert not (await dotdigital.settle(remote, tickets[0], now)).finished
    sandbox.control(VENDOR, "release-imports", id=tickets[0])
    told = [(await dotdigital.settle(remote, tickets[0], now)).finished for _ in range(3)]
    assert told[-1]
    assert not (await dotdigital.settle(remote, tickets[1], now)).finished


async def test_oro_defect_15_an_import_without_an_answer_is_sent_once_and_exists_all_the_same(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    sandbox.control(VENDOR, "fail-next", body="drop-after", method="POST", path="import")
    with pytest.raises(Unanswered):
        await dotdigital.add(remote, additions("once@example.org"))
    sandbox.control(VENDOR, "clock", advance=60)
    told = await read(dotdigital, remote)
    assert "once@example.org" in {one.email for one in told.members.values()}
    posted = [row for row in sandbox.ledger_rows() if row.get("method") == "POST" and "import" in row["path"]]
    assert sum(any(op["email"] == "once@example.org" for op in row["ops"]) for row in posted) == 1


async def test_an_import_is_forgotten_after_a_week(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    submission = await dotdigital.add(remote, additions(EVA))
    sandbox.control(VENDOR, "clock", advance=9 * 86_400)
    settlement = await dotdigital.settle(remote, submission.ticket, datetime.now(UTC))
    assert settlement.finished
    assert settlement.otherwise is None


async def test_an_import_of_another_process_is_followed_by_its_ticket_alone(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    submission = await dotdigital.add(remote, additions(EVA))
    later = open_account(sandbox, Recorder(), read_only=True)
    settlement = await settled(later, remote, submission)
    assert by_email(settlement.results)[EVA].outcome is Outcome.SENT
    await later.aclose()


async def test_a_header_in_the_accounts_language_is_a_setting(
    sandbox: RunningSandbox, recorder: Recorder, remote: RemoteList
) -> None:
    sandbox.control(VENDOR, "switch", name="translated_email_header", value=True)
    plain = open_account(sandbox, recorder)
    (result,) = (await plain.add(remote, additions(EVA))).results
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "import-file-invalid")
    told = open_account(sandbox, recorder, email_column="E-Mail-Adresse")
    settlement = await settled(told, remote, await told.add(remote, additions(EVA)))
    assert by_email(settlement.results)[EVA].outcome is Outcome.SENT
    for one in (plain, told):
        await one.aclose()


async def test_consent_is_sent_only_when_asked_for(
    sandbox: RunningSandbox, recorder: Recorder, remote: RemoteList
) -> None:
    account = open_account(sandbox, recorder, send_consent=True, opt_in_type="Double")
    settlement = await settled(account, remote, await account.add(remote, additions(EVA, FIRSTNAME="Eva")))
    assert by_email(settlement.results)[EVA].outcome is Outcome.SENT
    await account.aclose()


@pytest.mark.parametrize("by_call", [200, 0])
async def test_whom_the_account_knows_keeps_the_opt_in_type_another_book_collected(
    sandbox: RunningSandbox,
    recorder: Recorder,
    remote: RemoteList,
    monkeypatch: pytest.MonkeyPatch,
    by_call: int,
) -> None:
    monkeypatch.setattr("adapters.dotdigital.lookup.KNOWN_BY_CALL", by_call)
    (known,) = some(sandbox, "Subscribed")
    plain = open_account(sandbox, recorder)
    (found,) = await plain.find(remote, [known], ())
    await settled(plain, remote, await plain.remove(remote, [Removal(known, found.origin_id)]))
    before = opt_in_type(sandbox, known)
    account = open_account(sandbox, recorder, opt_in_type="VerifiedDouble")
    submission = await account.add(remote, additions(known, EVA, FIRSTNAME="Eva"))
    settlement = await settled(account, remote, submission)
    assert {one.outcome for one in settlement.results} == {Outcome.SENT}
    assert opt_in_type(sandbox, EVA) == "VerifiedDouble"
    assert opt_in_type(sandbox, known) == before != "VerifiedDouble"
    for one in (plain, account):
        await one.aclose()


def opt_in_type(sandbox: RunningSandbox, email: str) -> str:
    """What the platform notes of a contact's consent."""
    key = sandbox.key(VENDOR)
    login = base64.b64encode(f"{key['user']}:{key['password']}".encode()).decode()
    request = urllib.request.Request(
        f"{sandbox.url(VENDOR)}/contacts/{email}", headers={"Authorization": f"Basic {login}"}
    )
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["optInType"])


# --- removal, opt-out, address, asking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pascal", [True, False])
async def test_a_removal_leaves_the_book_and_suppresses_nobody(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList, pascal: bool
) -> None:
    sandbox.control(VENDOR, "switch", name="pascal_deletions", value=pascal)
    emails = some(sandbox, "Subscribed", 2)
    found = await dotdigital.find(remote, emails, ())
    submission = await dotdigital.remove(remote, [Removal(one.email, one.origin_id) for one in found])
    settlement = await settled(dotdigital, remote, submission)
    assert settlement.otherwise is not None
    assert (settlement.otherwise.outcome, settlement.otherwise.reason) == (Outcome.SENT, "removed")
    assert not set(emails) & set(sandbox.state(VENDOR, LIST_ID))
    assert await dotdigital.known(emails) == set(emails)
    assert await dotdigital.find(remote, emails, ()) == ()
    settlement = await settled(dotdigital, remote, await dotdigital.add(remote, additions(*emails)))
    assert {one.outcome for one in settlement.results} == {Outcome.SENT}, "removal is reversible"


async def test_an_opt_out_reaches_this_book_alone(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    (email,) = some(sandbox, "Subscribed")
    submission = await dotdigital.unsubscribe(
        remote, [Unsubscription(email, "1"), Unsubscription("nobody@example.org", "2")]
    )
    assert [(one.outcome, one.reason) for one in submission.results] == [
        (Outcome.SENT, "unsubscribed-by-us"),
        (Outcome.WITHHELD, "member-gone"),
    ]
    (member,) = await dotdigital.find(remote, [email], ())
    assert (member.consent, member.scope) == (Consent.UNSUBSCRIBED, Scope.LIST)
    assert sandbox.state(VENDOR, "4400")[email] == "Subscribed"


async def test_R25_another_address_keeps_the_number(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList
) -> None:
    email, other = some(sandbox, "Subscribed", 2)
    (member,) = await dotdigital.find(remote, [email], ())
    rows = [AddressMove(email, member.origin_id, "Moved@Example.org", {"FIRSTNAME": "Neu"})]
    (result,) = (await dotdigital.move(remote, rows)).results
    assert (result.outcome, result.reason, result.origin_id) == (Outcome.SENT, "moved", member.origin_id)
    (moved,) = await dotdigital.find(remote, ["moved@example.org"], ("FIRSTNAME",))
    assert (moved.origin_id, moved.fields) == (member.origin_id, {"FIRSTNAME": "Neu"})
    (taken,) = (
        await dotdigital.move(remote, [AddressMove("moved@example.org", member.origin_id, other)])
    ).results
    assert (taken.outcome, taken.reason) == (Outcome.REJECTED, "address-taken")
    (gone,) = (
        await dotdigital.move(remote, [AddressMove("x@example.org", "999999", "y@example.org")])
    ).results
    assert (gone.outcome, gone.reason) == (Outcome.WITHHELD, "member-gone")


@pytest.mark.parametrize("adds", [False, True])
async def test_one_person_is_asked_and_a_bounced_one_is_not(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList, adds: bool
) -> None:
    sandbox.control(VENDOR, "switch", name="resubscribe_adds", value=adds)
    inside, bounced, left = (some(sandbox, word)[0] for word in ("Subscribed", "HardBounced", "Unsubscribed"))
    told = {}
    for email in (inside, bounced, left):
        result = await dotdigital.request_opt_in(remote, OptInRequest(email, "", "office"))
        told[email] = (result.outcome, result.reason)
    assert told == {
        inside: (Outcome.WITHHELD, "already-there"),
        bounced: (Outcome.REJECTED, "cannot-be-asked"),
        left: (Outcome.SENT, "added" if adds else "opt-in-asked"),
    }


async def test_a_book_of_the_accounts_own_takes_nothing(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    (test_book,) = [one for one in await dotdigital.lists() if one.name == "Test"]
    with pytest.raises(Refused):
        await dotdigital.add(test_book, additions(EVA))
    unmarked = RemoteList(test_book.list_id, test_book.name)
    (result,) = (await dotdigital.add(unmarked, additions(EVA))).results
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "system-list")
    assert EVA not in sandbox.state(VENDOR, test_book.list_id)


async def test_a_book_is_created_once_and_never_under_a_reserved_name(
    sandbox: RunningSandbox, dotdigital: Dotdigital
) -> None:
    made = await dotdigital.create_list("Rundbrief", public=True)
    assert made.list_id in {one.list_id for one in await dotdigital.lists()}
    with pytest.raises(Refused) as caught:
        await dotdigital.create_list("Rundbrief")
    assert caught.value.reason == "list-name-taken"
    settlement = await settled(dotdigital, made, await dotdigital.add(made, additions(EVA)))
    assert by_email(settlement.results)[EVA].outcome is Outcome.SENT


async def test_I07_no_log_line_of_ours_holds_an_address_a_number_or_the_login(
    sandbox: RunningSandbox, dotdigital: Dotdigital, remote: RemoteList, recorder: Recorder
) -> None:
    (email,) = some(sandbox, "Subscribed")
    (member,) = await dotdigital.find(remote, [email], ("FIRSTNAME",))
    await dotdigital.change(remote, [FieldChange(email, member.origin_id, {"CLUB": ""})], by_ticket=True)
    submission = await dotdigital.add(remote, additions(EVA))
    await settled(dotdigital, remote, submission)
    await dotdigital.unsubscribe(remote, [Unsubscription(email, member.origin_id)])
    sandbox.control(VENDOR, "expire-key")
    with pytest.raises(AdapterError) as caught:
        await dotdigital.lists()
    key = sandbox.key(VENDOR)
    told = "\n".join([*map(str, recorder.notes), *recorder.told, str(caught.value), caught.value.next])
    for secret in (email, EVA, member.origin_id, LIST_ID, submission.ticket, key["user"], key["password"]):
        assert secret not in told
    assert len(recorder.notes) > 10
