"""The table of guards cannot rot: each guard is still where the table says, each test is there, none is missing."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.guards.table import GUARDS, Guard

ROOT = Path(__file__).parents[2]
HELD = (
    *(
        "R01",
        "R02",
        "R03",
        "R04",
        "R05",
        "R06",
        "R09",
        "R10",
        "R12",
        "R13",
        "R14",
        "R15",
        "R16",
        "R17",
        "R18",
    ),
    *(
        "R20",
        "R21",
        "R22",
        "R23",
        "R24",
        "R25",
        "R26",
        "R28",
        "R30",
        "R31",
        "R32",
        "R34",
        "R35",
        "R36",
        "R37",
    ),
    *("R11", "R33", "R47"),
    *("R07", "R08", "R19", "R27", "R29", "R44"),
    *("oro-01", "oro-03", "oro-04", "oro-06", "oro-07", "oro-08", "oro-09", "oro-10", "oro-11", "oro-12"),
    *("oro-13", "oro-14", "oro-15"),
    *("R38", "R39", "R40", "R41", "R42", "R43", "R45", "R46", "R50"),
    *("I01", "I02", "I03", "I04", "I05", "I07", "I10", "I11", "I13", "I15", "I16", "I18", "I19", "I22"),
)
"""Requirements and invariants each of which has a guard in the table at least."""


@cache
def _functions(path: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds)}


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_a_guard_stands_where_the_table_says(guard: Guard) -> None:
    source = (ROOT / guard.file).read_text("utf-8")
    assert source.count(guard.text) == 1
    assert guard.without != guard.text
    ast.parse(source.replace(guard.text, guard.without))


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_the_tests_of_a_guard_are_there(guard: Guard) -> None:
    assert guard.tests
    for test in guard.tests:
        file, colons, name = test.partition("::")
        assert colons, f"{test} names no single test"
        assert name.partition("[")[0] in _functions(ROOT / file)


def test_names_are_told_apart() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


@pytest.mark.parametrize("requirement", HELD)
def test_a_requirement_has_a_guard(requirement: str) -> None:
    assert [guard.name for guard in GUARDS if guard.name.startswith(f"{requirement}-")]
