"""The CRM's JSON:API documents: resources, lists, and every error.

Invariant: a refusal's status, title and text are decided here; handlers raise a `Problem`.
"""

import json
from typing import Any

from adapters.sandbox.clock import iso
from adapters.sandbox.oro.seed import Contact
from adapters.sandbox.vendor import Answer

MEDIA_TYPE = "application/vnd.api+json"
WRITABLE = (
    *("firstName", "lastName", "gender", "birthday", "jobTitle", "primaryEmail", "emails"),
    *("memberNumber", "newsletterOptOut"),
)
COMPUTED = "lifetimeValue"
KEPT = ("createdAt", "updatedAt")


class Problem(Exception):
    """A request the CRM refuses, with one error or several."""

    def __init__(self, status: int, *errors: dict[str, Any]) -> None:
        super().__init__(errors[0].get("detail", ""))
        self.status = status
        self.errors = [{"status": str(status), **error} for error in errors]

    def answer(self) -> Answer:
        """The HTTP answer."""
        return answer_of({"errors": self.errors}, self.status)


def answer_of(document: object, status: int = 200) -> Answer:
    """A JSON:API document as an answer."""
    return Answer(status, json.dumps(document, ensure_ascii=False).encode(), MEDIA_TYPE)


def filter_unsupported(parameter: str) -> Problem:
    """An unknown or disabled filter."""
    return Problem(
        400,
        {
            "title": "filter constraint",
            "detail": "The filter is not supported.",
            "source": {"parameter": parameter},
        },
    )


def value_unexpected(parameter: str, expected: str, given: str) -> Problem:
    """A filter's value of the wrong kind."""
    return Problem(
        400,
        {
            "title": "unexpected value exception",
            "detail": f'Expected {expected} value. Given "{given}".',
            "source": {"parameter": parameter},
        },
    )


def not_found() -> Problem:
    """No entity of that id."""
    detail = "An entity with the requested identifier does not exist."
    return Problem(404, {"title": "not found http exception", "detail": detail})


def no_resource() -> Problem:
    """The API has no such resource."""
    return Problem(
        404,
        {"title": "resource not accessible exception", "detail": "The resource is not accessible."},
    )


def not_allowed() -> Problem:
    """The resource is there and takes no such method."""
    return Problem(405, {"title": "method not allowed", "detail": "The method is not allowed."})


def token_refused() -> Problem:
    """No access token, a wrong one, or one that ran out."""
    return Problem(401, {"title": "authentication exception", "detail": "The access token is not accepted."})


def media_type_refused() -> Problem:
    """A body that is no JSON:API."""
    detail = f"Request's Content-Type must be {MEDIA_TYPE}."
    return Problem(415, {"title": "unsupported media type http exception", "detail": detail})


def body_refused(detail: str, pointer: str = "/data") -> Problem:
    """A body that is not what JSON:API wants."""
    error = {"title": "request data constraint", "detail": detail, "source": {"pointer": pointer}}
    return Problem(400, error)


def conflict(detail: str, pointer: str) -> Problem:
    """Type or id in the body are not those of the address."""
    return Problem(409, {"title": "conflict constraint", "detail": detail, "source": {"pointer": pointer}})


def violation(title: str, detail: str, attribute: str) -> dict[str, Any]:
    """One error about one attribute."""
    return {"title": title, "detail": detail, "source": {"pointer": f"/data/attributes/{attribute}"}}


def contact_resource(contact: Contact, fields: frozenset[str] | None = None) -> dict[str, Any]:
    """A contact; only the named fields where some are named."""
    attributes = {
        **contact.attributes,
        "emails": [{"email": email} for email in contact.emails],
        COMPUTED: contact.lifetime_value,
        "createdAt": zulu(contact.created),
        "updatedAt": zulu(contact.updated),
    }
    relationships = {
        "source": {"data": {"type": "contactsources", "id": contact.source}},
        "groups": {"data": [{"type": "contactgroups", "id": group} for group in contact.groups]},
    }
    return resource("contacts", str(contact.id), attributes, relationships, fields)


def resource(
    kind: str,
    key: str,
    attributes: dict[str, Any],
    relationships: dict[str, Any],
    fields: frozenset[str] | None,
) -> dict[str, Any]:
    """A resource with the named fields, or all of them."""
    found: dict[str, Any] = {"type": kind, "id": key}
    for name, values in (("attributes", attributes), ("relationships", relationships)):
        shown = {key: value for key, value in values.items() if fields is None or key in fields}
        if shown:
            found[name] = shown
    return found


def zulu(moment: float) -> str:
    """A moment as the CRM writes it: `2026-02-28T10:00:00Z`."""
    return iso(moment).replace("+00:00", "Z")
