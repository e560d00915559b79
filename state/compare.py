"""Compares mapped values the way the platform will read them, and builds what is sent.

A text that only looks different (cut at 255 bytes, another spelling of a number) is no change; a blank in the
source is kept, cleared or skipped as the link says (R32); a value the platform would refuse is found before the
first write (R31). Fields that go both ways are settled by ``state.three_way``, and none of them is sent to a side
that is not to have it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from state.classify import IN_SYNC, code
from state.contacts import DUE
from state.mapped_text import SEPARATOR, UNKNOWN, text_of, values_of
from state.model import Blank, Conflict, FieldMapping, RowClass
from state.three_way import Course, FieldHistory, UnderWay, course_of, same, under_way

Stored = Callable[[str], str]
"""The platform's spelling of a value; raises ``ValueError`` with a sentence when it would be refused."""


@dataclass(slots=True, frozen=True)
class FieldRules:
    """What is known of the mapped fields: their order, blank policies, required ones, and the platform's spelling.

    ``conflict`` says whose value counts where a two-way field was changed on both sides.
    """

    mappings: tuple[FieldMapping, ...]
    required: frozenset[str]
    stored: Mapping[str, Stored]
    conflict: Conflict = Conflict.ASK


@dataclass(slots=True, frozen=True)
class Differing:
    """One field that is not the same on both sides, and where it goes.

    ``ours`` is the source's value, ``theirs`` the platform's, ``agreed`` what both held last (None: not known).
    ``expected`` is what the source itself holds, which may be newer than the read that told ``ours``.
    """

    target: str
    column: str
    course: Course
    ours: str
    theirs: str
    agreed: str | None = None
    expected: str = ""


@dataclass(slots=True, frozen=True)
class Sides:
    """What one person's row makes of each side: fields that differ, by where they go."""

    differing: tuple[Differing, ...]

    def on(self, course: Course) -> tuple[Differing, ...]:
        """The fields of one course."""
        return tuple(one for one in self.differing if one.course is course)


@dataclass(slots=True, frozen=True)
class Observed:
    """What looking at a person's two sides teaches: the agreed values, and what of our own writes shows now."""

    address_key: str
    agreed: str
    under_way: str | None


class Comparison:
    """Decides rows whose texts differ, and says before and after. One object a plan.

    ``source_as_of`` is how old the source's values are (UTC, ISO 8601); empty when they are those of now.
    ``observed`` gathers, for links with two-way fields, what is to be remembered of the rows looked at.
    """

    def __init__(self, rules: FieldRules, *, sends_changes: bool, source_as_of: str = "") -> None:
        self._mappings = rules.mappings
        self._targets = tuple(mapping.target for mapping in rules.mappings)
        self._blank = tuple(mapping.blank for mapping in rules.mappings)
        self._required = tuple(mapping.target in rules.required for mapping in rules.mappings)
        self._stored = tuple(rules.stored.get(mapping.target, str) for mapping in rules.mappings)
        self._conflict = rules.conflict
        self._sends_changes = sends_changes
        self._source_as_of = source_as_of
        self.two_way = sends_changes and any(mapping.two_way for mapping in rules.mappings)
        self.observed: list[Observed] = []
        self._new = code(RowClass.NEW, "unknown-at-platform")
        self._move = code(RowClass.ADDRESS_CHANGED, "address-move")
        self._due = code(RowClass.CHANGED, "due")
        self._refused_new = code(RowClass.INVALID, "field-invalid")
        self._required_new = code(RowClass.INVALID, "field-required")
        self._refused_known = code(RowClass.EXISTING_IGNORED, "field-invalid")
        self._back = code(RowClass.CHANGED, "changed-at-platform")
        self._asked = code(RowClass.EXISTING_IGNORED, "field-conflict")
        self._returned = code(RowClass.EXISTING_IGNORED, "returned-to-source")

    def __call__(self, candidates: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, str, str, int]]:
        """The rows of ``candidates`` whose verdict changes, with the new one (see ``state.classify``)."""
        if self.two_way:
            yield from self._three_way(candidates)
            return
        for verdict, key, source_id, copy, ours, theirs, due in candidates:
            settled = self._settle(verdict, str(ours), None if theirs is None else str(theirs), due == DUE)  # type: ignore[arg-type]
            if settled != verdict:
                yield settled, key, source_id, copy  # type: ignore[misc]

    def _settle(self, verdict: int, ours: str, theirs: str | None, due: bool) -> int:
        values = ours.split(SEPARATOR) if self._targets else []
        if verdict in (self._new, self._move):
            return self._settle_unknown(verdict, values)
        if verdict == self._due:
            return self._refused_known if self._refused(values) else verdict
        if not self._differences(values, (theirs or "").split(SEPARATOR) if self._targets else []):
            return self._settle(self._due, ours, theirs, due) if due and self._sends_changes else IN_SYNC
        return self._refused_known if self._sends_changes and self._refused(values) else verdict

    def _settle_unknown(self, verdict: int, values: Sequence[str]) -> int:
        """A row the platform does not know under this address: what it would refuse is found now (R31)."""
        if verdict == self._move:
            return verdict
        if any(needed and not value for needed, value in zip(self._required, values, strict=True)):
            return self._required_new
        return self._refused_new if self._refused(values) else verdict

    def _three_way(self, candidates: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, str, str, int]]:
        for verdict, key, source_id, copy, ours, theirs, due, agreed, pending in candidates:
            values = values_of(str(ours), len(self._targets))
            if theirs is None or verdict in (self._new, self._move):
                settled = self._settle_unknown(verdict, values)  # type: ignore[arg-type]
            else:
                self.observe(str(key), str(ours), str(theirs), agreed, pending)  # type: ignore[arg-type]
                sides = self.sides(str(ours), str(theirs), agreed, pending)  # type: ignore[arg-type]
                settled = self._settle_sides(verdict, sides, values, due == DUE)  # type: ignore[arg-type]
            if settled != verdict:
                yield settled, key, source_id, copy  # type: ignore[misc]

    def _settle_sides(self, verdict: int, sides: Sides, values: Sequence[str], due: bool) -> int:
        if sides.on(Course.TO_SOURCE):
            return self._back
        if verdict == self._due or (due and not sides.differing):
            return self._refused_known if self._refused(values) else self._due
        going = {one.target for one in sides.on(Course.TO_PLATFORM)}
        if going:
            return self._refused_known if self._refused(values, going) else verdict
        if sides.on(Course.ASKED):
            return self._asked
        return self._returned if sides.on(Course.RETURNED) else IN_SYNC

    def _refused(self, values: Sequence[str], only: Collection[str] | None = None) -> str:
        for target, stored, value in zip(self._targets, self._stored, values, strict=True):
            if value and (only is None or target in only):
                try:
                    stored(value)
                except ValueError as error:
                    return f"{target}: {error}"
        return ""

    def _differences(self, ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = []
        for target, blank, stored, value, remote in zip(
            self._targets, self._blank, self._stored, ours, theirs, strict=True
        ):
            if value == remote:
                continue
            if not value:
                if blank is Blank.CLEAR:
                    found.append((target, remote, ""))
                elif blank is Blank.SKIP:
                    return []
                continue
            if not _means_the_same(value, remote, stored):
                found.append((target, remote, value))
        return found

    # --- both ways -------------------------------------------------------------------------------------

    def sides(self, ours: str, theirs: str, agreed: str | None = None, pending: str | None = None) -> Sides:
        """Where each differing field of a known person goes; texts as they stand in contacts, members and agreed."""
        count = len(self._targets)
        before, way = values_of(agreed, count), under_way(pending)
        found: list[Differing] = []
        skipped = False
        pairs = zip(
            self._mappings,
            self._stored,
            values_of(ours, count),
            values_of(theirs, count),
            before,
            strict=True,
        )
        for mapping, stored, value, remote, former in pairs:
            if value == remote:
                continue
            if not (self.two_way and mapping.two_way):
                course = _one_way(mapping.blank, value, remote, stored)
                history = FieldHistory()
            else:
                history = self._history(mapping.target, former, way)
                course = course_of(
                    value, remote, history, stored=stored, rule=self._conflict, blank=mapping.blank
                )
            skipped |= course is Course.KEPT and not value and mapping.blank is Blank.SKIP
            if course in (Course.AGREED, Course.KEPT):
                continue
            newer = history.taken and not history.confirmed and history.back is not None
            found.append(
                Differing(
                    mapping.target,
                    mapping.columns[0] if mapping.columns else "",
                    course,
                    value,
                    remote,
                    history.agreed,
                    history.back.value if newer and history.back is not None else value,
                )
            )
        if skipped:
            found = [one for one in found if one.course is not Course.TO_PLATFORM]
        return Sides(tuple(found))

    def _history(self, target: str, agreed: str, way: UnderWay) -> FieldHistory:
        read_since = not self._source_as_of or self._source_as_of > way.at
        return FieldHistory(
            agreed=None if agreed == UNKNOWN else agreed,
            sent=way.sent.get(target, ()),
            back=way.back.get(target),
            taken=way.taken,
            confirmed=way.taken and read_since,
        )

    def observe(self, key: str, ours: str, theirs: str, agreed: str | None, pending: str | None) -> None:
        """Note in ``observed`` what both sides of a person show, where that is news."""
        count, way = len(self._targets), under_way(pending)
        now: list[str] = []
        sent, back = dict(way.sent), dict(way.back)
        sides = zip(
            self._targets, self._stored, values_of(ours, count), values_of(theirs, count), strict=True
        )
        for (target, stored, value, remote), former in zip(sides, values_of(agreed, count), strict=True):
            history = self._history(target, former, way)
            if same(value, remote, stored):
                now.append(remote)
                sent.pop(target, None)
                back.pop(target, None)
                continue
            if history.back is not None and (history.confirmed or same(value, history.back.value, stored)):
                former = history.back.value
                del back[target]
            if former != UNKNOWN and target in sent and same(remote, former, stored):
                del sent[target]
            now.append(former)
        text, left = text_of(now), UnderWay(sent, back, way.taken and bool(back), way.at if back else "")
        if agreed is None or text != agreed or left.text() != pending:
            self.observed.append(Observed(key, text, left.text()))

    def write_back(self, sides: Sides) -> dict[str, object]:
        """What goes to the source: columns with their new values, what it is expected to hold, and the fields."""
        going = sides.on(Course.TO_SOURCE)
        return {
            "back": {one.column: one.theirs for one in going},
            "expected": {one.column: one.expected for one in going},
            "fields_back": {one.target: one.theirs for one in going},
            "fields_before": {one.target: one.ours for one in going},
        }

    # --- what is sent ----------------------------------------------------------------------------------

    def refusal(self, ours: str) -> str:
        """Which value the platform would refuse or misses, as a sentence; empty when none."""
        values = ours.split(SEPARATOR) if self._targets else []
        for target, needed, value in zip(self._targets, self._required, values, strict=True):
            if needed and not value:
                return f"{target} is required by the list and empty in the source"
        return self._refused(values)

    def addition(self, ours: str) -> dict[str, str]:
        """The fields of an addition: blanks are left out."""
        values = ours.split(SEPARATOR) if self._targets else []
        return {target: value for target, value in zip(self._targets, values, strict=True) if value}

    def change(
        self, ours: str, theirs: str, agreed: str | None = None, pending: str | None = None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """What a change sends, and what stands there before; only differing fields that go to the platform."""
        if not self._targets:
            return {}, {}
        if self.two_way:
            going = self.sides(ours, theirs, agreed, pending).on(Course.TO_PLATFORM)
            return {one.target: one.ours for one in going}, {one.target: one.theirs for one in going}
        found = self._differences(ours.split(SEPARATOR), theirs.split(SEPARATOR))
        return {name: after for name, _, after in found}, {name: before for name, before, _ in found}

    def still_differs(self, sent: Mapping[str, object], present: Mapping[str, str]) -> bool:
        """Whether a value that was sent is not what the platform shows now."""
        for target, stored in zip(self._targets, self._stored, strict=True):
            if target in sent and not same_at_platform(str(sent[target]), present.get(target, ""), stored):
                return True
        return False

    def everything(
        self, ours: str, theirs: str, agreed: str | None = None, pending: str | None = None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """All mapped fields of a record that is due, by the blank policy, and what stands there before.

        A two-way field that goes to the source, or waits for a person or for the source, is left out.
        """
        if not self._targets:
            return {}, {}
        elsewhere: set[str] = set()
        if self.two_way:
            differing = self.sides(ours, theirs, agreed, pending).differing
            elsewhere = {one.target for one in differing if one.course is not Course.TO_PLATFORM}
        after: dict[str, str] = {}
        before: dict[str, str] = {}
        for target, blank, value, remote in zip(
            self._targets, self._blank, ours.split(SEPARATOR), theirs.split(SEPARATOR), strict=True
        ):
            if (value or blank is Blank.CLEAR) and target not in elsewhere:
                after[target] = value
                before[target] = remote
        return after, before


def _means_the_same(value: str, remote: str, stored: Stored) -> bool:
    """Whether a value of the source is what the platform holds already, in its spelling."""
    try:
        return stored(value) == remote or (bool(remote) and stored(value) == stored(remote))
    except ValueError:
        return False


def same_at_platform(value: str, shown: str, stored: Stored) -> bool:
    """Whether the platform shows what was sent, if in its own spelling."""
    if value == shown:
        return True
    try:
        return bool(value and shown) and stored(value) == stored(shown)
    except ValueError:
        return False


def _one_way(blank: Blank, value: str, remote: str, stored: Stored) -> Course:
    if not value:
        return Course.TO_PLATFORM if blank is Blank.CLEAR else Course.KEPT
    return Course.AGREED if _means_the_same(value, remote, stored) else Course.TO_PLATFORM


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
"""Made once: ``json.dumps`` with arguments makes an encoder a call."""


def compact(value: object) -> str:
    """JSON as it is kept in plan rows: no blanks, keys in order, letters as they are."""
    return _ENCODE(value)
