"""Every refusal of the contract has a reason, and what nobody described is never a success (R16, R23)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bodies import load_json
from adapters.dotdigital.errors import MEANINGS, failure, problem_in, row_of
from adapters.dotdigital.faults import FAULTS, UNKNOWN, fault_results, fault_rows, meaning
from adapters.http import Answer
from adapters.provider import AccountLimit, AdapterError, NotThere, Throttled, Unrecognised
from state.model import Consent, Outcome
from state.reasons import REASONS

CODES = [
    "ERROR_ADDRESSBOOK_NOT_FOUND",
    "ERROR_ADDRESSBOOK_INVALID",
    "ERROR_ADDRESSBOOK_DUPLICATE",
    "ERROR_ADDRESSBOOK_NOTWRITABLE",
    "ERROR_ADDRESSBOOK_IN_USE",
    "ERROR_ADDRESSBOOK_LIMITEXCEEDED",
    "ERROR_CONTACT_NOT_FOUND",
    "ERROR_CONTACT_INVALID",
    "ERROR_INVALID_EMAIL",
    "ERROR_CONTACT_SUPPRESSED",
    "ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK",
    "ERROR_CONTACT_TOOMANY",
    "ERROR_CONTACT_RESUBSCRIPTION_INVALID",
    "ERROR_NON_UNIQUE_DATAFIELD",
    "ERROR_DATAFIELD_INVALID",
    "ERROR_DATAFIELD_NOTFOUND",
    "ERROR_DATAFIELD_LIMITEXCEEDED",
    "ERROR_IMPORT_NOT_FOUND",
    "ERROR_IMPORT_REPORT_NOT_FOUND",
    "ERROR_IMPORT_TOOMANYACTIVEIMPORTS",
    "ERROR_NO_EMAIL_COLUMN",
    "ERROR_IMPORT_UNSUPPORTED_FORMAT",
    "ERROR_MULTI_FILE_UPLOAD_NOT_ALLOWED",
    "ERROR_CAMPAIGN_NOT_FOUND",
    "ERROR_CAMPAIGN_INVALID",
    "ERROR_APIUSAGE_EXCEEDED",
    "ERROR_FEATURENOTACTIVE",
    "ERROR_UNKNOWN",
    "ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE",
]


def answer(status: int, document: Any) -> Answer:
    import json

    return Answer(status, {"content-type": "application/json"}, json.dumps(document).encode())


def test_the_table_has_every_code_of_the_contract() -> None:
    assert set(CODES) == set(MEANINGS)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("form", ["{}", "Error: {}", "An ERROR_OTHER_THING came first. {}", "{}."])
def test_R16_a_code_decides_whatever_the_status_and_the_words(code: str, status: int, form: str) -> None:
    error = failure(answer(status, {"message": form.format(code)}), "try it")
    meaning_ = MEANINGS[code]
    assert isinstance(error, meaning_.kind)
    assert error.reason == meaning_.reason
    assert error.reason in REASONS
    assert error.text
    assert error.next
    assert code in error.raw


@pytest.mark.parametrize("key", ["message", "Message", "MESSAGE"])
def test_a_message_is_found_in_any_letter_case(key: str) -> None:
    error = failure(answer(404, {key: "gone ERROR_ADDRESSBOOK_NOT_FOUND", "new": 1}), "x", list_id="9")
    assert isinstance(error, NotThere)
    assert "9" in error.text


def test_R23_words_without_a_code_are_kept_and_never_a_success() -> None:
    error = failure(answer(400, {"message": "file must be valid"}), "import contacts")
    assert isinstance(error, Unrecognised)
    assert (error.reason, error.raw) == ("answer-not-understood", "file must be valid")
    for status in (301, 400, 402, 405, 409, 418, 422, 500):
        assert isinstance(failure(Answer(status, {}, b"<html>odd</html>"), "x"), Unrecognised)
    assert failure(answer(404, {"message": "nothing here"}), "x").reason == "not-found"


@given(st.integers(400, 599), st.binary(max_size=300), st.sampled_from(["application/json", "text/html", ""]))
def test_R23_any_body_makes_an_error_with_a_registered_reason(status: int, body: bytes, kind: str) -> None:
    error = failure(Answer(status, {"content-type": kind}, body), "try it")
    assert isinstance(error, AdapterError)
    assert error.reason in REASONS
    assert error.text


@given(
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3))
)
def test_a_message_that_is_no_text_breaks_nothing(value: Any) -> None:
    found = problem_in(answer(400, {"message": value}))
    assert found.document
    assert failure(answer(400, {"message": value}), "x").reason in REASONS


def test_the_hard_limits_are_told_apart() -> None:
    too_many = failure(answer(400, {"message": "ERROR_IMPORT_TOOMANYACTIVEIMPORTS"}), "x")
    assert isinstance(too_many, AccountLimit)
    assert "25 unfinished imports" in too_many.text
    flat = failure(answer(400, {"message": "Calm down. ERROR_APIUSAGE_EXCEEDED"}), "x")
    assert isinstance(flat, Throttled)
    assert flat.raw == "Calm down. ERROR_APIUSAGE_EXCEEDED"


@pytest.mark.parametrize(
    ("code", "outcome", "reason", "consent"),
    [
        ("ERROR_CONTACT_NOT_FOUND", Outcome.WITHHELD, "member-gone", None),
        ("ERROR_CONTACT_SUPPRESSED", Outcome.WITHHELD, "suppressed-account", Consent.SUPPRESSED),
        ("ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK", Outcome.WITHHELD, "unsubscribed", Consent.UNSUBSCRIBED),
        ("ERROR_INVALID_EMAIL", Outcome.REJECTED, "address-refused", None),
        ("ERROR_DATAFIELD_INVALID", Outcome.REJECTED, "field-invalid", None),
        ("ERROR_CONTACT_INVALID", Outcome.REJECTED, "platform-refused", None),
    ],
)
def test_R28_what_is_about_one_address_is_an_outcome_of_its_row(
    code: str, outcome: Outcome, reason: str, consent: Consent | None
) -> None:
    row = row_of(answer(400, {"message": code}))
    assert row is not None
    assert (row.outcome, row.reason, row.consent) == (outcome, reason, consent)


@pytest.mark.parametrize(
    "code", ["ERROR_ADDRESSBOOK_NOT_FOUND", "ERROR_APIUSAGE_EXCEEDED", "ERROR_FEATURENOTACTIVE", "ERROR_NEW"]
)
def test_what_is_about_more_than_one_address_is_no_row(code: str) -> None:
    assert row_of(answer(400, {"message": code})) is None


# --- faults of an import ------------------------------------------------------------------------------------------------

WORDINGS = {
    "Globally Suppressed": ("suppressed-account", Outcome.WITHHELD),
    "Suppressed By You": ("suppressed-account", Outcome.WITHHELD),
    "Invalid Email": ("address-refused", Outcome.REJECTED),
    "InvalidEntries": ("address-refused", Outcome.REJECTED),
    "Duplicate": ("duplicate-in-import", Outcome.REJECTED),
    "duplicate emails": ("duplicate-in-import", Outcome.REJECTED),
    "Blocker": ("suppressed-account", Outcome.WITHHELD),
    "Mail Blocked": ("suppressed-account", Outcome.WITHHELD),
    "Unsubscribed": ("unsubscribed-account", Outcome.WITHHELD),
    "Hard Bounced": ("bounced", Outcome.WITHHELD),
    "Soft Bounced": ("soft-bounced", Outcome.WITHHELD),
    "Complained To ISP": ("suppressed-account", Outcome.WITHHELD),
    "IspComplaints": ("suppressed-account", Outcome.WITHHELD),
    "Suppressed By Domain": ("suppressed-account", Outcome.WITHHELD),
    "DomainSuppressed": ("suppressed-account", Outcome.WITHHELD),
    "Pending Opt In": ("awaiting-confirmation", Outcome.WITHHELD),
    "pendingDoubleOptin": ("awaiting-confirmation", Outcome.WITHHELD),
    "Failures": ("platform-refused", Outcome.REJECTED),
    "Other": ("platform-refused", Outcome.REJECTED),
}


@pytest.mark.parametrize(("wording", "expected"), WORDINGS.items())
def test_a_wording_means_the_same_in_every_spelling(wording: str, expected: tuple[str, Outcome]) -> None:
    for spelling in (
        wording,
        wording.upper(),
        f" {wording.lower()} ",
        wording.replace(" ", ""),
        " ".join(wording),
    ):
        found = meaning(spelling)
        assert (found.reason, found.outcome) == expected


@given(st.sampled_from(sorted(FAULTS)), st.data())
def test_blanks_and_letter_case_never_change_a_wordings_meaning(word: str, data: st.DataObject) -> None:
    blanks = data.draw(
        st.lists(st.sampled_from(["", " ", "\t", "\xa0"]), min_size=len(word), max_size=len(word))
    )
    upper = data.draw(st.lists(st.booleans(), min_size=len(word), max_size=len(word)))
    spelling = "".join(
        blank + (letter.upper() if up else letter)
        for blank, letter, up in zip(blanks, word, upper, strict=True)
    )
    assert meaning(spelling) is FAULTS[word]


@given(st.text(max_size=30).filter(lambda text: "".join(text.lower().split()) not in FAULTS))
def test_R23_an_unknown_wording_rejects_its_row_and_keeps_the_words(wording: str) -> None:
    found = meaning(wording)
    assert found is UNKNOWN
    assert (found.outcome, found.reason, found.consent) == (Outcome.REJECTED, "unknown", None)


def test_oro_defect_01_a_fault_is_no_opt_out_unless_its_reason_is_one() -> None:
    harmless = {"softbounced", "invalidemail", "duplicate", "failures", "other", "a wording of next year"}
    assert {meaning(wording).consent for wording in harmless} == {None}
    assert meaning("Pending Opt In").consent is Consent.PENDING
    assert Consent.SUBSCRIBED not in {fault.consent for fault in FAULTS.values()}
    assert all(fault.reason in REASONS for fault in FAULTS.values())


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_R35_faults_are_read_with_or_without_a_byte_order_mark(mark: bytes, end: str) -> None:
    lines = [
        "Reason,email,optintype,firstname",
        "Unsubscribed,Tom.Frei@example.org,Single,Tom",
        'Invalid Email,no-at-sign,,"No, One"',
        "Brand New,jürg@example.org,,Jürg",
        "Hard Bounced,,,nobody",
        "short",
    ]
    results = fault_results(mark + end.join(lines).encode())
    assert {key: (one.email, one.reason, one.raw) for key, one in results.items()} == {
        "tom.frei@example.org": ("Tom.Frei@example.org", "unsubscribed-account", "Unsubscribed"),
        "no-at-sign": ("no-at-sign", "address-refused", "Invalid Email"),
        "jürg@example.org": ("jürg@example.org", "unknown", "Brand New"),
    }


def test_columns_are_found_by_name_and_a_list_may_lack_its_header() -> None:
    assert list(fault_rows(b"email,Reason\na@example.org,Duplicate\n")) == [("Duplicate", "a@example.org")]
    assert list(fault_rows(b"Duplicate,a@example.org\nOther,b@example.org\n")) == [
        ("Duplicate", "a@example.org"),
        ("Other", "b@example.org"),
    ]
    assert list(fault_rows(b"")) == []
    assert list(fault_rows(b"Reason,email\n")) == []


@given(st.binary(max_size=400))
def test_any_bytes_at_all_are_read_without_falling_over(body: bytes) -> None:
    for result in fault_results(body).values():
        assert result.outcome in (Outcome.REJECTED, Outcome.WITHHELD)


def test_a_duplicate_never_hides_why_the_other_row_was_refused() -> None:
    for order in (
        "Duplicate,a@x.example\nUnsubscribed,A@x.example",
        "Unsubscribed,a@x.example\nDuplicate,a@x.example",
    ):
        (result,) = fault_results(f"Reason,email\n{order}\n".encode()).values()
        assert result.reason == "unsubscribed-account"


def test_an_answer_of_the_vendor_is_still_json() -> None:
    assert load_json(answer(400, {"message": "ä"}).body) == {"message": "ä"}
