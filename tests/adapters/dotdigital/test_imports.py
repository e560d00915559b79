"""Import files: the exact requests, what they may touch, where they are cut, and what happens when one gets no answer."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.dotdigital import importfile
from adapters.dotdigital.importfile import FILE_ROWS, Layout, files_of_additions, files_of_changes
from adapters.provider import (
    AccountLimit,
    Addition,
    FieldChange,
    NotThere,
    Refused,
    Repeat,
    Submission,
    Throttled,
    Unanswered,
)
from state.model import Action, Outcome
from tests.adapters.dotdigital.accounts import (
    API,
    BOOK,
    GUID,
    OTHER_GUID,
    REMOTE,
    TEST_BOOK,
    asked,
    connect,
    contact,
    opened,
    refusal,
)
from tests.adapters.wires import Recorder

NOT_EMPTY = f"{BOOK}/contacts/import/with-merge-option/OnlyOverwriteIfNotEmpty"
CHANGES = f"{API}/contacts/import/with-merge-option/OnlyOverwriteIfNotEmpty"
CLEARINGS = f"{API}/contacts/import/with-merge-option/Overwrite"
IDA, JUERG, TOM = "ida@example.org", "jürg@example.org", "tom@example.org"


def started(guid: str = GUID) -> dict[str, Any]:
    return {"status_code": 202, "json": {"id": guid, "status": "NotFinished"}}


def sent(request: httpx.Request) -> list[list[str]]:
    """The rows of the file in a request."""
    document = json.loads(request.content)
    assert set(document) == {"fileName", "data"}
    assert document["fileName"].endswith(".csv")
    text = base64.b64decode(document["data"], validate=True).decode("utf-8")
    return list(csv.reader(io.StringIO(text, newline="")))


def change(email: str, number: str = "1", **fields: str) -> FieldChange:
    return FieldChange(email, number, fields)


def outcomes(submission: Submission) -> dict[str, tuple[Outcome, str]]:
    return {one.email: (one.outcome, one.reason) for one in submission.results}


# --- the requests ------------------------------------------------------------------------------------------------------


async def test_additions_are_one_file_that_overwrites_nothing_with_nothing(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", url=NOT_EMPTY, **started())
    dotdigital = connect(Recorder())
    rows = [
        Addition(f" {IDA} ", {"FIRSTNAME": "Ida", "LASTNAME": 'Keller, "von"'}, "form 2024", ("news",)),
        Addition(JUERG, {"FIRSTNAME": "Jürg", "MEMBERSINCE": "2019-04-01T00:00:00"}, "form"),
    ]
    submission = await dotdigital.add(REMOTE, rows)
    (request,) = asked(httpx_mock)
    assert sent(request) == [
        ["email", "FIRSTNAME", "LASTNAME", "MEMBERSINCE"],
        [IDA, "Ida", 'Keller, "von"', ""],
        [JUERG, "Jürg", "", "2019-04-01T00:00:00"],
    ]
    assert submission.ticket == GUID
    assert submission.page == f"https://r1-app.dotdigital.com/Contacts/Import/WatchdogReport.aspx?g={GUID}"
    assert outcomes(submission) == {
        f" {IDA} ": (Outcome.ACCEPTED, "handed-over"),
        JUERG: (Outcome.ACCEPTED, "handed-over"),
    }
    (name, head), *none = submission.files.items()
    assert (name, none) == (f"import-{GUID}-sent-head.csv", [])
    assert head.decode().split("\r\n")[1:] == [f'{IDA},Ida,"Keller, ""von""",', ""]
    await dotdigital.aclose()


@pytest.mark.parametrize(
    ("options", "header", "cells"),
    [
        ({}, ["email", "FIRSTNAME"], [IDA, "Ida"]),
        ({"opt_in_type": "Unknown"}, ["email", "FIRSTNAME"], [IDA, "Ida"]),
        ({"opt_in_type": "Double"}, ["email", "OPTINTYPE", "FIRSTNAME"], [IDA, "Double", "Ida"]),
        ({"send_consent": True}, ["email", "CONSENTTEXT", "FIRSTNAME"], [IDA, "form 2024", "Ida"]),
        ({"send_consent": False}, ["email", "FIRSTNAME"], [IDA, "Ida"]),
        ({"email_column": "E-Mail-Adresse"}, ["E-Mail-Adresse", "FIRSTNAME"], [IDA, "Ida"]),
    ],
)
async def test_only_what_the_settings_ask_for_leaves_beside_mapped_fields(
    httpx_mock: HTTPXMock, options: dict[str, str | bool], header: list[str], cells: list[str]
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", url=NOT_EMPTY, **started())
    if options.get("opt_in_type", "Unknown") != "Unknown":
        unknown = {"message": "Error: ERROR_CONTACT_NOT_FOUND"}
        httpx_mock.add_response(url=re.compile(r".*/v2/contacts/ida"), status_code=404, json=unknown)
    dotdigital = connect(Recorder(), options=options)
    await dotdigital.add(REMOTE, [Addition(IDA, {"FIRSTNAME": "Ida"}, "form 2024")])
    (post,) = [one for one in asked(httpx_mock) if one.method == "POST"]
    assert sent(post) == [header, cells]
    await dotdigital.aclose()


async def test_changes_carry_no_consent_whatever_the_settings(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", url=CHANGES, **started())
    dotdigital = connect(Recorder(), options={"opt_in_type": "VerifiedDouble", "send_consent": True})
    submission = await dotdigital.change(
        REMOTE, [change(IDA, FIRSTNAME="Ida"), change(TOM, LASTNAME="Frei")], by_ticket=True
    )
    assert sent(asked(httpx_mock)[0]) == [
        ["email", "FIRSTNAME", "LASTNAME"],
        [IDA, "Ida", ""],
        [TOM, "", "Frei"],
    ]
    assert submission.ticket == f"change:{GUID}"
    await dotdigital.aclose()


async def test_oro_defect_14_a_value_is_cleared_by_a_call_whose_answer_proves_it(
    httpx_mock: HTTPXMock,
) -> None:
    opened(httpx_mock)
    shown = contact(81, dataFields=[{"key": "firstname", "value": "Ida"}, {"key": "CLUB", "value": None}])
    httpx_mock.add_response(method="PUT", url=re.compile(r".*/v2/contacts/81$"), json=shown)
    dotdigital = connect(Recorder())
    submission = await dotdigital.change(
        REMOTE, [change(IDA, "81", FIRSTNAME="Ida", CLUB="")], by_ticket=True
    )
    (request,) = asked(httpx_mock)
    assert json.loads(request.content) == {
        "email": IDA,
        "dataFields": [{"key": "FIRSTNAME", "value": "Ida"}, {"key": "CLUB", "value": None}],
    }
    assert (outcomes(submission), submission.ticket) == ({IDA: (Outcome.SENT, "changed")}, "")
    await dotdigital.aclose()


async def test_a_value_that_stayed_is_cleared_by_a_file_in_which_every_cell_is_meant(
    httpx_mock: HTTPXMock,
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(
        method="PUT", json=contact(81, dataFields=[{"key": "CLUB", "value": "Bern"}]), is_reusable=True
    )
    httpx_mock.add_response(method="POST", url=CHANGES, **started())
    httpx_mock.add_response(method="POST", url=CLEARINGS, **started(OTHER_GUID))
    dotdigital = connect(Recorder())
    rows = [change(IDA, "81", CLUB="", FIRSTNAME="Ida"), change(TOM, "82", FIRSTNAME="Tom")]
    submission = await dotdigital.change(REMOTE, rows, by_ticket=True)
    _, filling, clearing = asked(httpx_mock)
    assert sent(filling) == [["email", "FIRSTNAME"], [TOM, "Tom"]]
    assert sent(clearing) == [["email", "CLUB", "FIRSTNAME"], [IDA, "", "Ida"]]
    assert submission.ticket == f"change:{GUID}+{OTHER_GUID}"
    assert set(outcomes(submission).values()) == {(Outcome.ACCEPTED, "handed-over")}
    await dotdigital.aclose()


fields_of_a_row = st.dictionaries(
    st.sampled_from(["FIRSTNAME", "LASTNAME", "CLUB", "MEMBERSINCE"]),
    st.sampled_from(["", "x", "y, z"]),
    min_size=1,
)


@given(st.lists(fields_of_a_row, min_size=1, max_size=12))
def test_R32_a_field_a_row_does_not_mention_is_touched_on_neither_side_of_the_doubt(
    wanted: list[dict[str, str]],
) -> None:
    """Whether an empty cell clears is not known: it is meant in one kind of file, and means nothing in the other."""
    rows = [FieldChange(f"p{number}@example.org", "", fields) for number, fields in enumerate(wanted)]
    clearing = [row for row in rows if "" in row.fields.values()]
    filling = [row for row in rows if "" not in row.fields.values()]
    for files, kind in (
        (files_of_changes(filling, Layout(), clearing=False), importfile.CHANGES_NOT_EMPTY),
        (files_of_changes(clearing, Layout(), clearing=True), importfile.CHANGES_OVERWRITE),
    ):
        for one in files:
            assert one.template == kind
            header, *lines = csv.reader(io.StringIO(one.data.decode(), newline=""))
            for line in lines:
                fields = rows[int(line[0].partition("@")[0][1:])].fields
                cells = dict(zip(header[1:], line[1:], strict=True))
                given_ = {name: value for name, value in cells.items() if value}
                assert given_ == {name: value for name, value in fields.items() if value}
                if kind == importfile.CHANGES_OVERWRITE:
                    assert cells == dict(fields)


# --- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "files"), [(1, 1), (FILE_ROWS, 1), (FILE_ROWS + 1, 2)])
def test_R34_a_file_has_so_many_rows_and_no_more(rows: int, files: int) -> None:
    made = files_of_additions([Addition(f"p{n}@example.org", {}, "form") for n in range(rows)], Layout())
    assert len(made) == files
    assert sum(len(one.emails) for one in made) == rows


@given(st.lists(st.tuples(st.text('aä𝔼"\n,', max_size=60), st.integers(1, 9)), min_size=1, max_size=30))
def test_R34_files_are_cut_by_bytes_and_lose_nobody(values: list[tuple[str, int]]) -> None:
    limit = importfile.FILE_BYTES
    importfile.FILE_BYTES = 300
    try:
        rows = [
            Addition(f"p{n}@example.org", {"F": text * many}, "x") for n, (text, many) in enumerate(values)
        ]
        made = files_of_additions(rows, Layout())
    finally:
        importfile.FILE_BYTES = limit
    assert [email for one in made for email in one.emails] == [row.email for row in rows]
    for one in made:
        assert len(one.data) <= 300 or len(one.emails) == 1
        header, *lines = csv.reader(io.StringIO(one.data.decode("utf-8"), newline=""))
        assert header == ["email", "F"]
        told: Mapping[str, str] = {line[0]: line[1] for line in lines}
        assert told == {row.email: row.fields["F"] for row in rows if row.email in one.emails}


def test_the_cut_of_an_export() -> None:
    dotdigital = connect(Recorder())
    add = dotdigital.batch(Action.ADD, 25_000)
    assert (add.rows, add.repeat, add.parallel, add.by_ticket) == (10_000, Repeat.NEVER, 5, True)
    assert dotdigital.batch(Action.CHANGE, 3) == add
    remove = dotdigital.batch(Action.REMOVE, 3)
    assert (remove.rows, remove.repeat, remove.by_ticket) == (1000, Repeat.AT_ONCE, True)
    assert dotdigital.batch(Action.MOVE, 3).repeat is Repeat.AFTER_QUARANTINE
    assert dotdigital.batch(Action.UNSUBSCRIBE, 3).repeat is Repeat.AT_ONCE


# --- refusals ----------------------------------------------------------------------------------------------------------


async def test_a_26th_import_is_told_as_a_limit_and_nothing_was_applied(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal("ERROR_IMPORT_TOOMANYACTIVEIMPORTS"))
    dotdigital = connect(Recorder())
    with pytest.raises(AccountLimit) as caught:
        await dotdigital.add(REMOTE, [Addition(IDA, {}, "form")])
    assert caught.value.reason == "too-many-imports"
    await dotdigital.aclose()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ERROR_NO_EMAIL_COLUMN", "import-file-invalid"),
        ("ERROR_IMPORT_UNSUPPORTED_FORMAT", "import-file-invalid"),
        ("ERROR_ADDRESSBOOK_NOTWRITABLE", "system-list"),
    ],
)
async def test_a_refused_file_is_not_halved_to_find_a_better_one(
    httpx_mock: HTTPXMock, code: str, reason: str
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal(code))
    dotdigital = connect(Recorder())
    submission = await dotdigital.add(REMOTE, [Addition(IDA, {}, "form"), Addition(TOM, {}, "form")])
    assert outcomes(submission) == {IDA: (Outcome.REJECTED, reason), TOM: (Outcome.REJECTED, reason)}
    assert submission.ticket == ""
    assert code in submission.results[0].raw
    await dotdigital.aclose()


async def test_a_book_that_is_gone_refuses_nobodys_row(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal("ERROR_ADDRESSBOOK_NOT_FOUND", 404))
    dotdigital = connect(Recorder())
    with pytest.raises(NotThere):
        await dotdigital.add(REMOTE, [Addition(IDA, {}, "form")])
    await dotdigital.aclose()


async def test_oro_defect_12_nothing_is_written_to_a_book_of_the_accounts_own(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    dotdigital = connect(Recorder())
    for write in (
        dotdigital.add(TEST_BOOK, [Addition(IDA, {}, "form")]),
        dotdigital.change(TEST_BOOK, [change(IDA, FIRSTNAME="Ida")], by_ticket=True),
    ):
        with pytest.raises(Refused) as caught:
            await write
        assert caught.value.reason == "system-list"
    assert asked(httpx_mock) == []
    await dotdigital.aclose()


# --- no answer -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 502, "html": "<html></html>"},
        {"status_code": 503, "json": {"message": "ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE"}},
        {"status_code": 202, "json": {"status": "NotFinished"}},
        {"status_code": 202, "content": b""},
    ],
)
async def test_a_post_without_a_clear_answer_is_in_doubt_and_sent_once(
    httpx_mock: HTTPXMock, answer: dict[str, Any]
) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **answer)
    dotdigital = connect(Recorder())
    with pytest.raises(Unanswered):
        await dotdigital.add(REMOTE, [Addition(IDA, {}, "form")])
    assert len(asked(httpx_mock)) == 1
    await dotdigital.aclose()


async def test_oro_defect_15_a_time_out_after_the_file_left_never_sends_it_again(
    httpx_mock: HTTPXMock,
) -> None:
    opened(httpx_mock)
    httpx_mock.add_exception(httpx.ReadTimeout("slow"), method="POST")
    recorder = Recorder()
    dotdigital = connect(recorder)
    with pytest.raises(Unanswered):
        await dotdigital.add(REMOTE, [Addition(IDA, {}, "form")])
    assert (len(asked(httpx_mock)), recorder.slept) == (1, [])
    await dotdigital.aclose()


async def test_a_file_whose_next_part_got_no_answer_keeps_what_was_taken(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importfile, "FILE_BYTES", 25)
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", url=NOT_EMPTY, **started())
    httpx_mock.add_exception(httpx.ReadTimeout("slow"), method="POST", url=NOT_EMPTY)
    dotdigital = connect(Recorder())
    submission = await dotdigital.add(REMOTE, [Addition(one, {}, "form") for one in (IDA, JUERG, TOM)])
    assert submission.ticket == GUID
    assert outcomes(submission) == {
        IDA: (Outcome.ACCEPTED, "handed-over"),
        JUERG: (Outcome.UNKNOWN, "no-answer"),
        TOM: (Outcome.REJECTED, "not-tried"),
    }
    assert len(asked(httpx_mock)) == 2
    await dotdigital.aclose()


async def test_a_file_whose_next_part_was_refused_keeps_what_was_taken(
    httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importfile, "FILE_BYTES", 25)
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", url=NOT_EMPTY, **started())
    httpx_mock.add_response(method="POST", url=NOT_EMPTY, **refusal("ERROR_IMPORT_TOOMANYACTIVEIMPORTS"))
    dotdigital = connect(Recorder())
    submission = await dotdigital.add(REMOTE, [Addition(one, {}, "form") for one in (IDA, JUERG, TOM)])
    assert submission.ticket == GUID
    assert outcomes(submission)[JUERG] == outcomes(submission)[TOM] == (Outcome.REJECTED, "not-tried")
    await dotdigital.aclose()


async def test_the_flat_limit_at_the_first_file_stops_the_job(httpx_mock: HTTPXMock) -> None:
    opened(httpx_mock)
    httpx_mock.add_response(method="POST", **refusal("ERROR_APIUSAGE_EXCEEDED"))
    dotdigital = connect(Recorder())
    with pytest.raises(Throttled, match="used up"):
        await dotdigital.add(REMOTE, [Addition(IDA, {}, "form")])
    await dotdigital.aclose()


async def test_a_throttled_post_was_surely_not_done_and_leaves_again_after_the_reset(
    httpx_mock: HTTPXMock,
) -> None:
    opened(httpx_mock)
    now = datetime.now(UTC).replace(microsecond=0)
    told = {
        "Date": format_datetime(now, usegmt=True),
        "X-RateLimit-Limit": "120",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(now.timestamp()) + 20),
    }
    httpx_mock.add_response(method="POST", status_code=429, json={"message": "slow down"}, headers=told)
    httpx_mock.add_response(method="POST", **started())
    recorder = Recorder()
    dotdigital = connect(recorder)
    assert (await dotdigital.add(REMOTE, [Addition(IDA, {}, "form")])).ticket == GUID
    assert len(recorder.slept) == 1
    assert 19 <= recorder.slept[0] <= 22.1
    assert len(asked(httpx_mock)) == 2
    await dotdigital.aclose()
