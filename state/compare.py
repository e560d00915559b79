"""Compares mapped values the way the platform will read them, and builds what is sent.

A text that only looks different (cut at 255 bytes, another spelling of a number) is no change; a blank in the
source is kept, cleared or skipped as the link says (R32); a value the platform would refuse is found before the
first write (R31).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from state.classify import IN_SYNC, code
from state.contacts import SEPARATOR
from state.model import Blank, FieldMapping, RowClass

Stored = Callable[[str], str]
"""The platform's spelling of a value; raises ``ValueError`` with a sentence when it would be refused."""


@dataclass(slots=True, frozen=True)
class FieldRules:
    """What is known of the mapped fields: their order, blank policies, required ones, and the platform's spelling."""

    mappings: tuple[FieldMapping, ...]
    required: frozenset[str]
    stored: Mapping[str, Stored]


class Comparison:
    """Decides rows whose texts differ, and says before and after. One object a plan."""

    def __init__(self, rules: FieldRules, *, sends_changes: bool) -> None:
        self._targets = tuple(mapping.target for mapping in rules.mappings)
        self._blank = tuple(mapping.blank for mapping in rules.mappings)
        self._required = tuple(mapping.target in rules.required for mapping in rules.mappings)
        self._stored = tuple(rules.stored.get(mapping.target, str) for mapping in rules.mappings)
        self._sends_changes = sends_changes
        self._new = code(RowClass.NEW, "unknown-at-platform")
        self._due = code(RowClass.CHANGED, "due")
        self._move = code(RowClass.ADDRESS_CHANGED, "address-move")
        self._refused_new = code(RowClass.INVALID, "field-invalid")
        self._required_new = code(RowClass.INVALID, "field-required")
        self._refused_known = code(RowClass.EXISTING_IGNORED, "field-invalid")

    def __call__(self, candidates: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, str, str, int]]:
        """The rows of ``candidates`` whose verdict changes, with the new one (see ``state.classify``)."""
        for verdict, key, source_id, copy, ours, theirs in candidates:
            settled = self._settle(verdict, str(ours), None if theirs is None else str(theirs))  # type: ignore[arg-type]
            if settled != verdict:
                yield settled, key, source_id, copy  # type: ignore[misc]

    def _settle(self, verdict: int, ours: str, theirs: str | None) -> int:
        values = ours.split(SEPARATOR) if self._targets else []
        if verdict in (self._new, self._move):
            if verdict == self._new and any(
                needed and not value for needed, value in zip(self._required, values, strict=True)
            ):
                return self._required_new
            return self._refused_new if self._refused(values) and verdict == self._new else verdict
        if verdict == self._due:
            return self._refused_known if self._refused(values) else verdict
        if not self._differences(values, (theirs or "").split(SEPARATOR) if self._targets else []):
            return IN_SYNC
        return self._refused_known if self._sends_changes and self._refused(values) else verdict

    def _refused(self, values: Sequence[str]) -> str:
        for target, stored, value in zip(self._targets, self._stored, values, strict=True):
            if value:
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
            try:
                same = stored(value) == remote or (bool(remote) and stored(value) == stored(remote))
            except ValueError:
                same = False
            if not same:
                found.append((target, remote, value))
        return found

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

    def change(self, ours: str, theirs: str) -> tuple[dict[str, str], dict[str, str]]:
        """What a change sends, and what stands there before; only differing fields."""
        if not self._targets:
            return {}, {}
        found = self._differences(ours.split(SEPARATOR), theirs.split(SEPARATOR))
        return {name: after for name, _, after in found}, {name: before for name, before, _ in found}

    def still_differs(self, sent: Mapping[str, object], present: Mapping[str, str]) -> bool:
        """Whether a value that was sent is not what the platform shows now."""
        for target, stored in zip(self._targets, self._stored, strict=True):
            if target not in sent:
                continue
            value, shown = str(sent[target]), present.get(target, "")
            if value == shown:
                continue
            try:
                if value and shown and stored(value) == stored(shown):
                    continue
            except ValueError:
                pass
            return True
        return False

    def everything(self, ours: str, theirs: str) -> tuple[dict[str, str], dict[str, str]]:
        """All mapped fields of a record that is due, by the blank policy, and what stands there before."""
        if not self._targets:
            return {}, {}
        after: dict[str, str] = {}
        before: dict[str, str] = {}
        for target, blank, value, remote in zip(
            self._targets, self._blank, ours.split(SEPARATOR), theirs.split(SEPARATOR), strict=True
        ):
            if value or blank is Blank.CLEAR:
                after[target] = value
                before[target] = remote
        return after, before


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
"""Made once: ``json.dumps`` with arguments makes an encoder a call."""


def compact(value: object) -> str:
    """JSON as it is kept in plan rows: no blanks, keys in order, letters as they are."""
    return _ENCODE(value)
