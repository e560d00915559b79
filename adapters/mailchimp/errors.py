"""What Mailchimp's refusals mean, as a table: by status and title first, by the wording only after that.

Invariant (R23): what no entry describes is ``platform-refused`` or ``unknown`` with the raw words kept, and
never a success. Source of every entry: Mailchimp contract §9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.bodies import BodyFault, load_json
from adapters.http import Answer
from adapters.provider import (
    AccountLimit,
    AdapterError,
    CredentialsRefused,
    NotThere,
    Refused,
    RightsMissing,
    RowResult,
    Unrecognised,
)
from state.model import Consent, Outcome

RAW_LETTERS = 1000


@dataclass(slots=True, frozen=True)
class Problem:
    """A problem document, or what is left of one. ``fields`` are ``(field, message)`` pairs."""

    status: int
    title: str = ""
    detail: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    code: str = ""

    @property
    def raw(self) -> str:
        """The vendor's own words, for people."""
        parts = [part for part in (self.title, self.detail) if part]
        parts += [f"{field}: {message}" if field else message for field, message in self.fields]
        return " | ".join(parts)[:RAW_LETTERS] or f"status {self.status}"


@dataclass(slots=True, frozen=True)
class Verdict:
    """What a refusal means for one address."""

    outcome: Outcome
    reason: str
    consent: Consent | None = None
    raw_status: str = ""


ALREADY_THERE = Verdict(Outcome.WITHHELD, "already-there")
COMPLIANCE = Verdict(Outcome.WITHHELD, "compliance-state", Consent.UNSUBSCRIBED, "compliance")
FORGOTTEN = Verdict(Outcome.WITHHELD, "erased-remotely", Consent.ERASED, "forgotten")
UNSUBSCRIBED = Verdict(Outcome.WITHHELD, "unsubscribed", Consent.UNSUBSCRIBED, "unsubscribed")
BOUNCED = Verdict(Outcome.WITHHELD, "bounced", Consent.BOUNCED, "cleaned")
LOCKED = Verdict(Outcome.WITHHELD, "member-locked")
GONE = Verdict(Outcome.WITHHELD, "member-gone")
FIELD_INVALID = Verdict(Outcome.REJECTED, "field-invalid")
ADDRESS_REFUSED = Verdict(Outcome.REJECTED, "address-refused")
TOO_OFTEN = Verdict(Outcome.REJECTED, "signed-up-too-often")
ROLE = Verdict(Outcome.REJECTED, "role-address")
THROTTLED = Verdict(Outcome.REJECTED, "throttled")
TROUBLE = Verdict(Outcome.UNKNOWN, "vendor-trouble")
REFUSED = Verdict(Outcome.REJECTED, "platform-refused")
UNKNOWN = Verdict(Outcome.UNKNOWN, "unknown")

BY_TITLE: Mapping[tuple[int, str], Verdict] = {
    (400, "member in compliance state"): COMPLIANCE,
    (400, "forgotten email not subscribed"): FORGOTTEN,
    (404, "resource not found"): GONE,
    (405, "method not allowed"): LOCKED,
    (429, "too many requests"): THROTTLED,
}

BY_WORDING: tuple[tuple[re.Pattern[str], Verdict], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), verdict)
    for pattern, verdict in (
        (
            r"permanently deleted|cannot be re-?imported|previously removed from this (audience|list)",
            FORGOTTEN,
        ),
        (r"forgotten email", FORGOTTEN),
        (r"compliance (state|review)", COMPLIANCE),
        (r"previously unsubscribed|must opt in again", UNSUBSCRIBED),
        (r"status (of|is) \W*unsubscribed", UNSUBSCRIBED),
        (r"status (of|is) \W*cleaned", BOUNCED),
        (r"(already|is) in this (list|audience) with a status", ALREADY_THERE),
        (r"already a (list|audience) member", ALREADY_THERE),
        (r"signed up to a lot of lists", TOO_OFTEN),
        (r"role[- ](based )?(address|email)", ROLE),
        (r"looks fake or invalid|valid email address|invalid email address", ADDRESS_REFUSED),
        (r"merge fields were invalid|merge field", FIELD_INVALID),
    )
)

BY_CODE: Mapping[str, Verdict] = {"ERROR_CONTACT_EXISTS": ALREADY_THERE}
"""Codes of the rows of a bulk add; ERROR_GENERIC says nothing."""

_ADDRESS_FIELDS = frozenset({"email_address", "email", "EMAIL"})
_CONTACT_LIMIT = re.compile(
    r"(contact|subscriber|audience|plan)s?\b.{0,60}\b(limit|maximum|quota)"
    r"|(limit|maximum|quota|exceed)\w*\b.{0,60}\b(contact|subscriber|plan)",
    re.IGNORECASE,
)


def problem_of(status: int, document: object) -> Problem:
    """Reads a problem document as far as it is one."""
    if not isinstance(document, dict):
        return Problem(status)
    fields = document.get("errors")
    pairs = tuple(
        (_text(entry.get("field")), _text(entry.get("message")))
        for entry in (fields if isinstance(fields, list) else [])
        if isinstance(entry, dict)
    )
    return Problem(status, _text(document.get("title")), _text(document.get("detail")), pairs)


def problem_in(answer: Answer) -> Problem:
    """The problem of an answer; a body that is none leaves its first words as the detail."""
    document = answer.document()
    if document is None:
        return Problem(answer.status, detail=answer.body[:RAW_LETTERS].decode("utf-8", "replace").strip())
    return problem_of(answer.status, document)


def problem_text(status: int, text: str) -> Problem:
    """The problem inside a batch result, whose ``response`` is JSON in a string."""
    try:
        return problem_of(status, load_json(text.encode("utf-8", "replace")))
    except BodyFault:
        return Problem(status, detail=text[:RAW_LETTERS])


def verdict(problem: Problem) -> Verdict:
    """What a refusal means for one address."""
    title = problem.title.strip().lower()
    if problem.status < 500 and (by_title := BY_TITLE.get((problem.status, title))) is not None:
        return by_title
    if problem.status in (200, 400):
        words = f"{problem.title} {problem.detail}"
        for pattern, found in BY_WORDING:
            if pattern.search(words):
                return found
        if problem.code in BY_CODE:
            return BY_CODE[problem.code]
        if title == "member exists":
            return ALREADY_THERE
        named = [field for field, _ in problem.fields if field]
        if named:
            return ADDRESS_REFUSED if all(field in _ADDRESS_FIELDS for field in named) else FIELD_INVALID
        return REFUSED
    if problem.status == 404:
        return GONE
    if problem.status == 405:
        return LOCKED
    if problem.status == 429:
        return THROTTLED
    if problem.status >= 500:
        return TROUBLE
    return REFUSED if 400 <= problem.status < 500 else UNKNOWN


def row_result(email: str, problem: Problem, *, origin_id: str = "") -> RowResult:
    """The result of one refused address."""
    found = verdict(problem)
    return RowResult(
        email=email,
        outcome=found.outcome,
        reason=found.reason,
        origin_id=origin_id,
        raw=problem.raw,
        consent=found.consent,
        raw_status=found.raw_status,
    )


def stops_everything(status: int) -> bool:
    """Statuses that are about the key or the account and never about one address (I19)."""
    return status in (401, 403)


def failure(answer: Answer, what: str, *, list_id: str = "") -> AdapterError:
    """The error of a whole call: ``what`` is a few words for its sentence, ``list_id`` the list it was about."""
    problem = problem_in(answer)
    raw = problem.raw
    title = problem.title.lower()
    if problem.status == 401:
        missing = "missing" in title
        return CredentialsRefused(
            "key-missing" if missing else "key-invalid",
            "Mailchimp refuses the API key: mistyped, disabled, or of another data centre.",
            "Copy the key again from Mailchimp, and store it where the settings point.",
            raw=raw,
        )
    if problem.status == 403:
        if _CONTACT_LIMIT.search(problem.detail):
            return AccountLimit(
                "contact-limit",
                "The account's plan has no room for more contacts.",
                "Raise the plan or remove contacts at Mailchimp; nothing was lost here.",
                raw=raw,
            )
        if "disabled" in title or "deactivated" in problem.detail.lower():
            return RightsMissing(
                "user-disabled",
                "Mailchimp has deactivated the account or its user.",
                "Sign in at Mailchimp and see what it asks for.",
                raw=raw,
            )
        return RightsMissing(
            "rights-missing",
            f"The key's user may not {what}.",
            "Let an administrator of the account raise the role, or use another key.",
            raw=raw,
        )
    if problem.status == 404:
        if list_id:
            return NotThere(
                "list-missing",
                f"The account has no audience with the id {list_id}.",
                "Look the audience id up at Mailchimp, and correct the link.",
                raw=raw,
            )
        return NotThere(
            "not-found", f"Mailchimp does not know what was asked for ({what}).", "Check the id.", raw=raw
        )
    if 400 <= problem.status < 500:
        return Refused(
            "request-refused",
            f"Mailchimp refused to {what} ({problem.status}).",
            "Read its words; if they make no sense, it is our fault: report it.",
            raw=raw,
        )
    return Unrecognised(
        "answer-not-understood",
        f"Mailchimp answered {problem.status} when asked to {what}, which nobody described.",
        "Look at the raw text in the job's log.",
        raw=raw,
    )


def not_understood(what: str) -> Unrecognised:
    """An answer of a good status without what it has to hold."""
    return Unrecognised(
        "answer-not-understood",
        f"Mailchimp's answer when asked to {what} is not what it describes.",
        "Look at the raw text in the job's log.",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
