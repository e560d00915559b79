"""One contact of the CRM changed or created, and what came of it.

Invariants: what a contact holds is read before it is written, and a value that is neither the one the plan knew
nor the new one is left alone; a change without an answer is read back before it is sent again (setting the same
values twice is harmless), a creation without an answer is looked for and never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.http import Answer
from adapters.provider import AdapterError, RightsMissing, Unanswered, Unrecognised
from adapters.source import SourceUnreadable
from adapters.source_writing import SourceAddition, SourceChange, SourceResult
from adapters.sources.oro.documents import (
    Entity,
    Value,
    as_value,
    complaints_of,
    entity_of,
    excerpt,
    refusal_of,
)
from adapters.sources.oro.known_addresses import KnownAddresses
from adapters.sources.oro.session import OroSession
from state.address import address_key
from state.model import Outcome


def change_contact(session: OroSession, change: SourceChange, fixed: frozenset[str]) -> SourceResult:
    """Set a contact's fields, but the ``fixed`` columns.

    Raises ``AdapterError`` for what concerns all contacts: credentials, no connection, throttling.
    """
    place = session.place

    def result(outcome: Outcome, reason: str, raw: str = "", present: Entity | None = None) -> SourceResult:
        email = change.email or (present.text(place.email_column) if present else "")
        return SourceResult(change.source_id, email, outcome, reason, raw)

    if not change.source_id.isascii() or not change.source_id.isdigit():
        return result(Outcome.REJECTED, "source-contact-gone", "This is no id of a contact of the CRM.")
    if computed := sorted(fixed & change.fields.keys()):
        return result(Outcome.REJECTED, "source-field-computed", ", ".join(computed))
    try:
        present = session.entity(place.entity, change.source_id)
    except (RightsMissing, Unrecognised) as error:
        return result(Outcome.REJECTED, error.reason, error.raw)
    if present is None:
        return result(Outcome.WITHHELD, "source-contact-gone")
    if unknown := sorted(change.fields.keys() - present.attributes.keys()):
        return result(Outcome.REJECTED, "source-column-missing", ", ".join(unknown), present)
    wanted = {
        name: text for name, text in change.fields.items() if present.text(name).strip() != text.strip()
    }
    if not wanted:
        return result(Outcome.WITHHELD, "no-longer-needed", "", present)
    moved_on = [
        name
        for name in wanted
        if name in change.expected and present.text(name).strip() != change.expected[name].strip()
    ]
    if moved_on:
        return result(Outcome.WITHHELD, "source-changed-meanwhile", ", ".join(moved_on), present)
    try:
        values = {name: as_value(text, present.attributes[name]) for name, text in wanted.items()}
    except ValueError as error:
        return result(Outcome.REJECTED, "source-refused", str(error), present)
    return result(*_set(session, present, wanted, values), present)


def _set(
    session: OroSession, before: Entity, wanted: Mapping[str, str], values: Mapping[str, Value]
) -> tuple[Outcome, str, str]:
    """Send the change; twice at most, and the second time only when the contact is still as it was."""
    for again in (True, False):
        try:
            answer = session.change(session.place.entity, before.id, values)
        except Unanswered as error:
            found = _after_silence(session, before, wanted)
            if found == "unchanged" and again:
                continue
            if found == "shown":
                return Outcome.SENT, "found-on-reading", error.text
            return Outcome.UNKNOWN, "no-answer", error.text
        return _judged(session, answer, before, wanted)
    return Outcome.UNKNOWN, "no-answer", ""


def _after_silence(session: OroSession, before: Entity, wanted: Mapping[str, str]) -> str:
    """What reading back shows: ``shown``, ``unchanged``, or ``unclear``."""
    try:
        now = session.entity(session.place.entity, before.id)
    except AdapterError:
        return "unclear"
    if now is None:
        return "unclear"
    if all(now.text(name).strip() == text.strip() for name, text in wanted.items()):
        return "shown"
    return "unchanged" if all(now.text(name) == before.text(name) for name in wanted) else "unclear"


def _judged(
    session: OroSession, answer: Answer, before: Entity, wanted: Mapping[str, str]
) -> tuple[Outcome, str, str]:
    if answer.status == 204:
        return Outcome.SENT, "written-back", ""
    if answer.status == 200:
        try:
            after = entity_of(answer)
        except Unrecognised as error:
            return Outcome.UNKNOWN, error.reason, error.raw
        # The CRM may write a value in its own way (a date, a number); the former value is no such way.
        kept = [
            name
            for name, text in wanted.items()
            if after.text(name) == before.text(name) and after.text(name).strip() != text.strip()
        ]
        return (Outcome.UNKNOWN, "not-shown", ", ".join(kept)) if kept else (Outcome.SENT, "written-back", "")
    return _refused(session, answer)


def _refused(session: OroSession, answer: Answer) -> tuple[Outcome, str, str]:
    """The outcome of a refusal that concerns this contact; raises what concerns them all."""
    words = "; ".join(one.text for one in complaints_of(answer)) or excerpt(answer)
    if answer.status == 404 and complaints_of(answer):
        return Outcome.WITHHELD, "source-contact-gone", words
    if answer.status == 403 and complaints_of(answer):
        return Outcome.REJECTED, "rights-missing", words
    if answer.status in (400, 409, 422):
        return Outcome.REJECTED, "source-refused", words
    error = refusal_of(answer, session.place.entity)
    if isinstance(error, Unrecognised):
        return Outcome.UNKNOWN, error.reason, words
    raise error


def create_contact(
    session: OroSession, addition: SourceAddition, fixed: frozenset[str], addresses: KnownAddresses
) -> SourceResult:
    """Create a contact, unless one has the address already or a required column is empty.

    Whether one has it is told by ``addresses``, read before; and the CRM is asked for who has got it meanwhile. Raises ``AdapterError`` for what concerns all contacts.
    """
    place, email = session.place, addition.email.strip()

    def result(outcome: Outcome, reason: str, raw: str = "", key: str = "") -> SourceResult:
        return SourceResult(key, addition.email, outcome, reason, raw)

    if "@" not in email or "," in email:
        return result(Outcome.REJECTED, "address-malformed")
    if computed := sorted(fixed & addition.fields.keys()):
        return result(Outcome.REJECTED, "source-field-computed", ", ".join(computed))
    missing = [name for name in place.required if not addition.fields.get(name, "").strip()]
    # A contact needs a first or a last name; what other entities require, they require all of.
    enough = len(missing) < len(place.required) if place.entity == "contacts" else not missing
    if place.required and not enough:
        return result(Outcome.REJECTED, "source-field-required", ", ".join(missing))
    if found := addresses.holder(email) or _known(session, email):
        return result(Outcome.WITHHELD, "source-has-person", "", found)
    attributes: dict[str, Value] = {name: text for name, text in addition.fields.items() if text.strip()}
    try:
        answer = session.create(place.entity, {**attributes, place.email_column: email})
    except Unanswered as error:
        return _looked_for(session, addition, error)
    if answer.status in (200, 201):
        try:
            new = entity_of(answer).id
        except Unrecognised as error:
            return result(Outcome.UNKNOWN, error.reason, error.raw)
        addresses.created(email, new)
        return result(Outcome.SENT, "created-in-source", "", new)
    return result(*_refused(session, answer))


def _looked_for(session: OroSession, addition: SourceAddition, error: Unanswered) -> SourceResult:
    try:
        found = _known(session, addition.email.strip())
    except AdapterError:
        found = ""
    if found:
        return SourceResult(found, addition.email, Outcome.SENT, "found-on-reading", error.text)
    return SourceResult("", addition.email, Outcome.UNKNOWN, "no-answer", error.text)


def _known(session: OroSession, email: str) -> str:
    """The id of a contact that has the address, as its primary one or another; empty when nobody has it."""
    place = session.place
    # The CRM may compare letter by letter, which is why all addresses are read before; this finds who came since.
    spellings = ",".join(dict.fromkeys((email, address_key(email))))
    first = {"page[size]": "1", "sort": "id", f"fields[{place.entity}]": place.email_column}
    for attribute in dict.fromkeys(("emails", place.email_column)):
        try:
            page = session.page(place.entity, {**first, f"filter[{attribute}]": spellings})
        except SourceUnreadable as error:
            if error.reason != "source-filter-refused" or attribute == place.email_column:
                raise
            continue  # this entity has one address only
        return page.entities[0].id if page.entities else ""
    return ""
