"""dotdigital's refusals: `{"message": "<sentence> ERROR_CODE"}`, in one place (contract §2).

Invariant: a refusal's status and text are decided here and nowhere else; handlers raise a `Refusal` and the router
turns it into the answer.
"""

from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.vendor import Answer

_SENTENCES = {
    "ADDRESSBOOK_NOT_FOUND": "There is no address book with this id.",
    "ADDRESSBOOK_INVALID": "An address book needs a name of at most 128 characters.",
    "ADDRESSBOOK_DUPLICATE": "An address book of this name exists or the name is reserved.",
    "ADDRESSBOOK_NOTWRITABLE": "This address book cannot be changed.",
    "CONTACT_NOT_FOUND": "There is no such contact.",
    "CONTACT_INVALID": "The contact cannot be read.",
    "INVALID_EMAIL": "This is no e-mail address.",
    "CONTACT_SUPPRESSED": "The contact is suppressed in this account.",
    "CONTACT_SUPPRESSEDFORADDRESSBOOK": "The contact has unsubscribed from this address book.",
    "CONTACT_TOOMANY": "Too many contacts in one call.",
    "CONTACT_RESUBSCRIPTION_INVALID": "The resubscription cannot be read.",
    "NON_UNIQUE_DATAFIELD": "A data field of this name exists.",
    "DATAFIELD_INVALID": "Name, type, default or value of the data field is not valid.",
    "DATAFIELD_NOTFOUND": "There is no data field of this name.",
    "IMPORT_NOT_FOUND": "There is no such import.",
    "IMPORT_REPORT_NOT_FOUND": "There is no report of this import.",
    "IMPORT_TOOMANYACTIVEIMPORTS": "Too many imports are under way.",
    "NO_EMAIL_COLUMN": "The file has no e-mail column.",
    "IMPORT_UNSUPPORTED_FORMAT": "Files of this kind cannot be imported.",
    "MULTI_FILE_UPLOAD_NOT_ALLOWED": "Send one file at a time.",
    "CAMPAIGN_NOT_FOUND": "There is no campaign with this id.",
    "CAMPAIGN_INVALID": "The campaign has not been sent.",
    "APIUSAGE_EXCEEDED": "Your use of the API is capped for a while.",
    "PARAMETER_INVALID": "A parameter is out of range.",
    "UNKNOWN": "An error occurred.",
    "SYSTEM_SERVICETEMPORARILYUNAVAILABLE": "The service is not available at present.",
}


class Refusal(Exception):
    """A request that dotdigital refuses; `code` without its `ERROR_`, empty where the vendor gives none."""

    def __init__(self, code: str, status: int | None = None, sentence: str | None = None) -> None:
        self.code = code
        self.sentence = _SENTENCES.get(code, "Error:") if sentence is None else sentence
        self._status = status
        super().__init__(f"{self.sentence} {code}".strip())

    def status(self, switches: Switches) -> int:
        """404 for what is not found, 400 else; nobody has confirmed which (§2)."""
        if self._status is not None:
            return self._status
        missing = self.code.endswith(("NOT_FOUND", "NOTFOUND")) and not switches.not_found_is_400
        return 404 if missing else 400

    def answer(self, switches: Switches) -> Answer:
        """The HTTP answer."""
        code = f" ERROR_{self.code}" if self.code else ""
        return Answer.of({"message": f"{self.sentence}{code}"}, self.status(switches))


def unauthorized() -> Refusal:
    """401: no or wrong credentials."""
    return Refusal("", 401, "Authorization has been denied for this request.")


def wrong_region() -> Refusal:
    """403: the account lives at another endpoint (§1)."""
    return Refusal("", 403, "Forbidden: Access is denied")


def too_many_requests() -> Refusal:
    """429 of the tiered scheme."""
    return Refusal("", 429, "API rate limit reached. Wait until the window is over.")


def nothing_here() -> Refusal:
    """404: no such resource."""
    return Refusal("", 404, "No HTTP resource was found that matches the request.")


def method_not_allowed() -> Refusal:
    """405."""
    return Refusal("", 405, "The requested resource does not support this method.")


_HEADINGS = {403: "403 Forbidden", 429: "429 Too Many Requests", 502: "502 Bad Gateway", 503: "503 Busy"}


def failure(status: int, body: str) -> Answer:
    """A rehearsed failure of `status` with an `html`, `empty` or `problem` body."""
    if body == "html":
        return Answer.page(status, _HEADINGS.get(status, str(status)))
    if body == "empty":
        return Answer(status, b"", "text/plain")
    known = {401: unauthorized(), 403: wrong_region(), 429: too_many_requests(), 405: method_not_allowed()}
    if status in known:
        return known[status].answer(Switches())
    code = "SYSTEM_SERVICETEMPORARILYUNAVAILABLE" if status == 503 else "UNKNOWN"
    return Refusal(code, status).answer(Switches())
