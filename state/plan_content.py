"""What one row of a plan sends, ready to leave, and what is shown of it: values before and after, and by whom.

Payloads are part of a plan's digest, so what is in here is what a person confirms.
"""

from __future__ import annotations

from dataclasses import dataclass

from state.classify import Verdict
from state.compare import Comparison, Differing, Sides
from state.creations import NewContacts
from state.model import Action, Link, RowClass
from state.three_way import Course

Payload = dict[str, object]


@dataclass(slots=True)  # not frozen: made by the hundred thousand
class RowTexts:
    """What the state holds of one row: mapped texts of both sides, what was agreed, addresses, the row's own consent."""

    email: str
    ours: str = ""
    theirs: str = ""
    agreed: str | None = None
    pending: str | None = None
    consent: str | None = None
    former: str | None = None


def payload_and_detail(
    verdict: Verdict, link: Link, comparison: Comparison, creation: NewContacts | None, row: RowTexts
) -> tuple[Payload | None, Payload]:
    """The payload (None: nothing is sent) and the detail kept for showing."""
    match verdict.action:
        case Action.ADD:
            return _addition(link, comparison, row)
        case Action.CHANGE:
            return _change(verdict, comparison, row)
        case Action.WRITE_BACK:
            return _write_back(comparison, row)
        case Action.CREATE:
            values = creation.values(row.theirs) if creation is not None else {}
            return {"create": values}, {"back_after": values}
        case Action.REMOVE | Action.UNSUBSCRIBE:
            return {}, {}
        case Action.MOVE:
            return _move(comparison, row)
        case None:
            return None, _shown(verdict, comparison, creation, row)


def _addition(link: Link, comparison: Comparison, row: RowTexts) -> tuple[Payload, Payload]:
    fields = comparison.addition(row.ours)
    payload: Payload = {"fields": fields, "consent": row.consent if link.consent_column else link.consent}
    if link.tag:
        payload["tags"] = [link.tag]
    return payload, {"after": fields} if fields else {}


def _change(verdict: Verdict, comparison: Comparison, row: RowTexts) -> tuple[Payload, Payload]:
    how = comparison.everything if verdict.reason == "due" else comparison.change
    after, before = how(row.ours, row.theirs, row.agreed, row.pending)
    detail: Payload = {"before": before, "after": after}
    if comparison.two_way:
        sides = comparison.sides(row.ours, row.theirs, row.agreed, row.pending)
        _note_agreed(detail, sides.on(Course.TO_PLATFORM))
        _note_left_open(detail, sides)
    return {"fields": after}, detail


def _write_back(comparison: Comparison, row: RowTexts) -> tuple[Payload, Payload]:
    sides = comparison.sides(row.ours, row.theirs, row.agreed, row.pending)
    going = sides.on(Course.TO_SOURCE)
    detail = _handed(going)
    rest = [one.target for one in sides.on(Course.TO_PLATFORM)]
    if rest:
        detail["note"] = f"{', '.join(rest)}: the source's news, sent with the next plan"
    _note_left_open(detail, sides)
    return comparison.write_back(sides), detail


def _move(comparison: Comparison, row: RowTexts) -> tuple[Payload, Payload]:
    payload: Payload = {"former": row.former, "email": row.email}
    detail: Payload = {"former": row.former}
    after, before = comparison.change(row.ours, row.theirs, row.agreed, row.pending)
    if after and not comparison.refusal(row.ours):  # a value that would be refused shall not keep the address
        payload["fields"] = after
        detail |= {"before": before, "after": after}
    return payload, detail


def _shown(verdict: Verdict, comparison: Comparison, creation: NewContacts | None, row: RowTexts) -> Payload:
    """Rows without a write that are shown with more than their reason."""
    if verdict.row_class is RowClass.ADDRESS_CHANGED or verdict.reason == "opted-out-under-former-address":
        return {"former": row.former}
    match verdict.reason:
        case "differs":
            after, before = comparison.change(row.ours, row.theirs)
            return {"before": before, "after": after}
        case "field-invalid" | "field-required":
            return {"note": comparison.refusal(row.ours)}
        case "field-conflict":
            asked = comparison.sides(row.ours, row.theirs, row.agreed, row.pending).on(Course.ASKED)
            detail: Payload = {
                "before": {one.target: one.theirs for one in asked},
                "after": {one.target: one.ours for one in asked},
            }
            _note_agreed(detail, asked)
            return detail
        case "returned-to-source":
            sides = comparison.sides(row.ours, row.theirs, row.agreed, row.pending)
            return _handed(sides.on(Course.RETURNED))
        case "create-not-covered":
            return {"note": creation.missing(row.theirs) if creation is not None else ""}
        case _:
            return {}


def _handed(going: tuple[Differing, ...]) -> Payload:
    """Fields that go to the source, or went there: its value before, the platform's after."""
    detail: Payload = {
        "back_before": {one.target: one.ours for one in going},
        "back_after": {one.target: one.theirs for one in going},
    }
    _note_agreed(detail, going)
    return detail


def _note_agreed(detail: Payload, fields: tuple[Differing, ...]) -> None:
    agreed = {one.target: one.agreed for one in fields if one.agreed is not None}
    if agreed:
        detail["agreed"] = agreed


def _note_left_open(detail: Payload, sides: Sides) -> None:
    """Fields of the row that this plan sends nowhere."""
    told = [str(detail["note"])] if "note" in detail else []
    asked = [one.target for one in sides.on(Course.ASKED)]
    if asked:
        told.append(f"{', '.join(asked)}: changed on both sides, not sent")
    returned = [one.target for one in sides.on(Course.RETURNED)]
    if returned:
        told.append(f"{', '.join(returned)}: handed to the source, which does not show it yet")
    if told:
        detail["note"] = "; ".join(told)
