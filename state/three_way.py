"""Which way one two-way field goes: what the source has and what the platform has, against what both last agreed on.

Invariant: what only one side changed goes to the other; what both changed, and what was never agreed on, is a
conflict, settled by the link's rule and never by a guess. A value of our own that one side does not show yet is
no change of that side, so nothing goes to and fro (R47).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from state.model import Blank, Conflict

Spelling = Callable[[str], str]
"""The platform's spelling of a value; raises ``ValueError`` for one it would refuse."""


class Course(Enum):
    """What becomes of one two-way field of one person."""

    AGREED = auto()
    """Both sides hold the same."""
    TO_PLATFORM = auto()
    TO_SOURCE = auto()
    ASKED = auto()
    """Both sides changed it, and a person has to decide."""
    RETURNED = auto()
    """It was handed to the source, which does not show it yet."""
    KEPT = auto()
    """The side that counts is empty, and the link keeps what the other has."""


@dataclass(slots=True, frozen=True)
class HandedBack:
    """A value that went to the source, and what stood there before."""

    before: str
    value: str


@dataclass(slots=True, frozen=True)
class UnderWay:
    """Writes of ours about one person that a side may not show yet. Texts by field; ``at`` in UTC, ISO 8601.

    ``sent``: what the platform may still show of the time before the agreed value arrives there. ``back``: what went to the source;
    ``taken``: the source confirmed it (else it only keeps it for a person). ``created``: when the person was handed
    to the source as a new one.
    """

    sent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    back: Mapping[str, HandedBack] = field(default_factory=dict)
    taken: bool = False
    at: str = ""
    created: str = ""

    def text(self) -> str | None:
        """As it is kept; None when nothing is under way."""
        told: dict[str, object] = {}
        if self.sent:
            told["sent"] = {name: list(values) for name, values in self.sent.items()}
        if self.back:
            told["back"] = {name: [one.before, one.value] for name, one in self.back.items()}
            told |= {"taken": self.taken, "at": self.at}
        if self.created:
            told["created"] = self.created
        return json.dumps(told, ensure_ascii=False, sort_keys=True) if told else None


NOTHING_UNDER_WAY = UnderWay()


def under_way(text: str | None) -> UnderWay:
    """What a kept text says."""
    if not text:
        return NOTHING_UNDER_WAY
    told = json.loads(text)
    back = {name: HandedBack(*pair) for name, pair in told.get("back", {}).items()}
    sent = {name: tuple(values) for name, values in told.get("sent", {}).items()}
    return UnderWay(sent, back, bool(told.get("taken")), told.get("at", ""), told.get("created", ""))


def same(one: str, other: str, stored: Spelling) -> bool:
    """Whether two values mean the same to the platform; an empty one is only the same as an empty one."""
    one, other = one.strip(), other.strip()
    if one == other:
        return True
    if not one or not other:
        return False
    first, second = _spelt(one, stored), _spelt(other, stored)
    return first in (second, other) or one == second


def _spelt(value: str, stored: Spelling) -> str:
    try:
        return stored(value)
    except ValueError:
        return value


@dataclass(slots=True, frozen=True)
class FieldHistory:
    """What is known of one field of one person. ``agreed`` None: never seen to agree.

    ``confirmed``: the source took what was handed back, and was read after that.
    """

    agreed: str | None = None
    sent: tuple[str, ...] = ()
    back: HandedBack | None = None
    taken: bool = False
    confirmed: bool = False


def course_of(
    ours: str, theirs: str, history: FieldHistory, *, stored: Spelling, rule: Conflict, blank: Blank
) -> Course:
    """Where a field goes: ``ours`` is the source's value, ``theirs`` the platform's."""
    course = _course(ours, theirs, history, stored, rule)
    if blank is not Blank.CLEAR and (
        (course is Course.TO_PLATFORM and not ours) or (course is Course.TO_SOURCE and not theirs)
    ):
        return Course.KEPT
    return course


def _course(ours: str, theirs: str, history: FieldHistory, stored: Spelling, rule: Conflict) -> Course:
    def alike(one: str, other: str | None) -> bool:
        return other is not None and same(one, other, stored)

    if same(ours, theirs, stored):
        return Course.AGREED
    agreed, back = history.agreed, history.back
    if back is not None:
        if history.confirmed or alike(ours, back.value):
            agreed = back.value
        elif alike(ours, back.before):
            return Course.RETURNED if alike(theirs, back.value) else Course.TO_SOURCE
    # Where neither side seems to have moved, what we sent does not show yet, and is sent again.
    if alike(theirs, agreed) or any(alike(theirs, before) for before in history.sent):
        return Course.TO_PLATFORM
    if alike(ours, agreed):
        return Course.TO_SOURCE
    return {
        Conflict.ASK: Course.ASKED,
        Conflict.SOURCE: Course.TO_PLATFORM,
        Conflict.PLATFORM: Course.TO_SOURCE,
    }[rule]
