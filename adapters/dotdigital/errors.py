"""What dotdigital's refusals mean, as a table: by the code in the message first, by the status only after that.

Invariant (R23): what no entry describes is ``Unrecognised`` with the raw words kept, and never a success.
Source of every entry: dotdigital contract §2 and §5.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.answers import Answer
from adapters.budget import used_up
from adapters.dotdigital.documents import text_in
from adapters.provider import (
    AccountLimit,
    AdapterError,
    NotThere,
    Refused,
    RightsMissing,
    RowResult,
    Throttled,
    Unreachable,
    Unrecognised,
)
from state.model import Consent, Outcome

RAW_LETTERS = 1000
FLAT_LIMIT = "ERROR_APIUSAGE_EXCEEDED"
_CODE = re.compile(r"ERROR_[A-Z_]+")
_DENIED = "access is denied"
"""What every call but ``account-info`` is answered in the wrong region (contract §1)."""


@dataclass(slots=True, frozen=True)
class Problem:
    """A refusal: its status, the last code in its message, and its words."""

    status: int
    code: str = ""
    text: str = ""
    document: bool = False
    """Whether it was a JSON object; a gateway's page is none."""

    @property
    def raw(self) -> str:
        """The vendor's own words, for people."""
        return self.text[:RAW_LETTERS] or f"status {self.status}"


@dataclass(slots=True, frozen=True)
class Meaning:
    """What a code means for a whole call. ``row`` is what it means where the call was about one address."""

    kind: type[AdapterError]
    reason: str
    text: str
    next: str
    row: Row | None = None


@dataclass(slots=True, frozen=True)
class Row:
    """What a refusal means for one address."""

    outcome: Outcome
    reason: str
    consent: Consent | None = None
    raw_status: str = ""


GONE = Row(Outcome.WITHHELD, "member-gone")
SUPPRESSED = Row(Outcome.WITHHELD, "suppressed-account", Consent.SUPPRESSED, "Suppressed")
LEFT_BOOK = Row(Outcome.WITHHELD, "unsubscribed", Consent.UNSUBSCRIBED, "Unsubscribed")
ADDRESS_REFUSED = Row(Outcome.REJECTED, "address-refused")
FIELD_INVALID = Row(Outcome.REJECTED, "field-invalid")
REFUSED = Row(Outcome.REJECTED, "platform-refused")
UNKNOWN = Row(Outcome.UNKNOWN, "unknown")

_LOOK = "Look at the platform's words in the job's log."
_SOON = "Try again later; see the platform's status page."

MEANINGS: Mapping[str, Meaning] = {
    "ERROR_ADDRESSBOOK_NOT_FOUND": Meaning(
        NotThere,
        "list-missing",
        "The account has no address book with this number.",
        "Look it up with: listwarden lists CONNECTION, and correct the link.",
    ),
    "ERROR_ADDRESSBOOK_INVALID": Meaning(
        Refused,
        "list-name-invalid",
        "dotdigital refuses the name of the address book.",
        "Choose a name of 1 to 128 characters.",
    ),
    "ERROR_ADDRESSBOOK_DUPLICATE": Meaning(
        Refused,
        "list-name-taken",
        "The account has an address book of this name, or keeps the name for itself.",
        "Choose another name.",
    ),
    "ERROR_ADDRESSBOOK_NOTWRITABLE": Meaning(
        Refused,
        "system-list",
        "This is one of the account's own address books; it may not be written to.",
        "Link another address book.",
    ),
    "ERROR_ADDRESSBOOK_IN_USE": Meaning(
        Refused,
        "request-refused",
        "A program of the account uses the address book.",
        "Stop the program at dotdigital first.",
    ),
    "ERROR_ADDRESSBOOK_LIMITEXCEEDED": Meaning(
        AccountLimit,
        "list-limit",
        "The account may have no more address books.",
        "Delete one at dotdigital, or raise the plan.",
    ),
    "ERROR_CONTACT_NOT_FOUND": Meaning(
        NotThere, "member-gone", "The account does not know this contact.", "Nothing to do.", GONE
    ),
    "ERROR_CONTACT_INVALID": Meaning(
        Refused, "platform-refused", "dotdigital refuses what was said of a contact.", _LOOK, REFUSED
    ),
    "ERROR_INVALID_EMAIL": Meaning(
        Refused,
        "address-refused",
        "dotdigital calls the address invalid.",
        "Correct it in the source.",
        ADDRESS_REFUSED,
    ),
    "ERROR_CONTACT_SUPPRESSED": Meaning(
        Refused,
        "suppressed-account",
        "The account suppresses this address: no list of it mails them.",
        "Nothing can be sent; only the person can come back.",
        SUPPRESSED,
    ),
    "ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK": Meaning(
        Refused,
        "unsubscribed",
        "The person unsubscribed from this address book.",
        "Only the person can come back; or ask them with optin.",
        LEFT_BOOK,
    ),
    "ERROR_CONTACT_TOOMANY": Meaning(
        Refused, "request-refused", "Too many contacts in one call.", "Nothing to do: fewer are sent at once."
    ),
    "ERROR_CONTACT_RESUBSCRIPTION_INVALID": Meaning(
        Refused,
        "platform-refused",
        "dotdigital refuses to ask this person.",
        "Look the contact up at dotdigital; attempts on one contact are limited.",
        REFUSED,
    ),
    "ERROR_NON_UNIQUE_DATAFIELD": Meaning(
        Refused,
        "field-exists",
        "The account has a data field of this name.",
        "Use it, or choose another name.",
    ),
    "ERROR_DATAFIELD_INVALID": Meaning(
        Refused,
        "field-invalid",
        "dotdigital refuses the data field's name, type, default or value.",
        "Correct it as the platform's words say.",
        FIELD_INVALID,
    ),
    "ERROR_DATAFIELD_NOTFOUND": Meaning(
        NotThere,
        "field-missing",
        "The account has no data field of this name.",
        "Create it with: listwarden fields CONNECTION create NAME, or correct the mapping.",
        FIELD_INVALID,
    ),
    "ERROR_DATAFIELD_LIMITEXCEEDED": Meaning(
        AccountLimit,
        "field-limit",
        "The account may have no more data fields.",
        "Delete one that nothing uses, or raise the plan.",
    ),
    "ERROR_IMPORT_NOT_FOUND": Meaning(
        NotThere,
        "not-found",
        "dotdigital does not know this import, or not any more: it forgets them after about a week.",
        "Run a preview: it reads what the platform has.",
    ),
    "ERROR_IMPORT_REPORT_NOT_FOUND": Meaning(
        NotThere,
        "not-found",
        "dotdigital keeps no report of this import, or not any more.",
        "Run a preview: it reads what the platform has.",
    ),
    "ERROR_IMPORT_TOOMANYACTIVEIMPORTS": Meaning(
        AccountLimit,
        "too-many-imports",
        "The account has 25 unfinished imports, and dotdigital takes no more; nothing of this one was applied.",
        "Wait until some have ended, then resume.",
    ),
    "ERROR_NO_EMAIL_COLUMN": Meaning(
        Refused,
        "import-file-invalid",
        "dotdigital finds no address column in the file.",
        "Set email_column in the connection's settings to the column's name in the account's language.",
    ),
    "ERROR_IMPORT_UNSUPPORTED_FORMAT": Meaning(
        Refused, "import-file-invalid", "dotdigital does not take the file's format.", _LOOK
    ),
    "ERROR_MULTI_FILE_UPLOAD_NOT_ALLOWED": Meaning(
        Refused,
        "import-file-invalid",
        "dotdigital takes one file in a call.",
        "This is a fault of ours: report it.",
    ),
    "ERROR_CAMPAIGN_NOT_FOUND": Meaning(
        NotThere, "not-found", "The account has no campaign with this number.", "Read the campaigns again."
    ),
    "ERROR_CAMPAIGN_INVALID": Meaning(
        Refused, "request-refused", "The campaign has no such numbers, as it was not sent.", "Nothing to do."
    ),
    FLAT_LIMIT: Meaning(Throttled, "calls-used-up", "", ""),
    "ERROR_FEATURENOTACTIVE": Meaning(
        RightsMissing,
        "rights-missing",
        "The account's package does not include this.",
        "Ask the account manager at dotdigital.",
    ),
    "ERROR_UNKNOWN": Meaning(
        Unrecognised, "vendor-trouble", "dotdigital has trouble it does not explain.", _SOON, UNKNOWN
    ),
    "ERROR_SYSTEM_SERVICETEMPORARILYUNAVAILABLE": Meaning(
        Unreachable, "vendor-trouble", "dotdigital is not available for the moment.", _SOON
    ),
}


def problem_in(answer: Answer) -> Problem:
    """The problem of an answer; a body that is no JSON object leaves its first words."""
    document = answer.document()
    if document is None:
        text = answer.body[:RAW_LETTERS].decode("utf-8", "replace").strip()
        return Problem(answer.status, _last_code(text), text)
    text = text_in(document, "message") or text_in(document, "description")
    return Problem(answer.status, _last_code(text), text, document=True)


def _last_code(text: str) -> str:
    found = _CODE.findall(text)
    return found[-1].rstrip("_") if found else ""


def wrong_region(answer: Answer) -> bool:
    """Whether the answer is the one of a region the account does not live in (contract §1)."""
    return answer.status == 403 and _DENIED in problem_in(answer).text.lower()


def failure(answer: Answer, what: str, *, list_id: str = "") -> AdapterError:
    """The error of a whole call: ``what`` is a few words for its sentence, ``list_id`` the book it was about.

    A 401 says only that the login is refused; ``session`` words it by the looks of the user.
    """
    problem = problem_in(answer)
    meaning = MEANINGS.get(problem.code)
    if problem.code == FLAT_LIMIT:
        error = used_up()
        error.raw = problem.raw
        return error
    if meaning is not None:
        text = meaning.text
        if meaning.reason == "list-missing" and list_id:
            text = f"The account has no address book with the number {list_id}."
        return meaning.kind(meaning.reason, text, meaning.next, raw=problem.raw)
    if wrong_region(answer):
        return RightsMissing(
            "region-wrong",
            f"dotdigital denies this region access to the account (asked to {what}): it lives in another one, or the"
            " API user may not do this.",
            "Set region = \"auto\" in the connection's settings, or look at the API user's rights.",
            raw=problem.raw,
        )
    if problem.status in (401, 403):
        return _denied(problem, what)
    return _by_status(problem, what, list_id)


def _denied(problem: Problem, what: str) -> AdapterError:
    if not problem.document:
        return Unreachable(
            "gateway-blocked",
            f"A gateway before dotdigital refused the request ({problem.status}); this says nothing about the login.",
            "Wait; if it stays, ask dotdigital whether this machine's address is blocked.",
            raw=problem.raw,
        )
    return RightsMissing(
        "rights-missing",
        f"The API user may not {what}.",
        "Let an administrator of the account give the API user the right.",
        raw=problem.raw,
    )


def _by_status(problem: Problem, what: str, list_id: str) -> AdapterError:
    if problem.status == 404 and problem.document and not list_id:
        return NotThere(
            "not-found",
            f"dotdigital does not know what was asked for ({what}).",
            "Check the id.",
            raw=problem.raw,
        )
    return Unrecognised(
        "answer-not-understood",
        f"dotdigital answered {problem.status} when asked to {what}, without a code that anybody described.",
        "Look at the raw text in the job's log.",
        raw=problem.raw,
    )


def row_of(answer: Answer) -> Row | None:
    """What a refusal means for the one address it was about; None where it is about more than that."""
    meaning = MEANINGS.get(problem_in(answer).code)
    return meaning.row if meaning is not None else None


def row_result(email: str, answer: Answer, what: str, *, origin_id: str = "", list_id: str = "") -> RowResult:
    """The result of one refused address; raises the error of the whole call where it is not about the address."""
    row = row_of(answer)
    if row is None:
        raise failure(answer, what, list_id=list_id)
    return RowResult(
        email=email,
        outcome=row.outcome,
        reason=row.reason,
        origin_id=origin_id,
        raw=problem_in(answer).raw,
        consent=row.consent,
        raw_status=row.raw_status,
    )
