"""One process that plans, so that its memory is its own: ``python -m tests.benchmarks.planning FOLDER CONTACTS ROUNDS``.

Prints one JSON document: seconds of LIMIT and of the first preview in each round, by the clock and by the processor,
the counts of the plan and the most memory the process ever had. LIMIT and preview take turns.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from time import perf_counter, process_time

from state.store import open_state
from tests.benchmarks.crowd import Crowd, first_preview, limit


def peak_megabytes() -> float:
    """The process's largest resident set. (``ru_maxrss`` would count the parent's at the time of the fork.)"""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("the system does not tell the peak of a process's memory")


def main() -> None:
    """Measure, and print."""
    folder, contacts, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    crowd = Crowd(folder, contacts)
    limits, previews = [], []
    counts: dict[str, int] = {}
    for _ in range(rounds):
        clock, processor = perf_counter(), process_time()
        assert limit(crowd) == contacts
        limits.append((perf_counter() - clock, process_time() - processor))
        work = folder / "work.db"
        shutil.copy(crowd.base, work)
        with open_state(work) as state:
            clock, processor = perf_counter(), process_time()
            plan = first_preview(state, crowd)
            previews.append((perf_counter() - clock, process_time() - processor))
        counts = plan.counts
        for file in folder.glob("work.db*"):
            file.unlink()
    told = {"limits": limits, "previews": previews, "counts": counts, "peak": peak_megabytes()}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
