"""Options of the benchmarks, and the table they end with.

Nothing here fails for being slow: a benchmark asserts that the work was right and prints what it took. Only ratios
within one run mean anything, so what is compared is measured in turns in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.benchmarks.crowd import Crowd, base_state


@dataclass(slots=True, frozen=True)
class Line:
    """One line of the table."""

    what: str
    figure: str
    goal: str
    anchor: str


Report = Callable[..., None]

_LINES = pytest.StashKey[list[Line]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("listwarden benchmarks")
    group.addoption("--contacts", type=int, default=1_000_000, help="contacts of the large benchmarks")
    group.addoption(
        "--journal", type=int, default=10_000_000, help="rows of the journal that explain looks into"
    )
    group.addoption("--sent", type=int, default=100_000, help="contacts exported at 200 ms latency")
    group.addoption(
        "--sent-at-once", type=int, default=150_000, help="contacts of the export whose memory is taken"
    )
    group.addoption("--rounds", type=int, default=3, help="how often each figure is taken; the median counts")
    group.addoption(
        "--anchors",
        default="",
        help="a Python with csv-diff, datacompy or duckdb, which then run beside ours",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "benchmarks" in item.path.parts:
            item.add_marker(pytest.mark.bench)


@pytest.fixture(scope="session")
def contacts(request: pytest.FixtureRequest) -> int:
    """How large the large ones are."""
    return int(request.config.getoption("--contacts"))


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a figure is taken."""
    return int(request.config.getoption("--rounds"))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Prints a figure at once, and again in the table at the end."""
    lines = request.config.stash.setdefault(_LINES, [])

    def tell(what: str, figure: str, *, goal: str = "", anchor: str = "") -> None:
        lines.append(Line(what, figure, goal, anchor))
        print(
            f"\n{what}: {figure}" + (f"  (goal {goal})" if goal else "") + (f"  [{anchor}]" if anchor else "")
        )

    return tell


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory, contacts: int) -> Crowd:
    """A source of that many contacts, and a state that knows as many members and no contact."""
    return made_crowd(tmp_path_factory.mktemp("crowd"), contacts)


def made_crowd(folder: Path, contacts: int) -> Crowd:
    """The same in any size."""
    crowd = Crowd(folder, contacts)
    crowd.write_source()
    base_state(crowd)
    return crowd


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(_LINES, [])
    if not lines:
        return
    terminalreporter.section("what costs what")
    wide = max(len(line.what) for line in lines)
    figures = max(len(line.figure) for line in lines)
    goals = max(len(line.goal) for line in lines)
    for line in lines:
        text = f"{line.what:<{wide}}  {line.figure:<{figures}}  {line.goal:<{goals}}  {line.anchor}"
        terminalreporter.write_line(text.rstrip())
