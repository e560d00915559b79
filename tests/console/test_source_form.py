"""How a source was read is told, and a guess is told aloud."""

from __future__ import annotations

from typing import cast

import pytest

from console.jobs.run import Run
from console.jobs.source_reading import tell_form
from state.model import Level


class _Told:
    def __init__(self) -> None:
        self.lines: list[tuple[Level, str]] = []

    def log(self, level: Level, text: str) -> None:
        self.lines.append((level, text))


@pytest.mark.parametrize(("found_by", "level"), [("content", Level.INFO), ("guess", Level.WARNING)])
def test_the_form_of_a_source_is_told(found_by: str, level: Level) -> None:
    told = _Told()
    details = {"encoding": "cp1250", "encoding found by": found_by, "delimiter": ";"}
    tell_form(cast(Run, told), "members", details)
    ((said, text),) = told.lines
    assert said is level
    assert "members" in text
    assert "cp1250" in text
    assert found_by in text
    tell_form(cast(Run, told), "members", {})
    assert len(told.lines) == 1
