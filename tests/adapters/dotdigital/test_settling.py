"""Every status an import can have, and what each row is told of it (R19, R23)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.provider import AdapterError, Addition, RowResult, Settlement
from state.model import Consent, Outcome
from state.open_imports import import_words
from state.reasons import REASONS
from tests.adapters.dotdigital.accounts import (
    ANY,
    API,
    BOOK,
    GUID,
    OTHER_GUID,
    REMOTE,
    asked,
    book,
    connect,
    contact,
    opened,
    pascal,
    refusal,
    suppression,
)
from tests.adapters.wires import Recorder

IMPORT = f"{API}/contacts/import/{GUID}"
PAGE = f"https://r1-app.dotdigital.com/Contacts/Import/WatchdogReport.aspx?g={GUID}"
REPORT = {"newContacts": 2, "updatedContacts": 1, "unsubscribed": 1, "surprises": 7}
FAULTS = (
    "\ufeffReason,email,firstname\r\nUnsubscribed,Tom@Example.org,Tom\r\nSoft Bounced,soft@example.org,\r\n"
)


def status(httpx_mock: HTTPXMock, word: str, guid: str = GUID, **more: Any) -> None:
    httpx_mock.add_response(
        url=f"{API}/contacts/import/{guid}", json={"id": guid, "status": word, **more}, **ANY
    )


def reported(httpx_mock: HTTPXMock, faults: str = FAULTS, guid: str = GUID) -> None:
    base = f"{API}/contacts/import/{guid}"
    httpx_mock.add_response(url=f"{base}/report", json=REPORT, **ANY)
    httpx_mock.add_response(url=f"{base}/report-faults", text=faults, **ANY)


def loaded(httpx_mock: HTTPXMock, *rows: dict[str, Any], left: tuple[dict[str, Any], ...] = ()) -> None:
    """Who is in the book and changed since, and who left it."""
    for path, found in (("modified-since", list(rows)), ("unsubscribed-since", list(left))):
        base = re.escape(f"{BOOK}/contacts/{path}/") + "[^?]+[?]select=1000&skip="
        date = {"Date": format_datetime(datetime.now(UTC), usegmt=True)}
        httpx_mock.add_response(url=re.compile(base + "0$"), json=found, headers=date, **ANY)
        httpx_mock.add_response(url=re.compile(base + "900$"), json=[], **ANY)


async def settle(
    httpx_mock: HTTPXMock, ticket: str = GUID, age: float = 60.0, recorder: Recorder | None = None
) -> Settlement:
    opened(httpx_mock)
    dotdigital = connect(recorder or Recorder(), read_only=True)
    try:
        return await dotdigital.settle(REMOTE, ticket, datetime.now(UTC) - timedelta(seconds=age))
    finally:
        await dotdigital.aclose()


def by_email(settlement: Settlement) -> dict[str, RowResult]:
    return {one.email.lower(): one for one in settlement.results}


# --- on its way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["NotFinished", "notfinished", "NOTFINISHED"])
async def test_an_unfinished_import_is_told_and_its_page_is_left_to_whoever_keeps_it(
    httpx_mock: HTTPXMock, word: str
) -> None:
    status(httpx_mock, word)
    settlement = await settle(httpx_mock, age=10**6)
    assert not settlement.finished
    assert settlement.text == f"Import {GUID}: {word}"
    told = import_words(GUID, said=settlement.text, age_seconds=63, polls=7, page=PAGE)
    assert told == f"import {GUID}: {word}, 63 s old, 7 polls, report page {PAGE}"


@pytest.mark.parametrize("word", ["NotAvailableInThisVersion", "BeingLookedAt", ""])
async def test_R23_a_status_nobody_knows_is_shown_raw_and_may_still_load(
    httpx_mock: HTTPXMock, word: str
) -> None:
    status(httpx_mock, word)
    young = await settle(httpx_mock, age=60)
    assert not young.finished
    assert word in young.text
    old = await settle(httpx_mock, age=7000)
    assert (old.finished, old.results, old.otherwise) == (True, (), None)
    assert "read back" in old.text


async def test_oro_defect_05_a_status_is_asked_for_anew_each_time(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    for word in ("NotFinished", "NotFinished", "Failed"):
        httpx_mock.add_response(url=IMPORT, json={"id": GUID, "status": word})
    dotdigital = connect(Recorder(), read_only=True)
    now = datetime.now(UTC)
    told = [(await dotdigital.settle(REMOTE, GUID, now)).finished for _ in range(3)]
    assert told == [False, False, True]
    assert {request.headers["Cache-Control"] for request in asked(httpx_mock)} == {"no-cache"}
    await dotdigital.aclose()


# --- ended badly -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "reason"),
    [("RejectedByWatchdog", "watchdog-rejected"), ("InvalidFileFormat", "import-file-invalid")],
)
async def test_oro_defect_03_a_refused_file_rejects_every_row_and_reads_nothing_more(
    httpx_mock: HTTPXMock, word: str, reason: str
) -> None:
    status(httpx_mock, word)
    settlement = await settle(httpx_mock)
    assert settlement.finished
    assert settlement.otherwise is not None
    assert (settlement.otherwise.outcome, settlement.otherwise.reason) == (Outcome.REJECTED, reason)
    assert word in settlement.otherwise.raw
    assert PAGE in settlement.text
    assert reason in REASONS
    assert settlement.results == ()


async def test_a_full_account_is_told_with_its_counts(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "ExceedsAllowedContactLimit")
    httpx_mock.add_response(url=BOOK, json=book(2134))
    httpx_mock.add_response(url=f"{API}/contacts/count", json=4423)
    settlement = await settle(httpx_mock)
    assert settlement.otherwise is not None
    assert settlement.otherwise.reason == "contact-limit"
    assert "The book has 2,134 contacts, the account 4,423" in settlement.text


@pytest.mark.parametrize("word", ["Failed", "Unknown", "failed"])
async def test_a_failed_import_names_nobody_so_that_all_are_read_back(
    httpx_mock: HTTPXMock, word: str
) -> None:
    status(httpx_mock, word)
    settlement = await settle(httpx_mock)
    assert (settlement.finished, settlement.results, settlement.otherwise) == (True, (), None)
    assert word in settlement.text


async def test_an_import_that_was_forgotten_names_nobody(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=IMPORT, **refusal("ERROR_IMPORT_NOT_FOUND", 404))
    settlement = await settle(httpx_mock)
    assert (settlement.finished, settlement.results, settlement.otherwise) == (True, (), None)


async def test_trouble_while_asking_is_no_end_of_the_import(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=IMPORT, status_code=418, json={"message": "no"})
    with pytest.raises(AdapterError):
        await settle(httpx_mock)


async def test_the_header_of_a_file_that_was_not_understood_is_shown(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", status_code=202, json={"id": GUID, "status": "NotFinished"})
    status(httpx_mock, "InvalidFileFormat")
    dotdigital = connect(Recorder())
    submission = await dotdigital.add(REMOTE, [Addition("ida@example.org", {"FIRSTNAME": "Ida"}, "form")])
    settlement = await dotdigital.settle(REMOTE, submission.ticket, datetime.now(UTC))
    assert "email,FIRSTNAME" in settlement.text
    assert settlement.otherwise is not None
    assert "ida@example.org,Ida" in settlement.otherwise.raw
    await dotdigital.aclose()


# --- finished -------------------------------------------------------------------------------------------------------------


async def test_R19_a_finished_import_names_who_was_loaded_refused_and_left(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "Finished", more="fields")
    reported(httpx_mock)
    loaded(
        httpx_mock,
        contact(1, email="ida@example.org", dataFields=None),
        contact(2, "PendingOptIn", email="wait@example.org"),
        contact(3, email="stranger@example.org"),
        left=(suppression(4, "Unsubscribed", "2026-03-01T00:00:00Z", "Subscribed"),),
    )
    settlement = await settle(httpx_mock)
    assert settlement.finished
    assert settlement.otherwise is None
    found = by_email(settlement)
    assert {email: (one.outcome, one.reason, one.origin_id) for email, one in found.items()} == {
        "ida@example.org": (Outcome.SENT, "added", "1"),
        "wait@example.org": (Outcome.SENT, "asked-to-confirm", "2"),
        "stranger@example.org": (Outcome.SENT, "added", "3"),
        "tom@example.org": (Outcome.WITHHELD, "unsubscribed-account", ""),
        "soft@example.org": (Outcome.WITHHELD, "soft-bounced", ""),
        "person4@example.org": (Outcome.WITHHELD, "unsubscribed", "4"),
    }
    assert found["soft@example.org"].consent is None
    assert found["tom@example.org"].consent is Consent.UNSUBSCRIBED
    assert set(settlement.files) == {f"import-{GUID}-report.json", f"import-{GUID}-faults.csv"}
    assert settlement.files[f"import-{GUID}-faults.csv"] == FAULTS.encode()
    assert "2 new, 1 updated; 2 not taken (1 Unsubscribed, 1 Soft Bounced)" in settlement.text


async def test_changes_are_told_as_changed(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "Finished")
    reported(httpx_mock, "Reason,email\n")
    loaded(httpx_mock, contact(1, email="ida@example.org"))
    assert by_email(await settle(httpx_mock, f"change:{GUID}"))["ida@example.org"].reason == "changed"


async def test_who_is_loaded_is_read_from_a_minute_before_and_who_left_from_ten(
    httpx_mock: HTTPXMock,
) -> None:
    status(httpx_mock, "Finished")
    reported(httpx_mock)
    loaded(httpx_mock)
    when = datetime.now(UTC) - timedelta(hours=1)
    await settle(httpx_mock, age=3600)
    moments = {}
    for request in asked(httpx_mock):
        if "-since/" in request.url.path:
            name, _, text = request.url.path.rpartition("/")
            moments[name.rpartition("/")[2]] = datetime.fromisoformat(text)
    for name, before in (("modified-since", 60), ("unsubscribed-since", 600)):
        assert abs((when - timedelta(seconds=before) - moments[name]).total_seconds()) < 5


@pytest.mark.parametrize("status_code", [404, 204])
async def test_a_report_that_is_gone_takes_nothing_away(httpx_mock: HTTPXMock, status_code: int) -> None:
    status(httpx_mock, "Finished")
    httpx_mock.add_response(url=f"{IMPORT}/report", **refusal("ERROR_IMPORT_REPORT_NOT_FOUND", 404))
    httpx_mock.add_response(url=f"{IMPORT}/report-faults", status_code=status_code)
    loaded(httpx_mock, contact(1, email="ida@example.org"))
    settlement = await settle(httpx_mock)
    assert by_email(settlement)["ida@example.org"].outcome is Outcome.SENT
    assert settlement.files == {}


async def test_a_duplicate_that_is_in_the_book_was_loaded(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "Finished")
    reported(httpx_mock, "Reason,email\nDuplicate,Ida@Example.org\nDuplicate,gone@example.org\n")
    loaded(httpx_mock, contact(1, email="ida@example.org"))
    found = by_email(await settle(httpx_mock))
    assert (found["ida@example.org"].outcome, found["ida@example.org"].origin_id) == (Outcome.SENT, "1")
    assert found["gone@example.org"].reason == "duplicate-in-import"


async def test_a_refusal_outweighs_being_in_the_book(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "Finished")
    reported(httpx_mock, "Reason,email\nFailures,ida@example.org\n")
    loaded(httpx_mock, contact(1, email="ida@example.org"))
    (result,) = (await settle(httpx_mock)).results
    assert (result.outcome, result.reason) == (Outcome.REJECTED, "platform-refused")


async def test_members_whose_status_is_no_mailable_one_were_not_loaded(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "Finished")
    reported(httpx_mock, "Reason,email\n")
    loaded(httpx_mock, contact(1, "HardBounced"), contact(2, "Suppressed"), contact(3, "New Word"))
    assert (await settle(httpx_mock)).results == ()


async def test_pascal_case_is_read_alike(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=IMPORT, json={"Id": GUID, "Status": "Finished"})
    httpx_mock.add_response(url=f"{IMPORT}/report", json=pascal(REPORT))
    httpx_mock.add_response(url=f"{IMPORT}/report-faults", text=FAULTS)
    loaded(httpx_mock, pascal(contact(1, email="ida@example.org")))
    settlement = await settle(httpx_mock)
    assert "ida@example.org" in by_email(settlement)
    assert "2 new" in settlement.text


# --- several files of one ticket --------------------------------------------------------------------------------------------


async def test_a_ticket_of_two_files_ends_with_the_later_one(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "Finished")
    status(httpx_mock, "NotFinished", OTHER_GUID)
    settlement = await settle(httpx_mock, f"{GUID}+{OTHER_GUID}")
    assert (settlement.finished, settlement.done, settlement.total) == (False, 1, 2)
    assert OTHER_GUID in settlement.text


async def test_two_files_refused_alike_refuse_all_rows(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "RejectedByWatchdog")
    status(httpx_mock, "RejectedByWatchdog", OTHER_GUID)
    settlement = await settle(httpx_mock, f"{GUID}+{OTHER_GUID}")
    assert settlement.otherwise is not None


async def test_one_refused_file_says_nothing_of_the_rows_of_the_other(httpx_mock: HTTPXMock) -> None:
    status(httpx_mock, "Finished")
    reported(httpx_mock, "Reason,email\n")
    status(httpx_mock, "RejectedByWatchdog", OTHER_GUID)
    loaded(httpx_mock, contact(1, email="ida@example.org"))
    settlement = await settle(httpx_mock, f"{GUID}+{OTHER_GUID}")
    assert settlement.finished
    assert settlement.otherwise is None
    assert set(by_email(settlement)) == {"ida@example.org"}


# --- this process's own tickets ----------------------------------------------------------------------------------------------


async def test_a_ticket_of_this_process_names_only_its_own_rows_and_reads_on(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    for guid in (GUID, OTHER_GUID):
        httpx_mock.add_response(method="POST", status_code=202, json={"id": guid, "status": "NotFinished"})
        status(httpx_mock, "Finished", guid)
        reported(httpx_mock, "Reason,email\n", guid)
    loaded(httpx_mock, contact(1, email="ida@example.org"), contact(2, email="tom@example.org"))
    dotdigital = connect(Recorder())
    since = datetime.now(UTC) - timedelta(hours=1)
    told = []
    for email in ("Ida@Example.org", "tom@example.org"):
        ticket = (await dotdigital.add(REMOTE, [Addition(email, {}, "form")])).ticket
        told.append([one.email for one in (await dotdigital.settle(REMOTE, ticket, since)).results])
    assert told == [["ida@example.org"], ["tom@example.org"]]
    moments = [
        request.url.path.rpartition("/")[2]
        for request in asked(httpx_mock)
        if "modified-since" in request.url.path and request.url.params["skip"] == "0"
    ]
    assert len(moments) == 2
    assert datetime.fromisoformat(moments[1]) - datetime.fromisoformat(moments[0]) > timedelta(minutes=58)
    await dotdigital.aclose()


# --- removals ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "finished", "outcome"),
    [
        ({"id": GUID, "status": "Started"}, False, None),
        ({"Id": GUID, "Status": "Completed"}, True, Outcome.SENT),
        ({"id": GUID, "status": "completed"}, True, Outcome.SENT),
        ({"Id": GUID, "Status": "Failed"}, True, Outcome.REJECTED),
        ({"id": GUID}, False, None),
    ],
)
async def test_oro_defect_04_a_removal_is_followed_to_its_end_and_a_failed_one_removes_nobody(
    httpx_mock: HTTPXMock, document: dict[str, str], finished: bool, outcome: Outcome | None
) -> None:
    httpx_mock.add_response(url=f"{API}/contacts/deletion/{GUID}", json=document)
    settlement = await settle(httpx_mock, f"deletion:{GUID}")
    assert settlement.finished is finished
    assert (settlement.otherwise.outcome if settlement.otherwise else None) is outcome


@pytest.mark.parametrize(
    ("words", "finished", "outcome"),
    [
        (("Completed", "Completed"), True, Outcome.SENT),
        (("Completed", "Started"), False, None),
        (("Completed", "Failed"), True, None),
        (("Failed", "Failed"), True, Outcome.REJECTED),
    ],
)
async def test_a_removal_in_two_calls_ends_with_both(
    httpx_mock: HTTPXMock, words: tuple[str, str], finished: bool, outcome: Outcome | None
) -> None:
    for guid, word in zip((GUID, OTHER_GUID), words, strict=True):
        httpx_mock.add_response(url=f"{API}/contacts/deletion/{guid}", json={"id": guid, "status": word})
    settlement = await settle(httpx_mock, f"deletion:{GUID}+{OTHER_GUID}")
    assert settlement.finished is finished
    assert (settlement.otherwise.outcome if settlement.otherwise else None) is outcome


async def test_a_removal_that_was_forgotten_names_nobody(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=f"{API}/contacts/deletion/{GUID}", status_code=404, json={"message": "gone"})
    settlement = await settle(httpx_mock, f"deletion:{GUID}")
    assert (settlement.finished, settlement.otherwise) == (True, None)


@given(st.text(max_size=30))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_R23_no_status_word_whatever_makes_a_row_sent(httpx_mock: HTTPXMock, word: str) -> None:
    if word.lower() == "finished":
        return
    httpx_mock.reset()
    status(httpx_mock, word)
    settlement = await settle(httpx_mock)
    assert settlement.results == ()
    assert settlement.otherwise is None or settlement.otherwise.outcome is Outcome.REJECTED
    httpx_mock.reset()
