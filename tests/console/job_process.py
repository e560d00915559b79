"""A job in a process of its own, with the work of the tests: takes the words of ``listwarden job run ID``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from console.jobs import runner
from tests.console.job_work import WORK


def main(words: list[str]) -> int:
    """Run the job that the words name and return its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("job")
    parser.add_argument("run")
    parser.add_argument("job_id")
    given = parser.parse_args(words)
    # Tests need not wait as long as a person would.
    runner.GIVE_UP_SECONDS = float(os.environ.get("TEST_GIVE_UP_SECONDS", runner.GIVE_UP_SECONDS))
    runner.HARD_EXIT_SECONDS = float(os.environ.get("TEST_HARD_EXIT_SECONDS", runner.HARD_EXIT_SECONDS))
    return runner.run_job(given.job_id, config=given.config, state_path=given.state, work=WORK)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
