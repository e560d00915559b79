"""Mailchimp's refusals: every problem document of the contract's §9, in one place.

Invariant: a refusal's status, title and text are decided here and nowhere else; handlers raise a `Problem` and the
router turns it into the answer. Compliance and forgotten errors carry no `type`, as the real ones.
"""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from adapters.sandbox.vendor import Answer

TYPE_URI = "https://mailchimp.com/developer/marketing/docs/errors/"
PROBLEM_JSON = "application/problem+json; charset=utf-8"


class Problem(Exception):
    """A request, or one row of it, that Mailchimp refuses."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: list[dict[str, str]] | None = None,
        *,
        typed: bool = True,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.typed = typed

    def document(self) -> dict[str, Any]:
        """The body; `instance` is the number Mailchimp's support asks for."""
        document: dict[str, Any] = {"type": TYPE_URI} if self.typed else {}
        document |= {
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": str(uuid.uuid4()),
        }
        if self.errors is not None:
            document["errors"] = self.errors
        return document

    def answer(self) -> Answer:
        """The HTTP answer."""
        body = json.dumps(self.document(), ensure_ascii=False).encode()
        return Answer(self.status, body, PROBLEM_JSON)


def bad_request(detail: str = "The request could not be understood by the server.") -> Problem:
    """400 Bad Request."""
    return Problem(400, "Bad Request", detail)


def json_parse_error() -> Problem:
    """400: the body is not JSON."""
    return Problem(
        400,
        "JSON Parse Error",
        "We encountered an unspecified JSON parsing error. This error means that your JSON was invalid.",
    )


def invalid(detail: str, errors: list[dict[str, str]] | None = None) -> Problem:
    """400 Invalid Resource with or without single fields."""
    return Problem(400, "Invalid Resource", detail, errors)


def invalid_field(field: str, message: str) -> Problem:
    """400 Invalid Resource for one field of the request."""
    return invalid(
        "The resource submitted could not be validated. For field-specific details, see the 'errors' array.",
        [{"field": field, "message": message}],
    )


def invalid_merge_fields(errors: list[dict[str, str]]) -> Problem:
    """400: merge field values that break their field's rules (§7)."""
    return invalid("Your merge fields were invalid.", errors)


def fake_address(email: str) -> Problem:
    """400: an address nobody can own, such as anything at example.com."""
    return invalid(f"{email} looks fake or invalid, please enter a real email address.")


def no_address() -> Problem:
    """400: not an address at all."""
    return invalid("Please provide a valid email address.")


def busy_address(email: str) -> Problem:
    """400: the person signed up to many lists of late; retry after hours or days."""
    return invalid(
        f"{email} has signed up to a lot of lists very recently; we're not allowing more signups for now"
    )


def member_exists(email: str) -> Problem:
    """400: the address is on the list already."""
    return Problem(
        400,
        "Member Exists",
        f"{email} is already a list member. Use PUT to insert or update list members.",
    )


def compliance(email: str, *, on_post: bool = False) -> Problem:
    """400: whoever left cannot be subscribed by us."""
    state = "compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed."
    text = f"is already a list member in {state}" if on_post else f"is in a {state}"
    return Problem(400, "Member In Compliance State", f"{email} {text}", typed=False)


def forgotten(email: str) -> Problem:
    """400: permanently deleted, for ever."""
    return Problem(
        400,
        "Forgotten Email Not Subscribed",
        f"{email} was permanently deleted and cannot be re-imported. "
        "The contact must re-subscribe to get back on the list.",
        typed=False,
    )


def key_missing() -> Problem:
    """401: no credentials sent."""
    return Problem(401, "API Key Missing", "Your request did not include an API key.")


def key_invalid() -> Problem:
    """401: mistyped, revoked or of another data centre."""
    return Problem(
        401,
        "API Key Invalid",
        "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
    )


def key_disabled() -> Problem:
    """401: a key switched off in the account."""
    return Problem(401, "API Key Invalid", "This API key has been disabled.")


def not_permitted(detail: str = "User does not have access to the requested operation") -> Problem:
    """403: the user's role or the plan forbids it."""
    return Problem(403, "User action not permitted", detail)


def user_disabled() -> Problem:
    """403: the account is deactivated."""
    return Problem(403, "User Disabled", "This account has been deactivated.")


def access_forbidden() -> Problem:
    """403 Forbidden."""
    return Problem(403, "Forbidden", "You are not permitted to access this resource.")


def not_found() -> Problem:
    """404."""
    return Problem(404, "Resource Not Found", "The requested resource could not be found.")


def method_not_allowed(
    detail: str = "The requested method and resource are not compatible. See the Allow header for this "
    "resource's available methods.",
) -> Problem:
    """405."""
    return Problem(405, "Method Not Allowed", detail)


def cannot_remove() -> Problem:
    """405: a cleaned or otherwise locked member."""
    return method_not_allowed("This list member cannot be removed.")


def nesting_too_deep() -> Problem:
    """414."""
    return Problem(414, "Resource Nesting Too Deep", "The sub-resource requested is nested too deeply.")


def invalid_override() -> Problem:
    """422: `X-HTTP-Method-Override` with anything but POST."""
    return Problem(
        422,
        "Invalid Method Override",
        "X-HTTP-Method-Override may be used with POST requests only.",
    )


def upgrade_required() -> Problem:
    """426: plain HTTP."""
    return Problem(426, "Upgrade Required", "Your request was made over HTTP; use HTTPS.")


def too_many_connections() -> Problem:
    """429: the account's simultaneous connections are used up."""
    return Problem(429, "Too Many Requests", "You have exceeded the limit of 10 simultaneous connections.")


def too_many_webhooks() -> Problem:
    """429 on submitting a batch."""
    return Problem(429, "Too Many Requests", "You have more than 500 pending webhooks.")


def too_many_batches() -> Problem:
    """429: 500 batches wait already."""
    return Problem(429, "Too Many Requests", "You have more than 500 pending batches.")


def internal_error() -> Problem:
    """500."""
    return Problem(
        500,
        "Internal Server Error",
        "An unexpected internal error has occurred. Please contact Support for more information.",
    )


def unavailable() -> Problem:
    """503."""
    return Problem(503, "Service Unavailable", "The service is temporarily unavailable.")


_HEADINGS = {403: "403 Forbidden", 429: "429 Too Many Requests", 502: "502 Bad Gateway", 503: "503 Busy"}

_BY_STATUS: dict[int, Callable[[], Problem]] = {
    400: bad_request,
    401: key_invalid,
    403: access_forbidden,
    404: not_found,
    405: method_not_allowed,
    414: nesting_too_deep,
    422: invalid_override,
    426: upgrade_required,
    429: too_many_connections,
    500: internal_error,
    503: unavailable,
}


def failure(status: int, body: str) -> Answer:
    """A rehearsed failure of `status` with an `html`, `empty` or `problem` body."""
    if body == "html":
        return Answer.page(status, _HEADINGS.get(status, str(status)))
    if body == "empty":
        return Answer(status, b"", "text/plain")
    known = _BY_STATUS.get(status)
    if known is not None:
        return known().answer()
    return Problem(status, "Error", f"The request failed with status {status}.").answer()


_SAMPLE = "trigger@example.org"

# The service's own header `X-Trigger-Error: <name>` (§1). The vendor's names where its documents give one,
# the title without blanks elsewhere.
_TRIGGERS: dict[str, Callable[[], Problem | Answer]] = {
    "BadRequest": bad_request,
    "JSONParseError": json_parse_error,
    "InvalidAction": lambda: Problem(400, "Invalid Action", "The action requested was not valid."),
    "InvalidResource": lambda: invalid_field("email_address", "This value should not be blank."),
    "InvalidMergeFields": lambda: invalid_merge_fields(
        [{"field": "LNAME", "message": "Please enter a value"}]
    ),
    "FakeAddress": lambda: fake_address(_SAMPLE),
    "InvalidAddress": no_address,
    "TooManySignups": lambda: busy_address(_SAMPLE),
    "MemberExists": lambda: member_exists(_SAMPLE),
    "MemberInComplianceState": lambda: compliance(_SAMPLE),
    "MemberInComplianceStateOnPost": lambda: compliance(_SAMPLE, on_post=True),
    "ForgottenEmailNotSubscribed": lambda: forgotten(_SAMPLE),
    "MustOptInAgain": lambda: invalid(
        f"{_SAMPLE} has previously unsubscribed from this list and must opt in again."
    ),
    "PreviouslyRemoved": lambda: invalid(f"{_SAMPLE} was previously removed from this audience."),
    "AlreadyWithStatus": lambda: invalid(
        f'{_SAMPLE} is already in this list with a status of "Unsubscribed".'
    ),
    "StatusCleaned": lambda: invalid('This member\'s status is "cleaned."'),
    "APIKeyMissing": key_missing,
    "APIKeyInvalid": key_invalid,
    "WrongDatacenter": key_invalid,
    "Forbidden": access_forbidden,
    "UserDisabled": user_disabled,
    "UserActionNotPermitted": not_permitted,
    "EdgeForbidden": lambda: Answer.page(403, _HEADINGS[403]),
    "EdgeTooManyRequests": lambda: Answer.page(429, _HEADINGS[429]),
    "ResourceNotFound": not_found,
    "MethodNotAllowed": method_not_allowed,
    "MemberCannotBeRemoved": cannot_remove,
    "ResourceNestingTooDeep": nesting_too_deep,
    "InvalidMethodOverride": invalid_override,
    "RequestedFieldsInvalid": lambda: invalid("The fields requested from this resource are invalid."),
    "UpgradeRequired": upgrade_required,
    "TooManyRequests": too_many_connections,
    "TooManyPendingWebhooks": too_many_webhooks,
    "InternalServerError": internal_error,
    "BadGateway": lambda: Answer.page(502, _HEADINGS[502]),
    "ServiceUnavailable": unavailable,
}

TRIGGER_NAMES = tuple(_TRIGGERS)


def triggered(name: str) -> Answer | None:
    """The answer to `X-Trigger-Error: name`, in any case and with or without blanks; None for a name unknown."""
    wanted = re.sub(r"[\s_-]", "", name).lower()
    for known, make in _TRIGGERS.items():
        if known.lower() == wanted:
            made = make()
            return made if isinstance(made, Answer) else made.answer()
    return None
