"""The first preview of a million contacts against a million members, and how its cost grows."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.conftest import Report, made_crowd
from tests.benchmarks.crowd import Crowd

ROOT = Path(__file__).resolve().parents[2]

PUBLISHED = "not installed; published: csv-diff 10 ×, datacompy 3.3 ×, DuckDB 0.5 × (which keep nothing)"


@dataclass(slots=True, frozen=True)
class Planned:
    """Medians of one size. Seconds by the processor, and by the clock."""

    contacts: int
    limit: float
    preview: float
    limit_clock: float
    preview_clock: float
    peak: float

    @property
    def ratio(self) -> float:
        return self.preview / self.limit


def planned(crowd: Crowd, rounds: int) -> Planned:
    """Measure one size in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.planning"]
    ran = subprocess.run(
        [*command, str(crowd.folder), str(crowd.contacts), str(rounds)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(ran.stdout)
    counts = told["counts"]
    assert sum(counts.values()) == crowd.contacts + counts["foreign"]
    assert counts["new"] == counts["foreign"] == crowd.shift
    assert counts["changed"] > 0
    (limit_clock, limit), (clock, processor) = (
        tuple(median(column) for column in zip(*told[name], strict=True)) for name in ("limits", "previews")
    )
    return Planned(crowd.contacts, limit, processor, limit_clock, clock, told["peak"])


def test_first_preview(
    crowd: Crowd,
    rounds: int,
    report: Report,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    found = planned(crowd, rounds)
    million = 1e6 / found.contacts
    report(
        f"first preview, {found.contacts:,} contacts",
        f"{found.ratio:.2f} × LIMIT ({found.preview * million:.1f} against {found.limit * million:.1f} µs a contact;"
        f" by the clock {found.preview_clock / found.limit_clock:.2f} ×)",
        goal="≤ 2.0 × LIMIT",
        anchor=anchor_of_planning(str(request.config.getoption("--anchors")), crowd),
    )
    report("  peak memory", f"{found.peak:.0f} MB", goal="≤ 300 MB", anchor="pandas 1,300 MB up")
    sizes = [found]
    for part in (10, 100):
        smaller = made_crowd(tmp_path_factory.mktemp("smaller"), crowd.contacts // part)
        sizes.append(planned(smaller, max(rounds, 5)))
    smallest = sizes[-1]
    each = " → ".join(f"{size.preview / size.contacts * 1e6:.1f}" for size in reversed(sizes))
    growth = (found.preview / found.contacts) / (smallest.preview / smallest.contacts)
    report(
        f"  growth {smallest.contacts:,} → {found.contacts:,}",
        f"{growth:.2f} × a contact ({each} µs)",
        goal="≤ 1.3 ×",
    )


def anchor_of_planning(python: str, crowd: Crowd) -> str:
    """The peers' ratios on a tenth of the file (they want gigabytes for all of it), each to LIMIT in its process."""
    if not python:
        return PUBLISHED
    command = [
        python,
        str(Path(__file__).with_name("peers.py")),
        str(crowd.source),
        str(crowd.contacts // 10),
    ]
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float | None] = json.loads(ran.stdout)
    return ", ".join(
        f"{name} {ratio:.1f} ×" if ratio is not None else f"{name} not installed"
        for name, ratio in told.items()
    )


def test_first_listing(crowd: Crowd, report: Report) -> None:
    staged, merged = json.loads((crowd.folder / "listing.json").read_text(encoding="utf-8"))
    million = 1e6 / crowd.contacts
    report(
        f"first listing, {crowd.contacts:,} members",
        f"{(staged + merged) * million:.1f} µs a member (staged {staged * million:.1f}, merged {merged * million:.1f})",
    )
