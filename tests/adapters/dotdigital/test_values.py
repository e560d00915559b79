"""What data fields make of values, and how dotdigital's spellings compare equal to them (R31, R34, I21)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.dotdigital.documents import count_in, field_of, text_in, yes_in
from adapters.dotdigital.mapping import (
    CONSENT,
    Fields,
    account_opt_out,
    consent,
    left_book,
    member,
    remote_field,
    remote_list,
)
from adapters.dotdigital.moments import in_path, instant, moment
from adapters.dotdigital.values import FIELD_TYPES, shown, stored
from adapters.provider import RemoteField
from state.model import Consent, Scope
from tests.adapters.dotdigital.accounts import contact, data_field, pascal, suppression


def field(kind: str) -> RemoteField:
    return RemoteField("F", "F", kind)


GOOD = [
    ("String", " Ida ", " Ida "),
    ("String", "x" * 1000, "x" * 1000),
    ("Numeric", "7", "7"),
    ("Numeric", " 7.50 ", "7.5"),
    ("Numeric", "+007.0", "7"),
    ("Numeric", "-0.0", "0"),
    ("Numeric", "-0.25", "-0.25"),
    ("Numeric", "999999999999999999.999999999", "999999999999999999.999999999"),
    ("Date", "2026-03-31", "2026-03-31T00:00:00"),
    ("Date", "2026-03-31 10:15", "2026-03-31T10:15:00"),
    ("Date", "2026-03-31T10:15:00Z", "2026-03-31T10:15:00"),
    ("Date", "2026-03-31T10:15:00+02:00", "2026-03-31T08:15:00"),
    ("Date", "2026-03-31T10:15:00.527000+00:00", "2026-03-31T10:15:00"),
    ("Boolean", "Yes", "true"),
    ("Boolean", "1", "true"),
    ("Boolean", "FALSE", "false"),
    ("Boolean", "no", "false"),
    ("A type of next year", "anything", "anything"),
]
BAD = [
    ("String", "x" * 1001),
    ("String", "a\0b"),
    ("String", "\ud800"),
    ("Numeric", "sieben"),
    ("Numeric", "1e5"),
    ("Numeric", "NaN"),
    ("Numeric", "2,5"),
    ("Numeric", "1'000"),
    ("Numeric", "９"),
    ("Numeric", "1" * 19),
    ("Numeric", "0.1234567891"),
    ("Date", "31.03.2026"),
    ("Date", "03/31/2026"),
    ("Date", "20260331"),
    ("Date", "2026-02-30"),
    ("Date", "2026-W10-1"),
    ("Date", "gestern"),
    ("Boolean", "vielleicht"),
    ("Boolean", "2"),
]


@pytest.mark.parametrize(("kind", "value", "kept"), GOOD)
def test_a_value_is_stored_as_the_platform_shows_it(kind: str, value: str, kept: str) -> None:
    assert stored(field(kind), value) == kept
    assert shown(kind, kept) == kept


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_R31_a_value_the_platform_would_refuse_is_refused_here_with_a_sentence(kind: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"F takes .+"):
        stored(field(kind), value)


@pytest.mark.parametrize("kind", FIELD_TYPES)
@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_nothing_is_nothing_for_every_type(kind: str, value: str) -> None:
    assert stored(field(kind), value) == ""
    assert shown(kind, value) == shown(kind, None) == ""


@given(st.sampled_from(FIELD_TYPES), st.text(max_size=60))
def test_I21_what_was_stored_is_stored_the_same_a_second_time(kind: str, value: str) -> None:
    try:
        once = stored(field(kind), value)
    except ValueError:
        return
    assert stored(field(kind), once) == once
    assert shown(kind, once) == once


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_I21_a_number_compares_equal_as_text_and_as_json_number(number: Any) -> None:
    expected = stored(field("Numeric"), f"{number:f}")
    assert shown("Numeric", float(number)) == expected
    assert shown("Numeric", f"{number:f}") == expected
    assert shown("Numeric", f"{number:f}000") == expected


@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001
def test_R41_every_spelling_of_a_time_is_the_same_time(when: datetime) -> None:
    when = when.replace(microsecond=0)
    plain = when.isoformat()
    spellings = [plain, f"{plain}Z", f"{plain}z", plain.replace("T", " "), f"{plain}+00:00", f"{plain}+0000"]
    spellings += [f"{plain}.0000000Z", f"{plain.replace('T', ' ')}.527000+00:00", f"{plain} +00:00"]
    assert {shown("Date", text) for text in spellings} == {plain}
    assert {instant(text).replace(microsecond=0) for text in spellings if instant(text)} == {  # type: ignore[union-attr]
        when.replace(tzinfo=UTC)
    }
    assert in_path(when.replace(tzinfo=UTC)) == f"{plain}Z"


@pytest.mark.parametrize(
    "value", ["", "gestern", "0", None, 7, True, [], "2026-13-01", "9" * 50, "9999-12-31T23:59:59-23:59"]
)
def test_what_is_no_time_is_empty(value: object) -> None:
    assert moment(value) == ""
    assert instant(value) is None


def test_the_spellings_of_the_contract_are_times() -> None:
    assert moment("2016-08-01 10:09:22") == "2016-08-01T10:09:22Z"
    assert moment("2020-01-01 09:40:18.527000+00:00") == "2020-01-01T09:40:18.527000Z"
    assert moment("2015-01-01T00:00:00z") == "2015-01-01T00:00:00Z"
    assert moment("2026-02-11T17:03:22Z") == "2026-02-11T17:03:22Z"


# --- words to consent ----------------------------------------------------------------------------------------------------

STATUSES = {
    "Subscribed": Consent.SUBSCRIBED,
    "SoftBounced": Consent.SUBSCRIBED,
    "PendingOptIn": Consent.PENDING,
    "Unsubscribed": Consent.UNSUBSCRIBED,
    "HardBounced": Consent.BOUNCED,
    "NoMxRecord": Consent.BOUNCED,
    "IspComplained": Consent.SUPPRESSED,
    "DirectComplaint": Consent.SUPPRESSED,
    "MailBlocked": Consent.SUPPRESSED,
    "Suppressed": Consent.SUPPRESSED,
    "SharedSuppression": Consent.SUPPRESSED,
    "NotAllowed": Consent.SUPPRESSED,
    "DomainSuppression": Consent.SUPPRESSED,
    "Deleted": Consent.ERASED,
    "NotAvailableInThisVersion": Consent.UNKNOWN,
    "A word of next year": Consent.UNKNOWN,
    "": Consent.UNKNOWN,
}


@pytest.mark.parametrize(("word", "expected"), STATUSES.items())
def test_R08_every_status_has_its_consent_and_keeps_its_word(word: str, expected: Consent) -> None:
    found = member(contact(7, word), Fields((), {}))
    assert (found.consent, found.raw_status) == (expected, word)
    assert found.scope is (Scope.ACCOUNT if expected.opted_out else None)
    assert (found.origin_id, found.person_id) == ("7", "7")


@pytest.mark.parametrize("kind", ["Html", "PlainText", "Unsubscribed", None])
def test_oro_defect_11_the_kind_of_mail_says_nothing_of_consent(kind: str | None) -> None:
    found = member(contact(7, "Unsubscribed", emailType=kind, optInType=kind), Fields((), {}))
    assert (found.consent, found.raw_status) == (Consent.UNSUBSCRIBED, "Unsubscribed")


@given(st.text(max_size=20).filter(lambda text: text.lower() not in CONSENT))
def test_a_word_nobody_knows_is_never_mailable(word: str) -> None:
    assert consent(word) is Consent.UNKNOWN
    assert not consent(word).mailable


@pytest.mark.parametrize(
    ("reason", "status", "expected"),
    [
        ("Unsubscribed", "Unsubscribed", Consent.UNSUBSCRIBED),
        ("Unsubscribed", "", Consent.UNSUBSCRIBED),
        ("HardBounced", "HardBounced", Consent.BOUNCED),
        ("IspComplained", "", Consent.SUPPRESSED),
        ("A new reason", "", Consent.SUPPRESSED),
        ("A new reason", "Unsubscribed", Consent.UNSUBSCRIBED),
        ("Unsubscribed", "NotAvailableInThisVersion", Consent.UNSUBSCRIBED),
        ("SoftBounced", "SoftBounced", None),
        ("SoftBounced", "", None),
        ("Unsubscribed", "Subscribed", None),
        ("Unsubscribed", "PendingOptIn", None),
        ("Deleted", "Deleted", None),
    ],
)
def test_who_the_account_shuts_out_and_who_not(reason: str, status: str, expected: Consent | None) -> None:
    row = suppression(9, reason, "2026-02-11T17:03:22Z")
    row["suppressedContact"]["status"] = status
    for spelling in (row, pascal(row)):
        found = account_opt_out(spelling)
        assert (found.consent if found else None) is expected
        if found is not None:
            assert (found.scope, found.since, found.origin_id) == (Scope.ACCOUNT, "2026-02-11T17:03:22Z", "9")
            assert found.raw_status


def test_who_left_one_book_left_that_book_whatever_the_account_says() -> None:
    found = left_book(suppression(9, "Unsubscribed", "2026-02-11 17:03:22", "Subscribed"))
    assert (found.consent, found.scope, found.since) == (
        Consent.UNSUBSCRIBED,
        Scope.LIST,
        "2026-02-11T17:03:22Z",
    )


@pytest.mark.parametrize(
    "row", [{}, {"suppressedContact": None}, {"suppressedContact": {"id": None}}, {"id": 7}]
)
def test_what_is_no_suppression_is_not_taken_for_one(row: dict[str, Any]) -> None:
    for read in (left_book, account_opt_out):
        with pytest.raises(TypeError):
            read(row)


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": True}, {"id": "x"}, {"id": 1.5}, {"id": []}])
def test_what_is_no_contact_is_not_taken_for_one(row: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        member(row, Fields((), {}))


# --- documents -----------------------------------------------------------------------------------------------------------


def test_fields_are_read_in_any_letter_case_and_by_their_type() -> None:
    fields = Fields(
        ("FirstName", "MEMBERSINCE", "DONATIONS", "MISSING"), {"memberSince": "Date", "donations": "Numeric"}
    )
    row = contact(
        7,
        dataFields=[
            {"key": "FIRSTNAME", "value": "Ida"},
            {"key": "MemberSince", "value": "2016-08-01 10:09:22"},
            {"key": "DONATIONS", "value": 12.50},
            {"key": "OTHER", "value": "private"},
            {"key": "NOTES", "value": None},
            "no entry",
        ],
        something_new={"of": "next year"},
    )
    expected = {"FirstName": "Ida", "MEMBERSINCE": "2016-08-01T10:09:22", "DONATIONS": "12.5"}
    assert member(row, fields).fields == member(pascal(row), fields).fields == expected
    assert member(contact(7, dataFields=None), fields).fields == {}


def test_a_key_is_found_in_any_letter_case_and_an_exact_one_first() -> None:
    assert field_of({"OptInType": 1}, "optInType") == 1
    assert field_of({"OPTINTYPE": 2, "optInType": 1}, "optInType") == 1
    assert field_of({}, "optInType") is None
    odd: list[object] = [None, 7, True, "x", [], {}]
    assert [text_in({"a": value}, "a") for value in odd] == ["", "7", "true", "x", "", ""]
    assert [count_in({"a": value}, "a") for value in (7, "7", " 7 ", "x", None, "9" * 20)] == [
        7,
        7,
        7,
        0,
        0,
        0,
    ]
    assert [yes_in({"a": value}, "a") for value in (True, "True", "true", False, "False", None, 1)] == [
        *(True, True, True, False, False, False, False)
    ]


def test_oro_defect_12_a_book_of_the_accounts_own_is_told_by_its_name() -> None:
    names = frozenset({"all contacts", "test"})
    made = {
        name: remote_list({"id": 1, "name": name, "contacts": 3, "visibility": "Public"}, names).system
        for name in ("All contacts", "ALL CONTACTS", " test ", "Test", "Testers", "all  contacts")
    }
    assert made == {
        "All contacts": True,
        "ALL CONTACTS": True,
        " test ": True,
        "Test": True,
        "Testers": False,
        "all  contacts": False,
    }


@pytest.mark.parametrize(
    ("kind", "default", "text"),
    [
        ("Numeric", 2.5, "2.5"),
        ("Numeric", 5, "5"),
        ("Boolean", False, "false"),
        ("Date", "2019-04-01T00:00:00Z", "2019-04-01T00:00:00"),
        ("String", "Bern", "Bern"),
        ("String", "null", ""),
        ("String", "NULL", ""),
        ("String", None, ""),
    ],
)
def test_a_default_is_text_with_its_fraction(kind: str, default: Any, text: str) -> None:
    found = remote_field(data_field("X", kind, default))
    assert (found.name, found.kind, found.default, found.system) == ("X", kind, text, False)


def test_fields_of_every_account_are_the_platforms_own() -> None:
    for name in ("FIRSTNAME", "LastName", "FULLNAME", "GENDER", "POSTCODE", "LASTSUBSCRIBED", "NOTES"):
        assert remote_field(data_field(name)).system
