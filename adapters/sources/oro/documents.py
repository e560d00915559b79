"""JSON:API documents of the CRM: entities read out of them, values as text, refusals as errors for people.

Invariant: a document that is not what the contract describes is an error, never an empty page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.http import Answer
from adapters.provider import (
    AdapterError,
    CredentialsRefused,
    Refused,
    RightsMissing,
    Unreachable,
    Unrecognised,
)
from adapters.source import SourceUnreadable

MEDIA_TYPE = "application/vnd.api+json"
Value = str | int | float | bool | None


@dataclass(slots=True, frozen=True)
class Entity:
    """One resource: plain attributes (no objects, no lists but ``emails``), and the ids of to-one relationships."""

    id: str
    attributes: Mapping[str, Value]
    related: Mapping[str, str] = field(default_factory=dict)
    emails: tuple[str, ...] = ()
    """Every address, where the entity has several."""

    def text(self, column: str) -> str:
        """The column as text: nulls are empty, booleans true and false."""
        return self.id if column == "id" else as_text(self.attributes.get(column))


@dataclass(slots=True, frozen=True)
class Page:
    """Entities of one answer, and how many the request's filters find in all; None where it is not told."""

    entities: tuple[Entity, ...]
    total: int | None


@dataclass(slots=True, frozen=True)
class Complaint:
    """One error of a refusal. ``source`` is what it points at: a parameter or a JSON pointer."""

    title: str
    detail: str
    source: str

    @property
    def text(self) -> str:
        """In the CRM's own words."""
        words = self.detail or self.title or "no reason given"
        return f"{words} ({self.source})" if self.source else words


def as_text(value: Value) -> str:
    """An attribute as a source's value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and math.isfinite(value):
        return str(int(value))
    return str(value)


def as_value(text: str, present: Value) -> Value:
    """A text as the kind of value the attribute holds now; raises ``ValueError`` with a sentence."""
    if isinstance(present, bool):
        if text.strip().lower() not in ("true", "false"):
            raise ValueError(f"“{text}” is neither true nor false.")
        return text.strip().lower() == "true"
    if text == "":
        return None
    if isinstance(present, int | float):
        try:
            return int(text)
        except ValueError:
            pass  # perhaps it has a fraction
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"“{text}” is no number.") from None
        if not math.isfinite(number):
            raise ValueError(f"“{text}” is no number.")
        return number
    return text


def page_of(answer: Answer) -> Page:
    """The entities of a list's answer; raises ``Unrecognised``."""
    data = _data(answer)
    if not isinstance(data, list):
        raise _strange(answer, "The CRM's answer holds no list.")
    total = answer.headers.get("x-include-total-count", "").strip()
    return Page(
        tuple(_entity(one, answer) for one in data),
        int(total) if total.isascii() and total.isdigit() and len(total) < 12 else None,
    )


def entity_of(answer: Answer) -> Entity:
    """The entity of a single answer; raises ``Unrecognised``."""
    return _entity(_data(answer), answer)


def _data(answer: Answer) -> object:
    document = answer.document()
    if document is None or "data" not in document:
        raise _strange(answer, "The CRM's answer is no JSON:API document.")
    return document["data"]


def _entity(data: object, answer: Answer) -> Entity:
    found = data if isinstance(data, dict) else {}
    key, attributes, related = found.get("id"), found.get("attributes", {}), found.get("relationships", {})
    if (
        not isinstance(key, str)
        or not key
        or not isinstance(attributes, dict)
        or not isinstance(related, dict)
    ):
        raise _strange(answer, "The CRM's answer holds something that is no resource.")
    plain = {
        name: value
        for name, value in attributes.items()
        if value is None or isinstance(value, str | int | float)
    }
    return Entity(key, plain, dict(_related(related)), tuple(_emails(attributes.get("emails"))))


def _emails(listed: object) -> list[str]:
    """The addresses of ``[{"email": …}, …]``."""
    rows = listed if isinstance(listed, list) else []
    told = [row.get("email") for row in rows if isinstance(row, dict)]
    return [email for email in told if isinstance(email, str) and email]


def _related(relationships: Mapping[str, object]) -> list[tuple[str, str]]:
    found = []
    for name, relationship in relationships.items():
        data = relationship.get("data") if isinstance(relationship, dict) else None
        if isinstance(data, dict) and isinstance(data.get("id"), str):
            found.append((name, data["id"]))
    return found


def complaints_of(answer: Answer) -> tuple[Complaint, ...]:
    """The errors of a refusal; none when it is no document of the CRM's."""
    document = answer.document() or {}
    errors = document.get("errors")
    found = []
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            source = error.get("source")
            pointed = source if isinstance(source, dict) else {}
            where = pointed.get("parameter") or pointed.get("pointer") or ""
            found.append(Complaint(str(error.get("title", "")), str(error.get("detail", "")), str(where)))
    return tuple(found)


def refusal_of(answer: Answer, resource: str) -> AdapterError:
    """What an answer of 400 and above means; ``resource`` is named to people."""
    complaints = complaints_of(answer)
    words = "; ".join(one.text for one in complaints) or excerpt(answer)
    # A bare 401 may be the CRM's own; a page is a gateway's, and so is every 403 without a document (R20).
    page = answer.document() is None and bool(answer.body)
    if not complaints and (answer.status == 403 or (answer.status == 401 and page)):
        return Unreachable(
            "gateway-blocked",
            f"Something before the CRM refused the request without a reason ({answer.status}).",
            "Check base_url; this says nothing about the client id.",
            raw=excerpt(answer),
        )
    if answer.status == 401:
        return CredentialsRefused(
            "source-key-refused",
            "The CRM does not accept the access token it has just given.",
            "Check that the OAuth application is active and its user enabled.",
            raw=words,
        )
    if answer.status == 403:
        return RightsMissing(
            "rights-missing",
            f"The OAuth application's user may not do this with {resource}.",
            f"Give the user's role the right to view {resource}, and to edit them if changes are written back.",
            raw=words,
        )
    if answer.status in (404, 405):
        return SourceUnreadable(
            "source-missing",
            f"The CRM's API has no {resource}.",
            "Check entity, prefix and base_url in the source's settings; an administrator enables entities in "
            "api.yml.",
            raw=words,
        )
    filters = [one for one in complaints if one.source.startswith("filter") or "filter" in one.title]
    if answer.status == 400 and filters:
        return SourceUnreadable(
            "source-filter-refused",
            f"The CRM refuses a filter on {resource}: {filters[0].text}",
            "Correct the filter in the source's settings; the API's sandbox page lists those there are.",
            raw=words,
        )
    if answer.status in (400, 409, 422):
        return Refused(
            "source-refused", f"The CRM refused the request: {words}", "Read its words.", raw=words
        )
    return Unrecognised(
        "answer-not-understood", f"The CRM answered {answer.status} to {resource}.", "Report it.", raw=words
    )


def excerpt(answer: Answer) -> str:
    """The beginning of an answer, as it is kept for people."""
    return answer.body[:500].decode("utf-8", "replace")


def _strange(answer: Answer, text: str) -> Unrecognised:
    return Unrecognised(
        "answer-not-understood", text, "Check base_url: is it the CRM itself?", raw=excerpt(answer)
    )
