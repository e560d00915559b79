"""The import machine: files, rows, ends (contract §6, §11)."""

import base64
import json

import pytest

from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.dotdigital.front import PATRONS_BOOK, TOURS_BOOK
from adapters.sandbox.dotdigital.import_job import OUTCOMES, REPORT_KEYS
from adapters.sandbox.dotdigital.imports import KEPT_SECONDS, MAX_OPEN
from adapters.sandbox.dotdigital.statuses import FAULTS, SUPPRESSED
from adapters.sandbox.vendor import Settled
from tests.adapters.sandbox.dotdigital.desk import Desk, Reply, authorization

EVA, IDA, TOM = "eva@example.org", "ida@example.org", "tom@example.org"
IMPORT = f"/address-books/{FIRST_BOOK}/contacts/import"


def status(desk: Desk, import_id: str) -> str:
    return str(desk.get(f"/contacts/import/{import_id}")["status"])


def parts(desk: Desk, *files: tuple[str | None, bytes], path: str = IMPORT) -> Reply:
    """A multipart body."""
    body = b""
    for name, content in files:
        tail = f'; filename="{name}"' if name is not None else ""
        head = f'Content-Disposition: form-data; name="file"{tail}\r\nContent-Type: text/csv'
        body += b"--B-1\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
    return desk.call("POST", path, body + b"--B-1--\r\n", content_type="multipart/form-data; boundary=B-1")


# The way of an import


def test_taken_polled_finished_reported(desk: Desk) -> None:
    reply = desk.post_file([f"{EVA},Eva,Muster", 'IDA@example.org,Ida,"Keller, von"'])
    assert (reply.status, reply.body["status"]) == (202, "NotFinished")
    import_id = reply.body["id"]
    assert [(op.email, op.kind, op.ok, op.status) for op in reply.ops] == [
        (EVA, "add", True, None),
        ("IDA@example.org", "add", True, None),
    ]
    assert reply.note == {"import": import_id}
    assert EVA not in desk.state(), "nothing of it is there before its end"
    for path in ("report", "report-faults"):
        assert (
            desk.call("GET", f"/contacts/import/{import_id}/{path}").code == "ERROR_IMPORT_REPORT_NOT_FOUND"
        )
    assert [status(desk, import_id) for _ in range(3)] == ["NotFinished", "Finished", "Finished"]
    report = desk.get(f"/contacts/import/{import_id}/report")
    assert tuple(report) == REPORT_KEYS
    assert desk.report(import_id) == {"newContacts": 2}
    assert desk.get(f"/contacts/import/{import_id}/report-faults") == b"Reason,email,firstname,lastname\r\n"
    assert desk.values(IDA)["LASTNAME"] == "Keller, von"
    (told,) = desk.settled
    assert (told.what, told.id, told.status, told.caller.run, told.caller.fence) == (
        "import",
        import_id,
        "Finished",
        "17",
        4,
    )
    assert told.rows == [
        {"email": EVA, "ok": True, "reason": ""},
        {"email": "IDA@example.org", "ok": True, "reason": ""},
    ]


def test_it_ends_by_itself_on_the_clock(desk: Desk) -> None:
    import_id = desk.post_file([f"{EVA},,"]).body["id"]
    desk.clock.advance(1.9)
    desk.settle()
    assert EVA not in desk.state()
    desk.clock.advance(0.2)
    desk.settle()
    assert desk.state()[EVA] == "Subscribed"
    assert status(desk, import_id) == "Finished"


def test_into_the_account_nobody_joins_a_book(desk: Desk) -> None:
    reply = parts(desk, ("a.csv", f"email,CLUB\n{EVA},Bern\n".encode()), path="/contacts/import")
    assert reply.status == 202
    assert [op.kind for op in reply.ops] == ["add"]
    status(desk, reply.body["id"])
    assert desk.values(EVA)["CLUB"] == "Bern"
    assert EVA not in desk.state()
    again = parts(desk, ("a.csv", f"email\n{EVA}\n".encode()), path="/contacts/import")
    assert [op.kind for op in again.ops] == ["change"]


def test_both_bodies_are_the_same_file(desk: Desk) -> None:
    content = "\ufeffEmail,FirstName\r\njürg@example.org,Jürg\r\n".encode()
    reply = parts(desk, (None, b"a form field"), ("contacts.csv", content))
    assert (reply.status, reply.ops[0].email) == (202, "jürg@example.org")
    status(desk, reply.body["id"])
    assert desk.values("jürg@example.org")["FIRSTNAME"] == "Jürg"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({}, "file must be valid"),
        ({"fileName": "", "data": ""}, "file must be valid"),
        ({"fileName": "a.csv", "data": "%"}, "file must be valid"),
        ({"fileName": "a.csv"}, "file must be valid"),
        ([], "file must be valid"),
        ({"fileName": "a.doc", "data": ""}, "ERROR_IMPORT_UNSUPPORTED_FORMAT"),
        ({"fileName": "a.csv", "data": ""}, "ERROR_NO_EMAIL_COLUMN"),
        ({"fileName": "a.csv", "data": base64.b64encode(b"mail\nx").decode()}, "ERROR_NO_EMAIL_COLUMN"),
        (
            {"fileName": "a.csv", "data": base64.b64encode(b"email,EMAIL\nx,y").decode()},
            "ERROR_NO_EMAIL_COLUMN",
        ),
    ],
)
def test_files_that_are_refused_at_once(desk: Desk, sent: object, message: str) -> None:
    reply = desk.call("POST", IMPORT, sent)
    assert reply.status == 400
    assert message in reply.body["message"]
    assert desk.platform.accounts.get("default").imports == {}


def test_parts_that_are_refused_at_once(desk: Desk) -> None:
    assert parts(desk, (None, b"x")).body == {"message": "file must be valid"}
    assert parts(desk, ("", b"x")).body == {"message": "file must be valid"}
    assert desk.call("POST", IMPORT, b"x", content_type="multipart/form-data").status == 400
    two = parts(desk, ("a.csv", b"email\n"), ("b.csv", b"email\n"))
    assert two.code == "ERROR_MULTI_FILE_UPLOAD_NOT_ALLOWED"


def test_a_refused_file_still_tells_the_ledger_whom_it_held(desk: Desk) -> None:
    reply = desk.post_file([f"{EVA},,"], book=1)
    assert (reply.code, [(op.email, op.ok) for op in reply.ops]) == (
        "ERROR_ADDRESSBOOK_NOT_FOUND",
        [(EVA, False)],
    )
    wrong = desk.post_file([f"{EVA},,"], merge="Sometimes")
    assert (wrong.code, wrong.ops[0].ok) == ("ERROR_PARAMETER_INVALID", False)


@pytest.mark.parametrize("content", [b"email\n\xff\xfe\n", b'email,CLUB\n"x', b"email,CLUB\nx@example.org\n"])
def test_files_found_to_be_broken_while_they_are_worked_on(desk: Desk, content: bytes) -> None:
    import_id = parts(desk, ("a.csv", content)).body["id"]
    assert [status(desk, import_id) for _ in range(2)] == ["NotFinished", "InvalidFileFormat"]
    assert desk.report(import_id) == {}


# Rows


def test_rows_that_are_loaded_and_rows_that_are_not(desk: Desk) -> None:
    desk.add(EVA)
    desk.add(TOM, book=TOURS_BOOK)
    rows = [f"{EVA},E,1", f"{IDA},I,2", "no-at-sign,No,One", f"{IDA},Zwei,3", f" {TOM} ,T,4", ",,"]
    reply = desk.post_file(rows)
    assert [op.kind for op in reply.ops] == ["change", "add", "add", "add", "add", "add"]
    import_id = reply.body["id"]
    status(desk, import_id)
    assert desk.report(import_id) == {
        "newContacts": 1,
        "updatedContacts": 2,
        "invalidEntries": 2,
        "duplicateEmails": 1,
    }
    assert desk.faults(import_id) == [
        "Invalid Email,no-at-sign,No,One",
        f"Duplicate,{IDA},Zwei,3",
        "Invalid Email,,,",
    ]
    assert {email: desk.state().get(email) for email in (EVA, IDA, TOM)} == dict.fromkeys(
        (EVA, IDA, TOM), "Subscribed"
    )
    assert desk.values(IDA)["FIRSTNAME"] == "I", "the first of two wins"


@pytest.mark.parametrize("word", [*sorted(status.word for status in SUPPRESSED), "PendingOptIn"])
def test_nobody_who_is_shut_out_is_loaded(desk: Desk, word: str) -> None:
    desk.control("subscribe", email=EVA, status="PendingOptIn" if word == "PendingOptIn" else "Subscribed")
    if word != "PendingOptIn":
        desk.control("suppress", email=EVA, status=word)
    before = desk.contact(EVA)
    import_id = desk.load([f"{EVA},Eva,Muster"])
    reason, key = next(fault for each, fault in FAULTS.items() if each.word == word)
    assert desk.report(import_id) == {key: 1}
    assert desk.faults(import_id) == [f"{reason},{EVA},Eva,Muster"]
    assert desk.contact(EVA) == before
    assert desk.settled[-1].rows == [{"email": EVA, "ok": False, "reason": reason}]


def test_who_left_this_book_is_passed_over_in_silence(desk: Desk) -> None:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    import_id = desk.load([f"{EVA},Eva,Muster"])
    assert (desk.report(import_id), desk.faults(import_id)) == ({}, [])
    assert desk.state()[EVA] == "Unsubscribed"
    assert EVA not in [row["email"] for row in desk.members()]
    assert desk.settled[-1].rows == [{"email": EVA, "ok": False, "reason": "left-book"}]
    desk.load([f"{EVA},Eva,Muster"], book=TOURS_BOOK)
    assert desk.state(TOURS_BOOK)[EVA] == "Subscribed", "another book is another matter"


def test_a_soft_bounce_is_loaded(desk: Desk) -> None:
    desk.add(EVA)
    desk.control("bounce", email=EVA, kind="soft")
    assert desk.report(desk.load([f"{EVA},Eva,"])) == {"updatedContacts": 1}
    assert desk.contact(EVA)["status"] == "SoftBounced"


def test_columns_a_file_may_hold(desk: Desk) -> None:
    header = "Preference:Sport>Ski,EMAIL,OptInType,emailtype,donations,BOARD,MemberSince,CONSENTTEXT,CONSENTURL,NOBODY"
    import_id = desk.load(
        [f"yes,{EVA},double,plaintext,12.5,yes,2019-04-01,I agree,https://example.org/form,x"], header
    )
    contact = desk.contact(EVA)
    assert (contact["optInType"], contact["emailType"]) == ("Double", "PlainText")
    values = desk.values(EVA)
    assert (values["DONATIONS"], values["BOARD"], values["MEMBERSINCE"]) == (
        12.5,
        True,
        "2019-04-01T00:00:00",
    )
    assert desk.report(import_id) == {"newContacts": 1}
    found = desk.platform.accounts.get("default").roll.find(EVA)
    assert found is not None
    assert found.consents == [
        {
            "consenttext": "I agree",
            "consenturl": "https://example.org/form",
        }
    ]


def test_a_value_that_does_not_fit_is_left_out(desk: Desk) -> None:
    desk.add(EVA, DONATIONS=3)
    assert desk.report(desk.load([f"{EVA},lots,Bern"], "email,DONATIONS,CLUB")) == {"updatedContacts": 1}
    values = desk.values(EVA)
    assert (values["DONATIONS"], values["CLUB"]) == (3, "Bern")


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        ("", ("Neu", None, "Bern")),
        ("Overwrite", ("Neu", None, "Bern")),
        ("0", ("Neu", None, "Bern")),
        ("onlyOverwriteIfNotEmpty", ("Neu", "Muster", "Bern")),
        ("1", ("Neu", "Muster", "Bern")),
        ("OnlyOverwriteIfContactDataNotPopulated", ("Eva", "Muster", "Bern")),
        ("2", ("Eva", "Muster", "Bern")),
    ],
)
def test_merge_options(desk: Desk, merge: str, expected: tuple[str | None, ...]) -> None:
    desk.add(EVA, FIRSTNAME="Eva", LASTNAME="Muster")
    desk.load([f"{EVA},Neu,,Bern"], "email,FIRSTNAME,LASTNAME,CLUB", merge=merge)
    values = desk.values(EVA)
    assert (values["FIRSTNAME"], values["LASTNAME"], values["CLUB"]) == expected


def test_an_import_collection(desk: Desk) -> None:
    desk.add(EVA)
    body = {
        "AddressBookIds": [FIRST_BOOK, TOURS_BOOK],
        "mergeOption": "OnlyOverwriteIfNotEmpty",
        "contacts": [
            {
                "email": EVA,
                "dataFields": [{"key": "CLUB", "value": "Bern"}],
                "consentFields": [{"key": "TEXT", "value": "yes"}],
                "mobileNumberId": None,
            },
            {"email": "nonsense"},
            {"email": IDA, "dataFields": [{"key": "NONE", "value": 1}]},
        ],
    }
    reply = desk.call("POST", "/contacts/import-collection", body)
    assert (reply.status, [op.kind for op in reply.ops]) == (202, ["add", "add", "add"])
    import_id = reply.body["id"]
    status(desk, import_id)
    assert desk.report(import_id) == {"updatedContacts": 1, "invalidEntries": 1, "failures": 1}
    assert desk.faults(import_id) == ["Invalid Email,nonsense", f"Failures,{IDA}"]
    assert desk.state(TOURS_BOOK)[EVA] == "Subscribed"
    assert desk.values(EVA)["CLUB"] == "Bern"
    for change, code in (
        ({"addressBookIds": [1]}, "ERROR_ADDRESSBOOK_NOT_FOUND"),
        ({"addressBookIds": ["x"]}, "ERROR_ADDRESSBOOK_NOT_FOUND"),
        ({"addressBookIds": [4401]}, "ERROR_ADDRESSBOOK_NOTWRITABLE"),
        ({"contacts": None}, "ERROR_CONTACT_INVALID"),
        ({"mergeOption": "Never"}, "ERROR_PARAMETER_INVALID"),
    ):
        sent = {"addressBookIds": [FIRST_BOOK], "contacts": [{"email": EVA}], **change}
        assert desk.call("POST", "/contacts/import-collection", sent).code == code


# Ends a rehearsal orders


@pytest.mark.parametrize("word", OUTCOMES)
def test_every_end(desk: Desk, word: str) -> None:
    desk.control("next-import", status=word)
    import_id = desk.load([f"{EVA},Eva,Muster"])
    assert status(desk, import_id) == word
    assert (EVA in desk.state()) is (word == "Finished")
    assert len(desk.settled[-1].rows) == (1 if word == "Finished" else 0)
    assert status(desk, desk.load([f"{IDA},,"])) == "Finished", "the order was for one"


def test_an_end_that_does_not_tell_what_it_did(desk: Desk) -> None:
    desk.control("next-import", status="Unknown", load=True)
    desk.load([f"{EVA},Eva,"])
    assert EVA in desk.state()
    desk.control("next-import", status="Finished", load=False)
    import_id = desk.load([f"{IDA},Ida,"])
    assert (desk.report(import_id), IDA in desk.state()) == ({}, False)


def test_polls_and_time_can_be_ordered(desk: Desk) -> None:
    desk.control("next-import", polls=3)
    import_id = desk.post_file([f"{EVA},,"]).body["id"]
    desk.clock.advance(3_600)
    assert [status(desk, import_id) for _ in range(4)] == [*["NotFinished"] * 3, "Finished"]
    desk.control("next-import", ms=60_000)
    import_id = desk.post_file([f"{IDA},,"]).body["id"]
    assert [status(desk, import_id) for _ in range(9)] == ["NotFinished"] * 9
    desk.clock.advance(60)
    assert status(desk, import_id) == "Finished"
    desk.control("next-import", status="Failed", count=2)
    assert desk.control("next-import", polls=0, replace=True)["ordered"] == 1, (
        "the orders before are forgotten"
    )
    desk.control("next-import", status="Failed")
    desk.control("next-import", polls=0, count=0)
    for email in (TOM, "uli@example.org"):
        assert status(desk, desk.post_file([f"{email},,"]).body["id"]) == "Finished"
    desk.control("next-import", status="Failed", count=2)
    ends = [status(desk, desk.load([f"p{number}@example.org,,"])) for number in range(3)]
    assert ends == ["Failed", "Failed", "Finished"]


def test_figures_and_faults_can_be_ordered(desk: Desk) -> None:
    desk.control(
        "next-import",
        report={"newContacts": 0, "suppressedContacts": 7},
        faults=[["blocker", EVA], ["Other", IDA, "I"]],
    )
    import_id = desk.load([f"{EVA},Eva,Muster"])
    assert desk.report(import_id) == {"suppressedContacts": 7}
    assert desk.faults(import_id) == [f"blocker,{EVA},,", f"Other,{IDA},I,"]


def test_rows_that_are_claimed_and_lost(desk: Desk) -> None:
    desk.control("next-import", lose=[EVA.upper()])
    import_id = desk.load([f"{EVA},,", f"{IDA},,"])
    assert desk.report(import_id) == {"newContacts": 2}
    assert (EVA in desk.state(), IDA in desk.state()) == (False, True)
    desk.control("lose-rows", every=2)
    desk.load([f"p{number}@example.org,," for number in range(4)])
    assert [f"p{number}@example.org" in desk.state() for number in range(4)] == [True, False, True, False]
    assert desk.control("lose-rows", every=0)["lost"] == 2


def test_held_imports_stay_open_until_they_are_let_go(desk: Desk) -> None:
    desk.control("hold-imports", on=True)
    first, second = (desk.post_file([f"{email},,"]).body["id"] for email in (EVA, IDA))
    desk.clock.advance(86_400)
    assert [status(desk, first) for _ in range(3)] == ["NotFinished"] * 3
    desk.control("release-imports", id=first)
    assert (status(desk, first), status(desk, second)) == ("Finished", "NotFinished")
    desk.control("release-imports")
    assert status(desk, second) == "Finished"
    assert status(desk, desk.load([f"{TOM},,"])) == "Finished"


def test_too_many_open_imports(desk: Desk) -> None:
    desk.control("hold-imports", on=True)
    for number in range(MAX_OPEN):
        assert desk.post_file([f"p{number}@example.org,,"]).status == 202
    refused = desk.post_file([f"{EVA},,"])
    assert (refused.status, refused.code, refused.ops[0].ok) == (
        400,
        "ERROR_IMPORT_TOOMANYACTIVEIMPORTS",
        False,
    )
    desk.control("release-imports")
    desk.settle()
    desk.clock.advance(3)
    desk.settle()
    assert desk.post_file([f"{EVA},,"]).status == 202


def test_an_import_is_forgotten_after_a_week(desk: Desk) -> None:
    import_id = desk.load([f"{EVA},,"])
    desk.clock.advance(KEPT_SECONDS + 1)
    assert desk.call("GET", f"/contacts/import/{import_id}").code == "ERROR_IMPORT_NOT_FOUND"
    for path in ("report", "report-faults"):
        assert (
            desk.call("GET", f"/contacts/import/{import_id}/{path}").code == "ERROR_IMPORT_REPORT_NOT_FOUND"
        )
    assert desk.call("GET", "/contacts/import/none").code == "ERROR_IMPORT_NOT_FOUND"


def test_a_file_too_large_for_the_package(desk: Desk) -> None:
    desk.control("contact-limit", limit=desk.get("/contacts/count") + 1)
    import_id = desk.load([f"{EVA},,", f"{IDA},,"])
    assert status(desk, import_id) == "ExceedsAllowedContactLimit"
    assert EVA not in desk.state()
    assert status(desk, desk.load([f"{EVA},,"])) == "Finished"


def test_ten_thousand_rows(desk: Desk) -> None:
    import_id = desk.load(
        [f"p{number}@example.org,P,{number}" for number in range(10_000)], book=PATRONS_BOOK
    )
    assert desk.report(import_id) == {"newContacts": 10_000}
    assert isinstance(desk.settled[-1], Settled)
    assert json.dumps(desk.settled[-1].rows[-1]) == '{"email": "p9999@example.org", "ok": true, "reason": ""}'


def test_accounts_are_apart(desk: Desk) -> None:
    import_id = desk.load([f"{EVA},,"])
    other = desk.call("GET", f"/contacts/import/{import_id}", auth=authorization("limit"))
    assert other.code == "ERROR_IMPORT_NOT_FOUND"
