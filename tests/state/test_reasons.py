"""The register of reasons is complete: every code the source uses has an entry with help and next step (F16, R22)."""

import ast
import re
from pathlib import Path

import pytest

from state.classify import VERDICTS
from state.reasons import REASONS, reason

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")
CALLS = {
    *(
        "AdapterError",
        "CredentialsRefused",
        "RightsMissing",
        "AccountLimit",
        "NotThere",
        "Throttled",
        "Unreachable",
    ),
    *("Unanswered", "IncompleteRead", "WriteRefused", "Refused", "Unrecognised", "SourceUnreadable"),
    *("SourceIncomplete", "StateError", "GuardRefused", "Finding", "Guard"),
}
LATER = {"JobEnd": 1, "Verdict": 1, "RowResult": 2, "Answer": 2}
"""Calls whose code is not the first argument, and which it is."""


def _constants(value: ast.expr | None) -> list[ast.Constant]:
    """The texts an expression is, or may be by a condition."""
    if isinstance(value, ast.IfExp):
        return _constants(value.body) + _constants(value.orelse)
    return [value] if isinstance(value, ast.Constant) and isinstance(value.value, str) else []


def _codes_in(node: ast.AST) -> list[ast.Constant]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        place = 0 if name in CALLS else LATER.get(name, len(node.args))
        return _constants(node.args[place]) if place < len(node.args) else []
    if isinstance(node, ast.keyword) and node.arg == "reason":
        return [one for one in _constants(node.value) if CODE.fullmatch(str(one.value))]
    if isinstance(node, ast.Assign) and [getattr(one, "id", "") for one in node.targets] == ["reason"]:
        return _constants(node.value)
    return []


def _codes() -> list[tuple[str, str]]:
    found = []
    for folder in ("console", "adapters", "state"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "sandbox" in path.parts:
                continue  # it plays the vendors, who know no codes of ours
            where = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text())):
                for constant in _codes_in(node):
                    found.append((str(constant.value), f"{where}:{constant.lineno}"))
    return found


def test_R22_every_code_in_the_source_is_registered() -> None:
    codes = _codes()
    assert len(codes) > 50, "the search finds the codes"
    missing = [f"{code} ({where})" for code, where in codes if code not in REASONS and code]
    assert missing == []


def test_R22_every_verdict_of_the_classifier_is_registered() -> None:
    assert [verdict.reason for verdict in VERDICTS if verdict.reason not in REASONS] == []


@pytest.mark.parametrize("entry", REASONS.values(), ids=list(REASONS))
def test_every_entry_says_what_it_is_and_what_next(entry: object) -> None:
    code, title, help_, next_ = (getattr(entry, name) for name in ("code", "title", "help", "next"))
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    assert 0 < len(title) <= 34, "fits a table cell"
    assert help_.endswith((".", "…"))
    assert next_


def test_R23_a_code_nobody_registered_is_shown_as_it_is() -> None:
    assert reason("never-seen-before").title == "never-seen-before"
    assert reason("never-seen-before").next == REASONS["unknown"].next
